"""The bank's books: accounts, booked entries, and the ledger of executed payments.

Money moves here and nowhere else, in one synchronous step each, in integer minor units.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Party:
    """Who is on the other side of a movement; a bank may not know the account."""

    name: str
    iban: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One booked movement.

    Attributes:
        id: ``transactionId``.
        reference: ``entryReference``.
        amount: Signed minor units; negative when money left the account.
        booked_at: Until then the bank shows neither the entry nor its effect on the balance.
        party: The other side.
        code: ISO 20022 bank transaction code.
    """

    id: str
    reference: str
    amount: int
    booked_at: datetime
    party: Party
    remittance: str
    code: str
    end_to_end_id: str | None = None


@dataclass
class Account:
    """An account of this bank.

    Attributes:
        iban: ISO 13616, no spaces.
        currency: ISO 4217.
        owner: The company.
        opening: Balance before the first entry, in minor units.
        id: ``resourceId`` in the API: never the IBAN.
        status: ``enabled``, ``blocked`` or ``deleted``.
        entries: Every movement, in the order of execution.
        reserved: Minor units set aside for payments on their way, by payment id.
    """

    iban: str
    currency: str
    owner: str
    opening: int = 0
    id: str = field(default_factory=lambda: str(uuid4()))
    bic: str = "SANDDEFFXXX"
    status: str = "enabled"
    entries: list[Entry] = field(default_factory=list)
    reserved: dict[str, int] = field(default_factory=dict)

    @property
    def booked(self) -> int:
        """What the account holds in truth, hidden entries included, in minor units."""
        return self.opening + sum(entry.amount for entry in self.entries)

    @property
    def available(self) -> int:
        """What can still be paid from it, in minor units."""
        return self.booked - sum(self.reserved.values())

    def booked_by(self, moment: datetime) -> int:
        """Return the booked balance the bank shows for ``moment``."""
        return self.opening + sum(entry.amount for entry in self.shown(moment))

    def shown(self, moment: datetime) -> list[Entry]:
        """Return the entries the bank shows at ``moment``, oldest first."""
        shown = (entry for entry in self.entries if entry.booked_at <= moment)
        return sorted(shown, key=lambda entry: entry.booked_at)


@dataclass(frozen=True, slots=True)
class Executed:
    """A payment that moved money: the truth by which "exactly once" is judged.

    Attributes:
        amount: Minor units of ``currency``.
        at: When money moved.
        returned_at: When it came back, if it did.
    """

    payment_id: str
    request_id: str
    end_to_end_id: str
    product: str
    amount: int
    currency: str
    debtor_iban: str
    creditor_iban: str
    creditor_name: str
    remittance: str
    at: datetime
    returned_at: datetime | None = None


class Books:
    """Accounts and ledger of one bank."""

    def __init__(
        self, accounts: Iterable[Account], zone: ZoneInfo, now: Callable[[], datetime]
    ) -> None:
        self.accounts = {account.iban: account for account in accounts}
        self.ledger: list[Executed] = []
        self._zone = zone
        self._now = now
        self._numbers = itertools.count(1)

    def day(self, moment: datetime) -> date:
        """Return the bank's calendar day of ``moment``."""
        return moment.astimezone(self._zone).date()

    def end_of(self, day: date) -> datetime:
        """Return the last moment of the bank's ``day``."""
        following = datetime.combine(day + timedelta(days=1), time(), self._zone)
        return following - timedelta(microseconds=1)

    def by_resource(self, resource_id: str) -> Account | None:
        """Return the account whose ``resourceId`` this is."""
        return next((a for a in self.accounts.values() if a.id == resource_id), None)

    def execute(self, payment: Executed, code: str, booked_at: datetime) -> None:
        """Move the money of ``payment``, once.

        Raises:
            ValueError: It was executed before.
        """
        if any(done.payment_id == payment.payment_id for done in self.ledger):
            raise ValueError(f"payment {payment.payment_id} was executed before")
        debtor = self.accounts[payment.debtor_iban]
        debtor.reserved.pop(payment.payment_id, None)
        self.ledger.append(payment)
        creditor = Party(payment.creditor_name, payment.creditor_iban)
        self._move(payment, debtor, -payment.amount, creditor, code, booked_at)
        own = self.accounts.get(payment.creditor_iban)
        if own is not None:
            received = code.replace("-I", "-R", 1)
            self._move(payment, own, payment.amount, _owner(debtor), received, booked_at)

    def give_back(self, payment_id: str, reason: str) -> None:
        """Book an executed payment back on the debtor's account, once.

        Raises:
            KeyError: No such payment was executed.
            ValueError: It was returned before.
        """
        for payment in self.ledger:
            if payment.payment_id == payment_id:
                break
        else:
            raise KeyError(payment_id)
        if payment.returned_at is not None:
            raise ValueError(f"payment {payment_id} was returned before")
        now = self._now()
        self.ledger[self.ledger.index(payment)] = replace(payment, returned_at=now)
        returned = replace(payment, remittance=f"RETURN {reason} {payment.remittance}".strip())
        debtor = self.accounts[payment.debtor_iban]
        creditor = Party(payment.creditor_name, payment.creditor_iban)
        self._move(returned, debtor, payment.amount, creditor, "PMNT-ICDT-RRTN", now)
        own = self.accounts.get(payment.creditor_iban)
        if own is not None:
            self._move(returned, own, -payment.amount, _owner(debtor), "PMNT-RCDT-RRTN", now)

    def credit(
        self,
        iban: str,
        amount: int,
        party: Party,
        remittance: str,
        end_to_end_id: str | None = None,
        booked_at: datetime | None = None,
    ) -> Entry:
        """Book money that came in (or, with a negative amount, a charge) and return the entry."""
        entry = Entry(
            id=uuid4().hex,
            reference=self._reference(),
            amount=amount,
            booked_at=booked_at or self._now(),
            party=party,
            remittance=remittance[:140],
            code="PMNT-RCDT-ESCT" if amount >= 0 else "PMNT-MDOP-CHRG",
            end_to_end_id=end_to_end_id,
        )
        self.accounts[iban].entries.append(entry)
        return entry

    def _move(
        self,
        payment: Executed,
        account: Account,
        amount: int,
        party: Party,
        code: str,
        booked_at: datetime,
    ) -> None:
        account.entries.append(
            Entry(
                id=uuid4().hex,
                reference=self._reference(),
                amount=amount,
                booked_at=booked_at,
                party=party,
                remittance=payment.remittance[:140],
                code=code,
                end_to_end_id=payment.end_to_end_id or None,
            )
        )

    def _reference(self) -> str:
        return f"{self.day(self._now()):%Y%m%d}{next(self._numbers):08d}"


def _owner(account: Account) -> Party:
    return Party(account.owner, account.iban)
