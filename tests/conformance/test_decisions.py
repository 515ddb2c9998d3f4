"""Deciding in both chats: taking back, asking, stepping out, several at once, what is seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.commands import Commands
from bot.interactions import Interactions
from bot.services import Caller
from connectors.money import Money
from sandbox.slack import View, text_of
from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands
from tests.conformance.decision_hands import Several, card, fills, plain, presses
from tests.journeys import world as journeys
from tests.journeys.world import a_world
from workflows import audit, orders, requests
from workflows.orders import Order, OrderState
from workflows.record import verification
from workflows.requests import Payment

STAGED = """
version: 1
expires_after: 72h
rules:
  - name: In two stages
    require:
      - { role: controller, stage: 1 }
      - { role: cfo, stage: 2 }
    cool_off: 2h
"""
WHAT = "What do you want to know?"
ANSWER = "Your answer"
CONFLICT = "What is the conflict?"


@pytest.fixture(params=[SlackHands, TelegramHands], ids=["slack", "telegram"])
async def hands(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hands]:
    made: type[Hands] = request.param
    async with a_world(tmp_path, chats=(made.chat,)) as world:
        yield made(world)


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journeys, "POLICY", STAGED)


async def requested(hands: Hands, line: str = "1250.00 EUR to ACME GmbH ref INV-7") -> Order:
    said = await hands.types("amara", f"/pay {line}")
    order = await hands.world.order()
    assert order.id in said
    return order


async def is_sound(hands: Hands) -> bool:
    found = await hands.world.read(verification.verify)
    return bool(found.findings == ())


async def paid_before(hands: Hands, *amounts: str) -> None:
    """Put settled payments to ACME on the record, one a day."""
    assert hands.world.app is not None
    services = hands.world.app.services
    amara = services.company.directory.get("amara")
    assert amara is not None
    for number, amount in enumerate(amounts):
        at = services.clock() - timedelta(days=len(amounts) - number)

        def settled(connection: Connection, amount: str = amount, at: datetime = at) -> None:
            payment = Payment(
                "operating-eur",
                Money.parse(amount, "EUR"),
                payee_id="acme",
                is_no_duplicate=True,
            )
            order = requests.request(
                connection,
                services.company,
                amara,
                payment,
                key=f"before:{amount}:{at}",
                now=at,
            )
            for state in (OrderState.APPROVED, OrderState.RELEASED, OrderState.SETTLED):
                order = orders.change(
                    connection,
                    order,
                    state,
                    now=at,
                    actor="test",
                    kind="order.test",
                )

        await services.database.write(settled)


# ---- taking back ------------------------------------------------------------------------------


async def test_an_approval_is_taken_back_and_given_again(hands: Hands) -> None:
    order = await requested(hands)
    assert "Take my approval back" not in await card(hands, "bea", order.id, "Approve")
    await hands.approves("bea", order)
    shown = await card(hands, "bea", order.id, "Take my approval back")
    assert "Reject" not in shown
    said = await presses(hands, "bea", order.id, "Take my approval back")
    assert "taken back" in said
    for name in ("amara", "carl"):
        await hands.sees(name, "Bea Lindqvist took the approval back.")
    await hands.card("bea", order, "Bea Lindqvist took the approval back", "Approve")
    assert "1 more approval" in await hands.approves("carl", order)
    assert hands.world.bank.ledger == []
    assert "has all its approvals" in await hands.approves("bea", order)
    await hands.world.until("settled")
    assert len(hands.world.bank.ledger) == 1
    assert await is_sound(hands)


# ---- questions --------------------------------------------------------------------------------


async def test_a_question_reaches_the_requester_and_its_answer_all(hands: Hands) -> None:
    order = await requested(hands)
    said = await fills(
        hands, "bea", order.id, "Ask a question", {WHAT: "Which <b>invoice</b> @all?"}
    )
    assert "Asked" in said
    for name in ("amara", "carl", "dora"):
        assert "Which <b>invoice</b> @all?" in await card(hands, name, "Bea Lindqvist asks")
        assert "Open question of Bea Lindqvist" in await card(
            hands, name, order.id, "Open question"
        )
    said = await fills(
        hands, "amara", "Bea Lindqvist asks", "Answer Bea Lindqvist", {ANSWER: "INV-7"}
    )
    assert "Bea Lindqvist is told" in said
    for name in ("bea", "carl"):
        await hands.sees(name, "Amara Okafor answers: INV-7")
    async with asyncio.timeout(30):
        while "Open question" in await card(hands, "carl", order.id, "Policy:"):
            await asyncio.sleep(0.05)
    again = await presses(hands, "amara", "Bea Lindqvist asks", "Answer Bea Lindqvist")
    assert "has its answer already" in again
    story = plain(await hands.types("carl", f"/payment {order.id}"))
    assert "Bea Lindqvist asks: Which <b>invoice</b> @all?" in story
    assert "Amara Okafor answers: INV-7" in story
    assert (await hands.world.order()).version == 1
    assert await is_sound(hands)


# ---- conflicts of interest --------------------------------------------------------------------


async def test_the_only_cfo_steps_out(hands: Hands) -> None:
    order = await requested(hands)
    said = await fills(
        hands, "carl", order.id, "Conflict of interest", {CONFLICT: "My cousin's firm"}
    )
    assert "You are out" in said
    told = await card(hands, "amara", "Carl Weiss has a conflict of interest", "My cousin's firm")
    assert "Withdraw the request" in told
    shown = await card(hands, "carl", order.id, "Carl Weiss is out")
    assert "Reject" not in shown
    assert await is_sound(hands)


# ---- what changed -----------------------------------------------------------------------------


async def test_approvers_are_told_what_changed(hands: Hands) -> None:
    order = await requested(hands)
    await hands.approves("bea", order)
    await hands.amends("amara", order, {"amount": "1300.00", "reference": "INV-8"})
    for name in ("bea", "carl", "dora"):
        told = await card(hands, name, "changed the request", "Earlier approvals no longer count")
        assert "Amount: €1,250.00 → €1,300.00" in told
        assert "Reference: INV-7 → INV-8" in told
        assert "Payee" not in told
    shown = await hands.card("bea", order, "Approve", "€1,300.00")
    assert "Take my approval back" not in shown


# ---- what an approver sees --------------------------------------------------------------------


@pytest.mark.usefixtures("staged")
async def test_stages_and_cooling_off(hands: Hands) -> None:
    order = await requested(hands)
    shown = await card(hands, "bea", order.id, "Stage 1:")
    assert "○ Waiting for controller" in shown
    assert "Then, stage 2:" in shown
    assert "· Later: CFO" in shown
    await hands.approves("bea", order)
    shown = await card(hands, "carl", order.id, "○ Waiting for CFO")
    assert "✓ controller: Bea Lindqvist" in shown
    assert "leaves not before" in await hands.approves("carl", order)
    shown = await card(hands, "bea", order.id, "Leaves not before")
    assert "Take my approval back" in shown
    await presses(hands, "bea", order.id, "Take my approval back")
    await hands.sees("carl", "With it went what Carl Weiss approved after it")
    await hands.card("bea", order, "Approve", "Waiting for controller")
    assert hands.world.bank.ledger == []


async def test_what_was_paid_before(hands: Hands) -> None:
    first = await requested(hands, "900.00 EUR to ACME GmbH ref INV-1")
    assert "First payment to this account" in await card(hands, "bea", first.id)
    await paid_before(hands, "1000.00", "1100.00", "1200.00", "1300.00")
    order = await requested(hands, "9000.00 EUR to ACME GmbH ref INV-9")
    shown = await card(hands, "bea", order.id, "4 paid before to this account")
    assert "usually €1,100.00 to €1,200.00" in shown
    assert "More than three times" in shown
    assert "paid before" not in await card(hands, "amara", order.id)
    form = await hands.presses("bea", order.id, "Approve")
    assert "4 paid before" in form
    if isinstance(hands, SlackHands):
        await presses_for_file(hands, "bea", order)
        content = await hands.received_file("bea")
    else:
        assert isinstance(hands, TelegramHands)
        phone = hands.world.on_telegram("bea")
        message = await phone.wait_message(
            lambda m: order.id in m.text and any(b.label == "History" for b in m.all_buttons())
        )
        await phone.press(message, "History")
        photo = await phone.wait_message(lambda m: bool(m.photo))
        assert photo.photo is not None
        content = phone.read_file(photo.photo.id)
    assert content.startswith(b"\x89PNG")


async def presses_for_file(hands: SlackHands, name: str, order: Order) -> None:
    person = hands.world.person(name)
    message = await hands.world.card(name, order, with_button="history")
    assert (await person.click(message, "history")).ok


# ---- several at once --------------------------------------------------------------------------


async def three_small(hands: Hands) -> list[Order]:
    return [
        await requested(hands, f"{amount}.00 EUR to ACME GmbH ref INV-{amount}")
        for amount in (310, 320, 330)
    ]


async def test_several_are_approved_with_one_code(hands: Hands) -> None:
    first, second, third = await three_small(hands)
    several = Several(hands, "bea")
    shown = await several.open()
    for each in (first, second, third):
        assert each.id in shown
    assert "€310.00" in shown
    said = await several.approve([first.id, third.id])
    assert "2 payments approved" in said
    async with asyncio.timeout(30):
        while len(hands.world.bank.ledger) < 2:
            await asyncio.sleep(0.05)
    sent = {each.end_to_end_id for each in hands.world.bank.ledger}
    assert sent == {first.end_to_end_id, third.end_to_end_id}
    left = await hands.world.read(partial(orders.get, order_id=second.id))
    assert left.state == OrderState.PENDING
    entries = [*await hands.world.record(first.id), *await hands.world.record(third.id)]
    given = [each for each in entries if each.kind == "order.approval"]
    assert len(given) == 2
    assert given[0].facts["bulk"] == given[1].facts["bulk"]
    assert await is_sound(hands)


async def test_what_has_a_warning_is_not_ticked(hands: Hands) -> None:
    plain = await requested(hands, "310.00 EUR to ACME GmbH ref INV-1")
    twin = await hands.types("amara", "/pay 310.00 EUR to ACME GmbH ref other")
    assert plain.id in twin
    await hands.presses("amara", plain.id, "It is another payment: request it")
    risky = await hands.world.order()
    several = Several(hands, "bea")
    shown = await several.open()
    assert f"⚠ {risky.id}" in shown
    if isinstance(hands, TelegramHands):
        assert "☑ €310.00" in shown
        assert "☐ ⚠ €310.00" in shown


async def test_if_one_changed_meanwhile_nothing_is_approved(hands: Hands) -> None:
    first, second, third = await three_small(hands)
    several = Several(hands, "bea")
    await several.open()
    assert hands.world.app is not None
    services = hands.world.app.services
    amara = services.company.directory.get("amara")
    assert amara is not None
    payment = Payment(
        "operating-eur", replace_amount(second, 999_00), payee_id="acme", remittance="INV-320"
    )
    await services.database.write(
        lambda c: requests.amend(
            c, services.company, amara, second.id, payment, version=1, now=services.clock()
        )
    )
    said = await several.approve([first.id, second.id, third.id])
    assert "Nothing was approved" in said
    assert second.id in said
    for each in (first, second, third):
        now = await hands.world.read(partial(orders.get, order_id=each.id))
        assert now.state == OrderState.PENDING
    assert hands.world.bank.ledger == []


def replace_amount(order: Order, minor: int) -> Money:
    return replace(order, amount_minor=minor).amount


async def test_more_than_ten_fit_one_form(hands: Hands) -> None:
    wanted = [
        await requested(hands, f"{300 + n}.00 EUR to ACME GmbH ref INV-{n}") for n in range(12)
    ]
    several = Several(hands, "bea")
    shown = await several.open()
    if isinstance(hands, SlackHands):
        assert all(each.id in shown for each in wanted)
        assert "Payments to approve, 11 to 12" in shown
    said = await several.approve([each.id for each in wanted[:2]])
    assert "2 payments approved" in said


# ---- the inbox --------------------------------------------------------------------------------


async def test_the_inbox_by_account_amount_and_warning(hands: Hands) -> None:
    euro = await requested(hands, "310.00 EUR to ACME GmbH ref INV-1")
    dollar = await requested(hands, "410.00 USD to ACME GmbH ref INV-2")
    large = await requested(hands, "2000.00 EUR to ACME GmbH ref INV-3")
    new = await requested(hands, "50.00 EUR to Neu SARL iban FR1420041010050500013M02606 ref 4")
    listed = plain(await hands.types("bea", "/approvals"))
    for each in (euro, dollar, large):
        assert each.id in listed
    for label, there, gone in (
        ("Operating USD", [dollar], [euro, large, new]),
        ("From €1,000.00", [large], [euro, dollar, new]),
        ("With warnings", [new], [euro, dollar, large]),
    ):
        await hands.types("bea", "/approvals")
        shown = await presses(hands, "bea", "Waiting for you", label)
        assert f"{label} · 1 to 1 of 1" in shown
        assert all(each.id in shown for each in there), label
        assert not any(each.id in shown for each in gone), label


async def test_the_inbox_has_pages(hands: Hands) -> None:
    wanted = [
        await requested(hands, f"{300 + n}.00 EUR to ACME GmbH ref INV-{n}") for n in range(12)
    ]
    first = plain(await hands.types("bea", "/approvals"))
    assert "1 to 10 of 12" in first
    second = await presses(hands, "bea", "1 to 10 of 12", "More ›")
    assert "11 to 12 of 12" in second
    assert all((each.id in first) != (each.id in second) for each in wanted)


async def test_slack_turns_pages_in_one_window(hands: Hands) -> None:
    if not isinstance(hands, SlackHands):
        pytest.skip("Telegram answers below")
    for number in range(22):
        await requested(hands, f"{300 + number}.00 EUR to ACME GmbH ref INV-{number}")
    bea = hands.world.person("bea")
    await bea.open_home()
    home = await bea.wait_home(lambda view: "22 payments wait" in text_of(view))
    assert "Also waiting for you" in text_of(home)
    on = next(value for label, value in labelled(home) if label == "More ›")
    assert (await bea.click(home, "inbox", on)).ok
    window = await bea.wait_view()
    for wanted, label in (("11 to 20", "More ›"), ("21 to 22", "‹ Back"), ("11 to 20", "‹ Back")):
        async with asyncio.timeout(30):
            while wanted not in text_of(bea.views()[-1]):
                await asyncio.sleep(0.01)
        (shown,) = bea.views()
        assert shown.id == window.id
        value = next(value for name, value in labelled(shown) if name == label)
        assert (await bea.click(shown, "inbox", value)).ok


async def test_slacks_home_approves_several(hands: Hands) -> None:
    if not isinstance(hands, SlackHands):
        pytest.skip("Telegram has no page of one's own")
    first, second, _ = await three_small(hands)
    bea = hands.world.person("bea")
    await bea.open_home()
    home = await bea.wait_home(lambda view: "3 payments wait" in text_of(view))
    assert (await bea.click(home, "bulk")).ok
    form = await bea.wait_view()
    outcome = await bea.submit(
        form, {"orders": [first.id, second.id], "code": await hands.world.code("bea")}
    )
    assert outcome.ok
    assert "2 payments approved" in text_of(bea.views()[-1])
    await bea.wait_home(lambda view: "1 payment waits" in text_of(view))


def labelled(shown: View) -> list[tuple[str, str]]:
    """Return the labels and values of a window's buttons."""
    return [
        (element["text"]["text"], element.get("value", ""))
        for block in shown.all_blocks()
        if block["type"] == "actions"
        for element in block["elements"]
    ]


