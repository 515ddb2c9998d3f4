"""A form as a conversation: whatever it asks and is told, Telegram takes it and nothing is lost."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards import Choice, Fact, Form, Input, InputKind
from bot.messages import Messages
from bot.telegram import dialogue
from bot.telegram.conversations import _after
from bot.telegram.dialogue import Dialogue, Op
from bot.wording import Reader
from sandbox.telegram.keyboards import read_markup
from tests.bot.telegram.test_render import letters, live, read, words
from tests.workflows.company import company
from workflows.calendars import Calendar

MESSAGES = Messages.load(is_strict=True)
TODAY = date(2026, 11, 23)
KINDS = [each for each in InputKind if each is not InputKind.TICK]
names = st.text("abcdefgh", min_size=1, max_size=8)
choices = st.builds(Choice, st.text("xyz123", min_size=1, max_size=9), words)
inputs = st.builds(
    Input,
    name=names,
    kind=st.sampled_from(InputKind),
    label=words,
    hint=st.just("") | words,
    choices=st.lists(choices, min_size=1, max_size=8, unique_by=lambda c: c.value).map(tuple),
    initial=st.just("") | st.text(letters, max_size=20),
    initial_label=st.just("") | words,
    is_optional=st.booleans(),
    unless=st.just("") | names,
    skip=st.just("") | words,
    is_asked=st.booleans(),
    file_types=st.just(("pdf", "png")),
)
forms = st.builds(
    Form,
    id=st.sampled_from(["pay", "approve", "list"]),
    title=words,
    submit=words,
    cancel=words,
    token=words,
    facts=st.lists(st.builds(Fact, words, words), max_size=6).map(tuple),
    lines=st.lists(words, max_size=3).map(tuple),
    inputs=st.lists(inputs, min_size=1, max_size=6, unique_by=lambda each: each.name).map(tuple),
)


def reader(language: str) -> Reader:
    return Reader(MESSAGES, company(), language, ZoneInfo("Europe/Berlin"))


def checked(now: Dialogue, seen: Reader) -> None:
    """Check that Telegram takes what a dialogue shows, and that its buttons tell nothing."""
    for page in now.pages(seen):
        assert live(*read(page)) == set()
    rows = read_markup(now.markup().to_dict(), is_private=True).buttons
    pressable = [each.data for row in rows for each in row]
    assert len(set(pressable)) == len(pressable)
    for each in pressable:
        assert re.fullmatch(rf"d:{re.escape(now.id)}:[\w-]{{12}}", each)


@settings(deadline=None)
@given(forms, st.sampled_from(["en", "zh_CN"]), st.data())
def test_wherever_it_is_led_it_can_be_shown_and_kept(
    form: Form, language: str, data: st.DataObject
) -> None:
    seen = reader(language)
    now = dialogue.begin(form, 1001, language).drawn(seen, TODAY)
    for _ in range(12):
        checked(now, seen)
        assert dialogue.unpacked(dialogue.packed(now)) == now
        before = {knob.word for row in now.knobs for knob in row}
        now = _led_on(now, data).drawn(seen, TODAY)
        assert not before & {knob.word for row in now.knobs for knob in row}
        inputs = {each.name for each in form.inputs}
        assert now.at in inputs | {""}
        assert set(now.answers) <= inputs
        if now.at == "":
            labels = [knob.op for row in now.knobs for knob in row]
            assert labels.count(Op.SUBMIT) == 1


def _led_on(now: Dialogue, data: st.DataObject) -> Dialogue:
    """Return what a person makes of it: by a button, by words, by a file, or by a mistake."""
    knobs = [knob for row in now.knobs for knob in row]
    knob = data.draw(st.sampled_from(knobs))
    match knob.op:
        case Op.DIGIT:
            return now.digit(knob.value)
        case Op.ERASE:
            return now.erased()
        case Op.CANCEL | Op.SUBMIT:
            return _told(now, data)
        case _:
            return _after(now, knob)


def _told(now: Dialogue, data: st.DataObject) -> Dialogue:
    text = data.draw(words)
    file_input = now.file_input
    ways = [lambda: now.invalid({data.draw(names): text})]
    if now.takes_text:
        ways += [lambda: now.answered(text), lambda: now.refused(text)]
    if now.is_searching:
        ways.append(lambda: now.with_found(data.draw(st.lists(choices, max_size=12)), text))
    if file_input is not None:
        ways.append(lambda: now.given(file_input, Choice("fileid", text)))
    return data.draw(st.sampled_from(ways))()


@settings(deadline=None)
@given(st.lists(st.sampled_from("0123456789⌫"), max_size=30))
def test_a_keypad_takes_six_digits_and_no_more(pressed: list[str]) -> None:
    code = Input("code", InputKind.CODE, "Code")
    now = dialogue.begin(Form("approve", "Approve", "Approve", "Cancel", inputs=(code,)), 1, "en")
    typed = ""
    for each in pressed:
        now = now.erased() if each == "⌫" else now.digit(each)
        typed = typed[:-1] if each == "⌫" else (typed + each)[: dialogue.CODE_LENGTH]
        assert now.answers.get("code", "") == typed
        assert now.has_whole_code == (len(typed) == dialogue.CODE_LENGTH)
        drawn = now.drawn(reader("en"), TODAY)
        said = "".join(read(page)[0] for page in drawn.pages(reader("en")))
        assert said.count("●") == len(typed)
        assert said.count("○") == dialogue.CODE_LENGTH - len(typed)
        assert not any(digit in said for digit in "0123456789")


@settings(deadline=None)
@given(forms)
def test_a_wrong_code_is_never_kept(form: Form) -> None:
    now = dialogue.begin(form, 1, "en")
    codes = {each.name for each in form.inputs if each.kind is InputKind.CODE}
    filled = dialogue.unpacked(dialogue.packed(now))
    given = {**filled.answers, **dict.fromkeys(codes, "123456")}
    wrong = replace(filled, answers=given).invalid(dict.fromkeys(codes, "wrong"))
    assert not codes & set(wrong.answers)
    assert wrong.at in codes | {""}


def test_what_one_answer_makes_needless_is_neither_asked_for_nor_sent() -> None:
    payee = Input("payee", InputKind.SEARCH, "Payee", is_optional=True)
    name = Input("name", InputKind.TEXT, "Name", is_optional=True, unless="payee")
    iban = Input("iban", InputKind.TEXT, "IBAN", is_optional=True, unless="payee")
    when = Input("date", InputKind.DATE, "Date")
    form = Form("pay", "Pay", "Request", "Cancel", inputs=(payee, name, iban, when))
    now = dialogue.begin(form, 1, "en").answered("")
    assert now.at == "name"
    now = now.answered("Neu").answered("FR14")
    assert (now.at, dict(now.answers)) == ("date", {"payee": "", "name": "Neu", "iban": "FR14"})
    changed = now.answered("2026-12-01").editing("payee").answered("acme", "ACME GmbH")
    assert changed.at == ""
    assert dict(changed.answers) == {"payee": "acme", "date": "2026-12-01"}
    again = changed.editing("payee").answered("")
    assert again.at == "name"


def test_boxes_are_ticked_until_they_are_taken() -> None:
    boxes = tuple(Choice(each, each.upper()) for each in ("a", "b", "c"))
    asked = Input("orders", InputKind.TICKS, "Which?", choices=boxes, initial="a,c", skip="None")
    form = Form("bulk", "Several", "Approve", "Cancel", inputs=(asked, CODE))
    now = dialogue.begin(form, 1, "en")
    assert now.at == "orders"
    assert labels(now) == ["☑ A", "☐ B", "☑ C", "Go on with 2", "Cancel"]
    now = now.toggled("orders", "b").toggled("orders", "a")
    assert labels(now) == ["☐ A", "☑ B", "☑ C", "Go on with 2", "Cancel"]
    taken = now.ticked()
    assert (taken.at, taken.answers["orders"]) == ("code", "b,c")
    none = now.toggled("orders", "b").toggled("orders", "c")
    assert labels(none) == ["☐ A", "☐ B", "☐ C", "None", "Cancel"]
    again = taken.digit("1").invalid({"orders": "One of them changed"})
    assert (again.at, again.answers.get("code")) == ("orders", None)
    assert again.ticked().at == "code"


def test_what_is_not_asked_is_offered_in_the_end() -> None:
    kinds = (Choice("single", "A payment"), Choice("refund", "Refund"))
    first = Input("amount", InputKind.TEXT, "Amount")
    kind = Input("kind", InputKind.CHOICE, "What?", choices=kinds, initial="single", is_asked=False)
    last = Input("date", InputKind.DATE, "When")
    form = Form("pay", "Pay", "Request", "Cancel", inputs=(first, kind, last))
    now = dialogue.begin(form, 1, "en").answered("5")
    assert now.at == "date"
    assert "What?" not in "".join(now.pages(reader("en")))
    now = now.answered("2026-12-01")
    assert now.at == ""
    assert "A payment" in "".join(now.pages(reader("en")))
    assert "✎ What?" in labels(now)
    changed = now.editing("kind").answered("refund", "Refund")
    assert (changed.at, changed.answers["kind"]) == ("", "refund")
    assert changed.editing("date").back().at == ""


CODE = Input("code", InputKind.CODE, "Code")


def labels(now: Dialogue) -> list[str]:
    return [knob.label for row in now.drawn(reader("en"), TODAY).knobs for knob in row]


@pytest.mark.parametrize(
    ("calendar", "days"),
    [
        (None, ["2026-12-24", "2026-12-25", "2026-12-28"]),
        (Calendar("TARGET"), ["2026-12-24", "2026-12-28", "2026-12-29"]),
    ],
)
def test_days_are_offered_on_which_the_accounts_bank_works(
    calendar: Calendar | None, days: list[str]
) -> None:
    there = company()
    own = replace(there.accounts["operating-eur"], calendar=calendar)
    seen = Reader(
        MESSAGES,
        replace(there, accounts={**there.accounts, own.id: own}),
        "en",
        ZoneInfo("Europe/Berlin"),
    )
    when = Input("date", InputKind.DATE, "When")
    account = Input("account", InputKind.CHOICE, "From", choices=(Choice(own.id, own.name),))
    form = Form("pay", "Pay", "Send", "Cancel", "", inputs=(account, when))
    asked = dialogue.begin(form, 1001, "en").answered(own.id).drawn(seen, date(2026, 12, 23))
    offered = [knob.value for row in asked.knobs for knob in row]
    assert [each for each in offered if each.startswith("2026")] == days
