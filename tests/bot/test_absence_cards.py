"""What cards say of who is away: for whom a slot was filled, who is waited for, one's own leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bot import absence_words, decision_forms, wording
from bot.absence_words import MOST_LISTED, LeaveView
from bot.messages import Messages
from bot.slack import render
from bot.wording import OrderView, Reader
from sandbox.slack.blocks import check_blocks, check_view
from tests.bot.test_inbox_cards import order_of
from tests.workflows.company import PEOPLE, START, company
from workflows.approvals import Approval
from workflows.leaves import Away, Leave
from workflows.orders import Order
from workflows.people import Person
from workflows.policy import Slot

MESSAGES = Messages.load(is_strict=True)
BY_ID = {each.id: each for each in PEOPLE}
TODAY = START.date()
LEAVE = Leave("L1", "carl", "eve", TODAY, TODAY + timedelta(days=6), "Holidays", START)
AWAY = Away({"carl": LEAVE})


def reader(who: str, language: str = "en") -> Reader:
    there = company()
    permissions = replace(there.permissions, delegations=frozenset({"controller"}))
    seen = replace(there, permissions=permissions)
    return Reader(MESSAGES, seen, language, ZoneInfo("Europe/Berlin"), BY_ID[who])


def ordered(*slots: Slot) -> Order:
    order = order_of(1)
    return replace(order, verdict=replace(order.policy_verdict, slots=slots).to_json())


def given(order: Order, who: str, on_behalf_of: str | None = None) -> Approval:
    return Approval(
        order.id,
        order.version,
        who,
        order.digest,
        "approve",
        "totp",
        None,
        START,
        on_behalf_of=on_behalf_of,
    )


def test_a_filled_slot_says_for_whom_and_until_when() -> None:
    order = ordered(Slot(role="cfo"), Slot(role="controller"))
    by_eve = given(order, "eve", "carl")
    view = OrderView(order, (by_eve,), None, away=AWAY, leaves={"eve": LEAVE})
    card = wording.order_card(reader("bea"), view)
    assert any("Eve Adler for Carl Weiss, on leave until 30 Nov 2026" in e for e in card.lines)
    later = wording.order_card(reader("bea"), OrderView(order, (by_eve,), None))
    assert any("Eve Adler for Carl Weiss, 24 Nov" in each for each in later.lines)


@pytest.mark.parametrize("delegate", ["eve", None])
def test_who_is_waited_for_by_name_is_on_leave(delegate: str | None) -> None:
    order = ordered(Slot(person="carl"))
    away = Away({"carl": replace(LEAVE, delegate_id=delegate)})
    card = wording.order_card(reader("bea"), OrderView(order, (), None, away=away))
    (line,) = [each for each in card.lines if "on leave until" in each]
    assert "Carl Weiss is on leave until 30 Nov 2026" in line
    assert ("Eve Adler may approve" in line) == (delegate == "eve")


def test_a_delegate_gets_the_buttons_and_a_form_that_says_for_whom() -> None:
    order = ordered(Slot(role="cfo"))
    view = OrderView(order, (), None, away=AWAY)
    card = wording.order_card(reader("eve"), view)
    assert [each.id for each in card.actions][:2] == ["approve", "reject"]
    form = decision_forms.approval_form(reader("eve"), view)
    assert "You approve in the place of Carl Weiss, who is on leave." in form.lines
    alone = wording.order_card(reader("eve"), OrderView(order, (), None))
    assert "approve" not in [each.id for each in alone.actions]
    own = decision_forms.approval_form(reader("carl"), view)
    assert not any("in the place of" in each for each in own.lines)
    after = OrderView(order, (given(order, "carl"),), None, away=AWAY)
    assert "approve" not in [
        each.id for each in wording.order_card(reader("eve"), after).actions
    ], "who is acted for has approved already"


@pytest.mark.parametrize("language", MESSAGES.languages)
def test_ones_own_leave_fits_however_much_there_is(language: str) -> None:
    many = tuple(
        replace(LEAVE, id=f"L{n}", starts_on=TODAY + timedelta(n), ends_on=TODAY + timedelta(n))
        for n in range(30)
    )
    view = LeaveView(many, (), many[:MOST_LISTED], many[:MOST_LISTED], TODAY)
    card = absence_words.leave_card(reader("bea", language), view)
    assert not list(check_blocks(render.card_blocks(card), "message"))
    form = absence_words.absence_form(reader("bea", language), TODAY)
    assert not list(check_view(render.form_view(form), is_home=False))


def test_who_could_act_is_found_by_name_and_bounded() -> None:
    found = absence_words.delegates(reader("bea"), "bea", "EVE")
    assert [(each.value, each.label) for each in found] == [("eve", "Eve Adler")]
    assert "bea" not in {each.value for each in absence_words.delegates(reader("bea"), "bea", "")}
    crowd = [Person(f"p{n}", f"Person {n}", f"{n}@x.test", frozenset()) for n in range(200)]
    seen = replace(reader("bea"), company=company(people=[*PEOPLE, *crowd]))
    assert len(absence_words.delegates(seen, "bea", "")) == MOST_LISTED
