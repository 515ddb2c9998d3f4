"""What a treasurer or a CI job types, from a settings file and a policy to the answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot import starter
from bot.cli import app
from tests.bot.test_audit_cli import Desk, original
from tests.bot.test_settings import ENVIRON
from tests.workflows.record_story import Book

__all__ = ["original"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    starter.write(tmp_path)
    return tmp_path


def run(folder: Path, *words: str) -> Result:
    config = ["--config", str(folder / "countersign.toml")]
    return CliRunner().invoke(app, ["policy", *words, *config], env=ENVIRON)


def squeezed(text: str) -> str:
    return " ".join(text.split())


# -- check -----------------------------------------------------------------------------------------


def test_the_example_is_sound_and_said_in_a_table(folder: Path) -> None:
    found = run(folder, "check")
    assert found.exit_code == 0, found.output
    text = squeezed(found.stdout)
    assert "up to 999.99 currency EUR, payee" in text
    assert "0 errors" in text
    assert "2 people may ask for payments; rates of today: USD 0.92" in text
    assert all(len(line) <= 140 for line in found.stdout.splitlines())


def test_assertions_are_proved_or_refuted_and_the_exit_says_so(folder: Path) -> None:
    true = "amount > 50000 USD needs 2 approvers incl. cfo"
    false = "payee new needs 2 approvers incl. treasurer"
    found = run(folder, "check", "--assert", true)
    assert found.exit_code == 0, found.output
    assert re.search(rf"holds: {true} \(\d+ kinds of payments\)", found.stdout)
    found = run(folder, "check", "--assert", true, "--assert", false)
    assert found.exit_code == 1
    text = squeezed(found.stdout)
    assert f"holds: {true}" in text
    assert f"DOES NOT HOLD: {false}" in text
    assert "counter-example 0.01 EUR" in text
    assert "asked for by amara (staff)" in text
    assert "needs only 1 cfo + 1 controller" in text


def test_an_assertion_that_cannot_be_understood_is_another_exit(folder: Path) -> None:
    found = run(folder, "check", "--assert", "amount > 5 needs two approvers")
    assert found.exit_code == 2
    assert "“two” is not a number of people" in found.stderr
    assert not found.stdout


def test_another_file_can_be_checked_and_an_error_fails(folder: Path) -> None:
    file = folder / "new.yml"
    file.write_text("version: 1\nrules: [{name: A, require: [{role: cfo, count: 2}]}]\n")
    found = run(folder, "check", str(file))
    assert found.exit_code == 1
    assert "error: Nobody is left to fill “cfo”" in squeezed(found.stdout)
    assert run(folder, "check").exit_code == 0, "the settings' own is as it was"


def test_mistakes_in_another_file_are_told_with_their_lines(folder: Path) -> None:
    file = folder / "new.yml"
    file.write_text("version: 1\nrules:\n  - name: A\n    require: [{role: boss}]\n")
    found = run(folder, "check", str(file))
    assert found.exit_code == 1
    assert "new.yml:4: There is no role “boss”" in found.stderr
    assert run(folder, "check", str(folder / "missing.yml")).exit_code == 1


def test_names_in_a_policy_cannot_steer_the_terminal(folder: Path) -> None:
    file = folder / "new.yml"
    file.write_text(
        "version: 1\nrules: [{name: '[bold red]A[/] :smile:', require: [{role: controller}]}]\n"
    )
    found = run(folder, "check", str(file))
    assert "[bold red]A[/] :smile:" in found.stdout
    assert "\x1b" not in found.stdout


def test_all_rows_on_request(folder: Path) -> None:
    file = folder / "new.yml"
    file.write_text(
        "version: 1\nrules:\n  - {name: E, require: [{role: controller}]}\n"
        + "".join(
            f"  - {{name: T{n}, when: {{payee_tag: t{n}}}, require: [{{person: {who}}}]}}\n"
            for n, who in enumerate(["amara", "bea", "carl", "dora", "emil"])
        )
    )
    few, all_ = run(folder, "check", str(file)), run(folder, "check", str(file), "--all")
    assert "A payment gets no less than any row says that it fits" in few.stdout
    assert "gets no less" not in all_.stdout
    assert len(all_.stdout.splitlines()) > len(few.stdout.splitlines())


# -- explain ---------------------------------------------------------------------------------------


@pytest.fixture
def desk(original: Book, tmp_path: Path) -> Desk:
    return Desk(tmp_path, original)


def test_an_order_is_explained_and_nothing_is_changed(desk: Desk) -> None:
    before = {path: path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}
    found = run(desk.folder, "explain", desk.book.story.settled)
    assert found.exit_code == 0, found.output
    text = squeezed(found.stdout)
    assert f"{desk.book.story.settled}: " in text
    assert "asked for by Amara Okafor (amara)" in text
    assert "What it needs, by policy " in text
    assert "Nobody is missing." in text
    assert "The policy has changed since it was asked for." in text
    assert "New payees no payee is trusted, not new" in text
    assert "Amara Okafor (amara): asked for it" in text
    assert {path: path.read_bytes() for path in before} == before


def test_an_order_that_is_not_there_is_said_not_to_be(desk: Desk) -> None:
    found = run(desk.folder, "explain", "P00000000")
    assert found.exit_code == 1
    assert "P00000000" in found.stderr
    assert "Traceback" not in found.output


def test_without_a_database_there_is_nothing_to_explain(folder: Path) -> None:
    found = run(folder, "explain", "P00000000")
    assert found.exit_code == 1
    assert "cannot be read" in found.stderr


# -- simulate --------------------------------------------------------------------------------------


def test_history_is_replayed_and_nothing_is_changed(desk: Desk) -> None:
    file = desk.folder / "new.yml"
    file.write_text(
        "version: 1\nrules:\n  - {name: Every payment, require: [{role: controller}]}\n"
        "  - {name: New, when: {payee: new}, refuse: true}\n"
        "  - {name: Dear, when: {amount: {from: 1000}}, "
        "require: [{role: cfo}, {role: treasurer}]}\n"
    )
    before = {path: path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}
    found = run(desk.folder, "simulate", str(file), "--since", "2026-11-01")
    assert found.exit_code == 0, found.output
    text = squeezed(found.stdout)
    assert re.search(r"\d+ orders from 2026-11-01 to today, by new.yml \([0-9a-f]{12}\)", text)
    assert re.search(r"stricter \d+ [\d,]+\.\d\d EUR", text)
    assert "Nothing was changed." in text
    assert {path: path.read_bytes() for path in before} == before


def test_a_long_list_is_cut_short_unless_all_is_asked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.policy_cli.MOST_LISTED", 2)
    file = desk.folder / "new.yml"
    file.write_text("version: 1\nrules: [{name: A, require: [{role: treasurer}]}]\n")
    since = ("--since", "2026-11-01")
    found = run(desk.folder, "simulate", str(file), *since)
    assert re.search(r"and \d+ more; --all lists every one", found.stdout)
    every = run(desk.folder, "simulate", str(file), *since, "--all")
    assert "more; --all" not in every.stdout
    assert len(every.stdout.splitlines()) > len(found.stdout.splitlines())


def test_a_time_without_orders_is_said_to_have_none(desk: Desk) -> None:
    file = desk.folder / "policy.yml"
    found = run(
        desk.folder, "simulate", str(file), "--since", "2020-01-01", "--until", "2020-12-31"
    )
    assert found.exit_code == 0
    assert "0 orders from 2020-01-01 to 2020-12-31" in found.stdout


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_day_is_written_as_a_day(desk: Desk, option: str) -> None:
    words = {"--since": "2026-11-01", option: "yesterday"}
    found = run(
        desk.folder,
        "simulate",
        str(desk.folder / "policy.yml"),
        *(word for pair in words.items() for word in pair),
    )
    assert found.exit_code == 2
    assert f"{option}: “yesterday” is not a day" in found.stderr
