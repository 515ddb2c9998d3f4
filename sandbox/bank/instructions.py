"""Reads and checks the body of a payment initiation, as strictly as a bank.

Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file (``paymentInitiation_json``
and the table of data elements by product; "General Remarks on Data Types" for characters).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from schwifty import IBAN

from sandbox.bank.books import Account
from sandbox.bank.money import exponent, to_minor
from sandbox.bank.rules import Refusal

SEPA = "sepa-credit-transfers"
INSTANT = "instant-sepa-credit-transfers"
CROSS_BORDER = "cross-border-credit-transfers"
CODES = {SEPA: "PMNT-ICDT-ESCT", INSTANT: "PMNT-IRCT-ESCT", CROSS_BORDER: "PMNT-ICDT-XBCT"}
"""The products on offer, with their bank transaction codes."""

_SEPA_MAX = 99_999_999_999  # EPC rulebook: 999 999 999.99 EUR
_HORIZON = timedelta(days=365)
_BASIC = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*", re.ASCII)
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?", re.ASCII)
_FIELDS = frozenset(
    [
        "endToEndIdentification",
        "instructionIdentification",
        "debtorName",
        "debtorAccount",
        "ultimateDebtor",
        "instructedAmount",
        "creditorAccount",
        "creditorAgent",
        "creditorAgentName",
        "creditorName",
        "creditorAddress",
        "creditorId",
        "ultimateCreditor",
        "purposeCode",
        "chargeBearer",
        "remittanceInformationUnstructured",
        "remittanceInformationUnstructuredArray",
        "remittanceInformationStructured",
        "remittanceInformationStructuredArray",
        "requestedExecutionDate",
    ]
)
_ACCOUNT_FIELDS = frozenset(
    [
        "iban",
        "bban",
        "pan",
        "maskedPan",
        "msisdn",
        "other",
        "currency",
        "cashAccountType",
    ]
)


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """A single payment that passed every check; ``body`` is what the client sent."""

    product: str
    debtor_iban: str
    amount: int
    currency: str
    creditor_iban: str
    creditor_name: str
    end_to_end_id: str
    remittance: str
    execution_date: date | None
    body: dict[str, Any]


def checked_iban(value: object, path: str) -> str:
    """Return an IBAN with the right length, structure and check digits (mod 97).

    Raises:
        Refusal: ``FORMAT_ERROR``.
    """
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}", value):
        raise format_error(path, "must be an IBAN without spaces")
    try:
        return str(IBAN(value))
    except ValueError as error:
        raise format_error(path, f"not a valid IBAN: {error}") from None


def format_error(path: str, text: str) -> Refusal:
    """Return the refusal for a part of the body that breaks a rule."""
    return Refusal(400, "FORMAT_ERROR", f"{path}: {text}", path)


class InstructionReader:
    """Reads initiations for one bank's accounts."""

    def __init__(self, accounts: Mapping[str, Account], *, extended_characters: bool) -> None:
        self._accounts = accounts
        self._extended = extended_characters

    def read(self, product: str, body: object, today: date) -> CreditTransfer:
        """Return the payment ``body`` asks for.

        Raises:
            Refusal: ``FORMAT_ERROR``, ``RESOURCE_UNKNOWN`` (debtor account), ``SERVICE_BLOCKED``
                or ``EXECUTION_DATE_INVALID``.
        """
        if not isinstance(body, dict):
            raise format_error("body", "must be a JSON object")
        unknown = sorted(map(str, set(body) - _FIELDS))
        if unknown:
            raise format_error(unknown[0][:70], "is not an element of a payment initiation")
        debtor = self._debtor(body)
        currency, amount = self._amount(body, debtor, product)
        creditor = self._creditor(body, product)
        return CreditTransfer(
            product=product,
            debtor_iban=debtor.iban,
            amount=amount,
            currency=currency,
            creditor_iban=creditor,
            creditor_name=self._text(body, "creditorName", 70, required=True),
            end_to_end_id=self._reference(body, "endToEndIdentification"),
            remittance=self._text(body, "remittanceInformationUnstructured", 140),
            execution_date=_execution_date(body, today),
            body=body,
        )

    def _debtor(self, body: dict[str, Any]) -> Account:
        reference = _reference_to_account(body, "debtorAccount")
        account = self._accounts.get(checked_iban(reference.get("iban"), "debtorAccount.iban"))
        if account is None or account.status == "deleted":
            raise Refusal(400, "RESOURCE_UNKNOWN", "no such account here", "debtorAccount")
        if reference.get("currency", account.currency) != account.currency:
            raise Refusal(400, "RESOURCE_UNKNOWN", "not in this currency", "debtorAccount")
        if account.status != "enabled":
            raise Refusal(403, "SERVICE_BLOCKED", "the account is blocked", "debtorAccount")
        return account

    def _amount(self, body: dict[str, Any], debtor: Account, product: str) -> tuple[str, int]:
        path = "instructedAmount"
        given = body.get(path)
        if not isinstance(given, dict) or set(given) != {"currency", "amount"}:
            raise format_error(path, "must hold currency and amount")
        currency, text = given["currency"], given["amount"]
        try:
            exponent(currency if isinstance(currency, str) else "")
        except ValueError:
            raise format_error(f"{path}.currency", "is no ISO 4217 currency") from None
        if product != CROSS_BORDER and currency != "EUR":
            raise format_error(f"{path}.currency", f"{product} are made in EUR")
        if currency != debtor.currency:
            raise format_error(f"{path}.currency", f"this account pays in {debtor.currency}")
        try:
            amount = to_minor(text if isinstance(text, str) else "", currency)
        except ValueError as error:
            raise format_error(f"{path}.amount", str(error)) from None
        if amount <= 0 or (product != CROSS_BORDER and amount > _SEPA_MAX):
            raise format_error(f"{path}.amount", "out of bounds")
        return currency, amount

    def _creditor(self, body: dict[str, Any], product: str) -> str:
        reference = _reference_to_account(body, "creditorAccount")
        agent = body.get("creditorAgent")
        if agent is not None and not (isinstance(agent, str) and _BIC.fullmatch(agent)):
            raise format_error("creditorAgent", "must be a BIC")
        bearer = body.get("chargeBearer")
        if product != CROSS_BORDER:
            iban = checked_iban(reference.get("iban"), "creditorAccount.iban")
            if not IBAN(iban).in_sepa_zone:
                raise format_error("creditorAccount.iban", "is outside SEPA")
            if bearer not in (None, "SLEV"):
                raise format_error("chargeBearer", f"{product} share charges (SLEV)")
            return iban
        if bearer not in (None, "DEBT", "CRED", "SHAR"):
            raise format_error("chargeBearer", "must be DEBT, CRED or SHAR")
        return self._creditor_abroad(body, reference, agent)

    def _creditor_abroad(
        self, body: dict[str, Any], reference: dict[str, Any], agent: str | None
    ) -> str:
        """Return where a cross-border payment goes: a BIC is needed outside SEPA."""
        in_sepa = False
        if "iban" in reference:
            account = checked_iban(reference["iban"], "creditorAccount.iban")
            in_sepa = IBAN(account).in_sepa_zone
        else:
            account = self._text(reference, "bban", 30, required=True, under="creditorAccount.")
        if not in_sepa and agent is None:
            raise format_error("creditorAgent", "is needed for this creditor")
        address = body.get("creditorAddress")
        if address is not None:
            country = address.get("country") if isinstance(address, dict) else None
            if not isinstance(country, str) or not re.fullmatch("[A-Z]{2}", country):
                raise format_error("creditorAddress.country", "must be an ISO 3166 code")
        return account

    def _reference(self, body: dict[str, Any], name: str) -> str:
        value = self._text(body, name, 35)
        # EPC guidelines: a reference neither begins nor ends with a slash, nor holds two in a row.
        if value.startswith("/") or value.endswith("/") or "//" in value:
            raise format_error(name, "slashes may not stand at its ends or together")
        return value

    def _text(
        self,
        body: dict[str, Any],
        name: str,
        limit: int,
        *,
        required: bool = False,
        under: str = "",
    ) -> str:
        value, path = body.get(name), under + name
        if value is None and name not in body and not required:
            return ""
        if not isinstance(value, str) or not value.strip():
            raise format_error(path, "must be text")
        if len(value) > limit:
            raise format_error(path, f"is longer than {limit} characters")
        if not (value.isprintable() if self._extended else _BASIC.fullmatch(value)):
            raise format_error(path, "has characters this bank does not take")
        return value


def _reference_to_account(body: dict[str, Any], name: str) -> dict[str, Any]:
    reference = body.get(name)
    if not isinstance(reference, dict) or not reference:
        raise format_error(name, "must be an account reference")
    if not set(reference) <= _ACCOUNT_FIELDS:
        raise format_error(name, "has unknown elements")
    return reference


def _execution_date(body: dict[str, Any], today: date) -> date | None:
    name = "requestedExecutionDate"
    if name not in body:
        return None
    value = body[name]
    try:
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise format_error(name, "must be a date") from None
    if not today <= day <= today + _HORIZON:
        raise Refusal(400, "EXECUTION_DATE_INVALID", f"not from {today} within a year", name)
    return day
