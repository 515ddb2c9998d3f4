"""Groups: what the bot hears there, and what can become of a group."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import ChatMember
from telegram.error import BadRequest, ChatMigrated, Forbidden

from sandbox.telegram import Press
from tests.sandbox.telegram.conftest import ANA, BEN, CLEO, FINANCE, RANDOM, Bench, keyboard


def kinds(updates: list[dict[str, Any]]) -> list[str]:
    return [next(iter(update.keys() - {"update_id"})) for update in updates]


async def test_privacy_mode(bench: Bench) -> None:
    bot = await bench.bot()
    await bot.send_message(FINANCE, "Who approves?")
    ana, asked = bench.person(ANA), bench.newest(ANA, FINANCE)
    own = await ana.say("just talking", FINANCE)
    await ana.say("really", FINANCE, reply_to=own)
    await ana.say("/pay@other_bot 5", FINANCE)
    await ana.say("@other_bot hello", FINANCE)
    await ana.say("and/or 5", FINANCE)
    for heard in ("/pay 5", "please /pay@Acme_Pay_Bot", "hi @acme_pay_bot"):
        await ana.say(heard, FINANCE)
    await bench.person(BEN).say("me", FINANCE, reply_to=asked)
    await ana.edit(own, "/now a command")
    found = await bench.updates()
    told = [next(value for key, value in each.items() if key != "update_id") for each in found]
    assert [message["text"] for message in told] == [
        "/pay 5",
        "please /pay@Acme_Pay_Bot",
        "hi @acme_pay_bot",
        "me",
        "/now a command",
    ]
    assert told[3]["reply_to_message"]["text"] == "Who approves?"
    assert told[0]["chat"] == {
        "id": FINANCE,
        "type": "group",
        "title": "Finance",
        "all_members_are_administrators": True,
    }


async def test_only_members_write_and_read(bench: Bench) -> None:
    cleo = bench.person(CLEO)
    with pytest.raises(LookupError):
        await cleo.say("hi", FINANCE)
    with pytest.raises(LookupError):
        cleo.messages(FINANCE)
    await cleo.say("/pay", RANDOM)  # The bot is not there.
    assert await bench.updates() == []


async def test_a_group_becomes_a_supergroup(bench: Bench) -> None:
    bot = await bench.bot()
    sent = await bot.send_message(FINANCE, "old")
    new_id = bench.telegram.upgrade_group(FINANCE)
    assert str(new_id).startswith("-100")
    to, since = [update["message"] for update in await bench.updates()]
    assert (to["chat"]["id"], to["migrate_to_chat_id"]) == (FINANCE, new_id)
    assert (since["chat"]["id"], since["migrate_from_chat_id"]) == (new_id, FINANCE)
    assert since["chat"]["type"] == "supergroup"

    for call in (
        bot.send_message(FINANCE, "x"),
        bot.edit_message_text("x", FINANCE, sent.message_id),
        bot.delete_message(FINANCE, sent.message_id),
    ):
        with pytest.raises(ChatMigrated) as caught:
            await call
        assert caught.value.new_chat_id == new_id
    refused = await bench.raw("sendMessage", chat_id=FINANCE, text="x")
    assert refused == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": new_id},
    }
    # A supergroup counts its own messages: the ids of the group mean nothing there.
    assert (await bot.send_message(new_id, "new")).message_id == 2
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", new_id, 99)
    with pytest.raises(PermissionError):
        await bench.person(ANA).say("x", FINANCE)
    await bench.person(ANA).say("/pay", new_id)


@pytest.mark.parametrize("is_upgraded", [False, True])
async def test_the_bot_is_thrown_out_and_taken_in(bench: Bench, is_upgraded: bool) -> None:
    bot = await bench.bot()
    chat = bench.telegram.upgrade_group(FINANCE) if is_upgraded else FINANCE
    await bot.send_message(chat, "x", reply_markup=keyboard({"Go": "go"}))
    seen = bench.newest(ANA, chat)
    confirmed = (await bench.updates() or [{"update_id": 0}])[-1]["update_id"] + 1
    bench.telegram.remove_bot(chat)
    words = f"bot was kicked from the {'supergroup' if is_upgraded else 'group'} chat"
    with pytest.raises(Forbidden, match=words):
        await bot.send_message(chat, "x")
    await bench.person(ANA).say("/pay", chat)
    assert await bench.person(ANA).press(seen, "Go", timeout=0.02) == Press(False)
    bench.telegram.add_bot(chat)
    await bot.send_message(chat, "back")
    updates = await bot.get_updates(offset=confirmed)
    out, back, joined = updates
    assert out.my_chat_member is not None
    assert out.my_chat_member.new_chat_member.status == ChatMember.BANNED
    assert out.my_chat_member.from_user.id == ANA
    assert back.my_chat_member is not None
    assert back.my_chat_member.new_chat_member.status == ChatMember.MEMBER
    assert joined.message is not None
    assert [user.id for user in joined.message.new_chat_members] == [bot.id]


async def test_blocking_is_told(bench: Bench) -> None:
    ana = bench.person(ANA)
    for _ in "12":
        await ana.block()
    assert ana.is_blocking
    await ana.start()
    assert not ana.is_blocking
    await ana.unblock()
    found = await bench.updates()
    assert kinds(found) == ["my_chat_member", "my_chat_member", "message"]
    statuses = [each["my_chat_member"]["new_chat_member"]["status"] for each in found[:2]]
    assert statuses == ["kicked", "member"]


async def test_what_the_bot_may_know_of_chats(bench: Bench) -> None:
    bot = await bench.bot()
    chat = await bot.get_chat(FINANCE)
    assert (chat.title, chat.type) == ("Finance", "group")
    assert (await bot.get_chat(ANA)).full_name == "Ana Lima"
    assert await bot.get_chat_member_count(FINANCE) == 3
    assert (await bot.get_chat_member(FINANCE, ANA)).status == ChatMember.MEMBER
    assert (await bot.get_chat_member(FINANCE, CLEO)).status == ChatMember.LEFT
    assert (await bot.get_chat_member(FINANCE, bot.id)).user.username == "acme_pay_bot"
    with pytest.raises(BadRequest, match="User not found"):
        await bot.get_chat_member(FINANCE, 5)
