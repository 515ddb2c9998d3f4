"""What accounts held at the end of each day, as the bank's own ledger has it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Account, NotSent
from connectors.money import MAX_MINOR, Money
from tests.workflows.ledger import CNY, EUR, World, world
from workflows import history
from workflows.history import AccountHistory, Day, Figures, History
from workflows.policy import Rates

TODAY = date(2026, 11, 18)  # a Wednesday, by the ledger's clock


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


async def recent(w: World, *accounts: str, days: int = history.DAYS) -> History:
    return await w.database.read(
        lambda c: history.recent(
            c, w.company, now=w.clock(), for_accounts=accounts or ("eur", "cny"), days=days
        )
    )


async def eur(w: World, days: int = history.DAYS) -> AccountHistory:
    found = (await recent(w, "eur", days=days)).of("eur")
    assert found is not None
    return found


def closings(days: tuple[Day, ...]) -> list[int | None]:
    return [each.figures.closing.minor if each.figures else None for each in days]


def figures(closing: int, incoming: int, outgoing: int, currency: str = "EUR") -> Figures:
    return Figures(Money(closing, currency), Money(incoming, currency), Money(outgoing, currency))


async def test_an_account_without_statements_has_no_figures() -> None:
    async with world() as w:
        found = await recent(w)
        assert found.days == tuple(ago(back) for back in range(13, -1, -1))
        assert [each.account_id for each in found.accounts] == ["eur", "cny"]
        for each in found.accounts:
            assert [day.day for day in each.days] == list(found.days)
            assert closings(each.days) == [None] * 14
            assert not each.is_known
            assert not each.counts
        assert [day.figures for day in found.total] == [None] * 14


async def test_balances_and_movements_day_by_day() -> None:
    async with world() as w:
        w.bank.opened_with = {"eur": 100_000}
        w.bank.book(EUR, -5_000, ago(20))
        w.bank.book(EUR, 700, ago(3))
        w.bank.book(EUR, -300, ago(3))
        w.bank.book(EUR, -50, ago(3))
        w.bank.book(EUR, 9, TODAY)
        await w.collector.collect("eur")
        found = await eur(w)
        assert closings(found.days) == [95_000] * 10 + [95_350] * 3 + [95_359]
        assert found.days[-4].figures == figures(95_350, 700, 350)
        assert found.days[-3].figures == figures(95_350, 0, 0)
        assert found.days[-4].in_base == found.days[-4].figures
        assert (found.is_known, found.counts, found.currency) == (True, True, "EUR")


@pytest.mark.parametrize("seed", range(3))
async def test_it_is_what_the_banks_ledger_says(seed: int) -> None:
    chance = random.Random(seed)
    async with world() as w:
        w.bank.opened_with = {"eur": chance.randrange(-(10**6), 10**6)}
        for _ in range(6):
            for _ in range(chance.randrange(6)):
                late = timedelta(days=chance.randrange(3))
                w.bank.book(EUR, chance.randrange(-9_999, 9_999) or 1, w.clock.today() - late)
            await w.collector.collect("eur")
            found = await eur(w)
            for each in found.days:
                assert each.figures is not None
                assert each.figures.closing.minor == w.bank.balance(EUR, each.day)
            w.clock.advance(days=chance.randrange(1, 4))


async def test_what_is_booked_late_moves_the_days_it_belongs_to() -> None:
    async with world() as w:
        w.bank.opened_with = {"eur": 1_000}
        await w.collector.collect("eur")
        w.bank.book(EUR, -400, ago(2))
        await w.collector.collect("eur")
        assert closings((await eur(w)).days)[-4:] == [1_000, 600, 600, 600]


async def test_a_day_is_over_when_a_statement_was_fetched_after_it() -> None:
    async with world() as w:
        await w.collector.collect("eur")
        assert [each.is_over for each in (await eur(w)).days] == [True] * 13 + [False]
        w.clock.advance(days=1)
        stale = await eur(w)
        assert closings(stale.days)[-2:] == [0, None]
        assert [each.is_over for each in stale.days][-3:] == [True, False, False]
        await w.collector.collect("eur")  # brings nothing new, yet it reaches further
        fresh = await eur(w)
        assert closings(fresh.days)[-2:] == [0, 0]
        assert [each.is_over for each in fresh.days][-3:] == [True, True, False]


async def test_days_that_no_statement_reaches_are_gaps() -> None:
    async with world() as w:
        w.bank.opened_with = {"eur": 1_000}
        await w.collector.collect("eur")
        before = closings((await eur(w, days=33)).days)
        assert before == [None] * 2 + [1_000] * 31

        async def down(account: Account) -> None:
            raise NotSent("bank", "http.connect")

        w.bank.before_answer = down
        w.clock.advance(days=3)
        w.bank.book(EUR, -1, w.clock.today())
        await w.collector.collect("eur")
        assert closings((await eur(w)).days) == [1_000] * 11 + [None] * 3

        w.bank.before_answer = None
        w.bank.garbage = b"no statement"
        await w.collector.collect("eur")
        assert closings((await eur(w)).days) == [1_000] * 11 + [None] * 3

        w.bank.garbage = None
        await w.collector.collect("eur")
        assert closings((await eur(w)).days) == [1_000] * 13 + [999]
        w.clock.advance(days=20)
        assert not (await eur(w)).is_known


async def test_other_currencies_count_at_their_rate_or_not_at_all() -> None:
    async with world() as w:
        w.bank.opened_with = {"eur": 500, "cny": 8_000}
        w.bank.book(CNY, 801, ago(1))
        w.bank.book(CNY, -80, ago(1))
        for account in ("eur", "cny"):
            await w.collector.collect(account)
        found = await recent(w)
        assert [each.counts for each in found.accounts] == [True, False]
        assert found.accounts[1].days[-2].figures == figures(8_721, 801, 80, "CNY")
        assert found.accounts[1].days[-2].in_base is None
        assert found.total[-2].figures == figures(500, 0, 0)
        w.company = replace(w.company, rates=Rates("EUR", {"CNY": Decimal("0.125")}))
        found = await recent(w)
        assert found.accounts[1].days[-2].in_base == figures(1_091, 101, 10)
        assert found.total[-2].figures == figures(1_591, 101, 10)
        assert (found.total[-2].without, found.total[-2].is_over) == ((), True)
        assert not found.total[-1].is_over


async def test_a_total_says_which_accounts_it_lacks() -> None:
    async with world() as w:
        w.company = replace(w.company, rates=Rates("EUR", {"CNY": Decimal(1)}))
        w.bank.opened_with = {"eur": 500, "cny": 70}
        await w.collector.collect("cny")
        w.clock.advance(days=1)
        await w.collector.collect("eur")
        w.clock.advance(days=1)
        *_, before, first, second, third = (await recent(w)).total
        assert (before.figures, before.without) == (figures(570, 0, 0), ())
        assert (first.figures, first.without) == (figures(570, 0, 0), ())
        assert (second.figures, second.without) == (figures(500, 0, 0), ("cny",))
        assert (third.figures, third.without) == (None, ("eur", "cny"))
        assert [each.is_over for each in (before, first, second)] == [True, False, False]


async def test_what_is_more_than_money_has_no_figures() -> None:
    async with world() as w:
        w.company = replace(w.company, rates=Rates("EUR", {"CNY": Decimal(8)}))
        w.bank.opened_with = {"eur": MAX_MINOR, "cny": MAX_MINOR // 2}
        w.bank.book(EUR, -7, ago(3))
        w.bank.book(EUR, 7, ago(2))
        w.bank.book(EUR, -1, TODAY)
        for account in ("eur", "cny"):
            await w.collector.collect(account)
        eur_, cny = (await recent(w)).accounts
        assert closings(eur_.days)[-4:] == [MAX_MINOR - 7, MAX_MINOR, MAX_MINOR, MAX_MINOR - 1]
        assert (cny.is_known, cny.counts) == (True, False)
        w.company = replace(w.company, rates=Rates("EUR", {"CNY": Decimal(1)}))
        assert (await recent(w)).total[-1].figures is None


async def test_only_the_accounts_asked_for_in_their_own_currency() -> None:
    async with world() as w:
        await w.collector.collect("eur")
        assert (await recent(w, "nobodys")).accounts == ()
        own = w.company.accounts["eur"]
        changed = replace(own, account=replace(own.account, currency="USD"))
        w.company = replace(w.company, accounts={"eur": changed})
        found = await eur(w)
        assert (found.currency, found.is_known) == ("USD", False)


async def test_days_are_each_accounts_own_on_one_axis() -> None:
    async with world() as w:
        w.clock.now = datetime(2026, 11, 18, 20, tzinfo=UTC)  # the 19th in Shanghai
        for account in ("eur", "cny"):
            await w.collector.collect(account)
        found = await recent(w)
        assert found.days[-1] == date(2026, 11, 19)
        eur_, cny = found.accounts
        assert closings(eur_.days)[-2:] == [0, None]
        assert closings(cny.days)[-2:] == [0, 0]
        assert [each.is_over for each in eur_.days][-3:] == [True, False, False]
        assert [each.is_over for each in cny.days][-3:] == [True, True, False]
        w.company = replace(w.company, timezone=ZoneInfo("Pacific/Kiritimati"))
        assert (await recent(w, "eur")).days[-1] == date(2026, 11, 18)
