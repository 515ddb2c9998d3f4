"""The payee register as a running company has it: two chats, the Home tab, a bank that is asked."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

import pytest

from bot.commands import Commands
from bot.interactions import Interactions
from bot.services import Caller
from bot.wording import spaced
from connectors.base import Connector, NameMatch, NameResult
from sandbox import slack
from tests.conformance.chat_hands import SlackHands, TelegramHands
from tests.conformance.register_hands import fills, newest, shown
from tests.journeys.telegram_hands import PAD, Phone, hurried
from tests.journeys.test_two_chats import prefers
from tests.journeys.world import NEW_IBAN, PEOPLE, World, a_world
from tests.workflows.test_payee_register import NamingBank
from workflows import proposals
from workflows.proposals import Proposal, State

BOTH = ("slack", "telegram")
NEU = {"name": "Neu SARL", "iban": NEW_IBAN, "why": "INV-9"}


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def proposed(world: World, name: str = "bea") -> Proposal:
    hands = SlackHands(world)
    await hands.types(name, "/payees")
    await fills(hands, name, "Whom we pay", "Add a payee", NEU)
    return await newest(world)


async def state(world: World, made: Proposal) -> str:
    return str((await world.read(lambda c: proposals.get(c, made.id))).state)


def calling(world: World, name: str, chat: str) -> tuple[Interactions, Caller]:
    """Return who a person is in a chat, and what takes their clicks there."""
    assert world.app is not None
    services = world.app.services
    person = services.company.directory.get(name)
    assert person is not None
    interactions = Interactions(services, Commands(services))
    return interactions, Caller(person, chat, "en", f"{chat}:test:{name}", identity="1")


async def test_one_person_in_two_chats_counts_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH) as world:
        await prefers(world, "carl", "telegram")
        made = await proposed(world)
        carl = Phone(world, "carl")
        await carl.sees(made.id, "Waiting for approval")
        # The form is open in Slack while the keypad is tapped in Telegram.
        hands, person = SlackHands(world), world.person("carl")
        assert made.id in await hands.types("carl", "/approvals")
        listed = await person.wait_message(lambda m: made.id in slack.text_of(m), person.dm)
        assert (await person.click(listed, "proposal", made.id)).ok
        card = await person.wait_view()
        value = f"{made.id}:{made.digest}"
        assert (await person.click(card, "proposal_approve", value)).ok
        form = await person.wait_view(lambda view: view.id != card.id)
        assert spaced(NEW_IBAN) in slack.text_of(form)
        said = await fills(TelegramHands(world), "carl", made.id, "Approve", {})
        assert "in force" in said
        outcome = await person.submit(form, {"code": await world.code("carl")})
        assert outcome.ok
        assert "already decided" in slack.text_of(person.views()[-1])
        assert (await world.kinds(made.id)).count("proposal.approved") == 1
        await shown(hands, "bea", made.id, "In force", "Approved by Carl Weiss")


@pytest.mark.parametrize("chat", BOTH)
async def test_another_identity_is_the_same_person(tmp_path: Path, chat: str) -> None:
    """Whoever proposed in Slack does not approve in Telegram, nor the other way round."""
    async with a_world(tmp_path, chats=BOTH) as world:
        made = await proposed(world)
        interactions, bea = calling(world, "bea", chat)
        value = f"{made.id}:{made.digest}"
        said = await interactions.click("proposal_approve", bea, value)
        assert "You made proposal" in repr(said)
        answers = {"code": await world.code("bea"), "acknowledge": "yes"}
        submitted = await interactions.submit("proposal_approve", bea, value, answers)
        assert "You made proposal" in repr(submitted)
        assert await state(world, made) == State.OPEN
        assert (await world.kinds(made.id)).count("access.denied") == 2


async def test_a_card_follows_its_reader_to_another_chat(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH) as world:
        await prefers(world, "carl", "slack")
        made = await proposed(world)
        await shown(SlackHands(world), "carl", made.id, "Waiting for approval")
        await prefers(world, "carl", "telegram")
        carl = Phone(world, "carl")
        card = await carl.sees(made.id, "Waiting for approval", "[Approve]")
        await carl.press(card, "Approve")
        pad = await carl.sees(PAD, "[⌫]", made.id, after=card)
        assert "in force" in await carl.taps(pad)
        await shown(SlackHands(world), "carl", made.id, "In force")


async def test_what_strangers_press_shows_them_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        made = await proposed(world)
        interactions, amara = calling(world, "amara", "slack")
        value = f"{made.id}:{made.digest}"
        for action in ("proposal", "proposal_approve", "proposal_reject", "proposal_call_back"):
            said = repr(await interactions.click(action, amara, value))
            assert "Neu SARL" not in said, action
        for action in ("payee_add", "payee_change", "payee_suspend"):
            assert "Only CFO" in repr(await interactions.click(action, amara, "acme")), action
        _, bea = calling(world, "bea", "slack")
        assert "settings file" in repr(await interactions.click("payee_change", bea, "acme"))
        assert "no payee" in repr(await interactions.click("payee_change", bea, "Y0"))


async def test_the_home_tab_has_what_waits(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        person = world.person("carl")
        await person.open_home()
        await person.wait_home()
        made = await proposed(world)
        home = await person.wait_home(lambda view: made.id in slack.text_of(view))
        assert "Approve" in slack.text_of(home)
        assert "in force" in await fills(SlackHands(world), "dora", made.id, "Approve", {})
        await person.wait_home(lambda view: made.id not in slack.text_of(view))


async def test_the_bank_is_asked_who_holds_the_account(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert world.app is not None
        connectors = cast("MutableMapping[str, Connector]", world.app.services.connectors)
        connectors["naming"] = NamingBank(NameMatch(NameResult.CLOSE, "Neu et Fils SARL"))
        made = await proposed(world)
        hands = SlackHands(world)
        card = await shown(hands, "carl", made.id, "Waiting for approval")
        assert "The bank has a similar name: Neu et Fils SARL" in card
        assert "knows the holder of the account as Neu et Fils SARL" in card
        values: dict[str, Any] = {"acknowledge": "yes"}
        assert "in force" in await fills(hands, "carl", made.id, "Approve", values)


async def test_a_proposal_expires(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        made = await proposed(world)
        assert world.app is not None
        now = world.app.services.clock() + proposals.Kind.lasts
        await world.app.database.write(lambda c: proposals.expire_due(c, now=now))
        await shown(SlackHands(world), "bea", made.id, "Expired")


async def test_who_lost_the_role_is_shown_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_world(tmp_path) as world:
        made = await proposed(world)
        hands = SlackHands(world)
        await shown(hands, "carl", made.id, "Waiting for approval")
        await shown(hands, "dora", made.id, "Waiting for approval")
        await world.close()
        monkeypatch.setitem(PEOPLE, "dora", ("Dora Quist", ("staff",), "en"))
        await world.open()
        assert "rejected" in await fills(hands, "carl", made.id, "Reject", {"reason": "no"})
        await shown(hands, "bea", made.id, "Rejected by Carl Weiss")
        hidden = await shown(hands, "dora", "A proposal that is no longer shown here")
        for told in (made.id, "Neu SARL", "2606"):
            assert told not in hidden


async def test_news_that_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        made = await proposed(world)
        hands = SlackHands(world)
        for name in ("bea", "carl", "dora"):
            await shown(hands, name, made.id, "Waiting for approval")
        await world.workspace.go_down()
        interactions, carl = calling(world, "carl", "slack")
        value = f"{made.id}:{made.digest}"
        await interactions.submit("proposal_reject", carl, value, {"reason": "Not now"})
        await world.workspace.come_back()
        for name in ("bea", "carl", "dora"):
            await shown(hands, name, made.id, "Rejected by Carl Weiss: Not now")
