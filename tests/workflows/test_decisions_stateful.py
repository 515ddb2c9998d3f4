"""Several people deciding in any order, with leave, freezes, new roles and new rules in between.

Hypothesis drives it; after each step what the design promises is checked by an oracle of its own:
it knows slots, people and approvals as they are stored, and looks for distinct people by trying.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)
from sqlalchemy import Connection, func, select

from connectors.money import Money
from tests.workflows.company import ACME, CIPHER, Hands, Phones
from tests.workflows.leave import BY_ID, EVERYBODY, TODAY, Office, staffed
from tests.workflows.test_approvals import LARGE
from tests.workflows.test_policy_in_force import under
from workflows import (
    approvals,
    audit,
    bulk,
    completion,
    freeze,
    orders,
    payees,
    policy_facts,
    release,
    requests,
    second_factor,
    series,
    tables,
)
from workflows.approvals import Approval, Choice, Decided, Decision
from workflows.company import Company
from workflows.database import SqliteDatabase
from workflows.orders import FINAL, Order, OrderState
from workflows.people import Directory
from workflows.policy import Slot
from workflows.proposals import Proposal
from workflows.record import verification
from workflows.recurrence import Every, Repeats
from workflows.refusal import Refusal

T = TypeVar("T")

ONE = """
version: 1
rules:
  - name: Every payment
    series: once
    require: [ { role: controller } ]
  - name: From 1 000 up
    series: once
    when: { amount: { from: 1000 } }
    require: [ { role: cfo, stage: 2 } ]
"""
STRICT = """
version: 1
rules:
  - name: Two controllers and one more
    require: [ { role: controller, count: 2 }, { role: cfo } ]
"""
INTERNS = """
version: 1
rules:
  - name: A controller and an intern
    require: [ { role: controller }, { role: intern } ]
