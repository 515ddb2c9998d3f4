"""Sets the demo up: bank, chats and service, each on loopback, each as in real life.

The service is started from a settings file like any other and knows nothing of the sandbox.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pyotp
import yaml

from bot import shipped
from bot.app import App
from bot.demo import company
from bot.settings import load
from sandbox.bank import Account, Bank, Phone, Sca, Serving, serve
from sandbox.side_by_side import Colleague, SideBySide
from sandbox.slack import AppConfig, Channel, Person, User, Workspace
from sandbox.telegram import BotConfig, Group, Telegram
from sandbox.telegram import Person as TelegramPerson
from sandbox.telegram import User as TelegramUser
from workflows import people, second_factor

MARK = ".countersign-demo"
BOT_USER = "U0BOT00001"


class FolderTaken(Exception):
    """The demo's folder holds something that is not the demo's; the text says what to do."""


class Stage:
    """Everything that runs in a demo. `start` it, play, `stop` it.

    Attributes:
        folder: Where all that the demo leaves behind is.
    """

    def __init__(self, folder: Path, *, page_port: int = 0) -> None:
        self.folder = folder
        self._page_port = page_port
        self._phones = {each.id: pyotp.random_base32() for each in company.EMPLOYEES}
        self.bank = Bank(
            open_accounts=[
                Account(each.iban, each.currency, company.COMPANY, each.opening)
                for each in company.ACCOUNTS
            ],
            zone=ZoneInfo("Europe/Berlin"),
            sca=Sca(Phone.EXEMPT),
            settles_after_polls=3,
            max_frequency_per_day=100_000,
        )
        self.workspace = Workspace(
            company.COMPANY.removesuffix(" GmbH"),
            users=_users(self._phones),
            channels=_channels(),
            app=AppConfig(
                yaml.safe_load(shipped.text(shipped.MANIFEST)),
                bot_token=f"xoxb-{secrets.token_hex(12)}",
                app_token=f"xapp-{secrets.token_hex(12)}",
                signing_secret=secrets.token_hex(16),
            ),
        )
        self.telegram = Telegram(
            _telegram_users(self._phones),
            [_telegram_group()],
            bot=BotConfig(
                f"{secrets.randbelow(10**9) + 10**9}:AA{secrets.token_urlsafe(24)}",
                company.BOT_NAME,
                "Countersign",
            ),
        )
        self._serving: Serving | None = None
        self._page: SideBySide | None = None
        self.app: App | None = None

    async def start(self) -> None:
        """Start bank, chats and service, with everybody's authenticator set up."""
        prepare(self.folder)
        self._past()
        self._serving = await serve(self.bank)
        await self.workspace.start()
        await self.telegram.start()
        self._write_settings()
        settings = load(self.folder / "countersign.toml", {})
        self.app = App(settings)
        await self.app.start()
        await self._enrol()
        await self._link()
        await self.workspace.wait_connected()
        await self.telegram.wait_listening()
        self._page = self._side_by_side()
        await self._page.start(self._page_port)

    async def stop(self) -> None:
        """Stop everything and give the ports back."""
        if self.app is not None:
            await self.app.stop()
        if self._page is not None:
            await self._page.stop()
        await self.workspace.stop()
        await self.telegram.stop()
        if self._serving is not None:
            await self._serving.stop()

    def person(self, name: str) -> Person:
        """Return an employee's hands in Slack."""
        return self.workspace.person(company.employee(name).user_id)

    def on_telegram(self, name: str) -> TelegramPerson:
        """Return an employee's hands in Telegram."""
        return self.telegram.person(company.employee(name).telegram_id)

    def code_before(self, name: str) -> str:
        """Return the code that an employee's authenticator showed before the present one."""
        return pyotp.TOTP(self._phones[name]).at(datetime.now(UTC) - timedelta(seconds=30))

    @property
    def page(self) -> str:
        """Where both chats are to be seen, as the first employee sees them."""
        assert self._page is not None
        return self._page.url

    def _side_by_side(self) -> SideBySide:
        people: list[Colleague] = [
            {
                "id": each.id,
                "name": each.name,
                "title": each.title,
                "left_user": each.user_id,
                "right_user": str(each.telegram_id),
            }
            for each in company.EMPLOYEES
        ]
        user_id, name, _ = company.STRANGER
        people.append(
            {
                "id": "sam",
                "name": name,
                "title": "Guest",
                "left_user": user_id,
                "right_user": str(company.STRANGER_TELEGRAM),
            }
        )
        return SideBySide(
            f"{self.workspace.url}/?channel={company.PURCHASING}",
            self.telegram.url,
            people,
            company.COMPANY,
            hint="Type /pay as Amara, approve as Bea in Slack and as Carl in Telegram: "
            "their codes are on the phones.",
        )

    def _past(self) -> None:
        """Book what happened before the visitor came, so that there is a statement to read."""
        eur, usd = (each.iban for each in company.ACCOUNTS)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        for iban, amount, name, text in (
            (eur, 1_284_000, "Hanse Maschinenbau AG", "Invoice 2026-3318"),
            (eur, 392_050, "Atelier Nord ApS", "Order 7741"),
            (usd, 815_000, "Brightwater Inc.", "PO 99-1204"),
        ):
            self.bank.credit(iban, amount, name, text, booked_at=yesterday)

    def _write_settings(self) -> None:
        assert self._serving is not None
        app = self.workspace.app
        for name, value in (
            ("key", _new_key()),
            ("record_key", _new_key()),
            ("bot_token", app.bot_token),
            ("app_token", app.app_token),
            ("telegram_token", self.telegram.bot.token),
        ):
            _write_secret(self.folder / "secrets" / name, value)
        text = company.settings(
            slack_url=self.workspace.api_url,
            telegram_url=self.telegram.api_url,
            bank_url=self._serving.url,
        )
        (self.folder / "countersign.toml").write_text(text)
        (self.folder / "policy.yml").write_text(company.POLICY)

    async def _enrol(self) -> None:
        assert self.app is not None
        services = self.app.services
        for each in company.EMPLOYEES:
            await services.database.write(
                partial(
                    second_factor.enrol,
                    cipher=services.cipher,
                    person_id=each.id,
                    secret=self._phones[each.id],
                    now=services.clock(),
                )
            )

    async def _link(self) -> None:
        """Link everybody in both chats but the CFO in Telegram, who does it in the tour."""
        assert self.app is not None
        services, now = self.app.services, self.app.services.clock()
        for person in services.company.directory:
            employee = company.employee(person.id)
            identities = {"slack": employee.user_id, "telegram": str(employee.telegram_id)}
            if person.id == "carl":
                del identities["telegram"]
            for chat, identity in identities.items():
                link = partial(people.link, person=person, chat=chat, external_id=identity, now=now)
                await services.database.write(link)


