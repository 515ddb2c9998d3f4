"""Proofs of one payment, checked as an outsider would: with the script alone."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, create_engine

from tests.workflows.record_story import KEY, Book, written
from workflows.record import export, proofs
from workflows.record.checkpoints import RecordKey
from workflows.record.problems import RecordBroken
from workflows.record.verification import Head
from workflows.refusal import Refusal

SCRIPT = Path(__file__).parents[2] / "docs/check_proof.py"
Proof = dict[str, Any]
T = TypeVar("T")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return written(tmp_path_factory.mktemp("book"))


def on(book: Book, work: Callable[[Connection], T]) -> T:
    engine = create_engine(f"sqlite:///{book.path}")
    try:
        with engine.connect() as connection:
            return work(connection)
    finally:
        engine.dispose()


def proof_of(book: Book, *heads: str) -> Proof:
    given = [Head.parse(each) for each in heads]
    return on(book, lambda c: proofs.prove(c, book.story.settled, given))


def head(book: Book, number: int) -> str:
    made = book.made[number]
    return f"{made.seq}:{made.root}"


def checked(folder: Path, proof: Proof, *heads: str, key: str = "") -> tuple[int, str]:
    """Run the script, in an empty environment and another folder."""
    path = folder / "proof.json"
    path.write_text(json.dumps(proof), "utf-8")
    found = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(path), key or KEY.public.text, *heads],
        capture_output=True,
        text=True,
        cwd=folder,
        env={},
        check=False,
    )
    return found.returncode, found.stdout + found.stderr


def test_the_script_is_short_and_needs_nothing_of_ours() -> None:
    text = SCRIPT.read_text("utf-8")
    assert len(text.splitlines()) <= 60
    names = {line.split()[1].split(".")[0] for line in text.splitlines() if " import " in line}
    names |= {line.split()[1] for line in text.splitlines() if line.startswith("import ")}
    assert names - {"cryptography"} <= set(sys.stdlib_module_names)


def test_a_proof_holds_and_shows_nothing_else(book: Book, tmp_path: Path) -> None:
    heads = [head(book, number) for number in range(3)]
    proof = proof_of(book, *heads)
    code, said = checked(tmp_path, proof, *heads)
    assert code == 0, said
    assert f"PROVED: {len(proof['entries'])} entries" in said
    assert '"kind":"order.settled"' in said
    assert proofs.flaw(proof, KEY.public, [Head.parse(each) for each in heads]) is None
    text = json.dumps(proof)
    for other in (book.story.unknown, book.story.rejected, "eve", "telegram"):
        assert other not in text
    assert all(len(each["path"]) <= 12 for each in proof["entries"])
    kinds = [json.loads(each["body"])["kind"] for each in proof["entries"]]
    assert kinds[0] == "order.requested"
    assert kinds[-1] == "receipt.stored"
    # A digest shows the whole root; somebody may copy only its beginning.
    short = head(book, 1)[: len(str(book.made[1].seq)) + 17]
    assert checked(tmp_path, proof, short)[0] == 0


@pytest.mark.parametrize("first", [1, 2, 3, 4, 63, 64, 65, 1023, 1024, 1025, 1100])
def test_any_earlier_head_will_do(book: Book, tmp_path: Path, first: int) -> None:
    proof = proof_of(book, f"{first}:{'0' * 16}")
    shown = f"{first}:{proof['heads'][0]['root']}"
    assert book.verify(shown).is_intact
    assert checked(tmp_path, proof, shown)[0] == 0
    assert proofs.flaw(proof, KEY.public, [Head.parse(shown)]) is None
    wrong = f"{first}:{'0' * 64}"
    assert checked(tmp_path, proof, wrong)[0] != 0
    assert proofs.flaw(proof, None, [Head.parse(wrong)]) is not None


def swapped(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def edit_amount(proof: Proof) -> None:
    proof["entries"][0]["body"] = proof["entries"][0]["body"].replace("1250.00", "9250.00")


def edit_path(proof: Proof) -> None:
    proof["entries"][1]["path"][3] = swapped(proof["entries"][1]["path"][3])


def shorten_path(proof: Proof) -> None:
    proof["entries"][1]["path"].pop()


def lengthen_path(proof: Proof) -> None:
    proof["entries"][1]["path"].append("00" * 32)


def renumber(proof: Proof) -> None:
    proof["entries"][0]["seq"] += 1


def exchange(proof: Proof) -> None:
    first, second = proof["entries"][:2]
    first["body"], second["body"] = second["body"], first["body"]


def edit_root(proof: Proof) -> None:
    body = json.loads(proof["checkpoint"]["body"])
    body["root"] = swapped(body["root"])
    proof["checkpoint"]["body"] = json.dumps(body, separators=(",", ":"), sort_keys=True)


def edit_signature(proof: Proof) -> None:
    text = proof["checkpoint"]["signature"]
    proof["checkpoint"]["signature"] = ("A" if text[0] != "A" else "B") + text[1:]


def drop_signature(proof: Proof) -> None:
    proof["checkpoint"]["signature"] = None


def sign_another_text(proof: Proof) -> None:
    body = proof["checkpoint"]["body"].replace("countersign record", "another")
    proof["checkpoint"] = {"body": body, "signature": KEY.sign(body)}


def edit_head(proof: Proof) -> None:
    proof["heads"][0]["root"] = swapped(proof["heads"][0]["root"])


def edit_growth(proof: Proof) -> None:
    proof["heads"][0]["path"][0] = swapped(proof["heads"][0]["path"][0])


def shorten_growth(proof: Proof) -> None:
    proof["heads"][0]["path"].pop()


def drop_heads(proof: Proof) -> None:
    proof["heads"] = []


@pytest.mark.parametrize(
    "forge",
    [
        edit_amount,
        edit_path,
        shorten_path,
        lengthen_path,
        renumber,
        exchange,
        edit_root,
        edit_signature,
        drop_signature,
        sign_another_text,
        edit_head,
        edit_growth,
        shorten_growth,
        drop_heads,
    ],
)
def test_a_forged_proof_proves_nothing(
    book: Book, tmp_path: Path, forge: Callable[[Proof], None]
) -> None:
    published = head(book, 1)
    proof = proof_of(book, published)
    assert checked(tmp_path, proof, published)[0] == 0
    forged = copy.deepcopy(proof)
    forge(forged)
    assert forged != proof
    code, said = checked(tmp_path, forged, published)
    assert code != 0
    assert "PROVED:" not in said.replace("NOT PROVED:", "")
    assert proofs.flaw(forged, KEY.public, [Head.parse(published)]) is not None


def test_another_key_or_another_record_prove_nothing(book: Book, tmp_path: Path) -> None:
    proof = proof_of(book, head(book, 1))
    stranger = RecordKey(b"o" * 32)
    assert checked(tmp_path, proof, key=stranger.public.text)[0] != 0
    assert proofs.flaw(proof, stranger.public) is not None
    # Whoever rewrites history and signs it anew does not go on from what the chat has seen.
    assert checked(tmp_path, proof, f"{book.made[1].seq}:{'ab' * 32}")[0] != 0
    assert proofs.flaw({"entries": []}, None) == "it is not a proof"


def test_what_cannot_be_proved(book: Book, tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        on(book, lambda c: proofs.prove(c, "P0NOTHING"))
    assert caught.value.code == "proof.none"
    with pytest.raises(Refusal) as caught:
        proof_of(book, f"99999:{'0' * 64}")
    assert caught.value.code == "proof.newer"
    mine = book.copy(tmp_path)
    mine.alter("delete from record_node", "delete from audit_entry where seq = 500")
    with pytest.raises(RecordBroken):
        proof_of(mine)


# ---- the export ---------------------------------------------------------------------------------


def test_the_export_is_the_record_exactly(book: Book) -> None:
    lines = on(book, lambda c: list(export.lines(c)))
    said = [json.loads(line) for line in lines]
    entries = [each for each in said if "entry" in each]
    made = [each for each in said if "checkpoint" in each]
    assert [each["entry"]["seq"] for each in entries] == list(range(1, len(entries) + 1))
    assert [each["checkpoint"]["seq"] for each in made] == [each.seq for each in book.made]
    assert [each["signature"] for each in made] == [each.signature for each in book.made]
    count = book.ask("select count(*) from audit_entry")[0]
    assert len(entries) == count
    (body,) = book.ask("select body from audit_entry where seq = 77")
    assert f'{{"entry":{body},"hash":' in lines[said.index(entries[76])]


def test_the_export_of_one_order_has_no_other(book: Book) -> None:
    lines = on(book, lambda c: list(export.lines(c, book.story.settled)))
    assert {json.loads(line)["entry"]["subject"] for line in lines} == {book.story.settled}


def test_damage_is_exported_as_it_is(book: Book, tmp_path: Path) -> None:
    mine = book.copy(tmp_path)
    mine.alter("update audit_entry set body = 'not JSON' where seq = 3")
    lines = on(mine, lambda c: list(export.lines(c)))
    assert json.loads(lines[2])["entry"] == "not JSON"


def test_the_evidence_of_an_order_is_sound_until_it_is_altered(book: Book, tmp_path: Path) -> None:
    found = on(book, lambda c: export.evidence(c, book.story.settled))
    assert found.is_sound
    assert [each.name for each in found.files] == ["invoice.pdf"]
    assert found.receipt is not None
    assert found.receipt.content == b"paid"
    assert found.covering == book.made[2]
    assert {each.person_id for each in found.given} == {"bea", "carl"}
    mine = book.copy(tmp_path)
    mine.alter("update receipt set content = x'00'")
    found = on(mine, lambda c: export.evidence(c, book.story.settled))
    assert not found.is_sound
    assert found.receipt is not None
    assert not found.receipt.is_whole
    mine.alter("update audit_entry set body = replace(body, 'totp', 'none')")
    assert on(mine, lambda c: export.evidence(c, book.story.settled)).broken
