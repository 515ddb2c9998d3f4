"""Being away, and who acts for whom: what a delegation lets somebody do, and what it never does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from tests.workflows.company import CIPHER, PEOPLE, START, Hands, Phones, company
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from tests.workflows.test_policy_in_force import under
from workflows import (
    absence,
    approvals,
    audit,
    away,
    orders,
    proposal_decisions,
    proposals,
    quorum,
    release,
    reminders,
    second_factor,
    tables,
)
from workflows.absence import Wish
from workflows.approvals import Approval, Decided, Decision
from workflows.away import Away, Leave
from workflows.company import Company
from workflows.database import Database
from workflows.orders import Order, OrderState
from workflows.people import Directory, Person
from workflows.policy import Slot, Verdict, assign
from workflows.proposal_decisions import Choice
from workflows.proposals import Proposal
from workflows.record import verification
from workflows.refusal import Refusal
from workflows.release import Allowance
from workflows.reminders import Reminders
from workflows.requests import Payment

TODAY = START.date()
WEEK = (TODAY, TODAY + timedelta(days=6))
GRETA = Person("greta", "Greta Holm", "greta@acme.test", frozenset({"head"}))
ADA = Person("ada", "Ada Brandt", "ada@acme.test", frozenset({"admin"}))
ABE = Person("abe", "Abe Stone", "abe@acme.test", frozenset({"admin"}))
MAX = Person("max", "Max Roth", "max@acme.test", frozenset({"cfo"}))
EVERYBODY = (*PEOPLE, GRETA, ADA, ABE)
BY_ID = {**PEOPLE_BY_ID, "greta": GRETA, "ada": ADA, "abe": ABE}
ADMINS = frozenset({"admin"})


class Office(Desk):
    """A desk whose people go on leave."""

    def __init__(self, database: Database, hands: Hands, phones: Phones) -> None:
        super().__init__(database, hands, phones)
        self.company = staffed()
        self._leaves = 0

    async def away(
        self, who: str, to: str = "", days: tuple[date, date] = WEEK, *, key: str = ""
    ) -> Leave | Proposal:
        self._leaves += 1
        wish = Wish(*days, delegate_id=to, reason="Holidays")
        key = key or f"away:{self._leaves}"
        return await self.database.write(
            lambda c: absence.begin(c, self.company, BY_ID[who], wish, key=key, now=self.hands())
        )

    async def refused_leave(self, who: str, to: str = "", days: tuple[date, date] = WEEK) -> str:
        with pytest.raises(Refusal) as caught:
            await self.away(who, to, days)
        return caught.value.code

    async def agree(self, found: Proposal, who: str = "ada") -> str:
        await self.enrol(who)
        self.hands.forward(seconds=30)  # every code is good once
        choice = Choice(found.id, found.digest, proposals.Decision.APPROVE, self.phones.code(who))
        result = await self.database.write(
            lambda c: proposal_decisions.decide(
                c, self.company, CIPHER, BY_ID[who], choice, now=self.hands()
            )
        )
        return result.code if isinstance(result, Refusal) else result.proposal.state

    async def enrol(self, who: str) -> None:
        if who in PEOPLE_BY_ID or who in self.phones.secrets:
            return
        secret = self.phones.secret(who)
        await self.database.write(
            lambda c: second_factor.enrol(c, CIPHER, who, secret, now=self.hands())
        )

    async def delegated(self, who: str, to: str, days: tuple[date, date] = WEEK) -> Leave:
        """Have somebody act for another, as an administrator agreed."""
        made = await self.away(who, to, days)
        assert isinstance(made, Proposal)
        assert await self.agree(made) == "applied"
        (found,) = await self.leaves(who)
        return found

    async def leaves(self, who: str) -> list[Leave]:
        return await self.database.read(
            lambda c: absence.of_person(c, self.company, who, self.hands())
        )

    async def end(self, who: str, leave: Leave) -> Leave:
        return await self.database.write(
            lambda c: absence.end(c, self.company, BY_ID[who], leave.id, now=self.hands())
        )

    async def present(self) -> Company:
        return await self.database.read(lambda c: away.seen(c, self.company, now=self.hands()))

    async def decide(
        self,
        who: str,
        order: Order,
        decision: Decision = Decision.APPROVE,
        *,
        code: str | None = None,
        reason: str = "",
    ) -> Decided | Refusal:
        await self.enrol(who)
        code = self.phones.code(who) if code is None else code
        choice = approvals.Choice(order.id, order.version, order.digest, decision, code, reason)
        return await self.database.write(
            lambda c: approvals.decide(
                c, self.company, CIPHER, BY_ID[who], choice, now=self.hands()
            )
        )

    async def given(self, order: Order) -> list[Approval]:
        return await self.database.read(lambda c: approvals.of_order(c, order))

    async def asked(self, order: Order) -> list[str]:
        there, so_far = await self.present(), await self.given(order)
        return [each.id for each in approvals.approvers(there, order, so_far)]

    async def says(self, who: str, order: Order) -> str:
        self.hands.forward(seconds=30)  # every code is good once
        result = await self.decide(who, order)
        return result.code if isinstance(result, Refusal) else "decided"

    async def holds(self, order: Order) -> str | None:
        return await self.database.read(
            lambda c: release.no_longer_holds(c, self.company, orders.get(c, order.id))
        )

    async def is_sound(self) -> bool:
        report = await self.database.read(verification.verify)
        return report.findings == ()


def other(remittance: str) -> Payment:
    """Return another payment of the same."""
    return replace(LARGE, remittance=remittance, is_no_duplicate=True)


def staffed(people: Iterable[Person] = EVERYBODY, there: Company | None = None) -> Company:
    """Return the company with administrators who decide on delegations."""
    there = there or company(people=people)
    return replace(there, permissions=replace(there.permissions, delegations=ADMINS))


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones) -> Office:
    return Office(database, hands, phones)


# ---- going and coming back ----------------------------------------------------------------------


async def test_who_names_nobody_is_away_at_once_and_needs_nobody(office: Office) -> None:
    made = await office.away("carl")
    assert isinstance(made, Leave)
    assert made.delegate_id is None
    assert (await office.present()).away.of("carl") == made
    assert (await office.end("carl", made)).ended_by == "carl"
    assert (await office.present()).away.of("carl") is None
    assert await office.kinds(made.id) == ["absence.begun", "absence.ended"]
    assert await office.is_sound()


async def test_the_same_form_twice_is_one_absence(office: Office) -> None:
    first = await office.away("carl", key="form")
    assert await office.away("carl", key="form") == first
    proposed = await office.away("bea", "eve", key="form")
    assert await office.away("bea", "eve", key="form") == proposed


async def test_days_are_counted_where_the_person_is(office: Office) -> None:
    far = replace(BY_ID["carl"], timezone="Pacific/Auckland")
    office.company = staffed([far if each.id == "carl" else each for each in EVERYBODY])
    made = Leave("L1", "carl", None, date(2026, 11, 25), date(2026, 11, 25), "", START)
    zone = away.zone_of(office.company, "carl")
    assert not made.lasts_at(datetime(2026, 11, 24, 10, 59, tzinfo=UTC), zone)
    assert made.lasts_at(datetime(2026, 11, 24, 11, 0, tzinfo=UTC), zone)
    assert made.lasts_at(datetime(2026, 11, 25, 10, 59, tzinfo=UTC), zone)
    assert not made.lasts_at(datetime(2026, 11, 25, 11, 0, tzinfo=UTC), zone)
    office.hands.now = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)  # their 25th has begun
    days = (date(2026, 11, 24), date(2026, 11, 24))
    assert await office.refused_leave("carl", days=days) == "absence.past"
    assert isinstance(await office.away("bea", days=days), Leave)


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        (-1, 3, "absence.past"),
        (3, 2, "absence.backwards"),
        (0, 366, "absence.too_long"),
        (367, 368, "absence.too_far"),
        (0, 365, ""),
        (366, 366, ""),
    ],
)
async def test_days_are_bounded(office: Office, first: int, last: int, code: str) -> None:
    days = (TODAY + timedelta(days=first), TODAY + timedelta(days=last))
    if code:
        assert await office.refused_leave("carl", days=days) == code
    else:
        assert isinstance(await office.away("carl", days=days), Leave)


async def test_nobody_is_away_twice_on_one_day(office: Office) -> None:
    made = await office.away("carl")
    assert isinstance(made, Leave)
    later = (WEEK[1], WEEK[1] + timedelta(days=3))
    assert await office.refused_leave("carl", days=later) == "absence.overlaps"
    assert await office.refused_leave("carl", "bea", later) == "absence.overlaps"
    await office.end("carl", made)
    assert isinstance(await office.away("carl", days=later), Leave)


async def test_what_a_person_writes_is_bounded(office: Office) -> None:
    for reason, code in (("x" * 301, "text.too_long"), ("a\u202eb", "text.control")):
        with pytest.raises(Refusal) as caught:
            await office.database.write(
                lambda c, reason=reason: absence.begin(  # type: ignore[misc]
                    c,
                    office.company,
                    BY_ID["carl"],
                    Wish(*WEEK, reason=reason),
                    key="k",
                    now=office.hands(),
                )
            )
        assert caught.value.code == code


async def test_nobody_ends_anothers_absence_but_an_administrator(office: Office) -> None:
    made = await office.away("carl")
    assert isinstance(made, Leave)
    with pytest.raises(Refusal, match=r"absence\.not_yours"):
        await office.end("bea", made)
    assert (await office.end("ada", made)).was_revoked
    with pytest.raises(Refusal, match=r"absence\.over"):
        await office.end("carl", made)


# ---- a delegation is agreed to ------------------------------------------------------------------


async def test_nobody_acts_for_anybody_before_an_administrator_agreed(office: Office) -> None:
    made = await office.away("carl", "greta")
    assert isinstance(made, Proposal)
    order = await office.ask()
    assert await office.says("greta", order) == "approval.no_role"
    assert await office.agree(made) == "applied"
    assert await office.says("greta", order) == "decided"
    (leave,) = await office.leaves("carl")
    assert await office.kinds(leave.id) == ["delegation.begun"]
    assert await office.is_sound()


async def test_neither_party_agrees_to_a_delegation_nor_whoever_is_no_administrator(
    office: Office,
) -> None:
    mine, theirs = await office.away("ada", "greta"), await office.away("carl", "ada")
    for made in (mine, theirs):
        assert isinstance(made, Proposal)
        assert await office.agree(made, "ada") in ("proposal.own", "proposal.not_allowed")
        assert await office.agree(made, "bea") == "proposal.not_allowed"
        assert await office.agree(made, "abe") == "applied"


async def test_who_cannot_be_delegated_to(office: Office) -> None:
    assert await office.refused_leave("carl", "carl") == "delegation.self"
    assert await office.refused_leave("carl", "nobody") == "delegation.unknown"
    assert await office.refused_leave("ada", "abe") == "delegation.nobody_decides"
    office.company = company(people=EVERYBODY)
    assert await office.refused_leave("carl", "greta") == "delegation.off"


async def test_a_quorum_of_administrators(office: Office) -> None:
    office.company = replace(office.company, delegations_quorum=2)
    made = await office.away("carl", "greta")
    assert isinstance(made, Proposal)
    assert await office.agree(made, "ada") == "open"
    assert await office.agree(made, "ada") == "proposal.already"
    assert await office.agree(made, "abe") == "applied"


async def test_who_went_away_meanwhile_leaves_the_proposal_outdated(office: Office) -> None:
    made = await office.away("carl", "greta")
    assert isinstance(made, Proposal)
    await office.away("carl")
    assert await office.agree(made) == "outdated"


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
    out = await office.decide("carl", order, Decision.RECUSE, reason="My brother's firm")
    assert isinstance(out, Decided)
    assert out.assignment.filled == ()


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


# ---- who is asked -------------------------------------------------------------------------------


async def test_who_is_away_is_not_asked_where_others_can(office: Office) -> None:
    await office.away("bea")
    order = await office.ask()
    assert await office.asked(order) == ["carl", "dong"]
    assert await office.says("bea", order) == "decided", "and may all the same"
    await office.away("carl")
    second = await office.ask(other("INV-8"))
    assert "carl" in await office.asked(second), "there is no other CFO"


async def test_the_delegate_is_asked_in_their_place(office: Office) -> None:
    await office.delegated("carl", "greta")
    order = await office.ask()
    assert await office.asked(order) == ["bea", "dong", "greta"]
    waiting = await office.database.read(
        lambda c: approvals.awaiting(c, away.seen(c, office.company, now=office.hands()), GRETA)
    )
    assert waiting == [order]
    await office.says("greta", order)
    assert "carl" not in await office.asked(order)


async def test_who_is_away_is_not_reminded(office: Office) -> None:
    await office.delegated("carl", "greta")
    order = await office.ask()
    await office.says("bea", order)
    office.hands.forward(hours=4)
    rules = Reminders(timedelta(hours=1))
    await office.database.write(
        lambda c: reminders.remind(c, office.company, rules, now=office.hands())
    )
    entries = await office.database.read(lambda c: audit.of_subject(c, order.id))
    assert entries[-1].facts["people"] == ["greta"]


async def test_first_and_last_day_are_told_once(office: Office) -> None:
    days = (TODAY + timedelta(days=1), TODAY + timedelta(days=2))
    leave = await office.delegated("carl", "greta", days)

    async def due() -> int:
        return await office.database.write(
            lambda c: absence.tell_due(c, office.company, now=office.hands())
        )

    assert await due() == 0
    office.hands.forward(days=1)
    assert (await due(), await due()) == (1, 0)
    office.hands.forward(days=2)
    assert (await due(), await due()) == (1, 0)
    assert await office.kinds(leave.id) == [
        "delegation.begun",
        "delegation.started",
        "delegation.ended",
    ]
    assert await office.is_sound()


# ---- the record ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"delegate_id": "eve"},
        {"ends_on": TODAY + timedelta(days=300)},
        {"person_id": "bea"},
        {"ended_at": START},
    ],
)
async def test_a_delegation_that_says_something_else_is_found(
    office: Office, values: dict[str, object]
) -> None:
    await office.delegated("carl", "greta")
    assert await office.is_sound()
    await office.database.write(
        lambda c: c.execute(update(tables.delegation).values(**values)).rowcount
    )
    assert not await office.is_sound()


async def test_an_approval_for_somebody_else_is_found(office: Office) -> None:
    order = await office.ask()
    await office.says("bea", order)
    await office.database.write(
        lambda c: c.execute(update(tables.approval).values(on_behalf_of="carl")).rowcount
    )
    assert not await office.is_sound()


# ---- whatever the delegations -------------------------------------------------------------------

NAMES = ("a", "b", "c", "d", "e")
ROLES = ("controller", "cfo")
people = st.builds(
    lambda roles: [Person(n, n, f"{n}@x.test", r) for n, r in zip(NAMES, roles, strict=True)],
    st.lists(st.frozensets(st.sampled_from(ROLES)), min_size=5, max_size=5),
)
delegating = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES), max_size=5)
slots = st.lists(
    st.one_of(
        st.builds(Slot, role=st.sampled_from(ROLES), count=st.integers(1, 2)),
        st.builds(Slot, person=st.sampled_from(NAMES)),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda slot: slot.who,
).map(tuple)
coming = st.lists(st.sampled_from(NAMES), max_size=8)


def leave_of(who: str, delegate: str | None) -> Leave:
    return Leave(f"L{who}", who, delegate, *WEEK, "", START)


def ordered(wanted: Sequence[Slot], excluded: Iterable[str]) -> Order:
    """Return an order of A's that needs these slots filled."""
    verdict = Verdict(
        slots=tuple(wanted),
        reasons=(),
        refused_by=None,
        base_amount=None,
        expires_after=timedelta(days=3),
        policy_hash="",
        excluded=frozenset(excluded),
    )
    known = {each.name: None for each in fields(Order)}
    about = {"id": "P1", "version": 1, "digest": "d", "requester_id": "a", "updated_at": START}
    return Order(**{**known, **about, "verdict": verdict.to_json()})  # type: ignore[arg-type]


