"""The catalogue: complete in every language, safe, exact about money."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import LOCALES, CatalogueError, Messages, MissingText
from connectors.base import NotSent, Refused
from connectors.money import Money, exponent
from workflows.orders import OrderState
from workflows.refusal import Refusal

ROOT = Path(__file__).parents[2]
MESSAGES = Messages.load(is_strict=True)


def trees(folder: str) -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def raised(folder: str, error: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every ``error("code", fact=...)`` in the source: where, code, names of its facts."""
    for path, tree in trees(folder):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == error
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                names = {keyword.arg for keyword in node.keywords if keyword.arg} - {"field"}
                yield f"{path.name}:{node.lineno}", str(node.args[0].value), frozenset(names)


# ---- completeness ------------------------------------------------------------------------------


def test_every_language_has_the_same_keys_in_the_same_order_each_once() -> None:
    ids = {
        path.stem: re.findall(r'^msgid "(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in LOCALES.glob("*.po")
    }
    assert set(ids) == set(MESSAGES.languages) == {"en", "zh_CN"}
    assert ids["zh_CN"] == ids["en"] == MESSAGES.ids()
    assert len(set(ids["en"])) == len(ids["en"])


def test_every_language_has_the_same_placeholders() -> None:
    differing = [
        key
        for key in MESSAGES.ids()
        if MESSAGES.placeholders("en", key) != MESSAGES.placeholders("zh_CN", key)
    ]
    assert differing == []


@pytest.mark.parametrize(
    ("folder", "error"),
    [("workflows", "Refusal"), ("connectors", "MoneyError"), ("bot", "Refusal")],
)
def test_every_refusal_has_a_sentence_whose_facts_it_gives(folder: str, error: str) -> None:
    for where, code, facts in raised(folder, error):
        key = f"refusal.{code}"
        assert MESSAGES.has(key), f"{where}: {key} is not in the catalogue"
        missing = MESSAGES.placeholders("en", key) - facts
        assert not missing, f"{where}: {key} mentions {set(missing)}, which is not given"


def test_the_source_is_really_searched() -> None:
    found = {code for _, code, _ in raised("workflows", "Refusal")}
    assert {"factor.wrong", "funds.insufficient", "order.unknown"} <= found


def test_every_code_of_a_connector_has_a_sentence() -> None:
    code = re.compile(r"[a-z]+\.[a-z_]+")
    missing = {
        f"{path.name}: {node.value}"
        for path, tree in trees("connectors")
        if path.name != "money.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and code.fullmatch(node.value)
        and not MESSAGES.has(f"bank.{node.value}")
    }
    assert missing == set()


def test_every_reason_for_not_releasing_has_a_sentence() -> None:
    found = {
        node.value
        for _, tree in trees("workflows")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"(release|resolved|bank)\.[a-z_]+", node.value)
    }
    assert "release.digest" in found
    assert {code for code in found if not MESSAGES.has(f"reason.{code}")} == set()


def test_every_way_a_statement_fails_has_a_sentence() -> None:
    source = (ROOT / "workflows" / "statement_checks.py").read_text(encoding="utf-8")
    found = set(re.findall(r'"((?:statement|entry)\.[a-z_]+)"', source))
    assert "statement.sum" in found  # its code is passed on, so the search above misses it
    assert {code for code in found if not MESSAGES.has(f"refusal.{code}")} == set()


@pytest.mark.parametrize("state", list(OrderState))
def test_every_order_state_has_a_name(state: OrderState) -> None:
    assert MESSAGES.has(f"state.{state}")


# ---- what people read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "english", "chinese"),
    [
        (Money(125000, "EUR"), "€1,250.00", "€1,250.00"),
        (Money(-150, "USD"), "-$1.50", "-US$1.50"),
        (Money(1200, "JPY"), "¥1,200", "JP¥1,200"),
        (Money(1234, "KWD"), "KWD\u00a01.234", "KWD\u00a01.234"),
        # CLDR would show these two without decimals: half an afghani would vanish.
        (Money(1250, "AFN"), "AFN\u00a012.50", "AFN\u00a012.50"),
        (Money(1, "IQD"), "IQD\u00a00.001", "IQD\u00a00.001"),
        (Money(10**17, "CNY"), "CN¥1,000,000,000,000,000.00", "¥1,000,000,000,000,000.00"),
    ],
)
def test_money_as_people_write_it(amount: Money, english: str, chinese: str) -> None:
    assert MESSAGES.money("en", amount) == english
    assert MESSAGES.money("zh_CN", amount) == chinese


