"""The contract between the workflows and every institution.

A connector declares what it can do and is asked for nothing else. Its errors say what is *known*
about the payment, because that alone decides whether it may ever be sent again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from connectors.money import Money


class Capability(StrEnum):
    """What a connector can be asked for."""

    BALANCES = "balances"
    PAYMENTS = "payments"
    ENQUIRY = "enquiry"
    CANCELLATION = "cancellation"
    STATEMENTS = "statements"
    RECEIPTS = "receipts"
    CONSENT = "consent"
    NAME_CHECK = "name_check"


class Progress(StrEnum):
    """What an institution's status means for the order, whatever code it used."""

    PENDING = "pending"
    SETTLED = "settled"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Account:
    """One of our accounts, as the institution knows it.

    Attributes:
        id: Our name for it in settings, such as ``operating-eur``.
        iban: ISO 13616 IBAN, no spaces.
        currency: ISO 4217 code of the account.
        holder: The company's name as the institution has it.
        timezone: IANA zone whose calendar days are the account's booking dates.
    """

    id: str
    iban: str
    currency: str
    holder: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Creditor:
    """Who is paid: exactly what the approvers saw.

    Attributes:
        name: Account holder, at most 70 characters.
        iban: ISO 13616 IBAN, no spaces.
        bic: ISO 9362 BIC of the creditor's bank, where the payment needs one.
        country: ISO 3166-1 alpha-2 country of the creditor's address.
    """

    name: str
    iban: str
    bic: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Instruction:
    """What is sent to an institution for one order.

    Attributes:
        order_id: Our order.
        end_to_end_id: Travels with the payment and never changes; at most 35 characters of the
            SEPA character set. The key by which the payment is found again.
        request_id: UUID minted and stored *before* the first byte is sent; a repeat of this very
            submission, where the institution promises to treat it as one, carries it again.
        account: Debtor account.
        creditor: Payee.
        amount: Positive, in the currency to be paid.
        remittance_information: Unstructured, at most 140 characters; may be empty.
        requested_execution_date: In the account's calendar; None for as soon as possible.
        service: The institution's product, such as ``sepa-credit-transfers``; empty lets the
            connector choose (see `Connector.service`).
        requester_ip: IP address of the person's session where known (PSD2 asks for one).
        notice_url: Where the institution may call when the payment's status changes. Nothing that
            comes there is believed: it is a reason to ask (`Connector.follow`) at once.
    """

    order_id: str
    end_to_end_id: str
    request_id: str
    account: Account
    creditor: Creditor
    amount: Money
    remittance_information: str
    requested_execution_date: date | None
    service: str
    requester_ip: str = "127.0.0.1"
    notice_url: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the institution says of an instruction.

    Attributes:
        progress: The meaning for the order.
        status: The institution's own code, ISO 20022 where it has one (``ACSC``).
        reference: The institution's id of the payment, needed to follow it; may be unknown after
            an enquiry that found only the booked entry.
        reason_code: For a refusal, the institution's code (``AC01``, ``FUNDS_NOT_AVAILABLE``);
            while pending, a code for what keeps it from going on (``sca.unsupported``).
        reason_text: The institution's own words, bounded and free of control characters.
        waiting_for_person: Set while the institution waits for a person (decoupled SCA): what it
            asks them to do, in its words; empty when it says nothing.
        entry_reference: Reference of the booked entry, when an enquiry found it.
    """

    progress: Progress
    status: str
    reference: str | None = None
    reason_code: str | None = None
    reason_text: str | None = None
    waiting_for_person: str | None = None
    entry_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Enquiry:
    """What an institution knows of an instruction whose answer was lost.

    Attributes:
        outcome: What it has, or None when it showed nothing.
        conclusive: Whether "nothing" proves that the payment was never accepted. Only then may
            anything conclude that it was not sent; otherwise the answer is: not known yet.
    """

    outcome: Outcome | None
    conclusive: bool


class BalanceType(StrEnum):
    """Which balance: ISO 20022 external balance types, by their usual names."""

    OPENING_BOOKED = "opening_booked"
    CLOSING_BOOKED = "closing_booked"
    BOOKED = "booked"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance the institution reported, at ``as_of`` where it said when."""

    type: BalanceType
    amount: Money
    as_of: datetime | date | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One booked movement on an account.

    Attributes:
        key: Unique on the account and stable over repeated collections: the institution's own
            reference, or one derived from the entry's content where it gives none.
        amount: Signed: negative when money left the account.
        booking_date: In the account's calendar.
        value_date: In the account's calendar.
        end_to_end_id: As it travelled with the payment, when the institution kept it.
        counterparty_name: Name of the other side.
        counterparty_account: Account of the other side.
        remittance_information: What it was for.
        institution_reference: The institution's transaction id.
    """

    key: str
    amount: Money
    booking_date: date
    value_date: date | None = None
    end_to_end_id: str | None = None
    counterparty_name: str | None = None
    counterparty_account: str | None = None
    remittance_information: str = ""
    institution_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A raw document as it was fetched: kept with its hash before anything reads it.

    Attributes:
        media_type: Such as ``application/json``.
        content: The exact bytes.
        period_from: First booking date asked for.
        period_to: Last booking date asked for.
    """

    media_type: str
    content: bytes
    period_from: date
    period_to: date


