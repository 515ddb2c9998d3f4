"""Whether orders, the record and the bank's ledger tell one story, and the chats show it.

The ledger is the truth about money; nothing here trusts what the service says of itself where the
bank can be asked instead. What the chats show is `tests.faults.judge_chats`' to judge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from bot import record
from sandbox.bank import Executed
from tests.faults.company import World
from workflows import approvals, audit, orders
from workflows.audit import Entry
from workflows.matching import assign
from workflows.orders import NO_MONEY_MOVED, Order, OrderState
from workflows.record import verification
from workflows.tables import receipt, telegram_update

FOLLOWERS = ("notifier:slack", "notifier:telegram")
_ONCE = ("order.requested", "order.released", "order.settled", "receipt.stored")


@dataclass(frozen=True, slots=True)
class Wish:
    """A payment that somebody asked for, as the people know it.

    Attributes:
        end: What is to become of it: ``paid``, ``rejected``, or ``withdrawn``, which may come too
            late.
        approved_by: Who gave their approval for it.
    """

    reference: str
    order_id: str
    minor: int
    end: str
    approved_by: frozenset[str]


@dataclass
class Verdict:
    """What was found.

    Attributes:
        lost: Payments that were approved and neither executed nor truthfully failed.
        doubled: Payments that were executed more than once.
        wrong: Everything else that must not be.
        states: How many orders ended how.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.doubled or self.wrong)

    def lines(self) -> Iterator[str]:
        """Return what was found, a line each."""
        for kind in ("lost", "doubled", "wrong"):
            yield from (f"{kind}: {each}" for each in getattr(self, kind))


def unfinished(connection: Connection) -> list[str]:
    """Return what the service still has to do; nothing when it is quiet."""
    found = [
        f"{order.id} is {order.state}"
        for order in orders.in_states(connection, *OrderState)
        if not order.is_final
    ]
    settled = [order.id for order in orders.in_states(connection, OrderState.SETTLED)]
    kept = set(connection.execute(select(receipt.c.order_id)).scalars())
    found += [f"{order_id} has no receipt" for order_id in settled if order_id not in kept]
    newest, _ = audit.head(connection)
    for name in FOLLOWERS:
        at = audit.position(connection, name) or 0
        if at < newest:
            found.append(f"{name} is at {at} of {newest}")
    waiting = connection.execute(
        select(func.count()).select_from(telegram_update).where(telegram_update.c.done_at.is_(None))
    ).scalar_one()
    if waiting:
        found.append(f"{waiting} updates of Telegram wait")
    return found


def judge(connection: Connection, world: World, wishes: Sequence[Wish]) -> Verdict:
    """Compare what was asked for, what the service says, and what the bank did."""
    verdict = Verdict()
    report = verification.verify(connection, witness=record.witness(world.settings))
    verdict.wrong += [f"the record: {finding}" for finding in report.findings]
    verdict.wrong += unfinished(connection)
    found = {order.id: order for order in orders.in_states(connection, *OrderState)}
    executed: defaultdict[str, list[Executed]] = defaultdict(list)
    for paid in world.bank.ledger:
        executed[paid.end_to_end_id].append(paid)
    for order in found.values():
        verdict.states[order.state] += 1
        entries = audit.of_subject(connection, order.id)
        _money(verdict, world, order, executed.pop(order.end_to_end_id, []))
        _history(verdict, order, entries)
        _quorum(verdict, world, connection, order, entries)
    for stranger in executed:
        verdict.wrong.append(f"{stranger} was executed and is no order's")
    _wishes(verdict, connection, found, wishes)
    return verdict


