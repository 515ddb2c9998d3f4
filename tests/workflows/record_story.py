"""A database in which everything that the record tells of has happened, and tools to alter it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine

from connectors.base import Outcome, Progress, Receipt
from connectors.money import Money
from tests.workflows.company import ACME, CIPHER, NEW_IBAN, PEOPLE, Hands, Phones
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from workflows import (
    audit,
    freeze,
    instructions,
    kept_files,
    payee_changes,
    payees,
    people,
    proposal_decisions,
    proposals,
    receipts,
    release,
    requests,
    second_factor,
)
from workflows.approvals import Decision
from workflows.database import Database, SqliteDatabase
from workflows.orders import Order
from workflows.payee_changes import Action as Change
from workflows.payee_changes import Details, Wish
from workflows.payees import Payee
from workflows.proposal_decisions import Choice
from workflows.record import checkpoints, verification
from workflows.record.checkpoints import Checkpoint, RecordKey
from workflows.record.verification import Head, Report
from workflows.record.witness import Witness
from workflows.release import Allowance

T = TypeVar("T")

KEY = RecordKey(b"s" * 32)
FILLER = 1100
"""Entries that tell of no row: enough for a subtree to be kept."""
PENDING = Outcome(Progress.PENDING, "ACTC", reference="BANK-1", waiting_for_person="App")
SETTLED = Outcome(Progress.SETTLED, "ACSC", reference="BANK-1", entry_reference="ENTRY-1")


@dataclass(frozen=True)
class Story:
    """Ids of what happened.

    Attributes:
        settled: An order with an invoice, paid and receipted.
        unknown: One whose answer was lost.
        loose: A file that no order has.
    """

    settled: str
    amended: str
    rejected: str
    unknown: str
    pending: str
    invoice: str
    listed: str
    loose: str


class Teller:
    """Lets it all happen, through the functions that the service uses."""

    def __init__(self, database: Database, hands: Hands, phones: Phones) -> None:
        self.desk = Desk(database, hands, phones)
        self.hands = hands
        self.database = database

    async def do(self, work: Callable[..., T], **more: Any) -> T:
        """Run a function of the company's in a transaction of its own, a minute later."""
        self.hands.forward(seconds=60)
        return await self.database.write(partial(work, now=self.hands(), **more))

    async def tell(self) -> Story:
        invoice = await self.keep("invoice.pdf", b"%PDF-1.7 invoice")
        loose = await self.keep("lost.pdf", b"%PDF-1.7 another")
        listed = await self.keep("list.csv", b"payee;amount")
        settled = await self.settled(invoice)
        story = Story(
            settled=settled.id,
            amended=(await self.amended()).id,
            rejected=(await self.rejected()).id,
            unknown=(await self.unknown()).id,
            pending=(await self.listed(listed)).id,
            invoice=invoice,
            listed=listed,
            loose=loose,
        )
        await self.people()
        await self.brake()
        changed = replace(ACME, name="ACME AG")
        await self.do(payees.register, payees=[changed, Payee("new", "New SA", NEW_IBAN)])
        await self.do(payees.register, payees=[changed])
        await self.proposals()
        return story

    async def keep(self, name: str, content: bytes) -> str:
        kept = await self.do(
            kept_files.keep,
            person=PEOPLE_BY_ID["amara"],
            name=name,
            media_type="application/pdf",
            content=content,
        )
        return kept.id

    async def ask(self, minor: int, **more: Any) -> Order:
        self.hands.forward(seconds=60)
        return await self.desk.ask(replace(LARGE, amount=Money(minor, "EUR"), **more))

    async def approved(self, minor: int, **more: Any) -> Order:
        order = await self.ask(minor, **more)
        for who in ("bea", "carl"):
            self.hands.forward(seconds=60)
            await self.desk.decide(who, order)
        return await self.desk.now(order)

    async def sent(self, order: Order) -> None:
        company = self.desk.company
        await self.do(
            release.release, company=company, order_id=order.id, service_of=lambda _: "sct"
        )
        await self.do(
            release.claim,
            company=company,
            order_id=order.id,
            allowance=Allowance(),
            orphaned_after=timedelta(0),
        )

    async def settled(self, invoice: str) -> Order:
        order = await self.approved(125_000, files=(invoice,))
        await self.sent(order)
        for outcome in (PENDING, SETTLED):
            await self.do(instructions.learned, order_id=order.id, outcome=outcome)
        found = Receipt("RECEIPT-1", "text/plain", b"paid", self.hands().date(), True)
        await self.do(receipts.keep, order_id=order.id, found=found)
        return order

    async def amended(self) -> Order:
        order = await self.ask(130_000)
        await self.desk.decide("bea", order)
        payment = replace(LARGE, amount=Money(140_000, "EUR"))
        await self.do(
            requests.amend,
            company=self.desk.company,
            person=PEOPLE_BY_ID["amara"],
            order_id=order.id,
            payment=payment,
            version=1,
        )
        await self.do(requests.cancel, person=PEOPLE_BY_ID["amara"], order_id=order.id)
        return order

    async def rejected(self) -> Order:
        order = await self.ask(150_000)
        await self.desk.decide("bea", order, Decision.REJECT, reason="twice")
        return order

    async def unknown(self) -> Order:
        order = await self.approved(160_000)
        await self.sent(order)
        await self.do(instructions.lost, order_id=order.id, code="http.timeout", detail=None)
        await self.do(instructions.ask_person, order_id=order.id)
        return order

    async def listed(self, file: str) -> Order:
        order = await self.ask(170_000)

        def work(connection: Connection, now: Any) -> None:
            kept = kept_files.own(connection, PEOPLE_BY_ID["amara"], [file])
            kept_files.bind(connection, kept, order.id)
            audit.append(
                connection,
                at=now,
                actor="amara",
                kind="list.requested",
                subject=file,
                facts={"sha256": kept[0].sha256, "orders": [order.id]},
            )

        await self.do(work)
        return order

    async def people(self) -> None:
        for chat, name, number in (("slack", "bea", "U1"), ("telegram", "carl", "22")):
            person = PEOPLE_BY_ID[name]
            await self.do(people.link, person=person, chat=chat, external_id=number)
        carl = PEOPLE_BY_ID["carl"]
        await self.do(people.set_reachable, person=carl, chat="telegram", is_reachable=False)
        await self.do(people.unlink, person=PEOPLE_BY_ID["bea"], chat="slack", by="console")

    async def brake(self) -> None:
        roles = frozenset({"controller", "cfo"})
        permissions = replace(self.desk.company.permissions, freeze=roles, unfreeze=roles)
        company = replace(self.desk.company, permissions=permissions)
        begin = partial(freeze.begin, person=PEOPLE_BY_ID["bea"], permitted=roles, reason="odd")
        begun = await self.do(begin)
        self.hands.forward(seconds=60)
        await self.do(
            freeze.agree_to_lift,
            company=company,
            cipher=CIPHER,
            person=PEOPLE_BY_ID["carl"],
            shown=begun.key,
            code=self.desk.phones.code("carl", offset=2),
        )

    async def proposals(self) -> None:
        """A payee of the register's own that came to be, and one that was turned down."""
        may = replace(self.desk.company.permissions, payees=frozenset({"controller", "cfo"}))
        company = replace(self.desk.company, permissions=may)
        for name, decision in (("Neu SARL", "approve"), ("Alt SARL", "reject")):
            details = Details(name, NEW_IBAN)
            made = await self.do(
                payee_changes.propose,
                company=company,
                person=PEOPLE_BY_ID["bea"],
                wish=Wish(Change.ADD, details=details),
                key=name,
            )
            self.hands.forward(seconds=60)
            choice = Choice(
                made.id,
                made.digest,
                proposals.Decision(decision),
                self.desk.phones.code("carl", offset=2),
                reason="no",
                has_acknowledged=True,
            )
            await self.do(
                proposal_decisions.decide,
                company=company,
                cipher=CIPHER,
                person=PEOPLE_BY_ID["carl"],
                choice=choice,
            )

    async def fill(self) -> None:
        def work(connection: Connection, now: Any) -> None:
            for number in range(FILLER):
                audit.append(
                    connection, at=now, actor="system", kind="note", subject=f"n{number % 7}"
                )

        await self.do(work)


