"""Flood limits of the Bot API, and the switches that make it misbehave.

Source: Bots FAQ, "My bot is hitting limits, how do I avoid this?": about one message a second in
one chat (with short bursts), 20 a minute in a group, about 30 a second over all. Only sending
counts here; any method can be refused by :meth:`Limits.force`. Limits run on real time, since it
is real time that the caller is told to wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.telegram.model import ApiError

OVER_ALL, OVER_ALL_PER_SECOND = 30, 30.0
IN_GROUP, IN_GROUP_PER_SECOND = 20, 20 / 60
IN_PRIVATE, IN_PRIVATE_PER_SECOND = 5, 1.0


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Limits:
    """Token buckets over all, per group and per private chat.

    Args:
        tick: Seconds on a clock that only moves forward.

    Attributes:
        is_on: Whether the documented limits hold; what is forced holds in any case.
    """

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._buckets: dict[int, _Bucket] = {}
        self._forced: dict[str, tuple[int, int]] = {}
        self.is_on = True

    def force(self, method: str, times: int = 1, retry_after: int = 1) -> None:
        """Refuse the next ``times`` calls of a method, telling the caller to wait."""
        self._forced[method.lower()] = (times, retry_after)

    def check(self, method: str) -> None:
        """Pass a call of a method.

        Raises:
            ApiError: 429, where it was forced.
        """
        times, retry_after = self._forced.get(method.lower(), (0, 0))
        if times > 0:
            self._forced[method.lower()] = (times - 1, retry_after)
            raise _too_many(retry_after)

    def check_sending(self, chat_id: int) -> None:
        """Pass a message to a chat.

        Raises:
            ApiError: 429, where it would be one too many.
        """
        if not self.is_on:
            return
        over_all = self._bucket(0, OVER_ALL, OVER_ALL_PER_SECOND)
        if chat_id < 0:
            in_chat, per_second = (
                self._bucket(chat_id, IN_GROUP, IN_GROUP_PER_SECOND),
                IN_GROUP_PER_SECOND,
            )
        else:
            in_chat, per_second = (
                self._bucket(chat_id, IN_PRIVATE, IN_PRIVATE_PER_SECOND),
                IN_PRIVATE_PER_SECOND,
            )
        wait = max(_wait(over_all, OVER_ALL_PER_SECOND), _wait(in_chat, per_second))
        if wait:
            raise _too_many(wait)
        over_all.level -= 1
        in_chat.level -= 1

    def _bucket(self, key: int, capacity: int, per_second: float) -> _Bucket:
        now = self._tick()
        bucket = self._buckets.setdefault(key, _Bucket(capacity, now))
        bucket.level = min(capacity, bucket.level + (now - bucket.at) * per_second)
        bucket.at = now
        return bucket


def _wait(bucket: _Bucket, per_second: float) -> int:
    return 0 if bucket.level >= 1 else max(1, math.ceil((1 - bucket.level) / per_second))


def _too_many(retry_after: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


@dataclass(slots=True)
class Faults:
    """Switches that make Telegram misbehave.

    Attributes:
        server_errors: How many of the next calls fail with HTTP 502 or 500, in turns, before they
            act; asking for updates is not counted.
        poll_errors: The same for asking for updates.
        drop_after: How many of the next calls that send something act, and then lose their
            connection without an answer.
        slow: Seconds that every answer comes late, after the call has acted; asking for updates
            is left out.
    """

    server_errors: int = 0
    poll_errors: int = 0
    drop_after: int = 0
    slow: float = 0.0

    def take_server_error(self, *, is_poll: bool) -> ApiError | None:
        """Return the error this call is to fail with, if it is to."""
        left = self.poll_errors if is_poll else self.server_errors
        if left <= 0:
            return None
        if is_poll:
            self.poll_errors -= 1
        else:
            self.server_errors -= 1
        return ApiError(502, "Bad Gateway") if left % 2 else ApiError(500, "Internal Server Error")

    def take_drop(self) -> bool:
        """Whether this answer is to be lost."""
        if self.drop_after <= 0:
            return False
        self.drop_after -= 1
        return True
