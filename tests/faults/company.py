"""The company whose service is killed: its settings, its people, and the world around it.

The bank and the chats live in the harness's own process and outlive every process of the service.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyotp
import yaml
from sqlalchemy import Connection

from bot.settings import Settings, company_of, load
from sandbox import slack, telegram
from sandbox.bank import Account, Bank, Phone, Sca, serve
from sandbox.slack import Person as SlackPerson
from sandbox.telegram import Person as TelegramPerson
from workflows import people, second_factor
from workflows.company import Company
from workflows.database import database_at, open_database
from workflows.second_factor import Cipher

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
CHANNEL, GROUP = "C0TREASURY1", -5001
IBAN, ACME_IBAN = "DE89370400440532013000", "DE75512108001245126199"
_TOKEN = "424242:AAfaults-of-a-test-bot-0123456789"
_KEY = b"k" * 32

STAFF: Mapping[str, tuple[str, str, str]] = {
    # Name, role, and the chat in which they are at home.
    "amara": ("Amara Okafor", "staff", "slack"),
    "tomo": ("Tomo Sato", "staff", "telegram"),
    "bea": ("Bea Lindqvist", "controller", "telegram"),
    "dora": ("Dora Quist", "controller", "slack"),
    "carl": ("Carl Weiss", "cfo", "slack"),
}
NUMBERS = {name: 1000 + number for number, name in enumerate(STAFF, 1)}

_POLICY = """
version: 1
expires_after: 72h
rules:
  - name: Every payment
    require: [{ role: controller }]
  - name: From 1 000 up
    when: { amount: { from: 1000 } }
    require: [{ role: controller }, { role: cfo }]
"""

_SETTINGS = """
[slack]
api_url = "{slack}"
bot_token = {{ env = "BOT_TOKEN" }}
app_token = {{ env = "APP_TOKEN" }}

[telegram]
api_url = "{telegram}"
bot_token = {{ env = "TELEGRAM_TOKEN" }}

[company]
name = "Northwind GmbH"
base_currency = "EUR"
timezone = "Europe/Berlin"

[storage]
folder = "data"
key = {{ env = "KEY" }}
{database}

[web]
port = 0

[policy]
file = "policy.yml"

[permissions]
request = ["staff"]
digest = ["controller", "cfo"]
resolve = ["controller", "cfo"]
admin = ["cfo"]
freeze = ["controller", "cfo"]
unfreeze = ["controller", "cfo"]

[digest]
channel = "{channel}"
telegram_chat = {group}
at = "03:30"

[dispatch]
first_poll_seconds = 0.05
max_poll_seconds = 0.3

[connectors.hausbank]
type = "berlin_group"
url = "{bank}"
consent_frequency_per_day = 1000
enquiry_window_hours = 0.0007
total_timeout_seconds = 2.0
replays_request_id = {replays}

[[payees]]
id = "acme"
name = "ACME GmbH"
iban = "{acme}"
trusted = true

[[accounts]]
id = "operating-eur"
name = "Operating EUR"
iban = "{iban}"
currency = "EUR"
connector = "hausbank"
viewers = ["controller", "cfo"]
collect = "{collect}"
channel = "{channel}"
telegram_chat = {group}
"""


@dataclass
class World:
    """Everything that outlives the service.

    Attributes:
        where: The service's database.
        environ: What its settings refer to.
    """

    folder: Path
    bank: Bank
    workspace: slack.Workspace
    telegram: telegram.Telegram
    settings: Settings
    environ: Mapping[str, str]
    _secrets: dict[str, str] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=dict)
    _enrolling: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def settings_file(self) -> Path:
        """What the service is started with."""
        return self.folder / "countersign.toml"

    @property
    def where(self) -> Path | str:
        """Where the service's database is."""
        return self.settings.storage.where

    @property
    def company(self) -> Company:
        """The company as the service knows it."""
        return company_of(self.settings)

    def on_slack(self, name: str) -> SlackPerson:
        return self.workspace.person(user_id(name))

    def on_telegram(self, name: str) -> TelegramPerson:
        return self.telegram.person(NUMBERS[name])

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Look into the service's database, beside it."""
        async with open_database(self.where, migrates=False) as database:
            return await database.read(work)

    async def code(self, name: str) -> str:
        """Return a code that this person did not use yet."""
        async with self._enrolling:
            now = int(_now().timestamp()) // 30
            step = max(now - 1, self._used.get(name, 0) + 1)
            if step > now + 1:  # more than people need in a minute: a new phone
                await self._enrol(name)
                step = now
            self._used[name] = step
            return pyotp.TOTP(self._secrets[name]).generate_otp(step)

    async def move_in(self) -> None:
        """Make the tables, link people to their chats, and enrol everybody."""
        database = database_at(self.where)
        await database.open()
        directory = self.company.directory
        for name, (_, _, home) in STAFF.items():
            person = directory.get(name)
            assert person is not None
            for work in (
                partial(
                    people.link,
                    person=person,
                    chat="telegram",
                    external_id=str(NUMBERS[name]),
                    now=_now(),
                ),
                partial(
                    people.link,
                    person=person,
                    chat="slack",
                    external_id=user_id(name),
                    now=_now(),
                ),
                partial(people.prefer, person=person, chat=home, now=_now()),
            ):
                await database.write(work)
        await database.close()
        for name in STAFF:
            await self._enrol(name)

    async def _enrol(self, name: str) -> None:
        self._secrets[name] = pyotp.random_base32()
        enrol = partial(
            second_factor.enrol,
            cipher=Cipher(_KEY),
            person_id=name,
            secret=self._secrets[name],
            now=_now(),
        )
        async with open_database(self.where, migrates=False) as database:
            await database.write(enrol)


