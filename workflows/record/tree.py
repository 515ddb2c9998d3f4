"""The Merkle tree of the stored record: computed from entries, larger subtrees remembered.

Entries never change, so neither do whole subtrees. Those of `KEPT` levels and more are kept in a
table when a checkpoint is made; whoever needs a root or a path reads a logarithm of them and the
entries of one block or two. The table is a convenience: `workflows.record.verification` computes
everything from the entries alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, bindparam, select, type_coerce
from sqlalchemy.types import NULLTYPE

from workflows.prepared import Prepared
from workflows.record import merkle
from workflows.record.problems import RecordBroken
from workflows.tables import audit_entry, record_node

KEPT = 10
"""Subtrees of ``2**KEPT`` leaves, and larger, are kept."""

_BLOCK = 1 << KEPT
_BLOCKS_AT_HAND = 4

_HASHES = Prepared(
    select(audit_entry.c.seq, audit_entry.c.hash)
    .where(audit_entry.c.seq > bindparam("after"), audit_entry.c.seq <= bindparam("last"))
    .order_by(audit_entry.c.seq)
)
_KEPT = Prepared(
    select(record_node.c.hash).where(
        record_node.c.level == bindparam("level"), record_node.c.position == bindparam("position")
    )
)


def kept(connection: Connection, level: int, position: int) -> str | None:
    """Return the stored hash of a subtree, or None where none is."""
    row = _KEPT.row(connection, {"level": level, "position": position})
    return None if row is None else row[0]


def kept_places(connection: Connection) -> Iterator[tuple[Any, Any]]:
    """Return where subtrees are stored: level and position."""
    level, position = (type_coerce(each, NULLTYPE) for each in record_node.primary_key)
    for row in connection.execute(select(level, position)):
        yield row[0], row[1]


class Tree:
    """The tree of the first ``size`` entries, in one transaction."""

    def __init__(self, connection: Connection, size: int) -> None:
        self.size = size
        self._connection = connection
        self._blocks: OrderedDict[int, list[list[bytes]]] = OrderedDict()
        self._made: dict[tuple[int, int], bytes] = {}

    def root(self) -> bytes:
        """Return the root; raises `RecordBroken` when an entry is missing."""
        return merkle.root(self.node, self.size)

    def node(self, level: int, position: int) -> bytes:
        """Return the hash of a whole subtree; raises `RecordBroken` when an entry is missing."""
        if level < KEPT:
            block = self._block(position >> (KEPT - level))
            return block[level][position & ((1 << (KEPT - level)) - 1)]
        made = self._made.get((level, position))
        if made is None:
            made = self._made[level, position] = self._kept(level, position)
        return made

    def grown_since(self, size: int) -> Iterator[tuple[int, int, bytes]]:
        """Return the subtrees to be kept that a tree of ``size`` entries did not have."""
        level = KEPT
        while self.size >> level:
            for position in range(size >> level, self.size >> level):
                yield level, position, self.node(level, position)
            level += 1

    def _kept(self, level: int, position: int) -> bytes:
        stored = kept(self._connection, level, position)
        if stored is not None:
            return _raw(stored)
        if level == KEPT:
            return self._block(position)[KEPT][0]
        left, right = 2 * position, 2 * position + 1
        return merkle.node_hash(self.node(level - 1, left), self.node(level - 1, right))

    def _block(self, number: int) -> list[list[bytes]]:
        """Return the hashes of a block of entries, level by level, as far as there are any."""
        found = self._blocks.get(number)
        if found is None:
            found = self._blocks[number] = self._read(number)
            if len(self._blocks) > _BLOCKS_AT_HAND:
                self._blocks.popitem(last=False)
        return found

    def _read(self, number: int) -> list[list[bytes]]:
        first = number * _BLOCK
        last = min(first + _BLOCK, self.size)
        rows = _HASHES.rows(self._connection, {"after": first, "last": last})
        for expected, (seq, _) in enumerate(rows, start=first + 1):
            if seq != expected:
                raise RecordBroken("chain", f"entry {expected} is missing")
        if len(rows) != last - first:
            raise RecordBroken("chain", f"entry {first + len(rows) + 1} is missing")
        levels = [[merkle.leaf_hash(_raw(each)) for _, each in rows]]
        while len(levels) <= KEPT:
            below = levels[-1]
            pairs = zip(below[::2], below[1::2], strict=False)
            levels.append([merkle.node_hash(left, right) for left, right in pairs])
        return levels


def _raw(text: object) -> bytes:
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        raise RecordBroken("chain", "a hash is no hash") from None
