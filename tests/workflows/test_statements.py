"""Statements come in by four steps, whole or not at all, and balances whatever one bank does."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Account, Balance, Capability, Document, NotSent, Statement
from connectors.money import MAX_MINOR, Money
from tests.workflows.ledger import CNY, EUR, LedgerBank, World, world
from workflows import audit, balances, tables
from workflows.refusal import Refusal
from workflows.statement_checks import check_against_record
from workflows.statements import Step

BOOKS = (tables.statement, tables.statement_entry, tables.payment_order)


async def _books(w: World) -> list[Any]:
    """Return everything that a document which is not believed must leave as it was."""
    return [await w.rows(table) for table in BOOKS]


# ---- collect ----------------------------------------------------------------------------------


async def test_a_raw_document_is_kept_with_its_hash_and_period() -> None:
    async with world() as w:
        w.bank.book(EUR, 100, w.clock.today())
        collected = await w.collector.collect("eur")
        (kept,) = await w.rows(tables.document)
        assert kept["id"] == collected.document_id
        assert json.loads(kept["content"])["closing"] == 100
        assert kept["sha256"] == hashlib.sha256(kept["content"]).hexdigest()
        assert (kept["period_from"], kept["period_to"]) == (
            date(2026, 10, 19),
            date(2026, 11, 18),
        )
        assert (kept["state"], kept["collected_at"]) == ("synced", w.clock())


async def test_what_cannot_be_read_is_kept_in_quarantine() -> None:
    async with world() as w:
        w.bank.garbage = b"<h1>Sorry"
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert (collected.trouble.step, collected.trouble.code) == (
            Step.CONVERT,
            "answer.malformed",
        )
        (kept,) = await w.rows(tables.document)
        assert (kept["content"], kept["state"]) == (b"<h1>Sorry", "quarantined")
        assert kept["reason"] == "answer.malformed"
        assert json.loads(kept["reason_facts"])["detail"] == "no JSON"
        assert await w.audited("statement.quarantined") == [
            {
                "kind": "statement.quarantined",
                "subject": "eur",
                "step": "convert",
                "code": "answer.malformed",
                "connector": "bank",
                "detail": "no JSON",
                "document": kept["id"],
            }
        ]
        assert await _books(w) == [[], [], []]


async def test_a_fault_of_ours_in_reading_a_document_is_quarantine_too() -> None:
    async with world() as w:
        w.bank.tamper = lambda said: said.pop("closing")
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert (collected.trouble.code, collected.trouble.facts) == (
            "internal",
            {"detail": "KeyError"},
        )


async def test_days_are_the_accounts_own() -> None:
    async with world() as w:
        w.clock.now = datetime(2026, 11, 18, 20, tzinfo=UTC)
        await w.collector.collect("eur")
        await w.collector.collect("cny")
        assert [last for _, last in w.bank.asked] == [date(2026, 11, 18), date(2026, 11, 19)]


async def test_a_collection_reaches_three_days_behind_the_last_even_when_that_brought_nothing() -> (
    None
):
    async with world() as w:
        await w.collector.collect("eur")
        w.clock.advance(days=20)
        await w.collector.collect("eur")
        w.clock.advance(days=1)
        await w.collector.collect("eur")
        assert w.bank.asked == [
            (date(2026, 10, 19), date(2026, 11, 18)),
            (date(2026, 11, 15), date(2026, 12, 8)),
            (date(2026, 12, 5), date(2026, 12, 9)),
        ]
        assert len(await w.rows(tables.statement)) == 1


async def test_a_bank_that_does_not_answer_is_told_once_until_it_answers_again() -> None:
    async with world() as w:
        await w.collector.collect("eur")

        async def down(account: Account) -> None:
            raise NotSent("bank", "http.connect", "refused", {"status": "503"})

        w.bank.before_answer = down
        w.clock.advance(minutes=15)
        first = await w.collector.collect("eur")
        w.clock.advance(minutes=15)
        second = await w.collector.collect("eur")
        assert first.trouble is not None
        assert first.trouble == second.trouble
        assert first.trouble.step is Step.COLLECT
        assert first.document_id is None
        assert await w.audited("statement.not_collected") == [
            {
                "kind": "statement.not_collected",
                "subject": "eur",
                "step": "collect",
                "code": "http.connect",
                "connector": "bank",
                "detail": "refused",
                "status": "503",
            }
        ]
        w.bank.before_answer = None
        assert (await w.collector.collect("eur")).trouble is None
        await w.collector.collect("eur")
        assert len(await w.audited("statement.recovered")) == 1
        w.bank.before_answer = down
        await w.collector.collect("eur")
        assert len(await w.audited("statement.not_collected")) == 2


async def test_an_account_that_cannot_be_collected_says_so() -> None:
    async with world() as w:
        with pytest.raises(Refusal) as refused:
            await w.collector.collect("gbp")
        assert refused.value.code == "account.unknown"
        w.bank.capabilities = frozenset({Capability.PAYMENTS})
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert collected.trouble.code == "connector.unsupported"
        w.connectors.clear()
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert collected.trouble.code == "connector.unsupported"


async def test_a_large_document_is_read_off_the_event_loop() -> None:
    async with world() as w:
        for n in range(500):
            w.bank.book(EUR, n + 1, w.clock.today(), remittance_information="x" * 60)
        readers: list[threading.Thread] = []
        w.bank.before_reading = lambda: readers.append(threading.current_thread())
        assert (await w.collector.collect("eur")).new == 500
        assert len(readers) == 1
        assert readers[0] is not threading.current_thread()


# ---- sync -------------------------------------------------------------------------------------


async def test_a_statement_is_synced_with_its_entries_and_put_on_the_record() -> None:
    async with world() as w:
        w.bank.opened_with["eur"] = 1_000
        w.bank.book(EUR, 500, w.clock.today() - timedelta(days=1), counterparty_name="Customer")
        w.bank.book(EUR, -200, w.clock.today(), remittance_information="Rent")
        collected = await w.collector.collect("eur")
        assert (collected.new, collected.known, collected.trouble) == (2, 0, None)
        (statement,) = await w.rows(tables.statement)
        assert statement["id"] == collected.statement_id
        assert (statement["opening_minor"], statement["closing_minor"]) == (1_000, 1_300)
        stored = await w.rows(tables.statement_entry)
        assert [(e["key"], e["amount_minor"]) for e in stored] == [("eur-1", 500), ("eur-2", -200)]
        assert (stored[0]["counterparty_name"], stored[1]["remittance"]) == ("Customer", "Rent")
        (document,) = await w.rows(tables.document)
        assert await w.audited("statement.synced") == [
            {
                "kind": "statement.synced",
                "subject": "eur",
                "document": document["id"],
                "sha256": document["sha256"],
                "period_from": "2026-10-19",
                "period_to": "2026-11-18",
                "entries": 2,
                "new": 2,
                "known": 0,
                "opening": "stated",
                "opening_balance": "10.00 EUR",
                "credits": "5.00 EUR",
                "debits": "2.00 EUR",
                "closing_balance": "13.00 EUR",
            }
        ]


async def test_without_an_opening_balance_the_first_is_derived_and_later_ones_continued() -> None:
    async with world(gives_opening=False) as w:
        w.bank.opened_with["eur"] = 700
        w.bank.book(EUR, 300, w.clock.today())
        await w.collector.collect("eur")
        w.bank.book(EUR, -50, w.clock.today())
        collected = await w.collector.collect("eur")
        assert (collected.new, collected.known) == (1, 1)
        facts = await w.audited("statement.synced")
        assert [(f["opening"], f["opening_balance"]) for f in facts] == [
            ("derived", "7.00 EUR"),
            ("continued", "10.00 EUR"),
        ]


async def test_collections_at_the_same_time_take_an_entry_in_once() -> None:
    async with world() as w:
        w.bank.book(EUR, 300, w.clock.today())
        results = await asyncio.gather(*(w.collector.collect("eur") for _ in range(5)))
        assert sorted(each.new for each in results) == [0, 0, 0, 0, 1]
        assert all(each.trouble is None for each in results)


async def test_a_slow_answer_is_taken_in_before_the_next_is_asked_for() -> None:
    async with world() as w:
        gate, is_waiting = asyncio.Event(), asyncio.Event()

        class Slow(LedgerBank):
            async def collect(self, account: Account, first: date, last: date) -> Document:
                is_first = not self.asked
                fetched = await super().collect(account, first, last)
                if is_first:
                    is_waiting.set()
                    await gate.wait()
                return fetched

        bank = w.connectors["bank"] = Slow()
        older = asyncio.create_task(w.collector.collect("eur"))
        await is_waiting.wait()
        bank.book(EUR, 300, w.clock.today())
        newer = asyncio.create_task(w.collector.collect("eur"))
        for _ in range(20):  # time enough to overtake
            await w.rows(tables.statement)
        gate.set()
        collected = await asyncio.gather(older, newer)
        assert [(each.trouble, each.new) for each in collected] == [(None, 0), (None, 1)]


async def test_a_calendar_that_goes_back_a_day_loses_nothing() -> None:
    async with world() as w:
        w.bank.book(EUR, 300, w.clock.today())
        await w.collector.collect("eur")
        w.clock.advance(days=-1)
        w.bank.book(EUR, 200, w.clock.today())
        collected = await w.collector.collect("eur")
        assert (collected.trouble, collected.new, collected.known) == (None, 1, 1)
        assert w.bank.asked[-1] == (date(2026, 11, 15), date(2026, 11, 18))


async def test_a_statement_of_an_earlier_period_does_not_come_after_a_later_one() -> None:
    async with world() as w:
        await w.collector.collect("eur")
        yesterday = w.clock.today() - timedelta(days=1)
        late = Statement(EUR.iban, yesterday, yesterday, None, Money(0, "EUR"), ())
        with pytest.raises(Refusal) as refused:
            await w.database.read(lambda c: check_against_record(c, EUR, late))
        assert refused.value.code == "statement.out_of_order"


async def test_reworded_texts_are_no_change_of_an_entry() -> None:
    async with world() as w:
        w.bank.book(EUR, 300, w.clock.today(), counterparty_name="ACME  LTD")
        await w.collector.collect("eur")
        w.bank.tamper = lambda said: said["entries"][0].update(name="Acme Ltd", text="Thanks")
        assert (await w.collector.collect("eur")).trouble is None


Booking = tuple[int, int]
"""How many days before the collection it is booked, and the amount."""
_amounts = st.integers(-(10**9), 10**9)
_rounds = st.lists(
    st.tuples(st.integers(0, 12), st.lists(st.tuples(st.integers(0, 3), _amounts), max_size=6)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(st.booleans(), _amounts, st.lists(st.tuples(st.integers(0, 60), _amounts)), _rounds)
def test_consistent_statements_sync_and_keep_every_cent_under_any_overlap(
    gives_opening: bool,
    opened_with: int,
    history: list[Booking],
    rounds: list[tuple[int, list[Booking]]],
) -> None:
    async def run() -> None:
        async with world(gives_opening=gives_opening) as w:
            w.bank.opened_with["eur"] = opened_with
            for age, minor in history:
                w.bank.book(EUR, minor, w.clock.today() - timedelta(days=age))
            seen = 0
            for days, bookings in [(0, []), *rounds]:
                w.clock.advance(days=days)
                for age, minor in bookings:
                    w.bank.book(EUR, minor, w.clock.today() - timedelta(days=age))
                collected = await w.collector.collect("eur")
                assert collected.trouble is None
                entries = await w.rows(tables.statement_entry)
                statements = await w.rows(tables.statement)
                assert len(entries) == seen + collected.new
                seen = len(entries)
                moved = sum(entry["amount_minor"] for entry in entries)
                assert statements[0]["opening_minor"] + moved == w.bank.balance(EUR)
                assert statements[-1]["closing_minor"] == w.bank.balance(EUR)
            for before, after in pairwise(statements):
                assert after["opening_minor"] == before["closing_minor"]
            recent = [age for age, _ in history if age <= 30]
            assert seen == len(recent) + sum(len(bookings) for _, bookings in rounds)

    asyncio.run(run())


@settings(max_examples=20, deadline=None)
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 29), _amounts)))
def test_collecting_twice_changes_nothing(gives_opening: bool, bookings: list[Booking]) -> None:
    async def run() -> None:
        async with world(gives_opening=gives_opening) as w:
            for age, minor in bookings:
                w.bank.book(EUR, minor, w.clock.today() - timedelta(days=age))
            await w.collector.collect("eur")
            await w.collector.collect("eur")
            everything = [*BOOKS, tables.audit_entry, tables.document]
            before = [await w.rows(table) for table in everything]
            again = await w.collector.collect("eur")
            assert (again.new, again.statement_id) == (0, None)
            assert [await w.rows(table) for table in everything] == before
            w.clock.advance(hours=1)
            await w.collector.collect("eur")
            (*_, document) = await w.rows(tables.document)
            assert document["seen_at"] == w.clock()

    asyncio.run(run())


# ---- validate ---------------------------------------------------------------------------------

Lie = Callable[[dict[str, Any]], None]


def _shift(name: str, by: int) -> Lie:
    def lie(said: dict[str, Any]) -> None:
        said[name] += by

    return lie


def _entry(index: int, **values: Any) -> Lie:
    """Change an entry and nothing else."""
    return lambda said: said["entries"][index].update(values)


def _swap_days(said: dict[str, Any]) -> None:
    said["from"], said["to"] = said["to"], said["from"]


def _withdraw(said: dict[str, Any]) -> None:
    """Take back what was booked before, balances and all."""
    entry = said["entries"].pop(0)
    said["closing"] -= entry["amount"]


def _replace(said: dict[str, Any]) -> None:
    """Tell a known entry under another key."""
    said["entries"][0]["key"] = "another"


def _raise(said: dict[str, Any]) -> None:
    """Tell another amount for a known entry, balances and all."""
    said["entries"][0]["amount"] += 5
    said["closing"] += 5


def _twice(said: dict[str, Any]) -> None:
    said["entries"].append(said["entries"][-1])
    said["closing"] += said["entries"][-1]["amount"]


def _too_much(said: dict[str, Any]) -> None:
    for sign in (1, -1):
        entry = {**said["entries"][-1], "key": f"huge{sign}", "amount": sign * MAX_MINOR}
        said["entries"].append(entry)


LIES: list[tuple[str, Lie]] = [
    ("statement.other_account", lambda said: said.update(iban=CNY.iban)),
    ("statement.other_period", _swap_days),
    ("statement.other_period", lambda said: said.update({"from": "2026-01-01"})),
    ("statement.currency", lambda said: said.update(currency="USD")),
    ("statement.sum", _shift("closing", 1)),
    ("statement.sum", _shift("opening", -1)),
    ("statement.sum", _entry(-1, amount=77)),
    ("entry.currency", _entry(-1, currency="USD")),
    ("entry.key", _entry(-1, key="")),
    ("entry.key", _entry(-1, key="k" * 257)),
    ("entry.duplicate", _twice),
    ("statement.outside_period", _entry(-1, booked="2026-11-30")),
    ("statement.too_large", _too_much),
    ("entry.changed", _raise),
    ("entry.changed", _entry(0, booked="2026-11-18")),
    ("entry.changed", _entry(0, id="CS-OTHER")),
    ("entry.missing", _replace),
    ("entry.missing", _withdraw),
]


@pytest.mark.parametrize(("code", "lie"), LIES)
async def test_a_statement_that_does_not_hold_is_quarantined_whole(code: str, lie: Lie) -> None:
    async with world() as w:
        w.bank.opened_with["eur"] = 1_000
        w.bank.book(EUR, 500, w.clock.today() - timedelta(days=1))
        await w.collector.collect("eur")
        order = await w.order()
        w.book(order)
        before = await _books(w)
        w.bank.tamper = lie
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert collected.trouble.code == code
        assert collected.trouble.step is Step.VALIDATE
        assert await _books(w) == before
        (*_, document) = await w.rows(tables.document)
        assert (document["state"], document["reason"]) == ("quarantined", code)
        assert [e["code"] for e in await w.audited("statement.quarantined")] == [code]

        w.bank.tamper = None
        collected = await w.collector.collect("eur")
        assert (collected.trouble, collected.new, collected.matches.booked) == (None, 1, 1)
        assert (await w.database.read(audit.verify)).is_intact


async def test_what_came_in_between_must_be_in_the_statement() -> None:
    async with world(gives_opening=False) as w:
        w.bank.book(EUR, 500, w.clock.today())
        await w.collector.collect("eur")
        w.bank.opened_with["eur"] = 40
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert (collected.trouble.code, dict(collected.trouble.facts)) == (
            "statement.discontinuous",
            {"closing": "5.40 EUR", "difference": "0.40 EUR"},
        )


async def test_a_known_entry_cannot_come_again_on_a_later_day() -> None:
    async with world(gives_opening=False) as w:
        w.bank.book(EUR, 500, w.clock.today(), key="k")
        await w.collector.collect("eur")
        w.clock.advance(days=10)
        await w.collector.collect("eur")
        w.bank.book(EUR, 500, w.clock.today(), key="k")
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert collected.trouble.code == "entry.changed"


async def test_an_entry_booked_later_than_the_overlap_is_found_by_the_next_collection() -> None:
    async with world() as w:
        await w.collector.collect("eur")
        w.bank.book(EUR, 500, w.clock.today() - timedelta(days=10))
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert collected.trouble.code == "statement.discontinuous"
        collected = await w.collector.collect("eur")
        assert (collected.trouble, collected.new) == (None, 1)


async def test_the_same_bytes_are_read_afresh_when_they_were_in_quarantine() -> None:
    async with world() as w:
        honest = w.bank.before_reading

        def broken() -> None:
            raise ValueError

        w.bank.before_reading = broken
        await w.collector.collect("eur")
        await w.collector.collect("eur")
        w.bank.before_reading = honest
        collected = await w.collector.collect("eur")
        assert collected.trouble is None
        (document,) = await w.rows(tables.document)
        assert (document["state"], document["reason"]) == ("synced", None)
        assert len(await w.audited("statement.quarantined")) == 1


@settings(max_examples=40, deadline=None)
@given(
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 3), _amounts), min_size=1, max_size=6),
    st.data(),
)
def test_any_inconsistency_quarantines(
    gives_opening: bool, bookings: list[Booking], data: st.DataObject
) -> None:
    """Change any one amount, balance or day, drop or add any one entry: nothing is believed."""

    async def run() -> None:
        async with world(gives_opening=gives_opening) as w:
            for age, minor in bookings:
                w.bank.book(EUR, minor, w.clock.today() - timedelta(days=age))
            await w.collector.collect("eur")
            w.bank.book(EUR, data.draw(_amounts), w.clock.today())
            before = await _books(w)
            w.bank.tamper = lambda said: _distort(said, data)
            collected = await w.collector.collect("eur")
            assert collected.trouble is not None
            assert await _books(w) == before

    asyncio.run(run())


def _distort(said: dict[str, Any], data: st.DataObject) -> None:
    by = data.draw(st.integers(-1000, 1000).filter(bool))
    index = data.draw(st.integers(0, len(said["entries"]) - 1))
    entry = said["entries"][index]
    ways = ["closing", "amount", "add"] + (["drop"] if entry["amount"] else [])
    match data.draw(st.sampled_from(ways)):
        case "closing":
            said["closing"] += by
        case "amount":
            entry["amount"] += by
        case "add":
            said["entries"].append({**entry, "key": "added", "amount": by})
        case "drop":
            said["entries"].pop(index)


# ---- live balances ----------------------------------------------------------------------------


async def test_live_balances_are_fresh_and_remembered() -> None:
    async with world() as w:
        w.bank.opened_with = {"eur": 5_000, "cny": 900}
        owned = [w.company.accounts["cny"], w.company.accounts["eur"]]
        readings = await w.collector.balances(owned)
        assert [(r.account_id, r.booked, r.available) for r in readings] == [
            ("cny", Money(900, "CNY"), Money(800, "CNY")),
            ("eur", Money(5_000, "EUR"), Money(4_900, "EUR")),
        ]
        assert all(r.is_fresh and r.error is None and r.at == w.clock() for r in readings)
        then = w.clock()
        w.clock.advance(hours=2)
        (known,) = await w.collector.known_balances(owned[1:])
        assert (known.booked, known.at, known.is_fresh) == (Money(5_000, "EUR"), then, False)


async def test_a_bad_bank_spoils_no_other_and_what_was_known_is_shown_with_its_age() -> None:
    async with world(patience=0.05) as w:
        owned = list(w.company.accounts.values())
        then = w.clock()
        await w.collector.balances(owned)
        w.clock.advance(hours=3)
        problems: dict[str, Any] = {
            "eur": NotSent("bank", "http.connect"),
            "cny": RuntimeError("a fault of ours"),
        }

        async def trouble(account: Account) -> None:
            if account.id in problems:
                raise problems[account.id]

        w.bank.before_answer = trouble
        eur, cny = await w.collector.balances(owned)
        assert (eur.error, cny.error) == ("http.connect", "internal")
        assert (eur.is_fresh, eur.at, eur.booked) == (False, then, Money(0, "EUR"))
        del problems["cny"]
        eur, cny = await w.collector.balances(owned)
        assert (eur.is_fresh, cny.is_fresh, cny.at) == (False, True, w.clock())


async def test_a_bank_that_hangs_is_not_waited_for() -> None:
    async with world(patience=0.01) as w:

        async def hang(account: Account) -> None:
            await asyncio.Event().wait()

        w.bank.before_answer = hang
        (reading,) = await w.collector.balances([w.company.accounts["eur"]])
        assert (reading.error, reading.at, reading.booked) == ("http.timeout", None, None)


async def test_an_answer_without_a_balance_of_the_account_is_none() -> None:
    async with world() as w:

        class Silent(LedgerBank):
            async def balances(self, account: Account) -> tuple[Balance, ...]:
                return tuple(
                    Balance(each.type, Money(1, "USD")) for each in await super().balances(account)
                )

        w.connectors["bank"] = Silent()
        (reading,) = await w.collector.balances([w.company.accounts["eur"]])
        assert (reading.error, reading.at) == ("balance.missing", None)


async def test_an_answer_that_comes_late_does_not_replace_a_newer_one() -> None:
    async with world() as w:
        w.bank.opened_with["eur"] = 5_000
        newest = w.clock()
        (fresh,) = await w.collector.balances([w.company.accounts["eur"]])
        late = replace(fresh, booked=Money(1, "EUR"))
        before = newest - timedelta(seconds=1)
        await w.database.write(lambda c: balances.remember(c, [late], now=before))
        (known,) = await w.collector.known_balances([w.company.accounts["eur"]])
        assert (known.booked, known.at) == (Money(5_000, "EUR"), newest)


async def test_a_newer_statement_tells_the_booked_balance() -> None:
    async with world() as w:
        owned = [w.company.accounts["eur"]]
        await w.collector.balances(owned)
        then = w.clock()
        w.clock.advance(hours=1)
        w.bank.book(EUR, 700, w.clock.today())
        await w.collector.collect("eur")
        (known,) = await w.collector.known_balances(owned)
        assert (known.booked, known.booked_at) == (Money(700, "EUR"), w.clock())
        assert (known.available, known.available_at, known.at) == (Money(-100, "EUR"), then, then)
