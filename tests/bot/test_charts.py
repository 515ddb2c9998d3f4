"""The digest's picture: real pixels, the same every time, and nothing in it that is not known."""

from __future__ import annotations

import asyncio
import io
import struct
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread
from numpy.typing import NDArray

from bot import drawing
from bot.charts import digest_chart
from bot.digest_picture import MOST_ACCOUNTS
from bot.messages import Messages
from bot.told import LONGEST_ALT_TEXT, Told, alt_text
from bot.wording import Reader, reader_for
from connectors.base import Account
from connectors.money import MAX_MINOR, Money
from tests.workflows.company import company
from tests.workflows.ledger import CNY, EUR, world
from workflows import digest as digests
from workflows import history as histories
from workflows.balances import Reading
from workflows.company import OwnAccount
from workflows.digest import AccountDigest, Digest, Tally
from workflows.history import AccountHistory, Day, Figures, History
from workflows.policy import Rates
from workflows.reconciliation import AMOUNT_DIFFERS, NO_REFERENCE, Break
from workflows.statements import Step, Trouble

MESSAGES = Messages.load(is_strict=True)
NOW = datetime(2026, 11, 18, 7, 5, tzinfo=UTC)
TODAY = date(2026, 11, 18)
DAYS = tuple(TODAY - timedelta(days=back) for back in range(13, -1, -1))
RATES = Rates("EUR", {"USD": Decimal("0.92"), "CNY": Decimal("0.128"), "KWD": Decimal(3)})
HELD, OUT, GAP = (15, 118, 110), (194, 65, 12), (233, 237, 242)

needs_chinese = pytest.mark.skipif(
    not drawing.can_draw("资金头寸"),
    reason="draws Chinese (Debian: fonts-wqy-microhei)",
)


@dataclass(frozen=True)
class Given:
    """An account as a test wants it: its balances, ending today; None is a gap."""

    name: str = "Operating"
    currency: str = "EUR"
    balances: Sequence[int | None] = tuple(range(100_000, 800_000, 50_000))
    is_known: bool = True
    is_in_trouble: bool = False


@dataclass(frozen=True)
class Facts:
    """What a picture is drawn from."""

    reader: Reader
    digest: Digest
    history: History

    def png(self) -> bytes:
        return digest_chart(self.reader, self.digest, self.history)

    def pixels(self) -> NDArray[np.uint8]:
        return pixels_of(self.png())

    def area(self, colour: tuple[int, int, int]) -> int:
        """How many pixels under the top edge have exactly this colour."""
        return int((self.pixels()[40:] == colour).all(axis=2).sum())


def facts(
    *accounts: Given, language: str = "en", breaks: tuple[str, ...] = (), rates: Rates = RATES
) -> Facts:
    owned, told, known = {}, [], []
    for number, each in enumerate(accounts):
        account_id = f"account-{number}"
        account = Account(account_id, "DE02120300000000202051", each.currency, "N", "Europe/Berlin")
        owned[account_id] = OwnAccount(account, each.name, "bank", frozenset())
        told.append(_digest_of(account_id, each))
        known.append(_history_of(account_id, each, rates))
    there = replace(company(), accounts=owned, rates=rates, language=language)
    in_base = [rates.to_base(each.reading.booked) for each in told if each.reading.booked]
    total = sum(each.minor for each in in_base if each)
    broken = tuple(
        Break(reason, "account-0", Money(-5, "EUR"), TODAY, "k", None, "ACME") for reason in breaks
    )
    return Facts(
        reader_for(MESSAGES, there, None),
        Digest(
            at=NOW,
            base_currency="EUR",
            accounts=tuple(told),
            total=Money(total, "EUR") if any(in_base) and abs(total) <= MAX_MINOR else None,
            without_rate=tuple(
                each.account_id
                for each in told
                if each.reading.booked and rates.to_base(each.reading.booked) is None
            ),
            without_balance=tuple(each.account_id for each in told if not each.reading.booked),
            waiting=0,
            waiting_since=None,
            undecided=(),
            breaks=broken[:5],
            break_count=len(broken),
            audit_seq=42,
            audit_hash="ab" * 32,
            audit_root="cd" * 32,
        ),
        History(DAYS, tuple(known), histories._total("EUR", known, DAYS)),
    )


