"""The drill: a backup under way, a disaster, the backup put back; nothing is sent twice."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from connectors.base import (
    Capability,
    Connector,
    Enquiry,
    Indeterminate,
    Instruction,
    NotSent,
    Outcome,
    Progress,
    Receipt,
)
from tests.postgres import Server
from tests.workflows.company import ACME, CIPHER, PEOPLE, Hands, Phones
from tests.workflows.test_approvals import LARGE, Desk
from tests.workflows.test_dispatch import QUICK
from workflows import (
    audit,
    backup,
    linking,
    payees,
    release,
    restore,
    restoring,
    second_factor,
)
from workflows.approvals import Decided
from workflows.database import WORKFLOWS_FILE, Database, DatabaseError, SqliteDatabase, database_at
from workflows.database.mark import WentBack
from workflows.dispatch import Dispatcher
from workflows.orders import Order
from workflows.record import verification
from workflows.refusal import Refusal
from workflows.release import Allowance
from workflows.restore import RestoreError
from workflows.tables import SCHEMA

PROGRESS = {True: Progress.SETTLED, False: Progress.PENDING}


class Bank(Connector):
    """A bank that remembers what it was told, whatever becomes of our database."""

    name = "bank"
    capabilities = frozenset(Capability) - {Capability.CANCELLATION}
    enquiry_window = timedelta(hours=1)

    def __init__(self) -> None:
        self.ledger: list[str] = []
        self.requests: dict[str, set[str]] = {}
        self.is_open = True
        self.settles = True
        self.can_tell = True
        self.loses_answers = False
        self.asked_since: dict[str, datetime] = {}

    async def submit(self, instruction: Instruction) -> Outcome:
        if not self.is_open:
            raise NotSent(self.name, "http.refused")
        self.ledger.append(instruction.end_to_end_id)
        self.requests.setdefault(instruction.end_to_end_id, set()).add(instruction.request_id)
        if self.loses_answers:
            raise Indeterminate(self.name, "http.timeout")
        return self._outcome(instruction)

    async def follow(self, instruction: Instruction, reference: str) -> Outcome:
        return self._outcome(instruction)

    async def enquire(
        self, instruction: Instruction, since: datetime, *, may_send: bool = False
    ) -> Enquiry:
        self.asked_since[instruction.end_to_end_id] = since
        if instruction.end_to_end_id in self.ledger:
            return Enquiry(self._outcome(instruction), conclusive=True)
        return Enquiry(None, conclusive=self.can_tell)

    async def receipt(self, instruction: Instruction, reference: str) -> Receipt | None:
        return Receipt(reference, "text/plain", b"paid")

    def _outcome(self, instruction: Instruction) -> Outcome:
        assert instruction.end_to_end_id in self.ledger
        progress = PROGRESS[self.settles]
        return Outcome(progress, "ACSC" if self.settles else "ACSP", instruction.end_to_end_id)


@dataclass
class Place:
    """Where the company's database is; another after a disaster on a server."""

    where: Path | str
    folder: Path
    programs: Path | None
    spare: list[str] = field(default_factory=list)

    def lose(self) -> None:
        """Let the disaster happen."""
        if self.spare:
            self.where = self.spare.pop()
            return
        for each in self.folder.iterdir():
            if each.name.startswith("countersign.sqlite"):
                each.unlink()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "var"
    if request.param == "sqlite":
        yield Place(folder, folder, None)
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as first, server.database() as second:
        yield Place(server.at(first), folder, server.bin, [server.at(second)])


@pytest.fixture
def on_disk(tmp_path: Path) -> Place:
    return Place(tmp_path / "var", tmp_path / "var", None)


