"""The company whose service bench/memory.py weighs, the world around it, and its many orders.

The bank and the chats live in the benchmark's own process, so that their memory is not counted.
"""

from __future__ import annotations

import base64
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, func, select

from bench import dispatch_company
from bench.dispatch_company import HOLDER, POLICY, _begin, _one
from bench.dispatch_workers import UNLIMITED
from bot import posted, shipped
from bot.posted import Posted
from bot.settings import Settings, company_of, load
from connectors.base import Outcome, Progress, Receipt
from sandbox import slack, telegram
from sandbox.bank import Account, Bank, Phone, Sca, serve
from workflows import audit, instructions, people, receipts, release
from workflows.clock import system_clock
from workflows.company import Company
from workflows.database import WORKFLOWS_FILE, open_database
from workflows.orders import OrderState
from workflows.tables import payment_order, receipt

STEP = timedelta(seconds=30)
"""Between two orders' approvals: an approver's code counts once."""
BOT_TOKEN, APP_TOKEN = "xoxb-memory-bot", "xapp-memory-app"
TELEGRAM_TOKEN = "424242:AAmemory-of-a-bench-bot-0123456789"
CHATS = ("slack", "telegram")
_KEY = b"k" * 32
_GROUP = 250
_OPENING = 10**12
_PEOPLE: Mapping[str, tuple[str, str, str]] = {
    # Name, role, and the chat in which they are at home.
    "amara": ("Amara Okafor", "staff", "slack"),
    "bea": ("Bea Lindqvist", "controller", "telegram"),
    "carl": ("Carl Weiss", "cfo", "slack"),
}
_NUMBERS = {name: 1000 + number for number, name in enumerate(_PEOPLE, 1)}

_SETTINGS = """
[slack]
api_url = "{slack}"
bot_token = {{ env = "BOT_TOKEN" }}
app_token = {{ env = "APP_TOKEN" }}

[telegram]
api_url = "{telegram}"
bot_token = {{ env = "TELEGRAM_TOKEN" }}

[company]
name = "{holder}"
base_currency = "EUR"
timezone = "UTC"

[storage]
folder = "data"
key = {{ env = "KEY" }}

[web]
port = 0

[policy]
file = "policy.yml"

[permissions]
request = ["staff"]
digest = ["cfo"]
resolve = ["cfo"]
admin = ["cfo"]
freeze = ["cfo"]
unfreeze = ["controller", "cfo"]

[connectors.bank]
type = "berlin_group"
url = "{bank}"
max_at_once = {at_once}
max_per_second = {per_second}

[[payees]]
id = "acme"
name = "ACME GmbH"
iban = "DE75512108001245126199"
country = "DE"
trusted = true
"""


@dataclass(frozen=True, slots=True)
class World:
    """What outlives every process that is weighed.

    Attributes:
        environ: What the settings refer to.
        first: When the first order is asked for; each later one a `STEP` after the one before.
    """

    folder: Path
    slack_url: str
    telegram_url: str
    settings: Settings
    environ: Mapping[str, str]
    first: datetime

    @property
    def settings_file(self) -> Path:
        """What the service is started with."""
        return self.folder / "countersign.toml"

    @property
    def workflows(self) -> Path:
        """DBOS's own file."""
        return Path(self.settings.storage.folder) / WORKFLOWS_FILE

    async def check(self, orders: int) -> None:
        """See that so many orders are settled, with receipt and workflow, and the record whole."""
        async with open_database(self.settings.storage.where, migrates=False) as database:
            assert (await database.read(audit.verify)).is_intact
            found = await database.read(count_settled)
        assert found == (orders, orders), found
        with closing(sqlite3.connect(self.workflows)) as workflows:
            sql = "SELECT count(*) FROM workflow_status WHERE name = 'dispatch'"
            (walked,) = workflows.execute(f"{sql} AND status = 'SUCCESS'").fetchone()
        assert walked == orders, walked


