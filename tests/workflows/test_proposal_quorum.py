"""Whatever people say and in whatever order: a change is in force only if enough others agreed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.company import ACME, CIPHER, NEW_IBAN, PEOPLE, Hands, Phones, company
from workflows import payee_changes, payees, proposal_decisions, proposals, second_factor
from workflows.database import SqliteDatabase
from workflows.payee_changes import Action, Details, Wish
from workflows.proposal_decisions import Choice
from workflows.proposals import Decision, State
from workflows.record import verification

PEOPLE_BY_ID = {person.id: person for person in PEOPLE}
MAY = frozenset({"controller", "cfo", "intern"})
ENTITLED = {person.id for person in PEOPLE if person.roles & MAY}
PROPOSER = "bea"

said = st.tuples(
    st.sampled_from(sorted(PEOPLE_BY_ID)),
    st.sampled_from([*[Decision.APPROVE] * 4, Decision.REJECT]),
    st.sampled_from(["right", "right", "wrong", "none"]),
)


def expected(quorum: int, words: list[tuple[str, Decision, str]]) -> tuple[str, set[str]]:
    """Return how a proposal ends and who agreed, told by the rule alone."""
    agreed: set[str] = set()
    for who, decision, code in words:
        if who not in ENTITLED - {PROPOSER} or who in agreed:
            continue
        if decision is Decision.REJECT:
            return State.REJECTED, agreed
        if code == "right":
            agreed.add(who)
        if len(agreed) == quorum:
            return State.APPLIED, agreed
    return State.OPEN, agreed


async def outcome(
    folder: Path, quorum: int, words: list[tuple[str, Decision, str]]
) -> tuple[str, set[str], bool]:
    """Return how a proposal ended, who agreed, and whether the payee is in the register."""
    hands = Hands()
    phones = Phones(hands)
    there = company()
    permissions = replace(there.permissions, payees=MAY)
    firm = replace(there, permissions=permissions, payees_quorum=quorum)
    database = SqliteDatabase(folder / "quorum.sqlite")
    await database.open()
    try:
        await database.write(lambda c: payees.register(c, [ACME], now=hands()))
        for person in PEOPLE:
            enrol = partial(
                second_factor.enrol,
                cipher=CIPHER,
                person_id=person.id,
                secret=phones.secret(person.id),
                now=hands(),
            )
            await database.write(enrol)
        wish = Wish(Action.ADD, details=Details("Neu SARL", NEW_IBAN))
        made = await database.write(
            lambda c: payee_changes.propose(
                c, firm, PEOPLE_BY_ID[PROPOSER], wish, key="k", now=hands()
            )
        )
        for who, decision, code in words:
            hands.forward(seconds=60)
            codes = {"right": phones.code(who), "wrong": "000000", "none": ""}
            choice = Choice(made.id, made.digest, decision, codes[code], reason="no")
            decide = partial(
                proposal_decisions.decide,
                company=firm,
                cipher=CIPHER,
                person=PEOPLE_BY_ID[who],
                choice=choice,
                now=hands(),
            )
            await database.write(decide)
        found = await database.read(lambda c: proposals.get(c, made.id))
        given_to = await database.read(lambda c: proposals.given_to(c, made.id))
        agreed = {each.person_id for each in given_to if each.decision == Decision.APPROVE}
        is_there = await database.read(lambda c: payees.find(c, made.subject)) is not None
        report = await database.read(verification.verify)
        assert report.findings == ()
        return found.state, agreed, is_there
    finally:
        await database.close()


@settings(max_examples=40, deadline=None)
@given(quorum=st.integers(1, 3), words=st.lists(said, max_size=8))
def test_nothing_but_enough_others_puts_it_in_force(
    quorum: int, words: list[tuple[str, Decision, str]]
) -> None:
    # A wrong code counts against its factor; four of them lock nobody out yet.
    words = [each for place, each in enumerate(words) if words[:place].count(each) < 3]
    with TemporaryDirectory() as folder:
        state, agreed, is_there = asyncio.run(outcome(Path(folder), quorum, words))
    assert (state, agreed) == expected(quorum, words)
    assert is_there == (state == State.APPLIED)
    assert PROPOSER not in agreed
