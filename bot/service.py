"""What the command line runs: the service itself, and the questions an engineer asks of it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from bot.app import App, DatabaseState
from bot.settings import Settings, charter_of, company_of
from bot.telegram.chat import deep_link
from bot.telegram.setup import username_of
from connectors import registry
from connectors.base import Capability, Consent
from workflows import charter, linking, people
from workflows.clock import system_clock
from workflows.database import Database, is_connection_lost, open_database
from workflows.people import Person
from workflows.refusal import Refusal

_MOST_LOSSES, _LOSS_SECONDS = 5, 0.5
"""How often a start may lose the database, and how much longer it waits each time."""

CONSOLE = "console"
"""Actor of what whoever has the machine does from its command line."""


def configure_logs(level: int = logging.INFO) -> None:
    """Log lines for people on a terminal, JSON for everything else; libraries only warn."""
    is_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)
    for noisy in ("slack_bolt", "slack_sdk", "apscheduler", "httpx", "dbos", "telegram"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


async def run(settings: Settings) -> None:
    """Run the service until it is told to stop (SIGINT, SIGTERM).

    It begins anew when its settings were agreed to, and a few times when the connection to the
    database was lost while it started.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    losses, is_again = 0, False
    while not stop.is_set():
        app = App(settings, is_again=is_again)
        try:
            await app.start()
            assert app.web is not None
            structlog.get_logger().info("running", web=app.web.url)
            losses, is_again = 0, True
            await _first(stop.wait(), app.outdated.wait())
        except Exception as error:
            losses += 1
            if not is_connection_lost(error) or losses == _MOST_LOSSES:
                raise
            structlog.get_logger().warning("database lost at the start", error=str(error)[:200])
        finally:
            await app.stop()
        if losses:
            await _first(stop.wait(), asyncio.sleep(_LOSS_SECONDS * losses))


async def _first(*waiting: Coroutine[Any, Any, object]) -> None:
    """Wait for the first of several, and for no other."""
    tasks = [asyncio.ensure_future(each) for each in waiting]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def charter_difference(settings: Settings) -> list[charter.Change] | None:
    """Return what settings say differently from the charter in force; None before the first."""
    async with _opened(settings) as database:
        present = await database.read(charter.in_force)
    if present is None:
        return None
    return charter.difference(present.document, charter_of(settings, company_of(settings)))


async def begin_link(settings: Settings, who: str) -> tuple[Person, str]:
    """Return a person and the deep link with which they can link Telegram.

    Raises:
        Refusal: there is no such person or no Telegram bot, or they are linked already.
        NotAdmitted: Telegram refused the bot's token.
        ChatUnavailable: Telegram cannot be reached.
    """
    person = _person(settings, who)
    if settings.telegram is None:
        raise Refusal("link.no_telegram")
    username = await username_of(settings.telegram)
    async with _opened(settings) as database:
        begin = partial(
            linking.begin, person=person, chat="telegram", by=CONSOLE, now=system_clock()
        )
        token = await database.write(begin)
    return person, deep_link(username, token)


async def unlink(settings: Settings, who: str, chat: str) -> Person:
    """Take a person's identity in a chat back, at once; raises `Refusal`."""
    person = _person(settings, who)
    async with _opened(settings) as database:
        work = partial(people.unlink, person=person, chat=chat, by=CONSOLE, now=system_clock())
        await database.write(work)
    return person


async def allow_link(settings: Settings, who: str, chat: str) -> Person:
    """Let a person who was unlinked be linked anew; raises `Refusal`."""
    person = _person(settings, who)
    async with _opened(settings) as database:
        work = partial(people.allow_link, person=person, chat=chat, by=CONSOLE, now=system_clock())
        await database.write(work)
    return person


def _person(settings: Settings, who: str) -> Person:
    directory = company_of(settings).directory
    person = directory.get(who) or directory.by_email(who)
    if person is None:
        raise Refusal("person.unknown", who=who[:64])
    return person


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the company's database, beside a service that may be running."""
    folder = Path(settings.storage.folder)
    async with open_database(settings.storage.where, migrates=False, folder=folder) as database:
        yield database


async def consent_of(
    settings: Settings, name: str
) -> tuple[tuple[Capability, ...], Consent | None]:
    """Return what a connection can do, and the consent in force, asking for one where needed.

    Raises:
        ConnectorError: the institution did not give one; the code says why.
    """
    company = company_of(settings)
    async with _opened(settings) as database:
        state = DatabaseState(database, name)
        connector = registry.build(name, settings.connectors[name], state, system_clock)
        try:
            capabilities = tuple(sorted(connector.capabilities))
            if Capability.CONSENT not in connector.capabilities:
                return capabilities, None
            accounts = tuple(
                own.account for own in company.accounts.values() if own.connector == name
            )
            return capabilities, await connector.consent(accounts, system_clock())
        finally:
            await connector.close()
