"""The charter: everything in settings that decides who may do what, and how many it takes.

Whoever can edit the settings file could give themselves a role, or lower what policy asks for. So
what is in force is what a quorum agreed to: the first start takes settings as they are, and from
then on a file that says something else is only a proposal. Until that is decided, nothing leaves,
and people have no more rights than both the old charter and the new file give them. Who decides is
told by the *old* charter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from workflows import audit, canonical, proposal_decisions, proposals
from workflows.company import Company, OwnAccount, Permissions
from workflows.people import Directory, Person
from workflows.proposals import Kind, Proposal, State
from workflows.tables import charter as table
from workflows.tables import second_factor

SUBJECT = "charter"
_ONE = 1
_FIRST = ("policy", "permissions", "quorums", "people", "connections", "chats", "accounts")
"""Sections in the order in which differences are told; the others come after them."""

Document = Mapping[str, Any]


def document(company: Company, others: Mapping[str, Mapping[str, Any]]) -> Document:
    """Return the charter that a company's settings amount to, as JSON data.

    Args:
        others: What else matters and the company does not know of, such as where connections lead
            and whom settings vouch for, by section and name.
    """
    names = Permissions.__slots__
    return {
        "people": {each.id: _person(each) for each in company.directory},
        "accounts": {own.id: _account(own) for own in company.accounts.values()},
        "permissions": {name: sorted(getattr(company.permissions, name)) for name in names},
        "quorums": {
            "unfreeze": company.unfreeze_quorum,
            "payees": company.payees_quorum,
            "charter": company.charter_quorum,
            "delegations": company.delegations_quorum,
        },
        "policy": json.loads(company.policy.as_json()),
        "rates": _rates(company),
        "times": {
            "timezone": str(company.timezone),
            "business_hours": str(company.business_hours),
            "near_cut_off": _seconds(company.near_cut_off.total_seconds()),
            "payee_cool_off": _seconds(company.payee_cool_off.total_seconds()),
            "duplicate_window": _seconds(company.duplicate_window.total_seconds()),
            **{f"takes_payments {name}": str(each) for name, each in company.opening.items()},
        },
        **({"calendars": stated} if (stated := _stated_days(company)) else {}),
        **{section: dict(named) for section, named in others.items()},
    }


def _person(each: Person) -> dict[str, Any]:
    return {
        "name": each.name,
        "email": each.email.casefold(),
        "roles": sorted(each.roles),
        "chats": dict(each.chat_ids or {}),
    }


def _account(own: OwnAccount) -> dict[str, Any]:
    return {
        "iban": own.account.iban,
        "currency": own.account.currency,
        "timezone": own.account.timezone,
        "holder": own.account.holder,
        "connector": own.connector,
        "viewers": sorted(own.viewers),
        "channels": dict(own.channels),
        **({"calendar": own.calendar.name} if own.calendar is not None else {}),
    }


def _stated_days(company: Company) -> dict[str, dict[str, Any]]:
    """Return what settings state of calendars, by their names; nothing of those left as they are.

    Nothing is said of what the library knows: a newer one is no other charter.
    """
    used = {own.calendar for own in company.accounts.values() if own.calendar is not None}
    return {
        each.name: {
            "closed": [day.isoformat() for day in sorted(each.closed)],
            "open": [day.isoformat() for day in sorted(each.open)],
            "known_until": each.known_until.isoformat() if each.known_until else "",
        }
        for each in used
        if each.closed or each.open or each.known_until
    }


def _rates(company: Company) -> dict[str, str]:
    rates = company.rates
    found = {currency: f"{rate:f}" for currency, rate in rates.rates.items()}
    for currency, by_day in rates.dated.items():
        found |= {f"{currency} {day.isoformat()}": f"{rate:f}" for day, rate in by_day.items()}
    if rates.good_for is not None:
        found["good_for"] = _seconds(rates.good_for.total_seconds())
    return found


def _seconds(seconds: float) -> str:
    return f"{int(seconds)} s"


def hash_of(found: Document) -> str:
    """Return the SHA-256 (hex) over a charter's RFC 8785 form."""
    return hashlib.sha256(canonical.dumps(dict(found))).hexdigest()


# ---- what is in force ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InForce:
    """The charter that counts."""

    hash: str
    document: Document


def in_force(connection: Connection) -> InForce | None:
    """Return the charter that counts, or None before the first start with one."""
    row = connection.execute(select(table.c.hash, table.c.document)).one_or_none()
    return InForce(row.hash, json.loads(row.document)) if row is not None else None


