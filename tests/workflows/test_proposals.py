"""Changes that take a quorum: who may agree, what counts, and how each one ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from tests.workflows.company import CIPHER, PEOPLE, Hands, Phones, company
from workflows import audit, proposal_decisions, proposals, tables
from workflows.company import Company
from workflows.database import Database
from workflows.people import Directory, Person
from workflows.proposal_decisions import Choice, Decided
from workflows.proposals import Decision, Kind, Proposal, State
from workflows.record import verification
from workflows.refusal import Refusal

PEOPLE_BY_ID = {person.id: person for person in PEOPLE}
MAY = frozenset({"controller", "cfo"})


class Signpost(Kind):
    """A kind for these tests: it turns a cursor of the database to a number."""

    name = "signpost"
    count = 1

    def roles(self, company: Company) -> frozenset[str]:
        del company
        return MAY

    def quorum(self, company: Company, found: Proposal) -> int:
        del company, found
        return self.count

    def is_outdated(self, connection: Connection, found: Proposal) -> bool:
        return bool(audit.position(connection, found.subject) != found.data["before"])

    def apply(
        self,
        connection: Connection,
        company: Company,
        found: Proposal,
        *,
        actor: str,
        now: Any,
    ) -> None:
        audit.advance(connection, found.subject, found.data["after"])

    def missing(self, found: Proposal) -> str | None:
        return "payee.call_back_missing" if found.data.get("waits") else None

    def must_acknowledge(self, found: Proposal) -> bool:
        return bool(found.data.get("warns"))


SIGNPOST = Signpost()


class Table:
    """Lets tests propose and decide as people do."""

    def __init__(self, database: Database, hands: Hands, phones: Phones) -> None:
        self.database, self.hands, self.phones = database, hands, phones
        self.company = company()

    async def propose(
        self, who: str = "bea", subject: str = "north", key: str = "k", **content: Any
    ) -> Proposal:
        data = {"before": None, "after": 7, **content}
        return await self.database.write(
            lambda c: proposals.propose(
                c,
                self.company,
                SIGNPOST,
                PEOPLE_BY_ID[who],
                subject,
                data,
                key=key,
                now=self.hands(),
            )
        )

    async def decide(
        self, who: str, made: Proposal, decision: Decision = Decision.APPROVE, **more: Any
    ) -> Decided | Refusal:
        given = {"code": self.phones.code(who), **more}
        choice = Choice(made.id, given.pop("digest", made.digest), decision, **given)
        return await self.database.write(
            lambda c: proposal_decisions.decide(
                c, self.company, CIPHER, self.person(who), choice, now=self.hands()
            )
        )

    def person(self, who: str) -> Person:
        found = self.company.directory.get(who)
        assert found is not None
        return found

    async def state(self, made: Proposal) -> str:
        return (await self.database.read(lambda c: proposals.get(c, made.id))).state

    async def kinds(self, made: Proposal) -> list[str]:
        entries = await self.database.read(lambda c: audit.of_subject(c, made.id))
        return [entry.kind for entry in entries]

    async def turned(self, subject: str = "north") -> int | None:
        return await self.database.read(lambda c: audit.position(c, subject))

    async def is_intact(self) -> bool:
        report = await self.database.read(lambda c: verification.verify(c, keys=[]))
        assert report.findings == ()
        return report.is_intact


@pytest.fixture
def table(
    database: Database, hands: Hands, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> Table:
    monkeypatch.setattr(SIGNPOST, "count", 1, raising=False)
    proposals.add_kind(SIGNPOST)
    return Table(database, hands, phones)


def code_of(result: Decided | Refusal) -> str:
    return result.code if isinstance(result, Refusal) else str(result.proposal.state)


async def test_one_proposes_and_another_agrees(table: Table) -> None:
    made = await table.propose()
    assert await table.turned() is None
    assert code_of(await table.decide("carl", made)) == State.APPLIED
    assert await table.turned() == 7
    assert await table.kinds(made) == ["proposal.made", "proposal.approved", "proposal.applied"]
    assert await table.is_intact()


async def test_a_larger_quorum_is_filled_by_distinct_people(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SIGNPOST, "count", 2)
    made = await table.propose()
    first = await table.decide("carl", made)
    assert isinstance(first, Decided)
    assert first.missing == 1
    assert code_of(await table.decide("carl", made)) == "proposal.already"
    assert await table.turned() is None
    assert code_of(await table.decide("dong", made)) == State.APPLIED
    assert await table.is_intact()


@pytest.mark.parametrize(
    ("who", "more", "code"),
    [
        ("bea", {}, "proposal.own"),
        ("amara", {}, "proposal.not_allowed"),
        ("carl", {"digest": "0" * 64}, "proposal.changed"),
        ("carl", {"code": "000000"}, "factor.wrong"),
        ("carl", {"code": ""}, "factor.malformed"),
        ("carl", {"decision": Decision.REJECT}, "reject.reason_missing"),
    ],
)
async def test_who_and_what_does_not_count(
    table: Table, who: str, more: dict[str, Any], code: str
) -> None:
    made = await table.propose()
    assert code_of(await table.decide(who, made, **more)) == code
    assert await table.state(made) == State.OPEN
    is_attempt = code in ("proposal.own", "proposal.not_allowed")
    assert ("access.denied" in await table.kinds(made)) == is_attempt
    assert await table.is_intact()


async def test_a_code_is_good_once_and_failures_are_counted(table: Table) -> None:
    first, second = await table.propose(), await table.propose(subject="south", key="other")
    code = table.phones.code("carl")
    assert code_of(await table.decide("carl", first, code=code)) == State.APPLIED
    assert code_of(await table.decide("carl", second, code=code)) == "factor.reused"
    for _ in range(5):
        said = await table.decide("carl", second, code="000000")
    assert code_of(said) == "factor.locked"


async def test_one_who_lost_the_role_no_longer_counts(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SIGNPOST, "count", 2)
    made = await table.propose()
    await table.decide("carl", made)
    without = [
        replace(person, roles=frozenset({"staff"})) if person.id == "carl" else person
        for person in PEOPLE
    ]
    table.company = replace(table.company, directory=Directory(without))
    said = await table.decide("dong", made)
    assert isinstance(said, Decided)
    assert said.missing == 1
    assert await table.turned() is None


async def test_two_clicks_at_once_apply_it_once(table: Table) -> None:
    made = await table.propose()
    said = await asyncio.gather(table.decide("carl", made), table.decide("dong", made))
    assert sorted(map(code_of, said)) == ["applied", "proposal.closed"]
    assert (await table.kinds(made)).count("proposal.applied") == 1


async def test_what_changed_meanwhile_is_not_applied(table: Table) -> None:
    made = await table.propose()
    await table.database.write(lambda c: audit.advance(c, "north", 3))
    assert code_of(await table.decide("carl", made)) == State.OUTDATED
    assert await table.turned() == 3
    assert (await table.kinds(made))[-1] == "proposal.outdated"
    assert await table.is_intact()


async def test_a_rejection_ends_it_with_its_reason(table: Table) -> None:
    made = await table.propose()
    said = await table.decide("carl", made, Decision.REJECT, reason="  not   now ")
    assert isinstance(said, Decided)
    assert (said.proposal.state, said.proposal.reason) == (State.REJECTED, "not now")
    assert code_of(await table.decide("dong", made)) == "proposal.closed"
    assert await table.is_intact()


async def test_its_proposer_takes_it_back(table: Table) -> None:
    made = await table.propose()

    async def withdraw(who: str) -> Proposal:
        return await table.database.write(
            lambda c: proposals.withdraw(c, PEOPLE_BY_ID[who], made.id, now=table.hands())
        )

    with pytest.raises(Refusal, match=r"proposal.not_yours"):
        await withdraw("carl")
    assert (await withdraw("bea")).state == State.WITHDRAWN
    with pytest.raises(Refusal, match=r"proposal.closed"):
        await withdraw("bea")
    assert code_of(await table.decide("carl", made)) == "proposal.closed"
    assert await table.is_intact()


async def test_it_expires(table: Table) -> None:
    made = await table.propose()
    table.hands.now += SIGNPOST.lasts
    assert code_of(await table.decide("carl", made)) == "proposal.expired"
    for count in (1, 0):
        found = await table.database.write(lambda c: proposals.expire_due(c, now=table.hands()))
        assert found == count
    assert await table.state(made) == State.EXPIRED
    assert await table.is_intact()


async def test_the_same_form_twice_is_one_proposal(table: Table) -> None:
    assert await table.propose() == await table.propose()
    with pytest.raises(Refusal, match=r"proposal.open_already"):
        await table.propose(key="another")
    assert (await table.propose("carl", "south")).id != (await table.propose("bea", "east")).id
    with pytest.raises(Refusal, match=r"proposal.not_allowed"):
        await table.propose("amara", "west")


async def test_what_must_be_there_and_be_seen_first(table: Table) -> None:
    made = await table.propose(waits=True, warns=True)
    code = table.phones.code("carl")
    assert code_of(await table.decide("carl", made, code=code)) == "payee.call_back_missing"
    noted = await table.database.write(
        lambda c: proposals.note(
            c,
            made,
            {**made.data, "waits": False},
            PEOPLE_BY_ID["dong"],
            factor="totp",
            now=table.hands(),
        )
    )
    assert code_of(await table.decide("carl", made, code=code)) == "proposal.changed"
    assert code_of(await table.decide("carl", noted, code=code)) == "proposal.unacknowledged"
    # None of it used the code up.
    said = await table.decide("carl", noted, code=code, has_acknowledged=True)
    assert code_of(said) == State.APPLIED
    assert await table.is_intact()


async def test_it_waits_for_those_who_may_and_have_not(table: Table) -> None:
    made = await table.propose()

    async def awaiting(who: str) -> list[str]:
        found = await table.database.read(
            lambda c: proposals.awaiting(c, table.company, PEOPLE_BY_ID[who])
        )
        return [each.id for each in found]

    assert await awaiting("carl") == [made.id]
    assert await awaiting("bea") == await awaiting("amara") == []
    await table.decide("carl", made)
    assert await awaiting("dong") == []


async def test_a_proposal_that_was_edited_is_not_decided_on(table: Table) -> None:
    made = await table.propose()
    await table.database.write(
        lambda c: c.execute(update(tables.proposal).values(content='{"after":9,"before":null}'))
    )
    assert code_of(await table.decide("carl", made)) == "proposal.tampered"
    report = await table.database.read(lambda c: verification.verify(c, keys=[]))
    assert any("has content" in str(each) for each in report.findings)
    rows = await table.database.read(lambda c: c.execute(select(tables.proposal_decision)).all())
    assert rows == []


async def test_a_kind_of_a_newer_version_is_left_to_it(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await table.propose()
    monkeypatch.setattr(proposals, "_KINDS", {})
    assert code_of(await table.decide("carl", made)) == "proposal.unknown"
    person = table.person("bea")
    assert not proposals.may_see(table.company, person, made)
    assert await table.database.read(lambda c: proposals.awaiting(c, table.company, person)) == []


def test_kinds_say_how_long_they_wait() -> None:
    assert SIGNPOST.lasts == timedelta(days=7)
