"""From release to receipt: a durable workflow per order, whose id is the order's.

DBOS checkpoints each step and takes a workflow up again after a crash. It may run a step twice
(it was killed before the checkpoint), or on two replicas at once (one was taken for dead), so
exactly-once does not rest on it: every step first looks at the order and its instruction, and the
instruction says that it is being sent before it is. Steps that follow one another without a wait
therefore share a checkpoint.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos import error as dbos_errors
from sqlalchemy import Connection

from connectors.base import (
    Capability,
    Connector,
    ConnectorError,
    Indeterminate,
    Instruction,
    Misconfigured,
    NotSent,
    Outcome,
    Refused,
    Untrusted,
)
from workflows import in_force, instructions, orders, receipts, release
from workflows.clock import Clock
from workflows.company import Company
from workflows.database import WORKFLOWS_SCHEMA, Database
from workflows.instructions import Sent
from workflows.opening import LOOK_AGAIN, Hours
from workflows.orders import Order, OrderState
from workflows.release import Allowance
from workflows.takeover import LOCAL, Takeover

log = structlog.get_logger(__name__)

WORKFLOW_VERSION = "dispatch-2"
"""Raised only when old workflows could not go on in the new code; see docs/decisions/0003."""
_NEWS = "news"
CLOSED_FOR = timedelta(hours=6)
"""How often it is looked whether an institution takes payments again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often an institution is asked.

    Attributes:
        first: Seconds before the first question; later ones come after a quarter of the time
            that has passed since sending, up to ``longest``.
        give_up_after: For how long sending is tried while it certainly does not get through.
        receipt_within: For how long a receipt is looked for after settlement.
        grace: Seconds a payment on the wire is waited for at a stop.
        call_within: After this time no call to an institution is under way any more, whoever
            began it; longer than any connector's own time-out.
    """

    first: float = 5.0
    longest: float = 900.0
    give_up_after: timedelta = timedelta(hours=24)
    receipt_within: timedelta = timedelta(days=3)
    grace: float = 10.0
    call_within: timedelta = timedelta(seconds=150)

    def wait(self, elapsed: timedelta) -> float:
        """Return the seconds until the next question."""
        return min(self.longest, max(self.first, elapsed.total_seconds() / 4))


@dataclass(frozen=True, slots=True)
class Next:
    """What a step says should come next, and after how many seconds."""

    step: str
    wait: float = 0.0


DONE = "done"
_STEPS: Mapping[OrderState, str] = {
    OrderState.RELEASED: "submit",
    OrderState.SUBMITTED: "follow",
    OrderState.UNKNOWN: "enquire",
    OrderState.SETTLED: "receipt",
}
"""What an order needs next."""
_SENDING = frozenset({"release", "submit"})
"""Steps that may send: the first is what an order begins with and what waits out a freeze."""


class Dispatcher:
    """Carries approved orders to their institutions and follows them to the end.

    Attributes:
        takeover: This replica among the others.

    One per process (DBOS itself is one per process): `start` it before `begin`, `stop` it last.
    """

    def __init__(
        self,
        database: Database,
        company: Company,
        connectors: Mapping[str, Connector],
        clock: Clock,
        pace: Pace | None = None,
        *,
        allowances: Mapping[str, Allowance] | None = None,
        hours: Mapping[str, Hours] | None = None,
        replica_id: str = LOCAL,
        notice_url: Callable[[str], str | None] = lambda order_id: None,
    ) -> None:
        self.database = database
        self.company = company
        self.connectors = connectors
        self.clock = clock
        self.pace = pace or Pace()
        self.takeover = Takeover(database, clock, replica_id, WORKFLOW_VERSION)
        self._allowances = allowances or {}
        self._hours = hours or {}
        self._notice_url = notice_url
        self._walking: set[asyncio.Task[Any]] = set()
        self._sending: set[asyncio.Task[Next]] = set()
        self.steps: Mapping[str, Callable[[str], Coroutine[Any, Any, Next]]] = {
            "release": self.submit,
            "submit": self.submit,
            "follow": self.follow,
            "enquire": self.enquire,
            "receipt": self.receipt,
        }

    async def start(self, where: Path | str) -> None:
        """Launch DBOS on its own file, or beside the company's tables; what was cut off goes on.

        Args:
            where: The file, or the address of a PostgreSQL database.
        """
        global _running  # noqa: PLW0603 (DBOS allows one instance per process; so do we)
        assert _running is None, "a dispatcher is running in this process already"
        _running = self
        if isinstance(where, Path):
            write_ahead(where)
        config: DBOSConfig = {
            "name": "countersign",
            "system_database_url": f"sqlite:///{where}" if isinstance(where, Path) else where,
            "dbos_system_schema": WORKFLOWS_SCHEMA,
            "application_version": WORKFLOW_VERSION,
            "executor_id": self.takeover.replica_id,
            "log_level": "ERROR",
            "enable_otlp": False,
        }
        DBOS(config=config)
        DBOS.launch()
        await self.takeover.forget_outdated()
        await self.sweep()

    async def stop(self) -> None:
        """Stop; what is under way goes on at the next start.

        A payment on the wire is given a moment to be answered. Workflows are cancelled rather
        than left to fail: DBOS records a failure, and would not take the workflow up again.
        """
        global _running  # noqa: PLW0603
        if _running is not self:
            return
        _running = None
        if self._sending:
            await asyncio.wait(self._sending, timeout=self.pace.grace)
        for task in self._walking:
            task.cancel()
        await asyncio.gather(*self._walking, return_exceptions=True)
        await self.takeover.leave()
        # DBOS made its own pool the loop's default one, and takes it along when it goes.
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as own:
            await loop.run_in_executor(own, _destroy)
        loop.set_default_executor(ThreadPoolExecutor())

    async def begin(self, order_id: str) -> None:
        """Start the order's workflow; a second start of the same order changes nothing."""
        with SetWorkflowID(order_id):
            await DBOS.start_workflow_async(_dispatch, order_id)

    async def wake(self, order_id: str) -> None:
        """Have an order's workflow look again now: something was learned, or is wanted of it."""
        try:
            await DBOS.send_async(order_id, True, _NEWS)
        except dbos_errors.DBOSNonExistentWorkflowError:
            return

    async def sweep(self) -> None:
        """Start the workflow of every order that should have one.

        Covers a crash between the last approval's commit and `begin`, and a lost DBOS file. An
        order that is to be executed later has none until its day: days are waited for in tables.
        """
        since = self.clock() - self.pace.receipt_within
        under_way, unreceipted = await self.database.read(
            lambda connection: (
                orders.in_states(
                    connection,
                    OrderState.APPROVED,
                    OrderState.RELEASED,
                    OrderState.SUBMITTED,
                    OrderState.UNKNOWN,
                ),
                receipts.outstanding(connection, since),
            )
        )
        now = self.clock()
        due = [
            each.id
            for each in under_way
            if each.state != OrderState.APPROVED or not release.due_in(self.company, each, now)
        ]
        for order_id in (*due, *unreceipted):
            await self.begin(order_id)

    # ---- the steps; each may run again after a crash and must find its way --------------------

    async def submit(self, order_id: str) -> Next:
        """Check for the last time that everything holds, and send what was not sent before."""
        now = self.clock()
        claim = await self.database.write(
            lambda connection: release.depart(
                connection,
                self.company,
                order_id,
                service_of=self._service,
                closed_for=self._closed_for,
                allowance_of=lambda order: self._allowances.get(order.connector, Allowance()),
                orphaned_after=self._orphaned_after,
                now=now,
            )
        )
        if claim.wait:
            is_approved = claim.order.state == OrderState.APPROVED
            return Next("release" if is_approved else "submit", claim.wait.total_seconds())
        if not claim.is_won or claim.sent is None:
            return await self._onward(order_id)
        outcome = await self._send(claim.order, claim.sent, claimed_at=now)
        if isinstance(outcome, Outcome):
            return await self._learned(order_id, outcome)
        note = partial(self._note_failure, order_id=order_id, error=outcome)
        return await self._after(note)

    @property
    def _orphaned_after(self) -> timedelta:
        """How long an instruction that is being sent may be another living process's."""
        return timedelta(0) if self.takeover.is_alone else self.pace.call_within

    def _closed_for(self, order: Order) -> timedelta:
        """Return how long the institution takes no payments; nothing while it does."""
        hours = self._hours.get(order.connector)
        own = self.company.accounts.get(order.account_id)
        if hours is None or own is None:
            return timedelta(0)
        opens = hours.opens_at(now := self.clock(), ZoneInfo(own.account.timezone), own.calendar)
        if opens is None:
            assert own.calendar is not None
            log.warning("calendar.unknown", order=order.id, calendar=own.calendar.name)
            return LOOK_AGAIN
        # Not longer than that: settings may get another day, and clocks may be corrected.
        return min(opens - now, CLOSED_FOR)

    async def _send(
        self, order: Order, sent: Sent, *, claimed_at: datetime
    ) -> Outcome | ConnectorError:
        instruction = self._instruction(order, sent, claimed_at)
        connector = self.connectors[order.connector]
        if release.is_stale(claimed_at, self.clock()):
            return NotSent(order.connector, "process.paused")
        try:
            return await connector.submit(instruction)
        except ConnectorError as error:
            log.warning("submit", order=order.id, error=str(error), kind=type(error).__name__)
            return error
        except Exception as error:  # our own fault: it may still have been sent
            log.exception("submit", order=order.id)
            return Indeterminate(order.connector, "internal", type(error).__name__)

    def _note_failure(self, connection: Connection, order_id: str, error: ConnectorError) -> Order:
        now = self.clock()
        if isinstance(error, Refused):
            instructions.refused(connection, order_id, error, now=now)
        elif isinstance(error, (NotSent, Misconfigured)):
            instructions.not_sent(
                connection, order_id, error, now=now, give_up_after=self.pace.give_up_after
            )
        else:
            instructions.lost(
                connection,
                order_id,
                error.code,
                error.detail,
                now=now,
                is_alarm=isinstance(error, Untrusted),
            )
        return orders.get(connection, order_id)

    async def follow(self, order_id: str) -> Next:
        """Ask what became of an acknowledged payment."""
        if not await self._may_ask():
            return Next("follow", release.FROZEN_FOR.total_seconds())
        order, sent, instruction = await self._load(order_id)
        if order.state != OrderState.SUBMITTED or instruction is None or sent is None:
            return await self._onward(order_id)
        assert sent.reference is not None
        connector = self.connectors[order.connector]
        try:
            if sent.cancel_asked_by is not None:
                outcome = await connector.cancel(instruction, sent.reference)
            else:
                outcome = await connector.follow(instruction, sent.reference)
        except Refused as error:  # of a cancellation: the payment goes on
            code, detail, now = error.code, error.detail, self.clock()
            note = partial(instructions.not_stopped, code=code, detail=detail, now=now)
            return await self._after(partial(note, order_id=order_id))
        except ConnectorError as error:
            # A question that fails says nothing about the payment; the next one may.
            log.warning("follow", order=order_id, error=str(error), kind=type(error).__name__)
            return await self._onward(order_id)
        return await self._learned(order_id, outcome)

    async def enquire(self, order_id: str) -> Next:
        """Ask what became of a payment whose answer was lost; past the window, ask a person."""
        if not await self._may_ask():
            return Next("enquire", release.FROZEN_FOR.total_seconds())
        order, sent, instruction = await self._load(order_id)
        if order.state != OrderState.UNKNOWN or instruction is None or sent is None:
            return await self._onward(order_id)
        assert sent.sent_at is not None
        connector = self.connectors[order.connector]
        now = self.clock()
        can_ask = Capability.ENQUIRY in connector.capabilities
        if can_ask:
            try:
                # To ask may be to send again, and it may be that the first never arrived.
                may_send = await self._may_still_go(order, now)
                enquiry = await connector.enquire(instruction, sent.sent_at, may_send=may_send)
            except ConnectorError as error:
                log.warning("enquire", order=order_id, error=str(error))
            else:
                if enquiry.outcome is not None:
                    return await self._learned(order_id, enquiry.outcome)
                # While a call may still be on its way, "nothing" may soon be untrue: also one of a
                # process that was killed, which the institution may have and not have acted on.
                is_over = now - sent.sent_at >= self.pace.call_within
                if enquiry.conclusive and is_over:
                    proof = partial(instructions.has_nothing, order_id=order_id, now=now)
                    return await self._after(proof)
        if not can_ask or now - sent.sent_at >= connector.enquiry_window:
            asking = partial(instructions.ask_person, order_id=order_id, now=now)
            return await self._after(asking)
        return await self._onward(order_id)

    async def _may_ask(self) -> bool:
        """Whether where connections lead was agreed to: nobody else is believed, or asked."""
        is_agreed = partial(in_force.is_in_force, company=self.company)
        return not self.company.charter or await self.database.read(is_agreed)

    async def _may_still_go(self, order: Order, now: datetime) -> bool:
        holds = await self.database.read(
            lambda connection: release.may_still_go(connection, self.company, order)
        )
        return holds and not release.is_stale(now, self.clock())

    async def receipt(self, order_id: str) -> Next:
        """Fetch and keep the receipt of a settled payment."""
        if not await self._may_ask():
            return Next("receipt", release.FROZEN_FOR.total_seconds())
        order, sent, instruction = await self._load(order_id)
        connector = self.connectors.get(order.connector)
        if instruction is None or sent is None or connector is None:
            return Next(DONE)
        if Capability.RECEIPTS not in connector.capabilities:
            return Next(DONE)
        found = None
        try:
            found = await connector.receipt(instruction, sent.reference or "")
        except ConnectorError as error:
            log.warning("receipt", order=order_id, error=str(error))
        if found is not None:
            keep = partial(receipts.keep, order_id=order_id, found=found, now=self.clock())
            await self.database.write(keep)
            return Next(DONE)
        elapsed = self.clock() - order.updated_at
        if elapsed >= self.pace.receipt_within:
            return Next(DONE)
        return Next("receipt", self.pace.wait(elapsed))

    def _service(self, order: Order) -> str:
        own = self.company.accounts[order.account_id]
        connector = self.connectors[order.connector]
        return connector.service(own.account, order.creditor, order.amount)

    # ---- what the steps share -----------------------------------------------------------------

    async def _load(self, order_id: str) -> tuple[Order, Sent | None, Instruction | None]:
        """Return an order with its instruction: as stored, and for the institution."""
        order, sent = await self.database.read(
            lambda connection: instructions.load(connection, order_id)
        )
        if sent is None or order.account_id not in self.company.accounts:
            return order, sent, None
        return order, sent, self._instruction(order, sent, sent.sent_at or self.clock())

    def _instruction(self, order: Order, sent: Sent, at: datetime) -> Instruction:
        made = instructions.for_connector(self.company, order, sent, at=at)
        return replace(made, notice_url=self._notice_url(order.id))

    async def _learned(self, order_id: str, outcome: Outcome) -> Next:
        learned = partial(instructions.learned, outcome=outcome, now=self.clock())
        return await self._after(partial(learned, order_id=order_id))

    async def _after(self, change: Callable[[Connection], Order]) -> Next:
        """Change an order in one transaction and return the step that it needs after it."""
        return await self.database.write(
            lambda connection: self._next(connection, change(connection))
        )

    async def _onward(self, order_id: str) -> Next:
        return await self.database.read(
            lambda connection: self._next(connection, orders.get(connection, order_id))
        )

    def _next(self, connection: Connection, order: Order) -> Next:
        """Return the step that an order needs as it stands."""
        state = OrderState(order.state)
        step = _STEPS.get(state, DONE)
        if step == DONE or state is OrderState.SETTLED:
            return Next(step)
        sent = instructions.find(connection, order.id)
        if state is OrderState.RELEASED and (sent is None or sent.attempts == 0):
            return Next(step)
        since = (sent.sent_at if sent else None) or order.updated_at
        return Next(step, self.pace.wait(self.clock() - since))

    @contextmanager
    def walking(self) -> Iterator[None]:
        """Note the present task while it walks an order's workflow."""
        task: asyncio.Task[Any] | None = asyncio.current_task()
        assert task is not None
        self._walking.add(task)
        try:
            yield
        finally:
            self._walking.discard(task)

    async def take(self, step: str, order_id: str) -> Next:
        """Take a step; what goes wrong inside it is taken again later, never given up."""
        taking = asyncio.create_task(self.steps[step](order_id))
        if step in _SENDING:
            self._sending.add(taking)
            taking.add_done_callback(self._sending.discard)
        try:
            return await taking
        except Exception:
            log.exception("step", step=step, order=order_id)
            return Next(step, self.pace.first)


_running: Dispatcher | None = None


@DBOS.workflow(name="dispatch", max_recovery_attempts=1_000_000)
async def _dispatch(order_id: str) -> None:
    """Walk an order from release to receipt; only recorded answers decide the way."""
    with _present().walking():
        step, wait = "release", 0.0
        while step != DONE:
            if wait:
                await DBOS.recv_async(_NEWS, timeout_seconds=wait)
            step, wait = await DBOS.run_step_async({"name": step}, _take, step, order_id)


async def _take(step: str, order_id: str) -> tuple[str, float]:
    """Take a step and those that follow it at once; return what waits.

    After a crash it may all be taken again from the first. Each finds its way by the tables.
    """
    onward = Next(step)
    while onward.step != DONE and not onward.wait:
        onward = await _present().take(onward.step, order_id)
    return onward.step, onward.wait


def _present() -> Dispatcher:
    if _running is None:  # stopping: the workflow goes on at the next start
        raise asyncio.CancelledError
    return _running


def write_ahead(file: Path) -> None:
    """Have a SQLite file keep a write-ahead log: as durable, and a checkpoint is one flush."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _destroy() -> None:
    DBOS.destroy(workflow_completion_timeout_sec=0)
