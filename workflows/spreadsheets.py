"""A CSV file or a workbook as lines of cells, with nothing guessed and nothing run.

The bytes come from whoever can write to the bot. Whatever they are, an answer comes within a few
seconds and a few hundred megabytes: sizes are told by the directory of the archive and enforced
while unpacking, and the library that knows workbooks gets a package that was made here and has
cells, texts and number formats in it, and nothing else.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from openpyxl import load_workbook
from openpyxl.xml.constants import CONTYPES_NS, SHARED_STRINGS, SHEET_MAIN_NS, XLSX

from workflows.refusal import Refusal

LONGEST_CELL = 400
MOST_COLUMNS = 20
MOST_LINES = 501
"""Lines with something in them: titles and 500 payments."""

LARGEST_UNPACKED = 20 * 1024 * 1024
MOST_PARTS = 200
MOST_TAGS = 120_000
MOST_SHEETS = 20
MOST_STYLES = 5_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as people see it.

    Attributes:
        is_number: Its sheet has it as a number.
        is_broken: A formula without a result, or an error for one.
    """

    text: str
    is_number: bool = False
    is_broken: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether nothing is to be seen; what is too long is never blank."""
        return not self.is_broken and len(self.text) <= LONGEST_CELL and not self.text.strip()


_BLANK = Cell("")

Line = tuple[int, list[Cell]]
"""The line's number, counted from 1, and its cells."""


def filled(lines: Iterator[Line]) -> Iterator[Line]:
    """Return the lines that have something in them.

    Raises:
        Refusal: ``list.too_many_rows``.
    """
    found = (line for line in lines if not all(cell.is_blank for cell in line[1]))
    for count, line in enumerate(found):
        if count >= MOST_LINES:
            raise Refusal("list.too_many_rows", longest=MOST_LINES - 1)
        yield line


# ---- text --------------------------------------------------------------------------------------


def text_lines(content: bytes, known: Callable[[str], bool]) -> Iterator[Line]:
    """Return the lines of a text whose cells are between commas, semicolons or tabs.

    Args:
        known: Whether a text is a title; by titles the separator is found.

    Raises:
        Refusal: ``list.encoding`` or ``list.quotes``.
    """
    text = _decoded(content)

    def fit(delimiter: str) -> tuple[int, int]:
        try:
            records = (each for _, each in _records(text, delimiter))
            header = next((each for each in records if any(map(str.strip, each))), [])
        except Refusal:
            return 0, 0
        return sum(map(known, header)), len(header)

    for number, record in _records(text, max(",;\t", key=fit)):
        yield number, [Cell(each) for each in record]


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Return each record with the line that it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for record in reader:
            yield number, record
            number = reader.line_num + 1
    except csv.Error:
        raise Refusal("list.quotes", line=number) from None


def _decoded(content: bytes) -> str:
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = content.decode("utf-16")
        else:
            text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = _decoded_chinese(content)
    if "\0" in text:
        raise Refusal("list.encoding")
    return text


def _decoded_chinese(content: bytes) -> str:
    """Return GB18030 as text.

    Nearly all bytes are GB18030: the Müller of Windows-1252 would come out as M黮ler. At least
    half of what is not ASCII must be of GB 2312, which Chinese texts consist of.
    """
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        raise Refusal("list.encoding") from None
    wide = "".join(character for character in text if not character.isascii())
    if len(wide.encode("gb2312", "ignore")) < len(wide):  # two bytes each
        raise Refusal("list.encoding")
    return text


# ---- workbooks ---------------------------------------------------------------------------------

_ENCRYPTED = b"\xd0\xcf\x11\xe0"
"""How a compound file begins: a workbook with a password, or one of before 2007."""
_LAST_ROW = 10_000
_LAST_COLUMN = 26
"""The last whose name has one letter."""
_LONGEST_FORMAT = 255
_SHEETS = "xl/worksheets/"
_PLAIN_STYLE = (
    f'<styleSheet xmlns="{SHEET_MAIN_NS}"><fonts><font/></fonts>'
    "<fills><fill><patternFill/></fill></fills><borders><border/></borders>"
    '<cellStyleXfs><xf/></cellStyleXfs><cellStyles><cellStyle name="Normal" xfId="0"/>'
    "</cellStyles></styleSheet>"
)
"""What the library misses, and says so, in styles that have only number formats."""
_PART = re.compile(
    r"xl/(workbook\.xml|_rels/workbook\.xml\.rels|sharedStrings\.xml|styles\.xml"
    r"|worksheets/[^/]+\.xml)"
)


