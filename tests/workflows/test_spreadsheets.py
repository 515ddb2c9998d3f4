"""Workbooks as lists of payments: what people see in the cells, or a refusal."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from connectors.money import Money, exponent
from tests.workflows.lists import IBAN, amounts, names, outcome, refused, told
from workflows import payment_files, spreadsheets
from workflows.payment_files import read

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"
MIDNIGHT = datetime(2026, 11, 30)  # noqa: DTZ001 - a cell has no zone
TITLES = ["payee", "amount", "currency"]
PAYMENT = ["ACME", 1, "EUR"]


def workbook(*rows: Sequence[Any], change: Callable[[Workbook], None] | None = None) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    if change:
        change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_parts(content: bytes, **parts: bytes | str | None) -> bytes:
    """Return a workbook with some parts changed, or left out where they are None."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in dict.fromkeys([*old.namelist(), *parts]):
            part = parts[name] if name in parts else old.read(name)
            if part is not None:
                new.writestr(name, part)
    return made.getvalue()


def with_cells(*rows: str) -> bytes:
    """Return a workbook whose rows have these elements after a name and before a currency."""
    lines = "".join(
        f'<row><c t="inlineStr"><is><t>ACME</t></is></c>{cell}'
        '<c t="inlineStr"><is><t>EUR</t></is></c></row>'
        for cell in rows
    )
    titles = "".join(
        f'<c t="inlineStr"><is><t>{title}</t></is></c>' for title in ("payee", "amount", "currency")
    )
    return with_parts(workbook(["x"]), **{SHEET: sheet(f"<row>{titles}</row>{lines}")})


def sheet(rows: str) -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


# ---- what is read ------------------------------------------------------------------------------


def test_a_workbook_with_everything() -> None:
    content = workbook(
        ["收款人", "金额", "币种", "账号", "附言", "日期", "付款账户", "备注"],
        ["ACME", 1250.5, "EUR", IBAN, "INV-7", date(2026, 11, 30), "operating", "x"],
        ["ACME", Decimal("0.10"), "EUR", None, 4711, MIDNIGHT, None, None],
        [None, None, "   "],
        ["ACME", "12.30", "EUR", None, True, "2026-11-30", None, None],
    )
    file = read("list.xlsx", content)
    assert file.digest == sha256(content).hexdigest()
    assert file.ignored == ("备注",)
    assert [row.problems for row in file.rows] == [(), (), ()]
    assert [row.number for row in file.rows] == [2, 3, 5]
    assert [row.amount for row in file.rows] == [Money(each, "EUR") for each in (125050, 10, 1230)]
    assert [row.reference for row in file.rows] == ["INV-7", "4711", "TRUE"]
    assert {row.date for row in file.rows} == {"2026-11-30"}
    assert file.rows[0].iban == IBAN
    assert file.rows[0].account == "operating"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("<c><v>1250</v></c>", 125000),
        ("<c><v>1250.0</v></c>", 125000),
        ("<c><v>1.25E3</v></c>", 125000),
        ("<c><v>1.1000000000000001</v></c>", 110),  # how programs write 1.1, to 17 digits
        ("<c><v>0.07</v></c>", 7),
        ('<c t="n"><f>1+1</f><v>2</v></c>', 200),
        ('<c t="str"><f>TEXT(5,"0.00")</f><v>5.00</v></c>', 500),
        ("<c><v>0.30000000000000004</v></c>", "amount.decimals"),
        ("<c><v>1250.005</v></c>", "amount.decimals"),
        ("<c><v>1e-9</v></c>", "amount.decimals"),
        ("<c><v>-1.5</v></c>", "amount.not_positive"),
        ("<c><v>1e400</v></c>", "amount.malformed"),
        ("<c><v>1e300</v></c>", "amount.malformed"),
        ('<c t="b"><v>1</v></c>', "amount.malformed"),
        ('<c t="str"><f>""</f><v></v></c>', "cell.empty"),
        ("<c><f>1+1</f></c>", "cell.formula"),
        ("<c><f>1+1</f><v></v></c>", "cell.formula"),
        ("<c><f>1+1</f><v/></c>", "cell.formula"),
        ('<c t="str"><f>A1</f></c>', "cell.formula"),
        ('<c t="e"><v>#REF!</v></c>', "cell.formula"),
        ('<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', "cell.formula"),
        ('<c t="shared"><f t="shared" si="0"/></c>', "cell.formula"),
        ('<c t="inlineStr"><is><t>1,5</t></is></c>', "amount.comma"),
    ],
)
def test_an_amount_in_a_cell(cell: str, expected: int | str) -> None:
    (row,) = read("list.xlsx", with_cells(cell)).rows
    if isinstance(expected, int):
        assert row.problems == ()
        assert row.amount == Money(expected, "EUR")
    else:
        assert told(row) == [(expected, "amount")]


