"""Every fault does to the client and to the ledger what it says, and only once."""

from __future__ import annotations

import asyncio
import base64

import httpx
import pytest

from sandbox.bank import Fault
from tests.sandbox.bank.conftest import PAYMENTS, Certificates, Client, Open, codes, payment

BROKEN = (httpx.RemoteProtocolError, httpx.ReadError)


async def until_noted(client: Client) -> None:
    """Wait until the bank has dealt with the call under way."""
    while not client.bank.requests:
        await asyncio.sleep(0)


@pytest.mark.parametrize(("fault", "executed"), [(Fault.DROP_BEFORE, 0), (Fault.DROP_AFTER, 1)])
async def test_the_connection_drops(client: Client, fault: Fault, executed: int) -> None:
    client.bank.faults.add("initiate", fault)
    with pytest.raises(BROKEN):
        await client.pay()
    assert len(client.bank.ledger) == executed
    await client.pay()
    assert len(client.bank.ledger) == executed + 1


@pytest.mark.parametrize(("fault", "executed"), [(Fault.HANG_BEFORE, 0), (Fault.HANG_AFTER, 1)])
async def test_no_answer_until_the_client_gives_up(
    client: Client, fault: Fault, executed: int
) -> None:
    client.bank.faults.add("initiate", fault)
    waiting = asyncio.create_task(client.pay())
    await until_noted(client)
    assert not waiting.done()
    waiting.cancel()
    assert len(client.bank.ledger) == executed
    await client.pay()


async def test_a_bank_that_hangs_can_be_closed(client: Client) -> None:
    client.bank.faults.add("initiate", Fault.HANG_AFTER)
    waiting = asyncio.create_task(client.pay())
    await until_noted(client)
    await client.serving.stop()
    with pytest.raises(BROKEN):
        await waiting


@pytest.mark.parametrize(("fault", "executed"), [(Fault.ERROR_BEFORE, 0), (Fault.ERROR_AFTER, 1)])
async def test_server_errors(client: Client, fault: Fault, executed: int) -> None:
    client.bank.faults.add("initiate", fault, status=502)
    answer = await client.http.post(
        PAYMENTS,
        json=payment(),
        headers={
            "X-Request-ID": "99391c7e-ad88-49ec-a2ad-99ddcb1f7721",
            "PSU-IP-Address": "192.0.2.7",
        },
    )
    assert answer.status_code == 502
    assert len(client.bank.ledger) == executed


async def test_garbage(client: Client) -> None:
    client.bank.faults.add("initiate", Fault.GARBAGE)
    answer = await client.call("POST", PAYMENTS, payment())
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    assert len(client.bank.ledger) == 1


async def test_a_wrong_content_type(client: Client) -> None:
    client.bank.faults.add("initiate", Fault.WRONG_TYPE)
    answer = await client.call("POST", PAYMENTS, payment())
    assert answer.headers["content-type"].startswith("text/html")
    assert "paymentId" in answer.json()
    assert len(client.bank.ledger) == 1


async def test_an_oversized_answer(client: Client) -> None:
    client.bank.faults.add("initiate", Fault.OVERSIZED)
    request = client.http.build_request(
        "POST",
        PAYMENTS,
        json=payment(),
        headers={
            "X-Request-ID": "99391c7e-ad88-49ec-a2ad-99ddcb1f7721",
            "PSU-IP-Address": "192.0.2.7",
        },
    )
    answer = await client.http.send(request, stream=True)
    assert int(answer.headers["content-length"]) > 64_000_000
    read = 0
    async for chunk in answer.aiter_raw():
        read += len(chunk)
        if read > 1_000_000:
            break
    await answer.aclose()
    assert len(client.bank.ledger) == 1


async def test_another_requests_id(client: Client) -> None:
    client.bank.faults.add("initiate", Fault.WRONG_REQUEST_ID)
    with pytest.raises(AssertionError):
        await client.pay()
    assert len(client.bank.ledger) == 1


@pytest.mark.parametrize("signs", [True, False])
async def test_a_wrong_signature(opened: Open, certificates: Certificates, signs: bool) -> None:
    client = await opened(signs_answers_as=certificates.bank if signs else None)
    right = await client.call("POST", PAYMENTS, payment())
    client.bank.faults.add("initiate", Fault.FORGED)
    wrong = await client.call("POST", PAYMENTS, payment())
    assert wrong.status_code == 201
    assert ("signature" in right.headers) is signs
    encoded = wrong.headers["signature"].rpartition('signature="')[2].strip('"')
    if signs:
        # The genuine signature is of the length of the key; what was made of it is not.
        genuine = right.headers["signature"].rpartition('signature="')[2].strip('"')
        assert len(base64.b64decode(genuine)) == 256 != len(base64.b64decode(encoded))
    assert len(client.bank.ledger) == 2


async def test_a_slow_answer(client: Client) -> None:
    client.bank.faults.add("initiate", Fault.SLOW, seconds=3600)
    waiting = asyncio.create_task(client.pay())
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    waiting.cancel()
    client.bank.faults.add("initiate", Fault.SLOW, seconds=0.01)
    assert (await client.pay())["transactionStatus"] == "ACSC"


async def test_what_a_bank_says_itself(client: Client) -> None:
    faults = client.bank.faults
    faults.add("initiate", Fault.REFUSE, code="SERVICE_BLOCKED", status=403)
    faults.add("initiate", Fault.MAINTENANCE)
    faults.add("initiate", Fault.ACCESS_EXCEEDED)
    faults.add("initiate", Fault.REDIRECT)
    answers = [await client.call("POST", PAYMENTS, payment()) for _ in range(4)]
    refused, closed, busy, redirected = answers
    assert codes(refused) == (403, "SERVICE_BLOCKED")
    assert codes(closed) == (503, "SERVICE_UNAVAILABLE")
    assert codes(busy) == (429, "ACCESS_EXCEEDED")
    assert closed.headers["retry-after"] == "60"
    assert "retry-after" in busy.headers
    assert redirected.status_code == 302
    assert redirected.headers["location"].startswith("https://bank.invalid")
    assert client.bank.ledger == []


async def test_faults_strike_their_operation_and_so_many_times(client: Client) -> None:
    await client.consented()
    client.bank.faults.add("balances", Fault.MAINTENANCE, times=2)
    client.bank.faults.add("status", Fault.DROP_BEFORE)
    made = await client.pay()
    path = f"{client.account()}/balances"
    seen = [(await client.call("GET", path)).status_code for _ in range(3)]
    assert seen == [503, 503, 200]
    with pytest.raises(BROKEN):
        await client.status(made)
    assert await client.status(made) == "ACSC"
    client.bank.faults.add("transactions", Fault.GARBAGE, times=9)
    client.bank.faults.clear()
    await client.transactions()
