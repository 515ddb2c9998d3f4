"""Commands, messages, clicks and answers by response URL, as people see them."""

from __future__ import annotations

import asyncio
from typing import Any

import pyotp
import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sandbox.slack import ApiError, text_of
from tests.sandbox.slack.conftest import (
    ANA,
    BEN,
    BOT,
    CLEO,
    FINANCE,
    RANDOM,
    SECRET,
    Bench,
    MakeBench,
)


def buttons(*values: str) -> list[dict[str, Any]]:
    elements = [
        {
            "type": "button",
            "action_id": f"go_{value}",
            "value": value,
            "text": {"type": "plain_text", "text": value},
        }
        for value in values
    ]
    return [{"type": "actions", "block_id": "row", "elements": elements}]


class Heard:
    """An app that keeps every body it hears, and acknowledges."""

    def __init__(self, bench: Bench) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.app = bench.bolt()
        for listen in (self.app.command("/pay"), self.app.command("/who")):
            listen(self.take)
        for name in ("a", "b"):
            self.app.action(f"go_{name}")(self.take)

    async def take(self, ack: Any, body: dict[str, Any]) -> None:
        self.bodies.append(body)
        await ack()


@pytest.fixture
async def heard(bench: Bench) -> Heard:
    heard = Heard(bench)
    await bench.connect(heard.app)
    return heard


# ---- commands ---------------------------------------------------------------------------------


async def test_a_command_tells_who_where_and_what(bench: Bench, heard: Heard) -> None:
    ana = bench.workspace.person(ANA)
    assert (await ana.command("/pay  10 EUR to Smith & Sons <x> @ben ", RANDOM)).ok
    body = heard.bodies[-1]
    assert body["text"] == "10 EUR to Smith &amp; Sons &lt;x&gt; @ben"
    assert (body["user_id"], body["user_name"], body["channel_id"]) == (ANA, "ana", RANDOM)
    assert (body["team_id"], body["team_domain"]) == ("T0TEAM0001", "acme-corp")
    assert (await ana.command("/who is @ben in #finance or @nobody")).ok
    assert heard.bodies[-1]["text"] == f"is <@{BEN}> in <#{FINANCE}> or @nobody"
    assert heard.bodies[-1]["channel_name"] == "directmessage"


async def test_commands_the_manifest_does_not_register_do_not_exist(
    bench: Bench, heard: Heard
) -> None:
    outcome = await bench.workspace.person(ANA).command("/nope")
    assert outcome.error == "/nope is not a valid command."
    with pytest.raises(ApiError, match="channel_not_found"):
        await bench.workspace.person(CLEO).command("/pay", FINANCE)
    assert heard.bodies == []


async def test_the_acknowledgment_can_answer(bench: Bench) -> None:
    app = bench.bolt()

    @app.command("/pay")
    async def pay(ack: Any, body: dict[str, Any]) -> None:
        if body["text"] == "loud":
            await ack(text="for all", response_type="in_channel")
        elif body["text"] == "bad":
            await ack(text="x", blocks=[{"type": "card"}])
        else:
            await ack("for you")

    await bench.connect(app)
    ana, ben = bench.workspace.person(ANA), bench.workspace.person(BEN)
    await ana.command("/pay", RANDOM)
    await ana.command("/pay loud", RANDOM)
    assert [message.text for message in ana.messages(RANDOM)] == ["for you", "for all"]
    assert [message.text for message in ben.messages(RANDOM)] == ["for all"]
    outcome = await ana.command("/pay bad", RANDOM)
    assert outcome.error == '/pay failed with the error "invalid_command_response"'


async def test_an_app_that_is_away_or_slow_is_told_to_the_person(make_bench: MakeBench) -> None:
    bench = await make_bench(acknowledge_within=0.05)
    ana = bench.workspace.person(ANA)
    assert (await ana.command("/pay")).error == '/pay failed with the error "dispatch_failed"'
    app = bench.bolt()
    never = asyncio.Event()

    @app.command("/pay")
    async def pay(ack: Any) -> None:
        await never.wait()
        await ack()

    await bench.connect(app)
    assert (await ana.command("/pay")).error == '/pay failed with the error "operation_timeout"'
    never.set()


