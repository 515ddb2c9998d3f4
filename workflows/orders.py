"""Payment orders: what they are, the states they may take, and the one way to change them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from connectors.base import Creditor
from connectors.money import Money
from workflows import audit, canonical, lookalikes
from workflows.kept_files import KeptFile
from workflows.policy import Kind, Verdict
from workflows.prepared import Prepared
from workflows.recurrence import Repeats
from workflows.refusal import Refusal
from workflows.tables import payment_order


class OrderState(StrEnum):
    """Where an order is. `TRANSITIONS` says where it may go."""

    PENDING = "pending"
    APPROVED = "approved"
    RELEASED = "released"
    SUBMITTED = "submitted"
    SETTLED = "settled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RETURNED = "returned"


_S = OrderState
TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    # pending -> pending is an amendment: another version, approvals void.
    _S.PENDING: frozenset({_S.PENDING, _S.APPROVED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED}),
    # approved -> failed: the last check before release found that something no longer holds;
    # approved -> pending: an approval was taken back.
    _S.APPROVED: frozenset({_S.RELEASED, _S.CANCELLED, _S.FAILED, _S.PENDING}),
    # released | submitted -> cancelled: not sent yet; or the institution stopped it when asked.
    _S.RELEASED: frozenset({_S.SUBMITTED, _S.SETTLED, _S.FAILED, _S.UNKNOWN, _S.CANCELLED}),
    _S.SUBMITTED: frozenset({_S.SETTLED, _S.FAILED, _S.RETURNED, _S.CANCELLED}),
    # unknown -> released: the institution proved that it has nothing, so it may be sent (again).
    _S.UNKNOWN: frozenset({_S.RELEASED, _S.SUBMITTED, _S.SETTLED, _S.FAILED, _S.CANCELLED}),
    _S.SETTLED: frozenset({_S.RETURNED}),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.FAILED: frozenset(),
    _S.RETURNED: frozenset(),
}

FINAL = frozenset(state for state, onward in TRANSITIONS.items() if not onward) | {_S.SETTLED}
"""States in which nothing more is expected (a settled payment may still come back)."""

NO_MONEY_MOVED = frozenset({_S.REJECTED, _S.EXPIRED, _S.CANCELLED, _S.FAILED})
"""Final states in which the payment was certainly not made."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Order:
    """A payment order as stored; field for field the table ``payment_order``.

    Attributes:
        version: Raised by every amendment; part of the digest.
        revision: Raised by every change of the row; the compare-and-set counter.
        digest: What approvers agree to, see `digest_of`.
        request_key: Makes the request unique: the same click or command gives the same order.
        verdict: JSON of the policy's verdict when it was asked for.
        risks: JSON list of codes that approvers are shown.
        attachments: JSON list of what was attached; see `files`.
        origin_channel: Chat channel the request was typed in.
        kind: One of `workflows.policy.Kind`.
        versioned_at: When this version was asked for.
        release_after: An approved order leaves no sooner, where policy wants it to cool off.
        repeats: JSON of how it comes again, where it is the first of a series; see `recurrence`.
        series_id: Id of the first order, where it is a later payment of a series.
        occurrence: Which payment of the series it is then; the first is 1.
    """

    id: str
    version: int
    revision: int
    state: str
    digest: str
    request_key: str
    requester_id: str
    account_id: str
    debtor_iban: str
    connector: str
    payee_id: str | None
    creditor_name: str
    creditor_iban: str
    creditor_bic: str | None
    creditor_country: str | None
    amount_minor: int
    currency: str
    remittance: str
    execution_date: date | None
    end_to_end_id: str
    verdict: str
    risks: str
    attachments: str
    origin_channel: str | None
    reason_code: str | None
    reason_text: str | None
    created_at: datetime
    expires_at: datetime
    updated_at: datetime
    kind: str
    versioned_at: datetime
    release_after: datetime | None
    repeats: str | None = None
    series_id: str | None = None
    occurrence: int | None = None

    @property
    def amount(self) -> Money:
        """What is to be paid."""
        return Money(self.amount_minor, self.currency)

    @property
    def creditor(self) -> Creditor:
        """Who is to be paid."""
        return Creditor(
            self.creditor_name, self.creditor_iban, self.creditor_bic, self.creditor_country
        )

    @property
    def policy_verdict(self) -> Verdict:
        """Who must approve, and why, as decided when it was asked for."""
        return Verdict.from_json(self.verdict)

    @property
    def risk_codes(self) -> tuple[str, ...]:
        """What approvers should know, as codes of the catalogue; a name may follow a colon."""
        return tuple(json.loads(self.risks))

    @property
    def must_be_acknowledged(self) -> bool:
        """Whether an approver has to say that they have seen what it is warned of."""
        return any(code.partition(":")[0] in lookalikes.CODES for code in self.risk_codes)

    @property
    def files(self) -> tuple[KeptFile, ...]:
        """What was attached, such as the invoice."""
        return tuple(KeptFile(**each) for each in json.loads(self.attachments))

    @property
    def recurrence(self) -> Repeats | None:
        """How it comes again, where it is the first of a series."""
        return Repeats.from_json(self.repeats) if self.repeats else None

    @property
    def due_dates(self) -> tuple[date, ...]:
        """When the payments of the series are due of which it is the first; else nothing."""
        if (found := self.recurrence) is None:
            return ()
        assert self.execution_date is not None
        return found.dates(self.execution_date)

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected to happen."""
        return OrderState(self.state) in FINAL


def digest_of(order: Order) -> str:
    """Return the SHA-256 (hex) over the RFC 8785 form of everything that matters.

    Two orders with one digest would pay the same money from and to the same place; any change
    of what is paid gives another digest.
    """
    matter: dict[str, str | int | Mapping[str, str | int] | list[dict[str, str]] | None] = {
        "id": order.id,
        "version": order.version,
        "end_to_end_id": order.end_to_end_id,
        "account": order.account_id,
        "debtor_iban": order.debtor_iban,
        "connector": order.connector,
        "creditor_name": order.creditor_name,
        "creditor_iban": order.creditor_iban,
        "creditor_bic": order.creditor_bic,
        "creditor_country": order.creditor_country,
        "amount": f"{order.amount.decimal:f}",
        "currency": order.currency,
        "execution_date": order.execution_date.isoformat() if order.execution_date else None,
        "remittance": order.remittance,
    }
    # Absent where they say nothing, so that orders from before there were any keep their digest.
    if order.kind != Kind.SINGLE:
        matter["kind"] = order.kind
    if order.files:
        matter["attachments"] = [{"name": each.name, "sha256": each.sha256} for each in order.files]
    if (recurrence := order.recurrence) is not None:
        matter["repeats"] = recurrence.as_data()
    if order.series_id is not None:
        matter["series"] = {"id": order.series_id, "occurrence": order.occurrence or 0}
    return hashlib.sha256(canonical.dumps(matter)).hexdigest()


def new_id() -> str:
    """Return a fresh order id: ``P`` and eight characters without look-alikes."""
    return "P" + _random(8)


def end_to_end_id(order_id: str) -> str:
    """Return a fresh end-to-end id for an order: at most 35 characters, SEPA character set."""
    return f"CS-{order_id}-{_random(10)}"


def following_id(first: Order, number: int) -> tuple[str, str]:
    """Return the order id and the end-to-end id of a later payment of a series.

    They follow from the first order: in a database that was put back the same payment is asked for
    again under the ids it had, so that an institution that has it can be asked.
    """
    seed = hashlib.sha256(f"{first.end_to_end_id}|{number}".encode()).digest()
    made = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in seed[:18])
    order_id = f"P{made[:8]}"
    return order_id, f"CS-{order_id}-{made[8:]}"


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


_FIELDS = tuple(each.name for each in fields(Order))
assert tuple(payment_order.c.keys()) == _FIELDS
_BY_ID = Prepared(select(payment_order).where(payment_order.c.id == bindparam("order")))


def find(connection: Connection, order_id: str) -> Order | None:
    """Return an order by id, or None."""
    row = _BY_ID.row(connection, {"order": order_id})
    return Order(*row) if row else None


def get(connection: Connection, order_id: str) -> Order:
    """Return an order by id.

    Raises:
        Refusal: ``order.unknown``.
    """
    order = find(connection, order_id)
    if order is None:
        raise Refusal("order.unknown", order=order_id[:16])
    return order


def next_instant(connection: Connection, now: datetime) -> datetime:
    """Return an instant for a new version that is after those of all others.

    Limits count what was asked for before. Lines of a list are asked for at one instant, and
    replicas' clocks differ; their order is that in which they are stored.
    """
    newest: datetime | None = connection.execute(
        select(func.max(payment_order.c.versioned_at))
    ).scalar_one()
    return now if newest is None or newest < now else newest + timedelta(microseconds=1)


def by_request_key(connection: Connection, key: str) -> Order | None:
    """Return the order that a command or form has made already, or None."""
    row = connection.execute(
        select(payment_order).where(payment_order.c.request_key == key)
    ).one_or_none()
    return Order(*row) if row else None


def by_end_to_end_id(connection: Connection, key: str) -> Order | None:
    """Return the order whose payment travels under ``key``, or None."""
    row = connection.execute(
        select(payment_order).where(payment_order.c.end_to_end_id == key)
    ).one_or_none()
    return Order(*row) if row else None


def in_states(connection: Connection, *states: OrderState) -> list[Order]:
    """Return all orders in ``states``, oldest first."""
    rows = connection.execute(
        select(payment_order)
        .where(payment_order.c.state.in_([str(state) for state in states]))
        .order_by(payment_order.c.created_at)
    )
    return [Order(*row) for row in rows]


def asked_by(connection: Connection, person_id: str, *, most: int = 10) -> list[Order]:
    """Return the newest orders a person asked for."""
    rows = connection.execute(
        select(payment_order)
        .where(payment_order.c.requester_id == person_id)
        .order_by(payment_order.c.created_at.desc())
        .limit(most)
    )
    return [Order(*row) for row in rows]


def has_followers(connection: Connection, first: Order) -> bool:
    """Whether more than the first payment of a series was asked for."""
    found = connection.execute(
        select(payment_order.c.id).where(payment_order.c.series_id == first.id).limit(1)
    ).first()
    return found is not None


def _series_of(order: Order) -> str:
    """Return the series that an order is one of, as it was agreed to; its own, if it is of none."""
    is_whole = order.series_id is not None and order.version == 1
    return (order.series_id if is_whole else order.id) or "-"


def twin(connection: Connection, like: Order, *, since: datetime) -> Order | None:
    """Return a newer-than-``since`` order that pays the same account the same amount, if any.

    Orders by which certainly no money moved do not count, nor does ``like`` itself, nor what is of
    the same series and was not changed.
    """
    series = _series_of(like)
    row = connection.execute(
        select(payment_order)
        .where(
            payment_order.c.creditor_iban == like.creditor_iban,
            payment_order.c.amount_minor == like.amount_minor,
            payment_order.c.currency == like.currency,
            payment_order.c.created_at >= since,
            payment_order.c.id.not_in([like.id, series]),
            (func.coalesce(payment_order.c.series_id, "") != series)
            | (payment_order.c.version > 1),
            payment_order.c.state.not_in([str(state) for state in NO_MONEY_MOVED]),
        )
        .order_by(payment_order.c.created_at.desc())
        .limit(1)
    ).one_or_none()
    return Order(*row) if row else None


def committed_minor(connection: Connection, account_id: str, by: date) -> int:
    """Return what approved orders will still take from an account up to a day, in minor units."""
    rows = connection.execute(
        select(payment_order.c.amount_minor).where(
            payment_order.c.account_id == account_id,
            payment_order.c.state.in_([str(_S.APPROVED), str(_S.RELEASED)]),
            func.coalesce(payment_order.c.execution_date, by) <= by,
        )
    )
    return sum(rows.scalars())


def insert_new(connection: Connection, order: Order, *, facts: Mapping[str, Any]) -> None:
    """Store a new order and put it on the record; its digest must be its own."""
    assert order.digest == digest_of(order)
    assert order.state == OrderState.PENDING
    assert not (order.repeats and order.series_id), "a payment of a series begins no other"
    connection.execute(
        insert(payment_order).values({name: getattr(order, name) for name in _FIELDS})
    )
    audit.append(
        connection,
        at=order.created_at,
        actor=order.requester_id,
        kind="order.requested",
        subject=order.id,
        facts={**facts, "row": _rest_of_row(order, facts)},
    )


_OF_ENTRY = frozenset({"id", "requester_id", "state", "revision", "created_at", "updated_at"})
"""Columns of a new row that follow from its entry."""


def _rest_of_row(order: Order, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry must tell of a new row beside what its facts say already."""
    row = audit.told({name: getattr(order, name) for name in _FIELDS if name not in _OF_ENTRY})
    return {name: value for name, value in row.items() if value != facts.get(name)}