def test_a_row_of_formulas_that_give_nothing_is_no_payment() -> None:
    empty = '<c t="str"><f>""</f><v></v></c>'
    content = with_cells("<c><v>1</v></c>")
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        part = package.read(SHEET).decode()
    part = part.replace("</sheetData>", f"<row>{empty * 3}</row></sheetData>")
    assert len(read("list.xlsx", with_parts(content, **{SHEET: part})).rows) == 1


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("date", MIDNIGHT.replace(hour=14), "date.malformed"),
        ("date", time(14, 5), "date.malformed"),
        ("date", 46356, "date.malformed"),
        ("iban", 6222021234567890, "cell.rounded"),
        ("reference", 1234567890123456, "cell.rounded"),
        ("amount", date(2026, 11, 30), "amount.malformed"),
        ("reference", "=1+1", "cell.formula"),
        ("payee", "=A1", "cell.formula"),
    ],
)
def test_a_cell_of_another_kind(column: str, value: object, code: str) -> None:
    good = {
        "payee": "ACME",
        "amount": 5,
        "currency": "EUR",
        "iban": None,
        "reference": 1,
        "date": None,
    }
    values = {**good, column: value}
    (row,) = read("list.xlsx", workbook(list(values), list(values.values()))).rows
    assert told(row) == [(code, column)]


def test_days_are_told_from_numbers_by_their_format() -> None:
    def change(book: Workbook) -> None:
        book.active["D2"].number_format = 'yyyy"年"m"月"d"日"'  # type: ignore[index]
        book.active["D3"].number_format = '0.00 "days"'  # type: ignore[index]

    rows = (["payee", "amount", "currency", "date"], ["A", 1, "EUR", 46356], ["B", 1, "EUR", 46356])
    first, second = read("list.xlsx", workbook(*rows, change=change)).rows
    assert first.date == "2026-11-30"
    assert told(second) == [("date.malformed", "date")]


def test_other_sheets_are_neither_left_out_nor_mixed_in() -> None:
    def empty(book: Workbook) -> None:
        book.create_sheet("Sheet2")["C3"] = "  "

    def second(book: Workbook) -> None:
        book.create_sheet("December")["A1"] = "more"

    def hidden(book: Workbook) -> None:
        other = book.create_sheet("lookup")
        other["A1"] = "EUR"
        other.sheet_state = "hidden"

    for change in (empty, hidden):
        assert len(read("list.xlsx", workbook(TITLES, PAYMENT, change=change)).rows) == 1
    problem = refused("list.xlsx", workbook(TITLES, PAYMENT, change=second))
    assert problem.code == "list.sheets"
    assert problem.facts == {"sheets": "Sheet, December"}


def test_a_hidden_payment_is_refused_and_a_hidden_blank_row_is_not() -> None:
    def hide(row: int) -> Callable[[Workbook], None]:
        def change(book: Workbook) -> None:
            book.active.row_dimensions[row].hidden = True  # type: ignore[union-attr]

        return change

    assert len(read("list.xlsx", workbook(TITLES, PAYMENT, change=hide(3))).rows) == 1
    problem = refused("list.xlsx", workbook(TITLES, PAYMENT, PAYMENT, change=hide(3)))
    assert (problem.code, problem.facts) == ("list.hidden", {"line": 3})


