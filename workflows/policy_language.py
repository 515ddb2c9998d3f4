"""The policy language: from YAML text to rules, every mistake named with its line and remedy.

The text is read as a tree of nodes and never turned into Python values by YAML's own guesses, so
``NO`` stays a word, ``1_000`` is refused rather than understood, and amounts stay exact. What
could make a small file big or hide what it says (aliases, tags, deep nesting) is refused.

A new condition is an entry of `_CONDITIONS` and a field of `When`; a new part of a rule is an
entry of `_RULE_KEYS` and a field of `Rule` (both in `workflows.policy_rules`).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

import yaml

from connectors.money import Money, MoneyError, exponent
from workflows.policy_problems import PolicyErrors, Problem
from workflows.policy_rules import Band, PayeeStanding, Rule, Slot, When

VERSION = "1"
MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
MAX_PROBLEMS = 50
MAX_NAME = 80
MAX_COUNT = 20
DEFAULT_LIFE = timedelta(hours=72)
LONGEST_LIFE = timedelta(days=90)

_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_AMOUNT = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?", re.ASCII)
_COUNT = re.compile(r"0|-?[1-9][0-9]{0,5}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """A policy file without a mistake: its rules in file order, and the default life."""

    rules: tuple[Rule, ...]
    expires_after: timedelta


def read(
    text: str, *, base_currency: str, roles: Collection[str], accounts: Collection[str]
) -> Document:
    """Read a policy file.

    Args:
        text: YAML, at most `MAX_BYTES` in UTF-8.
        base_currency: ISO 4217 code that amounts in rules are in.
        roles: All roles that settings name.
        accounts: Ids of the company's accounts.

    Raises:
        PolicyErrors: with every mistake found, at most `MAX_PROBLEMS` and a note.
        MoneyError: ``base_currency`` is not a currency.
    """
    exponent(base_currency)
    root = _compose(text)
    reader = _Reader(base_currency, roles, accounts)
    try:
        document = reader.document(root)
    except _TooManyError:
        raise PolicyErrors(reader.problems) from None
    if reader.problems:
        raise PolicyErrors(reader.problems)
    return document


# -- YAML ------------------------------------------------------------------------------------------


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


def _compose(text: str) -> yaml.Node:
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
        reason = _shown(", ".join(filter(None, (error.context, error.problem))), longest=120)
        raise PolicyErrors([Problem(line, "yaml.syntax", {"reason": reason})]) from None
    except (ValueError, OverflowError):
        # An escape such as "\UFFFFFFFF" or a directive with thousands of digits.
        params = {"reason": "an escape or a number is out of range"}
        raise PolicyErrors([Problem(composer.line + 1, "yaml.syntax", params)]) from None
    finally:
        composer.dispose()
    if root is None or _is_null(root):
        raise PolicyErrors([Problem(1, "file.empty")])
    return root


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _shown(text: str, longest: int = 40) -> str:
    """Return ``text`` fit for a message: short, on one line, nothing that could steer a screen."""
    visible = "".join(character if character.isprintable() else "?" for character in text[:longest])
    return visible + "…" if len(text) > longest else visible


# -- Rules -----------------------------------------------------------------------------------------


class _TooManyError(Exception):
    """Enough problems were found; the rest would not be read by anybody."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One ``key: value`` of a mapping, with the line of the key."""

    key: str
    line: int
    value: yaml.Node


