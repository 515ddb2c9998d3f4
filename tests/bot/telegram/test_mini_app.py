"""What a Mini App is opened with is believed only as Telegram signed it, for us, and of late."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.telegram.mini_app import LONGEST, opened_by
from sandbox.telegram import BotConfig, User
from sandbox.telegram.mini_app import MiniApps

TOKEN = "424242:AAmini-app-of-a-test-bot-0123456789"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
APPS = MiniApps(BotConfig(TOKEN, "northwind_pay_bot", "Countersign"))
names = st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable())
users = st.builds(
    User,
    id=st.integers(1, 2**52),
    first_name=names,
    last_name=st.just("") | names,
    username=st.just("") | st.from_regex(r"[a-z][a-z0-9_]{4,20}", fullmatch=True),
    language_code=st.sampled_from(["en", "zh-hans", "de"]),
)
BEA = User(1002, "Bea", "Lindqvist", "bea_nw")


def signed(user: User = BEA, at: datetime = NOW) -> str:
    return APPS.init_data(user, at)


def fields(data: str) -> list[tuple[str, str]]:
    return parse_qsl(data, keep_blank_values=True, strict_parsing=True)


@settings(deadline=None)
@given(users, st.integers(-60, 899))
def test_what_telegram_signed_is_believed(user: User, age: int) -> None:
    data = signed(user, NOW - timedelta(seconds=age))
    assert opened_by(data, TOKEN, now=NOW) == user.id


@pytest.mark.parametrize("age", [-3600, -61, 900, 901, 86_400, 10**9])
def test_what_was_signed_long_ago_or_is_yet_to_come_is_not(age: int) -> None:
    data = signed(at=NOW - timedelta(seconds=age))
    assert opened_by(data, TOKEN, now=NOW) is None


@settings(deadline=None)
@given(users, st.data())
def test_any_change_is_noticed(user: User, data: st.DataObject) -> None:
    pairs = fields(signed(user))
    place = data.draw(st.integers(0, len(pairs) - 1))
    name, value = pairs[place]
    other = data.draw(st.text(max_size=40).filter(lambda text: text != value))
    changed = [*pairs[:place], (name, other), *pairs[place + 1 :]]
    left_out = pairs[:place] + pairs[place + 1 :]
    renamed = [*pairs[:place], (f"{name}x", value), *pairs[place + 1 :]]
    for each in (changed, left_out, renamed, [*pairs, ("more", other)]):
        assert opened_by(urlencode(each), TOKEN, now=NOW) is None


@settings(deadline=None)
@given(st.sampled_from([name for name, _ in fields(signed())]), st.booleans(), st.booleans())
def test_a_field_that_is_there_twice_is_refused(name: str, is_same: bool, is_first: bool) -> None:
    pairs = fields(signed())
    again = (name, dict(pairs)[name] if is_same else "1")
    both = [again, *pairs] if is_first else [*pairs, again]
    assert opened_by(urlencode(both), TOKEN, now=NOW) is None


@pytest.mark.parametrize(
    "token", ["424242:AAmini-app-of-a-test-bot-0123456780", "424243:" + TOKEN[7:], "", "x"]
)
def test_another_bots_signature_is_none(token: str) -> None:
    assert opened_by(signed(), token, now=NOW) is None
    theirs = MiniApps(BotConfig(f"1:{token}", "b", "B")).init_data(BEA, NOW)
    assert opened_by(theirs, TOKEN, now=NOW) is None


@settings(deadline=None)
@given(st.text(max_size=200) | st.text("&=%hashuser0123", max_size=60))
def test_what_is_no_such_data_is_refused(data: str) -> None:
    assert opened_by(data, TOKEN, now=NOW) is None


def test_what_is_too_much_is_refused() -> None:
    long = urlencode([*fields(signed()), ("x", "y" * LONGEST)])
    assert opened_by(long, TOKEN, now=NOW) is None
    many = urlencode([*fields(signed()), *((f"f{number}", "1") for number in range(40))])
    assert opened_by(many, TOKEN, now=NOW) is None


@pytest.mark.parametrize("user", ["", "5", "null", "[]", "{}", '{"id": "5"}', '{"id": 1.5}', "{"])
def test_a_signature_over_nobody_names_nobody(user: str) -> None:
    data = [("auth_date", str(int(NOW.timestamp()))), ("user", user)]
    lines = "\n".join(f"{name}={value}" for name, value in sorted(data))
    assert opened_by(urlencode([*data, ("hash", _hash(lines))]), TOKEN, now=NOW) is None
    right = [data[0], ("user", '{"id": 5}')]
    lines = "\n".join(f"{name}={value}" for name, value in sorted(right))
    assert opened_by(urlencode([*right, ("hash", _hash(lines))]), TOKEN, now=NOW) == 5


def _hash(lines: str) -> str:
    """Sign as Telegram's documentation has it, written out once more."""
    key = hmac.digest(b"WebAppData", TOKEN.encode(), hashlib.sha256)
    return hmac.digest(key, lines.encode(), hashlib.sha256).hex()
