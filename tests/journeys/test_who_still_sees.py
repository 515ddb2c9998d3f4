"""Who is no longer shown what they once were: cards, news and files stop with the right to see."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pyotp
import pytest
from sqlalchemy import delete

from connectors.money import Money
from sandbox.slack import text_of as slack_text
from tests.journeys import world as worlds
from tests.journeys.telegram_hands import (
    PATIENCE,
    Phone,
    hurried,
    recorded,
    requested,
    rows,
    shown,
    until,
)
from tests.journeys.world import (
    NEW_IBAN,
    PEOPLE,
    SETTINGS,
    TELEGRAM_IDS,
    TREASURY,
    TREASURY_GROUP,
    World,
    a_world,
)
from workflows import linking, people, requests
from workflows.orders import Order
from workflows.people import Person
from workflows.tables import posted_card

TELEGRAM = ("telegram",)
HIDDEN = "no longer shown here"
SECRET = "CONFIDENTIAL deal"
FAY = """
[[people]]
id = "fay"
name = "Fay"
email = "fay@northwind.test"
roles = ["controller"]
language = "en"
"""


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


def person(world: World, name: str) -> Person:
    assert world.app is not None
    found = world.app.services.company.directory.get(name)
    assert found is not None
    return found


def places(world: World, name: str) -> list[tuple[object, ...]]:
    return rows(world, f"SELECT chat FROM posted_card WHERE audience = 'person:{name}'")


async def amended(world: World, order: Order, account: str, amount: str) -> None:
    """Have the requester change a payment to one that is nobody else's business."""
    assert world.app is not None
    services = world.app.services
    currency = services.company.accounts[account].account.currency
    payment = requests.Payment(
        account, Money.parse(amount, currency), name="Ohm Ltd", iban=NEW_IBAN, remittance=SECRET
    )
    amara = person(world, "amara")
    await services.database.write(
        lambda c: requests.amend(
            c,
            services.company,
            amara,
            order.id,
            payment,
            version=order.version,
            now=services.clock(),
        )
    )


async def link_of(world: World, name: str) -> str:
    """Return a deep link with which a person could link Telegram."""
    assert world.app is not None
    services = world.app.services
    who = person(world, name)
    token = await services.database.write(
        lambda c: linking.begin(c, who, "telegram", by=name, now=services.clock())
    )
    link = services.telegram_link(token)
    assert link is not None
    return link


# ---- people -----------------------------------------------------------------------------------


async def test_an_unlinked_person_hears_nothing_more(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world, "250.00 EUR to ACME GmbH ref INV-7")
        amara, carl = Phone(world, "amara"), Phone(world, "carl")
        card = await amara.card(order)
        await carl.sends("/treasury unlink amara telegram", "can do nothing")
        hidden = shown(await amara.becomes(card, HIDDEN))
        for told in (order.id, "ACME", "250.00", "INV-7", "[", "Policy"):
            assert told not in hidden
        before = amara.account.messages()
        await Phone(world, "bea").approves(order)
        await world.until("settled")
        await carl.sees(order.id, "Paid", chat=TREASURY_GROUP)
        await until(lambda: any(m.document for m in carl.account.messages(TREASURY_GROUP)))
        assert amara.account.messages() == before
        assert places(world, "amara") == []


async def test_who_left_the_company_is_shown_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world, "250.00 EUR to ACME GmbH ref INV-7")
        dora = Phone(world, "dora")
        card = await dora.card(order)
        await world.close()
        monkeypatch.delitem(PEOPLE, "dora")
        world.linked = tuple(PEOPLE)
        await world.open()
        await amended(world, order, "operating-eur", "4321.00")
        await dora.becomes(card, HIDDEN)
        await Phone(world, "bea").card(order, SECRET)
        assert not [m for m in dora.account.messages() if SECRET in shown(m)]
        assert not [m for m in dora.account.messages() if "4,321" in shown(m)]
        assert places(world, "dora") == []


async def test_an_account_that_settings_replaced_is_shown_nothing_more(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM, more=FAY) as world:
        assert world.app is not None
        services = world.app.services
        fay, before = person(world, "fay"), str(TELEGRAM_IDS["gus"])
        old, new = Phone(world, "gus"), Phone(world, "sam")
        await old.account.start()
        await services.database.write(
            lambda c: people.link(c, fay, chat="telegram", external_id=before, now=services.clock())
        )
        order = await requested(world, "250.00 EUR to ACME GmbH ref INV-7")
        card = await old.card(order)
        await world.close()
        world.more = FAY + f"telegram = {TELEGRAM_IDS['sam']}\n"
        await world.open()
        await new.account.start()
        await amended(world, order, "operating-eur", "4321.00")
        await old.becomes(card, HIDDEN)
        await new.card(order, SECRET)
        assert not [m for m in old.account.messages() if SECRET in shown(m)]
        carl = Phone(world, "carl")
        await carl.sends("/treasury unlink fay telegram", "can do nothing")
        for phone in (old, new):
            await phone.sends("/treasury whoami", "taken back your access")


