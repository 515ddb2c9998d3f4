"""Payment initiation: what its operations take and answer.

Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file, tag "Payment Initiation
Service (PIS)".
"""

from __future__ import annotations

from typing import Any

from sandbox.bank.authorisations import PSU_MESSAGE
from sandbox.bank.bank import Bank
from sandbox.bank.instructions import InstructionReader
from sandbox.bank.messages import (
    Answer,
    Call,
    created,
    links,
    sca_list,
    sca_started,
    sca_status,
    with_sca,
)
from sandbox.bank.payments import Payment, Status


class PaymentService:
    """Operations on ``/v1/payments``. They are synchronous: money never moves half-way."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def initiate(self, call: Call) -> Answer:
        """``POST …/{payment-product}``."""
        bank = self._bank
        bank.check_psu(call.headers.get("psu-id"))
        reader = InstructionReader(bank.accounts, extended_characters=bank.extended_characters)
        order = reader.read(call.parts["product"], call.json(), bank.books.day(bank.now()))
        explicitly = call.prefers("tpp-explicit-authorisation-preferred")
        payment = bank.payments.create(
            order,
            call.request_id,
            starts_sca=bank.sca.starts_implicitly and not explicitly,
            refuses_no_funds=call.prefers("tpp-rejection-nofunds-preferred"),
            notice_uri=call.headers.get("tpp-notification-uri"),
        )
        place = _place(payment)
        body: dict[str, Any] = {
            "transactionStatus": payment.status,
            "paymentId": payment.id,
            "_links": with_sca(place, payment.authorisations, payment.needs_sca),
        }
        if payment.status is Status.RJCT:
            body["psuMessage"] = payment.reason[:500]
        return created(place, body, payment.needs_sca)

    def status(self, call: Call) -> Answer:
        """``GET …/{paymentId}/status``."""
        payment = self._payment(call)
        self._bank.payments.look(payment)
        body: dict[str, Any] = {"transactionStatus": payment.status}
        if payment.status is Status.ACTC and payment.set_aside_at is not None:
            body["fundsAvailable"] = True
        if payment.status is Status.RJCT:
            body["psuMessage"] = payment.reason[:500] or "The payment was rejected."
        elif payment.status is Status.RCVD and payment.needs_sca:
            body["psuMessage"] = PSU_MESSAGE
        return Answer(200, body)

    def payment(self, call: Call) -> Answer:
        """``GET …/{paymentId}``."""
        payment = self._payment(call)
        return Answer(200, {**payment.order.body, "transactionStatus": payment.status})

    def cancel(self, call: Call) -> Answer:
        """``DELETE …/{paymentId}``."""
        payment = self._payment(call)
        if self._bank.payments.cancel(payment):
            return Answer(204)
        place = _place(payment)
        places = {
            "startAuthorisation": f"{place}/cancellation-authorisations",
            "self": place,
            "status": f"{place}/status",
        }
        return Answer(202, {"transactionStatus": payment.status, "_links": links(places)})

    def authorise(self, call: Call) -> Answer:
        """``POST …/{paymentId}/authorisations``."""
        payment = self._payment(call)
        started = self._bank.payments.authorise(payment)
        return sca_started(started, f"{_place(payment)}/authorisations")

    def authorisations(self, call: Call) -> Answer:
        """``GET …/{paymentId}/authorisations``."""
        return sca_list(self._payment(call).authorisations)

    def sca(self, call: Call) -> Answer:
        """``GET …/{paymentId}/authorisations/{authorisationId}``."""
        payment = self._payment(call)
        self._bank.payments.look(payment)
        return sca_status(payment.authorisations, call)

    def authorise_cancellation(self, call: Call) -> Answer:
        """``POST …/{paymentId}/cancellation-authorisations``."""
        payment = self._payment(call)
        started = self._bank.payments.authorise_cancellation(payment)
        return sca_started(started, f"{_place(payment)}/cancellation-authorisations")

    def cancellation_authorisations(self, call: Call) -> Answer:
        """``GET …/{paymentId}/cancellation-authorisations``."""
        return sca_list(self._payment(call).cancellations)

    def cancellation_sca(self, call: Call) -> Answer:
        """``GET …/{paymentId}/cancellation-authorisations/{authorisationId}``."""
        payment = self._payment(call)
        self._bank.payments.look(payment)
        return sca_status(payment.cancellations, call)

    def _payment(self, call: Call) -> Payment:
        return self._bank.payments.find(call.parts["product"], call.parts["payment"])


def _place(payment: Payment) -> str:
    return f"/v1/payments/{payment.order.product}/{payment.id}"
