"""A policy file as a tree of nodes: what YAML may do in it, and how each node is read.

The text is read as a tree of nodes and never turned into Python values by YAML's own guesses, so
``NO`` stays a word, ``1_000`` is refused rather than understood, and amounts stay exact. What
could make a small file big or hide what it says (aliases, tags, deep nesting) is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

import yaml

from workflows.policy_problems import PolicyErrors, Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
MAX_PROBLEMS = 50
MAX_NAME = 80


class _Composer(yaml.SafeLoader):
    """Composes nodes, refusing what a policy does not need."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.check_event()  # reads the next event without taking it
        event: yaml.Event = self.current_event
        assert event.start_mark is not None
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise PolicyErrors([Problem(line, "yaml.alias")])
        if getattr(event, "tag", None) is not None:
            raise PolicyErrors([Problem(line, "yaml.tag")])
        if self.depth >= MAX_DEPTH:
            raise PolicyErrors([Problem(line, "yaml.depth")])
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose(text: str) -> yaml.Node:
    """Return the root node of a policy file.

    Raises:
        PolicyErrors: it is too large, no YAML, or does what a policy does not need.
    """
    if len(text) > MAX_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise PolicyErrors([Problem(1, "file.too_large", {"limit": MAX_BYTES // 1024})])
    try:
        composer = _Composer(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = f"U+{ord(text[error.position]):04X}"
        raise PolicyErrors([Problem(line, "yaml.character", {"character": code})]) from None
    try:
        root: yaml.Node | None = composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        reason = shown(", ".join(filter(None, (error.context, error.problem))), longest=120)
        raise PolicyErrors([Problem(line, "yaml.syntax", {"reason": reason})]) from None
    except (ValueError, OverflowError):
        # An escape such as "\UFFFFFFFF" or a directive with thousands of digits.
        params = {"reason": "an escape or a number is out of range"}
        raise PolicyErrors([Problem(composer.line + 1, "yaml.syntax", params)]) from None
    finally:
        composer.dispose()
    if root is None or is_null(root):
        raise PolicyErrors([Problem(1, "file.empty")])
    return root


def is_null(node: yaml.Node) -> bool:
    """Whether nothing is written there."""
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def line_of(node: yaml.Node) -> int:
    """Return where a node begins, counted from 1."""
    return int(node.start_mark.line) + 1


def shown(text: str, longest: int = 40) -> str:
    """Return ``text`` fit for a message: short, on one line, nothing that could steer a screen."""
    visible = "".join(character if character.isprintable() else "?" for character in text[:longest])
    return visible + "…" if len(text) > longest else visible


class TooManyError(Exception):
    """Enough problems were found; the rest would not be read by anybody."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``key: value`` of a mapping, with the line of the key."""

    key: str
    line: int
    value: yaml.Node


class NodeReader:
    """Reads nodes and collects what is wrong; a part with a mistake reads as None.

    Attributes:
        problems: All that was found so far.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def entries(
        self, node: yaml.Node, key: str, place: str, known: Collection[str]
    ) -> dict[str, Entry] | None:
        """Return the entries with known keys, or None where the node is no mapping."""
        if not isinstance(node, yaml.MappingNode):
            self.add(line_of(node), "shape.mapping", key=key)
            return None
        entries: dict[str, Entry] = {}
        seen: dict[str, int] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self.add(line_of(name), "shape.text", key=f"a key of {place}")
                continue
            entry = Entry(name.value, line_of(name), value)
            if entry.key in seen:
                first = seen[entry.key]
                self.add(entry.line, "key.duplicate", key=shown(entry.key), first=first)
                continue
            seen[entry.key] = entry.line
            if entry.key in known:
                entries[entry.key] = entry
            else:
                self._unknown_key(entry, place, known)
        return entries

    def _unknown_key(self, entry: Entry, place: str, known: Collection[str]) -> None:
        self.add(
            entry.line,
            "key.unknown",
            key=shown(entry.key),
            place=place,
            suggestion=closest(entry.key, known),
            known=listed(known),
        )

    def items(self, entry: Entry) -> list[yaml.Node] | None:
        """Return the entries of a list, or None where it is none."""
        if isinstance(entry.value, yaml.SequenceNode):
            return list(entry.value.value)
        code = "shape.empty" if is_null(entry.value) else "shape.list"
        self.add(entry.line, code, key=entry.key)
        return None

    def text(self, entry: Entry) -> str | None:
        """Return a single value as it is written, or None where there is none."""
        if not isinstance(entry.value, yaml.ScalarNode):
            self.add(entry.line, "shape.text", key=entry.key)
            return None
        if is_null(entry.value) or not entry.value.value.strip():
            self.add(entry.line, "shape.empty", key=entry.key)
            return None
        return str(entry.value.value)

    def add(self, line: int, code: str, **params: str | int) -> None:
        """Note a mistake.

        Raises:
            TooManyError: there are enough of them.
        """
        if len(self.problems) >= MAX_PROBLEMS:
            self.problems.append(Problem(line, "file.too_many"))
            raise TooManyError
        self.problems.append(Problem(line, code, params))


def closest(text: str, known: Collection[str]) -> str:
    """Return the known word that was probably meant, or nothing."""
    by_folded = {word.casefold(): word for word in known}
    close = difflib.get_close_matches(text[:MAX_NAME].casefold(), by_folded, n=1)
    return by_folded[close[0]] if close else ""


def listed(known: Collection[str]) -> str:
    """Return known words for a message."""
    words = [shown(word) for word in list(known)[:20]]
    return ", ".join(words + ["…"] * (len(known) > 20)) or "(the settings have none)"
