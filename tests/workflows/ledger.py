"""A small institution that keeps an account, and a company that has two accounts with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select

from connectors.base import (
    Account,
    Balance,
    BalanceType,
    Capability,
    Connector,
    Document,
    Entry,
    Instruction,
    Outcome,
    Statement,
    Untrusted,
)
from connectors.money import Money
from workflows import orders, tables
from workflows.company import Company, OwnAccount, Permissions
from workflows.database import Database, SqliteDatabase
from workflows.orders import Order, OrderState
from workflows.people import Directory, Person
from workflows.policy import Policy, Rates
from workflows.statements import Collector

EUR = Account("eur", "DE02120300000000202051", "EUR", "Northwind GmbH", "Europe/Berlin")
CNY = Account("cny", "DE02500105170137075030", "CNY", "Northwind GmbH", "Asia/Shanghai")
PAYEE_IBAN = "FR7630006000011234567890189"
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)

    def today(self, account: Account = EUR) -> date:
        return self.now.astimezone(ZoneInfo(account.timezone)).date()


class LedgerBank(Connector):
    """Keeps a ledger per account and tells it as JSON; ``tamper`` and ``garbage`` make it lie."""

    def __init__(self, name: str = "bank", *, gives_opening: bool = True) -> None:
        self.name = name
        self.capabilities = frozenset({Capability.BALANCES, Capability.STATEMENTS})
        self.gives_opening = gives_opening
        self.opened_with: dict[str, int] = {}
        self.booked: dict[str, list[Entry]] = {EUR.id: [], CNY.id: []}
        self.asked: list[tuple[date, date]] = []
        self.tamper: Callable[[dict[str, Any]], None] | None = None
        self.garbage: bytes | None = None
        self.before_answer: Callable[[Account], Awaitable[None]] | None = None
        self.before_reading: Callable[[], None] = lambda: None

    def book(self, account: Account, minor: int, on: date, **more: Any) -> Entry:
        entries = self.booked[account.id]
        key = more.pop("key", f"{account.id}-{len(entries) + 1}")
        entry = Entry(key, Money(minor, account.currency), on, **more)
        entries.append(entry)
        return entry

    def balance(self, account: Account, until: date = date.max) -> int:
        moved = sum(e.amount.minor for e in self.booked[account.id] if e.booking_date <= until)
        return self.opened_with.get(account.id, 0) + moved

    async def balances(self, account: Account) -> tuple[Balance, ...]:
        if self.before_answer is not None:
            await self.before_answer(account)
        booked = Money(self.balance(account), account.currency)
        return (
            Balance(BalanceType.AVAILABLE, booked - Money(100, account.currency)),
            Balance(BalanceType.BOOKED, booked),
        )

    async def collect(self, account: Account, period_from: date, period_to: date) -> Document:
        self.asked.append((period_from, period_to))
        if self.before_answer is not None:
            await self.before_answer(account)
        said: dict[str, Any] = {
            "iban": account.iban,
            "currency": account.currency,
            "from": period_from.isoformat(),
            "to": period_to.isoformat(),
            "opening": self.balance(account, period_from - timedelta(days=1))
            if self.gives_opening
            else None,
            "closing": self.balance(account, period_to),
            "entries": [
                {
                    "key": e.key,
                    "amount": e.amount.minor,
                    "currency": e.amount.currency,
                    "booked": e.booking_date.isoformat(),
                    "id": e.end_to_end_id,
                    "name": e.counterparty_name,
                    "text": e.remittance_information,
                }
                for e in sorted(self.booked[account.id], key=lambda e: e.booking_date)
                if period_from <= e.booking_date <= period_to
            ],
        }
        if self.tamper is not None:
            self.tamper(said)
        content = self.garbage or json.dumps(said).encode()
        return Document("application/json", content, period_from, period_to)

    def convert(self, account: Account, document: Document) -> Statement:
        self.before_reading()
        try:
            said = json.loads(document.content)
        except ValueError:
            raise Untrusted(self.name, "answer.malformed", "no JSON") from None
        return Statement(
            account_iban=said["iban"],
            period_from=date.fromisoformat(said["from"]),
            period_to=date.fromisoformat(said["to"]),
            opening=None if said["opening"] is None else Money(said["opening"], said["currency"]),
            closing=Money(said["closing"], said["currency"]),
            entries=tuple(
                Entry(
                    key=e["key"],
                    amount=Money(e["amount"], e["currency"]),
                    booking_date=date.fromisoformat(e["booked"]),
                    end_to_end_id=e["id"],
                    counterparty_name=e["name"],
                    remittance_information=e["text"],
                )
                for e in said["entries"]
            ),
        )

    async def submit(self, instruction: Instruction) -> Outcome:
        raise self._unsupported(Capability.PAYMENTS)

    async def follow(self, instruction: Instruction, reference: str) -> Outcome:
        raise self._unsupported(Capability.PAYMENTS)


@dataclass
class World:
    """A company, its bank, its record and its collector."""

    database: Database
    company: Company
    bank: LedgerBank
    clock: Clock
    connectors: dict[str, Connector]
    collector: Collector
    orders_made: int = 0

    async def order(
        self,
        state: OrderState = OrderState.SUBMITTED,
        minor: int = 1250_00,
        account: Account = EUR,
        creditor_iban: str = PAYEE_IBAN,
    ) -> Order:
        """Put an order on the record and carry it to ``state`` by legal steps."""
        self.orders_made += 1
        order = _order(f"P{self.orders_made:08}", minor, account, creditor_iban, self.clock())

        def write(connection: Connection) -> Order:
            orders.insert_new(connection, order, facts={})
            for step in _ways()[state]:
                if step is OrderState.RELEASED:
                    _prepare(connection, order, self.clock())
                now = self.clock()
                present = orders.get(connection, order.id)
                orders.change(connection, present, step, now=now, actor="test", kind="order.test")
            return orders.get(connection, order.id)

        return await self.database.write(write)

    async def state_of(self, order: Order) -> str:
        return (await self.database.read(lambda c: orders.get(c, order.id))).state

    def book(self, order: Order, minor: int | None = None, **more: Any) -> Entry:
        """Let the bank book an order today, by default as it was asked for."""
        account = self.company.accounts[order.account_id].account
        amount = -order.amount_minor if minor is None else minor
        return self.bank.book(
            account, amount, self.clock.today(account), end_to_end_id=order.end_to_end_id, **more
        )

    async def rows(self, table: Any) -> list[dict[str, Any]]:
        found = await self.database.read(lambda c: c.execute(select(table)).mappings().all())
        return [dict(row) for row in found]

    async def audited(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the record's entries of some kinds: kind, subject and facts, without the rows."""
        rows = await self.rows(tables.audit_entry)
        return [
            {"kind": row["kind"], "subject": row["subject"], **_told(row["body"])}
            for row in sorted(rows, key=lambda row: row["seq"])
            if row["kind"] in kinds
        ]


