"""How the workspace tells the app what happened: envelopes, answers, repetition.

Sources: Slack's documents on acknowledging requests (3 seconds), on Events API retries (about at
once, after 1 minute, after 5 minutes) and on Socket Mode (the same for events that stay without
acknowledgment). Commands and interactions are never repeated by Slack itself.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sandbox.slack.model import Json

Kind = Literal["slash_commands", "interactive", "events_api"]

TIMEOUT = "operation_timeout"
FAILED = "dispatch_failed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Envelope:
    """One thing to be delivered. The same envelope sent again keeps its id."""

    id: str
    kind: Kind
    payload: Json


@dataclass(frozen=True, slots=True)
class Retry:
    """Which repetition of an event this is, and why it is repeated."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app answered.

    Attributes:
        payload: The body of the acknowledgment, if it had one.
        error: ``operation_timeout`` or ``dispatch_failed`` where there was no acknowledgment.
        reason: The reason a repetition of an event would give.
        is_final: The app asked not to be sent this again.
    """

    payload: Json | None = None
    error: str | None = None
    reason: str = ""
    is_final: bool = False


class Line(Protocol):
    """A way to the app: Socket Mode or signed HTTP."""

    async def send(self, envelope: Envelope, retry: Retry | None) -> Answer:
        """Send an envelope and wait, at most three seconds, for the acknowledgment."""
        ...


class Delivery:
    """Delivers to the app and repeats events that were not acknowledged.

    Args:
        line: The way to the app.
        retry_after: Real seconds to wait before each repetition of an event.
    """

    def __init__(self, line: Line, *, retry_after: Sequence[float]) -> None:
        self._line = line
        self._retry_after = tuple(retry_after)
        self._last: dict[Kind, Envelope] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def deliver(self, kind: Kind, payload: Json) -> Answer:
        """Deliver a command or an interaction and return what the app answered."""
        return await self._line.send(self._envelope(kind, payload), None)

    def send_event(self, payload: Json) -> None:
        """Deliver an event in the background, repeating it as Slack does."""
        task = asyncio.ensure_future(self._send_event(self._envelope("events_api", payload)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def redeliver(self, kind: Kind) -> Answer:
        """Deliver the last envelope of a kind once more, with the same id and content.

        Raises:
            LookupError: nothing of this kind was delivered yet.
        """
        if kind not in self._last:
            raise LookupError(f"nothing of kind {kind} was delivered yet")
        retry = Retry(1, "timeout") if kind == "events_api" else None
        return await self._line.send(self._last[kind], retry)

    async def settle(self) -> None:
        """Wait until every event has been acknowledged or given up."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Give up what is still to be repeated."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _envelope(self, kind: Kind, payload: Json) -> Envelope:
        envelope = Envelope(str(uuid.uuid4()), kind, payload)
        self._last[kind] = envelope
        return envelope

    async def _send_event(self, envelope: Envelope) -> None:
        answer = await self._line.send(envelope, None)
        for attempt, pause in enumerate(self._retry_after, start=1):
            if answer.error is None or answer.is_final:
                return
            await asyncio.sleep(pause)
            answer = await self._line.send(envelope, Retry(attempt, answer.reason))
        if answer.error is not None:
            _log.info("gave up an event: %s", answer.reason)


def as_payload(body: Any) -> Json | None:
    """Return an acknowledgment's body as an object; plain text becomes a message's text."""
    if isinstance(body, dict):
        return body or None
    if isinstance(body, str) and body.strip():
        return {"text": body}
    return None
