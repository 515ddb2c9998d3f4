"""The policy language: from YAML text to rules, every mistake named with its line and remedy.

A new condition is an entry of `_CONDITIONS` and a field of `When`; a new part of a rule is an
entry of `_RULE_KEYS` and a field of `Rule` (both in `workflows.policy_rules`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

import yaml

from connectors.money import Money, MoneyError, exponent
from workflows.policy_nodes import (
    MAX_NAME,
    Entry,
    NodeReader,
    TooManyError,
    closest,
    compose,
    line_of,
    listed,
    shown,
)
from workflows.policy_problems import PolicyErrors
from workflows.policy_rules import (
    ANY_FACTOR,
    COUNTABLE,
    Approve,
    Band,
    Kind,
    Limit,
    Moment,
    PayeeStanding,
    Per,
    Rule,
    Slot,
    When,
)

VERSION = "1"
MAX_COUNT = 20
MAX_STAGE = 9
DEFAULT_LIFE = timedelta(hours=72)
LONGEST_LIFE = timedelta(days=90)
LONGEST_WINDOW = timedelta(days=366)
FACTORS = (ANY_FACTOR, "totp")
"""Second factors that a slot can ask for."""

_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_AMOUNT = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?", re.ASCII)
_COUNT = re.compile(r"0|-?[1-9][0-9]{0,5}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """A policy file without a mistake: rules and limits in file order, and the default life."""

    rules: tuple[Rule, ...]
    expires_after: timedelta
    limits: tuple[Limit, ...] = ()


def read(
    text: str,
    *,
    base_currency: str,
    roles: Collection[str],
    accounts: Collection[str],
    people: Collection[str] = (),
    connectors: Collection[str] = (),
) -> Document:
    """Read a policy file.

    Args:
        text: YAML, at most `policy_nodes.MAX_BYTES` in UTF-8.
        base_currency: ISO 4217 code that amounts in rules are in.
        roles: All roles that settings name.
        accounts: Ids of the company's accounts.
        people: Ids of the company's people.
        connectors: Names of the company's connections.

    Raises:
        PolicyErrors: with every mistake found, at most `policy_nodes.MAX_PROBLEMS` and a note.
        MoneyError: ``base_currency`` is not a currency.
    """
    exponent(base_currency)
    root = compose(text)
    known = {
        "role": sorted(roles),
        "account": sorted(accounts),
        "person": sorted(people),
        "connector": sorted(connectors),
        **_WORDS,
    }
    reader = _Reader(base_currency, known)
    try:
        document = reader.document(root)
    except TooManyError:
        raise PolicyErrors(reader.problems) from None
    if reader.problems:
        raise PolicyErrors(reader.problems)
    return document


class _Reader(NodeReader):
    """Walks the nodes of a policy.

    Args:
        known: The words that there are, by what they are of.
    """

    def __init__(self, base_currency: str, known: Mapping[str, list[str]]) -> None:
        super().__init__()
        self.base_currency = base_currency
        self.known = known
        self.names: dict[str, int] = {}

    def document(self, root: yaml.Node) -> Document:
        entries = self.entries(root, "policy", "the policy", _POLICY_KEYS)
        if entries is None:
            return Document((), DEFAULT_LIFE)
        self._version(entries, line_of(root))
        life = DEFAULT_LIFE
        if (entry := entries.get("expires_after")) is not None:
            life = self._duration(entry) or DEFAULT_LIFE
        if (entry := entries.get("rules")) is None:
            self.add(
                line_of(root), "key.missing", key="rules", place="the policy", example="[ ... ]"
            )
            return Document((), life)
        nodes = self.items(entry)
        if nodes == []:
            self.add(entry.line, "rules.none")
        rules = [self._rule(node, life) for node in nodes or ()]
        limits = [self._limit(node) for node in self._limit_nodes(entries)]
        return Document(
            tuple(rule for rule in rules if rule is not None),
            life,
            tuple(limit for limit in limits if limit is not None),
        )

    def _limit_nodes(self, entries: Mapping[str, Entry]) -> list[yaml.Node]:
        return (self.items(entries["limits"]) or []) if "limits" in entries else []

    def _version(self, entries: Mapping[str, Entry], line: int) -> None:
        if (entry := entries.get("version")) is None:
            self.add(line, "key.missing", key="version", place="the policy", example=VERSION)
        elif (text := self.text(entry)) is not None and text != VERSION:
            self.add(entry.line, "version.unsupported", version=shown(text), known=VERSION)

    def _rule(self, node: yaml.Node, life: timedelta) -> Rule | None:
        found_before = len(self.problems)
        entries = self.entries(node, "rules", "a rule", _RULE_KEYS)
        if entries is None:
            return None
        name = self._name(entries.get("name"), line_of(node), "a rule")
        when = self._when(entries["when"]) if "when" in entries else When()
        require, refuse = self._asks_for(entries, line_of(node), name)
        if (entry := entries.get("expires_after")) is not None:
            life = self._duration(entry) or life
        cool_off = timedelta(0)
        if (entry := entries.get("cool_off")) is not None:
            cool_off = self._duration(entry) or cool_off
        series: str | None = None
        if (entry := entries.get("series")) is not None:
            series = self._member("series", entry, entry.value)
        if len(self.problems) > found_before:
            return None
        how = Approve(series or Approve.EACH)
        return Rule(name or "", when or When(), require, life, refuse, cool_off, how)

    def _asks_for(
        self, entries: Mapping[str, Entry], line: int, name: str | None
    ) -> tuple[tuple[Slot, ...], bool]:
        """Return whom a rule or limit asks for, and whether it forbids instead."""
        refuse = self._refuse(entries)
        require = self._require(entries["require"]) if "require" in entries else ()
        if require == () and not refuse and "refuse" not in entries:
            line = entries["require"].line if "require" in entries else line
            self.add(line, "require.none", name=name or "?")
        return require or (), refuse

    def _limit(self, node: yaml.Node) -> Limit | None:
        found_before = len(self.problems)
        entries = self.entries(node, "limits", "a limit", _LIMIT_KEYS)
        if entries is None:
            return None
        line = line_of(node)
        for key, example in _LIMIT_EXAMPLES.items():
            if key not in entries:
                self.add(line, "key.missing", key=key, place="a limit", example=example)
        name = self._name(entries.get("name"), line, "a limit") if "name" in entries else None
        per = self._member("per", entries["per"], entries["per"].value) if "per" in entries else ""
        most = self._minor(entries["most"]) if "most" in entries else None
        within = self._duration(entries["within"], LONGEST_WINDOW) if "within" in entries else None
        when = self._when(entries["when"], COUNTABLE) if "when" in entries else When()
        require, refuse = self._asks_for(entries, line, name)
        if per == Per.ROLE and when is not None and when.requester_role is None:
            self.add(entries["per"].line, "limit.whose_role")
        if len(self.problems) > found_before:
            return None
        assert per
        assert most is not None
        assert within is not None
        return Limit(name or "", Per(per), most, within, when or When(), require, refuse)

    def _name(self, entry: Entry | None, line: int, place: str) -> str | None:
        if entry is None:
            example = "what people should read"
            self.add(line, "key.missing", key="name", place=place, example=example)
            return None
        if (text := self.text(entry)) is None:
            return None
        name = unicodedata.normalize("NFC", " ".join(text.split()))
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
            self.add(entry.line, "name.malformed", name=shown(name), longest=MAX_NAME)
            return None
        if (folded := name.casefold()) in self.names:
            first = self.names[folded]
            self.add(entry.line, "name.duplicate", name=name, first=first)
        self.names.setdefault(folded, entry.line)
        return name

    def _refuse(self, entries: Mapping[str, Entry]) -> bool:
        if (entry := entries.get("refuse")) is None or (text := self.text(entry)) is None:
            return False
        if text != "true":
            self.add(entry.line, "refuse.value", value=shown(text))
            return False
        for key in ("require", "expires_after", "cool_off", "series"):
            if key in entries:
                self.add(entries[key].line, "refuse.alone", key=key)
        return True

    def _require(self, entry: Entry) -> tuple[Slot, ...] | None:
        nodes = self.items(entry)
        if nodes is None:
            return None
        slots: dict[tuple[int, str], Slot] = {}
        for node in nodes:
            slot = self._slot(node)
            if slot is None:
                continue
            # A person fills one place, whatever the stage.
            if slots.setdefault((slot.stage if slot.role else 0, slot.who), slot) is not slot:
                code = "require.role_twice" if slot.role else "require.person_twice"
                self.add(line_of(node), code, who=shown(slot.role or slot.person))
        # Entries that are all wrong have been told; only a list without entries asks for nobody.
        return tuple(slots.values()) if slots or not nodes else None

    def _slot(self, node: yaml.Node) -> Slot | None:
        entries = self.entries(node, "require", "a requirement", _SLOT_KEYS)
        if entries is None:
            return None
        count = self._number(entries["count"], MAX_COUNT) if "count" in entries else 1
        stage = self._number(entries["stage"], MAX_STAGE) if "stage" in entries else 1
        factor: str | None = ANY_FACTOR
        if (entry := entries.get("factor")) is not None:
            factor = self._member("factor", entry, entry.value)
        who = self._who(entries, line_of(node))
        if who is None or count is None or stage is None or factor is None:
            return None
        role, person = who
        return Slot(role, count, person, stage, factor)

    def _who(self, entries: Mapping[str, Entry], line: int) -> tuple[str, str] | None:
        """Return the role or the person of a requirement; one of them is empty."""
        given = [entries[key] for key in ("role", "person") if key in entries]
        if not given:
            example = self.known["role"][0] if self.known["role"] else "..."
            self.add(line, "key.missing", key="role", place="a requirement", example=example)
            return None
        if len(given) == 2:
            self.add(given[1].line, "require.role_and_person")
            return None
        (entry,) = given
        if entry.key == "person" and "count" in entries:
            self.add(entries["count"].line, "require.count_of_person")
            return None
        found = self._member(entry.key, entry, entry.value)
        if found is None:
            return None
        return (found, "") if entry.key == "role" else ("", found)

    def _number(self, entry: Entry, largest: int) -> int | None:
        if (text := self.text(entry)) is None:
            return None
        if not _COUNT.fullmatch(text):
            self.add(entry.line, "count.malformed", value=shown(text), largest=largest)
            return None
        if not 1 <= int(text) <= largest:
            self.add(entry.line, "count.range", key=entry.key, value=int(text), largest=largest)
            return None
        return int(text)

    def _duration(self, entry: Entry, longest: timedelta = LONGEST_LIFE) -> timedelta | None:
        if (text := self.text(entry)) is None:
            return None
        if not (match := _DURATION.fullmatch(text)):
            self.add(entry.line, "duration.malformed", value=shown(text))
            return None
        life = int(match[1]) * _UNITS[match[2]]
        if life > longest:
            days = longest.days
            self.add(entry.line, "duration.too_long", value=text, days=days)
            return None
        return life

    # Conditions

    def _when(self, entry: Entry, known: Collection[str] | None = None) -> When | None:
        entries = self.entries(entry.value, "when", "“when”", known or _CONDITIONS)
        if entries is None:
            return None
        if not entry.value.value:
            self.add(entry.line, "shape.empty", key="when")
        amount = self._band(entries["amount"]) if "amount" in entries else None
        changed = entries.get("payee_changed_within")
        within = self._duration(changed, LONGEST_WINDOW) if changed else None
        sets = {key: self._members(entries[key]) for key in _SETS if key in entries}
        return When(amount, payee_changed_within=within, **sets)

    def _band(self, entry: Entry) -> Band | None:
        entries = self.entries(entry.value, "amount", "“amount”", _EDGES)
        if entries is None:
            return None
        if not entries:
            self.add(entry.line, "shape.empty", key="amount")
        for key, other in (("above", "from"), ("below", "up_to")):
            if key in entries and other in entries:
                self.add(entries[key].line, "amount.two_edges", key=key, other=other)
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
            self.add(entry.line, "amount.no_payment")
        return Band(low, high)

    def _minor(self, entry: Entry) -> int | None:
        if (text := self.text(entry)) is None:
            return None
        if not _AMOUNT.fullmatch(text):
            self.add(entry.line, "amount.malformed", value=shown(text))
            return None
        try:
            return Money.parse(text, self.base_currency).minor
        except MoneyError as error:
            params = {"value": text, "currency": self.base_currency}
            self.add(entry.line, error.code, **(params | error.params))
            return None

    def _members(self, entry: Entry) -> frozenset[str] | None:
        """Read one value or a list of values, all of them known under the entry's kind."""
        kind = _KIND_OF.get(entry.key, entry.key)
        nodes = [entry.value]
        if isinstance(entry.value, yaml.SequenceNode):
            nodes = entry.value.value
        if not nodes:
            self.add(entry.line, "shape.empty", key=entry.key)
        found = [self._member(kind, entry, node) for node in nodes]
        return frozenset(value for value in found if value is not None)

    def _member(self, kind: str, entry: Entry, node: yaml.Node) -> str | None:
        text = self.text(Entry(entry.key, line_of(node), node))
        if text is None:
            return None
        if kind == "currency":
            is_known, known = _is_currency(text), [text.upper()]
            suggestion = text.upper() if _is_currency(text.upper()) else ""
        elif kind in _FORMS:
            is_known, known = bool(_FORMS[kind].fullmatch(text)), []
            suggestion = text.upper() if _FORMS[kind].fullmatch(text.upper()) else ""
        else:
            known = self.known[kind]
            is_known, suggestion = text in known, closest(text, known)
        if is_known:
            return text
        self.add(
            line_of(node),
            f"{kind}.unknown",
            value=shown(text),
            suggestion=suggestion,
            known=listed(known),
        )
        return None


