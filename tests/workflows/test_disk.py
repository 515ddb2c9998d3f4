"""Disks that are full, read-only or damaged, and clocks that jump: explained, and nothing sent."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from connectors.base import Capability, Enquiry, Instruction, Outcome
from tests.workflows.company import ACME, Hands, Phones
from tests.workflows.test_dispatch import SETTLED, Institution, Office
from tests.workflows.test_restore import enrol_all
from workflows import audit, payees, release, restoring
from workflows.database import DatabaseError, DatabaseUnwritable, SqliteDatabase, disk
from workflows.database.disk import file_system_of
from workflows.database.mark import WentBack
from workflows.tables import connector_state


def put(connection: Connection, key: str, size: int = 1) -> str:
    connection.execute(insert(connector_state).values(connector="c", key=key, value="x" * size))
    return key


def append(connection: Connection, hands: Hands) -> int:
    return audit.append(connection, at=hands(), actor="a", kind="k", subject="x")


def leave_pages(connection: Connection, free: int) -> None:
    """Let the file grow by so many pages at most, as a disk would that is nearly full."""
    present = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    connection.exec_driver_sql(f"PRAGMA max_page_count = {present + free}")


def set_read_only(database: SqliteDatabase, value: bool) -> None:
    """Have SQLite refuse all writes, as it does on a disk that the system has locked."""
    assert database._writing is not None
    driver = database._writing.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute(f"PRAGMA query_only = {int(value)}")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "var" / "db.sqlite")
    await opened.open()
    yield opened
    await opened.close()


# ---- full -------------------------------------------------------------------------------------


async def test_a_full_disk_is_named_and_nothing_of_the_group_stays(
    database: SqliteDatabase,
) -> None:
    await database.write(partial(leave_pages, free=4))
    small = [database.write(partial(put, key=f"{n}")) for n in range(5)]
    results = await asyncio.gather(
        *small, database.write(partial(put, key="large", size=10**6)), return_exceptions=True
    )
    large = results[-1]
    assert isinstance(large, DatabaseUnwritable)
    assert "its disk is full. Free some space" in str(large)
    stored = {each for each in results if isinstance(each, str)}
    found = await database.read(
        lambda c: set(c.exec_driver_sql("SELECT key FROM connector_state").scalars())
    )
    assert found == stored
    await database.write(partial(leave_pages, free=10_000))
    assert await database.write(partial(put, key="later", size=10**6)) == "later"


FILLED = textwrap.dedent(
    """
    import asyncio, resource, sys
    from pathlib import Path
    from functools import partial
    from tests.workflows.test_disk import put
    from workflows.database import DatabaseError, DatabaseUnwritable, SqliteDatabase

    async def main():
        database = SqliteDatabase(Path(sys.argv[1]) / "db.sqlite")
        await database.open()
        if sys.argv[2] == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
        stored = 0
        try:
            while stored < 1000:
                await database.write(partial(put, key=str(stored), size=50_000))
                stored += 1
        except DatabaseUnwritable as error:
            print("unwritable", error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        for each in Path(sys.argv[1]).glob("ballast"):
            each.unlink()
        await database.write(partial(put, key="after", size=50_000))
        print("stored", stored)
        await database.close()

    asyncio.run(main())
    """
)


def filled(folder: Path, how: str) -> tuple[str, int]:
    """Store until the system takes no more; return what was said and how much was stored."""
    done = subprocess.run(
        [sys.executable, "-c", FILLED, str(folder), how],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    said, count = done.stdout.strip().splitlines()
    return said, int(count.split()[1])


def kept(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "db.sqlite")) as there:
        assert there.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [row[0] for row in there.execute("SELECT key FROM connector_state ORDER BY rowid")]


def test_a_limit_on_the_size_of_files_is_named(tmp_path: Path) -> None:
    said, stored = filled(tmp_path, "limit")
    assert "limit on file sizes" in said or "disk is full" in said
    assert sorted(kept(tmp_path)) == sorted([*map(str, range(stored)), "after"])


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system, where the system lets us."""
    point = tmp_path / "mounted"
    point.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only the administrator mounts file systems")
        return point

    yield mount
    subprocess.run(["umount", "-l", str(point)], capture_output=True, check=False)


def test_a_disk_that_is_really_full_is_named(mounted: Callable[[str], Path]) -> None:
    folder = mounted("size=4m")
    (folder / "ballast").write_bytes(b"x" * 2**20)
    said, stored = filled(folder, "disk")
    assert "its disk is full" in said
    assert sorted(kept(folder)) == sorted([*map(str, range(stored)), "after"])


# ---- nothing is sent --------------------------------------------------------------------------


@asynccontextmanager
async def office(database: SqliteDatabase, hands: Hands, phones: Phones) -> AsyncIterator[Office]:
    there = Office(database, hands, phones, database.path.parent)
    await database.write(lambda c: payees.register(c, [ACME], now=hands()))
    await enrol_all(there)
    yield there


async def test_what_cannot_be_recorded_is_not_sent(
    database: SqliteDatabase, hands: Hands, phones: Phones
) -> None:
    async with office(database, hands, phones) as there:
        order = await there.approved()
        set_read_only(database, True)
        async with there.open() as dispatcher:
            await dispatcher.begin(order.id)
            await asyncio.sleep(0.5)
            assert there.institution.ledger == []
            with pytest.raises(DatabaseUnwritable, match="read-only"):
                await there.approved()
            set_read_only(database, False)
            await there.until(order, "settled")
    assert there.institution.ledger == [order.end_to_end_id]


class FillsTheDisk(Institution):
    """The disk is read-only for a while from when the payment is on the wire."""

    capabilities = frozenset(Capability)

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__()
        self.database = database

    async def submit(self, instruction: Instruction) -> Outcome:
        outcome = await super().submit(instruction)
        set_read_only(self.database, True)
        asyncio.get_running_loop().call_later(0.3, set_read_only, self.database, False)
        return outcome

    async def enquire(
        self, instruction: Instruction, since: object, *, may_send: bool = False
    ) -> Enquiry:
        assert instruction.end_to_end_id in self.ledger
        return Enquiry(SETTLED, conclusive=True)


async def test_what_was_sent_before_the_disk_gave_up_is_asked_about(
    database: SqliteDatabase, hands: Hands, phones: Phones
) -> None:
    async with office(database, hands, phones) as there:
        there.institution = FillsTheDisk(database)
        order = await there.approved()
        async with there.open() as dispatcher:
            await dispatcher.begin(order.id)
            await there.until(order, "settled")
        kinds = await there.kinds(order.id)
    assert there.institution.ledger == [order.end_to_end_id]
    assert "order.unknown" in kinds


# ---- read-only --------------------------------------------------------------------------------


async def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, mounted: Callable[[str], Path]
) -> None:
    if os.geteuid() == 0:
        folder = mounted("size=4m,ro")
    else:
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o500)
    with pytest.raises(DatabaseError, match=r"cannot be made or opened.*user own storage\.folder"):
        await SqliteDatabase(folder / "db.sqlite").open()
    with pytest.raises(DatabaseError, match="cannot be made or opened"):
        await SqliteDatabase(folder / "deeper" / "db.sqlite").open()


