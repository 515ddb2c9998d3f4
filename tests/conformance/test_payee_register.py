"""The payee register in both chats: the same journeys, the same refusals, the same warnings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands
from tests.conformance.register_hands import fills, has_button, newest, press_payee, shown
from tests.journeys.telegram_hands import hurried
from tests.journeys.world import ACME_IBAN, NEW_IBAN, a_world
from workflows import audit, payees
from workflows.payees import Registered
from workflows.proposals import Proposal

OTHER_IBAN = "NL91ABNA0417164300"
NEU = {"name": "Neu & Söhne SARL", "iban": "fr14 2004 1010 0505 0001 3m02 606", "why": "INV-9"}
LIVE = "<!channel> @everyone *b* [x](https://evil.test) <b>http://evil.test/freeze</b> /freeze"
CALLED = {"contact": "Herr Neu", "number": "+49 30 123456", "when": "today, 10:15"}


@pytest.fixture(params=[SlackHands, TelegramHands], ids=["slack", "telegram"])
async def hands(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hands]:
    made: type[Hands] = request.param
    hurried(monkeypatch)
    async with a_world(tmp_path, chats=(made.chat,)) as world:
        yield made(world)


async def proposed(hands: Hands, name: str, values: dict[str, str]) -> Proposal:
    """Have somebody propose a payee by the form, and return the proposal."""
    assert "Whom we pay" in await hands.types(name, "/payees")
    said = await fills(hands, name, "Whom we pay", "Add a payee", values)
    made = await newest(hands.world)
    assert made.id in said
    return made


async def register(hands: Hands) -> dict[str, Registered]:
    found: list[Registered] = await hands.world.read(payees.listed)
    return {each.payee.name: each for each in found}


async def added(hands: Hands) -> Registered:
    made = await proposed(hands, "bea", NEU)
    assert "in force" in await fills(hands, "carl", made.id, "Approve", {})
    return (await register(hands))[NEU["name"]]


async def test_a_payee_is_added_by_two_and_can_be_paid(hands: Hands) -> None:
    made = await proposed(hands, "bea", NEU)
    for name in ("bea", "carl", "dora"):
        card = await shown(hands, name, made.id, "Waiting for approval")
        assert "New payee: Neu & Söhne SARL" in card
        assert "FR14 •••• 2606" in card
        assert NEW_IBAN not in card.replace(" ", "")
        assert has_button(card, "Approve") == (name != "bea")
    assert NEU["name"] not in await register(hands)
    assert made.id in await hands.types("carl", "/approvals")

    assert "in force" in await fills(hands, "carl", made.id, "Approve", {})
    for name in ("bea", "carl", "dora"):
        card = await shown(hands, name, made.id, "In force", "Approved by Carl Weiss")
        assert not has_button(card, "Approve")
    found = (await register(hands))[NEU["name"]]
    assert (found.payee.iban, found.changed_by) == (NEW_IBAN, "bea")
    assert found.payee.id in await hands.types("carl", f"/payees {found.payee.id}")
    assert "Neu & Söhne SARL" in await hands.types("amara", "/payees neu")
    await hands.types("amara", "/pay 5.00 EUR to Neu & Söhne SARL ref INV-9")
    assert (await hands.world.order()).payee_id == found.payee.id
    assert (await hands.world.read(audit.verify)).is_intact


async def test_new_bank_details_side_by_side_and_a_call_back(hands: Hands) -> None:
    found = await added(hands)
    await hands.types("bea", "/payees neu")
    said = await press_payee(hands, "bea", "Change", {"iban": OTHER_IBAN})
    made = await newest(hands.world)
    assert made.id in said
    card = await shown(hands, "carl", made.id, "Call-back note")
    assert "FR14 •••• 2606" in card
    assert "NL91 •••• 4300" in card
    assert not has_button(card, "Approve")

    said = await fills(hands, "carl", made.id, "Call-back note", CALLED)
    assert "on the record" in said
    card = await shown(hands, "dora", made.id, "Herr Neu", "+49 30 123456", "Approve")
    assert "Carl Weiss asked" in card
    assert "in force" in await fills(hands, "dora", made.id, "Approve", {})
    after = (await register(hands))[NEU["name"]]
    assert (after.payee.id, after.payee.iban) == (found.payee.id, OTHER_IBAN)
    assert "proposal.noted" in await hands.world.kinds(made.id)
    assert (await hands.world.read(audit.verify)).is_intact


async def test_a_name_that_only_looks_like_a_trusted_one(hands: Hands) -> None:
    made = await proposed(hands, "bea", {"name": "АCME GmbH", "iban": NEW_IBAN})
    card = await shown(hands, "carl", made.id, "Waiting for approval")
    assert "looks like ACME GmbH" in card
    assert "mixes alphabets" in card
    opened = await hands.presses("carl", made.id, "Approve")
    assert "looks like ACME GmbH" in opened
    if isinstance(hands, TelegramHands):
        await hands.world.on_telegram("carl").say("/cancel")
    said = await fills(hands, "carl", made.id, "Approve", {"acknowledge": "yes"})
    assert "in force" in said


async def test_one_account_under_two_names(hands: Hands) -> None:
    made = await proposed(hands, "bea", {"name": "Somebody Else SARL", "iban": ACME_IBAN})
    card = await shown(hands, "carl", made.id, "Waiting for approval")
    assert "same account belongs to ACME GmbH" in card


async def test_nothing_of_a_payees_name_takes_effect(hands: Hands) -> None:
    made = await proposed(hands, "bea", {**NEU, "name": LIVE[:70], "why": LIVE})
    card = await shown(hands, "carl", made.id, "Waiting for approval")
    assert "@everyone" in card
    world = hands.world
    if isinstance(hands, TelegramHands):
        message = await world.on_telegram("carl").wait_message(lambda m: made.id in m.text)
        live = {"url", "mention", "text_link", "hashtag", "bot_command", "email"}
        assert not {each["type"] for each in message.entities} & live
        return
    person = world.person("carl")
    found = await person.wait_message(lambda m: made.id in str(m.blocks), person.dm)
    marked = [
        str(text["text"])
        for block in found.all_blocks()
        for text in texts(block)
        if text["type"] == "mrkdwn"
    ]
    assert any("everyone" in each for each in marked)
    for each in (*marked, found.text):  # the fallback is read as mark-up, too
        assert "<" not in each.replace("&lt;", "")
        assert "*b*" not in each


def texts(block: dict[str, object]) -> list[dict[str, object]]:
    found = [block.get("text"), *_listed(block.get("fields")), *_listed(block.get("elements"))]
    return [each for each in found if isinstance(each, dict) and "type" in each]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


async def test_a_rejection_tells_why_and_a_withdrawal_ends_it(hands: Hands) -> None:
    made = await proposed(hands, "bea", NEU)
    said = await fills(hands, "carl", made.id, "Reject", {"reason": "Wrong country"})
    assert "rejected" in said
    await shown(hands, "bea", made.id, "Rejected by Carl Weiss: Wrong country")
    other = await proposed(hands, "carl", {**NEU, "name": "Other SARL"})
    assert "is withdrawn" in await withdrawn(hands, "carl", other)
    await shown(hands, "dora", other.id, "Withdrawn")
    assert NEU["name"] not in await register(hands)


async def withdrawn(hands: Hands, name: str, made: Proposal) -> str:
    said = await hands.presses(name, made.id, "Withdraw")
    if isinstance(hands, TelegramHands) and "is withdrawn" not in said:
        said = await hands.presses(name, "Withdraw this proposal?", "Withdraw")
    return said


async def test_who_may_not_is_told_why(hands: Hands) -> None:
    assert "Only CFO, controller, or staff" in await hands.types("ivy", "/payees")
    listed = await hands.types("amara", "/payees")
    assert "ACME GmbH" in listed
    assert ACME_IBAN not in listed.replace(" ", "")
    assert "Add a payee" not in listed
    assert "access.denied" in await hands.world.kinds("ivy")


async def test_what_a_form_can_get_wrong(hands: Hands) -> None:
    for values, said in (
        ({**NEU, "iban": "FR00"}, "not a valid IBAN"),
        ({**NEU, "name": "ACME GmbH", "iban": ACME_IBAN}, "already"),
    ):
        await hands.types("bea", "/payees")
        assert said in await fills(hands, "bea", "Whom we pay", "Add a payee", values)


async def test_a_payee_is_suspended(hands: Hands) -> None:
    found = await added(hands)
    await hands.types("carl", "/payees neu")
    said = await press_payee(hands, "carl", "Suspend", {"why": "Police called"})
    made = await newest(hands.world)
    assert made.id in said
    assert "in force" in await fills(hands, "bea", made.id, "Approve", {})
    assert not (await register(hands))[NEU["name"]].is_active
    answer = await hands.types("amara", "/pay 5.00 EUR to Neu & Söhne SARL ref INV-9")
    assert "no payee" in answer
    assert found.is_active
