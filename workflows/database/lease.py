"""Single holders: what at most one process does at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self


class Lease:
    """The right to be the one who does something; ``async with`` waits until it is held.

    Where only one process can use the database, it is held at once and never lost.

    Attributes:
        lost: Set when somebody else may hold it: stop what it was for, then leave the context.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = asyncio.Event()
        self._is_held = False

    @property
    def is_held(self) -> bool:
        """Whether it is ours at this moment, as far as we know."""
        return self._is_held and not self.lost.is_set()

    async def __aenter__(self) -> Self:
        self.lost.clear()
        await self._take()
        self._is_held = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_held = False
        await self._give_back()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` while it is held, anew whenever it is, until cancelled or ``work`` ends."""
        while True:
            async with self:
                working = asyncio.ensure_future(work())
                losing = asyncio.ensure_future(self.lost.wait())
                try:
                    await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    losing.cancel()
                    is_over = working.done()
                    working.cancel()
                    await asyncio.gather(working, return_exceptions=True)
            if is_over:
                working.result()
                return

    async def _take(self) -> None:
        """Wait until nobody else holds it."""

    async def _give_back(self) -> None:
        """Let the next one have it."""
