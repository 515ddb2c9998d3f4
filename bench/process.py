"""A process that answers each line of JSON with one."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Self

from bench.dispatch_workers import Job

_PATIENCE = 300.0
_LONGEST_LINE = 2**24


class Process:
    """One of bench/dispatch_workers.py."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, job: Job) -> Self:
        """Start it; its first `line` says that it is ready."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.dispatch_workers",
                job.to_json(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
            )
        )

    async def ask(self, what: object) -> Any:
        """Return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.line()

    async def line(self) -> Any:
        """Return the next thing it says."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("a process of the benchmark ended; its error is above")
        return json.loads(line)

    async def stop(self) -> None:
        """End its input and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(20):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
