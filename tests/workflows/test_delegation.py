"""What somebody may do in another's place, and what never."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.workflows.company import Hands, Phones
from tests.workflows.leave import BY_ID, EVERYBODY, MAX, TODAY, WEEK, Office, other, staffed
from tests.workflows.test_approvals import LARGE
from tests.workflows.test_policy_in_force import under
from workflows import approvals, audit, quorum, release, series, tables
from workflows.approvals import Decided, Decision
from workflows.database import Database
from workflows.orders import OrderState
from workflows.people import Directory
from workflows.policy_explain import explain
from workflows.recurrence import Every, Repeats
from workflows.release import Allowance


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones) -> Office:
    return Office(database, hands, phones)


# ---- what a delegate may do ---------------------------------------------------------------------


async def test_a_delegate_approves_by_the_roles_of_whom_they_act_for(office: Office) -> None:
    await office.delegated("carl", "greta")
    order = await office.ask()
    assert await office.says("bea", order) == "decided"
    assert await office.says("greta", order) == "decided"
    assert (await office.now(order)).state == OrderState.APPROVED
    assert {each.person_id: each.on_behalf_of for each in await office.given(order)} == {
        "bea": None,
        "greta": "carl",
    }
    assert await office.holds(order) is None
    assert await office.is_sound()


async def test_a_named_person_is_acted_for_too(office: Office) -> None:
    named = under(
        "version: 1\nrules:\n  - name: Carl\n    require: [ { person: carl } ]\n", EVERYBODY
    )
    office.company = staffed(there=named)
    await office.delegated("carl", "greta")
    order = await office.ask()
    assert await office.says("greta", order) == "decided"
    assert (await office.now(order)).state == OrderState.APPROVED


async def test_only_while_it_lasts(office: Office) -> None:
    await office.delegated("carl", "greta", (TODAY + timedelta(days=1), WEEK[1]))
    order = await office.ask()
    assert await office.says("greta", order) == "approval.no_role"
    office.hands.forward(days=1)
    assert await office.says("greta", order) == "decided"
    second = await office.ask(other("INV-8"))
    office.hands.forward(days=6)
    third = await office.ask(other("INV-9"))
    assert await office.says("greta", third) == "approval.no_role"
    assert second.id != third.id


async def test_what_was_approved_while_it_lasted_counts_on(office: Office) -> None:
    leave = await office.delegated("carl", "greta")
    order = await office.ask()
    await office.says("greta", order)
    office.hands.forward(minutes=1)
    await office.end("carl", leave)
    assert await office.says("bea", order) == "decided"
    assert (await office.now(order)).state == OrderState.APPROVED
    assert await office.holds(order) is None


async def test_what_was_approved_by_a_revoked_delegation_does_not(office: Office) -> None:
    leave = await office.delegated("carl", "greta")
    order = await office.ask()
    await office.says("bea", order)
    await office.says("greta", order)
    assert (await office.now(order)).state == OrderState.APPROVED
    office.hands.forward(minutes=1)
    assert (await office.end("ada", leave)).was_revoked
    assert (await office.now(order)).state == OrderState.PENDING
    assert (await office.kinds(order.id))[-1] == "order.approval_withdrawn"
    assert await office.kinds(leave.id) == ["delegation.begun", "delegation.revoked"]
    assert await office.says("greta", order) == "approval.no_role"
    assert await office.says("carl", order) == "decided"
    assert await office.is_sound()


async def test_what_was_released_and_not_sent_is_not_sent_any_more(office: Office) -> None:
    leave = await office.delegated("carl", "greta")
    order = await office.ask()
    await office.says("bea", order)
    await office.says("greta", order)
    released = await office.database.write(
        lambda c: release.release(
            c, office.company, order.id, service_of=lambda order: "sepa", now=office.hands()
        )
    )
    assert released.state == OrderState.RELEASED
    await office.end("ada", leave)
    assert (await office.now(order)).state == OrderState.RELEASED
    claimed = await office.database.write(
        lambda c: release.claim(
            c,
            office.company,
            order.id,
            allowance=Allowance(),
            orphaned_after=timedelta(minutes=1),
            now=office.hands(),
        )
    )
    assert not claimed.is_won
    assert (await office.now(order)).state == OrderState.FAILED


async def test_release_looks_for_the_delegation_once_more(office: Office) -> None:
    await office.delegated("carl", "greta")
    order = await office.ask()
    await office.says("bea", order)
    await office.says("greta", order)
    assert await office.holds(order) is None
    await office.database.write(
        lambda c: c.execute(update(tables.delegation).values(ends_on=TODAY - timedelta(1))).rowcount
    )
    assert await office.holds(order) == "release.approvals"


async def test_who_was_acted_for_and_lost_the_role_leaves_it_unapproved(office: Office) -> None:
    await office.delegated("carl", "greta")
    order = await office.ask()
    await office.says("bea", order)
    await office.says("greta", order)
    moved = [
        replace(each, roles=frozenset({"staff"})) if each.id == "carl" else each
        for each in EVERYBODY
    ]
    office.company = replace(office.company, directory=Directory(moved))
    assert await office.holds(order) == "release.approvals"


# ---- what a delegate may not --------------------------------------------------------------------


async def test_a_delegate_does_not_approve_what_they_asked_for(office: Office) -> None:
    await office.delegated("carl", "amara")
    order = await office.ask(who="amara")
    assert await office.says("amara", order) == "approval.own_request"


async def test_nor_what_was_asked_for_by_whom_they_act_for(office: Office) -> None:
    await office.delegated("dong", "greta")
    await office.delegated("amara", "bea")
    order = await office.ask(who="dong")
    assert await office.says("greta", order) == "approval.acts_for_requester"
    mine = await office.ask(other("INV-8"), who="amara")
    assert await office.says("bea", mine) == "approval.acts_for_requester"
    entries = await office.database.read(lambda c: audit.of_subject(c, mine.id))
    assert entries[-1].kind == "access.denied"


async def test_nor_what_goes_to_a_payee_that_either_changed(office: Office) -> None:
    office.company = staffed([*EVERYBODY, MAX])
    await office.delegated("carl", "greta")
    for editor, code in (("carl", "approval.no_role"), ("greta", "approval.excluded")):
        await office.database.write(
            lambda c, editor=editor: (
                c.execute(  # type: ignore[misc]
                    update(tables.payee).values(changed_by=editor)
                ).rowcount
            )
        )
        order = await office.ask(other(editor))
        assert await office.says("greta", order) == code


async def test_nobodys_roles_count_twice(office: Office) -> None:
    both = "version: 1\nrules: [ { name: Both, require: [ { role: cfo, count: 2 } ] } ]\n"
    two = under(both, [*EVERYBODY, MAX])
    office.company = staffed(there=two)
    await office.delegated("carl", "greta")
    order = await office.ask()
    assert await office.says("greta", order) == "decided"
    assert await office.says("carl", order) == "decided"
    so_far = approvals.assignment_of(office.company, order, await office.given(order))
    assert so_far.filled == (("cfo", "carl"),), "by their own hand, and not besides it"
    second = await office.ask(other("INV-8"))
    assert await office.says("carl", second) == "decided"
    assert await office.says("greta", second) == "approval.decided_themselves"


async def test_one_person_fills_one_slot(office: Office) -> None:
    """Dong is a controller and acts for the CFO; the payment needs both."""
    await office.delegated("carl", "dong")
    order = await office.ask()
    assert await office.says("dong", order) == "decided"
    assert await office.says("dong", order) == "approval.already"
    assert (await office.now(order)).state == OrderState.PENDING
    (mine,) = await office.given(order)
    assert mine.on_behalf_of == "carl", "there is another controller, and no other CFO here"
    assert await office.says("bea", order) == "decided"
    assert (await office.now(order)).state == OrderState.APPROVED


async def test_their_own_roles_come_first_where_that_costs_nothing(office: Office) -> None:
    await office.delegated("bea", "dong")
    order = await office.ask()
    assert await office.says("dong", order) == "decided"
    assert [each.on_behalf_of for each in await office.given(order)] == [None]


async def test_who_has_a_conflict_is_not_acted_for(office: Office) -> None:
    await office.delegated("carl", "greta")
    order = await office.ask()
    await office.says("greta", order)
    await office.says("bea", order)
    assert (await office.now(order)).state == OrderState.APPROVED
    out = await office.decide("carl", order, Decision.RECUSE, reason="My brother's firm")
    assert isinstance(out, Decided)
    assert out.assignment.filled == (("controller", "bea"),)
    assert (await office.now(order)).state == OrderState.PENDING
    assert await office.says("greta", order) == "approval.decided_themselves"
    assert await office.is_sound()


async def test_a_delegate_may_have_a_conflict_themselves(office: Office) -> None:
    await office.delegated("carl", "greta")
    order = await office.ask()
    out = await office.decide("greta", order, Decision.RECUSE, reason="My brother's firm")
    assert isinstance(out, Decided)
    assert await office.says("greta", order) == "approval.already"
    assert await office.says("carl", order) == "decided"


async def test_a_loop_of_delegations_adds_nothing(office: Office) -> None:
    """Carl acts for Bea, and Bea for Carl: each has one approval, by their own or the other's."""
    await office.delegated("carl", "bea")
    await office.delegated("bea", "carl")
    there = await office.present()
    order = await office.ask()
    for who in ("bea", "carl"):
        assert {each.id for each in quorum.acts_as(there, BY_ID[who], order)} == {"bea", "carl"}
    assert await office.says("bea", order) == "decided"
    assert await office.says("bea", order) == "approval.already"
    assert (await office.now(order)).state == OrderState.PENDING


