"""The messages of NextGenPSD2: their shapes, and what the codes in them mean.

Source: Berlin Group, NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file, ``components/schemas``; the
message codes are those of the Implementation Guidelines. Only what is used is read, and whatever
is read is checked; the rest of a message may be anything.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from connectors.base import (
    ConnectorError,
    Indeterminate,
    Misconfigured,
    NotSent,
    Progress,
    Refused,
    Untrusted,
)
from connectors.http import HttpResponse
from connectors.money import Money

PROGRESS: Mapping[str, Progress] = {
    "RCVD": Progress.PENDING,
    "PDNG": Progress.PENDING,
    "PATC": Progress.PENDING,
    "ACTC": Progress.PENDING,
    "ACCP": Progress.PENDING,
    "ACFC": Progress.PENDING,
    "ACWC": Progress.PENDING,
    "ACWP": Progress.PENDING,
    "ACSP": Progress.PENDING,
    "PART": Progress.PENDING,
    "ACSC": Progress.SETTLED,
    "ACCC": Progress.SETTLED,
    "RJCT": Progress.REFUSED,
    "CANC": Progress.CANCELLED,
}
"""Every TransactionStatus of the standard. A code that is not here proves nothing: pending."""

FINAL_SCA = frozenset({"finalised", "failed", "exempted"})
"""Values of ``scaStatus`` after which nobody is waited for."""

_OURS_TO_MEND = frozenset(
    {
        "CERTIFICATE_INVALID",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_BLOCKED",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_MISSING",
        "SIGNATURE_INVALID",
        "SIGNATURE_MISSING",
        "KID_MISSING",
        "ROLE_INVALID",
        "TOKEN_UNKNOWN",
        "TOKEN_INVALID",
        "TOKEN_EXPIRED",
        "CONSENT_UNKNOWN",
        "CONSENT_INVALID",
        "CONSENT_EXPIRED",
        "PSU_CREDENTIALS_INVALID",
        "CORPORATE_ID_INVALID",
    }
)
_CODE = re.compile("[A-Za-z0-9_-]{1,60}", re.ASCII)
"""A bank's code. Ours have dots, so that none can pass for one of ours."""
_AMOUNT = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,3})?", re.ASCII)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_JSON_TYPES = frozenset({"application/json", "application/problem+json"})
_MAX_TEXT = 500


class Asking(Enum):
    """What a call is for, which decides what a failed one means."""

    SUBMIT = "submit"
    CHANGE = "change"
    PAYMENT = "payment"
    ACCOUNT = "account"

    @property
    def acts(self) -> bool:
        """Whether the bank may do something because of such a call."""
        return self in (Asking.SUBMIT, Asking.CHANGE)


def plain(text: str, limit: int = _MAX_TEXT) -> str:
    """Return ``text`` on one line, at most ``limit`` characters, without control characters.

    Also without the invisible ones that reorder or hide text (Unicode general category C).
    """
    spaced = " ".join(text[: 4 * limit].split())
    return "".join(c for c in spaced if unicodedata.category(c)[0] != "C")[:limit]


def _money(value: object) -> Money:
    if isinstance(value, dict):
        amount, currency = value.get("amount"), value.get("currency")
        if isinstance(amount, str) and isinstance(currency, str) and _AMOUNT.fullmatch(amount):
            return Money.parse(amount, currency)
    raise ValueError("not an amount with a currency")


def _date(value: object) -> date | None:
    if value is None or (isinstance(value, str) and _ISO_DATE.fullmatch(value)):
        return None if value is None else date.fromisoformat(value)
    raise ValueError("not a date")