"""
POLICIES = (ONE, STRICT, INTERNS)
ROLES = (frozenset({"staff"}), frozenset({"controller"}), frozenset({"cfo", "intern"}))
WHO = st.sampled_from(sorted(BY_ID))
ENTITLED = frozenset({"cfo"})


class People(RuleBasedStateMachine):
    """A company at work on its payments."""

    ids: Bundle[str] = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self._codes: set[tuple[str, str]] = set()
        self._frozen = False
        self._seen: dict[str, Order] = {}
        self._asked = 0

    def _do(self, work: Awaitable[T]) -> T | Refusal:
        """Do what somebody wants; a refusal is what they get."""

        async def done() -> T | Refusal:
            try:
                return await work
            except Refusal as refusal:
                return refusal

        return self._runner.run(done())

    def open(self) -> None:
        """Open the company's database; everybody has an authenticator."""
        hands = Hands()
        self.office = Office(
            SqliteDatabase(Path(self._folder.name) / "db.sqlite"), hands, Phones(hands)
        )
        self.office.company = staffed(there=under(ONE, EVERYBODY))

        async def opened() -> None:
            database = self.office.database
            await database.open()
            await database.write(lambda c: payees.register(c, [ACME], now=hands()))
            for who in BY_ID:
                secret = self.office.phones.secret(who)
                enrol = partial(second_factor.enrol, cipher=CIPHER, person_id=who, secret=secret)
                await database.write(partial(enrol, now=hands()))

        self._runner.run(opened())

    def teardown(self) -> None:
        """Verify the whole record, and close."""
        if hasattr(self, "office"):
            report = self._runner.run(self.office.database.read(verification.verify))
            assert report.findings == ()
            self._runner.run(self.office.database.close())
        self._runner.close()
        self._folder.cleanup()

    # ---- what people do -----------------------------------------------------------------------

    @initialize(target=ids)
    def open_with_payments(self) -> Any:
        """Open it, with payments that wait."""
        self.open()
        return multiple(self.ask("amara", 9_000, 3), self.ask("dong", 125_000, 0))

    @rule(
        target=ids,
        who=st.sampled_from(["amara", "dong", "bea"]),
        minor=st.sampled_from([9_000, 125_000]),
        weeks=st.sampled_from([0, 0, 2, 20]),
    )
    def ask(self, who: str, minor: int, weeks: int) -> Any:
        """Ask for a payment, perhaps for one that comes again."""
        today = self.office.hands().date()
        self._asked += 1
        payment = replace(
            LARGE,
            amount=Money(minor, "EUR"),
            remittance=f"R{self._asked}",
            is_no_duplicate=True,
            execution_date=today if weeks else None,
            repeats=Repeats(Every.WEEK, today + timedelta(weeks=weeks)) if weeks else None,
        )
        found = self._do(self.office.ask(payment, who))
        return found.id if isinstance(found, Order) else multiple()

    @rule(order_id=ids, most=st.integers(1, 4))
    def go_round(self, order_id: str, most: int) -> None:
        """Have one after the other approve who usually does."""
        for who in ("bea", "carl", "dong", "greta", "eve")[: most + 1]:
            self.decide(order_id, who, Decision.APPROVE, "new", 0)

    @rule(
        order_id=ids,
        who=st.sampled_from(["bea", "carl", "dong", "bea", "carl", "dong", *sorted(BY_ID)]),
        what=st.sampled_from([*[Decision.APPROVE] * 6, Decision.REJECT, Decision.RECUSE]),
        code=st.sampled_from(["new", "new", "new", "used", "wrong"]),
        version=st.sampled_from([0, 0, 0, -1]),
    )
    def decide(self, order_id: str, who: str, what: Decision, code: str, version: int) -> None:
        """Decide on an order, or try to: with a code used before, or on what it was."""
        self.office.hands.forward(seconds=30 if code == "new" else 0)
        order = self._order(order_id)
        given = self.office.phones.code(who) if code != "wrong" else "000000"
        choice = Choice(order.id, order.version + version, order.digest, what, given, "x")
        was_used = (who, given) in self._codes
        found = self._do(self._decided(who, choice))
        if what is Decision.APPROVE and isinstance(found, Decided):
            assert code != "wrong", "a wrong code approved"
            assert not was_used, "a code approved twice"
            assert version == 0, "an old version was approved"
            self._codes.add((who, given))

    async def _decided(self, who: str, choice: Choice) -> Decided | Refusal:
        office = self.office
        return await office.database.write(
            lambda c: approvals.decide(
                c, office.company, CIPHER, BY_ID[who], choice, now=office.hands()
            )
        )

    @rule(ids=st.lists(ids, min_size=1, max_size=4, unique=True), who=WHO)
    def approve_several(self, ids: list[str], who: str) -> None:
        """Approve a list with one code."""
        self.office.hands.forward(seconds=30)
        shown = [bulk.Shown(each.id, each.version, each.digest) for each in map(self._order, ids)]
        code, office = self.office.phones.code(who), self.office
        before = self._approvals()
        found = self._do(
            office.database.write(
                lambda c: bulk.approve(
                    c, office.company, CIPHER, BY_ID[who], shown, code, now=office.hands()
                )
            )
        )
        if isinstance(found, list):
            self._codes.add((who, code))
            assert self._approvals() >= before
        else:
            assert self._approvals() == before, "all of a list, or nothing"

    @rule(order_id=ids, who=WHO)
    def take_back(self, order_id: str, who: str) -> None:
        """Take one's approval back."""
        order, office = self._order(order_id), self.office
        self._do(
            office.database.write(
                lambda c: approvals.withdraw(
                    c, office.company, BY_ID[who], order.id, order.version, now=office.hands()
                )
            )
        )

    @rule(order_id=ids, minor=st.sampled_from([8_000, 130_000]))
    def amend(self, order_id: str, minor: int) -> None:
        """Change one's request."""
        order, office = self._order(order_id), self.office
        payment = replace(
            LARGE,
            amount=Money(minor, "EUR"),
            remittance=order.remittance + "x",
            is_no_duplicate=True,
        )
        self._do(
            office.database.write(
                lambda c: requests.amend(
                    c,
                    office.company,
                    BY_ID[order.requester_id],
                    order.id,
                    payment,
                    version=order.version,
                    now=office.hands(),
                )
            )
        )

    @rule(order_id=ids, who=WHO)
    def cancel(self, order_id: str, who: str) -> None:
        """Withdraw a request."""
        office = self.office
        self._do(
            office.database.write(
                lambda c: requests.cancel(c, BY_ID[who], order_id, now=office.hands())
            )
        )

    @rule(order_id=ids, who=WHO)
    def stop(self, order_id: str, who: str) -> None:
        """Stop a series; then nothing of it that was not released is on its way."""
        office = self.office
        found = self._do(
            office.database.write(
                lambda c: series.stop(c, office.company, BY_ID[who], order_id, now=office.hands())
            )
        )
        if isinstance(found, Order):
            following = self._runner.run(
                office.database.read(partial(series.of_series, first=found))
            )
            open_ = {OrderState.PENDING, OrderState.APPROVED}
            assert not open_ & {OrderState(each.state) for each in (found, *following)}

    @rule(who=st.sampled_from(["carl", "bea"]), to=st.sampled_from(["greta", "eve"]))
    def delegate(self, who: str, to: str) -> None:
        """Have somebody act for another, as an administrator agrees."""

        async def delegated() -> None:
            leaves = await self.office.leaves(who)
            if leaves:
                await self.office.end("ada", leaves[0])
                return
            today = self.office.hands().date()
            made = await self.office.away(who, to, (today, today + timedelta(days=5)))
            assert isinstance(made, Proposal)
            await self.office.agree(made)

        self._do(delegated())

    @rule(who=st.sampled_from(["bea", "carl", "dong", "greta"]), roles=st.sampled_from(ROLES))
    def give_roles(self, who: str, roles: frozenset[str]) -> None:
        """Give somebody other roles."""
        people = [
            replace(each, roles=roles) if each.id == who else each
            for each in self.office.company.directory
        ]
        self.office.company = replace(self.office.company, directory=Directory(people))

    @rule(policy=st.sampled_from(POLICIES))
    def rule_anew(self, policy: str) -> None:
        """Have other rules."""
        other = under(policy, EVERYBODY).policy
        self.office.company = replace(self.office.company, policy=other)

    @rule()
    def freeze_or_thaw(self) -> None:
        """Stop all that leaves, or let it go again."""
        office = self.office

        def change(connection: Connection) -> None:
            if self._frozen:
                connection.execute(tables.freeze.delete())
                audit.append(
                    connection,
                    at=office.hands(),
                    actor="carl",
                    kind="freeze.lifted",
                    subject="freeze",
                )
            else:
                freeze.begin(connection, BY_ID["carl"], ENTITLED, "x", now=office.hands())

        self._runner.run(office.database.write(change))
        self._frozen = not self._frozen

    @rule(hours=st.sampled_from([1, 1, 24, 24 * 5]))
    def let_time_pass(self, hours: int) -> None:
        """Let it be later, with what the clock does."""
        office = self.office
        office.hands.forward(hours=hours)

        def due(connection: Connection) -> None:
            now = office.hands()
            requests.expire_due(connection, now=now)
            completion.complete_due(connection, office.company, now=now)
            series.continue_due(connection, office.company, now=now)

        self._runner.run(office.database.write(due))

    @rule()
    def send(self) -> None:
        """Want to send all that is approved."""
        for order in list(self._seen.values()):
            if order.state == OrderState.APPROVED:
                self._release(order.id)

    def _release(self, order_id: str) -> None:
        """Want to send an order: what leaves had its people at this very moment."""
        office, before = self.office, self._order(order_id)
        after = self._do(
            office.database.write(
                lambda c: release.release(
                    c, office.company, order_id, service_of=lambda order: "sepa", now=office.hands()
                )
            )
        )
        assert isinstance(after, Order)
        if before.state == OrderState.APPROVED and after.state == OrderState.RELEASED:
            assert not self._frozen, "it left while everything was frozen"
            today = office.hands().date()
            assert after.execution_date is None or after.execution_date <= today + timedelta(days=1)
            self._check_people(after, self._slots_now(after))

    # ---- what must hold -----------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        """Check all orders against what they were before the step."""
        if not hasattr(self, "office"):
            return
        found = self._runner.run(
            self.office.database.read(lambda c: orders.in_states(c, *OrderState))
        )
        for order in found:
            before = self._seen.get(order.id)
            assert order.digest == orders.digest_of(order)
            if before is not None and before.state in FINAL:
                assert order.state == before.state, "what is final stays so"
            was_approved = before is not None and before.state == OrderState.APPROVED
            if order.state == OrderState.APPROVED and not was_approved:
                self._check_people(order, order.policy_verdict.slots)
            if before is not None and order.version > before.version:
                assert self._given(order) == [], "approvals of what it was are void"
            self._check_distinct(order)
        assert len({each.end_to_end_id for each in found}) == len(found)
        self._seen = {each.id: each for each in found}
        sent = self._runner.run(
            self.office.database.read(
                lambda c: c.execute(
                    select(func.count()).select_from(tables.instruction)
                ).scalar_one()
            )
        )
        released = {OrderState.RELEASED, OrderState.UNKNOWN, OrderState.SUBMITTED}
        assert sent == sum(each.state in released for each in found)

    def _check_distinct(self, order: Order) -> None:
        standing = [each for each in self._given(order) if each.is_standing]
        assert len({each.person_id for each in standing}) == len(standing)
        assert order.requester_id not in {
            each.person_id for each in standing if each.decision == Decision.APPROVE
        }
        assert all(each.digest == order.digest for each in standing)

    def _check_people(self, order: Order, slots: Sequence[Slot]) -> None:
        """See by trying that distinct people who may have approved fill all slots."""
        said_no = {
            each.person_id for each in self._given(order) if each.decision != Decision.APPROVE
        }
        barred = {order.requester_id, *order.policy_verdict.excluded, *said_no}
        counting = [
            each
            for each in self._given(order)
            if each.decision == Decision.APPROVE
            and each.is_standing
            and not barred & {each.person_id, each.whose}
        ]
        wanted = [slot for slot in slots for _ in range(slot.count)]
        assert wanted
        assert _can_fill(self.office.company, wanted, counting, frozenset()), (
            order.id,
            wanted,
            counting,
        )

    def _slots_now(self, order: Order) -> Sequence[Slot]:
        company = self.office.company
        requester = company.directory.get(order.requester_id)
        assert requester is not None
        facts = self._runner.run(
            self.office.database.read(
                lambda c: policy_facts.facts_of(
                    c, company, order, requester, until=order.versioned_at
                )
            )
        )
        verdict = company.policy.evaluate(facts, company.rates)
        assert verdict.is_allowed
        return verdict.slots

    def _order(self, order_id: str) -> Order:
        return self._runner.run(self.office.database.read(lambda c: orders.get(c, order_id)))

    def _given(self, order: Order) -> list[Approval]:
        return self._runner.run(self.office.database.read(partial(approvals.of_order, order=order)))

    def _approvals(self) -> set[tuple[str, int, str]]:
        table = tables.approval
        rows = self._runner.run(
            self.office.database.read(
                lambda c: c.execute(
                    select(table.c.order_id, table.c.version, table.c.person_id).where(
                        table.c.withdrawn_at.is_(None)
                    )
                ).all()
            )
        )
        return {(str(a), int(b), str(c)) for a, b, c in rows}


def _can_fill(
    company: Company, wanted: Sequence[Slot], given: Sequence[Approval], used: frozenset[str]
) -> bool:
    """Whether slots can be filled, each by another approval and the roles of another person."""
    if not wanted:
        return True
    slot, rest = wanted[0], wanted[1:]
    for at, each in enumerate(given):
        owner = company.directory.get(each.whose)
        hand = company.directory.get(each.person_id)
        if owner is None or hand is None or each.whose in used or slot.stage > each.stage:
            continue
        fits = slot.role in owner.roles if slot.role else slot.person == owner.id
        others = [*given[:at], *given[at + 1 :]]
        if fits and _can_fill(company, rest, others, used | {each.whose}):
            return True
    return False


People.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestPeople = People.TestCase
assert date(2026, 11, 24) == TODAY
