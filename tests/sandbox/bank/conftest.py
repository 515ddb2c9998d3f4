"""A bank, a clock that stands still, and a client that knows nothing but HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sandbox.bank import Account, Bank, Phone, Sca, Serving, serve
from sandbox.bank.certificates import Identity, authority, issue

OPENAPI = Path(__file__).parents[4] / "shared/specs/berlin-group/psd2-api_v1.3.11.yaml"
EUR = "DE40100100103307118608"
USD = "DE89370400440532013000"
CREDITOR = "DE02100100109307118603"
PAYMENTS = "/v1/payments/sepa-credit-transfers"
ALICE = {"PSU-ID": "alice"}


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 2, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


def payment(**changes: Any) -> dict[str, Any]:
    """The body of a payment; a change to None leaves an element out."""
    body = {
        "endToEndIdentification": "E2E-1",
        "debtorAccount": {"iban": EUR},
        "instructedAmount": {"currency": "EUR", "amount": "123.50"},
        "creditorAccount": {"iban": CREDITOR},
        "creditorName": "ACME Ltd",
        "remittanceInformationUnstructured": "INV-7",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


@dataclass
class Client:
    """Calls the bank; every call has its own X-Request-ID, and the bank has to echo it."""

    bank: Bank
    serving: Serving
    http: httpx.AsyncClient
    consent_id: str = ""

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        request_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        request_id = request_id or str(uuid4())
        sent = {"X-Request-ID": request_id, "PSU-IP-Address": "192.0.2.7", **(headers or {})}
        if self.consent_id:
            sent.setdefault("Consent-ID", self.consent_id)
        content = b""
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name: value for name, value in sent.items() if value != "absent"}
        answer = await self.http.request(method, path, content=content, headers=named)
        assert answer.headers["X-Request-ID"] == request_id
        return answer

    async def get(self, path: str, **headers: str) -> Any:
        answer = await self.call("GET", path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def pay(self, **changes: Any) -> dict[str, Any]:
        answer = await self.call("POST", PAYMENTS, payment(**changes))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def status(self, made: dict[str, Any]) -> str:
        shown = await self.get(made["_links"]["status"]["href"])
        return str(shown["transactionStatus"])

    async def consented(self, **changes: Any) -> str:
        """Get a consent for everything, confirm it, and use it from now on."""
        answer = await self.call("POST", "/v1/consents", consent(**changes))
        assert answer.status_code == 201, answer.text
        self.consent_id = str(answer.json()["consentId"])
        if answer.json()["consentStatus"] == "received":
            self.bank.confirm(self.consent_id)
        return self.consent_id

    def account(self, iban: str = EUR) -> str:
        return f"/v1/accounts/{self.bank.accounts[iban].id}"

    async def transactions(self, query: str = "", iban: str = EUR) -> Any:
        parameters = f"bookingStatus=both&dateFrom=2026-01-01{query}"
        return await self.get(f"{self.account(iban)}/transactions?{parameters}")

    async def balance(self, kind: str, iban: str = EUR) -> str:
        answer = await self.get(f"{self.account(iban)}/balances")
        [found] = [b for b in answer["balances"] if b["balanceType"] == kind]
        return str(found["balanceAmount"]["amount"])


def consent(**changes: Any) -> dict[str, Any]:
    everything = [{"iban": EUR}, {"iban": USD}]
    return {
        "access": {"balances": everything, "transactions": everything},
        "recurringIndicator": True,
        "validUntil": "2026-05-31",
        "frequencyPerDay": 4,
        "combinedServiceIndicator": False,
        **changes,
    }


def codes(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    [message] = answer.json()["tppMessages"]
    assert message["category"] == "ERROR"
    return answer.status_code, message["code"]


Open = Callable[..., Coroutine[Any, Any, Client]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def opened(clock: Clock) -> AsyncIterator[Open]:
    """Open banks by rules; none may break the OpenAPI file, where that is at hand."""
    async with AsyncExitStack() as stack:

        async def make(**rules: Any) -> Client:
            given: dict[str, Any] = {
                "open_accounts": [
                    Account(EUR, "EUR", "Example GmbH", 1_000_00),
                    Account(USD, "USD", "Example GmbH", 500_00),
                ],
                "now": clock,
                "openapi": OPENAPI if OPENAPI.exists() else None,
                "sca": Sca(Phone.EXEMPT),
                "settles_after_polls": 0,
                **rules,
            }
            bank = Bank(**given)
            serving = await serve(bank)
            stack.push_async_callback(serving.stop)
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=serving.url))
            stack.callback(lambda: _no_violations(bank))
            return Client(bank, serving, http)

        yield make


def _no_violations(bank: Bank) -> None:
    assert bank.violations == []


@pytest.fixture
async def client(opened: Open) -> Client:
    """A client of a bank that pays at once and asks nobody."""
    return await opened()


@dataclass(frozen=True)
class Certificates:
    authority: Identity
    stranger: Identity
    bank: Identity
    tpp: Identity


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    root = authority("Sandbox CA")
    return Certificates(
        root,
        authority("Another CA"),
        issue(root, "bank", host="127.0.0.1"),
        issue(root, "TPP, Ltd"),
    )
