"""Taking an approval back, stepping out of a decision, and what races with either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from connectors.money import Money
from tests.postgres import Server
from tests.workflows.company import ACME, CIPHER, PEOPLE, Hands, Phones, company
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk, code_of
from tests.workflows.test_dispatch import Office
from workflows import approvals, audit, payees, requests, second_factor
from workflows.approvals import Choice, Decided, Decision
from workflows.database import Database
from workflows.database.postgres import PostgresDatabase
from workflows.orders import Order, OrderState
from workflows.people import Directory
from workflows.record import verification
from workflows.refusal import Refusal

STAGED = """
version: 1
expires_after: 72h
rules:
  - name: In two stages
    require:
      - { role: controller, stage: 1 }
      - { role: cfo, stage: 2 }
"""
COOLED = """
version: 1
expires_after: 72h
rules:
  - name: Cools off
    require: [{ role: controller }]
    cool_off: 2h
"""


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Office:
    return Office(database, hands, phones, tmp_path)


async def withdraw(desk: Desk, who: str, order: Order) -> Order | Refusal:
    try:
        return await desk.database.write(
            lambda c: approvals.withdraw(
                c, desk.company, PEOPLE_BY_ID[who], order.id, order.version, now=desk.hands()
            )
        )
    except Refusal as refusal:
        return refusal


async def recuse(
    desk: Desk, who: str, order: Order, reason: str = "My brother's company"
) -> Decided | Refusal:
    choice = Choice(order.id, order.version, order.digest, Decision.RECUSE, reason=reason)
    return await desk.database.write(
        lambda c: approvals.recuse(c, desk.company, PEOPLE_BY_ID[who], choice, now=desk.hands())
    )


async def amend(desk: Desk, order: Order, minor: int = 130_000) -> Order:
    return await desk.database.write(
        lambda c: requests.amend(
            c,
            desk.company,
            PEOPLE_BY_ID["amara"],
            order.id,
            replace(LARGE, amount=Money(minor, "EUR")),
            version=order.version,
            now=desk.hands(),
        )
    )


async def is_sound(desk: Desk) -> bool:
    return (await desk.database.read(verification.verify)).findings == ()


# ---- taking back ------------------------------------------------------------------------------


async def test_what_is_taken_back_counts_no_more_and_may_be_given_again(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    back = await withdraw(desk, "bea", order)
    assert isinstance(back, Order)
    assert back.state == OrderState.PENDING
    again = await withdraw(desk, "bea", order)
    assert isinstance(again, Refusal)
    assert again.code == "approval.none"
    desk.hands.forward(seconds=30)
    result = await desk.decide("carl", order)
    assert isinstance(result, Decided)
    assert [slot.role for slot in result.assignment.missing] == ["controller"]
    result = await desk.decide("bea", order)
    assert isinstance(result, Decided)
    assert (result.order.state, result.is_again) == (OrderState.APPROVED, True)
    assert await is_sound(desk)


async def test_from_an_approved_payment_it_makes_it_wait_again(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    last = await desk.decide("carl", order)
    assert isinstance(last, Decided)
    assert not last.is_again
    back = await withdraw(desk, "bea", order)
    assert isinstance(back, Order)
    assert back.state == OrderState.PENDING
    entries = await desk.kinds(order.id)
    assert entries[-1] == "order.approval_withdrawn"
    assert await is_sound(desk)


async def test_a_spare_approval_may_go_without_it_waiting_again(desk: Desk) -> None:
    """Two controllers approved where one was needed: without one of them it still holds."""
    order = await desk.ask()
    await desk.decide("bea", order)
    await desk.decide("dong", order)
    await desk.decide("carl", order)
    back = await withdraw(desk, "bea", order)
    assert isinstance(back, Order)
    assert back.state == OrderState.APPROVED
    assert await is_sound(desk)


async def test_later_stages_go_with_it(desk: Desk) -> None:
    desk.company = company(STAGED)
    order = await desk.ask()
    await desk.decide("bea", order)
    await desk.decide("carl", order)
    assert (await desk.now(order)).state == OrderState.APPROVED
    back = await withdraw(desk, "bea", order)
    assert isinstance(back, Order)
    given = await desk.database.read(lambda c: approvals.of_order(c, back))
    assert {each.person_id for each in given if each.withdrawn_at} == {"bea", "carl"}
    assert code_of(await desk.decide("carl", order)) == "approval.not_yet"
    assert await is_sound(desk)


async def test_of_an_old_version_there_is_nothing_to_take_back(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    await amend(desk, order)
    refusal = await withdraw(desk, "bea", order)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "order.stale"


async def test_a_cooling_payment_begins_to_cool_anew(desk: Desk) -> None:
    desk.company = company(COOLED)
    order = await desk.ask()
    await desk.decide("bea", order)
    first = (await desk.now(order)).release_after
    await withdraw(desk, "bea", order)
    assert (await desk.now(order)).release_after is None
    desk.hands.forward(hours=1)
    await desk.decide("bea", order)
    again = (await desk.now(order)).release_after
    assert first is not None
    assert again is not None
    assert again > first
    assert await is_sound(desk)


# ---- conflicts of interest --------------------------------------------------------------------


async def test_who_has_a_conflict_is_out_for_good(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    result = await recuse(desk, "bea", order)
    assert isinstance(result, Decided)
    assert code_of(await desk.decide("bea", order)) == "approval.already"
    changed = await amend(desk, order)
    desk.hands.forward(seconds=30)
    assert code_of(await desk.decide("bea", changed)) == "approval.excluded"
    await desk.decide("dong", changed)
    await desk.decide("carl", changed)
    assert (await desk.now(order)).state == OrderState.APPROVED
    assert await is_sound(desk)


async def test_without_a_reason_nothing_happens_not_even_a_withdrawal(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    refusal = await recuse(desk, "bea", order, reason="  ")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "recuse.reason_missing"
    given = await desk.database.read(lambda c: approvals.of_order(c, order))
    assert [each.withdrawn_at for each in given] == [None]


async def test_it_is_told_when_nobody_is_left(desk: Desk) -> None:
    order = await desk.ask()
    await recuse(desk, "bea", order)
    await recuse(desk, "carl", order)  # the only CFO
    entries = await desk.database.read(
        lambda c: [each.facts for each in audit.of_subject(c, order.id)]
    )
    assert [each["fillable"] for each in entries[1:]] == [True, False]


# ---- through the dispatcher -------------------------------------------------------------------


async def test_what_was_taken_back_and_approved_again_is_paid_once(office: Office) -> None:
    office.company = company(COOLED)
    async with office.open() as dispatcher:
        order = await office.ask()
        assert isinstance(await office.decide("bea", order), Decided)
        await dispatcher.begin(order.id)
        await asyncio.sleep(0.1)
        office.hands.forward(hours=1)
        assert isinstance(await withdraw(office, "bea", order), Order)
        await dispatcher.wake(order.id)
        office.hands.forward(hours=3)  # past what it cooled for at first
        await dispatcher.wake(order.id)
        await asyncio.sleep(0.1)
        assert (await office.now(order)).state == OrderState.PENDING
        assert office.institution.ledger == []
        again = await office.decide("bea", order)
        assert isinstance(again, Decided)
        assert again.is_again
        await dispatcher.begin(order.id)
        await dispatcher.wake(order.id)
        await asyncio.sleep(0.1)
        assert office.institution.ledger == []
        office.hands.forward(hours=3)
        await dispatcher.wake(order.id)
        await office.until(order, "settled")
        refusal = await withdraw(office, "bea", order)
        assert isinstance(refusal, Refusal)
        assert refusal.code == "order.too_late"
    assert office.institution.ledger == [order.end_to_end_id]
    assert await is_sound(office)


@pytest.mark.parametrize("head_start", [0.0, 0.005, 0.02])
async def test_taking_back_races_with_release(office: Office, head_start: float) -> None:
    """Either it is taken back and nothing is sent, or it is too late and it is sent once."""
    async with office.open() as dispatcher:
        wanted = [await office.approved() for _ in range(3)]

        async def begun(order: Order) -> None:
            await dispatcher.begin(order.id)

        async def back(order: Order) -> Order | Refusal:
            await asyncio.sleep(head_start)
            return await withdraw(office, "bea", order)

        both = await asyncio.gather(*(asyncio.gather(begun(each), back(each)) for each in wanted))
        results = [each for _, each in both]
        sent = [
            each
            for each, result in zip(wanted, results, strict=True)
            if isinstance(result, Refusal)
        ]
        for each in sent:
            await office.until(each, "settled")
        await asyncio.sleep(0.2)
    assert {each.code for each in results if isinstance(each, Refusal)} <= {"order.too_late"}
    assert sorted(office.institution.ledger) == sorted(each.end_to_end_id for each in sent)
    assert await is_sound(office)


async def test_an_approver_who_lost_the_role_does_not_count_at_release(office: Office) -> None:
    order = await office.ask()
    await office.decide("bea", order)
    without = [
        replace(each, roles=frozenset({"staff"})) if each.id == "bea" else each for each in PEOPLE
    ]
    before = office.company
    office.company = replace(before, directory=Directory(without))
    last = await office.decide("carl", order)
    assert isinstance(last, Decided)
    assert [slot.role for slot in last.assignment.missing] == ["controller"]
    assert last.order.state == OrderState.PENDING
    office.hands.forward(seconds=30)
    await office.decide("dong", order)
    assert (await office.now(order)).state == OrderState.APPROVED
    # And lost after it was approved, before it left: it is not sent.
    gone = [each for each in without if each.id != "dong"]
    office.company = replace(before, directory=Directory(gone))
    async with office.open() as dispatcher:
        await dispatcher.begin(order.id)
        failed = await office.until(order, "failed")
    assert failed.reason_code == "release.approvals"
    assert office.institution.ledger == []


# ---- at the same instant ----------------------------------------------------------------------


@pytest.mark.parametrize("order_of", ["approval first", "amendment first"])
async def test_an_amendment_races_with_the_last_approval(desk: Desk, order_of: str) -> None:
    """Whichever commits first: nobody's approval of one amount ever counts for another."""
    order = await desk.ask()
    await desk.decide("bea", order)

    async def approval() -> str:
        return code_of(await desk.decide("carl", order))

    async def amendment() -> str:
        try:
            return str((await amend(desk, order)).version)
        except Refusal as refusal:
            return refusal.code

    both = [approval(), amendment()]
    if order_of == "amendment first":
        both.reverse()
    results = set(await asyncio.gather(*both))
    assert results in ({"decided", "order.not_pending"}, {"2", "order.stale"})
    present = await desk.now(order)
    if "2" in results:
        assert (present.state, present.amount_minor) == (OrderState.PENDING, 130_000)
        given = await desk.database.read(lambda c: approvals.of_order(c, present))
        assert given == []
    else:
        assert (present.state, present.amount_minor) == (OrderState.APPROVED, 125_000)
    assert await is_sound(desk)


