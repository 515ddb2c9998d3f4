"""A small company for the workflow tests: five people, two accounts, a policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyotp

from connectors.base import Account
from workflows.company import Company, OwnAccount, Permissions
from workflows.payees import Payee
from workflows.people import Directory, Person
from workflows.policy import Policy, Rates
from workflows.second_factor import Cipher

EUR_IBAN = "DE89370400440532013000"
USD_IBAN = "DE02120300000000202051"
ACME_IBAN = "DE75512108001245126199"
NEW_IBAN = "FR1420041010050500013M02606"
CIPHER = Cipher(b"k" * 32)
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

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
  - name: Closed lane
    when: { currency: USD, amount: { above: 50000 } }
    refuse: true
"""

PEOPLE = (
    Person("amara", "Amara Okafor", "amara@acme.test", frozenset({"staff"})),
    Person("bea", "Bea Lindqvist", "bea@acme.test", frozenset({"controller"})),
    Person("carl", "Carl Weiss", "carl@acme.test", frozenset({"cfo"})),
    Person("dong", "Dong Mei", "dong@acme.test", frozenset({"controller", "staff"})),
    Person("eve", "Eve Adler", "eve@acme.test", frozenset({"intern"})),
)
ACME = Payee("acme", "ACME GmbH", ACME_IBAN, trusted=True)


@dataclass
class Hands:
    """A clock that only its owner moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Phones:
    """Everybody's authenticator app."""

    clock: Hands
    secrets: dict[str, str] = field(default_factory=dict)

    def secret(self, person: str) -> str:
        return self.secrets.setdefault(person, pyotp.random_base32())

    def code(self, person: str, *, offset: int = 0) -> str:
        return pyotp.TOTP(self.secret(person)).at(self.clock() + timedelta(seconds=30 * offset))


def company(policy: str = POLICY, people: Iterable[Person] = PEOPLE) -> Company:
    """Return the company, under another policy or with other people if asked for."""
    people = tuple(people)
    accounts = {
        name: OwnAccount(
            Account(name, iban, currency, "Northwind GmbH", "Europe/Berlin"),
            name.replace("-", " ").title(),
            "bank",
            frozenset({"controller", "cfo"}),
        )
        for name, iban, currency in (
            ("operating-eur", EUR_IBAN, "EUR"),
            ("operating-usd", USD_IBAN, "USD"),
        )
    }
    roles = {role for person in PEOPLE for role in person.roles}
    return Company(
        name="Northwind GmbH",
        base_currency="EUR",
        timezone=ZoneInfo("Europe/Berlin"),
        language="en",
        directory=Directory(people),
        accounts=accounts,
        policy=Policy.parse(policy, base_currency="EUR", roles=roles, accounts=accounts.keys()),
        rates=Rates("EUR", {"USD": Decimal("0.92")}),
        permissions=Permissions(
            request=frozenset({"staff", "controller"}),
            digest=frozenset({"controller", "cfo"}),
            resolve=frozenset({"controller", "cfo"}),
        ),
    )