def settle(
    connection: Connection,
    wanted: Document,
    *,
    now: datetime,
    is_alone: bool = True,
    is_start: bool = True,
) -> InForce:
    """Hold settings against the charter in force; return that charter as it is afterwards.

    The first start takes them as they are. Where too few people could decide by the charter in
    force (none is named, or they have no second factor yet), it gives way at once, and the record
    and the channel tell. Else a difference is proposed, unless it is already.

    Args:
        is_alone: Whether no other process can have another file: then what an earlier file
            proposed is void.
        is_start: Whether somebody started with these settings, so that what was rejected, too, is
            proposed anew.
    """
    present, digest = in_force(connection), hash_of(wanted)
    if present is not None and present.hash == digest:
        if is_alone:
            _drop_others(connection, digest, now)
        return present
    if present is None or not _can_be_decided(connection, present.document):
        kind = "charter.begun" if present is None else "charter.changed"
        return _adopt(connection, wanted, kind, audit.SYSTEM, now)
    if is_alone:
        _drop_others(connection, digest, now)
    _propose(connection, present, wanted, now, is_start=is_start)
    return present


def _propose(
    connection: Connection, present: InForce, wanted: Document, now: datetime, *, is_start: bool
) -> None:
    digest = hash_of(wanted)
    subject = f"{SUBJECT}:{digest[:12]}"
    newest = proposals.newest_about(connection, KIND.name, subject)
    if newest is not None and newest.is_open:
        return
    # By itself only what ran out or was voided, not what was rejected, nor what was in force once.
    if not is_start and (newest is None or newest.state not in (State.EXPIRED, State.OUTDATED)):
        return
    content = {"before": dict(present.document), "after": dict(wanted)}
    key = f"{present.hash}\n{digest}"
    made = proposals.make(
        connection, KIND, audit.SYSTEM, subject, content, key=key, now=now, may_repeat=True
    )
    audit.append(
        connection,
        at=now,
        actor=audit.SYSTEM,
        kind="charter.differs",
        subject=SUBJECT,
        facts={"hash": digest, "proposal": made.id, "reason": made.id},
    )


def _can_be_decided(connection: Connection, present: Document) -> bool:
    """Whether enough of those who decide by a charter could ever give a code."""
    permitted = set(present["permissions"].get("charter", ()))
    deciders = [who for who, each in present["people"].items() if permitted & set(each["roles"])]
    enrolled = connection.execute(
        select(func.count())
        .select_from(second_factor)
        .where(second_factor.c.person_id.in_(deciders))
    ).scalar_one()
    return bool(permitted) and enrolled >= present["quorums"]["charter"]


def _drop_others(connection: Connection, digest: str, now: datetime) -> None:
    """Close proposals of files that are not there any more."""
    for each in proposals.open_ones(connection, KIND.name):
        if hash_of(each.data["after"]) != digest:
            proposals.close(connection, each, State.OUTDATED, audit.SYSTEM, now)


def _adopt(
    connection: Connection, wanted: Document, kind: str, actor: str, now: datetime
) -> InForce:
    row = {
        "id": _ONE,
        "hash": hash_of(wanted),
        "document": canonical.dumps(dict(wanted)).decode(),
        "adopted_at": now,
    }
    connection.execute(delete(table))
    connection.execute(insert(table).values(**row))
    audit.append(
        connection,
        at=now,
        actor=actor,
        kind=kind,
        subject=SUBJECT,
        facts={"hash": row["hash"], "row": audit.told(row)},
    )
    return InForce(str(row["hash"]), wanted)


# ---- deciding on another ------------------------------------------------------------------------


class CharterChange(Kind):
    """Proposals to put another charter in force."""

    name = proposal_decisions.CHARTER

    def roles(self, company: Company) -> frozenset[str]:
        """Return the roles that settings give it to; who decides is told by `may_decide`."""
        return company.permissions.charter

    def quorum(self, company: Company, found: Proposal) -> int:
        """Return what the charter in force says, which is the one before."""
        del company
        return int(found.data["before"]["quorums"]["charter"])

    def may_decide(self, company: Company, person: Person, found: Proposal) -> bool:
        """Whether the charter in force gives a person a role that decides on charters."""
        del company
        before = found.data["before"]
        mine = before["people"].get(person.id, {"roles": [], "email": "", "chats": {}})
        permitted = set(before["permissions"]["charter"])
        return _is_same(person, mine) and not permitted.isdisjoint(mine["roles"])

    def is_outdated(self, connection: Connection, found: Proposal) -> bool:
        """Whether another charter came into force meanwhile."""
        present = in_force(connection)
        return present is None or present.hash != hash_of(found.data["before"])

    def apply(
        self,
        connection: Connection,
        company: Company,
        found: Proposal,
        *,
        actor: str,
        now: datetime,
    ) -> None:
        """Put it in force."""
        del company
        _adopt(connection, found.data["after"], "charter.adopted", actor, now)


