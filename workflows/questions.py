"""Questions about an order, and what its requester answers. The record is where they are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, literal_column, select

from workflows import audit, orders
from workflows.company import Company
from workflows.orders import Order
from workflows.people import Person
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.tables import audit_entry
from workflows.visibility import may_see
from workflows.visible_text import clean_text

ASKED, ANSWERED = "order.question", "order.answer"
MOST = 20
"""Questions that may be asked about one order."""
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know of an order's requester.

    Attributes:
        seq: Number of its entry, which tells it from all others.
        key: Of the form it was asked on: the same form asks once.
        answer: None while it is open.
    """

    seq: int
    person_id: str
    text: str
    at: datetime
    key: str
    answer: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it waits for its answer."""
        return self.answer is None


_TOLD = Prepared(
    select(
        audit_entry.c.seq,
        audit_entry.c.kind,
        audit_entry.c.actor,
        audit_entry.c.at,
        audit_entry.c.body,
    )
    .where(
        audit_entry.c.subject == bindparam("order"),
        audit_entry.c.kind.in_([literal_column(f"'{kind}'") for kind in (ASKED, ANSWERED)]),
    )
    .order_by(audit_entry.c.seq)
)


def of_order(connection: Connection, order_id: str) -> tuple[Question, ...]:
    """Return what was asked about an order, oldest first."""
    found: dict[int, Question] = {}
    for seq, kind, actor, at, body in _TOLD.rows(connection, {"order": order_id}):
        facts = json.loads(body)["facts"]
        if kind == ASKED:
            found[seq] = Question(seq, actor, facts["text"], at, facts["key"])
        elif (asked := found.get(int(facts["question"]))) is not None:
            found[asked.seq] = replace(asked, answer=facts["text"])
    return tuple(found.values())


def open_ones(questions: Sequence[Question]) -> list[Question]:
    """Return the questions that wait for an answer, oldest first."""
    return [each for each in questions if each.is_open]


def check_may_ask(connection: Connection, company: Company, person: Person, order: Order) -> None:
    """Refuse who may not ask, or what is no use asking any more.

    Raises:
        Refusal: ``order.unknown`` for who may not see the order, ``question.own``,
            ``question.closed`` or ``question.too_many``.
    """
    if not may_see(company, person, order):
        raise Refusal("order.unknown", order=order.id)
    if person.id == order.requester_id:
        raise Refusal("question.own", order=order.id)
    if order.is_final:
        raise Refusal("question.closed", order=order.id, state=order.state)
    if len(of_order(connection, order.id)) >= MOST:
        raise Refusal("question.too_many", order=order.id, most=MOST)


def ask(
    connection: Connection,
    company: Company,
    person: Person,
    order_id: str,
    text: str,
    *,
    key: str,
    now: datetime,
) -> Question:
    """Ask an order's requester something; the same ``key`` asks once.

    Raises:
        Refusal: as `check_may_ask`; ``question.missing``, or what is wrong with the text.
    """
    order = orders.get(connection, order_id)
    asked = of_order(connection, order.id)
    same = next((each for each in asked if (each.key, each.person_id) == (key, person.id)), None)
    if same is not None:
        return same
    check_may_ask(connection, company, person, order)
    text = clean_text(text, field="text", longest=LONGEST)
    if not text:
        raise Refusal("question.missing", field="text")
    facts = {"version": order.version, "text": text, "key": key}
    seq = audit.append(
        connection, at=now, actor=person.id, kind=ASKED, subject=order.id, facts=facts
    )
    return Question(seq, person.id, text, now, key)


def check_may_answer(
    connection: Connection, person: Person, order_id: str, seq: int
) -> tuple[Order, Question]:
    """Return an order of the person's own and the open question about it.

    Raises:
        Refusal: ``order.unknown``, ``order.not_yours``, ``question.unknown`` or
            ``question.answered``.
    """
    order = orders.get(connection, order_id)
    if order.requester_id != person.id:
        raise Refusal("order.not_yours", order=order.id)
    found = next((each for each in of_order(connection, order.id) if each.seq == seq), None)
    if found is None:
        raise Refusal("question.unknown", order=order.id)
    if not found.is_open:
        raise Refusal("question.answered", order=order.id)
    return order, found


def answer(
    connection: Connection, person: Person, order_id: str, seq: int, text: str, *, now: datetime
) -> Question:
    """Answer a question about one's own order.

    Raises:
        Refusal: as `check_may_answer`; ``question.no_answer``, or what is wrong with the text.
    """
    order, found = check_may_answer(connection, person, order_id, seq)
    text = clean_text(text, field="text", longest=LONGEST)
    if not text:
        raise Refusal("question.no_answer", field="text")
    audit.append(
        connection,
        at=now,
        actor=person.id,
        kind=ANSWERED,
        subject=order.id,
        facts={"question": seq, "text": text},
    )
    return replace(found, answer=text)