# ---- what sort of payment ---------------------------------------------------------------------


async def test_a_refund_is_said_to_be_one(hands: Hands) -> None:
    values = {"account": "operating-eur", "amount": "500.00", "payee": "acme", "reference": "R-1"}
    if isinstance(hands, SlackHands):
        await hands.asks_with_form("amara", {**values, "kind": "refund"})
    else:
        assert isinstance(hands, TelegramHands)
        await a_refund_on_telegram(hands, values)
    order = await hands.world.order()
    assert (order.kind, order.amount_minor) == ("refund", 500_00)
    assert "Refund" in await card(hands, "bea", order.id, "What is it?")
    plain_one = await requested(hands)
    assert plain_one.kind == "single"
    assert "What is it?" not in await card(hands, "bea", plain_one.id)


async def a_refund_on_telegram(hands: TelegramHands, values: dict[str, str]) -> None:
    phone = hands.world.on_telegram("amara")
    await phone.say("/pay")
    asked = await phone.wait_message(lambda m: "👉" in m.text)
    await phone.press(asked, next(b.label for b in asked.all_buttons() if "EUR" in b.label))
    await phone.wait_message(lambda m: "👉 Amount" in m.text)
    await phone.say(values["amount"])
    asked = await phone.wait_message(lambda m: "👉 Payee" in m.text)
    await phone.press(asked, next(b.label for b in asked.all_buttons() if "ACME GmbH" in b.label))
    await phone.wait_message(lambda m: "👉 Reference" in m.text)
    await phone.say(values["reference"])
    # What sort of payment it is is not asked: it stands there in the end, to be changed.
    for question, skip in (("Execution", "As soon"), ("Invoice", "No invoice")):
        asked = await phone.wait_message(lambda m, q=question: f"👉 {q}" in m.text)  # type: ignore[misc]
        assert "What is it?" not in asked.text
        await phone.press(asked, next(b.label for b in asked.all_buttons() if skip in b.label))
    review = await phone.wait_message(lambda m: "Is this right?" in m.text)
    assert "What is it?: A payment" in review.text
    await phone.press(review, "✎ What is it?")
    asked = await phone.wait_message(lambda m: "👉 What is it?" in m.text)
    await phone.press(asked, "Refund")
    review = await phone.wait_message(lambda m: "What is it?: Refund" in m.text)
    await phone.press(review, next(iter(review.all_buttons())).label)
    await hands.sees("amara", "is with its approvers")


# ---- from two chats ---------------------------------------------------------------------------


async def test_one_person_approves_in_both_chats_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=("slack", "telegram")) as world:
        assert world.app is not None
        services = world.app.services
        order = await world.pay()
        bea = services.company.directory.get("bea")
        assert bea is not None
        token = f"{order.id}:{order.version}:{order.digest}"
        codes = [await world.code("bea"), await world.code("bea")]
        callers = [Caller(bea, chat, "en", f"{chat}:1") for chat in ("slack", "telegram")]
        interactions = Interactions(services, Commands(services))
        await asyncio.gather(
            *(
                interactions.submit("approve", caller, token, {"code": code})
                for caller, code in zip(callers, codes, strict=True)
            )
        )
        kinds = await world.kinds(order.id)
        assert kinds.count("order.approval") == 1
        assert (await world.order()).state == OrderState.PENDING
        assert (await world.read(audit.verify)).is_intact