@asynccontextmanager
async def a_world(folder: Path, orders: int) -> AsyncIterator[World]:
    """Open the bank and the chats, describe the company, and enrol its people.

    Args:
        orders: How many there will be at most.
    """
    accounts = [Account(iban, "EUR", HOLDER, _OPENING) for iban in dispatch_company.ibans()]
    bank = Bank(open_accounts=accounts, sca=Sca(Phone.EXEMPT), settles_after_polls=0)
    workspace, chat = _workspace(), _telegram()
    served = await serve(bank)
    await workspace.start()
    await chat.start()
    text = _settings(slack=workspace.api_url, telegram=chat.api_url, bank=served.url)
    (folder / "countersign.toml").write_text(text)
    (folder / "policy.yml").write_text(POLICY)
    environ = {
        "KEY": base64.urlsafe_b64encode(_KEY).decode(),
        "BOT_TOKEN": BOT_TOKEN,
        "APP_TOKEN": APP_TOKEN,
        "TELEGRAM_TOKEN": TELEGRAM_TOKEN,
    }
    first = system_clock() - (orders + 2) * STEP
    try:
        settings = load(folder / "countersign.toml", environ)
        world = World(folder, workspace.api_url, chat.api_url, settings, environ, first)
        await _move_in(world)
        yield world
    finally:
        await workspace.stop()
        await chat.stop()
        await served.stop()


def _settings(**addresses: str) -> str:
    text = _SETTINGS.format(
        holder=HOLDER,
        at_once=UNLIMITED.at_once,
        per_second=UNLIMITED.per_second,
        **addresses,
    )
    for own in dispatch_company.company().accounts.values():
        text += (
            f'\n[[accounts]]\nid = "{own.id}"\nname = "{own.name}"\niban = "{own.account.iban}"\n'
            f'currency = "EUR"\nconnector = "bank"\nviewers = ["cfo"]\n'
        )
    for name, (full, role, _) in _PEOPLE.items():
        text += (
            f'\n[[people]]\nid = "{name}"\nname = "{full}"\n'
            f'email = "{name}@bench.test"\nroles = ["{role}"]\n'
        )
    return text


async def _move_in(world: World) -> None:
    directory = company_of(world.settings).directory
    async with open_database(world.settings.storage.where) as database:
        await database.write(partial(_begin, at=world.first))
        for name, (_, _, home) in _PEOPLE.items():
            person = directory.get(name)
            assert person is not None
            for chat, external_id in _identities(name):
                link = partial(
                    people.link, person=person, chat=chat, external_id=external_id, now=world.first
                )
                await database.write(link)
            await database.write(partial(people.prefer, person=person, chat=home, now=world.first))


def _identities(name: str) -> Iterable[tuple[str, str]]:
    return (("telegram", str(_NUMBERS[name])), ("slack", _user_id(name)))


def _user_id(name: str) -> str:
    return f"U0{name.upper():0<9}"


def _workspace() -> slack.Workspace:
    users = [
        slack.User(_user_id(name), name, full, email=f"{name}@bench.test", title=role)
        for name, (full, role, _) in _PEOPLE.items()
    ]
    manifest = yaml.safe_load(shipped.text(shipped.MANIFEST))
    app = slack.AppConfig(manifest, BOT_TOKEN, APP_TOKEN, "memory-signing-secret")
    workspace = slack.Workspace("Bench", users=users, channels=[], app=app)
    workspace.limits.is_on = False
    return workspace


def _telegram() -> telegram.Telegram:
    users = [
        telegram.User(
            _NUMBERS[name],
            full.partition(" ")[0],
            full.partition(" ")[2],
            username=f"{name}_bench",
            has_started=True,
        )
        for name, (full, _, _) in _PEOPLE.items()
    ]
    bot = telegram.BotConfig(TELEGRAM_TOKEN, "bench_pay_bot", "Countersign")
    chat = telegram.Telegram(users, [], bot=bot)
    chat.limits.is_on = False
    return chat


