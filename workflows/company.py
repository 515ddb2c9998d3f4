"""The company as it stands: its people, accounts, policy and permissions, from settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from connectors.base import Account
from workflows.calendars import Calendar
from workflows.leaves import NOBODY_AWAY, Away
from workflows.opening import Hours
from workflows.people import Directory, Person
from workflows.policy import Policy, Rates

BUSINESS_HOURS = Hours.parse("mon-fri 08:00-18:00")
"""Where settings name none."""


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """One of the company's accounts.

    Attributes:
        account: As its institution knows it.
        name: As people call it.
        connector: Name of the connection it is reached by.
        viewers: Roles that may see its balances and movements.
        channels: Where its cards may be posted, by chat.
        collect: Cron expression (in the account's zone) of statement collection.
        calendar: On which days its payments are executed; None where settings name none.
    """

    account: Account
    name: str
    connector: str
    viewers: frozenset[str]
    channels: Mapping[str, str] = field(default_factory=dict)
    collect: str = "0 7,11,15,19 * * *"
    calendar: Calendar | None = None

    @property
    def id(self) -> str:
        """The account's name in settings."""
        return self.account.id


@dataclass(frozen=True, slots=True)
class Permissions:
    """Roles that may do what; approving is a matter of policy, not of permission."""

    request: frozenset[str]
    digest: frozenset[str]
    resolve: frozenset[str]
    admin: frozenset[str] = frozenset()
    freeze: frozenset[str] = frozenset()
    unfreeze: frozenset[str] = frozenset()
    payees: frozenset[str] = frozenset()
    charter: frozenset[str] = frozenset()
    delegations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Company:
    """All that is decided outside the database, and who of its people is away.

    Attributes:
        duplicate_window: An equal payment within it needs a confirmation.
        unfreeze_quorum: How many people have to agree before payments leave again.
        stoppable: Connections whose institution can be asked to stop a payment on its way.
        payees_quorum: How many people besides who proposes it approve a change of the register.
        payee_cool_off: How long new bank details are not trusted, whatever is paid to them.
        business_hours: When people are at work, in the company's zone.
        opening: When institutions take payments, by connection; any time where none is named.
        near_cut_off: How long before an institution closes it is late.
        charter: Hash of the charter (`workflows.charter`) that settings amount to; empty where
            they are not held against any.
        charter_quorum: How many people agree before another charter is in force.
        delegations_quorum: How many people besides who proposes it approve a delegation.
        away: Who is on leave, as `workflows.away.seen` found it; nobody until it looked.
    """

    name: str
    base_currency: str
    timezone: ZoneInfo
    language: str
    directory: Directory
    accounts: Mapping[str, OwnAccount]
    policy: Policy
    rates: Rates
    permissions: Permissions
    duplicate_window: timedelta = timedelta(days=7)
    unfreeze_quorum: int = 2
    stoppable: frozenset[str] = frozenset()
    payees_quorum: int = 1
    payee_cool_off: timedelta = timedelta(hours=24)
    business_hours: Hours = BUSINESS_HOURS
    opening: Mapping[str, Hours] = field(default_factory=dict)
    near_cut_off: timedelta = timedelta(hours=1)
    charter: str = ""
    charter_quorum: int = 2
    delegations_quorum: int = 1
    away: Away = NOBODY_AWAY

    def visible_accounts(self, person: Person) -> list[OwnAccount]:
        """Return the accounts whose balances ``person`` may see, in the order of settings."""
        return [own for own in self.accounts.values() if own.viewers & person.roles]

    def account_in(self, currency: str) -> OwnAccount | None:
        """Return the first account kept in ``currency``."""
        found = (own for own in self.accounts.values() if own.account.currency == currency)
        return next(found, None)
