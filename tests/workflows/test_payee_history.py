"""What was paid to an account before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from connectors.money import Money
from tests.workflows.company import NEW_IBAN, START, Hands, Phones
from tests.workflows.test_approvals import LARGE, Desk
from workflows import payee_history, tables
from workflows.database import Database
from workflows.orders import Order
from workflows.payee_history import Paid, PayeeHistory

SMALL = replace(LARGE, is_no_duplicate=True)


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


async def paid(desk: Desk, minor: int, *, state: str = "settled", currency: str = "EUR") -> Order:
    account = "operating-eur" if currency == "EUR" else "operating-usd"
    order = await desk.ask(replace(SMALL, account_id=account, amount=Money(minor, currency)))
    desk.hands.forward(hours=24)
    await desk.database.write(
        lambda c: (
            c.execute(
                update(tables.payment_order)
                .where(tables.payment_order.c.id == order.id)
                .values(state=state, updated_at=desk.hands())
            ).rowcount
        )
    )
    return order


async def history_of(desk: Desk, order: Order) -> PayeeHistory:
    return await desk.database.read(lambda c: payee_history.of_order(c, order))


async def test_what_was_settled_counts_and_nothing_else(desk: Desk) -> None:
    for state in ("rejected", "failed", "returned", "submitted", "pending"):
        await paid(desk, 9_999_00, state=state)
    first = await desk.ask(SMALL)
    assert await history_of(desk, first) == PayeeHistory(0, (), "EUR")
    for minor in (1_100_00, 1_200_00, 1_300_00, 1_150_00, 1_250_00):
        await paid(desk, minor)
    await paid(desk, 7_000_00, currency="USD")
    await desk.ask(replace(SMALL, payee_id=None, name="Other", iban=NEW_IBAN))
    assert (await history_of(desk, first)).count == 0  # nothing of it was before that one
    found = await history_of(desk, await desk.ask(SMALL))
    assert found.count == 6
    assert found.usual == Money(1_200_00, "EUR")
    assert found.range == (Money(1_150_00, "EUR"), Money(1_250_00, "EUR"))
    assert found.newest is not None
    assert found.newest.amount == Money(7_000_00, "USD")
    assert found.last_on(ZoneInfo("Europe/Berlin")) == desk.hands().date()


async def test_what_is_far_above_the_usual_is_marked_on_the_record(desk: Desk) -> None:
    for minor in (1_000_00, 1_100_00):
        await paid(desk, minor)
    assert (
        "far_above_usual"
        not in (await desk.ask(replace(SMALL, amount=Money(9_000_00, "EUR")))).risk_codes
    )  # of two payments nothing is usual yet
    await paid(desk, 1_200_00)
    at_the_edge = await desk.ask(replace(SMALL, amount=Money(3_300_00, "EUR")))
    assert "far_above_usual" not in at_the_edge.risk_codes
    above = await desk.ask(replace(SMALL, amount=Money(3_300_01, "EUR")))
    assert "far_above_usual" in above.risk_codes
    other = replace(SMALL, account_id="operating-usd", amount=Money(9_000_00, "USD"))
    assert "far_above_usual" not in (await desk.ask(other)).risk_codes


async def test_only_so_many_are_looked_at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payee_history, "MOST", 3)
    for minor in (1_00, 2_00, 3_00, 4_00, 5_00):
        await paid(desk, minor)
    found = await history_of(desk, await desk.ask(SMALL))
    assert found.count == 5
    assert [each.amount.minor for each in found.recent] == [5_00, 4_00, 3_00]
    monkeypatch.setattr(payee_history, "MOST_COUNTED", 4)
    assert (await history_of(desk, await desk.ask(SMALL))).count == 4


@given(st.lists(st.integers(1, 10**12), max_size=40))
def test_what_is_usual_lies_within_its_range(amounts: list[int]) -> None:
    recent = tuple(
        Paid(str(n), Money(minor, "EUR"), START + timedelta(days=n))
        for n, minor in enumerate(amounts)
    )
    found = PayeeHistory(len(recent), recent, "EUR")
    if not amounts:
        assert found.usual is None
        assert found.range is None
        assert found.last_on(ZoneInfo("UTC")) is None
        return
    assert found.usual is not None
    assert found.range is not None
    low, high = found.range
    assert low.minor <= found.usual.minor <= high.minor
    assert not found.is_exceeded_by(found.usual)
    assert found.last_on(ZoneInfo("UTC")) == date(2026, 11, 24) + timedelta(days=len(amounts) - 1)