async def test_a_file_that_became_read_only_is_named(database: SqliteDatabase) -> None:
    set_read_only(database, True)
    with pytest.raises(DatabaseUnwritable, match=r"cannot be written.*read-only"):
        await database.write(partial(put, key="k"))
    assert await database.read(lambda c: c.exec_driver_sql("SELECT 1").scalar()) == 1


# ---- damaged ----------------------------------------------------------------------------------


@pytest.fixture
async def crashed(tmp_path: Path, hands: Hands) -> Path:
    """What a crash leaves: a file whose newest entries are in its log alone."""
    source, target = tmp_path / "source", tmp_path / "crashed"
    database = SqliteDatabase(source / "db.sqlite")
    await database.open()
    for _ in range(10):
        await database.write(partial(append, hands=hands))
    shutil.copytree(source, target)
    await database.close()
    assert (target / "db.sqlite-wal").stat().st_size > 20_000
    return target / "db.sqlite"


async def entries(path: Path) -> int:
    database = SqliteDatabase(path)
    try:
        await database.open()
        found = await database.read(audit.verify)
    finally:
        await database.close()
    assert found.is_intact
    return found.entries


async def test_a_crash_alone_loses_nothing(crashed: Path) -> None:
    assert await entries(crashed) == 10
    assert await entries(crashed) == 10


def cut(wal: Path, share: float) -> None:
    with wal.open("r+b") as file:
        file.truncate(int(wal.stat().st_size * share) - 1)


def blank(wal: Path) -> None:
    with wal.open("r+b") as file:
        file.seek(-3000, os.SEEK_END)
        file.write(b"\0" * 3000)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "cut in the last frame": partial(cut, share=1.0),
    "cut in the middle": partial(cut, share=0.5),
    "its end is blank": blank,
    "lost": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_log_that_lost_its_end_is_found_out(crashed: Path, damage: str) -> None:
    DAMAGE[damage](crashed.with_name("db.sqlite-wal"))
    for _ in range(2):  # also at the next start
        with pytest.raises(WentBack, match=r"had entry 10, and ends at entry \d|not a database"):
            await entries(crashed)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 200])
