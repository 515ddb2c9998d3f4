"""Builds one process from its settings, and starts and stops its parts in order."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import time, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select

from bot import record
from bot.chat import ChatApp, ChatUnavailable, NotAdmitted
from bot.commands import Commands
from bot.held import Held
from bot.interactions import Interactions
from bot.messages import Messages
from bot.notifier import Notifier
from bot.services import Services
from bot.settings import Settings, charter_of, company_of
from bot.slack import setup as slack_setup
from bot.slack.app import SlackApp
from bot.telegram import setup as telegram_setup
from bot.telegram.app import TelegramApp
from bot.web.app import create_app
from bot.web.health import Delivery
from bot.web.notices import Notices
from bot.web.server import WebServer
from connectors import registry
from connectors.base import Capability, Connector, ConnectorError, ConnectorSettings
from workflows import audit, calendars, charter, in_force, payees, replicas
from workflows.clock import Clock, system_clock
from workflows.company import Company
from workflows.database import (
    SQLITE_FILE,
    WORKFLOWS_FILE,
    Database,
    DatabaseError,
    database_at,
)
from workflows.dispatch import Dispatcher, Pace
from workflows.payees import Payee
from workflows.prepared import Prepared
from workflows.release import Allowance
from workflows.reminders import Reminders
from workflows.schedule import Schedule
from workflows.second_factor import Cipher
from workflows.statements import Collector
from workflows.tables import connector_state
from workflows.takeover import LOCAL

log = structlog.get_logger(__name__)

_REMEMBERED = Prepared(
    select(connector_state.c.value).where(
        connector_state.c.connector == bindparam("connector"),
        connector_state.c.key == bindparam("key"),
    )
)

DATABASE, WORKFLOWS = SQLITE_FILE, WORKFLOWS_FILE
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 60.0
_CONSENT_SECONDS = 6 * 3600.0
_MARGIN = timedelta(seconds=30)
"""By how much a call is over sooner than it is given up: a claim may be used a little later."""
_CHARTER_SECONDS, _PROPOSE_EVERY = 1.0, 60


class StartError(Exception):
    """The service cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a connector remembers between runs (`connectors.base.ConnectorState`)."""

    database: Database
    connector: str

    async def get(self, key: str) -> str | None:
        """Return the remembered value, or None."""
        which = {"connector": self.connector, "key": key}
        row = await self.database.read(lambda connection: _REMEMBERED.row(connection, which))
        return row[0] if row else None

    async def put(self, key: str, value: str | None) -> None:
        """Remember ``value`` durably; None forgets it."""

        def write(connection: Connection) -> None:
            connection.execute(delete(connector_state).where(*self._where(key)))
            if value is not None:
                connection.execute(
                    insert(connector_state).values(connector=self.connector, key=key, value=value)
                )

        await self.database.write(write)

    def _where(self, key: str) -> tuple[ColumnElement[bool], ...]:
        return (connector_state.c.connector == self.connector, connector_state.c.key == key)


def _padded(base64_text: str) -> str:
    return base64_text + "=" * (-len(base64_text) % 4)


def _patience(connection: ConnectorSettings) -> timedelta:
    """Return after what time no call of a connection is under way any more."""
    return timedelta(seconds=getattr(connection, "total_timeout_seconds", 0))


class App:
    """The running service.

    Args:
        is_again: Whether it begins anew by itself: nobody started it with these settings just now.

    Attributes:
        services: For the demo and tests, which look in as well as on.
        is_held: Whether its settings are not what was agreed to: nothing leaves.
        outdated: Set when it should stop and begin anew: its settings were agreed to, or others.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock = system_clock, is_again: bool = False
    ) -> None:
        self._settings = settings
        self._is_again = is_again
        self._clock = clock
        folder = Path(settings.storage.folder)
        address = settings.storage.database
        self._workflows = address.get_secret_value() if address else folder / WORKFLOWS
        self.database = database_at(
            settings.storage.where, migrates=settings.storage.migrate == "start", folder=folder
        )
        self.connectors: Mapping[str, Connector] = {
            name: registry.build(name, each, DatabaseState(self.database, name), clock)
            for name, each in settings.connectors.items()
        }
        company = replace(
            company_of(settings),
            stoppable=frozenset(
                name
                for name, each in self.connectors.items()
                if Capability.CANCELLATION in each.capabilities
            ),
        )
        calendars.prepare([own.calendar for own in company.accounts.values()], clock().date())
        self._charter = charter_of(settings, company)
        self._key = base64.urlsafe_b64decode(_padded(settings.storage.key.get_secret_value()))
        self._notices = Notices(self._key, self._public_url, self._wake)
        self.outdated = asyncio.Event()
        self.is_held = False
        self._assemble(replace(company, charter=charter.hash_of(self._charter)))
        self._background: list[asyncio.Task[None]] = []
        self._chats: dict[str, ChatApp] = {}
        self._notifiers: dict[str, Notifier] = {}
        self.slack: SlackApp | None = None
        self.telegram: TelegramApp | None = None
        self.web: WebServer | None = None

    def _assemble(self, company: Company) -> None:
        """Put the parts together for a company, which has all rights or only some of them."""
        settings, self.company = self._settings, company
        slowest = max(_patience(each) for each in settings.connectors.values())
        pace = Pace(
            settings.dispatch.first_poll_seconds,
            settings.dispatch.max_poll_seconds,
            call_within=max(Pace().call_within, slowest + _MARGIN),
        )
        self.dispatcher = Dispatcher(
            self.database,
            self.company,
            self.connectors,
            self._clock,
            pace,
            allowances={
                name: Allowance(each.max_at_once, each.max_per_second)
                for name, each in settings.connectors.items()
            },
            hours=self.company.opening,
            # One process alone serves a file; a server is there for any number.
            replica_id=replicas.new_id() if settings.storage.database else LOCAL,
            notice_url=self._notices.url,
        )
        self.collector = Collector(self.database, self.company, self.connectors, self._clock)
        self.services = Services(
            database=self.database,
            company=self.company,
            connectors=self.connectors,
            collector=self.collector,
            dispatcher=self.dispatcher,
            cipher=Cipher(self._key),
            messages=Messages.load(),
            clock=self._clock,
            public_url=self._public_url,
            chats=tuple(
                name
                for name, section in (("slack", settings.slack), ("telegram", settings.telegram))
                if section is not None
            ),
            telegram_link=self._telegram_link,
        )
        self.checkpoints = record.checkpoints_of(settings, self.database, self._clock)
        self.schedule = Schedule(
            self.database,
            self.company,
            self.collector,
            self.dispatcher,
            self._clock,
            checkpoints=self.checkpoints,
            digest_at=time.fromisoformat(settings.digest.at) if settings.digest else None,
            reminders=Reminders(
                settings.reminders.after,
                settings.reminders.times,
                frozenset(settings.reminders.escalate_to),
            ),
        )

    async def start(self) -> None:
        """Start every part; what cannot be reached yet is tried again behind the scenes.

        Raises:
            StartError: a person must mend something first.
            DatabaseError: the database cannot be used.
        """
        await self.database.open()
        await self._settle()
        await self._register()
        await self.checkpoints.make()
        await self.dispatcher.start(self._workflows)
        await self.dispatcher.takeover.beat()
        self._build_chats()
        await self._start_web()
        for name in self._chats:
            await self._start_chat(name)
        # What must not happen twice is done by one replica at a time.
        for name, notifier in self._notifiers.items():
            self._spawn(self.database.lease(f"notifier:{name}").run(notifier.run))
        self._spawn(self.database.lease("consents").run(self._consents))
        self._spawn(self._watch_charter())
        self.schedule.start()

    async def stop(self) -> None:
        """Stop in the opposite order; what is under way goes on at the next start."""
        self.schedule.stop()
        for chat in self._chats.values():
            await chat.stop()
        if self.web is not None:
            await self.web.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.dispatcher.stop()
        for connector in self.connectors.values():
            await connector.close()
        for chat in self._chats.values():
            await chat.close()
        await self._last_checkpoint()
        await self.database.close()

    async def _last_checkpoint(self) -> None:
        """Leave nothing unsigned; a database that is gone by now keeps nobody from stopping."""
        try:
            await self.checkpoints.make()
        except DatabaseError as error:
            log.warning("record not signed at the stop", error=str(error))

    async def _settle(self) -> None:
        """Hold settings against what was agreed to; until they are, nobody gains by them."""
        found = await self._propose(is_start=not self._is_again)
        self.is_held = found.hash != self.company.charter
        if self.is_held:
            log.warning("settings differ from what was agreed to", agreed=found.hash[:12])
            self.connectors = {name: Held(each) for name, each in self.connectors.items()}
            self._assemble(charter.restricted(self.company, found.document))

    async def _propose(self, *, is_start: bool) -> charter.InForce:
        now = self._clock()
        settle = partial(
            charter.settle,
            wanted=self._charter,
            now=now,
            is_alone=self._settings.storage.database is None,
            is_start=is_start,
        )
        return await self.database.write(settle)

    async def _watch_charter(self) -> None:
        """Notice when these settings come into force, or stop to be: the service begins anew then.

        A proposal that ran out, or that another replica's start made void, is made again.
        """
        is_agreed = partial(in_force.is_in_force, company=self.company)
        rounds = 0
        while True:
            await asyncio.sleep(_CHARTER_SECONDS)
            with suppress(DatabaseError):
                if await self.database.read(is_agreed) == self.is_held:
                    self.outdated.set()
                    return
                rounds += 1
                if self.is_held and rounds % _PROPOSE_EVERY == 0:
                    await self._propose(is_start=False)

    async def _register(self) -> None:
        """Bring the tables to what settings say, and put on the record what is in force."""
        wanted = [
            Payee(each.id, each.name, each.iban, each.bic, each.country, each.trusted, each.tags)
            for each in self._settings.payees
        ]
        now = self._clock()

        def register(connection: Connection) -> None:
            if not self.is_held:
                payees.register(connection, wanted, now=now)
            audit.append(
                connection,
                at=now,
                actor=audit.SYSTEM,
                kind="service.started",
                subject="service",
                facts={"policy_hash": self.company.policy.hash},
            )

        await self.database.write(register)

    def _build_chats(self) -> None:
        """Put the chats together that settings name, in the order in which they are tried."""
        services, settings = self.services, self._settings
        commands = Commands(services)
        interactions = Interactions(services, commands)
        digest = settings.digest
        if settings.slack is not None:
            channel = digest.channel if digest else None
            self.slack, notifier = slack_setup.build(
                services, commands, interactions, settings.slack, digest_channel=channel
            )
            self._chats["slack"], self._notifiers["slack"] = self.slack, notifier
        if settings.telegram is not None:
            chat = digest.telegram_chat if digest else None
            self.telegram, notifier = telegram_setup.build(
                services, commands, interactions, settings.telegram, digest_chat=chat
            )
            self._chats["telegram"], self._notifiers["telegram"] = self.telegram, notifier

    async def _start_web(self) -> None:
        web = create_app(
            company=self.company,
            database=self.database,
            cipher=self.services.cipher,
            messages=self.services.messages,
            clock=self._clock,
            version=version("countersign"),
            deliveries=self._deliveries,
            deep_link=self._telegram_link,
            opened_by=self._opened_by,
            routes=[
                self._notices.route(),
                *(route for chat in self._chats.values() for route in chat.routes()),
            ],
        )
        self.web = WebServer(web, host=self._settings.web.host, port=self._settings.web.port)
        await self.web.start()

    def _deliveries(self) -> Mapping[str, Delivery]:
        return {
            name: Delivery(
                chat.is_connected, chat.last_delivery, self._notifiers[name].behind_since
            )
            for name, chat in self._chats.items()
        }

    async def _wake(self, order_id: str) -> None:
        await self.dispatcher.wake(order_id)

    def _public_url(self) -> str:
        configured = str(self._settings.web.public_url or "").rstrip("/")
        return configured or (self.web.url if self.web is not None else "")

    def _telegram_link(self, payload: str) -> str | None:
        return self.telegram.deep_link(payload) if self.telegram is not None else None

    def _opened_by(self, init_data: str) -> str | None:
        return self.telegram.opened_by(init_data) if self.telegram is not None else None

    async def _start_chat(self, name: str) -> None:
        """Connect to a chat now, or keep trying; one that refuses us ends the start."""
        try:
            await self._chats[name].start()
        except NotAdmitted as error:
            raise StartError(str(error)) from error
        except ChatUnavailable as error:
            self._spawn(self._keep_trying(name, str(error)))

    async def _keep_trying(self, name: str, reason: str) -> None:
        wait = _FIRST_RETRY
        while True:
            log.warning("chat unreachable", chat=name, reason=reason, wait=wait)
            await asyncio.sleep(wait)
            try:
                await self._chats[name].start()
            except (ChatUnavailable, NotAdmitted) as error:
                reason, wait = str(error), min(_LONGEST_RETRY, wait * 2)
            else:
                return

    async def _consents(self) -> None:
        """Keep consents in force; what a person must confirm at the bank is told in the channel."""
        asked: dict[str, str] = {}
        while True:
            for name, connector in self.connectors.items():
                if Capability.CONSENT in connector.capabilities:
                    with suppress(ConnectorError):
                        await self._consent(name, connector, asked)
            await asyncio.sleep(_CONSENT_SECONDS)

    async def _consent(self, name: str, connector: Connector, asked: dict[str, str]) -> None:
        accounts = tuple(
            own.account for own in self.company.accounts.values() if own.connector == name
        )
        now = self._clock()
        consent = await connector.consent(accounts, now)
        log.info("consent", connector=name, status=consent.status, valid=consent.is_valid)
        if consent.is_valid or asked.get(name) == consent.id:
            return
        asked[name] = consent.id
        facts = {"status": consent.status, "text": consent.waiting_for_person, "url": consent.url}
        await self.database.write(
            lambda connection: audit.append(
                connection,
                at=now,
                actor=audit.SYSTEM,
                kind="consent.waiting",
                subject=name[:64],
                facts=facts,
            )
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._background.append(asyncio.create_task(work))
