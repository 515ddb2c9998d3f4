"""Whether the tables say what the record says: every row by its entries, and no row without any.

Entries come in their order, as the chain is walked. Rows of a subject are compared when nothing
was heard of it for a while; where they differ, or something is heard of it later, its entries are
read once more at the end. So only the subjects of a window are in memory at a time, whatever the
size of the record, and almost every entry is read once.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from sqlalchemy import Connection, Select, func, select

from workflows import orders
from workflows.audit import driver_errors, stored_instant
from workflows.prepared import Prepared, Row
from workflows.record.audited import AUDITED, ORIGINS, Audited, raw
from workflows.record.problems import Finding
from workflows.record.replay import FAMILIES, Expected, Key, Replay, Told
from workflows.refusal import Refusal
from workflows.tables import audit_entry, kept_file, payment_order

WINDOW = 10_000
"""Subjects whose rows wait to be compared."""

_AT_ONCE = 400
_JSON = json.JSONDecoder()
_UNTOLD = object()
"""Stands for what no entry tells."""

_ENTRIES = cast(
    "Select[Any]",
    select(*map(raw, audit_entry.c)).order_by(audit_entry.c.subject, audit_entry.c.seq),
)


@dataclass(slots=True)
class _Compared:
    """What came of comparing one subject's rows."""

    wanted: dict[tuple[str, Key], Expected]
    findings: list[Finding]


