"""The company as its settings describe it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bot.settings.model import AccountSettings, CalendarSettings, PersonSettings, Settings
from connectors.base import Account, ConnectorSettings
from workflows import charter
from workflows.calendars import Calendar
from workflows.company import Company, OwnAccount, Permissions
from workflows.opening import Hours
from workflows.people import Directory, Person


def company_of(settings: Settings) -> Company:
    """Return the company as its settings describe it."""
    accounts = [_account(settings, each) for each in settings.accounts]
    return Company(
        name=settings.company.name,
        base_currency=settings.company.base_currency,
        timezone=ZoneInfo(settings.company.timezone),
        language=settings.company.language,
        directory=Directory(map(_person, settings.people)),
        accounts={own.id: own for own in accounts},
        policy=settings.policy_document,
        rates=settings.rates,
        permissions=Permissions(
            request=frozenset(settings.permissions.request),
            digest=frozenset(settings.permissions.digest),
            resolve=frozenset(settings.permissions.resolve),
            admin=frozenset(settings.permissions.admin),
            freeze=frozenset(settings.permissions.freeze),
            unfreeze=frozenset(settings.permissions.unfreeze),
            payees=frozenset(settings.permissions.payees),
            charter=frozenset(settings.permissions.charter),
            delegations=frozenset(settings.permissions.delegations),
        ),
        unfreeze_quorum=settings.permissions.unfreeze_quorum,
        duplicate_window=settings.requests.duplicate_window,
        business_hours=settings.company.business_hours,
        near_cut_off=settings.policy.near_cut_off,
        opening={
            name: Hours.parse(each.takes_payments)
            for name, each in settings.connectors.items()
            if each.takes_payments is not None
        },
        payees_quorum=settings.permissions.payees_quorum,
        charter_quorum=settings.permissions.charter_quorum,
        delegations_quorum=settings.permissions.delegations_quorum,
        payee_cool_off=settings.payee_register.cool_off,
    )


def charter_of(settings: Settings, company: Company) -> charter.Document:
    """Return the charter that settings amount to, with where connections lead and its payees."""
    connections = {name: _connection(each) for name, each in settings.connectors.items()}
    payees = {
        each.id: {key: str(value) for key, value in each.model_dump().items() if key != "id"}
        for each in settings.payees
    }
    chats = {
        name: {"api_url": section.api_url}
        for name, section in (("slack", settings.slack), ("telegram", settings.telegram))
        if section is not None
    }
    if settings.digest is not None:
        chats["digest"] = {
            key: str(value) for key, value in settings.digest.model_dump().items() if value
        }
    chats["web"] = {"public_url": str(settings.web.public_url or "")}
    others = {"connections": connections, "chats": chats, "payees": payees}
    return charter.document(company, others)


_TUNING = re.compile(r".*_seconds|max_.*|read_attempts|page_limit|consent_(days|frequency_per_day)")
"""Settings of a connection by which no money goes elsewhere, nor twice."""
_TRUSTED = ("ca_file", "trusted_certificate_file")


def _connection(each: ConnectorSettings) -> dict[str, str]:
    """Return where a connection leads, as whom, and whose word is believed there.

    Files go by their names, since replicas keep them in different places; those that say whom we
    trust by their contents too. Of secrets it is told that there are any.
    """
    found: dict[str, str] = {}
    for name, value in each:
        if value is None or _TUNING.fullmatch(name):
            continue
        if name == "proxy":
            parts = urlsplit(value.get_secret_value())
            found[name] = f"{parts.scheme}://{parts.hostname}:{parts.port}"
        elif isinstance(value, Path):
            found[name] = value.name
            if name in _TRUSTED:
                digest = hashlib.sha256(value.read_bytes()).hexdigest()
                found[name] = f"{value.name} {digest}"
        else:
            found[name] = str(value)
    return found


def _person(each: PersonSettings) -> Person:
    return Person(
        id=each.id,
        name=each.name,
        email=each.email,
        roles=frozenset(each.roles),
        language=each.language,
        timezone=each.timezone,
        chat_ids=_by_chat(each.slack, each.telegram),
    )


def _account(settings: Settings, each: AccountSettings) -> OwnAccount:
    return OwnAccount(
        account=Account(
            id=each.id,
            iban=each.iban,
            currency=each.currency,
            holder=each.holder or settings.company.name,
            timezone=each.timezone or settings.company.timezone,
        ),
        name=each.name,
        connector=each.connector,
        viewers=frozenset(each.viewers),
        channels=_by_chat(each.channel, each.telegram_chat),
        collect=each.collect,
        calendar=_calendar(settings, each.calendar),
    )


def _calendar(settings: Settings, name: str | None) -> Calendar | None:
    if name is None:
        return None
    stated = settings.calendars.get(name, CalendarSettings())
    closed, opened = frozenset(stated.closed), frozenset(stated.open)
    return Calendar(name, closed, opened, stated.known_until)


def _by_chat(slack: str | None, telegram: int | None) -> dict[str, str]:
    """Return the places there are, by chat."""
    found = {"slack": slack, "telegram": None if telegram is None else str(telegram)}
    return {chat: place for chat, place in found.items() if place is not None}
