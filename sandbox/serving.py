"""Runs an ASGI application by uvicorn inside the running event loop, beside other servers.

A simulated institution shares its process with the bot that talks to it, so its server must leave
the process's signals alone, stop within an instant whatever its handlers wait for, and give its
port back.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TRANSPORT = "sandbox.transport"
_STOP_SECONDS = 2.0
_TURNS = 10


class Served:
    """A server that is listening.

    Attributes:
        url: Its base address, such as ``http://127.0.0.1:40123``, without a final slash.
        port: The port it listens on.
    """

    def __init__(self, server: uvicorn.Server, url: str, port: int) -> None:
        self.url = url
        self.port = port
        self._server = server
        # Keeps the Date header of the answers true.
        self._ticking = asyncio.create_task(server.main_loop())
        self._stopped = False

    async def stop(self) -> None:
        """Close every connection, cancel every handler and free the port. Safe to call twice.

        A request under way gets no answer: its client sees the connection end. Web sockets are
        closed with code 1012 (service restart) first.
        """
        if self._stopped:
            return
        self._stopped = True
        for listener in self._server.servers:
            listener.close()
        for connection in list(self._server.server_state.connections):
            connection.shutdown()
        await self._abort_connections()
        tasks = set(self._server.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        self._ticking.cancel()
        await asyncio.wait({self._ticking})
        await self._server.lifespan.shutdown()

    async def _abort_connections(self) -> None:
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, H11Protocol):
                connection.transport.abort()
        # A few turns of the loop for the aborts to arrive (TLS takes two), so that what is
        # cancelled next does not try to answer.
        for _ in range(_TURNS):
            if not any(isinstance(c, H11Protocol) for c in self._server.server_state.connections):
                return
            await asyncio.sleep(0)


async def serve_app(
    app: App,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl: ssl.SSLContext | None = None,
) -> Served:
    """Serve ``app`` on ``host``:``port`` and return once it listens.

    Args:
        app: An ASGI 3 application; its lifespan events are sent.
        host: An IPv4 address or a name of one.
        port: 0 takes a free one; `Served.port` tells which.
        ssl: Serve HTTPS with this context.

    Raises:
        OSError: The port is taken.
        RuntimeError: The application's start-up failed; its error is in the log.
    """
    listener = socket.create_server((host, port))
    bound = int(listener.getsockname()[1])
    config = uvicorn.Config(
        _quietly(app),
        http=_Connection,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_context_factory=None if ssl is None else (lambda _config, _default: ssl),
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    try:
        await server.startup(sockets=[listener])
    except SystemExit:  # uvicorn's way of saying that the lifespan failed
        listener.close()
        raise RuntimeError(f"the application for port {bound} did not start") from None
    scheme = "http" if ssl is None else "https"
    return Served(server, f"{scheme}://{host}:{bound}", bound)


async def drop_connection(scope: Scope, receive: Receive) -> None:
    """End the connection of a request at once, without an answer; what is answered later is lost.

    Works for requests served by `serve_app`.
    """
    transport: asyncio.Transport = scope["state"][_TRANSPORT]
    transport.abort()
    await disconnected(receive)


async def disconnected(receive: Receive) -> None:
    """Wait until the client of a request, whose body has been read, has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Connection(H11Protocol):
    """Gives each request a way to end its own connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self.app_state = {**self.app_state, _TRANSPORT: transport}


def _quietly(app: App) -> App:
    """Let a handler that is cancelled at shutdown end without an entry in the error log."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] == "lifespan":
                raise

    return run
