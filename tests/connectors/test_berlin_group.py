"""The connector against answers that no sane bank gives: a bank whose every byte is ours."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors.api.berlin_group import BerlinGroup
from connectors.api.berlin_group_messages import PROGRESS
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.base import (
    Account,
    BalanceType,
    ConnectorError,
    Creditor,
    Indeterminate,
    Instruction,
    Misconfigured,
    NotSent,
    Outcome,
    Progress,
    Refused,
    Untrusted,
)
from connectors.money import Money
from connectors.signing import RequestSigner
from tests.connectors.certificates import Identity
from tests.connectors.loopback import Loopback, Request, http, loopback

NOW = datetime(2026, 3, 9, 22, 30, tzinfo=UTC)  # already the 10th in Helsinki
ACCOUNT = Account("operating", "DE40100100103307118608", "EUR", "Example", "Europe/Helsinki")
PAYMENT = "/v1/payments/sepa-credit-transfers"
INSTRUCTION = Instruction(
    order_id="o-1",
    end_to_end_id="E2E-1",
    request_id="99391c7e-ad88-49ec-a2ad-99ddcb1f7721",
    account=ACCOUNT,
    creditor=Creditor("ACME Ltd", "DE02100100109307118603", "PBNKDEFF", "DE"),
    amount=Money(1250_00, "EUR"),
    remittance_information="INV-7",
    requested_execution_date=date(2026, 3, 12),
    service="sepa-credit-transfers",
    requester_ip="192.0.2.7",
)


class Memory:
    """What a connector remembers, in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.values.get(key)

    async def put(self, key: str, value: str | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value


Answer = bytes | tuple[int, Any] | tuple[int, Any, dict[str, str]]


class Script:
    """Answers by method and path; the last of several answers stays."""

    def __init__(self, **routes: Any) -> None:
        self.routes: dict[str, list[Answer]] = {}
        self.sign: Callable[[dict[str, str], bytes], dict[str, str]] | None = None

    def on(self, route: str, *answers: Answer) -> Script:
        self.routes[route] = list(answers)
        return self

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        for route, answers in self.routes.items():
            if re.fullmatch(route, f"{request.method} {request.path}"):
                answer = answers[0] if len(answers) == 1 else answers.pop(0)
                break
        else:
            raise AssertionError(f"unexpected: {request.method} {request.path}")
        if isinstance(answer, bytes):
            writer.write(answer)
            writer.close()
            return
        status, body, *more = answer
        headers = {"X-Request-ID": request.headers["x-request-id"], **(more[0] if more else {})}
        headers = {name: value for name, value in headers.items() if value}
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        if self.sign:
            headers |= self.sign(headers, content)
        kind = headers.pop("Content-Type", "application/json")
        writer.write(http(status, content, headers, kind))


@asynccontextmanager
async def bank(script: Script, **settings: Any) -> AsyncIterator[tuple[BerlinGroup, Loopback]]:
    async with loopback(script) as server:
        connector = BerlinGroup(
            "main-bank",
            BerlinGroupSettings.model_validate(
                {"url": f"{server.url}/psd2", "consent_id": "consent-1", **settings}
            ),
            Memory(),
            lambda: NOW,
        )
        try:
            yield connector, server
        finally:
            await connector.close()


def created(status: str = "RCVD", **more: Any) -> dict[str, Any]:
    return {"transactionStatus": status, "paymentId": "p-1", "_links": {}, **more}


def complaint(code: str, text: str = "no", category: str = "ERROR") -> dict[str, Any]:
    return {"tppMessages": [{"category": category, "code": code, "text": text}]}


POST = f"POST /psd2{PAYMENT}"
STATUS = f"GET /psd2{PAYMENT}/p-1/status"
SHOWN = {
    "endToEndIdentification": "E2E-1",
    "debtorAccount": {"iban": ACCOUNT.iban},
    "instructedAmount": {"currency": "EUR", "amount": "1250"},
    "creditorAccount": {"iban": "DE02 1001 0010 9307 1186 03"},
    "creditorName": "ACME LTD",
    "transactionStatus": "ACSC",
}
ACCOUNTS = {
    "accounts": [
        {"resourceId": "other", "iban": ACCOUNT.iban, "currency": "USD"},
        {"resourceId": "a/1", "iban": ACCOUNT.iban, "currency": "EUR"},
    ]
}
MOVEMENT = {
    "transactionId": "T-1",
    "endToEndId": "E2E-1",
    "bookingDate": "2026-03-10",
    "transactionAmount": {"currency": "EUR", "amount": "-1250.00"},
    "creditorAccount": {"iban": "DE02100100109307118603"},
}


def movements(*booked: Any, pending: Any = (), following: str | None = None) -> dict[str, Any]:
    links = {"account": {"href": "/psd2/v1/accounts/a"}}
    if following:
        links["next"] = {"href": following}
    return {
        "account": {"iban": ACCOUNT.iban},
        "transactions": {"booked": list(booked), "pending": list(pending), "_links": links},
    }


def reading(*pages: Any) -> Script:
    return (
        Script()
        .on("GET /psd2/v1/accounts", (200, ACCOUNTS))
        .on(r"GET /psd2/v1/accounts/a%2F1/transactions\?.*", *((200, page) for page in pages))
    )


async def submitted(*answers: Answer, **settings: Any) -> tuple[Outcome, Loopback]:
    async with bank(Script().on(POST, *answers), **settings) as (connector, server):
        return await connector.submit(INSTRUCTION), server


async def test_the_instruction_is_sent_as_it_was_approved() -> None:
    outcome, server = await submitted((201, created()), access_token="t0ken", psu_id="anna")
    assert outcome == Outcome(Progress.PENDING, "RCVD", "p-1")
    [request] = server.requests
    assert request.json == {
        "endToEndIdentification": "E2E-1",
        "debtorAccount": {"iban": ACCOUNT.iban, "currency": "EUR"},
        "instructedAmount": {"currency": "EUR", "amount": "1250.00"},
        "creditorAccount": {"iban": "DE02100100109307118603"},
        "creditorName": "ACME Ltd",
        "creditorAgent": "PBNKDEFF",
        "creditorAddress": {"country": "DE"},
        "remittanceInformationUnstructured": "INV-7",
        "requestedExecutionDate": "2026-03-12",
    }
    headers = request.headers
    assert headers["x-request-id"] == INSTRUCTION.request_id
    assert headers["psu-ip-address"] == "192.0.2.7"
    assert headers["psu-id"] == "anna"
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["tpp-decoupled-preferred"] == "true"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("known", ["::1", "2001:db8::1", "127.0.0.1", "nonsense\r\nA: b"])
async def test_an_address_that_says_nothing_is_replaced_by_ours(known: str) -> None:
    script = Script().on(POST, (201, created()))
    async with bank(script, psu_ip_address="198.51.100.1") as (connector, server):
        await connector.submit(replace(INSTRUCTION, requester_ip=known))
    assert server.requests[0].headers["psu-ip-address"] == "198.51.100.1"


@pytest.mark.parametrize(("status", "progress"), PROGRESS.items())
async def test_every_status_of_the_standard(status: str, progress: Progress) -> None:
    outcome, _ = await submitted((201, created(status)))
    assert (outcome.progress, outcome.status, outcome.reference) == (progress, status, "p-1")


async def test_the_table_of_statuses_is_the_whole_standard() -> None:
    assert {
        progress: {s for s, p in PROGRESS.items() if p is progress} for progress in Progress
    } == {
        Progress.SETTLED: {"ACSC", "ACCC"},
        Progress.REFUSED: {"RJCT"},
        Progress.CANCELLED: {"CANC"},
        Progress.PENDING: {
            *("ACSP", "ACWP", "PDNG", "RCVD", "ACTC", "ACCP", "ACFC", "ACWC", "PATC", "PART")
        },
    }


@pytest.mark.parametrize("status", ["ACSCX", "DONE", "acsc", "BLCK"])
async def test_an_unknown_status_never_settles(status: str) -> None:
    outcome, _ = await submitted((201, created(status)))
    assert (outcome.progress, outcome.status) == (Progress.PENDING, status)


async def test_a_refusal_by_status_tells_why() -> None:
    said = (
        complaint("WARNING", "w", "WARNING")["tppMessages"]
        + complaint("AC01", "bad\x00\u202e iban\n")["tppMessages"]
    )
    outcome, _ = await submitted((201, created("RJCT", tppMessages=said)))
    assert (outcome.progress, outcome.reason_code) == (Progress.REFUSED, "AC01")
    assert outcome.reason_text == "bad iban"
    outcome, _ = await submitted((201, created("RJCT", psuMessage="You did not confirm.")))
    assert (outcome.reason_code, outcome.reason_text) == (None, "You did not confirm.")
    assert outcome.waiting_for_person is None


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "FORMAT_ERROR", Refused),
        (400, "FUNDS_NOT_AVAILABLE", Refused),
        (403, "SERVICE_BLOCKED", Refused),
        (404, "PRODUCT_UNKNOWN", Refused),
        (405, "SERVICE_INVALID", Refused),
        (400, "SOMETHING_NEW", Refused),
        (401, "CERTIFICATE_EXPIRED", Misconfigured),
        (401, "SIGNATURE_INVALID", Misconfigured),
        (401, "TOKEN_EXPIRED", Misconfigured),
        (401, "PSU_CREDENTIALS_INVALID", Misconfigured),
        (403, "CONSENT_UNKNOWN", Misconfigured),
        (429, "ACCESS_EXCEEDED", NotSent),
        (503, "SERVICE_UNAVAILABLE", NotSent),
        (503, "OTHER", Indeterminate),
        (408, "REQUEST_TIMEOUT", Indeterminate),
        (409, "STATUS_INVALID", Indeterminate),
        (500, "INTERNAL_SERVER_ERROR", Indeterminate),
        (502, "SERVICE_UNAVAILABLE", Indeterminate),
    ],
)
@pytest.mark.parametrize("form", ["tppMessages", "problem"])
async def test_what_the_banks_errors_mean(
    status: int, code: str, kind: type[ConnectorError], form: str
) -> None:
    body, headers = complaint(code, "please\x1b[31m\nmend " + "x" * 9000), {}
    if form == "problem":
        body = {
            "type": "https://x",
            "code": code,
            "title": "t",
            "detail": "please\x1b[31m mend " + "x" * 9000,
        }
        headers = {"Content-Type": "application/problem+json; charset=utf-8"}
    with pytest.raises(ConnectorError) as caught:
        await submitted((status, body, {**headers, "Retry-After": "120"}))
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.params["status"]) == (code, str(status))
    assert error.detail.startswith("please[31m mend xxx")
    assert len(error.detail) == 500
    assert error.params["retry_after"] == "120"


