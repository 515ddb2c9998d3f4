"""Tables edited behind the record's back: each named with its row, its column and the entry."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.workflows.record_story import Book, written


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return written(tmp_path_factory.mktemp("book"))


@pytest.fixture
def mine(book: Book, tmp_path: Path) -> Book:
    return book.copy(tmp_path)


ORDER = "(select id from payment_order where state = 'settled')"


@pytest.mark.parametrize(
    ("statement", "where", "problem"),
    [
        (
            f"update payment_order set amount_minor = 925000 where id = {ORDER}",
            "payment_order {settled}",
            "has amount_minor 925000, entry {settled_seq} says 125000",
        ),
        (
            "update payment_order set state = 'approved' where state = 'pending'",
            "payment_order {pending}",
            "has state 'approved', entry",
        ),
        (
            f"update payment_order set creditor_iban = 'DE00' where id = {ORDER}",
            "payment_order {settled}",
            "has creditor_iban 'DE00', entry",
        ),
        (
            "update payment_order set version = 1 where state = 'cancelled'",
            "payment_order {amended}",
            "has version 1, entry",
        ),
        (
            f"update payment_order set verdict = '{{}}' where id = {ORDER}",
            "payment_order {settled}",
            "has verdict '{{}}', entry",
        ),
        (
            f"delete from payment_order where id = {ORDER}",
            "payment_order {settled}",
            "is not there",
        ),
        (
            "insert into approval select order_id, version, 'eve', digest, decision, factor, "
            f"reason, at, stage, withdrawn_at, null, null from approval where order_id = {ORDER} "
            "limit 1",
            "approval {settled} 1 eve",
            "is there, and no entry tells of it",
        ),
        (
            f"delete from approval where person_id = 'bea' and order_id = {ORDER}",
            "approval {settled} 1 bea",
            "is not there, though entry",
        ),
        (
            f"update approval set factor = 'none' where person_id = 'bea' and order_id = {ORDER}",
            "approval {settled} 1 bea",
            "has factor 'none', entry",
        ),
        (
            f"update approval set person_id = 'eve' where person_id = 'bea' and order_id = {ORDER}",
            "approval {settled} 1 bea",
            "is not there, though entry",
        ),
        (
            f"update approval set digest = 'aa' where person_id = 'bea' and order_id = {ORDER}",
            "approval {settled} 1 bea",
            "has digest 'aa', entry",
        ),
        (
            "update approval set decision = 'approve' where decision = 'reject'",
            "approval {rejected} 1 bea",
            "has decision 'approve', entry",
        ),
        (
            "update instruction set state = 'prepared' where state = 'undecided'",
            "instruction {unknown}",
            "has state 'prepared', entry",
        ),
        (
            f"update instruction set reference = 'OTHER' where order_id = {ORDER}",
            "instruction {settled}",
            "has reference 'OTHER', entry",
        ),
        ("delete from instruction", "instruction {settled}", "is not there, though entry"),
        (
            "update receipt set content = x'00'",
            "receipt {settled}",
            "has content that does not have the SHA-256 it was kept with",
        ),
        (
            "update receipt set content = x'00', sha256 = "
            f"'{hashlib.sha256(bytes(1)).hexdigest()}'",
            "receipt {settled}",
            "has sha256 '6e340b9cffb3",
        ),
        (
            "update kept_file set content = x'00' where name = 'invoice.pdf'",
            "kept_file {invoice}",
            "has content that does not have the SHA-256 it was kept with",
        ),
        (
            "update kept_file set name = 'x' where name = 'invoice.pdf'",
            "kept_file {invoice}",
            "has name 'x', entry",
        ),
        (
            "update kept_file set order_id = null where name = 'invoice.pdf'",
            "kept_file {invoice}",
            "has order_id nothing, entry",
        ),
        ("delete from kept_file where name = 'invoice.pdf'", "kept_file {invoice}", "is not there"),
        ("delete from kept_file where name = 'list.csv'", "kept_file {listed}", "is not there"),
        (
            f"update kept_file set order_id = {ORDER} where name = 'lost.pdf'",
            "kept_file {loose}",
            "is bound to",
        ),
        ("update payee set trusted = 1 - trusted where id = 'acme'", "payee acme", "has trusted"),
        ("update payee set iban = 'DE00' where id = 'acme'", "payee acme", "has iban 'DE00'"),
        (
            "update chat_identity set person_id = 'eve' where person_id = 'carl'",
            "chat_identity telegram 22",
            "is not there, though entry",
        ),
        (
            "update chat_identity set unlinked_at = null where person_id = 'bea'",
            "chat_identity slack U1",
            "has unlinked_at nothing, entry",
        ),
        ("delete from freeze", "freeze 1", "is not there, though entry"),
        (
            "insert into freeze_consent values ('bea', '2026-11-24 09:00:00.000000')",
            "freeze_consent bea",
            "is there, and no entry tells of it",
        ),
    ],
)
def test_a_table_says_something_else(mine: Book, statement: str, where: str, problem: str) -> None:
    known = {**vars(mine.story), "settled_seq": ""}
    known["settled_seq"] = mine.ask(
        "select max(seq) from audit_entry where subject = ? and kind like 'order.%'",
        mine.story.settled,
    )[0]
    mine.alter(statement)
    expected = f"{where.format(**known)} {problem.format(**known)}"
    found = mine.findings()
    assert any(each.startswith(expected) for each in found), found


def test_rows_that_nothing_tells_of(mine: Book) -> None:
    mine.alter(
        "insert into approval values ('P0', 1, 'bea', 'd', 'approve', 'totp', null, "
        "'2026-11-24 09:00:00.000000', 1, null, null, null)",
        "insert into chat_identity values ('slack', 'U9', 'eve', '2026-11-24 09:00:00.000000', "
        "null, null)",
    )
    assert mine.findings() == [
        "approval P0 1 bea is there, and no entry tells of it",
        "chat_identity slack U9 is there, and no entry tells of it",
    ]


def test_a_loose_file_may_be_forgotten(mine: Book) -> None:
    mine.alter("delete from kept_file where name = 'lost.pdf'")
    assert mine.findings() == []