# ---- response URLs ----------------------------------------------------------------------------


async def test_a_response_url_takes_five_messages_in_half_an_hour(
    bench: Bench, heard: Heard
) -> None:
    ana = bench.workspace.person(ANA)
    await ana.command("/pay", RANDOM)
    webhook = AsyncWebhookClient(heard.bodies[-1]["response_url"])
    refused = await webhook.send(blocks=[{"type": "card"}])
    assert (refused.status_code, "invalid_blocks" in refused.body) == (400, True)
    for number in range(5):
        kind = "in_channel" if number else "ephemeral"
        answer = await webhook.send(text=f"number {number}", response_type=kind)
        assert (answer.status_code, answer.body) == (200, "ok")
    used = await webhook.send(text="number 5")
    assert (used.status_code, "used_url" in used.body) == (404, True)
    assert len(ana.messages(RANDOM)) == 5
    assert len(bench.workspace.person(BEN).messages(RANDOM)) == 4
    await ana.command("/pay", RANDOM)
    bench.clock.advance(minutes=30, seconds=1)
    late = await AsyncWebhookClient(heard.bodies[-1]["response_url"]).send(text="late")
    assert (late.status_code, "expired_url" in late.body) == (404, True)


async def test_a_commands_response_url_cannot_replace(bench: Bench, heard: Heard) -> None:
    ana = bench.workspace.person(ANA)
    await ana.command("/pay", RANDOM)
    webhook = AsyncWebhookClient(heard.bodies[-1]["response_url"])
    await webhook.send(text="working")
    await webhook.send(text="done", replace_original=True)
    assert [message.text for message in ana.messages(RANDOM)] == ["working", "done"]


async def test_a_clicks_response_url_replaces_and_deletes(bench: Bench, heard: Heard) -> None:
    client, ana = bench.client(), bench.workspace.person(ANA)
    for is_ephemeral in (True, False):
        if is_ephemeral:
            await client.chat_postEphemeral(
                channel=FINANCE, user=ANA, text="choose", blocks=buttons("a")
            )
        else:
            await client.chat_postMessage(channel=FINANCE, text="choose", blocks=buttons("a"))
        message = ana.messages(FINANCE)[-1]
        assert (await ana.click(message, "go_a")).ok
        body = heard.bodies[-1]
        assert body["container"]["is_ephemeral"] is is_ephemeral
        assert ("message" in body) is not is_ephemeral
        webhook = AsyncWebhookClient(body["response_url"])
        await webhook.send(text="besides")
        assert [m.text for m in ana.messages(FINANCE)][-2:] == ["choose", "besides"]
        await webhook.send(text="chosen", replace_original=True)
        now = ana.latest(message)
        assert now is not None
        assert (now.text, now.blocks) == ("chosen", None)
        await webhook.send_dict({"delete_original": "true"})
        assert ana.latest(message) is None


# ---- clicks -----------------------------------------------------------------------------------


async def test_only_what_is_there_can_be_clicked(bench: Bench, heard: Heard) -> None:
    client, ana = bench.client(), bench.workspace.person(ANA)
    posted = await client.chat_postMessage(channel=FINANCE, text="choose", blocks=buttons("a", "b"))
    before = ana.messages(FINANCE)[-1]
    with pytest.raises(LookupError, match="'go_c'"):
        await ana.click(before, "go_c")
    with pytest.raises(ApiError, match="channel_not_found"):
        await bench.workspace.person(CLEO).click(before, "go_a")
    await client.chat_update(channel=FINANCE, ts=posted["ts"], text="x", blocks=buttons("b"))
    with pytest.raises(LookupError, match="'go_a'"):
        await ana.click(before, "go_a")
    assert heard.bodies == []
    assert (await ana.click(before, "go_a", is_stale=True)).ok
    assert heard.bodies[-1]["actions"][0]["value"] == "a"
    assert text_of(before) == "a\nb"
    assert (await ana.click(before, "go_b")).ok