def _moment(value: object) -> datetime | None:
    """When a balance last changed: only for show, so what cannot be read is left out."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else moment.astimezone(UTC)


def _segment(value: str) -> str:
    if value in (".", ".."):
        raise ValueError("not an identification")
    return value


def iban(value: str) -> str:
    """Return an IBAN as it is compared: upper case, no spaces."""
    return value.replace(" ", "").upper()


def _links(value: object) -> dict[str, object]:
    """Keep the links that are ones: banks add members of their own."""
    found = value if isinstance(value, dict) else {}
    return {
        name: link
        for name, link in found.items()
        if isinstance(link, dict) and isinstance(link.get("href"), str)
    }


def _messages(value: object) -> list[object]:
    """Keep the messages that are ones: in an answer that says yes they are only remarks."""
    found = value if isinstance(value, list) else []
    return [m for m in found if isinstance(m, dict) and isinstance(m.get("code"), str)]


Amount = Annotated[InstanceOf[Money], BeforeValidator(_money)]
Day = Annotated[date | None, BeforeValidator(_date)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Id = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,256}$"), AfterValidator(_segment)]
Code = Annotated[str, StringConstraints(pattern=f"^{_CODE.pattern}$")]
Iban = Annotated[str, StringConstraints(max_length=50), AfterValidator(iban)]


class Message(BaseModel):
    """Base of all shapes: names as the protocol spells them, unknown members ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, extra="ignore", hide_input_in_errors=True
    )


class Link(Message):
    """``hrefType``."""

    href: str


Links = Annotated[dict[str, Link], BeforeValidator(_links)]


class AccountReference(Message):
    """``accountReference``."""

    iban: Iban | None = None
    currency: str | None = None


class TppMessage(Message):
    """One of ``tppMessages``."""

    category: str = ""
    code: str
    text: str | None = None


Remarks = Annotated[list[TppMessage], BeforeValidator(_messages)]


class _Answer(Message):
    """What many answers share."""

    links: Links = Field(default_factory=dict, alias="_links")
    psu_message: str | None = None
    tpp_messages: Remarks = Field(default_factory=list)


class PaymentCreated(_Answer):
    """``paymentInitationRequestResponse-201``."""

    transaction_status: Code
    payment_id: Id


class PaymentStatus(_Answer):
    """``paymentInitiationStatusResponse-200_json``; a cancellation's 202 reads the same."""

    transaction_status: Code


class PaymentShown(Message):
    """``paymentInitiationWithStatusResponse``."""

    debtor_account: AccountReference
    instructed_amount: Amount
    creditor_account: AccountReference
    creditor_name: str
    end_to_end_identification: str | None = None
    transaction_status: Code | None = None


class Authorisation(_Answer):
    """``startScaprocessResponse`` and ``scaStatusResponse``."""

    sca_status: Code
    authorisation_id: Id | None = None


class ConsentAnswer(_Answer):
    """``consentStatusResponse-200``."""

    consent_status: Code


class ConsentCreated(ConsentAnswer):
    """``consentsResponse-201``."""

    consent_id: Id


class AccountDetails(AccountReference):
    """``accountDetails``."""

    resource_id: Id | None = None


class AccountList(Message):
    """``accountList``."""

    accounts: list[AccountDetails]


class BalanceElement(Message):
    """``balance``."""

    balance_amount: Amount
    balance_type: str
    last_change_date_time: Moment = None
    reference_date: Day = None


class BalancesAnswer(Message):
    """``readAccountBalanceResponse-200``."""

    account: AccountReference | None = None
    balances: list[BalanceElement]


class Transaction(Message):
    """``transactions``: one movement."""

    transaction_amount: Amount
    transaction_id: str | None = None
    entry_reference: str | None = None
    end_to_end_id: str | None = None
    booking_date: Day = None
    value_date: Day = None
    creditor_name: str | None = None
    creditor_account: AccountReference | None = None
    debtor_name: str | None = None
    debtor_account: AccountReference | None = None
    remittance_information_unstructured: str | None = None
    remittance_information_unstructured_array: list[str] = Field(default_factory=list)
    remittance_information_structured: str | None = None


class Report(Message):
    """``accountReport``."""

    booked: list[Transaction] = Field(default_factory=list)
    pending: list[Transaction] = Field(default_factory=list)
    links: Links = Field(default_factory=dict, alias="_links")


class TransactionsPage(Message):
    """``transactionsResponse-200_json``."""

    account: AccountReference | None = None
    transactions: Report
    balances: list[BalanceElement] = Field(default_factory=list)


