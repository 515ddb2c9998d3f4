"""The bank's API: what each operation of NextGenPSD2 1.3.11 takes and answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sandbox.bank.authorisations import Authorisation
from sandbox.bank.bank import Bank
from sandbox.bank.books import Account, Entry
from sandbox.bank.consents import Consent
from sandbox.bank.instructions import InstructionReader, format_error
from sandbox.bank.money import amount
from sandbox.bank.payments import Payment, Status
from sandbox.bank.rules import Refusal

PRODUCTS = (
    "sepa-credit-transfers",
    "instant-sepa-credit-transfers",
    "cross-border-credit-transfers",
)
_ASKS = "Please confirm in your banking app."
_MOST_ITEMS = 200


@dataclass(frozen=True)
class Call:
    """A request whose headers and signature were checked.

    Attributes:
        headers: By lower-case name.
        parts: The variable parts of the path.
    """

    parts: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """``X-Request-ID``."""
        return self.headers["x-request-id"]

    def json(self) -> Any:
        """Return the body; raises `Refusal` when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise format_error("body", "must be JSON") from None


@dataclass(frozen=True)
class Answer:
    """What is answered, before it is signed or spoiled."""

    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


Operation = Callable[[Call], Answer]


class Api:
    """The operations of one bank. They are synchronous: money never moves half-way.

    Attributes:
        base_url: What absolute links begin with.
    """

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self.base_url = ""

    # ---- payments -----------------------------------------------------------------------------

    def initiate(self, call: Call) -> Answer:
        """``POST /v1/payments/{product}``."""
        bank = self._bank
        product = self._product(call)
        if "psu-ip-address" not in call.headers:
            raise Refusal(400, "FORMAT_ERROR", "is missing", "PSU-IP-Address")
        self._check_psu(call)
        reader = InstructionReader(bank.accounts, extended_characters=bank.extended_characters)
        order = reader.read(product, call.json(), bank.books.day(bank.now()))
        if order.creditor_iban in bank.closed_creditors:
            reason = bank.closed_creditors[order.creditor_iban]
            payment = bank.payments.create(
                order, call.request_id, starts_sca=False, refuses_no_funds=False
            )
            bank.payments.reject(payment, reason)
            return self._initiated(payment)
        prefers = call.headers.get("tpp-rejection-nofunds-preferred", "").lower() == "true"
        payment = bank.payments.create(
            order,
            call.request_id,
            starts_sca=self._starts_sca(call),
            refuses_no_funds=prefers,
        )
        return self._initiated(payment)

    def _initiated(self, payment: Payment) -> Answer:
        place = _place(payment)
        links = {"self": place, "status": f"{place}/status"}
        body: dict[str, Any] = {
            "transactionStatus": payment.status,
            "paymentId": payment.id,
            "_links": self._with_sca(links, place, payment.needs_sca, payment.authorisations),
        }
        if payment.status is Status.RCVD and payment.needs_sca:
            body["psuMessage"] = _ASKS
        headers = {"Location": place, "ASPSP-SCA-Approach": "DECOUPLED"}
        return Answer(201, body, headers)

    def status(self, call: Call) -> Answer:
        """``GET /v1/payments/{product}/{paymentId}/status``."""
        payment = self._payment(call)
        self._bank.payments.look(payment)
        body: dict[str, Any] = {"transactionStatus": payment.status}
        if payment.status is Status.RJCT:
            body["psuMessage"] = payment.reason[:500] or "The payment was rejected."
        elif payment.status is Status.RCVD and payment.needs_sca:
            body["psuMessage"] = _ASKS
        return Answer(200, body)

    def payment(self, call: Call) -> Answer:
        """``GET /v1/payments/{product}/{paymentId}``."""
        payment = self._payment(call)
        self._bank.payments.advance(payment)
        return Answer(200, {**payment.order.body, "transactionStatus": payment.status})

    def cancel(self, call: Call) -> Answer:
        """``DELETE /v1/payments/{product}/{paymentId}``."""
        payment = self._payment(call)
        if self._bank.payments.cancel(payment):
            return Answer(204)
        links = {"startAuthorisation": f"{_place(payment)}/cancellation-authorisations"}
        return Answer(202, {"transactionStatus": payment.status, "_links": self._links(links)})

    def authorise_payment(self, call: Call) -> Answer:
        """``POST …/{paymentId}/authorisations``."""
        payment = self._payment(call)
        started = self._bank.payments.authorise(payment)
        return self._started(started, f"{_place(payment)}/authorisations")

    def payment_authorisation(self, call: Call) -> Answer:
        """``GET …/{paymentId}/authorisations/{authorisationId}``."""
        payment = self._payment(call)
        self._bank.payments.look(payment)
        return self._sca(payment.authorisations, call)

    def authorise_cancellation(self, call: Call) -> Answer:
        """``POST …/{paymentId}/cancellation-authorisations``."""
        payment = self._payment(call)
        started = self._bank.payments.authorise_cancellation(payment)
        return self._started(started, f"{_place(payment)}/cancellation-authorisations")

    def cancellation_authorisation(self, call: Call) -> Answer:
        """``GET …/{paymentId}/cancellation-authorisations/{authorisationId}``."""
        payment = self._payment(call)
        self._bank.payments.look(payment)
        return self._sca(payment.cancellations, call)

    # ---- consents -----------------------------------------------------------------------------

    def consent(self, call: Call) -> Answer:
        """``POST /v1/consents``."""
        self._check_psu(call)
        made = self._bank.consents.create(
            call.json(), call.headers.get("psu-id"), starts_sca=self._starts_sca(call)
        )
        place = f"/v1/consents/{made.id}"
        waits = made.status == "received"
        links = {"self": place, "status": f"{place}/status"}
        body: dict[str, Any] = {
            "consentStatus": made.status,
            "consentId": made.id,
            "_links": self._with_sca(links, place, waits, made.authorisations),
        }
        if waits:
            body["psuMessage"] = _ASKS
        return Answer(201, body, {"Location": place, "ASPSP-SCA-Approach": "DECOUPLED"})

    def consent_status(self, call: Call) -> Answer:
        """``GET /v1/consents/{consentId}/status``."""
        return Answer(200, {"consentStatus": self._consent(call).status})

    def consent_details(self, call: Call) -> Answer:
        """``GET /v1/consents/{consentId}``."""
        found = self._consent(call)
        return Answer(
            200,
            {
                "access": found.access.body,
                "recurringIndicator": found.recurring,
                "validUntil": found.valid_until.isoformat(),
                "frequencyPerDay": found.frequency_per_day,
                "lastActionDate": found.last_action.isoformat(),
                "consentStatus": found.status,
            },
        )

    def end_consent(self, call: Call) -> Answer:
        """``DELETE /v1/consents/{consentId}``."""
        self._bank.consents.terminate(self._consent(call))
        return Answer(204)

    def authorise_consent(self, call: Call) -> Answer:
        """``POST /v1/consents/{consentId}/authorisations``."""
        found = self._consent(call)
        started = self._bank.consents.authorise(found)
        return self._started(started, f"/v1/consents/{found.id}/authorisations")

    def consent_authorisation(self, call: Call) -> Answer:
        """``GET /v1/consents/{consentId}/authorisations/{authorisationId}``."""
        return self._sca(self._consent(call).authorisations, call)

    # ---- accounts -----------------------------------------------------------------------------

    def accounts(self, call: Call) -> Answer:
        """``GET /v1/accounts``."""
        consent = self._use(call, "accounts")
        shown = [
            self._account_details(account)
            for account in self._bank.accounts.values()
            if account.iban in consent.access.accounts
        ]
        return Answer(200, {"accounts": shown})

    def account(self, call: Call) -> Answer:
        """``GET /v1/accounts/{account-id}``."""
        account = self._account(call, "accounts")
        return Answer(200, {"account": self._account_details(account)})

    def balances(self, call: Call) -> Answer:
        """``GET /v1/accounts/{account-id}/balances``."""
        account = self._account(call, "balances")
        self._bank.advance()
        return Answer(200, {"account": _reference(account), "balances": self._balances(account)})

    def transactions(self, call: Call) -> Answer:
        """``GET /v1/accounts/{account-id}/transactions``."""
        account = self._account(call, "transactions")
        bank = self._bank
        bank.payments.look_at(account.iban)
        status = call.query.get("bookingStatus")
        if status not in ("booked", "pending", "both"):
            code = "PARAMETER_NOT_SUPPORTED" if status else "FORMAT_ERROR"
            raise Refusal(400, code, "booked, pending or both", "bookingStatus")
        first, last = self._period(call)
        report = self._report(account, call, status, first, last)
        body: dict[str, Any] = {"account": _reference(account), "transactions": report}
        if call.query.get("withBalance") == "true":
            body["balances"] = self._balances(account)
        return Answer(200, body)

    def _period(self, call: Call) -> tuple[date, date]:
        today = self._bank.books.day(self._bank.now())
        first = _day(call.query.get("dateFrom"), "dateFrom")
        last = _day(call.query.get("dateTo") or today.isoformat(), "dateTo")
        if first < today - self._bank.history or first > last:
            raise Refusal(400, "PERIOD_INVALID", "too far back, or ends before it begins")
        return first, last

    def _report(
        self, account: Account, call: Call, status: str, first: date, last: date
    ) -> dict[str, Any]:
        bank = self._bank
        entries = [
            entry
            for entry in account.shown(bank.now())
            if first <= bank.books.day(entry.booked_at) <= last
        ]
        size = min(_number(call, "itemsPerPage", bank.page_size), bank.page_size, _MOST_ITEMS)
        page = _number(call, "pageIndex", 0)
        place = f"/v1/accounts/{account.id}"
        links = {"account": place}
        report: dict[str, Any] = {}
        if status in ("booked", "both"):
            shown = entries[page * size : (page + 1) * size]
            report["booked"] = [self._transaction(account, entry) for entry in shown]
            query = "&".join(f"{k}={v}" for k, v in call.query.items() if k != "pageIndex")
            if (page + 1) * size < len(entries):
                links["next"] = f"{place}/transactions?{query}&pageIndex={page + 1}"
            if page:
                links["previous"] = f"{place}/transactions?{query}&pageIndex={page - 1}"
        if status in ("pending", "both"):
            found = bank.payments.pending(account.iban)
            report["pending"] = [self._pending(each) for each in found if each.is_open]
        report["_links"] = self._links(links)
        return report

    def _transaction(self, account: Account, entry: Entry) -> dict[str, Any]:
        day = self._bank.books.day(entry.booked_at).isoformat()
        side = "creditor" if entry.amount < 0 else "debtor"
        found: dict[str, Any] = {
            "transactionId": entry.id,
            "entryReference": entry.reference,
            "transactionAmount": amount(entry.amount, account.currency),
            "bookingDate": day,
            "valueDate": day,
            f"{side}Name": entry.party.name,
            "bankTransactionCode": entry.code,
        }
        if entry.end_to_end_id:
            found["endToEndId"] = entry.end_to_end_id
        if entry.party.iban:
            found[f"{side}Account"] = {"iban": entry.party.iban}
        if entry.remittance:
            found["remittanceInformationUnstructured"] = entry.remittance
        return {name: value for name, value in found.items() if name not in self._bank.omits}

    def _pending(self, payment: Payment) -> dict[str, Any]:
        order = payment.order
        found: dict[str, Any] = {
            "transactionAmount": amount(-order.amount, order.currency),
            "creditorName": order.creditor_name,
            "creditorAccount": {"iban": order.creditor_iban},
        }
        if order.end_to_end_id:
            found["endToEndId"] = order.end_to_end_id
        return {name: value for name, value in found.items() if name not in self._bank.omits}

    # ---- what they share ----------------------------------------------------------------------

    def _product(self, call: Call) -> str:
        product = call.parts["product"]
        if product not in PRODUCTS:
            raise Refusal(404, "PRODUCT_UNKNOWN", "no such payment product")
        return product

    def _payment(self, call: Call) -> Payment:
        return self._bank.payments.find(self._product(call), call.parts["payment"])

    def _consent(self, call: Call) -> Consent:
        found = self._bank.consents.find(call.parts["consent"])
        self._bank.consents.advance(found, looked=True)
        return found

    def _check_psu(self, call: Call) -> None:
        known = self._bank.psu_ids
        if known is not None and call.headers.get("psu-id") not in known:
            raise Refusal(401, "PSU_CREDENTIALS_INVALID", "PSU-ID is missing or unknown")

    @staticmethod
    def _attended(call: Call) -> bool:
        return "psu-ip-address" in call.headers

    def _starts_sca(self, call: Call) -> bool:
        asked = call.headers.get("tpp-explicit-authorisation-preferred", "").lower() == "true"
        return self._bank.sca.starts_implicitly and not asked

    def _use(self, call: Call, resource: str) -> Consent:
        consent_id = call.headers.get("consent-id")
        if not consent_id:
            raise Refusal(400, "FORMAT_ERROR", "is missing", "Consent-ID")
        found = self._bank.consents.all.get(consent_id)
        if found is not None:
            self._bank.consents.advance(found)
        return self._bank.consents.use(consent_id, resource, attended=self._attended(call))

    def _account(self, call: Call, kind: str) -> Account:
        account = self._bank.books.by_resource(call.parts["account"])
        consent = self._use(call, f"{kind}:{call.parts['account']}")
        if account is None:
            raise Refusal(404, "RESOURCE_UNKNOWN", "no such account")
        if account.iban not in getattr(consent.access, kind):
            raise Refusal(401, "CONSENT_INVALID", "the consent does not cover it")
        return account

    def _account_details(self, account: Account) -> dict[str, Any]:
        place = f"/v1/accounts/{account.id}"
        return {
            "resourceId": account.id,
            "iban": account.iban,
            "currency": account.currency,
            "ownerName": account.owner,
            "status": account.status,
            "_links": self._links(
                {"balances": f"{place}/balances", "transactions": f"{place}/transactions"}
            ),
        }

    def _balances(self, account: Account) -> list[dict[str, Any]]:
        now = self._bank.now()
        booked = account.booked_by(now)
        return [
            self._balance(booked, account, "interimBooked", now),
            self._balance(
                booked - sum(account.reserved.values()), account, "interimAvailable", now
            ),
        ]

    def _balance(self, minor: int, account: Account, kind: str, now: datetime) -> dict[str, Any]:
        return {
            "balanceAmount": amount(minor, account.currency),
            "balanceType": kind,
            "referenceDate": self._bank.books.day(now).isoformat(),
        }

    def _started(self, started: Authorisation, place: str) -> Answer:
        links = {"scaStatus": f"{place}/{started.id}"}
        body = {
            "scaStatus": started.status,
            "authorisationId": started.id,
            "psuMessage": _ASKS,
            "_links": self._links(links),
        }
        return Answer(201, body, {"ASPSP-SCA-Approach": "DECOUPLED"})

    @staticmethod
    def _sca(authorisations: Mapping[str, Authorisation], call: Call) -> Answer:
        found = authorisations.get(call.parts["authorisation"])
        if found is None:
            raise Refusal(404, "RESOURCE_UNKNOWN", "no such authorisation")
        return Answer(200, {"scaStatus": found.status})

    def _with_sca(
        self,
        links: dict[str, str],
        place: str,
        waits: bool,
        authorisations: Mapping[str, Authorisation],
    ) -> dict[str, Any]:
        if waits and authorisations:
            links["scaStatus"] = f"{place}/authorisations/{next(iter(authorisations))}"
        elif waits:
            links["startAuthorisation"] = f"{place}/authorisations"
        return self._links(links)

    def _links(self, places: Mapping[str, str]) -> dict[str, Any]:
        base = self.base_url if self._bank.absolute_links else ""
        return {name: {"href": base + place} for name, place in places.items()}


def _place(payment: Payment) -> str:
    return f"/v1/payments/{payment.order.product}/{payment.id}"


def _reference(account: Account) -> dict[str, str]:
    return {"iban": account.iban, "currency": account.currency}


def _day(text: str | None, name: str) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise Refusal(400, "FORMAT_ERROR", "must be an ISO date", name) from None


def _number(call: Call, name: str, otherwise: int) -> int:
    text = call.query.get(name, str(otherwise))
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Refusal(400, "FORMAT_ERROR", "must be a number", name)
    return int(text)
