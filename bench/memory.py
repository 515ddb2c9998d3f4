"""The memory of the service: idle, while it carries payments, and after very many.

``python -m bench.memory`` weighs these processes, each with Slack and Telegram connected:

* ``floor``: DBOS, slack-bolt and python-telegram-bot alone, which the others are compared with;
* ``idle``: `countersign run` of a company that has paid nothing yet;
* ``after``: `countersign run` on a database in which MEMORY_ORDERS payments are settled;
* one service that carries MEMORY_CARRIED of these from request to receipt, weighed on the way.

The rest of the orders is added in large transactions (`bench.memory_company.settle`). A process is
weighed when its memory has stopped moving. Private memory (USS) is what would be free if it ended.
Prints a table for people and, last, one line of JSON.

Settings: MEMORY_ORDERS (100000), MEMORY_CARRIED (3000), MEMORY_ROUNDS (3: starts of each, of which
the median counts).
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

import httpx

from bench import memory_company
from bench.memory_company import World

FLOOR, IDLE, AFTER = "floor", "idle", "after"
WEIGHINGS = 6
"""During its work the carrying process is weighed as often as this, and once before."""
_VERSIONS = ("dbos", "slack-bolt", "python-telegram-bot", "sqlalchemy")
_START_SECONDS, _STOP_SECONDS, _CARRY_SECONDS = 180.0, 60.0, 3600.0
_SAMPLE_SECONDS = 2.0
_STILL = 10
"""Samples that differ by less than `_MOVES`: longer than the service's own sweeps are apart."""
_MOVES = 0.5
_SETTLE_SECONDS = 180.0
_LONGEST_LINE = 2**16


