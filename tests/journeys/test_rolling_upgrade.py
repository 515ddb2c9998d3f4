"""Replicas are replaced by those of another version, one by one, with orders in every state.

Another version is one whose workflows have another version number: by it DBOS tells whose they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from sandbox.bank import Fault
from tests.journeys.rolling_firm import Firm, Process, a_firm, until, until_none
from tests.journeys.world import ACME_IBAN
from tests.postgres import Server
from workflows import approvals, audit
from workflows.dispatch import WORKFLOW_VERSION
from workflows.instructions import Stage
from workflows.orders import OrderState
from workflows.record import verification

BEFORE = "dispatch-before"
FOREVER = 5000

ENDS = {
    "expired": "expired",
    "rejected": "rejected",
    "cancelled": "cancelled",
    "refused": "failed",
    "never arrived": "failed",
    "settled": "settled",
    "without a receipt": "settled",
    "followed": "settled",
    "followed by the other": "settled",
    "enquired": "settled",
    "undecided": "settled",
    "pending": "settled",
    "half approved": "settled",
    "frozen": "settled",
    "frozen at the other": "settled",
    "outside hours": "settled",
    "on the wire at the stop": "settled",
    "on the wire at the kill": "settled",
    "waiting for its turn": "settled",
    "followed again": "settled",
    "half approved again": "settled",
}
"""Every order of the story, by what is special about it, and its right end."""
LAST = {"never arrived", "outside hours"}
"""Those for which hours must pass."""


async def bring_what_takes_hours(firm: Firm, first: Process) -> None:
    """A request that nobody looked at, and a payment of which the bank never says what became."""
    await firm.ask(first, "expired")
    firm.bank.faults.add("initiate", Fault.DROP_AFTER)
    firm.bank.faults.add("transactions", Fault.ERROR_BEFORE, times=FOREVER)
    await firm.approved(first, "undecided")
    await firm.until("undecided", "unknown")
    await firm.forward(5 * 3600)
    await first.does("sweep")
    await first.does("wake", order=firm.ids["undecided"])
    await firm.until("undecided", "unknown", Stage.UNDECIDED)
    await firm.until("expired", "expired")


async def bring_to_an_end(firm: Firm, first: Process, other: Process) -> None:
    await firm.approved(first, "settled")
    await firm.until("settled", "submitted")
    firm.settle("settled")
    await firm.until("settled", "settled", kind="receipt.stored")
    firm.bank.faults.add("initiate", Fault.REFUSE)
    await firm.approved(other, "refused")
    await firm.until("refused", "failed")
    seen = await firm.ask(first, "rejected")
    said = await firm.decide(other, "bea", decision="reject", seen=seen)
    assert said == "rejected"
    await firm.ask(other, "cancelled")
    await other.does("cancel", order=firm.ids["cancelled"])


async def bring_on_the_way(firm: Firm, first: Process, other: Process) -> None:
    """Orders that wait for the bank, each in another way."""
    firm.bank.faults.add("payment", Fault.ERROR_BEFORE, times=FOREVER)
    await firm.approved(first, "without a receipt")
    await firm.until("without a receipt", "submitted")
    firm.settle("without a receipt")
    await firm.until("without a receipt", "settled")
    await firm.approved(first, "followed")
    await firm.approved(other, "followed by the other")
    await firm.until("followed", "submitted")
    await firm.until("followed by the other", "submitted")
    firm.bank.faults.add("initiate", Fault.DROP_AFTER)
    await firm.approved(other, "enquired")
    await firm.until("enquired", "unknown", Stage.UNKNOWN)
    await firm.approved(other, "outside hours", account="night")
    await firm.until("outside hours", "released", Stage.PREPARED)


async def bring_onto_the_wire(firm: Firm, first: Process, other: Process) -> None:
    """Calls that are under way, and will be when their replica goes."""
    firm.bank.faults.add("initiate", Fault.HANG_AFTER)
    await firm.approved(other, "on the wire at the kill", account="narrow")
    await firm.until("on the wire at the kill", "released", Stage.SENDING)
    await firm.approved(other, "waiting for its turn", account="narrow")
    await firm.until("waiting for its turn", "released", Stage.PREPARED)
    firm.bank.faults.add("initiate", Fault.HANG_BEFORE)
    await firm.approved(other, "never arrived")
    await firm.until("never arrived", "released", Stage.SENDING)
    firm.bank.faults.add("initiate", Fault.SLOW, seconds=2)
    await firm.approved(first, "on the wire at the stop")
    await firm.until("on the wire at the stop", "released", Stage.SENDING)


async def bring_into_the_frost(firm: Firm, first: Process, other: Process) -> str:
    """Payments that are approved and may not leave, and those that people have not done with."""
    frost = cast(str, await first.does("freeze", who="bea"))
    await firm.approved(first, "frozen")
    await firm.approved(other, "frozen at the other")
    await firm.ask(first, "pending")
    seen = await firm.ask(other, "half approved", minor=125_000)
    assert await firm.decide(other, "bea", seen=seen) == "pending"
    return frost


STANDING: Mapping[str, tuple[str, Stage | None]] = {
    "expired": ("expired", None),
    "rejected": ("rejected", None),
    "cancelled": ("cancelled", None),
    "refused": ("failed", Stage.CLOSED),
    "settled": ("settled", Stage.CLOSED),
    "without a receipt": ("settled", Stage.CLOSED),
    "followed": ("submitted", Stage.ACKNOWLEDGED),
    "followed by the other": ("submitted", Stage.ACKNOWLEDGED),
    "enquired": ("unknown", Stage.UNKNOWN),
    "undecided": ("unknown", Stage.UNDECIDED),
    "pending": ("pending", None),
    "half approved": ("pending", None),
    "frozen": ("approved", None),
    "frozen at the other": ("approved", None),
    "outside hours": ("released", Stage.PREPARED),
    "on the wire at the kill": ("released", Stage.SENDING),
    "waiting for its turn": ("released", Stage.PREPARED),
    "never arrived": ("released", Stage.SENDING),
}
"""Where every order is when the replacing begins."""


async def check_standing(firm: Firm) -> None:
    """Every state that an order can have is there, or the test would not show what it says."""
    for what, (state, stage) in STANDING.items():
        assert await firm.is_(what, state, stage), (what, await firm.order(what))
    assert "receipt.stored" not in await firm.kinds("without a receipt")
    there = {state for state, _ in STANDING.values()}
    assert there == {str(each) for each in OrderState} - {"returned"}


def are_of(held: Mapping[str, Mapping[str, str]], ids: Collection[str], of: Process) -> bool:
    """Whether workflows are still a replica's own."""
    return all(
        each in held and held[each]["replica"] == of.id and held[each]["status"] == "PENDING"
        for each in ids
    )


