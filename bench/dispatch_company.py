"""The company whose payments bench/dispatch.py carries, and how they come to be approved.

Every order is asked for and approved by the functions that the chats call, by two people, each
with a second factor: a code counts once, so that the clock of these approvals runs ahead by one
step of the factor per order, and ends now.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pyotp
from schwifty import IBAN
from sqlalchemy import Connection

from connectors.base import Account
from connectors.money import Money
from workflows import approvals, orders, payees, requests, second_factor
from workflows.approvals import Choice, Decision
from workflows.company import Company, OwnAccount, Permissions
from workflows.database import Database
from workflows.orders import OrderState
from workflows.payees import Payee
from workflows.people import Directory, Person
from workflows.policy import Policy, Rates
from workflows.refusal import Refusal
from workflows.requests import Payment
from workflows.second_factor import Cipher

CONNECTOR = "bank"
HOLDER = "Bench GmbH"
ACCOUNTS = 40
"""The simulated bank adds an account's entries up at every payment: many short accounts."""
CIPHER = Cipher(b"k" * 32)
POLICY = """
version: 1
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

_ASKER = Person("amara", "Amara Okafor", "amara@bench.test", frozenset({"staff"}))
_APPROVERS = (
    Person("bea", "Bea Lindqvist", "bea@bench.test", frozenset({"controller"})),
    Person("carl", "Carl Weiss", "carl@bench.test", frozenset({"cfo"})),
)
_PAYEE = Payee("acme", "ACME GmbH", "DE75512108001245126199", country="DE", trusted=True)
_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
_STEP = timedelta(seconds=30)
_GROUP = 100


def ibans() -> list[str]:
    """Return the account numbers of the company's accounts."""
    numbers = range(1, ACCOUNTS + 1)
    return [str(IBAN.generate("DE", "37040044", f"{n:010}")) for n in numbers]


def company() -> Company:
    """Return a company that pays from many accounts at one bank."""
    accounts = {
        f"operating-{n}": OwnAccount(
            Account(f"operating-{n}", iban, "EUR", HOLDER),
            f"Operating {n}",
            CONNECTOR,
            frozenset({"cfo"}),
        )
        for n, iban in enumerate(ibans())
    }
    return Company(
        name=HOLDER,
        base_currency="EUR",
        timezone=ZoneInfo("UTC"),
        language="en",
        directory=Directory([_ASKER, *_APPROVERS]),
        accounts=accounts,
        policy=Policy.parse(
            POLICY,
            base_currency="EUR",
            roles={"staff", "controller", "cfo"},
            accounts=accounts.keys(),
        ),
        rates=Rates("EUR", {}),
        permissions=Permissions(frozenset({"staff"}), frozenset({"cfo"}), frozenset({"cfo"})),
    )


async def approved(database: Database, count: int, now: datetime) -> list[str]:
    """Return the ids of ``count`` new orders that wait for nothing but to be sent."""
    first = now - (count + 2) * _STEP
    await database.write(partial(_begin, at=first))
    found: list[str] = []
    for begin in range(0, count, _GROUP):
        numbers = range(begin, min(count, begin + _GROUP))
        found += await database.write(partial(_approved, numbers=numbers, first=first))
    return found


def _begin(connection: Connection, at: datetime) -> None:
    payees.register(connection, [_PAYEE], now=at)
    for person in _APPROVERS:
        second_factor.enrol(connection, CIPHER, person.id, _SECRET, now=at)


def _approved(connection: Connection, numbers: Sequence[int], first: datetime) -> list[str]:
    bench = company()
    return [_one(connection, bench, number, first + (number + 1) * _STEP) for number in numbers]


def _one(connection: Connection, bench: Company, number: int, now: datetime) -> str:
    payment = Payment(
        account_id=f"operating-{number % ACCOUNTS}",
        amount=Money(125_000 + number, "EUR"),
        payee_id=_PAYEE.id,
        remittance=f"INV-{number}",
    )
    key = f"bench:{number}"
    order = requests.request(connection, bench, _ASKER, payment, key=key, now=now)
    code = pyotp.TOTP(_SECRET).at(now)
    for person in _APPROVERS:
        choice = Choice(order.id, order.version, order.digest, Decision.APPROVE, code)
        given = approvals.decide(connection, bench, CIPHER, person, choice, now=now)
        assert not isinstance(given, Refusal), given
    assert orders.get(connection, order.id).state == OrderState.APPROVED
    return order.id
