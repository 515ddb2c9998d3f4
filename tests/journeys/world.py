"""A company, its bank and its chats, each real on loopback, and the service between them.

Everything is started as a user would: from a settings file, through public surfaces.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyotp
import yaml

from bot.app import App
from bot.settings import load
from sandbox.bank import Account, Bank, Phone, Sca, serve
from sandbox.slack import AppConfig, Channel, Message, Person, User, View, Workspace, text_of
from sandbox.telegram import BotConfig, Group, Telegram
from sandbox.telegram import Person as TelegramPerson
from sandbox.telegram import User as TelegramUser
from workflows import audit, instructions, orders, people, second_factor
from workflows.audit import Entry
from workflows.clock import Clock, system_clock
from workflows.instructions import Sent
from workflows.orders import Order

ROOT = Path(__file__).parents[2]
OPENAPI = ROOT.parent / "shared/specs/berlin-group/psd2-api_v1.3.11.yaml"
TREASURY, LOBBY = "C0TREASURY1", "C0LOBBY0001"
EUR_IBAN, USD_IBAN = "DE89370400440532013000", "DE02120300000000202051"
ACME_IBAN, NEW_IBAN = "DE75512108001245126199", "FR1420041010050500013M02606"

PEOPLE: dict[str, tuple[str, tuple[str, ...], str]] = {
    "amara": ("Amara Okafor", ("staff",), "en"),
    "bea": ("Bea Lindqvist", ("staff", "controller"), "en"),
    "carl": ("Carl Weiss", ("cfo",), "en"),
    "dora": ("Dora Quist", ("controller",), "en"),
    "meilin": ("林梅", ("accountant", "controller"), "zh_CN"),
    "ivy": ("Ivy Intern", ("intern",), "en"),
}
OUTSIDERS = {"sam": "Sam Stranger", "gus": "Gus Guest"}
TREASURY_GROUP, LOBBY_GROUP = -5001, -5002
TELEGRAM_TOKEN = "424242:AAjourneys-of-a-test-bot-0123456789"
TELEGRAM_IDS = {name: 1000 + number for number, name in enumerate([*PEOPLE, *OUTSIDERS], 1)}

POLICY = """
version: 1
expires_after: 72h
rules:
  - name: Every payment
    require: [{ role: controller }]
  - name: From 1 000 up
    when: { amount: { from: 1000 } }
    require: [{ role: controller }, { role: cfo }]
  - name: New payees
    when: { payee: new }
    require: [{ role: cfo }]
"""

SETTINGS = """
[company]
name = "Northwind GmbH"
base_currency = "EUR"
timezone = "Europe/Berlin"
language = "en"

[storage]
folder = "data"
key = {{ env = "KEY" }}
{database}

[web]
port = 0

[policy]
file = "policy.yml"

[rates]
USD = "0.92"

[permissions]
request = ["staff"]
digest = ["controller", "cfo", "accountant"]
resolve = ["controller", "cfo"]
admin = ["cfo"]
freeze = ["controller", "cfo"]
unfreeze = ["controller", "cfo"]
payees = ["controller", "cfo"]
delegations = ["controller"]

[digest]
{digest}
at = "08:30"

[dispatch]
{pace}

[connectors.hausbank]
type = "berlin_group"
url = "{bank}"
consent_frequency_per_day = 1000
enquiry_window_hours = 24
total_timeout_seconds = 2.0
{hausbank}

[[payees]]
id = "acme"
name = "ACME GmbH"
iban = "DE75512108001245126199"
trusted = true

[[payees]]
id = "acme-trading"
name = "ACME Trading Ltd"
iban = "GB29NWBK60161331926819"

[[accounts]]
id = "operating-eur"
name = "Operating EUR"
iban = "DE89370400440532013000"
currency = "EUR"
connector = "hausbank"
viewers = ["controller", "cfo", "accountant"]
{places}

