from __future__ import annotations

import contextlib
import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.api.berlin_group_messages import BalancesAnswer
from connectors.api.berlin_group_statement import balances, convert, pack
from connectors.base import Account, BalanceType, ConnectorError, Document, Statement, Untrusted
from connectors.money import Money

ACCOUNT = Account("operating", "DE40100100103307118608", "EUR", "Example GmbH", "Europe/Berlin")
FIRST, LAST, TODAY = date(2026, 3, 1), date(2026, 3, 5), date(2026, 3, 9)


def money(minor: int, currency: str = "EUR") -> dict[str, str]:
    return {"currency": currency, "amount": f"{Money(minor, currency).decimal:f}"}


def balance(kind: str, minor: int, day: date | None = None) -> dict[str, Any]:
    element: dict[str, Any] = {"balanceAmount": money(minor), "balanceType": kind}
    return element | ({"referenceDate": day.isoformat()} if day else {})


def movement(minor: int, day: date, **more: Any) -> dict[str, Any]:
    return {"transactionAmount": money(minor), "bookingDate": day.isoformat(), **more}


def document(
    pages: list[list[dict[str, Any]]],
    elements: list[dict[str, Any]],
    account: Account = ACCOUNT,
    iban: str = ACCOUNT.iban,
) -> Document:
    answers = [
        {
            "body": json.dumps(
                {
                    "account": {"iban": iban},
                    "transactions": {"booked": page, "_links": {"account": {"href": "/v1"}}},
                }
            )
        }
        for page in pages
    ]
    state = {"body": json.dumps({"balances": elements})}
    return Document("application/json", pack(account, TODAY, answers, state, state), FIRST, LAST)


def read(pages: list[list[dict[str, Any]]], *elements: dict[str, Any]) -> Statement:
    return convert("bank", ACCOUNT, document(pages, list(elements)))


def code_of(kept: Document, account: Account = ACCOUNT) -> str:
    with pytest.raises(Untrusted) as caught:
        convert("bank", account, kept)
    return caught.value.code


def test_entries_come_out_oldest_first_and_signed() -> None:
    statement = read(
        [
            [
                movement(
                    -1250_00,
                    date(2026, 3, 4),
                    transactionId="T2",
                    endToEndId="E2E-7",
                    valueDate="2026-03-05",
                    creditorName="ACME\u202e Ltd\n",
                    creditorAccount={"iban": "DE02 1001 0010 9307 1186 03"},
                    debtorName="Example GmbH",
                    remittanceInformationUnstructured="INV-7",
                )
            ],
            [
                movement(
                    300,
                    date(2026, 3, 2),
                    entryReference="R1",
                    endToEndId="NOTPROVIDED",
                    debtorName="A customer",
                    remittanceInformationUnstructuredArray=["line 1", "line 2"],
                )
            ],
        ],
        balance("interimBooked", 5000_00),
    )
    first, second = statement.entries
    assert (first.key, first.amount, first.counterparty_name) == (
        "R1",
        Money(300, "EUR"),
        "A customer",
    )
    assert (first.end_to_end_id, first.remittance_information) == (None, "line 1 line 2")
    assert second.amount == Money(-1250_00, "EUR")
    assert second.counterparty_name == "ACME Ltd"
    assert second.counterparty_account == "DE02100100109307118603"
    assert (second.end_to_end_id, second.institution_reference) == ("E2E-7", "T2")
    assert (second.booking_date, second.value_date) == (date(2026, 3, 4), date(2026, 3, 5))
    assert (statement.opening, statement.closing) == (None, Money(5000_00, "EUR"))


def test_the_banks_own_balances_are_preferred() -> None:
    statement = read(
        [[movement(100, LAST, transactionId="1"), movement(7, TODAY, transactionId="2")]],
        balance("openingBooked", 900, FIRST),
        balance("closingBooked", 1000, LAST),
        balance("interimBooked", 1007),
    )
    assert statement.opening == Money(900, "EUR")
    assert statement.closing == Money(1000, "EUR")
    assert [entry.key for entry in statement.entries] == ["1"]


def test_a_later_closing_balance_serves_too() -> None:
    later = LAST + timedelta(days=1)
    statement = read(
        [[movement(7, later, transactionId="1"), movement(1, TODAY, transactionId="2")]],
        balance("closingBooked", 1007, later),
    )
    assert statement.closing == Money(1000, "EUR")


def test_an_opening_balance_of_another_day_is_none() -> None:
    assert (
        read([[]], balance("openingBooked", 1, TODAY), balance("interimBooked", 1)).opening is None
    )


