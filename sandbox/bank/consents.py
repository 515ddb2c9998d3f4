"""Consents to read accounts: what a client may read, for how long and how often.

Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file (``consents``,
``accountAccess``, ``consentStatus``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sandbox.bank.authorisations import Authorisation, ScaStatus
from sandbox.bank.books import Account, Books
from sandbox.bank.instructions import checked_iban, format_error
from sandbox.bank.rules import Phone, Refusal, Rules, Sca

_BY_ACCOUNT = ("accounts", "balances", "transactions")
_GLOBAL = ("availableAccounts", "availableAccountsWithBalance", "allPsd2")
_FIELDS = {"access", "recurringIndicator", "validUntil", "frequencyPerDay"} | {
    "combinedServiceIndicator"
}


class ConsentStatus(StrEnum):
    """``consentStatus``."""

    RECEIVED = "received"
    REJECTED = "rejected"
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revokedByPsu"
    TERMINATED = "terminatedByTpp"


@dataclass(frozen=True, slots=True)
class Access:
    """IBANs whose details, balances and transactions may be read; ``body`` is for showing it."""

    accounts: frozenset[str]
    balances: frozenset[str]
    transactions: frozenset[str]
    body: dict[str, Any]


@dataclass(slots=True)
class Consent:
    """One consent resource."""

    id: str
    access: Access
    recurring: bool
    valid_until: date
    frequency_per_day: int
    psu_id: str | None
    created_at: datetime
    last_action: date
    status: ConsentStatus = ConsentStatus.RECEIVED
    authorisations: dict[str, Authorisation] = field(default_factory=dict)
    uses: Counter[tuple[date, str]] = field(default_factory=Counter)


class Consents:
    """All consents of one bank."""

    def __init__(self, books: Books, rules: Rules, now: Callable[[], datetime]) -> None:
        self._books = books
        self._rules = rules
        self._now = now
        self._all: dict[str, Consent] = {}

    @property
    def all(self) -> Mapping[str, Consent]:
        """Every consent by its id, oldest first."""
        return self._all

    @property
    def sca(self) -> Sca:
        """How consents are confirmed."""
        return self._rules.consent_sca or self._rules.sca

    def create(self, body: object, psu_id: str | None, *, starts_sca: bool) -> Consent:
        """Take in what a client asks for.

        Raises:
            Refusal: ``FORMAT_ERROR``, ``PERIOD_INVALID``, ``RESOURCE_UNKNOWN`` or
                ``PARAMETER_NOT_SUPPORTED``.
        """
        now = self._now()
        today = self._books.day(now)
        if not isinstance(body, dict) or set(body) != _FIELDS:
            raise format_error("body", f"must hold exactly {', '.join(sorted(_FIELDS))}")
        recurring = _boolean(body, "recurringIndicator")
        if _boolean(body, "combinedServiceIndicator"):
            raise Refusal(400, "SESSIONS_NOT_SUPPORTED", "no combined services here")
        consent = Consent(
            id=str(uuid4()),
            access=self._access(body["access"]),
            recurring=recurring,
            valid_until=_valid_until(body["validUntil"], today),
            frequency_per_day=self._frequency(body["frequencyPerDay"], recurring),
            psu_id=psu_id,
            created_at=now,
            last_action=today,
        )
        self._all[consent.id] = consent
        if self.sca.phone is Phone.EXEMPT:
            self._validate(consent)
        elif starts_sca:
            self.authorise(consent)
        return consent

    def find(self, consent_id: str) -> Consent:
        """Return a consent named in a path.

        Raises:
            Refusal: ``CONSENT_UNKNOWN``.
        """
        if consent_id not in self._all:
            raise Refusal(403, "CONSENT_UNKNOWN", "no such consent")
        return self._all[consent_id]

    def authorise(self, consent: Consent) -> Authorisation:
        """Start the user's confirmation.

        Raises:
            Refusal: ``STATUS_INVALID``.
        """
        if consent.status is not ConsentStatus.RECEIVED or consent.authorisations:
            raise Refusal(409, "STATUS_INVALID", "the consent is not to be authorised now")
        started = Authorisation(str(uuid4()), self.sca, self._now())
        consent.authorisations[started.id] = started
        return started

    def terminate(self, consent: Consent) -> None:
        """End a consent for the client."""
        if consent.status in (ConsentStatus.RECEIVED, ConsentStatus.VALID):
            self._end(consent, ConsentStatus.TERMINATED)

    def revoke(self, consent: Consent) -> None:
        """End a consent for the user."""
        self._end(consent, ConsentStatus.REVOKED)

    def advance(self, consent: Consent, *, looked: bool = False) -> None:
        """Let time pass; ``looked`` tells that the client has asked about it."""
        now = self._now()
        if consent.status is ConsentStatus.RECEIVED:
            for authorisation in consent.authorisations.values():
                authorisation.advance(now, looked=looked)
                if authorisation.status is ScaStatus.FINALISED:
                    self._validate(consent)
                elif authorisation.status is ScaStatus.FAILED:
                    self._end(consent, ConsentStatus.REJECTED)
            overdue = now >= consent.created_at + self.sca.expires_after
            if consent.status is ConsentStatus.RECEIVED and overdue:
                self._end(consent, ConsentStatus.REJECTED)
        if consent.status is ConsentStatus.VALID and self._books.day(now) > consent.valid_until:
            self._end(consent, ConsentStatus.EXPIRED)

    def use(self, consent_id: str, resource: str, *, attended: bool) -> Consent:
        """Return the valid consent a client reads ``resource`` under, counting unattended reads.

        Raises:
            Refusal: ``CONSENT_UNKNOWN``, ``CONSENT_INVALID``, ``CONSENT_EXPIRED`` or
                ``ACCESS_EXCEEDED``.
        """
        consent = self._all.get(consent_id)
        if consent is None:
            raise Refusal(400, "CONSENT_UNKNOWN", "no such consent", "Consent-ID")
        if consent.status is ConsentStatus.EXPIRED:
            raise Refusal(401, "CONSENT_EXPIRED", "the consent has expired")
        if consent.status is not ConsentStatus.VALID:
            raise Refusal(401, "CONSENT_INVALID", f"the consent is {consent.status}")
        use = (self._books.day(self._now()), resource)
        if not attended and consent.uses[use] >= consent.frequency_per_day:
            raise Refusal(429, "ACCESS_EXCEEDED", "read too often today without the user")
        consent.uses[use] += not attended
        return consent

    def _validate(self, consent: Consent) -> None:
        """Make it valid; one recurring consent replaces another of the same user."""
        if consent.recurring and not self._rules.multiple_consents:
            for older in self._all.values():
                same = older.recurring and older.psu_id == consent.psu_id
                if same and older.status is ConsentStatus.VALID:
                    self._end(older, ConsentStatus.TERMINATED)
        self._end(consent, ConsentStatus.VALID)

    def _end(self, consent: Consent, status: ConsentStatus) -> None:
        consent.status = status
        consent.last_action = self._books.day(self._now())

    def _frequency(self, value: object, recurring: bool) -> int:
        if type(value) is not int or value < 1:
            raise format_error("frequencyPerDay", "must be a whole number from 1")
        if not recurring and value > 1:
            raise format_error("frequencyPerDay", "must be 1 for a single access")
        return min(value, self._rules.max_frequency_per_day)

    def _access(self, value: object) -> Access:
        if not isinstance(value, dict) or not value:
            raise format_error("access", "must say what is to be read")
        unknown = set(value) - {*_BY_ACCOUNT, *_GLOBAL}
        if unknown:
            raise Refusal(400, "PARAMETER_NOT_SUPPORTED", str(sorted(map(str, unknown))[0])[:70])
        if not set(value) & set(_GLOBAL):
            return self._dedicated(value)
        if len(value) > 1 or next(iter(value.values())) not in (
            "allAccounts",
            "allAccountsWithOwnerName",
        ):
            raise format_error("access", "asks for all accounts and for some")
        everything, nothing = frozenset(self._books.accounts), frozenset[str]()
        if "allPsd2" in value:
            return Access(everything, everything, everything, value)
        with_balances = "availableAccountsWithBalance" in value
        return Access(everything, everything if with_balances else nothing, nothing, value)

    def _dedicated(self, value: dict[str, Any]) -> Access:
        named = {kind: self._named(value[kind], kind) for kind in _BY_ACCOUNT if kind in value}
        if not any(named.values()):
            # The user chooses at the bank, and this one gives everything asked for.
            named = {kind: list(self._books.accounts.values()) for kind in named}
        elif not all(named.values()):
            raise format_error("access", "some lists are empty and some are not")
        ibans = {kind: frozenset(a.iban for a in named.get(kind, ())) for kind in _BY_ACCOUNT}
        body = {
            kind: [{"iban": a.iban, "currency": a.currency} for a in accounts]
            for kind, accounts in named.items()
        }
        every = ibans["accounts"] | ibans["balances"] | ibans["transactions"]
        return Access(every, ibans["balances"], ibans["transactions"], body)

    def _named(self, references: object, kind: str) -> list[Account]:
        if not isinstance(references, list):
            raise format_error(f"access.{kind}", "must be a list")
        named = []
        for reference in references:
            path = f"access.{kind}"
            given = reference if isinstance(reference, dict) else {}
            account = self._books.accounts.get(checked_iban(given.get("iban"), path))
            if account is None or given.get("currency", account.currency) != account.currency:
                raise Refusal(400, "RESOURCE_UNKNOWN", "no such account here", path)
            named.append(account)
        return named


def _boolean(body: dict[str, Any], name: str) -> bool:
    value = body[name]
    if not isinstance(value, bool):
        raise format_error(name, "must be true or false")
    return value


def _valid_until(value: object, today: date) -> date:
    try:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise format_error("validUntil", "must be a date") from None
    if day < today:
        raise Refusal(400, "PERIOD_INVALID", "validUntil has passed", "validUntil")
    return day
