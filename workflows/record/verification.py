"""Whether the record is what it was: chain, checkpoints, witness, published heads, tables.

One pass over the entries, in pages, whatever the size of the record. Everything is computed from
the entries: what is kept to save work is compared, never trusted.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from workflows import audit
from workflows.record import checkpoints, tree
from workflows.record.checkpoints import Checkpoint, PublicKey
from workflows.record.comparison import Comparison
from workflows.record.merkle import Frontier
from workflows.record.problems import Finding
from workflows.record.witness import Witness
from workflows.tables import checkpoint, record_node

MOST_FINDINGS = 200
"""So many are listed; the rest are counted."""

_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-fA-F]{16,64})")


@dataclass(frozen=True, slots=True)
class Head:
    """What was published of the record at some moment, such as in a digest.

    Attributes:
        seq: How many entries there were.
        hash: The Merkle root of all of them or the hash of the last; its first 16 digits at least.
    """

    seq: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read ``SEQ:HASH``.

        Raises:
            ValueError: it is written otherwise.
        """
        found = _HEAD.fullmatch(text.strip().rstrip("…"))
        if found is None or not int(found[1]):
            raise ValueError("write SEQ:HASH, as the digest shows it")
        return cls(int(found[1]), found[2].lower())

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified, and what is wrong.

    Attributes:
        entries: How many there are.
        head: Hash of the newest.
        root: Merkle root of all of them.
        checkpoints: How many there are.
        signed: How many of them bear a signature that was checked.
        covered: Entries up to the newest checkpoint whose signature was checked.
        rows: How many rows of tables were compared.
        older: Orders compared by their digest only, because their entries are of an older version.
        witnessed: Checkpoints in the witness; None where there is no such file.
        heads: Published heads that were found.
        findings: What is wrong, up to `MOST_FINDINGS`.
        count: How many findings there are in all.
    """

    entries: int
    head: str
    root: str
    checkpoints: int
    signed: int
    covered: int
    rows: int
    older: int
    witnessed: int | None
    heads: tuple[Head, ...]
    findings: tuple[Finding, ...]
    count: int

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.count


def verify(
    connection: Connection,
    *,
    keys: Iterable[PublicKey] = (),
    witness: Witness | None = None,
    heads: Iterable[Head] = (),
) -> Report:
    """Verify everything there is, in the caller's transaction.

    Args:
        keys: Whose signatures are believed; without any, signatures are not checked.
        heads: Published ones that must be heads of this record.
    """
    by_id = {each.id: each for each in keys}
    comparison = Comparison(connection)
    walk = _Walk(connection, comparison, by_id, tuple(heads))
    found: list[Finding] = []
    count = 0
    with _rarely_collecting():
        for some in (walk.findings(), _witnessed(connection, witness, walk), comparison.finish()):
            for each in _guarded(connection, some):
                count += 1
                if len(found) < MOST_FINDINGS:
                    found.append(each)
    return Report(
        entries=walk.seq,
        head=walk.head,
        root=walk.frontier.root().hex(),
        checkpoints=walk.checkpoints,
        signed=walk.signed,
        covered=walk.covered,
        rows=comparison.rows,
        older=comparison.older,
        witnessed=walk.witnessed,
        heads=tuple(walk.confirmed),
        findings=tuple(found),
        count=count,
    )


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Look for cyclic garbage less often: millions of small objects come and go without any."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _guarded(connection: Connection, some: Iterator[Finding]) -> Iterator[Finding]:
    """Return findings; damage that ends the reading is one of them."""
    try:
        yield from some
    except audit.driver_errors(connection) as error:
        yield Finding("the database", f"cannot be read further ({audit.driver_text(error)})")


_Stored = tuple[int, str, str | None]


@dataclass(slots=True)
class _Walk:
    """Entries in their order, and what was said of them on the way."""

    connection: Connection
    comparison: Comparison
    keys: Mapping[str, PublicKey]
    heads: tuple[Head, ...]
    seq: int = 0
    head: str = audit.GENESIS
    frontier: Frontier = field(default_factory=Frontier)
    is_whole: bool = True
    """Whether the tree can be computed: no entry is missing so far."""
    checkpoints: int = 0
    signed: int = 0
    covered: int = 0
    witnessed: int | None = None
    confirmed: list[Head] = field(default_factory=list)
    _last: Checkpoint | None = None
    _nodes: int = 0

    def findings(self) -> Iterator[Finding]:
        stored = self._checkpoints()
        due = next(stored, None)
        heads = {each.seq for each in self.heads}
        for seq, found, flaw, entry in audit.walk(self.connection):
            if flaw:
                yield Finding(f"entry {seq}", flaw)
            if not found:
                self.is_whole = False
                continue
            self.comparison.take(entry)
            yield from self._grow(found)
            self.seq, self.head = seq, found
            while due is not None and (isinstance(due, Finding) or due[0] <= seq):
                yield from self._check(due)
                due = next(stored, None)
            if seq in heads:
                heads.remove(seq)
                yield from self._publish(seq)
        while due is not None:
            yield from self._check(due)
            due = next(stored, None)
        for each in self.heads:
            if each.seq in heads:
                yield Finding(f"head {each}", f"was published; the record ends at {self.seq}")
        yield from self._surplus_nodes()

    def _checkpoints(self) -> Iterator[_Stored | Finding]:
        try:
            for seq, body, signature in checkpoints.walk(self.connection):
                if type(seq) is int:
                    yield seq, body, signature
                else:
                    yield Finding(f"checkpoint {seq}", "is of no entry")
        except audit.driver_errors(self.connection) as error:
            yield Finding("a checkpoint", f"cannot be read ({audit.driver_text(error)})")

    def _grow(self, found: str) -> Iterator[Finding]:
        if not self.is_whole:
            return
        try:
            raw = bytes.fromhex(found)
        except ValueError:
            self.is_whole = False
            return
        for level, position, made in self.frontier.append(raw):
            if level < tree.KEPT:
                continue
            kept = tree.kept(self.connection, level, position)
            self._nodes += kept is not None
            if kept not in (None, made.hex()):
                yield Finding(f"record_node {level} {position}", "is not the hash of its entries")

    def _check(self, stored: _Stored | Finding) -> Iterator[Finding]:
        if isinstance(stored, Finding):
            yield stored
            return
        seq, body, signature = stored
        self.checkpoints += 1
        where = f"checkpoint {seq}"
        try:
            found = Checkpoint.read(body, signature)
        except ValueError:
            yield Finding(where, "is none: what is stored was never signed")
            return
        last = self._last
        if found.seq != seq:
            yield Finding(where, f"is one of entry {found.seq}")
        if found.previous != (last.hash if last else checkpoints.FIRST):
            yield Finding(where, "does not follow the checkpoint before it")
        if last is not None and last.is_signed and not found.is_signed:
            yield Finding(where, "is not signed, though those before it are")
        flaw = found.flaw(self.keys) if self.keys else None
        if flaw:
            yield Finding(where, flaw)
        elif found.is_signed and self.keys:
            self.signed += 1
            self.covered = seq
        self._last = found
        yield from self._against(where, found)

    def _against(self, where: str, found: Checkpoint) -> Iterator[Finding]:
        if found.seq != self.seq:
            yield Finding(where, f"covers entry {found.seq}, which is not there")
        elif found.head != self.head:
            yield Finding(where, f"says that entry {found.seq} was another")
        elif self.is_whole and found.root != self.frontier.root().hex():
            yield Finding(where, f"says that some entry before {found.seq} was another")

    def _publish(self, seq: int) -> Iterator[Finding]:
        root = self.frontier.root().hex() if self.is_whole else ""
        for each in self.heads:
            if each.seq != seq:
                continue
            if self.head.startswith(each.hash) or root.startswith(each.hash):
                self.confirmed.append(each)
            else:
                yield Finding(f"head {each}", "was published; this record had another")

    def _surplus_nodes(self) -> Iterator[Finding]:
        """Return nodes of subtrees that are not there."""
        if not self.is_whole:
            return
        count = self.connection.execute(select(func.count()).select_from(record_node)).scalar_one()
        if count == self._nodes:
            return
        for level, position in tree.kept_places(self.connection):
            is_place = type(level) is int and tree.KEPT <= level < 64 and type(position) is int
            if not (is_place and 0 < (position + 1) << level <= self.seq):
                yield Finding(f"record_node {level} {position}", "is of no entries")


def _witnessed(connection: Connection, witness: Witness | None, walk: _Walk) -> Iterator[Finding]:
    """Compare every checkpoint that was witnessed with the one that is stored."""
    if witness is None or not witness.exists():
        return
    walk.witnessed = 0
    try:
        for line in witness.lines():
            where, seen = f"witness, line {line.number}", line.checkpoint
            if seen is None:
                yield Finding(where, "is no checkpoint: the file was damaged, or a write cut off")
                continue
            walk.witnessed += 1
            stored = connection.execute(
                select(checkpoint.c.body, checkpoint.c.signature).where(
                    checkpoint.c.seq == seen.seq
                )
            ).one_or_none()
            if stored is None:
                yield Finding(
                    where,
                    f"has seen checkpoint {seen.seq}, which is not there "
                    f"(the record ends at {walk.seq}): this is an older copy, or another record",
                )
            elif (stored.body, stored.signature) != (seen.body, seen.signature):
                yield Finding(where, f"has seen another checkpoint {seen.seq}")
    except OSError as error:
        yield Finding(f"witness {witness}", f"cannot be read ({error.strerror})")
