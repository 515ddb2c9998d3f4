"""A server on loopback whose every byte a test decides."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Loopback:
    """What came in, and what is done about it."""

    behave: Behaviour
    port: int = 0
    connections: int = 0
    requests: list[Request] = field(default_factory=list)
    tasks: set[asyncio.Task[Any] | None] = field(default_factory=set)
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.add(asyncio.current_task())
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ", 2)
                headers = {
                    name.strip().lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(method, path, headers, body)
                self.requests.append(request)
                await self.behave(request, writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side, or the test, has had enough
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def loopback(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    server = Loopback(behave, scheme="https" if tls else "http")
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        running = [task for task in server.tasks if task and not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running)


def http(
    status: int = 200,
    body: Any = None,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> bytes:
    """Return a whole HTTP answer."""
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    if content:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def echoing(status: int = 200, body: Any = None, **more: str) -> Behaviour:
    """Answer every request alike, as a bank does: with its X-Request-ID."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        headers = {"X-Request-ID": request.headers.get("x-request-id", "")}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        writer.write(http(status, body, headers))

    return behave


async def drop(request: Request, writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""
    writer.close()


async def stall(request: Request, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()
