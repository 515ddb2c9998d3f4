"""The harness's side of the processes: starting, watching, killing and arming them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.boundaries import new_mark, read_mark
from tests.faults.plan import Plan
from tests.faults.service_main import Order

ROOT = Path(__file__).parents[2]


@dataclass(eq=False)
class Life:
    """One process of the service, from its birth to its end. Times are monotonic.

    Attributes:
        plan: Where it was to die.
        born: When it was asked for.
        ready: When it served.
        died: When its end was noticed.
        killed_at: The boundary it died at by itself; empty for any other end.
        last: The last boundary it reached.
        counts: The boundaries it reached, where it stopped in good order.
        stuck: What it did not do in a long time.
    """

    plan: Plan
    born: float
    pid: int = 0
    ready: float | None = None
    died: float | None = None
    status: int | None = None
    killed_at: str = ""
    last: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    stuck: str = ""
    started: asyncio.Event = field(default_factory=asyncio.Event)
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    armed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    writer: asyncio.StreamWriter | None = None

    @property
    def was_killed(self) -> bool:
        """Whether it died by SIGKILL."""
        return self.status == -signal.SIGKILL

    def kill(self) -> None:
        """End it between any two instructions."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    async def stop(self, patience: float = 30.0) -> None:
        """Have it stop in good order; one that does not is killed, and says where it was."""
        with suppress(ProcessLookupError, TimeoutError):
            async with asyncio.timeout(patience):
                if not self.ended.is_set():
                    os.kill(self.pid, signal.SIGTERM)
                    await self.ended.wait()
        await self.end_stuck("did not stop")

    async def end_stuck(self, what: str) -> None:
        """End it if it still lives, and remember what it did not do."""
        if self.ended.is_set():
            return
        self.stuck = what
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)
        await asyncio.sleep(0.5)
        self.kill()
        await self.ended.wait()

    async def arm(self, plan: Plan) -> None:
        """Give it another plan; returns when it follows that, or has died."""
        self.armed.clear()
        if self.writer is not None:
            with suppress(ConnectionError):
                self.writer.write(plan.to_json().encode() + b"\n")
                await self.writer.drain()
        await first_of(self.armed, self.ended)

    async def is_ready(self, seconds: float) -> bool:
        """Wait until it serves; False where it died instead, or does not in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await first_of(self.serving, self.ended)
        return self.serving.is_set() and not self.ended.is_set()


async def first_of(*events: asyncio.Event) -> None:
    """Wait until one of several events has happened."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


class Nursery:
    """Starts processes of the service, quickly: see `tests.faults.zygote`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = str(folder / "line")
        self._births: asyncio.Queue[int] = asyncio.Queue()
        self._living: dict[int, Life] = {}
        self._lock = asyncio.Lock()
        self._zygote: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Server | None = None
        self._reading: asyncio.Task[None] | None = None
        self._count = 0

    async def open(self) -> None:
        """Import everything, once."""
        self._listening = await asyncio.start_unix_server(self._hear, self._socket)
        self._zygote = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.zygote",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """End whatever still lives."""
        for life in list(self._living.values()):
            life.kill()
        if self._zygote is not None:
            assert self._zygote.stdin is not None
            self._zygote.stdin.close()
            await self._zygote.wait()
        if self._reading is not None:
            await self._reading
        if self._listening is not None:
            self._listening.close()

    async def bear(
        self,
        settings: Path,
        environ: Mapping[str, str],
        plan: Plan,
        *,
        hurries: bool = False,
        is_cold: bool = False,
    ) -> Life:
        """Start a process; returns when it exists.

        Args:
            is_cold: Start a new interpreter that imports everything, as people do.
        """
        self._count += 1
        order = Order(
            settings=str(settings),
            socket=self._socket,
            mark=str(self._folder / f"mark-{self._count}"),
            log=str(settings.parent / "service.log"),
            plan=plan.to_json(),
            environ=environ,
            hurries=hurries,
        )
        async with self._lock:
            life = Life(plan, time.monotonic())
            if is_cold:
                cold = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.faults.service_main", order.to_json(), cwd=ROOT
                )
                life.pid = cold.pid
                self._living[life.pid] = life
                asyncio.get_running_loop().create_task(self._bury_cold(cold, life, order.mark))
            else:
                assert self._zygote is not None
                assert self._zygote.stdin is not None
                self._zygote.stdin.write(order.to_json().encode() + b"\n")
                life.pid = await self._births.get()
                self._living[life.pid] = life
        life.last = order.mark
        await first_of(life.started, life.ended)
        return life

    async def _bury_cold(self, process: asyncio.subprocess.Process, life: Life, mark: str) -> None:
        await self._died(life.pid, await process.wait())

    async def _follow(self) -> None:
        """Take note of births and deaths."""
        assert self._zygote is not None
        assert self._zygote.stdout is not None
        async for line in self._zygote.stdout:
            news = json.loads(line)
            if "born" in news:
                self._births.put_nowait(news["born"])
                while not self._births.empty():
                    await asyncio.sleep(0)
            else:
                await self._died(news["died"], news["status"])

    async def _died(self, pid: int, status: int) -> None:
        while pid not in self._living:
            await asyncio.sleep(0)
        life = self._living.pop(pid)
        life.died, life.status = time.monotonic(), status
        with suppress(TimeoutError):  # its last words come over another line
            async with asyncio.timeout(1):
                await life.hung_up.wait()
        path, life.last = Path(life.last), ""
        if path.exists():
            mark = new_mark(str(path))
            life.last = read_mark(mark)
            mark.close()
            path.unlink()
        life.ended.set()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear what one process says."""
        life: Life | None = None
        with suppress(ConnectionError):
            async for line in reader:
                if not line.endswith(b"\n"):
                    break
                news = json.loads(line)
                if life is None:
                    while (life := self._living.get(news["pid"])) is None:
                        await asyncio.sleep(0)
                    life.writer = writer
                    life.started.set()
                elif news["what"] == "ready":
                    life.ready = news["at"]
                    life.serving.set()
                elif news["what"] == "armed":
                    life.armed.set()
                elif news["what"] == "dying":
                    life.killed_at = news["name"]
                elif news["what"] == "stopped":
                    life.counts = news["counts"]
        if life is not None:
            life.hung_up.set()
        writer.close()


@asynccontextmanager
async def a_nursery() -> AsyncIterator[Nursery]:
    """Open a nursery for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="faults") as folder:
        nursery = Nursery(Path(folder))
        await nursery.open()
        try:
            yield nursery
        finally:
            await nursery.close()
