"""The short form of ``make faults``: every boundary once, and some deaths by chance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.campaign import Outcome, Round, log_of
from tests.faults.company import a_world
from tests.faults.processes import Nursery, a_nursery
from tests.faults.tour import Tour

_STEPS = (
    # The workflow's steps, the payment at the bank, and whatever goes on the record;
    r"^step |^bank .*payments|^database [a-z]+\.[a-z_]+, "
    # what chats are told, and what they deliver.
    r"|^slack (chat|files|upload).*answered|^telegram (send|edit).*answered|^delivery "
)
_AMONG_THEM = (
    "step release, after",
    "database order.requested, before the commit",
    "database order.approval, after the commit",
    "database order.released, after the commit",
    "bank POST payments/sepa-credit-transfers, before it is asked",
    "bank POST payments/sepa-credit-transfers, asked, not answered",
    "bank POST payments/sepa-credit-transfers, answered",
    "database receipt.stored, after the commit",
    "slack chat.postMessage, asked, not answered",
    "slack files.completeUploadExternal, answered",
    "telegram sendMessage, answered",
    "telegram sendDocument, asked, not answered",
    "delivery of Slack, not acknowledged",
)


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    async with a_nursery() as opened:
        yield opened


def _check(outcome: Outcome, folder: Path) -> None:
    assert not outcome.problems, "\n".join([*outcome.problems, log_of(folder)])
    assert (outcome.verdict.lost, outcome.verdict.doubled) == ([], [])


async def test_killed_at_every_step_of_a_payment(tmp_path: Path, nursery: Nursery) -> None:
    async with a_world(tmp_path) as world:
        outcome = await Tour(world, nursery, spares_start=True, where=_STEPS).run()
    _check(outcome, tmp_path)
    assert set(_AMONG_THEM) <= set(outcome.boundaries)
    assert outcome.verdict.states["settled"] >= 2


@pytest.mark.parametrize("replays", [False, True])
async def test_killed_at_any_instant(tmp_path: Path, nursery: Nursery, replays: bool) -> None:
    async with a_world(tmp_path, replays=replays) as world:
        outcome = await Round(world, nursery, seed=f"short/{replays}", kills=6).run()
    _check(outcome, tmp_path)
    assert outcome.kills == 6