[[accounts]]
id = "operating-usd"
name = "Operating USD"
iban = "DE02120300000000202051"
currency = "USD"
connector = "hausbank"
viewers = ["controller", "cfo", "accountant"]
{places}
"""

PACE = "first_poll_seconds = 0.05\nmax_poll_seconds = 0.3"

SLACK_SETTINGS = """
[slack]
mode = "{mode}"
api_url = "{slack}"
bot_token = {{ env = "BOT_TOKEN" }}
app_token = {{ env = "APP_TOKEN" }}
signing_secret = {{ env = "SIGNING_SECRET" }}
"""

TELEGRAM_SETTINGS = """
[telegram]
mode = "{mode}"
api_url = "{telegram}"
bot_token = {{ env = "TELEGRAM_TOKEN" }}
"""


@dataclass
class World:
    """Everything a journey touches."""

    folder: Path
    bank: Bank
    workspace: Workspace
    telegram: Telegram
    mode: str = "socket"
    chats: tuple[str, ...] = ("slack",)
    telegram_mode: str = "polling"
    linked: tuple[str, ...] = tuple(PEOPLE)
    clock: Clock = system_clock
    more: str = ""
    database_url: str = ""
    bank_url: str = ""
    pace: str = PACE
    hausbank: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    app: App | None = None
    used: dict[str, int] = field(default_factory=dict)

    # ---- people -------------------------------------------------------------------------------

    def person(self, name: str) -> Person:
        return self.workspace.person(_user_id(name))

    def on_telegram(self, name: str) -> TelegramPerson:
        return self.telegram.person(TELEGRAM_IDS[name])

    async def code(self, name: str) -> str:
        """Return a code that was not used yet, of the step before, of now, or of the next."""
        totp = pyotp.TOTP(self.secrets[name])
        now, passed = divmod(int(self.clock().timestamp()), 30)
        # The step before counts until this one ends; near its end, it may be too late for it.
        oldest = now - 1 if passed < 22 else now
        step = max(oldest, self.used.get(name, 0) + 1)
        assert step <= now + 1, f"{name} has no fresh code left; move the clock"
        self.used[name] = step
        return totp.generate_otp(step)

    # ---- the service --------------------------------------------------------------------------

    @property
    def environ(self) -> dict[str, str]:
        """The secrets of the service, as its environment has them."""
        return {
            "KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
            "BOT_TOKEN": self.workspace.app.bot_token,
            "APP_TOKEN": self.workspace.app.app_token,
            "SIGNING_SECRET": self.workspace.app.signing_secret,
            "TELEGRAM_TOKEN": TELEGRAM_TOKEN,
            "DATABASE_URL": self.database_url,
        }

    def write_settings(self) -> None:
        directory = "".join(
            f'\n[[people]]\nid = "{key}"\nname = "{name}"\nemail = "{key}@northwind.test"\n'
            f'roles = {list(roles)!r}\nlanguage = "{language}"\n'.replace("'", '"')
            for key, (name, roles, language) in PEOPLE.items()
        )
        text = self._settings() + directory + self.more
        (self.folder / "countersign.toml").write_text(text)
        (self.folder / "policy.yml").write_text(POLICY)

    async def open(self) -> App:
        self.write_settings()
        self.app = App(load(self.folder / "countersign.toml", self.environ), clock=self.clock)
        await self.app.start()
        await self._enrol()
        if "telegram" in self.chats:
            await self._link()
            await self.telegram.wait_listening()
        if "slack" not in self.chats:
            return self.app
        if self.mode == "http":
            assert self.app.web is not None
            self.workspace.app.request_url = f"{self.app.web.url}/slack/events"
        else:
            await self.workspace.wait_connected()
        return self.app

    def _settings(self) -> str:
        digest, places, text = [], [], ""
        if "slack" in self.chats:
            digest.append(f'channel = "{TREASURY}"')
            places.append(f'channel = "{TREASURY}"')
            text += SLACK_SETTINGS.format(mode=self.mode, slack=self.workspace.api_url)
        if "telegram" in self.chats:
            digest.append(f"telegram_chat = {TREASURY_GROUP}")
            places.append(f"telegram_chat = {TREASURY_GROUP}")
            text += TELEGRAM_SETTINGS.format(
                mode=self.telegram_mode, telegram=self.telegram.api_url
            )
        database = 'database = { env = "DATABASE_URL" }' if self.database_url else ""
        where = {"database": database, "digest": "\n".join(digest), "places": "\n".join(places)}
        return text + SETTINGS.format(
            bank=self.bank_url, pace=self.pace, hausbank=self.hausbank, **where
        )

    async def _link(self) -> None:
        """Link people as if they had done so long ago, and have them press Start."""
        assert self.app is not None
        services = self.app.services
        for name in self.linked:
            person = services.company.directory.get(name)
            assert person is not None
            link = partial(
                people.link,
                person=person,
                chat="telegram",
                external_id=str(TELEGRAM_IDS[name]),
                now=services.clock(),
            )
            if await services.database.read(
                partial(people.is_bound, person=person, chat="telegram")
            ):
                continue
            await services.database.write(link)

    async def close(self) -> None:
        if self.app is not None:
            await self.app.stop()
            self.app = None

    async def _enrol(self) -> None:
        assert self.app is not None
        services = self.app.services
        for name in PEOPLE:
            if name not in self.secrets:
                self.secrets[name] = pyotp.random_base32()
                await services.database.write(
                    partial(
                        second_factor.enrol,
                        cipher=services.cipher,
                        person_id=name,
                        secret=self.secrets[name],
                        now=services.clock(),
                    )
                )

    # ---- what happened ------------------------------------------------------------------------

    async def order(self) -> Order:
        """Return the newest order."""
        found: list[Order] = await self.read(lambda c: orders.in_states(c, *orders.OrderState))
        return found[-1]

    async def sent(self, order: Order) -> Sent | None:
        found: Sent | None = await self.read(lambda c: instructions.find(c, order.id))
        return found

    async def record(self, subject: str) -> list[Entry]:
        found: list[Entry] = await self.read(lambda c: audit.of_subject(c, subject))
        return found

    async def kinds(self, subject: str) -> list[str]:
        return [entry.kind for entry in await self.record(subject)]

    async def until(self, state: str, *, seconds: float = 10) -> Order:
        """Wait until the newest order is in ``state``."""
        async with asyncio.timeout(seconds):
            while (order := await self.order()).state != state:
                await asyncio.sleep(0.02)
        return order

    async def read(self, work: Callable[[Any], Any]) -> Any:
        assert self.app is not None
        return await self.app.database.read(work)

    # ---- what people do -----------------------------------------------------------------------

    async def pay(
        self, line: str = "1250.00 EUR to ACME GmbH ref INV-7", who: str = "amara"
    ) -> Order:
        assert (await self.person(who).command(f"/pay {line}")).ok
        return await self.order()

    async def card(self, name: str, order: Order, *, with_button: str = "") -> Message:
        """Return a person's card of an order, once it is there (and has a button)."""

        def is_it(message: Message) -> bool:
            if order.id not in text_of(message) or message.ephemeral_to or message.is_reply:
                return False
            return not with_button or with_button in buttons(message)

        return await self.person(name).wait_message(is_it, self.person(name).dm)

    async def form(self, name: str, order: Order, action: str = "approve") -> View:
        """Click a button of a person's card and return the form it opens."""
        card = await self.card(name, order, with_button=action)
        assert (await self.person(name).click(card, action)).ok
        return await self.person(name).wait_view()

    async def approve(self, name: str, order: Order, code: str | None = None) -> str:
        """Approve as a person does; return what the window says afterwards."""
        form = await self.form(name, order)
        person = self.person(name)
        outcome = await person.submit(form, {"code": code or await self.code(name)})
        assert outcome.ok, outcome
        said = text_of(person.views()[-1])
        await person.dismiss(person.views()[-1])
        return said

    async def approved(self, line: str = "1250.00 EUR to ACME GmbH ref INV-7") -> Order:
        """Ask and approve, as policy wants it for large amounts."""
        order = await self.pay(line)
        await self.approve("bea", order)
        await self.approve("carl", order)
        return order

    def last(self, name: str, channel: str | None = None) -> str:
        """Return the text of what a person saw last."""
        return text_of(self.person(name).messages(channel)[-1])


