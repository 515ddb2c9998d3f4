"""The first whole journey: asked for, held back, approved, sent once, settled, found again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sandbox.slack import text_of
from tests.journeys.world import ACME_IBAN, TREASURY, a_world, buttons
from workflows import audit
from workflows.orders import OrderState


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_a_supplier_is_paid(tmp_path: Path, mode: str) -> None:
    async with a_world(tmp_path, mode=mode) as world:
        order = await world.pay()
        assert order.state == OrderState.PENDING

        # The card is with the requester, the approvers and in the account's channel.
        for name in ("amara", "bea", "carl", "dora"):
            card = await world.card(name, order)
            assert "€1,250.00 to ACME GmbH" in text_of(card)
            assert ACME_IBAN not in text_of(card)
        assert "approve" not in buttons(await world.card("amara", order))
        await world.person("meilin").wait_message(lambda m: order.id in text_of(m), TREASURY)

        # The form shows payee and amount again, whole.
        form = await world.form("bea", order)
        assert "DE75 5121 0800 1245 1261 99" in text_of(form)
        assert "€1,250.00" in text_of(form)
        await world.person("bea").dismiss(form)

        assert "1 more approval is needed" in await world.approve("bea", order)
        assert (await world.order()).state == OrderState.PENDING
        assert world.bank.ledger == []
        assert "has all its approvals" in await world.approve("carl", order)

        # Sent once, settled, receipted.
        settled = await world.until("settled")
        (paid,) = world.bank.ledger
        assert (paid.end_to_end_id, paid.amount) == (order.end_to_end_id, 125_000)
        amara = world.person("amara")
        receipt = await amara.wait_message(lambda m: bool(m.files), amara.dm)
        assert amara.read_file(receipt.files[0]).startswith(b"%PDF")

        # Every card tells it, and the thread has the story.
        for name in ("amara", "bea", "carl", "dora"):
            await world.person(name).wait_message(
                lambda m: order.id in text_of(m) and "Paid" in text_of(m),
                world.person(name).dm,
            )
        card = await world.card("amara", order)
        thread = "\n".join(text_of(m) for m in amara.messages(amara.dm, thread_ts=card.ts))
        for line in ("Bea Lindqvist approved", "Carl Weiss approved", "Released", "ACSC"):
            assert line in thread

        # Found again on the statement, told in the digest, on the record.
        assert world.app is not None
        collected = await world.app.collector.collect("operating-eur")
        assert collected.trouble is None
        assert collected.matches.booked == 1
        await amara.wait_message(lambda m: "Found on the statement" in text_of(m))
        await world.app.schedule.digest()
        await world.app.schedule.digest()
        carl = world.person("carl")
        digest = await carl.wait_message(lambda m: "Daily digest" in text_of(m), TREASURY)
        assert "1 of 1 (100 %)" in text_of(digest)
        await asyncio.sleep(0.3)
        digests = [m for m in carl.messages(TREASURY) if "Daily digest" in text_of(m)]
        assert len(digests) == 1
        assert (await world.app.database.read(audit.verify)).is_intact
        assert settled.end_to_end_id == order.end_to_end_id
        kinds = await world.kinds(order.id)
        assert [kind for kind in kinds if kind != "order.status"] == [
            "order.requested",
            "order.approval",
            "order.approval",
            "order.released",
            "instruction.sending",
            "order.submitted",
            "order.settled",
            "receipt.stored",
            "entry.matched",
        ]


async def test_a_payment_by_the_form_to_a_new_payee(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        amara = world.person("amara")
        assert (await amara.command("/pay", TREASURY)).ok
        form = await amara.wait_view()
        found = await amara.suggest(form, "payee", "acm")
        assert [each["value"] for each in found] == ["acme", "acme-trading"]
        values = {"account": "operating-eur", "amount": "12.345", "payee": "acme"}
        outcome = await amara.submit(form, values)
        assert "EUR" in outcome.errors["amount"]
        outcome = await amara.submit(form, {**values, "amount": "0"})
        assert set(outcome.errors) == {"amount"}
        outcome = await amara.submit(form, {**values, "amount": "500.00", "name": "Both"})
        assert set(outcome.errors) == {"name"}
        stranger = {
            "account": "operating-eur",
            "amount": "500.00",
            "payee": None,
            "name": "Neu & Söhne <!channel> *SARL*",
            "iban": "FR1420041010050500013M02607",
            "reference": "INV-9",
        }
        outcome = await amara.submit(form, stranger)
        assert set(outcome.errors) == {"iban"}
        outcome = await amara.submit(
            form, {**stranger, "iban": "fr14 2004 1010 0505 0001 3m02 606"}
        )
        assert outcome.ok
        assert not outcome.errors
        order = await world.order()
        assert order.creditor_name == "Neu & Söhne <!channel> *SARL*"
        assert order.creditor_iban == "FR1420041010050500013M02606"
        card = await world.card("carl", order)
        markup = _markup(card.blocks)
        assert any("Neu &amp; Söhne &lt;!channel&gt;" in text for text in markup)
        assert not any("<!channel>" in text or "*SARL*" in text for text in markup)
        assert "New payee" in text_of(card)


async def test_changed_and_withdrawn(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay()
        stale = await world.card("carl", order, with_button="approve")
        await world.approve("bea", order)
        amara = world.person("amara")
        form = await world.form("amara", order, "amend")
        assert (await amara.submit(form, {"amount": "1300.00"})).ok
        changed = await world.order()
        assert (changed.version, changed.amount_minor) == (2, 130_000)
        await world.card("bea", order, with_button="approve")
        bea = world.person("bea")
        await bea.wait_message(lambda m: "Earlier approvals no longer count" in text_of(m))

        # The old card answers with what changed.
        carl = world.person("carl")
        await carl.wait_message(lambda m: "€1,300.00" in text_of(m), carl.dm)
        assert (await carl.click(stale, "approve", is_stale=True)).ok
        window = await carl.wait_view()
        assert "€1,300.00" in text_of(window)
        assert window.callback_id == "outdated"
        await carl.dismiss(window)

        card = await world.card("amara", order, with_button="cancel")
        assert (await amara.click(card, "cancel")).ok
        await world.until("cancelled")
        await carl.wait_message(lambda m: "Cancelled" in text_of(m), carl.dm)


async def test_a_rejection_tells_the_requester_why(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay()
        form = await world.form("carl", order, "reject")
        carl = world.person("carl")
        outcome = await carl.submit(form, {"reason": "  "})
        assert set(outcome.errors) == {"reason"}
        assert (await carl.submit(form, {"reason": "Wrong invoice"})).ok
        await world.until("rejected")
        amara = world.person("amara")
        await amara.wait_message(lambda m: "Wrong invoice" in text_of(m))
        assert world.bank.ledger == []


async def test_balances_are_seen_by_their_viewers_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        carl, amara = world.person("carl"), world.person("amara")
        assert (await carl.command("/balance", TREASURY)).ok
        seen = await carl.wait_message(lambda m: "Operating USD" in text_of(m), TREASURY)
        assert seen.ephemeral_to == carl.id
        assert "€100,000.00" in text_of(seen)
        assert "In total about €146,000.00" in text_of(seen)
        assert not any("100,000" in text_of(m) for m in amara.messages(TREASURY))
        assert (await amara.command("/balance", TREASURY)).ok
        assert "may not see" in world.last("amara", TREASURY)


async def test_everybody_finds_their_way(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await world.pay()
        meilin, carl = world.person("meilin"), world.person("carl")
        assert (await meilin.command("/treasury")).ok
        assert "审批" in world.last("meilin")
        assert (await carl.command("/treasury whoami")).ok
        assert "CFO" in world.last("carl")
        assert (await carl.command("/treasury dance")).ok
        assert "dance" in world.last("carl")
        assert (await carl.command("/approvals")).ok
        assert order.id in world.last("carl")
        assert (await carl.command(f"/payment {order.id.lower()}")).ok
        assert order.end_to_end_id in world.last("carl")
        assert (await world.person("ivy").command(f"/payment {order.id}")).ok
        assert order.end_to_end_id not in world.last("ivy")
        await carl.open_home()
        home = await carl.wait_home(lambda v: order.id in text_of(v) or "ACME" in text_of(v))
        assert "approve" in buttons(home)
        await world.approve("bea", order)
        assert (await carl.click(home, "approve")).ok
        form = await carl.wait_view()
        assert (await carl.submit(form, {"code": await world.code("carl")})).ok
        await carl.wait_home(lambda v: "approve" not in buttons(v))


def _markup(node: object) -> list[str]:
    """Return every text that Slack would read as mrkdwn."""
    if isinstance(node, list):
        return [text for each in node for text in _markup(each)]
    if not isinstance(node, dict):
        return []
    if node.get("type") == "mrkdwn":
        return [str(node["text"])]
    return [text for each in node.values() for text in _markup(each)]
