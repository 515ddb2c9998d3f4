"""A company, its bank and its workspace, each real on loopback, and the service between them.

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
from workflows import audit, instructions, orders, second_factor
from workflows.audit import Entry
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

[web]
port = 0

[slack]
mode = "{mode}"
api_url = "{slack}"
bot_token = {{ env = "BOT_TOKEN" }}
app_token = {{ env = "APP_TOKEN" }}
signing_secret = {{ env = "SIGNING_SECRET" }}

[policy]
file = "policy.yml"

[rates]
USD = "0.92"

[permissions]
request = ["staff"]
digest = ["controller", "cfo", "accountant"]
resolve = ["controller", "cfo"]

[digest]
channel = "C0TREASURY1"
at = "08:30"

[dispatch]
first_poll_seconds = 0.05
max_poll_seconds = 0.3

[connectors.hausbank]
type = "berlin_group"
url = "{bank}"
consent_frequency_per_day = 1000
enquiry_window_hours = 24
total_timeout_seconds = 2.0

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
channel = "C0TREASURY1"

[[accounts]]
id = "operating-usd"
name = "Operating USD"
iban = "DE02120300000000202051"
currency = "USD"
connector = "hausbank"
viewers = ["controller", "cfo", "accountant"]
channel = "C0TREASURY1"
"""


@dataclass
class World:
    """Everything a journey touches."""

    folder: Path
    bank: Bank
    workspace: Workspace
    mode: str = "socket"
    bank_url: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    app: App | None = None
    used: dict[str, int] = field(default_factory=dict)

    # ---- people -------------------------------------------------------------------------------

    def person(self, name: str) -> Person:
        return self.workspace.person(_user_id(name))

    async def code(self, name: str) -> str:
        """Return a code that was not used yet, of the step before, of now, or of the next."""
        totp = pyotp.TOTP(self.secrets[name])
        assert self.app is not None
        now = int(self.app.services.clock().timestamp()) // 30
        step = max(now - 1, self.used.get(name, 0) + 1)
        assert step <= now + 1, f"{name} has no fresh code left; move the clock"
        self.used[name] = step
        return totp.generate_otp(step)

    # ---- the service --------------------------------------------------------------------------

    async def open(self) -> App:
        environ = {
            "KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
            "BOT_TOKEN": self.workspace.app.bot_token,
            "APP_TOKEN": self.workspace.app.app_token,
            "SIGNING_SECRET": self.workspace.app.signing_secret,
        }
        people = "".join(
            f'\n[[people]]\nid = "{key}"\nname = "{name}"\nemail = "{key}@northwind.test"\n'
            f'roles = {list(roles)!r}\nlanguage = "{language}"\n'.replace("'", '"')
            for key, (name, roles, language) in PEOPLE.items()
        )
        text = SETTINGS.format(mode=self.mode, slack=self.workspace.api_url, bank=self.bank_url)
        (self.folder / "countersign.toml").write_text(text + people)
        (self.folder / "policy.yml").write_text(POLICY)
        self.app = App(load(self.folder / "countersign.toml", environ))
        await self.app.start()
        await self._enrol()
        if self.mode == "http":
            assert self.app.web is not None
            self.workspace.app.request_url = f"{self.app.web.url}/slack/events"
        else:
            await self.workspace.wait_connected()
        return self.app

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
        found: list[Order] = await self._read(lambda c: orders.in_states(c, *orders.OrderState))
        return found[-1]

    async def sent(self, order: Order) -> Sent | None:
        found: Sent | None = await self._read(lambda c: instructions.find(c, order.id))
        return found

    async def record(self, subject: str) -> list[Entry]:
        found: list[Entry] = await self._read(lambda c: audit.of_subject(c, subject))
        return found

    async def kinds(self, subject: str) -> list[str]:
        return [entry.kind for entry in await self.record(subject)]

    async def until(self, state: str, *, seconds: float = 10) -> Order:
        """Wait until the newest order is in ``state``."""
        async with asyncio.timeout(seconds):
            while (order := await self.order()).state != state:
                await asyncio.sleep(0.02)
        return order

    async def _read(self, work: Callable[[Any], Any]) -> Any:
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


@asynccontextmanager
async def a_world(folder: Path, *, mode: str = "socket", **bank: Any) -> AsyncIterator[World]:
    """Open a world with the service running in it; ``bank`` are rules of the bank."""
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
    serving = await serve(made)
    await workspace.start()
    world = World(folder, made, workspace, mode, serving.url)
    try:
        await world.open()
        yield world
    finally:
        await world.close()
        await workspace.stop()
        await serving.stop()
    assert made.violations == []
    assert made.bad_requests == []