async def test_two_clicks_at_once_are_two_interactions(bench: Bench, heard: Heard) -> None:
    ana = bench.workspace.person(ANA)
    await bench.client().chat_postMessage(channel=FINANCE, text="x", blocks=buttons("a"))
    message = ana.messages(FINANCE)[-1]
    await asyncio.gather(ana.click(message, "go_a"), ana.click(message, "go_a"))
    first, second = heard.bodies
    assert first["trigger_id"] != second["trigger_id"]
    assert first["actions"][0]["action_ts"] != second["actions"][0]["action_ts"]


async def test_a_menu_in_a_message_carries_its_state(bench: Bench) -> None:
    app = bench.bolt()
    bodies: list[dict[str, Any]] = []

    @app.action("menu")
    async def menu(ack: Any, body: dict[str, Any]) -> None:
        bodies.append(body)
        await ack()

    await bench.connect(app)
    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("x", "y")]
    element = {"type": "static_select", "action_id": "menu", "options": options}
    block = {"type": "actions", "block_id": "row", "elements": [element]}
    attachments = [{"color": "#ff0000", "fallback": "x", "blocks": [block]}]
    await bench.client().chat_postMessage(channel=FINANCE, text="x", attachments=attachments)
    ana = bench.workspace.person(ANA)
    message = ana.messages(FINANCE)[-1]
    with pytest.raises(LookupError, match="offers no option 'z'"):
        await ana.click(message, "menu", "z")
    assert (await ana.click(message, "menu", "y")).ok
    assert bodies[0]["actions"][0]["selected_option"]["value"] == "y"
    assert bodies[0]["state"]["values"]["row"]["menu"]["selected_option"]["value"] == "y"


async def test_clicks_need_interactivity(make_bench: MakeBench) -> None:
    def off(manifest: dict[str, Any]) -> None:
        manifest["settings"]["interactivity"]["is_enabled"] = False

    bench = await make_bench(changes=off)
    ana = bench.workspace.person(ANA)
    await bench.client().chat_postMessage(channel=FINANCE, text="x", blocks=buttons("a"))
    outcome = await ana.click(ana.messages(FINANCE)[-1], "go_a")
    assert "not configured" in (outcome.error or "")


# ---- messages, files, the phone ---------------------------------------------------------------


async def test_waiting_says_what_is_there_instead(bench: Bench) -> None:
    ana = bench.workspace.person(ANA)
    await ana.say("hello", FINANCE)
    with pytest.raises(TimeoutError, match="'hello'"):
        await ana.wait_message(lambda message: message.text == "bye", timeout=0.01)
    with pytest.raises(TimeoutError, match="no such view"):
        await ana.wait_view(timeout=0.01)


async def test_what_is_returned_is_a_snapshot(bench: Bench) -> None:
    posted = await bench.client().chat_postMessage(channel=FINANCE, text="one")
    ana = bench.workspace.person(ANA)
    before = ana.messages(FINANCE)[-1]
    await bench.client().chat_update(channel=FINANCE, ts=posted["ts"], text="two")
    assert before.text == "one"
    now = ana.latest(before)
    assert now is not None
    assert now.text == "two"


async def test_timestamps_never_repeat_although_the_clock_stands_still(bench: Bench) -> None:
    ana = bench.workspace.person(ANA)
    sent = [(await ana.say(str(number), FINANCE)).ts for number in range(20)]
    assert sorted(set(sent)) == sent


async def test_the_phone_shows_codes_by_the_workspaces_clock(bench: Bench) -> None:
    ana, ben = bench.workspace.person(ANA), bench.workspace.person(BEN)
    first = ana.code()
    assert pyotp.TOTP(SECRET).verify(first, for_time=bench.clock())
    bench.clock.advance(seconds=30)
    assert ana.code() != first
    with pytest.raises(LookupError, match="ben has enrolled no second factor"):
        ben.code()
    ben.scan(pyotp.TOTP(SECRET).provisioning_uri(name="ben", issuer_name="Test"))
    assert ben.code() == ana.code()
    assert SECRET not in repr(ana.user)


async def test_a_message_with_a_mention_is_linked(bench: Bench) -> None:
    message = await bench.workspace.person(ANA).say("@paybot a < b", FINANCE)
    assert message.text == f"<@{BOT}> a &lt; b"
    assert text_of(message) == "@paybot a < b"
