"""Payments from received to executed, and every way not to get there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from sandbox.bank import NoFunds, Phone, Sca
from tests.sandbox.bank.conftest import (
    CREDITOR,
    EUR,
    PAYMENTS,
    USD,
    Client,
    Clock,
    Open,
    codes,
    payment,
)

INSTANT = "/v1/payments/instant-sepa-credit-transfers"
ABROAD = "/v1/payments/cross-border-credit-transfers"


# ---- the ledger -------------------------------------------------------------------------------


async def test_a_payment_is_executed_once_and_to_the_cent(client: Client, clock: Clock) -> None:
    request_id = str(uuid4())
    answer = await client.call("POST", PAYMENTS, payment(), request_id=request_id)
    made = answer.json()
    assert answer.status_code == 201
    assert made["transactionStatus"] == "ACSC"
    assert answer.headers["Location"] == f"{PAYMENTS}/{made['paymentId']}"
    assert "ASPSP-SCA-Approach" not in answer.headers
    for _ in range(3):
        assert await client.status(made) == "ACSC"

    [done] = client.bank.ledger
    assert (done.payment_id, done.request_id) == (made["paymentId"], request_id)
    assert (done.end_to_end_id, done.remittance) == ("E2E-1", "INV-7")
    assert (done.amount, done.currency, done.at) == (123_50, "EUR", clock())
    assert (done.debtor_iban, done.creditor_iban) == (EUR, CREDITOR)
    assert done.creditor_name == "ACME Ltd"
    account = client.bank.accounts[EUR]
    assert (account.booked, account.available) == (876_50, 876_50)


async def test_a_payment_is_shown_as_it_was_sent(client: Client) -> None:
    made = await client.pay()
    shown = await client.get(made["_links"]["self"]["href"])
    assert shown == {**payment(), "transactionStatus": "ACSC"}


async def test_money_between_own_accounts_arrives(opened: Open) -> None:
    client = await opened()
    await client.consented()
    await client.call(
        "POST",
        ABROAD,
        payment(
            debtorAccount={"iban": USD},
            creditorAccount={"iban": EUR},
            instructedAmount={"currency": "USD", "amount": "1"},
        ),
    )
    assert client.bank.accounts[USD].booked == 499_00
    [entry] = (await client.transactions())["transactions"]["booked"]
    assert entry["transactionAmount"]["amount"] == "1.00"
    assert entry["debtorAccount"] == {"iban": USD}


@pytest.mark.parametrize(("replays", "executed"), [(True, 1), (False, 2)])
async def test_a_repeated_request_id(opened: Open, replays: bool, executed: int) -> None:
    client = await opened(replays_request_id=replays)
    request_id = str(uuid4())
    answers = [
        await client.call("POST", PAYMENTS, payment(), request_id=request_id) for _ in range(2)
    ]
    assert len({answer.json()["paymentId"] for answer in answers}) == executed
    assert len(client.bank.ledger) == executed
    if replays:
        other = payment(creditorName="Somebody else")
        answer = await client.call("POST", PAYMENTS, other, request_id=request_id)
        assert codes(answer) == (400, "FORMAT_ERROR")
        assert len(client.bank.ledger) == 1


async def test_a_returned_payment_comes_back_once(client: Client, clock: Clock) -> None:
    await client.consented()
    made = await client.pay()
    clock.advance(days=1)
    client.bank.return_payment(made["paymentId"], "AC04")
    assert client.bank.accounts[EUR].booked == 1_000_00
    assert client.bank.ledger[0].returned_at == clock()
    out, back = (await client.transactions())["transactions"]["booked"]
    assert out["transactionAmount"]["amount"] == "-123.50"
    assert back["transactionAmount"]["amount"] == "123.50"
    assert back["endToEndId"] == out["endToEndId"] == "E2E-1"
    assert back["debtorName"] == "ACME Ltd"
    assert "AC04" in back["remittanceInformationUnstructured"]
    with pytest.raises(ValueError, match="before"):
        client.bank.return_payment(made["paymentId"])
    with pytest.raises(KeyError):
        client.bank.return_payment("unheard-of")


# ---- the life of a payment --------------------------------------------------------------------


async def test_a_payment_is_followed_by_looking(opened: Open) -> None:
    client = await opened(sca=Sca(after_polls=2), settles_after_polls=2)
    made = await client.pay()
    assert made["transactionStatus"] == "RCVD"
    assert "psuMessage" in made
    seen = [await client.status(made) for _ in range(7)]
    assert seen == ["RCVD", "RCVD", "ACTC", "ACSP", "ACSC", "ACSC", "ACSC"]
    assert len(client.bank.ledger) == 1


async def test_a_payment_is_followed_by_the_clock(opened: Open, clock: Clock) -> None:
    client = await opened(sca=Sca(after=timedelta(minutes=1)), settles_after=timedelta(minutes=2))
    made = await client.pay()
    seen = []
    for _ in range(5):
        seen.append(await client.status(made))
        clock.advance(seconds=45)
    assert seen == ["RCVD", "RCVD", "ACTC", "ACTC", "ACSP"]
    clock.advance(minutes=2)
    assert await client.status(made) == "ACSC"


async def test_money_on_its_way_is_set_aside_and_pending(opened: Open) -> None:
    client = await opened(settles_after_polls=None)
    await client.consented()
    made = await client.pay()
    assert made["transactionStatus"] == "ACTC"
    shown = await client.get(made["_links"]["status"]["href"])
    assert shown["fundsAvailable"] is True
    assert await client.balance("interimBooked") == "1000.00"
    assert await client.balance("interimAvailable") == "876.50"
    report = (await client.transactions())["transactions"]
    assert report["booked"] == []
    [pending] = report["pending"]
    assert pending["endToEndId"] == "E2E-1"
    assert pending["transactionAmount"] == {"currency": "EUR", "amount": "-123.50"}
    client.bank.settle(made["paymentId"])
    assert await client.balance("interimBooked") == "876.50"
    assert (await client.transactions())["transactions"]["pending"] == []
    with pytest.raises(ValueError, match="ended"):
        client.bank.settle(made["paymentId"])
    with pytest.raises(ValueError, match="ended"):
        client.bank.reject(made["paymentId"], "too late")


async def test_a_later_payment_waits_for_its_day(opened: Open, clock: Clock) -> None:
    client = await opened()
    made = await client.pay(requestedExecutionDate="2026-03-04")
    clock.advance(days=1)
    assert await client.status(made) == "ACTC"
    assert client.bank.accounts[EUR].available == 1_000_00
    clock.advance(days=1)
    assert await client.status(made) == "ACSC"


async def test_without_money_it_is_rejected(client: Client) -> None:
    made = await client.pay(instructedAmount={"currency": "EUR", "amount": "1000.01"})
    assert made["transactionStatus"] == "RJCT"
    assert "money" in made["psuMessage"]
    assert "money" in (await client.get(made["_links"]["status"]["href"]))["psuMessage"]
    assert client.bank.ledger == []


async def test_without_money_it_is_refused_where_bank_or_client_want_it(opened: Open) -> None:
    body = payment(instructedAmount={"currency": "EUR", "amount": "1000.01"})
    preferring = {"TPP-Rejection-NoFunds-Preferred": "true"}
    answer = await (await opened()).call("POST", PAYMENTS, body, headers=preferring)
    assert codes(answer) == (400, "PAYMENT_FAILED")
    client = await opened(no_funds=NoFunds.REFUSES)
    assert codes(await client.call("POST", PAYMENTS, body)) == (400, "PAYMENT_FAILED")
    later = {**body, "requestedExecutionDate": "2026-03-09"}
    assert (await client.call("POST", PAYMENTS, later)).status_code == 201


async def test_without_money_it_waits_where_the_bank_is_patient(opened: Open) -> None:
    client = await opened(no_funds=NoFunds.WAITS)
    made = await client.pay(instructedAmount={"currency": "EUR", "amount": "1000.01"})
    assert await client.status(made) == "PDNG"
    client.bank.credit(EUR, 1, "A. Saver", "a cent")
    assert await client.status(made) == "ACSC"
    assert client.bank.accounts[EUR].booked == 0


async def test_a_closed_creditor_is_rejected_with_its_reason(opened: Open) -> None:
    client = await opened(closed_creditors={CREDITOR: "AC04 account closed"})
    made = await client.pay()
    assert (made["transactionStatus"], made["psuMessage"]) == ("RJCT", "AC04 account closed")
    assert client.bank.ledger == []


async def test_a_payment_can_be_rejected_on_its_way(opened: Open) -> None:
    client = await opened(settles_after_polls=None)
    made = await client.pay()
    client.bank.reject(client.bank.payment("E2E-1").id, "compliance")
    assert await client.status(made) == "RJCT"
    assert client.bank.accounts[EUR].available == 1_000_00


# ---- authentication ---------------------------------------------------------------------------


async def test_the_user_is_asked_on_his_phone(opened: Open) -> None:
    client = await opened(sca=Sca(after_polls=2))
    answer = await client.call("POST", PAYMENTS, payment())
    assert answer.headers["ASPSP-SCA-Approach"] == "DECOUPLED"
    href = answer.json()["_links"]["scaStatus"]["href"]
    seen = [(await client.get(href))["scaStatus"] for _ in range(4)]
    assert seen == ["scaMethodSelected", "started", "finalised", "finalised"]
    place = href.rpartition("/")
    listed = await client.get(place[0])
    assert listed == {"authorisationIds": [place[2]]}


@pytest.mark.parametrize("asks", [True, False])
async def test_authorisation_is_started_by_the_client(opened: Open, asks: bool) -> None:
    client = await opened(sca=Sca(Phone.IGNORES, starts_implicitly=asks))
    wish = {"TPP-Explicit-Authorisation-Preferred": "true"} if asks else {}
    made = (await client.call("POST", PAYMENTS, payment(), headers=wish)).json()
    assert "scaStatus" not in made["_links"]
    start = made["_links"]["startAuthorisation"]["href"]
    answer = await client.call("POST", start, {})
    assert (answer.status_code, answer.headers["ASPSP-SCA-Approach"]) == (201, "DECOUPLED")
    assert codes(await client.call("POST", start)) == (409, "STATUS_INVALID")
    assert await client.status(made) == "RCVD"
    client.bank.confirm(made["paymentId"])
    sca = await client.get(answer.json()["_links"]["scaStatus"]["href"])
    assert sca["scaStatus"] == "finalised"
    assert await client.status(made) == "ACSC"


async def test_what_the_user_declines_is_rejected(opened: Open) -> None:
    client = await opened(sca=Sca(Phone.DECLINES, after_polls=0))
    made = await client.pay()
    assert (await client.get(made["_links"]["scaStatus"]["href"]))["scaStatus"] == "failed"
    assert await client.status(made) == "RJCT"
    client.bank.sca = Sca(Phone.IGNORES)
    second = await client.pay()
    client.bank.decline(second["paymentId"])
    assert await client.status(second) == "RJCT"
    assert client.bank.ledger == []
    with pytest.raises(LookupError):
        client.bank.confirm(second["paymentId"])


@pytest.mark.parametrize("starts", [True, False])
async def test_what_the_user_ignores_is_rejected_in_time(
    opened: Open, clock: Clock, starts: bool
) -> None:
    client = await opened(sca=Sca(Phone.IGNORES, starts_implicitly=starts))
    made = await client.pay()
    clock.advance(minutes=14)
    assert await client.status(made) == "RCVD"
    clock.advance(minutes=1)
    assert await client.status(made) == "RJCT"


async def test_a_lost_payment_goes_on_when_its_account_is_read(opened: Open) -> None:
    client = await opened(
        sca=Sca(after_polls=1), settles_after_polls=1, consent_sca=Sca(Phone.EXEMPT)
    )
    await client.consented()
    await client.pay()
    seen = [len((await client.transactions())["transactions"]["booked"]) for _ in range(3)]
    assert seen == [0, 0, 1]


# ---- cancellation -----------------------------------------------------------------------------


async def test_a_payment_is_cancelled_before_it_goes(opened: Open) -> None:
    client = await opened(sca=Sca(Phone.IGNORES))
    made = await client.pay()
    assert (await client.call("DELETE", made["_links"]["self"]["href"])).status_code == 204
    assert await client.status(made) == "CANC"
    again = await client.call("DELETE", made["_links"]["self"]["href"])
    assert codes(again) == (405, "CANCELLATION_INVALID")
    client.bank.confirm(made["paymentId"])
    assert await client.status(made) == "CANC"
    assert client.bank.ledger == []


async def test_an_executed_payment_is_not_cancelled(client: Client) -> None:
    made = await client.pay()
    answer = await client.call("DELETE", made["_links"]["self"]["href"])
    assert codes(answer) == (405, "CANCELLATION_INVALID")
    assert len(client.bank.ledger) == 1


async def test_a_cancellation_may_have_to_be_authorised(opened: Open) -> None:
    client = await opened(
        sca=Sca(Phone.IGNORES), cancellation_needs_sca=True, settles_after_polls=None
    )
    made = await client.pay()
    client.bank.confirm(made["paymentId"])
    answer = await client.call("DELETE", made["_links"]["self"]["href"])
    assert answer.status_code == 202
    start = answer.json()["_links"]["startAuthorisation"]["href"]
    started = (await client.call("POST", start)).json()
    assert codes(await client.call("POST", start)) == (409, "STATUS_INVALID")
    assert await client.status(made) == "ACTC"
    client.bank.confirm(made["paymentId"])
    assert (await client.get(started["_links"]["scaStatus"]["href"]))["scaStatus"] == "finalised"
    assert await client.get(start) == {"authorisationIds": [started["authorisationId"]]}
    assert await client.status(made) == "CANC"
    assert client.bank.accounts[EUR].available == 1_000_00


async def test_an_instant_payment_cannot_be_called_back(opened: Open) -> None:
    client = await opened(settles_after_polls=None)
    made = (await client.call("POST", INSTANT, payment())).json()
    answer = await client.call("DELETE", made["_links"]["self"]["href"])
    assert codes(answer) == (405, "CANCELLATION_INVALID")


# ---- what is refused --------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"creditorName": None}, "FORMAT_ERROR"),
    ({"creditorName": ""}, "FORMAT_ERROR"),
    ({"creditorName": "x" * 71}, "FORMAT_ERROR"),
    ({"creditorName": "Müller"}, "FORMAT_ERROR"),
    ({"creditorName": 7}, "FORMAT_ERROR"),
    ({"endToEndIdentification": "x" * 36}, "FORMAT_ERROR"),
    ({"endToEndIdentification": "/x"}, "FORMAT_ERROR"),
    ({"endToEndIdentification": "a//b"}, "FORMAT_ERROR"),
    ({"endToEndIdentification": "a\nb"}, "FORMAT_ERROR"),
    ({"remittanceInformationUnstructured": "x" * 141}, "FORMAT_ERROR"),
    ({"remittanceInformationUnstructured": "a & b"}, "FORMAT_ERROR"),
    ({"creditorAccount": {"iban": "DE02100100109307118604"}}, "FORMAT_ERROR"),
    ({"creditorAccount": {"iban": "DE0210010010930711860"}}, "FORMAT_ERROR"),
    ({"creditorAccount": {"iban": "de02100100109307118603"}}, "FORMAT_ERROR"),
    ({"creditorAccount": {"bban": "12345"}}, "FORMAT_ERROR"),
    ({"creditorAccount": {}}, "FORMAT_ERROR"),
    ({"creditorAccount": {"iban": CREDITOR, "colour": "red"}}, "FORMAT_ERROR"),
    ({"creditorAccount": {"iban": "BR1500000000000010932840814P2"}}, "FORMAT_ERROR"),
    ({"creditorAgent": "NOT A BIC"}, "FORMAT_ERROR"),
    ({"chargeBearer": "SHAR"}, "FORMAT_ERROR"),
    ({"debtorAccount": {"iban": CREDITOR}}, "RESOURCE_UNKNOWN"),
    ({"debtorAccount": {"iban": EUR, "currency": "USD"}}, "RESOURCE_UNKNOWN"),
    ({"instructedAmount": {"currency": "EUR", "amount": "1.005"}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"currency": "EUR", "amount": "1,00"}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"currency": "EUR", "amount": "1e2"}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"currency": "EUR", "amount": "0"}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"currency": "EUR", "amount": "-1"}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"currency": "EUR", "amount": "1000000000"}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"currency": "EUR", "amount": 1}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"currency": "USD", "amount": "1"}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"currency": "XXX", "amount": "1"}}, "FORMAT_ERROR"),
    ({"instructedAmount": {"amount": "1"}}, "FORMAT_ERROR"),
    ({"requestedExecutionDate": "2026-03-01"}, "EXECUTION_DATE_INVALID"),
    ({"requestedExecutionDate": "2027-03-03"}, "EXECUTION_DATE_INVALID"),
    ({"requestedExecutionDate": "20260309"}, "FORMAT_ERROR"),
    ({"requestedExecutionDate": "2026-02-30"}, "FORMAT_ERROR"),
    ({"surprise": "x"}, "FORMAT_ERROR"),
]


@pytest.mark.parametrize("with_file", [True, False])
async def test_a_wrong_payment_is_refused_and_nothing_moves(opened: Open, with_file: bool) -> None:
    client = await opened(**({} if with_file else {"openapi": None}))
    for changes, code in WRONG:
        answer = await client.call("POST", PAYMENTS, payment(**changes))
        assert codes(answer) == (400, code), changes
    for body in (b"", b"{", b"[]", b'"x"', b"[" * 100_000):
        answer = await client.call("POST", PAYMENTS, body)
        assert codes(answer) == (400, "FORMAT_ERROR"), body[:9]
    assert client.bank.payments.all == {}


async def test_a_blocked_account_pays_nothing(client: Client) -> None:
    client.bank.accounts[EUR].status = "blocked"
    answer = await client.call("POST", PAYMENTS, payment())
    assert codes(answer) == (403, "SERVICE_BLOCKED")


async def test_more_characters_where_the_bank_takes_them(opened: Open) -> None:
    client = await opened(extended_characters=True)
    await client.pay(creditorName="Müller & Söhne")
    assert client.bank.ledger[0].creditor_name == "Müller & Söhne"
    answer = await client.call("POST", PAYMENTS, payment(creditorName="a\u0000b"))
    assert codes(answer) == (400, "FORMAT_ERROR")


async def test_abroad_the_bank_wants_to_know_where(client: Client) -> None:
    await client.consented()
    dollars = {"instructedAmount": {"currency": "USD", "amount": "10.00"}}
    there = {"debtorAccount": {"iban": USD}, "creditorAccount": {"bban": "000123456789"}}
    body = payment(**dollars, **there)
    assert codes(await client.call("POST", ABROAD, body)) == (400, "FORMAT_ERROR")
    body |= {"creditorAgent": "CHASUS33", "creditorAddress": {"country": "US"}}
    slev = await client.call("POST", ABROAD, {**body, "chargeBearer": "SLEV"})
    assert codes(slev) == (400, "FORMAT_ERROR")
    client.bank.settles_after_polls = None
    assert (await client.call("POST", ABROAD, body)).status_code == 201
    [pending] = (await client.transactions(iban=USD))["transactions"]["pending"]
    assert pending["creditorAccount"] == {"bban": "000123456789"}
    client.bank.settle(client.bank.payment("E2E-1").id)
    [booked] = (await client.transactions(iban=USD))["transactions"]["booked"]
    assert booked["creditorAccount"] == {"bban": "000123456789"}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/payments/gold-transfers", (404, "PRODUCT_UNKNOWN")),
        ("POST", "/v1/payments/target-2-payments", (404, "PRODUCT_UNKNOWN")),
        ("POST", "/v1/bulk-payments/sepa-credit-transfers", (404, "RESOURCE_UNKNOWN")),
        ("GET", f"{PAYMENTS}/nothing", (404, "RESOURCE_UNKNOWN")),
        ("GET", f"{PAYMENTS}/nothing/status", (404, "RESOURCE_UNKNOWN")),
        ("DELETE", f"{PAYMENTS}/nothing", (404, "RESOURCE_UNKNOWN")),
        ("PUT", f"{PAYMENTS}/nothing", (405, "SERVICE_INVALID")),
        ("GET", "/v2/anything", (404, "RESOURCE_UNKNOWN")),
    ],
)
async def test_what_is_not_there(
    client: Client, method: str, path: str, expected: tuple[int, str]
) -> None:
    body = payment() if method == "POST" else None
    assert codes(await client.call(method, path, body)) == expected


async def test_a_payment_is_known_under_its_product_only(client: Client) -> None:
    made = await client.pay()
    answer = await client.call("GET", f"{INSTANT}/{made['paymentId']}/status")
    assert codes(answer) == (404, "RESOURCE_UNKNOWN")
    answer = await client.call("GET", f"{PAYMENTS}/{made['paymentId']}/authorisations/nothing")
    assert codes(answer) == (404, "RESOURCE_UNKNOWN")