class _Reader:
    """Walks the nodes and collects what is wrong; a part with a mistake reads as None."""

    def __init__(
        self, base_currency: str, roles: Collection[str], accounts: Collection[str]
    ) -> None:
        self.problems: list[Problem] = []
        self.base_currency = base_currency
        self.known = {"role": sorted(roles), "account": sorted(accounts), "payee": _STANDINGS}
        self.names: dict[str, int] = {}

    def document(self, root: yaml.Node) -> Document:
        entries = self._entries(root, "policy", "the policy", _POLICY_KEYS)
        if entries is None:
            return Document((), DEFAULT_LIFE)
        self._version(entries, _line(root))
        life = DEFAULT_LIFE
        if (entry := entries.get("expires_after")) is not None:
            life = self._duration(entry) or DEFAULT_LIFE
        if (entry := entries.get("rules")) is None:
            self._add(
                _line(root), "key.missing", key="rules", place="the policy", example="[ ... ]"
            )
            return Document((), life)
        nodes = self._items(entry)
        if nodes == []:
            self._add(entry.line, "rules.none")
        rules = [self._rule(node, life) for node in nodes or ()]
        return Document(tuple(rule for rule in rules if rule is not None), life)

    def _version(self, entries: Mapping[str, _Entry], line: int) -> None:
        if (entry := entries.get("version")) is None:
            self._add(line, "key.missing", key="version", place="the policy", example=VERSION)
        elif (text := self._text(entry)) is not None and text != VERSION:
            self._add(entry.line, "version.unsupported", version=_shown(text), known=VERSION)

    def _rule(self, node: yaml.Node, life: timedelta) -> Rule | None:
        found_before = len(self.problems)
        entries = self._entries(node, "rules", "a rule", _RULE_KEYS)
        if entries is None:
            return None
        name = self._name(entries.get("name"), _line(node))
        when = self._when(entries["when"]) if "when" in entries else When()
        refuse = self._refuse(entries)
        require = self._require(entries["require"]) if "require" in entries else ()
        if (entry := entries.get("expires_after")) is not None:
            life = self._duration(entry) or life
        if require == () and not refuse and "refuse" not in entries:
            line = entries["require"].line if "require" in entries else _line(node)
            self._add(line, "require.none", name=name or "?")
        if len(self.problems) > found_before:
            return None
        return Rule(name or "", when or When(), require or (), life, refuse)

    def _name(self, entry: _Entry | None, line: int) -> str | None:
        if entry is None:
            example = "what people should read"
            self._add(line, "key.missing", key="name", place="a rule", example=example)
            return None
        if (text := self._text(entry)) is None:
            return None
        name = unicodedata.normalize("NFC", " ".join(text.split()))
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
            self._add(entry.line, "name.malformed", name=_shown(name), longest=MAX_NAME)
            return None
        if (folded := name.casefold()) in self.names:
            first = self.names[folded]
            self._add(entry.line, "name.duplicate", name=name, first=first)
        self.names.setdefault(folded, entry.line)
        return name

    def _refuse(self, entries: Mapping[str, _Entry]) -> bool:
        if (entry := entries.get("refuse")) is None or (text := self._text(entry)) is None:
            return False
        if text != "true":
            self._add(entry.line, "refuse.value", value=_shown(text))
            return False
        for key in ("require", "expires_after"):
            if key in entries:
                self._add(entries[key].line, "refuse.alone", key=key)
        return True

    def _require(self, entry: _Entry) -> tuple[Slot, ...] | None:
        nodes = self._items(entry)
        if nodes is None:
            return None
        slots: dict[str, Slot] = {}
        for node in nodes:
            slot = self._slot(node)
            if slot is None:
                continue
            if slots.setdefault(slot.role, slot) is not slot:
                self._add(_line(node), "require.role_twice", role=_shown(slot.role))
        # Entries that are all wrong have been told; only a list without entries asks for nobody.
        return tuple(slots.values()) if slots or not nodes else None

    def _slot(self, node: yaml.Node) -> Slot | None:
        entries = self._entries(node, "require", "a requirement", _SLOT_KEYS)
        if entries is None:
            return None
        count = self._count(entries["count"]) if "count" in entries else 1
        if (entry := entries.get("role")) is None:
            example = self.known["role"][0] if self.known["role"] else "..."
            place = "a requirement"
            self._add(_line(node), "key.missing", key="role", place=place, example=example)
            return None
        role = self._member("role", entry, entry.value)
        return Slot(role, count) if role is not None and count is not None else None

    def _count(self, entry: _Entry) -> int | None:
        if (text := self._text(entry)) is None:
            return None
        if not _COUNT.fullmatch(text):
            self._add(entry.line, "count.malformed", value=_shown(text), largest=MAX_COUNT)
            return None
        if not 1 <= int(text) <= MAX_COUNT:
            self._add(entry.line, "count.range", value=int(text), largest=MAX_COUNT)
            return None
        return int(text)

    def _duration(self, entry: _Entry) -> timedelta | None:
        if (text := self._text(entry)) is None:
            return None
        if not (match := _DURATION.fullmatch(text)):
            self._add(entry.line, "duration.malformed", value=_shown(text))
            return None
        life = int(match[1]) * _UNITS[match[2]]
        if life > LONGEST_LIFE:
            days = LONGEST_LIFE.days
            self._add(entry.line, "duration.too_long", value=text, days=days)
            return None
        return life

    # Conditions

    def _when(self, entry: _Entry) -> When | None:
        entries = self._entries(entry.value, "when", "“when”", _CONDITIONS)
        if entries is None:
            return None
        if not entries:
            self._add(entry.line, "shape.empty", key="when")
        amount = self._band(entries["amount"]) if "amount" in entries else None
        sets = {key: self._members(entries[key]) for key in _SETS if key in entries}
        return When(amount, **sets)

    def _band(self, entry: _Entry) -> Band | None:
        entries = self._entries(entry.value, "amount", "“amount”", _EDGES)
        if entries is None:
            return None
        if not entries:
            self._add(entry.line, "shape.empty", key="amount")
        for key, other in (("above", "from"), ("below", "up_to")):
            if key in entries and other in entries:
                self._add(entries[key].line, "amount.two_edges", key=key, other=other)
        low, high = 1, None
        for key, found in entries.items():
            minor = self._minor(found)
            if minor is None:
                return None
            if key in ("from", "above"):
                low = max(1, minor + (key == "above"))
            else:
                high = minor - (key == "below")
        if high is not None and low > high:
            self._add(entry.line, "amount.no_payment")
        return Band(low, high)

    def _minor(self, entry: _Entry) -> int | None:
        if (text := self._text(entry)) is None:
            return None
        if not _AMOUNT.fullmatch(text):
            self._add(entry.line, "amount.malformed", value=_shown(text))
            return None
        try:
            return Money.parse(text, self.base_currency).minor
        except MoneyError as error:
            params = {"value": text, "currency": self.base_currency}
            self._add(entry.line, error.code, **(params | error.params))
            return None

    def _members(self, entry: _Entry) -> frozenset[str] | None:
        """Read one value or a list of values, all of them known under the entry's kind."""
        kind = "role" if entry.key == "requester_role" else entry.key
        nodes = [entry.value]
        if isinstance(entry.value, yaml.SequenceNode):
            nodes = entry.value.value
        if not nodes:
            self._add(entry.line, "shape.empty", key=entry.key)
        found = [self._member(kind, entry, node) for node in nodes]
        return frozenset(value for value in found if value is not None)

    def _member(self, kind: str, entry: _Entry, node: yaml.Node) -> str | None:
        text = self._text(_Entry(entry.key, _line(node), node))
        if text is None:
            return None
        if kind == "currency":
            is_known, known = _is_currency(text), [text.upper()]
            suggestion = text.upper() if _is_currency(text.upper()) else ""
        else:
            known = self.known[kind]
            is_known, suggestion = text in known, _closest(text, known)
        if is_known:
            return text
        self._add(
            _line(node),
            f"{kind}.unknown",
            value=_shown(text),
            suggestion=suggestion,
            known=_listed(known),
        )
        return None

    # Nodes

    def _entries(
        self, node: yaml.Node, key: str, place: str, known: Collection[str]
    ) -> dict[str, _Entry] | None:
        """Return the entries with known keys, or None where the node is no mapping."""
        if not isinstance(node, yaml.MappingNode):
            self._add(_line(node), "shape.mapping", key=key)
            return None
        entries: dict[str, _Entry] = {}
        seen: dict[str, int] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self._add(_line(name), "shape.text", key=f"a key of {place}")
                continue
            entry = _Entry(name.value, _line(name), value)
            if entry.key in seen:
                first = seen[entry.key]
                self._add(entry.line, "key.duplicate", key=_shown(entry.key), first=first)
                continue
            seen[entry.key] = entry.line
            if entry.key in known:
                entries[entry.key] = entry
            else:
                self._unknown_key(entry, place, known)
        return entries

    def _unknown_key(self, entry: _Entry, place: str, known: Collection[str]) -> None:
        self._add(
            entry.line,
            "key.unknown",
            key=_shown(entry.key),
            place=place,
            suggestion=_closest(entry.key, known),
            known=_listed(known),
        )

    def _items(self, entry: _Entry) -> list[yaml.Node] | None:
        if isinstance(entry.value, yaml.SequenceNode):
            return list(entry.value.value)
        code = "shape.empty" if _is_null(entry.value) else "shape.list"
        self._add(entry.line, code, key=entry.key)
        return None

    def _text(self, entry: _Entry) -> str | None:
        if not isinstance(entry.value, yaml.ScalarNode):
            self._add(entry.line, "shape.text", key=entry.key)
            return None
        if _is_null(entry.value) or not entry.value.value.strip():
            self._add(entry.line, "shape.empty", key=entry.key)
            return None
        return str(entry.value.value)

    def _add(self, line: int, code: str, **params: str | int) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            self.problems.append(Problem(line, "file.too_many"))
            raise _TooManyError
        self.problems.append(Problem(line, code, params))


_STANDINGS = [str(standing) for standing in PayeeStanding]
_POLICY_KEYS = ("version", "expires_after", "rules")
_RULE_KEYS = ("name", "when", "require", "refuse", "expires_after")
_SLOT_KEYS = ("role", "count")
_EDGES = ("from", "above", "up_to", "below")
_SETS = ("currency", "account", "payee", "requester_role")
_CONDITIONS = ("amount", *_SETS)


def _is_currency(text: str) -> bool:
    if not _CURRENCY.fullmatch(text):
        return False
    try:
        exponent(text)
    except MoneyError:
        return False
    return True


def _closest(text: str, known: Collection[str]) -> str:
    """Return the known word that was probably meant, or nothing."""
    by_folded = {word.casefold(): word for word in known}
    close = difflib.get_close_matches(text[:MAX_NAME].casefold(), by_folded, n=1)
    return by_folded[close[0]] if close else ""


def _listed(known: Collection[str]) -> str:
    shown = [_shown(word) for word in list(known)[:20]]
    return ", ".join(shown + ["…"] * (len(known) > 20)) or "(the settings have none)"