def test_what_a_sheet_says_of_its_size_is_not_believed() -> None:
    content = workbook(TITLES, PAYMENT, PAYMENT)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        part = package.read(SHEET).replace(b'ref="A1:C3"', b'ref="A1:C2"')
    assert b"A1:C2" in part
    assert len(read("list.xlsx", with_parts(content, **{SHEET: part})).rows) == 2


def test_a_blank_row_far_below_means_nothing() -> None:
    rows = (
        '<row r="1"><c t="inlineStr"><is><t>x</t></is></c></row><row r="1048576"><c s="0"/></row>'
    )
    content = with_parts(workbook(["x"]), **{SHEET: sheet(rows)})
    assert refused("list.xlsx", content).facts["columns"] == "x"


# ---- what cannot be read at all ----------------------------------------------------------------

GOOD = workbook(TITLES, PAYMENT)
ROW = '<row r="{}"><c><v>1</v></c></row>'
RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORKBOOK = f'<workbook xmlns="{MAIN}" xmlns:r="{RELS}"><sheets>{{}}</sheets></workbook>'
SAME_TITLE = WORKBOOK.format('<sheet name="s" sheetId="1" r:id="rId1"/>' * 2)
SHEETS = WORKBOOK.format('<sheet name="s" sheetId="1" r:id="rId1"/>' * 21)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({SHEET: "<" * (spreadsheets.LARGEST_UNPACKED + 1)}, "list.unpacked"),
        ({"xl/media/image1.png": bytes(spreadsheets.LARGEST_UNPACKED)}, "list.unpacked"),
        ({f"docProps/{each}": b"" for each in range(200)}, "list.unpacked"),
        ({SHEET: sheet("<row>" + "<c/>" * 120_000 + "</row>")}, "list.unpacked"),
        ({"xl/workbook.xml": SHEETS}, "list.unpacked"),
        (
            {
                "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs>'
                f"{'<xf/>' * 5001}</cellXfs></styleSheet>"
            },
            "list.unpacked",
        ),
        ({SHEET: sheet('<row><c r="AF1"><v>1</v></c></row>')}, "list.too_many_columns"),
        ({SHEET: sheet("<row>" + "<c><v>1</v></c>" * 27 + "</row>")}, "list.too_many_columns"),
        ({SHEET: sheet("<row>" + "<c><v>1</v></c>" * 21 + "</row>")}, "list.too_many_columns"),
        ({"xl/externalLinks/externalLink1.xml": "<x/>"}, "list.links"),
        ({SHEET: sheet(ROW.format(99_999_999_999))}, "list.too_many_rows"),
        ({SHEET: sheet(ROW.format(5) + ROW.format(4))}, "list.unreadable"),
        ({SHEET: sheet(ROW.format(5) + ROW.format(5))}, "list.unreadable"),
        ({SHEET: sheet("<row><row/></row>")}, "list.unreadable"),
        (
            {SHEET: sheet('<row><c r="B1"><v>1</v></c><c r="b1"><v>2</v></c></row>')},
            "list.unreadable",
        ),
        ({"xl/workbook.xml": SAME_TITLE}, "list.sheets"),
        (
            {SHEET: '<!DOCTYPE x [<!ENTITY a "b">]>' + sheet("<row><c><v>&a;</v></c></row>")},
            "list.unreadable",
        ),
        ({SHEET: sheet(ROW.format(1)).encode("utf-16")}, "list.unreadable"),
        ({SHEET: sheet("<row><c t='s'><v>9</v></c></row>")}, "list.unreadable"),
        ({SHEET: "<worksheet/>"}, "list.unreadable"),
        ({SHEET: "<" * 1000}, "list.unreadable"),
        ({"xl/workbook.xml": None}, "list.unreadable"),
        ({"xl/styles.xml": "<styleSheet/>"}, "list.unreadable"),
        ({"XL/Workbook.xml": "<workbook/>"}, "list.unreadable"),
    ],
)
def test_a_package_that_is_not_as_programs_write_it(
    parts: dict[str, bytes | str | None], code: str
) -> None:
    assert refused("list.xlsx", with_parts(GOOD, **parts)).code == code