@dataclass(frozen=True)
class Book:
    """A file in which all that was told, with three checkpoints, each witnessed."""

    path: Path
    witness: Witness
    story: Story
    made: tuple[Checkpoint, ...]

    def copy(self, folder: Path) -> Book:
        path, witness = folder / "copy.sqlite", folder / "copy.witness"
        path.write_bytes(self.path.read_bytes())
        witness.write_bytes(self.witness.path.read_bytes())
        return Book(path, Witness(witness), self.story, self.made)

    def alter(self, *statements: str | tuple[str, Iterable[Any]]) -> None:
        """Do what whoever can write the file could do."""
        with sqlite3.connect(self.path) as database:
            for each in statements:
                sql, parameters = (each, ()) if isinstance(each, str) else each
                changed = database.execute(sql, tuple(parameters)).rowcount
                assert changed, f"nothing to alter: {sql}"

    def ask(self, sql: str, *parameters: Any) -> Any:
        with sqlite3.connect(self.path) as database:
            return database.execute(sql, parameters).fetchone()

    def verify(self, *heads: str, is_keyed: bool = True, is_witnessed: bool = True) -> Report:
        engine = create_engine(f"sqlite:///{self.path}")
        try:
            with engine.connect() as connection:
                return verification.verify(
                    connection,
                    keys=[KEY.public] if is_keyed else [],
                    witness=self.witness if is_witnessed else None,
                    heads=[Head.parse(each) for each in heads],
                )
        finally:
            engine.dispose()

    def findings(self, *heads: str, **how: bool) -> list[str]:
        return [str(each) for each in self.verify(*heads, **how).findings]


async def enrol(database: Database, hands: Hands, phones: Phones) -> None:
    await database.write(lambda c: payees.register(c, [ACME], now=hands()))
    for person in PEOPLE:
        await database.write(
            partial(
                second_factor.enrol,
                cipher=CIPHER,
                person_id=person.id,
                secret=phones.secret(person.id),
                now=hands(),
            )
        )


async def checkpointed(database: Database, hands: Hands) -> Checkpoint:
    made = await database.write(lambda c: checkpoints.make_checkpoint(c, KEY, hands()))
    assert made is not None
    return made


def written(folder: Path) -> Book:
    """Write the book, once for a whole module of tests."""

    async def write() -> Book:
        hands = Hands()
        phones = Phones(hands)
        database = SqliteDatabase(folder / "book.sqlite")
        await database.open()
        await enrol(database, hands, phones)
        teller = Teller(database, hands, phones)
        made = [await checkpointed(database, hands)]
        await teller.fill()
        made.append(await checkpointed(database, hands))
        story = await teller.tell()
        made.append(await checkpointed(database, hands))
        await teller.keep("late.pdf", b"after the last checkpoint")
        await database.close()
        witness = Witness(folder / "record.witness")
        for each in made:
            witness.append(each)
        return Book(folder / "book.sqlite", witness, story, tuple(made))

    return asyncio.run(write())