@asynccontextmanager
async def a_world(
    folder: Path, *, database: str = "", replays: bool = False, collects: bool = False
) -> AsyncIterator[World]:
    """Open the bank and the chats, and describe the company to the service.

    Args:
        database: Address of an empty PostgreSQL database; SQLite where it is empty.
        replays: Whether the bank promises to take a repeated request for the same payment.
        collects: Whether statements are collected every minute.
    """
    bank = Bank(
        open_accounts=[Account(IBAN, "EUR", "Northwind GmbH", 1_000_000_000)],
        sca=Sca(Phone.EXEMPT),
        settles_after_polls=1,
        max_frequency_per_day=10**6,
        replays_request_id=replays,
    )
    workspace, chat = _workspace(), _telegram()
    served = await serve(bank)
    await workspace.start()
    await chat.start()
    text = _SETTINGS.format(
        slack=workspace.api_url,
        telegram=chat.api_url,
        bank=served.url,
        channel=CHANNEL,
        group=GROUP,
        iban=IBAN,
        acme=ACME_IBAN,
        replays=str(replays).lower(),
        collect="* * * * *" if collects else "0 4 * * *",
        database='database = { env = "DATABASE" }' if database else "",
    )
    for name, (full, role, _) in STAFF.items():
        text += (
            f'\n[[people]]\nid = "{name}"\nname = "{full}"\n'
            f'email = "{name}@northwind.test"\nroles = ["{role}"]\n'
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "countersign.toml").write_text(text)
    (folder / "policy.yml").write_text(_POLICY)
    environ = {
        "KEY": base64.urlsafe_b64encode(_KEY).decode(),
        "BOT_TOKEN": workspace.app.bot_token,
        "APP_TOKEN": workspace.app.app_token,
        "TELEGRAM_TOKEN": _TOKEN,
        "DATABASE": database,
    }
    world = World(
        folder, bank, workspace, chat, load(folder / "countersign.toml", environ), environ
    )
    try:
        await world.move_in()
        yield world
    finally:
        await workspace.stop()
        await chat.stop()
        await served.stop()


def user_id(name: str) -> str:
    """Return a person's id in Slack."""
    return f"U0{name.upper():0<9}"


def _workspace() -> slack.Workspace:
    users = [
        slack.User(user_id(name), name, full, email=f"{name}@northwind.test", title=role)
        for name, (full, role, _) in STAFF.items()
    ]
    app = slack.AppConfig(
        yaml.safe_load((ROOT / "manifest.yml").read_text()),
        bot_token="xoxb-faults-bot",
        app_token="xapp-faults-app",
        signing_secret="faults-signing-secret",
    )
    members = [*(user.id for user in users), app.bot_user_id]
    workspace = slack.Workspace(
        "Northwind",
        users=users,
        channels=[slack.Channel(CHANNEL, "treasury", members)],
        app=app,
        acknowledge_within=1.0,
    )
    workspace.limits.is_on = False
    return workspace


def _telegram() -> telegram.Telegram:
    users = [
        telegram.User(
            NUMBERS[name],
            full.partition(" ")[0],
            full.partition(" ")[2],
            username=f"{name}_nw",
            has_started=True,
        )
        for name, (full, _, _) in STAFF.items()
    ]
    bot = telegram.BotConfig(_TOKEN, "northwind_pay_bot", "Countersign")
    chat = telegram.Telegram(
        users, [telegram.Group(GROUP, "Treasury", list(NUMBERS.values()))], bot=bot
    )
    chat.limits.is_on = False
    return chat


def _now() -> datetime:
    return datetime.now(UTC)
