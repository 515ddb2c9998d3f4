"""Where a database file is, and copies of it."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from workflows.database.base import DatabaseError

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"(fuse\.)?(afs|beegfs|ceph|cephfs|cifs|davfs|gcsfuse|gfs2?|glusterfs|juicefs|lustre|mfs|ncpfs"
    r"|nfs[0-9]?|ocfs2|pvfs2|rclone|s3fs|smb[0-9]|smbfs|sshfs)"
)


def refuse_network(folder: Path) -> None:
    """Refuse a folder on a network file system, where locks and the log do not hold.

    Raises:
        DatabaseError: it is one; nothing is raised where the system does not tell.
    """
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = file_system_of(folder.resolve(), mounts)
    if kind is not None and _NETWORK.fullmatch(kind):
        raise DatabaseError(
            f"{folder} is on a network file system ({kind}), where SQLite loses data. Set "
            "storage.folder to a local disk, or storage.database to a PostgreSQL server."
        )


def file_system_of(path: Path, mounts: str) -> str | None:
    """Return the kind of file system ``path`` is on, by the text of ``/proc/self/mountinfo``."""
    longest, kind = -1, None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4]))
        # Of two at one place, the later one hides the earlier.
        if path.is_relative_to(point) and len(point.parts) >= longest:
            longest, kind = len(point.parts), after.split(" ")[0]
    return kind


def copy_file(source: Path, target: Path) -> None:
    """Copy a database that may be in use to ``target``, whole and durable, or not at all.

    The copy is one file without a log. What is at ``target`` is replaced.

    Raises:
        OSError: it cannot be written.
        sqlite3.Error: the source cannot be read, or the disk is full.
    """
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with (
            closing(sqlite3.connect(source, timeout=30)) as here,
            closing(sqlite3.connect(part)) as there,
        ):
            here.backup(there)  # in one step: a reader's snapshot, which no writer waits for
            there.execute("PRAGMA journal_mode=DELETE")
        synchronise(part)
        part.replace(target)
        synchronise(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def synchronise(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk; raises `OSError`."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
