"""The record as settings set it up, and the questions an auditor asks of it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TextIO, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError

from bot import evidence
from bot.messages import Messages
from bot.settings import Settings, company_of
from bot.wording import reader_for
from workflows.clock import Clock, system_clock
from workflows.database import SQLITE_FILE, Database, DatabaseError, open_database
from workflows.database.schema import revision
from workflows.record import checkpoints, export, proofs, verification
from workflows.record.checkpoints import PublicKey, RecordKey
from workflows.record.keeper import Checkpoints
from workflows.record.verification import Head, Report
from workflows.record.witness import Witness
from workflows.tables import SCHEMA

T = TypeVar("T")

NO_KEY = (
    "There is no storage.record_key: the record is chained, and its checkpoints are not signed. "
    "Make one with `countersign audit key --make secrets/record_key`."
)


def record_key(settings: Settings) -> RecordKey | None:
    """Return the key that signs checkpoints; None for an installation without one."""
    secret = settings.storage.record_key
    if secret is None:
        return None
    text = secret.get_secret_value()
    return RecordKey(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def make_key(path: Path) -> RecordKey:
    """Write a new key into a new file that only its owner reads; raises `OSError`."""
    seed = os.urandom(32)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(base64.urlsafe_b64encode(seed).decode() + "\n")
    return RecordKey(seed)


def public_keys(settings: Settings) -> list[PublicKey]:
    """Return the keys whose signatures are believed, the present one first."""
    key = record_key(settings)
    former = [PublicKey.read(each) for each in settings.storage.record_former_keys]
    return [*([key.public] if key else []), *former]


def witness(settings: Settings) -> Witness:
    """Return the file that remembers checkpoints outside the database."""
    return Witness(Path(settings.storage.witness))


def checkpoints_of(settings: Settings, database: Database, clock: Clock) -> Checkpoints:
    """Return what keeps the record of a running service checkpointed."""
    former = public_keys(settings)
    return Checkpoints(database, clock, record_key(settings), witness(settings), former=former)


async def verify(settings: Settings, heads: Iterable[Head] = ()) -> Report:
    """Verify the whole record; nothing is changed. Raises `DatabaseError`."""
    heads = list(heads)

    def work(connection: Connection) -> Report:
        return verification.verify(
            connection, keys=public_keys(settings), witness=witness(settings), heads=heads
        )

    return await only_read(settings, work)


def summary(settings: Settings, report: Report) -> str:
    """Return what was verified of an intact record, in a few lines."""
    entries = f"intact: {report.entries} entries, head {report.head}, root {report.root}"
    after = report.entries - report.covered
    if not public_keys(settings):
        signed = f"checkpoints: {report.checkpoints}, none checked. {NO_KEY}"
    else:
        signed = (
            f"checkpoints: {report.checkpoints}, {report.signed} with a signature that holds; "
            f"{after} entries came after the newest"
        )
    seen = "none yet" if report.witnessed is None else f"{report.witnessed} checkpoints, all there"
    tables = f"tables: {report.rows} rows say what the record says"
    if report.older:
        tables += f" ({report.older} orders by their digest: their entries are of an older version)"
    heads = [f"head {each}: of this record" for each in report.heads]
    return "\n".join([entries, signed, f"witness {witness(settings)}: {seen}", tables, *heads])


async def export_lines(settings: Settings, out: TextIO, order_id: str | None = None) -> int:
    """Write the record, or an order's part of it, as JSON Lines; return how many lines."""

    def work(connection: Connection) -> int:
        count = 0
        for line in export.lines(connection, order_id):
            out.write(line + "\n")
            count += 1
        return count

    return await only_read(settings, work)


async def order_page(settings: Settings, order_id: str, language: str | None = None) -> str:
    """Return all evidence about an order as one HTML page; raises `Refusal`."""
    company = company_of(settings)
    reader = reader_for(Messages.load(), company, None)
    if language is not None:
        reader = replace(reader, language=reader.messages.nearest(language))
    found = await only_read(settings, lambda connection: export.evidence(connection, order_id))
    return evidence.page(reader, found, keys=public_keys(settings), now=system_clock())


async def prove(settings: Settings, order_id: str, heads: Iterable[Head] = ()) -> str:
    """Return a proof of an order's entries, as JSON, after making a checkpoint that covers them.

    Raises:
        Refusal: there is nothing to prove, or a head is newer than the record.
        RecordBroken: the record must not be signed.
    """
    heads = list(heads)
    key = record_key(settings)
    former = {each.id: each for each in public_keys(settings)}
    folder = Path(settings.storage.folder)
    async with open_database(settings.storage.where, migrates=False, folder=folder) as database:
        made = await database.write(
            lambda connection: checkpoints.make_checkpoint(
                connection, key, system_clock(), former=former
            )
        )
        proof = await database.read(lambda connection: proofs.prove(connection, order_id, heads))
    place = witness(settings)
    if made is not None and place.newest() != made:
        place.append(made)
    return json.dumps(proof, indent=1, ensure_ascii=False)


async def only_read(settings: Settings, work: Callable[[Connection], T]) -> T:
    """Run ``work`` on the company's database as it is: nothing is migrated, nothing marked.

    A file is opened for reading only, so that even one that the service would refuse, because it
    went back in time, can be looked at.
    """
    where = settings.storage.where
    if isinstance(where, str):
        async with open_database(where, migrates=False) as database:
            return await database.read(work)
    return _read_file(where / SQLITE_FILE, work)


def _read_file(path: Path, work: Callable[[Connection], T]) -> T:
    # SQLite writes a little beside a file even to read it, unless nobody can change that.
    is_alone = not path.with_name(f"{path.name}-wal").exists() and not os.access(
        path.parent, os.W_OK
    )
    how = "immutable=1" if is_alone else "mode=ro"
    engine = create_engine(
        f"sqlite:///file:{quote(str(path))}?{how}&uri=true",
        connect_args={"isolation_level": None},
        hide_parameters=True,
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            found = revision(connection, str(path))
            if found != SCHEMA:
                raise DatabaseError(
                    f"{path} has tables of version {found}, this program needs version {SCHEMA}."
                )
            return work(connection)
    except SQLAlchemyError as error:
        raise DatabaseError(f"{path} cannot be read ({error.__cause__ or error})") from error
    finally:
        engine.dispose()
