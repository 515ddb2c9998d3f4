"""Rate limits of the Web API, and the switches that make it misbehave.

Source: Slack, "Rate limits": tiers count calls per method, app and workspace and minute; messages
may go to one channel about once a second, with short bursts. Limits run on real time, since it is
real time that the caller is told to wait.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

TIER_PER_MINUTE = {1: 10, 2: 20, 3: 50, 4: 100, 5: 300}
"""Calls a minute by tier. Tier 1 is documented as "1+"; bursts of reconnects do pass in practice.
Tier 5 stands for the special limit of ``chat.postMessage``: several hundred a minute."""

CHANNEL_BURST = 30
"""Messages that may go to one channel at once before the limit of one per second holds."""


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class RateLimits:
    """Token buckets per method and per channel.

    Args:
        tick: Seconds on a clock that only moves forward.

    Attributes:
        is_on: Whether the documented limits hold; what is forced holds in any case.
    """

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._forced: dict[str, tuple[int, int]] = {}
        self.is_on = True

    def force(self, method: str, *, times: int = 1, retry_after: int = 1) -> None:
        """Refuse the next ``times`` calls of a method, telling the caller to wait."""
        self._forced[method] = (times, retry_after)

    def wait_for(self, method: str, tier: int, channel: str | None) -> int | None:
        """Return the seconds a caller has to wait, or None where the call may pass."""
        times, retry_after = self._forced.get(method, (0, 0))
        if times > 0:
            self._forced[method] = (times - 1, retry_after)
            return retry_after
        if not self.is_on:
            return None
        per_minute = TIER_PER_MINUTE[tier]
        wait = self._take((method, ""), per_minute, per_minute / 60)
        if wait is None and method == "chat.postMessage" and channel:
            wait = self._take((method, channel), CHANNEL_BURST, 1.0)
        return wait

    def _take(self, key: tuple[str, str], capacity: int, per_second: float) -> int | None:
        now = self._tick()
        bucket = self._buckets.setdefault(key, _Bucket(capacity, now))
        bucket.level = min(capacity, bucket.level + (now - bucket.at) * per_second)
        bucket.at = now
        if bucket.level < 1:
            return max(1, math.ceil((1 - bucket.level) / per_second))
        bucket.level -= 1
        return None


@dataclass(slots=True)
class Faults:
    """Switches that make the workspace misbehave.

    Attributes:
        server_errors: How many of the next Web API calls and response URL posts fail with HTTP
            500, before they act.
        lost_answers: Web API methods whose next calls act, and then fail with HTTP 500 all the
            same: method → how many.
        files_after: Seconds for which private files are held back before the app gets them.
        cut_files: How many of the next private files break off half-way.
    """

    server_errors: int = 0
    lost_answers: Counter[str] = field(default_factory=Counter)
    files_after: float = 0.0
    cut_files: int = 0

    def take_server_error(self) -> bool:
        """Whether this call is to fail."""
        if self.server_errors <= 0:
            return False
        self.server_errors -= 1
        return True

    def take_lost_answer(self, method: str) -> bool:
        """Whether the answer of this call is to be lost."""
        if self.lost_answers[method] <= 0:
            return False
        self.lost_answers[method] -= 1
        return True

    def take_cut_file(self) -> bool:
        """Whether this file is to break off."""
        if self.cut_files <= 0:
            return False
        self.cut_files -= 1
        return True
