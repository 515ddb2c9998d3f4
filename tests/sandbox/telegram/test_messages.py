"""Messages: sending, changing, deleting, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import (
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
    WebAppInfo,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, Forbidden, InvalidToken

from sandbox.telegram import Button, text_of
from tests.sandbox.telegram.conftest import (
    ANA,
    BEN,
    CLEO,
    FINANCE,
    RANDOM,
    TOKEN,
    Bench,
    keyboard,
)

NOT_MODIFIED = "are exactly the same as a current content and reply markup of the message"


async def test_who_the_bot_is(bench: Bench) -> None:
    bot = await bench.bot()
    assert (bot.id, bot.username, bot.first_name) == (123456789, "acme_pay_bot", "Paybot")
    assert bot.can_join_groups
    assert not bot.can_read_all_group_messages


async def test_a_message_arrives_as_it_was_sent(bench: Bench) -> None:
    bot = await bench.bot()
    sent = await bot.send_message(
        ANA,
        "<b>Pay</b> 5 &lt; 6?",
        parse_mode=ParseMode.HTML,
        protect_content=True,
        disable_notification=True,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
        reply_markup=keyboard({"Yes": "y", "No": "n"}),
    )
    assert sent.text == "Pay 5 < 6?"
    assert sent.entities == (MessageEntity(MessageEntity.BOLD, 0, 3),)
    assert sent.has_protected_content
    assert sent.date == bench.clock.now
    assert sent.reply_markup is not None
    assert sent.reply_markup.inline_keyboard[0][1].callback_data == "n"

    seen = bench.newest()
    assert (seen.message_id, seen.chat_id, seen.sender_id) == (sent.message_id, ANA, bot.id)
    assert seen.is_by_bot
    assert seen.is_protected
    assert seen.html == "<b>Pay</b> 5 &lt; 6?"
    assert seen.buttons == [[Button("Yes", "y"), Button("No", "n")]]
    assert text_of(seen) == "Pay 5 < 6?\n[Yes]\n[No]"


async def test_all_ways_to_pass_arguments(bench: Bench) -> None:
    params = {"chat_id": str(ANA), "text": "hello", "reply_markup": '{"force_reply": true}'}
    path = f"/bot{TOKEN}/SENDmessage"
    answers = [
        await bench.http.get(path, params=params),
        await bench.http.post(path, data=params),
        await bench.http.post(path, json={**params, "reply_markup": {"force_reply": True}}),
        await bench.http.post(path, data=params, files={"unused": b"x"}),
    ]
    assert [answer.json()["result"]["text"] for answer in answers] == ["hello"] * 4
    assert [message.markup for message in bench.person(ANA).messages()] == [
        {"force_reply": True}
    ] * 4


async def test_tokens_and_unknown_methods(bench: Bench) -> None:
    with pytest.raises(InvalidToken):
        await bench.bot("123456789:AAsomebody-elses-secret-0123456789")
    assert (await bench.raw("getMe", token="123456789:AAsomebody-elses"))["error_code"] == 401
    assert (await bench.raw("getMe", token="nonsense"))["description"] == "Not Found"
    unknown = await bench.raw("sendTelepathy")
    assert unknown["error_code"] == 404
    assert unknown["description"].startswith("Not Found")
    response = await bench.http.post(
        f"/bot{TOKEN}/getMe", content=b"[{", headers={"Content-Type": "application/json"}
    )
    assert response.json()["ok"] is True
    response = await bench.http.post(
        f"/bot{TOKEN}/getMe", content=b"x", headers={"Content-Type": "multipart/form-data"}
    )
    assert response.status_code == 400


async def test_calls_are_logged_without_the_token(bench: Bench) -> None:
    bot = await bench.bot()
    await bot.send_message(ANA, "x", reply_markup=keyboard({"A": "a"}))
    with pytest.raises(BadRequest):
        await bot.send_message(5, "x")
    assert [call.method for call in bench.telegram.log] == ["getMe", "sendMessage", "sendMessage"]
    first, second = bench.telegram.calls("sendmessage")
    assert first.ok
    assert first.error_code is None
    assert first.params["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "a"
    assert (second.ok, second.error_code, second.description) == (
        False,
        400,
        "Bad Request: chat not found",
    )
    assert TOKEN not in str(bench.telegram.log)


# ---- where ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chat_id", "code", "words"),
    [
        ("", 400, "Bad Request: chat_id is empty"),
        (42, 400, "Bad Request: chat not found"),
        ("@nobody", 400, "Bad Request: chat not found"),
        (-42, 400, "Bad Request: chat not found"),
        (CLEO, 403, "Forbidden: bot can't initiate conversation with a user"),
        (RANDOM, 403, "Forbidden: bot was kicked from the group chat"),
    ],
)
async def test_chats_out_of_reach(bench: Bench, chat_id: Any, code: int, words: str) -> None:
    answer = await bench.raw("sendMessage", chat_id=chat_id, text="x")
    assert (answer["error_code"], answer["description"]) == (code, words)


async def test_one_who_blocks_the_bot_is_out_of_reach_until_they_unblock(bench: Bench) -> None:
    bot = await bench.bot()
    ana = bench.person(ANA)
    await ana.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ANA, "x")
    with pytest.raises(PermissionError):
        await ana.say("hello?")
    await ana.unblock()
    await bot.send_message(ANA, "x")


async def test_starting_opens_the_chat(bench: Bench) -> None:
    bot = await bench.bot()
    cleo = bench.person(CLEO)
    assert not cleo.has_started
    await cleo.start("abc-1")
    assert cleo.has_started
    assert cleo.messages()[0].text == "/start abc-1"
    assert (await bot.send_message(CLEO, "welcome")).chat.id == CLEO


# ---- what ----------------------------------------------------------------------------------------


async def test_length_counts_after_entities_in_utf16_units(bench: Bench) -> None:
    bot = await bench.bot()
    await bot.send_message(ANA, "<b>" + "x" * 4096 + "</b>", parse_mode="HTML")
    await bot.send_message(ANA, "😀" * 2048)
    for text in ("x" * 4097, "😀" * 2048 + "x"):
        with pytest.raises(BadRequest, match="Message is too long"):
            await bot.send_message(ANA, text)
    for empty in ("", " \n", "<b> </b>"):
        words = await bench.refusal("sendMessage", chat_id=ANA, text=empty, parse_mode="HTML")
        assert words == "Bad Request: message text is empty"


async def test_replies(bench: Bench) -> None:
    bot = await bench.bot()
    asked = await bench.person(ANA).say("why?")
    sent = await bot.send_message(
        ANA, "because", reply_parameters=ReplyParameters(asked.message_id)
    )
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "why?"
    assert bench.newest().reply_to == asked.message_id
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(ANA, "x", reply_parameters=ReplyParameters(99))
    lenient = ReplyParameters(99, allow_sending_without_reply=True)
    assert (await bot.send_message(ANA, "x", reply_parameters=lenient)).reply_to_message is None
    old_way = await bench.raw("sendMessage", chat_id=ANA, text="x", reply_to_message_id=1)
    assert old_way["result"]["reply_to_message"]["text"] == "why?"
    for wrong, words in (
        ({"message_id": "1"}, "can't parse reply parameters: message_id must be a Number"),
        ("nonsense", "can't parse reply parameters JSON object"),
    ):
        refused = await bench.refusal("sendMessage", chat_id=ANA, text="x", reply_parameters=wrong)
        assert refused == f"Bad Request: {words}"


async def test_editing(bench: Bench) -> None:
    bot = await bench.bot()
    sent = await bot.send_message(ANA, "one", reply_markup=keyboard({"A": "a"}))
    before = bench.newest()
    bench.clock.advance(seconds=5)
    changed = await bot.edit_message_text("two", ANA, sent.message_id)
    assert not isinstance(changed, bool)
    assert (changed.text, changed.edit_date) == ("two", bench.clock.now)
    after = bench.person(ANA).latest(before)
    assert after is not None
    # Editing without markup removes the keyboard; what was seen before does not change.
    assert (after.text, after.buttons, after.edited) == ("two", [], True)
    assert (before.text, before.edited) == ("one", False)
    await bot.edit_message_reply_markup(ANA, sent.message_id, reply_markup=keyboard({"B": "b"}))
    assert text_of(bench.newest()) == "two\n[B]"


async def test_edits_that_are_refused(bench: Bench) -> None:
    bot = await bench.bot()
    markup = keyboard({"A": "a"})
    sent = await bot.send_message(ANA, "<b>one</b>", parse_mode="HTML", reply_markup=markup)
    with pytest.raises(BadRequest, match=NOT_MODIFIED):
        await bot.edit_message_text(
            "<strong>one</strong>", ANA, sent.message_id, parse_mode="HTML", reply_markup=markup
        )
    with pytest.raises(BadRequest, match=NOT_MODIFIED):
        await bot.edit_message_reply_markup(ANA, sent.message_id, reply_markup=markup)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", ANA, 99)
    with pytest.raises(BadRequest, match="Message identifier is not specified"):
        await bot.edit_message_text("x", ANA)
    with pytest.raises(BadRequest, match="no caption in the message to edit"):
        await bot.edit_message_caption(ANA, sent.message_id, caption="x")
    theirs = await bench.person(ANA).say("mine")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", ANA, theirs.message_id)
    words = await bench.refusal(
        "editMessageText",
        chat_id=ANA,
        message_id=sent.message_id,
        text="x",
        reply_markup={"force_reply": True},
    )
    assert words == "Bad Request: inline keyboard expected"


async def test_deleting(bench: Bench) -> None:
    bot = await bench.bot()
    mine = await bot.send_message(ANA, "one")
    theirs = await bench.person(ANA).say("123456")
    assert await bot.delete_message(ANA, mine.message_id)
    assert await bot.delete_message(ANA, theirs.message_id)
    assert bench.person(ANA).messages() == []
    assert bench.person(ANA).latest(theirs) is None
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(ANA, mine.message_id)


async def test_what_a_bot_cannot_delete(bench: Bench) -> None:
    bot = await bench.bot()
    old = await bot.send_message(FINANCE, "old")
    bench.clock.advance(hours=49)
    theirs = await bench.person(BEN).say("hi", FINANCE)
    new = await bot.send_message(FINANCE, "new")
    with pytest.raises(BadRequest, match="can't be deleted for everyone"):
        await bot.delete_message(FINANCE, old.message_id)
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(FINANCE, theirs.message_id)
    ids = [old.message_id, theirs.message_id, new.message_id, 99]
    assert await bot.delete_messages(FINANCE, ids)
    assert [message.text for message in bench.person(BEN).messages(FINANCE)] == ["old", "hi"]
    for wrong in (None, [], ["x"]):
        assert (await bench.raw("deleteMessages", chat_id=FINANCE, message_ids=wrong))[
            "error_code"
        ] == 400


async def test_message_ids_of_a_chat_ascend_over_private_chats_and_groups(bench: Bench) -> None:
    bot = await bench.bot()
    ids = [(await bot.send_message(chat, "x")).message_id for chat in (ANA, FINANCE, BEN)]
    assert ids == [1, 2, 3]


async def test_typing(bench: Bench) -> None:
    bot = await bench.bot()
    assert await bot.send_chat_action(ANA, ChatAction.TYPING)
    with pytest.raises(BadRequest, match="Wrong parameter action in request"):
        await bot.send_chat_action(ANA, "dozing")


# ---- keyboards -----------------------------------------------------------------------------------


def row(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "x", **button}]]}


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        (row(callback_data=""), "BUTTON_DATA_INVALID"),
        (row(callback_data="x" * 65), "BUTTON_DATA_INVALID"),
        (row(callback_data="é" * 33), "BUTTON_DATA_INVALID"),
        (row(callback_data=5), "BUTTON_DATA_INVALID"),
        (row(text=" ", callback_data="a"), "text must be non-empty"),
        (
            {"inline_keyboard": [[{"callback_data": "a"}]]},
            "can't parse inline keyboard button: Can't find field \"text\"",
        ),
        (
            row(),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            row(callback_data="a", style="loud"),
            "can't parse inline keyboard button: Invalid button style specified",
        ),
        (
            row(url="ftp://a.test"),
            "inline keyboard button URL 'ftp://a.test' is invalid: Wrong HTTP URL",
        ),
        (row(url="https://["), "inline keyboard button URL 'https://[' is invalid: Wrong HTTP URL"),
        (
            row(web_app={"url": "http://a.test"}),
            "inline keyboard button Web App URL 'http://a.test' is invalid: "
            "Only HTTPS links are allowed",
        ),
        (row(copy_text={"text": ""}), "BUTTON_COPY_TEXT_INVALID"),
        (
            {"inline_keyboard": [["x"]]},
            "can't parse inline keyboard button: InlineKeyboardButton must be an Object",
        ),
        (
            {"inline_keyboard": ["x"]},
            "can't parse reply keyboard markup: "
            'Field "inline_keyboard" must be an Array of Arrays',
        ),
        (
            {"keyboard": "x"},
            'can\'t parse reply keyboard markup: Field "keyboard" must be an Array of Arrays',
        ),
        (
            {"inline_keyboard": [row(callback_data="a")["inline_keyboard"][0] * 9]},
            "REPLY_MARKUP_TOO_LONG",
        ),
        (
            {"inline_keyboard": row(callback_data="a")["inline_keyboard"] * 101},
            "REPLY_MARKUP_TOO_LONG",
        ),
        (
            {"force_reply": True, "input_field_placeholder": "x" * 65},
            "INPUT_FIELD_PLACEHOLDER_INVALID",
        ),
        ({"nonsense": 1}, "can't parse reply keyboard markup JSON object"),
        ("nonsense", "object expected as reply markup"),
    ],
)
async def test_keyboards_that_are_refused(bench: Bench, markup: Any, words: str) -> None:
    answer = await bench.refusal("sendMessage", chat_id=ANA, text="x", reply_markup=markup)
    assert answer == f"Bad Request: {words}"
    assert bench.person(ANA).messages() == []


async def test_a_keyboard_at_its_limits(bench: Bench) -> None:
    bot = await bench.bot()
    rows = [{f"{y}.{x}": "é" * 32 for x in range(8)} for y in range(12)]
    await bot.send_message(ANA, "x", reply_markup=keyboard(*rows, {"a": "a", "b": "b"}))
    assert len(list(bench.newest().all_buttons())) == 98


async def test_buttons_of_all_kinds(bench: Bench) -> None:
    bot = await bench.bot()
    markup = InlineKeyboardMarkup(
        [
            [InlineKeyboardButton("Open", url="https://acme.test/x")],
            [InlineKeyboardButton("User", url="tg://user?id=5")],
            [InlineKeyboardButton("Local", url="http://127.0.0.1:80/")],
            [InlineKeyboardButton("Form", web_app=WebAppInfo("https://acme.test/form"))],
            [InlineKeyboardButton("Yes", callback_data="y", style="success")],
        ]
    )
    sent = await bot.send_message(ANA, "x", reply_markup=markup)
    assert sent.reply_markup == markup
    opened, _, _, form, yes = bench.newest().all_buttons()
    assert (opened.url, form.web_app, yes.style) == (
        "https://acme.test/x",
        "https://acme.test/form",
        "success",
    )
    with pytest.raises(BadRequest, match="Button_type_invalid"):
        await bot.send_message(FINANCE, "x", reply_markup=markup)


async def test_a_forced_reply_is_no_keyboard(bench: Bench) -> None:
    bot = await bench.bot()
    await bot.send_message(ANA, "How much?", reply_markup=ForceReply(input_field_placeholder="0"))
    assert bench.newest().markup == {"force_reply": True, "input_field_placeholder": "0"}
    assert bench.newest().buttons == []
