"""migrate, backup and restore from the command line: what they say, and what they leave."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from bot import starter
from bot.cli import app
from tests.bot.test_settings import ENVIRON, with_storage
from tests.postgres import Server
from tests.workflows.test_migrations import released
from workflows import audit
from workflows.clock import system_clock
from workflows.database import open_database
from workflows.tables import SCHEMA

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    starter.write(tmp_path)
    (tmp_path / "var").mkdir(exist_ok=True)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def invoke(*words: str, **environment: str) -> Result:
        config = ["--config", str(folder / "countersign.toml")]
        return CliRunner().invoke(app, [*words, *config], env={**ENVIRON, **environment})

    return invoke


def append(where: Path | str, times: int = 1) -> None:
    def work(connection: Connection) -> None:
        for _ in range(times):
            audit.append(connection, at=system_clock(), actor="a", kind="k", subject="x")

    async def write() -> None:
        async with open_database(where) as database:
            await database.write(work)

    asyncio.run(write())


def test_an_older_file_is_migrated_when_asked(folder: Path, run: Run) -> None:
    with_storage(folder, 'migrate = "manual"')
    released("0001", folder / "var/countersign.sqlite")
    # In a process of its own, as it sets logging up.
    refused = subprocess.run(
        [sys.executable, "-m", "bot.cli", "run", "--config", str(folder / "countersign.toml")],
        env={**os.environ, **ENVIRON},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "countersign migrate" in refused.stderr
    done = run("migrate")
    assert done.exit_code == 0, done.output
    assert f"from version 0001 to {SCHEMA}" in done.output
    again = run("migrate")
    assert f"version {SCHEMA} already" in again.output
    assert run("audit", "verify").exit_code == 0


def test_a_newer_file_is_refused(folder: Path, run: Run) -> None:
    append(folder / "var")
    with closing(sqlite3.connect(folder / "var/countersign.sqlite")) as there:
        there.execute("UPDATE alembic_version SET version_num = '0099'")
        there.commit()
    refused = run("migrate")
    assert refused.exit_code == 1
    assert "Start the version that wrote it" in refused.output


def test_a_backup_is_made_and_put_back(folder: Path, run: Run) -> None:
    append(folder / "var", 3)
    file = folder / "backup"
    made = run("backup", str(file))
    assert made.exit_code == 0, made.output
    assert "3 entries" in made.output
    assert file.stat().st_mode & 0o077 == 0
    assert sorted(each.name for each in folder.iterdir() if "unchecked" in each.name) == []
    again = run("backup", str(file))
    assert again.exit_code == 1
    assert "exists already" in again.output

    append(folder / "var")
    newer = run("restore", str(file))
    assert newer.exit_code == 1
    assert "1 entries more" in newer.output
    for each in (folder / "var").glob("countersign.sqlite*"):
        if not each.name.endswith(".head"):
            each.rename(each.with_name(f"aside-{each.name}"))
    (folder / "record.witness").write_text("")
    done = run("restore", str(file))
    assert done.exit_code == 0, done.output
    assert "restored: 3 entries" in done.output
    assert "record.witness.replaced-" in done.output
    append(folder / "var")
    assert "5 entries" in run("backup", str(folder / "another")).output


def test_a_backup_into_nowhere_leaves_nothing(folder: Path, run: Run) -> None:
    assert "no database" in run("backup", str(folder / "b")).output
    append(folder / "var")
    for words in ("nowhere/backup", "var"):
        refused = run("backup", str(folder / words))
        assert refused.exit_code == 1, refused.output
    assert not [each for each in folder.rglob("*") if each.name.startswith("backup")]


def test_a_damaged_database_gives_no_backup(folder: Path, run: Run) -> None:
    append(folder / "var", 200)
    path = folder / "var/countersign.sqlite"
    content = bytearray(path.read_bytes())
    half = len(content) // 2 // 4096 * 4096
    content[half : half + 8192] = os.urandom(8192)
    path.write_bytes(content)
    refused = run("backup", str(folder / "backup"))
    assert refused.exit_code == 1
    assert "damaged" in refused.output or "malformed" in refused.output
    assert not (folder / "backup").exists()


def test_a_record_that_was_altered_gives_no_backup(folder: Path, run: Run) -> None:
    append(folder / "var", 5)
    with closing(sqlite3.connect(folder / "var/countersign.sqlite")) as there:
        there.execute("UPDATE audit_entry SET actor = 'mallory' WHERE seq = 2")
        there.commit()
    refused = run("backup", str(folder / "backup"))
    assert refused.exit_code == 1
    assert "entry 2" in refused.output


def test_restore_says_what_it_needs(folder: Path, run: Run) -> None:
    for words in (["restore"], ["restore", "file", "--here"]):
        refused = run(*words)
        assert refused.exit_code == 2
        assert "--here" in refused.output


def test_a_server_is_backed_up_and_restored(folder: Path, run: Run, postgres: Server) -> None:
    file = folder / "backup"
    with postgres.database() as first, postgres.database() as second:
        programs = f'postgresql_programs = "{postgres.bin}"'
        with_storage(folder, 'database = { env = "DATABASE_URL" }', programs)
        append(postgres.at(first), 3)
        made = run("backup", str(file), DATABASE_URL=postgres.at(first))
        assert made.exit_code == 0, made.output
        assert "3 entries" in made.output
        assert file.stat().st_mode & 0o077 == 0
        full = run("restore", str(file), DATABASE_URL=postgres.at(first))
        assert full.exit_code == 1
        assert "has tables already" in full.output
        done = run("restore", str(file), DATABASE_URL=postgres.at(second))
        assert done.exit_code == 0, done.output
        assert "restored: 3 entries" in done.output
        append(postgres.at(second))
        assert run("audit", "verify", DATABASE_URL=postgres.at(second)).exit_code == 0


@pytest.mark.parametrize(
    ("version", "why"), [(None, "there is no pg_dump in"), ("12.7", "older than the server")]
)
def test_a_program_that_is_missing_is_named_with_the_command(
    folder: Path, run: Run, postgres: Server, version: str | None, why: str
) -> None:
    programs = folder / "programs"
    programs.mkdir()
    if version is not None:
        script = programs / "pg_dump"
        script.write_text(f'#!/bin/sh\necho "pg_dump (PostgreSQL) {version}"\n')
        script.chmod(0o755)
    with_storage(
        folder, 'database = { env = "DATABASE_URL" }', f'postgresql_programs = "{programs}"'
    )
    with postgres.database() as name:
        append(postgres.at(name))
        url = postgres.at(name).replace("postgres@", "postgres:hunter2@")
        refused = run("backup", str(folder / "backup"), DATABASE_URL=url)
    assert refused.exit_code == 1
    assert why in refused.output
    assert "pg_dump '--dbname=" in refused.output
    assert "--exclude-schema=dispatch" in refused.output
    assert "hunter2" not in refused.output
    assert not (folder / "backup").exists()
