"""What an auditor types, from a settings file to the answer."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from typer.testing import CliRunner, Result

from bot import starter
from bot.cli import app
from bot.messages import Messages
from tests.bot.test_settings import ENVIRON
from tests.postgres import Server
from tests.workflows.company import Hands, Phones
from tests.workflows.record_story import KEY, Book, Teller, enrol, written
from workflows.database.postgres import PostgresDatabase
from workflows.record import proofs
from workflows.record.witness import Witness

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return written(tmp_path_factory.mktemp("book"))


class Desk:
    """An installation of which the service is not running."""

    def __init__(self, folder: Path, book: Book) -> None:
        self.folder = folder
        starter.write(folder)
        (folder / "secrets/record_key").write_text(base64.urlsafe_b64encode(b"s" * 32).decode())
        (folder / "var").mkdir()
        path, witness = folder / "var/countersign.sqlite", folder / "record.witness"
        path.write_bytes(book.path.read_bytes())
        witness.write_bytes(book.witness.path.read_bytes())
        self.book = Book(path, Witness(witness), book.story, book.made)

    def run(self, *words: str) -> Result:
        config = ["--config", str(self.folder / "countersign.toml")]
        return CliRunner().invoke(app, ["audit", *words, *config], env=ENVIRON)

    def settings(self, old: str, new: str) -> None:
        path = self.folder / "countersign.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def desk(original: Book, tmp_path: Path) -> Desk:
    return Desk(tmp_path, original)


def head(book: Book, number: int) -> str:
    return f"{book.made[number].seq}:{book.made[number].root}"


# ---- verify -------------------------------------------------------------------------------------


def test_an_intact_record_is_summed_up(desk: Desk) -> None:
    before = {path: path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}
    found = desk.run("verify", "--head", head(desk.book, 1), "--head", head(desk.book, 2))
    assert found.exit_code == 0, found.output
    for words in (
        r"intact: \d+ entries, head [0-9a-f]{64}, root [0-9a-f]{64}",
        r"checkpoints: 3, 3 with a signature that holds; 1 entries came after the newest",
        r"witness .*record.witness: 3 checkpoints, all there",
        r"tables: \d+ rows say what the record says",
        rf"head {head(desk.book, 1)}: of this record",
    ):
        assert re.search(words, found.output), words
    after = {path: path.read_bytes() for path in before}
    assert after == before, "nothing is changed"


def test_what_is_wrong_is_listed_and_the_exit_says_so(desk: Desk) -> None:
    desk.book.alter(
        "update audit_entry set body = replace(body, 'system', 'eve') where seq = 100",
        "update payment_order set amount_minor = 1 where state = 'settled'",
        "delete from checkpoint",
    )
    last = desk.book.made[2].seq
    found = desk.run("verify", "--head", f"{last + 50}:{'0' * 64}")
    assert found.exit_code == 1
    assert "BROKEN: " in found.output
    assert "entry 100 does not have the hash it was given" in found.output
    assert f"payment_order {desk.book.story.settled} has amount_minor 1, entry" in found.output
    assert "witness, line 3 has seen checkpoint" in found.output
    assert f"head {last + 50}:" in found.output
    assert "Traceback" not in found.output


def test_a_database_that_went_back_can_still_be_looked_at(desk: Desk) -> None:
    """The service refuses such a file; whoever investigates must be able to read it."""
    last = desk.book.made[2].seq
    (desk.folder / "var/countersign.sqlite.head").write_text(f"{last + 9} {'0' * 64}\n")
    found = desk.run("verify")
    assert found.exit_code == 0, found.output


@pytest.mark.parametrize("text", ["x", "12", "12:abc", ":" + "a" * 64, "0:" + "a" * 64])
def test_a_head_must_be_written_as_the_digest_shows_it(desk: Desk, text: str) -> None:
    found = desk.run("verify", f"--head={text}")
    assert found.exit_code == 2
    assert "SEQ:HASH" in found.output


def test_without_a_key_the_answer_says_so(desk: Desk) -> None:
    desk.settings("record_key = {", "# record_key = {")
    found = desk.run("verify")
    assert found.exit_code == 0
    assert "none checked. There is no storage.record_key" in found.output
    assert desk.run("key").exit_code == 1
    config = str(desk.folder / "countersign.toml")
    checked = CliRunner().invoke(app, ["check", "--config", config], env=ENVIRON)
    assert checked.exit_code == 0
    assert "There is no storage.record_key" in checked.output


def test_no_database_at_all(desk: Desk) -> None:
    desk.book.path.unlink()
    for words in (["verify"], ["export"], ["prove", "P1"]):
        found = desk.run(*words)
        assert found.exit_code == 1, words
        assert "Traceback" not in found.output
        assert found.output.strip()


def test_a_damaged_file_is_told_without_a_trace(desk: Desk) -> None:
    desk.book.path.write_bytes(b"not a database" * 1000)
    found = desk.run("verify")
    assert found.exit_code == 1
    assert "cannot be read" in found.output
    assert "Traceback" not in found.output


def test_a_witness_in_the_data_folder_is_refused(desk: Desk) -> None:
    desk.settings('# witness = "record.witness"', 'witness = "var/record.witness"')
    found = desk.run("verify")
    assert found.exit_code == 1
    assert "storage.witness: the witness lies in the data folder" in found.output


# ---- keys ---------------------------------------------------------------------------------------


def test_the_public_key_is_printed_and_the_secret_never(desk: Desk) -> None:
    found = desk.run("key")
    assert found.output.strip() == KEY.public.text
    secret = (desk.folder / "secrets/record_key").read_text()
    said = [desk.run(*words).output for words in (["verify"], ["export"], ["key"])]
    assert not any(secret in each for each in said)


def test_a_new_key_is_made_for_an_old_installation(desk: Desk) -> None:
    path = desk.folder / "secrets/new"
    found = desk.run("key", "--make", str(path))
    assert found.exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() not in found.output
    desk.settings('"secrets/record_key"', '"secrets/new"')
    desk.settings("# record_former_keys = [", f'record_former_keys = ["{KEY.public.text}"]  # [')
    shown = desk.run("key").output.strip()
    assert shown in found.output
    assert desk.run("verify").exit_code == 0
    again = desk.run("key", "--make", str(path))
    assert again.exit_code == 1
    assert "cannot be made" in again.output


def test_a_former_key_must_be_one(desk: Desk) -> None:
    desk.settings("# record_former_keys = [", 'record_former_keys = ["nonsense"]  # [')
    found = desk.run("verify")
    assert found.exit_code == 1
    assert "this is no public key" in found.output


# ---- export and proof ---------------------------------------------------------------------------


def test_the_whole_record_is_exported(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "record.jsonl"
    assert desk.run("export", "--out", str(out)).exit_code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert sum("entry" in each for each in lines) > 1000
    on_terminal = desk.run("export", "--order", desk.book.story.settled)
    assert len(on_terminal.output.splitlines()) == 8


def test_what_cannot_be_exported(desk: Desk) -> None:
    assert desk.run("export", "--format", "html").exit_code == 2
    assert desk.run("export", "--format", "pdf").exit_code == 2
    found = desk.run("export", "--format", "html", "--order", "P0NOTHING")
    assert found.exit_code == 1
    assert "P0NOTHING" in found.output


def test_a_proof_is_made_and_checked_by_somebody_else(desk: Desk, tmp_path: Path) -> None:
    """Entries after the newest checkpoint are covered by one that is made for it."""
    before = len(list(desk.book.witness.lines()))
    out = tmp_path / "proof.json"
    published = head(desk.book, 0)
    story = desk.book.story
    found = desk.run("prove", story.pending, "--head", published, "--out", str(out))
    assert found.exit_code == 0, found.output
    assert len(list(desk.book.witness.lines())) == before + 1
    assert desk.run("verify").exit_code == 0
    checked = subprocess.run(
        [sys.executable, ROOT / "docs/check_proof.py", out, KEY.public.text, published],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "PROVED: " in checked.stdout
    assert story.settled not in checked.stdout


def test_what_cannot_be_proved(desk: Desk) -> None:
    found = desk.run("prove", "P0NOTHING")
    assert found.exit_code == 1
    assert "P0NOTHING" in found.output
    newer = desk.run("prove", desk.book.story.settled, "--head", f"999999:{'0' * 64}")
    assert newer.exit_code == 1
    assert "999999" in newer.output
    desk.book.alter("update audit_entry set hash = previous_hash where seq = 1135")
    broken = desk.run("prove", desk.book.story.settled)
    assert broken.exit_code == 1
    assert "Traceback" not in broken.output


# ---- a server ---------------------------------------------------------------------------------


def test_the_same_of_a_postgresql_database(
    desk: Desk, postgres: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def tell(address: str) -> str:
        hands = Hands()
        phones = Phones(hands)
        database = PostgresDatabase(address)
        await database.open()
        await enrol(database, hands, phones)
        story = await Teller(database, hands, phones).tell()
        await database.close()
        return story.settled

    desk.book.witness.path.unlink()
    with postgres.database() as name:
        monkeypatch.setitem(ENVIRON, "DATABASE_URL", postgres.at(name))
        desk.settings("[web]", 'database = { env = "DATABASE_URL" }\n\n[web]')
        order = asyncio.run(tell(postgres.at(name)))
        proof = tmp_path / "proof.json"
        assert desk.run("prove", order, "--out", str(proof)).exit_code == 0
        assert proofs.flaw(json.loads(proof.read_text()), KEY.public) is None
        found = desk.run("verify")
        assert found.exit_code == 0, found.output
        assert "checkpoints: 1, 1 with a signature that holds; 0 entries came after" in found.output
        assert "1 checkpoints, all there" in found.output
        assert len(desk.run("export", "--order", order).output.splitlines()) == 8
        page = desk.run("export", "--order", order, "--format", "html")
        assert "As it was written." in page.output


# ---- the page -----------------------------------------------------------------------------------


def page_of(desk: Desk, *words: str) -> Path:
    out = desk.folder / "evidence.html"
    order = desk.book.story.settled
    found = desk.run("export", "--order", order, "--format", "html", "--out", str(out), *words)
    assert found.exit_code == 0, found.output
    return out


@pytest.mark.parametrize("language", Messages.load().languages)
def test_the_page_tells_everything(desk: Desk, language: str) -> None:
    page = page_of(desk, "--language", language).read_text("utf-8")
    story, made = desk.book.story, desk.book.made[2]
    for told in (
        story.settled,
        "Bea Lindqvist",
        "Carl Weiss",
        "invoice.pdf",
        "BANK-1",
        "RECEIPT-1",
        made.root,
        made.signature,
        KEY.public.text,
        "Every payment",
        "From 1 000 up",
        "DE75 5121 0800 1245 1261 99",
    ):
        assert str(told) in page, told
    assert "message.missing" not in page
    assert story.unknown not in page


def test_the_page_warns_of_what_was_altered(desk: Desk) -> None:
    desk.book.alter(
        "update approval set factor = 'none'",
        "update kept_file set content = x'00' where name = 'invoice.pdf'",
    )
    page = page_of(desk).read_text("utf-8")
    assert "Do not rely on this page" in page
    assert "has factor &#39;none&#39;" in page
    assert "This is not the content that was kept." in page


def test_what_people_wrote_stays_text(desk: Desk) -> None:
    desk.book.alter(
        "update payment_order set remittance = '<script>alert(1)</script>' where state = 'settled'"
    )
    page = page_of(desk).read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_browser_shows_and_prints_it_without_loading_anything(desk: Desk, tmp_path: Path) -> None:
    page_file = page_of(desk)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(page_file.as_uri())
        assert [each for each in asked if not each.startswith(("file:", "data:"))] == []
        assert said == []
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 1100
        with page.expect_download() as download:
            page.get_by_role("link", name="invoice.pdf").click()
        assert download.value.suggested_filename == "invoice.pdf"
        assert Path(download.value.path()).read_bytes() == b"%PDF-1.7 invoice"
        printed = page.pdf(prefer_css_page_size=True)
        assert printed.startswith(b"%PDF")
        browser.close()
