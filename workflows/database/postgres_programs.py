"""pg_dump and pg_restore: found, of the right version, and run without showing a password."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from workflows.database.base import DatabaseError

_LONGEST_WORDS = 600


class ProgramMissing(DatabaseError):
    """There is no such program here that fits the server; the text has the command to run."""


class Programs:
    """PostgreSQL's own programs.

    Args:
        folder: Where they are; None looks along PATH.
        conninfo: Of the database, as libpq takes it.
    """

    def __init__(self, folder: Path | None, conninfo: str, server_version: int) -> None:
        given = conninfo_to_dict(conninfo)
        self._password = given.pop("password", None)
        self._conninfo = make_conninfo("", **given)
        self._folder = folder
        self._server = server_version // 10000

    def dump(self, target: Path, *, snapshot: str, without: str) -> None:
        """Write a database as one transaction sees it into a file.

        Args:
            snapshot: As ``pg_export_snapshot`` returned it; its transaction is still open.
            without: A schema to leave out.

        Raises:
            ProgramMissing: pg_dump is not here.
            DatabaseError: it failed.
        """
        self._run("pg_dump", *_DUMP, f"--exclude-schema={without}", f"--file={target}",
                  f"--snapshot={snapshot}")  # fmt: skip

    def restore(self, source: Path) -> None:
        """Fill an empty database from a file, all of it or nothing; errors as `dump`."""
        self._run("pg_restore", *_RESTORE, str(source))

    def _run(self, name: str, *arguments: str) -> None:
        program = self._found(name, arguments)
        environment = {**os.environ, "LC_ALL": "C"}
        if self._password is not None:
            environment["PGPASSWORD"] = str(self._password)
        try:
            subprocess.run(  # noqa: S603 (a program of PostgreSQL's, arguments of ours)
                [program, f"--dbname={self._conninfo}", *arguments],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
                errors="replace",
            )
        except subprocess.CalledProcessError as error:
            raise DatabaseError(
                f"{name} failed: {str(error.stderr).strip()[-_LONGEST_WORDS:]}"
            ) from error

    def _found(self, name: str, arguments: tuple[str, ...]) -> str:
        """Return the path of a program that is not older than the server."""
        search = None if self._folder is None else str(self._folder)
        path = shutil.which(name, path=search)
        where = "on PATH" if self._folder is None else f"in {self._folder}"
        why = f"there is no {name} {where}"
        if path is not None:
            said = subprocess.run(  # noqa: S603 (as above)
                [path, "--version"], check=False, capture_output=True, text=True
            ).stdout
            found = re.search(r"\b(\d+)[.\d]*", said)
            if found is not None and int(found[1]) >= self._server:
                return path
            why = f"{path} is older than the server ({said.strip()}; version {self._server})"
        shown = " ".join([name, f"'--dbname={self._conninfo}'", *_for_people(arguments)])
        raise ProgramMissing(
            f"{why}. Install PostgreSQL {self._server}'s client programs, or name their folder "
            "in storage.postgresql_programs. Where they are on another machine, run there:\n"
            f"    {shown}"
        )


_DUMP = ("--format=custom", "--no-owner", "--no-privileges")
_RESTORE = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")


def _for_people(arguments: tuple[str, ...]) -> list[str]:
    """Return the arguments that mean something in another process."""
    return [each for each in arguments if not each.startswith("--snapshot=")]