@pytest.mark.parametrize(
    "answer",
    [
        (400, b"<html>no</html>", {"Content-Type": "text/html"}),
        (400, complaint("FORMAT_ERROR"), {"Content-Type": "text/plain"}),
        (400, b"{"),
        (400, b""),
        (400, {}),
        (400, {"tppMessages": []}),
        (400, {"tppMessages": "no"}),
        (400, complaint("FORMAT_ERROR", category="WARNING")),
        (400, complaint("http.refused")),
        (400, complaint("A" * 100)),
        (400, b'{"tppMessages":[{"category":"ERROR","code":"A"}],"tppMessages":[]}'),
        (401, b""),
        (403, b""),
        (200, created()),
        (202, created()),
        (204, b""),
        (302, b"", {"Location": "http://127.0.0.1:1/"}),
        (307, b"", {"Location": "/psd2/elsewhere"}),
        (201, b""),
        (201, b"{}"),
        (201, b"[1]"),
        (201, b"not JSON"),
        (201, json.dumps(created()).encode("utf-16")),
        (201, created(), {"Content-Type": "text/html"}),
        (201, created(), {"X-Request-ID": "99391c7e-ad88-49ec-a2ad-99ddcb1f7722"}),
        (201, created(), {"X-Request-ID": ""}),
        (400, complaint("FORMAT_ERROR"), {"X-Request-ID": ""}),
        (400, complaint("FORMAT_ERROR"), {"X-Request-ID": "another"}),
        (201, created(paymentId="")),
        (201, created(paymentId="..")),
        (201, created(paymentId="p\n1")),
        (201, created(paymentId=7)),
        (201, created(paymentId="p" * 300)),
        (201, created(status="")),
        (201, {"transactionStatus": "ACSC"}),
        (201, b'{"transactionStatus":"RJCT","transactionStatus":"ACSC","paymentId":"p"}'),
        (201, b" " * 5_000_000),
    ],
)
async def test_an_answer_that_is_not_what_it_should_be_proves_nothing(answer: Answer) -> None:
    with pytest.raises(Untrusted):
        await submitted(answer)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_bare_server_errors_after_a_payment(status: int) -> None:
    with pytest.raises(Indeterminate) as caught:
        await submitted((status, b"", {"X-Request-ID": ""}))
    assert type(caught.value) is Indeterminate
    assert caught.value.code == "http.server_error"


