"""Lists of payments: a CSV file or a workbook that a person sends, read line by line.

No database is asked, so whether a payee is known or an account may pay is for
`workflows.requests` to say. Nothing is guessed, and nothing is left out in silence: what is wrong
with a line is kept beside it, and columns that mean nothing are named.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from connectors.money import Money, MoneyError, exponent
from workflows import attachments, spreadsheets
from workflows.refusal import Refusal
from workflows.requests import LONGEST_NAME, LONGEST_REMITTANCE, checked_iban
from workflows.spreadsheets import LONGEST_CELL, MOST_COLUMNS, Cell
from workflows.visible_text import clean_text

LARGEST = 1024 * 1024
MOST_ROWS = spreadsheets.MOST_LINES - 1

MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""What can be read, by the end of the file's name."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "payee": ("payee", "收款人", "name", "户名"),
    "amount": ("amount", "金额"),
    "currency": ("currency", "币种"),
    "iban": ("iban", "账号", "account"),
    "reference": ("reference", "附言", "purpose", "用途"),
    "date": ("date", "日期"),
    "account": ("from", "付款账户"),
}
"""Each field of a payment and what its column may be called, in English and Chinese first."""

_REQUIRED = ("payee", "amount", "currency")
_FIELDS = {title: field for field, titles in COLUMNS.items() for title in titles}
_DIGITS_OF_A_NUMBER = 15
"""Spreadsheets put zeros in the place of the digits after these."""
_LONGEST_TITLE = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One payment of a list.

    Attributes:
        number: Line of the file, or row of the sheet, as people count.
        payee: A payee's id or name, or a new creditor's name where ``iban`` is given.
        amount: None where the amount or its currency is wrong.
        amount_text: As it was written.
        date: ISO date, empty for as soon as possible.
        account: Debtor account, empty for the one kept in the currency.
        repeats: Number of an earlier row with the same payee, amount and reference; 0 for none.
        problems: What is wrong, each with its field; such a field has its text as it was.
    """

    number: int
    payee: str
    amount: Money | None
    amount_text: str
    currency: str
    iban: str = ""
    reference: str = ""
    date: str = ""
    account: str = ""
    repeats: int = 0
    problems: tuple[Refusal, ...] = ()

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier row asks for the same."""
        return self.repeats > 0


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A list that could be read; whether it can be paid is in the problems of its rows.

    Attributes:
        digest: SHA-256 of the bytes, hexadecimal.
        ignored: Titles of columns that mean nothing here.
    """

    digest: str
    rows: tuple[Row, ...]
    ignored: tuple[str, ...] = ()


def is_list(name: str) -> bool:
    """Whether a file of this name is read as a list of payments."""
    return _suffix(name) in MEDIA_TYPES


def clean_name(name: str) -> str:
    """Return the name of a list without folders and invisible characters; errors as there."""
    return attachments.clean_name(name, (_suffix(name),))


def media_type(name: str) -> str:
    """Return what a list is served as; the name is one of a list."""
    return MEDIA_TYPES[_suffix(name)]


