"""A company whose replicas come and go, of any version, with a clock that only tests move."""

from __future__ import annotations

import asyncio
import base64
import json
import multiprocessing
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from sandbox.bank import Account, Bank, Phone, Sca, serve
from sandbox.telegram import BotConfig, Telegram
from tests.journeys import rolling_replica
from tests.journeys.rolling_replica import Birth
from tests.journeys.world import EUR_IBAN, POLICY, TELEGRAM_TOKEN, USD_IBAN
from tests.postgres import Server
from tests.workflows.company import CIPHER, Hands, Phones
from workflows import audit, instructions, orders, second_factor
from workflows.database import Database, open_database
from workflows.instructions import Sent, Stage
from workflows.orders import Order

Environ = Mapping[str, str]
PATIENCE = 30
NIGHT_IBAN = "DE12500105170648489890"
PEOPLE = {"amara": "staff", "bea": "controller", "carl": "cfo"}

SETTINGS = """
[company]
name = "Northwind GmbH"
base_currency = "EUR"
timezone = "Europe/Berlin"

[storage]
folder = "data"
key = { env = "KEY" }
database = { env = "DATABASE_URL" }

[web]
port = 0

[telegram]
mode = "polling"
api_url = "CHAT"
bot_token = { env = "TELEGRAM_TOKEN" }

[policy]
file = "policy.yml"

[rates]
USD = "0.92"

[permissions]
request = ["staff"]
digest = ["controller"]
resolve = ["controller", "cfo"]
admin = ["cfo"]
freeze = ["controller"]
unfreeze = ["controller", "cfo"]

[dispatch]
first_poll_seconds = 0.05
max_poll_seconds = 0.5

[[payees]]
id = "acme"
name = "ACME GmbH"
iban = "DE75512108001245126199"
trusted = true
"""

ACCOUNTS = {
    "day": (EUR_IBAN, ""),
    "night": (NIGHT_IBAN, 'takes_payments = "mon-fri 17:00-20:00"'),
    "narrow": (USD_IBAN, "max_at_once = 1"),
}
"""Accounts by name, each at a connection of its own: IBAN and what is special about it."""

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload([rolling_replica.__name__])  # imported once, for all replicas


class Process:
    """One replica, as the tests have it."""

    def __init__(self, birth: Birth) -> None:
        self._line, other = socket.socketpair()
        self._process = _forking.Process(target=rolling_replica.main, args=(birth, other))
        self._process.start()
        other.close()
        self._writer: asyncio.StreamWriter | None = None
        self.id = ""

    async def serves(self) -> None:
        """Wait until it serves."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._line)
        self.id = cast(str, await self._answer())

    async def does(self, do: str, **how: Any) -> Any:
        """Have it do something and return its answer."""
        assert self._writer is not None
        self._writer.write(json.dumps({"do": do, **how}).encode() + b"\n")
        return await self._answer()

    async def _answer(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            line = await self._reader.readline()
        assert line, "it died"
        return json.loads(line)["answer"]

    async def stop(self) -> int | None:
        """Stop it in good order; return its status."""
        self._process.terminate()
        return await self._ended()

    async def kill(self) -> None:
        """Kill it as a power cut would."""
        self._process.kill()
        await self._ended()

    async def _ended(self) -> int | None:
        await asyncio.to_thread(self._process.join, PATIENCE)
        if self._writer is not None:
            self._writer.close()
        return self._process.exitcode


class Firm:
    """The company, its bank, its replicas, and the clock they all go by.

    Attributes:
        ids: The orders, by what is special about them.
        serving: The replicas that live.
    """

    def __init__(
        self, bank: Bank, database: Database, hands: Hands, settings: Path, environ: Environ
    ) -> None:
        self.bank, self.database, self.hands = bank, database, hands
        self.phones = Phones(hands)
        self.ids: dict[str, str] = {}
        self.serving: list[Process] = []
        self._settings, self._environ = settings, environ

    # ---- replicas -----------------------------------------------------------------------------

    async def start(self, version: str) -> Process:
        log = self._settings.with_name("replicas.log")
        replica = Process(Birth(version, self._settings, self._environ, log, self.hands()))
        self.serving.append(replica)
        await replica.serves()
        return replica

    async def stop(self, replica: Process) -> None:
        self.serving.remove(replica)
        assert await replica.stop() == 0

    async def kill(self, replica: Process) -> None:
        self.serving.remove(replica)
        await replica.kill()

    async def forward(self, seconds: float = 30) -> None:
        """Move every clock; whoever lives says so."""
        self.hands.forward(seconds=seconds)
        for replica in self.serving:
            await replica.does("forward", seconds=seconds)
        for replica in self.serving:
            await replica.does("beat")

    async def held(self, *, by: Process | None = None) -> dict[str, Mapping[str, str]]:
        """Return what DBOS has not finished, by id; all of it, or what one replica is at."""
        found = await self.serving[0].does("unfinished")
        return {each["id"]: each for each in found if by is None or each["replica"] == by.id}

    # ---- what people do, each at a replica ----------------------------------------------------

    async def ask(self, at: Process, what: str, *, account: str = "day", minor: int = 0) -> Order:
        minor = minor or 10_000 + len(self.ids)
        self.ids[what] = await at.does("ask", account=account, minor=minor, reference=what)
        return await self.order(what)

    async def decide(self, at: Process, who: str, *, decision: str = "approve", seen: Order) -> str:
        """Decide about an order as its card showed it, with a code that nobody has used."""
        await self.forward()
        return cast(
            str,
            await at.does(
                "decide",
                who=who,
                order=seen.id,
                version=seen.version,
                digest=seen.digest,
                decision=decision,
                code=self.phones.code(who),
            ),
        )

    async def approved(self, at: Process, what: str, *, account: str = "day") -> Order:
        seen = await self.ask(at, what, account=account)
        assert await self.decide(at, "bea", seen=seen) == "approved"
        return seen

    # ---- what became of it --------------------------------------------------------------------

    async def order(self, what: str) -> Order:
        return await self.database.read(lambda connection: orders.get(connection, self.ids[what]))

    async def sent(self, what: str) -> Sent | None:
        order_id = self.ids[what]
        return await self.database.read(lambda connection: instructions.find(connection, order_id))

    async def kinds(self, what: str) -> list[str]:
        entries = await self.database.read(partial(audit.of_subject, subject=self.ids[what]))
        return [entry.kind for entry in entries]

    async def is_(self, what: str, state: str, stage: Stage | None = None, kind: str = "") -> bool:
        sent = await self.sent(what)
        return (
            (await self.order(what)).state == state
            and (stage is None or (sent is not None and sent.state == stage))
            and (not kind or kind in await self.kinds(what))
        )

    async def until(
        self, what: str, state: str, stage: Stage | None = None, kind: str = ""
    ) -> None:
        await until(partial(self.is_, what, state, stage, kind), f"{what} is {state} {kind}")

    def settle(self, *what: str) -> None:
        """Let the bank execute these payments; all that it has, if none is named."""
        for payment in list(self.bank.payments.all.values()):
            if payment.is_open and (not what or payment.order.remittance in what):
                self.bank.settle(payment.id)


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until something holds."""

    async def left() -> Collection[object]:
        return () if await holds() else (what,)

    await until_none(left)


