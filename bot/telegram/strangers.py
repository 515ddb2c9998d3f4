"""How much of whom we do not know is answered and put on the record: little, whatever they send."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

import structlog

log = structlog.get_logger(__name__)

_WINDOW = timedelta(hours=1)
_MOST_KNOWN = 10_000
"""Whom we remember; who was quiet for longest is forgotten first."""


class Ration:
    """Allows something so many times an hour for each who wants it.

    Kept in memory: after a restart everybody has their share anew, which is harmless.
    """

    def __init__(self, what: str, most: int = 1) -> None:
        self._what = what
        self._most = most
        self._had: OrderedDict[int, tuple[datetime, int]] = OrderedDict()

    def has_left(self, user_id: int, now: datetime) -> bool:
        """Whether ``user_id`` may have it once more; one that may not is told to the log."""
        since, count = self._of(user_id, now)
        if count < self._most:
            return True
        # Counted on, so that the log says how much there is of it: the 1st, 2nd, 4th, 8th time.
        self._keep(user_id, since, count + 1)
        passed_over = count + 1 - self._most
        if passed_over & (passed_over - 1) == 0:
            log.info("telegram strangers", what=self._what, user=user_id, passed_over=passed_over)
        return False

    def use(self, user_id: int, now: datetime) -> None:
        """Note that they had it."""
        since, count = self._of(user_id, now)
        self._keep(user_id, since, count + 1)

    def _of(self, user_id: int, now: datetime) -> tuple[datetime, int]:
        since, count = self._had.get(user_id, (now, 0))
        return (since, count) if timedelta(0) <= now - since < _WINDOW else (now, 0)

    def _keep(self, user_id: int, since: datetime, count: int) -> None:
        self._had[user_id] = (since, count)
        self._had.move_to_end(user_id)
        while len(self._had) > _MOST_KNOWN:
            self._had.popitem(last=False)
