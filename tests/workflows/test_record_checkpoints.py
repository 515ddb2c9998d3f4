"""Checkpoints while the service runs: when they are made, and what is never signed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from connectors.base import Indeterminate, NotSent
from tests.workflows.company import Hands, Phones
from tests.workflows.record_story import KEY, SETTLED, Teller
from tests.workflows.test_dispatch import Office
from workflows import audit, canonical, tables
from workflows.database import Database
from workflows.record import checkpoints, keeper, tree, verification
from workflows.record.checkpoints import PublicKey, RecordKey
from workflows.record.comparison import Comparison
from workflows.record.keeper import Checkpoints
from workflows.record.problems import Finding, RecordBroken
from workflows.record.verification import Report
from workflows.record.witness import Witness


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "record.witness")


@pytest.fixture
def made_by(database: Database, hands: Hands, witness: Witness) -> Checkpoints:
    return Checkpoints(database, hands, KEY, witness, every=5)


@pytest.fixture
def teller(database: Database, hands: Hands, phones: Phones) -> Teller:
    return Teller(database, hands, phones)


async def append(database: Database, hands: Hands, count: int = 1) -> None:
    def work(connection: Connection) -> None:
        for number in range(count):
            audit.append(connection, at=hands(), actor="a", kind="k", subject=f"s{number}")

    await database.write(work)


async def verified(database: Database, witness: Witness | None = None) -> Report:
    return await database.read(partial(verification.verify, keys=[KEY.public], witness=witness))


# ---- what is recorded is what is there ----------------------------------------------------------


async def test_everything_that_happens_is_told(
    teller: Teller, made_by: Checkpoints, witness: Witness
) -> None:
    story = await teller.tell()
    await made_by.make()
    report = await verified(teller.database, witness)
    assert report.findings == ()
    assert report.older == 0
    assert report.checkpoints == report.signed == report.witnessed == 1
    assert report.covered == report.entries
    assert story.settled


async def test_everything_that_is_sent_is_told(
    database: Database, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    office = Office(database, hands, phones, tmp_path)
    office.institution.answers = [
        NotSent("bank", "http.refused"),
        NotSent("bank", "http.refused"),
        Indeterminate("bank", "http.timeout"),
        SETTLED,
    ]
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "settled", "unknown")
    report = await verified(database)
    assert report.findings == ()


@pytest.mark.parametrize("window", [1, 2, 7])
async def test_a_small_window_finds_the_same(teller: Teller, window: int) -> None:
    await teller.tell()

    def compared(connection: Connection) -> tuple[list[Finding], int]:
        found = Comparison(connection, window=window)
        for *_, entry in audit.walk(connection):
            found.take(entry)
        return list(found.finish()), found.rows

    findings, rows = await teller.database.read(compared)
    assert findings == []
    assert rows == (await verified(teller.database)).rows
    await teller.database.write(lambda c: c.execute(update(tables.approval).values(factor="none")))
    findings, _ = await teller.database.read(compared)
    assert {each.problem.split(",")[0] for each in findings} == {"has factor 'none'"}


async def test_entries_of_an_older_version_tell_less(teller: Teller) -> None:
    story = await teller.tell()

    def as_before(connection: Connection) -> None:
        """Write the record anew as it was before entries told what rows became."""
        rows = connection.execute(select(tables.audit_entry)).all()
        connection.execute(delete(tables.audit_entry))
        previous = audit.GENESIS
        for row in sorted(rows, key=lambda each: each.seq):
            said = json.loads(row.body)
            if not row.kind.startswith("proposal."):  # these came with versions that tell all
                for name in ("row", "instruction"):
                    said["facts"].pop(name, None)
            if row.kind == "receipt.stored":
                del said["facts"]["media_type"]
            body = canonical.dumps(said).decode()
            found = hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()
            values = {**row._mapping, "body": body, "previous_hash": previous, "hash": found}
            connection.execute(insert(tables.audit_entry).values(**values))
            previous = found

    await teller.database.write(as_before)
    report = await verified(teller.database)
    assert report.findings == ()
    assert report.older == 5
    payment_order = tables.payment_order
    of_settled = payment_order.c.id == story.settled
    await teller.database.write(
        lambda c: c.execute(update(payment_order).where(of_settled).values(creditor_name="Eve"))
    )
    (finding,) = (await verified(teller.database)).findings
    assert str(finding) == (
        f"payment_order {story.settled} is not the payment that its digest was taken of"
    )


# ---- when they are made -------------------------------------------------------------------------


async def test_one_is_due_after_enough_entries_or_enough_time(
    made_by: Checkpoints, database: Database, hands: Hands
) -> None:
    assert await made_by.due(), "there is a record and no checkpoint"
    first = await made_by.checkpoint_if_due()
    assert first is not None
    assert not await made_by.due()
    hands.forward(days=2)
    assert not await made_by.due(), "nothing was appended"
    await append(database, hands)
    assert await made_by.due(), "more than an hour later"
    assert (await made_by.make()) is not None
    await append(database, hands, 4)
    assert await made_by.checkpoint_if_due() is None
    await append(database, hands)
    last = await made_by.checkpoint_if_due()
    assert last is not None
    assert last.seq == first.seq + 6
    hands.forward(days=-30)
    await append(database, hands)
    assert not await made_by.due(), "a clock that was set back makes none"


async def test_nothing_is_made_of_nothing(
    empty_database: Database, hands: Hands, witness: Witness
) -> None:
    await empty_database.open()
    made_by = Checkpoints(empty_database, hands, KEY, witness)
    assert not await made_by.due()
    assert await made_by.make() is None
    assert not witness.exists()
    report = await verified(empty_database, witness)
    assert report.is_intact
    assert report.witnessed is None
    await empty_database.close()


async def test_each_goes_on_from_the_one_before(
    made_by: Checkpoints, database: Database, hands: Hands, witness: Witness
) -> None:
    for count in (3, tree._BLOCK + 5, 2 * tree._BLOCK, 1):
        await append(database, hands, count)
        await made_by.make()
    again = await made_by.make()
    report = await verified(database, witness)
    assert report.findings == ()
    assert report.checkpoints == report.witnessed == 4
    assert again is not None
    assert again.root == report.root
    assert again.head == report.head
    assert len(list(witness.lines())) == 4
    places = await database.read(lambda c: sorted(tree.kept_places(c)))
    assert places == [(10, 0), (10, 1), (10, 2), (11, 0)]


async def test_two_at_once_make_one(
    database: Database, hands: Hands, witness: Witness, tmp_path: Path
) -> None:
    others = [Checkpoints(database, hands, KEY, witness) for _ in range(4)]
    others.append(Checkpoints(database, hands, KEY, Witness(tmp_path / "other.witness")))
    made = await asyncio.gather(*(each.make() for each in others))
    assert len(set(made)) == 1
    assert (await verified(database, witness)).checkpoints == 1
    assert Witness(tmp_path / "other.witness").newest() == made[0]


async def test_without_a_key_they_are_unsigned(
    database: Database, hands: Hands, witness: Witness
) -> None:
    unsigned = await Checkpoints(database, hands, None, witness).make()
    assert unsigned is not None
    assert not unsigned.is_signed
    report = await verified(database, witness)
    assert report.is_intact
    assert (report.checkpoints, report.signed, report.covered) == (1, 0, 0)
    await append(database, hands)
    signed = await Checkpoints(database, hands, KEY, witness).make()
    assert signed is not None
    assert signed.key_id == KEY.public.id
    report = await verified(database, witness)
    assert report.is_intact
    assert (report.checkpoints, report.signed) == (2, 1)


async def test_a_new_key_goes_on_where_the_former_ended(
    database: Database, hands: Hands, witness: Witness
) -> None:
    await Checkpoints(database, hands, KEY, witness).make()
    await append(database, hands)
    new = RecordKey(b"n" * 32)
    assert await Checkpoints(database, hands, new, witness).make() is None, "nobody knows the other"
    made = await Checkpoints(database, hands, new, witness, former=[KEY.public]).make()
    assert made is not None
    keys = [new.public, PublicKey.read(KEY.public.text)]
    report = await database.read(partial(verification.verify, keys=keys, witness=witness))
    assert report.findings == ()
    assert report.signed == 2


# ---- what is not signed -------------------------------------------------------------------------


async def alarms(database: Database) -> list[dict[str, Any]]:
    def work(connection: Connection) -> list[dict[str, Any]]:
        return [dict(each.facts) for each in audit.of_subject(connection, "record")]

    return await database.read(work)


async def test_an_entry_altered_since_is_not_signed_and_told_once(
    made_by: Checkpoints, database: Database, hands: Hands, witness: Witness
) -> None:
    first = await made_by.make()
    assert first is not None
    await append(database, hands, 3)
    entry = tables.audit_entry
    await database.write(
        lambda c: c.execute(
            update(entry).where(entry.c.seq == first.seq + 2).values(body='{"facts":{}}')
        )
    )
    assert await made_by.make() is None
    assert await made_by.make() is None
    problem = f"entry {first.seq + 2} does not have the hash it was given"
    assert await alarms(database) == [{"code": "record.chain", "detail": problem}]
    assert witness.newest() == first


@pytest.mark.parametrize("what", ["hash", "body", "checkpoint", "gone"])
async def test_what_was_altered_before_is_not_signed(
    made_by: Checkpoints, database: Database, hands: Hands, what: str
) -> None:
    first = await made_by.make()
    assert first is not None
    await append(database, hands)
    entry, checkpoint = tables.audit_entry, tables.checkpoint
    second = entry.c.seq == 2
    changes = {
        "hash": update(entry).where(second).values(hash="00" * 32),
        "body": update(checkpoint).values(body=first.body.replace(first.root, "11" * 32)),
        "checkpoint": update(checkpoint).values(body="{}"),
        "gone": delete(entry).where(second),
    }
    await database.write(lambda c: c.execute(changes[what]))
    without_witness = Checkpoints(database, hands, KEY, None)
    assert await without_witness.make() is None
    (alarm,) = await alarms(database)
    assert alarm["code"] in ("record.checkpoint", "record.chain")


async def test_an_older_copy_is_not_signed(
    made_by: Checkpoints, database: Database, hands: Hands, witness: Witness
) -> None:
    first = await made_by.make()
    await append(database, hands, 2)
    second = await made_by.make()
    assert first is not None
    assert second is not None

    def older(connection: Connection) -> None:
        entry, checkpoint = tables.audit_entry, tables.checkpoint
        connection.execute(delete(entry).where(entry.c.seq > first.seq))
        connection.execute(delete(checkpoint).where(checkpoint.c.seq > first.seq))

    await database.write(older)
    with pytest.raises(RecordBroken) as caught:
        await database.read(lambda c: keeper.look_back(c, witness))
    assert caught.value.code == "rollback"
    fresh = Checkpoints(database, hands, KEY, witness)
    assert await fresh.make() is None
    (alarm,) = await alarms(database)
    assert alarm["code"] == "record.rollback"
    assert f"has seen checkpoint {second.seq}" in alarm["detail"]
    aside = witness.set_aside()
    assert aside is not None
    assert aside.name == "record.witness.1"
    assert await fresh.make() is not None, "somebody said that it was meant"
    assert witness.newest() is not None
    assert witness.set_aside() == aside.with_name("record.witness.2")


# ---- the witness --------------------------------------------------------------------------------


async def test_a_witness_that_cannot_be_written_stops_nobody(
    database: Database, hands: Hands, tmp_path: Path
) -> None:
    nowhere = Witness(tmp_path / "no" / "such" / "folder")
    made = await Checkpoints(database, hands, KEY, nowhere).make()
    assert made is not None
    assert not nowhere.exists()
    is_folder = Witness(tmp_path)
    assert await Checkpoints(database, hands, KEY, is_folder).make() == made


async def test_a_line_that_was_cut_off_is_left_and_another_begun(
    made_by: Checkpoints, database: Database, hands: Hands, witness: Witness
) -> None:
    first = await made_by.make()
    whole = witness.path.read_bytes()
    witness.path.write_bytes(whole + whole[:50])
    await append(database, hands)
    assert witness.newest() == first
    second = await made_by.make()
    lines = list(witness.lines())
    assert [each.checkpoint for each in lines] == [first, None, second]
    assert [each.number for each in lines] == [1, 2, 3]
    assert witness.path.read_bytes().startswith(whole)


async def test_a_checkpoint_that_was_not_witnessed_is_witnessed_later(
    made_by: Checkpoints, database: Database, hands: Hands, witness: Witness
) -> None:
    await database.write(lambda c: checkpoints.make_checkpoint(c, KEY, hands()))
    assert not witness.exists()
    assert await made_by.make() == witness.newest()


def test_a_key_is_never_shown() -> None:
    assert repr(KEY) == f"RecordKey({KEY.public.id})"
    for text in ("", "x", "AAAA", "é"):
        with pytest.raises(ValueError, match="not 32 bytes"):
            PublicKey.read(text)
