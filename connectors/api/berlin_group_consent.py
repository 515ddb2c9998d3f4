"""Consent to read accounts: kept, asked about, and renewed.

Source: Berlin Group, NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file (``/v1/consents``).

Two are remembered: the one in use, and one that waits for a person at the bank, so that reading
goes on with the old one until the new one holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.api.berlin_group_messages import (
    Asking,
    Authorisation,
    ConsentAnswer,
    ConsentCreated,
    iban,
    plain,
)
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.api.berlin_group_wire import Wire
from connectors.base import Account, ConnectorError, ConnectorState, Consent, Misconfigured

_IN_USE = "consent"
_WAITING = "consent.waiting"
_UNDECIDED = frozenset({"received", "partiallyAuthorised"})
_GONE = frozenset({"CONSENT_UNKNOWN", "CONSENT_EXPIRED", "CONSENT_INVALID", "RESOURCE_UNKNOWN"})

START_LINKS = ("startAuthorisation", "startAuthorisationWithPsuIdentification")
"""Links by which the bank asks us to start a decoupled authorisation: our ``PSU-ID`` header is
all the identification there is."""

PREFERENCES = {"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "true"}
"""Headers that ask for the decoupled approach; the bank may ignore them."""


class _Remembered(BaseModel):
    """A consent as we keep it between runs."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    id: str
    accounts: frozenset[str]
    message: str = ""
    url: str | None = None
    started: bool = True

    def covers(self, accounts: Sequence[Account]) -> bool:
        """Whether all of ``accounts`` may be read with it."""
        return {_key(account) for account in accounts} <= self.accounts

    def saying(self, psu_message: str | None) -> _Remembered:
        """Return it with the bank's newest words, if there are any."""
        return self.model_copy(update={"message": plain(psu_message)}) if psu_message else self


def _key(account: Account) -> str:
    return f"{iban(account.iban)}/{account.currency}"


class Consents:
    """The consents of one connection."""

    def __init__(
        self, name: str, settings: BerlinGroupSettings, wire: Wire, state: ConnectorState
    ) -> None:
        self._name = name
        self._settings = settings
        self._wire = wire
        self._state = state

    async def in_use(self, account: Account) -> str:
        """Return the id of the consent to read ``account`` with.

        Raises:
            Misconfigured: ``consent.missing``: a person has to give one first.
        """
        if self._settings.consent_id:
            return self._settings.consent_id
        remembered = await self._recall(_IN_USE)
        if remembered is None or not remembered.covers([account]):
            raise Misconfigured(self._name, "consent.missing", params={"account": account.id})
        return remembered.id

    async def ensure(self, accounts: Sequence[Account], now: datetime) -> Consent:
        """Return the consent in force for ``accounts``, or the one that waits for a person.

        Asks for a new one where none covers them or the one there was has ended.
        """
        if self._settings.consent_id:
            agreed = _Remembered(id=self._settings.consent_id, accounts=frozenset())
            answer = await self._ask_about(agreed)
            status = answer.consent_status if answer else "unknown"
            return Consent(agreed.id, is_valid=status == "valid", status=status)
        in_use = await self._recall(_IN_USE)
        if in_use and in_use.covers(accounts):
            answer = await self._ask_about(in_use)
            if answer and answer.consent_status == "valid":
                return Consent(in_use.id, is_valid=True, status="valid")
        waiting = await self._recall(_WAITING)
        if waiting and waiting.covers(accounts):
            answer = await self._ask_about(waiting)
            if answer and answer.consent_status in _UNDECIDED | {"valid"}:
                return await self._settle(waiting.saying(answer.psu_message), answer.consent_status)
        return await self._ask_for(accounts, now)

    async def _ask_about(self, remembered: _Remembered) -> ConsentAnswer | None:
        """Return how a consent stands at the bank; None when the bank knows none."""
        try:
            exchange = await self._wire.ask(
                Asking.ACCOUNT, "GET", f"/v1/consents/{quote(remembered.id, safe='')}/status"
            )
        except ConnectorError as error:
            if error.code in _GONE:
                return None
            raise
        return self._wire.read(ConsentAnswer, exchange)

    async def _ask_for(self, accounts: Sequence[Account], now: datetime) -> Consent:
        references = [{"iban": iban(a.iban), "currency": a.currency} for a in accounts]
        valid_until = (now + timedelta(days=self._settings.consent_days)).date()
        exchange = await self._wire.ask(
            Asking.CHANGE,
            "POST",
            "/v1/consents",
            expect=(201,),
            headers={**PREFERENCES, "PSU-IP-Address": str(self._settings.psu_ip_address)},
            body={
                "access": dict.fromkeys(("accounts", "balances", "transactions"), references),
                "recurringIndicator": True,
                "validUntil": valid_until.isoformat(),
                "frequencyPerDay": self._settings.consent_frequency_per_day,
                "combinedServiceIndicator": False,
            },
        )
        answer = self._wire.read(ConsentCreated, exchange)
        remembered = _Remembered(
            id=answer.consent_id,
            accounts=frozenset(_key(account) for account in accounts),
            url=_page(answer),
            started=not any(link in answer.links for link in START_LINKS),
        )
        return await self._settle(remembered.saying(answer.psu_message), answer.consent_status)

    async def _settle(self, remembered: _Remembered, status: str) -> Consent:
        """Keep a consent where it belongs, with its authorisation started."""
        if status == "valid":
            await self._state.put(_IN_USE, remembered.model_dump_json())
            await self._state.put(_WAITING, None)
            return Consent(remembered.id, is_valid=True, status=status)
        await self._state.put(_WAITING, remembered.model_dump_json())
        if not remembered.started:
            remembered = await self._started(remembered)
            await self._state.put(_WAITING, remembered.model_dump_json())
        return Consent(remembered.id, False, status, remembered.message, remembered.url)

    async def _started(self, remembered: _Remembered) -> _Remembered:
        """Start the authorisation; should that fail it is tried again when next asked about."""
        try:
            exchange = await self._wire.ask(
                Asking.CHANGE,
                "POST",
                f"/v1/consents/{quote(remembered.id, safe='')}/authorisations",
                expect=(201,),
                headers=PREFERENCES,
                body={},
            )
            answer = self._wire.read(Authorisation, exchange)
        except ConnectorError:
            return remembered
        return remembered.model_copy(update={"started": True}).saying(answer.psu_message)

    async def _recall(self, place: str) -> _Remembered | None:
        text = await self._state.get(place)
        if text is None:
            return None
        try:
            return _Remembered.model_validate_json(text)
        except ValidationError:
            return None


def _page(answer: ConsentCreated) -> str | None:
    """Return where the bank sends the person, when it does not follow our preference."""
    link = answer.links.get("scaRedirect")
    if link is None:
        return None
    try:
        parts = urlsplit(link.href)
    except ValueError:
        return None
    return link.href if parts.scheme == "https" and parts.hostname else None
