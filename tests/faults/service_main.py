"""The service as the harness starts it: `bot.service.run`, in a process that can be told to die.

Nothing of the production code knows of this. Before it is started, what it does to the world is
wrapped (`tests.faults.boundaries`), and times that only make a test long are shortened.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from telegram.ext import AIORateLimiter

import bot.app
import bot.notifier
import bot.telegram.inbox
import bot.telegram.listener
import bot.telegram.setup
import workflows.replicas
import workflows.schedule
from bot import service
from bot.app import App
from bot.settings import load
from tests.faults import boundaries
from tests.faults.boundaries import Trap, put
from tests.faults.plan import Plan
from workflows.dispatch import Pace


@dataclass(frozen=True, slots=True)
class Order:
    """How one process is to be started.

    Attributes:
        settings: The settings file.
        environ: What the settings refer to.
        socket: Where the harness listens.
        mark: File for the name of the last boundary.
        log: File for standard output and error.
        plan: When to die, as `Plan.to_json` writes it.
        hurries: Whether replicas are taken for dead within seconds.
    """

    settings: str
    socket: str
    mark: str
    log: str
    plan: str
    environ: Mapping[str, str] = field(default_factory=dict)
    hurries: bool = False

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


class Line:
    """The line to the harness: what happens here goes out, another plan comes in."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._lock = threading.Lock()

    def say(self, **news: Any) -> None:
        """Tell the harness; once this returns, it will hear it even if this process dies."""
        with self._lock:
            self._socket.sendall(json.dumps({**news, "at": time.monotonic()}).encode() + b"\n")

    def listen(self, trap: Trap) -> None:
        """Follow the plans that come, until the harness goes."""

        def listening() -> None:
            with self._socket.makefile("r") as lines:
                for line in lines:
                    trap.arm(Plan.from_json(line))
                    self.say(what="armed")

        threading.Thread(target=listening, name="harness", daemon=True).start()


def main(order: Order) -> None:
    """Be the service until told to stop, or killed."""
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    random.seed()
    line = Line(order.socket)
    line.say(what="begun", pid=os.getpid())
    trap = Trap(
        Plan.from_json(order.plan),
        boundaries.new_mark(order.mark),
        lambda name: line.say(what="dying", name=name),
    )
    boundaries.install(trap)
    line.listen(trap)
    _tell_when_ready(line)
    _hurry(is_for_replicas=order.hurries)
    service.configure_logs()
    try:
        asyncio.run(service.run(load(Path(order.settings), dict(order.environ))))
    finally:
        line.say(what="stopped", counts=dict(trap.counts))


def _tell_when_ready(line: Line) -> None:
    start = App.start

    async def starting(self: App) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _say_where)
        await start(self)
        line.say(what="ready")

    put(App, "start", starting)


def _say_where() -> None:
    """Write to the log what every task is waiting for, innermost last."""
    for task in asyncio.all_tasks():
        print(f"waiting: {task.get_name()}")
        at: Any = task.get_coro()
        while at is not None:
            frame = getattr(at, "cr_frame", None) or getattr(at, "gi_frame", None)
            if frame is not None:
                print(f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}")
            at = getattr(at, "cr_await", None) or getattr(at, "gi_yieldfrom", None)
    sys.stdout.flush()


def _hurry(*, is_for_replicas: bool) -> None:
    """Shorten what is only waited for; every proportion that safety rests on stays as it is.

    A call to the bank ends within 2 s by the settings of the harness, and a claim is used within
    10 s or not at all.
    """
    put(bot.telegram.inbox, "_PAUSE", timedelta(seconds=0.2))
    for module in (bot.app, bot.notifier, bot.telegram.listener):
        put(module, "_LONGEST_RETRY", 2.0)
    # The limits that Telegram has for groups are the library's to keep, and only make us wait.
    unlimited = partial(AIORateLimiter, overall_max_rate=0, group_max_rate=0)
    put(bot.telegram.setup, "AIORateLimiter", unlimited)
    if not is_for_replicas:
        return
    put(workflows.schedule, "HEARTBEAT_SECONDS", 1)
    put(workflows.replicas, "SILENT_FOR", timedelta(seconds=3.5))
    put(workflows.replicas, "_CLAIM", timedelta(seconds=6))
    put(bot.telegram.inbox, "_LEASE", timedelta(seconds=4))
    put(bot.app, "Pace", partial(Pace, call_within=timedelta(seconds=15)))


if __name__ == "__main__":
    main(Order.from_json(sys.argv[1]))