@given(
    st.integers(-(10**17), 10**17),
    st.sampled_from(["EUR", "JPY", "KWD", "AFN", "CHF", "CLF", "CNY"]),
    st.sampled_from(MESSAGES.languages),
)
def test_money_keeps_every_digit(minor: int, currency: str, language: str) -> None:
    shown = MESSAGES.money(language, Money(minor, currency))
    (number,) = re.findall(r"[0-9][0-9,.]*", shown)
    sign = -1 if "-" in shown else 1
    assert sign * Decimal(number.replace(",", "")) == Decimal(minor).scaleb(-exponent(currency))


def test_days_and_instants() -> None:
    at = datetime(2026, 7, 23, 22, 5, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert MESSAGES.date("en", date(2026, 7, 3)) == "3 Jul 2026"
    assert MESSAGES.date("zh_CN", date(2026, 7, 3)) == "2026年7月3日"
    assert MESSAGES.instant("en", at, berlin) == "24 Jul 2026, 00:05"
    assert MESSAGES.instant("en", at, berlin, with_zone=True) == "24 Jul 2026, 00:05 UTC+02:00"
    assert MESSAGES.instant("zh_CN", at, berlin) == "2026年7月24日 00:05"


def test_a_refusal_tells_its_facts_for_people() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    poor = Refusal("funds.insufficient", field="amount", account="Operating", free="1250.00 EUR")
    assert "Operating has €1,250.00 free" in MESSAGES.refusal("en", poor)
    locked = Refusal("factor.locked", until="2026-11-23T10:00:00+00:00")
    assert "until 23 Nov 2026, 11:00." in MESSAGES.refusal("en", locked, berlin)
    assert "until 23 Nov 2026, 10:00 UTC+00:00." in MESSAGES.refusal("en", locked)
    roles = Refusal("request.not_allowed", roles="cfo, controller, treasury-ops")
    assert "CFO, controller, or treasury-ops" in MESSAGES.refusal("en", roles)
    assert "首席财务官、财务主管或treasury-ops" in MESSAGES.refusal("zh_CN", roles)
    late = Refusal("order.too_late", order="P1", state="settled")
    assert "Paid" in MESSAGES.refusal("en", late)
    assert "已付款" in MESSAGES.refusal("zh_CN", late)


def test_a_statements_refusal_tells_its_balances_and_days() -> None:
    gap = Refusal("statement.sum", closing="1250.00 EUR", difference="-0.50 EUR")
    assert "balance of €1,250.00: -€0.50 is left" in MESSAGES.refusal("en", gap)
    late = Refusal(
        "statement.outside_period", entry="E1", found="2026-11-30", asked="2026-11-01/2026-11-07"
    )
    assert "on 30 Nov 2026, outside 1 Nov 2026 – 7 Nov 2026" in MESSAGES.refusal("en", late)
    assert "2026年11月1日至2026年11月7日" in MESSAGES.refusal("zh_CN", late)
    huge = Refusal("statement.sum", closing="1.00 EUR", difference="99 EUR minor")
    assert "99 EUR minor is left" in MESSAGES.refusal("en", huge)
    other = Refusal("account.currency", account="Main", held="EUR", asked="CNY")
    assert "cannot pay in CNY" in MESSAGES.refusal("en", other)


def test_a_fact_that_is_not_what_its_name_says_is_shown_as_it_is() -> None:
    odd = Refusal("funds.insufficient", account="Operating", free="a lot")
    assert "has a lot free" in MESSAGES.refusal("en", odd)


def test_one_is_not_many() -> None:
    def left(language: str, count: int) -> str:
        return MESSAGES.refusal(language, Refusal("factor.wrong", left=count))

    assert "1 more try " in left("en", 1)
    assert "2 more tries " in left("en", 2)
    assert "0 more tries " in left("en", 0)
    assert "1 次" in left("zh_CN", 1)


def test_facts_are_not_read_as_placeholders() -> None:
    shown = MESSAGES.text("en", "refusal.account.unknown", account="{code} {0.__class__}")
    assert "“{code} {0.__class__}”" in shown


def test_a_bank_code_is_explained_in_its_words_and_ours() -> None:
    said = MESSAGES.reason("en", "AC04", "Konto\x00 gelöscht\n")
    assert said.startswith("The account is closed.")
    assert said.endswith("The bank says: “Konto gelöscht”")
    assert MESSAGES.reason("en", "AC04").count("“") == 0
    assert "ZZ99" in MESSAGES.reason("zh_CN", "ZZ99")
    assert "why not" in MESSAGES.reason("zh_CN", "ZZ99", "why not")
    assert len(MESSAGES.reason("en", "ZZ99", "x" * 10_000)) < 400


def test_a_persons_reason_is_told_as_theirs() -> None:
    assert "In their words: “Wrong invoice”" in MESSAGES.reason("en", "rejected", "Wrong invoice")


def test_a_connectors_error() -> None:
    refused = MESSAGES.connector_error("en", Refused("bank", "FUNDS_NOT_AVAILABLE", "no money"))
    assert "not enough money" in refused
    assert "The bank says: “no money”" in refused
    unreadable = NotSent("bank", "tls.unreadable", "NO_START_LINE", {"file": "client.pem"})
    told = MESSAGES.connector_error("en", unreadable)
    assert "(Technical detail: NO_START_LINE, file client.pem)" in told


@pytest.mark.parametrize(
    ("asked", "given_"),
    [("en-US", "en"), ("zh-Hans-CN", "zh_CN"), ("zh", "zh_CN"), ("ZH", "zh_CN"), ("fr", "en")],
)
def test_the_nearest_language(asked: str, given_: str) -> None:
    assert MESSAGES.nearest(asked) == given_
    assert MESSAGES.nearest(None) == "en"


# ---- what is missing ---------------------------------------------------------------------------

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
NEUTRAL = 'msgid "message.missing"\nmsgstr "No words ({code})."\n'


def catalogue(folder: Path, language: str, text: str, plural: str = "") -> None:
    header = HEADER + (f'"Plural-Forms: {plural}\\n"\n' if plural else "")
    (folder / f"{language}.po").write_text(header + "\n" + text, encoding="utf-8")


def test_a_strict_catalogue_raises() -> None:
    with pytest.raises(MissingText, match=r"no\.such\.key"):
        MESSAGES.text("en", "no.such.key")
    with pytest.raises(MissingText, match="account"):
        MESSAGES.text("en", "refusal.account.unknown")


def test_a_running_bot_always_has_words(tmp_path: Path) -> None:
    catalogue(tmp_path, "en", NEUTRAL + '\nmsgid "only.english"\nmsgstr "Hello {name}"\n')
    catalogue(tmp_path, "zh_CN", 'msgid "other"\nmsgstr "其他"\n')
    messages = Messages.load(tmp_path)
    assert messages.text("zh_CN", "only.english", name="Ada") == "Hello Ada"
    assert messages.text("zh_CN", "only.english") == "Hello …"
    assert messages.text("zh_CN", "no.such.key", name="Ada") == "No words (no.such.key)."
    assert messages.refusal("en", Refusal("odd")) == "No words (refusal.odd)."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('msgid "a.b"\nmsgstr ""\n', "has no text"),
        ('msgid "a.b"\nmsgstr "{x.y}"\n', "not a plain placeholder"),
        ('msgid "a.b"\nmsgstr "{x[0]}"\n', "not a plain placeholder"),
        ('msgid "a.b"\nmsgstr "{x!r}"\n', "not a plain placeholder"),
        ('msgid "a.b"\nmsgstr "{x:>9999999999}"\n', "not a plain placeholder"),
        ('msgid "a.b"\nmsgstr "{}"\n', "not a plain placeholder"),
        ('msgid "a.b"\nmsgstr "{open"\n', "expected '}'"),
        ('#, fuzzy\nmsgid "a.b"\nmsgstr "perhaps"\n', "fuzzy"),
        ('msgid "a.b"\nmsgid_plural "no name"\nmsgstr[0] "x"\nmsgstr[1] "y"\n', "msgid_plural"),
        ('msgid "a.b"\nmsgid_plural "{n}"\nmsgstr[0] "x"\n', "a.b"),
        ("this is not a catalogue\n", "en.po"),
    ],
)
def test_a_bad_catalogue_is_refused_at_start(tmp_path: Path, text: str, problem: str) -> None:
    catalogue(tmp_path, "en", NEUTRAL + "\n" + text, "nplurals=2; plural=(n != 1);")
    with pytest.raises(CatalogueError, match=re.escape(problem)):
        Messages.load(tmp_path)


def test_a_catalogue_without_english_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"en\.po"):
        Messages.load(tmp_path)
