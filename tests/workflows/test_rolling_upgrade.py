"""What was cut off in one version of the workflows begins anew in another, whatever it was."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dbos import DBOS

from connectors.base import Instruction, Receipt
from tests.workflows.company import Hands, Phones
from tests.workflows.test_dispatch import PENDING, Institution, Office
from workflows import firing
from workflows.database import Database

pytestmark = pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
AT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


class Slow(Institution):
    """An institution that has no receipt yet."""

    has_receipts = False

    async def receipt(self, instruction: Instruction, reference: str) -> Receipt | None:
        return await super().receipt(instruction, reference) if self.has_receipts else None


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Office:
    return Office(database, hands, phones, tmp_path)


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have another version run, until it is undone."""
    monkeypatch.setattr("workflows.dispatch.WORKFLOW_VERSION", "dispatch-before")
    return monkeypatch


async def test_a_receipt_is_still_looked_for(office: Office, before: pytest.MonkeyPatch) -> None:
    office.institution = bank = Slow()
    order = await office.approved()
    async with office.open() as dispatcher:
        await dispatcher.begin(order.id)
        await office.until(order, "settled")
    before.undo()
    bank.has_receipts = True
    async with office.open():
        await office.until(order, "settled", kind="receipt.stored")
    assert bank.ledger == [order.end_to_end_id]


async def test_a_job_that_was_cut_off_is_done(office: Office, before: pytest.MonkeyPatch) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def cut_off() -> None:
        begun.set()
        raise asyncio.CancelledError  # as at the end of a process

    async def job() -> None:
        done.set()

    async with asyncio.timeout(30):
        firing.register("job", cut_off)
        async with office.open():
            await firing.once("job", AT)
            await begun.wait()
        before.undo()
        firing.register("job", job)
        async with office.open():
            await done.wait()


async def test_beginning_anew_may_be_cut_off_itself(
    office: Office, before: pytest.MonkeyPatch
) -> None:
    office.institution.answers = [PENDING]
    office.institution.statuses = [PENDING] * 100_000
    order = await office.approved()
    async with office.open() as dispatcher:
        await dispatcher.begin(order.id)
        await office.until(order, "submitted")
    before.undo()
    async with office.open():
        await DBOS.cancel_workflow_async(order.id)  # as far as it came when it was killed
    office.institution.statuses = []
    async with office.open():
        await office.until(order, "settled", kind="receipt.stored")
    assert office.institution.ledger == [order.end_to_end_id]
