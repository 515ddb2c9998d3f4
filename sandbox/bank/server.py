"""Serves a bank over HTTP or HTTPS, and lets its faults strike."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import starlette.requests
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sandbox.bank.account_service import AccountService
from sandbox.bank.bank import Bank, Received
from sandbox.bank.certificates import Tls
from sandbox.bank.consent_service import ConsentService
from sandbox.bank.door import Door, Reply, Request
from sandbox.bank.faults import BEFORE, Fault, Planned
from sandbox.bank.messages import Answer, Operation
from sandbox.bank.notices import call_clients
from sandbox.bank.openapi import specification
from sandbox.bank.payment_service import PaymentService
from sandbox.bank.rules import Refusal
from sandbox.serving import Served, disconnected, drop_connection, serve_app

_MAX_BODY = 256 * 1024
_OVERSIZED = 64_000_001
_CHUNK = 1_000_000
_ELSEWHERE = "https://bank.invalid/"
_ANY_SIGNATURE = 'keyId="SN=1,CA=CN=nobody",algorithm="rsa-sha256",headers="digest",signature=""'


@dataclass(frozen=True, slots=True)
class Serving:
    """A bank that is open.

    Attributes:
        url: Where its API is, without a final slash.
    """

    url: str
    served: Served

    async def stop(self) -> None:
        """Close it and give the port back. Safe to call twice."""
        await self.served.stop()


async def serve(bank: Bank, *, port: int = 0, tls: Tls | None = None) -> Serving:
    """Open ``bank`` on the loopback interface, in the running event loop.

    Args:
        bank: What to serve; it may be worked on while it is served.
        port: 0 takes a free one.
        tls: Speak HTTPS, and ask for the client's certificate where it says so.

    Raises:
        OSError: The port is taken, or the OpenAPI file cannot be read.
    """
    if bank.openapi is not None:
        await asyncio.to_thread(specification, bank.openapi)  # it takes a second to parse
    context = None
    if tls is not None:
        with tempfile.TemporaryDirectory() as name:
            context = tls.context(Path(name))
    door = Door(bank)
    served = await serve_app(_application(bank, door), port=port, ssl=context)
    door.base_url = served.url
    return Serving(served.url, served)


def _application(bank: Bank, door: Door) -> Starlette:
    """Return the application: operations by their methods and paths."""
    payments, consents, accounts = PaymentService(bank), ConsentService(bank), AccountService(bank)
    product = "/v1/payments/{product}"
    payment = f"{product}/{{payment}}"
    authorising, cancelling = f"{payment}/authorisations", f"{payment}/cancellation-authorisations"
    consent, account = "/v1/consents/{consent}", "/v1/accounts/{account}"
    one = "/{authorisation}"
    table: list[tuple[str, str, str, Operation]] = [
        ("POST", product, "initiate", payments.initiate),
        ("GET", payment, "payment", payments.payment),
        ("DELETE", payment, "cancel", payments.cancel),
        ("GET", f"{payment}/status", "status", payments.status),
        ("POST", authorising, "authorise", payments.authorise),
        ("GET", authorising, "authorisations", payments.authorisations),
        ("GET", authorising + one, "sca", payments.sca),
        ("POST", cancelling, "authorise_cancellation", payments.authorise_cancellation),
        ("GET", cancelling, "cancellation_authorisations", payments.cancellation_authorisations),
        ("GET", cancelling + one, "cancellation_sca", payments.cancellation_sca),
        ("POST", "/v1/consents", "consent", consents.create),
        ("GET", consent, "consent_details", consents.details),
        ("DELETE", consent, "end_consent", consents.delete),
        ("GET", f"{consent}/status", "consent_status", consents.status),
        ("POST", f"{consent}/authorisations", "authorise_consent", consents.authorise),
        ("GET", f"{consent}/authorisations", "consent_authorisations", consents.authorisations),
        ("GET", f"{consent}/authorisations{one}", "consent_sca", consents.sca),
        ("GET", "/v1/accounts", "accounts", accounts.accounts),
        ("GET", account, "account", accounts.account),
        ("GET", f"{account}/balances", "balances", accounts.balances),
        ("GET", f"{account}/transactions", "transactions", accounts.transactions),
        ("GET", account + "/transactions/{transaction}", "transaction", accounts.transaction),
    ]
    routes = [
        Route(path, _Endpoint(bank, door, name, operation).handle, methods=[method])
        for method, path, name, operation in table
    ]
    nowhere = _nowhere(door)

    @asynccontextmanager
    async def calling(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(call_clients(bank))
        yield
        task.cancel()

    return Starlette(
        routes=routes, exception_handlers={404: nowhere, 405: nowhere}, lifespan=calling
    )


class _Endpoint:
    """One operation over HTTP."""

    def __init__(self, bank: Bank, door: Door, name: str, operation: Operation) -> None:
        self._bank = bank
        self._door = door
        self._name = name
        self._operation = operation

    async def handle(self, http: starlette.requests.Request) -> Response:
        """Answer one request, or spoil the answer as planned."""
        try:
            body = await _body(http)
        except starlette.requests.ClientDisconnect:
            # Half a request is none, and nobody is left to be told.
            return Response(status_code=400)
        if body is None:
            return Response(status_code=413)
        request = _request(self._name, http, body)
        planned = self._bank.faults.take(self._name)
        if planned is None:
            return _response(self._act(request))
        if planned.fault is Fault.SLOW:
            await asyncio.sleep(planned.seconds)
            return _response(self._act(request))
        announced = _announced(planned)
        if announced is not None:
            self._note(request, announced.status)
            return _response(self._door.reply(request, announced, checked=False))
        if planned.fault in BEFORE:
            self._note(request, 0)
            return await _silent(planned, http)
        return await _spoilt(planned, http, self._act(request))

    def _act(self, request: Request) -> Reply:
        reply = self._door.reply(request, self._door.answer(request, self._operation))
        self._note(request, reply.status)
        return reply

    def _note(self, request: Request, status: int) -> None:
        self._bank.requests.append(
            Received(
                request.operation,
                request.method,
                request.target,
                dict(request.headers),
                request.body,
                status,
            )
        )


async def _body(http: starlette.requests.Request) -> bytes | None:
    """Return the body, or None when it is too large."""
    body = bytearray()
    async for chunk in http.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return None
    return bytes(body)


def _request(name: str, http: starlette.requests.Request, body: bytes) -> Request:
    return Request(
        operation=name,
        method=http.method,
        path=http.url.path,
        target=http.url.path + (f"?{http.url.query}" if http.url.query else ""),
        parts=dict(http.path_params),
        query=dict(http.query_params),
        headers=dict(http.headers),
        body=body,
    )


def _response(reply: Reply) -> Response:
    return Response(reply.content, reply.status, reply.headers)


def _nowhere(
    door: Door,
) -> Callable[[starlette.requests.Request, Exception], Awaitable[Response]]:
    """Answer, in the API's own words, what no operation is for."""

    async def nowhere(http: starlette.requests.Request, error: Exception) -> Response:
        unknown = isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND
        refusal = Refusal(404, "RESOURCE_UNKNOWN") if unknown else Refusal(405, "SERVICE_INVALID")
        answer = Answer(refusal.status, refusal.body())
        return _response(door.reply(_request("nowhere", http, b""), answer, checked=False))

    return nowhere


