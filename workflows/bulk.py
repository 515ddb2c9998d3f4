"""Approving several payments with one code: all that were shown as they were shown, or none."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from workflows import approvals, canonical, second_factor
from workflows.approvals import Admitted, Choice, Decided, Decision
from workflows.company import Company
from workflows.orders import Order
from workflows.people import Person
from workflows.refusal import Refusal
from workflows.second_factor import Cipher

MOST = 20
"""Payments that are approved at once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An order as a form showed it."""

    order_id: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Nothing was approved, because some of it is not any more what was shown.

    Attributes:
        refusals: Why not, by order.
    """

    refusals: tuple[tuple[str, Refusal], ...]


def may_be_among(order: Order) -> bool:
    """Whether an order may be approved with others.

    What is warned of is looked at one by one, and so is what is approved for times to come.
    """
    return not order.must_be_acknowledged and order.repeats is None


def digest_of(shown: Sequence[Shown]) -> str:
    """Return the SHA-256 (hex) over the RFC 8785 form of a list: what one code agrees to."""
    matter = [{"id": each.order_id, "v": each.version, "digest": each.digest} for each in shown]
    return hashlib.sha256(canonical.dumps({"approve": matter})).hexdigest()


def approve(
    connection: Connection,
    company: Company,
    cipher: Cipher,
    person: Person,
    shown: Sequence[Shown],
    code: str,
    *,
    now: datetime,
) -> list[Decided] | Changed | Refusal:
    """Approve every order of a list, each as if alone and with an entry of its own.

    The code is asked for once and bound to the list: each entry has the list's digest, and the
    list the digest of each order. If any of them may not be approved as it was shown, none is,
    and no code is used up. A refusal is *returned*, as `approvals.decide` does.

    Raises:
        Refusal: ``order.changed`` by somebody at this very moment; nothing is stored then.
    """
    if not shown:
        return Refusal("bulk.nothing")
    if len(shown) > MOST or len({each.order_id for each in shown}) < len(shown):
        return Refusal("bulk.too_many", most=MOST)
    found: list[Admitted] = []
    refused: list[tuple[str, Refusal]] = []
    for each in shown:
        choice = Choice(each.order_id, each.version, each.digest, Decision.APPROVE)
        admitted = approvals.admitted(connection, company, person, choice, now=now)
        if not isinstance(admitted, Refusal):
            admitted = approvals.unacknowledged(admitted.order, choice) or admitted
        if not isinstance(admitted, Refusal) and not may_be_among(admitted.order):
            admitted = Refusal("bulk.one_by_one", order=each.order_id)
        if isinstance(admitted, Refusal):
            refused.append((each.order_id, admitted))
        else:
            found.append(admitted)
    if refused:
        return Changed(tuple(refused))
    verdict = second_factor.verify(connection, cipher, person.id, code, now=now)
    if isinstance(verdict, Refusal):
        return verdict
    facts = {
        "bulk": {
            "id": f"B{secrets.token_hex(6)}",
            "digest": digest_of(shown),
            "count": len(shown),
        }
    }
    return [
        approvals.approve(connection, company, person, each, now=now, facts=facts) for each in found
    ]