_CHANGE = (
    update(payment_order)
    .where(
        payment_order.c.id == bindparam("order"),
        payment_order.c.revision == bindparam("expected"),
    )
    .values(revision=bindparam("next"), state=bindparam("to"), updated_at=bindparam("at"))
)


@cache
def _changing(names: tuple[str, ...]) -> Prepared:
    """Return the statement that changes these columns too, each by a parameter ``new_…``."""
    return Prepared(_CHANGE.values({name: bindparam(f"new_{name}") for name in names}))


def change(
    connection: Connection,
    order: Order,
    to: OrderState,
    *,
    now: datetime,
    actor: str,
    kind: str,
    facts: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
) -> Order:
    """Change an order, put it on the record, and return it as it is now.

    This is the only way an order's row changes. ``to`` may be the present state where something
    about the order changes but not where it is.

    Raises:
        Refusal: ``order.changed`` when somebody else changed it since ``order`` was read.
        AssertionError: the transition is not in `TRANSITIONS`: a fault in this program.
    """
    present = OrderState(order.state)
    assert to == present or to in TRANSITIONS[present], f"{order.id}: {present} -> {to}"
    parameters = {
        "order": order.id,
        "expected": order.revision,
        "next": order.revision + 1,
        "to": str(to),
        "at": now,
    }
    values = values or {}
    new = {f"new_{name}": value for name, value in values.items()}
    changed = _changing(tuple(values)).run(connection, {**parameters, **new})
    if changed != 1:
        raise Refusal("order.changed", order=order.id)
    audit.append(
        connection,
        at=now,
        actor=actor,
        kind=kind,
        subject=order.id,
        facts={
            "from": str(present),
            "to": str(to),
            **(facts or {}),
            **({"row": audit.told(values)} if values else {}),
        },
    )
    return replace(order, revision=order.revision + 1, state=str(to), updated_at=now, **values)
