"""Telegram's page in a real browser, with a real python-telegram-bot application behind it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from telegram import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Update,
    WebAppInfo,
)
from telegram.constants import ChatAction, ParseMode
from telegram.ext import CallbackQueryHandler, ContextTypes, MessageHandler, filters

from sandbox.telegram import User
from tests.sandbox.slack.test_page import CHROMIUM, EVIL, PNG, QUIET
from tests.sandbox.telegram.conftest import ANA, BEN, CLEO, FINANCE, RANDOM, Bench, keyboard, png

HTML = ParseMode.HTML
PAD = keyboard(
    *({digit: digit for digit in row} for row in ("123", "456", "789")), {"0": "0", "⌫": "x"}
)
PARSED_ONLY = ("Executing inline event handler", "Applying inline style")

Open = Callable[..., Awaitable[Page]]
Context = ContextTypes.DEFAULT_TYPE


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def show(browser: Browser, bench: Bench) -> AsyncIterator[Open]:
    """Open the page; nothing it does may fail in the browser."""
    bench.telegram.limits.is_on = False
    failures: list[str] = []
    complaints: list[str] = []

    async def open_page(query: str = f"?user={ANA}&chat={ANA}", **options: Any) -> Page:
        context = await browser.new_context(
            **{"viewport": {"width": 1360, "height": 860}, **options}
        )
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("dialog", lambda dialog: failures.append(dialog.message))
        page.on("console", lambda said: complaints.append(said.text))
        await page.goto(f"{bench.telegram.url}/{query}")
        return page

    yield open_page
    assert failures == []
    # What is blocked in a document that is only parsed is told as well: there nothing runs anyway.
    blocked = [text for text in complaints if "Content Security Policy" in text]
    assert [text for text in blocked if not text.startswith(PARSED_ONLY)] == []


def on_press(
    work: Callable[[CallbackQuery, str], Awaitable[Any]],
) -> CallbackQueryHandler[Any, Any]:
    async def press(update: Update, context: Context) -> None:
        del context
        assert update.callback_query is not None
        await work(update.callback_query, str(update.callback_query.data))

    return CallbackQueryHandler(press)


def field(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Message")


def message(page: Page, text: str) -> Locator:
    return page.get_by_role("article").filter(has_text=text)


async def choose(page: Page, text: str, entry: str) -> None:
    """Choose something from a message's menu."""
    await message(page, text).first.locator(".bubble").click(button="right")
    await page.get_by_role("menuitem", name=entry).click()


# ---- writing ------------------------------------------------------------------------------------


async def test_commands_are_offered_and_answered(bench: Bench, show: Open) -> None:
    may_answer = asyncio.Event()

    async def said(update: Update, context: Context) -> None:
        del context
        assert update.message is not None
        await update.message.chat.send_action(ChatAction.TYPING)
        await asyncio.wait_for(may_answer.wait(), 20)
        await update.message.reply_text(f"<b>Heard</b> {update.message.text}", parse_mode=HTML)

    app = await bench.poll(MessageHandler(filters.TEXT, said))
    commands = [BotCommand("pay", "Request a payment"), BotCommand("balance", "Balances")]
    await app.bot.set_my_commands(commands)
    await app.bot.set_my_commands(commands[1:], scope=BotCommandScopeAllGroupChats())
    page = await show()

    await field(page).fill("/")
    options = page.get_by_role("listbox", name="Commands").get_by_role("option")
    await expect(options).to_have_text(["/payRequest a payment", "/balanceBalances"])
    await field(page).press("Tab")
    await expect(field(page)).to_have_value("/pay ")
    await field(page).type("5 EUR")
    await field(page).press("Enter")
    await expect(field(page)).to_have_value("")
    await expect(page.locator(".status")).to_have_text("typing…")
    may_answer.set()
    await expect(message(page, "Heard /pay 5 EUR").locator("b")).to_have_text("Heard")
    await expect(page.locator(".status")).to_have_text("bot")

    await page.get_by_role("button", name="Commands of the bot").click()
    await page.get_by_role("menuitem", name="Balances").click()
    await expect(message(page, "Heard /balance")).to_be_visible()
    # A command in a text is a button that sends it.
    await message(page, "/pay 5 EUR").first.get_by_role("button", name="/pay").click()
    await expect(message(page, "Heard /pay").last.locator(".text")).to_contain_text("Heard /pay")

    # In a group a command says whose it is, for others may have one of that name.
    await page.get_by_role("button", name="Finance").click()
    await page.get_by_role("button", name="Commands of the bot").click()
    await expect(options).to_have_text(["/balanceBalances"])
    await field(page).press("Enter")
    await expect(message(page, "/balance@acme_pay_bot").first).to_be_visible()