async def replace_first(firm: Firm, first: Process, other: Process, version: str) -> Process:
    """The first is stopped in good order and comes back anew, while the other goes on."""
    await firm.stop(first)
    assert "order.unknown" not in await firm.kinds("on the wire at the stop")
    assert await firm.is_("on the wire at the stop", "submitted")
    others = list(await firm.held(by=other))
    assert {firm.ids[what] for what in ("enquired", "frozen at the other")} <= set(others)
    anew = await firm.start(version)
    await firm.forward()
    await anew.does("sweep")
    assert are_of(await firm.held(), others, other)
    await until_none(partial(firm.held, by=first))
    return anew


async def both_serve(firm: Firm, anew: Process, other: Process) -> None:
    """Each version goes on with what is its own, and what was done at one counts at the other."""
    firm.settle("followed by the other", "followed")
    await firm.until("followed by the other", "settled")
    await firm.until("followed", "settled")
    seen = await firm.order("half approved")
    assert await firm.decide(anew, "carl", seen=seen) == "approved"
    seen = await firm.order("pending")
    assert await firm.decide(other, "bea", seen=seen) == "approved"


async def replace_other(firm: Firm, other: Process, version: str) -> Process:
    """The other is killed and comes back anew; what it was at waits until it is surely gone."""
    mine = list(await firm.held(by=other))
    assert firm.ids["on the wire at the kill"] in mine
    await firm.kill(other)
    anew = await firm.start(version)
    await anew.does("sweep")
    assert are_of(await firm.held(), mine, other)
    await firm.forward()
    await firm.forward()
    return anew


async def stranded(firm: Firm, version: str) -> list[object]:
    """Return what no living replica of this version walks: orders, or workflows of whatever."""
    living = {each.id for each in firm.serving}
    held = await firm.held()
    under_way = {"approved", "released", "submitted", "unknown"}
    without = [
        what
        for what in firm.ids
        if (await firm.order(what)).state in under_way and firm.ids[what] not in held
    ]
    forsaken = [
        each
        for each in held.values()
        if each["status"] != "PENDING"
        or each["version"] != version
        or each["replica"] not in living
    ]
    return [*without, *forsaken]