class Life(Desk):
    """The service from one start to the next, over a bank that goes on."""

    def __init__(
        self, database: Database, hands: Hands, phones: Phones, bank: Bank, place: Place
    ) -> None:
        super().__init__(database, hands, phones)
        self.bank, self.place = bank, place

    @asynccontextmanager
    async def dispatching(self) -> AsyncIterator[Dispatcher]:
        where = self.place.where
        dispatcher = Dispatcher(self.database, self.company, {"bank": self.bank}, self.hands, QUICK)
        await dispatcher.start(where / WORKFLOWS_FILE if isinstance(where, Path) else where)
        try:
            yield dispatcher
        finally:
            await dispatcher.stop()

    async def another(self) -> Order:
        self.hands.forward(seconds=90)
        return await self.ask(
            replace(LARGE, is_no_duplicate=True), key=f"test:{self.hands().isoformat()}"
        )

    async def approve(self, order: Order) -> Order:
        self.hands.forward(seconds=90)
        for who in ("bea", "carl"):
            assert isinstance(await self.decide(who, order), Decided | Refusal)
        return await self.now(order)

    async def until(self, order: Order, *states: str) -> Order:
        async with asyncio.timeout(30):
            while (present := await self.now(order)).state not in states:
                await asyncio.sleep(0.02)
        return present

    def claim(self, connection: Connection, order: Order) -> None:
        claim = release.claim(
            connection,
            self.company,
            order.id,
            allowance=Allowance(),
            orphaned_after=timedelta(0),
            now=self.hands(),
        )
        assert claim.is_won

    def prepare(self, connection: Connection, order: Order) -> Order:
        return release.release(
            connection, self.company, order.id, service_of=lambda _: "sepa", now=self.hands()
        )


@asynccontextmanager
async def life(place: Place, hands: Hands, phones: Phones, bank: Bank) -> AsyncIterator[Life]:
    database = database_at(place.where, folder=place.folder)
    await database.open()
    try:
        await database.write(lambda c: payees.register(c, [ACME], now=hands()))
        yield Life(database, hands, phones, bank, place)
    finally:
        await database.close()


async def enrol_all(desk: Desk) -> None:
    for person in PEOPLE:
        work = partial(
            second_factor.enrol,
            cipher=CIPHER,
            person_id=person.id,
            secret=desk.phones.secret(person.id),
            now=desk.hands(),
        )
        await desk.database.write(work)


