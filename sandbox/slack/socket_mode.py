"""Socket Mode: the app dials in, and every payload goes to one of its connections.

Source: Slack, "Using Socket Mode" (hello, envelopes, acknowledgments, disconnect messages).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.slack.delivery import FAILED, TIMEOUT, Answer, Envelope, Retry, as_payload
from sandbox.slack.model import Json

MOST_CONNECTIONS = 10
TICKET_LIFE = 30.0
"""Seconds within which a connection's address must be used."""

MOST_MESSAGE_BYTES = 1024 * 1024


class SocketMode:
    """The workspace's side of Socket Mode.

    Args:
        app_id: Told to the app in ``hello``.
        patience: Real seconds to wait for an acknowledgment.

    Attributes:
        opened: How many connections were opened so far.
    """

    def __init__(self, *, app_id: str, patience: float) -> None:
        self._app_id = app_id
        self._patience = patience
        self._tickets: dict[str, float] = {}
        self._connections: list[tuple[web.WebSocketResponse, web.Request]] = []
        self._turn = 0
        self._waiting: dict[str, list[asyncio.Future[Answer]]] = {}
        self._connected = asyncio.Condition()
        self.opened = 0

    @property
    def count(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def new_ticket(self) -> str:
        """Return a ticket that opens one connection, soon."""
        now = time.monotonic()
        self._tickets = {key: end for key, end in self._tickets.items() if end > now}
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = now + TICKET_LIFE
        return ticket

    async def wait_connected(self, count: int, seconds: float) -> None:
        """Wait until at least ``count`` connections are open.

        Raises:
            TimeoutError: they are not, after ``seconds``.
        """
        async with asyncio.timeout(seconds), self._connected:
            await self._connected.wait_for(lambda: self.count >= count)

    async def wait_opened(self, opened: int, seconds: float) -> None:
        """Wait until so many connections were opened in all, those closed since included.

        Raises:
            TimeoutError: they were not, after ``seconds``.
        """
        async with asyncio.timeout(seconds), self._connected:
            await self._connected.wait_for(lambda: self.opened >= opened)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it closes."""
        if self._tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            return web.Response(status=403, text="invalid ticket")
        socket = web.WebSocketResponse(max_msg_size=MOST_MESSAGE_BYTES)
        await socket.prepare(request)
        if self.count >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        connection = (socket, request)
        self._connections.append(connection)
        self.opened += 1
        try:
            await socket.send_json(self._hello())
            async with self._connected:
                self._connected.notify_all()
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._acknowledged(message.data)
        finally:
            if connection in self._connections:
                self._connections.remove(connection)
        return socket

    async def send(self, envelope: Envelope, retry: Retry | None) -> Answer:
        """Send an envelope to one of the connections, each in its turn, and await its ack."""
        if not self._connections:
            return Answer(error=FAILED, reason="connection_failed")
        self._turn = (self._turn + 1) % len(self._connections)
        socket, _ = self._connections[self._turn]
        wire: Json = {
            "envelope_id": envelope.id,
            "type": envelope.kind,
            "payload": envelope.payload,
            "accepts_response_payload": envelope.kind != "events_api",
        }
        if envelope.kind == "events_api":
            wire |= {"retry_attempt": 0, "retry_reason": ""}
        if retry is not None:
            wire |= {"retry_attempt": retry.attempt, "retry_reason": retry.reason}
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(envelope.id, []).append(answered)
        try:
            await socket.send_json(wire)
            return await asyncio.wait_for(answered, self._patience)
        except TimeoutError:
            return Answer(error=TIMEOUT, reason="timeout")
        except ConnectionError:
            return Answer(error=FAILED, reason="connection_failed")
        finally:
            waiting = self._waiting[envelope.id]
            waiting.remove(answered)
            if not waiting:
                del self._waiting[envelope.id]

    async def refresh(self) -> None:
        """Ask every connection to come back under a new address, as Slack does now and then."""
        for socket, _ in tuple(self._connections):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})

    async def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in tuple(self._connections):
            self._connections.remove(connection)
            if connection[1].transport is not None:
                connection[1].transport.abort()

    async def close(self) -> None:
        """Close every connection in good order."""
        for socket, _ in tuple(self._connections):
            await socket.close()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": self.count,
            "debug_info": {
                "host": "sandbox",
                "started": "",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": self._app_id},
        }

    def _acknowledged(self, text: str) -> None:
        try:
            message: Any = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        for future in self._waiting.get(str(message.get("envelope_id")), ()):
            if not future.done():
                future.set_result(Answer(as_payload(message.get("payload"))))
                return