class _Problem(Message):
    """``Error…_PIS`` and ``Error…_AIS``: RFC 7807."""

    type: str
    code: str
    title: str | None = None
    detail: str | None = None


class _Failure(Message):
    """``Error…_NG_PIS`` and ``Error…_NG_AIS``."""

    tpp_messages: list[TppMessage]

    @property
    def error(self) -> TppMessage | None:
        """The first message that is an error."""
        return next((m for m in self.tpp_messages if m.category == "ERROR"), None)


AnyMessage = TypeVar("AnyMessage", bound=BaseModel)


def read(shape: type[AnyMessage], connector: str, content: str | bytes) -> AnyMessage:
    """Read a JSON message of ``shape``.

    Raises:
        Untrusted: ``answer.malformed``: not JSON, ambiguous, or not of that shape.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        return shape.model_validate(
            json.loads(text, object_pairs_hook=_unambiguous, parse_constant=_no_constant)
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Untrusted(
            connector, "answer.malformed", plain(f"{where}: {first['type']}", 200)
        ) from None
    except (ValueError, RecursionError):
        raise Untrusted(connector, "answer.malformed", "not JSON") from None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice")
    return members


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def is_json(response: HttpResponse) -> bool:
    """Whether an answer says that it is JSON."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in _JSON_TYPES


@dataclass(frozen=True, slots=True)
class Complaint:
    """What the bank says is wrong: its code and its words."""

    code: str
    text: str


def complaint(response: HttpResponse) -> Complaint | None:
    """Return the first error a well-formed error answer names, or None."""
    if not is_json(response):
        return None
    try:
        if b"tppMessages" in response.content:
            error = read(_Failure, "", response.content).error
            code, text = (error.code, error.text) if error else ("", None)
        else:
            problem = read(_Problem, "", response.content)
            code, text = problem.code, problem.detail or problem.title
    except Untrusted:
        return None
    return Complaint(code, plain(text or "")) if _CODE.fullmatch(code) else None


def failure(
    connector: str, asking: Asking, response: HttpResponse, now: datetime
) -> ConnectorError:
    """Say what an answer means that is not the one hoped for.

    A refusal is believed only from a 4xx whose body is a well-formed error. 429 never acted (RFC
    6585 section 4); 503 only when the bank itself says ``SERVICE_UNAVAILABLE`` to this very
    request, because proxies use it for lost answers too.
    """
    status, said = response.status, complaint(response)
    code = said.code if said else None
    detail = said.text if said else ""
    params = {"status": str(status)} | _retry_after(response, now)

    def error(kind: type[ConnectorError], fallback: str) -> ConnectorError:
        return kind(connector, code or fallback, detail, params)

    if status == 429:
        return error(NotSent, "http.too_many_requests")
    if status == 503 and code == "SERVICE_UNAVAILABLE" and "x-request-id" in response.headers:
        return error(NotSent, "http.server_error")
    if status >= 500 or status == 408:
        return error(Indeterminate if asking.acts else NotSent, "http.server_error")
    if 400 <= status < 500 and said:
        return error(_meaning(asking, status, said.code), "answer.unexpected")
    if status in (401, 403) and not asking.acts:
        return error(Misconfigured, "http.unauthorized")
    return Untrusted(connector, "answer.unexpected", f"HTTP {status}", params)


def _meaning(asking: Asking, status: int, code: str) -> type[ConnectorError]:
    if status == 401 or code in _OURS_TO_MEND:
        return Misconfigured
    if asking is Asking.PAYMENT:
        return Indeterminate  # it does not tell us of the payment, which it may well have
    if asking is Asking.SUBMIT and status == 409:
        return Indeterminate  # a conflict, perhaps with this very payment
    return Refused


def _retry_after(response: HttpResponse, now: datetime) -> dict[str, str]:
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch("[0-9]{1,6}", value, re.ASCII):
        return {"retry_after": value}
    try:
        moment = parsedate_to_datetime(value)
        seconds = (moment - now).total_seconds()
    except (ValueError, TypeError):
        return {}
    return {"retry_after": str(max(0, min(int(seconds), 999_999)))}
