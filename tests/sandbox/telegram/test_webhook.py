"""Webhooks: setting them, and what is posted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from telegram.error import BadRequest, Conflict

from sandbox.telegram import webhook
from tests.sandbox.telegram.conftest import ANA, BEN, CLEO, Bench, Clock

HOOKED = "can't use getUpdates method while webhook is active"


@dataclass
class Endpoint:
    """A bot's webhook that notes what it is posted."""

    url: str = ""
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most_at_once: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        await self.open.wait()
        self.at_once -= 1
        return web.Response(status=self.status)

    @property
    def texts(self) -> list[str]:
        return [body["message"]["text"] for body in self.bodies]


async def serve(endpoint: Endpoint, context: ssl.SSLContext | None = None) -> web.AppRunner:
    app = web.Application()
    app.router.add_post("/hook", endpoint.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    scheme = "https" if context else "http"
    endpoint.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/hook"
    return runner


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    found = Endpoint()
    found.open.set()
    runner = await serve(found)
    yield found
    found.open.set()
    await runner.cleanup()


async def test_updates_are_posted_with_the_secret(bench: Bench, endpoint: Endpoint) -> None:
    bot = await bench.bot()
    await bench.person(ANA).say("before")
    assert await bot.set_webhook(endpoint.url, secret_token="s3cret_-", max_connections=7)
    await bench.telegram.wait_listening()
    await bench.person(ANA).say("after")
    await bench.telegram.settle()
    assert endpoint.texts == ["before", "after"]
    assert endpoint.headers[0]["X-Telegram-Bot-Api-Secret-Token"] == "s3cret_-"
    assert endpoint.headers[0]["Content-Type"] == "application/json"
    info = await bot.get_webhook_info()
    assert (info.url, info.max_connections, info.pending_update_count) == (endpoint.url, 7, 0)
    assert info.last_error_date is None


async def test_a_webhook_and_questions_exclude_each_other(bench: Bench, endpoint: Endpoint) -> None:
    bot = await bench.bot()
    question = asyncio.create_task(bench.raw("getUpdates", timeout=30))
    await bench.telegram.wait_listening()
    await bot.set_webhook(endpoint.url)
    assert (await question)["description"] == "Conflict: terminated by setWebhook request"
    with pytest.raises(Conflict, match=HOOKED):
        await bot.get_updates()
    assert await bot.delete_webhook()
    assert await bot.get_updates() == ()
    words = [(await bench.raw("deleteWebhook"))["description"]]
    words += [(await bench.raw("setWebhook", url=endpoint.url))["description"] for _ in "12"]
    words += [(await bench.raw("setWebhook", url=""))["description"]]
    assert words == [
        "Webhook is already deleted",
        "Webhook was set",
        "Webhook is already set",
        "Webhook was deleted",
    ]


async def test_an_update_is_posted_until_it_is_taken(
    bench: Bench, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "FIRST_RETRY", 0.01)
    bot = await bench.bot()
    endpoint.status = 500
    await bot.set_webhook(endpoint.url)
    await bench.person(ANA).say("one")
    while len(endpoint.bodies) < 3:
        await asyncio.sleep(0.005)
    info = await bot.get_webhook_info()
    assert info.pending_update_count == 1
    assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"
    assert info.last_error_date == bench.clock.now
    endpoint.status = 204
    await bench.telegram.settle()
    assert len({body["update_id"] for body in endpoint.bodies}) == 1


async def test_nobody_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "FIRST_RETRY", 0.01)
    bot = await bench.bot()
    await bot.set_webhook("http://127.0.0.1:9/hook")
    await bench.person(ANA).say("one")
    while (await bot.get_webhook_info()).last_error_message is None:
        await asyncio.sleep(0.005)
    assert (await bot.get_webhook_info()).last_error_message == "Connection refused"
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_chats_wait_for_themselves_only(bench: Bench, endpoint: Endpoint) -> None:
    bot = await bench.bot()
    endpoint.open.clear()
    await bot.set_webhook(endpoint.url, max_connections=2)
    for text in ("one", "two"):
        await bench.person(ANA).say(text)
    for user_id in (BEN, CLEO):
        await bench.person(user_id).say("three")
    while len(endpoint.bodies) < 2:
        await asyncio.sleep(0.005)
    assert endpoint.texts == ["one", "three"]
    endpoint.open.set()
    await bench.telegram.settle()
    assert sorted(endpoint.texts) == ["one", "three", "three", "two"]
    assert endpoint.most_at_once == 2


async def test_trouble_reaches_webhooks_too(bench: Bench, endpoint: Endpoint) -> None:
    bot = await bench.bot()
    await bot.set_webhook(endpoint.url)
    bench.telegram.hold()
    for text in ("one", "two"):
        await bench.person(ANA).say(text)
    await bench.telegram.release(reverse=True)
    await bench.telegram.settle()
    await bench.telegram.redeliver()
    await bench.telegram.settle()
    assert endpoint.texts == ["two", "one", "two"]
    assert endpoint.bodies[0] == endpoint.bodies[2]


async def test_dropping_what_waits(bench: Bench, endpoint: Endpoint) -> None:
    bot = await bench.bot()
    await bench.person(ANA).say("old")
    await bot.set_webhook(endpoint.url, drop_pending_updates=True, allowed_updates=["message"])
    await bench.person(ANA).block()
    await bench.telegram.settle()
    assert endpoint.bodies == []
    assert (await bot.get_webhook_info()).allowed_updates == ("message",)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://127.0.0.1/", "Invalid webhook URL specified"),
        ("https://[", "Invalid webhook URL specified"),
        ("http://acme.test/", "An HTTPS URL must be provided for webhook"),
        ("https://acme.test:444/", "only on ports 80, 88, 443 or 8443"),
        ("https://acme.test:8443/", "Failed to resolve host"),
    ],
)
async def test_addresses_that_are_refused(bench: Bench, url: str, words: str) -> None:
    bot = await bench.bot()
    with pytest.raises(BadRequest, match=f"(?i){words}"):
        await bot.set_webhook(url)


@pytest.mark.parametrize(
    ("secret", "words"),
    [("x" * 257, "Secret token is too long"), ("a b", "contains unallowed characters")],
)
async def test_secrets_that_are_refused(bench: Bench, secret: str, words: str) -> None:
    bot = await bench.bot()
    with pytest.raises(BadRequest, match=f"(?i){words}"):
        await bot.set_webhook("https://127.0.0.1/", secret_token=secret)


async def test_a_certificate_of_the_bots_own(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "FIRST_RETRY", 0.01)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = self_signed(tmp_path)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    endpoint = Endpoint()
    endpoint.open.set()
    runner = await serve(endpoint, context)
    bench.stack.push_async_callback(runner.cleanup)
    bot = await bench.bot()
    await bench.person(ANA).say("safe")
    await bot.set_webhook(endpoint.url)
    while (await bot.get_webhook_info()).last_error_message is None:
        await asyncio.sleep(0.005)
    assert "certificate verify failed" in str((await bot.get_webhook_info()).last_error_message)
    await bot.set_webhook(endpoint.url, certificate=certificate)
    await bench.telegram.settle()
    assert endpoint.texts == ["safe"]
    assert (await bot.get_webhook_info()).has_custom_certificate


def self_signed(folder: Path) -> Path:
    """Write a certificate for this machine and its key; return the certificate's path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = Clock().now
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3650))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(pem))
    return path
