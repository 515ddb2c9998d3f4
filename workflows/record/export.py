"""The record for those who do not have the database: all of it, or all there is about one order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from workflows import approvals, audit, instructions, orders
from workflows.approvals import Approval
from workflows.audit import Entry
from workflows.instructions import Sent
from workflows.orders import Order
from workflows.record import checkpoints
from workflows.record.checkpoints import Checkpoint
from workflows.record.comparison import Comparison
from workflows.record.problems import Finding
from workflows.tables import approval, audit_entry, kept_file, receipt

_PAGE = 1000


def lines(connection: Connection, subject: str | None = None) -> Iterator[str]:
    """Return the record as JSON Lines, without their ends: entries, and checkpoints between them.

    ``entry`` is the exact text that was hashed: SHA-256 over ``previous_hash``, a line feed and
    that text gives ``hash``.

    Args:
        subject: Only what happened to it, and no checkpoints.
    """
    stored = iter(()) if subject else checkpoints.walk(connection)
    due = next(stored, None)
    for seq, body, previous, found in _entries(connection, subject):
        yield f'{{"entry":{_json(body)},"hash":"{found}","previous_hash":"{previous}"}}'
        while due is not None and due[0] <= seq:
            yield f'{{"checkpoint":{_json(due[1])},"signature":{json.dumps(due[2])}}}'
            due = next(stored, None)


def _entries(connection: Connection, subject: str | None) -> Iterator[tuple[int, str, str, str]]:
    table = audit_entry.c
    chosen = select(table.seq, table.body, table.previous_hash, table.hash).order_by(table.seq)
    if subject is not None:
        chosen = chosen.where(table.subject == subject)
    seq = 0
    while rows := connection.execute(chosen.where(table.seq > seq).limit(_PAGE)).all():
        for row in rows:
            yield row.seq, row.body, row.previous_hash, row.hash
        seq = rows[-1].seq


def _json(text: str) -> str:
    """Return a stored text as it is where it is JSON, which damage can have undone."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """Something that was kept about an order, such as its invoice or the bank's receipt.

    Attributes:
        is_whole: Whether its content has the SHA-256 with which it was kept.
        seq: Of the entry that tells of it; None where none does.
    """

    name: str
    media_type: str
    sha256: str
    content: bytes
    is_whole: bool
    seq: int | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All there is about one order.

    Attributes:
        given: Decisions on all its versions, oldest first.
        hashes: Of each entry, by its number: the hash before it, and its own.
        broken: Entries that do not have the hash they were given.
        findings: Where tables and record differ.
        covering: The newest checkpoint, where it covers all the order's entries.
    """

    order: Order
    given: tuple[Approval, ...]
    sent: Sent | None
    entries: tuple[Entry, ...]
    hashes: dict[int, tuple[str, str]]
    files: tuple[KeptDocument, ...]
    receipt: KeptDocument | None
    broken: tuple[int, ...]
    findings: tuple[Finding, ...]
    covering: Checkpoint | None

    @property
    def is_sound(self) -> bool:
        """Whether everything is as it was written."""
        documents = (*self.files, *((self.receipt,) if self.receipt else ()))
        return not (self.broken or self.findings) and all(each.is_whole for each in documents)


def evidence(connection: Connection, order_id: str) -> Evidence:
    """Return all there is about an order; raises `Refusal` where there is no such order."""
    order = orders.get(connection, order_id)
    entries = tuple(audit.of_subject(connection, order_id))
    hashes, broken = {}, []
    for seq, body, previous, found in _entries(connection, order_id):
        hashes[seq] = previous, found
        if hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest() != found:
            broken.append(seq)
    newest = checkpoints.newest(connection)
    return Evidence(
        order=order,
        given=_given(connection, order_id),
        sent=instructions.find(connection, order_id),
        entries=entries,
        hashes=hashes,
        files=tuple(_files(connection, order, entries)),
        receipt=_receipt(connection, order_id, entries),
        broken=tuple(broken),
        findings=tuple(Comparison(connection).of_subjects([order_id])),
        covering=newest if newest and entries and newest.seq >= entries[-1].seq else None,
    )


def _given(connection: Connection, order_id: str) -> tuple[Approval, ...]:
    rows = connection.execute(
        select(approval)
        .where(approval.c.order_id == order_id)
        .order_by(approval.c.at, approval.c.person_id)
    )
    return tuple(approvals.Approval(*row) for row in rows)


def _files(
    connection: Connection, order: Order, entries: tuple[Entry, ...]
) -> Iterator[KeptDocument]:
    for each in order.files:
        content = connection.execute(
            select(kept_file.c.content).where(kept_file.c.id == each.id)
        ).scalar_one_or_none()
        told = [entry for entry in entries if each.sha256 in _hashes_of_files(entry.facts)]
        yield _document(
            each.name, each.media_type, each.sha256, content, told[0].seq if told else None
        )


def _hashes_of_files(facts: Any) -> list[str]:
    listed = facts.get("after", facts).get("attachments", ())
    return [each.get("sha256", "") for each in listed]


def _receipt(
    connection: Connection, order_id: str, entries: tuple[Entry, ...]
) -> KeptDocument | None:
    row = connection.execute(select(receipt).where(receipt.c.order_id == order_id)).one_or_none()
    if row is None:
        return None
    told = next((each for each in entries if each.kind == "receipt.stored"), None)
    sha256 = str(told.facts["sha256"]) if told else row.sha256
    return _document(row.reference, row.media_type, sha256, row.content, told.seq if told else None)


def _document(
    name: str, media_type: str, sha256: str, content: Any, seq: int | None
) -> KeptDocument:
    raw = bytes(content or b"")
    is_whole = hashlib.sha256(raw).hexdigest() == sha256
    return KeptDocument(name, media_type, sha256, raw, is_whole, seq)
