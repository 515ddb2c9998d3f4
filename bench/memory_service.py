"""The whole service, in a process that carries payments for bench/memory.py.

``python -m bench.memory_service SETTINGS FIRST`` builds and starts what `countersign run` does. It
answers every line of its input (JSON: the number of the first order, and how many) once each was
asked for, approved, sent to the bank, settled and receipted, and the notifiers have told all of it.
Nobody clicks: the approvals are given by the functions that clicks call, and at once, so that most
approvers are shown no card. What it weighs at the beginning has the benchmark in it; what it gains
is the service's.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Connection

from bench.memory_company import CHATS, approve, count_settled
from bot import service
from bot.app import App
from bot.settings import load
from workflows import audit

GROUP = 50
"""Orders that are under way at the same time."""
_PATIENCE = 300.0


async def serve(settings_file: Path, first: datetime) -> None:
    """Serve, and carry payments as they are asked for, until the input ends."""
    app = App(load(settings_file, os.environ))
    try:
        await app.start()
        assert app.web is not None
        structlog.get_logger().info("running", web=app.web.url)
        async with _input() as lines:
            while line := await lines.readline():
                begin, count = json.loads(line)
                await carry(app, range(begin, begin + count), first)
                print(json.dumps(count), flush=True)
    finally:
        await app.stop()


@asynccontextmanager
async def _input() -> AsyncIterator[asyncio.StreamReader]:
    lines = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    try:
        yield lines
    finally:
        transport.close()


async def carry(app: App, numbers: range, first: datetime) -> None:
    """Carry orders from request to receipt; each is begun as the last approver's click does it."""
    for begin in range(numbers.start, numbers.stop, GROUP):
        some = range(begin, min(numbers.stop, begin + GROUP))
        ask = partial(approve, company=app.company, numbers=some, first=first)
        for order_id in await app.database.write(ask):
            await app.dispatcher.begin(order_id)
        async with asyncio.timeout(_PATIENCE):
            while await app.database.read(count_settled) != (some.stop, some.stop):
                await asyncio.sleep(0.1)
    async with asyncio.timeout(_PATIENCE):
        while not await app.database.read(_is_told):
            await asyncio.sleep(0.5)


def _is_told(connection: Connection) -> bool:
    """Whether the notifiers have followed the record to its end."""
    head, _ = audit.head(connection)
    return all((audit.position(connection, f"notifier:{chat}") or 0) >= head for chat in CHATS)


if __name__ == "__main__":
    service.configure_logs()
    asyncio.run(serve(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])))
