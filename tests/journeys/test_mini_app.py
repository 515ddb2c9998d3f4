"""Setting up a factor inside Telegram: the page opens for whom Telegram vouches, and no other."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from sandbox.telegram import Message
from tests.journeys import world as worlds
from tests.journeys.telegram_hands import Phone, Watch, hurried, rows, shown
from tests.journeys.world import World, a_world
from tests.sandbox.slack.test_page import CHROMIUM, QUIET

PUBLIC = "https://pay.northwind.test"


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the service an address by https, as Mini Apps need."""
    hurried(monkeypatch)
    with_address = worlds.SETTINGS.replace("[web]\n", f'[web]\npublic_url = "{PUBLIC}"\n')
    monkeypatch.setattr(worlds, "SETTINGS", with_address)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium, or name one in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


async def offered(phone: Phone) -> Message:
    message = await phone.sends("/treasury enrol", "Set up my authenticator")
    (button,) = message.all_buttons()
    assert button.web_app.startswith(f"{PUBLIC}/enrol/")
    assert not button.data
    assert not button.url
    assert "/enrol/" not in message.text
    return message


async def opened(world: World, phone: Phone, message: Message) -> str:
    """Open the Mini App; return its address as it is reached here."""
    assert world.app is not None
    assert world.app.web is not None
    url = (await phone.press(message, "Set up my authenticator")).url
    return url.replace(PUBLIC, world.app.web.url, 1)


def init_data_of(url: str) -> str:
    return parse_qs(urlsplit(url).fragment)["tgWebAppData"][0]


def secret_of(page: str) -> pyotp.TOTP:
    found = pyotp.parse_uri(unescape(re.findall(r'href="(otpauth:[^"]*)"', page)[0]))
    assert isinstance(found, pyotp.TOTP)
    return found


async def answers_for(world: World, name: str, app: pyotp.TOTP) -> dict[str, str]:
    assert world.app is not None
    return {
        "code": app.at(world.app.services.clock()),
        "present_code": await world.code(name),
    }


# ---- by HTTP ----------------------------------------------------------------------------------


async def test_the_page_shows_nothing_to_whom_telegram_does_not_vouch_for(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=("telegram",), clock=watch) as world:
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        url = await opened(world, bea, await offered(bea))
        page, _, _ = url.partition("#")
        mine = init_data_of(url)
        theirs = init_data_of(await opened(world, carl, await offered(carl)))
        async with httpx.AsyncClient(trust_env=False) as client:
            plain = await client.get(page)
            assert plain.status_code == 200
            for words in ("otpauth", "<svg viewBox", "Bea", "bea@"):
                assert words not in plain.text
            policy = plain.headers["content-security-policy"]
            assert "frame-ancestors https://web.telegram.org" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert "x-frame-options" not in plain.headers

            for data in ("", "x", theirs, mine[:-1], mine.replace("Bea", "Eve"), mine + "&hash=1"):
                for form in ({"init_data": data}, {"init_data": data, "code": "123456"}):
                    refused = await client.post(page, data=form)
                    assert refused.status_code == 403, data
                    assert "otpauth" not in refused.text
                    assert "Telegram does not say that this is you" in unescape(refused.text)
            assert (await client.post(page, data={"code": "123456"})).status_code == 403

            shown_to_me = await client.post(page, data={"init_data": mine})
            assert shown_to_me.status_code == 200
            app = secret_of(shown_to_me.text)
            answers = await answers_for(world, "bea", app)
            stolen = await client.post(page, data={**answers, "init_data": theirs})
            assert stolen.status_code == 403
            done = await client.post(page, data={**answers, "init_data": mine})
            assert done.status_code == 200
            assert "You are all set" in unescape(done.text)
            again = await client.post(page, data={"init_data": mine})
            assert again.status_code == 410
        assert (await world.kinds("bea")).count("factor.enrolled") == 2


