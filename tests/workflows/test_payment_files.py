"""Lists of payments: read exactly or refused, each mistake with its line, whatever the bytes."""

from __future__ import annotations

import csv
import io
from hashlib import sha256

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot import pay_line
from connectors.money import Money
from tests.workflows.lists import IBAN, amounts, names, outcome, refused, told
from workflows import payment_files
from workflows.payment_files import PaymentFile, Row, read
from workflows.refusal import Refusal

HEADER = "payee,amount,currency,iban,reference,date,from"


def row_of(line: str) -> Row:
    (row,) = read("list.csv", f"{HEADER}\n{line}\n".encode()).rows
    return row


# ---- what is read ------------------------------------------------------------------------------


def test_a_line_with_everything() -> None:
    line = f'"Müller, Söhne",1250.50,eur,{IBAN},INV-7,2026-11-30,operating'
    content = f"{HEADER}\n{line}\n".encode()
    assert read("Suppliers.CSV", content) == PaymentFile(
        sha256(content).hexdigest(),
        (
            Row(
                number=2,
                payee="Müller, Söhne",
                amount=Money(125050, "EUR"),
                amount_text="1250.50",
                currency="EUR",
                iban=IBAN,
                reference="INV-7",
                date="2026-11-30",
                account="operating",
            ),
        ),
    )


@pytest.mark.parametrize(
    "header",
    [
        "payee,amount,currency,iban,reference,date,from",
        "NAME, Amount ,CURRENCY,Account,Purpose,DATE,From",
        "收款人,金额,币种,账号,附言,日期,付款账户",
        "户名,金额（必填）,币种：,账号,用途,日期,付款账户",
        "payee*,金额,currency,账号,reference,日期,from",
    ],
)
def test_titles_in_both_languages(header: str) -> None:
    line = f"ACME,5,EUR,{IBAN},INV-7,2026-11-30,operating"
    file = read("list.csv", f"{header.replace('（必填）', '')}\n{line}".encode())
    assert file.ignored == ()
    assert file.rows[0] == row_of(line)


def test_columns_come_in_any_order_and_others_are_named() -> None:
    file = read("list.csv", "Nr,币种,金额,备注,收款人\n1,EUR,12.50,quick,ACME\n".encode())
    assert file.rows[0] == Row(2, "ACME", Money(1250, "EUR"), "12.50", "EUR")
    assert file.ignored == ("Nr", "备注")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_line_ends(encoding: str, delimiter: str, ending: str) -> None:
    lines = ["收款人|金额|币种|附言", '"上海示例, 贸易; 公司"|1250.00|CNY|货款']
    text = ending.join(lines).replace("|", delimiter)
    (row,) = read("list.txt", text.encode(encoding)).rows
    assert row.payee == "上海示例, 贸易; 公司"
    assert row.amount == Money(125000, "CNY")
    assert row.reference == "货款"
    assert row.number == 2


def test_utf_16_of_either_order() -> None:
    text = "\ufeffpayee\tamount\tcurrency\nACME\t1\tEUR\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        assert read("list.txt", text.encode(encoding)).rows[0].payee == "ACME"


def test_what_is_utf_8_is_utf_8() -> None:
    content = "payee,amount,currency\nMüller,1,EUR\n".encode()
    assert content.decode("gb18030")
    assert read("list.csv", content).rows[0].payee == "Müller"


@pytest.mark.parametrize(
    "content",
    [
        "payee,amount,currency\nMüller & Söhne,1,EUR\n".encode("cp1252"),
        "payee,amount,currency\nCafé,1,EUR\n".encode("latin-1"),
        b"payee,amount,currency\n\xff\xff,1,EUR\n",
        b"payee,amount,currency\nA\0B,1,EUR\n",
        b"\xff\xfep",
        b"\xff\xfe\x00\xd8",
    ],
)
def test_a_text_that_would_be_guessed_is_refused(content: bytes) -> None:
    assert refused("list.csv", content).code == "list.encoding"


def test_lines_are_counted_as_an_editor_counts() -> None:
    text = f'\r\n{HEADER}\r\n\r\n"A\r\nB",1,EUR,,,,\r\n,,,,,,\r\nC,2,EUR,,,,\r\n'
    rows = read("list.csv", text.encode()).rows
    assert [(row.number, row.payee) for row in rows] == [(4, "A B"), (7, "C")]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-03", "2026-11-03"),
        ("2026/11/3", "2026-11-03"),
        ("2026.11.03", "2026-11-03"),
        ("2026年11月3日", "2026-11-03"),
        ("20261103", "2026-11-03"),
        ("", ""),
    ],
)
def test_days_that_begin_with_the_year(text: str, day: str) -> None:
    assert row_of(f"ACME,1,EUR,,,{text},").date == day