@asynccontextmanager
async def replicas(
    server: Server, hands: Hands, phones: Phones
) -> AsyncIterator[tuple[Desk, Desk]]:
    """Open two desks that share nothing but their PostgreSQL database."""
    with server.database() as name:
        first, second = PostgresDatabase(server.at(name)), PostgresDatabase(server.at(name))
        await first.open()
        await second.open()
        try:
            await first.write(lambda c: payees.register(c, [ACME], now=hands()))
            for person in PEOPLE:
                enrol = partial(
                    second_factor.enrol,
                    cipher=CIPHER,
                    person_id=person.id,
                    secret=phones.secret(person.id),
                    now=hands(),
                )
                await first.write(enrol)
            yield Desk(first, hands, phones), Desk(second, hands, phones)
        finally:
            await first.close()
            await second.close()


async def test_one_person_approves_once_over_two_replicas(
    postgres: Server, hands: Hands, phones: Phones
) -> None:
    async with replicas(postgres, hands, phones) as (here, there):
        for _ in range(5):
            order = await here.ask(replace(LARGE, is_no_duplicate=True))
            hands.forward(seconds=30)
            codes = [phones.code("bea"), phones.code("bea", offset=1)]
            results = await asyncio.gather(
                here.decide("bea", order, code=codes[0]),
                there.decide("bea", order, code=codes[1]),
            )
            hands.forward(seconds=60)
            assert sorted(map(code_of, results)) == ["approval.already", "decided"]
            assert (await here.kinds(order.id)).count("order.approval") == 1
        assert await is_sound(there)


