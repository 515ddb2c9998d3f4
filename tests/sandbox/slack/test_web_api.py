"""The Web API through slack_sdk, and by hand where the SDK would not do it."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.slack.conftest import (
    ANA,
    APP_TOKEN,
    BEN,
    BOT,
    BOT_TOKEN,
    CLEO,
    FINANCE,
    GUEST,
    RANDOM,
    Bench,
    MakeBench,
)


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_auth_test_tells_who_the_bot_is(bench: Bench) -> None:
    answer = await bench.client().auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == (
        "T0TEAM0001",
        BOT,
        "B0BOT00001",
    )
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize(
    ("token", "error"),
    [("", "not_authed"), ("xoxb-other", "invalid_auth"), (APP_TOKEN, "not_allowed_token_type")],
)
async def test_tokens_are_checked(bench: Bench, token: str, error: str) -> None:
    assert await error_of(bench.client(token).auth_test()) == error


async def test_socket_mode_takes_the_app_token_only(bench: Bench) -> None:
    client = bench.client()
    assert await error_of(client.apps_connections_open(app_token=BOT_TOKEN)) == (
        "not_allowed_token_type"
    )
    answer = await client.apps_connections_open(app_token=APP_TOKEN)
    assert answer["url"].startswith("ws://127.0.0.1:")


async def test_unknown_method(bench: Bench) -> None:
    assert await error_of(bench.client().api_call("chat.shout")) == "unknown_method"


async def test_a_form_and_a_json_body_say_the_same(bench: Bench) -> None:
    url = f"{bench.workspace.api_url}chat.postMessage"
    arguments = {"channel": FINANCE, "text": "hello"}
    async with aiohttp.ClientSession() as session:
        head = {"Authorization": f"Bearer {BOT_TOKEN}"}
        for how in ({"json": arguments}, {"data": arguments}, {"params": arguments}):
            async with session.post(url, headers=head, **how) as response:  # type: ignore[arg-type]
                assert (await response.json())["ok"] is True
        async with session.post(url, data={**arguments, "token": BOT_TOKEN}) as response:
            assert (await response.json())["ok"] is True
        async with session.post(url, headers=head, data=b"\xff=%zz&&") as response:
            assert (await response.json())["error"] == "invalid_arguments"
    texts = [message.text for message in bench.workspace.person(ANA).messages(FINANCE)]
    assert texts == ["hello"] * 4


async def test_the_log_holds_no_tokens(bench: Bench) -> None:
    await bench.client().api_call("auth.test", params={"token": BOT_TOKEN, "x": "1"})
    (call,) = bench.workspace.calls("auth.test")
    assert call.args == {"x": "1"}
    assert BOT_TOKEN not in repr(bench.workspace.log)
    assert BOT_TOKEN not in repr(bench.workspace.app)


@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("chat:write", lambda c: c.chat_postMessage(channel=FINANCE, text="x")),
        ("users:read", lambda c: c.users_info(user=ANA)),
        ("users:read.email", lambda c: c.users_lookupByEmail(email="ana@acme.test")),
        ("im:write", lambda c: c.conversations_open(users=ANA)),
        ("channels:read", lambda c: c.conversations_info(channel=FINANCE)),
        ("channels:read", lambda c: c.conversations_list()),
        ("files:write", lambda c: c.files_getUploadURLExternal(filename="a", length=1)),
    ],
)
async def test_a_scope_the_manifest_lacks_is_missed(
    make_bench: MakeBench, scope: str, call: Any
) -> None:
    def without(manifest: dict[str, Any]) -> None:
        manifest["oauth_config"]["scopes"]["bot"].remove(scope)

    bench = await make_bench(changes=without)
    with pytest.raises(SlackApiError) as caught:
        await call(bench.client())
    assert caught.value.response["error"] == "missing_scope"
    assert scope in caught.value.response["needed"].split(",")


# ---- users and conversations ------------------------------------------------------------------


async def test_users(bench: Bench) -> None:
    client = bench.client()
    user = (await client.users_info(user=BEN, include_locale=True))["user"]
    assert (user["locale"], user["tz"], user["tz_offset"]) == ("de-DE", "Europe/Berlin", 3600)
    assert user["profile"]["email"] == "ben@acme.test"
    assert "locale" not in (await client.users_info(user=BEN))["user"]
    assert (await client.users_info(user=GUEST))["user"]["is_restricted"] is True
    found = await client.users_lookupByEmail(email="Cleo@Acme.test")
    assert found["user"]["id"] == CLEO
    assert await error_of(client.users_lookupByEmail(email="no@acme.test")) == "users_not_found"
    assert await error_of(client.users_info(user="U0NOBODY01")) == "user_not_found"
    listed = [
        member async for page in await client.users_list(limit=2) for member in page["members"]
    ]
    assert [member["id"] for member in listed] == [ANA, BEN, CLEO, GUEST, BOT]


async def test_an_address_is_shown_only_with_its_scope(make_bench: MakeBench) -> None:
    def without(manifest: dict[str, Any]) -> None:
        manifest["oauth_config"]["scopes"]["bot"].remove("users:read.email")

    bench = await make_bench(changes=without)
    assert "email" not in (await bench.client().users_info(user=ANA))["user"]["profile"]


async def test_a_deactivated_person_is_found_no_more_and_cannot_act(bench: Bench) -> None:
    bench.workspace.change_user(ANA, is_deleted=True)
    client = bench.client()
    assert (await client.users_info(user=ANA))["user"]["deleted"] is True
    assert await error_of(client.users_lookupByEmail(email="ana@acme.test")) == "users_not_found"
    assert await error_of(client.conversations_open(users=ANA)) == "user_disabled"


async def test_conversations(bench: Bench) -> None:
    client = bench.client()
    opened = (await client.conversations_open(users=ANA))["channel"]["id"]
    assert opened == bench.workspace.person(ANA).dm
    posted = await client.chat_postMessage(channel=ANA, text="hi")
    assert posted["channel"] == opened
    assert (await client.chat_postMessage(channel="#finance", text="hi"))["channel"] == FINANCE
    info = (await client.conversations_info(channel=FINANCE, include_num_members=True))["channel"]
    assert (info["name"], info["is_member"], info["num_members"]) == ("finance", True, 3)
    assert (await client.conversations_members(channel=RANDOM))["members"] == [ANA, BEN, CLEO]
    listed = (await client.conversations_list())["channels"]
    assert [channel["id"] for channel in listed] == [FINANCE, RANDOM]
    assert await error_of(client.conversations_info(channel="C0NOWHERE1")) == "channel_not_found"
    assert await error_of(client.conversations_info(channel=opened)) == "missing_scope"
    assert await error_of(client.users_list(cursor="x")) == "invalid_cursor"


# ---- messages ---------------------------------------------------------------------------------


async def test_the_bot_must_be_in_a_channel(make_bench: MakeBench) -> None:
    bench = await make_bench()
    client = bench.client()
    post = client.chat_postMessage
    assert await error_of(post(channel=RANDOM, text="x")) == "not_in_channel"
    assert await error_of(post(channel="C0NOWHERE1", text="x")) == "channel_not_found"
    bench.workspace.store.channels[RANDOM].is_private = True
    assert await error_of(post(channel=RANDOM, text="x")) == "channel_not_found"

    def public(manifest: dict[str, Any]) -> None:
        manifest["oauth_config"]["scopes"]["bot"].append("chat:write.public")

    open_bench = await make_bench(changes=public)
    assert (await open_bench.client().chat_postMessage(channel=RANDOM, text="x"))["ok"]


async def test_what_a_message_must_hold(bench: Bench) -> None:
    post = bench.client().chat_postMessage
    with pytest.warns(UserWarning, match="text"):
        assert await error_of(post(channel=FINANCE)) == "no_text"
    assert await error_of(post(channel=FINANCE, text="x" * 40_001)) == "msg_too_long"
    assert (await post(channel=FINANCE, text="x" * 40_000))["ok"]
    bad = {"event_type": "x"}
    assert await error_of(post(channel=FINANCE, text="x", metadata=bad)) == (
        "invalid_metadata_format"
    )


async def test_update_delete_and_permalink(bench: Bench) -> None:
    client, ana = bench.client(), bench.workspace.person(ANA)
    ts = (await client.chat_postMessage(channel=FINANCE, text="one"))["ts"]
    await client.chat_update(channel=FINANCE, ts=ts, text="two")
    (message,) = ana.messages(FINANCE)
    assert (message.text, message.edited is not None) == ("two", True)
    link = (await client.chat_getPermalink(channel=FINANCE, message_ts=ts))["permalink"]
    assert link == f"{bench.workspace.url}/archives/{FINANCE}/p{ts.replace('.', '')}"
    await client.chat_delete(channel=FINANCE, ts=ts)
    assert ana.messages(FINANCE) == []
    gone = client.chat_update(channel=FINANCE, ts=ts, text="three")
    assert await error_of(gone) == "message_not_found"
    theirs = await ana.say("mine", FINANCE)
    update = client.chat_update(channel=FINANCE, ts=theirs.ts, text="x")
    assert await error_of(update) == "cant_update_message"
    delete = client.chat_delete(channel=FINANCE, ts=theirs.ts)
    assert await error_of(delete) == "cant_delete_message"


async def test_a_direct_message_is_updated_by_its_own_id_only(bench: Bench) -> None:
    client = bench.client()
    posted = await client.chat_postMessage(channel=ANA, text="one")
    by_user = client.chat_update(channel=ANA, ts=posted["ts"], text="two")
    assert await error_of(by_user) == "channel_not_found"
    assert (await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="two"))["ok"]


async def test_threads(bench: Bench) -> None:
    client, ana = bench.client(), bench.workspace.person(ANA)
    root = (await client.chat_postMessage(channel=FINANCE, text="root"))["ts"]
    reply = await client.chat_postMessage(channel=FINANCE, text="a reply", thread_ts=root)
    await client.chat_postMessage(channel=FINANCE, text="to it", thread_ts=reply["ts"])
    await ana.say("mine", FINANCE, thread_ts=root)
    texts = [message.text for message in ana.messages(FINANCE, thread_ts=root)]
    assert texts == ["root", "a reply", "to it", "mine"]
    link = (await client.chat_getPermalink(channel=FINANCE, message_ts=reply["ts"]))["permalink"]
    assert link.endswith(f"?thread_ts={root}&cid={FINANCE}")


async def test_ephemeral_messages_are_for_one_member_and_not_to_be_changed(bench: Bench) -> None:
    client = bench.client()
    ephemeral = client.chat_postEphemeral
    posted = await ephemeral(channel=FINANCE, user=ANA, text="for you")
    ana, ben = bench.workspace.person(ANA), bench.workspace.person(BEN)
    assert [message.text for message in ana.messages(FINANCE)] == ["for you"]
    assert ben.messages(FINANCE) == []
    assert await error_of(ephemeral(channel=FINANCE, user=CLEO, text="x")) == (
        "user_not_in_channel"
    )
    update = client.chat_update(channel=FINANCE, ts=posted["message_ts"], text="x")
    assert await error_of(update) == "message_not_found"


async def test_messages_without_fallback_text_are_noted(bench: Bench) -> None:
    blocks = [{"type": "divider"}]
    with pytest.warns(UserWarning, match="text"):
        await bench.client().chat_postMessage(channel=FINANCE, blocks=blocks)
    await bench.client().chat_postMessage(channel=FINANCE, blocks=blocks, text="said")
    assert [call.lacks_text for call in bench.workspace.calls("chat.postMessage")] == [True, False]


async def test_the_messages_tab_can_be_off(make_bench: MakeBench) -> None:
    def off(manifest: dict[str, Any]) -> None:
        manifest["features"]["app_home"]["messages_tab_enabled"] = False

    bench = await make_bench(changes=off)
    client: AsyncWebClient = bench.client()
    assert await error_of(client.chat_postMessage(channel=ANA, text="x")) == "messages_tab_disabled"