async def thaw(firm: Firm, frost: str) -> None:
    """People decide what only they can, the bank mends, and the frost is lifted."""
    one, two = firm.serving
    await resolve(firm, two, "undecided", was_executed=True)
    firm.bank.faults.clear()
    await firm.forward()
    assert await one.does("lift", who="bea", shown=frost, code=firm.phones.code("bea")) == "1"
    assert await two.does("lift", who="carl", shown=frost, code=firm.phones.code("carl")) == "0"
    for _ in range(6):  # no call can be under way any more
        await firm.forward()
    await until_none(partial(on_their_way, firm, firm.ids.keys() - LAST))


async def replace_again(firm: Firm, version: str) -> None:
    """Both are replaced once more, as when an upgrade is taken back, with some orders under way."""
    one, two = firm.serving
    await firm.approved(one, "followed again")
    await firm.until("followed again", "submitted")
    seen = await firm.ask(two, "half approved again", minor=126_000)
    assert await firm.decide(two, "bea", seen=seen) == "pending"
    await firm.kill(one)
    await firm.start(version)
    await firm.forward()
    await firm.forward()
    await firm.stop(two)
    back = await firm.start(version)
    assert await firm.decide(back, "carl", seen=seen) == "approved"
    await until_none(partial(stranded, firm, version))


async def come_to_the_end(firm: Firm) -> None:
    await firm.forward(2.5 * 3600)
    await until(partial(is_undecided, firm, "never arrived"), "a person is asked")
    await resolve(firm, firm.serving[0], "never arrived", was_executed=False)
    await until_none(partial(on_their_way, firm, firm.ids.keys()))


async def resolve(firm: Firm, at: Process, what: str, *, was_executed: bool) -> None:
    await firm.forward()
    said = await at.does(
        "resolve",
        who="carl",
        order=firm.ids[what],
        was_executed=was_executed,
        code=firm.phones.code("carl"),
    )
    assert said == ENDS[what]


async def is_undecided(firm: Firm, what: str) -> bool:
    await firm.serving[0].does("wake", order=firm.ids[what])
    return await firm.is_(what, "unknown", Stage.UNDECIDED)


async def on_their_way(firm: Firm, names: Collection[str]) -> list[str]:
    """Let everybody look, and the bank execute; return which of these are not at their end."""
    firm.settle()
    left = await firm.held()
    for order_id in left:
        await firm.serving[0].does("wake", order=order_id)
    return [
        what
        for what in names
        if firm.ids[what] in left or (await firm.order(what)).state != ENDS[what]
    ]


async def judge(firm: Firm) -> None:
    """Compare what is with what must be: the orders, the bank's ledger, and the record."""
    for what, end in ENDS.items():
        kinds = await firm.kinds(what)
        assert (await firm.order(what)).state == end, (what, kinds)
        assert ("receipt.stored" in kinds) == (end == "settled"), (what, kinds)
    paid = [
        (await firm.order(what)).end_to_end_id for what, end in ENDS.items() if end == "settled"
    ]
    assert sorted(each.end_to_end_id for each in firm.bank.ledger) == sorted(paid)
    assert {each.creditor_iban for each in firm.bank.ledger} == {ACME_IBAN}
    half = await firm.order("half approved")
    given = await firm.database.read(lambda connection: approvals.of_order(connection, half))
    assert {(each.person_id, each.digest) for each in given} == {
        ("bea", half.digest),
        ("carl", half.digest),
    }
    assert await firm.held() == {}
    assert (await firm.database.read(audit.verify)).is_intact
    assert (await firm.database.read(verification.verify)).findings == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(BEFORE, WORKFLOW_VERSION, id="other workflows"),
        pytest.param(WORKFLOW_VERSION, WORKFLOW_VERSION, id="same workflows"),
    ],
)
async def test_replicas_are_replaced_one_by_one_and_back(
    tmp_path: Path, postgres: Server, before: str, after: str
) -> None:
    async with a_firm(tmp_path, postgres) as firm:
        first = await firm.start(before)
        await bring_what_takes_hours(firm, first)
        other = await firm.start(before)
        await bring_to_an_end(firm, first, other)
        await bring_on_the_way(firm, first, other)
        await bring_onto_the_wire(firm, first, other)
        frost = await bring_into_the_frost(firm, first, other)
        await check_standing(firm)
        anew = await replace_first(firm, first, other, after)
        await both_serve(firm, anew, other)
        await replace_other(firm, other, after)
        await until_none(partial(stranded, firm, after))
        await thaw(firm, frost)
        await replace_again(firm, before)
        await come_to_the_end(firm)
        await judge(firm)