KIND = CharterChange()
proposals.add_kind(KIND)


# ---- what differs -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is said differently; None where it is not said at all.

    Attributes:
        section: Such as ``people``.
        name: Of the person, account, rule and so on.
        field: Of it; empty where there is only one.
    """

    section: str
    name: str
    field: str
    before: str | None
    after: str | None


def difference(before: Document, after: Document) -> list[Change]:
    """Return what two charters say differently, section by section."""
    rank = {section: place for place, section in enumerate(_FIRST)}
    sections = sorted({*before, *after}, key=lambda each: (rank.get(each, len(rank)), each))
    return [
        Change(section, name, field, old, new)
        for section in sections
        for name, field, old, new in _differing(
            _flat(section, before.get(section, {})), _flat(section, after.get(section, {}))
        )
    ]


def _differing(
    before: Mapping[tuple[str, str], str], after: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, str, str | None, str | None]]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old != new:
            yield *key, old, new


def _flat(section: str, named: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return a section as texts by name and field."""
    if section == "policy":
        named = _policy(named)
    found: dict[tuple[str, str], str] = {}
    for name, value in named.items():
        if isinstance(value, Mapping):
            found |= {(name, field): _text(each) for field, each in value.items()}
        else:
            found[name, ""] = _text(value)
    return found


def _policy(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy by the names of its rules and limits, their order being of no matter."""
    named: dict[str, Any] = {
        key: value for key, value in data.items() if key not in ("rules", "limits")
    }
    for each in (*data.get("rules", ()), *data.get("limits", ())):
        # In quotes, so that no rule has the name of something else.
        named[f"“{each['name']}”"] = {key: value for key, value in each.items() if key != "name"}
    return named


def _text(value: Any) -> str:
    """Return a value as people can read it, with all it says."""
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case {"role": who, "count": count, **rest} | {"person": who, "count": count, **rest}:
            more = "".join(f", {key} {each}" for key, each in sorted(rest.items()))
            return f"{count} × {who}{more}"
        case Mapping():
            return ", ".join(f"{key}: {_text(each)}" for key, each in sorted(value.items())) or "–"
        case list():
            return "; ".join(map(_text, value)) or "–"
        case _:
            return str(value)


# ---- while it is not decided --------------------------------------------------------------------


def restricted(company: Company, charter: Document) -> Company:
    """Return the company with no more rights than both its settings and ``charter`` give."""
    people, accounts = charter["people"], charter["accounts"]
    return replace(
        company,
        directory=Directory(_less(each, people.get(each.id)) for each in company.directory),
        accounts={
            own.id: _shown_less(own, accounts.get(own.id)) for own in company.accounts.values()
        },
        permissions=Permissions(
            **{
                name: getattr(company.permissions, name) & set(charter["permissions"].get(name, ()))
                for name in Permissions.__slots__
            }
        ),
        unfreeze_quorum=max(company.unfreeze_quorum, charter["quorums"]["unfreeze"]),
        payees_quorum=max(company.payees_quorum, charter["quorums"]["payees"]),
        delegations_quorum=max(
            company.delegations_quorum, charter["quorums"].get("delegations", 1)
        ),
    )


def _less(person: Person, before: Mapping[str, Any] | None) -> Person:
    roles = before["roles"] if before is not None and _is_same(person, before) else []
    return replace(person, roles=person.roles & set(roles))


def _is_same(person: Person, before: Mapping[str, Any]) -> bool:
    """Whether a person is known by what the charter in force knows them by.

    Nobody else becomes somebody of the charter by taking their id, address or chat identity.
    """
    return before["email"] == person.email.casefold() and dict(before["chats"]) == dict(
        person.chat_ids or {}
    )


def _shown_less(own: OwnAccount, before: Mapping[str, Any] | None) -> OwnAccount:
    viewers = before["viewers"] if before is not None else []
    channels = before["channels"] if before is not None else {}
    return replace(
        own,
        viewers=own.viewers & set(viewers),
        channels={
            chat: place for chat, place in own.channels.items() if channels.get(chat) == place
        },
    )