def count_settled(connection: Connection) -> tuple[int, int]:
    """Return how many orders are settled, and how many receipts are kept."""
    is_settled = payment_order.c.state == OrderState.SETTLED
    settled = select(func.count()).select_from(payment_order).where(is_settled)
    kept = select(func.count()).select_from(receipt)
    return connection.execute(settled).scalar_one(), connection.execute(kept).scalar_one()


def approve(
    connection: Connection, company: Company, numbers: Sequence[int], first: datetime
) -> list[str]:
    """Have orders asked for and approved by two people; return their ids."""
    return [_one(connection, company, number, first + (number + 1) * STEP) for number in numbers]


async def settle(world: World, numbers: range) -> None:
    """Add orders that were asked for, approved, sent, settled, receipted and shown long ago.

    By the functions that the chats, the dispatch and the notifier call, but many orders in one
    transaction and with no institution asked. DBOS's rows of an order are those of one that it
    really carried.
    """
    company = company_of(world.settings)
    ids: list[str] = []
    async with open_database(world.settings.storage.where, migrates=False) as database:
        for begin in range(numbers.start, numbers.stop, _GROUP):
            some = range(begin, min(numbers.stop, begin + _GROUP))
            ids += await database.write(
                partial(_settled, company=company, numbers=some, first=world.first)
            )
        await database.write(_all_told)
    _repeat_workflow(world.workflows, ids)


def _settled(
    connection: Connection, company: Company, numbers: Sequence[int], first: datetime
) -> list[str]:
    ids = approve(connection, company, numbers, first)
    for number, order_id in zip(numbers, ids, strict=True):
        _carry(connection, company, order_id, first + (number + 1) * STEP)
    return ids


def _carry(connection: Connection, company: Company, order_id: str, now: datetime) -> None:
    claim = release.depart(
        connection,
        company,
        order_id,
        service_of=lambda _: "sepa-credit-transfers",
        closed_for=lambda _: timedelta(0),
        allowance_of=lambda _: UNLIMITED,
        orphaned_after=timedelta(0),
        now=now,
    )
    assert claim.is_won, claim
    reference = secrets.token_hex(16)
    outcome = Outcome(Progress.SETTLED, "ACSC", reference)
    instructions.learned(connection, order_id, outcome, now=now)
    paid = Receipt(reference, "application/json", b'{"transactionStatus": "ACSC"}')
    receipts.keep(connection, order_id, paid, now=now)
    for name, (_, _, chat) in _PEOPLE.items():
        card = Posted(order_id, f"person:{name}", f"D{name}", secrets.token_hex(8), "0" * 64)
        posted.remember(connection, chat, card, now=now)


def _all_told(connection: Connection) -> None:
    """Have the notifiers take everything for told: it was, in the time of these orders."""
    head, _ = audit.head(connection)
    for chat in CHATS:
        audit.advance(connection, f"notifier:{chat}", head)


def _repeat_workflow(file: Path, ids: Sequence[str]) -> None:
    """Have DBOS's tables tell of every order what they tell of one."""
    with closing(sqlite3.connect(file)) as database, database:
        found = database.execute(
            "SELECT workflow_uuid FROM workflow_status WHERE name = 'dispatch'"
            " AND status = 'SUCCESS' ORDER BY created_at DESC LIMIT 1"
        ).fetchone()
        assert found is not None, "no payment was carried before"
        for table in ("workflow_status", "operation_outputs"):
            sql = f"SELECT * FROM {table} WHERE workflow_uuid = ?"
            rows = database.execute(sql, found).fetchall()
            assert rows, table
            marks = ",".join("?" * len(rows[0]))
            database.executemany(
                f"INSERT INTO {table} VALUES ({marks})",
                (_with_id(row, found[0], new) for new in ids for row in rows),
            )


def _with_id(row: tuple[Any, ...], old: str, new: str) -> tuple[Any, ...]:
    return tuple(each.replace(old, new) if isinstance(each, str) else each for each in row)
