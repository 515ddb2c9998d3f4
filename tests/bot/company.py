"""The services of a bot over a small company, without anything running."""

from __future__ import annotations

from pathlib import Path

from bot.messages import Messages
from bot.services import Services
from tests.workflows.company import CIPHER, Hands, company
from workflows.database import SqliteDatabase
from workflows.dispatch import Dispatcher
from workflows.statements import Collector


def services(folder: Path) -> Services:
    """Return services over a database that is not open."""
    clock = Hands()
    database = SqliteDatabase(folder / "countersign.sqlite")
    there = company()
    return Services(
        database=database,
        company=there,
        connectors={},
        collector=Collector(database, there, {}, clock),
        dispatcher=Dispatcher(database, there, {}, clock),
        cipher=CIPHER,
        messages=Messages.load(is_strict=True),
        clock=clock,
        public_url=lambda: "http://127.0.0.1",
    )
