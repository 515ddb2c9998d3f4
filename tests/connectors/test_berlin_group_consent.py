from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from connectors.api.berlin_group import BerlinGroup
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.base import Account, Consent, Misconfigured, NotSent, Untrusted
from tests.connectors.loopback import Loopback, loopback
from tests.connectors.test_berlin_group import ACCOUNT, NOW, Memory, Script, bank, complaint

OTHER = replace(ACCOUNT, id="reserve", currency="USD")
ASK = "POST /psd2/v1/consents"
STARTS = {"startAuthorisation": {"href": "/v1/consents/c-1/authorisations"}}


def asked(identity: str = "c-1", **more: Any) -> tuple[int, dict[str, Any]]:
    return 201, {"consentStatus": "received", "consentId": identity, "_links": {}, **more}


def stands(status: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"consentStatus": status, **more}


@asynccontextmanager
async def without(
    script: Script, memory: Memory | None = None
) -> AsyncIterator[tuple[BerlinGroup, Loopback]]:
    """Connect to a bank with which no consent was agreed beforehand."""
    async with loopback(script) as server:
        settings = BerlinGroupSettings(url=f"{server.url}/psd2", read_attempts=1)
        connector = BerlinGroup("main-bank", settings, memory or Memory(), lambda: NOW)
        yield connector, server
        await connector.close()


async def test_a_consent_is_asked_for_confirmed_and_used() -> None:
    script = (
        Script()
        .on(ASK, asked(_links=STARTS))
        .on(
            f"{ASK}/c-1/authorisations",
            (201, {"scaStatus": "started", "authorisationId": "s", "psuMessage": "Open the app"}),
        )
        .on("GET /psd2/v1/consents/c-1/status", stands("received"), stands("valid"))
        .on("GET /psd2/v1/accounts", (200, {"accounts": []}))
    )
    async with without(script) as (connector, server):
        waiting = Consent("c-1", False, "received", "Open the app")
        assert await connector.consent((ACCOUNT, OTHER), NOW) == waiting
        with pytest.raises(Misconfigured) as caught:
            await connector.balances(ACCOUNT)
        assert caught.value.code == "consent.missing"
        assert await connector.consent((ACCOUNT, OTHER), NOW) == waiting
        assert await connector.consent((ACCOUNT, OTHER), NOW) == Consent("c-1", True, "valid")
        assert (await connector.consent((OTHER,), NOW)).is_valid
        with pytest.raises(Misconfigured) as caught:
            await connector.balances(ACCOUNT)
        assert caught.value.code == "account.unknown"
    references = [
        {"iban": ACCOUNT.iban, "currency": "EUR"},
        {"iban": ACCOUNT.iban, "currency": "USD"},
    ]
    assert server.requests[0].json == {
        "access": {"accounts": references, "balances": references, "transactions": references},
        "recurringIndicator": True,
        "validUntil": "2026-06-07",
        "frequencyPerDay": 4,
        "combinedServiceIndicator": False,
    }
    assert server.requests[-1].headers["consent-id"] == "c-1"
    assert sum(request.method == "POST" for request in server.requests) == 2


@pytest.mark.parametrize(
    "end",
    [
        stands("expired"),
        stands("revokedByPsu"),
        stands("rejected"),
        stands("terminatedByTpp"),
        stands("somethingNew"),
        (403, complaint("CONSENT_UNKNOWN")),
        (401, complaint("CONSENT_EXPIRED")),
        (404, complaint("RESOURCE_UNKNOWN")),
    ],
)
async def test_one_that_ended_is_renewed(end: Any) -> None:
    script = (
        Script()
        .on(ASK, asked("c-1", consentStatus="valid"), asked("c-2"))
        .on("GET /psd2/v1/consents/c-1/status", end)
        .on("GET /psd2/v1/consents/c-2/status", stands("valid"))
    )
    async with without(script) as (connector, _):
        assert (await connector.consent((ACCOUNT,), NOW)).is_valid
        assert await connector.consent((ACCOUNT,), NOW) == Consent("c-2", False, "received", "")
        assert await connector.consent((ACCOUNT,), NOW) == Consent("c-2", True, "valid")


