"""Every request the connector can make, against the standard's own OpenAPI file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from tests.connectors.certificates import Identity
from tests.connectors.loopback import Request
from tests.connectors.test_berlin_group import (
    ACCOUNT,
    ACCOUNTS,
    DELETE,
    INSTRUCTION,
    MOVEMENT,
    NOW,
    PAYMENT,
    POST,
    SHOW,
    SHOWN,
    STATUS,
    Script,
    amount,
    bank,
    created,
    movements,
)

FILE = Path(__file__).parents[3] / "shared/specs/berlin-group/psd2-api_v1.3.11.yaml"
STARTS = {"startAuthorisation": {"href": "x"}}
STARTED = (201, {"scaStatus": "started", "authorisationId": "s"})


@pytest.fixture(scope="module")
def standard() -> OpenAPI:
    if not FILE.exists():
        pytest.skip("the standard's OpenAPI file is not beside this checkout")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    description = yaml.load(FILE.read_text(encoding="utf-8"), Loader=loader)
    description["servers"] = [{"url": "http://bank.test/psd2"}]
    return OpenAPI.from_dict(description)


def everything() -> Script:
    return (
        Script()
        .on(
            "POST /psd2/v1/consents",
            (201, {"consentStatus": "received", "consentId": "c", "_links": STARTS}),
        )
        .on("POST /psd2/v1/consents/c/authorisations", STARTED)
        .on("GET /psd2/v1/consents/c/status", (200, {"consentStatus": "valid"}))
        .on(POST, (201, created(_links=STARTS)))
        .on(f"{POST}/p-1/authorisations", STARTED)
        .on(f"GET /psd2{PAYMENT}/p-1/authorisations/s", (200, {"scaStatus": "started"}))
        .on(STATUS, (200, {"transactionStatus": "RCVD"}))
        .on(DELETE, (202, {"transactionStatus": "RCVD", "_links": STARTS}))
        .on(f"POST /psd2{PAYMENT}/p-1/cancellation-authorisations", STARTED)
        .on(SHOW, (200, SHOWN))
        .on("GET /psd2/v1/accounts", (200, ACCOUNTS))
        .on("GET .*/balances", (200, amount("1")))
        .on("GET .*/transactions.*", (200, movements(MOVEMENT)))
    )


def as_standard_sees_it(request: Request) -> MockRequest:
    parts = urlsplit(request.path)
    return MockRequest(
        "http://bank.test",
        request.method.lower(),
        parts.path,
        args=dict(parse_qsl(parts.query)),
        headers=dict(request.headers),
        data=request.body or None,
        content_type=request.headers.get("content-type", "application/json"),
    )


async def test_every_request_is_as_the_standard_describes_it(
    standard: OpenAPI, seal: Identity
) -> None:
    settings = {
        "consent_id": None,
        "psu_id": "anna",
        "psu_corporate_id": "example",
        "access_token": "t0ken",
        "sign_requests": True,
        "signing_certificate_file": seal.certificate_file,
        "signing_key_file": seal.key_file,
    }
    async with bank(everything(), **settings) as (connector, server):
        for _ in range(2):
            await connector.consent((ACCOUNT,), NOW)
        await connector.submit(INSTRUCTION)
        await connector.follow(INSTRUCTION, "p-1")
        await connector.cancel(INSTRUCTION, "p-1")
        await connector.receipt(INSTRUCTION, "p-1")
        await connector.balances(ACCOUNT)
        await connector.collect(ACCOUNT, date(2026, 3, 1), date(2026, 3, 2))
        await connector.enquire(INSTRUCTION, NOW)
    for request in server.requests:
        standard.validate_request(as_standard_sees_it(request))
    assert (
        len({(request.method, request.path.partition("?")[0]) for request in server.requests}) == 13
    )
