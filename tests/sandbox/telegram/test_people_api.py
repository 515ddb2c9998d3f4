"""What the page is told and can do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Update, WebAppInfo
from telegram.ext import CallbackQueryHandler

from sandbox.telegram import BotConfig, Telegram, people_api
from tests.sandbox.telegram.conftest import (
    ANA,
    BEN,
    CLEO,
    FINANCE,
    RANDOM,
    TOKEN,
    Bench,
    keyboard,
    png,
)


class Page:
    """A browser showing Telegram to one person."""

    def __init__(self, http: httpx.AsyncClient, user: int) -> None:
        self._http = http
        self._user = str(user)

    async def get(self, path: str, **query: Any) -> Any:
        response = await self._http.get(f"/people/{path}", params={"user": self._user, **query})
        return response.json()

    async def post(self, path: str, **body: Any) -> Any:
        body = {"user": self._user, **body}
        response = await self._http.post(f"/people/{path}", json=body)
        assert response.json()["ok"] is (response.status_code == 200)
        return response.json()

    async def upload(self, content: bytes, **query: Any) -> Any:
        query = {"user": self._user, **query}
        response = await self._http.post("/people/file", params=query, content=content)
        return response.json()


@pytest.fixture
def ana(bench: Bench) -> Page:
    return Page(bench.http, ANA)


async def test_who_is_there(ana: Page) -> None:
    shown = await ana.get("telegram")
    assert shown["bot"] == {"id": 123456789, "name": "Paybot", "username": "acme_pay_bot"}
    first = shown["users"][0]
    assert first.pop("color").startswith("#")
    assert first == {
        "id": ANA,
        "name": "Ana Lima",
        "first_name": "Ana",
        "username": "ana_lima",
        "title": "CFO",
        "initials": "AL",
        "language_code": "en",
    }
    assert [(group["id"], group["members"]) for group in shown["groups"]] == [
        (FINANCE, [ANA, BEN]),
        (RANDOM, [ANA, CLEO]),
    ]


async def test_chats_and_what_is_unread(bench: Bench, ana: Page) -> None:
    bot = await bench.bot()
    await ana.post("message", chat=str(ANA), text="hello")
    await bot.send_message(ANA, "<b>one</b>\ntwo", parse_mode="HTML")
    await bot.send_photo(FINANCE, png(4, 4))
    private, finance, other = (await ana.get("inbox"))["chats"]
    assert private == {
        "id": ANA,
        "title": "Paybot",
        "kind": "private",
        "unread": 1,
        "preview": "one two",
        "latest": int(bench.clock.now.timestamp()),
    }
    assert (finance["title"], finance["kind"], finance["preview"]) == ("Finance", "group", "Photo")
    assert (other["preview"], other["latest"]) == ("", 0)
    assert await ana.post("read", chat=ANA) == {"ok": True}
    assert (await ana.get("inbox"))["chats"][0]["unread"] == 0


async def test_history(bench: Bench, ana: Page) -> None:
    bot = await bench.bot()
    asked = await ana.post("message", chat=ANA, text="/pay 5 <EUR>\nsoon")
    await bot.send_message(
        ANA,
        '<b>Pay</b> <a href="https://acme.test">5 &lt; 6</a>',
        parse_mode="HTML",
        protect_content=True,
        reply_parameters={"message_id": asked["id"]},  # type: ignore[arg-type]
        reply_markup=keyboard({"Yes": "y"}),
    )
    await bot.send_document(ANA, b"a;b", filename="x.csv", caption="<i>c</i>", parse_mode="HTML")
    await ana.post("forward", chat=ANA, id=3, to=ANA)
    shown = await ana.get("history", chat=ANA)
    assert (shown["has_started"], shown["is_blocked"]) == (True, False)
    said, card, file, copy = shown["messages"]
    assert (said["html"], said["sender"], said["is_bot"]) == (
        "/pay 5 &lt;EUR&gt;\nsoon",
        ANA,
        False,
    )
    assert card == {
        "id": 2,
        "sender": 123456789,
        "sender_name": "Paybot",
        "is_bot": True,
        "text": "Pay 5 < 6",
        "html": '<b>Pay</b> <a href="https://acme.test">5 &lt; 6</a>',
        "caption_html": "",
        "buttons": [[{"label": "Yes", "data": "y", "url": "", "web_app": "", "style": ""}]],
        "photo": None,
        "document": None,
        "edited": False,
        "protected": True,
        "reply_to": {"id": 1, "preview": "/pay 5 <EUR> soon"},
        "forward_from": "",
        "date": int(bench.clock.now.timestamp()),
        "service": "",
    }
    assert (file["html"], file["caption_html"]) == ("", "<i>c</i>")
    assert (file["document"]["name"], file["document"]["size"]) == ("x.csv", 3)
    assert (copy["forward_from"], copy["sender_name"]) == ("Paybot", "Ana Lima")
    await bot.delete_message(ANA, asked["id"])
    (card, *_) = (await ana.get("history", chat=ANA))["messages"]
    assert card["reply_to"]["preview"] == "Deleted message"


async def test_a_groups_own_news_are_told_in_words(bench: Bench, ana: Page) -> None:
    bench.telegram.remove_bot(FINANCE)
    bench.telegram.add_bot(FINANCE)
    new_id = bench.telegram.upgrade_group(FINANCE)
    told = (await ana.get("history", chat=FINANCE))["messages"]
    assert [message["service"] for message in told] == [
        "Ana Lima added Paybot",
        "The group was upgraded to a supergroup",
    ]
    assert [chat["id"] for chat in (await ana.get("inbox"))["chats"]] == [ANA, RANDOM, new_id]
    assert FINANCE not in [group["id"] for group in (await ana.get("telegram"))["groups"]]


async def test_writing_editing_and_replying(bench: Bench, ana: Page) -> None:
    first = await ana.post("message", chat=FINANCE, text="/one")
    second = await ana.post("message", chat=FINANCE, text="/two", reply_to=first["id"])
    assert await ana.post("edit", chat=FINANCE, id=second["id"], text="/three") == {"ok": True}
    (_, shown) = (await ana.get("history", chat=FINANCE))["messages"]
    assert (shown["text"], shown["edited"], shown["reply_to"]["id"]) == ("/three", True, 1)
    assert len(await bench.updates()) == 3


async def test_starting_links_and_blocking(bench: Bench) -> None:
    cleo = Page(bench.http, CLEO)
    assert (await cleo.get("history", chat=CLEO))["has_started"] is False
    await cleo.post("start", payload="abc")
    assert await cleo.post("link", url="https://t.me/acme_pay_bot?start=x") == {
        "ok": True,
        "chat": CLEO,
    }
    await cleo.post("block")
    shown = await cleo.get("history", chat=CLEO)
    assert [message["text"] for message in shown["messages"]] == ["/start abc", "/start x"]
    assert (shown["has_started"], shown["is_blocked"]) == (True, True)
    refused = await cleo.post("message", chat=CLEO, text="x")
    assert refused == {"ok": False, "error": "the bot is blocked: unblock it first"}
    await cleo.post("unblock")
    assert (await cleo.get("history", chat=CLEO))["is_blocked"] is False
    assert (await cleo.post("link", url="https://acme.test"))["ok"] is False


async def test_the_menu_of_commands(bench: Bench, ana: Page) -> None:
    bot = await bench.bot()
    await bot.set_my_commands([BotCommand("pay", "Pay somebody")])
    assert await ana.get("commands", chat=ANA) == {
        "commands": [{"command": "pay", "description": "Pay somebody"}]
    }


async def test_pressing(bench: Bench, ana: Page) -> None:
    async def answer(update: Update, context: Any) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("Done", show_alert=True)

    app = await bench.poll(CallbackQueryHandler(answer))
    markup = InlineKeyboardMarkup(
        [
            [InlineKeyboardButton("Go", callback_data="go")],
            [InlineKeyboardButton("Form", web_app=WebAppInfo("https://acme.test/form"))],
        ]
    )
    sent = await app.bot.send_message(ANA, "x", reply_markup=markup)
    press = await ana.post("press", chat=ANA, id=sent.message_id, data="go")
    assert press == {"ok": True, "answered": True, "text": "Done", "is_alert": True, "url": ""}
    press = await ana.post("press", chat=ANA, id=sent.message_id, data="https://acme.test/form")
    assert press["url"].startswith("https://acme.test/form#tgWebAppData=")
    gone = await ana.post("press", chat=ANA, id=sent.message_id, data="forged")
    assert gone == {"ok": False, "error": "this button is gone"}
    gone = await ana.post("press", chat=ANA, id=99, data="go")
    assert gone == {"ok": False, "error": "this message is gone"}


async def test_files(bench: Bench, ana: Page) -> None:
    sent = await ana.upload(b"a;b", chat=ANA, name="pay.csv", mime="text/csv", caption="June")
    assert sent["ok"] is True
    await ana.upload(png(8, 6), chat=ANA, name="x.png", mime="image/png")
    await ana.upload(b"<svg/>", chat=ANA, name="x.svg", mime="image/svg+xml")
    table, photo, drawing = (await ana.get("history", chat=ANA))["messages"]
    assert (table["document"]["mime"], table["caption_html"]) == ("text/csv", "June")
    assert (photo["photo"]["width"], photo["photo"]["height"]) == (8, 6)
    assert drawing["document"]["name"] == "x.svg"
    response = await bench.http.get(table["document"]["url"])
    assert (response.content, response.headers["Content-Type"]) == (b"a;b", "text/csv")
    assert "sandbox" in response.headers["Content-Security-Policy"]
    other = table["document"]["url"].replace(str(ANA), str(BEN))
    assert (await bench.http.get(other)).status_code == 409
    assert (await ana.upload(b"", chat=ANA, name="x"))["ok"] is False
    assert (await ana.upload(b"x", chat=ANA))["ok"] is False


async def test_files_are_taken_from_this_page_alone(bench: Bench) -> None:
    query = {"user": str(ANA), "chat": str(ANA), "name": "x"}
    for origin, status in (("https://evil.test", 403), (bench.telegram.url, 200)):
        response = await bench.http.post(
            "/people/file", params=query, content=b"x", headers={"Origin": origin}
        )
        assert response.status_code == status


async def test_the_phone(bench: Bench, ana: Page) -> None:
    code = bench.person(ANA).code()
    assert await ana.get("totp") == {"code": code, "seconds_left": 30}
    assert await Page(bench.http, BEN).get("totp") == {"code": None}


# ---- news ----------------------------------------------------------------------------------------


async def events(lines: AsyncIterator[str], count: int) -> list[Any]:
    found = []
    async for line in lines:
        if line.startswith("data: "):
            found.append(json.loads(line[6:]))
            if len(found) == count:
                break
    return found


async def test_news_come_as_they_happen(bench: Bench, ana: Page) -> None:
    bot = await bench.bot()
    async with bench.http.stream("GET", "/people/events", params={"user": str(ANA)}) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ": here"
        await bench.person(BEN).say("not for ana's eyes")
        sent = await bot.send_message(ANA, "one")
        await bot.edit_message_text("two", ANA, sent.message_id)
        await bot.send_chat_action(FINANCE, "typing")
        await bot.delete_message(ANA, sent.message_id)
        await ana.post("read", chat=ANA)
        bench.telegram.remove_bot(FINANCE)
        news = await events(lines, 6)
    assert news == [
        {"type": "message", "chat": ANA},
        {"type": "edit", "chat": ANA},
        {"type": "typing", "chat": FINANCE},
        {"type": "delete", "chat": ANA},
        {"type": "chat", "chat": ANA},
        {"type": "chat", "chat": FINANCE},
    ]


async def test_a_silent_stream_and_one_that_falls_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_api, "_KEEP_ALIVE", 0.02)
    monkeypatch.setattr(people_api, "_MOST_WAITING", 2)
    async with bench.http.stream("GET", "/people/events", params={"user": str(ANA)}) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ": here"
        async for line in lines:
            if line == ": still here":
                break
        for _ in range(4):  # Faster than the stream can tell.
            bench.telegram.store.mark_read(BEN, BEN)
        async with asyncio.timeout(2):
            assert [line async for line in lines if line.startswith("data")] == []


async def test_stopping_ends_the_streams(bench: Bench) -> None:
    async with bench.http.stream("GET", "/people/events", params={"user": str(ANA)}) as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == ": here"
        await bench.telegram.stop()
        assert [line async for line in lines if line] == []


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("message", {"chat": ANA}),
        ("message", {"chat": ANA, "text": " "}),
        ("message", {"chat": ANA, "text": "x" * 4097}),
        ("message", {"chat": -9, "text": "x"}),
        ("message", {"chat": "x", "text": "x"}),
        ("message", {"text": "x"}),
        ("message", {"chat": BEN, "text": "x"}),
        ("message", {"user": "5", "chat": ANA, "text": "x"}),
        ("press", {"chat": ANA, "id": None, "data": "x"}),
        ("press", {"chat": ANA, "id": 1}),
        ("edit", {"chat": ANA, "id": 1, "text": "x"}),
        ("forward", {"chat": ANA, "id": 1, "to": FINANCE}),
        ("read", {"chat": None}),
        ("link", {}),
    ],
)
async def test_bad_requests_are_refused(ana: Page, path: str, body: dict[str, Any]) -> None:
    answer = await ana.post(path, **body)
    assert answer["ok"] is False
    assert answer["error"]


async def test_only_json_is_taken(bench: Bench) -> None:
    text = json.dumps({"user": str(ANA), "chat": ANA, "text": "forged"})
    for content, kind in (
        (text, "text/plain"),
        ("[]", "application/json"),
        ("{", "application/json"),
    ):
        response = await bench.http.post(
            "/people/message", content=content, headers={"Content-Type": kind}
        )
        assert response.status_code == 400
    assert bench.person(ANA).messages() == []


async def test_the_page_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_api, "PAGE", tmp_path)
    (tmp_path / "x.js").write_text("let x;", encoding="utf-8")
    telegram = Telegram([], bot=BotConfig(TOKEN, "x_bot", "X"))
    await telegram.start()
    async with httpx.AsyncClient(base_url=telegram.url, trust_env=False) as http:
        assert (await http.get("/")).status_code == 404
        (tmp_path / "index.html").write_text("<!doctype html>", encoding="utf-8")
        assert (await http.get("/")).text == "<!doctype html>"
        assert (await http.get("/static/x.js")).text == "let x;"
        assert (await http.get("/static/../x.js")).status_code == 404
    await telegram.stop()
