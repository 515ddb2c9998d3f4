"""Two chats on one page, in a real browser: one person in both, whoever switches them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from sandbox.side_by_side import Colleague, SideBySide
from sandbox.slack import AppConfig, Channel, Workspace
from sandbox.slack import User as SlackUser
from sandbox.telegram import BotConfig, Telegram, User
from tests.sandbox.slack.conftest import APP_TOKEN, BOT, BOT_TOKEN, SIGNING_SECRET, manifest
from tests.sandbox.slack.test_page import CHROMIUM, QUIET

TOKEN = "123456789:AAxb-for_tests-0123456789abcdefghij"
GENERAL = "C0GENERAL1"
SLACK_ANA, SLACK_BEN = "U0ANA00001", "U0BEN00001"
ANA, BEN, CLEO = 1001, 1002, 1003

Open = Callable[..., Awaitable[Page]]


@dataclass(frozen=True)
class Stage:
    """Everything on the page, running."""

    slack: Workspace
    telegram: Telegram
    outer: SideBySide


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        slack = Workspace(
            "Acme Corp",
            users=[
                SlackUser(SLACK_ANA, "ana", "Ana Lima", "ana@acme.test", "CFO"),
                SlackUser(SLACK_BEN, "ben", "Ben Okri", "ben@acme.test"),
            ],
            channels=[Channel(GENERAL, "general", [SLACK_ANA, SLACK_BEN, BOT])],
            app=AppConfig(
                manifest=manifest(),
                bot_token=BOT_TOKEN,
                app_token=APP_TOKEN,
                signing_secret=SIGNING_SECRET,
            ),
        )
        telegram = Telegram(
            users=[
                User(ANA, "Ana", "Lima", title="CFO", has_started=True),
                User(BEN, "Ben", "Okri", has_started=True),
                User(CLEO, "Cleo"),
            ],
            groups=[],
            bot=BotConfig(TOKEN, "acme_pay_bot", "Paybot"),
        )
        for server in (slack, telegram):
            await server.start()
            stack.push_async_callback(server.stop)
        people = [
            _colleague("ana", "Ana Lima", SLACK_ANA, ANA, title="CFO"),
            _colleague("ben", "Ben Okri", SLACK_BEN, BEN),
            _colleague("cleo", "Cleo", "", CLEO),
        ]
        channel = f"{slack.url}/?channel={GENERAL}"
        outer = SideBySide(channel, telegram.url, people, "Acme <b>Corp</b>", hint="Pay.")
        await outer.start()
        stack.push_async_callback(outer.stop)
        yield Stage(slack, telegram, outer)


def _colleague(name: str, full: str, left: str, right: int, *, title: str = "") -> Colleague:
    return {"id": name, "name": full, "title": title, "left_user": left, "right_user": str(right)}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def show(browser: Browser, stage: Stage) -> AsyncIterator[Open]:
    """Open the page; nothing it does may fail in the browser."""
    failures: list[str] = []

    async def open_page(query: str = "", **options: Any) -> Page:
        context = await browser.new_context(
            **{"viewport": {"width": 1500, "height": 860}, **options}
        )
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: failures.append(str(error)))
        await page.goto(f"{stage.outer.url}/{query}")
        return page

    yield open_page
    assert failures == []


async def expect_acting(page: Page, left: str, right: str) -> None:
    """Expect who acts in the frames."""
    for title, name in (("Slack", left), ("Telegram", right)):
        frame = page.frame_locator(f"iframe[title={title}]")
        await expect(frame.get_by_role("button", name=f"You are {name}")).to_be_visible()


async def test_one_person_in_both_chats(stage: Stage, show: Open) -> None:
    page = await show("?person=ben")
    await expect_acting(page, "Ben Okri", "Ben Okri")
    await expect(page.get_by_role("heading", name="Acme <b>Corp</b>")).to_be_visible()
    await expect(page.get_by_text("Try: Pay.")).to_be_visible()
    slack = page.frame_locator("iframe[title=Slack]")
    await expect(slack.get_by_role("heading", name="general").first).to_be_visible()
    # The bar outside has everybody: the Telegram page does not show them once more.
    telegram = page.frame_locator("iframe[title=Telegram]")
    await expect(telegram.get_by_role("group", name="Act as somebody else")).to_be_hidden()

    await page.get_by_role("radio", name="Ana Lima").click()
    await expect_acting(page, "Ana Lima", "Ana Lima")
    assert page.url == f"{stage.outer.url}/?person=ana"
    await page.go_back()
    await expect_acting(page, "Ben Okri", "Ben Okri")
    await page.get_by_role("radio", name="Ben Okri").press("ArrowLeft")
    await expect_acting(page, "Ana Lima", "Ana Lima")
    await expect(page.get_by_role("radio", name="Ana Lima")).to_be_focused()


async def test_a_switch_inside_telegram_is_followed(show: Open) -> None:
    page = await show()
    await expect_acting(page, "Ana Lima", "Ana Lima")
    telegram = page.frame_locator("iframe[title=Telegram]")
    await telegram.get_by_role("button", name="You are").click()
    await telegram.get_by_role("menuitemradio", name="Ben Okri").click()
    await expect_acting(page, "Ben Okri", "Ben Okri")
    await expect(page.get_by_role("radio", name="Ben Okri")).to_be_checked()


async def test_somebody_who_is_in_one_chat_only(show: Open) -> None:
    page = await show("?person=cleo")
    await expect(page.get_by_text("Cleo is not in Slack.")).to_be_visible()
    await expect(page.locator("iframe[title=Slack]")).to_be_hidden()
    await page.get_by_role("radio", name="Ben Okri").click()
    await expect_acting(page, "Ben Okri", "Ben Okri")
    await expect(page.get_by_text("Cleo is not in Slack.")).to_be_hidden()


async def test_the_border_can_be_moved(show: Open) -> None:
    page = await show()
    await expect_acting(page, "Ana Lima", "Ana Lima")
    left, border = page.locator("section.side").first, page.get_by_role("separator")

    async def width() -> float:
        box = await left.bounding_box()
        assert box is not None
        return box["width"] / 1500

    assert await width() == pytest.approx(0.5, abs=0.01)
    await border.press("ArrowLeft")
    assert await width() == pytest.approx(0.46, abs=0.01)
    box = await border.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 4, 400)
    await page.mouse.down()
    await page.mouse.move(600, 420, steps=4)
    await page.mouse.move(900, 420, steps=4)
    await page.mouse.up()
    assert await width() == pytest.approx(0.6, abs=0.01)
    await page.mouse.move(300, 420)
    assert await width() == pytest.approx(0.6, abs=0.01)
    await page.reload()
    assert await width() == pytest.approx(0.6, abs=0.01)
    await border.dblclick()
    assert await width() == pytest.approx(0.5, abs=0.01)

    await page.set_viewport_size({"width": 700, "height": 1000})
    boxes = [await each.bounding_box() for each in await page.locator("section.side").all()]
    first, second = (box for box in boxes if box is not None)
    assert first["width"] == second["width"] == 700
    assert second["y"] > first["y"] + first["height"]
    await expect(border).to_have_attribute("aria-orientation", "horizontal")


async def test_only_the_two_chats_may_be_framed(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.outer.url, trust_env=False) as client:
        index = await client.get("/")
        for url in (stage.slack.url, stage.telegram.url):
            framed = await client.get(url)
            assert "X-Frame-Options" not in framed.headers
            assert "frame-ancestors" not in framed.headers.get("Content-Security-Policy", "")
    policy = index.headers["Content-Security-Policy"]
    assert f"frame-src {stage.slack.url} {stage.telegram.url};" in policy
    assert "default-src 'none'" in policy


async def test_it_stops_and_starts_again(stage: Stage) -> None:
    outer = stage.outer
    port = int(outer.url.rpartition(":")[2])
    await outer.stop()
    await outer.stop()
    with pytest.raises(RuntimeError):
        _ = outer.url
    await outer.start(port)
    assert outer.url == f"http://127.0.0.1:{port}"


async def test_a_page_of_another_host_does_not_switch_anybody(
    stage: Stage, show: Open, outer_page: Callable[[str], Awaitable[str]]
) -> None:
    page = await show()
    frame = page.frame_locator("iframe")
    act_as_ben = f"say({{type: 'act-as', user: '{BEN}'}})"

    address = await outer_page(f"{stage.telegram.url}/?user={ANA}")
    await page.goto(address)
    await expect(frame.get_by_role("button", name="You are Ana Lima")).to_be_visible()
    await page.evaluate(act_as_ben)
    await expect(frame.get_by_role("button", name="You are Ben Okri")).to_be_visible()
    await page.wait_for_function(f"heard.at(-1)?.user === '{BEN}'")
    assert await page.evaluate("heard.every((each) => each.type === 'acting-as')")

    # The same page under another name is neither heard nor told anything.
    await page.goto(address.replace("127.0.0.1", "localhost"))
    await expect(frame.get_by_role("button", name="You are Ana Lima")).to_be_visible()
    await page.evaluate(act_as_ben)
    await frame.get_by_role("button", name="You are").click()
    await frame.get_by_role("menuitemradio", name="Cleo").click()
    await expect(frame.get_by_role("button", name="You are Cleo")).to_be_visible()
    assert await page.evaluate("heard") == []


@pytest.fixture
async def outer_page() -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Serve a page of nobody's that frames another."""
    async with AsyncExitStack() as stack:

        async def serve(framed: str) -> str:
            text = f"""<!doctype html><title>outer</title>
                <iframe src="{framed}" width="1000" height="700"></iframe>
                <script>
                    window.heard = [];
                    addEventListener("message", (event) => heard.push(event.data));
                    const say = (data) => frames[0].postMessage(data, "*");
                </script>"""

            async def index(request: web.Request) -> web.Response:
                del request
                return web.Response(text=text, content_type="text/html")

            app = web.Application()
            app.add_routes([web.get("/", index)])
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}/"

        yield serve
