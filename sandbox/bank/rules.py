"""How a simulated bank behaves: everything that differs between real banks, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo


@dataclass
class Refusal(Exception):
    """The bank says no: becomes an answer with ``tppMessages``.

    Attributes:
        status: HTTP status.
        code: Message code of the framework, such as ``FORMAT_ERROR``.
        text: For people who read logs.
        path: Which part of the request it is about.
    """

    status: int
    code: str
    text: str = ""
    path: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the ``Error…_NG`` object of the OpenAPI file."""
        message = {"category": "ERROR", "code": self.code}
        if self.path:
            message["path"] = self.path
        if self.text:
            message["text"] = self.text[:500]
        return {"tppMessages": [message]}


class Phone(StrEnum):
    """What the user (PSU) does when the bank's app asks him to confirm."""

    CONFIRMS = "confirms"
    DECLINES = "declines"
    IGNORES = "ignores"
    """Nothing, until a test says so or time runs out."""
    EXEMPT = "exempt"
    """He is not asked: the bank exempts the request from strong authentication."""


@dataclass(frozen=True, slots=True)
class Sca:
    """Strong customer authentication by the decoupled approach.

    Attributes:
        phone: What the user does.
        after_polls: How many looks of the client still find him busy. Looks are reads of the
            status, of the scaStatus and of the account's transactions.
        after: By the clock instead of by looks.
        starts_implicitly: The bank starts it with the payment or consent; else the client has to
            follow the ``startAuthorisation`` link, as it also may ask to.
        expires_after: Unconfirmed by then, it has failed and the payment is rejected.
    """

    phone: Phone = Phone.CONFIRMS
    after_polls: int = 1
    after: timedelta | None = None
    starts_implicitly: bool = True
    expires_after: timedelta = timedelta(minutes=15)


class NoFunds(StrEnum):
    """What becomes of a payment the account cannot pay."""

    REJECTS = "rejects"
    """It is taken, and rejected (RJCT) when it is to be executed."""
    REFUSES = "refuses"
    """The initiation is refused: 400 PAYMENT_FAILED. Also what a client may prefer."""
    WAITS = "waits"
    """It stays pending (PDNG) until money arrives."""


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Rules:
    """Settings of a bank; may be changed while it runs.

    Attributes:
        zone: Whose calendar days are booking dates.
        sca: For payments.
        consent_sca: For consents; None for the same as ``sca``.
        settles_after_polls: How many looks find an authorised payment on its way (ACTC, then
            ACSP) before it is executed (ACSC); 0 executes it at once; None never, until a test
            says so.
        settles_after: By the clock instead of by looks.
        no_funds: What becomes of a payment over the available balance.
        replays_request_id: A repeated X-Request-ID gets the first answer and does nothing again.
            Without it, as the standard allows, it is another request.
        cancellation_needs_sca: Withdrawing an authorised payment has to be authorised too.
        psu_ids: User names at the bank; when given, ``PSU-ID`` is mandatory.
        closed_creditors: IBANs that cannot be paid, with the reason given.
        extended_characters: Take more than the characters every bank must support.
        page_size: Transactions on a page, unless the client asks for fewer.
        history: How far back transactions are shown.
        max_frequency_per_day: To which unattended reads per day consents are cut down.
        multiple_consents: A new recurring consent leaves older ones valid.
        omits: Fields of transactions this bank does not give, such as ``endToEndId``.
        absolute_links: ``href`` with scheme and host rather than a path.
        hide_until: Payments initiated before this moment are booked only then: a lost payment
            shows in transactions and balances late.
    """

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    sca: Sca = field(default_factory=Sca)
    consent_sca: Sca | None = None
    settles_after_polls: int | None = 1
    settles_after: timedelta | None = None
    no_funds: NoFunds = NoFunds.REJECTS
    replays_request_id: bool = False
    cancellation_needs_sca: bool = False
    psu_ids: frozenset[str] | None = None
    closed_creditors: dict[str, str] = field(default_factory=dict)
    extended_characters: bool = False
    page_size: int = 50
    history: timedelta = timedelta(days=730)
    max_frequency_per_day: int = 4
    multiple_consents: bool = False
    omits: frozenset[str] = frozenset()
    absolute_links: bool = False
    hide_until: datetime | None = None