@dataclass(frozen=True, slots=True)
class Statement:
    """Booked entries of a period with the balances that bracket them.

    Attributes:
        account_iban: Whose statement the document says it is.
        opening: Booked balance before the first entry; None where the institution gives none.
        closing: Booked balance after the last entry.
        entries: Oldest first.
    """

    account_iban: str
    period_from: date
    period_to: date
    opening: Money | None
    closing: Money
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The institution's evidence that a payment was made.

    Attributes:
        reference: The institution's number of the payment or receipt.
        media_type: Of ``content``.
        content: The exact bytes; kept with their hash.
        booked_on: Booking date, when the institution said it.
        is_official: True for the institution's own receipt document (回单); False where it offers
            none and ``content`` is its answer about the payment.
    """

    reference: str
    media_type: str
    content: bytes
    booked_on: date | None = None
    is_official: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """Permission to read accounts.

    Attributes:
        id: The institution's id.
        is_valid: Whether it can be used now.
        status: The institution's code.
        waiting_for_person: What a person must do to make it valid, in the institution's words.
        url: Where they do it, when the institution sends them to a page.
    """

    id: str
    is_valid: bool
    status: str
    waiting_for_person: str | None = None
    url: str | None = None


class NameResult(StrEnum):
    """Whether an account is held by whom one takes for its holder (verification of payee)."""

    MATCH = "match"
    CLOSE = "close"
    NO_MATCH = "no_match"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NameMatch:
    """What an institution says of an account's holder.

    Attributes:
        name: The holder's name as the institution has it, where it says so: for `CLOSE` it does.
    """

    result: NameResult
    name: str = ""


class ConnectorState(Protocol):
    """What a connector may remember between runs (a consent's id, a cursor), kept for it."""

    async def get(self, key: str) -> str | None:
        """Return the remembered value, or None."""

    async def put(self, key: str, value: str | None) -> None:
        """Remember ``value`` durably; None forgets it."""


class ConnectorSettings(BaseModel):
    """Base of every connector's settings; each field's description documents it for people."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    takes_payments: str | None = Field(
        default=None,
        description="When it takes payments, such as mon-fri 06:00-22:00 in the account's zone; "
        "outside they wait, and on holidays of the account's calendar.",
    )
    max_at_once: int = Field(
        default=16, ge=1, le=1000, description="Payments sent to it at the same time, at most."
    )
    max_per_second: int = Field(
        default=50, ge=1, le=10_000, description="Payments sent to it within a second, at most."
    )


@dataclass
class ConnectorError(Exception):
    """Base of all that can go wrong with an institution.

    What an error class says is about the call that raised it: `NotSent` from `Connector.follow`
    means that nobody was asked, not that the payment followed was never sent.

    Attributes:
        connector: Name of the connection in settings.
        code: A stable code: the institution's where it gave one, else ours. The catalogue of
            messages has a sentence for each one it knows.
        detail: The institution's words or the technical cause: bounded, printable, no secrets.
        params: Further facts for the sentence.
    """

    connector: str
    code: str
    detail: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line for logs."""
        return f"{self.connector}: {self.code}" + (f": {self.detail}" if self.detail else "")


class NotSent(ConnectorError):
    """The institution certainly did not act. Safe to try again."""


class Indeterminate(ConnectorError):
    """It may have been acted upon. Enquire; never send again blindly."""


class Refused(ConnectorError):
    """The institution said no, finally."""


class Untrusted(Indeterminate):
    """An answer whose signature or form proves nothing. Enquire, and raise an alarm."""


class Misconfigured(ConnectorError):
    """Credentials, certificate, consent or settings are wrong: a person must mend them.

    Raised only where the institution certainly did not act.
    """


class Unsupported(ConnectorError):
    """The connector was asked for what it does not declare."""


class Connector(ABC):
    """One connection to one institution.

    Every method raises only the errors of this module, returns within the connection's time-out
    and may be cancelled. An operation outside ``capabilities`` raises `Unsupported`.

    Attributes:
        name: The connection's name in settings.
        capabilities: What it can be asked for.
        enquiry_window: For how long after a lost answer the institution may still show the
            payment; after it a person decides.
    """

    name: str
    capabilities: frozenset[Capability]
    enquiry_window: timedelta = timedelta(hours=24)

    async def balances(self, account: Account) -> tuple[Balance, ...]:
        """Return live balances of ``account``: booked and, where it has one, available."""
        raise self._unsupported(Capability.BALANCES)

    def service(self, account: Account, creditor: Creditor, amount: Money) -> str:
        """Name the institution's product for such a payment, for `Instruction.service`.

        Decided once and kept with the instruction, because a payment is followed under the product
        it was sent as. Empty when the institution has but one.
        """
        return ""

    @abstractmethod
    async def submit(self, instruction: Instruction) -> Outcome:
        """Send ``instruction`` once. Called again only after `NotSent` or `Misconfigured`."""

    @abstractmethod
    async def follow(self, instruction: Instruction, reference: str) -> Outcome:
        """Return what the institution now says of a payment it acknowledged as ``reference``.

        Never raises `Refused`: an institution that will not tell has not refused the payment.
        """

    async def enquire(
        self, instruction: Instruction, since: datetime, *, may_send: bool = False
    ) -> Enquiry:
        """Ask what became of ``instruction``, sent at ``since`` (UTC), whose answer was lost.

        Never sends money that was not sent before, unless ``may_send`` and the institution has
        promised in writing (settings) to treat the repeat as the same request. A repeat that is
        refused proves nothing: the first may have been executed, and be why this one is not.

        Raises only `Indeterminate`, `Untrusted` or `Unsupported`, with the code of what kept it
        from an answer: that the question failed says nothing about the payment.
        """
        raise self._unsupported(Capability.ENQUIRY)

    async def cancel(self, instruction: Instruction, reference: str) -> Outcome:
        """Ask the institution to cancel a payment that is not executed yet.

        `Refused` here refuses the cancellation: the payment goes on and is to be followed.
        """
        raise self._unsupported(Capability.CANCELLATION)

    async def collect(self, account: Account, period_from: date, period_to: date) -> Document:
        """Fetch booked entries and balances of a period, all pages, as one raw document."""
        raise self._unsupported(Capability.STATEMENTS)

    def convert(self, account: Account, document: Document) -> Statement:
        """Read a raw document; pure. Raises `Untrusted` when it is not what it should be."""
        raise self._unsupported(Capability.STATEMENTS)

    async def receipt(self, instruction: Instruction, reference: str) -> Receipt | None:
        """Fetch the evidence of a settled payment; None while there is none yet.

        ``reference`` is empty for a payment known only by its booked entry.

        Raises `Untrusted` when the institution shows another payment than ``instruction``.
        """
        raise self._unsupported(Capability.RECEIPTS)

    async def consent(self, accounts: tuple[Account, ...], now: datetime) -> Consent:
        """Return the consent in force for ``accounts``, asking for a new one where needed."""
        raise self._unsupported(Capability.CONSENT)

    async def check_name(self, creditor: Creditor) -> NameMatch:
        """Ask whether ``creditor``'s account is held by the name that is given for it."""
        raise self._unsupported(Capability.NAME_CHECK)

    async def close(self) -> None:
        """Release connections."""
        return

    def _unsupported(self, capability: Capability) -> Unsupported:
        return Unsupported(self.name, "connector.unsupported", capability.value)
