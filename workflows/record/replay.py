"""What the rows of one subject must be, by its entries alone. Pure.

Entries tell what a row became: ``row`` and ``instruction`` hold the columns that were written
(`workflows.audit.told`), the rest follows from the entry itself. Entries of versions before that
tell less; then only what they tell is compared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Table

from workflows.orders import TRANSITIONS, OrderState
from workflows.record.problems import Finding
from workflows.tables import (
    approval,
    charter,
    chat_identity,
    delegation,
    freeze,
    freeze_consent,
    instruction,
    kept_file,
    payee,
    payment_order,
    proposal,
    proposal_decision,
    receipt,
    series,
)

Key = tuple[Any, ...]

_OF_ORDERS = {each.name for each in (payment_order, approval, instruction, receipt, series)}

_COLUMNS = tuple(payment_order.c.keys())
_NOTHING = {each.name: dict.fromkeys(each.c.keys()) for each in (instruction, payee, chat_identity)}
_NOTHING[payee.name]["tags"] = "[]"
_ONE = 1
_DECISIONS = {
    "order.approval": "approve",
    "order.rejected": "reject",
    "order.recused": "recuse",
}


@dataclass(slots=True)
class Expected:
    """A row as the record tells it.

    Attributes:
        values: By column; instants and dates as text.
        seq: Of the newest entry that tells of it.
    """

    values: dict[str, Any]
    seq: int


class Told(NamedTuple):
    """One entry, for replaying."""

    seq: int
    at: str
    actor: str
    kind: str
    subject: str
    facts: Mapping[str, Any]


class Replay:
    """The rows of one subject.

    Attributes:
        rows: What there must be, by table's name and primary key.
        claims: Names of the tables whose rows of this subject are told here: there are no others.
        files: Files that the order has, with the entry that says so.
        seq: The newest entry that was taken.
        findings: Entries that contradict one another.
    """

    __slots__ = ("claims", "files", "findings", "rows", "seq")

    def __init__(self) -> None:
        self.rows: dict[tuple[str, Key], Expected] = {}
        self.claims: set[str] = set()
        self.files: dict[str, int] = {}
        self.seq = 0
        self.findings: list[Finding] = []

    def take(self, told: Told) -> None:
        """Add an entry; they come in their order."""
        self.seq = told.seq
        handler = FAMILIES[told.kind.partition(".")[0]]
        try:
            handler(self, told)
        except (LookupError, TypeError, AttributeError, ValueError):
            self._wrong(told, "tells of it in a way that this version does not understand")

    # ---- orders and what belongs to them ------------------------------------------------------

    def _order(self, told: Told) -> None:
        facts, key = told.facts, (payment_order.name, (told.subject,))
        if told.kind == "order.requested":
            self.claims |= _OF_ORDERS
            self.rows[key] = Expected(_requested(told), told.seq)
            self._attach(told)
            return
        order = self.rows.get(key)
        if order is None:
            self._wrong(told, "tells of an order that was never requested")
            return
        if "to" in facts:
            self._move(told, order)
        if told.kind == "order.amended":
            self._attach(told)
        if told.kind in _DECISIONS:
            self._decide(told, order)
        if told.kind == "order.approved_in_series":
            self._carry(told)
        if told.kind == "order.completed" or (
            told.kind == "order.approved_in_series" and facts["to"] == OrderState.APPROVED
        ):
            self._check_quorum(told, order)
        if told.kind == "order.approval_withdrawn":
            for person in facts["withdrawn"]:
                taken = self.rows[approval.name, (told.subject, facts["version"], person)]
                taken.values["withdrawn_at"], taken.seq = told.at, told.seq
        if told.kind == "order.released":
            key = (instruction.name, (told.subject,))
            self.rows[key] = Expected({"order_id": told.subject}, told.seq)
            if "instruction" in facts:
                self.rows[key].values = _whole(instruction, {})
        if "instruction" in facts:
            self._sent(told)

    def _move(self, told: Told, order: Expected) -> None:
        facts, values = told.facts, order.values
        if facts["from"] != values["state"]:
            self._wrong(told, f"says it was {facts['from']}, it was {values['state']}")
        to = facts["to"]
        if to != facts["from"] and to not in TRANSITIONS[facts["from"]]:
            self._wrong(told, f"moves it from {facts['from']} to {to}, where it may not go")
        values["state"], values["updated_at"] = to, told.at
        values["revision"] += 1
        if (after := facts.get("after")) is not None:
            values |= {name: after[name] for name in ("version", "digest") if name in after}
        if (row := facts.get("row")) is not None:
            values |= row
        order.seq = told.seq

    def _decide(self, told: Told, order: Expected) -> None:
        facts, decision = told.facts, _DECISIONS[told.kind]
        is_approval = decision == "approve"
        values: dict[str, Any] = {
            "order_id": told.subject,
            "version": facts["version"],
            "person_id": told.actor,
            "digest": facts["digest"],
            "decision": decision,
            "factor": facts["factor"] if is_approval else "none",
            "reason": facts.get("reason"),
            "at": told.at,
            "stage": facts.get("stage", 1),
            "withdrawn_at": None,
            "on_behalf_of": facts.get("on_behalf_of"),
            "series_digest": None,
        }
        key = (told.subject, facts["version"], told.actor)
        self.rows[approval.name, key] = Expected(values, told.seq)
        if (facts["version"], facts["digest"]) != (order.values["version"], order.values["digest"]):
            self._wrong(told, "decides on something else than the order was")
        if is_approval and facts["to"] == OrderState.APPROVED:
            self._check_quorum(told, order)

    def _carry(self, told: Told) -> None:
        """Take the approvals of a series that count for one payment of it."""
        for row in told.facts["approvals"]:
            key = (told.subject, row["version"], row["person_id"])
            self.rows[approval.name, key] = Expected(dict(row), told.seq)

    def _check_quorum(self, told: Told, order: Expected) -> None:
        """See that whoever filled the slots has approved, and that the slots are filled."""
        verdict = order.values.get("verdict")
        if verdict is None:
            return
        version, filled = order.values["version"], told.facts["filled"]
        roles = [role for role, _ in filled]
        people = {person for _, person in filled}
        has_seats = all(roles.count(role) >= count for role, count in _slots(verdict).items())
        are_there = all(
            (given := self.rows.get((approval.name, (told.subject, version, person)))) is not None
            and given.values["decision"] == "approve"
            and given.values["withdrawn_at"] is None
            for person in people
        )
        if not (filled and has_seats and are_there) or len(people) < len(filled):
            self._wrong(told, "approves it without the people that policy asked for")
            return
        by = [self.rows[approval.name, (told.subject, version, each)].values for each in people]
        whose = {each["on_behalf_of"] or each["person_id"] for each in by}
        barred = {order.values["requester_id"], *_excluded(verdict)}
        if (people | whose) & barred:
            self._wrong(told, "counts somebody who may not approve it")
        elif len(whose) < len(people):
            self._wrong(told, "counts somebody's roles twice")

    def _attach(self, told: Told) -> None:
        found = json.loads(told.facts.get("row", {}).get("attachments", "[]"))
        self.files.update((str(each["id"]), told.seq) for each in found)

    def _instruction(self, told: Told) -> None:
        if "instruction" in told.facts:
            self._sent(told)

    def _sent(self, told: Told) -> None:
        key = (instruction.name, (told.subject,))
        row = self.rows.setdefault(key, Expected({"order_id": told.subject}, told.seq))
        row.values |= told.facts["instruction"]
        row.seq = told.seq

    def _receipt(self, told: Told) -> None:
        facts = told.facts
        values = {
            "order_id": told.subject,
            "reference": facts["reference"],
            "sha256": facts["sha256"],
            "booked_on": facts["booked_on"],
            "is_official": facts["official"],
            "stored_at": told.at,
        }
        if "media_type" in facts:
            values["media_type"] = facts["media_type"]
        self.rows[receipt.name, (told.subject,)] = Expected(values, told.seq)

    def _series(self, told: Told) -> None:
        if "row" not in told.facts:
            return
        key = (series.name, (told.subject,))
        self.rows[key] = Expected({"id": told.subject, **told.facts["row"]}, told.seq)

    # ---- files, payees, people, the brake -----------------------------------------------------

    def _file(self, told: Told) -> None:
        self.claims.add(kept_file.name)
        names = ("name", "media_type", "size", "sha256")
        values = {"id": told.subject, "person_id": told.actor, "stored_at": told.at}
        values |= {name: told.facts[name] for name in names}
        self.rows[kept_file.name, (told.subject,)] = Expected(values, told.seq)

    def _list(self, told: Told) -> None:
        row = self.rows.get((kept_file.name, (told.subject,)))
        if row is not None:
            row.values["order_id"] = told.facts["orders"][0]
            row.seq = told.seq

    def _payee(self, told: Told) -> None:
        facts, key = told.facts, (payee.name, (told.subject,))
        row = self.rows.setdefault(key, Expected({"id": told.subject}, told.seq))
        self.claims.add(payee.name)
        if told.kind == "payee.registered":
            if "row" in facts:
                row.values = _whole(payee, {})
            row.values |= {name: facts[name] for name in ("name", "iban", "trusted")}
        elif told.kind == "payee.changed":
            row.values |= facts["after"]
        row.values["active"] = told.kind != "payee.removed"
        row.values |= facts.get("row", {})
        row.seq = told.seq

    def _person(self, told: Told) -> None:
        facts = told.facts
        chat = facts.get("chat")
        self.claims.add(chat_identity.name)
        mine = [
            key
            for key, row in self.rows.items()
            if key[0] == chat_identity.name and row.values["chat"] == chat
        ]
        if told.kind == "person.link_allowed":
            for key in mine:
                if self.rows[key].values["unlinked_at"] is not None:
                    del self.rows[key]
        elif told.kind in ("person.linked", "person.unlinked"):
            fresh = {
                "chat": chat,
                "external_id": facts["external_id"],
                "person_id": told.subject,
                "linked_at": told.at,
            }
            key = (chat_identity.name, (chat, facts["external_id"]))
            row = self.rows.setdefault(key, Expected(_whole(chat_identity, fresh), told.seq))
            if told.kind == "person.unlinked":
                row.values["unlinked_at"] = told.at
            row.seq = told.seq
        elif told.kind in ("person.reachable", "person.unreachable"):
            since = told.at if told.kind == "person.unreachable" else None
            for key in mine:
                self.rows[key].values["unreachable_since"] = since
                self.rows[key].seq = told.seq

    def _freeze(self, told: Told) -> None:
        self.claims |= {freeze.name, freeze_consent.name}
        if told.kind == "freeze.begun":
            self.rows.clear()  # whoever agreed to lift an earlier one has to agree again
            self.rows.clear()  # one in force already, with what was agreed to
            values = {"id": _ONE, "person_id": told.actor, "at": told.at}
            values["reason"] = told.facts["reason"]
            self.rows[freeze.name, (_ONE,)] = Expected(values, told.seq)
        elif told.kind == "freeze.consent":
            values = {"person_id": told.actor, "at": told.at}
            self.rows[freeze_consent.name, (told.actor,)] = Expected(values, told.seq)
        elif told.kind == "freeze.lifted":
            self.rows.clear()

    def _charter(self, told: Told) -> None:
        self.claims.add(charter.name)
        if "row" in told.facts:
            self.rows[charter.name, (_ONE,)] = Expected(dict(told.facts["row"]), told.seq)

    def _leave(self, told: Told) -> None:
        facts, key = told.facts, (delegation.name, (told.subject,))
        self.claims.add(delegation.name)
        family, _, what = told.kind.partition(".")
        row = self.rows.get(key)
        if what == "begun":
            self.rows[key] = Expected(dict(facts["row"]), told.seq)
            is_alone = facts["row"]["delegate_id"] is None
            if is_alone != (family == "absence") or is_alone != ("proposal" not in facts):
                self._wrong(told, "has somebody act for another without anybody's agreement")
        elif row is None:
            self._wrong(told, "tells of an absence that was never begun")
        elif "row" in facts:
            row.values |= facts["row"]
            row.seq = told.seq

    # ---- proposals ----------------------------------------------------------------------------

    def _proposal(self, told: Told) -> None:
        facts, key = told.facts, (proposal.name, (told.subject,))
        if told.kind == "proposal.made":
            self.claims |= {proposal.name, proposal_decision.name}
            self.rows[key] = Expected({**facts["row"], "id": told.subject}, told.seq)
            if facts["row"]["proposer_id"] != told.actor:
                self._wrong(told, "has another proposer than who made it")
            return
        found = self.rows.get(key)
        if found is None:
            self._wrong(told, "tells of a proposal that was never made")
            return
        if found.values["state"] != "open":
            self._wrong(told, f"tells more of what was {found.values['state']}")
        if told.kind in ("proposal.approved", "proposal.rejected"):
            self._say(told, found)
        if told.kind == "proposal.applied":
            self._check_agreed(told, found)
        found.values |= facts.get("row", {})
        found.seq = told.seq

    def _say(self, told: Told, found: Expected) -> None:
        facts, is_approval = told.facts, told.kind == "proposal.approved"
        values = {
            "proposal_id": told.subject,
            "person_id": told.actor,
            "digest": facts["digest"],
            "decision": "approve" if is_approval else "reject",
            "factor": facts["factor"] if is_approval else "none",
            "reason": None if is_approval else facts["row"]["reason"],
            "at": told.at,
        }
        key = (proposal_decision.name, (told.subject, told.actor))
        if key in self.rows:
            self._wrong(told, "counts one person twice")
        if told.actor == found.values["proposer_id"]:
            self._wrong(told, "counts the proposer among those who decide")
        if facts["digest"] != found.values["digest"]:
            self._wrong(told, "decides on something else than was proposed")
        self.rows[key] = Expected(values, told.seq)

    def _check_agreed(self, told: Told, found: Expected) -> None:
        """See that whoever it was applied by has approved it as it is."""
        digest, by = found.values["digest"], told.facts["by"]
        said = (self.rows.get((proposal_decision.name, (told.subject, each))) for each in by)
        agreed = [
            each
            for each in said
            if each is not None
            and (each.values["decision"], each.values["digest"]) == ("approve", digest)
        ]
        if not by or len(set(by)) < len(by) or len(agreed) < len(by):
            self._wrong(told, "applies it without the people that it names")

    # ---- what they share ----------------------------------------------------------------------

    def _wrong(self, told: Told, problem: str) -> None:
        self.findings.append(Finding(f"entry {told.seq} ({told.kind} {told.subject})", problem))


def _requested(told: Told) -> dict[str, Any]:
    facts = told.facts
    values = {
        "id": told.subject,
        "requester_id": told.actor,
        "state": str(OrderState.PENDING),
        "revision": 1,
        "created_at": told.at,
        "updated_at": told.at,
    }
    if "row" not in facts:
        return values | {name: facts[name] for name in ("version", "digest") if name in facts}
    # The columns of a new row that the facts say under their own names are not said twice.
    same = {name: facts.get(name) for name in _COLUMNS if name not in values}
    # What an entry from before there were these columns does not tell.
    later = {"kind": facts.get("kind", "single"), "versioned_at": told.at}
    values |= same | later
    values |= facts["row"]
    return values


@lru_cache(maxsize=1024)
def _slots(verdict: str) -> Mapping[str, int]:
    """Return how many of each role, and which person behind an ``@``, a verdict asks for."""
    found: Counter[str] = Counter()
    for each in json.loads(verdict)["slots"]:
        found[each.get("role") or f"@{each['person']}"] += each["count"]
    return found


@lru_cache(maxsize=1024)
def _excluded(verdict: str) -> frozenset[str]:
    return frozenset(json.loads(verdict).get("excluded", ()))


def _whole(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new row: what is not told of it is nothing."""
    return {**_NOTHING[table.name], **values}


FAMILIES: Mapping[str, Callable[[Replay, Told], None]] = {
    "order": Replay._order,
    "instruction": Replay._instruction,
    "receipt": Replay._receipt,
    "series": Replay._series,
    "file": Replay._file,
    "list": Replay._list,
    "payee": Replay._payee,
    "person": Replay._person,
    "freeze": Replay._freeze,
    "charter": Replay._charter,
    "absence": Replay._leave,
    "delegation": Replay._leave,
    "proposal": Replay._proposal,
}
"""By the first part of their kind: entries that tell of rows."""
