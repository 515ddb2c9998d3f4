"""The digest tells what the tables say, of the accounts asked for, the same every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from connectors.base import Account, NotSent
from connectors.money import Money
from tests.workflows.ledger import CNY, EUR, World, world
from workflows import audit, digest, instructions, orders, tables
from workflows.calendars import Calendar
from workflows.digest import Digest, Tally
from workflows.orders import OrderState
from workflows.policy import Rates
from workflows.statements import Step


async def _compose(w: World, *accounts: str, **more: Any) -> Digest:
    return await w.database.read(
        lambda c: digest.compose(
            c, w.company, now=w.clock(), for_accounts=accounts or ("eur", "cny"), **more
        )
    )


def _eur(count: int, minor: int) -> Tally:
    return Tally(count, Money(minor, "EUR"))


async def test_a_company_that_has_just_begun() -> None:
    async with world() as w:
        composed = await _compose(w)
        assert [each.account_id for each in composed.accounts] == ["eur", "cny"]
        assert (composed.total, composed.without_balance) == (None, ("eur", "cny"))
        assert (composed.waiting, composed.waiting_since, composed.undecided) == (0, None, ())
        assert (composed.breaks, composed.break_count, composed.troubled) == ((), 0, ())
        assert (composed.audit_seq, composed.audit_hash) == (0, audit.GENESIS)
        assert composed.accounts[0].outgoing == _eur(0, 0)
        assert composed.accounts[0].collected_at is None


async def test_cash_movements_matches_and_breaks_of_the_period() -> None:
    async with world() as w:
        w.bank.opened_with = {"eur": 500_000, "cny": 80_000}
        today = w.clock.today()
        await w.collector.collect("eur")
        order = await w.order()
        w.book(order)
        w.bank.book(EUR, -300, today - timedelta(days=1))
        w.bank.book(EUR, 900, today - timedelta(days=1))
        w.bank.book(EUR, -77, today - timedelta(days=2))
        await w.collector.collect("eur")
        composed = await _compose(w)
        eur, cny = composed.accounts
        assert (eur.name, eur.currency) == ("EUR", "EUR")
        assert (eur.period_from, eur.period_to) == (date(2026, 11, 17), date(2026, 11, 18))
        assert (eur.incoming, eur.outgoing) == (_eur(1, 900), _eur(2, 125_300))
        assert (eur.matched, eur.unmatched) == (_eur(1, 125_000), _eur(1, 300))
        assert (eur.entries, eur.collected_at) == (3, w.clock())
        assert (eur.reading.booked, eur.reading.booked_at) == (Money(375_523, "EUR"), w.clock())
        assert (cny.entries, cny.reading.booked) == (0, None)
        assert composed.total == Money(375_523, "EUR")
        assert (composed.break_count, [b.amount.minor for b in composed.breaks]) == (2, [-77, -300])
        seq, head = await w.database.read(audit.head)
        assert (composed.audit_seq, composed.audit_hash) == (seq, head)
        assert await _compose(w) == composed

        few = await _compose(w, "eur", most_breaks=1)
        assert (len(few.breaks), few.break_count) == (1, 2)
        longer = await _compose(w, "eur", since=w.clock() - timedelta(days=2))
        assert longer.accounts[0].outgoing == _eur(3, 125_377)


async def test_only_the_accounts_asked_for_are_told() -> None:
    async with world() as w:
        for account in (EUR, CNY):
            await w.collector.collect(account.id)
            await w.order(OrderState.PENDING, account=account)
            await _undecide(w, account)
            w.bank.book(account, -5, w.clock.today(account))
            await w.collector.collect(account.id)
        composed = await _compose(w, "cny", "somebody-elses")
        assert [each.account_id for each in composed.accounts] == ["cny"]
        assert (composed.waiting, len(composed.undecided)) == (1, 1)
        assert [b.account_id for b in composed.breaks] == ["cny"]
        assert composed.break_count == 1


async def _undecide(w: World, account: Account) -> str:
    order = await w.order(OrderState.UNKNOWN, account=account)
    await w.database.write(
        lambda c: (
            c.execute(
                update(tables.instruction)
                .where(tables.instruction.c.order_id == order.id)
                .values(state="unknown")
            ).rowcount
        )
    )
    await w.database.write(lambda c: instructions.ask_person(c, order.id, now=w.clock()))
    return order.id


async def test_what_waits_for_people() -> None:
    async with world() as w:
        asked = w.clock()
        first = await w.order(OrderState.PENDING)
        w.clock.advance(hours=5)
        await w.order(OrderState.PENDING)
        await w.order(OrderState.APPROVED)
        await w.order(OrderState.UNKNOWN)
        undecided = await _undecide(w, EUR)
        composed = await _compose(w)
        assert (composed.waiting, composed.waiting_since) == (2, asked)
        assert composed.undecided == (undecided,)
        assert (await w.database.read(lambda c: orders.get(c, first.id))).created_at == asked


async def test_accounts_in_a_currency_without_a_rate_stand_apart() -> None:
    async with world() as w:
        w.bank.opened_with = {"eur": 500, "cny": 80_000}
        await w.collector.balances(list(w.company.accounts.values()))
        composed = await _compose(w)
        assert (composed.total, composed.without_rate) == (Money(500, "EUR"), ("cny",))
        assert (composed.without_balance, composed.accounts[1].reading.available) == (
            (),
            Money(79_900, "CNY"),
        )
        w.company = replace(w.company, rates=Rates("EUR", {"CNY": Decimal("0.125")}))
        composed = await _compose(w)
        assert (composed.total, composed.without_rate) == (Money(10_500, "EUR"), ())


async def test_what_an_account_held_in_another_currency_is_not_counted() -> None:
    async with world() as w:
        w.bank.book(EUR, 500, w.clock.today())
        await w.collector.collect("eur")
        await w.collector.balances([w.company.accounts["eur"]])
        own = w.company.accounts["eur"]
        changed = replace(own, account=replace(own.account, currency="USD"))
        w.company = replace(w.company, accounts={"eur": changed})
        (account,) = (await _compose(w)).accounts
        assert (account.entries, account.reading.booked) == (0, None)


async def test_trouble_and_quarantine_are_told_until_a_collection_succeeds() -> None:
    async with world() as w:
        await w.collector.collect("eur")

        async def down(account: Account) -> None:
            raise NotSent("bank", "http.connect")

        w.bank.before_answer = down
        began = w.clock()
        await w.collector.collect("eur")
        w.clock.advance(hours=1)
        await w.collector.collect("eur")
        (eur,) = (await _compose(w)).troubled
        assert eur.trouble is not None
        assert (eur.trouble.step, eur.trouble.code) == (Step.COLLECT, "http.connect")
        assert (eur.trouble.since, eur.collected_at, eur.quarantined) == (began, began, 0)

        w.bank.before_answer = None
        w.bank.tamper = lambda said: said.update(closing=9)
        await w.collector.collect("eur")
        (eur,) = (await _compose(w)).troubled
        assert eur.trouble is not None
        assert (eur.trouble.code, eur.trouble.since) == ("statement.sum", w.clock())
        assert eur.trouble.facts["difference"] == "0.09 EUR"
        assert eur.quarantined == 1

        w.bank.tamper = None
        await w.collector.collect("eur")
        composed = await _compose(w)
        assert (composed.troubled, composed.accounts[0].quarantined) == ((), 1)
        w.clock.advance(days=5)
        assert (await _compose(w)).accounts[0].quarantined == 0


@pytest.mark.parametrize(
    ("day", "before"),
    [("2026-11-18", "2026-11-17"), ("2026-11-16", "2026-11-13"), ("2026-11-15", "2026-11-13")],
)
def test_the_business_day_before(day: str, before: str) -> None:
    found = digest.previous_business_day(date.fromisoformat(day))
    assert found == date.fromisoformat(before)


@pytest.mark.parametrize(
    ("calendar", "day", "before"),
    [
        ("TARGET", "2026-04-07", "2026-04-02"),
        ("CN", "2026-10-08", "2026-09-30"),
        ("CN", "2026-10-11", "2026-10-10"),
        ("CN", "2027-03-01", "2027-02-26"),  # nobody knows: the last that is no weekend
    ],
)
def test_the_business_day_before_is_the_calendars(calendar: str, day: str, before: str) -> None:
    found = digest.previous_business_day(date.fromisoformat(day), Calendar(calendar))
    assert found == date.fromisoformat(before)


async def test_it_tells_before_nobody_knows_the_business_days() -> None:
    async with world() as w:
        accounts = w.company.accounts
        china = replace(accounts["cny"], calendar=Calendar("CN"))
        target = replace(accounts["eur"], calendar=Calendar("TARGET"))
        w.company = replace(w.company, accounts={"eur": target, "cny": china})
        w.clock.now = datetime.fromisoformat("2026-12-01T08:00:00+00:00")
        assert [each.unknown_from for each in (await _compose(w)).accounts] == [None, None]
        w.clock.advance(days=1)
        composed = await _compose(w)
        assert [each.unknown_from for each in composed.accounts] == [None, date(2027, 1, 1)]
        assert composed.accounts[1].calendar == "CN"


async def test_days_are_each_accounts_own() -> None:
    async with world() as w:
        w.clock.now = datetime.fromisoformat("2026-11-18T20:00:00+00:00")
        assert [each.period_to for each in (await _compose(w)).accounts] == [
            date(2026, 11, 18),
            date(2026, 11, 19),
        ]
