"""The last moment: what waits, what fails, who may send, and how it is stopped."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from connectors.base import Indeterminate, Instruction, Outcome, Progress, Refused
from tests.workflows.company import CIPHER, POLICY, Hands, Phones, company
from tests.workflows.test_approvals import PEOPLE_BY_ID
from tests.workflows.test_dispatch import PENDING, SETTLED, Institution, Office
from workflows import audit, freeze, instructions, release, requests, tables
from workflows.company import Company
from workflows.database import Database
from workflows.dispatch import Dispatcher, Pace
from workflows.freeze import Agreed
from workflows.instructions import Stage
from workflows.opening import Hours
from workflows.orders import Order, OrderState
from workflows.refusal import Refusal
from workflows.release import Allowance

ENTITLED = frozenset({"controller", "cfo"})


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Office:
    made = Office(database, hands, phones, tmp_path)
    made.company = braked(made.company)
    return made


def braked(there: Company) -> Company:
    permissions = replace(there.permissions, freeze=ENTITLED, unfreeze=ENTITLED)
    return replace(there, permissions=permissions)


async def begin_freeze(office: Office, who: str = "bea") -> None:
    now = office.hands()
    await office.database.write(
        lambda c: freeze.begin(c, PEOPLE_BY_ID[who], ENTITLED, "Odd invoice", now=now)
    )


async def shown(office: Office) -> str:
    found = await office.database.read(freeze.present)
    return found.key if found else ""


async def agree(
    office: Office, who: str, code: str | None = None, key: str | None = None
) -> Agreed | Refusal:
    given = office.phones.code(who) if code is None else code
    seen = await shown(office) if key is None else key
    return await office.database.write(
        lambda c: freeze.agree_to_lift(
            c, office.company, CIPHER, PEOPLE_BY_ID[who], seen, given, now=office.hands()
        )
    )


async def claimed(office: Office, order: Order, **more: object) -> release.Claim:
    allowance = more.pop("allowance", Allowance())
    after = more.pop("orphaned_after", timedelta(seconds=90))
    assert isinstance(allowance, Allowance)
    assert isinstance(after, timedelta)
    return await office.database.write(
        lambda c: release.claim(
            c,
            office.company,
            order.id,
            allowance=allowance,
            orphaned_after=after,
            now=office.hands(),
        )
    )


async def released(office: Office) -> Order:
    order = await office.approved()
    return await office.database.write(
        lambda c: release.release(
            c, office.company, order.id, service_of=lambda _: "", now=office.hands()
        )
    )


# ---- the brake --------------------------------------------------------------------------------


async def test_nothing_leaves_while_it_is_frozen(office: Office) -> None:
    await begin_freeze(office)
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await asyncio.sleep(0.2)
        assert (await office.now(order)).state == OrderState.APPROVED
        assert office.institution.ledger == []
        office.hands.forward(seconds=60)
        assert await agree(office, "bea") == Agreed(1)
        assert await agree(office, "carl") == Agreed(0)
        await dispatcher.wake(order.id)
        await office.until(order, "settled")
    assert office.institution.ledger == [order.end_to_end_id]
    kinds = await office.kinds("freeze")
    assert kinds == ["freeze.begun", "freeze.consent", "freeze.lifted"]


async def test_a_freeze_stops_what_was_released_but_not_sent(office: Office) -> None:
    order = await released(office)
    await begin_freeze(office)
    claim = await claimed(office, order)
    assert not claim.is_won
    assert claim.wait == release.FROZEN_FOR
    assert (await office.now(order)).state == OrderState.RELEASED


async def test_no_question_may_send_what_is_frozen(office: Office) -> None:
    """Some banks are asked by sending the same again, and the first may never have arrived."""
    office.institution.answers = [Indeterminate("bank", "http.timeout")]
    could_send = office.institution.could_send
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        async with asyncio.timeout(30):
            while not could_send:
                await asyncio.sleep(0.01)
            assert all(could_send)
            await begin_freeze(office)
            asked = len(could_send) + 1  # one question may be under way
            while len(could_send) < asked + 2:
                await asyncio.sleep(0.01)
    assert not any(could_send[asked:])


async def test_freeze_and_claim_at_once_leave_no_gap(office: Office) -> None:
    """Whichever commits first, nothing is claimed after the freeze."""
    orders = [await released(office) for _ in range(4)]

    async def freezing() -> None:
        await begin_freeze(office)

    results = await asyncio.gather(
        *(claimed(office, each) for each in orders[:2]),
        freezing(),
        *(claimed(office, each) for each in orders[2:]),
    )
    entries = await office.database.read(lambda c: audit.after(c, 0, 1000))
    begun = next(each.seq for each in entries if each.kind == "freeze.begun")
    assert all(each.seq < begun for each in entries if each.kind == "instruction.sending")
    assert len([each for each in results if each is not None]) == 4


async def test_lifting_takes_several_people_each_with_a_factor(office: Office) -> None:
    refused = await agree(office, "bea")
    assert isinstance(refused, Refusal)
    assert refused.code == "freeze.none"
    await begin_freeze(office)
    old = await shown(office)
    office.hands.forward(seconds=1)
    await begin_freeze(office, "carl")  # one more: consent to lift the first is none to lift this
    assert (await office.kinds("freeze")).count("freeze.begun") == 2
    stale = await agree(office, "bea", "000000", old)
    assert isinstance(stale, Refusal)
    assert stale.code == "freeze.changed"  # and no code is used up
    for who, code, wanted in (
        ("amara", None, "freeze.not_allowed"),
        ("bea", "000000", "factor.wrong"),
        ("bea", "", "factor.malformed"),
    ):
        refused = await agree(office, who, code)
        assert isinstance(refused, Refusal)
        assert refused.code == wanted
    assert await agree(office, "bea") == Agreed(1)
    office.hands.forward(seconds=60)
    refused = await agree(office, "bea")
    assert isinstance(refused, Refusal)
    assert refused.code == "freeze.already"
    # Bea loses the role: her consent counts no more.
    people = [
        replace(each, roles=frozenset({"staff"})) if each.id == "bea" else each
        for each in PEOPLE_BY_ID.values()
    ]
    before, office.company = office.company, braked(company(POLICY, people))
    assert await agree(office, "carl") == Agreed(1)
    office.company = before
    assert await office.database.read(freeze.present) is not None
    with pytest.raises(Refusal, match=r"freeze.not_allowed"):
        await begin_freeze(office, "amara")


# ---- who may send -----------------------------------------------------------------------------


async def test_one_claim_wins_and_the_others_wait(office: Office) -> None:
    order = await released(office)
    claims = await asyncio.gather(*(claimed(office, order) for _ in range(5)))
    assert [each.is_won for each in claims].count(True) == 1
    others = [each for each in claims if not each.is_won]
    assert all(each.stage is Stage.SENDING and each.wait > timedelta(0) for each in others)
    office.hands.forward(seconds=89)
    assert (await claimed(office, order)).wait == timedelta(seconds=1)
    assert (await office.now(order)).state == OrderState.RELEASED
    office.hands.forward(seconds=1)
    assert not (await claimed(office, order)).is_won
    assert (await office.now(order)).state == OrderState.UNKNOWN


async def test_a_process_that_was_paused_sends_nothing(office: Office) -> None:
    """Its claim may have been taken for lost: it gives the payment back and tries again."""
    late = Late(office.hands)
    office.institution = late
    async with office.open() as dispatcher:
        order = await office.approved()
        dispatcher.clock = late.clock
        await dispatcher.begin(order.id)
        await office.until(order, "settled")
    assert late.ledger == [order.end_to_end_id]
    assert (await office.kinds(order.id)).count("instruction.sending") == 2
    assert "instruction.not_sent" in await office.kinds(order.id)


class Late(Institution):
    """Its process is paused between the claim and the call, once."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.hands, self._asked = hands, 0

    def clock(self) -> datetime:
        self._asked += 1
        if self._asked == 2:  # for the claim; and then, before the call
            self.hands.forward(seconds=60)
        return self.hands()


async def test_what_no_longer_holds_at_the_claim_fails(office: Office) -> None:
    order = await released(office)
    office.company = replace(
        office.company, policy=company("version: 1\nrules: [{name: No, refuse: true}]\n").policy
    )
    assert not (await claimed(office, order)).is_won
    failed = await office.now(order)
    assert (failed.state, failed.reason_code) == (OrderState.FAILED, "release.policy")


async def test_an_institution_is_sent_no_more_than_it_takes(office: Office) -> None:
    orders = [await released(office) for _ in range(4)]
    two = Allowance(at_once=2, per_second=100)
    won = [(await claimed(office, each, allowance=two)).is_won for each in orders]
    assert won == [True, True, False, False]
    await office.database.write(lambda c: _close(c, orders[0]))
    assert (await claimed(office, orders[2], allowance=two)).is_won
    slow = Allowance(at_once=100, per_second=3)
    assert not (await claimed(office, orders[3], allowance=slow)).is_won
    office.hands.forward(seconds=1)
    assert (await claimed(office, orders[3], allowance=slow)).is_won


def _close(connection: Connection, order: Order) -> None:
    connection.execute(
        update(tables.instruction)
        .where(tables.instruction.c.order_id == order.id)
        .values(state=str(Stage.CLOSED))
    )


async def test_outside_its_hours_a_payment_waits(office: Office) -> None:
    office.hands.now = office.hands.now.replace(hour=3)
    dispatcher = Dispatcher(
        office.database,
        office.company,
        {"bank": office.institution},
        office.hands,
        Pace(first=0.01, longest=0.02, grace=0.1),
        hours={"bank": Hours.parse("mon-sun 06:00-22:00")},
    )
    await dispatcher.start(office.folder / "dispatch.sqlite")
    try:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "released")
        await asyncio.sleep(0.1)
        assert office.institution.ledger == []
        office.hands.now = office.hands.now.replace(hour=12)
        await dispatcher.wake(order.id)
        await office.until(order, "settled")
    finally:
        await dispatcher.stop()
    assert office.institution.ledger == [order.end_to_end_id]


# ---- stopping it ------------------------------------------------------------------------------


async def ask_back(office: Office, order: Order, who: str = "amara") -> Order:
    return await office.database.write(
        lambda c: instructions.ask_back(
            c, PEOPLE_BY_ID[who], order.id, can_stop=True, now=office.hands()
        )
    )


async def test_what_was_not_sent_is_withdrawn_at_once(office: Office) -> None:
    order = await released(office)
    with pytest.raises(Refusal, match=r"not_yours"):
        await ask_back(office, order, "dong")
    assert (await ask_back(office, order)).state == OrderState.CANCELLED
    assert not (await claimed(office, order)).is_won


class Stopping(Institution):
    """Stops payments when asked, or says why not."""

    def __init__(self, answer: Outcome | Exception) -> None:
        super().__init__(PENDING)
        self.statuses = [PENDING] * 1000
        self.answer = answer
        self.asked = 0

    async def cancel(self, instruction: Instruction, reference: str) -> Outcome:
        self.asked += 1
        if isinstance(self.answer, Exception):
            self.statuses = [SETTLED]
            raise self.answer
        return self.answer


async def test_the_institution_stops_it_when_asked(office: Office) -> None:
    office.institution = Stopping(Outcome(Progress.CANCELLED, "CANC", "R1"))
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "submitted")
        await ask_back(office, order)
        await dispatcher.wake(order.id)
        stopped = await office.until(order, "cancelled")
    assert stopped.reason_code == "bank.cancelled"
    assert "order.cancel_asked" in await office.kinds(order.id)


async def test_a_payment_that_cannot_be_stopped_goes_on(office: Office) -> None:
    stopping = Stopping(Refused("bank", "CANCELLATION_INVALID", "too late"))
    office.institution = stopping
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "submitted")
        await ask_back(office, order)
        await dispatcher.wake(order.id)
        await office.until(order, "settled")
    assert stopping.asked == 1
    assert "order.cancel_refused" in await office.kinds(order.id)
    with pytest.raises(Refusal, match=r"too_late"):
        await ask_back(office, order)


async def test_nobody_withdraws_a_payment_of_which_nobody_knows(office: Office) -> None:
    """It may have been made: only the institution's word can make it a cancelled one."""
    office.institution = Institution(Indeterminate("bank", "http.timeout"))
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "unknown")
        with pytest.raises(Refusal, match=r"too_late"):
            await office.database.write(
                lambda c: requests.cancel(c, PEOPLE_BY_ID["amara"], order.id, now=office.hands())
            )
        with pytest.raises(Refusal, match=r"too_late"):
            await ask_back(office, order)
    assert (await office.now(order)).state == "unknown"
    assert office.institution.ledger == [order.end_to_end_id]