def _money(verdict: Verdict, world: World, order: Order, paid: Sequence[Executed]) -> None:
    """Hold an order against the ledger, and against what the bank was asked for."""
    if len(paid) > 1:
        verdict.doubled.append(f"{order.id} was executed {len(paid)} times")
    if order.state in NO_MONEY_MOVED and paid:
        verdict.wrong.append(f"{order.id} is {order.state} and was executed")
    if order.state == OrderState.SETTLED and not paid:
        verdict.lost.append(f"{order.id} is settled and was never executed")
    taken = [
        payment
        for payment in world.bank.payments.all.values()
        if payment.order.end_to_end_id == order.end_to_end_id
    ]
    if len(taken) > 1:
        verdict.doubled.append(f"{order.id} was taken by the bank {len(taken)} times")
    for each in paid:
        ours = (
            order.amount_minor,
            order.currency,
            order.debtor_iban,
            order.creditor_iban,
            order.creditor_name,
            order.remittance,
        )
        theirs = (
            each.amount,
            each.currency,
            each.debtor_iban,
            each.creditor_iban,
            each.creditor_name,
            each.remittance,
        )
        if ours != theirs:
            verdict.wrong.append(f"{order.id} was approved as {ours} and executed as {theirs}")


def _history(verdict: Verdict, order: Order, entries: Sequence[Entry]) -> None:
    """Walk an order's entries: each follows from the one before, and the last is where it is."""
    kinds = Counter(entry.kind for entry in entries)
    for kind in _ONCE:
        if kinds[kind] > 1:
            verdict.wrong.append(f"{order.id} has {kinds[kind]} entries {kind}")
    at = str(OrderState.PENDING)
    for entry in entries:
        if "to" not in entry.facts:
            continue
        before, after = str(entry.facts["from"]), str(entry.facts["to"])
        is_legal = before == after or after in orders.TRANSITIONS[OrderState(before)]
        if before != at or not is_legal:
            verdict.wrong.append(f"{order.id} went from {at} by {before} to {after}")
        at = after
    if at != order.state:
        verdict.wrong.append(f"{order.id} is {order.state} and the record says {at}")


def _quorum(
    verdict: Verdict,
    world: World,
    connection: Connection,
    order: Order,
    entries: Sequence[Entry],
) -> None:
    """See that an order that left had the approvals that the policy asks for, before it left."""
    released = next((entry.seq for entry in entries if entry.kind == "order.released"), None)
    if released is None:
        return
    approvers = {
        entry.actor
        for entry in entries
        if entry.kind == "order.approval"
        and entry.seq < released
        and entry.facts.get("digest") == order.digest
    }
    roles = {
        person.id: person.roles
        for person in world.company.directory
        if person.id in approvers and person.id != order.requester_id
    }
    if assign(order.policy_verdict.slots, roles).missing:
        verdict.wrong.append(f"{order.id} left with the approvals of {sorted(approvers)} alone")
    stored = {each.person_id for each in approvals.of_order(connection, order)}
    if not approvers <= stored:
        verdict.wrong.append(f"{order.id} has approvals on record that are not stored")


def _wishes(
    verdict: Verdict, connection: Connection, found: dict[str, Order], wishes: Sequence[Wish]
) -> None:
    """See that everybody got what they asked for, and nobody what they did not."""
    for wish in wishes:
        same = [order for order in found.values() if order.remittance == wish.reference]
        order = found.get(wish.order_id)
        if order is None or len(same) != 1:
            verdict.wrong.append(f"{wish.reference} was asked for once and is there {len(same)}x")
            continue
        if order.amount_minor != wish.minor:
            verdict.wrong.append(f"{order.id} is about another amount than was asked for")
        has_left = order.state in (OrderState.SETTLED, OrderState.FAILED)
        approvers = {each.person_id for each in approvals.of_order(connection, order)}
        if wish.end != "rejected" and not approvers <= wish.approved_by:
            verdict.wrong.append(f"{order.id} has approvals that nobody gave")
        if wish.end == "paid" and not has_left:
            verdict.lost.append(f"{order.id} was approved and is {order.state}")
        if wish.end == "rejected" and order.state != OrderState.REJECTED:
            verdict.wrong.append(f"{order.id} was rejected and is {order.state}")
        reason = order.reason_code or ""
        if order.state == OrderState.FAILED and (not reason or reason.startswith("release.")):
            verdict.wrong.append(f"{order.id} failed with the reason {reason!r}")
    known = {wish.order_id for wish in wishes}
    for order in found.values():
        if order.id not in known:
            verdict.wrong.append(f"{order.id} was asked for by nobody")
