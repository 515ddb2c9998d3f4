"""Loading settings: what each allows, and what must hold among them."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from bot.settings.file import Place, Problem, Raw, SettingsErrors, dotted, read
from bot.settings.model import Settings, SlackSettings
from bot.settings.values import PATTERNS, Duration, checked_currency
from connectors import registry
from connectors.base import ConnectorSettings
from workflows.matching import can_be_filled
from workflows.opening import Hours
from workflows.policy import Policy, PolicyErrors, Rates

LARGEST_POLICY = 256 * 1024


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check a settings file and the policy it names.

    Raises:
        SettingsErrors: with every mistake, each with its line and its remedy.
    """
    raw = read(path, os.environ if environ is None else environ)
    problems: list[Problem] = []
    values = dict(raw.values)
    base = _base_currency(values)
    values["rates"] = _rates(raw, base, problems)
    values["connectors"] = _connectors(raw, problems)
    values["policy_document"] = None
    settings = _validated(raw, values, problems)
    policy = _policy(raw, values, base, problems)
    if settings is not None:
        problems += _contradictions(raw, settings, policy)
    # A secret that cannot be had is told once, not also as one of the wrong form.
    missing = {each.where for each in raw.unresolved}
    problems = [*raw.unresolved, *(each for each in problems if each.where not in missing)]
    if problems:
        raise SettingsErrors(problems)
    assert settings is not None
    assert policy is not None
    folder = str((path.parent / settings.storage.folder).resolve())
    witness = str((path.parent / settings.storage.witness).resolve())
    storage = settings.storage.model_copy(update={"folder": folder, "witness": witness})
    return settings.model_copy(update={"policy_document": policy, "storage": storage})


def _base_currency(values: Mapping[str, Any]) -> str:
    company = values.get("company")
    found = company.get("base_currency") if isinstance(company, dict) else None
    try:
        return checked_currency(found) if isinstance(found, str) else "EUR"
    except PydanticCustomError:
        return "EUR"


def _rates(raw: Raw, base: str, problems: list[Problem]) -> Rates:
    found: dict[str, Decimal] = {}
    dated: dict[str, dict[date, Decimal]] = {}
    given = raw.values.get("rates", {})
    if not isinstance(given, dict):
        problems.append(raw.problem(("rates",), "this is no table.", "Write [rates]."))
        given = {}
    for currency, value in given.items():
        place: Place = ("rates", currency)
        try:
            code = checked_currency(currency)
            if isinstance(value, str):
                found[code] = _rate(base, code, value)
            else:
                dated[code] = _by_day(base, code, value)
        except PydanticCustomError as error:
            problems.append(raw.problem(place, *_words(error.context)))
        except (InvalidOperation, LookupError, AttributeError, TypeError, ValueError):
            remedy = (
                f'Write {currency} = "0.92", in quotes, or by day: '
                f'{currency} = {{ 2026-11-01 = "0.92" }}.'
            )
            problems.append(raw.problem(place, "this is no rate.", remedy))
    section = raw.values.get("policy")
    good_for = section.get("rates_good_for") if isinstance(section, dict) else None
    return Rates(base, found, dated, _good_for(good_for))


def _rate(base: str, currency: str, text: object) -> Decimal:
    rate = Decimal(text) if isinstance(text, str) else Decimal("NaN")
    return Rates(base, {currency: rate}).rates[currency]


def _by_day(base: str, currency: str, value: Any) -> dict[date, Decimal]:
    """Read rates by the day from which they hold; a table without any is none."""
    found = {date.fromisoformat(day): _rate(base, currency, text) for day, text in value.items()}
    if not found or currency == base:
        raise ValueError(currency)
    return found


def _good_for(value: object) -> timedelta | None:
    """Return how long dated rates are used; what is written wrongly is told by the section."""
    try:
        return None if value is None else TypeAdapter(Duration).validate_python(value)
    except ValidationError:
        return None


def _words(context: Mapping[str, Any] | None) -> tuple[str, str]:
    assert context is not None
    return str(context["message"]), str(context["remedy"])


