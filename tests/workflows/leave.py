"""A company whose people go on leave, and hands to have them do so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.workflows.company import CIPHER, PEOPLE, START, Hands, Phones, company
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from workflows import (
    absence,
    approvals,
    away,
    orders,
    proposal_decisions,
    proposals,
    release,
    second_factor,
)
from workflows.absence import Wish
from workflows.approvals import Approval, Decided, Decision
from workflows.company import Company
from workflows.database import Database
from workflows.leaves import Leave
from workflows.orders import Order
from workflows.people import Person
from workflows.proposal_decisions import Choice
from workflows.proposals import Proposal
from workflows.record import verification
from workflows.refusal import Refusal
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