def test_more_is_never_unpacked_than_the_directory_says() -> None:
    content = with_parts(GOOD, **{SHEET: sheet("<row>" + " " * 1000 + "</row>")})
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        size = package.getinfo(SHEET).file_size
    lying = content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != content
    assert refused("list.xlsx", lying).code == "list.unreadable"


def test_only_packing_that_can_be_bounded_is_unpacked() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_BZIP2) as package:
        package.writestr("xl/workbook.xml", b" " * 1000)
    assert refused("list.xlsx", made.getvalue()).code == "list.unreadable"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"payee,amount,currency", "list.unreadable"),
        (b"PK\x03\x04", "list.unreadable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "list.protected"),
        (workbook(), "list.empty"),
        (workbook(["payee", "amount", "currency"]), "list.empty"),
    ],
)
def test_a_file_that_is_no_list(content: bytes, code: str) -> None:
    assert refused("list.xlsx", content).code == code


@pytest.mark.parametrize("most", [payment_files.MOST_ROWS, payment_files.MOST_ROWS + 1])
def test_as_many_rows_of_a_workbook_as_promised(most: int) -> None:
    content = workbook(["payee", "amount", "currency"], *[["ACME", 1, "EUR"]] * most)
    if most > payment_files.MOST_ROWS:
        assert refused("list.xlsx", content).code == "list.too_many_rows"
    else:
        assert len(read("list.xlsx", content).rows) == most


# ---- any bytes, any payment --------------------------------------------------------------------

never_crash = settings(deadline=None)


@never_crash
@given(st.data())
def test_any_damage_to_a_workbook(data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as package:
        parts = {name: package.read(name) for name in package.namelist() if name.startswith("xl/")}
    name = data.draw(st.sampled_from(sorted(parts)))
    start = data.draw(st.integers(0, len(parts[name])))
    end = data.draw(st.integers(start, min(len(parts[name]), start + 40)))
    part = parts[name][:start] + data.draw(st.binary(max_size=12)) + parts[name][end:]
    outcome("a.xlsx", with_parts(GOOD, **{name: part}))


@never_crash
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_any_byte_of_a_workbook(place: int, byte: int) -> None:
    outcome("a.xlsx", GOOD[:place] + bytes([byte]) + GOOD[place + 1 :])


@never_crash
@given(
    st.lists(st.tuples(names, amounts), min_size=1, max_size=8),
    st.sampled_from([float, str, Decimal]),
)
def test_a_workbook_keeps_every_cent(
    payments: list[tuple[str, Money]], kind: Callable[[str], object]
) -> None:
    lines = [(name, kind(f"{money.decimal:f}"), money.currency) for name, money in payments]
    rows = read("list.xlsx", workbook(TITLES, *lines)).rows
    assert [row.amount for row in rows] == [money for _, money in payments]
    assert [row.payee for row in rows] == [" ".join(name.split()) for name, _ in payments]


@never_crash
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["EUR", "JPY", "KWD"]))
@example(0.1 + 0.2, "EUR")
@example(1e16, "JPY")
def test_a_number_is_paid_exactly_or_not_at_all(number: float, currency: str) -> None:
    content = with_cells(f"<c><v>{number!r}</v></c>")
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        part = package.read(SHEET).replace(b">EUR<", f">{currency}<".encode())
    (row,) = read("list.xlsx", with_parts(content, **{SHEET: part})).rows
    exact = Decimal(repr(number))
    if row.amount is not None:
        assert row.amount.decimal == exact
    elif 0 < exact < 10**12:
        assert exact != round(exact, exponent(currency))
        assert told(row) == [("amount.decimals", "amount")]
