"""Account information: what its operations take and answer.

Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file, ``/v1/accounts``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sandbox.bank.bank import Bank
from sandbox.bank.books import Account, Entry
from sandbox.bank.consents import Consent
from sandbox.bank.instructions import format_error
from sandbox.bank.messages import Answer, Call, links
from sandbox.bank.money import amount
from sandbox.bank.payments import Payment
from sandbox.bank.rules import Refusal

_IBAN = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}", re.ASCII)
_DAY = timedelta(days=1)
_BOOKED, _PENDING = ("booked", "both"), ("pending", "both")


class AccountService:
    """Operations on ``/v1/accounts``."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def accounts(self, call: Call) -> Answer:
        """``GET /v1/accounts``."""
        consent = self._consent(call, "accounts")
        shown = [
            self._details(account, consent, call)
            for account in self._bank.accounts.values()
            if account.iban in consent.access.accounts
        ]
        return Answer(200, {"accounts": shown})

    def account(self, call: Call) -> Answer:
        """``GET …/{account-id}``."""
        account, consent = self._account(call, "accounts")
        return Answer(200, {"account": self._details(account, consent, call)})

    def balances(self, call: Call) -> Answer:
        """``GET …/{account-id}/balances``."""
        account, _ = self._account(call, "balances")
        return Answer(200, {"account": _reference(account), "balances": self._balances(account)})

    def transactions(self, call: Call) -> Answer:
        """``GET …/{account-id}/transactions``."""
        account, consent = self._account(call, "transactions")
        booking_status = _booking_status(call)
        first, last = self._period(call)
        if call.flag("withBalance") and account.iban not in consent.access.balances:
            raise Refusal(401, "CONSENT_INVALID", "the consent does not cover balances")
        if not call.number("pageIndex", 0):
            self._bank.payments.look_at(account.iban)
        body: dict[str, Any] = {
            "account": _reference(account),
            "transactions": self._report(account, call, booking_status, first, last),
        }
        if call.flag("withBalance"):
            body["balances"] = self._balances_of(account, first, last)
        return Answer(200, body)

    def transaction(self, call: Call) -> Answer:
        """``GET …/{account-id}/transactions/{transactionId}``."""
        account, _ = self._account(call, "transactions")
        for entry in account.shown(self._bank.now()):
            if entry.id == call.parts["transaction"]:
                return Answer(200, {"transactionsDetails": self._booked(account, entry)})
        raise Refusal(404, "RESOURCE_UNKNOWN", "no such transaction")

    # ---- who may read what --------------------------------------------------------------------

    def _consent(self, call: Call, resource: str) -> Consent:
        # Further pages belong to the read that found the first.
        counted = not call.is_attended and not call.number("pageIndex", 0)
        return self._bank.consents.use(call.headers["consent-id"], resource, attended=not counted)

    def _account(self, call: Call, kind: str) -> tuple[Account, Consent]:
        consent = self._consent(call, f"{kind}:{call.parts['account']}")
        account = self._bank.books.by_resource(call.parts["account"])
        if account is None:
            raise Refusal(404, "RESOURCE_UNKNOWN", "no such account")
        access = consent.access
        covered = {
            "accounts": access.accounts,
            "balances": access.balances,
            "transactions": access.transactions,
        }
        if account.iban not in covered[kind]:
            raise Refusal(401, "CONSENT_INVALID", f"the consent does not cover its {kind}")
        return account, consent

    # ---- accounts and balances ----------------------------------------------------------------

    def _details(self, account: Account, consent: Consent, call: Call) -> dict[str, Any]:
        place = f"/v1/accounts/{account.id}"
        places = {}
        if account.iban in consent.access.balances:
            places["balances"] = f"{place}/balances"
        if account.iban in consent.access.transactions:
            places["transactions"] = f"{place}/transactions"
        details: dict[str, Any] = {
            "resourceId": account.id,
            "iban": account.iban,
            "currency": account.currency,
            "ownerName": account.owner,
            "product": "Business account",
            "cashAccountType": "CACC",
            "status": account.status,
            "bic": account.bic,
            "usage": "ORGA",
            "_links": links(places),
        }
        if call.flag("withBalance"):
            if account.iban not in consent.access.balances:
                raise Refusal(401, "CONSENT_INVALID", "the consent does not cover balances")
            details["balances"] = self._balances(account)
        return details

    def _balances(self, account: Account) -> list[dict[str, Any]]:
        """Return the balances of now, of this morning and of yesterday evening."""
        today = self._bank.books.day(self._bank.now())
        return [
            *self._interim(account),
            self._opening(account, today),
            self._closing(account, today - _DAY),
        ]

    def _balances_of(self, account: Account, first: date, last: date) -> list[dict[str, Any]]:
        """Return the balances that bracket a period; one not over yet has no closing balance."""
        if last < self._bank.books.day(self._bank.now()):
            return [self._opening(account, first), self._closing(account, last)]
        return [self._opening(account, first), *self._interim(account)]

    def _interim(self, account: Account) -> list[dict[str, Any]]:
        now = self._bank.now()
        booked = account.booked_by(now)
        changed = max((e.booked_at for e in account.shown(now)), default=None)
        return [
            _balance(account, booked, "interimBooked", changed=changed),
            # What the bank has not booked yet, hidden or on its way, cannot be spent.
            _balance(account, min(booked, account.available), "interimAvailable"),
        ]

    def _opening(self, account: Account, day: date) -> dict[str, Any]:
        minor = account.booked_by(self._bank.books.end_of(day - _DAY))
        return _balance(account, minor, "openingBooked", day=day)

    def _closing(self, account: Account, day: date) -> dict[str, Any]:
        minor = account.booked_by(self._bank.books.end_of(day))
        return _balance(account, minor, "closingBooked", day=day)

    # ---- transactions -------------------------------------------------------------------------

    def _period(self, call: Call) -> tuple[date, date]:
        today = self._bank.books.day(self._bank.now())
        first, last = call.day("dateFrom"), call.day("dateTo") or today
        if first is None:
            raise format_error("dateFrom", "is missing")
        if not today - self._bank.history <= first <= last:
            raise Refusal(400, "PERIOD_INVALID", "too far back, or ends before it begins")
        return first, last

    def _report(
        self, account: Account, call: Call, booking_status: str, first: date, last: date
    ) -> dict[str, Any]:
        bank = self._bank
        place = f"/v1/accounts/{account.id}"
        report: dict[str, Any] = {"_links": {}}
        places = {"account": place}
        page = call.number("pageIndex", 0)
        if booking_status in _BOOKED:
            size = min(call.number("itemsPerPage", bank.page_size, least=1), bank.page_size)
            entries = [
                entry
                for entry in account.shown(bank.now())
                if first <= bank.books.day(entry.booked_at) <= last
            ]
            shown = entries[page * size : (page + 1) * size]
            report["booked"] = [self._booked(account, entry) for entry in shown]
            places |= _pages(f"{place}/transactions", call, page, -(-len(entries) // size))
        if booking_status in _PENDING:
            pending = [] if page else bank.payments.pending(account.iban)
            report["pending"] = [self._pending(payment) for payment in pending]
        report["_links"] = links(places)
        return report

    def _booked(self, account: Account, entry: Entry) -> dict[str, Any]:
        day = self._bank.books.day(entry.booked_at).isoformat()
        side = "creditor" if entry.amount < 0 else "debtor"
        found: dict[str, Any] = {
            "transactionId": entry.id,
            "entryReference": entry.reference,
            "transactionAmount": amount(entry.amount, account.currency),
            "bookingDate": day,
            "valueDate": day,
            f"{side}Name": entry.party.name[:70],
            "bankTransactionCode": entry.code,
        }
        if entry.end_to_end_id:
            found["endToEndId"] = entry.end_to_end_id
        if entry.party.iban:
            found[f"{side}Account"] = _account_of(entry.party.iban)
        if entry.remittance:
            found["remittanceInformationUnstructured"] = entry.remittance
        return self._given(found)

    def _pending(self, payment: Payment) -> dict[str, Any]:
        order = payment.order
        found: dict[str, Any] = {
            "transactionAmount": amount(-order.amount, order.currency),
            "creditorName": order.creditor_name,
            "creditorAccount": _account_of(order.creditor_iban),
        }
        if order.end_to_end_id:
            found["endToEndId"] = order.end_to_end_id
        if order.remittance:
            found["remittanceInformationUnstructured"] = order.remittance
        return self._given(found)

    def _given(self, transaction: dict[str, Any]) -> dict[str, Any]:
        return {name: v for name, v in transaction.items() if name not in self._bank.omits}


def _booking_status(call: Call) -> str:
    for name in ("entryReferenceFrom", "deltaList"):
        if name in call.query:
            raise Refusal(400, "PARAMETER_NOT_SUPPORTED", "no delta access here", name)
    booking_status = call.query.get("bookingStatus")
    if booking_status in ("booked", "pending", "both"):
        return booking_status
    if booking_status in ("information", "all"):
        raise Refusal(400, "PARAMETER_NOT_SUPPORTED", "booked, pending or both", "bookingStatus")
    raise format_error("bookingStatus", "must be booked, pending or both")


def _pages(place: str, call: Call, page: int, pages: int) -> dict[str, str]:
    """Return the links from one page to the others, where there are others."""
    if pages <= 1:
        return {}
    numbers = {"first": 0, "previous": page - 1, "next": page + 1, "last": pages - 1}
    return {
        name: f"{place}?{urlencode({**call.query, 'pageIndex': str(number)})}"
        for name, number in numbers.items()
        if 0 <= number < pages
    }


def _balance(
    account: Account,
    minor: int,
    kind: str,
    *,
    day: date | None = None,
    changed: datetime | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "balanceAmount": amount(minor, account.currency),
        "balanceType": kind,
    }
    if day is not None:
        found["referenceDate"] = day.isoformat()
    if changed is not None:
        found["lastChangeDateTime"] = changed.isoformat()
    return found


def _reference(account: Account) -> dict[str, str]:
    return {"iban": account.iban, "currency": account.currency}


def _account_of(number: str) -> dict[str, str]:
    return {"iban": number} if _IBAN.fullmatch(number) else {"bban": number}
