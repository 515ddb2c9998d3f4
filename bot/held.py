"""Connections while settings are not agreed to: where they lead nobody has said yet."""

from __future__ import annotations

from datetime import date, datetime

from connectors.base import (
    Account,
    Balance,
    Connector,
    Consent,
    Creditor,
    Document,
    Enquiry,
    Indeterminate,
    Instruction,
    NameMatch,
    NotSent,
    Outcome,
    Receipt,
    Statement,
)
from connectors.money import Money

CODE = "charter.held"


class Held(Connector):
    """A connection that is asked nothing and told nothing.

    What an institution that nobody agreed to would say of a payment could have it sent again, or
    told as failed.
    """

    def __init__(self, of: Connector) -> None:
        self.name = of.name
        self.capabilities = of.capabilities
        self.enquiry_window = of.enquiry_window
        self._of = of

    def service(self, account: Account, creditor: Creditor, amount: Money) -> str:
        """Name the product; that asks nobody."""
        return self._of.service(account, creditor, amount)

    def convert(self, account: Account, document: Document) -> Statement:
        """Read a document; that asks nobody."""
        return self._of.convert(account, document)

    async def submit(self, instruction: Instruction) -> Outcome:
        """Send nothing."""
        raise self._held()

    async def follow(self, instruction: Instruction, reference: str) -> Outcome:
        """Ask nothing."""
        raise self._held()

    async def enquire(
        self, instruction: Instruction, since: datetime, *, may_send: bool = False
    ) -> Enquiry:
        """Ask nothing."""
        raise Indeterminate(self.name, CODE)

    async def cancel(self, instruction: Instruction, reference: str) -> Outcome:
        """Ask nothing."""
        raise self._held()

    async def balances(self, account: Account) -> tuple[Balance, ...]:
        """Ask nothing."""
        raise self._held()

    async def collect(self, account: Account, period_from: date, period_to: date) -> Document:
        """Ask nothing."""
        raise self._held()

    async def receipt(self, instruction: Instruction, reference: str) -> Receipt | None:
        """Ask nothing."""
        raise self._held()

    async def consent(self, accounts: tuple[Account, ...], now: datetime) -> Consent:
        """Ask nothing."""
        raise self._held()

    async def check_name(self, creditor: Creditor) -> NameMatch:
        """Ask nothing."""
        raise Indeterminate(self.name, CODE)

    async def close(self) -> None:
        """Release connections."""
        await self._of.close()

    def _held(self) -> NotSent:
        return NotSent(self.name, CODE)