class Comparison:
    """The tables against the record, in one transaction: `take` every entry, then `finish`.

    Args:
        window: How many subjects wait for more to be heard of them.

    Attributes:
        rows: How many rows there are to compare.
        older: Orders whose entries, of an older version, tell only the most important columns.
    """

    def __init__(self, connection: Connection, *, window: int = WINDOW) -> None:
        self.connection = connection
        self.rows = 0
        self.older = 0
        self._window = window
        self._step = min(window, _AT_ONCE)
        self._open: OrderedDict[str, Replay] = OrderedDict()
        self._again: set[str] = set()

    def take(self, entry: Row) -> None:
        """Add the record's next entry, as the driver gives it."""
        told = _told(entry)
        if told is None:
            return
        subject = told.subject
        replay = self._open.get(subject)
        if replay is not None:
            self._open.move_to_end(subject)
        elif subject in self._again or told.kind not in ORIGINS:
            self._again.add(subject)
            return
        else:
            replay = self._open[subject] = Replay()
            if len(self._open) > self._window + self._step:
                self._put_away(self._step)
        self.older += told.kind == "order.requested" and "row" not in told.facts
        replay.take(told)

    def finish(self) -> Iterator[Finding]:
        """Return everything that differs, once all entries were taken."""
        while self._open:
            self._put_away(min(_AT_ONCE, len(self._open)))
        for some in _parts(sorted(self._again)):
            yield from self.of_subjects(some)
        for audited in AUDITED:
            yield from self._unknown(audited)

    def of_subjects(self, subjects: Sequence[str]) -> Iterator[Finding]:
        """Return where the rows of some subjects differ from what their entries tell."""
        for compared in self._settle(self._read_again(subjects)).values():
            yield from compared.findings

    def _put_away(self, count: int) -> None:
        """Compare the rows of the subjects of which nothing was heard for longest."""
        some = dict(self._open.popitem(last=False) for _ in range(count))
        settled = self._settle(some)
        self._again.update(subject for subject, each in settled.items() if each.findings)

    def _read_again(self, subjects: Sequence[str]) -> dict[str, Replay]:
        found: dict[str, Replay] = {}
        chosen = _ENTRIES.where(audit_entry.c.subject.in_(subjects))
        for entry in self.connection.execute(chosen.execution_options(yield_per=1000)):
            if (told := _told(cast("Row", entry))) is not None:
                found.setdefault(told.subject, Replay()).take(told)
        return found

    # ---- rows ---------------------------------------------------------------------------------

    def _settle(self, replays: Mapping[str, Replay]) -> dict[str, _Compared]:
        """Compare all rows of some subjects, by subject."""
        found = {
            subject: _Compared(dict(replay.rows), list(replay.findings))
            for subject, replay in replays.items()
        }
        for audited in AUDITED:
            name = audited.table.name
            claiming = [subject for subject, each in replays.items() if name in each.claims]
            if claiming:
                self._compare(audited, claiming, found)
        self._bound_files(replays, found)
        for compared in found.values():
            for (name, key), expected in compared.wanted.items():
                if name == kept_file.name and expected.values.get("order_id") is None:
                    continue  # a file that no order has may be forgotten
                problem = f"is not there, though entry {expected.seq} tells it"
                compared.findings.append(Finding(_named(name, key), problem))
        return found

    def _compare(
        self, audited: Audited, subjects: Sequence[str], found: Mapping[str, _Compared]
    ) -> None:
        name = audited.table.name
        for subject, row in self._rows(audited, subjects):
            compared = found[subject]
            if isinstance(row, Finding):
                compared.findings.append(row)
                continue
            key = audited.key(row)
            expected = compared.wanted.pop((name, key), None)
            if expected is None:
                problem = "is there, and no entry tells of it"
                compared.findings.append(Finding(_named(name, key), problem))
                continue
            values, told = audited.as_told(row), expected.values
            if values != [told.get(each, _UNTOLD) for each in audited.names]:
                differing = dict(zip(audited.names, values, strict=True))
                compared.findings += self._differences(audited, key, differing, expected)
            if audited.content is not None:
                sha256 = values[audited.names.index("sha256")]
                compared.findings += self._content(audited.content, name, key, sha256)

    def _rows(
        self, audited: Audited, subjects: Sequence[str]
    ) -> Iterator[tuple[str, Sequence[Any] | Finding]]:
        """Return the rows of subjects; of one that cannot be read, a finding."""
        if audited.subject is None:
            for row in self.connection.execute(audited.select).all():
                yield audited.subject_of(row), row
            return
        try:
            chosen = audited.select.where(audited.subject.in_(subjects))
            for row in self.connection.execute(chosen).all():
                yield audited.subject_of(row), row
        except driver_errors(self.connection):
            for subject in subjects:
                yield from self._rows_of_one(audited, audited.subject == subject, subject)

    def _rows_of_one(
        self, audited: Audited, condition: Any, subject: str
    ) -> Iterator[tuple[str, Sequence[Any] | Finding]]:
        try:
            for row in self.connection.execute(audited.select.where(condition)).all():
                yield subject, row
        except driver_errors(self.connection):
            where = f"{audited.table.name} {subject}"
            yield subject, Finding(where, "has a value that cannot be read")

    def _differences(
        self, audited: Audited, key: Key, row: dict[str, Any], expected: Expected
    ) -> Iterator[Finding]:
        where, told = _named(audited.table.name, key), expected.values
        for name, found in row.items():
            if name in told and found != told[name]:
                yield _differs(where, name, found, told[name], expected.seq)
        if audited.table is kept_file and "order_id" not in told and row["order_id"] is not None:
            yield from self._is_bound(where, row)
        if audited.table is payment_order and _is_partial(audited, told):
            yield from self._against_digest(where, key)

    def _against_digest(self, where: str, key: Key) -> Iterator[Finding]:
        """Compare an order, of which the record tells only the digest, with that."""
        try:
            order = orders.get(self.connection, key[0])
            is_same = orders.digest_of(order) == order.digest
        except (ValueError, TypeError, LookupError, AttributeError, Refusal):
            is_same = False
        if not is_same:
            yield Finding(where, "is not the payment that its digest was taken of")

    def _content(self, statement: Prepared, name: str, key: Key, sha256: Any) -> Iterator[Finding]:
        content: Any = None
        with suppress(*driver_errors(self.connection)):
            ((content,),) = statement.rows(self.connection, {"key": key[0]})
        is_blob = isinstance(content, bytes | memoryview)
        if not is_blob or hashlib.sha256(content).hexdigest() != sha256:
            problem = "has content that does not have the SHA-256 it was kept with"
            yield Finding(_named(name, key), problem)

    # ---- files of orders ----------------------------------------------------------------------

    def _bound_files(self, replays: Mapping[str, Replay], found: Mapping[str, _Compared]) -> None:
        """See that the files of orders are there, and theirs."""
        wanted = {file: order for order, each in replays.items() for file in each.files}
        there: dict[str, Any] = {}
        for some in _parts(sorted(wanted)):
            columns = (raw(kept_file.c.id), raw(kept_file.c.order_id))
            rows = self.connection.execute(select(*columns).where(kept_file.c.id.in_(some)))
            there.update((row[0], row[1]) for row in rows)
        for file, order in wanted.items():
            where, seq = _named(kept_file.name, (file,)), replays[order].files[file]
            findings = found[order].findings
            if file not in there:
                findings.append(Finding(where, f"is not there, though entry {seq} tells it"))
            elif there[file] != order:
                findings.append(_differs(where, "order_id", there[file], order, seq))

    def _is_bound(self, where: str, row: Mapping[str, Any]) -> Iterator[Finding]:
        """See that the order to which a file is bound has it, by the record."""
        kinds = ("order.requested", "order.amended")
        chosen = _ENTRIES.where(
            audit_entry.c.subject == str(row["order_id"]), audit_entry.c.kind.in_(kinds)
        )
        for entry in self.connection.execute(chosen):
            told = _told(cast("Row", entry))
            with suppress(AttributeError, TypeError):
                facts = told.facts if told else {}
                listed = facts.get("after", facts).get("attachments", ())
                if any(each.get("sha256") == row["sha256"] for each in listed):
                    return
        yield Finding(where, f"is bound to {_shown(row['order_id'])}, and no entry tells so")

    # ---- rows that nothing tells of -----------------------------------------------------------

    def _unknown(self, audited: Audited) -> Iterator[Finding]:
        table = audited.table
        self.rows += self.connection.execute(select(func.count()).select_from(table)).scalar_one()
        origin = select(audit_entry.c.seq).where(audit_entry.c.kind.in_(audited.origins))
        if audited.subject is not None:
            origin = origin.where(audit_entry.c.subject == audited.subject)
        unknown = audited.keys.where(~origin.exists())
        if audited.subject is not None and audited.subject.name == "order_id":
            # Those of orders that are there were compared with them.
            order = select(payment_order.c.id).where(payment_order.c.id == audited.subject)
            unknown = unknown.where(~order.exists())
        for key in self.connection.execute(unknown):
            yield Finding(_named(table.name, tuple(key)), "is there, and no entry tells of it")


def _told(entry: Row) -> Told | None:
    """Return an entry that tells of rows; None for others, and for what the chain has told."""
    seq, at, actor, kind, subject, body, _, _ = entry
    if type(kind) is not str or kind.partition(".")[0] not in FAMILIES:
        return None
    try:
        facts = _JSON.raw_decode(body)[0]["facts"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(facts) is not dict or type(actor) is not str or type(subject) is not str:
        return None
    return Told(seq, stored_instant(at) or str(at), actor, kind, subject, facts)


def _is_partial(audited: Audited, told: Mapping[str, Any]) -> bool:
    is_file = audited.table is kept_file
    return any(each not in told for each in audited.names if not (is_file and each == "order_id"))


def _differs(where: str, name: str, found: Any, told: Any, seq: int) -> Finding:
    return Finding(where, f"has {name} {_shown(found)}, entry {seq} says {_shown(told)}")


def _named(table: str, key: Key) -> str:
    return f"{table} {' '.join(f'{each!s:.64}' for each in key)}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"{value!r:.120}"


def _parts(values: Sequence[str]) -> Iterator[list[str]]:
    left = iter(values)
    while part := list(islice(left, _AT_ONCE)):
        yield part
