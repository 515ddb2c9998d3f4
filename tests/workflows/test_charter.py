"""The charter: settings that decide who may do what are themselves agreed to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, update

from tests.workflows.company import CIPHER, PEOPLE, Hands, Phones, company
from tests.workflows.test_approvals import PEOPLE_BY_ID, Desk
from workflows import audit, charter, orders, proposal_decisions, proposals, release, tables
from workflows.charter import Change, Document, InForce
from workflows.company import Company
from workflows.database import Database
from workflows.orders import OrderState
from workflows.people import Directory, Person
from workflows.proposal_decisions import Choice, Decided
from workflows.proposals import Decision, Proposal
from workflows.record import verification
from workflows.refusal import Refusal

OTHERS: Mapping[str, Mapping[str, Any]] = {"connections": {"bank": {"url": "https://bank"}}}
DECIDERS = frozenset({"controller", "cfo"})


def chartered(there: Company) -> tuple[Company, Document]:
    """Return a company whose settings name deciders, with its charter."""
    there = replace(there, permissions=replace(there.permissions, charter=DECIDERS))
    found = charter.document(there, OTHERS)
    return replace(there, charter=charter.hash_of(found)), found


def with_role(there: Company, who: str, role: str) -> Company:
    people = [
        replace(each, roles=each.roles | {role}) if each.id == who else each
        for each in there.directory
    ]
    return replace(there, directory=Directory(people))


class Office(Desk):
    """A desk whose settings are held against a charter."""

    async def settle(self, wanted: Document) -> InForce:
        now = self.hands()
        return await self.database.write(lambda c: charter.settle(c, wanted, now=now))

    async def waiting(self) -> list[Proposal]:
        return await self.database.read(lambda c: proposals.open_ones(c, "charter"))

    async def say(
        self, who: str, found: Proposal, decision: Decision = Decision.APPROVE
    ) -> Decided | Refusal:
        choice = Choice(found.id, found.digest, decision, self.phones.code(who), "Not ours")
        return await self.database.write(
            lambda c: proposal_decisions.decide(
                c, self.company, CIPHER, PEOPLE_BY_ID[who], choice, now=self.hands()
            )
        )

    async def is_held(self) -> bool:
        return await self.database.read(lambda c: release.is_held(c, self.company))

    async def told(self) -> list[str]:
        entries = await self.database.read(lambda c: audit.of_subject(c, "charter"))
        return [each.kind for each in entries]


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones) -> Office:
    return Office(database, hands, phones)


async def test_the_first_start_takes_settings_as_they_are(office: Office) -> None:
    office.company, wanted = chartered(company())
    assert await office.is_held(), "nothing was agreed to yet"
    assert (await office.settle(wanted)).hash == office.company.charter
    assert not await office.is_held()
    await office.settle(wanted)
    assert await office.told() == ["charter.begun"]
    assert await office.waiting() == []


async def test_another_file_is_only_a_proposal_until_the_quorum_agrees(office: Office) -> None:
    first, agreed = chartered(company())
    await office.settle(agreed)
    office.company, wanted = chartered(with_role(company(), "eve", "cfo"))
    assert (await office.settle(wanted)).hash == first.charter
    assert (await office.settle(wanted)).hash == first.charter, "a second start proposes it once"
    (found,) = await office.waiting()
    assert await office.is_held()
    assert isinstance(await office.say("bea", found), Decided)
    assert await office.is_held()
    assert code_of(await office.say("bea", found)) == "proposal.already"
    done = await office.say("carl", found)
    assert isinstance(done, Decided)
    assert done.proposal.state == "applied"
    assert not await office.is_held()
    assert await office.told() == ["charter.begun", "charter.differs", "charter.adopted"]
    report = await office.database.read(verification.verify)
    assert report.findings == ()


def code_of(result: Decided | Refusal) -> str:
    return result.code if isinstance(result, Refusal) else "decided"


async def test_whom_the_new_file_makes_a_decider_decides_nothing(office: Office) -> None:
    _, agreed = chartered(company())
    await office.settle(agreed)
    office.company, wanted = chartered(with_role(company(), "eve", "cfo"))
    await office.settle(wanted)
    (found,) = await office.waiting()
    assert code_of(await office.say("eve", found)) == "proposal.not_allowed"


async def test_a_decider_whom_the_new_file_strips_still_decides(office: Office) -> None:
    _, agreed = chartered(company())
    await office.settle(agreed)
    people = [replace(each, roles=frozenset({"staff"})) for each in PEOPLE]
    stripped = replace(company(), directory=Directory(people))
    office.company, wanted = chartered(stripped)
    await office.settle(wanted)
    (found,) = await office.waiting()
    rejected = await office.say("carl", found, Decision.REJECT)
    assert isinstance(rejected, Decided)
    assert await office.is_held()
    await office.settle(wanted)
    assert len(await office.waiting()) == 1, "the file is there still: it is proposed anew"


async def test_nobody_becomes_an_old_decider_by_taking_the_id(office: Office) -> None:
    _, agreed = chartered(company())
    await office.settle(agreed)
    thief = Person("carl", "Carl Weiss", "thief@acme.test", frozenset({"cfo"}))
    people = [thief if each.id == "carl" else each for each in PEOPLE]
    office.company, wanted = chartered(replace(company(), directory=Directory(people)))
    await office.settle(wanted)
    (found,) = await office.waiting()
    assert not proposals.may_decide(office.company, thief, found)
    less = charter.restricted(office.company, agreed)
    held = less.directory.get("carl")
    assert held is not None
    assert held.roles == frozenset()


async def test_a_file_that_is_put_back_needs_nobody(office: Office) -> None:
    first, agreed = chartered(company())
    await office.settle(agreed)
    _, wanted = chartered(with_role(company(), "eve", "cfo"))
    await office.settle(wanted)
    (found,) = await office.waiting()
    await office.settle(agreed)
    office.company = first
    assert await office.waiting() == []
    assert not await office.is_held()
    assert code_of(await office.say("bea", found)) == "proposal.closed"


async def test_a_third_file_voids_what_the_second_proposed(office: Office) -> None:
    _, agreed = chartered(company())
    await office.settle(agreed)
    _, second = chartered(with_role(company(), "eve", "cfo"))
    await office.settle(second)
    (early,) = await office.waiting()
    _, third = chartered(with_role(company(), "eve", "staff"))
    await office.settle(third)
    (late,) = await office.waiting()
    assert late.data["after"] == json.loads(json.dumps(third))
    assert code_of(await office.say("bea", early)) == "proposal.closed"


async def test_where_nobody_may_decide_the_file_is_in_force_and_it_is_told(office: Office) -> None:
    plain = company()
    agreed = charter.document(plain, OTHERS)
    await office.settle(agreed)
    other = charter.document(with_role(plain, "eve", "cfo"), OTHERS)
    assert (await office.settle(other)).hash == charter.hash_of(other)
    assert await office.told() == ["charter.begun", "charter.changed"]


async def test_before_people_have_a_factor_the_file_is_in_force(office: Office) -> None:
    """Or the one who sets it all up could mend nothing."""
    _, agreed = chartered(company())
    await office.settle(agreed)
    table = tables.second_factor
    await office.database.write(
        lambda c: c.execute(delete(table).where(table.c.person_id.in_(["carl", "dong"]))).rowcount
    )
    office.company, wanted = chartered(with_role(company(), "eve", "cfo"))
    await office.settle(wanted)
    assert not await office.is_held()
    assert await office.told() == ["charter.begun", "charter.changed"]


async def test_nothing_leaves_while_it_is_held_and_goes_on_after(office: Office) -> None:
    first, agreed = chartered(company())
    await office.settle(agreed)
    office.company = first
    order = await office.ask()
    await office.decide("bea", order)
    await office.decide("carl", order)
    office.company, wanted = chartered(with_role(company(), "eve", "cfo"))
    await office.settle(wanted)

    def release_it(connection: Connection) -> str:
        found = release.release(
            connection, office.company, order.id, service_of=lambda _: "", now=office.hands()
        )
        return found.state

    assert await office.database.write(release_it) == OrderState.APPROVED
    (found,) = await office.waiting()
    for who in ("dong", "bea"):
        assert isinstance(await office.say(who, found), Decided)
        office.hands.forward(seconds=30)
    assert await office.database.write(release_it) == OrderState.RELEASED
    assert (await office.database.read(lambda c: orders.get(c, order.id))).state == "released"


async def test_a_charter_changed_by_hand_is_found(office: Office) -> None:
    office.company, wanted = chartered(company())
    await office.settle(wanted)
    await office.database.write(
        lambda c: c.execute(update(tables.charter).values(hash="0" * 64)).rowcount
    )
    assert await office.is_held()
    report = await office.database.read(verification.verify)
    assert [each.where for each in report.findings] == ["charter 1"]


# ---- what matters -------------------------------------------------------------------------------


def changed(there: Company) -> Mapping[str, Company]:
    """Return the company with one thing after the other changed that decides who may do what."""
    account = there.accounts["operating-eur"]
    accounts = {**there.accounts}
    looser = replace(account, viewers=account.viewers | {"staff"})
    moved = replace(account, account=replace(account.account, iban="DE02120300000000202051"))
    return {
        "role": with_role(there, "eve", "cfo"),
        "e-mail": replace(
            there,
            directory=Directory(
                replace(each, email="x@acme.test") if each.id == "eve" else each for each in PEOPLE
            ),
        ),
        "chat": replace(
            there,
            directory=Directory(
                replace(each, chat_ids={"slack": "U1"}) if each.id == "eve" else each
                for each in PEOPLE
            ),
        ),
        "viewers": replace(there, accounts={**accounts, "operating-eur": looser}),
        "iban": replace(there, accounts={**accounts, "operating-eur": moved}),
        "permission": replace(
            there, permissions=replace(there.permissions, freeze=frozenset({"staff"}))
        ),
        "quorum": replace(there, unfreeze_quorum=1),
        "policy": replace(company("version: 1\nrules: [{name: A, require: [{role: cfo}]}]")),
        "rates": replace(there, rates=replace(there.rates, rates={})),
        "window": replace(there, duplicate_window=there.duplicate_window * 2),
    }


@pytest.mark.parametrize("what", list(changed(company())))
def test_what_decides_who_may_do_what_changes_the_charter(what: str) -> None:
    there = company()
    before = charter.document(there, OTHERS)
    after = charter.document(changed(there)[what], OTHERS)
    assert charter.hash_of(before) != charter.hash_of(after)
    assert charter.difference(before, after)
    assert charter.hash_of(before) != charter.hash_of(charter.document(there, {"connections": {}}))


def test_words_and_languages_do_not() -> None:
    there = company()
    other = replace(there, name="Other", language="zh_CN")
    assert charter.document(there, OTHERS) == charter.document(other, OTHERS)


def test_a_difference_reads_as_one() -> None:
    there = company()
    after = charter.document(with_role(there, "eve", "cfo"), OTHERS)
    assert charter.difference(charter.document(there, OTHERS), after) == [
        Change("people", "eve", "roles", "intern", "cfo; intern")
    ]
    rules = charter.document(
        company(
            "version: 1\nrules: [{name: A, when: {amount: {from: 5}},"
            " require: [{role: cfo, count: 2, stage: 3}]}]"
        ),
        OTHERS,
    )
    found = charter.difference(charter.document(there, OTHERS), rules)
    added = {each.field: each.after for each in found if each.name == "“A”"}
    assert added["require"] == "2 × cfo, stage 3"
    assert added["when"] == "amount: from_minor: 500, up_to_minor: None"
    assert {each.name for each in found if each.after is None} == {
        "“Every payment”",
        "“From 1 000 up”",
        "“New payees”",
        "“Closed lane”",
    }


roles = st.sets(st.sampled_from(["staff", "controller", "cfo"])).map(frozenset)


@given(st.lists(roles, min_size=5, max_size=5), st.lists(roles, min_size=5, max_size=5), roles)
def test_nobody_has_more_rights_than_both_give(
    old: list[frozenset[str]], new: list[frozenset[str]], permitted: frozenset[str]
) -> None:
    def having(given_roles: list[frozenset[str]]) -> Company:
        people = [replace(each, roles=some) for each, some in zip(PEOPLE, given_roles, strict=True)]
        there = company()
        return replace(
            there,
            directory=Directory(people),
            permissions=replace(there.permissions, freeze=permitted),
        )

    before, after = having(old), having(new)
    less = charter.restricted(after, charter.document(before, OTHERS))
    for mine in less.directory:
        then, now = before.directory.get(mine.id), after.directory.get(mine.id)
        assert then is not None
        assert now is not None
        assert mine.roles == then.roles & now.roles
    assert less.permissions.freeze == permitted
