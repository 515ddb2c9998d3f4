"""The payee register: whom the company pays, and whether their bank details are trusted.

Payees come from settings. Trust belongs to bank details, not to a name: when the details of a
trusted payee change, the payee counts as new until a payment to the new details has settled.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from workflows import audit
from workflows.policy import PayeeStanding
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.tables import payee, payment_order


@dataclass(frozen=True, slots=True)
class Payee:
    """A creditor the company knows.

    Attributes:
        id: Short stable name from settings.
        trusted: Whether settings vouch for these bank details.
    """

    id: str
    name: str
    iban: str
    bic: str | None = None
    country: str | None = None
    trusted: bool = False


def register(connection: Connection, payees: Iterable[Payee], *, now: datetime) -> None:
    """Bring the register to what settings say; every difference is on the record."""
    known = {row.id: row for row in connection.execute(select(payee))}
    wanted = {each.id: each for each in payees}
    for each in wanted.values():
        before = known.get(each.id)
        if before is None:
            _insert(connection, each, now)
        elif not before.active or _payee(before) != each:
            _change(connection, before, each, now)
    for row in known.values():
        if row.active and row.id not in wanted:
            written = _write(connection, row.id, active=False)
            _record(connection, "payee.removed", row.id, now, {"name": row.name, **written})


def search(connection: Connection, text: str, *, most: int = 100) -> list[Payee]:
    """Return active payees whose name or id contains ``text``, by name."""
    rows = connection.execute(select(payee).where(payee.c.active).order_by(payee.c.name))
    needle = text.casefold().strip()
    found = [
        _payee(row) for row in rows if needle in row.name.casefold() or needle in row.id.casefold()
    ]
    return found[:most]


def named(connection: Connection, text: str) -> Payee:
    """Return the one payee a person means by ``text``.

    Raises:
        Refusal: ``payee.unknown``, ``payee.unknown_near`` (with the nearest names) or
            ``payee.ambiguous``.
    """
    found = search(connection, text)
    exact = [
        each for each in found if text.casefold() in (each.id.casefold(), each.name.casefold())
    ]
    if len(exact) == 1:
        return exact[0]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.name for each in found[:5])
        raise Refusal("payee.ambiguous", field="payee", payee=text[:70], names=names)
    near = ", ".join(each.name for each in nearest(connection, text))
    code = "payee.unknown_near" if near else "payee.unknown"
    raise Refusal(code, field="payee", payee=text[:70], names=near)


def nearest(connection: Connection, text: str) -> list[Payee]:
    """Return up to three payees whose names look like ``text``, the nearest first."""
    rows = {row.name.casefold(): row for row in connection.execute(select(payee)) if row.active}
    names = difflib.get_close_matches(text.casefold(), list(rows), n=3, cutoff=0.5)
    return [_payee(rows[name]) for name in names]


def get(connection: Connection, payee_id: str) -> Payee | None:
    """Return an active payee by id."""
    row = connection.execute(
        select(payee).where(payee.c.id == payee_id, payee.c.active)
    ).one_or_none()
    return _payee(row) if row else None


_STANDING = Prepared(
    select(payee.c.trusted, payee.c.iban, payee.c.changed_at).where(
        payee.c.id == bindparam("payee"), payee.c.active
    )
)


def standing(connection: Connection, payee_id: str | None, iban: str) -> PayeeStanding:
    """Return whether a payment to ``iban`` goes to a trusted payee.

    Trusted only when settings vouch for the payee, the account is the payee's, and its details
    have not changed since the last payment that settled to them.
    """
    row = _STANDING.row(connection, {"payee": payee_id}) if payee_id else None
    if payee_id is None or row is None:
        return PayeeStanding.NEW
    is_trusted, known_iban, changed_at = row
    if not is_trusted or known_iban != iban:
        return PayeeStanding.NEW
    if changed_at is None or _settled_since(connection, payee_id, iban, changed_at):
        return PayeeStanding.TRUSTED
    return PayeeStanding.NEW


def _settled_since(connection: Connection, payee_id: str, iban: str, since: datetime) -> bool:
    found = connection.execute(
        select(payment_order.c.id)
        .where(
            payment_order.c.payee_id == payee_id,
            payment_order.c.creditor_iban == iban,
            payment_order.c.state == "settled",
            payment_order.c.created_at >= since,
        )
        .limit(1)
    ).first()
    return found is not None


def _insert(connection: Connection, each: Payee, now: datetime) -> None:
    row = {**asdict(each), "active": True}
    connection.execute(insert(payee).values(**row))
    _record(
        connection,
        "payee.registered",
        each.id,
        now,
        {
            "name": each.name,
            "iban": each.iban,
            "trusted": each.trusted,
            "row": audit.told(row),
        },
    )


def _change(
    connection: Connection, before: Row[tuple[object, ...]], each: Payee, now: datetime
) -> None:
    old = before._mapping
    details_changed = (old["iban"], old["bic"]) != (each.iban, each.bic)
    written = _write(
        connection,
        each.id,
        name=each.name,
        iban=each.iban,
        bic=each.bic,
        country=each.country,
        trusted=each.trusted,
        active=True,
        **({"changed_at": now} if details_changed or not old["active"] else {}),
    )
    _record(
        connection,
        "payee.changed",
        each.id,
        now,
        {
            "before": {"name": old["name"], "iban": old["iban"], "trusted": old["trusted"]},
            "after": {"name": each.name, "iban": each.iban, "trusted": each.trusted},
            **written,
        },
    )


def _write(connection: Connection, payee_id: str, **values: object) -> dict[str, object]:
    """Change a row; return the facts that put it on the record."""
    connection.execute(update(payee).where(payee.c.id == payee_id).values(**values))
    return {"row": audit.told(values)}


def _record(
    connection: Connection, kind: str, subject: str, now: datetime, facts: dict[str, object]
) -> None:
    audit.append(connection, at=now, actor=audit.SYSTEM, kind=kind, subject=subject, facts=facts)


def _payee(row: Row[tuple[object, ...]]) -> Payee:
    return Payee(
        id=row.id,
        name=row.name,
        iban=row.iban,
        bic=row.bic,
        country=row.country,
        trusted=row.trusted,
    )
