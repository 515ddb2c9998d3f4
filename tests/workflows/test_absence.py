"""Being away: who may say so, who agrees to a delegation, who is asked, what is on the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from tests.workflows.company import START, Hands, Phones, company
from tests.workflows.leave import BY_ID, EVERYBODY, GRETA, TODAY, WEEK, Office, other, staffed
from workflows import absence, approvals, audit, away, reminders, tables
from workflows.absence import Wish
from workflows.database import Database
from workflows.leaves import Leave
from workflows.proposals import Proposal
from workflows.refusal import Refusal
from workflows.reminders import Reminders


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
