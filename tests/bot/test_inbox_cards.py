"""However much waits for a person, their page and their list fit, and nothing is lost unsaid."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from bot import inbox_cards
from bot.messages import Messages
from bot.slack import render
from bot.views import PAGE, Inbox, Sought, sought
from bot.wording import OrderView, Reader
from connectors.base import Account
from connectors.money import Money
from sandbox.slack.blocks import check_blocks, check_view
from tests.workflows.company import ACME_IBAN, EUR_IBAN, PEOPLE, START, USD_IBAN, company
from tests.workflows.ledger import _order
from workflows.balances import Reading
from workflows.orders import Order
from workflows.policy import Facts, PayeeStanding
from workflows.questions import Question

MESSAGES = Messages.load(is_strict=True)
BEA = next(each for each in PEOPLE if each.id == "bea")


def reader(language: str = "en") -> Reader:
    return Reader(MESSAGES, company(), language, ZoneInfo("Europe/Berlin"), BEA)


def order_of(number: int, *, risks: str = "[]", usd: bool = False, minor: int = 500_00) -> Order:
    account = Account(
        "operating-usd" if usd else "operating-eur",
        USD_IBAN if usd else EUR_IBAN,
        "USD" if usd else "EUR",
        "Northwind GmbH",
        "Europe/Berlin",
    )
    facts = Facts(Money(minor, account.currency), account.id, PayeeStanding.NEW, frozenset())
    there = company()
    verdict = there.policy.evaluate(facts, there.rates)
    made = _order(f"P{number:08}", minor, account, ACME_IBAN, START)
    return replace(
        made, verdict=verdict.to_json(), risks=risks, requester_id="amara", remittance="x" * 140
    )


def inbox_of(orders: list[Order], looked_for: Sought | None = None) -> Inbox:
    looked_for = looked_for or Sought()
    there = company()
    found = [each for each in orders if looked_for.takes(there, each)]
    views = [view_of(each) for each in found[looked_for.page * PAGE :][:PAGE]]
    return Inbox(
        awaiting=tuple(views),
        undecided=tuple(views),
        asked=tuple(views),
        waiting=tuple(orders),
        found=len(found),
        sought=looked_for,
    )


def view_of(order: Order) -> OrderView:
    asked = tuple(Question(n, "carl", "why? " * 90, START, str(n)) for n in range(20))
    return OrderView(order, (), None, questions=asked)


@pytest.mark.parametrize("language", MESSAGES.languages)
def test_a_page_keeps_within_what_slack_takes(language: str) -> None:
    orders = [order_of(n, risks='["payee_new", "duplicate"]') for n in range(40)]
    seen = reader(language)
    readings = [Reading("operating-eur", "EUR", Money(5, "EUR"), START)]
    home = inbox_cards.home(seen, inbox_of(orders), readings, START)
    blocks = [block for card in home.cards for block in (*render.card_blocks(card), {})]
    assert len(blocks) <= 100, "something would be left off"
    assert not list(check_view(render.home_view(home), is_home=True))
    assert seen.say("home.asked") in [card.title for card in home.cards]


@pytest.mark.parametrize("count", [0, 1, 2, 10, 11, 35])
def test_every_page_shows_its_part(count: int) -> None:
    orders = [order_of(n) for n in range(count)]
    shown: list[str] = []
    looked_for: Sought | None = Sought()
    while looked_for is not None:
        inbox = replace(inbox_of(orders, looked_for), undecided=(), asked=())
        card = inbox_cards.inbox_card(reader(), inbox)
        assert not list(check_blocks(render.card_blocks(card), "message"))
        opened = [each.value.partition(":")[0] for each in card.actions if each.id == "show"]
        assert not set(opened) & set(shown)
        shown += opened
        on = [each for each in card.actions if each.label == MESSAGES.text("en", "inbox.on")]
        looked_for = sought(on[0].value) if on else None
        assert any(each.id == "bulk" for each in card.actions) == (count > 1)
    assert shown == [each.id for each in orders]


def test_filters_are_offered_where_they_leave_something_out() -> None:
    orders = [order_of(1), order_of(2, usd=True), order_of(3, risks='["payee_new"]')]
    card = inbox_cards.inbox_card(reader(), inbox_of(orders))
    offered = {each.label: sought(each.value) for each in card.actions if each.id == "inbox"}
    assert offered == {
        "Operating Eur": Sought(account="operating-eur"),
        "Operating Usd": Sought(account="operating-usd"),
        "With warnings": Sought(is_risky=True),
    }
    alike = inbox_cards.inbox_card(reader(), inbox_of([order_of(1), order_of(2)]))
    assert not [each for each in alike.actions if each.id == "inbox"]


@pytest.mark.parametrize(
    "made",
    [Sought(), Sought(account="a:b"), Sought(above=100_000, page=3), Sought(is_risky=True)],
)
def test_what_a_button_carries_is_read_again(made: Sought) -> None:
    assert sought(made.text) == made


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1:", "٣:", ":::", "1:above:x", "99999999999999999999999:nothing:", "0:above:-5"],
)
def test_what_is_no_filter_means_all(text: str) -> None:
    assert sought(text).is_all
    assert 0 <= sought(text).page < 1000