def buttons(message: Message | View) -> list[str]:
    """Return the action ids of a message's buttons."""
    return [
        element["action_id"]
        for block in message.all_blocks()
        for element in block.get("elements", ())
        if "action_id" in element
    ]


def _user_id(name: str) -> str:
    return f"U0{name.upper():0<9}"


def _users() -> list[User]:
    insiders = [
        User(_user_id(key), key, name, email=f"{key}@northwind.test", title=", ".join(roles))
        for key, (name, roles, _) in PEOPLE.items()
    ]
    return [
        *insiders,
        User(_user_id("sam"), "sam", "Sam Stranger", email="sam@else.test"),
        User(_user_id("gus"), "gus", "Gus Guest", email="carl@northwind.test", is_restricted=True),
    ]


def _telegram() -> Telegram:
    names = {key: name for key, (name, _, _) in PEOPLE.items()} | OUTSIDERS
    chinese = {key for key, (_, _, language) in PEOPLE.items() if language == "zh_CN"}
    users = [
        TelegramUser(
            TELEGRAM_IDS[key],
            name.partition(" ")[0],
            name.partition(" ")[2],
            username=f"{key}_nw",
            language_code="zh-hans" if key in chinese else "en",
            has_started=key in PEOPLE,
        )
        for key, name in names.items()
    ]
    finance = [TELEGRAM_IDS[name] for name in ("bea", "carl", "dora", "meilin")]
    groups = [
        Group(TREASURY_GROUP, "Treasury", finance),
        Group(LOBBY_GROUP, "Lobby", list(TELEGRAM_IDS.values())),
    ]
    bot = BotConfig(TELEGRAM_TOKEN, "northwind_pay_bot", "Countersign")
    return Telegram(users, groups, bot=bot)