def read(name: str, content: bytes) -> PaymentFile:
    """Read a list of payments; seconds at the very most, so call it where nobody waits.

    Args:
        name: The file's; its end says how the bytes are read.

    Raises:
        Refusal: ``list.…`` for a file that cannot be read at all.
    """
    if not is_list(name):
        raise Refusal("list.type")
    if not content:
        raise Refusal("list.empty")
    if len(content) > LARGEST:
        raise Refusal("list.too_large", longest=LARGEST // 1024)
    if _suffix(name) == "xlsx":
        lines = spreadsheets.filled(spreadsheets.workbook_lines(content))
    else:
        lines = spreadsheets.filled(spreadsheets.text_lines(content, _is_known))
    _, header = next(lines, (0, []))
    columns = _columns(header)
    rows = _compared(_row(number, cells, columns) for number, cells in lines)
    if not rows:
        raise Refusal("list.empty")
    return PaymentFile(hashlib.sha256(content).hexdigest(), rows, columns.ignored)


def _suffix(name: str) -> str:
    return name.strip().lower().rpartition(".")[2]


# ---- columns -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Columns:
    """Titles as they are in the file, and where each field is found."""

    titles: tuple[str, ...]
    places: Mapping[str, int]

    @property
    def ignored(self) -> tuple[str, ...]:
        used = set(self.places.values())
        return tuple(
            title for place, title in enumerate(self.titles) if title and place not in used
        )

    def title(self, field: str) -> str:
        return self.titles[self.places[field]]


def _columns(header: list[Cell]) -> _Columns:
    titles = [_title(cell.text) for cell in header]
    while titles and not titles[-1]:
        titles.pop()
    if not titles:
        raise Refusal("list.empty")
    if len(titles) > MOST_COLUMNS:
        raise Refusal("list.too_many_columns", longest=MOST_COLUMNS)
    places: dict[str, int] = {}
    for place, title in enumerate(titles):
        field = _field(title)
        if field in places:
            raise Refusal("list.column_twice", first=titles[places[field]], second=title)
        if field:
            places[field] = place
    missing = ", ".join("/".join(COLUMNS[each][:2]) for each in _REQUIRED if each not in places)
    if missing:
        raise Refusal(
            "list.column_missing", missing=missing, columns=", ".join(filter(None, titles))
        )
    return _Columns(tuple(titles), places)


def _title(text: str) -> str:
    """Return a title to show: short, without invisible characters."""
    short = " ".join(text[:LONGEST_CELL].split())[:_LONGEST_TITLE]
    return "".join(character for character in short if character.isprintable())


def _field(title: str) -> str | None:
    plain = unicodedata.normalize("NFKC", title).strip(" *:")
    return _FIELDS.get(plain.casefold())


def _is_known(text: str) -> bool:
    return _field(_title(text)) is not None


# ---- rows --------------------------------------------------------------------------------------


class _Fields:
    """The cells of one row by field; what is wrong with them is gathered, not raised."""

    def __init__(self, cells: list[Cell], columns: _Columns) -> None:
        self.problems: list[Refusal] = []
        self._columns = columns
        width = len(columns.titles)
        while len(cells) > width and cells[-1].is_blank:
            cells.pop()
        if len(cells) != width:  # an amount with a comma is two cells, and all others are shifted
            self.problems.append(Refusal("row.cells", cells=len(cells), expected=width))
        self._cells = {
            field: cells[place] for field, place in columns.places.items() if place < len(cells)
        }

    def cell(self, field: str) -> Cell:
        return self._cells.get(field, Cell(""))

    def text(self, field: str, check: Callable[[str], str]) -> str:
        """Return what ``check`` makes of a cell, or its text where something is wrong with it."""
        try:
            return check(self._readable(field))
        except Refusal as problem:
            self.problems.append(problem)
            return self.cell(field).text[:LONGEST_CELL].strip()

    def are_right(self, *fields: str) -> bool:
        return not any(problem.field in fields for problem in self.problems)

    def _readable(self, field: str) -> str:
        cell = self.cell(field)
        if cell.is_broken:
            raise Refusal("cell.formula", field=field, column=self._columns.title(field))
        if len(cell.text) > LONGEST_CELL:
            raise Refusal("text.too_long", field=field, longest=LONGEST_CELL, length=len(cell.text))
        text = cell.text.strip()
        if not text and field in _REQUIRED:
            raise Refusal("cell.empty", field=field, column=self._columns.title(field))
        if cell.is_number and field != "amount":
            digits = sum(character.isdigit() for character in text)
            if digits > _DIGITS_OF_A_NUMBER:
                raise Refusal("cell.rounded", field=field, column=self._columns.title(field))
        return text


def _row(number: int, cells: list[Cell], columns: _Columns) -> Row:
    fields = _Fields(cells, columns)
    payee = fields.text("payee", partial(_words, field="payee", longest=LONGEST_NAME))
    currency = fields.text("currency", _currency)
    is_number = fields.cell("amount").is_number
    amount = fields.text("amount", partial(_amount, currency=currency, is_number=is_number))
    return Row(
        number=number,
        payee=payee,
        amount=Money.parse(amount, currency) if fields.are_right("amount", "currency") else None,
        amount_text=amount,
        currency=currency,
        iban=fields.text("iban", lambda text: checked_iban(text) if text else ""),
        reference=fields.text(
            "reference", partial(_words, field="reference", longest=LONGEST_REMITTANCE)
        ),
        date=fields.text("date", _date),
        account=fields.text("account", partial(clean_text, field="account", longest=LONGEST_CELL)),
        problems=tuple(fields.problems),
    )


def _words(text: str, *, field: str, longest: int) -> str:
    text = clean_text(text, field=field, longest=longest)
    if text.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")):
        raise Refusal("text.formula", field=field)
    return text


def _currency(text: str) -> str:
    try:
        exponent(text.upper())
    except MoneyError as error:
        raise Refusal(error.code, field="currency", **error.params) from None
    return text.upper()


def _amount(text: str, *, currency: str, is_number: bool) -> str:
    """Return an amount as it is written, once it is one: a comma is never guessed to be a point."""
    if text.startswith("-"):
        raise Refusal("amount.not_positive", field="amount")
    try:
        minor = Money.parse(text, currency).minor
    except MoneyError as error:
        if error.code == "currency.unknown":
            return text  # told as the currency's problem
        raise _bad_amount(error, text, currency, is_number) from None
    if minor <= 0:
        raise Refusal("amount.not_positive", field="amount")
    return text


def _bad_amount(error: MoneyError, text: str, currency: str, is_number: bool) -> Refusal:
    code, facts = error.code, {"text": text[:40], **error.params}
    if code == "amount.malformed" and "," in text:
        code = "amount.comma"
    elif code == "amount.malformed" and is_number and "." in text:  # the sum of 0.1 and 0.2
        code, facts = "amount.decimals", {"currency": currency, "digits": exponent(currency)}
    return Refusal(code, field="amount", **facts)


_DAY = re.compile(
    r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})|([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日"
)


def _date(text: str) -> str:
    """Return an ISO date; of all other ways only those with the year first mean one day."""
    if not text:
        return ""
    found = _DAY.fullmatch(text)
    try:
        if found is None:
            return date.fromisoformat(text).isoformat()
        year, month, day = map(int, found.group(1, 3, 4) if found[1] else found.group(5, 6, 7))
        return date(year, month, day).isoformat()
    except ValueError:
        raise Refusal("date.malformed", field="date", text=text[:20]) from None


def _compared(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows, each with the first one that it repeats."""
    numbers: dict[tuple[object, ...], int] = {}
    found = []
    for row in rows:
        asked = (row.payee.casefold(), row.amount or row.amount_text, row.currency, row.reference)
        first = numbers.setdefault(asked, row.number)
        found.append(row if first == row.number else replace(row, repeats=first))
    return tuple(found)
