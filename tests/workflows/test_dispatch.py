"""From release to receipt, through the real DBOS, whatever the institution does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from connectors.base import (
    Account,
    Capability,
    Connector,
    Creditor,
    Enquiry,
    Indeterminate,
    Instruction,
    Misconfigured,
    NotSent,
    Outcome,
    Progress,
    Receipt,
    Refused,
    Untrusted,
)
from connectors.money import Money
from tests.workflows.company import CIPHER, PEOPLE, Hands, Phones, company
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from workflows import audit, instructions, orders
from workflows.database import Database
from workflows.dispatch import Dispatcher, Pace
from workflows.instructions import Stage
from workflows.orders import Order, OrderState
from workflows.refusal import Refusal
from workflows.tables import payment_order

QUICK = Pace(first=0.01, longest=0.02, grace=0.1)
SETTLED = Outcome(Progress.SETTLED, "ACSC", "R1")
PENDING = Outcome(Progress.PENDING, "ACSP", "R1")
FINAL = {state.value for state in OrderState if state in orders.FINAL}


class Institution(Connector):
    """An institution that answers from a script; the money it moved is in ``ledger``."""

    name = "bank"
    capabilities = frozenset(Capability)
    enquiry_window = timedelta(hours=1)

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers)
        self.statuses: list[Outcome | Exception] = []
        self.enquiries: list[Enquiry | Exception] = []
        self.ledger: list[str] = []
        self.acts_before_failing = True
        self.could_send: list[bool] = []
        self.has_receipt = True
        self.on_submit: Callable[[], None] = lambda: None

    async def submit(self, instruction: Instruction) -> Outcome:
        self.on_submit()
        answer = self.answers.pop(0) if self.answers else SETTLED
        acted = isinstance(answer, Outcome) or (
            isinstance(answer, Indeterminate) and self.acts_before_failing
        )
        if acted and not (isinstance(answer, Outcome) and answer.progress is Progress.REFUSED):
            self.ledger.append(instruction.end_to_end_id)
        return _given(answer)

    async def follow(self, instruction: Instruction, reference: str) -> Outcome:
        return _given(self.statuses.pop(0) if self.statuses else SETTLED)

    async def enquire(
        self, instruction: Instruction, since: datetime, *, may_send: bool = False
    ) -> Enquiry:
        self.could_send.append(may_send)
        if not self.enquiries:
            return Enquiry(None, conclusive=False)
        answer = self.enquiries.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def receipt(self, instruction: Instruction, reference: str) -> Receipt | None:
        return Receipt(reference or "-", "text/plain", b"paid") if self.has_receipt else None


def _given(answer: Outcome | Exception) -> Outcome:
    if isinstance(answer, Exception):
        raise answer
    return answer


class Office(Desk):
    """A desk with a dispatcher behind it."""

    def __init__(self, database: Database, hands: Hands, phones: Phones, folder: Path) -> None:
        super().__init__(database, hands, phones)
        self.institution = Institution()
        self.folder = folder

    @asynccontextmanager
    async def open(self, pace: Pace = QUICK) -> AsyncIterator[Dispatcher]:
        dispatcher = Dispatcher(
            self.database, self.company, {"bank": self.institution}, self.hands, pace
        )
        await dispatcher.start(self.folder / "dispatch.sqlite")
        try:
            yield dispatcher
        finally:
            await dispatcher.stop()

    async def approved(self) -> Order:
        order = await self.ask(replace(LARGE, is_no_duplicate=True))
        await self.decide("bea", order)
        await self.decide("carl", order)
        self.hands.forward(seconds=60)
        return await self.now(order)

    async def until(self, order: Order, *states: str, kind: str = "") -> Order:
        async with asyncio.timeout(30):
            while True:
                present = await self.now(order)
                if present.state in states and (not kind or kind in await self.kinds(order.id)):
                    return present
                await asyncio.sleep(0.01)


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Office:
    return Office(database, hands, phones, tmp_path)


async def test_the_whole_way(office: Office) -> None:
    office.institution.answers = [PENDING]
    office.institution.statuses = [PENDING, replace(PENDING, waiting_for_person="App")]
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await dispatcher.begin(order.id)
        await office.until(order, "settled", kind="receipt.stored")
    assert office.institution.ledger == [order.end_to_end_id]
    kinds = await office.kinds(order.id)
    assert kinds[3:] == [
        "order.released",
        "instruction.sending",
        "order.submitted",
        "order.status",
        "order.settled",
        "receipt.stored",
    ]
    assert (await office.database.read(audit.verify)).is_intact


async def test_what_did_not_get_through_is_tried_again(office: Office) -> None:
    office.institution.answers = [
        NotSent("bank", "http.refused"),
        Misconfigured("bank", "CONSENT_EXPIRED"),
        NotSent("bank", "http.refused"),
        SETTLED,
    ]
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "settled")
    assert len(office.institution.ledger) == 1
    assert (await office.kinds(order.id)).count("instruction.not_sent") == 1


async def test_what_never_gets_through_fails_truthfully(office: Office) -> None:
    office.institution.answers = [NotSent("bank", "http.refused", "nobody there")] * 1000
    office.institution.on_submit = lambda: office.hands.forward(hours=5)
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        failed = await office.until(order, "failed")
    assert (failed.reason_code, failed.reason_text) == ("http.refused", "nobody there")
    assert office.institution.ledger == []


async def test_a_refusal_is_final(office: Office) -> None:
    office.institution.answers = [Refused("bank", "FORMAT_ERROR", "no such account")]
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        failed = await office.until(order, "failed")
    assert (failed.reason_code, failed.reason_text) == ("FORMAT_ERROR", "no such account")


@pytest.mark.parametrize("acted", [True, False])
@pytest.mark.parametrize(
    "error",
    [Indeterminate("bank", "http.timeout"), Untrusted("bank", "signature"), RuntimeError("bug")],
)
async def test_a_lost_answer_is_enquired_never_resent(
    office: Office, error: Exception, acted: bool
) -> None:
    office.institution.answers = [error]
    office.institution.acts_before_failing = acted
    booked = Outcome(Progress.SETTLED, "ACSC", entry_reference="E1")
    office.institution.enquiries = [
        Enquiry(None, conclusive=False),
        Indeterminate("bank", "http.timeout"),
        Enquiry(booked, conclusive=True) if acted else Enquiry(None, conclusive=True),
        *[Enquiry(None, conclusive=True)] * 1000,
    ]
    asked = office.institution.could_send
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        if not acted:
            async with asyncio.timeout(30):
                while len(asked) < 6:
                    await asyncio.sleep(0.01)
            assert (await office.now(order)).state == "unknown", "it may still be on its way"
            assert office.institution.ledger == []
            office.hands.forward(seconds=150)
        await office.until(order, "settled")
    assert len(office.institution.ledger) == (
        1 if acted and isinstance(error, Indeterminate) else 1 - acted
    )
    assert "order.unknown" in await office.kinds(order.id)


async def test_past_the_window_a_person_decides_with_a_factor(office: Office) -> None:
    office.institution.answers = [Indeterminate("bank", "http.timeout")]
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "unknown")
        assert await resolve(office, order, "carl", executed=True) == "resolve.not_needed"
        office.hands.forward(hours=2)
        await office.until(order, "unknown", kind="order.decision_needed")
        assert await resolve(office, order, "amara", executed=True) == "resolve.not_allowed"
        assert await resolve(office, order, "carl", executed=True, code="000000") in (
            "factor.wrong",
            "factor.reused",
        )
        assert (
            await resolve(office, order, "carl", executed=True, note=" ") == "resolve.note_missing"
        )
        assert await resolve(office, order, "carl", executed=True) == "settled"
        await office.until(order, "settled", kind="receipt.stored")
    assert len(office.institution.ledger) == 1


async def test_a_person_may_find_that_nothing_was_sent(office: Office) -> None:
    office.institution.answers = [Indeterminate("bank", "http.timeout")]
    office.institution.acts_before_failing = False
    async with office.open() as dispatcher:
        order = await office.approved()
        await dispatcher.begin(order.id)
        await office.until(order, "unknown")
        office.hands.forward(hours=2)
        await office.until(order, "unknown", kind="order.decision_needed")
        assert await resolve(office, order, "bea", executed=False) == "failed"
        await asyncio.sleep(0.1)
    assert office.institution.ledger == []


async def resolve(
    office: Office, order: Order, who: str, *, executed: bool, code: str = "", note: str = "portal"
) -> str:
    result = await office.database.write(
        lambda c: instructions.resolve(
            c,
            office.company,
            CIPHER,
            PEOPLE_BY_ID[who],
            order.id,
            was_executed=executed,
            code=code or office.phones.code(who),
            note=note,
            now=office.hands(),
        )
    )
    return result.code if isinstance(result, Refusal) else result.state


async def test_a_crash_while_sending_is_enquired(office: Office) -> None:
    """The process dies with the request on the wire: the next one must not send it again."""
    arrived = asyncio.Event()

    class Hanging(Institution):
        async def submit(self, instruction: Instruction) -> Outcome:
            self.ledger.append(instruction.end_to_end_id)
            arrived.set()
            await asyncio.sleep(3600)
            raise AssertionError

    office.institution = Hanging()
    order = await office.approved()
    async with office.open() as dispatcher:
        await dispatcher.begin(order.id)
        await arrived.wait()
    sent = await office.database.read(lambda c: instructions.find(c, order.id))
    assert sent is not None
    assert sent.state == Stage.SENDING
    after = Institution()
    after.enquiries = [Enquiry(SETTLED, conclusive=True)]
    ledger, office.institution = office.institution.ledger, after
    async with office.open():
        await office.until(order, "settled")
    assert after.ledger == []
    assert ledger == [order.end_to_end_id]


async def test_losing_the_workflow_file_loses_nothing(office: Office) -> None:
    office.institution.answers = [PENDING]
    office.institution.statuses = [PENDING] * 10_000
    order = await office.approved()
    async with office.open() as dispatcher:
        await dispatcher.begin(order.id)
        await office.until(order, "submitted")
    for file in office.folder.glob("dispatch.sqlite*"):
        file.unlink()
    office.institution.statuses = []
    async with office.open():
        await office.until(order, "settled")
    assert len(office.institution.ledger) == 1


async def test_a_receipt_is_still_looked_for_when_the_workflow_file_is_lost(office: Office) -> None:
    office.institution.has_receipt = False
    order = await office.approved()
    async with office.open() as dispatcher:
        await dispatcher.begin(order.id)
        await office.until(order, "settled")
    for file in office.folder.glob("dispatch.sqlite*"):
        file.unlink()
    office.institution.has_receipt = True
    async with office.open():
        await office.until(order, "settled", kind="receipt.stored")


async def test_an_approved_order_whose_start_was_lost_is_swept_up(office: Office) -> None:
    order = await office.approved()
    async with office.open():
        await office.until(order, "settled")
    assert len(office.institution.ledger) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("role", "release.approvals"),
        ("policy", "release.policy"),
        ("requester", "release.requester"),
        ("account", "release.account"),
        ("content", "release.digest"),
    ],
)
async def test_what_no_longer_holds_is_not_released(
    office: Office, change: str, reason: str
) -> None:
    order = await office.approved()
    if change == "role":
        office.company = company(
            people=[replace(p, roles=frozenset({"staff"})) if p.id == "carl" else p for p in PEOPLE]
        )
    elif change == "requester":
        office.company = company(people=[p for p in PEOPLE if p.id != "amara"])
    elif change == "policy":
        office.company = company(
            "version: 1\nrules:\n  - name: Strict\n    require: [{ role: cfo, count: 2 }]\n"
        )
    elif change == "account":
        kept = dict(office.company.accounts)
        own = kept["operating-eur"]
        kept["operating-eur"] = replace(own, connector="another")
        office.company = replace(office.company, accounts=kept)
    else:
        await office.database.write(
            lambda c: c.execute(update(payment_order).values(amount_minor=999_999)).rowcount
        )
    async with office.open():
        failed = await office.until(order, "failed")
    assert failed.reason_code == reason
    assert office.institution.ledger == []


async def test_many_at_once_are_each_sent_once(office: Office) -> None:
    found = [await office.approved() for _ in range(12)]
    async with office.open() as dispatcher:
        await asyncio.gather(*(dispatcher.begin(order.id) for order in found * 3))
        for order in found:
            await office.until(order, "settled")
    assert sorted(office.institution.ledger) == sorted(order.end_to_end_id for order in found)


async def test_a_step_that_fails_by_our_own_fault_is_taken_again(office: Office) -> None:
    class Clumsy(Institution):
        faults = 2

        def service(self, account: Account, creditor: Creditor, amount: Money) -> str:
            self.faults -= 1
            if self.faults >= 0:
                raise RuntimeError("a fault of ours")
            return "x"

    office.institution = Clumsy()
    order = await office.approved()
    async with office.open() as dispatcher:
        await dispatcher.begin(order.id)
        await office.until(order, "settled")
    assert len(office.institution.ledger) == 1


async def test_a_stop_waits_for_the_payment_on_the_wire(office: Office) -> None:
    arrived = asyncio.Event()

    class Slow(Institution):
        async def submit(self, instruction: Instruction) -> Outcome:
            arrived.set()
            await asyncio.sleep(0.2)
            return await super().submit(instruction)

    office.institution = Slow()
    order = await office.approved()
    async with office.open(replace(QUICK, grace=5.0)) as dispatcher:
        await dispatcher.begin(order.id)
        await arrived.wait()
    async with office.open():
        await office.until(order, "settled")
    assert office.institution.ledger == [order.end_to_end_id]
    assert "order.unknown" not in await office.kinds(order.id)