def _connectors(raw: Raw, problems: list[Problem]) -> dict[str, ConnectorSettings]:
    found: dict[str, ConnectorSettings] = {}
    given = raw.values.get("connectors")
    if not isinstance(given, dict) or not given:
        problems.append(
            raw.problem(
                ("connectors",),
                "there is no connection to a bank.",
                "Add [connectors.NAME] with a type and what it needs.",
            )
        )
        return found
    for name, values in given.items():
        place: Place = ("connectors", name)
        kind = values.get("type") if isinstance(values, dict) else None
        if not isinstance(kind, str) or kind not in registry.KINDS:
            known = ", ".join(registry.KINDS)
            problems.append(
                raw.problem((*place, "type"), f"{kind!r} is no type.", f"Write one of: {known}.")
            )
            continue
        model = registry.KINDS[kind].settings
        try:
            found[name] = model.model_validate(_files_beside(raw, values))
        except ValidationError as error:
            problems += [_problem(raw, model, each, place) for each in error.errors()]
        problems += _hours(raw, values, place)
    return found


def _hours(raw: Raw, values: Mapping[str, Any], place: Place) -> Iterator[Problem]:
    written = values.get("takes_payments")
    if not isinstance(written, str):
        return
    try:
        Hours.parse(written)
    except ValueError as error:
        at = (*place, "takes_payments")
        yield raw.problem(at, f"{error!s}.", 'Write "mon-fri 06:00-22:00".')


