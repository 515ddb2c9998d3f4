"""The Merkle tree against a naive one, written as RFC 6962 (section 2.1) defines it."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from workflows.record import merkle
from workflows.record.merkle import Frontier

SIZES = st.integers(1, 300)


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    both = naive_root(leaves[:k]) + naive_root(leaves[k:])
    return hashlib.sha256(b"\x01" + both).digest()


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(first: int, leaves: list[bytes], *, is_whole: bool = True) -> list[bytes]:
    if first == len(leaves):
        return [] if is_whole else [naive_root(leaves)]
    k = split(len(leaves))
    if first <= k:
        return [*naive_proof(first, leaves[:k], is_whole=is_whole), naive_root(leaves[k:])]
    return [*naive_proof(first - k, leaves[k:], is_whole=False), naive_root(leaves[:k])]


def split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def entries(count: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(count)]


def node_of(leaves: list[bytes]) -> merkle.Node:
    def node(level: int, position: int) -> bytes:
        whole = leaves[position << level : (position + 1) << level]
        assert len(whole) == 1 << level
        return naive_root(whole)

    return node


@given(SIZES)
def test_roots_are_those_of_the_definition(count: int) -> None:
    leaves = entries(count)
    frontier = Frontier()
    completed = {}
    for leaf in leaves:
        for level, position, found in frontier.append(leaf):
            completed[level, position] = found
    expected = naive_root(leaves)
    assert frontier.root() == merkle.root(node_of(leaves), count) == expected
    for (level, position), found in completed.items():
        assert found == node_of(leaves)(level, position)
    assert {level for level, _ in completed} == set(range(1, count.bit_length()))


def test_the_tree_of_nothing() -> None:
    assert Frontier().root() == merkle.root(node_of([]), 0) == naive_root([])


@given(SIZES.flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_every_entry_can_be_shown(place: tuple[int, int]) -> None:
    index, size = place
    leaves = entries(size)
    path = merkle.inclusion(node_of(leaves), index, size)
    assert path == naive_path(index, leaves)
    leaf, root = merkle.leaf_hash(leaves[index]), naive_root(leaves)
    assert merkle.is_included(leaf, index, size, path, root)
    assert not merkle.is_included(merkle.leaf_hash(b"another"), index, size, path, root)
    assert not merkle.is_included(leaf, index, size, path, naive_root(leaves[:-1]))
    assert not merkle.is_included(leaf, index, size, [*path, root], root)
    assert not merkle.is_included(leaf, size + index, size, path, root)
    if path:
        assert not merkle.is_included(leaf, index, size, path[:-1], root)
        assert not merkle.is_included(leaf, index, size, path[::-1], root) or path == path[::-1]


@given(SIZES.flatmap(lambda size: st.tuples(st.integers(1, size), st.just(size))))
def test_growth_can_be_shown(sizes: tuple[int, int]) -> None:
    first, second = sizes
    leaves = entries(second)
    path = merkle.consistency(node_of(leaves), first, second)
    assert path == naive_proof(first, leaves)
    old, new = naive_root(leaves[:first]), naive_root(leaves)
    assert merkle.is_consistent(first, second, old, new, path)
    rewritten = naive_root([b"x" * 32, *leaves[1:first]])
    assert not merkle.is_consistent(first, second, rewritten, new, path)
    assert not merkle.is_consistent(first, second, old, rewritten, path)
    assert not merkle.is_consistent(first, second, old, new, [*path, old])
    if path:
        assert not merkle.is_consistent(first, second, old, new, path[1:])
        assert not merkle.is_consistent(first, second, old, new, path[:-1])


def test_a_node_cannot_be_shown_as_an_entry() -> None:
    leaves = entries(4)
    left, right = naive_root(leaves[:2]), naive_root(leaves[2:])
    root = naive_root(leaves)
    # As if a tree of two had these as entries: the prefix makes another root of them.
    assert not merkle.is_included(merkle.leaf_hash(left), 0, 2, [right], root)
    assert naive_root([left, right]) != root