_WORDS = {
    "payee": [str(each) for each in PayeeStanding],
    "kind": [str(each) for each in Kind],
    "time": [str(each) for each in Moment],
    "per": [str(each) for each in Per],
    "series": [str(each) for each in Approve],
    "factor": list(FACTORS),
}
_FORMS = {
    "payee_country": re.compile(r"[A-Z]{2}", re.ASCII),
    "payee_tag": re.compile(r"[^\W_][\w.-]{0,39}"),
}
_KIND_OF = {"requester_role": "role", "requester": "person"}
_POLICY_KEYS = ("version", "expires_after", "rules", "limits")
_RULE_KEYS = ("name", "when", "require", "refuse", "expires_after", "cool_off", "series")
_LIMIT_KEYS = ("name", "per", "most", "within", "when", "require", "refuse")
_LIMIT_EXAMPLES = {
    "name": "what people should read",
    "per": "requester",
    "most": "10000",
    "within": "7d",
}
_SLOT_KEYS = ("role", "person", "count", "stage", "factor")
_EDGES = ("from", "above", "up_to", "below")
_SETS = (
    "currency",
    "kind",
    "account",
    "connector",
    "payee",
    "payee_country",
    "payee_tag",
    "requester",
    "requester_role",
    "time",
)
_CONDITIONS = ("amount", "payee_changed_within", *_SETS)


def _is_currency(text: str) -> bool:
    if not _CURRENCY.fullmatch(text):
        return False
    try:
        exponent(text)
    except MoneyError:
        return False
    return True
