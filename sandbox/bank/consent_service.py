"""Consents: what their operations take and answer.

Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file, ``/v1/consents``.
"""

from __future__ import annotations

from typing import Any

from sandbox.bank.authorisations import PSU_MESSAGE
from sandbox.bank.bank import Bank
from sandbox.bank.consents import Consent, ConsentStatus
from sandbox.bank.messages import (
    Answer,
    Call,
    created,
    sca_list,
    sca_started,
    sca_status,
    with_sca,
)


class ConsentService:
    """Operations on ``/v1/consents``."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def create(self, call: Call) -> Answer:
        """``POST /v1/consents``."""
        bank = self._bank
        psu_id = call.headers.get("psu-id")
        bank.check_psu(psu_id)
        explicitly = call.prefers("tpp-explicit-authorisation-preferred")
        starts = bank.consents.sca.starts_implicitly and not explicitly
        consent = bank.consents.create(call.json(), psu_id, starts_sca=starts)
        waits = consent.status is ConsentStatus.RECEIVED
        body: dict[str, Any] = {
            "consentStatus": consent.status,
            "consentId": consent.id,
            "_links": with_sca(_place(consent), consent.authorisations, waits),
        }
        return created(_place(consent), body, waits)

    def details(self, call: Call) -> Answer:
        """``GET …/{consentId}``."""
        consent = self._consent(call)
        body = {
            "access": consent.access.body,
            "recurringIndicator": consent.recurring,
            "validUntil": consent.valid_until.isoformat(),
            "frequencyPerDay": consent.frequency_per_day,
            "lastActionDate": consent.last_action.isoformat(),
            "consentStatus": consent.status,
        }
        return Answer(200, body)

    def status(self, call: Call) -> Answer:
        """``GET …/{consentId}/status``."""
        consent = self._looked_at(call)
        body: dict[str, Any] = {"consentStatus": consent.status}
        if consent.status is ConsentStatus.RECEIVED:
            body["psuMessage"] = PSU_MESSAGE
        return Answer(200, body)

    def delete(self, call: Call) -> Answer:
        """``DELETE …/{consentId}``."""
        self._bank.consents.terminate(self._consent(call))
        return Answer(204)

    def authorise(self, call: Call) -> Answer:
        """``POST …/{consentId}/authorisations``."""
        consent = self._consent(call)
        started = self._bank.consents.authorise(consent)
        return sca_started(started, f"{_place(consent)}/authorisations")

    def authorisations(self, call: Call) -> Answer:
        """``GET …/{consentId}/authorisations``."""
        return sca_list(self._consent(call).authorisations)

    def sca(self, call: Call) -> Answer:
        """``GET …/{consentId}/authorisations/{authorisationId}``."""
        return sca_status(self._looked_at(call).authorisations, call)

    def _consent(self, call: Call) -> Consent:
        return self._bank.consents.find(call.parts["consent"])

    def _looked_at(self, call: Call) -> Consent:
        consent = self._consent(call)
        self._bank.consents.advance(consent, looked=True)
        return consent


def _place(consent: Consent) -> str:
    return f"/v1/consents/{consent.id}"
