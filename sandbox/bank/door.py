"""What every request has to pass before an operation sees it, and every answer after.

Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file (header parameters and
message codes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from typing import Any
from uuid import uuid4

from sandbox.bank import signatures
from sandbox.bank.bank import Bank
from sandbox.bank.instructions import CODES
from sandbox.bank.messages import Answer, Call, Operation
from sandbox.bank.openapi import specification
from sandbox.bank.rules import Refusal

_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_PREFERENCES = tuple(
    f"tpp-{what}-preferred"
    for what in ("redirect", "decoupled", "explicit-authorisation", "rejection-nofunds")
)
_WITH_PSU = ("initiate", "consent")
_WITH_BODY = ("initiate", "consent")
_UNDER_CONSENT = ("accounts", "account", "balances", "transactions", "transaction")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in.

    Attributes:
        operation: What it asks for, by the names that faults go by.
        target: Path and query.
        headers: By lower-case name.
    """

    operation: str
    method: str
    path: str
    target: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer as it goes out."""

    status: int
    content: bytes
    headers: dict[str, str]


@dataclass
class Door:
    """The checks of one bank.

    Attributes:
        base_url: What links begin with where the bank makes them absolute.
    """

    bank: Bank
    base_url: str = ""
    _first_answers: dict[tuple[str, str, str], tuple[bytes, Answer]] = field(default_factory=dict)

    def answer(self, request: Request, operation: Operation) -> Answer:
        """Return what the bank says to a request; if it is in order, the bank has acted."""
        try:
            self._check(request)
            self.bank.advance()
            if request.method == "POST" and self.bank.replays_request_id:
                return self._once(request, operation)
            return operation(_call(request))
        except Refusal as refusal:
            return Answer(refusal.status, refusal.body())

    def reply(self, request: Request, answer: Answer, *, checked: bool = True) -> Reply:
        """Return ``answer`` as it goes out: linked, held against the OpenAPI file and signed.

        Args:
            request: What it answers.
            answer: What to say.
            checked: An answer that breaks the OpenAPI file becomes a 500 and a violation.
        """
        bank = self.bank
        asked = request.headers.get("x-request-id", "")
        request_id = asked if _UUID.fullmatch(asked) else str(uuid4())
        headers = {"X-Request-ID": request_id, **answer.headers}
        body = answer.body
        if bank.absolute_links:
            body = _absolute(body, self.base_url)
            if "Location" in headers:
                headers["Location"] = self.base_url + headers["Location"]
        content = b""
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        reply = Reply(answer.status, content, headers)
        if checked and self._violates(request, reply):
            refusal = Refusal(500, "INTERNAL_SERVER_ERROR")
            return self.reply(request, Answer(500, refusal.body()), checked=False)
        if bank.signs_answers_as is not None:
            headers |= signatures.sign(bank.signs_answers_as, request_id, content)
        return reply

    def _once(self, request: Request, operation: Operation) -> Answer:
        """Act, unless the very request was answered before."""
        key = (request.method, request.path, request.headers["x-request-id"].lower())
        known = self._first_answers.get(key)
        if known is not None:
            body, answer = known
            if body != request.body:
                raise Refusal(400, "FORMAT_ERROR", "was used for another request", "X-Request-ID")
            return answer
        answer = operation(_call(request))
        self._first_answers[key] = request.body, answer
        return answer

    def _check(self, request: Request) -> None:
        headers = request.headers
        if not _UUID.fullmatch(headers.get("x-request-id", "")):
            raise Refusal(400, "FORMAT_ERROR", "must be a UUID", "X-Request-ID")
        self._check_signature(request)
        if "product" in request.parts and request.parts["product"] not in CODES:
            raise Refusal(404, "PRODUCT_UNKNOWN", "no such payment product")
        if not _accepts_json(headers.get("accept", "*/*")):
            raise Refusal(406, "REQUESTED_FORMATS_INVALID", "answers are JSON", "Accept")
        if request.body or request.operation in _WITH_BODY:
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "must be JSON", "Content-Type")
        self._check_specification(request)
        _check_headers(request)

    def _check_signature(self, request: Request) -> None:
        bank = self.bank
        if bank.require_signature:
            signatures.verify(
                request.headers,
                request.body,
                authorities=bank.trusted_authorities,
                revoked=bank.revoked,
                now=bank.now(),
            )

    def _check_specification(self, request: Request) -> None:
        if self.bank.openapi is None:
            return
        faults = specification(self.bank.openapi).faults_of_request(
            request.method, request.path, request.query, request.headers, request.body
        )
        if faults:
            self.bank.bad_requests += [f"{request.method} {request.path}: {f}" for f in faults]
            raise Refusal(400, "FORMAT_ERROR", faults[0][:400])

    def _violates(self, request: Request, reply: Reply) -> bool:
        if self.bank.openapi is None:
            return False
        headers = {name.lower(): value for name, value in reply.headers.items()}
        faults = specification(self.bank.openapi).faults_of_answer(
            request.method, request.path, reply.status, headers, reply.content
        )
        where = f"{request.method} {request.path} {reply.status}"
        self.bank.violations += [f"{where}: {fault}" for fault in faults]
        return bool(faults)


def _call(request: Request) -> Call:
    return Call(request.parts, request.query, request.headers, request.body)


def _check_headers(request: Request) -> None:
    headers = request.headers
    address = headers.get("psu-ip-address")
    if address is None and request.operation in _WITH_PSU:
        raise Refusal(400, "FORMAT_ERROR", "is missing", "PSU-IP-Address")
    try:
        IPv4Address(address or "127.0.0.1")
    except AddressValueError:
        raise Refusal(400, "FORMAT_ERROR", "must be an IPv4 address", "PSU-IP-Address") from None
    if not headers.get("consent-id") and request.operation in _UNDER_CONSENT:
        raise Refusal(400, "FORMAT_ERROR", "is missing", "Consent-ID")
    for name in _PREFERENCES:
        if headers.get(name, "true") not in ("true", "false"):
            raise Refusal(400, "FORMAT_ERROR", "must be true or false", name)


def _accepts_json(header: str) -> bool:
    """Tell whether an Accept header takes JSON (RFC 9110 section 12.5.1, without weights of 0)."""
    for part in header.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        refused = any(re.fullmatch(r"q=0(\.0*)?", each) for each in parameters)
        if kind in ("*/*", "application/*", "application/json") and not refused:
            return True
    return False


def _absolute(value: Any, base: str) -> Any:
    """Return a body whose links begin with ``base``."""
    if isinstance(value, list):
        return [_absolute(each, base) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base + each if name == "href" else _absolute(each, base)
        for name, each in value.items()
    }