async def test_a_further_account_needs_a_new_one_and_the_old_serves_meanwhile() -> None:
    script = (
        Script()
        .on(ASK, asked("c-1", consentStatus="valid"), asked("c-2"))
        .on("GET /psd2/v1/consents/c-1/status", stands("valid"))
        .on(
            "GET /psd2/v1/consents/c-2/status", stands("partiallyAuthorised", psuMessage="One more")
        )
        .on("GET /psd2/v1/accounts", (200, {"accounts": []}))
    )
    async with without(script) as (connector, server):
        await connector.consent((ACCOUNT,), NOW)
        assert not (await connector.consent((ACCOUNT, OTHER), NOW)).is_valid
        waiting = await connector.consent((ACCOUNT, OTHER), NOW)
        assert waiting == Consent("c-2", False, "partiallyAuthorised", "One more")
        assert (await connector.consent((ACCOUNT,), NOW)).is_valid
        with pytest.raises(Misconfigured):
            await connector.balances(ACCOUNT)
    assert server.requests[-1].headers["consent-id"] == "c-1"


async def test_an_authorisation_that_could_not_start_is_started_later() -> None:
    script = (
        Script()
        .on(ASK, asked(_links=STARTS, psuMessage="Wait"))
        .on(
            f"{ASK}/c-1/authorisations",
            b"",
            (201, {"scaStatus": "started", "authorisationId": "s", "psuMessage": "Open the app"}),
        )
        .on("GET /psd2/v1/consents/c-1/status", stands("received"))
    )
    async with without(script) as (connector, _):
        assert (await connector.consent((ACCOUNT,), NOW)).waiting_for_person == "Wait"
        assert (await connector.consent((ACCOUNT,), NOW)).waiting_for_person == "Open the app"
        assert (await connector.consent((ACCOUNT,), NOW)).waiting_for_person == "Open the app"


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("https://bank.example/confirm?x=1", "https://bank.example/confirm?x=1"),
        ("javascript:alert(1)", None),
        ("http://bank.example/", None),
        ("https://[", None),
    ],
)
async def test_a_page_at_the_bank(href: str, url: str | None) -> None:
    async with without(Script().on(ASK, asked(_links={"scaRedirect": {"href": href}}))) as (
        connector,
        _,
    ):
        assert (await connector.consent((ACCOUNT,), NOW)).url == url


async def test_what_is_remembered_outlives_the_process_and_nonsense_is_forgotten() -> None:
    memory = Memory()
    script = (
        Script()
        .on(ASK, asked("c-1", consentStatus="valid"))
        .on("GET /psd2/v1/consents/c-1/status", stands("valid"))
    )
    async with without(script, memory) as (connector, _):
        await connector.consent((ACCOUNT,), NOW)
    async with without(script, memory) as (connector, server):
        assert (await connector.consent((ACCOUNT,), NOW)).is_valid
    assert [request.method for request in server.requests] == ["GET"]
    memory.values = {"consent": "{}", "consent.waiting": "nonsense"}
    async with without(script, memory) as (connector, _):
        assert (await connector.consent((ACCOUNT,), NOW)).is_valid


async def test_one_agreed_beforehand() -> None:
    for answer, expected in (
        (stands("valid"), Consent("consent-1", True, "valid")),
        (stands("expired"), Consent("consent-1", False, "expired")),
        ((403, complaint("CONSENT_UNKNOWN")), Consent("consent-1", False, "unknown")),
    ):
        script = Script().on("GET /psd2/v1/consents/consent-1/status", answer)
        async with bank(script) as (connector, _):
            assert await connector.consent((ACCOUNT,), NOW) == expected


async def test_a_bank_that_cannot_be_asked_loses_nothing() -> None:
    memory = Memory()
    script = (
        Script()
        .on(ASK, asked("c-1", consentStatus="valid"))
        .on("GET /psd2/v1/consents/c-1/status", (500, b""), (200, {}), stands("valid"))
    )
    async with without(script, memory) as (connector, server):
        await connector.consent((ACCOUNT,), NOW)
        with pytest.raises(NotSent):
            await connector.consent((ACCOUNT,), NOW)
        with pytest.raises(Untrusted):
            await connector.consent((ACCOUNT,), NOW)
        assert (await connector.consent((ACCOUNT,), NOW)).is_valid
    assert sum(request.method == "POST" for request in server.requests) == 1


async def test_spelling_of_an_iban_does_not_matter() -> None:
    script = (
        Script()
        .on(ASK, asked("c-1", consentStatus="valid"))
        .on("GET /psd2/v1/consents/c-1/status", stands("valid"))
    )
    spelt = Account("operating", "de40 1001 0010 3307 1186 08", "EUR", "Example")
    async with without(script) as (connector, server):
        await connector.consent((ACCOUNT,), NOW)
        await connector.consent((spelt,), NOW)
    assert sum(request.method == "POST" for request in server.requests) == 1