async def until_none(left: Callable[[], Awaitable[Collection[object]]]) -> None:
    """Wait until nothing is left."""
    found: Collection[object] = ()
    try:
        async with asyncio.timeout(PATIENCE):
            while found := await left():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"left for too long: {found}") from None


@asynccontextmanager
async def a_firm(folder: Path, server: Server) -> AsyncIterator[Firm]:
    """Open the company; no replica of it serves yet."""
    hands = Hands()
    bank = Bank(
        open_accounts=[Account(i, "EUR", "Northwind", 10_000_000) for i, _ in ACCOUNTS.values()],
        now=hands,
        sca=Sca(Phone.EXEMPT),
        settles_after_polls=None,
        max_frequency_per_day=10**6,
        multiple_consents=True,
    )
    telegram = Telegram([], bot=BotConfig(TELEGRAM_TOKEN, "northwind_pay_bot", "Countersign"))
    serving = await serve(bank)
    await telegram.start()
    try:
        with server.database() as name:
            url = server.at(name)
            settings = written(folder, serving.url, telegram.api_url)
            async with open_database(url) as database:
                firm = Firm(bank, database, hands, settings, environ(url))
                await enrol(firm)
                try:
                    yield firm
                finally:
                    for replica in list(firm.serving):
                        await firm.kill(replica)
    finally:
        await telegram.stop()
        await serving.stop()


def environ(url: str) -> Environ:
    key = base64.urlsafe_b64encode(b"k" * 32).decode()
    return {"KEY": key, "DATABASE_URL": url, "TELEGRAM_TOKEN": TELEGRAM_TOKEN}


def written(folder: Path, bank: str, telegram: str) -> Path:
    """Write the settings."""
    text = SETTINGS.replace("CHAT", telegram)
    for name, (iban, special) in ACCOUNTS.items():
        text += f"""
[connectors.{name}-bank]
type = "berlin_group"
url = "{bank}"
consent_frequency_per_day = 1000
enquiry_window_hours = 2
read_attempts = 1
{special}

[[accounts]]
id = "{name}"
name = "{name}"
iban = "{iban}"
currency = "EUR"
connector = "{name}-bank"
viewers = ["controller"]
collect = "0 0 29 2 *"
"""
    for name, role in PEOPLE.items():
        text += f"""
[[people]]
id = "{name}"
name = "{name}"
email = "{name}@northwind.test"
roles = ["{role}"]
"""
    (folder / "policy.yml").write_text(POLICY.replace("72h", "4h"))
    settings = folder / "countersign.toml"
    settings.write_text(text)
    return settings


async def enrol(firm: Firm) -> None:
    for person in PEOPLE:
        secret = firm.phones.secret(person)
        await firm.database.write(
            partial(
                second_factor.enrol,
                cipher=CIPHER,
                person_id=person,
                secret=secret,
                now=firm.hands(),
            )
        )
