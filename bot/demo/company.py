"""The demo company: who works there, what it owns, whom it pays."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

COMPANY = "Northwind Trading GmbH"
TREASURY, TREASURY_GROUP = "C0TREASURY", -4_201_337
BOT_NAME = "northwind_treasury_bot"
PURCHASING, GENERAL = "C0PURCHASE", "C0GENERAL0"


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody of the company."""

    id: str
    user_id: str
    name: str
    title: str
    telegram_id: int
    roles: tuple[str, ...]
    language: str = "en"
    locale: str = "en-GB"

    @property
    def email(self) -> str:
        """The address by which Slack's directory and ours know the person."""
        return f"{self.id}@northwind.example"


EMPLOYEES = (
    Employee("amara", "U0AMARA001", "Amara Okafor", "Buyer", 70_001, ("staff",)),
    Employee("bea", "U0BEA00001", "Bea Lindqvist", "Controller", 70_002, ("staff", "controller")),
    Employee("carl", "U0CARL0001", "Carl Weiss", "CFO", 70_003, ("cfo",)),
    Employee(
        "meilin",
        "U0MEILIN01",
        "Lin Mei 林梅",
        "Accountant",
        70_004,
        ("accountant", "controller"),
        language="zh_CN",
        locale="zh-CN",
    ),
)


def employee(name: str) -> Employee:
    """Return an employee by id."""
    (found,) = (each for each in EMPLOYEES if each.id == name)
    return found


STRANGER = ("U0STRANGER", "Sam Guest", "sam@elsewhere.example")
STRANGER_TELEGRAM = 70_099
"""A guest of the workspace whom the company's directory does not name."""


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """An account at the demo bank; ``opening`` in minor units."""

    id: str
    name: str
    iban: str
    currency: str
    opening: int
    calendar: str


ACCOUNTS = (
    OwnAccount(
        "operating-eur", "Operating EUR", "DE89370400440532013000", "EUR", 18_425_000, "TARGET"
    ),
    OwnAccount(
        "operating-usd", "Operating USD", "DE02120300000000202051", "USD", 6_410_000, "US-FED"
    ),
)


def settings(*, slack_url: str, telegram_url: str, bank_url: str) -> str:
    """Return the demo's ``countersign.toml``: what a real one holds, with these addresses."""
    people = "\n".join(
        dedent(
            f"""
            [[people]]
            id = "{each.id}"
            name = "{each.name}"
            email = "{each.email}"
            roles = [{", ".join(f'"{role}"' for role in each.roles)}]
            language = "{each.language}"
            """
        ).strip()
        for each in EMPLOYEES
    )
    accounts = "\n".join(
        dedent(
            f"""
            [[accounts]]
            id = "{each.id}"
            name = "{each.name}"
            iban = "{each.iban}"
            currency = "{each.currency}"
            connector = "hausbank"
            calendar = "{each.calendar}"
            viewers = ["controller", "cfo", "accountant"]
            channel = "{TREASURY}"
            telegram_chat = {TREASURY_GROUP}
            """
        ).strip()
        for each in ACCOUNTS
    )
    return (
        dedent(
            f"""\
            # The demo company. A real settings file looks the same: see countersign.example.toml.
            [company]
            name = "{COMPANY}"
            base_currency = "EUR"
            timezone = "Europe/Berlin"
            language = "en"

            [storage]
            folder = "data"
            key = {{ file = "secrets/key" }}
            record_key = {{ file = "secrets/record_key" }}

            [web]
            host = "127.0.0.1"
            port = 0

            [slack]
            mode = "socket"
            api_url = "{slack_url}"
            bot_token = {{ file = "secrets/bot_token" }}
            app_token = {{ file = "secrets/app_token" }}

            [telegram]
            mode = "polling"
            api_url = "{telegram_url}"
            bot_token = {{ file = "secrets/telegram_token" }}

            [policy]
            file = "policy.yml"

            [rates]
            USD = "0.92"

            [permissions]
            request = ["staff"]
            digest = ["controller", "cfo", "accountant"]
            resolve = ["controller", "cfo"]
            admin = ["cfo"]
            freeze = ["controller", "cfo", "accountant"]
            unfreeze = ["controller", "cfo"]
            payees = ["controller", "cfo"]
            charter = ["controller", "cfo"]
            delegations = ["controller", "cfo"]

            [digest]
            channel = "{TREASURY}"
            telegram_chat = {TREASURY_GROUP}
            at = "08:30"

            [dispatch]
            first_poll_seconds = 0.6
            max_poll_seconds = 5

            [connectors.hausbank]
            type = "berlin_group"
            url = "{bank_url}"
            consent_frequency_per_day = 1000

            [[payees]]
            id = "acme"
            name = "ACME Industrial Supplies GmbH"
            iban = "DE75512108001245126199"
            trusted = true

            [[payees]]
            id = "lumiere"
            name = "Studio Lumière SARL"
            iban = "FR1420041010050500013M02606"
            trusted = true

            [[payees]]
            id = "polder"
            name = "Polder Logistiek B.V."
            iban = "NL91ABNA0417164300"

            """
        )
        + people
        + "\n\n"
        + accounts
        + "\n"
    )


POLICY = """\
# Who must approve what. All rules that match apply together; no rule, no payment.
version: 1
expires_after: 72h
rules:
  - name: Every payment
    series: once  # what comes again may be approved once, for all of it
    require: [{ role: controller }]
  - name: From 1 000 EUR up
    when: { amount: { from: 1000 } }
    require: [{ role: controller }, { role: cfo }]
  - name: New payees
    when: { payee: new }
    require: [{ role: cfo }]
  - name: Dollars
    when: { currency: USD }
    require: [{ role: cfo }]
  - name: From 20 000 EUR up
    when: { amount: { from: 20000 } }
    require: [{ role: cfo }]
    cool_off: 1h  # once approved it waits, and can still be stopped
limits:
  - name: To one payee in a month
    per: payee
    most: 10000
    within: 30d
    require: [{ role: cfo }]
"""
