"""A file is bound to what was approved: by the order's digest, not by what its own row says."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import SQLAlchemyError

from tests.journeys import test_files as files
from tests.journeys.world import a_world
from tests.workflows.company import Hands, Phones
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from tests.workflows.test_attachments import refused, with_objects
from workflows import kept_files, release, tables
from workflows.attachments import checked
from workflows.database import Database
from workflows.kept_files import LOOSE_FOR, KeptFile
from workflows.orders import Order, OrderState, digest_of
from workflows.refusal import Refusal

INVOICE, OTHER = b"%PDF-1.7 250 EUR to ACME", b"%PDF-1.7 250 EUR to Mallory"


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


async def kept(desk: Desk, content: bytes = INVOICE) -> KeptFile:
    keep = partial(
        kept_files.keep,
        person=PEOPLE_BY_ID["amara"],
        name="invoice.pdf",
        media_type="application/pdf",
        content=content,
        now=desk.hands(),
    )
    return await desk.database.write(keep)


async def swapped(desk: Desk, file: KeptFile) -> None:
    """Put another file in the place of one, with the hash that fits it."""
    values = {"content": OTHER, "sha256": hashlib.sha256(OTHER).hexdigest(), "size": len(OTHER)}
    change = update(tables.kept_file).where(tables.kept_file.c.id == file.id).values(**values)
    await desk.database.write(lambda c: c.execute(change))


async def approved_with(desk: Desk, file: KeptFile) -> Order:
    order = await desk.ask(replace(LARGE, files=(file.id,)))
    for who in ("bea", "carl"):
        await desk.decide(who, order)
    return await desk.now(order)


async def released(desk: Desk, order: Order) -> Order:
    return await desk.database.write(
        lambda c: release.release(
            c, desk.company, order.id, service_of=lambda _: "", now=desk.hands()
        )
    )


async def test_another_file_in_its_place_is_not_handed_out(desk: Desk) -> None:
    order = await approved_with(desk, await kept(desk))
    (file,) = order.files
    read = partial(kept_files.content, file_id=file.id, sha256=file.sha256)
    assert await desk.database.read(read) == INVOICE
    await swapped(desk, file)
    with pytest.raises(Refusal) as caught:
        await desk.database.read(read)
    assert caught.value.code == "file.damaged"


async def test_nothing_is_released_whose_file_is_another(desk: Desk) -> None:
    order = await approved_with(desk, await kept(desk))
    await swapped(desk, order.files[0])
    failed = await released(desk, order)
    assert (failed.state, failed.reason_code) == (OrderState.FAILED, "release.attachment")


async def test_nothing_is_sent_whose_file_is_another(desk: Desk) -> None:
    order = await approved_with(desk, await kept(desk))
    assert (await released(desk, order)).state == OrderState.RELEASED
    await swapped(desk, order.files[0])
    await desk.database.write(
        lambda c: release.claim(
            c,
            desk.company,
            order.id,
            allowance=release.Allowance(),
            orphaned_after=timedelta(seconds=90),
            now=desk.hands(),
        )
    )
    failed = await desk.now(order)
    assert (failed.state, failed.reason_code) == (OrderState.FAILED, "release.attachment")


async def test_the_digest_binds_content_and_name(desk: Desk) -> None:
    order = await approved_with(desk, await kept(desk))
    assert order.digest == digest_of(order)
    for part in (order.files[0].sha256, "invoice.pdf"):
        changed = replace(order, attachments=order.attachments.replace(part, "x" * len(part)))
        assert digest_of(changed) != order.digest


async def test_approvers_are_not_shown_another_invoice(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        order = await files.paid_with(world, files.OTHER)
        (file,) = order.files
        values = {"content": OTHER, "sha256": hashlib.sha256(OTHER).hexdigest()}
        change = update(tables.kept_file).where(tables.kept_file.c.id == file.id).values(**values)
        assert world.app is not None
        await world.app.database.write(lambda c: c.execute(change))
        bea = world.person("bea")
        card = await world.card("bea", order, with_button="invoice")
        assert (await bea.click(card, "invoice")).ok
        await bea.wait_message(lambda m: "do not approve" in str(m), bea.dm)
        assert not any(message.files for message in bea.messages())


async def test_files_that_nobody_uses_are_forgotten_by_the_clock(tmp_path: Path) -> None:
    hands = Hands()
    async with a_world(tmp_path, clock=hands) as world:
        assert world.app is not None
        services, schedule = world.app.services, world.app.schedule
        amara = services.company.directory.get("amara")
        assert amara is not None
        keep = partial(kept_files.keep, person=amara, name="a.pdf", media_type="application/pdf")
        await services.database.write(lambda c: keep(c, content=INVOICE, now=hands()))
        await schedule.sweep()
        hands.forward(days=LOOSE_FOR.days, minutes=30)
        await services.database.write(lambda c: keep(c, content=OTHER, now=hands()))
        hands.forward(minutes=31)
        await schedule.sweep()
        left = await world.read(lambda c: c.execute(select(tables.kept_file.c.content)).all())
        assert [bytes(each.content) for each in left] == [OTHER]


async def test_what_is_written_stays_out_of_errors(database: Database) -> None:
    """Errors of the database reach the log, and values may be names and numbers of accounts."""
    wrong = text("INSERT INTO there_is_none VALUES (:name)")
    with pytest.raises(SQLAlchemyError) as caught:
        await database.write(lambda c: c.execute(wrong, {"name": "Mallory Secret"}))
    assert "Mallory Secret" not in str(caught.value)


# ---- what a PDF hides ---------------------------------------------------------------------------

SCRIPT = b"12 0 << /S /JavaScript /JS (app.alert(1)) >>"


def with_entry(entry: bytes) -> bytes:
    return with_objects(SCRIPT).replace(b"/N 1", entry + b"/N 1")


@pytest.mark.parametrize(
    "entry",
    [
        b"/Note (>> stream\nx\nendstream) ",
        b"/Note (a \\) >>stream\nx\nendstream \\( b) ",
        b"/Note (a (nested) % >> stream\nx\nendstream) ",
        b"/Note % >> stream\n",
        b"/Note << /A 1 >> ",
        b"/Note <41> /B [<42>]",
        b"/Note (never closed ",
    ],
)
def test_a_decoy_is_not_taken_for_the_stream(entry: bytes) -> None:
    decoy = zlib.compress(b"1 0 << /A 1 >>").replace(b"(", b"\\(").replace(b")", b"\\)")
    assert refused("a.pdf", with_entry(entry.replace(b"\nx\n", b"\n" + decoy + b"\n")))
    assert refused("a.pdf", with_entry(entry)) == "attachment.active"


def test_what_is_packed_is_looked_at_to_its_end() -> None:
    assert refused("a.pdf", with_objects(b" " * 20 * 1024 * 1024 + SCRIPT)) == "attachment.active"
    stored = zlib.compressobj(0)
    data = stored.compress(b"1 0 << /A 1 >> endstream " + SCRIPT) + stored.flush()
    assert refused("a.pdf", with_objects(b"", packed=data)) == "attachment.active"
    odd = with_objects(SCRIPT).replace(b"stream\r\n", b"stream\r", 1)
    assert refused("a.pdf", odd) == "attachment.active"


@pytest.mark.parametrize(
    "entry",
    [
        b"/AcroForm << /XFA 2 0 R >>",
        b"/AcroForm << /XFA [(a) 2 0 R] >>",
        b"/AcroForm << /X#46A %c\n2 0 R >>",
        b"/OpenAction << /S /SubmitForm /F (http://else.test/) >>",
        b"/OpenAction << /S /GoToE /T << /R /C /N (x.exe) >> >>",
    ],
)
def test_forms_that_act_are_refused(entry: bytes) -> None:
    assert refused("a.pdf", b"%PDF-1.7 1 0 obj << " + entry + b" >>") == "attachment.active"
    assert refused("a.pdf", with_objects(b"1 0 << " + entry + b" >>")) == "attachment.active"


def test_ordinary_object_streams_are_taken() -> None:
    for entry in (b"/Note (a \\( b) ", b"/Note <41>", b"/A << /B (c) >> ", b"% comment (\n"):
        content = with_objects(b"1 0 << /A 1 >>").replace(b"/N 1", entry + b"/N 1")
        assert checked("a.pdf", content, "").size == len(content)
