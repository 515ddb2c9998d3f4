"""Attempts to get around what was agreed to: each was possible once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from schwifty import IBAN
from sqlalchemy import update

from connectors.base import Enquiry, Indeterminate, Outcome, Progress
from connectors.money import Money
from tests.workflows.company import CIPHER, PEOPLE, Hands, Phones, company
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk, code_of
from tests.workflows.test_charter import OTHERS, Office, chartered, with_role
from tests.workflows.test_dispatch import PENDING, Institution
from tests.workflows.test_dispatch import Office as Dispatching
from tests.workflows.test_payee_register import NEU
from tests.workflows.test_policy_in_force import BASE, STAGED, WEEKLY, rules_of, under
from workflows import charter, orders, payee_changes, proposal_decisions, proposals, release, tables
from workflows.approvals import Decision
from workflows.database import Database
from workflows.orders import OrderState
from workflows.payee_changes import Action, Details, Wish
from workflows.people import Directory
from workflows.proposal_decisions import Choice
from workflows.proposals import Decision as Said
from workflows.refusal import Refusal


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones) -> Office:
    return Office(database, hands, phones)


@pytest.fixture
def dispatching(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Dispatching:
    return Dispatching(database, hands, phones, tmp_path)


async def agreed(office: Dispatching) -> charter.Document:
    office.company, found = chartered(office.company)
    await office.database.write(lambda c: charter.settle(c, found, now=office.hands()))
    return found


async def moved_elsewhere(office: Dispatching) -> Institution:
    """Start with a file whose connection leads elsewhere; return who answers there."""
    other = charter.document(office.company, {"connections": {"bank": {"url": "https://other"}}})
    await office.database.write(lambda c: charter.settle(c, other, now=office.hands()))
    office.company = replace(office.company, charter=charter.hash_of(other))
    office.institution = Institution()
    return office.institution


async def test_a_place_nobody_agreed_to_cannot_have_a_payment_sent_again(
    dispatching: Dispatching,
) -> None:
    office = dispatching
    before = await agreed(office)
    good, bank = office.company, office.institution
    bank.answers = [Indeterminate("bank", "http.timeout")]  # it acted, the answer was lost
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "unknown")
    other = await moved_elsewhere(office)
    other.enquiries = [Enquiry(None, conclusive=True)] * 50
    async with office.open() as dispatcher:
        await dispatcher.wake(order.id)
        await asyncio.sleep(0.5)
        assert (await office.now(order)).state == "unknown"
    assert other.could_send == [], "it was not even asked"
    await office.database.write(lambda c: charter.settle(c, before, now=office.hands()))
    office.company, office.institution = good, bank
    async with office.open() as dispatcher:
        await dispatcher.wake(order.id)
        await asyncio.sleep(0.5)
    assert bank.ledger == [order.end_to_end_id]


async def test_a_place_nobody_agreed_to_is_not_believed(dispatching: Dispatching) -> None:
    office = dispatching
    await agreed(office)
    office.institution.answers = [PENDING]
    office.institution.statuses = [PENDING] * 100_000
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "submitted")
    other = await moved_elsewhere(office)
    other.statuses = [Outcome(Progress.REFUSED, "RJCT", "R1")]
    async with office.open() as dispatcher:
        await dispatcher.wake(order.id)
        await asyncio.sleep(0.5)
    assert (await office.now(order)).state == "submitted"


def test_nobody_becomes_somebody_by_a_chat_identity() -> None:
    before = charter.document(company(), OTHERS)
    people = [
        replace(each, chat_ids={"slack": "UMALLORY"}) if each.id == "carl" else each
        for each in PEOPLE
    ]
    less = charter.restricted(replace(company(), directory=Directory(people)), before)
    carl = less.directory.get("carl")
    assert carl is not None
    assert carl.roles == frozenset()


def test_a_flood_of_changes_hides_none() -> None:
    weak = company("version: 1\nrules: [{name: All, require: [{role: staff}]}]")
    before = charter.document(company(), {**OTHERS, "payees": {}})
    flood = {f"p{number:03}": {"name": "x"} for number in range(500)}
    after = charter.document(weak, {**OTHERS, "payees": flood})
    found = charter.difference(before, after)
    assert len(found) > 500
    assert found[0].section == "policy", "what matters most comes first"


def test_no_rule_hides_a_setting_by_its_name() -> None:
    def lasting(life: str) -> charter.Document:
        text = (
            f"version: 1\nexpires_after: {life}\n"
            "rules: [{name: expires_after, require: [{role: cfo}], expires_after: 1h}]"
        )
        return charter.document(company(text), OTHERS)

    assert charter.difference(lasting("72h"), lasting("90d"))


async def test_many_proposals_keep_nobody_else_from_proposing(office: Office) -> None:
    there = company()
    permissions = replace(there.permissions, payees=frozenset({"controller"}))
    first, wanted = chartered(replace(there, permissions=permissions))
    await office.settle(wanted)

    async def propose(number: int) -> None:
        iban = str(IBAN.generate("DE", "37040044", f"{number:010}"))
        wish = Wish(Action.ADD, details=Details(f"Firm {number}", iban))
        await office.database.write(
            lambda c: payee_changes.propose(
                c, first, PEOPLE_BY_ID["bea"], wish, key=f"k{number}", now=office.hands()
            )
        )

    for number in range(50):
        await propose(number)
    with pytest.raises(Refusal, match=r"proposal\.too_many"):
        await propose(50)
    _, other = chartered(with_role(there, "eve", "cfo"))
    await office.settle(other)
    assert len(await office.waiting()) == 1


async def test_another_replicas_start_voids_no_proposal(office: Office) -> None:
    _, present = chartered(company())
    await office.settle(present)
    office.company, wanted = chartered(with_role(company(), "eve", "cfo"))
    now = office.hands()
    settle = charter.settle
    await office.database.write(lambda c: settle(c, wanted, now=now, is_alone=False))
    await office.database.write(lambda c: settle(c, present, now=now, is_alone=False))
    assert len(await office.waiting()) == 1


@pytest.mark.parametrize(("state", "again"), [("expired", 1), ("outdated", 1), ("rejected", 0)])
async def test_what_ran_out_is_proposed_anew_and_what_was_rejected_is_not(
    office: Office, state: str, again: int
) -> None:
    _, present = chartered(company())
    await office.settle(present)
    office.company, wanted = chartered(with_role(company(), "eve", "cfo"))
    await office.settle(wanted)
    (found,) = await office.waiting()
    await office.database.write(
        lambda c: proposals.close(c, found, proposals.State(state), "x", office.hands())
    )
    office.hands.forward(minutes=1)
    now = office.hands()
    await office.database.write(lambda c: charter.settle(c, wanted, now=now, is_start=False))
    assert len(await office.waiting()) == again


async def test_who_was_stripped_decides_nothing_on_a_replica_of_the_old_file(
    office: Office,
) -> None:
    there = company()
    permissions = replace(there.permissions, payees=frozenset({"controller", "cfo"}))
    there = replace(there, permissions=permissions)
    old, first = chartered(there)
    await office.settle(first)
    people = [
        replace(each, roles=frozenset({"staff"})) if each.id == "bea" else each for each in PEOPLE
    ]
    office.company, wanted = chartered(replace(there, directory=Directory(people)))
    await office.settle(wanted)
    (found,) = await office.waiting()
    for who in ("dong", "carl"):
        await office.say(who, found)
    office.hands.forward(seconds=60)
    made = await office.database.write(
        lambda c: payee_changes.propose(
            c,
            old,
            PEOPLE_BY_ID["dong"],
            Wish(Action.ADD, details=NEU),
            key="k",
            now=office.hands(),
        )
    )
    choice = Choice(
        made.id, made.digest, Said.APPROVE, office.phones.code("bea"), has_acknowledged=True
    )
    said = await office.database.write(
        lambda c: proposal_decisions.decide(
            c, old, CIPHER, PEOPLE_BY_ID["bea"], choice, now=office.hands()
        )
    )
    assert isinstance(said, Refusal)
    assert said.code == "charter.held"


# ---- policy -------------------------------------------------------------------------------------


async def released(desk: Desk, order: orders.Order) -> str:
    found = await desk.database.write(
        lambda c: release.release(
            c, desk.company, order.id, service_of=lambda _: "", now=desk.hands()
        )
    )
    return found.state


async def test_a_cool_off_that_came_later_is_waited_for_too(desk: Desk) -> None:
    desk.company = under(BASE)
    order = await desk.ask()
    await desk.decide("bea", order)
    desk.company = under(BASE.replace("require:", "cool_off: 4h\n    require:"))
    desk.hands.forward(hours=3)
    assert await released(desk, order) == OrderState.APPROVED
    desk.hands.forward(hours=1)
    assert await released(desk, order) == OrderState.RELEASED


async def test_new_bank_details_bring_the_cool_off_of_their_rule(desk: Desk) -> None:
    desk.company = under(
        BASE + "  - name: Changed\n    when: { payee_changed_within: 7d }\n"
        "    cool_off: 2d\n    require: [ { role: controller } ]\n"
    )
    order = await desk.ask()
    changed = {"changed_at": desk.hands(), "changed_by": "eve"}
    await desk.database.write(lambda c: c.execute(update(tables.payee).values(**changed)).rowcount)
    await desk.decide("bea", order)
    assert await released(desk, order) == OrderState.APPROVED
    desk.hands.forward(days=2)
    assert await released(desk, order) == OrderState.RELEASED


@pytest.mark.parametrize("behind", [0, 2])
async def test_what_is_asked_for_at_one_instant_takes_nothing_from_the_first(
    desk: Desk, behind: int
) -> None:
    desk.company = under(WEEKLY)
    first = await desk.ask(replace(LARGE, amount=Money(200_000, "EUR")))
    await desk.decide("bea", first)
    desk.hands.forward(seconds=-behind)  # a replica whose clock is late
    assert "A week of one payee" in await rules_of(desk, 150_000)
    holds = await desk.database.read(
        lambda c: release.no_longer_holds(c, desk.company, orders.get(c, first.id))
    )
    assert holds is None


async def test_all_the_money_there_could_be_is_counted(desk: Desk) -> None:
    desk.company = under(
        BASE + "limits:\n  - name: L\n    per: company\n    most: 1000\n    within: 7d\n"
        "    require: [ { role: cfo } ]\n"
    )
    huge = replace(LARGE, amount=Money(10**17, "EUR"), is_no_duplicate=True)
    for number in range(93):
        await desk.ask(replace(huge, remittance=f"I{number}"))
    order = await desk.ask(replace(LARGE, remittance="after", is_no_duplicate=True))
    assert "L" in order.policy_verdict.matched


async def test_whoever_is_one_too_many_can_step_out(desk: Desk) -> None:
    desk.company = under(STAGED)
    order = await desk.ask()
    for who in ("bea", "dong", "carl"):
        await desk.decide(who, order)
    assert (await desk.now(order)).state == OrderState.APPROVED
    out = await desk.decide("dong", order, Decision.RECUSE, reason="x")
    assert code_of(out) == "decided"
    assert (await desk.now(order)).state == OrderState.APPROVED


async def test_stepping_out_is_on_the_record_also_when_time_has_run_out(desk: Desk) -> None:
    desk.company = under(
        BASE.replace("require:", "expires_after: 1h\n    cool_off: 1d\n    require:")
    )
    order = await desk.ask()
    await desk.decide("bea", order)
    desk.hands.forward(hours=2)
    assert code_of(await desk.decide("bea", order, Decision.RECUSE, reason="x")) == "decided"
    assert "order.recused" in await desk.kinds(order.id)
