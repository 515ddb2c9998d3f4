"""Invoices that travel with a payment, and lists of payments that come as a file."""

from __future__ import annotations

import asyncio
import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from bot.slack import app as slack_app
from sandbox.slack import FileToGive, Message, Outcome, View, text_of
from tests.journeys.world import TREASURY, World, a_world, buttons
from workflows import audit, requests, tables
from workflows.orders import Order, OrderState, digest_of, in_states
from workflows.refusal import Refusal

HEAD = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
INVOICE = HEAD + b"% " + b"scan " * 140_000 + b"\n%%EOF\n"
OTHER = HEAD + b"% another\n%%EOF\n"
ACTIVE = HEAD + b"3 0 obj\n<< /S /JavaScript /JS (app.alert(1)) >>\nendobj\n%%EOF\n"
UNAVAILABLE = "The file could not be fetched just now. Try again."
PAYMENT = {
    "account": "operating-eur",
    "amount": "1250.00",
    "payee": "acme",
    "reference": "INV-7",
}
TITLES = ("payee", "amount", "currency", "iban", "reference", "date", "from")


async def opened(world: World, line: str, form: str) -> View:
    """Type a command that opens a form, once the windows of what was before are closed."""
    amara = world.person("amara")
    for view in reversed(amara.views()):
        await amara.dismiss(view)
    assert (await amara.command(line, TREASURY)).ok
    return await amara.wait_view(lambda view: view.callback_id == form)


async def pay_form(world: World) -> View:
    """Open the payment form; its search for payees has been used."""
    form = await opened(world, "/pay", "pay")
    await world.person("amara").suggest(form, "payee", "acm")
    return form


async def paid_with(world: World, content: bytes, name: str = "invoice 7.pdf") -> Order:
    form = await pay_form(world)
    outcome = await world.person("amara").submit(
        form, {**PAYMENT, "invoice": FileToGive(name, content)}
    )
    assert outcome.ok, outcome
    return await world.order()


async def amend_form(world: World, order: Order) -> View:
    amara = world.person("amara")
    for view in reversed(amara.views()):
        await amara.dismiss(view)
    return await world.form("amara", order, "amend")


async def handed_over(world: World, name: str, card: Message) -> bytes:
    """Click a card's button for the invoice; return the file that comes."""
    person = world.person(name)
    before = {file for message in person.messages(person.dm) for file in message.files}
    assert (await person.click(card, "invoice")).ok
    message = await person.wait_message(lambda m: bool(set(m.files) - before), person.dm)
    (file,) = message.files
    assert (await world.order()).id in message.text
    assert world.workspace.store.files[file].channels == [person.dm]
    return person.read_file(file)


async def kept(world: World) -> int:
    count = select(func.count()).select_from(tables.kept_file)
    found: int = await world.read(lambda connection: connection.execute(count).scalar_one())
    return found


async def all_orders(world: World) -> list[Order]:
    found: list[Order] = await world.read(lambda c: in_states(c, *OrderState))
    return found


# ---- an invoice --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_an_invoice_travels_with_its_payment(tmp_path: Path, mode: str) -> None:
    async with a_world(tmp_path, mode=mode) as world:
        order = await paid_with(world, INVOICE)
        (file,) = order.files
        assert (file.name, file.media_type, file.size) == (
            "invoice 7.pdf",
            "application/pdf",
            len(INVOICE),
        )
        assert file.sha256 == hashlib.sha256(INVOICE).hexdigest()

        # It is part of what is approved, and on the record.
        assert order.digest == digest_of(order)
        assert order.digest != digest_of(replace(order, attachments="[]"))
        requested = (await world.record(order.id))[0]
        assert requested.facts["attachments"] == [{"name": file.name, "sha256": file.sha256}]

        # Approvers see name and size before they agree, and get the very bytes, alone.
        card = await world.card("bea", order, with_button="invoice")
        form = await world.form("bea", order)
        for shown in (card, form):
            assert "invoice 7.pdf\n684 KB" in text_of(shown)
        await world.person("bea").dismiss(form)
        assert await handed_over(world, "bea", card) == INVOICE
        for name in ("amara", "carl", "ivy", "meilin"):
            assert not any(message.files for message in world.person(name).messages())
        assert not any(message.files for message in world.person("bea").messages(TREASURY))

        await world.approve("bea", order)
        await world.approve("carl", order)
        settled = await world.until("settled")
        assert settled.digest == order.digest
        assert world.app is not None
        assert (await world.app.database.read(audit.verify)).is_intact