def approved(there: Company, order: Order, names: Sequence[str]) -> list[Approval]:
    """Return what there is once people have come, one after the other, and said yes if they may."""
    so_far: list[Approval] = []
    for number, name in enumerate(names):
        person = there.directory.get(name)
        assert person is not None
        stage = quorum.assignment_of(there, order, so_far).stage
        whose = quorum.would_act_as(there, order, so_far, person)
        if whose is None or quorum.has_decided(person, so_far):
            continue
        at = START + timedelta(seconds=number)
        so_far.append(replace(quorum.supposed(order, person, whose, stage), at=at))
    return so_far


@given(people, delegating, slots, coming, st.frozensets(st.sampled_from(NAMES), max_size=2))
def test_whatever_the_delegations_nobody_counts_twice_or_for_their_own(
    staff: list[Person],
    delegates: dict[str, str],
    wanted: tuple[Slot, ...],
    names: list[str],
    excluded: frozenset[str],
) -> None:
    leaves = {who: leave_of(who, to if to != who else None) for who, to in delegates.items()}
    there = replace(company(people=staff), away=Away(leaves))
    order = ordered(wanted, excluded)
    so_far = approved(there, order, names)
    found = quorum.assignment_of(there, order, so_far)
    hands = [who for _, who in found.filled]
    assert len(hands) == len(set(hands)), "one person fills one slot"
    whose = [each.whose for each in so_far if each.person_id in hands]
    assert len(whose) == len(set(whose)), "one person's roles fill one slot"
    assert {"a", *excluded}.isdisjoint([*hands, *whose])
    for each in so_far:
        assert each.on_behalf_of is None or delegates[each.on_behalf_of] == each.person_id
        assert delegates.get("a") != each.person_id, "who acts for the requester approves nothing"
    roles = {each.id: each.roles for each in staff}
    assert not found.is_complete or assign(wanted, {who: roles[who] for who in whose}).is_complete


@given(people, slots, coming)
def test_where_nobody_is_away_nothing_is_new(
    staff: list[Person], wanted: tuple[Slot, ...], names: list[str]
) -> None:
    there, order = company(people=staff), ordered(wanted, ())
    so_far = approved(there, order, names)
    assert all(each.on_behalf_of is None for each in so_far)
    roles = {each.id: each.roles for each in staff}
    by_hand = assign(wanted, {each.person_id: roles[each.person_id] for each in so_far})
    assert quorum.assignment_of(there, order, so_far) == by_hand