async def test_too_many_requests_never_acted() -> None:
    when = "Mon, 09 Mar 2026 22:31:30 GMT"
    with pytest.raises(NotSent) as caught:
        await submitted((429, b"", {"X-Request-ID": "", "Retry-After": when}))
    assert caught.value.params == {"status": "429", "retry_after": "90"}


async def test_remarks_and_links_of_any_form_do_not_cost_us_the_answer() -> None:
    odd = created(tppMessages=[7, {"code": "x y\x00"}], _links={"self": "/x", "a": {"href": 1}})
    outcome, _ = await submitted((201, odd))
    assert outcome.reference == "p-1"


async def test_the_token_is_nowhere_in_an_error() -> None:
    said = complaint("TOKEN_INVALID", "the token t0ken-s3cret is unknown")
    with pytest.raises(Misconfigured) as caught:
        await submitted((401, said), access_token="t0ken-s3cret")
    assert "t0ken-s3cret" not in repr(caught.value) + str(caught.value)
    assert caught.value.detail == "the token *** is unknown"


# Strong customer authentication, decoupled


async def test_an_authorisation_is_started_and_followed_until_it_is_done() -> None:
    starts = {"startAuthorisationWithPsuIdentification": {"href": f"{PAYMENT}/p-1/authorisations"}}
    path = f"/psd2{PAYMENT}/p-1/authorisations"
    script = (
        Script()
        .on(POST, (201, created(_links=starts)))
        .on(
            f"POST {path}",
            (503, b""),
            (201, {"scaStatus": "started", "authorisationId": "s-1", "psuMessage": "Open the app"}),
        )
        .on(
            f"GET {path}/s-1",
            (200, {"scaStatus": "started"}),
            (500, b""),
            (200, {"scaStatus": "finalised"}),
        )
        .on(
            STATUS,
            *[(200, {"transactionStatus": "RCVD"})] * 4,
            (200, {"transactionStatus": "ACSC"}),
        )
    )
    async with bank(script) as (connector, server):
        outcome = await connector.submit(INSTRUCTION)
        assert (outcome.reference, outcome.waiting_for_person) == ("p-1", "")
        words = [(await connector.follow(INSTRUCTION, "p-1")).waiting_for_person for _ in range(4)]
        assert words == ["Open the app", "", "", None]
        last = await connector.follow(INSTRUCTION, "p-1")
    assert last == Outcome(Progress.SETTLED, "ACSC", "p-1")
    ids = [request.headers["x-request-id"] for request in server.requests]
    assert len(set(ids)) == len(ids)


