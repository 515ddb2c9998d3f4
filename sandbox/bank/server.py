"""The bank's door: checks who calls and how, lets faults strike, signs what goes out."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.bank import signatures
from sandbox.bank.api import Answer, Api, Call, Operation
from sandbox.bank.bank import Bank, Received
from sandbox.bank.certificates import Tls
from sandbox.bank.faults import BEFORE, Fault, Planned
from sandbox.bank.openapi import specification
from sandbox.bank.rules import Refusal
from sandbox.serving import Served, disconnected, drop_connection, serve_app

_MOST_BODY = 1024 * 1024
_OVERSIZED = 64 * 1024 * 1024


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
    """Open ``bank`` on the loopback interface, in the running event loop."""
    context = None
    if tls is not None:
        with tempfile.TemporaryDirectory() as name:
            context = tls.context(Path(name))
    door = Door(bank)
    served = await serve_app(door.app, port=port, ssl=context)
    door.api.base_url = served.url
    return Serving(served.url, served)


class Door:
    """Every request passes here.

    Attributes:
        app: The ASGI application.
    """

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self.api = Api(bank)
        self._replays: dict[str, tuple[bytes, Answer]] = {}
        self.app: ASGIApp = Starlette(routes=self._routes())

    def _routes(self) -> list[Route]:
        api = self.api
        payment = "/v1/payments/{product}/{payment}"
        consent, account = "/v1/consents/{consent}", "/v1/accounts/{account}"
        cancelling = "/cancellation-authorisations"
        table: list[tuple[str, str, str, Operation]] = [
            ("POST", "/v1/payments/{product}", "initiate", api.initiate),
            ("GET", payment, "payment", api.payment),
            ("DELETE", payment, "cancel", api.cancel),
            ("GET", payment + "/status", "status", api.status),
            ("POST", payment + "/authorisations", "authorise", api.authorise_payment),
            ("GET", payment + "/authorisations/{authorisation}", "sca", api.payment_authorisation),
            ("POST", payment + cancelling, "authorise_cancellation", api.authorise_cancellation),
            (
                "GET",
                payment + cancelling + "/{authorisation}",
                "cancellation_sca",
                api.cancellation_authorisation,
            ),
            ("POST", "/v1/consents", "consent", api.consent),
            ("GET", consent, "consent_details", api.consent_details),
            ("DELETE", consent, "end_consent", api.end_consent),
            ("GET", consent + "/status", "consent_status", api.consent_status),
            ("POST", consent + "/authorisations", "authorise_consent", api.authorise_consent),
            (
                "GET",
                consent + "/authorisations/{authorisation}",
                "consent_sca",
                api.consent_authorisation,
            ),
            ("GET", "/v1/accounts", "accounts", api.accounts),
            ("GET", account, "account", api.account),
            ("GET", account + "/balances", "balances", api.balances),
            ("GET", account + "/transactions", "transactions", api.transactions),
        ]
        return [
            Route(path, self._endpoint(name, operation), methods=[method])
            for method, path, name, operation in table
        ]

    def _endpoint(
        self, name: str, operation: Operation
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            if len(body) > _MOST_BODY:
                return Response(status_code=413)
            call = Call(
                parts=dict(request.path_params),
                query=dict(request.query_params),
                headers={key.lower(): value for key, value in request.headers.items()},
                body=body,
            )
            return await self._handle(name, operation, request, call)

        return endpoint

    async def _handle(
        self, name: str, operation: Operation, request: Request, call: Call
    ) -> Response:
        planned = self._bank.faults.take(name)
        if planned is not None and planned.fault is Fault.SLOW:
            await asyncio.sleep(planned.seconds)
        if planned is not None and planned.fault in BEFORE:
            self._note(name, request, call, 0)
            return await _silent(planned, request)
        answer = self._refusal_of(planned) or self._answer(operation, request, call)
        self._note(name, request, call, answer.status)
        if planned is not None and planned.fault not in _ANNOUNCED:
            return await self._spoilt(planned, request, call, answer)
        return self._sent(request, call, answer)

    # ---- what is right ------------------------------------------------------------------------

    def _answer(self, operation: Operation, request: Request, call: Call) -> Answer:
        try:
            self._check(request, call)
            before = self._replays.get(call.headers["x-request-id"])
            if self._bank.replays_request_id and before is not None and request.method == "POST":
                if before[0] != call.body:
                    raise Refusal(400, "FORMAT_ERROR", "was used before", "X-Request-ID")
                return before[1]
            answer = operation(call)
        except Refusal as refusal:
            return Answer(refusal.status, refusal.body())
        if request.method == "POST":
            self._replays[call.request_id] = (call.body, answer)
        return answer

    def _check(self, request: Request, call: Call) -> None:
        try:
            UUID(call.headers.get("x-request-id", ""))
        except ValueError:
            raise Refusal(400, "FORMAT_ERROR", "must be a UUID", "X-Request-ID") from None
        bank = self._bank
        if bank.openapi is not None:
            faults = specification(bank.openapi).faults_of_request(
                request.method, request.url.path, call.query, call.headers, call.body
            )
            if faults:
                bank.bad_requests += [f"{request.method} {request.url.path}: {f}" for f in faults]
                raise Refusal(400, "FORMAT_ERROR", faults[0][:400])
        if bank.require_signature:
            signatures.verify(
                call.headers,
                call.body,
                authorities=bank.trusted_authorities,
                revoked=bank.revoked,
                now=bank.now(),
            )

    def _sent(self, request: Request, call: Call, answer: Answer) -> Response:
        """Return an answer in order, held against the OpenAPI file and signed if the bank signs."""
        bank = self._bank
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        headers = {"X-Request-ID": call.headers.get("x-request-id", ""), **answer.headers}
        if answer.body is not None:
            headers["Content-Type"] = "application/json"
        if bank.openapi is not None:
            faults = specification(bank.openapi).faults_of_answer(
                request.method,
                request.url.path,
                answer.status,
                {key.lower(): value for key, value in headers.items()},
                content,
            )
            if faults:
                bank.violations += [
                    f"{request.method} {request.url.path} {answer.status}: {f}" for f in faults
                ]
                return Response(status_code=500)
        if bank.signs_answers_as is not None:
            headers |= signatures.sign(bank.signs_answers_as, headers["X-Request-ID"], content)
        return Response(content, answer.status, headers)

    def _note(self, name: str, request: Request, call: Call, status: int) -> None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self._bank.requests.append(
            Received(name, request.method, target, dict(call.headers), call.body, status)
        )

    # ---- what goes wrong ----------------------------------------------------------------------

    @staticmethod
    def _refusal_of(planned: Planned | None) -> Answer | None:
        """Return the answer by which a bank says itself that it did nothing."""
        if planned is None:
            return None
        match planned.fault:
            case Fault.REFUSE:
                return Answer(planned.status, Refusal(planned.status, planned.code).body())
            case Fault.MAINTENANCE:
                body = Refusal(503, "SERVICE_UNAVAILABLE", "We are back at noon.").body()
                return Answer(503, body, {"Retry-After": "60"})
            case Fault.ACCESS_EXCEEDED:
                return Answer(429, Refusal(429, "ACCESS_EXCEEDED").body(), {"Retry-After": "1"})
            case Fault.REDIRECT:
                return Answer(302, None, {"Location": "https://elsewhere.test/"})
            case _:
                return None

    async def _spoilt(
        self, planned: Planned, request: Request, call: Call, answer: Answer
    ) -> Response:
        """Return what goes out instead of an answer to something that was done."""
        response = self._sent(request, call, answer)
        headers = {"X-Request-ID": call.headers.get("x-request-id", "")}
        match planned.fault:
            case Fault.GARBAGE:
                return Response(
                    b"<html>It works!</html>", answer.status, headers, "application/json"
                )
            case Fault.WRONG_TYPE:
                return Response(bytes(response.body), answer.status, headers, "text/html")
            case Fault.OVERSIZED:
                filler = b'{"paymentId":"' + b"x" * _OVERSIZED + b'"}'
                return Response(filler, answer.status, headers, "application/json")
            case Fault.FORGED:
                response.headers["Signature"] = response.headers.get(
                    "Signature", 'keyId="x",algorithm="rsa-sha256",headers="digest",signature="'
                ).replace('signature="', 'signature="AAAA')
                return response
            case Fault.WRONG_REQUEST_ID:
                response.headers["X-Request-ID"] = str(uuid4())
                return response
            case _:
                return await _silent(planned, request)


_ANNOUNCED = frozenset(
    {Fault.SLOW, Fault.REFUSE, Fault.MAINTENANCE, Fault.ACCESS_EXCEEDED, Fault.REDIRECT}
)
"""Faults whose answer is in order as an answer."""


async def _silent(planned: Planned, request: Request) -> Response:
    """End a call without a proper answer; what is returned after a silence reaches nobody."""
    if planned.fault in (Fault.DROP_BEFORE, Fault.DROP_AFTER):
        await drop_connection(request.scope, request.receive)
    elif planned.fault in (Fault.HANG_BEFORE, Fault.HANG_AFTER):
        await disconnected(request.receive)
    return Response(b'{"error":"internal"}', planned.status, media_type="application/json")