def _digest_of(account_id: str, given_: Given) -> AccountDigest:
    moved = [each or 0 for each in given_.balances[-3:]]
    change = moved[-1] - moved[0] if given_.is_known else 0
    incoming, outgoing = max(change, 0), max(-change, 0)

    def tally(minor: int) -> Tally:
        return Tally(2 if minor else 0, Money(minor, given_.currency))

    latest = next((each for each in reversed(given_.balances) if each is not None), 0)
    reading = Reading(account_id, given_.currency)
    if given_.is_known:
        reading = replace(reading, booked=Money(latest, given_.currency), booked_at=NOW)
    return AccountDigest(
        account_id=account_id,
        name=given_.name,
        currency=given_.currency,
        reading=reading,
        collected_at=NOW if given_.is_known else None,
        period_from=TODAY - timedelta(days=1),
        period_to=TODAY,
        incoming=tally(incoming),
        outgoing=tally(outgoing),
        matched=tally(outgoing),
        unmatched=tally(0),
        trouble=Trouble(Step.COLLECT, "http.connect", {}, NOW) if given_.is_in_trouble else None,
        quarantined=0,
    )


def _history_of(account_id: str, given_: Given, rates: Rates) -> AccountHistory:
    days, last = [], 0
    for day, minor in zip(DAYS, given_.balances, strict=True):
        figures = None
        if minor is not None and given_.is_known:
            moved = (max(minor - last, 0), max(last - minor, 0))
            figures = Figures(*(Money(each, given_.currency) for each in (minor, *moved)))
            last = minor
        in_base = histories._in_base(rates, figures) if figures else None
        days.append(Day(day, figures, in_base, day < TODAY))
    return AccountHistory(account_id, given_.currency, tuple(days))


def pixels_of(png: bytes) -> NDArray[np.uint8]:
    return (imread(io.BytesIO(png), format="png")[:, :, :3] * 255).round().astype(np.uint8)