async def test_an_authorisation_the_bank_started_itself() -> None:
    links = {
        "scaStatus": {"href": f"https://elsewhere.example{PAYMENT}/p-1/authorisations/s%201?x=y"}
    }
    script = (
        Script()
        .on(POST, (201, created(_links=links, psuMessage="Confirm\nin the app")))
        .on(STATUS, (200, {"transactionStatus": "RCVD"}))
        .on(f"GET /psd2{PAYMENT}/p-1/authorisations/s%201", (200, {"scaStatus": "exempted"}))
    )
    async with bank(script) as (connector, _):
        assert (await connector.submit(INSTRUCTION)).waiting_for_person == "Confirm in the app"
        assert (await connector.follow(INSTRUCTION, "p-1")).waiting_for_person is None


@pytest.mark.parametrize(
    "link", ["scaRedirect", "scaOAuth", "startAuthorisationWithPsuAuthentication"]
)
async def test_a_bank_that_wants_another_approach(link: str) -> None:
    outcome, _ = await submitted((201, created(_links={link: {"href": "https://x"}})))
    assert outcome.reason_code == "sca.unsupported"
    assert outcome.waiting_for_person == ""


async def test_more_people_have_to_confirm() -> None:
    outcome, _ = await submitted((201, created("PATC")))
    assert outcome.waiting_for_person == ""


async def test_a_store_that_fails_does_not_cost_us_the_reference() -> None:
    class Broken(Memory):
        async def put(self, key: str, value: str | None) -> None:
            raise OSError

    links = {"startAuthorisation": {"href": "x"}}
    script = (
        Script()
        .on(POST, (201, created(_links=links)))
        .on(f"{POST}/p-1/authorisations", (201, {"scaStatus": "started", "authorisationId": "s-1"}))
    )
    async with loopback(script) as server:
        settings = BerlinGroupSettings(url=f"{server.url}/psd2")
        connector = BerlinGroup("main-bank", settings, Broken(), lambda: NOW)
        assert (await connector.submit(INSTRUCTION)).reference == "p-1"
        await connector.close()


# Following


async def test_following_never_refuses() -> None:
    for answer, kind in (
        ((404, complaint("RESOURCE_UNKNOWN")), Indeterminate),
        ((400, complaint("FORMAT_ERROR")), Indeterminate),
        ((401, complaint("TOKEN_EXPIRED")), Misconfigured),
        ((401, b""), Misconfigured),
        ((429, b""), NotSent),
        ((500, b""), NotSent),
        ((200, {"transactionStatus": 7}), Untrusted),
        ((200, {"transactionStatus": "ACSC"}, {"X-Request-ID": "other"}), Untrusted),
        ((404, b""), Untrusted),
    ):
        async with bank(Script().on(STATUS, answer), read_attempts=1) as (connector, _):
            with pytest.raises(ConnectorError) as caught:
                await connector.follow(INSTRUCTION, "p-1")
            assert type(caught.value) is kind, answer


async def test_why_a_payment_stays_pending() -> None:
    body = {"transactionStatus": "PDNG", **complaint("FUNDS_NOT_AVAILABLE", "", "WARNING")}
    async with bank(Script().on(STATUS, (200, body))) as (connector, _):
        outcome = await connector.follow(INSTRUCTION, "p-1")
    assert (outcome.progress, outcome.reason_code) == (Progress.PENDING, "FUNDS_NOT_AVAILABLE")


# Cancelling


DELETE = f"DELETE /psd2{PAYMENT}/p-1"


async def test_cancelling() -> None:
    async with bank(Script().on(DELETE, (204, b""))) as (connector, _):
        assert await connector.cancel(INSTRUCTION, "p-1") == Outcome(
            Progress.CANCELLED, "CANC", "p-1"
        )


