"""A web server in the present event loop, which leaves the process's signals alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_GRACE_SECONDS = 5


class WebServerError(Exception):
    """The server cannot listen; the text says why and what to do."""


class _Quiet(H11Protocol):
    """HTTP without an access log, whatever the process's logging is set up to do.

    Uvicorn's own setting changes a logger that all servers of a process share.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False


class _Server(uvicorn.Server):
    """Uvicorn that says when it serves and lets the program handle signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """Serves one application. `start` it, use `url`, `stop` it.

    There is no access log: the address of an enrolment page is a secret.

    Args:
        port: 0 takes any free one.
    """

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._port = port
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_Quiet,
                log_config=None,
                lifespan="off",
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and return once requests are answered.

        Raises:
            WebServerError: the address is in use or not ours.
        """
        listening = self._listen()
        self._port = listening.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]), name="web")
        serving = asyncio.create_task(self._server.serving.wait())
        await asyncio.wait((serving, self._task), return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            serving.cancel()
            listening.close()
            await self._task
            raise WebServerError(f"nothing can be served on {self._where}")

    async def stop(self) -> None:
        """Stop listening and finish what is being answered, within a few seconds."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
            self._task = None

    @property
    def url(self) -> str:
        """Where it is reached from this machine, without a final slash."""
        return f"http://{self._where}"

    @property
    def _where(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            return socket.create_server((self._host, self._port), family=family, backlog=1024)
        except OSError as error:
            raise WebServerError(
                f"cannot listen on {self._where} ({error.strerror or error}). Stop what uses "
                "this port, or choose another host and port in the settings."
            ) from None
