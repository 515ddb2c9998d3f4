"""What can go wrong at a bank, on demand: each fault strikes the next calls of one operation."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """A way in which one call goes wrong."""

    REFUSE = "refuse"
    """A well-formed refusal, without acting."""
    DROP_BEFORE = "drop before acting"
    DROP_AFTER = "drop after acting"
    HANG_BEFORE = "hang before acting"
    HANG_AFTER = "hang after acting"
    ERROR_BEFORE = "5xx before acting"
    ERROR_AFTER = "5xx after acting"
    GARBAGE = "garbage after acting"
    WRONG_TYPE = "wrong content type after acting"
    OVERSIZED = "oversized body after acting"
    FORGED = "wrong signature after acting"
    WRONG_REQUEST_ID = "another request's id after acting"
    SLOW = "slow answer"
    MAINTENANCE = "maintenance window"
    ACCESS_EXCEEDED = "too many requests"
    REDIRECT = "redirect"


BEFORE = frozenset({Fault.DROP_BEFORE, Fault.HANG_BEFORE, Fault.ERROR_BEFORE})
"""Faults by which the bank does nothing and says nothing of it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that waits for its call.

    Attributes:
        operation: Such as ``initiate``, ``status``, ``balances``, ``transactions``, ``consent``.
        code: ``tppMessages`` code of a refusal.
        status: HTTP status of a refusal or a 5xx.
        seconds: How long a slow answer takes.
    """

    operation: str
    fault: Fault
    code: str = "FORMAT_ERROR"
    status: int = 400
    seconds: float = 1.0


@dataclass
class Faults:
    """Faults that wait, first come, first served within an operation."""

    waiting: deque[Planned] = field(default_factory=deque)

    def add(
        self,
        operation: str,
        fault: Fault,
        *,
        times: int = 1,
        code: str = "FORMAT_ERROR",
        status: int | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Let the next ``times`` calls of ``operation`` go wrong."""
        found = status or (400 if fault is Fault.REFUSE else 500)
        self.waiting.extend([Planned(operation, fault, code, found, seconds)] * times)

    def take(self, operation: str) -> Planned | None:
        """Return the fault that strikes this call, if one does; it is used up."""
        for planned in self.waiting:
            if planned.operation == operation:
                self.waiting.remove(planned)
                return planned
        return None

    def clear(self) -> None:
        """Let everything go well again."""
        self.waiting.clear()