UNKNOWN = Given("Newly opened", is_known=False)
CASES = {
    "nobody": facts(),
    "no data": facts(UNKNOWN, replace(UNKNOWN, name="Another")),
    "one": facts(Given()),
    "three": facts(
        Given(),
        Given("US collections", "USD", [5] * 14),
        Given("上海基本户", "CNY", [None] * 4 + [10**7] * 10, is_in_trouble=True),
        breaks=(NO_REFERENCE,),
    ),
    "eight": facts(*(Given(f"Account {n}") for n in range(8)), breaks=(AMOUNT_DIFFERS,) * 9),
    "twenty": facts(*(Given(f"Account {n}") for n in range(20))),
    "no rate": facts(Given("London", "GBP"), Given()),
    "overdrawn": facts(
        Given(balances=[-5 * n for n in range(14)]), Given("Both ways", "USD", [-9, 9] * 7)
    ),
    "gaps": facts(Given(balances=[None, 5, None, None, 7, 8, 9, None, 3, 3, 3, 3, None, None])),
    "nothing moves": facts(Given(balances=[0] * 14)),
    "huge": facts(
        Given("Central treasury", balances=[MAX_MINOR - n for n in range(14)]),
        Given("Sovereign fund", "KWD", [MAX_MINOR // 9 - n * 10**15 for n in range(14)]),
        Given("All there is", "KWD", [-MAX_MINOR] * 14),
    ),
    "odd names": facts(
        Given("$\\frac{1}{$ <b>&amp;</b> 😀"),
        Given("名" * 80),
        Given("שלום \u202e ก"),
        Given("W" * 99),
    ),
}


# ---- the picture -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", MESSAGES.languages)
@pytest.mark.parametrize("case", CASES)
def test_it_is_a_picture_that_stays_within_its_margins(case: str, language: str) -> None:
    given_ = CASES[case]
    png = replace(given_, reader=replace(given_.reader, language=language)).png()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert width == drawing.WIDTH * drawing.SCALE
    assert 400 < height < 2.8 * width
    assert len(png) < 1_000_000
    pixels = pixels_of(png)
    assert pixels.shape == (height, width, 3)
    body = pixels[40:]
    is_ink = (body != 255).any(axis=2)
    assert 0.004 < is_ink.mean() < 0.5
    assert not is_ink[:, :70].any()
    assert not is_ink[:, -70:].any()
    assert not is_ink[-30:].any()


@pytest.mark.parametrize("language", MESSAGES.languages)
def test_the_same_facts_give_the_same_bytes(language: str) -> None:
    others = [facts(Given(f"王{n} Київ"), language=language) for n in range(3)]
    with ThreadPoolExecutor(3) as pool:
        drawn = list(pool.map(Facts.png, others))
    assert [each.png() for each in others] == drawn
    assert len(set(drawn)) == len(others)


def test_it_is_the_same_in_another_process() -> None:
    source = (
        "import sys; from tests.bot.test_charts import *;"
        "sys.stdout.buffer.write(CASES['three'].png())"
    )
    other = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert other.stdout == CASES["three"].png()


def test_only_who_wants_a_picture_waits_for_the_library() -> None:
    source = "import sys, bot.charts; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == b"False"


async def test_from_real_statements_off_the_event_loop() -> None:
    async with world() as w:
        w.bank.opened_with = {"eur": 500_000, "cny": 80_000}
        w.bank.book(EUR, -300, w.clock.today() - timedelta(days=1))
        w.bank.book(CNY, 900, w.clock.today() - timedelta(days=5))
        await w.collector.collect("eur")
        await w.collector.collect("cny")
        digest = await w.database.read(
            lambda c: digests.compose(c, w.company, now=w.clock(), for_accounts=["eur", "cny"])
        )
        history = await w.database.read(
            lambda c: histories.recent(c, w.company, now=w.clock(), for_accounts=["eur", "cny"])
        )
        reader = reader_for(MESSAGES, w.company, None)
        png = await asyncio.to_thread(digest_chart, reader, digest, history)
        assert png == digest_chart(reader, digest, history)
        assert "EUR €4,997.00, CNY CN¥809.00" in alt_text(reader, digest)
        assert "Left out of the cash position: CNY" in alt_text(reader, digest)


# ---- honesty -----------------------------------------------------------------------------------


def test_days_that_are_not_known_are_gaps_and_no_others_are() -> None:
    assert CASES["gaps"].area(GAP) > 100_000
    assert CASES["one"].area(GAP) == 0
    assert CASES["nothing moves"].area(GAP) == 0


def test_a_gap_is_not_filled_from_its_neighbours() -> None:
    flat = facts(Given(balances=[90_000] * 14)).area(HELD)
    gap = facts(Given(balances=[90_000] * 6 + [None] * 2 + [90_000] * 6)).area(HELD)
    assert flat * 0.82 < gap < flat * 0.88


def test_what_is_overdrawn_looks_so() -> None:
    assert facts(Given(balances=[90_000] * 14)).area(OUT) < 1_000  # the mark of what went out
    overdrawn = facts(Given(balances=[-90_000] * 14))
    assert overdrawn.area(OUT) > 200_000
    assert overdrawn.area(HELD) < 10_000


@pytest.mark.parametrize(
    "change",
    [
        {"balances": [*range(100_000, 750_000, 50_000), 750_001]},
        {"is_in_trouble": True},
        {"name": "Other"},
        {"currency": "USD"},
    ],
)
def test_whatever_changes_shows(change: dict[str, object]) -> None:
    assert facts(replace(Given(), **change)).png() != facts(Given()).png()  # type: ignore[arg-type]


def test_what_is_left_out_is_named() -> None:
    said: list[str] = []

    class Listening(Messages):
        def text(self, language: str, key: str, /, **given_: object) -> str:
            text = super().text(language, key, **given_)  # type: ignore[arg-type]
            said.append(text)
            return text

    def words(given_: Facts) -> str:
        said.clear()
        messages = Listening(MESSAGES._catalogues, is_strict=True)
        replace(given_, reader=replace(given_.reader, messages=messages)).png()
        return "\n".join(said)

    assert "Nothing is known of any account yet." in words(CASES["no data"])
    assert "Not in the total (no balance or no rate): London" in words(CASES["no rate"])
    assert "Not in the bars" not in words(CASES["no rate"])
    late = facts(Given(), Given("Late", balances=[None] * 14))
    assert "Not in the bars (no statement in these days): Late" in words(late)
    assert "A pale bar lacks an account" in words(CASES["three"])
    assert "A pale bar" not in words(CASES["gaps"])
    assert "Grey: no statement covers that day." in words(CASES["gaps"])
    assert "Hollow or dotted" in words(CASES["one"])
    assert "counted in EUR at the rates" in words(CASES["three"])
    assert "counted in EUR" not in words(CASES["one"])
    twenty = words(CASES["twenty"])
    assert f"{20 - MOST_ACCOUNTS} more accounts are not drawn" in twenty
    assert "Account 8, Account 9" in twenty


# ---- letters -----------------------------------------------------------------------------------


@needs_chinese
def test_everything_it_says_can_be_drawn() -> None:
    for language in MESSAGES.languages:
        for key in MESSAGES.ids(language):
            if key.startswith(("chart.", "digest.", "break.", "balance.")):
                for form in MESSAGES._catalogues[language][key].forms:
                    text = "".join(literal for literal, _ in form.parts).replace("🚨", "")
                    assert drawing.can_draw(text), f"{language} {key}"


@needs_chinese
def test_it_is_in_the_readers_language() -> None:
    english = CASES["one"]
    chinese = replace(english, reader=replace(english.reader, language="zh_CN"))
    assert chinese.png() != english.png()


def test_without_a_font_for_chinese_it_is_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_chinese", lambda: None)
    given_ = facts(Given("基本户"), language="zh_CN")
    plain = facts(Given("account-0"), language="en")
    assert given_.png() == plain.png()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Grüße Łódź Київ", "Grüße Łódź Київ"),
        ("a שלום b", "a [U+05E9 05DC 05D5 05DD] b"),
        ("\u202eevil", "[U+202E]evil"),
        ("\U0002cb4e", "[U+2CB4E]"),
        ("two\nlines", "two lines"),
        ("e\u0301", "é"),
        ("$x^2$", "$x^2$"),
    ],
)
def test_what_no_font_has_is_named_and_never_a_box(text: str, drawn: str) -> None:
    for is_bold in (False, True):
        assert "".join(run.text for run in drawing._runs(text, is_bold)) == drawn


