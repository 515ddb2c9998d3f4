"""How a person comes to be known in Telegram: by a link of theirs, and a code."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
import pyotp
import pytest
import segno
from typer.testing import CliRunner

from bot import cli
from sandbox.slack import text_of
from tests.journeys.telegram_hands import (
    Phone,
    Watch,
    change,
    hurried,
    requested,
    rows,
    shown,
)
from tests.journeys.world import TELEGRAM_TOKEN, World, a_world
from workflows.linking import LINK_LIFE

BOTH = ("slack", "telegram")
REST = ("bea", "carl", "dora", "meilin")


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def link_of(world: World, name: str) -> str:
    """Ask for a link in Slack, and return its address."""
    person = world.person(name)
    before = len(person.messages())
    assert (await person.command("/treasury link")).ok
    async with asyncio.timeout(30):
        while len(person.messages()) == before:
            await asyncio.sleep(0.01)
    found = re.search(
        r"https://t\.me/northwind_pay_bot\?start=[\w-]{32}", str(person.messages()[-1])
    )
    assert found is not None, text_of(person.messages()[-1])
    return found.group()


async def linked_by(world: World, phone: Phone, link: str) -> str:
    """Follow a link and give the person's code; return what is said then."""
    sent = await phone.account.open_link(link)
    return await phone.taps(await phone.sees("[⌫]", after=sent))


async def about_telegram(world: World, name: str) -> list[str]:
    """Return what is on the record of a person's identity in Telegram."""
    return [e.kind for e in await world.record(name) if e.facts.get("chat") == "telegram"]


async def whoami(phone: Phone) -> str:
    sent = await phone.account.say("/treasury whoami")
    return shown(await phone.sees(after=sent))


# ---- from Slack -------------------------------------------------------------------------------


async def test_a_link_from_slack(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=REST) as world:
        amara = Phone(world, "amara")
        assert "do not know you" in await whoami(amara)
        link = await link_of(world, "amara")
        asked = await amara.account.open_link(link)
        pad = await amara.sees("Link Telegram", "[⌫]", after=asked)
        assert "Northwind GmbH" in shown(pad)
        said = await amara.taps(pad)
        assert "You are Amara Okafor of Northwind GmbH" in said
        assert "[Send my requests to Telegram]" in said
        told = await world.person("amara").wait_message(
            lambda m: "Your Telegram account was linked" in text_of(m), world.person("amara").dm
        )
        assert "tell whoever runs this service at once" in text_of(told)
        assert await about_telegram(world, "amara") == ["person.link_begun", "person.linked"]
        order = await requested(world)
        assert order.requester_id == "amara"
        # It worked once; nothing of it is left to be used.
        again = await amara.account.open_link(link)
        await amara.sees("used already", after=again)
        assert link.partition("=")[2] not in str(rows(world, "SELECT * FROM link_token"))
        assert link.partition("=")[2] not in str(rows(world, "SELECT * FROM audit_entry"))


async def test_a_wrong_code_is_told_and_a_right_one_links(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=REST) as world:
        amara = Phone(world, "amara")
        sent = await amara.account.open_link(await link_of(world, "amara"))
        pad = await amara.sees("[⌫]", after=sent)
        good = await world.code("amara")
        assert "4 more tries" in await amara.taps(pad, f"{(int(good) + 1) % 1_000_000:06}")
        assert "You are Amara Okafor" in await amara.taps(pad, good)
        assert "Amara Okafor" in await whoami(amara)


async def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=BOTH, linked=REST, clock=watch) as world:
        amara = Phone(world, "amara")
        old = await link_of(world, "amara")
        link = await link_of(world, "amara")
        made_up = link[:-1] + ("A" if link[-1] != "A" else "B")
        for wrong in (old, made_up):
            sent = await amara.account.open_link(wrong)
            await amara.sees("not valid", after=sent)
        sent = await amara.account.open_link(link)
        pad = await amara.sees("[⌫]", after=sent)
        watch.move(seconds=LINK_LIFE.total_seconds())
        code = await world.code("amara")
        sent = await amara.account.open_link(link)
        await amara.sees("expired", after=sent)
        assert "expired" in (await amara.press(pad, code[0])).text
        assert "person.linked" not in await about_telegram(world, "amara")
        assert "You are Amara Okafor" in await linked_by(
            world, amara, await link_of(world, "amara")
        )