def workbook_lines(content: bytes) -> Iterator[Line]:
    """Return the lines of the one visible sheet that has something in it.

    Raises:
        Refusal: ``list.protected``, ``list.unpacked``, ``list.links``, ``list.hidden``,
            ``list.sheets``, ``list.too_many_columns`` or ``list.unreadable``.
    """
    if content.startswith(_ENCRYPTED):
        raise Refusal("list.protected")
    try:
        book = load_workbook(_cells_only(_parts(content)), read_only=True, data_only=True)
        sheets = [
            (sheet.title, lines)
            for sheet in book.worksheets
            if sheet.sheet_state == "visible"
            and (lines := _sheet_lines(sheet.iter_rows(max_col=_LAST_COLUMN)))
        ]
    except Refusal:
        raise
    except Exception:  # a damaged workbook fails in more ways than the library has errors for
        raise Refusal("list.unreadable") from None
    if len(sheets) > 1:
        raise Refusal("list.sheets", sheets=", ".join(title[:31] for title, _ in sheets[:5]))
    return (line for _, lines in sheets for line in lines)


def _parts(content: bytes) -> dict[str, bytes]:
    """Return the parts of a workbook that say what is in its cells."""
    with ZipFile(io.BytesIO(content)) as package:
        entries = package.infolist()
        names = {entry.filename.lower() for entry in entries}
        size = sum(entry.file_size for entry in entries)
        if len(entries) > MOST_PARTS or size > LARGEST_UNPACKED:
            raise Refusal("list.unpacked")
        if any(name.startswith("xl/externallinks/") for name in names):
            raise Refusal("list.links")
        if len(names) < len(entries):
            raise ValueError("two parts of one name")
        wanted = [entry for entry in entries if _PART.fullmatch(entry.filename)]
        parts = {entry.filename: _unpacked(package, entry) for entry in wanted}
    if sum(part.count(b"<") for part in parts.values()) > MOST_TAGS:
        raise Refusal("list.unpacked")
    return parts


def _unpacked(package: ZipFile, entry: ZipInfo) -> bytes:
    """Return a part, of which no more is unpacked than the directory says there is."""
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ValueError("packed in a way that cannot be bounded")
    with package.open(entry) as file:
        part = file.read(entry.file_size)
    if b"<!DOCTYPE" in part or b"\0" in part:  # entities; or UTF-16, which could hide them
        raise ValueError("not as spreadsheet programs write it")
    return part


def _cells_only(parts: dict[str, bytes]) -> io.BytesIO:
    """Return a package made anew, with nothing in it but what cells are made of."""
    overrides = [("xl/workbook.xml", XLSX), ("xl/sharedStrings.xml", SHARED_STRINGS)]
    types = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}"/>'
        for name, kind in overrides
        if name in parts
    )
    made = io.BytesIO()
    with ZipFile(made, "w") as package:
        package.writestr("[Content_Types].xml", f'<Types xmlns="{CONTYPES_NS}">{types}</Types>')
        for name, part in parts.items():
            clean = _sheet if name.startswith(_SHEETS) else _CLEAN.get(name)
            package.writestr(name, clean(part) if clean else part)
    return made


def _tag(name: str) -> str:
    return f"{{{SHEET_MAIN_NS}}}{name}"


def _kept(part: bytes, root_name: str, *names: str) -> Element:
    """Return the root of a part with no children but those of ``names``."""
    root = ElementTree.fromstring(part)  # noqa: S314 - has no DOCTYPE, so it has no entities
    if root.tag != _tag(root_name):
        raise ValueError(f"not a {root_name}")
    wanted = {_tag(name) for name in names}
    root[:] = [child for child in root if child.tag in wanted]
    return root