async def test_what_telegram_said_too_long_ago_is_not_believed(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=("telegram",), clock=watch) as world:
        bea = Phone(world, "bea")
        url = await opened(world, bea, await offered(bea))
        watch.move(minutes=14)
        page, _, _ = url.partition("#")
        async with httpx.AsyncClient(trust_env=False) as client:
            fresh = await client.post(page, data={"init_data": init_data_of(url)})
            assert fresh.status_code == 200
            watch.move(minutes=2)
            late = await client.post(page, data={"init_data": init_data_of(url)})
            assert late.status_code == 410
            # Opened anew, the link itself is good again, and what was said before is not.
            newer = await offered(bea)
            page, _, _ = (await opened(world, bea, newer)).partition("#")
            old = await client.post(page, data={"init_data": init_data_of(url)})
            assert old.status_code == 403


async def test_from_slack_the_link_alone_is_enough(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=("slack", "telegram")) as world:
        carl = world.person("carl")
        assert (await carl.command("/treasury enrol")).ok
        found = re.search(rf"{PUBLIC}(/enrol/[\w-]+)", str(carl.messages()[-1]))
        assert found is not None
        assert world.app is not None
        assert world.app.web is not None
        async with httpx.AsyncClient(trust_env=False) as client:
            page = await client.get(world.app.web.url + found.group(1))
        assert "otpauth" in page.text
        assert "mini_app.js" not in page.text


# ---- in a browser -----------------------------------------------------------------------------


async def new_page(browser: Browser, failures: list[str]) -> Page:
    page = await (await browser.new_context(viewport={"width": 420, "height": 820})).new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda said: failures.append(said.text) if said.type == "error" else None)
    return page


async def test_a_factor_is_set_up_inside_telegram(tmp_path: Path, browser: Browser) -> None:
    async with a_world(tmp_path, chats=("telegram",)) as world:
        bea = Phone(world, "bea")
        url = await opened(world, bea, await offered(bea))
        failures: list[str] = []
        page = await new_page(browser, failures)
        await page.goto(url)
        await expect(page.get_by_text("Hello Bea Lindqvist.")).to_be_visible()
        await expect(page.locator(".qr svg")).to_be_visible()
        assert "tgWebAppData" not in page.url
        app = secret_of(await page.content())
        # A wrong code is told in its place, and the page still knows who has it open.
        answers = await answers_for(world, "bea", app)
        await page.locator('input[name="present_code"]').fill(answers["present_code"])
        wrong = f"{(int(answers['code']) + 1) % 1_000_000:06}"
        await page.locator('input[name="code"]').fill(wrong)
        await page.locator('input[name="code"]').press("Enter")
        await expect(page.get_by_text("That is not the code your app shows")).to_be_visible()
        await page.locator('input[name="present_code"]').fill(answers["present_code"])
        await page.locator('input[name="code"]').fill(answers["code"])
        await page.locator('input[name="code"]').press("Enter")
        await expect(page.get_by_text("You are all set")).to_be_visible()
        assert [each for each in failures if "422" not in each] == []
        assert (await world.kinds("bea")).count("factor.enrolled") == 2
        world.secrets["bea"] = app.secret


async def test_a_browser_that_is_not_telegrams_is_told_where_to_go(
    tmp_path: Path, browser: Browser
) -> None:
    async with a_world(tmp_path, chats=("telegram",)) as world:
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        url = await opened(world, bea, await offered(bea))
        failures: list[str] = []
        page = await new_page(browser, failures)
        await page.goto(url.partition("#")[0])
        await expect(page.locator("[data-elsewhere]")).to_be_visible()
        await expect(page.locator("[data-waiting]")).to_be_hidden()
        theirs = await opened(world, carl, await offered(carl))
        fragment = theirs.partition("#")[2]
        other = await new_page(browser, failures)
        await other.goto(f"{url.partition('#')[0]}#{fragment}")
        await expect(other.get_by_text("Telegram does not say that this is you")).to_be_visible()
        assert "otpauth" not in await other.content()
        assert [each for each in failures if "403" not in each] == []
        assert rows(world, "SELECT 1 FROM enrolment WHERE used_at NOT NULL") == []
        assert "Set up my authenticator" in shown(await bea.sees("Set up my authenticator"))
