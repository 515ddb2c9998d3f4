"""What the command line runs: the service itself, and the questions an engineer asks of it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

import structlog

from bot.app import DATABASE, App, DatabaseState, company_of
from bot.settings import Settings
from connectors import registry
from connectors.base import Capability, Consent
from workflows import audit
from workflows.audit import Verification
from workflows.clock import system_clock
from workflows.database import Database


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
    for noisy in ("slack_bolt", "slack_sdk", "apscheduler", "httpx", "dbos"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


async def run(settings: Settings) -> None:
    """Run the service until it is told to stop (SIGINT, SIGTERM)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    app = App(settings)
    try:
        await app.start()
        assert app.web is not None
        structlog.get_logger().info("running", web=app.web.url)
        await stop.wait()
    finally:
        await app.stop()


async def verify_record(settings: Settings) -> Verification:
    """Walk the record of the company that ``settings`` describe."""
    database = Database(Path(settings.storage.folder) / DATABASE)
    await database.open()
    try:
        return await database.read(audit.verify)
    finally:
        await database.close()


async def consent_of(
    settings: Settings, name: str
) -> tuple[tuple[Capability, ...], Consent | None]:
    """Return what a connection can do, and the consent in force, asking for one where needed.

    Raises:
        ConnectorError: the institution did not give one; the code says why.
    """
    company = company_of(settings)
    database = Database(Path(settings.storage.folder) / DATABASE)
    await database.open()
    state = DatabaseState(database, name)
    connector = registry.build(name, settings.connectors[name], state, system_clock)
    try:
        capabilities = tuple(sorted(connector.capabilities))
        if Capability.CONSENT not in connector.capabilities:
            return capabilities, None
        accounts = tuple(own.account for own in company.accounts.values() if own.connector == name)
        return capabilities, await connector.consent(accounts, system_clock())
    finally:
        await connector.close()
        await database.close()