def _workbook(part: bytes) -> bytes:
    root = _kept(part, "workbook", "workbookPr", "sheets")
    if sum(1 for _ in root.iter(_tag("sheet"))) > MOST_SHEETS:
        raise Refusal("list.unpacked")
    return bytes(ElementTree.tostring(root))


def _styles(part: bytes) -> bytes:
    """Return number formats, which tell dates from numbers, and which cells have them."""
    root = _kept(part, "styleSheet", "numFmts", "cellXfs")
    for formats in root.iter(_tag("numFmts")):
        formats[:] = [
            each for each in formats if len(each.get("formatCode", "")) <= _LONGEST_FORMAT
        ]
    styles = list(root.iter(_tag("xf")))
    for style in styles:
        style[:] = []
    if len(styles) + sum(1 for _ in root.iter(_tag("numFmt"))) > MOST_STYLES:
        raise Refusal("list.unpacked")
    root.extend(ElementTree.fromstring(_PLAIN_STYLE))  # noqa: S314
    return bytes(ElementTree.tostring(root))


def _sheet(part: bytes) -> bytes:
    """Return a sheet whose formulas are their results, and errors where they have none."""
    root = _kept(part, "worksheet", "sheetData")
    rows = [row for data in root for row in data]
    if rows != list(root.iter(_tag("row"))):
        raise ValueError("rows within rows")
    last = 0
    for row in rows:
        number = int(row.get("r", last + 1))
        if number <= last:  # the library would leave the row out
            raise ValueError("rows out of order")
        last = number
        row[:] = [cell for cell in row if len(cell)]  # others are colours and borders
        if len(row):
            _check_row(row, number)
        row.attrib.clear()
        row.set("r", str(number))
    for data in root:
        data[:] = [row for row in data if len(row)]
    return bytes(ElementTree.tostring(root))


def _check_row(row: Element, number: int) -> None:
    if number > _LAST_ROW:
        raise Refusal("list.too_many_rows", longest=MOST_LINES - 1)
    if row.get("hidden", "0") not in ("0", "false"):
        raise Refusal("list.hidden", line=number)
    columns = [cell.get("r", "").rstrip("0123456789").upper() for cell in row]
    if len(row) > _LAST_COLUMN or any(len(column) > 1 for column in columns):
        raise Refusal("list.too_many_columns", longest=MOST_COLUMNS)
    named = [column for column in columns if column]
    if len(set(named)) < len(named):
        raise ValueError("a cell twice")
    for cell in row:
        _resolve(cell)


def _resolve(cell: Element) -> None:
    """Put a formula's result in its place."""
    formula, value = cell.find(_tag("f")), cell.find(_tag("v"))
    if formula is None:
        return
    is_empty_text = value is not None and cell.get("t") == "str"
    if (value is None or not value.text) and not is_empty_text:
        cell.set("t", "e")
        ElementTree.SubElement(cell, _tag("v")).text = "#VALUE!"
        if value is not None:
            cell.remove(value)
    cell.remove(formula)


_CLEAN: dict[str, Callable[[bytes], bytes]] = {
    "xl/workbook.xml": _workbook,
    "xl/styles.xml": _styles,
}


def _sheet_lines(rows: Iterator[tuple[Any, ...]]) -> list[Line]:
    """Return the lines that have something in them, as many as are needed to see them too many."""
    lines = ((number, [_cell(each) for each in row]) for number, row in enumerate(rows, start=1))
    found = (line for line in lines if not all(cell.is_blank for cell in line[1]))
    return list(islice(found, MOST_LINES + 1))


def _cell(cell: Any) -> Cell:
    value = cell.value
    if cell.data_type == "e":
        return Cell(str(value), is_broken=True)
    match value:
        case None:
            return _BLANK
        case bool():
            return Cell(str(value).upper())
        case int():
            return Cell(str(value), is_number=True)
        case float():
            return Cell(_number(value), is_number=True)
        case datetime() if value.time() == time():
            return Cell(value.date().isoformat())
        case date():
            return Cell(value.isoformat())
        case _:
            return Cell(str(value))


def _number(value: float) -> str:
    """Return the shortest decimal that is this number, without an exponent."""
    if not math.isfinite(value):
        return str(value)
    whole, _, decimals = format(Decimal(repr(value)), "f").partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole
