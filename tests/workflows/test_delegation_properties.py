"""Whatever the delegations: nobody counts twice, and nobody for their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.company import START, company
from tests.workflows.leave import WEEK
from workflows import quorum
from workflows.approvals import Approval
from workflows.company import Company
from workflows.leaves import Away, Leave
from workflows.matching import assign
from workflows.orders import Order
from workflows.people import Person
from workflows.policy import Slot, Verdict

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