async def test_a_group_is_shown_only_what_settings_show_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only payments of the first account are shown in the group.
    place = SETTINGS.rindex("{places}")
    monkeypatch.setattr(worlds, "SETTINGS", SETTINGS[:place] + SETTINGS[place + len("{places}") :])
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world, "250.00 EUR to ACME GmbH ref INV-7")
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        card = await bea.sees(order.id, chat=TREASURY_GROUP)
        await amended(world, order, "operating-usd", "777.00")
        await bea.becomes(card, HIDDEN)
        order = await world.order()
        await bea.card(order, SECRET)
        before = bea.account.messages(TREASURY_GROUP)
        await bea.approves(order)
        await carl.approves(order)
        await world.until("settled")
        amara = Phone(world, "amara")
        await until(lambda: any(m.document for m in amara.account.messages()))
        assert bea.account.messages(TREASURY_GROUP) == before
        assert order.id not in shown(before[-1])

        # Back where it may be shown, it is; under a card of its own.
        await requested(world, "80.00 EUR to ACME GmbH")
        await bea.sees("80.00", "Policy:", chat=TREASURY_GROUP)


# ---- home -------------------------------------------------------------------------------------


async def test_who_moves_home_is_told_everything_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=("slack", "telegram")) as world:
        order = await world.pay("250.00 EUR to ACME GmbH ref INV-7")
        await world.card("amara", order)
        amara = Phone(world, "amara")
        await amara.sends("/treasury here", "comes to Telegram")
        await amara.card(order)
        await Phone(world, "bea").approves(order)
        await world.until("settled")
        await until(lambda: any(m.document for m in amara.account.messages()))
        mine = world.person("amara")
        # The card that stands in Slack is kept true; what is new comes to Telegram alone.
        await mine.wait_message(lambda m: "Paid" in slack_text(m), mine.dm)
        in_slack = [m for m in mine.messages(mine.dm) if m.is_reply or m.files]
        assert in_slack == []
        replies = [shown(m) for m in amara.account.messages() if m.reply_to is not None]
        assert len(replies) == len(set(replies))
        assert len([m for m in amara.account.messages() if m.document]) == 1


async def test_news_of_before_a_move_is_not_lost(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=("slack", "telegram")) as world:
        order = await world.pay("250.00 EUR to ACME GmbH ref INV-7")
        await world.card("amara", order)
        amara, carl = Phone(world, "amara"), Phone(world, "carl")
        await world.workspace.go_down()
        # Telegram has nothing to tell her of it: she is at home in Slack, which is not there.
        assert world.app is not None
        services = world.app.services
        who = person(world, "amara")
        await services.database.write(
            lambda c: requests.cancel(c, who, order.id, now=services.clock())
        )
        await carl.sees(order.id, "Cancelled", chat=TREASURY_GROUP)
        await amara.sends("/treasury here", "comes to Telegram")
        await world.workspace.come_back()
        mine = world.person("amara")
        await mine.wait_message(
            lambda m: m.is_reply and "withdrew" in slack_text(m), mine.dm, timeout=15
        )
        assert not [m for m in amara.account.messages() if m.reply_to is not None]


async def test_who_blocks_the_bot_and_is_known_by_settings_alone_is_told_elsewhere(
    tmp_path: Path,
) -> None:
    more = FAY + f'telegram = {TELEGRAM_IDS["sam"]}\nslack = "U0SAM000000"\n'
    async with a_world(tmp_path, chats=("slack", "telegram"), more=more) as world:
        fay = Phone(world, "sam")
        await fay.account.start()
        await fay.sends("/treasury here", "comes to Telegram")
        first = await world.pay()
        await fay.card(first)
        await fay.account.block()
        await recorded(world, "fay", "person.unreachable")
        order = await world.pay("80.00 EUR to ACME GmbH")
        await world.card("sam", order)
        await fay.account.unblock()
        await recorded(world, "fay", "person.reachable")
        kinds = [kind for kind in await world.kinds("fay") if "reachable" in kind]
        assert kinds == ["person.unreachable", "person.reachable"]
        later = await world.pay("90.00 EUR to ACME GmbH")
        await fay.card(later)
        # That she could not be reached links nobody: settings alone still say who she is.
        assert rows(world, "SELECT 1 FROM chat_identity WHERE person_id = 'fay'") == []


