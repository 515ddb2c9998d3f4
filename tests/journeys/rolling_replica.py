"""One replica of the service, as a process of its own, of any version, whose clock others move.

It is the whole service (`bot.app.App`). Over a socket it is told what to do, one JSON object a
line, and answers. What people do, they do through the same functions as their clicks. Killed, it
dies as any process does; told to terminate, it stops in good order.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from dbos import DBOS

import workflows.dispatch
from bot.app import App
from bot.service import configure_logs
from bot.settings import load
from connectors.money import Money
from tests.workflows.company import Hands
from workflows import approvals, freeze, instructions, requests
from workflows.approvals import Choice, Decision
from workflows.orders import OrderState
from workflows.people import Person
from workflows.refusal import Refusal
from workflows.requests import Payment

Answer = dict[str, Any] | list[Any] | str | None


@dataclass(frozen=True, slots=True)
class Birth:
    """What a process is to be.

    Attributes:
        version: Of its workflows.
        settings: The settings file.
        environ: What the settings refer to.
        log: File for standard output and error.
        now: Where its clock stands.
    """

    version: str
    settings: Path
    environ: Mapping[str, str]
    log: Path
    now: datetime


class Replica:
    """The service, and what can be had of it. A refusal is answered by its code."""

    def __init__(self, birth: Birth) -> None:
        self.hands = Hands(birth.now)
        self.app = App(load(birth.settings, birth.environ), clock=self.hands)

    async def start(self) -> str:
        await self.app.start()
        return self.app.dispatcher.takeover.replica_id

    async def forward(self, seconds: float) -> None:
        self.hands.forward(seconds=seconds)

    async def beat(self) -> None:
        await self.app.dispatcher.takeover.beat()

    async def sweep(self) -> None:
        await self.app.schedule.sweep()

    async def wake(self, order: str) -> None:
        """Have an order looked at now: the clock stands still, what it waits for is real time."""
        await self.app.dispatcher.wake(order)

    async def ask(self, account: str, minor: int, reference: str) -> str:
        payment = Payment(account, Money(minor, "EUR"), payee_id="acme", remittance=reference)
        order = await self.app.database.write(
            lambda connection: requests.request(
                connection,
                self.app.company,
                self._person("amara"),
                payment,
                key=f"test:{reference}",
                now=self.hands(),
            )
        )
        return order.id

    async def cancel(self, order: str) -> None:
        await self.app.database.write(
            partial(requests.cancel, person=self._person("amara"), order_id=order, now=self.hands())
        )

    async def decide(
        self, who: str, order: str, version: int, digest: str, decision: str, code: str
    ) -> str:
        """Decide as a form does, whichever version showed it; returns the order's state."""
        choice = Choice(order, version, digest, Decision(decision), code, "no")
        result = await self.app.database.write(
            lambda connection: approvals.decide(
                connection,
                self.app.company,
                self.app.services.cipher,
                self._person(who),
                choice,
                now=self.hands(),
            )
        )
        if isinstance(result, Refusal):
            return result.code
        if result.order.state == OrderState.APPROVED:
            await self.app.dispatcher.begin(order)
        return str(result.order.state)

    async def resolve(self, who: str, order: str, was_executed: bool, code: str) -> str:
        result = await self.app.database.write(
            lambda connection: instructions.resolve(
                connection,
                self.app.company,
                self.app.services.cipher,
                self._person(who),
                order,
                was_executed=was_executed,
                code=code,
                note="asked the bank by telephone",
                now=self.hands(),
            )
        )
        return result.code if isinstance(result, Refusal) else str(result.state)

    async def freeze(self, who: str) -> str:
        begin = partial(
            freeze.begin,
            person=self._person(who),
            permitted=self.app.company.permissions.freeze,
            reason="upgrade",
            now=self.hands(),
        )
        return (await self.app.database.write(begin)).key

    async def lift(self, who: str, shown: str, code: str) -> str:
        agreed = await self.app.database.write(
            lambda connection: freeze.agree_to_lift(
                connection,
                self.app.company,
                self.app.services.cipher,
                self._person(who),
                shown,
                code,
                now=self.hands(),
            )
        )
        return agreed.code if isinstance(agreed, Refusal) else str(agreed.missing)

    async def unfinished(self) -> list[dict[str, Any]]:
        """Return what is left of DBOS's workflows, of all replicas and versions."""
        found = await DBOS.list_workflows_async(
            status=["PENDING", "ENQUEUED"], load_input=False, load_output=False
        )
        return [
            {
                "id": each.workflow_id,
                "status": each.status,
                "version": each.app_version,
                "replica": each.executor_id,
            }
            for each in found
        ]

    def _person(self, name: str) -> Person:
        person = self.app.company.directory.get(name)
        assert person is not None
        return person


async def serve(replica: Replica, line: socket.socket) -> None:
    """Do what is asked for, until told to terminate."""
    loop, serving = asyncio.get_running_loop(), asyncio.current_task()
    assert serving is not None
    loop.add_signal_handler(signal.SIGTERM, serving.cancel)
    reader, writer = await asyncio.open_connection(sock=line)

    def answer(said: Answer) -> None:
        writer.write(json.dumps({"answer": said}).encode() + b"\n")

    try:
        answer(await replica.start())
        while asked := await reader.readline():
            how = json.loads(asked)
            do: Callable[..., Awaitable[Answer]] = getattr(replica, how.pop("do"))
            answer(await do(**how))
    except asyncio.CancelledError:
        pass
    finally:
        await replica.app.stop()


def main(birth: Birth, line: socket.socket) -> None:
    """Be a replica until told to stop, or killed."""
    log = os.open(birth.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    random.seed()
    workflows.dispatch.WORKFLOW_VERSION = birth.version
    configure_logs()
    asyncio.run(serve(Replica(birth), line))
