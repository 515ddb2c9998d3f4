"""Backups, putting them back, and new versions of the tables, from the command line."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from bot.service import CONSOLE
from bot.settings import Settings
from workflows import backup as backups
from workflows import restore as restores
from workflows.clock import system_clock
from workflows.database import open_database
from workflows.restore import PutBack
from workflows.tables import SCHEMA


async def migrate(settings: Settings) -> str:
    """Bring the tables up to date; return what was done. Raises `DatabaseError`."""
    async with open_database(settings.storage.where, folder=_folder(settings)) as database:
        if database.was == SCHEMA:
            return f"{database.name}: version {SCHEMA} already."
        return f"{database.name}: from version {database.was} to {SCHEMA}."


async def backup(settings: Settings, target: Path) -> str:
    """Make a backup; return what it holds. Raises `BackupError`, `DatabaseError`."""
    made = await asyncio.to_thread(
        backups.make, settings.storage.where, target, programs=_programs(settings)
    )
    return (
        f"wrote {target}: {made.entries} entries, head {made.head}\n"
        "It holds no key. Keep the settings, the policy and the secrets they name elsewhere: "
        "without storage.key nobody's second factor works."
    )


async def restore(settings: Settings, source: Path | None) -> str:
    """Put a backup back, or accept one that was put back by hand (None); return what was done.

    Raises:
        RestoreError, DatabaseError: nothing was put back.
    """
    where, folder, now = settings.storage.where, _folder(settings), system_clock()
    if source is None:
        done = await restores.accept(where, folder, by=CONSOLE, now=now)
    else:
        done = await restores.put_back(
            where, folder, source, by=CONSOLE, now=now, programs=_programs(settings)
        )
    aside = [*done.aside, *_witness_aside(settings, now)]
    return "\n".join([_told(done), *(f"kept aside: {each}" for each in aside)])


def _told(done: PutBack) -> str:
    found = done.found
    if found.since is None:
        return "restored: the record is empty."
    asked = ", ".join(found.asked) or "none"
    return (
        f"restored: {found.entries} entries, the last of {found.since:%Y-%m-%d %H:%M:%S} UTC. "
        "What happened since is missing here.\n"
        f"asked about at once, because they may have been sent since: {asked}\n"
        f"asked about before they are sent: {found.waiting} orders that were not approved or not "
        "released yet\n"
        "Before you start the service, see in docs/operations.md what to look at."
    )


def _witness_aside(settings: Settings, now: datetime) -> list[Path]:
    """Set the file aside that remembers checkpoints this database does not have."""
    path = Path(settings.storage.witness)
    if not path.exists():
        return []
    there = path.with_name(f"{path.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
    path.replace(there)
    return [there]


def _folder(settings: Settings) -> Path:
    return Path(settings.storage.folder)


def _programs(settings: Settings) -> Path | None:
    named = settings.storage.postgresql_programs
    return Path(named) if named else None
