"""Builds one process from its settings, and starts and stops its parts in order."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import time
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import ColumnElement, Connection, delete, insert, select

from bot.commands import Commands
from bot.interactions import Interactions
from bot.messages import Messages
from bot.notifier import Notifier
from bot.services import Services
from bot.settings import Settings
from bot.slack.app import SlackApp
from bot.slack.chat import CHAT, SlackChat
from bot.web.app import create_app
from bot.web.health import Delivery
from bot.web.server import WebServer
from connectors import registry
from connectors.base import Account, Capability, Connector, ConnectorError
from workflows import audit, payees
from workflows.clock import Clock, system_clock
from workflows.company import Company, OwnAccount, Permissions
from workflows.database import Database
from workflows.dispatch import Dispatcher, Pace
from workflows.payees import Payee
from workflows.people import Directory, Person
from workflows.schedule import Schedule
from workflows.second_factor import Cipher
from workflows.statements import Collector
from workflows.tables import connector_state

log = structlog.get_logger(__name__)

DATABASE, WORKFLOWS = "countersign.sqlite", "dispatch.sqlite"
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 60.0
_CONSENT_SECONDS = 6 * 3600.0
_MENDED_BY_PEOPLE = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "missing_scope"}
)


class StartError(Exception):
    """The service cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a connector remembers between runs (`connectors.base.ConnectorState`)."""

    database: Database
    connector: str

    async def get(self, key: str) -> str | None:
        """Return the remembered value, or None."""
        return await self.database.read(
            lambda connection: connection.execute(
                select(connector_state.c.value).where(*self._where(key))
            ).scalar_one_or_none()
        )

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


def company_of(settings: Settings) -> Company:
    """Return the company as its settings describe it."""
    people = [
        Person(
            id=each.id,
            name=each.name,
            email=each.email,
            roles=frozenset(each.roles),
            language=each.language,
            timezone=each.timezone,
            chat_ids={CHAT: each.slack} if each.slack else None,
        )
        for each in settings.people
    ]
    accounts = [
        OwnAccount(
            account=Account(
                id=each.id,
                iban=each.iban,
                currency=each.currency,
                holder=each.holder or settings.company.name,
                timezone=each.timezone or settings.company.timezone,
            ),
            name=each.name,
            connector=each.connector,
            viewers=frozenset(each.viewers),
            channel=each.channel,
            collect=each.collect,
        )
        for each in settings.accounts
    ]
    return Company(
        name=settings.company.name,
        base_currency=settings.company.base_currency,
        timezone=ZoneInfo(settings.company.timezone),
        language=settings.company.language,
        directory=Directory(people),
        accounts={own.id: own for own in accounts},
        policy=settings.policy_document,
        rates=settings.rates,
        permissions=Permissions(
            request=frozenset(settings.permissions.request),
            digest=frozenset(settings.permissions.digest),
            resolve=frozenset(settings.permissions.resolve),
        ),
        duplicate_window=settings.requests.duplicate_window,
    )


class App:
    """The running service.

    Attributes:
        services: For the demo and tests, which look in as well as on.
    """

    def __init__(self, settings: Settings, *, clock: Clock = system_clock) -> None:
        self._settings = settings
        self._clock = clock
        folder = Path(settings.storage.folder)
        self._workflows = folder / WORKFLOWS
        self.company = company_of(settings)
        self.database = Database(folder / DATABASE)
        self.connectors: Mapping[str, Connector] = {
            name: registry.build(name, each, DatabaseState(self.database, name), clock)
            for name, each in settings.connectors.items()
        }
        pace = Pace(settings.dispatch.first_poll_seconds, settings.dispatch.max_poll_seconds)
        self.dispatcher = Dispatcher(self.database, self.company, self.connectors, clock, pace)
        self.collector = Collector(self.database, self.company, self.connectors, clock)
        key = settings.storage.key.get_secret_value()
        self.services = Services(
            database=self.database,
            company=self.company,
            connectors=self.connectors,
            collector=self.collector,
            dispatcher=self.dispatcher,
            cipher=Cipher(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))),
            messages=Messages.load(),
            clock=clock,
            public_url=self._public_url,
        )
        self.schedule = Schedule(
            self.database,
            self.company,
            self.collector,
            self.dispatcher,
            clock,
            digest_at=time.fromisoformat(settings.digest.at) if settings.digest else None,
        )
        self._background: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self.slack: SlackApp | None = None
        self.notifier: Notifier | None = None
        self.web: WebServer | None = None

    async def start(self) -> None:
        """Start every part; what cannot be reached yet is tried again behind the scenes.

        Raises:
            StartError: a person must mend something first.
            DatabaseError: the database cannot be used.
        """
        await self.database.open()
        await self._register()
        await self.dispatcher.start(self._workflows)
        self._build_slack()
        await self._start_web()
        await self._start_slack()
        assert self.notifier is not None
        self._spawn(self.notifier.run())
        self._spawn(self._consents())
        self.schedule.start()

    async def stop(self) -> None:
        """Stop in the opposite order; what is under way goes on at the next start."""
        self.schedule.stop()
        if self.slack is not None:
            await self.slack.stop()
        if self.web is not None:
            await self.web.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.dispatcher.stop()
        for connector in self.connectors.values():
            await connector.close()
        if self._session is not None:
            await self._session.close()
        await self.database.close()

    async def _register(self) -> None:
        """Bring the tables to what settings say, and put on the record what is in force."""
        wanted = [
            Payee(each.id, each.name, each.iban, each.bic, each.country, each.trusted)
            for each in self._settings.payees
        ]
        now = self._clock()

        def register(connection: Connection) -> None:
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

    def _build_slack(self) -> None:
        slack = self._settings.slack
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        client = AsyncWebClient(
            token=slack.bot_token.get_secret_value(),
            base_url=slack.api_url,
            session=self._session,
            timeout=15,
            retry_handlers=[],
        )
        chat = SlackChat(client, self.database, self.company.directory, self._clock)
        commands = Commands(self.services)
        channel = self._settings.digest.channel if self._settings.digest else None
        self.notifier = Notifier(self.services, chat, channel)
        is_socket = slack.mode == "socket"
        app_token = slack.app_token.get_secret_value() if is_socket and slack.app_token else None
        secret = slack.signing_secret.get_secret_value() if slack.signing_secret else None
        self.slack = SlackApp(
            self.services,
            commands,
            Interactions(self.services, commands),
            self.notifier,
            chat,
            client=client,
            signing_secret=secret,
            app_token=app_token,
        )

    async def _start_web(self) -> None:
        assert self.slack is not None
        slack = self._settings.slack
        routes = [self.slack.route("/slack/events")] if slack.mode == "http" else []
        web = create_app(
            company=self.company,
            database=self.database,
            cipher=self.services.cipher,
            messages=self.services.messages,
            clock=self._clock,
            version=version("countersign"),
            deliveries=self._deliveries,
            routes=routes,
        )
        self.web = WebServer(web, host=self._settings.web.host, port=self._settings.web.port)
        await self.web.start()

    def _deliveries(self) -> Mapping[str, Delivery]:
        assert self.slack is not None
        return {CHAT: Delivery(self.slack.is_connected, self.slack.last_delivery)}

    def _public_url(self) -> str:
        configured = str(self._settings.web.public_url or "").rstrip("/")
        return configured or (self.web.url if self.web is not None else "")

    async def _start_slack(self) -> None:
        """Connect to Slack now, or keep trying; a token that Slack refuses ends the start."""
        assert self.slack is not None
        try:
            await self.slack.start()
        except SlackApiError as error:
            code = str(error.response.get("error"))
            if code in _MENDED_BY_PEOPLE:
                raise StartError(
                    f"Slack refused the bot token ({code}). Check slack.bot_token, and that the "
                    "app is installed in the workspace with the scopes of manifest.yml."
                ) from error
            self._spawn(self._keep_trying_slack(code))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._spawn(self._keep_trying_slack(type(error).__name__))

    async def _keep_trying_slack(self, reason: str) -> None:
        assert self.slack is not None
        wait = _FIRST_RETRY
        while True:
            log.warning("slack unreachable", reason=reason, wait=wait)
            await asyncio.sleep(wait)
            try:
                await self.slack.start()
            except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
                reason, wait = type(error).__name__, min(_LONGEST_RETRY, wait * 2)
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
