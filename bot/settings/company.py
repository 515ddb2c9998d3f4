"""The company as its settings describe it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.settings.model import AccountSettings, PersonSettings, Settings
from connectors.base import Account, ConnectorSettings
from workflows import charter
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
        payee_cool_off=settings.payee_register.cool_off,
    )


def charter_of(settings: Settings, company: Company) -> charter.Document:
    """Return the charter that settings amount to, with where connections lead and its payees."""
    connections = {
        name: {key: str(value) for key, value in _where(each).items()}
        for name, each in settings.connectors.items()
    }
    payees = {
        each.id: {key: str(value) for key, value in each.model_dump().items() if key != "id"}
        for each in settings.payees
    }
    return charter.document(company, {"connections": connections, "payees": payees})


def _where(each: ConnectorSettings) -> dict[str, object]:
    """Return where a connection leads and as whom; its secrets and certificates are its own."""
    said = each.model_dump(mode="json")
    return {
        key: said[key] for key in ("type", "url", "psu_id", "psu_corporate_id") if said.get(key)
    }


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
    )


def _by_chat(slack: str | None, telegram: int | None) -> dict[str, str]:
    """Return the places there are, by chat."""
    found = {"slack": slack, "telegram": None if telegram is None else str(telegram)}
    return {chat: place for chat, place in found.items() if place is not None}