async def test_two_people_approve_at_once_over_two_replicas(
    postgres: Server, hands: Hands, phones: Phones
) -> None:
    async with replicas(postgres, hands, phones) as (here, there):
        for _ in range(5):
            order = await here.ask(replace(LARGE, is_no_duplicate=True))
            results = await asyncio.gather(here.decide("bea", order), there.decide("carl", order))
            hands.forward(seconds=30)
            assert [code_of(each) for each in results] == ["decided", "decided"]
            complete = [
                each.assignment.is_complete for each in results if isinstance(each, Decided)
            ]
            assert sorted(complete) == [False, True]
            assert (await there.now(order)).state == OrderState.APPROVED
        assert await is_sound(here)


async def test_an_amendment_races_with_an_approval_over_two_replicas(
    postgres: Server, hands: Hands, phones: Phones
) -> None:
    async with replicas(postgres, hands, phones) as (here, there):
        for _ in range(5):
            order = await here.ask(replace(LARGE, is_no_duplicate=True))
            await here.decide("bea", order)
            approving = there.decide("carl", order)
            amending = amend_safely(here, order)
            outcome, changed = await asyncio.gather(approving, amending)
            hands.forward(seconds=30)
            present = await there.now(order)
            if changed:
                assert code_of(outcome) == "order.stale"
                assert (present.version, present.state) == (2, OrderState.PENDING)
            else:
                assert code_of(outcome) == "decided"
                assert (present.version, present.state) == (1, OrderState.APPROVED)
        assert await is_sound(there)