def _told(body: str) -> dict[str, Any]:
    facts = json.loads(body)["facts"]
    return {name: fact for name, fact in facts.items() if name not in ("row", "instruction")}


def _ways() -> dict[OrderState, Iterable[OrderState]]:
    s = OrderState
    released = (s.APPROVED, s.RELEASED)
    return {
        s.PENDING: (),
        s.REJECTED: (s.REJECTED,),
        s.EXPIRED: (s.EXPIRED,),
        s.CANCELLED: (s.CANCELLED,),
        s.APPROVED: (s.APPROVED,),
        s.RELEASED: released,
        s.UNKNOWN: (*released, s.UNKNOWN),
        s.SUBMITTED: (*released, s.SUBMITTED),
        s.FAILED: (*released, s.FAILED),
        s.SETTLED: (*released, s.SETTLED),
        s.RETURNED: (*released, s.SETTLED, s.RETURNED),
    }


def _prepare(connection: Connection, order: Order, now: datetime) -> None:
    connection.execute(
        insert(tables.instruction).values(
            order_id=order.id,
            request_id=f"request-{order.id}",
            service="",
            connector="bank",
            state="sending",
            attempts=1,
            sent_at=now,
            updated_at=now,
        )
    )


def _order(order_id: str, minor: int, account: Account, creditor_iban: str, now: datetime) -> Order:
    order = Order(
        id=order_id,
        version=1,
        revision=1,
        state=OrderState.PENDING,
        digest="",
        request_key=order_id,
        requester_id="sam",
        account_id=account.id,
        debtor_iban=account.iban,
        connector="bank",
        payee_id=None,
        creditor_name="ACME",
        creditor_iban=creditor_iban,
        creditor_bic=None,
        creditor_country=None,
        amount_minor=minor,
        currency=account.currency,
        remittance="INV-7",
        execution_date=None,
        end_to_end_id=orders.end_to_end_id(order_id),
        verdict="{}",
        risks="[]",
        attachments="[]",
        origin_channel=None,
        reason_code=None,
        reason_text=None,
        created_at=now,
        expires_at=now + timedelta(days=3),
        updated_at=now,
        kind="single",
        versioned_at=now,
        release_after=None,
    )
    return replace(order, digest=orders.digest_of(order))


def company_of(*accounts: Account) -> Company:
    """Return a company with accounts at the bank."""
    return Company(
        name="Northwind",
        base_currency="EUR",
        timezone=ZoneInfo("Europe/Berlin"),
        language="en",
        directory=Directory([Person("sam", "Sam", "sam@northwind.example", frozenset({"staff"}))]),
        accounts={
            account.id: OwnAccount(account, account.id.upper(), "bank", frozenset({"staff"}))
            for account in accounts
        },
        policy=Policy("EUR", ()),
        rates=Rates("EUR", {}),
        permissions=Permissions(frozenset({"staff"}), frozenset({"staff"}), frozenset()),
    )


@asynccontextmanager
async def world(*, gives_opening: bool = True, patience: float = 10.0) -> AsyncIterator[World]:
    """Open a company's record in a folder of its own, for as long as the context lasts."""
    with TemporaryDirectory() as folder:
        database = SqliteDatabase(Path(folder) / "record.sqlite")
        await database.open()
        clock, bank = Clock(), LedgerBank(gives_opening=gives_opening)
        company = company_of(EUR, CNY)
        connectors: dict[str, Connector] = {"bank": bank}
        collector = Collector(database, company, connectors, clock, patience=patience)
        try:
            yield World(database, company, bank, clock, connectors, collector)
        finally:
            await database.close()