@dataclass(frozen=True, slots=True)
class Weight:
    """Memory of one process in MiB.

    Attributes:
        private: Of this process alone (USS).
        pss: With its share of what it has in common with others.
        rss: With all that it has in common with others.
        peak: The largest `rss` since it began.
    """

    private: float
    pss: float
    rss: float
    peak: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Weigh a process now."""
        found = _kibibytes(f"/proc/{pid}/smaps_rollup") | _kibibytes(f"/proc/{pid}/status")
        private = found["Private_Clean"] + found["Private_Dirty"]
        return cls(*(each / 1024 for each in (private, found["Pss"], found["Rss"], found["VmHWM"])))

    @classmethod
    def median(cls, several: Sequence[Weight]) -> Self:
        """Return the medians."""
        columns = zip(*(asdict(each).values() for each in several), strict=True)
        return cls(*(statistics.median(column) for column in columns))

    def figures(self) -> dict[str, float]:
        """Return it as figures."""
        return {f"{name}_mib": round(value, 1) for name, value in asdict(self).items()}


def _kibibytes(file: str) -> dict[str, int]:
    lines = (line.split() for line in Path(file).read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) for line in lines if line[-1] == "kB"}


class Weighed:
    """A process on the scales."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    @asynccontextmanager
    async def started(
        cls, log: Path, environ: Mapping[str, str], *args: str
    ) -> AsyncIterator[Self]:
        """Start a process of Python that says in its log that it runs; stop it in the end."""
        with log.open("w") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *args,
                env={**os.environ, **environ},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_LONGEST_LINE,
            )
        try:
            yield cls(process, log)
        finally:
            await _stop(process)

    async def running(self) -> Mapping[str, str]:
        """Return what it says once it runs."""
        async with asyncio.timeout(_START_SECONDS):
            while True:
                for line in self._log.read_text().splitlines():
                    if '"event": "running"' in line:
                        found: dict[str, str] = json.loads(line)
                        return found
                if self._process.returncode is not None:
                    raise SystemExit(f"a process that was to be weighed ended:\n{self._told()}")
                await asyncio.sleep(0.1)

    async def carry(self, first: int, count: int) -> float:
        """Have it carry payments; return how many it carried in a second."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        began = time.monotonic()
        self._process.stdin.write(json.dumps([first, count]).encode() + b"\n")
        async with asyncio.timeout(_CARRY_SECONDS):
            if not await self._process.stdout.readline():
                raise SystemExit(f"the service ended while it carried payments:\n{self._told()}")
        return count / (time.monotonic() - began)

    async def settled(self) -> Weight:
        """Weigh it once its memory has stopped moving, or has moved for too long."""
        found: list[Weight] = []
        while not _is_still(found) and len(found) * _SAMPLE_SECONDS < _SETTLE_SECONDS:
            await asyncio.sleep(_SAMPLE_SECONDS)
            found.append(Weight.of(self._process.pid))
        return found[-1]

    def _told(self) -> str:
        return self._log.read_text()[-2000:]


def _is_still(found: Sequence[Weight]) -> bool:
    last = [each.private for each in found[-_STILL:]]
    return len(last) == _STILL and max(last) - min(last) < _MOVES


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    assert process.stdin is not None
    process.terminate()
    process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def serving(world: World) -> Weight:
    """Weigh `countersign run`, once it serves."""
    config = str(world.settings_file)
    args = ("-c", "from bot.cli import main; main()", "run", "--config", config)
    async with Weighed.started(world.folder / "service.log", world.environ, *args) as process:
        url = (await process.running())["web"]
        weight = await process.settled()
        await _check_health(url)
    return weight


async def floor(world: World, number: int) -> Weight:
    """Weigh the libraries alone."""
    file = str(world.folder / f"floor-{number}.sqlite")
    args = ("-m", "bench.memory_floor", file, world.slack_url, world.telegram_url)
    async with Weighed.started(world.folder / "floor.log", world.environ, *args) as process:
        await process.running()
        return await process.settled()


async def carrying(world: World, count: int) -> tuple[dict[int, Weight], float]:
    """Weigh a service by how many payments it has carried; return that and payments a second."""
    args = ("-m", "bench.memory_service", str(world.settings_file), world.first.isoformat())
    rates = []
    async with Weighed.started(world.folder / "carrying.log", world.environ, *args) as process:
        url = (await process.running())["web"]
        found = {0: await process.settled()}
        for part in range(1, WEIGHINGS + 1):
            begin, end = count * (part - 1) // WEIGHINGS, count * part // WEIGHINGS
            rates.append(await process.carry(begin, end - begin))
            found[end] = await process.settled()
        await _check_health(url)
    await world.check(count)
    return found, statistics.median(rates)


async def _check_health(url: str) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.get(f"{url}/health")
    assert answer.status_code == 200, answer.text
    assert answer.json()["chats"].keys() == set(memory_company.CHATS), answer.text


def growth(found: Mapping[int, Weight]) -> float:
    """Return by how many KiB a payment private memory grew in the second half.

    The first half warms up: what is kept of the last thousands of amounts and verdicts is bounded,
    but every payment of the benchmark has an amount of its own.
    """
    numbers = sorted(found)
    half, last = numbers[len(numbers) // 2], numbers[-1]
    return 1024 * (found[last].private - found[half].private) / (last - half)


async def measure(many: int) -> dict[str, object]:
    """Weigh everything, print the table and return the figures.

    Args:
        many: How many settled orders the last database holds.
    """
    rounds = int(os.environ.get("MEMORY_ROUNDS", "3"))
    carried = min(many, int(os.environ.get("MEMORY_CARRIED", "3000")))
    with tempfile.TemporaryDirectory(prefix="memory") as name:
        async with memory_company.a_world(Path(name), many) as world:
            idle, alone = [], []
            for number in range(rounds):
                alone.append(await floor(world, number))
                idle.append(await serving(world))
            on_the_way, rate = await carrying(world, carried)
            began = time.monotonic()
            await memory_company.settle(world, range(carried, many))
            seconds = time.monotonic() - began
            await world.check(many)
            after = [await serving(world) for _ in range(rounds)]
            size = sum(file.stat().st_size for file in world.workflows.parent.iterdir()) / 2**20
    weights = {FLOOR: Weight.median(alone), IDLE: Weight.median(idle), AFTER: Weight.median(after)}
    report(weights, on_the_way, many)
    return {
        "memory": {name: weight.figures() for name, weight in weights.items()},
        "memory_of_floor": {each: _ratio(weights[each], weights[FLOOR]) for each in (IDLE, AFTER)},
        "memory_after_of_idle": _ratio(weights[AFTER], weights[IDLE]),
        "memory_carrying": {n: each.figures() for n, each in on_the_way.items()},
        "memory_growth_kib_per_payment": round(growth(on_the_way), 2),
        "memory_orders": many,
        "memory_carried": carried,
        "memory_carried_per_second": round(rate, 1),
        "memory_fill_seconds": round(seconds),
        "memory_database_mib": round(size),
    }


def _ratio(one: Weight, other: Weight) -> float:
    return round(one.private / other.private, 2)


def report(weights: Mapping[str, Weight], on_the_way: Mapping[int, Weight], many: int) -> None:
    """Print the table."""
    print(f"\nmemory in MiB\n{'process':<28}{'of floor':>9}{'private':>9}{'RSS':>7}{'peak':>7}")
    names = {FLOOR: "the libraries alone", IDLE: "idle", AFTER: f"after {many} orders"}
    rows = {names[kind]: weight for kind, weight in weights.items()}
    rows |= {f"having carried {number}": weight for number, weight in on_the_way.items()}
    for name, each in rows.items():
        ratio = each.private / weights[FLOOR].private
        print(f"{name:<28}{ratio:>9.2f}{each.private:>9.1f}{each.rss:>7.1f}{each.peak:>7.1f}")
    print(f"growth in the second half: {growth(on_the_way):.2f} KiB a payment")


def about() -> dict[str, object]:
    """Return what was weighed."""
    return {"python": platform.python_version(), **{name: version(name) for name in _VERSIONS}}


async def run() -> None:
    """Run this measurement alone."""
    figures = await measure(int(os.environ.get("MEMORY_ORDERS", "100000")))
    print(json.dumps({"bench": "memory", **about(), **figures}))


if __name__ == "__main__":
    asyncio.run(run())