async def test_replying_correcting_and_forwarding(bench: Bench, show: Open) -> None:
    bot = await bench.bot()
    ana, ben = bench.person(ANA), bench.person(BEN)
    await bot.send_message(ANA, "Amount?")
    await bot.send_message(ANA, "Secret plan", protect_content=True)
    page = await show(permissions=["clipboard-read", "clipboard-write"])

    await choose(page, "Amount?", "Reply")
    await expect(page.get_by_text("Reply to Paybot")).to_be_visible()
    await field(page).fill("50")
    await field(page).press("Enter")
    reply = message(page, "50")
    await expect(reply.get_by_role("button", name="In reply to Paybot: Amount?")).to_be_visible()
    assert ana.messages()[-1].reply_to == ana.messages()[0].message_id

    await field(page).press("ArrowUp")
    await expect(field(page)).to_have_value("50")
    await field(page).fill("55")
    await page.get_by_role("button", name="Save").click()
    await expect(message(page, "55")).to_contain_text("edited")
    assert ana.messages()[-1].text == "55"

    await choose(page, "55", "Copy text")
    assert await page.evaluate("navigator.clipboard.readText()") == "55"
    await choose(page, "Amount?", "Forward")
    await (
        page.get_by_role("dialog", name="Forward to").get_by_role("button", name="Finance").click()
    )
    await expect(page.get_by_role("heading", name="Finance")).to_be_visible()
    await expect(message(page, "Amount?")).to_contain_text("Forwarded from Paybot")
    assert ben.messages(FINANCE)[-1].text == "Amount?"

    await page.get_by_role("button", name="Paybot").first.click()
    await message(page, "Secret plan").locator(".bubble").click(button="right")
    menu = page.get_by_role("menu", name="Message actions")
    await expect(menu.get_by_role("menuitem")).to_have_text(["Reply", "Protected content"])
    await page.keyboard.press("Escape")
    await expect(menu).to_have_count(0)