def test_what_a_document_must_not_be() -> None:
    now = [balance("interimBooked", 1)]
    good = movement(1, LAST, transactionId="1")
    assert code_of(document([[good], [good]], now)) == "entry.duplicate"
    assert code_of(document([[good]], now, iban="DE00")) == "statement.other_account"
    other = Account("other", "DE02100100109307118603", "EUR", "Example GmbH")
    assert code_of(document([[good]], now), other) == "statement.other_account"
    assert code_of(document([[good]], [])) == "balance.missing"
    assert code_of(document([[good]], [balance("closingBooked", 1, FIRST)])) == "balance.missing"
    early = movement(1, FIRST - timedelta(days=1))
    assert code_of(document([[early]], now)) == "statement.outside_period"
    assert code_of(document([[movement(1, TODAY + timedelta(days=1))]], now)) == (
        "statement.outside_period"
    )
    assert code_of(document([[{"transactionAmount": money(1)}]], now)) == "entry.no_booking_date"
    foreign = movement(1, LAST) | {"transactionAmount": money(1, "USD")}
    assert code_of(document([[foreign]], now)) == "entry.currency"
    for amount in ("1.234", "1,00", "NaN", "1e3", "--1", "", "١"):
        bad = movement(1, LAST) | {"transactionAmount": {"currency": "EUR", "amount": amount}}
        assert code_of(document([[bad]], now)) == "answer.malformed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"format": "other/1"}',
        b'{"format":"a","format":"b"}',
        b"1" * 5000,
        b"NaN",
        '"é"'.encode("utf-16"),
    ],
)
def test_garbage(content: bytes) -> None:
    assert code_of(Document("application/json", content, FIRST, LAST)) == "answer.malformed"


@settings(deadline=None)
@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_no_document_crashes_it(content: bytes) -> None:
    with pytest.raises(ConnectorError):
        convert("bank", ACCOUNT, Document("application/json", content, FIRST, LAST))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "transactions",
                    "booked",
                    "transactionAmount",
                    "amount",
                    "currency",
                    "bookingDate",
                    "transactionId",
                    "creditorAccount",
                    "iban",
                    "balances",
                    "balanceAmount",
                    "balanceType",
                    "account",
                    "_links",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(page=_json, state=_json, with_balances=st.booleans())
def test_no_answer_inside_crashes_it(page: Any, state: Any, with_balances: bool) -> None:
    kept = {"body": json.dumps(page)}, {"body": json.dumps(state)}
    content = pack(ACCOUNT, TODAY, [kept[0]], None, kept[1] if with_balances else None)
    with contextlib.suppress(ConnectorError):
        convert("bank", ACCOUNT, Document("application/json", content, FIRST, LAST))


_movements = st.lists(
    st.tuples(
        st.integers(-(10**12), 10**12),
        st.dates(FIRST, TODAY),
        st.sampled_from(["rent", "salary"]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(movements=_movements, now=st.integers(-(10**12), 10**12), size=st.integers(1, 5))
def test_sums_and_keys_are_preserved(
    movements: list[tuple[int, date, str]], now: int, size: int
) -> None:
    """Whatever the pages: nothing is lost, and the same entries get the same keys again."""
    said = [
        movement(minor, day, remittanceInformationUnstructured=text)
        for minor, day, text in movements
    ]
    pages = [said[at : at + size] for at in range(0, len(said), size)]
    statement = read(pages, balance("interimBooked", now))
    inside = [minor for minor, day, _ in movements if day <= LAST]
    after = [minor for minor, day, _ in movements if day > LAST]
    assert sorted(entry.amount.minor for entry in statement.entries) == sorted(inside)
    assert statement.closing.minor + sum(after) == now
    keys = [entry.key for entry in statement.entries]
    assert len(set(keys)) == len(keys)
    again = read([said[::-1]], balance("interimBooked", now))
    assert sorted(entry.key for entry in again.entries) == sorted(keys)


def test_balances_on_the_pages_themselves() -> None:
    def collected(*totals: int) -> Document:
        pages = [
            {
                "body": json.dumps(
                    {
                        "transactions": {"booked": [movement(1, LAST, transactionId=str(at))]},
                        "balances": [balance("interimBooked", total), balance("expected", at)],
                    }
                )
            }
            for at, total in enumerate(totals)
        ]
        content = pack(ACCOUNT, TODAY, pages, None, None)
        return Document("application/json", content, FIRST, LAST)

    statement = convert("bank", ACCOUNT, collected(700, 700))
    assert (len(statement.entries), statement.closing) == (2, Money(700, "EUR"))
    assert code_of(collected(700, 701)) == "balance.missing"
    assert code_of(collected()) == "balance.missing"


def test_balances_by_their_usual_names() -> None:
    def kinds(*elements: dict[str, Any]) -> dict[BalanceType, int]:
        answer = BalancesAnswer.model_validate({"balances": list(elements)})
        return {b.type: b.amount.minor for b in balances("bank", ACCOUNT, answer)}

    assert kinds(
        balance("interimAvailable", 5), balance("expected", 6), balance("interimBooked", 7)
    ) == {BalanceType.BOOKED: 7, BalanceType.AVAILABLE: 5}
    assert kinds(balance("expected", 6), balance("closingBooked", 1, FIRST)) == {
        BalanceType.BOOKED: 1,
        BalanceType.AVAILABLE: 6,
        BalanceType.CLOSING_BOOKED: 1,
    }
    assert (
        kinds(balance("closingBooked", 1, FIRST), balance("closingBooked", 2, LAST))[
            BalanceType.BOOKED
        ]
        == 2
    )
    with pytest.raises(Untrusted):
        kinds(balance("nonInvoiced", 1))
    with pytest.raises(Untrusted):
        kinds({"balanceAmount": money(1, "USD"), "balanceType": "interimBooked"})
