"""Events, repetition, Socket Mode's connections and signed HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from sandbox.slack import Workspace
from tests.sandbox.slack.conftest import (
    ANA,
    APP_TOKEN,
    BOT,
    FINANCE,
    RANDOM,
    SIGNING_SECRET,
    Bench,
    MakeBench,
)
from tests.sandbox.slack.test_people import buttons


def listening(app: AsyncApp) -> list[dict[str, Any]]:
    """Make an app keep every event it hears."""
    heard: list[dict[str, Any]] = []

    async def keep(body: dict[str, Any]) -> None:
        heard.append(body)

    for name in ("message", "app_mention", "file_shared", "user_change"):
        app.event(name)(keep)
    return heard


# ---- events -----------------------------------------------------------------------------------


async def test_events_come_as_subscribed(bench: Bench) -> None:
    app = bench.bolt()
    heard = listening(app)
    await bench.connect(app)
    ana = bench.workspace.person(ANA)
    await ana.say("hello")
    await ana.say("not for the bot", FINANCE)
    await ana.say("@paybot help", FINANCE)
    await ana.say("@paybot is not in here", RANDOM)
    await ana.upload("pay.csv", b"a;b\n", text="a file")
    bench.workspace.change_user(ANA, is_deleted=True)
    await bench.workspace.settle()
    events = [body["event"] for body in heard]
    found = [
        (event["type"], event.get("subtype"), event.get("channel") or event.get("channel_id"))
        for event in events
    ]
    assert sorted(found, key=str) == sorted(
        [
            ("message", None, ana.dm),
            ("app_mention", None, FINANCE),
            ("message", "file_share", ana.dm),
            ("file_shared", None, ana.dm),
        ],
        key=str,
    )
    first = next(body for body in heard if body["event"].get("text") == "hello")
    assert first["event"]["channel_type"] == "im"
    assert first["authorizations"][0]["user_id"] == BOT
    assert len({body["event_id"] for body in heard}) == len(heard)


async def test_the_bots_own_messages_come_too_and_bolt_ignores_them(bench: Bench) -> None:
    app = bench.bolt()
    heard = listening(app)
    await bench.connect(app)
    posted = await bench.client().chat_postMessage(channel=ANA, text="one")
    await bench.client().chat_update(channel=posted["channel"], ts=posted["ts"], text="two")
    await bench.client().chat_delete(channel=posted["channel"], ts=posted["ts"])
    await bench.workspace.settle()
    assert heard == []
    assert (await bench.workspace.redeliver("events_api")).error is None


async def test_without_its_scope_an_event_does_not_come(make_bench: MakeBench) -> None:
    def without(manifest: dict[str, Any]) -> None:
        manifest["oauth_config"]["scopes"]["bot"].remove("im:history")

    bench = await make_bench(changes=without)
    app = bench.bolt()
    heard = listening(app)
    await bench.connect(app)
    await bench.workspace.person(ANA).say("hello")
    await bench.workspace.settle()
    assert heard == []


async def test_an_event_without_acknowledgment_is_repeated(make_bench: MakeBench) -> None:
    bench = await make_bench(event_retries=(0, 0, 0), acknowledge_within=0.05)
    app = bench.bolt()
    heads: list[dict[str, Any]] = []

    @app.middleware
    async def refuse_twice(req: Any, next_: Any) -> None:
        heads.append(dict(req.headers))
        if len(heads) > 2:
            await next_()

    heard = listening(app)
    await bench.connect(app)
    await bench.workspace.person(ANA).say("hello")
    await bench.workspace.settle()
    assert [head.get("x-slack-retry-num") for head in heads] == [["0"], ["1"], ["2"]]
    assert heads[1]["x-slack-retry-reason"] == ["timeout"]
    assert len(heard) == 1


async def test_anything_can_be_delivered_again_the_same(bench: Bench) -> None:
    app = bench.bolt()
    heard = listening(app)
    commands: list[dict[str, Any]] = []
    clicks: list[dict[str, Any]] = []

    @app.command("/pay")
    async def pay(ack: Any, body: dict[str, Any]) -> None:
        commands.append(body)
        await ack()

    @app.action("go_a")
    async def go(ack: Any, body: dict[str, Any]) -> None:
        clicks.append(body)
        await ack()

    with pytest.raises(LookupError, match="nothing of kind"):
        await bench.workspace.redeliver("interactive")
    await bench.connect(app)
    ana = bench.workspace.person(ANA)
    await ana.command("/pay")
    await bench.client().chat_postMessage(channel=FINANCE, text="x", blocks=buttons("a"))
    await ana.click(ana.messages(FINANCE)[-1], "go_a")
    await ana.say("hello")
    await bench.workspace.settle()
    for kind in ("slash_commands", "interactive", "events_api"):
        assert (await bench.workspace.redeliver(kind)).error is None
    assert commands[0] == commands[1]
    assert clicks[0] == clicks[1]
    assert heard[0]["event_id"] == heard[1]["event_id"]


# ---- Socket Mode ------------------------------------------------------------------------------


async def test_each_payload_goes_to_one_connection(bench: Bench) -> None:
    took: list[str] = []

    def app_named(name: str) -> AsyncApp:
        app = bench.bolt()

        @app.command("/pay")
        async def pay(ack: Any) -> None:
            took.append(name)
            await ack()

        return app

    for name in ("first", "second"):
        await bench.connect(app_named(name))
    for _ in range(4):
        assert (await bench.workspace.person(ANA).command("/pay")).ok
    assert sorted(took) == ["first", "first", "second", "second"]


async def until_connected(workspace: Workspace) -> None:
    await workspace.wait_connected(1, timeout=10)


@pytest.mark.parametrize("how", ["refresh", "drop", "outage"])
async def test_the_client_comes_back(bench: Bench, how: str) -> None:
    app = bench.bolt()

    @app.command("/pay")
    async def pay(ack: Any) -> None:
        await ack()

    await bench.connect(app)
    workspace = bench.workspace
    if how == "refresh":
        count = workspace.socket.opened
        await workspace.socket.refresh()
        await workspace.socket.wait_opened(count + 1, 10)
    elif how == "drop":
        await workspace.socket.drop()
        assert not (await workspace.person(ANA).command("/pay")).ok
        await until_connected(workspace)
    else:
        async with aiohttp.ClientSession() as session:
            # A connection that was kept open must be refused as well as a new one.
            client = bench.client()
            client.session, client.retry_handlers = session, []
            await client.auth_test()
            await workspace.go_down()
            for _ in range(2):
                with pytest.raises(aiohttp.ClientConnectionError):
                    await client.auth_test()
            await workspace.come_back()
        await until_connected(workspace)
    assert (await workspace.person(ANA).command("/pay")).ok


async def test_an_address_opens_one_connection(bench: Bench) -> None:
    url = (await bench.client().apps_connections_open(app_token=APP_TOKEN))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        hello = await socket.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        await socket.send_str("not json")
        await socket.send_json(["not an envelope"])
        await socket.send_json({"envelope_id": "unknown"})
        for again in (url, url.replace("ticket=", "ticket=x")):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(again)


async def test_the_eleventh_connection_is_sent_away(bench: Bench) -> None:
    client = bench.client()
    bench.workspace.limits.is_on = False
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(11):
            url = (await client.apps_connections_open(app_token=APP_TOKEN))["url"]
            sockets.append(await session.ws_connect(url))
        first = [(await socket.receive_json())["type"] for socket in sockets]
        assert first == ["hello"] * 10 + ["disconnect"]


# ---- signed HTTP ------------------------------------------------------------------------------


@asynccontextmanager
async def served(app: AsyncApp) -> AsyncIterator[str]:
    runner = web.AppRunner(app.web_app(path="/slack/events"))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


async def test_signed_http_carries_everything(make_bench: MakeBench) -> None:
    bench = await make_bench(mode="http", event_retries=(0, 0))
    app = bench.bolt()
    heard = listening(app)
    said: list[str] = []

    @app.command("/pay")
    async def pay(ack: Any, body: dict[str, Any], client: Any) -> None:
        await client.chat_postMessage(channel=FINANCE, text="x", blocks=buttons("a"))
        await ack(f"took {body['text']}")

    @app.action("go_a")
    async def go(ack: Any, respond: Any, body: dict[str, Any]) -> None:
        said.append(body["actions"][0]["value"])
        await ack()
        await respond("thank you", replace_original=False)

    async with served(app) as url:
        bench.workspace.app.request_url = url
        ana = bench.workspace.person(ANA)
        assert (await ana.command("/pay 1 & 2", FINANCE)).ok
        card = await ana.wait_message(lambda m: m.blocks is not None, FINANCE)
        assert (await ana.click(card, "go_a")).ok
        await ana.wait_message(lambda m: m.text == "thank you" and m.ephemeral_to == ANA)
        await ana.wait_message(lambda m: m.text == "took 1 &amp; 2")
        await ana.say("hello")
        await bench.workspace.settle()
        assert [body["event"]["text"] for body in heard] == ["hello"]
        assert said == ["a"]
        bench.workspace.http.signing_secret = "forged"
        refused = await ana.command("/pay", FINANCE)
        assert refused.error == '/pay failed with the error "dispatch_failed"'
        bench.workspace.http.signing_secret = SIGNING_SECRET
        assert (await ana.command("/pay", FINANCE)).ok
    assert (await ana.command("/pay")).error == '/pay failed with the error "dispatch_failed"'
    with pytest.raises(Exception, match="socket_mode_not_enabled"):
        await bench.client().apps_connections_open(app_token=APP_TOKEN)


async def test_http_events_are_repeated_until_the_app_forbids_it(make_bench: MakeBench) -> None:
    bench = await make_bench(mode="http", event_retries=(0, 0, 0), acknowledge_within=0.2)
    seen: list[tuple[str | None, str | None]] = []
    never = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        head = request.headers
        seen.append((head.get("X-Slack-Retry-Num"), head.get("X-Slack-Retry-Reason")))
        if len(seen) == 1:
            return web.Response(status=500)
        if len(seen) == 2:
            await never.wait()
        return web.Response(status=503, headers={"X-Slack-No-Retry": "1"})

    server = web.Application()
    server.router.add_post("/", handle)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bench.stack.push_async_callback(runner.cleanup)
    bench.workspace.app.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await bench.workspace.person(ANA).say("hello")
    await bench.workspace.settle()
    never.set()
    assert seen == [(None, None), ("1", "http_error"), ("2", "http_timeout")]
