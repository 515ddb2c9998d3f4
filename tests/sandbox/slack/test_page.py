"""The workspace's page in a real browser, with a real slack-bolt app behind it."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import (
    Browser,
    FilePayload,
    Locator,
    Page,
    Route,
    async_playwright,
    expect,
)

from sandbox.slack.forms import LARGEST_FILE
from tests.sandbox.slack.block_kit import asked, button, form, mrkdwn, plain, values
from tests.sandbox.slack.conftest import ANA, BEN, CLEO, FINANCE, GUEST, RANDOM, Bench
from tests.sandbox.slack.test_files import Form

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
EVIL = (
    '<img src=x onerror="window.hacked=1"> <script>window.hacked=1</script> '
    "<svg onload=window.hacked=1> javascript:window.hacked=1 &lt;b&gt;"
)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154"
    "08d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
HARMLESS = frozenset(("a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr")).union(
    ("li", "ol", "p", "pre", "s", "span", "strong", "time", "ul")
)

Open = Callable[..., Awaitable[Page]]


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
    failures: list[str] = []

    async def open_page(query: str = f"?user={ANA}&channel={FINANCE}", **options: Any) -> Page:
        context = await browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("dialog", lambda dialog: failures.append(dialog.message))
        await page.goto(f"{bench.workspace.url}/{query}")
        return page

    yield open_page
    assert failures == []


async def type_command(page: Page, line: str) -> None:
    field = page.get_by_role("combobox", name="Write to").first
    await field.fill(line)
    await field.press("Enter")


def message(page: Page, text: str) -> Locator:
    return page.get_by_role("article").filter(has_text=text)


async def test_a_command_a_form_refused_and_then_taken(bench: Bench, show: Open) -> None:
    app = bench.bolt()
    taken: list[dict[str, Any]] = []

    @app.command("/pay")
    async def pay(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        options = [
            {"text": plain(name), "value": name.lower()} for name in ("Euro account", "Dollars")
        ]
        groups = [{"label": plain("Operating"), "options": options}]
        when = {"type": "datepicker", "initial_date": "2026-11-25"}
        ways = [{"text": plain(name), "value": name} for name in ("SEPA", "Instant")]
        view = form(
            asked("amount", "Amount", {"type": "number_input", "is_decimal_allowed": True}),
            asked("account", "From", {"type": "static_select", "option_groups": groups}),
            asked("way", "Way", {"type": "radio_buttons", "options": ways}),
            asked("ticks", "Also", {"type": "checkboxes", "options": ways}, optional=True),
            asked("when", "When", when),
            asked("why", "Why", {"type": "plain_text_input", "multiline": True}, optional=True),
        )
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.view("pay")
    async def submitted(ack: Any, view: dict[str, Any], client: Any) -> None:
        filled = values(view)
        if filled["amount"]["value"] == "99":
            await ack(response_action="errors", errors={"amount": "You have only 50."})
            return
        await ack()
        taken.append(filled)
        await client.chat_postMessage(channel=FINANCE, text="Asked for *12.50*")

    await bench.connect(app)
    page = await show()

    field = page.get_by_role("combobox", name="Write to #finance")
    await field.fill("/")
    suggestions = page.get_by_role("listbox", name="Commands")
    await expect(suggestions.get_by_role("option")).to_have_count(2)
    await field.press("Tab")
    await expect(field).to_have_value("/pay ")
    await field.press("Enter")

    modal = page.get_by_role("dialog", name="New payment")
    await modal.get_by_role("button", name="Request").click()
    await expect(modal.locator("[data-block=amount] .b-error")).to_be_visible()
    assert taken == []

    await modal.get_by_label("Amount").fill("99")
    await modal.get_by_role("combobox", name="From").click()
    await page.get_by_role("group", name="Operating").get_by_text("Euro account").click()
    await modal.get_by_label("Instant").first.check()
    await modal.get_by_label("Why").fill("Invoice 7\nand 8")
    await modal.get_by_role("button", name="Request").click()
    error = modal.get_by_text("You have only 50.")
    await expect(error).to_be_visible()
    await expect(modal.get_by_label("Amount")).to_be_focused()
    await expect(modal.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")

    await modal.get_by_label("Amount").fill("12.50")
    await modal.get_by_label("Amount").press("Enter")
    await expect(modal).to_have_count(0)
    await expect(message(page, "Asked for").locator("strong").last).to_have_text("12.50")
    (filled,) = taken
    assert filled["amount"]["value"] == "12.50"
    assert filled["account"]["selected_option"]["value"] == "euro account"
    assert filled["way"]["selected_option"]["value"] == "Instant"
    assert filled["ticks"]["selected_options"] == []
    assert filled["when"]["selected_date"] == "2026-11-25"
    assert filled["why"]["value"] == "Invoice 7\nand 8"


async def test_buttons_of_a_card(bench: Bench, show: Open) -> None:
    app = bench.bolt()
    clicks: list[str] = []

    def card(state: str, *elements: dict[str, Any]) -> list[dict[str, Any]]:
        header = {"type": "header", "text": plain(f":hourglass: {state}")}
        actions = [{"type": "actions", "elements": list(elements)}] if elements else []
        return [header, mrkdwn("*Amount*\n1,250.00"), *actions]

    @app.action("approve")
    @app.action("reject")
    async def decided(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        clicks.append(f"{body['user']['id']} {body['actions'][0]['action_id']}")
        await client.chat_update(
            channel=FINANCE, ts=body["message"]["ts"], text="Done", blocks=card("Rejected")
        )

    await bench.connect(app)
    question = {"title": plain("Reject it?"), "text": plain("Ana will be told."), "style": "danger"}
    confirm = {**question, "confirm": plain("Yes, reject"), "deny": plain("Keep")}
    blocks = card(
        "Waiting",
        button("approve", "Approve", style="primary"),
        button("reject", "Reject", style="danger", confirm=confirm),
    )
    await bench.client().chat_postMessage(channel=FINANCE, text="Waiting", blocks=blocks)
    page = await show(f"?user={BEN}&channel={FINANCE}")

    reject = page.get_by_role("button", name="Reject", exact=True)
    await reject.click()
    question_box = page.get_by_role("alertdialog", name="Reject it?")
    await question_box.get_by_role("button", name="Keep").click()
    await expect(question_box).to_have_count(0)
    assert clicks == []
    await reject.click()
    await question_box.get_by_role("button", name="Yes, reject").click()
    await expect(page.get_by_role("heading", name="⌛ Rejected")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    assert clicks == [f"{BEN} reject"]


async def test_everybody_has_their_own_view(bench: Bench, show: Open) -> None:
    client = bench.client()
    await client.chat_postEphemeral(channel=FINANCE, user=ANA, text="For Ana's eyes")
    await client.chat_postMessage(channel=BEN, text="Waiting for you, Ben")
    page = await show()

    await expect(page.get_by_role("button", name="You are Ana Lima, CFO")).to_be_visible()
    await expect(message(page, "For Ana's eyes")).to_contain_text("Only visible to you")

    await page.get_by_role("button", name="Act as Ben Okri, 1 unread").click()
    await expect(page.get_by_role("button", name="You are Ben Okri")).to_be_visible()
    await expect(
        page.get_by_role("main").get_by_role("heading", name="finance").first
    ).to_be_visible()
    await expect(message(page, "For Ana's eyes")).to_have_count(0)
    assert f"user={BEN}" in page.url

    await page.get_by_role("button", name="Paybot, 1 unread").click()
    await expect(message(page, "Waiting for you, Ben")).to_be_visible()
    await expect(page.get_by_role("button", name="Paybot, 1 unread")).to_have_count(0)
    await expect(page.get_by_role("separator").get_by_text("New")).to_be_visible()

    # Cleo is not in #finance: she lands where she may be.
    await page.get_by_role("button", name="You are").click()
    await page.get_by_role("menuitemradio", name="Cleo Wu").click()
    await expect(page.get_by_role("navigation").get_by_text("finance")).to_have_count(0)
    await page.go_back()
    await expect(page.get_by_role("button", name="You are Ben Okri")).to_be_visible()


async def test_nothing_that_is_said_becomes_part_of_the_page(bench: Bench, show: Open) -> None:
    workspace = bench.workspace
    workspace.change_user(GUEST, real_name=EVIL, title=EVIL, name="<b>")
    client = bench.client()
    await workspace.person(ANA).say(EVIL, FINANCE)
    await workspace.person(ANA).say(EVIL, RANDOM)
    link = "<javascript:window.hacked=1|click me> <data:text/html,x|or me>"
    markdown = f"# {EVIL}\n\n[click me](javascript:window.hacked=1)\n\n```\n{EVIL}\n```"
    rich = {
        "type": "rich_text_section",
        "elements": [
            {"type": "link", "url": "javascript:window.hacked=1", "text": "click me"},
            {"type": "text", "text": EVIL},
        ],
    }
    await client.chat_postMessage(
        channel=FINANCE,
        text="x",
        blocks=[
            {"type": "header", "text": plain(EVIL[:150])},
            mrkdwn(f"{link} {EVIL}"),
            {"type": "markdown", "text": markdown},
            {"type": "rich_text", "elements": [rich]},
            {"type": "table", "rows": [[{"type": "raw_text", "text": EVIL}]]},
            {"type": "image", "image_url": "javascript:window.hacked=1", "alt_text": EVIL},
            {"type": "actions", "elements": [button("a", EVIL[:75], url="javascript:alert(1)")]},
        ],
    )
    page = await show()
    await expect(message(page, "click me")).to_be_visible()
    said = page.get_by_role("article").first
    await expect(said).to_contain_text('<img src=x onerror="window.hacked=1">')
    await page.get_by_role("button", name="<img").last.click()
    links = await page.locator(".messages a").evaluate_all("all => all.map(a => a.protocol)")
    assert set(links) <= {"http:", "https:"}
    assert await page.locator(".messages :is(script, svg[onload], img[onerror], b)").count() == 0

    await page.get_by_role("button", name="You are").click()
    await expect(page.get_by_role("menuitemradio", name="<img")).to_be_visible()
    assert await page.evaluate("window.hacked") is None


async def test_formatted_text(bench: Bench, show: Open) -> None:
    cases = {
        "*bold* _it_ ~no~": "<strong>bold</strong> <em>it</em> <s>no</s>",
        "`co*de*` *a`*`b*": "<code>co*de*</code> <strong>a<code>*</code>b</strong>",
        "*bold _both_*, 2*3*4 and snake_case_name": (
            "<strong>bold <em>both</em></strong>, 2*3*4 and snake_case_name"
        ),
        "金额*：": "金额*：",
        "\u200b*\u200bnot bold\u200b*\u200b": "\u200b*\u200bnot bold\u200b*\u200b",
        "a &amp; b &lt;i&gt; :white_check_mark: :nothing:": "a &amp; b &lt;i&gt; ✅ :nothing:",
        "```\nx = 1 &lt; 2 *y*\n```": "<pre>x = 1 &lt; 2 *y*</pre>",
        "&gt; said\n&gt; twice\nthen": "<blockquote>said<br>twice</blockquote>then",
        "one\ntwo": "one<br>two",
        "<!date^1790000000^on {date_num}|then>": '<time title="then">on 2026-09-21</time>',
        f"<@{BEN}> <@{ANA}>": (
            '<span class="mention">@Ben Okri</span> <span class="mention mine">@Ana Lima</span>'
        ),
        f"<#{RANDOM}>": '<button class="mention" type="button">#random</button>',
        "<https://a.test/?x=1&amp;y=2|A>": (
            '<a class="link" href="https://a.test/?x=1&amp;y=2" target="_blank" '
            'rel="noopener noreferrer">A</a>'
        ),
    }
    page = await show()
    await expect(page.locator(".intro")).to_be_visible()
    shown = await page.evaluate(
        """async ([texts, person]) => {
            const { mrkdwn } = await import("/static/js/mrkdwn.js");
            const { Session } = await import("/static/js/session.js");
            const session = new Session(await (await fetch("/people/workspace")).json());
            return texts.map((text) => {
                const box = document.createElement("div");
                box.append(mrkdwn(text, session));
                return box.innerHTML;
            });
        }""",
        [list(cases), ANA],
    )
    assert dict(zip(cases, shown, strict=True)) == cases


async def test_any_text_is_safe_and_quick_to_format(show: Open) -> None:
    pieces = ("*", "_", "`", "```", "<", ">", "|", "@U", "!date^1^", "x ", "\n", "&gt;", ":x:")
    texts = ["".join(parts) for parts in itertools.product(pieces, repeat=4)]
    texts += [piece * 13_000 for piece in (*pieces, "*a ", "*<", "*`", "<x ", "https://", "- ")]
    page = await show()
    tags = await page.evaluate(
        """async (texts) => {
            const { mrkdwn } = await import("/static/js/mrkdwn.js");
            const { markdown } = await import("/static/js/markdown.js");
            const { Session } = await import("/static/js/session.js");
            const session = new Session(await (await fetch("/people/workspace")).json());
            const tags = new Set();
            const box = document.createElement("div");
            for (const text of texts) {
                box.replaceChildren(mrkdwn(text, session), markdown(text.slice(0, 12000), session));
                for (const element of box.querySelectorAll("*")) tags.add(element.localName);
            }
            return [...tags];
        }""",
        texts,
    )
    assert set(tags) <= HARMLESS


async def test_the_phone_shows_codes_and_fills_them_in(bench: Bench, show: Open) -> None:
    app = bench.bolt()
    given: list[str] = []

    @app.command("/pay")
    async def pay(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        view = form(asked("code", "Code", {"type": "plain_text_input"}), title="Approve")
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.view("pay")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        given.append(values(view)["code"]["value"])
        await ack()

    await bench.connect(app)
    page = await show(permissions=["clipboard-read", "clipboard-write"])
    code = bench.workspace.person(ANA).code()
    phone = page.get_by_role("complementary", name="Phone")
    await expect(phone.get_by_text(f"{code[:3]} {code[3:]}")).to_be_visible()
    await phone.get_by_role("button", name="Copy").click()
    await expect(phone.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == code

    await expect(phone.get_by_role("button", name="Fill in")).to_be_disabled()
    await type_command(page, "/pay now")
    modal = page.get_by_role("dialog", name="Approve")
    await phone.get_by_role("button", name="Fill in").click()
    await expect(modal.get_by_label("Code")).to_have_value(code)
    await modal.get_by_role("button", name="Request").click()
    await expect(modal).to_have_count(0)
    assert given == [code]

    await page.get_by_role("button", name="Act as Ben Okri").click()
    await expect(phone.get_by_text("No accounts yet")).to_be_visible()


async def test_what_fails_is_said_and_what_was_typed_stays(bench: Bench, show: Open) -> None:
    await bench.connect(bench.bolt())
    page = await show()
    await type_command(page, "/nothing here")
    await expect(page.get_by_role("alert")).to_contain_text("/nothing is not a valid command.")
    await expect(page.get_by_role("combobox", name="Write to")).to_have_value("/nothing here")


async def test_forms_on_forms_keep_what_was_filled_in(bench: Bench, show: Open) -> None:
    app = bench.bolt()
    text = {"type": "plain_text_input"}

    @app.command("/pay")
    async def pay(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        actions = {"type": "actions", "elements": [button("more", "More"), button("up", "Push")]}
        view = form(asked("payee", "Payee", text), actions)
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.action("more")
    async def more(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        actions = {"type": "actions", "elements": [button("up", "Push")]}
        view = form(asked("payee", "Payee", text), asked("ref", "Reference", text), actions)
        await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)

    @app.action("up")
    async def up(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        view = form(asked("note", "Note", text), title="Second", name="second")
        await client.views_push(trigger_id=body["trigger_id"], view=view)

    await bench.connect(app)
    page = await show()
    await type_command(page, "/pay now")
    first = page.get_by_role("dialog", name="New payment")
    await first.get_by_label("Payee").fill("ACME")
    await first.get_by_role("button", name="More").click()
    await first.get_by_label("Reference").fill("INV-7")
    await expect(first.get_by_label("Payee")).to_have_value("ACME")
    await first.get_by_role("button", name="Push").click()
    second = page.get_by_role("dialog", name="Second")
    await second.get_by_label("Note").fill("x")
    await second.get_by_role("button", name="Back").click()
    await expect(first.get_by_label("Reference")).to_have_value("INV-7")
    await first.get_by_label("Payee").press("Escape")
    await expect(first).to_have_count(0)
    assert bench.workspace.person(ANA).views() == []


async def test_options_are_searched_at_the_app(bench: Bench, show: Open) -> None:
    app = bench.bolt()
    chosen: list[str] = []
    names = ("ACME", "Hanse Maschinenbau", "上海远东贸易")

    @app.command("/pay")
    async def pay(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        select = {"type": "external_select", "min_query_length": 0}
        await client.views_open(
            trigger_id=body["trigger_id"], view=form(asked("payee", "Payee", select))
        )

    @app.options("payee")
    async def search(ack: Any, payload: dict[str, Any]) -> None:
        found = [name for name in names if payload["value"].lower() in name.lower()]
        await ack(options=[{"text": plain(name), "value": name} for name in found])

    @app.view("pay")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        chosen.append(values(view)["payee"]["selected_option"]["value"])
        await ack()

    await bench.connect(app)
    page = await show()
    await type_command(page, "/pay now")
    payee = page.get_by_role("combobox", name="Payee")
    await payee.click()
    await expect(page.get_by_role("option")).to_have_text(list(names))
    await payee.fill("远东")
    await expect(page.get_by_role("option")).to_have_text(["上海远东贸易"])
    await payee.press("Enter")
    await expect(payee).to_have_value("上海远东贸易")
    await page.get_by_role("button", name="Request").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert chosen == ["上海远东贸易"]


async def test_a_file_is_given_to_a_form(bench: Bench, show: Open) -> None:
    told = Form(bench)
    await bench.connect(told.app)
    page = await show()
    await type_command(page, "/pay now")
    modal = page.get_by_role("dialog", name="New payment")
    field = modal.get_by_label("Invoice")
    await expect(modal.get_by_text("or drop it here")).to_be_visible()

    async def choose(*files: tuple[str, bytes]) -> None:
        payloads = [FilePayload(name=name, mimeType="", buffer=content) for name, content in files]
        await field.set_input_files(payloads)

    for name, content, sentence in (
        ("a.exe", b"MZ", "of type pdf"),
        ("a.pdf", b"", "is empty"),
        ("a.pdf", b"x" * (LARGEST_FILE + 1), "at most 10 MB"),
    ):
        await choose((name, content))
        await expect(modal.locator("[data-block=invoice] .b-error")).to_contain_text(sentence)
    await choose(("one.pdf", b"%PDF 1"), ("<b>two.pdf", b"%PDF 2"))
    await expect(modal.get_by_role("listitem")).to_have_text([re.compile("one"), re.compile("two")])
    await expect(modal.locator("[data-block=invoice] .b-error")).to_be_hidden()
    await expect(modal.get_by_text("or drop it here")).to_be_hidden()
    await modal.get_by_role("button", name="Remove one.pdf").click()
    async with page.expect_file_chooser() as chooser:
        await modal.get_by_role("button", name="Choose files", include_hidden=True).click()
    assert (await chooser.value).is_multiple()
    await modal.get_by_label("Why").fill("?")
    await modal.get_by_role("button", name="Request").click()
    await expect(modal.get_by_text("Say more.")).to_be_visible()
    await modal.get_by_label("Why").fill("because")
    await modal.get_by_role("button", name="Request").click()
    await expect(modal).to_have_count(0)
    (file,) = told.taken[-1]["invoice"]["files"]
    assert (file["name"], file["size"], file["user"]) == ("<b>two.pdf", 6, ANA)
    assert bench.workspace.store.files[file["id"]].content == b"%PDF 2"


async def test_a_file_can_be_dropped_and_is_waited_for(bench: Bench, show: Open) -> None:
    told = Form(bench)
    await bench.connect(told.app)
    page = await show()
    await type_command(page, "/pay now")
    modal = page.get_by_role("dialog", name="New payment")
    await modal.get_by_label("Why").fill("because")

    async def slowly(route: Route) -> None:
        await asyncio.sleep(0.3)
        await route.continue_()

    await page.route("**/people/give?*", slowly)
    await modal.locator(".file-input").evaluate(
        """box => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["%PDF dropped"], "dropped.pdf"));
            box.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
        }"""
    )
    await expect(modal.get_by_text("Sending…")).to_be_visible()
    await modal.get_by_role("button", name="Request").click()
    await expect(modal).to_have_count(0)
    (file,) = told.taken[-1]["invoice"]["files"]
    assert (file["name"], file["size"]) == ("dropped.pdf", 12)


async def test_threads_files_and_edits(bench: Bench, show: Open) -> None:
    client = bench.client()
    root = await client.chat_postMessage(channel=FINANCE, text="Order 1")
    await client.chat_postMessage(channel=FINANCE, text="Approved", thread_ts=root["ts"])
    await client.chat_update(channel=FINANCE, ts=root["ts"], text="Order one")
    for name, content in (("chart.png", PNG), ("receipt.pdf", b"%PDF-1.4")):
        await client.files_upload_v2(channel=FINANCE, content=content, filename=name, title=name)
    page = await show()

    await expect(message(page, "Order one")).to_contain_text("(edited)")
    await page.get_by_role("button", name="1 reply").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("article")).to_have_count(2)
    await thread.get_by_role("combobox", name="Reply").fill("Thank you")
    await thread.get_by_role("combobox", name="Reply").press("Enter")
    await expect(thread.get_by_role("article").last).to_contain_text("Thank you")
    await expect(page.get_by_role("button", name="2 replies")).to_be_visible()

    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download receipt.pdf").click()
    saved = await (await download.value).path()
    assert saved.read_bytes() == b"%PDF-1.4"
    picture = page.get_by_role("img", name="chart.png")
    assert (
        await picture.evaluate("async image => { await image.decode(); return image.naturalWidth }")
        == 1
    )
    await page.get_by_role("button", name="Show chart.png").click()
    await expect(page.get_by_role("dialog", name="chart.png")).to_be_visible()


async def test_home_is_published_and_can_be_clicked(bench: Bench, show: Open) -> None:
    app = bench.bolt()

    def home(text: str) -> dict[str, Any]:
        actions = {"type": "actions", "elements": [button("renew", "Refresh")]}
        return {"type": "home", "blocks": [mrkdwn(text), actions]}

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any], client: Any) -> None:
        await client.views_publish(user_id=event["user"], view=home("*Nothing* waits"))

    @app.action("renew")
    async def renew(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_publish(user_id=body["user"]["id"], view=home("*One* waits"))

    await bench.connect(app)
    page = await show()
    await page.get_by_role("button", name="Paybot").click()
    await page.get_by_role("tab", name="Home").click()
    region = page.get_by_role("region", name="Home")
    await expect(region).to_contain_text("Nothing waits")
    await region.get_by_role("button", name="Refresh").click()
    await expect(region).to_contain_text("One waits")


async def test_the_page_catches_up_after_an_outage(bench: Bench, show: Open) -> None:
    page = await show()
    await expect(page.locator(".intro")).to_be_visible()
    await bench.workspace.go_down()
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    await bench.workspace.person(BEN).say("Said in the dark", FINANCE)
    await bench.workspace.come_back()
    await expect(message(page, "Said in the dark")).to_be_visible()
    await expect(page.get_by_text("Reconnecting…")).to_be_hidden()


async def test_a_link_to_a_message_leads_there(bench: Bench, show: Open) -> None:
    ben = bench.workspace.person(BEN)
    first = await ben.say("The very first", FINANCE)
    for number in range(40):
        await ben.say(f"Then number {number}", FINANCE)
    page = await show(f"archives/{FINANCE}/p{first.ts.replace('.', '')}?user={ANA}")
    await expect(message(page, "The very first")).to_be_in_viewport()


async def test_news_come_in_order_while_somebody_watches(bench: Bench, show: Open) -> None:
    ana = bench.workspace.person(ANA)
    page = await show(f"?user={CLEO}&channel={RANDOM}")
    await expect(page.locator(".intro")).to_be_visible()
    for number in range(30):
        await ana.say(f"number {number}", RANDOM)
    await expect(page.get_by_role("article")).to_have_count(30)
    texts = await page.get_by_role("article").locator(".text").all_text_contents()
    assert texts == [f"number {number}" for number in range(30)]
    await expect(page.get_by_role("article").last).to_be_in_viewport()
