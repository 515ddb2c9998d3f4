"""Mini Apps: who opens one is proven by what its address holds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, WebAppInfo

from tests.sandbox.telegram.conftest import ANA, TOKEN, Bench


async def opened(bench: Bench, url: str) -> str:
    bot = await bench.bot()
    button = InlineKeyboardButton("Open form", web_app=WebAppInfo(url))
    await bot.send_message(ANA, "x", reply_markup=InlineKeyboardMarkup([[button]]))
    press = await bench.person(ANA).press(bench.newest(), "form")
    assert not press.answered
    return press.url


async def test_an_app_learns_who_opens_it(bench: Bench) -> None:
    url = await opened(bench, "https://acme.test/form?order=1")
    assert url.startswith("https://acme.test/form?order=1#")
    fragment = parse_qs(urlsplit(url).fragment)
    assert fragment["tgWebAppVersion"]
    data = dict(parse_qsl(fragment["tgWebAppData"][0], strict_parsing=True))
    assert json.loads(data["user"]) == {
        "id": ANA,
        "first_name": "Ana",
        "last_name": "Lima",
        "username": "ana_lima",
        "language_code": "en",
        "allows_write_to_pm": True,
    }
    assert int(data["auth_date"]) == bench.clock.now.timestamp()
    assert data["query_id"]
    assert await bench.updates() == []

    signature = data.pop("hash")
    lines = "\n".join(f"{key}={data[key]}" for key in sorted(data))
    key = hmac.new(b"WebAppData", TOKEN.encode(), hashlib.sha256).digest()
    assert signature == hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()


async def test_third_parties_can_check_it_too(bench: Bench) -> None:
    url = await opened(bench, "http://127.0.0.1/form#top")
    data = dict(parse_qsl(parse_qs(urlsplit(url).fragment)["tgWebAppData"][0]))
    data.pop("hash")
    signed = base64.urlsafe_b64decode(data.pop("signature") + "==")
    lines = "\n".join(f"{key}={data[key]}" for key in sorted(data))
    key = Ed25519PublicKey.from_public_bytes(bench.telegram.mini_apps.public_key)
    key.verify(signed, f"123456789:WebAppData\n{lines}".encode())
    with pytest.raises(InvalidSignature):
        key.verify(signed, f"123456780:WebAppData\n{lines}".encode())
