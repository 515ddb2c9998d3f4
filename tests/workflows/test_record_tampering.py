"""Whatever is done to the file is found, and named."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from pathlib import Path

import pytest

from tests.workflows.record_story import FILLER, KEY, Book, written
from workflows import audit, canonical
from workflows.record.checkpoints import FIRST, PURPOSE, Checkpoint, RecordKey


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return written(tmp_path_factory.mktemp("book"))


@pytest.fixture
def mine(book: Book, tmp_path: Path) -> Book:
    return book.copy(tmp_path)


def test_what_nobody_touched_is_intact(book: Book) -> None:
    report = book.verify()
    assert report.findings == ()
    assert report.is_intact
    assert report.checkpoints == report.signed == report.witnessed == 3
    assert report.covered == report.entries - 1
    assert report.older == 0
    orders = ("payment_order", "approval", "instruction", "receipt", "kept_file")
    tables = (*orders, "payee", "proposal", "proposal_decision")
    counts = [book.ask(f"select count(*) from {each}")[0] for each in tables]
    assert all(counts)
    assert report.rows == sum(counts) + 2 + 1 + 1  # identities, the freeze, a consent


def settled(book: Book) -> int:
    """Return the number of the entry that says that the order was paid."""
    (seq,) = book.ask(
        "select seq from audit_entry where kind = 'order.settled' and subject = ?",
        book.story.settled,
    )
    return int(seq)


# ---- the chain ----------------------------------------------------------------------------------


def test_a_body_is_edited(mine: Book) -> None:
    seq = settled(mine)
    mine.alter(f"update audit_entry set body = replace(body, 'ACSC', 'ACSP') where seq = {seq}")
    assert f"entry {seq} does not have the hash it was given" in mine.findings()


@pytest.mark.parametrize("column", ["at", "actor", "kind", "subject"])
def test_a_column_alone_is_edited(mine: Book, column: str) -> None:
    value = "2026-11-24 09:00:00.000001" if column == "at" else "x"
    mine.alter((f"update audit_entry set {column} = ? where seq = 20", [value]))
    (finding,) = [each for each in mine.findings() if each.startswith("entry 20 ")]
    assert f"columns that differ from its body: {column}" in finding


def test_entries_change_places(mine: Book) -> None:
    mine.alter(
        "update audit_entry set seq = -1 where seq = 30",
        "update audit_entry set seq = 30 where seq = 31",
        "update audit_entry set seq = 31 where seq = -1",
    )
    found = mine.findings()
    assert "entry 30 does not follow the entry before it" in found
    assert "entry 31 does not follow the entry before it" in found


def test_an_entry_is_inserted(mine: Book) -> None:
    last = mine.ask("select max(seq) from audit_entry")[0]
    mine.alter(
        "update audit_entry set seq = seq + 1000000 where seq >= 40",
        "insert into audit_entry select 40, at, actor, kind, subject, body, previous_hash, hash "
        "from audit_entry where seq = 39",
        "update audit_entry set seq = seq - 999999 where seq > 1000000",
    )
    found = mine.findings()
    assert "entry 40 does not follow the entry before it" in found
    assert any("41 has columns that differ from its body: seq" in each for each in found)
    assert last


def test_entries_are_removed_from_the_middle(mine: Book) -> None:
    mine.alter("delete from audit_entry where seq in (50, 60, 61, 62)")
    found = mine.findings()
    assert "entry 50 is missing" in found
    assert "entry 60 and 2 after it are missing" in found


def test_the_end_is_cut_off(mine: Book) -> None:
    last = mine.ask("select max(seq) from audit_entry")[0]
    mine.alter(f"delete from audit_entry where seq >= {last - 1}")
    found = mine.findings()
    assert f"checkpoint {last - 1} covers entry {last - 1}, which is not there" in found


def test_the_end_is_cut_off_with_its_checkpoint(mine: Book) -> None:
    seq = mine.made[2].seq
    mine.alter(
        f"delete from audit_entry where seq >= {seq}",
        f"delete from checkpoint where seq = {seq}",
    )
    found = mine.findings(f"{seq}:{mine.made[2].root}")
    assert any(
        each.startswith(f"witness, line 3 has seen checkpoint {seq}, which is not there")
        for each in found
    )
    assert f"head {seq}:{mine.made[2].root} was published; the record ends at {seq - 1}" in found


def test_an_entry_from_before_the_first(mine: Book) -> None:
    mine.alter(
        "insert into audit_entry select 0, at, actor, kind, subject, body, previous_hash, hash "
        "from audit_entry where seq = 1"
    )
    assert "entry 0 is followed by one whose number is 0" in mine.findings()


def rewrite(book: Book, first: int, old: str, new: str) -> None:
    """Edit an entry and give every one from it on the hash it then has."""
    with sqlite3.connect(book.path) as database:
        (previous,) = database.execute(
            "select hash from audit_entry where seq = ?", (first - 1,)
        ).fetchone()
        rows = database.execute(
            "select seq, body from audit_entry where seq >= ? order by seq", (first,)
        ).fetchall()
        for seq, body in rows:
            own = body.replace(old, new) if seq == first else body
            found = hashlib.sha256(f"{previous}\n{own}".encode()).hexdigest()
            database.execute(
                "update audit_entry set body = ?, previous_hash = ?, hash = ? where seq = ?",
                (own, previous, found, seq),
            )
            previous = found


def test_all_is_written_anew_from_an_entry_on(mine: Book) -> None:
    seq = settled(mine)
    rewrite(mine, seq, "ACSC", "ACSP")
    found = mine.findings()
    assert not any(each.startswith("entry ") for each in found), "its own hashes fit"
    last = mine.made[2].seq
    assert f"checkpoint {last} says that entry {last} was another" in found
    before = mine.made[1]
    assert mine.findings(f"{before.seq}:{before.root}") == found, "older heads still hold"
    assert any(
        "was published; this record had another" in each
        for each in mine.findings(f"{last}:{mine.made[2].root}")
    )
    mine.alter("delete from checkpoint")
    assert any("witness, line 3 has seen" in each for each in mine.findings())


def test_an_approval_that_nobody_gave_on_a_record_that_was_rewritten(mine: Book) -> None:
    """Even whoever could sign would have to invent the people."""
    (seq,) = mine.ask(
        "select max(seq) from audit_entry where subject = ? and kind = 'order.approval'",
        mine.story.settled,
    )
    rewrite(mine, seq, '["cfo","carl"]', '["cfo","dong"]')
    found = mine.findings()
    assert any(
        f"entry {seq} (order.approval {mine.story.settled}) approves it without the people" in each
        for each in found
    )


# ---- checkpoints --------------------------------------------------------------------------------


def forged(like: Checkpoint, key: RecordKey | None, **changes: object) -> tuple[str, str | None]:
    said = {
        "purpose": PURPOSE,
        "seq": like.seq,
        "head": like.head,
        "root": like.root,
        "at": like.at,
        "previous": like.previous,
        "key": key.public.id if key else None,
        **changes,
    }
    body = canonical.dumps(said).decode()
    return body, key.sign(body) if key else None


def replaced(book: Book, made: Checkpoint, body: str, signature: str | None) -> list[str]:
    sql = "update checkpoint set body = ?, signature = ? where seq = ?"
    book.alter((sql, (body, signature, made.seq)))
    return book.findings()


def test_a_checkpoint_is_signed_by_somebody_else(mine: Book) -> None:
    made = mine.made[2]
    found = replaced(mine, made, *forged(made, RecordKey(b"x" * 32)))
    assert any(
        re.match(rf"checkpoint {made.seq} is signed with a key that settings do not name", each)
        for each in found
    )
    assert f"witness, line 3 has seen another checkpoint {made.seq}" in found


def test_a_checkpoint_keeps_the_signature_of_another(mine: Book) -> None:
    made = mine.made[2]
    body, _ = forged(made, KEY, root="00" * 32)
    found = replaced(mine, made, body, made.signature)
    assert f"checkpoint {made.seq} does not bear the signature of its key" in found
    assert f"checkpoint {made.seq} says that some entry before {made.seq} was another" in found


def test_a_checkpoint_loses_its_signature(mine: Book) -> None:
    made = mine.made[2]
    found = replaced(mine, made, *forged(made, None))
    assert f"checkpoint {made.seq} is not signed, though those before it are" in found


def test_a_checkpoint_is_taken_from_another_record(mine: Book) -> None:
    made = mine.made[2]
    found = replaced(mine, made, *forged(made, KEY, previous=FIRST))
    assert f"checkpoint {made.seq} does not follow the checkpoint before it" in found


def test_a_checkpoint_is_removed(mine: Book) -> None:
    mine.alter(f"delete from checkpoint where seq = {mine.made[1].seq}")
    found = mine.findings()
    assert f"checkpoint {mine.made[2].seq} does not follow the checkpoint before it" in found
    assert any(each.startswith("witness, line 2 has seen checkpoint") for each in found)


def test_a_checkpoint_becomes_another_text(mine: Book) -> None:
    made = mine.made[0]
    found = replaced(mine, made, made.body.replace(",", ", "), made.signature)
    assert f"checkpoint {made.seq} is none: what is stored was never signed" in found


def test_without_a_key_signatures_are_not_believed(book: Book) -> None:
    report = book.verify(is_keyed=False)
    assert report.is_intact
    assert (report.checkpoints, report.signed, report.covered) == (3, 0, 0)


def test_a_kept_subtree_is_altered(mine: Book) -> None:
    assert FILLER > 1024
    mine.alter(
        "update record_node set hash = replace(hash, 'a', 'b')",
        "insert into record_node values (10, 7, 'ff'), (3, 0, 'ff')",
    )
    found = mine.findings()
    assert "record_node 10 0 is not the hash of its entries" in found
    assert "record_node 10 7 is of no entries" in found
    assert "record_node 3 0 is of no entries" in found


# ---- older copies, and heads that were published ------------------------------------------------


def test_an_older_copy_of_the_database(book: Book, tmp_path: Path) -> None:
    older = book.copy(tmp_path)
    older.alter(
        f"delete from audit_entry where seq > {book.made[1].seq}",
        f"delete from checkpoint where seq > {book.made[1].seq}",
        *(f"delete from {each}" for each in ("payment_order", "approval", "instruction")),
        *(f"delete from {each}" for each in ("receipt", "kept_file", "freeze_consent", "freeze")),
        *(f"delete from {each}" for each in ("proposal", "proposal_decision")),
        "delete from chat_identity",
        "update payee set name = 'ACME GmbH'",
        "delete from payee where id <> 'acme'",
    )
    assert older.findings(is_witnessed=False) == [], "by itself nothing is wrong with it"
    last = book.made[2]
    (by_witness,) = older.findings()
    assert by_witness.startswith(f"witness, line 3 has seen checkpoint {last.seq}, which is not")
    assert "older copy" in by_witness
    (by_head,) = older.findings(f"{last.seq}:{last.head}", is_witnessed=False)
    assert "was published; the record ends at" in by_head


def test_published_heads_are_found(book: Book) -> None:
    last = book.made[2]
    given = [f"{last.seq}:{last.root}", f"{last.seq}:{last.head[:16]}…", f"{last.seq}:{'a' * 64}"]
    report = book.verify(*given)
    assert [str(each)[:20] for each in report.heads] == [each[:20] for each in given[:2]]
    (finding,) = report.findings
    assert str(finding) == f"head {given[2]} was published; this record had another"


def test_a_witness_that_was_damaged_says_so(mine: Book) -> None:
    text = mine.witness.path.read_text()
    mine.witness.path.write_text(text[:100] + "\n" + text)
    (finding,) = mine.findings()
    assert finding == "witness, line 1 is no checkpoint: the file was damaged, or a write cut off"


# ---- what is told -------------------------------------------------------------------------------


def test_many_findings_are_counted_and_the_first_listed(mine: Book) -> None:
    mine.alter("update audit_entry set actor = 'x' where seq < 1000")
    report = mine.verify()
    assert report.count >= 900
    assert len(report.findings) == 200


def test_values_that_cannot_be_read_are_named(mine: Book) -> None:
    mine.alter(
        "update audit_entry set body = cast(x'ff' as text) where seq = 20",
        "update payment_order set remittance = cast(x'ff' as text) where state = 'pending'",
        "update checkpoint set body = cast(x'ff' as text) where seq > 1000",
    )
    found = mine.findings(is_witnessed=False)
    assert "entry 20 cannot be read" in found
    assert f"payment_order {mine.story.pending} has a value that cannot be read" in found
    assert any(each.startswith("a checkpoint cannot be read") for each in found)


def test_the_chain_alone_is_as_before(mine: Book) -> None:
    assert audit.GENESIS == "0" * 64
    mine.alter("update audit_entry set hash = previous_hash where seq = 7")
    assert mine.findings()[0] == "entry 7 does not have the hash it was given"