async def test_what_was_delegated_is_not_delegated_on(office: Office) -> None:
    await office.delegated("carl", "eve")
    await office.delegated("eve", "greta")
    order = await office.ask()
    assert await office.says("greta", order) == "approval.no_role"
    assert await office.says("eve", order) == "decided"


async def test_an_explanation_names_who_may_approve_for_somebody(office: Office) -> None:
    await office.delegated("carl", "greta")
    order = await office.ask()
    there = await office.present()
    found = await office.database.read(lambda c: explain(c, there, order.id))
    by_slot = {slot.who: could for slot, could in found.asked.could}
    assert ("greta", "carl") in by_slot["cfo"]
    assert await office.says("greta", order) == "decided"
    found = await office.database.read(lambda c: explain(c, there, order.id))
    assert "cfo" not in {slot.who for slot, _ in found.asked.could}


@pytest.mark.parametrize(("days", "state"), [(20, "approved"), (6, "pending")])
async def test_who_acts_for_another_approves_nothing_of_a_series_beyond_that(
    office: Office, days: int, state: str
) -> None:
    rule = "  - name: All\n    series: once\n    require: [ { role: cfo } ]\n"
    office.company = staffed(there=under(f"version: 1\nrules:\n{rule}", EVERYBODY))
    await office.delegated("carl", "greta", (TODAY, TODAY + timedelta(days=days)))
    weekly = Repeats(Every.WEEK, TODAY + timedelta(days=14))
    order = await office.ask(replace(LARGE, execution_date=TODAY, repeats=weekly))
    assert await office.says("greta", order) == "decided"
    office.hands.forward(days=7)
    (made,) = await office.database.write(
        lambda c: series.continue_due(c, office.company, now=office.hands())
    )
    assert made.state == state
    assert await office.is_sound()


async def test_a_delegation_that_is_revoked_covers_nothing_that_follows(office: Office) -> None:
    rule = "  - name: All\n    series: once\n    require: [ { role: cfo } ]\n"
    office.company = staffed(there=under(f"version: 1\nrules:\n{rule}", EVERYBODY))
    leave = await office.delegated("carl", "greta", (TODAY, TODAY + timedelta(days=60)))
    weekly = Repeats(Every.WEEK, TODAY + timedelta(days=14))
    order = await office.ask(replace(LARGE, execution_date=TODAY, repeats=weekly))
    assert await office.says("greta", order) == "decided"
    await office.end("ada", leave)
    office.hands.forward(days=7)
    made = await office.database.write(
        lambda c: series.continue_due(c, office.company, now=office.hands())
    )
    assert OrderState.APPROVED not in {each.state for each in made}
