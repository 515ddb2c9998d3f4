"""Who uses a database file: every process shares the use of it; who replaces it is alone."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

_PAUSE_SECONDS = 0.05


class Use:
    """A lock beside a file, held as long as the process lives at most."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._held: int | None = None

    def take_alone(self) -> bool:
        """Have the file alone; False where others use it. Raises `OSError`."""
        return self._take(fcntl.LOCK_EX)

    def share(self, patience: float) -> bool:
        """Use the file beside others; False where somebody has it alone for too long."""
        until = time.monotonic() + patience
        while not self._take(fcntl.LOCK_SH):
            if time.monotonic() > until:
                return False
            time.sleep(_PAUSE_SECONDS)
        return True

    def release(self) -> None:
        """Use it no longer."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _take(self, how: int) -> bool:
        if self._held is None:
            self._held = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._held, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