def test_empty_columns_at_the_end_mean_nothing() -> None:
    text = "payee,amount,currency,,\nACME,1,EUR,,\nACME,2,EUR,,,,\n"
    assert [row.problems for row in read("list.csv", text.encode()).rows] == [(), ()]


# ---- what is wrong with a line -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        (",1,EUR,,,,", "cell.empty", "payee"),
        ("ACME,,EUR,,,,", "cell.empty", "amount"),
        ("ACME,1,,,,,", "cell.empty", "currency"),
        ('ACME,"1,250.00",EUR,,,,', "amount.comma", "amount"),
        ("ACME,1 250.00,EUR,,,,", "amount.malformed", "amount"),
        ("ACME,1e3,EUR,,,,", "amount.malformed", "amount"),
        ("ACME,1.005,EUR,,,,", "amount.decimals", "amount"),
        ("ACME,1.5,JPY,,,,", "amount.decimals", "amount"),
        ("ACME,0.00,EUR,,,,", "amount.not_positive", "amount"),
        ("ACME,-5,EUR,,,,", "amount.not_positive", "amount"),
        ("ACME,999999999999999999,EUR,,,,", "amount.too_large", "amount"),
        ("ACME,5,Euro,,,,", "currency.unknown", "currency"),
        ("ACME,5,XAU,,,,", "currency.unknown", "currency"),
        ("ACME,5,EUR,DE00370400440532013000,,,", "iban.invalid", "iban"),
        ("ACME,5,EUR,6222021234567890123,,,", "iban.invalid", "iban"),
        ("ACME,5,EUR,,,30.11.2026,", "date.malformed", "date"),
        ("ACME,5,EUR,,,11/12/2026,", "date.malformed", "date"),
        ("ACME,5,EUR,,,2026-02-30,", "date.malformed", "date"),
        ("ACME,5,EUR,,,2026-11/30,", "date.malformed", "date"),
        ("=HYPERLINK(1),5,EUR,,,,", "text.formula", "payee"),
        ("+49 30 1234,5,EUR,,,,", "text.formula", "payee"),
        ("ACME,5,EUR,,-7,,", "text.formula", "reference"),
        ("ACME,5,EUR,,@SUM(A1),,", "text.formula", "reference"),
        ("ACME,5,EUR,,＝1,,", "text.formula", "reference"),
        ("AC\u202eME,5,EUR,,,,", "text.control", "payee"),
        ("ACME,5,EUR,,a\u200bb,,", "text.control", "reference"),
        ("ACME,5,EUR,,,,a\x07b", "text.control", "account"),
        (f"{'A' * 71},5,EUR,,,,", "text.too_long", "payee"),
        (f"ACME,5,EUR,,{'A' * 141},,", "text.too_long", "reference"),
        (f"ACME,5,EUR,,,,{'A' * 401}", "text.too_long", "account"),
        (f"ACME,{'0' * 401},EUR,,,,", "text.too_long", "amount"),
        (f"ACME,5,EUR,,,{' ' * 401},", "text.too_long", "date"),
    ],
)
def test_each_mistake_has_its_code_and_field(line: str, code: str, field: str) -> None:
    row = row_of(line)
    assert told(row) == [(code, field)]
    assert (row.amount is None) == (field in ("amount", "currency"))
    assert row.number == 2


def test_all_that_is_wrong_with_a_line_is_told_at_once() -> None:
    row = row_of("=ACME,1.005,EUR,nonsense,-1,soon,")
    assert [field for _, field in told(row)] == ["payee", "amount", "iban", "reference", "date"]
    assert (row.payee, row.amount_text, row.iban) == ("=ACME", "1.005", "nonsense")


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("ACME,EUR,1,250.00", 4),  # an amount with a comma, of which 1 would be paid
        ("ACME,EUR", 2),
    ],
)
def test_a_line_whose_cells_are_shifted_is_told(line: str, cells: int) -> None:
    (row,) = read("list.csv", f"payee,currency,amount\n{line}\n".encode()).rows
    assert row.problems[0].code == "row.cells"
    assert row.problems[0].facts == {"cells": cells, "expected": 3}


def test_a_row_that_repeats_another_tells_which() -> None:
    lines = [
        "ACME,12.50,EUR,,INV-7,,",
        "ACME,12.50,EUR,,INV-8,,",
        "acme,12.5,eur,,INV-7,2026-11-30,",
        "ACME,12.50,USD,,INV-7,,",
        "ACME,1x,EUR,,INV-7,,",
        "ACME,1x,EUR,,INV-7,,",
        "ACME,12.50,EUR,,INV-7,,",
    ]
    rows = read("list.csv", "\n".join([HEADER, *lines]).encode()).rows
    assert [row.repeats for row in rows] == [0, 0, 2, 0, 0, 6, 2]
    assert [row.is_repeated for row in rows] == [False, False, True, False, False, True, True]