async def test_orders_under_way_are_asked_about_and_none_is_sent_twice(
    place: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    bank, file = Bank(), tmp_path / "backup"
    async with life(place, hands, phones, bank) as before:
        await enrol_all(before)
        async with before.dispatching() as dispatcher:
            settled = await before.approve(await before.another())
            await dispatcher.begin(settled.id)
            await before.until(settled, "settled")
            bank.settles = False
            submitted = await before.approve(await before.another())
            await dispatcher.begin(submitted.id)
            await before.until(submitted, "submitted")
            bank.loses_answers = True
            unknown = await before.approve(await before.another())
            bank.can_tell = False
            await dispatcher.begin(unknown.id)
            await before.until(unknown, "unknown", "submitted")
            bank.loses_answers = False
        pending = await before.another()
        never_sent = await before.another()
        approved = await before.approve(await before.another())
        released = await before.approve(await before.another())
        await before.database.write(partial(before.prepare, order=released))
        sending = await before.approve(await before.another())
        await before.database.write(partial(before.prepare, order=sending))
        await before.database.write(partial(before.claim, order=sending))

        made = await asyncio.to_thread(backup.make, place.where, file, programs=place.programs)
        taken_at = hands()
        assert made.version == SCHEMA
        assert made.entries == (await before.database.read(audit.head))[0]
        assert file.stat().st_mode & 0o077 == 0

        # What the backup knows nothing of: all but one are sent, and one more is asked for.
        hands.forward(minutes=30)
        bank.settles = True
        async with before.dispatching() as dispatcher:
            pending = await before.approve(pending)
            new = await before.approve(await before.another())
            for order in (pending, new):
                await dispatcher.begin(order.id)
            for order in (submitted, pending, approved, released, new):
                await before.until(order, "settled")
    paid = [settled, submitted, unknown, pending, approved, released, new]
    assert sorted(bank.ledger) == sorted(order.end_to_end_id for order in paid)

    place.lose()
    hands.forward(hours=2)
    done = await restore.put_back(
        place.where, place.folder, file, by="console", now=hands(), programs=place.programs
    )
    assert done.found.entries == made.entries
    assert set(done.found.asked) == {released.id, sending.id}
    assert done.found.waiting == 3
    bank.can_tell = True

    async with life(place, hands, phones, bank) as after:
        assert (await after.now(released)).state == "unknown"
        assert (await after.now(released)).reason_code == "restored"
        assert (await after.now(pending)).state == "pending"
        async with after.dispatching() as dispatcher:
            for order in (pending, never_sent):
                again = await after.approve(await after.now(order))
                assert again.state == "approved"
                await dispatcher.begin(order.id)
            for order in (submitted, unknown, pending, approved, released, sending, never_sent):
                await after.until(order, "settled")
            fresh = await after.approve(await after.another())
            await dispatcher.begin(fresh.id)
            await after.until(fresh, "settled")
            assert fresh.end_to_end_id not in bank.asked_since
        with pytest.raises(Refusal, match=r"order\.unknown"):
            await after.now(new)
        report = await after.database.read(verification.verify)
        assert report.findings == ()
        assert report.is_intact
        kinds = await after.kinds("service")
        assert kinds.count(restoring.KIND) == 1
    everything = [*paid, sending, never_sent, fresh]
    assert sorted(bank.ledger) == sorted(order.end_to_end_id for order in everything)
    # A bank that knows a request by its id was given the same one, had it been sent again.
    assert all(len(ids) == 1 for ids in bank.requests.values())
    assert bank.asked_since[pending.end_to_end_id] <= taken_at


async def test_where_the_bank_cannot_tell_a_person_decides(
    on_disk: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    bank, file = Bank(), tmp_path / "backup"
    bank.can_tell = False
    async with life(on_disk, hands, phones, bank) as before:
        await enrol_all(before)
        order = await before.approve(await before.another())
        await asyncio.to_thread(backup.make, on_disk.where, file)
    on_disk.lose()
    hands.forward(hours=2)
    await restore.put_back(on_disk.where, on_disk.folder, file, by="console", now=hands())
    async with life(on_disk, hands, phones, bank) as after, after.dispatching():
        await after.until(order, "unknown")
        async with asyncio.timeout(30):
            while "order.decision_needed" not in await after.kinds(order.id):
                await asyncio.sleep(0.02)
    assert bank.ledger == []


async def test_what_works_once_does_not_work_again(
    on_disk: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    bank, file = Bank(), tmp_path / "backup"
    async with life(on_disk, hands, phones, bank) as before:
        await enrol_all(before)
        person = before.company.directory.get("amara")
        assert person is not None
        begin = partial(linking.begin, person=person, chat="telegram", by="console", now=hands())
        token = await before.database.write(begin)
        order = await before.another()
        await asyncio.to_thread(backup.make, on_disk.where, file)
        assert isinstance(await before.decide("bea", order), Decided)
    on_disk.lose()
    await restore.put_back(on_disk.where, on_disk.folder, file, by="console", now=hands())
    async with life(on_disk, hands, phones, bank) as after:
        refused = await after.decide("bea", order)
        assert isinstance(refused, Refusal)
        assert refused.code == "factor.reused"
        hands.forward(seconds=60)
        assert isinstance(await after.decide("bea", order), Decided)
        assert token
        used = await after.database.read(
            lambda c: c.exec_driver_sql(
                "SELECT count(*) FROM link_token WHERE used_at IS NULL"
            ).scalar_one()
        )
        assert used == 0


# ---- refusals ---------------------------------------------------------------------------------


@asynccontextmanager
async def with_backup(
    place: Place, hands: Hands, phones: Phones, file: Path
) -> AsyncIterator[Life]:
    async with life(place, hands, phones, Bank()) as here:
        await enrol_all(here)
        await here.another()
        await asyncio.to_thread(backup.make, place.where, file, programs=place.programs)
        yield here


async def test_a_database_in_use_is_not_replaced(
    place: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    back = partial(
        restore.put_back, place.where, place.folder, file, by="x", now=hands(),
        programs=place.programs,
    )  # fmt: skip
    async with with_backup(place, hands, phones, file) as here:
        entries = (await here.database.read(audit.head))[0]
        with pytest.raises(RestoreError, match=r"in use|has tables already"):
            await back()
        with pytest.raises(DatabaseError, match="in use"):
            await restore.accept(place.where, place.folder, by="x", now=hands())
        assert (await here.database.read(audit.head))[0] == entries


async def test_a_newer_database_is_not_replaced(
    place: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    async with with_backup(place, hands, phones, file) as here:
        newer = await here.another()
    with pytest.raises(RestoreError, match=r"newer.*1 entries more(.|\n)*mv |createdb"):
        await restore.put_back(
            place.where, place.folder, file, by="x", now=hands(), programs=place.programs
        )
    async with life(place, hands, phones, Bank()) as again:
        assert (await again.now(newer)).state == "pending"


async def test_what_was_there_is_kept(
    on_disk: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    async with with_backup(on_disk, hands, phones, file):
        pass
    # Registering payees at a start appends nothing, so that both are equally far.
    done = await restore.put_back(on_disk.where, on_disk.folder, file, by="x", now=hands())
    assert [each.name.split(".")[:3] for each in done.aside] == [
        ["countersign", "sqlite", f"replaced-{hands():%Y%m%dT%H%M%SZ}"]
    ]
    async with life(on_disk, hands, phones, Bank()) as again:
        assert (await again.database.read(audit.verify)).is_intact


async def test_a_damaged_database_is_kept_out_of_the_way_by_a_person(
    on_disk: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    file, path = tmp_path / "backup", on_disk.folder / "countersign.sqlite"
    async with with_backup(on_disk, hands, phones, file):
        pass
    path.write_bytes(b"x" * 4096)
    back = partial(restore.put_back, on_disk.where, on_disk.folder, file, by="x", now=hands())
    with pytest.raises(RestoreError, match=r"cannot be read(.|\n)*mv "):
        await back()
    path.replace(path.with_name("aside"))
    await back()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty|no usable database"),
        (b"x" * 5000, "no usable database|damaged"),
        (b"PGDMP", "of a PostgreSQL database"),
    ],
)
async def test_what_is_no_backup_is_refused(
    on_disk: Place, hands: Hands, tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "backup"
    file.write_bytes(content)
    with pytest.raises(RestoreError, match=words):
        await restore.put_back(on_disk.where, on_disk.folder, file, by="x", now=hands())
    with pytest.raises(RestoreError, match="cannot be read"):
        await restore.put_back(on_disk.where, on_disk.folder, tmp_path / "no", by="x", now=hands())


async def test_an_altered_backup_is_refused(
    on_disk: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    async with with_backup(on_disk, hands, phones, file):
        pass
    on_disk.lose()
    with closing(sqlite3.connect(file)) as there:
        there.execute("UPDATE audit_entry SET actor = 'mallory' WHERE seq = 1")
        there.commit()
    with pytest.raises(RestoreError, match="entry 1"):
        await restore.put_back(on_disk.where, on_disk.folder, file, by="x", now=hands())
    assert not (on_disk.folder / "countersign.sqlite").exists()


async def test_a_restore_that_was_cut_off_on_a_server_leaves_nothing_to_use(
    postgres: Server, hands: Hands, tmp_path: Path
) -> None:
    with postgres.database() as name:
        database = database_at(postgres.at(name))
        await database.open()
        await database.write(
            lambda c: c.exec_driver_sql("CREATE TABLE restore_unfinished (since int)").rowcount
        )
        await database.close()
        with pytest.raises(DatabaseError, match="being restored"):
            await database_at(postgres.at(name)).open()


# ---- put back by hand -------------------------------------------------------------------------


async def test_a_copy_put_in_place_by_hand_is_found_out(
    on_disk: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    bank, path = Bank(), on_disk.folder / "countersign.sqlite"
    async with life(on_disk, hands, phones, bank) as before:
        await enrol_all(before)
        order = await before.approve(await before.another())
        await asyncio.to_thread(backup.make, on_disk.where, tmp_path / "backup")
        async with before.dispatching() as dispatcher:
            await dispatcher.begin(order.id)
            await before.until(order, "settled")
    for each in path.parent.glob("countersign.sqlite-*"):
        each.unlink()
    shutil.copy(tmp_path / "backup", path)
    with pytest.raises(WentBack, match=r"went back in time.*restore --here"):
        await SqliteDatabase(path).open()
    hands.forward(hours=1)
    done = await restore.accept(on_disk.where, on_disk.folder, by="console", now=hands())
    assert done.found.waiting == 1
    assert [each.name.split(".")[0] for each in done.aside] == ["dispatch"]
    async with life(on_disk, hands, phones, bank) as after, after.dispatching():
        await after.until(order, "settled")
    assert bank.ledger == [order.end_to_end_id]


async def test_a_server_that_went_back_is_found_out(
    postgres: Server, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    with postgres.database() as name:
        place = Place(postgres.at(name), tmp_path, postgres.bin)
        bank = Bank()
        async with life(place, hands, phones, bank) as before:
            await enrol_all(before)
            await before.another()
            # As a standby that took over without the last commits would look.
            await before.database.write(
                lambda c: (
                    c.exec_driver_sql(
                        "DELETE FROM audit_entry WHERE seq = (SELECT max(seq) FROM audit_entry)"
                    ).rowcount
                )
            )
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            with pytest.raises(WentBack, match="went back in time"):
                await before.another()
            with pytest.raises(WentBack, match="went back in time"):
                await before.database.read(audit.head)
        with pytest.raises(WentBack, match="went back in time"):
            await database_at(place.where, folder=place.folder).open()
        await restore.accept(place.where, place.folder, by="console", now=hands())
        async with life(place, hands, phones, bank) as after:
            assert (await after.database.read(audit.verify)).is_intact


# ---- one without the other --------------------------------------------------------------------


@pytest.mark.parametrize("is_older", [True, False])
async def test_without_what_the_workflow_engine_knew_everything_goes_on(
    on_disk: Place, hands: Hands, phones: Phones, tmp_path: Path, is_older: bool
) -> None:
    """Our database is the newest there is; the engine's file is lost, or older than ours."""
    bank = Bank()
    bank.settles = False
    engine = on_disk.folder / WORKFLOWS_FILE
    async with life(on_disk, hands, phones, bank) as before:
        await enrol_all(before)
        async with before.dispatching() as dispatcher:
            submitted = await before.approve(await before.another())
            await dispatcher.begin(submitted.id)
            await before.until(submitted, "submitted")
        shutil.copy(engine, tmp_path / "older")
        bank.is_open = False
        async with before.dispatching() as dispatcher:
            released = await before.approve(await before.another())
            await dispatcher.begin(released.id)
            await before.until(released, "released")
        sending = await before.approve(await before.another())
        await before.database.write(partial(before.prepare, order=sending))
        await before.database.write(partial(before.claim, order=sending))
        bank.ledger.append(sending.end_to_end_id)  # it got through; we were cut off
    engine.unlink()
    if is_older:
        shutil.copy(tmp_path / "older", engine)
    bank.is_open = bank.settles = True
    async with life(on_disk, hands, phones, bank) as after, after.dispatching():
        for order in (submitted, released, sending):
            await after.until(order, "settled")
    expected = [each.end_to_end_id for each in (submitted, sending, released)]
    assert sorted(bank.ledger) == sorted(expected)


async def test_what_the_engine_holds_for_done_is_not_believed_after_a_restore(
    on_disk: Place, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    """Why `restore` sets the engine's file aside: with it, the order would stand still."""
    bank, engine = Bank(), on_disk.folder / WORKFLOWS_FILE
    async with life(on_disk, hands, phones, bank) as before:
        await enrol_all(before)
        order = await before.approve(await before.another())
        await asyncio.to_thread(backup.make, on_disk.where, tmp_path / "backup")
        async with before.dispatching() as dispatcher:
            await dispatcher.begin(order.id)
            await before.until(order, "settled")
            await asyncio.sleep(0.3)
    on_disk.lose()
    done = await restore.put_back(
        on_disk.where, on_disk.folder, tmp_path / "backup", by="x", now=hands()
    )
    (kept,) = (each for each in done.aside if each.name.startswith("dispatch"))
    shutil.copy(kept, engine)
    async with life(on_disk, hands, phones, bank) as stuck, stuck.dispatching():
        await asyncio.sleep(0.5)
        assert (await stuck.now(order)).state == "approved"
    engine.unlink()
    async with life(on_disk, hands, phones, bank) as after, after.dispatching():
        await after.until(order, "settled")
    assert bank.ledger == [order.end_to_end_id]