async def test_a_link_opened_by_somebody_else_first_is_theirs_to_fail_with(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=REST) as world:
        amara, sam = Phone(world, "amara"), Phone(world, "sam")
        link = await link_of(world, "amara")
        sent = await sam.account.open_link(link)
        pad = await sam.sees("[⌫]", after=sent)
        # She is told that somebody was there before her, and what to do.
        sent = await amara.account.open_link(link)
        await amara.sees("If that was not you, tell", after=sent)
        # Her next link makes an end of the other's keypad.
        assert "You are Amara Okafor" in await linked_by(
            world, amara, await link_of(world, "amara")
        )
        assert "not valid" in (await sam.press(pad, "1")).text
        assert rows(world, "SELECT 1 FROM chat_identity WHERE external_id = '1007'") == []


async def test_without_a_factor_there_is_no_linking(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=REST) as world:
        change(world, "DELETE FROM second_factor WHERE person_id = 'amara'")
        amara = Phone(world, "amara")
        link = await link_of(world, "amara")
        sent = await amara.account.open_link(link)
        await amara.sees("Set up your authenticator first", after=sent)
        enrolled = await enrolled_by_page(world, "amara")
        assert enrolled.status_code == 200
        sent = await amara.account.open_link(link)
        await amara.sees("not valid", after=sent)  # the page gave her a newer one


async def test_who_is_linked_already_gets_no_other_link(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=REST) as world:
        carl = world.person("carl")
        assert (await carl.command("/treasury link")).ok
        assert "linked in telegram already" in world.last("carl").lower()
        # An account that is somebody's cannot become somebody else's as well.
        bea = Phone(world, "bea")
        sent = await bea.account.open_link(await link_of(world, "amara"))
        await bea.sees("linked to somebody else already", after=sent)
        assert "Bea Lindqvist" in await whoami(bea)


# ---- from the enrolment page ------------------------------------------------------------------


async def enrolled_by_page(world: World, name: str) -> httpx.Response:
    """Set up a factor on its page as a person does who had one or none; return what is shown."""
    person = world.person(name)
    assert (await person.command("/treasury enrol")).ok
    found = re.search(r"http://[\w.:]+/enrol/[\w-]+", str(person.messages()[-1]))
    assert found is not None
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(found.group())
        uri = unescape(re.findall(r'href="(otpauth:[^"]*)"', page.text)[0])
        app = pyotp.parse_uri(uri)
        assert isinstance(app, pyotp.TOTP)
        assert world.app is not None
        answers = {"code": app.at(world.app.services.clock())}
        if "present_code" in page.text:
            answers["present_code"] = await world.code(name)
        world.secrets[name] = app.secret
        world.used[name] = int(world.app.services.clock().timestamp()) // 30
        return await browser.post(found.group(), data=answers)


async def test_a_link_from_the_page_on_which_the_factor_was_set_up(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=BOTH, linked=REST, clock=watch) as world:
        done = await enrolled_by_page(world, "amara")
        found = re.search(r'href="(https://t\.me/northwind_pay_bot\?start=[\w-]{32})"', done.text)
        assert found is not None
        link = found.group(1)
        (drawn,) = re.findall(r'class="qrline"[^>]* d="([^"]+)"', done.text)
        code = segno.make(link, error="l", micro=False)
        assert drawn in code.svg_inline(border=3, omitsize=True)
        assert len(drawn) > 500
        watch.move(seconds=60)
        assert "You are Amara Okafor" in await linked_by(world, Phone(world, "amara"), link)
        # Whoever is linked is offered nothing more.
        watch.move(seconds=60)
        again = await enrolled_by_page(world, "amara")
        assert again.status_code == 200
        assert "t.me" not in again.text


# ---- from the command line --------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    code: int
    text: str


async def typed(world: World, *arguments: str, token: str = TELEGRAM_TOKEN) -> Said:
    """Run a command on the machine of the service, which goes on meanwhile."""
    environ = {
        "KEY": "azE" * 14 + "a=",
        "BOT_TOKEN": world.workspace.app.bot_token,
        "APP_TOKEN": world.workspace.app.app_token,
        "SIGNING_SECRET": world.workspace.app.signing_secret,
        "TELEGRAM_TOKEN": token,
        "NO_PROXY": "127.0.0.1",
    }
    config = str(world.folder / "countersign.toml")
    run = CliRunner().invoke
    found = await asyncio.to_thread(run, cli.app, [*arguments, "--config", config], env=environ)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return Said(found.exit_code, found.output)