async def test_cancelling_that_a_person_has_to_confirm() -> None:
    body = {"transactionStatus": "ACTC", "_links": {"startAuthorisation": {"href": "x"}}}
    script = (
        Script()
        .on(DELETE, (202, body))
        .on(
            f"POST /psd2{PAYMENT}/p-1/cancellation-authorisations",
            (201, {"scaStatus": "started", "authorisationId": "s-1", "psuMessage": "Confirm"}),
        )
    )
    async with bank(script) as (connector, _):
        outcome = await connector.cancel(INSTRUCTION, "p-1")
    assert (outcome.progress, outcome.waiting_for_person) == (Progress.PENDING, "Confirm")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((405, complaint("CANCELLATION_INVALID")), Refused),
        ((400, complaint("RESOURCE_BLOCKED")), Refused),
        ((409, complaint("STATUS_INVALID")), Refused),
        ((500, b""), Indeterminate),
        ((200, b""), Untrusted),
        ((202, b""), Untrusted),
        (b"", Indeterminate),
    ],
)
async def test_cancelling_that_fails(answer: Answer, kind: type[ConnectorError]) -> None:
    async with bank(Script().on(DELETE, answer)) as (connector, _):
        with pytest.raises(ConnectorError) as caught:
            await connector.cancel(INSTRUCTION, "p-1")
    assert type(caught.value) is kind


# Enquiring


async def test_a_lost_payment_is_found_on_any_page() -> None:
    script = reading(
        movements(
            {**MOVEMENT, "endToEndId": "E2E-2"}, following="/v1/accounts/a%2F1/transactions?page=2"
        ),
        movements(MOVEMENT),
    )
    async with bank(script) as (connector, server):
        enquiry = await connector.enquire(INSTRUCTION, NOW - timedelta(hours=1))
    assert enquiry.outcome == Outcome(Progress.SETTLED, "BOOK", entry_reference="T-1")
    assert not enquiry.conclusive
    _, first, second = server.requests
    assert first.path.endswith(
        "?bookingStatus=both&dateFrom=2026-03-08&dateTo=2026-03-11&withBalance=true"
    )
    assert second.path == "/psd2/v1/accounts/a%2F1/transactions?page=2"
    assert first.headers["consent-id"] == second.headers["consent-id"] == "consent-1"


async def test_a_lost_payment_that_is_pending() -> None:
    pending = {k: v for k, v in MOVEMENT.items() if k not in ("transactionId", "bookingDate")}
    async with bank(reading(movements(pending=[pending]))) as (connector, _):
        enquiry = await connector.enquire(INSTRUCTION, NOW)
    assert enquiry.outcome == Outcome(Progress.PENDING, "PDNG")


async def test_finding_nothing_is_never_conclusive() -> None:
    coming_back = {**MOVEMENT, "transactionAmount": {"currency": "EUR", "amount": "1250.00"}}
    async with bank(reading(movements(coming_back))) as (connector, _):
        enquiry = await connector.enquire(INSTRUCTION, NOW)
    assert (enquiry.outcome, enquiry.conclusive) == (None, False)


async def test_a_bank_that_shows_only_booked_ones() -> None:
    script = (
        Script()
        .on("GET /psd2/v1/accounts", (200, ACCOUNTS))
        .on(r"GET .*bookingStatus=both.*", (400, complaint("PARAMETER_NOT_SUPPORTED")))
        .on(r"GET .*bookingStatus=booked.*", (200, movements(MOVEMENT)))
    )
    async with bank(script) as (connector, _):
        enquiry = await connector.enquire(INSTRUCTION, NOW)
    assert enquiry.outcome is not None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"transactionAmount": {"currency": "EUR", "amount": "-1250.01"}}, "amount"),
        ({"creditorAccount": {"iban": "DE00100100109307118603"}}, "creditor_account"),
    ],
)
async def test_another_payment_under_our_id_raises_the_alarm(
    change: dict[str, Any], field: str
) -> None:
    async with bank(reading(movements({**MOVEMENT, **change}))) as (connector, _):
        with pytest.raises(Untrusted) as caught:
            await connector.enquire(INSTRUCTION, NOW)
    assert (caught.value.code, caught.value.params["field"]) == ("payment.differs", field)


@pytest.mark.parametrize(
    "answer",
    [
        (401, complaint("CONSENT_EXPIRED")),
        (429, complaint("ACCESS_EXCEEDED")),
        (400, complaint("PERIOD_INVALID")),
        (500, b""),
        (200, b"garbage"),
        b"",
    ],
)
async def test_an_enquiry_that_fails_says_nothing_of_the_payment(answer: Answer) -> None:
    async with bank(Script().on("GET .*", answer), read_attempts=1) as (connector, _):
        with pytest.raises(Indeterminate):
            await connector.enquire(INSTRUCTION, NOW)


