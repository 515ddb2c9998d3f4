"""Balances and transactions, and the consents they are read under."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sandbox.bank import Phone, Sca
from tests.sandbox.bank.conftest import (
    ALICE,
    CREDITOR,
    EUR,
    USD,
    Client,
    Clock,
    Open,
    codes,
    consent,
    payment,
)

UNATTENDED = {"PSU-IP-Address": "absent"}


def refs(*entries: dict[str, Any]) -> list[str]:
    return [entry["remittanceInformationUnstructured"] for entry in entries]


# ---- balances ---------------------------------------------------------------------------------


async def test_balances_of_now_this_morning_and_yesterday(client: Client, clock: Clock) -> None:
    bank = client.bank
    bank.credit(EUR, 10_00, "A. Saver", "yesterday", booked_at=clock() - timedelta(days=1))
    bank.credit(EUR, 5, "A. Saver", "today")
    await client.consented()
    answer = await client.get(f"{client.account()}/balances")
    assert answer["account"] == {"iban": EUR, "currency": "EUR"}
    assert [
        (b["balanceType"], b["balanceAmount"]["amount"], b.get("referenceDate"))
        for b in answer["balances"]
    ] == [
        ("interimBooked", "1010.05", None),
        ("interimAvailable", "1010.05", None),
        ("openingBooked", "1010.00", "2026-03-02"),
        ("closingBooked", "1010.00", "2026-03-01"),
    ]
    assert answer["balances"][0]["lastChangeDateTime"] == "2026-03-02T10:00:00+00:00"


async def test_accounts_are_found_by_a_resource_id(client: Client) -> None:
    await client.consented()
    shown = (await client.get("/v1/accounts?withBalance=true"))["accounts"]
    assert [account["iban"] for account in shown] == [EUR, USD]
    for account in shown:
        assert account["resourceId"] not in (EUR, USD)
        links = {name: link["href"] for name, link in account["_links"].items()}
        assert (await client.get(links["balances"]))["balances"] == account["balances"]
        assert await client.get(links["transactions"] + "?bookingStatus=both&dateFrom=2026-03-01")
    wrong = await client.call("GET", f"/v1/accounts/{EUR}/balances")
    assert codes(wrong) == (404, "RESOURCE_UNKNOWN")


# ---- transactions -----------------------------------------------------------------------------


async def test_pages_hold_every_entry_once(opened: Open, clock: Clock) -> None:
    client = await opened(page_size=3, max_frequency_per_day=1)
    await client.consented()
    for number in range(8):
        client.bank.credit(EUR, number + 1, "A. Saver", f"no {number}")
        clock.advance(minutes=1)
    path = f"{client.account()}/transactions?bookingStatus=both&dateFrom=2026-03-02"
    found: list[dict[str, Any]] = []
    pages = 0
    while path:
        # One read without the user, however many pages it has.
        answer = await client.call("GET", path, headers=UNATTENDED)
        assert answer.status_code == 200, answer.text
        report = answer.json()["transactions"]
        found += report["booked"]
        pages += 1
        path = report["_links"].get("next", {}).get("href", "")
    assert pages == 3
    assert refs(*found) == [f"no {number}" for number in range(8)]
    assert len({entry["transactionId"] for entry in found}) == 8
    assert {"first", "previous"} <= set(report["_links"])
    last = await client.get(report["_links"]["last"]["href"])
    assert last["transactions"]["booked"] == report["booked"]
    assert len((await client.transactions("&itemsPerPage=2"))["transactions"]["booked"]) == 2
    assert len((await client.transactions("&itemsPerPage=9"))["transactions"]["booked"]) == 3
    beyond = await client.transactions("&pageIndex=9")
    assert beyond["transactions"]["booked"] == []


async def test_days_are_the_banks_and_inclusive(client: Client, clock: Clock) -> None:
    await client.consented()
    for days in (3, 2, 1, 0):
        when = clock() - timedelta(days=days)
        client.bank.credit(EUR, 1, "A. Saver", f"{days} days ago", booked_at=when)
    path = f"{client.account()}/transactions?bookingStatus=booked&withBalance=true"
    answer = await client.get(f"{path}&dateFrom=2026-02-28&dateTo=2026-03-01")
    report = answer["transactions"]
    assert refs(*report["booked"]) == ["2 days ago", "1 days ago"]
    assert "pending" not in report
    balances = [(b["balanceType"], b["balanceAmount"]["amount"]) for b in answer["balances"]]
    assert balances == [("openingBooked", "1000.01"), ("closingBooked", "1000.03")]
    answer = await client.get(f"{path}&dateFrom=2026-03-02")
    assert [b["balanceType"] for b in answer["balances"]] == [
        "openingBooked",
        "interimBooked",
        "interimAvailable",
    ]


async def test_a_payment_shows_with_all_that_travelled_with_it(client: Client) -> None:
    await client.consented()
    await client.pay()
    [entry] = (await client.transactions())["transactions"]["booked"]
    details = await client.get(f"{client.account()}/transactions/{entry['transactionId']}")
    assert details["transactionsDetails"] == entry
    assert entry.pop("transactionId") != entry.pop("entryReference")
    assert entry == {
        "endToEndId": "E2E-1",
        "transactionAmount": {"currency": "EUR", "amount": "-123.50"},
        "bookingDate": "2026-03-02",
        "valueDate": "2026-03-02",
        "creditorName": "ACME Ltd",
        "creditorAccount": {"iban": CREDITOR},
        "remittanceInformationUnstructured": "INV-7",
        "bankTransactionCode": "PMNT-ICDT-ESCT",
    }
    answer = await client.call("GET", f"{client.account()}/transactions/nothing")
    assert codes(answer) == (404, "RESOURCE_UNKNOWN")


async def test_a_bank_may_give_less(opened: Open) -> None:
    client = await opened(omits=frozenset({"endToEndId", "transactionId"}))
    await client.consented()
    await client.pay()
    [entry] = (await client.transactions())["transactions"]["booked"]
    assert not {"endToEndId", "transactionId"} & set(entry)


async def test_a_payment_may_show_late(opened: Open, clock: Clock) -> None:
    client = await opened(hide_until=clock() + timedelta(days=1))
    await client.consented()
    made = await client.pay()
    assert await client.status(made) == "ACSC"
    assert len(client.bank.ledger) == 1
    report = (await client.transactions())["transactions"]
    assert (report["booked"], report["pending"]) == ([], [])
    assert await client.balance("interimBooked") == "1000.00"
    clock.advance(days=1)
    [entry] = (await client.transactions())["transactions"]["booked"]
    assert entry["bookingDate"] == "2026-03-03"
    assert await client.balance("interimBooked") == "876.50"
    assert await client.balance("openingBooked") == "1000.00"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("dateFrom=2026-03-01", (400, "FORMAT_ERROR")),
        ("bookingStatus=none&dateFrom=2026-03-01", (400, "FORMAT_ERROR")),
        ("bookingStatus=booked", (400, "FORMAT_ERROR")),
        ("bookingStatus=booked&dateFrom=20260301", (400, "FORMAT_ERROR")),
        ("bookingStatus=booked&dateFrom=2026-02-30", (400, "FORMAT_ERROR")),
        ("bookingStatus=booked&dateFrom=2026-03-01&itemsPerPage=0", (400, "FORMAT_ERROR")),
        ("bookingStatus=booked&dateFrom=2026-03-01&pageIndex=-1", (400, "FORMAT_ERROR")),
        ("bookingStatus=booked&dateFrom=2026-03-01&pageIndex=x", (400, "FORMAT_ERROR")),
        ("bookingStatus=booked&dateFrom=2026-03-01&withBalance=1", (400, "FORMAT_ERROR")),
        ("bookingStatus=booked&dateFrom=2026-03-02&dateTo=2026-03-01", (400, "PERIOD_INVALID")),
        ("bookingStatus=booked&dateFrom=2026-03-03", (400, "PERIOD_INVALID")),
        ("bookingStatus=booked&dateFrom=2020-01-01", (400, "PERIOD_INVALID")),
        ("bookingStatus=information", (400, "PARAMETER_NOT_SUPPORTED")),
        ("bookingStatus=all&dateFrom=2026-03-01", (400, "PARAMETER_NOT_SUPPORTED")),
        ("bookingStatus=booked&deltaList=true", (400, "PARAMETER_NOT_SUPPORTED")),
        ("bookingStatus=booked&entryReferenceFrom=7", (400, "PARAMETER_NOT_SUPPORTED")),
    ],
)
@pytest.mark.parametrize("with_file", [True, False])
async def test_wrong_questions(
    opened: Open, query: str, expected: tuple[int, str], with_file: bool
) -> None:
    client = await opened(**({} if with_file else {"openapi": None}))
    await client.consented()
    answer = await client.call("GET", f"{client.account()}/transactions?{query}")
    assert codes(answer) == expected


# ---- consents ---------------------------------------------------------------------------------


async def test_a_consent_is_confirmed_on_the_phone(opened: Open) -> None:
    client = await opened(consent_sca=Sca(after_polls=1))
    answer = await client.call("POST", "/v1/consents", consent())
    assert answer.headers["ASPSP-SCA-Approach"] == "DECOUPLED"
    made = answer.json()
    assert answer.headers["Location"] == f"/v1/consents/{made['consentId']}"
    assert "psuMessage" in made
    client.consent_id = made["consentId"]
    read = await client.call("GET", "/v1/accounts")
    assert codes(read) == (401, "CONSENT_INVALID")
    seen = [(await client.get(made["_links"]["status"]["href"]))["consentStatus"] for _ in range(2)]
    assert seen == ["received", "valid"]
    sca = made["_links"]["scaStatus"]["href"]
    assert (await client.get(sca))["scaStatus"] == "finalised"
    assert len((await client.get(sca.rpartition("/")[0]))["authorisationIds"]) == 1
    shown = await client.get(made["_links"]["self"]["href"])
    assert shown["consentStatus"] == "valid"
    assert (shown["validUntil"], shown["lastActionDate"]) == ("2026-05-31", "2026-03-02")
    assert shown["frequencyPerDay"] == 4
    assert {ref["iban"] for ref in shown["access"]["balances"]} == {EUR, USD}
    assert (await client.call("GET", "/v1/accounts")).status_code == 200


async def test_a_consent_is_authorised_by_the_client(opened: Open) -> None:
    client = await opened(consent_sca=Sca(Phone.IGNORES, starts_implicitly=False))
    made = (await client.call("POST", "/v1/consents", consent())).json()
    start = made["_links"]["startAuthorisation"]["href"]
    assert (await client.call("POST", start, {})).status_code == 201
    assert codes(await client.call("POST", start)) == (409, "STATUS_INVALID")
    client.bank.decline(made["consentId"])
    status = await client.get(made["_links"]["status"]["href"])
    assert status["consentStatus"] == "rejected"


async def test_an_ignored_consent_is_rejected_in_time(opened: Open, clock: Clock) -> None:
    client = await opened(consent_sca=Sca(Phone.IGNORES))
    made = (await client.call("POST", "/v1/consents", consent())).json()
    clock.advance(minutes=15)
    status = await client.get(made["_links"]["status"]["href"])
    assert status["consentStatus"] == "rejected"


async def test_a_consent_covers_what_it_names(client: Client) -> None:
    await client.consented(access={"balances": [{"iban": EUR}]})
    [account] = (await client.get("/v1/accounts"))["accounts"]
    assert account["iban"] == EUR
    assert set(account["_links"]) == {"balances"}
    assert (await client.balance("interimBooked")) == "1000.00"
    for path in (
        f"{client.account()}/transactions?bookingStatus=booked&dateFrom=2026-03-01",
        f"{client.account(USD)}/balances",
        client.account(USD),
    ):
        assert codes(await client.call("GET", path)) == (401, "CONSENT_INVALID")

    await client.consented(access={"accounts": [{"iban": EUR}], "transactions": [{"iban": EUR}]})
    for path in (
        f"{client.account()}/balances",
        "/v1/accounts?withBalance=true",
        f"{client.account()}/transactions?bookingStatus=booked&dateFrom=2026-03-01&withBalance=true",
    ):
        assert codes(await client.call("GET", path)) == (401, "CONSENT_INVALID")


@pytest.mark.parametrize(
    ("access", "reads_balances", "reads_transactions"),
    [
        ({"allPsd2": "allAccounts"}, 200, 200),
        ({"availableAccounts": "allAccounts"}, 401, 401),
        ({"availableAccountsWithBalance": "allAccounts"}, 200, 401),
        ({"accounts": [], "balances": [], "transactions": []}, 200, 200),
    ],
)
async def test_a_consent_may_cover_everything(
    client: Client, access: dict[str, Any], reads_balances: int, reads_transactions: int
) -> None:
    await client.consented(access=access)
    assert len((await client.get("/v1/accounts"))["accounts"]) == 2
    answer = await client.call("GET", f"{client.account()}/balances")
    assert answer.status_code == reads_balances
    query = "bookingStatus=booked&dateFrom=2026-03-01"
    answer = await client.call("GET", f"{client.account()}/transactions?{query}")
    assert answer.status_code == reads_transactions


async def test_a_consent_ends(client: Client, clock: Clock) -> None:
    consent_id = await client.consented()
    assert (await client.call("DELETE", f"/v1/consents/{consent_id}")).status_code == 204
    assert codes(await client.call("GET", "/v1/accounts")) == (401, "CONSENT_INVALID")
    status = await client.get(f"/v1/consents/{consent_id}/status")
    assert status["consentStatus"] == "terminatedByTpp"

    revoked = await client.consented()
    client.bank.consents.revoke(client.bank.consents.find(revoked))
    assert codes(await client.call("GET", "/v1/accounts")) == (401, "CONSENT_INVALID")

    await client.consented(validUntil="2026-03-03")
    clock.advance(days=1)
    assert (await client.call("GET", "/v1/accounts")).status_code == 200
    clock.advance(days=1)
    assert codes(await client.call("GET", "/v1/accounts")) == (401, "CONSENT_EXPIRED")


@pytest.mark.parametrize("multiple", [True, False])
async def test_one_recurring_consent_replaces_another(opened: Open, multiple: bool) -> None:
    client = await opened(multiple_consents=multiple)
    answers = [
        await client.call("POST", "/v1/consents", consent(), headers=headers)
        for headers in ({}, ALICE, {})
    ]
    ids = [answer.json()["consentId"] for answer in answers]
    states = [(await client.get(f"/v1/consents/{each}/status"))["consentStatus"] for each in ids]
    assert states == ["valid" if multiple else "terminatedByTpp", "valid", "valid"]


async def test_reading_too_often_without_the_user(client: Client, clock: Clock) -> None:
    await client.consented(frequencyPerDay=2)
    path = f"{client.account()}/balances"
    for expected in (200, 200, 429, 429):
        answer = await client.call("GET", path, headers=UNATTENDED)
        assert answer.status_code == expected
    assert codes(answer) == (429, "ACCESS_EXCEEDED")
    assert (await client.call("GET", path)).status_code == 200
    other = f"{client.account(USD)}/balances"
    assert (await client.call("GET", other, headers=UNATTENDED)).status_code == 200
    clock.advance(days=1)
    assert (await client.call("GET", path, headers=UNATTENDED)).status_code == 200


async def test_a_bank_cuts_the_frequency_down(client: Client) -> None:
    consent_id = await client.consented(frequencyPerDay=100)
    assert (await client.get(f"/v1/consents/{consent_id}"))["frequencyPerDay"] == 4


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"validUntil": "2026-03-01"}, (400, "PERIOD_INVALID")),
        ({"validUntil": "31.12.2026"}, (400, "FORMAT_ERROR")),
        ({"frequencyPerDay": 0}, (400, "FORMAT_ERROR")),
        ({"frequencyPerDay": "4"}, (400, "FORMAT_ERROR")),
        ({"frequencyPerDay": True}, (400, "FORMAT_ERROR")),
        ({"recurringIndicator": False}, (400, "FORMAT_ERROR")),
        ({"recurringIndicator": "true"}, (400, "FORMAT_ERROR")),
        ({"combinedServiceIndicator": True}, (400, "SESSIONS_NOT_SUPPORTED")),
        ({"surprise": 1}, (400, "FORMAT_ERROR")),
        ({"access": {}}, (400, "FORMAT_ERROR")),
        ({"access": []}, (400, "FORMAT_ERROR")),
        ({"access": {"everything": True}}, (400, "PARAMETER_NOT_SUPPORTED")),
        ({"access": {"balances": [{"iban": CREDITOR}]}}, (400, "RESOURCE_UNKNOWN")),
        ({"access": {"balances": [{"iban": "DE00"}]}}, (400, "FORMAT_ERROR")),
        ({"access": {"balances": ["x"]}}, (400, "FORMAT_ERROR")),
        ({"access": {"balances": [{"iban": EUR}], "accounts": []}}, (400, "FORMAT_ERROR")),
        ({"access": {"allPsd2": "allAccounts", "balances": []}}, (400, "FORMAT_ERROR")),
        ({"access": {"allPsd2": "some"}}, (400, "FORMAT_ERROR")),
    ],
)
@pytest.mark.parametrize("with_file", [True, False])
async def test_a_wrong_consent_is_refused(
    opened: Open, changes: dict[str, Any], expected: tuple[int, str], with_file: bool
) -> None:
    client = await opened(**({} if with_file else {"openapi": None}))
    answer = await client.call("POST", "/v1/consents", consent(**changes))
    assert codes(answer) == expected


async def test_unknown_consents(client: Client) -> None:
    assert codes(await client.call("GET", "/v1/accounts")) == (400, "FORMAT_ERROR")
    client.consent_id = "unheard-of"
    assert codes(await client.call("GET", "/v1/accounts")) == (400, "CONSENT_UNKNOWN")
    for path in ("", "/status", "/authorisations"):
        answer = await client.call("GET", f"/v1/consents/unheard-of{path}")
        assert codes(answer) == (403, "CONSENT_UNKNOWN")
    await client.consented()
    path = f"/v1/consents/{client.consent_id}/authorisations/nothing"
    assert codes(await client.call("GET", path)) == (404, "RESOURCE_UNKNOWN")
    assert (await client.call("POST", "/v1/consents", payment())).status_code == 400