@asynccontextmanager
async def a_world(
    folder: Path,
    *,
    mode: str = "socket",
    chats: tuple[str, ...] = ("slack",),
    telegram_mode: str = "polling",
    linked: tuple[str, ...] = tuple(PEOPLE),
    clock: Clock = system_clock,
    more: str = "",
    database_url: str = "",
    pace: str = PACE,
    hausbank: str = "",
    is_served: bool = True,
    **bank: Any,
) -> AsyncIterator[World]:
    """Open a world with the service running in it, if asked; ``bank`` are rules of the bank."""
    rules = {"sca": Sca(Phone.EXEMPT), "settles_after_polls": 1, "max_frequency_per_day": 10**6}
    accounts = [
        Account(EUR_IBAN, "EUR", "Northwind GmbH", 10_000_000),
        Account(USD_IBAN, "USD", "Northwind GmbH", 5_000_000),
    ]
    made = Bank(
        open_accounts=accounts, openapi=OPENAPI if OPENAPI.exists() else None, **{**rules, **bank}
    )
    users = _users()
    members = [user.id for user in users]
    workspace = Workspace(
        "Northwind",
        users=users,
        channels=[
            Channel(TREASURY, "treasury", [*members, "U0BOT00001"]),
            Channel(LOBBY, "lobby", members),
        ],
        app=AppConfig(
            yaml.safe_load((ROOT / "manifest.yml").read_text()),
            bot_token="xoxb-journeys-bot",
            app_token="xapp-journeys-app",
            signing_secret="journeys-signing-secret",
            mode="http" if mode == "http" else "socket",
        ),
    )
    workspace.limits.is_on = False
    telegram = _telegram()
    telegram.limits.is_on = False
    serving = await serve(made)
    await workspace.start()
    await telegram.start()
    world = World(
        folder,
        made,
        workspace,
        telegram,
        mode,
        chats,
        telegram_mode,
        linked,
        clock,
        more,
        database_url,
        bank_url=serving.url,
        pace=pace,
        hausbank=hausbank,
    )
    try:
        if is_served:
            await world.open()
        else:
            world.write_settings()
        yield world
    finally:
        await world.close()
        await workspace.stop()
        await telegram.stop()
        await serving.stop()
    assert made.violations == []
    assert made.bad_requests == []