async def test_a_bank_that_promised_is_asked_by_the_same_request() -> None:
    promise = {"replays_request_id": True, "replay_hours": 2}
    script = Script().on(POST, b"", (201, created("ACSP")))
    async with bank(script, **promise) as (connector, server):
        with pytest.raises(Indeterminate):
            await connector.submit(INSTRUCTION)
        enquiry = await connector.enquire(INSTRUCTION, NOW - timedelta(hours=1), may_send=True)
    assert enquiry.outcome == Outcome(Progress.PENDING, "ACSP", "p-1")
    first, second = server.requests
    assert first.body == second.body
    assert first.headers["x-request-id"] == second.headers["x-request-id"]


async def test_a_promise_that_has_run_out_is_not_used() -> None:
    async with bank(reading(movements()), replays_request_id=True, replay_hours=2) as (
        connector,
        server,
    ):
        enquiry = await connector.enquire(INSTRUCTION, NOW - timedelta(hours=2), may_send=True)
    assert (enquiry.outcome, enquiry.conclusive) == (None, False)
    assert {request.method for request in server.requests} == {"GET"}


async def test_a_question_that_might_send_is_not_asked_where_nothing_may_be_sent() -> None:
    async with bank(reading(movements(MOVEMENT)), replays_request_id=True) as (connector, server):
        enquiry = await connector.enquire(INSTRUCTION, NOW)
    assert enquiry.outcome == Outcome(Progress.SETTLED, "BOOK", entry_reference="T-1")
    assert {request.method for request in server.requests} == {"GET"}


@pytest.mark.parametrize("code", ["FUNDS_NOT_AVAILABLE", "EXECUTION_DATE_INVALID"])
@pytest.mark.parametrize("found", [(), (MOVEMENT,)])
async def test_a_repeats_refusal_proves_nothing(
    code: str, found: tuple[dict[str, Any], ...]
) -> None:
    """The first may have been executed, and be why there is no money for the second."""
    script = reading(movements(*found)).on(POST, (400, complaint(code)))
    async with bank(script, replays_request_id=True) as (connector, _):
        enquiry = await connector.enquire(INSTRUCTION, NOW, may_send=True)
    assert not enquiry.conclusive
    progress = enquiry.outcome.progress if enquiry.outcome else None
    assert progress is (Progress.SETTLED if found else None)


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "TOKEN_EXPIRED"), (429, "ACCESS_EXCEEDED"), (503, "SERVICE_UNAVAILABLE")],
)
async def test_a_repeat_that_is_not_looked_at_says_nothing(status: int, code: str) -> None:
    script = Script().on(POST, (status, complaint(code)))
    async with bank(script, replays_request_id=True) as (connector, _):
        with pytest.raises(Indeterminate) as caught:
            await connector.enquire(INSTRUCTION, NOW, may_send=True)
    assert caught.value.code == code


# Reading accounts


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("https://elsewhere.example/psd2/v1/accounts/a/transactions", "answer.foreign_link"),
        ("//elsewhere.example/psd2/v1", "answer.foreign_link"),
        ("/psd2/../admin", "answer.foreign_link"),
        ("http://127.0.0.1:99999/psd2/x", "answer.foreign_link"),
        ("file:///etc/passwd", "answer.foreign_link"),
        ("/psd2/v1/accounts/a%2F1/transactions?page=2", "statement.endless"),
    ],
)
async def test_where_the_next_page_must_not_lead(link: str, code: str) -> None:
    script = reading(movements(following=link)).on(
        "GET /psd2/v1/accounts/a%2F1/balances",
        (
            200,
            {
                "balances": [
                    {
                        "balanceAmount": {"currency": "EUR", "amount": "1"},
                        "balanceType": "interimBooked",
                    }
                ]
            },
        ),
    )
    async with bank(script, page_limit=5) as (connector, _):
        with pytest.raises(Untrusted) as caught:
            await connector.collect(ACCOUNT, date(2026, 3, 1), date(2026, 3, 9))
    assert caught.value.code == code


async def test_pages_are_bounded() -> None:
    pages = [movements(following=f"?page={number}") for number in range(10)]
    async with bank(reading(*pages), page_limit=5) as (connector, server):
        with pytest.raises(Indeterminate) as caught:
            await connector.enquire(INSTRUCTION, NOW)
    assert caught.value.code == "statement.endless"
    assert len(server.requests) == 1 + 6


def amount(value: str) -> dict[str, Any]:
    element = {
        "balanceAmount": {"currency": "EUR", "amount": value},
        "balanceType": "interimBooked",
    }
    return {"account": {"iban": ACCOUNT.iban}, "balances": [element]}