@given(st.text(max_size=40), st.booleans())
@settings(deadline=None, max_examples=25)
def test_any_text_can_be_written(text: str, is_bold: bool) -> None:
    sheet = drawing.Sheet()
    sheet.text(10, 30, text, width=300, is_bold=is_bold)
    assert sheet.png(40).startswith(b"\x89PNG")


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=25)
def test_text_is_wrapped_within_its_width(text: str) -> None:
    sheet = drawing.Sheet()
    lines = sheet.wrapped(text, 20, 300, most=3)
    assert len(lines) <= 3
    assert all(sheet.width(line, 20) <= 300 or len(line) == 1 for line in lines)


def test_an_amount_is_never_cut() -> None:
    sheets = [drawing.Sheet() for _ in range(3)]
    for sheet, amount in zip(sheets, ("€1,000,000.00", "€1,000,000.99", "€1,000,…"), strict=True):
        sheet.text(10, 30, amount, size=40, width=80, is_whole=True)
    assert len({sheet.png(40) for sheet in sheets}) == 3


# ---- scales ------------------------------------------------------------------------------------

_AMOUNTS = st.integers(-MAX_MINOR, MAX_MINOR)


@given(_AMOUNTS, _AMOUNTS, st.sampled_from([1, 100, 1000]))
def test_ticks_take_everything_in(one: int, other: int, unit: int) -> None:
    low, high = sorted((one, other))
    ticks = drawing.ticks(low, high, unit)
    assert 0 in ticks
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 4
    steps = {after - before for before, after in pairwise(ticks)}
    assert len(steps) == 1
    assert all(each % unit == 0 for each in ticks)
    assert min(steps) > 0