# ---- links ------------------------------------------------------------------------------------


async def test_a_stranger_with_a_link_learns_nothing_and_locks_nobody_out(tmp_path: Path) -> None:
    linked = ("bea", "dora", "amara")
    async with a_world(tmp_path, chats=("slack", "telegram"), linked=linked) as world:
        sam = Phone(world, "sam")
        await sam.account.open_link(await link_of(world, "carl"))
        pad = await sam.sees("[⌫]")
        asked = shown(pad)
        said = [await sam.taps(pad, "000000") for _ in range(5)]
        assert "4 more tries" in said[0]
        assert "1 more try" in said[3]
        assert "link is void" in said[4]
        seen = "\n".join([asked, *said, *(shown(m) for m in sam.account.messages())])
        assert "Northwind GmbH" in asked
        assert "Carl" not in seen
        assert "Weiss" not in seen
        assert "@" not in seen
        assert rows(world, "SELECT failures FROM second_factor WHERE person_id = 'carl'") == [(0,)]
        assert (await world.kinds("carl")).count("person.link_failed") == 5
        assert "factor.failed" not in await world.kinds("carl")
        order = await world.pay()
        assert "1 more approval" in await world.approve("carl", order)
        # Another link is as good as ever to Carl himself.
        carl = Phone(world, "carl")
        await carl.account.open_link(await link_of(world, "carl"))
        assert "You are Carl Weiss" in await carl.taps(await carl.sees("[⌫]"))


async def test_a_void_link_stays_void(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=("slack", "telegram"), linked=("bea",)) as world:
        sam = Phone(world, "sam")
        link = await link_of(world, "carl")
        await sam.account.open_link(link)
        pad = await sam.sees("[⌫]")
        for _ in range(5):
            await sam.taps(pad, "000000")
        sent = await sam.account.open_link(link)
        await sam.sees("this link is void", after=sent)
        carl = Phone(world, "carl")
        sent = await carl.account.open_link(link)
        await carl.sees("used already", after=sent)
        linked = "SELECT 1 FROM chat_identity WHERE chat = 'telegram' AND person_id = 'carl'"
        assert rows(world, linked) == []


async def test_an_account_of_somebody_else_cannot_be_linked_and_costs_no_code(
    tmp_path: Path,
) -> None:
    linked = ("bea", "dora", "amara")
    async with a_world(tmp_path, chats=("slack", "telegram"), linked=linked) as world:
        bea = Phone(world, "bea")
        sent = await bea.account.open_link(await link_of(world, "carl"))
        await bea.sees("linked to somebody else", after=sent)
        assert not [m for m in bea.account.messages() if "[⌫]" in shown(m)]
        order = await world.pay()
        assert "1 more approval" in await world.approve("carl", order)


async def test_a_begun_factor_is_void_once_its_owner_is_unlinked(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        dora, carl = Phone(world, "dora"), Phone(world, "carl")
        answer = await dora.sends("/treasury enrol", "/enrol/")
        found = re.search(r"http://\S+/enrol/[\w-]+", shown(answer))
        assert found is not None
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as browser:
            page = (await browser.get(found.group())).text
            secret = "".join(re.findall(r">\s*([A-Z2-7]{4})\s*<", page))[:32]
            await carl.sends("/treasury unlink dora telegram", "can do nothing")
            codes = {"code": pyotp.TOTP(secret).now(), "present_code": await world.code("dora")}
            refused = await browser.post(found.group(), data=codes)
        assert refused.status_code == 404
        assert (await world.kinds("dora")).count("factor.enrolled") == 1
        assert rows(world, "SELECT 1 FROM enrolment WHERE used_at IS NULL") == []


async def test_a_card_that_is_missing_is_posted_before_the_story_goes_on(tmp_path: Path) -> None:
    """Killed between the first card of a payment and the next, the story began without it."""
    async with a_world(tmp_path) as world:
        order = await world.pay()
        bea = world.person("bea")
        await bea.wait_message(lambda m: order.id in slack_text(m), TREASURY)
        assert world.app is not None
        await world.app.database.write(
            lambda c: c.execute(
                delete(posted_card).where(posted_card.c.audience == f"channel:{TREASURY}")
            )
        )
        await world.approve("bea", order)
        await bea.wait_message(
            lambda m: m.is_reply and "Bea Lindqvist approved" in slack_text(m), TREASURY
        )