async def test_collecting_waits_for_balances_that_stand_still() -> None:
    script = reading(movements(MOVEMENT)).on(
        "GET /psd2/v1/accounts/a%2F1/balances",
        *((200, amount(value)) for value in ("100", "90", "90", "90")),
    )
    async with bank(script) as (connector, server):
        kept = await connector.collect(ACCOUNT, date(2026, 3, 1), date(2026, 3, 10))
        statement = connector.convert(ACCOUNT, kept)
    assert statement.closing == Money(90_00, "EUR")
    assert [entry.end_to_end_id for entry in statement.entries] == ["E2E-1"]
    answers = json.loads(kept.content)
    assert json.loads(answers["pages"][0]["body"]) == movements(MOVEMENT)
    assert answers["pages"][0]["headers"]["x-request-id"] in {
        request.headers["x-request-id"] for request in server.requests
    }
    moving = reading(movements()).on(
        "GET /psd2/v1/accounts/a%2F1/balances", *((200, amount(str(n))) for n in range(9))
    )
    async with bank(moving) as (connector, _):
        with pytest.raises(NotSent) as caught:
            await connector.collect(ACCOUNT, date(2026, 3, 1), date(2026, 3, 10))
    assert caught.value.code == "statement.moving"


async def test_balances_on_the_pages_save_asking_for_them() -> None:
    first = movements(following="?page=2") | {"balances": amount("90")["balances"]}
    last = movements(MOVEMENT) | {"balances": amount("90")["balances"]}
    torn = movements(MOVEMENT) | {"balances": amount("91")["balances"]}
    script = reading(first, last, first, torn, first, last).on(
        "GET /psd2/v1/accounts/a%2F1/balances", (200, amount("80"))
    )
    async with bank(script) as (connector, server):
        for asked in (1, 3):  # first to learn whether pages have them, then for a torn reading
            kept = await connector.collect(ACCOUNT, date(2026, 3, 1), date(2026, 3, 10))
            statement = connector.convert(ACCOUNT, kept)
            assert statement.closing == Money(90_00, "EUR")
            assert sum(r.path.endswith("/balances") for r in server.requests) == asked


async def test_balances_and_the_accounts_own_id() -> None:
    script = (
        Script()
        .on("GET /psd2/v1/accounts", (200, ACCOUNTS))
        .on(
            "GET /psd2/v1/accounts/a%2F1/balances",
            (200, amount("12.5")),
            (404, complaint("RESOURCE_UNKNOWN")),
            (200, amount("13")),
        )
    )
    async with bank(script) as (connector, server):
        [balance] = await connector.balances(ACCOUNT)
        assert (balance.type, balance.amount) == (BalanceType.BOOKED, Money(12_50, "EUR"))
        with pytest.raises(Refused):
            await connector.balances(ACCOUNT)
        await connector.balances(ACCOUNT)
    looked_up = [request for request in server.requests if request.path == "/psd2/v1/accounts"]
    assert len(looked_up) == 2


async def test_an_account_the_bank_does_not_know() -> None:
    script = Script().on("GET /psd2/v1/accounts", (200, {"accounts": []}))
    async with bank(script) as (connector, _):
        with pytest.raises(Misconfigured) as caught:
            await connector.balances(ACCOUNT)
    assert (caught.value.code, caught.value.params) == ("account.unknown", {"account": "operating"})


async def test_without_a_consent() -> None:
    async with bank(Script(), consent_id=None) as (connector, server):
        with pytest.raises(Misconfigured) as caught:
            await connector.balances(ACCOUNT)
    assert caught.value.code == "consent.missing"
    assert server.requests == []


# Receipts


SHOW = f"GET /psd2{PAYMENT}/p-1"


async def test_a_receipt_holds_the_banks_own_words() -> None:
    neighbour = {**MOVEMENT, "endToEndId": "E2E-2"}
    script = reading(movements(neighbour, MOVEMENT)).on(SHOW, (200, SHOWN))
    async with bank(script) as (connector, _):
        receipt = await connector.receipt(INSTRUCTION, "p-1")
    assert receipt is not None
    assert (receipt.reference, receipt.booked_on, receipt.is_official) == (
        "T-1",
        date(2026, 3, 10),
        False,
    )
    content = json.loads(receipt.content)
    assert [json.loads(answer["body"]) for answer in content["answers"]] == [SHOWN]
    assert content["entry"] == MOVEMENT
    assert "E2E-2" not in receipt.content.decode(), (
        "somebody else's payment is none of its business"
    )


async def test_a_receipt_does_not_need_the_account() -> None:
    script = Script().on("GET /psd2/v1/accounts", (429, b"")).on(SHOW, (200, SHOWN))
    async with bank(script) as (connector, _):
        receipt = await connector.receipt(INSTRUCTION, "p-1")
    assert receipt is not None
    assert (receipt.reference, receipt.booked_on) == ("p-1", None)