async def test_a_mark_that_cannot_be_read_keeps_nobody_out(crashed: Path, content: bytes) -> None:
    crashed.with_name("db.sqlite.head").write_bytes(content)
    assert await entries(crashed) == 10
    crashed.with_name("db.sqlite.head").unlink()
    assert await entries(crashed) == 10
    assert crashed.with_name("db.sqlite.head").read_text().startswith("10 ")


async def test_another_record_of_the_same_length_is_found_out(
    crashed: Path, tmp_path: Path, hands: Hands
) -> None:
    hands.forward(seconds=1)
    other = SqliteDatabase(tmp_path / "other.sqlite")
    await other.open()
    for _ in range(10):
        await other.write(partial(append, hands=hands))
    await other.close()
    for each in crashed.parent.glob("db.sqlite*"):
        if not each.name.endswith(".head"):
            each.unlink()
    shutil.copy(tmp_path / "other.sqlite", crashed)
    with pytest.raises(WentBack, match="has another entry 10"):
        await entries(crashed)


async def test_a_damaged_file_is_named(tmp_path: Path, hands: Hands) -> None:
    path = tmp_path / "db.sqlite"
    database = SqliteDatabase(path)
    await database.open()
    for _ in range(300):
        await database.write(partial(append, hands=hands))
    await database.close()
    content = bytearray(path.read_bytes())
    for page in range(20, len(content) // 4096):
        content[page * 4096 : page * 4096 + 100] = os.urandom(100)
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"is damaged.*countersign restore"):
        await entries(path)
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(DatabaseError, match=r"no SQLite database.*countersign restore"):
        await entries(path)


# ---- networks ---------------------------------------------------------------------------------

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /srv rw,relatime shared:20 - nfs4 10.0.0.7:/srv rw,vers=4.2
41 40 0:36 / /srv/local\\040disk rw,relatime - xfs /dev/vdb rw
42 22 0:37 / /home/me rw - fuse.sshfs me@there: rw
43 22 0:38 / /mnt rw shared:3 master:1 - ext4 /dev/vdc rw
44 22 0:39 / /mnt rw - cifs //there/share rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/countersign", "ext4"),
        ("/srv/countersign/var", "nfs4"),
        ("/srv/local disk/var", "xfs"),
        ("/srv2", "ext4"),
        ("/home/me/var", "fuse.sshfs"),
        ("/mnt", "cifs"),
    ],
)
def test_the_file_system_of_a_folder(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "ceph", "9p", "xfs"])
async def test_a_network_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    told = tmp_path / "mountinfo"
    told.write_text(
        f"22 1 254:0 / / rw - ext4 /dev/vda rw\n23 22 0:9 / {tmp_path} rw - {kind} x rw\n"
    )
    monkeypatch.setattr(disk, "_MOUNTS", told)
    database = SqliteDatabase(tmp_path / "var" / "db.sqlite")
    if kind in ("9p", "xfs"):
        await database.open()
        await database.close()
        return
    with pytest.raises(DatabaseError, match=rf"network file system \({kind}\).*storage\.database"):
        await database.open()
    assert not (tmp_path / "var" / "db.sqlite").exists()


# ---- clocks -----------------------------------------------------------------------------------


async def test_a_clock_that_jumps_does_not_break_the_record(
    database: SqliteDatabase, hands: Hands
) -> None:
    for hours in (0, 500, -800, 100, -1, 1):
        hands.now += timedelta(hours=hours)
        await database.write(partial(append, hands=hands))
    found = await database.read(audit.verify)
    assert found.is_intact
    assert found.entries == 6
    await database.close()
    again = SqliteDatabase(database.path)
    await again.open()
    await again.close()


async def test_a_clock_set_back_hides_no_order_from_a_restore(
    database: SqliteDatabase, hands: Hands, phones: Phones
) -> None:
    async with office(database, hands, phones) as there:
        hands.forward(hours=5)
        order = await there.approved()
        hands.now -= timedelta(hours=3)
        mark = partial(restoring.mark, by="console", now=hands())
        done = await database.write(mark)
        assert done.waiting == 1
        hands.forward(minutes=1)
        released = await database.write(
            lambda c: release.release(
                c, there.company, order.id, service_of=lambda _: "", now=hands()
            )
        )
        assert released.state == "unknown"
        hands.forward(hours=4)  # codes of the hours that come again are used already
        later = await there.approved()
        released = await database.write(
            lambda c: release.release(
                c, there.company, later.id, service_of=lambda _: "", now=hands()
            )
        )
        assert released.state == "released"
