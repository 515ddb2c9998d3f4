"""Bad input and faults: each gets its answer, is on the record, and loses nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from sandbox.bank import Fault, Phone, Sca
from sandbox.slack import Message, text_of
from tests.journeys.world import EUR_IBAN, TREASURY, a_world
from workflows import audit, orders

# ---- asking -----------------------------------------------------------------------------------


async def test_what_a_line_can_get_wrong(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        amara = world.person("amara")
        for line, answer in (
            ("nonsense", "1250.00 EUR to ACME"),
            ("1,250.00 EUR to ACME GmbH", "1250.00"),
            ("12.345 EUR to ACME GmbH", "2"),
            ("0 EUR to ACME GmbH", "more than zero"),
            ("-5 EUR to ACME GmbH", "more than zero"),
            ("5 XXX to ACME GmbH", "XXX"),
            ("5 GBP to ACME GmbH", "GBP"),
            ("5 EUR to Nobody Ltd", "Nobody Ltd"),
            ("5 EUR to ACMI GmbH", "ACME GmbH"),
            ("5 EUR to ACM", "ACME Trading Ltd"),
            ("5 EUR to New One iban DE00123", "DE00123"),
            ("5 EUR to ACME GmbH from nowhere", "nowhere"),
            ("5 EUR to ACME GmbH on 2020-01-01", "has passed"),
            ("5 EUR to ACME GmbH on tomorrow", "tomorrow"),
            ("900000.00 EUR to ACME GmbH", "Operating EUR"),
        ):
            assert (await amara.command(f"/pay {line}")).ok
            said = world.last("amara")
            assert answer in said, (line, said)
            assert said.startswith(":no_entry:")
        assert world.app is not None
        asked = await world.app.database.read(lambda c: orders.asked_by(c, "amara"))
        assert asked == []
        assert (await world.person("ivy").command("/pay 5 EUR to ACME GmbH")).ok
        assert "Only staff" in world.last("ivy")
        assert "access.denied" in await world.kinds("ivy")


async def test_an_equal_payment_is_asked_about(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        first = await world.pay()
        amara = world.person("amara")
        assert (await amara.command("/pay 1250.00 EUR to ACME GmbH ref other")).ok
        question = amara.messages()[-1]
        assert first.id in text_of(question)
        assert (await world.order()).id == first.id
        assert (await amara.click(question, "pay_again")).ok
        second = await world.order()
        assert second.id != first.id
        assert "equal payment" in text_of(await world.card("carl", second))

        assert (await amara.command("/pay")).ok
        form = await amara.wait_view()
        await amara.suggest(form, "payee", "acme")
        values = {"account": "operating-eur", "amount": "1250.00", "payee": "acme"}
        assert (await amara.submit(form, values)).ok
        again = await amara.wait_view(lambda v: "another payment" in text_of(v))
        assert (await amara.submit(again, {"duplicate": ["yes"]})).ok
        assert (await world.order()).id not in (first.id, second.id)


@pytest.mark.parametrize(("who", "answer"), [("sam", "not in this company"), ("gus", "guest")])
async def test_strangers_get_a_polite_no_and_no_data(tmp_path: Path, who: str, answer: str) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay()
        person = world.person(who)
        for command in ("/balance", "/approvals", f"/payment {order.id}", "/pay", "/digest"):
            assert (await person.command(command, TREASURY)).ok
            said = world.last(who, TREASURY)
            assert answer in said.lower()
            assert "ACME" not in said
        card = await person.wait_message(lambda m: order.id in text_of(m), TREASURY)
        assert (await person.click(card, "approve")).ok
        await person.wait_message(lambda m: answer in text_of(m).lower() and bool(m.ephemeral_to))
        await person.open_home()
        home = await person.wait_home(lambda v: answer in text_of(v).lower())
        assert "ACME" not in text_of(home)
        assert "access.denied" in await world.kinds(f"slack:{person.id}")


# ---- approving --------------------------------------------------------------------------------


async def test_codes_that_do_not_count(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay()
        form = await world.form("bea", order)
        bea = world.person("bea")
        assert "6 digits" in (await bea.submit(form, {"code": "12"})).errors["code"]
        good = await world.code("bea")
        wrong = f"{(int(good) + 1) % 1_000_000:06}"
        assert "4" in (await bea.submit(form, {"code": wrong})).errors["code"]
        assert (await bea.submit(form, {"code": good})).ok
        await bea.dismiss(bea.views()[-1])
        second = await world.pay("1300.00 EUR to ACME GmbH")
        form = await world.form("bea", second)
        outcome = await bea.submit(form, {"code": good})
        assert "used" in outcome.errors["code"]
        assert "factor.failed" in await world.kinds("bea")


def _says_to_one(wanted: str, message: Message) -> bool:
    return wanted in text_of(message).lower() and message.ephemeral_to is not None


async def test_who_may_not_approve_is_told_why(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay(who="bea")
        channel = await world.person("bea").wait_message(lambda m: order.id in text_of(m), TREASURY)
        for name, answer in (("bea", "yourself"), ("amara", "role")):
            person = world.person(name)
            assert (await person.click(channel, "approve")).ok
            await person.wait_message(partial(_says_to_one, answer))
        assert (await world.kinds(order.id)).count("access.denied") == 2


async def test_clicks_twice_and_redelivered_change_nothing_twice(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        amara = world.person("amara")
        assert (await amara.command("/pay 1250.00 EUR to ACME GmbH")).ok
        await world.workspace.redeliver("slash_commands")
        order = await world.order()
        assert len([e for e in await world.kinds(order.id) if e == "order.requested"]) == 1
        form = await world.form("bea", order)
        bea = world.person("bea")
        code = await world.code("bea")
        assert (await bea.submit(form, {"code": code})).ok
        await world.workspace.redeliver("interactive")
        assert (await world.kinds(order.id)).count("order.approval") == 1
        await world.approve("carl", order)
        await world.until("settled")
        assert len(world.bank.ledger) == 1


async def test_a_lost_window_loses_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay()
        form = await world.form("bea", order)
        await world.person("bea").dismiss(form)
        await world.approve("bea", order)
        assert (await world.kinds(order.id)).count("order.approval") == 1


# ---- the bank ---------------------------------------------------------------------------------


async def test_a_bank_that_refuses(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.bank.faults.add("initiate", Fault.REFUSE, code="PRODUCT_INVALID")
        order = await world.approved()
        failed = await world.until("failed")
        assert failed.reason_code == "PRODUCT_INVALID"
        amara = world.person("amara")
        await amara.wait_message(lambda m: "Not paid" in text_of(m))
        await amara.wait_message(lambda m: "Failed" in text_of(m) and order.id in text_of(m))
        assert world.bank.ledger == []


async def test_a_bank_without_the_money(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.approved()
        await world.until("settled")
        world.bank.accounts[EUR_IBAN].opening -= 9_900_000
        amara = world.person("amara")
        assert (await amara.command("/pay 1260.00 EUR to ACME GmbH")).ok
        assert "Operating EUR" in world.last("amara")
        assert (await world.order()).id == order.id


@pytest.mark.parametrize(
    "fault",
    ["drop_before", "drop_after", "garbage", "error_after", "wrong_request_id", "hang_after"],
)
async def test_a_lost_answer_never_pays_twice(tmp_path: Path, fault: str) -> None:
    async with a_world(tmp_path) as world:
        world.bank.faults.add("initiate", Fault[fault.upper()])
        order = await world.approved()
        async with asyncio.timeout(30):
            while "order.unknown" not in await world.kinds(order.id):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert (await world.order()).state in ("unknown", "settled", "submitted")
        assert len([e for e in world.bank.ledger if e.end_to_end_id == order.end_to_end_id]) <= 1


async def test_a_bank_that_is_closed_is_tried_again(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.bank.faults.add("initiate", Fault.MAINTENANCE, times=2)
        order = await world.approved()
        await world.until("settled")
        assert len(world.bank.ledger) == 1
        assert "instruction.not_sent" in await world.kinds(order.id)


# ---- the chat ---------------------------------------------------------------------------------


async def test_slack_unreachable_loses_no_card(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay()
        await world.card("amara", order)
        form = await world.form("bea", order)
        world.workspace.faults.server_errors = 3
        assert (await world.person("bea").submit(form, {"code": await world.code("bea")})).ok
        amara = world.person("amara")
        await amara.wait_message(lambda m: "Bea Lindqvist approved" in text_of(m), timeout=30)


async def test_rate_limits_are_respected(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.workspace.limits.force("chat.postMessage", times=2, retry_after=1)
        order = await world.pay()
        await world.person("carl").wait_message(
            lambda m: order.id in text_of(m), world.person("carl").dm, timeout=15
        )
        calls = [c for c in world.workspace.calls("chat.postMessage") if c.error == "ratelimited"]
        assert len(calls) == 2


async def test_every_acknowledgment_comes_in_time_whatever_the_bank_does(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.bank.faults.add("balances", Fault.SLOW, seconds=60, times=10)
        carl, amara = world.person("carl"), world.person("amara")
        assert (await carl.command("/balance")).ok
        assert (await amara.command("/pay 1250.00 EUR to ACME GmbH")).ok
        order = await world.order()
        assert "funds_unchecked" in order.risk_codes
        await carl.wait_message(lambda m: "Asking the bank" in text_of(m), timeout=30)
        card = await world.card("carl", order)
        assert "balance was not checked" in text_of(card)


async def test_the_record_has_no_code_and_no_secret(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay()
        code = await world.code("bea")
        await world.approve("bea", order, code)
        assert world.app is not None
        entries = await world.app.database.read(lambda c: audit.after(c, 0, 10_000))
        text = repr([entry.facts for entry in entries])
        assert code not in text
        assert not any(secret in text for secret in world.secrets.values())
        assert datetime.now(UTC) - entries[-1].at < timedelta(minutes=5)


async def test_a_bank_that_waits_for_consent_says_so_in_the_channel(tmp_path: Path) -> None:
    async with a_world(tmp_path, consent_sca=Sca(Phone.IGNORES)) as world:
        carl = world.person("carl")
        await carl.wait_message(lambda m: "waits for your consent" in text_of(m), TREASURY)
        assert (await carl.command("/balance")).ok
        await carl.wait_message(lambda m: "no balance yet" in text_of(m))
