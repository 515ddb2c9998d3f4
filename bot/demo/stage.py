"""Sets the demo up: bank, chat and service, each on loopback, each as in real life.

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
from sandbox.slack import AppConfig, Channel, Person, User, Workspace
from workflows import second_factor

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
        self._serving: Serving | None = None
        self.app: App | None = None

    async def start(self) -> None:
        """Start bank, chat and service, with everybody's authenticator set up."""
        prepare(self.folder)
        self._past()
        self._serving = await serve(self.bank)
        await self.workspace.start(self._page_port)
        self._write_settings()
        settings = load(self.folder / "countersign.toml", {})
        self.app = App(settings)
        await self.app.start()
        await self._enrol()
        await self.workspace.wait_connected()

    async def stop(self) -> None:
        """Stop everything and give the ports back."""
        if self.app is not None:
            await self.app.stop()
        await self.workspace.stop()
        if self._serving is not None:
            await self._serving.stop()

    def person(self, name: str) -> Person:
        """Return an employee's hands in the chat."""
        (found,) = (each for each in company.EMPLOYEES if each.id == name)
        return self.workspace.person(found.user_id)

    @property
    def page(self) -> str:
        """Where the workspace is to be seen, as the first employee sees it."""
        first = company.EMPLOYEES[0]
        return f"{self.workspace.url}/?user={first.user_id}&channel={company.PURCHASING}"

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
            ("key", base64.urlsafe_b64encode(os.urandom(32)).decode()),
            ("bot_token", app.bot_token),
            ("app_token", app.app_token),
        ):
            _write_secret(self.folder / "secrets" / name, value)
        text = company.settings(slack_url=self.workspace.api_url, bank_url=self._serving.url)
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
