from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import ConnectorError, Indeterminate, Misconfigured, NotSent, Untrusted
from connectors.http import HttpClient, HttpResponse, HttpSettings
from tests.connectors.certificates import Identity, make_identity, server_context
from tests.connectors.loopback import (
    Behaviour,
    Request,
    drop,
    echoing,
    http,
    loopback,
    stall,
)


async def no_sleep(seconds: float) -> None:
    """Stand in for waiting between attempts."""


@asynccontextmanager
async def client_for(url: str, **settings: Any) -> AsyncIterator[HttpClient]:
    client = HttpClient("bank", HttpSettings.model_validate({"url": url, **settings}), no_sleep)
    try:
        yield client
    finally:
        await client.close()


async def pay(client: HttpClient) -> HttpResponse:
    return await client.call("POST", "/pay", headers={"X-A": "b"}, content=b"{}", acts=True)


async def look(client: HttpClient) -> HttpResponse:
    return await client.call("GET", "/look", headers={}, acts=False)


def raw(*chunks: bytes, close: bool = True) -> Behaviour:
    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        if close:
            writer.close()

    return behave


async def test_the_whole_answer_comes_back() -> None:
    async with (
        loopback(echoing(201, {"a": 1}, X_Two="2")) as server,
        client_for(server.url + "/psd2/") as client,
    ):
        answer = await pay(client)
    assert (answer.status, answer.content) == (201, b'{"a": 1}')
    assert answer.headers["x-two"] == "2"
    [request] = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/psd2/pay", b"{}")
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("call", [pay, look])
async def test_nothing_listens(call: Callable[[HttpClient], Any]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with client_for(f"http://127.0.0.1:{taken.getsockname()[1]}") as client:
            with pytest.raises(NotSent) as caught:
                await call(client)
    assert caught.value.code == "http.refused"


async def test_unknown_host() -> None:
    async with client_for("https://bank.invalid", read_attempts=1) as client:
        with pytest.raises(NotSent) as caught:
            await pay(client)
    assert caught.value.code == "http.dns"


async def test_an_untrusted_server_certificate(server_identity: Identity) -> None:
    async with (
        loopback(echoing(), server_context(server_identity)) as server,
        client_for(server.url) as client,
    ):
        with pytest.raises(NotSent) as caught:
            await pay(client)
    assert caught.value.code == "http.tls"
    assert server.requests == []


async def test_our_own_authority(server_identity: Identity, authority: Identity) -> None:
    async with (
        loopback(echoing(), server_context(server_identity)) as server,
        client_for(server.url, ca_file=authority.certificate_file) as client,
    ):
        assert (await pay(client)).status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_mutual_tls(
    version: ssl.TLSVersion,
    server_identity: Identity,
    client_identity: Identity,
    authority: Identity,
) -> None:
    context = server_context(server_identity, authority, version)
    async with (
        loopback(echoing(), context) as server,
        client_for(
            server.url,
            ca_file=authority.certificate_file,
            client_certificate_file=client_identity.certificate_file,
            client_key_file=client_identity.key_file,
        ) as client,
    ):
        assert (await pay(client)).status == 200


def refuse_handshake(listening: socket.socket, context: ssl.SSLContext) -> None:
    """Demand a certificate as most servers do; asyncio's would hang up without saying why."""
    connection, _ = listening.accept()
    wrapped = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    with wrapped, contextlib.suppress(OSError):
        try:
            wrapped.do_handshake()
        except ssl.SSLError:
            wrapped.shutdown(socket.SHUT_WR)
            while wrapped.recv(4096):
                pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("has_certificate", [True, False])
async def test_a_bank_that_refuses_our_certificate(
    version: ssl.TLSVersion,
    has_certificate: bool,
    server_identity: Identity,
    authority: Identity,
    tmp_path: Path,
) -> None:
    context = server_context(server_identity, authority, version)
    stranger = make_identity(tmp_path, "stranger")
    settings: dict[str, Any] = {"ca_file": authority.certificate_file}
    if has_certificate:
        settings["client_certificate_file"] = stranger.certificate_file
        settings["client_key_file"] = stranger.key_file
    with socket.create_server(("127.0.0.1", 0)) as listening:
        refusing = asyncio.create_task(asyncio.to_thread(refuse_handshake, listening, context))
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        async with client_for(url, **settings) as client:
            with pytest.raises((Misconfigured, NotSent)) as caught:
                await pay(client)
        await refusing
    # TLS 1.2 has no alert of its own for a certificate that is missing.
    is_vague = version is ssl.TLSVersion.TLSv1_2 and not has_certificate
    assert caught.value.code == ("http.tls" if is_vague else "http.client_certificate")


async def test_a_dropped_connection_says_nothing_of_a_payment() -> None:
    async with loopback(drop) as server, client_for(server.url) as client:
        with pytest.raises(Indeterminate) as caught:
            await pay(client)
    assert caught.value.code == "http.dropped"
    assert len(server.requests) == 1


async def test_reads_are_tried_again_and_payments_never() -> None:
    failures = 2

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal failures
        failures -= 1
        await (drop if failures >= 0 else echoing())(request, writer)

    async with loopback(behave) as server, client_for(server.url, read_attempts=3) as client:
        assert (await look(client)).status == 200
    assert len(server.requests) == 3

    async with loopback(drop) as server, client_for(server.url, read_attempts=2) as client:
        with pytest.raises(NotSent):
            await look(client)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "behave",
    [
        raw(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"),
        raw(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello"),
        raw(b"HTTP/1.1 20"),
        raw(b"no HTTP at all\r\n\r\n"),
        raw(b"HTTP/1.1 201 Created\r\nA: " + b"a" * 300_000),
    ],
    ids=["half a body", "half a chunk", "half a status", "garbage", "endless headers"],
)
async def test_half_an_answer_is_none(behave: Behaviour) -> None:
    async with loopback(behave) as server, client_for(server.url) as client:
        with pytest.raises(Indeterminate) as caught:
            await pay(client)
    assert caught.value.code == "http.dropped"


@pytest.mark.parametrize("limit", ["read_timeout_seconds", "total_timeout_seconds"])
async def test_silence(limit: str) -> None:
    async with loopback(stall) as server, client_for(server.url, **{limit: 0.05}) as client:
        with pytest.raises(Indeterminate) as caught:
            await pay(client)
        assert caught.value.code == "http.timeout"
        with pytest.raises(NotSent):
            await look(client)


async def test_an_answer_that_trickles_meets_the_deadline() -> None:
    async def trickle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with (
        loopback(trickle) as server,
        client_for(server.url, total_timeout_seconds=0.1) as client,
    ):
        with pytest.raises(Indeterminate) as caught:
            await pay(client)
    assert caught.value.code == "http.timeout"


async def test_a_handshake_that_never_ends_is_not_sent(authority: Identity) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, client_for(url, connect_timeout_seconds=0.05) as client:
        with pytest.raises(NotSent) as caught:
            await pay(client)
        server.close()
    assert caught.value.code == "http.connect_timeout"


async def test_no_free_connection_is_not_sent() -> None:
    async with (
        loopback(stall) as server,
        client_for(server.url, pool_timeout_seconds=0.05, read_timeout_seconds=60) as client,
    ):
        busy = [asyncio.create_task(pay(client)) for _ in range(20)]
        while len(server.requests) < 20:
            await asyncio.sleep(0.001)
        with pytest.raises(NotSent) as caught:
            await pay(client)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
    assert caught.value.code == "http.pool_timeout"
    assert len(server.requests) == 20


@pytest.mark.parametrize("declared", [True, False])
async def test_an_oversized_answer(declared: bool) -> None:
    length = b"Content-Length: 1000000000\r\n" if declared else b""

    async def flood(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        while not writer.is_closing():
            writer.write(b"." * 10_000)
            await writer.drain()

    async with (
        loopback(flood) as server,
        client_for(server.url, max_response_bytes=20_000) as client,
    ):
        for call in (pay, look):
            with pytest.raises(Untrusted) as caught:
                await call(client)
            assert caught.value.code == "http.too_large"
    assert len(server.requests) == 2


async def test_a_compressed_answer_is_not_unpacked() -> None:
    async with (
        loopback(echoing(200, b"\x1f\x8b", Content_Encoding="gzip")) as server,
        client_for(server.url) as client,
    ):
        with pytest.raises(Untrusted) as caught:
            await pay(client)
    assert caught.value.code == "http.encoded"


async def test_redirects_are_not_followed() -> None:
    async with (
        loopback(echoing()) as elsewhere,
        loopback(echoing(307, Location=elsewhere.url + "/pay")) as server,
        client_for(server.url) as client,
    ):
        assert (await pay(client)).status == 307
        assert (await look(client)).status == 307
    assert elsewhere.requests == []


async def test_cookies_and_the_environments_proxies_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with (
        loopback(echoing(Set_Cookie="session=1; Path=/")) as server,
        client_for(server.url) as client,
    ):
        await look(client)
        await look(client)
        await pay(client)
    assert all("cookie" not in request.headers for request in server.requests)


async def test_a_proxy_that_is_set() -> None:
    """The tunnel's own request tells the bank nothing, so a refused tunnel is not sent."""
    secret = "http://user:s3cret@127.0.0.1:"
    async with (
        loopback(echoing(403)) as proxy,
        loopback(echoing()) as server,
        client_for(f"https://127.0.0.1:{server.port}", proxy=f"{secret}{proxy.port}") as client,
    ):
        with pytest.raises(NotSent) as caught:
            await pay(client)
    assert proxy.requests[0].method == "CONNECT"
    assert "s3cret" not in repr(caught.value) + str(caught.value)


async def test_payments_take_a_fresh_connection_and_reads_share_one() -> None:
    async with loopback(echoing()) as server, client_for(server.url) as client:
        for _ in range(3):
            await look(client)
        assert server.connections == 1
        for _ in range(3):
            await pay(client)
        assert server.connections == 4


async def test_a_stale_connection_costs_a_read_nothing() -> None:
    """The server closes each connection right after its answer without having said so."""

    async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(http(200, {}))
        await writer.drain()
        writer.close()

    async with loopback(behave) as server, client_for(server.url) as client:
        for _ in range(5):
            assert (await look(client)).status == 200
            assert (await pay(client)).status == 200


async def test_cancellation_goes_through() -> None:
    async with loopback(stall) as server, client_for(server.url) as client:
        task = asyncio.create_task(pay(client))
        while not server.requests:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_nothing_secret_is_logged_or_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with loopback(drop) as server, client_for(server.url) as client:
        with pytest.raises(ConnectorError) as caught:
            await client.call(
                "POST", "/", headers={"Authorization": "Bearer t0ken"}, content=b"iban", acts=True
            )
    assert "t0ken" not in caplog.text + repr(caught.value) + str(caught.value)
    assert "iban" not in caplog.text + repr(caught.value) + str(caught.value)


def test_unusable_files(tmp_path: Path, authority: Identity) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    locked = make_identity(tmp_path, "locked", password="right")
    for settings in (
        {"ca_file": wrong},
        {"client_certificate_file": wrong},
        {
            "client_certificate_file": locked.certificate_file,
            "client_key_file": locked.key_file,
        },
        {
            "client_certificate_file": locked.certificate_file,
            "client_key_file": locked.key_file,
            "client_key_password": "wr0ng",
        },
    ):
        parsed = HttpSettings.model_validate({"url": "https://bank.example", **settings})
        with pytest.raises(Misconfigured) as caught:
            HttpClient("bank", parsed)
        assert caught.value.code == "tls.unreadable"
        assert "wr0ng" not in repr(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "bank.example",
        "ftp://bank.example",
        "http://bank.example",
        "https://user:password@bank.example",
        "https://bank.example/?a=b",
        "https://bank.example/#a",
        "https://bank.example:port",
        "https://bank example",
        "https://",
        "http://127.0.0.1.bank.example",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        HttpSettings(url=url)


@pytest.mark.parametrize(
    "url", ["https://bank.example/psd2/", "http://localhost:1", "http://[::1]:1"]
)
def test_addresses_that_are_taken(url: str) -> None:
    assert HttpSettings(url=url).url == url.rstrip("/")


def test_settings_are_strict() -> None:
    with pytest.raises(ValidationError):
        HttpSettings.model_validate({"url": "https://bank.example", "verify": False})
    with pytest.raises(ValidationError):
        HttpSettings.model_validate({"url": "https://bank.example", "client_key_file": __file__})
