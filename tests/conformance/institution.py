"""What the conformance suite needs of an institution's simulator, whatever its protocol."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from connectors.base import Account, Connector, Creditor, Instruction
from connectors.money import Money

_numbers = itertools.count(1)


class Fault(StrEnum):
    """What goes wrong with the next submission."""

    DROPPED_BEFORE = "dropped before acting"
    DROPPED_AFTER = "dropped after acting"
    LATE = "answered too late, having acted"
    BROKEN_BEFORE = "5xx without acting"
    BROKEN_AFTER = "5xx after acting"
    GARBAGE_AFTER = "garbage after acting"
    FORGED_AFTER = "wrong signature after acting"
    MISLABELLED_AFTER = "wrong content type after acting"
    OVERSIZED_AFTER = "oversized answer after acting"
    MIXED_UP_AFTER = "answer to another request after acting"
    MAINTENANCE = "maintenance window, announced in the answer"
    BUSY = "too many requests"


ACTED = {
    Fault.DROPPED_AFTER,
    Fault.LATE,
    Fault.BROKEN_AFTER,
    Fault.GARBAGE_AFTER,
    Fault.FORGED_AFTER,
    Fault.MISLABELLED_AFTER,
    Fault.OVERSIZED_AFTER,
    Fault.MIXED_UP_AFTER,
}
"""Faults that hide a payment that was taken in."""

ALARMING = {
    Fault.GARBAGE_AFTER,
    Fault.FORGED_AFTER,
    Fault.MISLABELLED_AFTER,
    Fault.OVERSIZED_AFTER,
    Fault.MIXED_UP_AFTER,
}
"""Faults by which the answer is there and is not what it should be."""

NOT_SENT = {Fault.MAINTENANCE, Fault.BUSY}
"""Faults by which the institution itself says that it did nothing."""


class Clock:
    """A time that moves only when told."""

    def __init__(self) -> None:
        # It starts now because certificates made for a test are valid now.
        self.moment = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, step: timedelta) -> None:
        self.moment += step


@dataclass
class Memory:
    """What a connector remembers between runs."""

    values: dict[str, str] = field(default_factory=dict)

    async def get(self, key: str) -> str | None:
        return self.values.get(key)

    async def put(self, key: str, value: str | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value


class Institution(ABC):
    """A simulated institution with a connection to it.

    Attributes:
        connector: Of the kind under test, connected.
        account: Ours, with 100 000.00 on it.
        creditor: Somebody it can pay.
        clock: The time of both sides.
        secrets: What must never show in an error.
        codes: How a lost answer shows, where only one way is right: a simulator that answers
            where it should be silent would prove nothing.
    """

    connector: Connector
    account: Account
    creditor: Creditor
    clock: Clock
    secrets: tuple[str, ...]
    codes: Mapping[Fault, str]

    @abstractmethod
    def executed(self, end_to_end_id: str) -> int:
        """How often a payment moved money: the ledger's truth."""

    @abstractmethod
    def confirm(self) -> None:
        """Let people confirm at the institution whatever waits for them."""

    @abstractmethod
    def decline(self) -> None:
        """Let people decline at the institution whatever waits for them."""

    @abstractmethod
    def complete(self) -> None:
        """Let the institution execute what is confirmed."""

    @abstractmethod
    def reject(self, end_to_end_id: str) -> None:
        """Let the institution reject a payment it took in."""

    @abstractmethod
    def spoil(self, fault: Fault) -> None:
        """Let the next submission go wrong."""

    @abstractmethod
    def complaints(self) -> list[str]:
        """Where either side broke the protocol's description."""

    @abstractmethod
    async def vanish(self) -> None:
        """Stop listening; connections are refused from now on."""

    def can_suffer(self, fault: Fault) -> bool:
        """Whether a fault exists in this protocol and set-up."""
        return True

    def instruction(self, minor: int = 1250_00) -> Instruction:
        """Return a new instruction to pay the creditor."""
        number = next(_numbers)
        amount = Money(minor, self.account.currency)
        return Instruction(
            order_id=f"order-{number}",
            end_to_end_id=f"E2E-{number}",
            request_id=str(uuid4()),
            account=self.account,
            creditor=self.creditor,
            amount=amount,
            remittance_information=f"INV-{number}",
            requested_execution_date=None,
            service=self.connector.service(self.account, self.creditor, amount),
        )
