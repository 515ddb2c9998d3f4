"""Trouble in the world outside: the bank's and the chats' own faults, one at a time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from sandbox.bank import Fault
from tests.faults.company import World

LOST = "acts, answer lost"
"""How the name of a trouble ends by which a chat acts and cannot say so."""

_OPERATIONS = ("initiate", "initiate", "initiate", "status", "payment", "transactions")
_BANK = (
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.HANG_BEFORE,
    Fault.HANG_AFTER,
    Fault.GARBAGE,
    Fault.WRONG_TYPE,
    Fault.WRONG_REQUEST_ID,
    Fault.SLOW,
    Fault.MAINTENANCE,
    Fault.ACCESS_EXCEEDED,
    Fault.REFUSE,
)


async def strike(world: World, chance: random.Random) -> str:
    """Let one thing go wrong; return what."""
    if chance.random() < 0.6:
        return _at_the_bank(world, chance)
    name, trouble = chance.choice(list(_CHATS.items()))
    await trouble(world, chance)
    return name


def _at_the_bank(world: World, chance: random.Random) -> str:
    operation, fault = chance.choice(_OPERATIONS), chance.choice(_BANK)
    world.bank.faults.add(operation, fault, seconds=0.4)
    return f"bank: {fault.value}"


async def _slack_is_away(world: World, chance: random.Random) -> None:
    await world.workspace.go_down()
    try:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
    finally:
        await world.workspace.come_back()


async def _telegram_is_away(world: World, chance: random.Random) -> None:
    await world.telegram.go_down()
    try:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
    finally:
        await world.telegram.come_back()


async def _slack_loses_an_answer(world: World, chance: random.Random) -> None:
    method = chance.choice(("chat.postMessage", "chat.update", "files.completeUploadExternal"))
    world.workspace.faults.lost_answers[method] += 1


async def _telegram_loses_an_answer(world: World, chance: random.Random) -> None:
    del chance
    world.telegram.faults.drop_after += 1


async def _slack_fails(world: World, chance: random.Random) -> None:
    world.workspace.faults.server_errors += chance.randint(1, 3)


async def _telegram_fails(world: World, chance: random.Random) -> None:
    world.telegram.faults.server_errors += chance.randint(1, 3)


async def _slack_asks_for_patience(world: World, chance: random.Random) -> None:
    del chance
    world.workspace.limits.force("chat.postMessage", times=1, retry_after=1)


async def _telegram_asks_for_patience(world: World, chance: random.Random) -> None:
    del chance
    world.telegram.limits.force("sendMessage", times=1, retry_after=1)


_CHATS: dict[str, Callable[[World, random.Random], Awaitable[None]]] = {
    "slack: away": _slack_is_away,
    "telegram: away": _telegram_is_away,
    f"slack: {LOST}": _slack_loses_an_answer,
    f"telegram: {LOST}": _telegram_loses_an_answer,
    "slack: 5xx": _slack_fails,
    "telegram: 5xx": _telegram_fails,
    "slack: asks for patience": _slack_asks_for_patience,
    "telegram: asks for patience": _telegram_asks_for_patience,
}
