"""What every request needs, whatever it asks for."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest

from sandbox.bank import Phone, Sca
from tests.sandbox.bank.conftest import (
    ALICE,
    OPENAPI,
    PAYMENTS,
    Client,
    Open,
    codes,
    consent,
    payment,
)


@pytest.mark.parametrize("request_id", [None, "", "7", str(uuid4())[:-1], f"{{{uuid4()}}}"])
async def test_without_a_request_id_nothing_is_done(client: Client, request_id: str | None) -> None:
    headers = {"PSU-IP-Address": "192.0.2.7"}
    if request_id is not None:
        headers["X-Request-ID"] = request_id
    answer = await client.http.post(PAYMENTS, json=payment(), headers=headers)
    assert codes(answer) == (400, "FORMAT_ERROR")
    assert UUID(answer.headers["X-Request-ID"])
    assert client.bank.ledger == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"PSU-IP-Address": "absent"}, (400, "FORMAT_ERROR")),
        ({"PSU-IP-Address": "::1"}, (400, "FORMAT_ERROR")),
        ({"PSU-IP-Address": "300.0.0.1"}, (400, "FORMAT_ERROR")),
        ({"TPP-Explicit-Authorisation-Preferred": "yes"}, (400, "FORMAT_ERROR")),
        ({"Accept": "text/html"}, (406, "REQUESTED_FORMATS_INVALID")),
        ({"Accept": "application/json;q=0"}, (406, "REQUESTED_FORMATS_INVALID")),
        ({"Content-Type": "text/plain"}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"Content-Type": "absent"}, (415, "UNSUPPORTED_MEDIA_TYPE")),
    ],
)
@pytest.mark.parametrize("with_file", [True, False])
async def test_wrong_headers(
    opened: Open, headers: dict[str, str], expected: tuple[int, str], with_file: bool
) -> None:
    client = await opened(**({} if with_file else {"openapi": None}))
    for path, body in ((PAYMENTS, payment()), ("/v1/consents", consent())):
        assert codes(await client.call("POST", path, body, headers=headers)) == expected
    assert client.bank.ledger == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "text/html;q=0.5, application/*;q=0.1"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "Application/JSON"},
    ],
)
async def test_right_headers(client: Client, headers: dict[str, str]) -> None:
    answer = await client.call("POST", PAYMENTS, payment(), headers=headers)
    assert answer.status_code == 201


async def test_the_user_has_to_be_known_where_the_bank_wants_him(opened: Open) -> None:
    client = await opened(psu_ids=frozenset({"alice"}))
    for path, body in ((PAYMENTS, payment()), ("/v1/consents", consent())):
        for headers in ({}, {"PSU-ID": "mallory"}):
            answer = await client.call("POST", path, body, headers=headers)
            assert codes(answer) == (401, "PSU_CREDENTIALS_INVALID")
        assert (await client.call("POST", path, body, headers=ALICE)).status_code == 201


async def test_an_enormous_body_is_not_read(client: Client) -> None:
    answer = await client.http.post(
        PAYMENTS, content=b"x" * 1_000_000, headers={"X-Request-ID": str(uuid4())}
    )
    assert answer.status_code == 413


async def test_links_are_absolute_where_the_bank_makes_them_so(opened: Open) -> None:
    client = await opened(absolute_links=True, sca=Sca(Phone.IGNORES))
    answer = await client.call("POST", PAYMENTS, payment())
    hrefs = [link["href"] for link in answer.json()["_links"].values()]
    for href in [*hrefs, answer.headers["Location"]]:
        assert href.startswith(f"{client.serving.url}/v1/payments/")
        assert (await client.call("GET", href)).status_code == 200


async def test_the_bank_remembers_what_came_in(client: Client) -> None:
    made = await client.pay()
    await client.status(made)
    first, second = client.bank.requests
    assert (first.operation, first.method, first.target) == ("initiate", "POST", PAYMENTS)
    assert (first.status, second.status) == (201, 200)
    assert b"INV-7" in first.body
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert "INV-7" not in repr(first)


async def test_two_banks_run_side_by_side_and_free_their_ports(opened: Open) -> None:
    one, two = await opened(), await opened()
    await one.pay()
    assert (len(one.bank.ledger), len(two.bank.ledger)) == (1, 0)
    await one.serving.stop()
    await one.serving.stop()
    with pytest.raises(httpx.ConnectError):
        await one.pay()
    await two.pay()


# ---- against the standard's own file ----------------------------------------------------------


@pytest.mark.skipif(not OPENAPI.exists(), reason="the Berlin Group's OpenAPI file is not here")
async def test_a_whole_journey_breaks_nothing_in_the_openapi_file(opened: Open) -> None:
    client = await opened(
        sca=Sca(after_polls=1),
        settles_after_polls=1,
        page_size=1,
        max_frequency_per_day=50,
        psu_ids=frozenset({"alice"}),
    )
    answer = await client.call("POST", "/v1/consents", consent(), headers=ALICE)
    links = {name: link["href"] for name, link in answer.json()["_links"].items()}
    for name in ("self", "status", "scaStatus", "scaStatus"):
        await client.get(links[name])
    client.consent_id = answer.json()["consentId"]
    assert (await client.get(links["status"]))["consentStatus"] == "valid"
    await client.get("/v1/accounts?withBalance=true")
    await client.get(client.account())
    await client.balance("interimAvailable")
    for number in range(2):
        body = payment(endToEndIdentification=f"E2E-{number}")
        made = (await client.call("POST", PAYMENTS, body, headers=ALICE)).json()
        await client.get(made["_links"]["self"]["href"])
        await client.get(made["_links"]["scaStatus"]["href"])
        while await client.status(made) != "ACSC":
            await client.transactions()
    page = await client.transactions("&withBalance=true")
    await client.get(page["transactions"]["_links"]["next"]["href"])
    [entry] = page["transactions"]["booked"]
    await client.get(f"{client.account()}/transactions/{entry['transactionId']}")
    await client.call("DELETE", made["_links"]["self"]["href"])
    assert (await client.call("DELETE", links["self"])).status_code == 204
    assert (client.bank.violations, client.bank.bad_requests) == ([], [])
    assert len(client.bank.ledger) == 2


@pytest.mark.skipif(not OPENAPI.exists(), reason="the Berlin Group's OpenAPI file is not here")
async def test_what_breaks_the_openapi_file_is_kept(opened: Open) -> None:
    client = await opened()
    answer = await client.call("POST", PAYMENTS, {"instructedAmount": {"amount": "1"}})
    assert codes(answer) == (400, "FORMAT_ERROR")
    [wrong] = client.bank.bad_requests
    assert wrong.startswith(f"POST {PAYMENTS}: ")

    client.bank.accounts["DE40100100103307118608"].status = "on fire"
    await client.consented()
    answer = await client.call("GET", "/v1/accounts")
    assert codes(answer) == (500, "INTERNAL_SERVER_ERROR")
    [violation] = client.bank.violations
    assert "on fire" in violation
    client.bank.violations.clear()
