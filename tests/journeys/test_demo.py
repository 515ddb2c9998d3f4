"""The demo, as a stranger runs it: one command, exit code 0, one folder left behind."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path


def demo(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", "demo", "--tour", "--folder", str(folder), *more],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_tour_plays_twice_and_leaves_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    for _ in range(2):
        played = demo(folder)
        assert played.returncode == 0, played.stdout + played.stderr
        for line in ("Carl Weiss", "/pay 1250.00 EUR", "exactly once", "Daily digest", "verified"):
            assert line.lower() in played.stdout.lower()
        assert "✗" not in played.stdout
        assert str(folder) in played.stdout.replace("\n", "")
        assert "Traceback" not in played.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["demo"]
    with sqlite3.connect(folder / "data/countersign.sqlite") as database:
        rows = database.execute(
            "select o.state, count(distinct a.person_id), count(distinct r.order_id),"
            " count(distinct e.id) from payment_order o join approval a on a.order_id = o.id"
            " join receipt r on r.order_id = o.id join statement_entry e on e.order_id = o.id"
            " group by o.id"
        ).fetchall()
    assert rows == [("settled", 2, 1, 1)]


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    played = demo(tmp_path)
    assert played.returncode == 1
    assert "not a folder of the demo" in played.stdout
    assert (tmp_path / "precious.txt").read_text() == "mine"
