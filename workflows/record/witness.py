"""The witness: a file outside the database that remembers its checkpoints.

Whoever puts an older copy of the database in place leaves the witness with checkpoints that the
copy does not have. Lines are only ever added, each on the disk before the next thing happens.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflows.record.checkpoints import Checkpoint

_LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file.

    Attributes:
        number: As people count.
        checkpoint: None for a line that is none: damaged, or cut off while it was written.
    """

    number: int
    checkpoint: Checkpoint | None


class Witness:
    """One file of checkpoints, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Whether anything was ever witnessed."""
        return self.path.exists()

    def append(self, made: Checkpoint) -> None:
        """Add a checkpoint, durably; raises `OSError`.

        A line that was cut off is left as it is, and a new one begun.
        """
        line = f'{{"checkpoint":{made.body},"signature":{json.dumps(made.signature)}}}\n'
        is_new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(handle).st_size
            is_cut_off = bool(size) and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, (b"\n" if is_cut_off else b"") + line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            _sync_folder(self.path.parent)

    def set_aside(self) -> Path | None:
        """Begin anew, where a backup was put back on purpose; return where the old one is now.

        Raises:
            OSError: it cannot be renamed.
        """
        if not self.exists():
            return None
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.{number}")).exists():
            number += 1
        self.path.rename(aside)
        return aside

    def lines(self) -> Iterator[Line]:
        """Return every line, in order; raises `OSError`."""
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if line.strip():
                    yield Line(number, _read(line))

    def newest(self) -> Checkpoint | None:
        """Return the last checkpoint that can be read; None where there is none.

        Raises:
            OSError: the file is there and cannot be read.
        """
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return None
        with self.path.open("rb") as file:
            file.seek(max(0, size - 2 * _LONGEST_LINE))
            found = [_read(line) for line in file.read().splitlines()]
        return next((each for each in reversed(found) if each is not None), None)


def _read(line: bytes) -> Checkpoint | None:
    try:
        said = json.loads(line)
        body = json.dumps(
            said["checkpoint"], ensure_ascii=False, separators=(",", ":"), sort_keys=True
        )
        return Checkpoint.read(body, said["signature"])
    except (ValueError, KeyError, TypeError):
        return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
