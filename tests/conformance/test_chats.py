"""One suite for both chats: the same journeys, the same refusals, the same guarantees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands
from tests.journeys.world import NEW_IBAN, a_world
from workflows import audit, orders, requests
from workflows.orders import Order, OrderState


@pytest.fixture(params=[SlackHands, TelegramHands], ids=["slack", "telegram"])
async def hands(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hands]:
    made: type[Hands] = request.param
    async with a_world(tmp_path, chats=(made.chat,)) as world:
        yield made(world)


async def requested(hands: Hands, line: str = "1250.00 EUR to ACME GmbH ref INV-7") -> Order:
    said = await hands.types("amara", f"/pay {line}")
    order = await hands.world.order()
    assert order.id in said
    return order


# ---- journeys ---------------------------------------------------------------------------------


async def test_a_supplier_is_paid(hands: Hands) -> None:
    order = await requested(hands)
    for name in ("amara", "bea", "carl", "dora"):
        card = await hands.card(name, order, "Waiting for approval")
        assert "€1,250.00 to ACME GmbH" in card
        assert "DE75 •••• 6199" in card
        assert order.creditor_iban not in card.replace(" ", "")
        assert ("Approve" in card) == (name != "amara")
    await hands.sees_in_channel("meilin", order.id)

    assert "1 more approval" in await hands.approves("bea", order)
    assert hands.world.bank.ledger == []
    assert "has all its approvals" in await hands.approves("carl", order)
    await hands.world.until("settled")
    (paid,) = hands.world.bank.ledger
    assert (paid.end_to_end_id, paid.amount) == (order.end_to_end_id, 125_000)
    assert (await hands.received_file("amara")).startswith(b"%PDF")

    for name in ("amara", "bea", "carl", "dora"):
        await hands.card(name, order, "Paid")
    for line in ("Bea Lindqvist approved", "Carl Weiss approved", "ACSC"):
        await hands.sees("amara", line)
    assert hands.world.app is not None
    await hands.world.app.collector.collect("operating-eur")
    await hands.sees("amara", "Found on the statement")
    await hands.world.app.schedule.digest()
    digest = await hands.sees_in_channel("carl", "Daily digest")
    assert "1 of 1 (100 %)" in digest
    assert (await hands.world.app.database.read(audit.verify)).is_intact


async def test_the_form_shows_what_is_agreed_to_whole(hands: Hands) -> None:
    order = await requested(hands)
    shown = await hands.presses("bea", order.id, "Approve")
    assert "DE75 5121 0800 1245 1261 99" in shown
    assert "€1,250.00" in shown
    assert f"{order.id} v1" in shown


async def test_a_payment_by_the_form_to_a_new_payee(hands: Hands) -> None:
    known = {"account": "operating-eur", "amount": "500.00", "payee": "acme"}
    for amount, said in (("12.345", "EUR"), ("0", "more than zero"), ("1,250.00", "1250.00")):
        assert said in await hands.asks_with_form("amara", {**known, "amount": amount})
    new = {
        "account": "operating-eur",
        "amount": "500.00",
        "name": "Neu & Söhne <b>SARL</b> @channel",
        "iban": "fr14 2004 1010 0505 0001 3m02 606",
        "reference": "INV-9",
    }
    said = await hands.asks_with_form("amara", {**new, "iban": "FR1420041010050500013M02607"})
    assert "IBAN" in said
    said = await hands.asks_with_form("amara", new)
    order = await hands.world.order()
    assert order.id in said
    assert order.creditor_name == "Neu & Söhne <b>SARL</b> @channel"
    assert order.creditor_iban == NEW_IBAN
    card = await hands.card("carl", order, "New payee")
    assert "Neu & Söhne <b>SARL</b>" in card.replace("\u200b", "")


async def test_an_equal_payment_is_asked_about(hands: Hands) -> None:
    first = await requested(hands)
    question = await hands.types("amara", "/pay 1250.00 EUR to ACME GmbH ref other")
    assert first.id in question
    assert (await hands.world.order()).id == first.id
    await hands.presses("amara", first.id, "It is another payment: request it")
    second = await hands.world.order()
    assert second.id != first.id
    await hands.card("carl", second, "equal payment")


async def test_changed_and_withdrawn(hands: Hands) -> None:
    order = await requested(hands)
    await hands.approves("bea", order)
    await hands.amends("amara", order, {"amount": "1300.00"})
    changed = await hands.world.order()
    assert (changed.version, changed.amount_minor) == (2, 130_000)
    await hands.card("bea", order, "Approve", "€1,300.00")
    await hands.sees("bea", "Earlier approvals no longer count")


async def test_a_rejection_tells_the_requester_why(hands: Hands) -> None:
    order = await requested(hands)
    await hands.rejects("carl", order, "Wrong invoice")
    await hands.world.until("rejected")
    await hands.sees("amara", "Wrong invoice")
    await hands.card("bea", order, "Rejected")
    assert hands.world.bank.ledger == []


async def test_everybody_finds_their_way(hands: Hands) -> None:
    order = await requested(hands)
    for name in ("meilin", "carl"):
        await hands.card(name, order)
    assert "审批" in await hands.types("meilin", "/treasury")
    assert "CFO" in await hands.types("carl", "/treasury whoami")
    assert "dance" in await hands.types("carl", "/treasury dance")
    assert order.id in await hands.types("carl", "/approvals")
    story = await hands.presses("carl", "Approvals", "€1,250.00 · ACME GmbH")
    assert order.end_to_end_id in story
    assert order.end_to_end_id in await hands.types("carl", f"/payment {order.id.lower()}")
    assert order.end_to_end_id not in await hands.types("ivy", f"/payment {order.id}")
    assert "€100,000.00" in await hands.types("carl", "/balance")
    assert "Daily digest" in await hands.types("carl", "/digest")


# ---- refusals ---------------------------------------------------------------------------------


async def test_what_a_line_can_get_wrong(hands: Hands) -> None:
    for line, answer in (
        ("nonsense", "1250.00 EUR to ACME"),
        ("1,250.00 EUR to ACME GmbH", "1250.00"),
        ("5 GBP to ACME GmbH", "GBP"),
        ("5 EUR to ACMI GmbH", "ACME GmbH"),
        ("5 EUR to ACM", "ACME Trading Ltd"),
        ("5 EUR to New One iban DE00123", "DE00123"),
        ("5 EUR to ACME GmbH on 2020-01-01", "has passed"),
        ("900000.00 EUR to ACME GmbH", "Operating EUR"),
    ):
        said = await hands.types("amara", f"/pay {line}")
        assert answer in said, (line, said)
    assert hands.world.app is not None
    assert await hands.world.app.database.read(lambda c: orders.asked_by(c, "amara")) == []
    assert "Only staff" in await hands.types("ivy", "/pay 5 EUR to ACME GmbH")
    assert "access.denied" in await hands.world.kinds("ivy")
    assert "may not see" in await hands.types("amara", "/balance")


async def test_codes_that_do_not_count(hands: Hands) -> None:
    order = await requested(hands)
    good = await hands.world.code("bea")
    wrong = f"{(int(good) + 1) % 1_000_000:06}"
    assert "4" in await hands.approves("bea", order, wrong)
    if isinstance(hands, TelegramHands):  # the keypad stays; there it is entered anew
        pad = hands.world.on_telegram("bea").messages()[-1]
        assert "1 more approval" in await hands.enters("bea", pad, good)
    else:
        assert "1 more approval" in await hands.approves("bea", order, good)
    second = await requested(hands, "1300.00 EUR to ACME GmbH")
    assert "used" in await hands.approves("bea", second, good)
    kinds = await hands.world.kinds("bea")
    assert {"factor.failed", "factor.reused"} <= set(kinds)
    entries = await hands.world.read(lambda c: audit.after(c, 0, 10_000))
    assert good not in repr(entries)


async def test_who_may_not_approve_is_told_why(hands: Hands) -> None:
    assert await hands.types("bea", "/pay 1250.00 EUR to ACME GmbH")
    order = await hands.world.order()
    assert "yourself" in await hands.presses_channel_card("bea", order, "Approve")
    assert (await hands.world.kinds(order.id)).count("access.denied") == 1


@pytest.mark.parametrize("name", ["sam"])
async def test_strangers_get_a_polite_no_and_no_data(hands: Hands, name: str) -> None:
    order = await requested(hands)
    commands = ["/balance", "/approvals", f"/payment {order.id}", "/pay", "/digest"]
    if isinstance(hands, TelegramHands):  # where strangers are answered once an hour
        await hands.world.on_telegram(name).start()
        commands = commands[-1:]
    for command in commands:
        said = await hands.types(name, command)
        assert "ACME" not in said
        assert "not in this company" in said or "do not know you" in said


# ---- trouble ----------------------------------------------------------------------------------


async def test_an_unreachable_chat_loses_no_card(hands: Hands) -> None:
    order = await requested(hands)
    await hands.card("amara", order)
    await hands.approves("bea", order)
    world = hands.world
    if isinstance(hands, TelegramHands):
        await world.telegram.go_down()
    else:
        await world.workspace.go_down()
    assert world.app is not None
    services = world.app.services
    amara = services.company.directory.get("amara")
    assert amara is not None
    now = services.clock()
    await services.database.write(lambda c: requests.cancel(c, amara, order.id, now=now))
    await asyncio.sleep(0.3)
    if isinstance(hands, TelegramHands):
        await world.telegram.come_back()
    else:
        await world.workspace.come_back()
    for name in ("amara", "bea", "carl"):
        await hands.card(name, order, "Cancelled")
    assert (await world.order()).state == OrderState.CANCELLED


async def test_flood_control_is_respected(hands: Hands) -> None:
    world = hands.world
    if isinstance(hands, TelegramHands):
        world.telegram.limits.force("sendMessage", times=2, retry_after=1)
    else:
        world.workspace.limits.force("chat.postMessage", times=2, retry_after=1)
    assert hands.world.app is not None
    if isinstance(hands, TelegramHands):
        await world.on_telegram("amara").say("/pay 1250.00 EUR to ACME GmbH")
    else:
        assert (await world.person("amara").command("/pay 1250.00 EUR to ACME GmbH")).ok
    async with asyncio.timeout(30):
        while not await world.read(lambda c: orders.asked_by(c, "amara")):
            await asyncio.sleep(0.05)
    await hands.card("carl", await world.order(), "Approve")
