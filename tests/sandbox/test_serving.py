"""A server in this very loop: it answers, stops at once and frees its port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.serving import drop_connection, serve_app


class World:
    def __init__(self) -> None:
        self.events: list[str] = []
        self.hanging = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/", self.hello),
                Route("/hang", self.hang),
                Route("/drop", self.drop),
            ],
            lifespan=self.lifespan,
        )

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.events.append("up")
        yield
        self.events.append("down")

    async def hello(self, _request: Request) -> Response:
        return PlainTextResponse("hello")

    async def hang(self, _request: Request) -> Response:
        self.hanging.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        raise AssertionError

    async def drop(self, request: Request) -> Response:
        await drop_connection(request.scope, request.receive)
        return PlainTextResponse("lost")


async def test_serves_with_lifespan_and_gives_its_port_back() -> None:
    world = World()
    served = await serve_app(world.app)
    async with httpx.AsyncClient(base_url=served.url) as client:
        answer = await client.get("/")
    assert answer.text == "hello"
    assert "date" in answer.headers
    assert "server" not in answer.headers
    assert world.events == ["up"]

    await served.stop()
    await served.stop()
    assert world.events == ["up", "down"]
    with socket.create_server(("127.0.0.1", served.port)):
        pass
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(base_url=served.url) as client:
            await client.get("/")


async def test_a_taken_port_is_an_error_of_the_caller() -> None:
    served = await serve_app(World().app)
    with pytest.raises(OSError, match=str(served.port) + "|in use"):
        await serve_app(World().app, port=served.port)
    await served.stop()
    again = await serve_app(World().app, port=served.port)
    assert again.url == served.url
    await again.stop()


async def test_stop_cancels_what_hangs_and_keeps_quiet_about_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    served = await serve_app(world.app)
    async with httpx.AsyncClient(base_url=served.url, timeout=10) as client:
        pending = asyncio.create_task(client.get("/hang"))
        await world.hanging.wait()
        await served.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            await pending
    assert world.events == ["up", "cancelled", "down"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_drops_a_connection_without_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    served = await serve_app(World().app)
    async with httpx.AsyncClient(base_url=served.url) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get("/drop")
        assert (await client.get("/")).text == "hello"
    await served.stop()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_leaves_the_signals_of_the_process_alone() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    served = await serve_app(World().app)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    await served.stop()


async def test_an_application_that_cannot_start_is_an_error_not_an_exit() -> None:
    @contextlib.asynccontextmanager
    async def broken(_app: Starlette) -> AsyncIterator[None]:
        raise ValueError("no")
        yield

    with pytest.raises(RuntimeError, match="did not start"):
        await serve_app(Starlette(lifespan=broken))
