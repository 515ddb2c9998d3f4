"""Any byte of any column of any row that the record tells of: a change of it is found."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.workflows.record_story import Book, written
from workflows.record.witness import Witness

TABLES = (
    "audit_entry",
    "checkpoint",
    "record_node",
    "payment_order",
    "approval",
    "instruction",
    "receipt",
    "kept_file",
    "payee",
    "proposal",
    "proposal_decision",
    "chat_identity",
    "freeze",
    "freeze_consent",
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return written(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


def edited(value: object, place: int, mask: int) -> tuple[str, object]:
    """Return SQL for a value that differs from ``value`` in one byte, and its parameter."""
    if value is None:
        return "cast(? as text)", bytes([mask])
    if isinstance(value, int):
        return "?", value ^ (mask << (8 * (place % 4)))
    raw = bytearray(value if isinstance(value, bytes) else str(value).encode())
    if not raw:
        return ("?" if isinstance(value, bytes) else "cast(? as text)"), bytes([mask])
    raw[place % len(raw)] ^= mask
    return ("?" if isinstance(value, bytes) else "cast(? as text)"), bytes(raw)


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    table=st.sampled_from(TABLES),
    row=st.integers(0, 10_000),
    column=st.integers(0, 40),
    place=st.integers(0, 5_000),
    mask=st.integers(1, 255),
)
def test_any_changed_byte_is_found(
    book: Book, scratch: Path, table: str, row: int, column: int, place: int, mask: int
) -> None:
    copy = Book(scratch / "copy.sqlite", Witness(book.witness.path), book.story, book.made)
    shutil.copyfile(book.path, copy.path)
    with sqlite3.connect(copy.path) as database:
        database.text_factory = bytes
        names = [each[1].decode() for each in database.execute(f"pragma table_info({table})")]
        name = names[column % len(names)]
        ids = [each for (each,) in database.execute(f"select rowid from {table} order by rowid")]
        chosen = ids[row % len(ids)]
        kind, value = database.execute(
            f"select typeof({name}), {name} from {table} where rowid = ?", (chosen,)
        ).fetchone()
        was = value.decode() if kind == b"text" else value
        sql, parameter = edited(was, place, mask)
        try:
            database.execute(
                f"update {table} set {name} = {sql} where rowid = ?", (parameter, chosen)
            )
        except sqlite3.IntegrityError:
            assume(False)
        now = database.execute(
            f"select typeof({name}), {name} from {table} where rowid = ?", (chosen,)
        ).fetchone()
        assume(now != (kind, value))
    database.close()
    report = copy.verify()
    assert not report.is_intact, f"{table}.{name}: {value!r} became {now[1]!r}"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=st.sampled_from(TABLES), row=st.integers(0, 10_000))
def test_any_removed_row_is_found(book: Book, scratch: Path, table: str, row: int) -> None:
    copy = Book(scratch / "copy.sqlite", Witness(book.witness.path), book.story, book.made)
    shutil.copyfile(book.path, copy.path)
    with sqlite3.connect(copy.path) as database:
        ids = [each for (each,) in database.execute(f"select rowid from {table} order by rowid")]
        chosen = ids[row % len(ids)]
        if table == "kept_file":
            (order,) = database.execute(
                "select order_id from kept_file where rowid = ?", (chosen,)
            ).fetchone()
            assume(order is not None)  # a file that no order has may be forgotten
        database.execute(f"delete from {table} where rowid = ?", (chosen,))
    database.close()
    report = copy.verify()
    # Kept subtrees are a convenience: without one it is computed.
    assert report.is_intact == (table == "record_node")