async def amend_safely(desk: Desk, order: Order) -> bool:
    try:
        return (await amend_to_another(desk, order)).version == 2
    except Refusal as refusal:
        assert refusal.code in ("order.not_pending", "order.changed")  # noqa: PT017
        return False


async def amend_to_another(desk: Desk, order: Order) -> Order:
    payment = replace(LARGE, amount=Money(130_000, "EUR"), is_no_duplicate=True)
    return await desk.database.write(
        lambda c: requests.amend(
            c,
            desk.company,
            PEOPLE_BY_ID["amara"],
            order.id,
            payment,
            version=order.version,
            now=desk.hands(),
        )
    )


async def test_taking_back_races_with_the_last_approval_over_two_replicas(
    postgres: Server, hands: Hands, phones: Phones
) -> None:
    """In whatever order they come, one approval is left, and it does not go."""
    async with replicas(postgres, hands, phones) as (here, there):
        for _ in range(5):
            order = await here.ask(replace(LARGE, is_no_duplicate=True))
            await here.decide("bea", order)
            back, approved = await asyncio.gather(
                withdraw(here, "bea", order), there.decide("carl", order)
            )
            hands.forward(seconds=60)
            assert isinstance(back, Order)
            assert code_of(approved) == "decided"
            present = await here.now(order)
            assert present.state == OrderState.PENDING
            given = await here.database.read(partial(_standing, order=present))
            assert given == ["carl"]
        assert await is_sound(there)


def _standing(connection: Connection, order: Order) -> list[str]:
    given = approvals.of_order(connection, order)
    return [each.person_id for each in given if each.withdrawn_at is None]
