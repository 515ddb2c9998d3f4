"""Merkle trees over the record's entries (RFC 6962, section 2.1): pure, and of any size.

A leaf is an entry's hash. Nodes are found through a function, so that a tree of millions of
entries is never in memory: ``node(level, position)`` returns the hash of the whole subtree of
``2**level`` leaves that begins at leaf ``position * 2**level``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

Node = Callable[[int, int], bytes]

EMPTY = hashlib.sha256().digest()
"""The root of no entries."""


def leaf_hash(entry_hash: bytes) -> bytes:
    """Return the hash of a leaf; its prefix keeps a node from being shown as a leaf."""
    return hashlib.sha256(b"\x00" + entry_hash).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees under one node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(node: Node, size: int) -> bytes:
    """Return the root of the first ``size`` leaves."""
    return range_hash(node, 0, size) if size else EMPTY


def range_hash(node: Node, start: int, end: int) -> bytes:
    """Return the hash of the leaves from ``start`` up to ``end``, as a subtree of some tree."""
    count = end - start
    level = count.bit_length() - 1
    if count == 1 << level and not start % count:
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(range_hash(node, start, middle), range_hash(node, middle, end))


def inclusion(node: Node, index: int, size: int) -> list[bytes]:
    """Return the path from leaf ``index`` to the root of ``size`` leaves, from the leaf up."""
    return list(_path(node, index, 0, size))


def consistency(node: Node, first: int, second: int) -> list[bytes]:
    """Return the proof that the tree of ``second`` leaves begins with that of ``first``."""
    assert 0 < first <= second
    return list(_subproof(node, first, 0, second, is_known=True))


def is_included(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root_hash: bytes
) -> bool:
    """Whether ``path`` leads from a leaf's hash to a root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, found = index, size - 1, leaf
    for each in path:
        if not last:
            return False
        if position & 1 or position == last:
            found = node_hash(each, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, each)
        position, last = position >> 1, last >> 1
    return not last and found == root_hash


def is_consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether ``path`` proves that a tree only grew (RFC 9162, section 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    steps = list(path) if first & (first - 1) else [first_root, *path]
    if not steps:
        return False
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = steps[0]
    for each in steps[1:]:
        if not last:
            return False
        if position & 1 or position == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, each)
        position, last = position >> 1, last >> 1
    return not last and old == first_root and new == second_root


class Frontier:
    """A tree that grows leaf by leaf and remembers only its unfinished side: O(log n).

    Attributes:
        size: How many leaves there are.
    """

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, entry_hash: bytes) -> list[tuple[int, int, bytes]]:
        """Add an entry; return the larger subtrees it completes: level, position and hash."""
        found = leaf_hash(entry_hash)
        position, level = self.size, 0
        completed = []
        while position & 1:
            found = node_hash(self._peaks.pop(), found)
            position, level = position >> 1, level + 1
            completed.append((level, position, found))
        self._peaks.append(found)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        if not self._peaks:
            return EMPTY
        found = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            found = node_hash(peak, found)
        return found


def _split(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _path(node: Node, index: int, start: int, end: int) -> Iterator[bytes]:
    if end - start == 1:
        return
    middle = start + _split(end - start)
    if index < middle:
        yield from _path(node, index, start, middle)
        yield range_hash(node, middle, end)
    else:
        yield from _path(node, index, middle, end)
        yield range_hash(node, start, middle)


def _subproof(node: Node, first: int, start: int, end: int, *, is_known: bool) -> Iterator[bytes]:
    """Return RFC 6962's SUBPROOF; ``is_known``: the verifier has this subtree's hash."""
    if first == end:
        if not is_known:
            yield range_hash(node, start, end)
        return
    middle = start + _split(end - start)
    if first <= middle:
        yield from _subproof(node, first, start, middle, is_known=is_known)
        yield range_hash(node, middle, end)
    else:
        yield from _subproof(node, first, middle, end, is_known=False)
        yield range_hash(node, start, middle)