async def test_everything_is_reached_by_keys(bench: Bench, show: Open) -> None:
    bot = await bench.bot()
    for text in ("First", "Second"):
        await bot.send_message(ANA, text)
    page = await show()
    await expect(field(page)).to_be_focused()
    await message(page, "Second").focus()
    await page.keyboard.press("ArrowUp")
    await expect(message(page, "First")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(message(page, "First")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(field(page)).to_be_focused()
    await expect(page.get_by_text("Reply to Paybot")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("Reply to Paybot")).to_be_hidden()
    names = await page.evaluate(
        "[...document.querySelectorAll('button, a[href], textarea, input:not([hidden])')]"
        ".filter((each) => !(each.getAttribute('aria-label') || each.textContent.trim()))"
        ".map((each) => each.outerHTML)"
    )
    assert names == []


async def test_files_go_both_ways(bench: Bench, show: Open) -> None:
    bot = await bench.bot()
    await bot.send_photo(ANA, PNG, caption="<b>Chart</b> of May", parse_mode=HTML)
    await bot.send_document(ANA, b"%PDF-1.4", filename="receipt.pdf")
    page = await show()

    picture = message(page, "Chart of May").get_by_role("img")
    width = "async image => { await image.decode(); return image.naturalWidth }"
    assert await picture.evaluate(width) == 1
    await page.get_by_role("button", name="Open Photo").click()
    viewer = page.get_by_role("dialog", name="photo_1.png")
    await expect(viewer).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(viewer).to_have_count(0)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download receipt.pdf, 8 B").click()
    saved = await (await download.value).path()
    assert saved.read_bytes() == b"%PDF-1.4"

    upload = page.locator("input[type=file]")
    invoice = {"name": "invoice.csv", "mimeType": "text/csv", "buffer": b"1,2"}
    await upload.set_input_files(invoice)  # type: ignore[arg-type]
    dialog = page.get_by_role("dialog", name="Send a file")
    await dialog.get_by_label("Caption").fill("For May")
    await dialog.get_by_role("button", name="Send").click()
    await expect(message(page, "invoice.csv")).to_contain_text("For May")
    sent = bench.newest()
    assert sent.document is not None
    assert (sent.document.name, sent.caption) == ("invoice.csv", "For May")
    assert bench.person(ANA).read_file(sent.document.id) == b"1,2"

    photo = {"name": "photo.png", "mimeType": "image/png", "buffer": png(40, 30)}
    await upload.set_input_files(photo)  # type: ignore[arg-type]
    await dialog.get_by_label("Caption").press("Enter")
    await expect(page.get_by_role("img", name="Photo", exact=True)).to_have_count(1)
    await upload.set_input_files({**invoice, "buffer": b""})  # type: ignore[arg-type]
    await dialog.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_have_text("The file is empty.")
    await dialog.get_by_role("button", name="Cancel").click()


# ---- keyboards ----------------------------------------------------------------------------------


async def test_a_press_is_answered_over_the_chat_or_in_a_box(bench: Bench, show: Open) -> None:
    pressed: list[str] = []

    async def press(query: CallbackQuery, data: str) -> None:
        pressed.append(data)
        if data == "no":
            await query.answer("You asked for it yourself.", show_alert=True)
            return
        await query.answer("Approved")
        await query.edit_message_text("Done", reply_markup=None)

    app = await bench.poll(on_press(press))
    rows = [
        [
            InlineKeyboardButton("Approve", callback_data="yes", style="success"),
            InlineKeyboardButton("Reject", callback_data="no", style="danger"),
        ],
        [InlineKeyboardButton("Bank", url="https://bank.test/x")],
    ]
    await app.bot.send_message(ANA, "Pay 5?", reply_markup=InlineKeyboardMarkup(rows))
    page = await show()

    buttons = message(page, "Pay 5?").get_by_role("group", name="Buttons")
    await expect(buttons.get_by_role("button", name="Approve")).to_have_attribute(
        "data-style", "success"
    )
    link = buttons.get_by_role("link", name="Bank")
    await expect(link).to_have_attribute("href", "https://bank.test/x")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await buttons.get_by_role("button", name="Reject").click()
    box = page.get_by_role("alertdialog", name="Paybot")
    await expect(box).to_contain_text("You asked for it yourself.")
    await page.keyboard.press("Enter")
    await expect(box).to_have_count(0)
    await expect(buttons.get_by_role("button", name="Reject")).to_be_focused()
    await buttons.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("status").filter(has_text="Approved")).to_be_visible()
    await expect(message(page, "Done")).to_be_visible()
    await expect(page.get_by_role("button", name="Reject")).to_have_count(0)
    assert pressed == ["no", "yes"]


async def test_the_phone_types_its_code_on_the_keypad(bench: Bench, show: Open) -> None:
    typed: list[str] = []

    async def press(query: CallbackQuery, data: str) -> None:
        typed.append(data)
        await query.answer("●" * len(typed))
        if len(typed) == 6:
            await query.edit_message_text("Thank you")
        else:  # drawn anew while the next press may be half done
            await query.edit_message_text(f"Code? {'●' * len(typed)}", reply_markup=PAD)

    app = await bench.poll(on_press(press))
    page = await show(
        viewport={"width": 760, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    phone = page.get_by_role("complementary", name="Phone")
    await expect(phone).to_be_hidden()
    await app.bot.send_message(ANA, "Code?", reply_markup=PAD)
    # Where there is no room for the phone, it is taken out while a code is asked for.
    code = bench.person(ANA).code()
    await expect(phone.get_by_text(f"{code[:3]} {code[3:]}")).to_be_visible()
    await phone.get_by_role("button", name="Copy").click()
    assert await page.evaluate("navigator.clipboard.readText()") == code
    await phone.get_by_role("button", name="Type in").click()
    await expect(message(page, "Thank you")).to_be_visible()
    assert "".join(typed) == code
    await expect(phone).to_be_hidden()

    await page.get_by_role("button", name="Phone").click()
    await expect(phone.get_by_role("button", name="Type in")).to_be_disabled()
    await page.get_by_role("button", name="Act as Ben Okri").click()
    await expect(phone.get_by_text("No accounts yet")).to_be_visible()


async def test_a_quick_hand_on_the_keypad_loses_nothing(bench: Bench, show: Open) -> None:
    typed: list[str] = []

    async def press(query: CallbackQuery, data: str) -> None:
        typed.append(data)
        await query.answer()
        await query.edit_message_text(f"Code? {'●' * len(typed)}", reply_markup=PAD)

    app = await bench.poll(on_press(press))
    await app.bot.send_message(ANA, "Code?", reply_markup=PAD)
    page = await show()
    for digit in "314159":
        key = page.get_by_role("button", name=digit, exact=True)
        box = await key.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 9, box["y"] + 9)
        await page.mouse.down()
        await asyncio.sleep(0.06)
        await page.mouse.up()
    await expect(message(page, "●●●●●●")).to_be_visible()
    assert "".join(typed) == "314159"


async def test_links_into_telegram_are_followed_in_the_page(bench: Bench, show: Open) -> None:
    bot = await bench.bot()
    deep = "https://t.me/acme_pay_bot?start=g-42"
    mark = InlineKeyboardMarkup([[InlineKeyboardButton("In private", url=deep)]])
    app = InlineKeyboardButton("Set up", web_app=WebAppInfo("http://127.0.0.1:9/enrol"))
    await bot.send_message(ANA, "Your phone", reply_markup=InlineKeyboardMarkup([[app]]))
    await bot.send_message(
        FINANCE, f'One <a href="{deep}">waits</a>', parse_mode=HTML, reply_markup=mark
    )
    await bench.person(BEN).say("See https://t.me/other_bot?start=1", FINANCE)
    page = await show(f"?user={ANA}&chat={FINANCE}")
    await page.get_by_role("link", name="other_bot").click()
    await expect(page.get_by_role("alert")).to_contain_text("does not lead to the bot")
    await page.get_by_role("link", name="In private").click()
    await expect(page.get_by_role("heading", name="Paybot")).to_be_visible()
    await expect(message(page, "/start g-42")).to_be_visible()
    await page.get_by_role("button", name="Finance").click()
    await page.get_by_role("link", name="waits").click()
    await expect(page.get_by_role("heading", name="Paybot")).to_be_visible()
    texts = [each.text for each in bench.person(ANA).messages()]
    assert texts == ["Your phone", "/start g-42", "/start g-42"]

    # A Mini App opens beside the page, with who opened it.
    await page.get_by_role("button", name="Set up").click()
    opened = page.get_by_role("alertdialog", name="Paybot").get_by_role("link", name="Open")
    href = await opened.get_attribute("href")
    assert href is not None
    assert href.startswith("http://127.0.0.1:9/enrol#tgWebAppData=")
    await expect(opened).to_have_attribute("rel", "noopener noreferrer")


# ---- people and chats ---------------------------------------------------------------------------


async def test_everybody_has_their_own_view(bench: Bench, show: Open) -> None:
    bot = await bench.bot()
    await bot.send_message(BEN, "Waiting for you, Ben")
    await bot.send_message(FINANCE, "Good morning")
    page = await show(f"?user={ANA}&chat={FINANCE}")
    await expect(page.get_by_role("button", name="You are Ana Lima, CFO")).to_be_visible()
    await expect(message(page, "Good morning")).to_contain_text("Paybot")
    await expect(page.get_by_role("button", name="Random")).to_be_visible()

    await page.get_by_role("button", name="Act as Ben Okri, 1 unread").click()
    await expect(page.get_by_role("button", name="You are Ben Okri")).to_be_visible()
    await expect(page.get_by_role("heading", name="Finance")).to_be_visible()
    assert f"user={BEN}" in page.url
    await expect(page.get_by_role("button", name="Random")).to_have_count(0)
    await page.get_by_role("button", name="Paybot, 1 unread").click()
    await expect(message(page, "Waiting for you, Ben")).to_be_visible()
    await expect(page.get_by_role("separator").filter(has_text="Unread")).to_be_visible()
    await expect(page.get_by_role("button", name="Paybot, 1 unread")).to_have_count(0)

    await page.get_by_role("button", name="You are").click()
    await page.get_by_role("menuitemradio", name="Cleo").click()
    await expect(page.get_by_role("button", name="You are Cleo")).to_be_visible()
    await expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("button", name="You are Ben Okri")).to_be_visible()

    search = page.get_by_role("searchbox", name="Search chats")
    await search.fill("fin")
    await expect(page.get_by_role("navigation").get_by_role("button")).to_contain_text(["Finance"])
    await search.press("Escape")
    await expect(page.get_by_role("navigation").get_by_role("button")).to_have_count(2)


async def test_starting_blocking_and_restarting(bench: Bench, show: Open) -> None:
    cleo = bench.person(CLEO)
    page = await show(f"?user={CLEO}&chat={CLEO}")
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(message(page, "/start")).to_be_visible()
    await expect(field(page)).to_be_visible()
    assert cleo.has_started

    await page.get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Stop and block bot").click()
    box = page.get_by_role("alertdialog", name="Block bot")
    await box.get_by_role("button", name="Cancel").click()
    assert not cleo.is_blocking
    await page.get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Stop and block bot").click()
    await box.get_by_role("button", name="Block").click()
    await expect(page.get_by_role("button", name="Restart")).to_be_visible()
    await expect(field(page)).to_be_hidden()
    assert cleo.is_blocking
    await page.get_by_role("button", name="Restart").click()
    await expect(field(page)).to_be_visible()
    assert not cleo.is_blocking


async def test_a_group_that_is_upgraded_stays_open(bench: Bench, show: Open) -> None:
    await bench.person(BEN).say("Before", FINANCE)
    page = await show(f"?user={ANA}&chat={FINANCE}")
    await expect(message(page, "Before")).to_contain_text("Ben Okri")
    new_id = bench.telegram.upgrade_group(FINANCE)
    await expect(page.get_by_role("log")).to_contain_text("upgraded to a supergroup")
    await bench.person(BEN).say("After", new_id)
    await expect(message(page, "After")).to_be_visible()
    assert f"chat={new_id}" in page.url


async def test_a_narrow_page_shows_the_list_or_a_chat(bench: Bench, show: Open) -> None:
    await bench.person(BEN).say("Hello", FINANCE)
    page = await show(viewport={"width": 390, "height": 760})
    await expect(page.get_by_role("heading", name="Paybot")).to_be_visible()
    await expect(page.get_by_role("navigation")).to_be_hidden()
    await page.get_by_role("button", name="Back to the chats").click()
    await page.get_by_role("button", name="Finance, 1 unread").click()
    await expect(message(page, "Hello")).to_be_visible()
    for width in (390, 600, 760, 900, 1240, 1920):
        await page.set_viewport_size({"width": width, "height": 760})
        overflow = "document.documentElement.scrollWidth - innerWidth"
        assert await page.evaluate(overflow) <= 0, width
        await expect(field(page)).to_be_visible()


async def test_news_come_in_order_and_after_an_outage(bench: Bench, show: Open) -> None:
    ben = bench.person(BEN)
    page = await show(f"?user={ANA}&chat={FINANCE}")
    await expect(page.get_by_text("Nothing was said here yet.")).to_be_visible()
    for number in range(30):
        await ben.say(f"number {number}", FINANCE)
    await expect(page.get_by_role("article")).to_have_count(30)
    await expect(page.get_by_role("article").last).to_be_in_viewport()
    await page.locator(".scroller").evaluate("box => { box.scrollTop = 0 }")
    await ben.say("one more", FINANCE)
    await expect(page.get_by_role("button", name="Go to the newest")).to_have_text("1")
    await page.get_by_role("button", name="Go to the newest").click()
    await expect(message(page, "one more")).to_be_in_viewport()

    await bench.telegram.go_down()
    await expect(page.get_by_text("Connecting…")).to_be_visible()
    await ben.say("Said in the dark", FINANCE)
    await bench.telegram.come_back()
    await expect(message(page, "Said in the dark")).to_be_visible()
    await expect(page.get_by_text("Connecting…")).to_be_hidden()


async def test_what_fails_is_said_and_what_was_typed_stays(bench: Bench, show: Open) -> None:
    page = await show()
    await field(page).fill("x" * 4097)
    await field(page).press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(field(page)).to_have_value("x" * 4097)
    assert bench.person(ANA).messages() == []


# ---- safety -------------------------------------------------------------------------------------


async def test_nothing_that_is_said_becomes_part_of_the_page(bench: Bench, show: Open) -> None:
    bench.telegram.store.users[CLEO] = User(CLEO, EVIL, title=EVIL)
    bot = await bench.bot()
    await bench.person(CLEO).say(EVIL, RANDOM)
    await bot.send_message(ANA, EVIL[:200], reply_markup=keyboard({EVIL[:60]: "x"}))
    await bot.send_document(ANA, b"x", filename='"><img src=x onerror=window.hacked=1>.pdf')
    page = await show(f"?user={ANA}&chat={RANDOM}")
    said = page.get_by_role("article").first
    await expect(said).to_contain_text('<img src=x onerror="window.hacked=1">')
    await page.get_by_role("button", name="Paybot").first.click()
    await expect(page.get_by_role("link", name="Download")).to_be_visible()
    assert await page.locator(".messages :is(script, svg[onload], img, b)").count() == 0
    await page.get_by_role("button", name="You are").click()
    await expect(page.get_by_role("menuitemradio", name="<img")).to_be_visible()
    assert await page.evaluate("window.hacked") is None


async def test_only_harmless_tags_are_taken_even_from_the_server(bench: Bench, show: Open) -> None:
    bad = [
        '<img src=x onerror="window.hacked=1">',
        "<script>window.hacked=1</script>",
        "<svg onload=window.hacked=1><a href=javascript:alert(1)>x</a></svg>",
        '<a href="javascript:window.hacked=1">click</a>',
        '<b onclick="window.hacked=1" style="position:fixed">bold</b>',
        "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe><form><button>go</button>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 "
        "onerror=window.hacked=1&gt;'>",
    ]
    pieces = [
        *bad,
        "<b>",
        "</b>",
        "<pre>",
        "<a href='https://a.test/?x=1&amp;y=2'>",
        "</a>",
        "&lt;",
    ]
    texts = ["".join(parts) for parts in itertools.product(pieces, repeat=2)] + ["<b>" * 5_000]
    page = await show()
    await expect(field(page)).to_be_visible()
    tags, attributes, links = await page.evaluate(
        """async (texts) => {
            const { richText } = await import("/static/js/rich_text.js");
            const [tags, attributes, links] = [new Set(), new Set(), new Set()];
            const box = document.createElement("div");
            document.body.append(box);
            for (const text of texts) {
                box.replaceChildren(richText(text));
                for (const element of box.querySelectorAll("*")) {
                    tags.add(element.localName);
                    for (const name of element.getAttributeNames()) attributes.add(name);
                    if (element.href) links.add(element.href);
                }
            }
            box.remove();
            return [[...tags], [...attributes], [...links]];
        }""",
        texts,
    )
    assert set(tags) == {"a", "b", "pre", "span"}
    assert set(attributes) <= {"href", "target", "rel"}
    assert links == ["https://a.test/?x=1&y=2"]
    assert await page.evaluate("window.hacked") is None


async def test_formatted_text(bench: Bench, show: Open) -> None:
    bot = await bench.bot()
    await bot.send_message(ANA, "It is <tg-spoiler>1234</tg-spoiler>", parse_mode=HTML)
    cases = {
        "<strong>a</strong> <em>b</em> <del>c</del>": "<b>a</b> <i>b</i> <s>c</s>",
        "one\ntwo<br>three": "one\ntwo<br>three",
        "<code>/pay</code>": '<code title="Click to copy" data-copy="">/pay</code>',
        "<pre><code>x &lt; 1</code></pre>": "<pre><code>x &lt; 1</code></pre>",
        "say /pay@a_bot, and/or 1/2": (
            'say <button class="live" type="button" data-command="/pay@a_bot">/pay@a_bot</button>, '
            "and/or 1/2"
        ),
        "/\u200bpay @\u200banna me@x.test": "/\u200bpay @\u200banna me@x.test",
        "ask @carl_w!": 'ask <span class="live">@carl_w</span>!',
        '<a href="https://a.test/">/pay</a>': (
            '<a href="https://a.test/" target="_blank" rel="noopener noreferrer">/pay</a>'
        ),
        '<a href="data:text/html,x">x</a>': "<span>x</span>",
    }
    page = await show()
    shown = await page.evaluate(
        """async (texts) => {
            const { richText } = await import("/static/js/rich_text.js");
            return texts.map((text) => {
                const box = document.createElement("div");
                box.append(richText(text));
                return box.innerHTML;
            });
        }""",
        list(cases),
    )
    assert dict(zip(cases, shown, strict=True)) == cases

    hidden = page.get_by_role("button", name="Hidden text")
    await expect(hidden.locator("span")).to_have_css("opacity", "0")
    await hidden.press("Enter")
    await expect(page.get_by_text("1234", exact=True)).to_have_css("opacity", "1")
