"""The payee register: whom the company pays, and whether their bank details are trusted.

A payee is either settings' or the register's own. Settings' payees follow the file at every start
and are changed there alone; the register's own are changed by proposals that take a quorum
(`workflows.payee_changes`), and no start touches them. An id tells which: settings write ids in
small letters, the register mints them in capitals, so neither can take the other's.

Trust belongs to bank details, not to a name: when the details of a trusted payee change, the payee
counts as new until a payment to the new details has settled.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from workflows import audit, lookalikes
from workflows.lookalikes import Caution
from workflows.policy import PayeeStanding
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.tables import payee, payment_order

_SHORTEST_ACCOUNT = 4
"""Fewer characters than these are in too many accounts to look one up by."""


@dataclass(frozen=True, slots=True)
class Payee:
    """A creditor the company knows.

    Attributes:
        id: Short stable name from settings, or minted by the register.
        trusted: Whether settings, or the quorum of a proposal, vouch for these bank details.
        tags: Words that policy can match.
    """

    id: str
    name: str
    iban: str
    bic: str | None = None
    country: str | None = None
    trusted: bool = False
    tags: tuple[str, ...] = ()

    @property
    def is_by_settings(self) -> bool:
        """Whether settings alone say what it is."""
        return _is_by_settings(self.id)

    def columns(self) -> dict[str, object]:
        """Return it as columns of its row."""
        return {**asdict(self), "tags": json.dumps(list(self.tags))}


@dataclass(frozen=True, slots=True)
class Registered:
    """A payee with what the register knows of it.

    Attributes:
        changed_at: When its bank details changed last; None where they never did.
        changed_by: Who proposed that; None where settings said so.
    """

    payee: Payee
    is_active: bool
    changed_at: datetime | None
    changed_by: str | None


def _is_by_settings(payee_id: str) -> bool:
    return not payee_id[:1].isupper()


def register(connection: Connection, payees: Iterable[Payee], *, now: datetime) -> None:
    """Bring settings' payees to what settings say; every difference is on the record."""
    rows = connection.execute(select(payee))
    known = {row.id: row for row in rows if _is_by_settings(row.id)}
    wanted = {each.id: each for each in payees if each.is_by_settings}
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


def find(connection: Connection, payee_id: str) -> Registered | None:
    """Return a payee, suspended or not."""
    row = connection.execute(select(payee).where(payee.c.id == payee_id)).one_or_none()
    return _registered(row) if row else None


def listed(connection: Connection, text: str = "", *, most: int = 100) -> list[Registered]:
    """Return the register by name: who can be paid, and who was suspended from it.

    Args:
        text: Part of a name, an id or an account; empty for all.
    """
    rows = connection.execute(select(payee).order_by(payee.c.name, payee.c.id))
    needle = text.casefold().strip()
    account = needle.replace(" ", "").upper()
    found = [
        _registered(row)
        for row in rows
        if (row.active or not _is_by_settings(row.id))
        and (
            needle in row.name.casefold()
            or needle in row.id.casefold()
            or (len(account) >= _SHORTEST_ACCOUNT and account in row.iban)
        )
    ]
    return found[:most]


def last_editor(connection: Connection, payee_id: str | None) -> str | None:
    """Return who last changed a payee's bank details, and may not approve payments to them."""
    if payee_id is None:
        return None
    return connection.execute(
        select(payee.c.changed_by).where(payee.c.id == payee_id)
    ).scalar_one_or_none()


def warnings(
    connection: Connection, name: str, iban: str, payee_id: str | None = None
) -> tuple[Caution, ...]:
    """Return what people must look at before ``iban`` is paid under ``name``.

    Args:
        payee_id: Whose name and account they are, where it is somebody in the register.
    """
    rows = connection.execute(
        select(payee.c.name, payee.c.iban, payee.c.trusted)
        .where(payee.c.id != (payee_id or ""))
        .order_by(payee.c.id)
    )
    # Of a suspended payee too: a new account under its name is what there may be a reason for.
    others = (lookalikes.Known(row.name, row.iban, row.trusted) for row in rows)
    return lookalikes.cautions(name, iban, others)


_STANDING = Prepared(
    select(payee.c.trusted, payee.c.iban, payee.c.changed_at).where(
        payee.c.id == bindparam("payee"), payee.c.active
    )
)


def standing(
    connection: Connection,
    payee_id: str | None,
    iban: str,
    *,
    cool_off: timedelta = timedelta(0),
) -> PayeeStanding:
    """Return whether a payment to ``iban`` goes to a trusted payee.

    Trusted only when the payee is vouched for, the account is the payee's, and its details have
    not changed since the last payment that settled to them.

    Args:
        cool_off: How long after a change no payment that is asked for brings trust back.
    """
    row = _STANDING.row(connection, {"payee": payee_id}) if payee_id else None
    if payee_id is None or row is None:
        return PayeeStanding.NEW
    return _standing_of(connection, payee_id, iban, row, cool_off)


def _standing_of(
    connection: Connection,
    payee_id: str,
    iban: str,
    known: tuple[bool, str, datetime | None],
    cool_off: timedelta,
) -> PayeeStanding:
    is_trusted, known_iban, changed_at = known
    if not is_trusted or known_iban != iban:
        return PayeeStanding.NEW
    if changed_at is None or _settled_since(connection, payee_id, iban, changed_at + cool_off):
        return PayeeStanding.TRUSTED
    return PayeeStanding.NEW


