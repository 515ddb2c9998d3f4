"""Several processes that serve one company: every click once, every card once, whoever dies."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pyotp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.serving import serve_app
from sandbox.slack import Message, text_of
from tests.journeys.world import PEOPLE, ROOT, World, a_world
from tests.postgres import Server
from workflows import audit, orders, second_factor
from workflows.database import Database, open_database
from workflows.orders import Order
from workflows.second_factor import Cipher

PATIENCE = 40


class Replicas:
    """Processes of the service on one database."""

    def __init__(self, world: World, database: Database) -> None:
        self.world, self.database = world, database
        self.processes: list[asyncio.subprocess.Process] = []
        self.urls: list[str] = []
        self._draining: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start one more, and wait until it answers."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.cli",
            "run",
            "--config",
            str(self.world.folder / "countersign.toml"),
            env={**os.environ, **self.world.environ},
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )
        self.processes.append(process)
        self.urls.append(await self._url(process))

    async def _url(self, process: asyncio.subprocess.Process) -> str:
        """Return where a replica's pages are, from its log."""
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await process.stderr.readline()).decode():
                if '"web": "' in line and "running" in line:
                    self._draining.append(asyncio.create_task(_drained(process.stderr)))
                    return line.partition('"web": "')[2].partition('"')[0]
        raise AssertionError("it did not start")

    def kill(self, index: int) -> None:
        """Kill one as a power cut would."""
        self.processes[index].send_signal(signal.SIGKILL)

    async def stop(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(process.wait() for process in self.processes))

    async def kinds(self, order: Order) -> list[str]:
        entries = await self.database.read(partial(audit.of_subject, subject=order.id))
        return [entry.kind for entry in entries]

    async def orders(self) -> list[Order]:
        return await self.database.read(lambda c: orders.in_states(c, *orders.OrderState))

    async def until(self, *states: str) -> Order:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.orders()
                if found and found[-1].state in states:
                    return found[-1]
                await asyncio.sleep(0.05)


async def _drained(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


@asynccontextmanager
async def serving(
    folder: Path, server: Server, *, count: int, mode: str
) -> AsyncIterator[Replicas]:
    """Serve a company by ``count`` processes."""
    with server.database() as name:
        url = server.at(name)
        async with (
            a_world(folder, mode=mode, database_url=url, is_served=False) as world,
            open_database(url) as database,
        ):
            await _enrol(world, database)
            replicas = Replicas(world, database)
            try:
                await asyncio.gather(*(replicas.start() for _ in range(count)))
                yield replicas
            finally:
                await replicas.stop()
            assert (await database.read(audit.verify)).is_intact


async def _enrol(world: World, database: Database) -> None:
    for name in PEOPLE:
        world.secrets[name] = pyotp.random_base32()
        await database.write(
            partial(
                second_factor.enrol,
                cipher=Cipher(b"k" * 32),
                person_id=name,
                secret=world.secrets[name],
                now=world.clock(),
            )
        )


@asynccontextmanager
async def balanced(urls: Sequence[str]) -> AsyncIterator[str]:
    """Serve one address in front of several, each request by the next of them."""
    turns = itertools.cycle(urls)
    async with httpx.AsyncClient() as client:

        async def pass_on(request: Request) -> Response:
            answer = await client.post(
                f"{next(turns)}{request.url.path}",
                content=await request.body(),
                headers={
                    name: value
                    for name, value in request.headers.items()
                    if name not in ("host", "content-length")
                },
            )
            kept = {"content-type": answer.headers.get("content-type", "text/plain")}
            return Response(answer.content, answer.status_code, kept)

        routes = [Route("/{path:path}", pass_on, methods=["POST"])]
        served = await serve_app(Starlette(routes=routes))
        try:
            yield served.url
        finally:
            await served.stop()


async def paid(replicas: Replicas, line: str) -> Order:
    """Have a supplier paid by people who click; each delivery goes to some replica."""
    world = replicas.world
    assert (await world.person("amara").command(f"/pay {line}")).ok
    order = await replicas.until("pending")
    for name in ("bea", "carl"):
        card = await _card(world, name, order)
        assert (await world.person(name).click(card, "approve")).ok
        form = await world.person(name).wait_view(timeout=PATIENCE)
        assert (await world.person(name).submit(form, {"code": await world.code(name)})).ok
        await world.person(name).dismiss(world.person(name).views()[-1])
    return order


async def _card(world: World, name: str, order: Order) -> Message:
    person = world.person(name)
    return await person.wait_message(
        lambda m: order.id in text_of(m) and "Approve" in text_of(m), person.dm, timeout=PATIENCE
    )


def cards(world: World, name: str, order: Order) -> list[str]:
    """Return a person's cards of an order: there must be one."""
    person = world.person(name)
    return [
        text_of(m)
        for m in person.messages(person.dm)
        if order.id in text_of(m) and not m.is_reply and not m.ephemeral_to
    ]


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_two_replicas_serve_one_company(tmp_path: Path, postgres: Server, mode: str) -> None:
    async with serving(tmp_path, postgres, count=2, mode=mode) as replicas:
        world = replicas.world
        async with balanced(replicas.urls) as front:
            if mode == "http":
                world.workspace.app.request_url = f"{front}/slack/events"
            else:
                await world.workspace.wait_connected(2, timeout=PATIENCE)
            order = await paid(replicas, "1250.00 EUR to ACME GmbH ref INV-7")
            await world.workspace.redeliver("slash_commands")
            await world.workspace.redeliver("interactive")
            settled = await replicas.until("settled")
        assert settled.id == order.id
        assert len(await replicas.orders()) == 1
        (entry,) = world.bank.ledger
        assert entry.end_to_end_id == order.end_to_end_id
        kinds = await replicas.kinds(order)
        for kind in ("order.requested", "order.released", "instruction.sending", "order.settled"):
            assert kinds.count(kind) == 1
        assert kinds.count("order.approval") == 2
        for name in ("amara", "bea", "carl", "dora"):
            await world.person(name).wait_message(
                lambda m: order.id in text_of(m) and "Paid" in text_of(m),
                world.person(name).dm,
                timeout=PATIENCE,
            )
            assert len(cards(world, name, order)) == 1


async def test_a_killed_replica_loses_nothing(tmp_path: Path, postgres: Server) -> None:
    """What it held (posting, a connection) is another's at once; what was asked for is paid."""
    async with serving(tmp_path, postgres, count=2, mode="socket") as replicas:
        world = replicas.world
        await world.workspace.wait_connected(2, timeout=PATIENCE)
        replicas.kill(0)
        await replicas.processes[0].wait()
        await world.workspace.wait_connected(1, timeout=PATIENCE)
        order = await paid(replicas, "1300.00 EUR to ACME GmbH")
        await replicas.until("settled")
        assert [each.end_to_end_id for each in world.bank.ledger] == [order.end_to_end_id]
        for name in ("amara", "carl"):
            assert len(cards(world, name, order)) == 1