async def test_a_payment_known_only_by_its_entry() -> None:
    async with bank(reading(movements(MOVEMENT), movements())) as (connector, _):
        receipt = await connector.receipt(INSTRUCTION, "")
        assert receipt is not None
        assert (receipt.reference, receipt.booked_on) == ("T-1", date(2026, 3, 10))
        assert await connector.receipt(INSTRUCTION, "") is None


async def test_no_receipt_before_settlement() -> None:
    silent = {k: v for k, v in SHOWN.items() if k != "transactionStatus"}
    script = Script().on(SHOW, (200, silent)).on(STATUS, (200, {"transactionStatus": "ACSP"}))
    async with bank(script) as (connector, _):
        assert await connector.receipt(INSTRUCTION, "p-1") is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"instructedAmount": {"currency": "EUR", "amount": "1250.01"}}, "amount"),
        ({"instructedAmount": {"currency": "USD", "amount": "1250.00"}}, "amount"),
        ({"creditorAccount": {"iban": "DE00100100109307118603"}}, "creditor_account"),
        ({"creditorAccount": {"bban": "1"}}, "creditor_account"),
        ({"debtorAccount": {"iban": "DE00100100109307118603"}}, "debtor_account"),
        ({"endToEndIdentification": "E2E-2"}, "end_to_end_id"),
    ],
)
@pytest.mark.parametrize("status", ["ACSC", "ACSP"])
async def test_a_receipt_for_another_payment_raises_the_alarm(
    change: dict[str, Any], field: str, status: str
) -> None:
    shown = {**SHOWN, "transactionStatus": status, **change}
    async with bank(Script().on(SHOW, (200, shown))) as (connector, _):
        with pytest.raises(Untrusted) as caught:
            await connector.receipt(INSTRUCTION, "p-1")
    assert (caught.value.code, caught.value.params["field"]) == ("payment.differs", field)


# Signatures


async def test_only_signed_answers_are_believed(seal: Identity, bank_seal: Identity) -> None:
    settings = {
        "sign_requests": True,
        "signing_certificate_file": seal.certificate_file,
        "signing_key_file": seal.key_file,
        "verify_responses": True,
        "trusted_certificate_file": bank_seal.certificate_file,
    }
    for signer, body, kind in (
        (bank_seal, (201, created()), None),
        (seal, (201, created()), Untrusted),
        (None, (201, created()), Untrusted),
        (bank_seal, (400, complaint("FORMAT_ERROR")), Refused),
        (seal, (400, complaint("FORMAT_ERROR")), Untrusted),
        (None, (429, b""), Untrusted),
        (None, (503, complaint("SERVICE_UNAVAILABLE")), Indeterminate),
        (bank_seal, (503, complaint("SERVICE_UNAVAILABLE")), NotSent),
    ):
        script = Script().on(POST, body)
        if signer:
            signing = RequestSigner.load(signer.certificate_file, signer.key_file)
            script.sign = lambda headers, content, s=signing: s.headers(headers, content, NOW)
        async with bank(script, **settings) as (connector, server):
            if kind is None:
                await connector.submit(INSTRUCTION)
            else:
                with pytest.raises(ConnectorError) as caught:
                    await connector.submit(INSTRUCTION)
                assert type(caught.value) is kind
        assert "signature" in server.requests[0].headers


def test_certificates_that_cannot_be_used(seal: Identity, bank_seal: Identity) -> None:
    settings = BerlinGroupSettings(
        url="https://bank.example",
        sign_requests=True,
        signing_certificate_file=seal.certificate_file,
        signing_key_file=bank_seal.key_file,
    )
    with pytest.raises(Misconfigured) as caught:
        BerlinGroup("main-bank", settings, Memory(), lambda: NOW)
    assert caught.value.code == "signing.key_mismatch"


# Products


@pytest.mark.parametrize(
    ("currency", "creditor", "instant", "product"),
    [
        ("EUR", "DE02100100109307118603", False, "sepa-credit-transfers"),
        ("EUR", "FR1420041010050500013M02606", True, "instant-sepa-credit-transfers"),
        ("EUR", "SA0380000000608010167519", False, "cross-border-credit-transfers"),
        ("USD", "DE02100100109307118603", True, "cross-border-credit-transfers"),
        ("EUR", "000123456", False, "cross-border-credit-transfers"),
    ],
)
async def test_the_product_that_fits(
    currency: str, creditor: str, instant: bool, product: str
) -> None:
    script = Script().on("POST .*", (201, created()))
    instruction = replace(
        INSTRUCTION,
        service="",
        amount=Money(100, currency),
        creditor=Creditor("A", creditor),
    )
    async with bank(script, instant=instant) as (connector, server):
        assert connector.service(ACCOUNT, instruction.creditor, instruction.amount) == product
        await connector.submit(instruction)
    [request] = server.requests
    assert request.path == f"/psd2/v1/payments/{product}"
    assert request.json.get("chargeBearer") == ("SHAR" if product.startswith("cross") else None)