@dataclass(frozen=True, slots=True)
class Profile:
    """What policy may ask of a payee.

    Attributes:
        changed_at: When the bank details last changed; None where they never did.
        changed_by: Who changed them; None where settings did, or nobody.
        is_active: Whether the register has them, and they are not suspended.
    """

    standing: PayeeStanding
    changed_at: datetime | None = None
    changed_by: str | None = None
    tags: tuple[str, ...] = ()
    is_active: bool = True


_PROFILE = Prepared(
    select(
        payee.c.trusted, payee.c.iban, payee.c.changed_at, payee.c.changed_by, payee.c.tags
    ).where(payee.c.id == bindparam("payee"), payee.c.active)
)


def profile(
    connection: Connection,
    payee_id: str | None,
    iban: str,
    *,
    cool_off: timedelta = timedelta(0),
) -> Profile:
    """Return what is known of a payee to whom a payment to ``iban`` would go.

    Args:
        cool_off: As for `standing`.
    """
    row = _PROFILE.row(connection, {"payee": payee_id}) if payee_id else None
    if payee_id is None or row is None:
        return Profile(PayeeStanding.NEW, is_active=False)
    is_trusted, known_iban, changed_at, changed_by, tags = row
    known = (is_trusted, known_iban, changed_at)
    trust = _standing_of(connection, payee_id, iban, known, cool_off)
    return Profile(trust, changed_at, changed_by, tuple(json.loads(tags)))


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


# ---- changes that a quorum agreed to ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Agreed:
    """By which proposal the register is changed.

    Attributes:
        by: Who proposed it, and answers for the bank details.
        actor: Whose approval was the last that it took.
    """

    proposal: str
    by: str
    actor: str


def add(connection: Connection, each: Payee, agreed: Agreed, *, now: datetime) -> None:
    """Put a payee into the register; until a payment to it has settled it is a new one."""
    row = {**each.columns(), "active": True, "changed_at": now, "changed_by": agreed.by}
    connection.execute(insert(payee).values(**row))
    facts = {"name": each.name, "iban": each.iban, "trusted": each.trusted, "row": audit.told(row)}
    _record_agreed(connection, "payee.registered", each.id, agreed, now, facts)


def change(connection: Connection, each: Payee, agreed: Agreed, *, now: datetime) -> None:
    """Change a payee; new bank details are not trusted until a payment to them has settled."""
    found = find(connection, each.id)
    assert found is not None
    before = found.payee
    is_new = bank_details(before) != bank_details(each)
    # Another name does not make somebody else the one who entered the account.
    is_moved = (before.iban, before.bic) != (each.iban, each.bic) or found.changed_by is None
    changed: dict[str, object] = {"changed_at": now} if is_new else {}
    if is_new and is_moved:
        changed["changed_by"] = agreed.by
    written = _write(connection, each.id, **_without_id(each), **changed)
    facts = {
        "before": {"name": before.name, "iban": before.iban, "trusted": before.trusted},
        "after": {"name": each.name, "iban": each.iban, "trusted": each.trusted},
    }
    _record_agreed(connection, "payee.changed", each.id, agreed, now, {**facts, **written})


def set_active(
    connection: Connection, payee_id: str, is_active: bool, agreed: Agreed, *, now: datetime
) -> None:
    """Suspend a payee, so that nobody can ask for payments to it, or take it up again.

    Who was suspended counts as new afterwards: there was a reason.
    """
    # Whoever entered the bank details stays the one who did.
    changed = {"changed_at": now} if is_active else {}
    written = _write(connection, payee_id, active=is_active, **changed)
    kind = "payee.resumed" if is_active else "payee.suspended"
    _record_agreed(connection, kind, payee_id, agreed, now, written)


def bank_details(each: Payee) -> tuple[str, str, str | None]:
    """Return what trust belongs to: holder, account and bank."""
    return each.name, each.iban, each.bic


def _record_agreed(
    connection: Connection,
    kind: str,
    payee_id: str,
    agreed: Agreed,
    now: datetime,
    facts: dict[str, object],
) -> None:
    audit.append(
        connection,
        at=now,
        actor=agreed.actor,
        kind=kind,
        subject=payee_id,
        facts={**facts, "proposal": agreed.proposal, "by": agreed.by},
    )


# ---- what settings say --------------------------------------------------------------------------


def _insert(connection: Connection, each: Payee, now: datetime) -> None:
    row = {**each.columns(), "active": True}
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
    is_new = details_changed or not old["active"]
    written = _write(
        connection,
        each.id,
        **_without_id(each),
        active=True,
        **({"changed_at": now} if is_new else {}),
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


def _without_id(each: Payee) -> dict[str, object]:
    return {name: value for name, value in each.columns().items() if name != "id"}


def _write(connection: Connection, payee_id: str, **values: object) -> dict[str, object]:
    """Change a row; return the facts that put it on the record."""
    connection.execute(update(payee).where(payee.c.id == payee_id).values(**values))
    return {"row": audit.told(values)}


def _record(
    connection: Connection, kind: str, subject: str, now: datetime, facts: dict[str, object]
) -> None:
    audit.append(connection, at=now, actor=audit.SYSTEM, kind=kind, subject=subject, facts=facts)


def _registered(row: Row[tuple[object, ...]]) -> Registered:
    return Registered(_payee(row), row.active, row.changed_at, row.changed_by)


def _payee(row: Row[tuple[object, ...]]) -> Payee:
    return Payee(
        id=row.id,
        name=row.name,
        iban=row.iban,
        bic=row.bic,
        country=row.country,
        trusted=row.trusted,
        tags=tuple(json.loads(row.tags)),
    )
