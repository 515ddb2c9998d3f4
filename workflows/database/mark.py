"""How far the record had come, kept beside the database: who lost its end is found out.

A database that forgets what it promised (a damaged write-ahead log, a copy put in its place, a
standby that took over without the last commits) would let a payment be sent twice. So after each
commit the number and hash of the newest entry go into a small file. It is not synchronised: after
a power cut it may be behind the record, never ahead of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy import Connection, bindparam, select

from workflows.database.base import DatabaseError
from workflows.prepared import Prepared
from workflows.tables import audit_entry

log = structlog.get_logger(__name__)

Head = tuple[int, str]
"""Number and hash of an entry of the record."""

_LENGTH = 96
_HEAD = Prepared(
    select(audit_entry.c.seq, audit_entry.c.hash).order_by(audit_entry.c.seq.desc()).limit(1)
)
_HASH = Prepared(select(audit_entry.c.hash).where(audit_entry.c.seq == bindparam("seq")))


class WentBack(DatabaseError):
    """The database does not know any more what it knew before."""


class Mark:
    """The newest entry that was ever seen, in memory and in a file.

    Args:
        path: None keeps it in memory alone.
    """

    def __init__(self, path: Path | None, name: str) -> None:
        self.path = path
        self._name = name
        self._file: int | None = None
        self._head: Head | None = None
        self._is_failing = False

    def open(self, connection: Connection, *, is_put_back: bool = False) -> None:
        """Read the file, and hold the record against it; raises `WentBack`.

        Args:
            is_put_back: It is known that the record went back.
        """
        if self.path is not None and self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._head = _parsed(os.pread(self._file, _LENGTH, 0))
        if is_put_back:
            self._head = None
            return
        self.check(connection)
        self.set(newest(connection))

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def check(self, connection: Connection) -> None:
        """See that the record still has the newest entry that was seen; raises `WentBack`."""
        if self._head is None:
            return
        seq, digest = self._head
        row = _HASH.row(connection, {"seq": seq})
        if row is None or row[0] != digest:
            have = (newest(connection) or (0, ""))[0]
            what = f"ends at entry {have}" if have < seq else f"has another entry {seq}"
            raise WentBack(
                f"{self._name} went back in time: its record had entry {seq}, and {what} now. "
                "Payments may have been sent of which it knows nothing. Do not remove anything. "
                "If a backup was put in its place by hand, run `countersign restore --here`: "
                "whatever may have been sent since is then asked about before anything is sent."
            )

    def set(self, head: Head | None) -> None:
        """Remember the newest entry of what was committed."""
        if head is None:
            return
        self._head = head
        if self._file is None:
            return
        try:
            os.pwrite(self._file, f"{head[0]} {head[1]}".ljust(_LENGTH - 1).encode() + b"\n", 0)
        except OSError as error:
            if not self._is_failing:
                log.warning("database.mark", file=str(self.path), error=error.strerror)
            self._is_failing = True
        else:
            self._is_failing = False


def newest(connection: Connection) -> Head | None:
    """Return the newest entry of the record, or None when it is empty."""
    row = _HEAD.row(connection, {})
    return None if row is None else (row[0], row[1])


def _parsed(content: bytes) -> Head | None:
    with suppress(ValueError):
        seq, digest = content.decode().split()
        if len(digest) == 64:
            return int(seq), digest
    return None