async def test_an_invoice_is_for_those_who_may_see_the_payment(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await paid_with(world, OTHER)
        meilin = world.person("meilin")
        card = await meilin.wait_message(lambda m: order.id in text_of(m), TREASURY)
        assert await handed_over(world, "meilin", card) == OTHER
        assert await handed_over(world, "amara", await world.card("amara", order)) == OTHER
        for name, said in (
            ("ivy", "no payment"),
            ("sam", "directory"),
            ("gus", "Guests"),
        ):
            person = world.person(name)
            assert (await person.click(card, "invoice")).ok
            told = await person.wait_message(lambda m: m.ephemeral_to is not None, TREASURY)
            assert said in text_of(told), text_of(told)
            assert not any(message.files for message in person.messages())


async def test_a_file_that_slack_does_not_take_back_is_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await paid_with(world, OTHER)
        card = await world.card("bea", order, with_button="invoice")
        bea = world.person("bea")
        world.workspace.limits.force("files.getUploadURLExternal")
        assert (await bea.click(card, "invoice")).ok
        await bea.wait_message(lambda m: UNAVAILABLE in text_of(m), bea.dm)
        assert await handed_over(world, "bea", card) == OTHER


async def test_an_amendment_keeps_the_invoice_or_replaces_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await paid_with(world, INVOICE)
        await world.approve("bea", order)
        amara = world.person("amara")
        form = await amend_form(world, order)
        assert "invoice 7.pdf is attached" in text_of(form)
        assert (await amara.submit(form, {"amount": "1300.00"})).ok
        changed = await world.order()
        assert (changed.version, changed.amount_minor) == (2, 130_000)
        assert changed.files == order.files

        form = await amend_form(world, order)
        given = FileToGive("corrected.pdf", OTHER)
        assert (await amara.submit(form, {"invoice": given})).ok
        replaced = await world.order()
        assert replaced.version == 3
        assert [file.name for file in replaced.files] == ["corrected.pdf"]
        assert replaced.digest == digest_of(replaced)

        # What was approved before counts no more; the button gives what is approved now.
        bea = world.person("bea")
        await bea.wait_message(lambda m: "corrected.pdf" in text_of(m), bea.dm)
        card = await world.card("bea", order, with_button="approve")
        assert await handed_over(world, "bea", card) == OTHER


async def test_an_equal_payment_keeps_its_invoice_while_it_is_asked_about(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.pay()
        amara = world.person("amara")
        form = await pay_form(world)
        invoice = FileToGive("invoice 7.pdf", OTHER)
        assert (await amara.submit(form, {**PAYMENT, "invoice": invoice})).ok
        question = amara.views()[-1]
        assert "duplicate" in {block["block_id"] for block in question.blocks}
        assert "invoice 7.pdf is attached" in text_of(question)
        # Whether Slack keeps the file in the form or not.
        assert (await amara.submit(question, {"duplicate": ["yes"], "invoice": None})).ok
        order = await world.order()
        assert [file.name for file in order.files] == ["invoice 7.pdf"]
        assert await kept(world) == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("invoice.pdf", b"<html>no invoice</html>", "Only PDF, PNG and JPEG files"),
        ("invoice.pdf", ACTIVE, "This PDF has scripts inside"),
        ("invoice.pdf", INVOICE.ljust(5 * 1024 * 1024 + 1), "at most 5 MB"),
        ("....pdf", OTHER, "The name of the file cannot be read"),
        # What Slack's own client does not let through:
        ("invoice.exe", OTHER, "of type pdf, png, jpg, jpeg"),
        ("invoice.pdf", b"", "This file is empty"),
        ("invoice.pdf", OTHER.ljust(10 * 1024 * 1024 + 1), "at most 10 MB"),
    ],
    ids=["type", "active", "large", "name", "ending", "empty", "larger"],
)
async def test_a_file_that_cannot_be_taken_is_refused_beneath_the_input(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    async with a_world(tmp_path) as world:
        form = await pay_form(world)
        amara = world.person("amara")
        outcome = await amara.submit(form, {**PAYMENT, "invoice": FileToGive(name, content)})
        assert set(outcome.errors) == {"invoice"}
        assert sentence in outcome.errors["invoice"]
        assert (await kept(world), await all_orders(world)) == (0, [])
        # The form is still there, and another file will do.
        assert (await amara.submit(form, {"invoice": FileToGive("a.pdf", OTHER)})).ok
        assert (await world.order()).files[0].name == "a.pdf"


async def test_a_file_that_slack_does_not_hand_over_is_refused(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        form = await pay_form(world)
        amara, workspace = world.person("amara"), world.workspace

        async def refused() -> None:
            given = FileToGive("invoice 7.pdf", INVOICE)
            outcome = await amara.submit(form, {**PAYMENT, "invoice": given})
            assert outcome == Outcome(False, errors={"invoice": UNAVAILABLE})
            assert (await kept(world), await all_orders(world)) == (0, [])

        workspace.faults.files_after = 10
        await refused()  # within the three seconds that Slack waits, or the outcome is another
        workspace.faults.files_after, workspace.faults.cut_files = 0, 1
        await refused()

        # The app was installed before it asked for this scope: Slack answers with a page, 200.
        scopes: list[str] = workspace.app.manifest["oauth_config"]["scopes"]["bot"]
        scopes.remove("files:read")
        await refused()
        scopes.append("files:read")

        # What is kept elsewhere would get to know our token.
        workspace.store.base_url = workspace.url.replace("127.0.0.1", "localhost")
        await refused()
        workspace.store.base_url = workspace.url

        assert (await amara.submit(form, {})).errors == {"invoice": UNAVAILABLE}
        assert (await amara.submit(form, {"invoice": FileToGive("a.pdf", INVOICE)})).ok
        assert (await world.order()).files[0].size == len(INVOICE)


# ---- a list of payments ------------------------------------------------------------------------


def a_csv(*lines: str, titles: str = "payee,amount,currency,reference") -> bytes:
    return "\n".join([titles, *lines, ""]).encode()


def a_workbook(*rows: tuple[Any, ...]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (TITLES, *rows):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


RIGHT = a_csv("ACME GmbH,1250.00,EUR,INV-7", "acme-trading,80.10,USD,INV-8", "acme,20.00,EUR,INV-9")


async def give_list(world: World, content: bytes, name: str = "May.csv") -> tuple[Outcome, View]:
    """Type ``/pay file``, give a list, and return the outcome and what the window shows."""
    amara = world.person("amara")
    form = await opened(world, "/pay file", "list")
    outcome = await amara.submit(form, {"list": FileToGive(name, content)})
    return outcome, amara.views()[-1]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_a_list_becomes_payments(tmp_path: Path, ending: str) -> None:
    async with a_world(tmp_path) as world:
        workbook = a_workbook(
            ("ACME GmbH", 1250, "EUR", None, "INV-7", None, None),
            ("acme-trading", 80.1, "USD", None, "INV-8", None, "Operating USD"),
            ("acme", 20, "EUR", None, "INV-9", None, None),
        )
        content = RIGHT if ending == "csv" else workbook
        outcome, form = await give_list(world, content, f"May.{ending}")
        assert outcome.ok, outcome
        assert form.callback_id == "list_confirm"
        shown = text_of(form)
        for line in (f"May.{ending}", "€1,270.00", "$80.10", "€1,250.00\nACME GmbH"):
            assert line in shown
        assert await all_orders(world) == []

        amara = world.person("amara")
        kind = {"csv": "payroll", "xlsx": "batch"}[ending]
        assert (await amara.submit(form, {"kind": kind} if kind == "payroll" else {})).ok
        assert "3 payments are requested" in text_of(amara.views()[-1])
        asked = await all_orders(world)
        assert {order.kind for order in asked} == {kind}
        assert {(order.creditor_name, str(order.amount), order.remittance) for order in asked} == {
            ("ACME GmbH", "1250.00 EUR", "INV-7"),
            ("ACME Trading Ltd", "80.10 USD", "INV-8"),
            ("ACME GmbH", "20.00 EUR", "INV-9"),
        }
        assert {order.account_id for order in asked} == {"operating-eur", "operating-usd"}
        assert all(not order.files for order in asked)

        # Each is approved like any other.
        small = next(order for order in asked if order.amount_minor == 2_000)
        await world.approve("bea", small)
        async with asyncio.timeout(30):
            while not world.bank.ledger:
                await asyncio.sleep(0.02)
        (paid,) = world.bank.ledger
        assert (paid.end_to_end_id, paid.amount) == (small.end_to_end_id, 2_000)


async def test_every_mistake_of_a_list_is_named_by_its_line(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        content = a_csv(
            "acme,12.345,EUR,,",
            "acme,10.00,EUR,,INV-1",
            'acme,"1,250.00",EUR,,',
            "Nobody Known,10.00,EUR,,",
            "New Payee,10.00,EUR,FR1420041010050500013M02607,",
            "acme,10.00,XXQ,,",
            "acme,10.00,CHF,,",
            "acme,90000000.00,EUR,,",
            "=cmd,10.00,EUR,,",
            ",10.00,EUR,,",
            "acme,10.00,EUR",
            titles="payee,amount,currency,iban,reference",
        )
        outcome, window = await give_list(world, content)
        assert outcome.ok, outcome
        told = text_of(window).splitlines()
        assert "May.csv has 10 mistakes" in "".join(told)
        lines = [line for line in told if line.startswith("Line ")]
        assert [line.split(":")[0] for line in lines] == [
            f"Line {number}" for number in (2, 4, 5, 6, 7, 8, 9, 10, 11, 12)
        ]
        assert "submit" not in window.body
        assert await all_orders(world) == []
        assert world.bank.ledger == []


async def test_many_mistakes_of_a_list_are_all_shown_whole_or_counted(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        outcome, window = await give_list(world, a_csv(*[f"{'_' * 69}x,1.00,EUR,"] * 40))
        assert outcome.ok, outcome
        told = text_of(window)
        assert len(told) > 3_000  # more than one block of Slack's may hold
        assert "40 mistakes" in told
        assert all(f"Line {number}: " in told for number in range(2, 17))
        assert "and 25 more." in told
        assert "…\n" not in told


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("May.csv", b"hello", "lacks these columns"),
        ("May.csv", a_csv(), "has no payments"),
        ("May.csv", b"\xff\xfe\x00", "cannot be read"),
        ("May.xlsx", b"PK\x03\x04 broken", "damaged"),
        ("May.csv", a_csv(*["acme,1.00,EUR,x"] * 501), "at most 500 payments"),
        ("May.csv", a_csv("acme,1.00,EUR," + " " * 1024 * 1024), "at most 1024 KB"),
        ("May.pdf", OTHER, "of type csv, xlsx"),
    ],
    ids=["columns", "empty", "encoding", "damaged", "long", "large", "ending"],
)
async def test_what_is_no_list_is_refused_beneath_the_input(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    async with a_world(tmp_path) as world:
        outcome, form = await give_list(world, content, name)
        assert set(outcome.errors) == {"list"}
        assert sentence in outcome.errors["list"]
        assert (await kept(world), await all_orders(world)) == (0, [])
        amara = world.person("amara")
        assert (await amara.submit(form, {"list": FileToGive("May.csv", RIGHT)})).ok
        assert amara.views()[-1].callback_id == "list_confirm"


async def test_equal_payments_of_a_list_have_to_be_meant(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        first = await world.pay("20.00 EUR to ACME GmbH ref INV-9")
        outcome, form = await give_list(world, RIGHT)
        assert outcome.ok
        assert "1 of them equals another payment" in text_of(form)
        amara = world.person("amara")
        outcome = await amara.submit(form)
        assert set(outcome.errors) == {"duplicate"}
        assert await all_orders(world) == [first]
        assert (await amara.submit(form, {"duplicate": ["yes"]})).ok
        asked = await all_orders(world)
        assert len(asked) == 4
        twin = next(each for each in asked if each.amount_minor == 2_000 and each.id != first.id)
        assert "duplicate" in twin.risk_codes
        assert [each.risk_codes for each in asked].count(twin.risk_codes) == 1


async def test_two_equal_lines_have_to_be_meant(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        _, form = await give_list(world, a_csv("acme,1.00,EUR,x", "acme,1.00,EUR,x"))
        amara = world.person("amara")
        assert set((await amara.submit(form)).errors) == {"duplicate"}
        assert (await amara.submit(form, {"duplicate": ["yes"]})).ok
        assert len(await all_orders(world)) == 2


async def test_a_list_confirmed_twice_is_asked_for_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        _, form = await give_list(world, RIGHT)
        amara = world.person("amara")
        assert (await amara.submit(form)).ok
        asked = await all_orders(world)
        assert len(asked) == 3
        again = await asyncio.gather(*(world.workspace.redeliver("interactive") for _ in range(3)))
        for answer in again:
            assert answer.payload is not None
            assert "3 payments are requested" in str(answer.payload["view"])
        # The same file once more, in a form of its own, is another matter: it is all equal.
        outcome, other = await give_list(world, RIGHT)
        assert outcome.ok
        assert "3 of them equal other payments" in text_of(other)
        assert await all_orders(world) == asked


async def test_two_confirmations_at_once_are_one(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        _, form = await give_list(world, RIGHT)
        amara = world.person("amara")
        submitting = asyncio.ensure_future(amara.submit(form))
        await asyncio.sleep(0)  # it is on its way
        answers = await asyncio.gather(
            submitting, *(world.workspace.redeliver("interactive") for _ in range(3))
        )
        assert all(getattr(answer, "error", None) is None for answer in answers)
        assert len(await all_orders(world)) == 3


async def test_a_list_that_the_account_cannot_pay_is_refused_whole(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        outcome, window = await give_list(
            world, a_csv("acme,60000.00,EUR,one", "acme,60000.00,EUR,two", "acme,1.00,USD,three")
        )
        assert outcome.ok
        assert "Operating EUR has not enough for all of it" in text_of(window)
        assert await all_orders(world) == []


async def test_a_list_is_asked_for_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_world(tmp_path) as world:
        _, form = await give_list(world, RIGHT)
        whole, asked = requests.request, 0

        def failing(*given: Any, **named: Any) -> Order:
            nonlocal asked
            asked += 1
            if asked == 3:  # the account has been emptied since the list was checked
                raise Refusal("funds.insufficient_hidden", field="amount", account="Operating EUR")
            return whole(*given, **named)

        monkeypatch.setattr(requests, "request", failing)
        amara = world.person("amara")
        assert (await amara.submit(form)).ok
        # The form has no input of this name to say it beneath.
        assert "Operating EUR" in text_of(amara.views()[-1])
        assert (asked, await all_orders(world)) == (3, [])


async def test_who_may_not_ask_gives_no_list(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for name in ("ivy", "carl"):
            person = world.person(name)
            assert (await person.command("/pay file")).ok
            assert "may not" in world.last(name) or "staff" in world.last(name)
            assert person.views() == []
        stranger = world.person("sam")
        assert (await stranger.command("/pay file", TREASURY)).ok
        assert stranger.views() == []


async def test_a_form_that_takes_longer_than_slack_waits_is_answered_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_world(tmp_path) as world:
        monkeypatch.setattr(slack_app, "_FORM_PATIENCE", 0.0)
        amara = world.person("amara")
        outcome, window = await give_list(world, RIGHT)
        assert outcome.ok
        assert "Still working on it" in text_of(window)
        form = await amara.wait_view(lambda view: view.callback_id == "list_confirm")
        assert (await amara.submit(form)).ok
        await amara.wait_view(lambda view: "3 payments are requested" in text_of(view))
        assert len(await all_orders(world)) == 3

        await give_list(world, b"hello")
        await amara.wait_view(lambda view: "lacks these columns" in text_of(view))
        form = await pay_form(world)
        invoice = FileToGive("invoice.pdf", OTHER)
        assert (await amara.submit(form, {**PAYMENT, "amount": "7.00", "invoice": invoice})).ok
        await amara.wait_view(lambda view: "is with its approvers" in text_of(view))
        order = await world.order()
        assert order.files[0].name == "invoice.pdf"
        assert "invoice" in buttons(await world.card("bea", order))