def _announced(planned: Planned) -> Answer | None:
    """Return the answer by which a bank says itself that it did nothing."""
    match planned.fault:
        case Fault.REFUSE:
            refusal, headers = Refusal(planned.status, planned.code), {}
        case Fault.MAINTENANCE:
            refusal = Refusal(503, "SERVICE_UNAVAILABLE", "Maintenance until noon.")
            headers = {"Retry-After": "60"}
        case Fault.ACCESS_EXCEEDED:
            refusal, headers = Refusal(429, "ACCESS_EXCEEDED"), {"Retry-After": "1"}
        case Fault.REDIRECT:
            return Answer(302, None, {"Location": _ELSEWHERE})
        case _:
            return None
    return Answer(refusal.status, refusal.body(), headers)


async def _spoilt(planned: Planned, http: starlette.requests.Request, reply: Reply) -> Response:
    """Return what goes out instead of the answer to something that was done."""
    headers = dict(reply.headers)
    match planned.fault:
        case Fault.GARBAGE:
            return _response(replace(reply, content=b"<html>It works!</html>"))
        case Fault.WRONG_TYPE:
            return _response(replace(reply, headers=headers | {"Content-Type": "text/html"}))
        case Fault.OVERSIZED:
            headers["Content-Length"] = str(_OVERSIZED)
            return StreamingResponse(_filler(), reply.status, headers)
        case Fault.FORGED:
            signature = headers.get("Signature", _ANY_SIGNATURE)
            headers["Signature"] = signature.replace('signature="', 'signature="AAAA')
            return _response(replace(reply, headers=headers))
        case Fault.WRONG_REQUEST_ID:
            headers["X-Request-ID"] = str(uuid4())
            return _response(replace(reply, headers=headers))
        case _:
            return await _silent(planned, http)


async def _filler() -> AsyncIterator[bytes]:
    for start in range(0, _OVERSIZED, _CHUNK):
        yield b" " * min(_CHUNK, _OVERSIZED - start)


async def _silent(planned: Planned, http: starlette.requests.Request) -> Response:
    """End a call without a proper answer; what is returned after a silence reaches nobody."""
    if planned.fault in (Fault.DROP_BEFORE, Fault.DROP_AFTER):
        await drop_connection(http.scope, http.receive)
    elif planned.fault in (Fault.HANG_BEFORE, Fault.HANG_AFTER):
        await disconnected(http.receive)
    return Response(b'{"error":"internal"}', planned.status, media_type="application/json")
