"""What the bank booked is matched to what we asked for, once; all else is a break or an alarm."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors import base
from connectors.money import Money
from tests.workflows.ledger import CNY, EUR, World, world
from workflows import audit, instructions, reconciliation, tables
from workflows.orders import Order, OrderState
from workflows.reconciliation import Break, Matches

ACCOUNTS = ("eur", "cny")


async def _breaks(w: World, *accounts: str) -> list[Break]:
    ids = accounts or ACCOUNTS
    return await w.database.read(lambda c: reconciliation.breaks(c, ids, now=w.clock()))


async def _count(w: World) -> int:
    return await w.database.read(lambda c: reconciliation.count_breaks(c, ACCOUNTS, now=w.clock()))


async def _stage(w: World, order: Order) -> tuple[str, str | None]:
    sent = await w.database.read(lambda c: instructions.find(c, order.id))
    assert sent is not None
    return sent.state, sent.entry_reference


async def _begun(w: World) -> None:
    """Take in a first statement, so that what follows is no history."""
    await w.collector.collect("eur")
    await w.collector.collect("cny")


@pytest.mark.parametrize("state", [OrderState.RELEASED, OrderState.SUBMITTED, OrderState.UNKNOWN])
async def test_a_booked_entry_settles_the_order_that_is_on_its_way(state: OrderState) -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order(state)
        w.book(order)
        collected = await w.collector.collect("eur")
        assert collected.matches == Matches(booked=1)
        assert await w.state_of(order) == "settled"
        assert await _stage(w, order) == ("closed", "eur-1")
        (entry,) = await w.rows(tables.statement_entry)
        assert (entry["order_id"], entry["matched_at"]) == (order.id, w.clock())
        assert await w.audited("entry.matched", "order.settled") == [
            {
                "kind": "entry.matched",
                "subject": order.id,
                "entry": "eur-1",
                "account": "eur",
                "booking_date": "2026-11-18",
                "amount": "-1250.00 EUR",
            },
            {
                "kind": "order.settled",
                "subject": order.id,
                "from": str(state),
                "to": "settled",
                "by_statement": True,
                "entry": "eur-1",
            },
        ]
        assert await _breaks(w) == []


async def test_a_payment_that_is_booked_waits_for_nobody() -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order()
        asks = base.Outcome(base.Progress.PENDING, "RCVD", "ref", waiting_for_person="Confirm")
        await w.database.write(lambda c: instructions.learned(c, order.id, asks, now=w.clock()))
        w.book(order)
        await w.collector.collect("eur")
        sent = await w.database.read(lambda c: instructions.find(c, order.id))
        assert sent is not None
        assert (sent.state, sent.waiting_for_person) == ("closed", None)


@pytest.mark.parametrize("news", ["settled", "refused", "lost", "learned"])
async def test_what_the_bank_says_after_its_statement_changes_nothing(news: str) -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order(OrderState.RELEASED)
        w.book(order)
        await w.collector.collect("eur")
        before = await w.rows(tables.audit_entry)

        def tell(connection: Any) -> None:
            now = w.clock()
            match news:
                case "settled":
                    instructions.booked(connection, order.id, "again", now=now)
                case "refused":
                    instructions.refused(connection, order.id, base.Refused("b", "AC01"), now=now)
                case "lost":
                    instructions.lost(connection, order.id, "http.timeout", None, now=now)
                case "learned":
                    outcome = base.Outcome(base.Progress.REFUSED, "RJCT")
                    instructions.learned(connection, order.id, outcome, now=now)

        await w.database.write(tell)
        assert await w.state_of(order) == "settled"
        assert await w.rows(tables.audit_entry) == before


async def test_a_settled_order_is_matched_and_stays_settled() -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order(OrderState.SETTLED)
        w.book(order)
        assert (await w.collector.collect("eur")).matches == Matches(booked=1)
        assert await w.state_of(order) == "settled"
        assert await w.audited("order.settled") == []


async def test_a_second_entry_of_the_same_payment_is_an_alarm() -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order()
        w.book(order)
        await w.collector.collect("eur")
        w.book(order)
        collected = await w.collector.collect("eur")
        assert collected.matches == Matches(breaks=1, alarms=1)
        (found,) = await _breaks(w)
        assert found == Break(
            reason="duplicate_entry",
            account_id="eur",
            amount=Money(-125_000, "EUR"),
            on=w.clock.today(),
            entry_key="eur-2",
            order_id=order.id,
            counterparty=None,
        )
        assert found.is_alarm
        (alarm,) = await w.audited("reconciliation.alarm")
        assert (alarm["subject"], alarm["reason"], alarm["entry"]) == (
            order.id,
            "duplicate_entry",
            "eur-2",
        )


@pytest.mark.parametrize("minor", [None, -1])
async def test_both_at_once_match_one_and_alarm_about_the_other(minor: int | None) -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order()
        w.book(order)
        w.book(order, minor)
        assert (await w.collector.collect("eur")).matches == Matches(booked=1, breaks=1, alarms=1)
        assert [b.reason for b in await _breaks(w)] == ["duplicate_entry"]


async def test_another_amount_or_account_is_no_match() -> None:
    async with world() as w:
        await _begun(w)
        cent, away = await w.order(), await w.order()
        w.book(cent, -cent.amount_minor + 1)
        w.bank.book(CNY, -away.amount_minor, w.clock.today(), end_to_end_id=away.end_to_end_id)
        await w.collector.collect("eur")
        await w.collector.collect("cny")
        assert [(b.reason, b.order_id) for b in await _breaks(w)] == [
            ("account_differs", away.id),
            ("amount_differs", cent.id),
        ]
        assert await w.state_of(cent) == await w.state_of(away) == "submitted"


@pytest.mark.parametrize(
    "state", ["pending", "approved", "rejected", "expired", "cancelled", "failed"]
)
async def test_a_payment_booked_though_it_was_not_sent_is_an_alarm(state: str) -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order(OrderState(state))
        w.book(order)
        await w.collector.collect("eur")
        (found,) = await _breaks(w)
        assert (found.reason, found.order_id) == (f"booked_though_{state}", order.id)
        assert await w.state_of(order) == state
        assert [a["reason"] for a in await w.audited("reconciliation.alarm")] == [found.reason]


async def test_debits_that_are_not_ours_are_breaks_and_credits_are_none() -> None:
    async with world() as w:
        await _begun(w)
        today = w.clock.today()
        w.bank.book(EUR, -300, today, counterparty_name="Bank charges")
        w.bank.book(EUR, -400, today - timedelta(days=1), end_to_end_id="CS-PELSEWHR-1")
        w.bank.book(EUR, 500, today, end_to_end_id="THEIRS")
        w.bank.book(EUR, 600, today)
        assert (await w.collector.collect("eur")).matches == Matches(breaks=2)
        found = await _breaks(w)
        assert [(b.reason, b.amount.minor, b.order_id, b.counterparty) for b in found] == [
            ("unknown_order", -400, None, None),
            ("no_reference", -300, None, "Bank charges"),
        ]
        assert await w.audited("reconciliation.alarm") == []
        assert await _breaks(w, "cny") == []
        assert await _count(w) == 2


async def test_what_was_booked_before_we_began_is_history_unless_it_is_ours() -> None:
    async with world() as w:
        order = await w.order()
        yesterday = w.clock.today() - timedelta(days=1)
        w.bank.book(EUR, -300, yesterday)
        w.bank.book(EUR, -400, w.clock.today())
        w.bank.book(EUR, -order.amount_minor, yesterday, end_to_end_id=order.end_to_end_id)
        assert (await w.collector.collect("eur")).matches == Matches(booked=1, breaks=1)
        assert [b.amount.minor for b in await _breaks(w)] == [-400]


@pytest.mark.parametrize("together", [True, False])
async def test_a_payment_that_comes_back_is_returned(together: bool) -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order()
        if together:
            w.book(order, order.amount_minor)
            w.book(order)
        else:
            w.book(order)
            await w.collector.collect("eur")
            w.clock.advance(days=1)
            w.book(order, order.amount_minor)
        collected = await w.collector.collect("eur")
        assert collected.matches == Matches(booked=int(together), returned=1)
        assert await w.state_of(order) == "returned"
        (told,) = await w.audited("order.returned")
        assert (told["from"], told["amount"]) == ("settled", "1250.00 EUR")
        assert await _breaks(w) == []
        assert (await w.database.read(audit.verify)).is_intact


async def test_a_return_that_does_not_fit_is_an_alarm() -> None:
    async with world() as w:
        await _begun(w)
        less, early, twice = await w.order(), await w.order(), await w.order()
        w.book(less)
        w.book(less, less.amount_minor - 500)
        w.book(early, early.amount_minor)
        w.book(twice)
        w.book(twice, twice.amount_minor)
        w.book(twice, twice.amount_minor)
        await w.collector.collect("eur")
        found = {(b.order_id, b.reason) for b in await _breaks(w)}
        assert found == {
            (less.id, "return_differs"),
            (early.id, "return_unexpected"),
            (twice.id, "duplicate_entry"),
        }
        states = [await w.state_of(order) for order in (less, early, twice)]
        assert states == ["settled", "submitted", "returned"]


async def test_a_transfer_between_our_accounts_that_arrives_has_not_come_back() -> None:
    async with world() as w:
        await _begun(w)
        order = await w.order(creditor_iban=CNY.iban)
        w.book(order)
        w.bank.book(CNY, order.amount_minor, w.clock.today(), end_to_end_id=order.end_to_end_id)
        await w.collector.collect("cny")
        await w.collector.collect("eur")
        assert await w.state_of(order) == "settled"
        w.book(order, order.amount_minor)
        assert (await w.collector.collect("eur")).matches == Matches(returned=1)
        assert await w.state_of(order) == "returned"
        assert await _breaks(w) == []


async def test_a_settled_order_on_no_statement_becomes_a_break() -> None:
    async with world() as w:
        await _begun(w)
        w.clock.advance(minutes=1)
        order = await w.order(OrderState.SETTLED)
        w.clock.advance(days=4)
        assert await _breaks(w) == []
        w.clock.advance(days=4)
        assert await _breaks(w) == []  # nothing was collected since: who knows
        w.clock.advance(days=-4)
        await w.collector.collect("eur")
        assert await _breaks(w) == []
        w.clock.advance(days=2)
        (found,) = await _breaks(w)
        assert (found.reason, found.order_id, found.amount.minor) == (
            "not_booked",
            order.id,
            -order.amount_minor,
        )
        assert not found.is_alarm
        assert await _count(w) == 1
        w.book(order)
        await w.collector.collect("eur")
        assert await _breaks(w) == []


async def test_nobody_can_say_that_a_payment_is_missing_without_statements_of_its_time() -> None:
    async with world() as w:
        await w.order(OrderState.SETTLED)
        await w.order(OrderState.SETTLED, account=CNY)
        w.clock.advance(days=60)
        await w.collector.collect("cny")
        assert await _breaks(w) == []
        assert await _count(w) == 0


async def test_alarms_come_first_then_the_oldest() -> None:
    async with world() as w:
        await _begun(w)
        for minor, age in ((-1, 0), (-2, 2), (-3, 1)):
            w.bank.book(EUR, minor, w.clock.today() - timedelta(days=age))
        w.book(await w.order(OrderState.CANCELLED))
        await w.collector.collect("eur")
        assert [b.amount.minor for b in await _breaks(w)] == [-125_000, -2, -3, -1]
        top = await w.database.read(
            lambda c: reconciliation.breaks(c, ACCOUNTS, now=w.clock(), most=2)
        )
        assert [b.amount.minor for b in top] == [-125_000, -2]
        assert await _count(w) == 4
