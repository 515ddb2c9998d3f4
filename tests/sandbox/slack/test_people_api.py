"""What the workspace's page is told and can do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.sandbox.slack.conftest import ANA, BEN, BOT, CLEO, FINANCE, RANDOM, Bench
from tests.sandbox.slack.test_files import Form
from tests.sandbox.slack.test_people import Heard, buttons
from tests.sandbox.slack.test_views import Triggered, modal


class Page:
    """A browser showing the workspace to one person."""

    def __init__(self, session: aiohttp.ClientSession, user: str) -> None:
        self._session = session
        self._user = user

    async def get(self, path: str, **query: str) -> Any:
        query = {"user": self._user, **query}
        async with self._session.get(f"/people/{path}", params=query) as response:
            return await response.json()

    async def post(self, path: str, **body: Any) -> Any:
        body = {"user": self._user, **body}
        async with self._session.post(f"/people/{path}", json=body) as response:
            return await response.json()


@pytest.fixture
async def session(bench: Bench) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(bench.workspace.url) as session:
        yield session


@pytest.fixture
async def ana(session: aiohttp.ClientSession) -> Page:
    return Page(session, ANA)


async def test_the_workspace_at_a_glance(ana: Page) -> None:
    shown = await ana.get("workspace")
    assert shown["team"] == {"id": "T0TEAM0001", "name": "Acme Corp"}
    assert shown["app"]["bot_user_id"] == BOT
    assert shown["app"]["commands"][0] == {
        "command": "/pay",
        "description": "Pay",
        "usage_hint": "[amount]",
    }
    person = shown["users"][0]
    assert (person["id"], person["initials"], person["title"]) == (ANA, "AL", "CFO")
    assert "totp_secret" not in person
    assert shown["users"][-1]["is_bot"] is True
    assert [channel["id"] for channel in shown["channels"]] == [FINANCE, RANDOM]


async def test_messages_inbox_and_threads(
    bench: Bench, ana: Page, session: aiohttp.ClientSession
) -> None:
    root = (await ana.post("message", channel=FINANCE, text="hello & <you>"))["ts"]
    await bench.client().chat_postMessage(channel=FINANCE, text="reply", thread_ts=root)
    await bench.client().chat_postEphemeral(channel=FINANCE, user=BEN, text="for ben")
    await bench.client().chat_postMessage(channel=FINANCE, text="card", blocks=buttons("a"))
    (first, second) = (await ana.get("history", channel=FINANCE))["messages"]
    assert (first["text"], first["reply_count"], first["is_bot"]) == (
        "hello &amp; &lt;you&gt;",
        1,
        False,
    )
    assert (second["is_bot"], second["username"], second["blocks"][0]["type"]) == (
        True,
        "paybot",
        "actions",
    )
    thread = (await ana.get("history", channel=FINANCE, thread_ts=root))["messages"]
    assert [message["text"] for message in thread] == ["hello &amp; &lt;you&gt;", "reply"]
    ben = Page(session, BEN)
    assert [m["ephemeral"] for m in (await ben.get("history", channel=FINANCE))["messages"]] == [
        False,
        True,
        False,
    ]
    entries = {entry["id"]: entry for entry in (await ben.get("inbox"))["channels"]}
    assert entries[FINANCE]["unread"] == 3
    assert entries[bench.workspace.person(BEN).dm]["kind"] == "im"
    assert await ben.post("read", channel=FINANCE) == {"ok": True}
    entries = {entry["id"]: entry for entry in (await ben.get("inbox"))["channels"]}
    assert entries[FINANCE]["unread"] == 0
    refused = await Page(session, CLEO).get("history", channel=FINANCE)
    assert refused == {"ok": False, "error": "channel_not_found"}


async def test_commands_clicks_and_forms(bench: Bench, ana: Page) -> None:
    told = Triggered(bench)
    heard = Heard(bench)
    told.app.action("go_a")(heard.take)
    await bench.connect(told.app)
    assert (await ana.post("command", channel=FINANCE, text="/pay 1")) == {"ok": True}
    assert (
        "not a valid command" in (await ana.post("command", channel=FINANCE, text="/nope"))["error"]
    )

    posted = await bench.client().chat_postMessage(
        channel=FINANCE, text="card", blocks=buttons("a")
    )
    place = {"type": "message", "channel": FINANCE, "ts": posted["ts"]}
    action = {"type": "button", "block_id": "row", "action_id": "go_a", "value": "a"}
    assert await ana.post("click", container=place, action=action, state={}) == {"ok": True}
    assert heard.bodies[-1]["actions"][0]["text"]["text"] == "a"
    forged = {**action, "value": "another"}
    answer = await ana.post("click", container=place, action=forged, state={})
    assert answer == {"ok": False, "error": "no such element there: 'go_a'"}

    trigger_id = told.bodies[-1]["trigger_id"]
    await bench.client().views_open(trigger_id=trigger_id, view=modal(notify_on_close=True))
    (view,) = (await ana.get("views"))["stack"]
    assert view["state"]["name"]["name"]["value"] == "nobody"
    told.answer = {"response_action": "errors", "errors": {"name": "Who?"}}
    state = {"name": {"name": {"type": "plain_text_input", "value": "Ana"}}}
    inside = {"type": "view", "view_id": view["id"]}
    push = {"type": "button", "block_id": "more", "action_id": "push"}
    assert (await ana.post("click", container=inside, action=push, state=state))["ok"]
    assert told.bodies[-1]["view"]["state"]["values"] == state
    answer = await ana.post("submit", view_id=view["id"], state=state)
    assert answer == {"ok": False, "errors": {"name": "Who?"}}
    assert await ana.post("dismiss", view_id=view["id"]) == {"ok": True}
    assert told.bodies[-1]["type"] == "view_closed"
    assert (await ana.get("views"))["stack"] == []
    gone = await ana.post("submit", view_id=view["id"], state=state)
    assert gone == {"ok": False, "error": "not_found"}


async def test_home_and_phone(bench: Bench, ana: Page, session: aiohttp.ClientSession) -> None:
    assert await ana.get("home") == {"view": None}
    await bench.client().views_publish(user_id=ANA, view={"type": "home", "blocks": buttons("a")})
    assert (await ana.get("homeview"))["view"]["blocks"][0]["block_id"] == "row"
    action = {"type": "button", "block_id": "row", "action_id": "go_a", "value": "a"}
    answer = await ana.post("click", container={"type": "home"}, action=action, state={})
    assert answer == {"ok": False, "error": "dispatch_failed"}
    assert await ana.get("totp") == {
        "code": bench.workspace.person(ANA).code(),
        "seconds_left": 30,
    }
    assert await Page(session, BEN).get("totp") == {"code": None}


async def test_files_are_for_those_in_the_channel(
    bench: Bench, ana: Page, session: aiohttp.ClientSession
) -> None:
    upload: Any = bench.client().files_upload_v2
    await upload(channel=FINANCE, content=b"<b>x</b>", filename="x.html", title="X")
    (message,) = (await ana.get("history", channel=FINANCE))["messages"]
    (file,) = message["files"]
    assert (file["title"], file["size"]) == ("X", 8)
    async with session.get(file["url"]) as response:
        assert await response.read() == b"<b>x</b>"
        assert "sandbox" in response.headers["Content-Security-Policy"]
    async with session.get(file["url"].replace(ANA, CLEO)) as response:
        assert response.status == 400


async def test_a_file_is_given_to_a_form(
    bench: Bench, ana: Page, session: aiohttp.ClientSession
) -> None:
    told = Form(bench)
    await bench.connect(told.app)
    assert (await ana.post("command", channel=FINANCE, text="/pay")) == {"ok": True}
    await bench.workspace.person(ANA).wait_view()
    (view,) = (await ana.get("views"))["stack"]

    async def give(user: str = ANA, kind: str = "application/octet-stream", **query: str) -> Any:
        place = {"user": user, "view_id": view["id"], "block_id": "invoice", "name": "ü 1.pdf"}
        async with session.post(
            "/people/give",
            params={**place, **query},
            data=b"%PDF",
            headers={"Content-Type": kind},
        ) as response:
            return await response.json()

    file = (await give())["file"]
    assert (file["name"], file["size"], file["user"]) == ("ü 1.pdf", 4, ANA)
    assert (await give(BEN))["error"] == "not_found"
    assert (await give(kind="text/plain"))["error"] == "invalid_arguments"
    assert "no file input" in (await give(block_id="why"))["error"]

    why = {"why": {"why": {"type": "plain_text_input", "value": "x"}}}

    def state(*files: Any) -> Any:
        return {"invoice": {"invoice": {"type": "file_input", "files": list(files)}}, **why}

    # Files are what the workspace knows of them, whatever the page says.
    others = (await bench.workspace.person(BEN).upload("b.pdf", b"%PDF", FINANCE)).files[0]
    for forged in ({"id": others}, {"id": "F0NOTHING1"}, {}, "F0NOTHING1"):
        answer = await ana.post("submit", view_id=view["id"], state=state(forged))
        assert answer == {"ok": False, "error": "file_not_found"}
    answer = await ana.post("submit", view_id=view["id"], state=state())
    assert set(answer["errors"]) == {"invoice"}
    forged = {**file, "name": "a.exe", "url_private": "https://evil.test/"}
    assert await ana.post("submit", view_id=view["id"], state=state(forged)) == {"ok": True}
    assert told.taken[0]["invoice"]["files"] == [file]


async def test_news_come_as_they_happen(bench: Bench, session: aiohttp.ClientSession) -> None:
    async with session.get("/people/events", params={"user": ANA}) as stream:
        assert await stream.content.readuntil(b"\n\n") == b": here\n\n"
        client = bench.client()
        await bench.workspace.person(CLEO).say("not for ana's eyes")
        posted = await client.chat_postMessage(channel=FINANCE, text="one")
        await client.chat_update(channel=FINANCE, ts=posted["ts"], text="two")
        await client.chat_postEphemeral(channel=FINANCE, user=BEN, text="for ben")
        await client.chat_postEphemeral(channel=FINANCE, user=ANA, text="for ana")
        await client.views_publish(user_id=ANA, view={"type": "home", "blocks": []})
        await client.chat_delete(channel=FINANCE, ts=posted["ts"])
        news = [json.loads((await stream.content.readuntil(b"\n\n"))[6:]) for _ in range(5)]
    assert [item["type"] for item in news] == [
        "message",
        "message_changed",
        "ephemeral",
        "home",
        "message_deleted",
    ]
    assert news[0]["channel"] == FINANCE


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("message", {"channel": FINANCE}),
        ("message", {"channel": "C0NOWHERE1", "text": "x"}),
        ("click", {"container": [], "action": {}}),
        ("click", {"container": {"type": "view"}, "action": {}}),
        ("submit", {"view_id": "V0NONE0001", "state": []}),
        ("dismiss", {"view_id": 5}),
        ("options", {"view_id": "V0NONE0001", "block_id": "x", "action_id": "x"}),
        ("read", {"channel": None}),
    ],
)
async def test_bad_requests_are_refused(ana: Page, path: str, body: dict[str, Any]) -> None:
    answer = await ana.post(path, **body)
    assert answer["ok"] is False
    assert answer["error"]


async def test_only_json_is_taken(session: aiohttp.ClientSession) -> None:
    text = json.dumps({"user": ANA, "channel": FINANCE, "text": "forged"})
    head = {"Content-Type": "text/plain"}
    for data, headers in ((text, head), ("[]", {"Content-Type": "application/json"})):
        async with session.post("/people/message", data=data, headers=headers) as response:
            assert response.status == 400
    async with session.get("/people/inbox", params={"user": "U0NOBODY01"}) as response:
        assert (await response.json())["error"] == "user_not_found"