def _files_beside(raw: Raw, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a connection's settings with its file names relative to the settings file."""
    return {
        key: str(raw.path.parent / value)
        if key.endswith("_file") and isinstance(value, str)
        else value
        for key, value in values.items()
    }


def _validated(raw: Raw, values: Mapping[str, Any], problems: list[Problem]) -> Settings | None:
    class Unparsed(Settings):
        policy_document: Any = None

    try:
        return Unparsed.model_validate(values)
    except ValidationError as error:
        problems += [_problem(raw, Settings, each, ()) for each in error.errors()]
        return None


def _problem(raw: Raw, model: type[BaseModel], error: ErrorDetails, prefix: Place) -> Problem:
    place: Place = (*prefix, *error["loc"])
    context = error.get("ctx", {})
    match error["type"]:
        case "setting":
            message, remedy = _words(context)
        case "missing":
            message = "this setting is missing."
            remedy = f"Add it to [{dotted(place[:-1])}]." if len(place) > 1 else "Add it."
        case "extra_forbidden":
            known = _fields_at(model, error["loc"][:-1])
            near = difflib.get_close_matches(str(place[-1]), known, n=1)
            message = "there is no such setting."
            remedy = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
        case "string_pattern_mismatch":
            message = "this is not written as it must be."
            remedy = PATTERNS.get(str(context.get("pattern")), "See countersign.example.toml.")
        case _:
            message = error["msg"].removeprefix("Value error, ") + "."
            remedy = "See countersign.example.toml for what belongs here."
    return raw.problem(place, message, remedy)


def _fields_at(model: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """Return the names of the settings there are at ``place``."""
    fields = model.model_fields
    for part in place:
        if isinstance(part, int) or part not in fields:  # one of several, by number or name
            continue
        inner = next(iter(_models_in(fields[part].annotation)), None)
        if inner is None:
            return []
        fields = inner.model_fields
    return sorted(fields.keys() - {"policy_document"})


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in getattr(annotation, "__args__", ()):
        yield from _models_in(each)


def _policy(
    raw: Raw, values: Mapping[str, Any], base: str, problems: list[Problem]
) -> Policy | None:
    section = values.get("policy")
    name = section.get("file", "policy.yml") if isinstance(section, dict) else "policy.yml"
    path = raw.path.parent / str(name)
    try:
        text = path.read_bytes()[: LARGEST_POLICY + 1].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        remedy = "Write one with `countersign init`, or name another."
        problems.append(raw.problem(("policy", "file"), f"{path} cannot be read.", remedy))
        return None
    try:
        return Policy.parse(
            text,
            base_currency=base,
            roles=_roles(values),
            accounts=_ids(values, "accounts"),
            people=_ids(values, "people"),
            connectors=_names(values, "connectors"),
        )
    except PolicyErrors as error:
        problems += [
            Problem(path.name, each.line, "", each.message, each.remedy) for each in error.problems
        ]
        return None


def _rows(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = values.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _roles(values: Mapping[str, Any]) -> set[str]:
    lists = (each.get("roles") for each in _rows(values, "people"))
    return {role for roles in lists if isinstance(roles, list) for role in map(str, roles)}


def _ids(values: Mapping[str, Any], name: str) -> list[str]:
    return [str(each.get("id")) for each in _rows(values, name)]


def _names(values: Mapping[str, Any], name: str) -> list[str]:
    found = values.get(name)
    return list(map(str, found)) if isinstance(found, dict) else []


def _contradictions(raw: Raw, settings: Settings, policy: Policy | None) -> Iterator[Problem]:
    """Return what each setting allows and all together do not."""
    yield from _repeated(raw, "people", [each.id for each in settings.people], "id")
    emails = [each.email.casefold() for each in settings.people]
    yield from _repeated(raw, "people", emails, "email")
    yield from _repeated(raw, "people", [each.slack for each in settings.people], "slack")
    yield from _repeated(raw, "accounts", [each.id for each in settings.accounts], "id")
    yield from _repeated(raw, "accounts", [each.iban for each in settings.accounts], "iban")
    yield from _repeated(raw, "payees", [each.id for each in settings.payees], "id")
    yield from _unknown_roles(raw, settings)
    yield from _unreachable_accounts(raw, settings)
    yield from _idle_calendars(raw, settings)
    yield from _witness_in_folder(raw, settings)
    yield from _repeated(raw, "people", [each.telegram for each in settings.people], "telegram")
    if settings.slack is None and settings.telegram is None:
        yield raw.problem(
            (), "there is no chat.", "Add [slack] or [telegram]: see countersign.example.toml."
        )
    if settings.slack is not None:
        yield from _missing_slack_secret(raw, settings.slack)
    yield from _telegram_needs(raw, settings)
    yield from _absent_chats(raw, settings)
    yield from _for_too_few(raw, settings)
    if policy is not None:
        yield from _unfillable(raw, settings, policy)


def _repeated(raw: Raw, table: str, values: list[Any], name: str) -> Iterator[Problem]:
    seen: dict[Any, int] = {}
    for number, value in enumerate(values):
        if value is not None and value in seen:
            yield raw.problem(
                (table, number, name),
                f"{value} is {table}[{seen[value]}]'s already.",
                f"Every {name} must be another.",
            )
        seen.setdefault(value, number)


def _unknown_roles(raw: Raw, settings: Settings) -> Iterator[Problem]:
    known = {role for person in settings.people for role in person.roles}
    lists: list[tuple[Place, tuple[str, ...]]] = [
        (("permissions", name), getattr(settings.permissions, name))
        for name in (
            "request",
            "digest",
            "resolve",
            "freeze",
            "unfreeze",
            "payees",
            "charter",
            "delegations",
            "admin",
        )
    ]
    lists += [
        (("accounts", number, "viewers"), each.viewers)
        for number, each in enumerate(settings.accounts)
    ]
    for place, roles in lists:
        for role in roles:
            if role not in known:
                near = difflib.get_close_matches(role, known, n=1)
                hint = f"Did you mean {near[0]}? " if near else ""
                yield raw.problem(
                    place, f"nobody has the role {role}.", f"{hint}Give it to somebody, or drop it."
                )


def _unreachable_accounts(raw: Raw, settings: Settings) -> Iterator[Problem]:
    for number, each in enumerate(settings.accounts):
        if each.connector not in settings.connectors and settings.connectors:
            known = ", ".join(settings.connectors)
            yield raw.problem(
                ("accounts", number, "connector"),
                f"there is no [connectors.{each.connector}].",
                f"Write one of: {known}.",
            )


def _idle_calendars(raw: Raw, settings: Settings) -> Iterator[Problem]:
    """Return calendars of no account, and days that are said to be both closed and open."""
    used = {each.calendar for each in settings.accounts if each.calendar is not None}
    for name, each in settings.calendars.items():
        if name not in used:
            known = ", ".join(sorted(used))
            yield raw.problem(
                ("calendars", name),
                f"no account has the calendar {name[:40]}.",
                f"Write one of: {known}." if known else f'Give an account calendar = "{name}".',
            )
        for day in sorted(set(each.closed) & set(each.open)):
            yield raw.problem(
                ("calendars", name, "open"),
                f"{day.isoformat()} is closed and open.",
                "Take it out of one of them.",
            )


def _witness_in_folder(raw: Raw, settings: Settings) -> Iterator[Problem]:
    base = raw.path.parent
    folder = (base / settings.storage.folder).resolve()
    if folder in (base / settings.storage.witness).resolve().parents and folder != base.resolve():
        yield raw.problem(
            ("storage", "witness"),
            "the witness lies in the data folder: an older copy of it would bring its own.",
            'Put it elsewhere: "record.witness" is beside this file.',
        )


def _telegram_needs(raw: Raw, settings: Settings) -> Iterator[Problem]:
    telegram, address = settings.telegram, settings.web.public_url or ""
    is_own_server = telegram is not None and "api.telegram.org" not in telegram.api_url
    if telegram is None or telegram.mode != "webhook" or address.startswith("https://"):
        return
    if not (is_own_server and address):
        yield raw.problem(
            ("telegram", "mode"),
            "Telegram calls a webhook by https only, and there is no such web.public_url.",
            'Set web.public_url = "https://…", or mode = "polling".',
        )


def _absent_chats(raw: Raw, settings: Settings) -> Iterator[Problem]:
    """Return places that name a chat which is not served, and a digest that goes nowhere."""
    digest = settings.digest
    places: list[tuple[Place, object, str]] = []
    if digest is not None:
        places = [
            (("digest", "channel"), digest.channel, "slack"),
            (("digest", "telegram_chat"), digest.telegram_chat, "telegram"),
        ]
    for number, each in enumerate(settings.accounts):
        places.append((("accounts", number, "channel"), each.channel, "slack"))
        places.append((("accounts", number, "telegram_chat"), each.telegram_chat, "telegram"))
    for place, value, chat in places:
        if value is not None and getattr(settings, chat) is None:
            yield raw.problem(place, f"there is no [{chat}].", f"Add [{chat}], or drop this.")
    if digest is not None and digest.channel is None and digest.telegram_chat is None:
        yield raw.problem(
            ("digest",),
            "the digest goes nowhere.",
            'Add channel = "C0123ABCD" for Slack, or telegram_chat = -1001234567890.',
        )


def _missing_slack_secret(raw: Raw, slack: SlackSettings) -> Iterator[Problem]:
    if slack.mode == "socket" and slack.app_token is None:
        yield raw.problem(
            ("slack", "app_token"),
            "socket mode needs the app-level token.",
            'Add app_token = { env = "SLACK_APP_TOKEN" }.',
        )
    if slack.mode == "http" and slack.signing_secret is None:
        yield raw.problem(
            ("slack", "signing_secret"),
            "http mode needs the signing secret.",
            'Add signing_secret = { env = "SLACK_SIGNING_SECRET" }.',
        )


def _for_too_few(raw: Raw, settings: Settings) -> Iterator[Problem]:
    """Return what too few people could ever decide on, also when one of them must not."""
    given = settings.permissions
    asked = (
        ("unfreeze", given.freeze, given.unfreeze_quorum, "lift a freeze", ""),
        (
            "payees",
            given.payees,
            given.payees_quorum + 1,
            "change payees",
            f": who proposes it, and {given.payees_quorum} to approve",
        ),
        ("charter", given.charter, given.charter_quorum, "decide on settings", ""),
        (
            "delegations",
            given.delegations,
            given.delegations_quorum + 1,
            "agree to a delegation",
            f": one of them may be who is away, and {given.delegations_quorum} approve",
        ),
    )
    for name, is_used, needed, what, why in asked:
        able = [each for each in settings.people if set(each.roles) & set(getattr(given, name))]
        if is_used and len(able) < needed:
            yield raw.problem(
                ("permissions", name),
                f"{len(able)} people may {what}, and it takes {needed}{why}.",
                f"Give the role to more people, or lower {name}_quorum.",
            )


def _unfillable(raw: Raw, settings: Settings, policy: Policy) -> Iterator[Problem]:
    """Return rules that not even all people together could satisfy."""
    people = {each.id: frozenset(each.roles) for each in settings.people}
    for rule in policy.rules:
        if rule.require and not can_be_filled(rule.require, people):
            yield raw.problem(
                ("policy", "file"),
                f"the rule “{rule.name}” asks for more people than have its roles.",
                "Give the roles to more people, or ask for fewer.",
            )