@given(_AMOUNTS, _AMOUNTS, st.sampled_from(["EUR", "JPY", "KWD"]))
def test_rounded_amounts_are_told_apart(one: int, other: int, currency: str) -> None:
    for language in MESSAGES.languages:
        given_ = facts(language=language)
        told = Told(given_.reader, given_.digest)
        first, second = told.short(Money(one, currency), Money(other, currency))
        assert (first == second) == (one == other)


def test_rounded_amounts() -> None:
    english = Told(facts().reader, facts().digest)
    chinese = Told(facts(language="zh_CN").reader, facts().digest)
    assert english.short(Money(125_000_000, "EUR")) == ["€1.2M"]
    assert english.short(Money(33_912_345, "EUR")) == ["€339K"]
    assert english.short(Money(100_010, "EUR"), Money(100_020, "EUR")) == ["€1.0001K", "€1.0002K"]
    assert chinese.short(Money(130_940_000_00, "CNY")) == ["¥1.3亿"]
    assert chinese.short(Money(-130_940_00, "CNY")) == ["-¥13万"]


# ---- in words ----------------------------------------------------------------------------------


def test_the_alternative_text_says_the_same() -> None:
    given_ = CASES["three"]
    assert alt_text(given_.reader, given_.digest) == (
        "Daily digest, 18 Nov 2026. Cash position: €20,300.05. Since 17 Nov €1,000.00 came in and "
        "€0.00 went out. Debits matched: No debits. Open breaks: 1. By account: Operating "
        "€7,500.00, US collections $0.05, 上海基本户 CN¥100,000.00."
    )
    chinese = replace(given_.reader, language="zh_CN")
    assert "资金头寸：€20,300.05" in alt_text(chinese, given_.digest)
    assert "上海基本户 ¥100,000.00" in alt_text(chinese, given_.digest)


def test_the_alternative_text_owns_up_to_what_is_not_known() -> None:
    nothing = CASES["no data"]
    assert alt_text(nothing.reader, nothing.digest).endswith("Nothing is known of any account yet.")
    some = facts(Given(), UNKNOWN, Given("London", "GBP"))
    said = alt_text(some.reader, some.digest)
    assert "Left out of the cash position: London, Newly opened." in said
    assert "Newly opened not known" in said
    live = facts(UNKNOWN, breaks=(NO_REFERENCE,))
    assert "Cash position: —. Since 17 Nov — came in" in alt_text(live.reader, live.digest)


@pytest.mark.parametrize("language", MESSAGES.languages)
@pytest.mark.parametrize("count", [1, 9, 200])
def test_the_alternative_text_is_bounded(count: int, language: str) -> None:
    many = facts(*(Given(f"Account number {n}") for n in range(count)), language=language)
    said = alt_text(many.reader, many.digest)
    assert len(said) <= LONGEST_ALT_TEXT
    assert "Account number 0" in said
    assert (f"Account number {count - 1}" in said) == (count < 200)
    long = facts(*(Given("x" * 1000, is_known=n == 0) for n in range(3)), language=language)
    assert len(alt_text(long.reader, long.digest)) <= LONGEST_ALT_TEXT