async def test_a_link_from_the_command_line_and_its_end(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=REST) as world:
        amara = Phone(world, "amara")
        made = await typed(world, "link", "amara@northwind.test")
        assert made.code == 0
        assert "For Amara Okafor alone; it works once, for 15 minutes." in made.text
        found = re.search(r"https://t\.me/northwind_pay_bot\?start=[\w-]{32}", made.text)
        assert found is not None
        assert "▀" in made.text or "█" in made.text
        assert "You are Amara Okafor" in await linked_by(world, amara, found.group())

        refused = await typed(world, "link", "amara")
        assert (refused.code, "already" in refused.text) == (1, True)
        gone = await typed(world, "unlink", "amara", "telegram")
        assert "Amara Okafor can do nothing any more in telegram." in gone.text
        assert "administrator has taken back" in await whoami(amara)
        refused = await typed(world, "link", "amara")
        assert (refused.code, "taken back" in refused.text) == (1, True)

        allowed = await typed(world, "unlink", "amara", "telegram", "--undo")
        assert "Amara Okafor may be linked again in telegram." in allowed.text
        again = await typed(world, "link", "amara")
        found = re.search(r"https://t\.me/\S+", again.text)
        assert found is not None
        assert "You are Amara Okafor" in await linked_by(world, amara, found.group())
        actors = {e.actor for e in await world.record("amara") if e.kind == "person.unlinked"}
        assert actors == {"console"}


async def test_what_the_command_line_refuses(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=REST) as world:
        for arguments, words in (
            (("link", "nobody"), "nobody called “nobody”"),
            (("unlink", "nobody", "telegram"), "nobody called “nobody”"),
            (("unlink", "amara", "telegram"), "Amara Okafor is not linked in"),
            (("unlink", "bea", "telegram", "--undo"), "was not unlinked"),
        ):
            said = await typed(world, *arguments)
            assert said.code == 1
            assert words in said.text
        wrong = await typed(world, "link", "amara", token="424242:AAwrong-wrong-wrong-wrong-wrong")
        assert wrong.code == 1
        assert "@BotFather" in wrong.text
        assert "AAwrong" not in wrong.text
        await world.telegram.go_down()
        away = await typed(world, "link", "amara")
        await world.telegram.come_back()
        assert (away.code, "Telegram:" in away.text) == (1, True)
        assert "person.link_begun" not in await world.kinds("amara")


# ---- the end of it ----------------------------------------------------------------------------


async def test_unlinking_takes_effect_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=(*REST, "amara")) as world:
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        assert (await world.person("bea").command("/treasury whoami")).ok
        await bea.sends("/treasury here", "comes to Telegram")
        order = await requested(world)
        pad = await bea.pad(order)
        form = await bea.sends("/pay", "👉 From account")
        card = await bea.card(order, "[Approve]")
        await carl.sends("/treasury unlink bea telegram", "can do nothing in Telegram any more")
        taken = "administrator has taken back"
        for message, label in ((pad, "1"), (form, "Operating EUR"), (card, "Approve")):
            pressed = await bea.account.press(message, label, is_stale=True)
            assert taken in pressed.text
        await bea.sends("/treasury whoami", taken)
        typed_after = await bea.account.say("500.00")
        await world.telegram.settle()
        assert not any(
            "👉 Amount" in shown(m) for m in bea.account.messages() if m.serial > typed_after.serial
        )
        # What waits for her, and that she was unlinked, she is told where she still is.
        slack = world.person("bea")
        await slack.wait_message(
            lambda m: "Your Telegram account was unlinked" in text_of(m), slack.dm
        )
        await world.card("bea", order, with_button="approve")
        assert "1 more approval" in await world.approve("bea", order)
        assert (await world.kinds(order.id)).count("order.approval") == 1
        denied = await world.record(f"telegram:{bea.account.id}")
        assert {entry.facts["code"] for entry in denied} == {"identity.unlinked"}


async def test_linked_again_once_it_is_allowed(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=REST) as world:
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        await carl.sends("/treasury unlink bea telegram", "can do nothing in Telegram")
        assert (await world.person("bea").command("/treasury link")).ok
        assert "taken back" in world.last("bea")
        await carl.sends("/treasury relink bea telegram", "may be linked in Telegram again")
        assert "You are Bea Lindqvist" in await linked_by(world, bea, await link_of(world, "bea"))
        assert "Bea Lindqvist" in await whoami(bea)


async def test_who_is_no_administrator_unlinks_nobody(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=(*REST, "amara")) as world:
        amara, bea = Phone(world, "amara"), Phone(world, "bea")
        for command in ("unlink bea telegram", "relink bea telegram", "unlink amara telegram"):
            await amara.sends(f"/treasury {command}", "Only administrators")
        assert (await world.kinds("amara")).count("access.denied") == 3
        assert "Bea Lindqvist" in await whoami(bea)
        carl = Phone(world, "carl")
        await carl.sends("/treasury unlink nobody telegram", "nobody called")
        await carl.sends("/treasury unlink bea pigeon", "no chat “pigeon”")
        await carl.sends("/treasury relink bea telegram", "was not unlinked")