@given(
    st.text(st.sampled_from("0123456789.,-+eE' \xa0€x"), max_size=24),
    st.sampled_from(["EUR", "JPY"]),
)
@example("1.0000000000", "EUR")
@example("-", "EUR")
@example("-1,0", "EUR")
def test_amounts_are_judged_as_in_the_one_line_form(text: str, currency: str) -> None:
    if not text.strip():
        return
    row = row_of(f'ACME,"{text}",{currency},,,,')
    try:
        expected = pay_line.amount(text, currency)
    except Refusal as refusal:
        (problem,) = row.problems
        assert (problem.code, problem.facts) == (refusal.code, refusal.facts)  # noqa: PT017
    else:
        assert row.amount == expected


# ---- what cannot be read at all ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("list.pdf", b"x", "list.type"),
        ("list.xls", b"x", "list.type"),
        ("list.xlsm", b"x", "list.type"),
        ("csv", b"x", "list.column_missing"),
        ("", b"x", "list.type"),
        ("list.csv", b"", "list.empty"),
        ("list.csv", b"\n \n\t\n", "list.empty"),
        ("list.csv", HEADER.encode(), "list.empty"),
        ("list.csv", b"x" * (payment_files.LARGEST + 1), "list.too_large"),
        ("list.csv", b",".join([b"x"] * 21), "list.too_many_columns"),
        ("list.csv", f'{HEADER}\n"ACME,1,EUR,,,,\n'.encode(), "list.quotes"),
        ("list.csv", f'{HEADER}\n"AC"ME,1,EUR,,,,\n'.encode(), "list.quotes"),
    ],
)
def test_a_file_that_is_no_list(name: str, content: bytes, code: str) -> None:
    assert refused(name, content).code == code


def test_which_line_has_the_quotation_mark_that_is_not_closed() -> None:
    text = f'{HEADER}\nACME,1,EUR,,,,\n"B\nC,1,EUR,,,,\n'
    assert refused("list.csv", text.encode()).facts == {"line": 3}


def test_columns_that_are_missing_are_named_beside_those_found() -> None:
    problem = refused("list.csv", "Beneficiary,Betrag\u202e,currency,\nACME,1,EUR,\n".encode())
    assert problem.code == "list.column_missing"
    assert problem.facts == {
        "missing": "payee/收款人, amount/金额",
        "columns": "Beneficiary, Betrag, currency",
    }


def test_two_columns_that_mean_the_same() -> None:
    problem = refused("list.csv", "收款人,户名,金额,币种\nA,B,1,EUR\n".encode())
    assert problem.code == "list.column_twice"
    assert problem.facts == {"first": "收款人", "second": "户名"}


def test_as_many_rows_and_columns_as_promised() -> None:
    most = payment_files.MOST_ROWS
    lines = [f"ACME,1,EUR,,{number},," for number in range(most)]
    assert len(read("list.csv", "\n".join([HEADER, *lines, "", ",,"]).encode()).rows) == most
    problem = refused("list.csv", "\n".join([HEADER, *lines, lines[0]]).encode())
    assert problem.code == "list.too_many_rows"
    wide = "payee,amount,currency" + ",x" * 17
    assert read("list.csv", f"{wide}\nACME,1,EUR{',' * 17}\n".encode()).rows[0].problems == ()


def test_names_of_lists() -> None:
    assert payment_files.is_list("Löhne November.XLSX")
    assert not payment_files.is_list("invoice.pdf")
    assert payment_files.media_type("a.csv") == "text/csv"


# ---- any bytes, any payment --------------------------------------------------------------------

never_crash = settings(deadline=None)


@never_crash
@given(st.sampled_from(["a.csv", "a.xlsx"]), st.binary(max_size=400))
def test_any_bytes(name: str, content: bytes) -> None:
    outcome(name, content)


@never_crash
@given(st.text(st.sampled_from('",;\t\r\n\0 =ACMEUR1250.x金\u202e\ufeff'), max_size=200))
def test_any_text_below_good_titles(text: str) -> None:
    outcome("a.csv", f"payee,amount,currency,iban\n{text}".encode())


@never_crash
@given(st.lists(st.text(max_size=12), min_size=4, max_size=4))
def test_any_cells(cells: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["payee", "amount", "currency", "iban"], cells])
    outcome("a.csv", file.getvalue().encode("utf-8", "surrogatepass"))


@never_crash
@given(
    st.lists(st.tuples(names, amounts), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_text_keeps_every_cent(
    payments: list[tuple[str, Money]], delimiter: str, encoding: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(["name", "金额", "currency"])
    writer.writerows([name, f"{money.decimal:f}", money.currency] for name, money in payments)
    rows = read("list.csv", file.getvalue().encode(encoding)).rows
    assert [row.amount for row in rows] == [money for _, money in payments]
    assert [row.payee for row in rows] == [" ".join(name.split()) for name, _ in payments]