def prepare(folder: Path) -> None:
    """Make an empty folder for the demo; an earlier demo's is emptied.

    Raises:
        FolderTaken: there is something else in it.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise FolderTaken(
            f"{folder} is not a folder of the demo. Move it away, or name another with --folder."
        )
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "secrets").mkdir(parents=True)
    (folder / MARK).write_text("Made by the Countersign demo; safe to delete.\n")


def _new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _write_secret(path: Path, value: str) -> None:
    path.touch(mode=0o600)
    path.write_text(value)


def _users(phones: Mapping[str, str]) -> list[User]:
    people = [
        User(
            each.user_id,
            each.id,
            each.name,
            email=each.email,
            title=each.title,
            locale=each.locale,
            totp_secret=phones[each.id],
        )
        for each in company.EMPLOYEES
    ]
    user_id, name, email = company.STRANGER
    return [*people, User(user_id, "sam", name, email=email, title="Guest", is_restricted=True)]


def _telegram_users(phones: Mapping[str, str]) -> list[TelegramUser]:
    employees = [
        TelegramUser(
            each.telegram_id,
            each.name.split(" ")[0],
            " ".join(each.name.split(" ")[1:]),
            username=f"{each.id}_northwind",
            language_code=each.locale.lower(),
            title=each.title,
            totp_secret=phones[each.id],
            has_started=each.id != "carl",
        )
        for each in company.EMPLOYEES
    ]
    first, last = company.STRANGER[1].split(" ")
    stranger = TelegramUser(
        company.STRANGER_TELEGRAM, first, last, username="sam_guest", title="Guest"
    )
    return [*employees, stranger]


def _telegram_group() -> Group:
    finance = [each.telegram_id for each in company.EMPLOYEES if set(each.roles) - {"staff"}]
    return Group(company.TREASURY_GROUP, "Treasury", finance)


def _channels() -> list[Channel]:
    staff = [each.user_id for each in company.EMPLOYEES]
    # Whoever is in the digest's channel sees every account: buyers are not.
    finance = [each.user_id for each in company.EMPLOYEES if set(each.roles) - {"staff"}]
    return [
        Channel(
            company.TREASURY, "treasury", [*finance, BOT_USER], "Payments, approvals, daily digest"
        ),
        Channel(company.PURCHASING, "purchasing", staff, "Orders and invoices"),
        Channel(company.GENERAL, "general", [*staff, company.STRANGER[0]], "Everybody"),
    ]
