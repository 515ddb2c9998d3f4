"""The settings of one company: what they are, and what must hold among them."""

from __future__ import annotations

import base64
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException

from bot.settings_file import Place, Problem, Raw, SettingsErrors, dotted, read
from connectors import registry
from connectors.base import ConnectorSettings
from connectors.money import MoneyError, exponent
from workflows.policy import Policy, PolicyErrors, Rates, can_be_filled

__all__ = ["Settings", "SettingsErrors", "load"]

LARGEST_POLICY = 256 * 1024


def _wrong(message: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{message}", {"message": message, "remedy": remedy})


def _currency(value: str) -> str:
    try:
        exponent(value.upper())
    except MoneyError:
        raise _wrong(f"{value[:8]!r} is no currency.", "Write an ISO 4217 code: EUR.") from None
    return value.upper()


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong(
            f"{value[:40]!r} is no time zone.", 'Write an IANA name: "Europe/Berlin".'
        ) from None
    return value


def _iban(value: str) -> str:
    try:
        return str(IBAN(value[:64]))
    except SchwiftyException:
        raise _wrong(
            f"{value[:42]!r} is no valid IBAN.", "Copy it again; its check digits do not fit."
        ) from None


def _bic(value: str) -> str:
    try:
        return str(BIC(value[:20]))
    except SchwiftyException:
        raise _wrong(f"{value[:20]!r} is no BIC.", "Write 8 or 11 characters.") from None


def _cron(value: str) -> str:
    try:
        CronTrigger.from_crontab(value)
    except ValueError as error:
        raise _wrong(
            f"{value[:40]!r} is no cron expression ({str(error)[:80]}).",
            'Write five fields: "0 7,11,15,19 * * *".',
        ) from None
    return value


def _clock_time(value: str) -> str:
    try:
        time.fromisoformat(value)
    except ValueError:
        raise _wrong(f"{value[:10]!r} is no time of day.", 'Write "08:30".') from None
    return value


_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)


def _duration(value: object) -> object:
    if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        unit = {"m": "minutes", "h": "hours", "d": "days"}[found.group(2)]
        return timedelta(**{unit: int(found.group(1))})
    raise _wrong(f"{str(value)[:20]!r} is no duration.", 'Write "30m", "72h" or "7d".')


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    is_local = host in ("127.0.0.1", "localhost", "::1")
    if not host or parts.scheme not in ("https", "http") or parts.username or parts.query:
        raise _wrong(f"{value[:80]!r} is no web address.", 'Write "https://host/path".')
    if parts.scheme == "http" and not is_local:
        raise _wrong("http is not secret on a network.", "Write https://.")
    return value


def _api_url(value: str) -> str:
    return _url(value).rstrip("/") + "/"


def _secret(value: object) -> object:
    if isinstance(value, SecretStr):
        return value
    raise _wrong(
        "a secret does not belong in this file.",
        'Write { env = "NAME" } or { file = "secrets/name" } and put it there.',
    )


def _key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise _wrong(
            "the key is not 32 bytes in base64.",
            "Make one: python3 -c 'import base64,os;"
            "print(base64.urlsafe_b64encode(os.urandom(32)).decode())'",
        )
    return value


def _token(prefix: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefix):
            raise _wrong(
                f"the token does not begin with {prefix}",
                f"Copy the one that begins with {prefix} from the Slack app's pages.",
            )
        return value

    return AfterValidator(check)


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=140)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")]
Currency = Annotated[str, AfterValidator(_currency)]
Zone = Annotated[str, AfterValidator(_zone)]
Iban = Annotated[str, AfterValidator(_iban)]
Bic = Annotated[str, AfterValidator(_bic)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Roles = Annotated[tuple[Slug, ...], Field(min_length=1)]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{7,20}$")]
Language = Literal["en", "zh_CN"]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True
    )


class CompanySettings(_Section):
    """The company itself."""

    name: Line = Field(description="As the bank has it.")
    base_currency: Currency = Field(description="In which policy counts amounts.")
    timezone: Zone = Field(description="IANA name; whose days and hours the digest follows.")
    language: Language = Field(
        default="en", description="Of channels, and of people who name none."
    )


class StorageSettings(_Section):
    """Where everything is kept."""

    folder: str = Field(
        default="var", description="Data folder, relative to this file; on a local disk."
    )
    key: Annotated[Secret, AfterValidator(_key)] = Field(
        description="Encrypts second factors: 32 bytes in base64. Keep a copy elsewhere."
    )


class WebSettings(_Section):
    """The bot's own pages: health, and setting up a second factor."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="0 takes any free one.")
    public_url: Annotated[str, AfterValidator(_url)] | None = Field(
        default=None, description="How browsers reach it, when that is not host and port."
    )


class SlackSettings(_Section):
    """The Slack workspace."""

    mode: Literal["socket", "http"] = Field(
        default="socket", description="socket needs no address of yours; http is for replicas."
    )
    bot_token: Annotated[Secret, _token("xoxb-")] = Field(description="OAuth & Permissions.")
    app_token: Annotated[Secret, _token("xapp-")] | None = Field(
        default=None, description="For socket mode: Basic Information, App-Level Tokens."
    )
    signing_secret: Secret | None = Field(
        default=None, description="For http mode: Basic Information."
    )
    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        default="https://slack.com/api/", description="Another for GovSlack."
    )


class PolicySettings(_Section):
    """Who must approve what."""

    file: str = Field(default="policy.yml", description="Relative to this file.")


class PermissionSettings(_Section):
    """Which roles may do what. Approving is a matter of policy."""

    request: Roles = Field(description="Ask for payments.")
    digest: Roles = Field(description="See the digest with /digest.")
    resolve: Roles = Field(description="Say what became of a payment when the bank cannot.")


class RequestSettings(_Section):
    """What a request is checked for."""

    duplicate_window: Duration = Field(
        default=timedelta(days=7), description="An equal payment within it is asked about."
    )


class DigestSettings(_Section):
    """The daily digest."""

    channel: ChannelId = Field(description="Id of the Slack channel; it shows every account.")
    at: Annotated[str, AfterValidator(_clock_time)] = Field(
        default="08:30", description="In the company's time zone, Monday to Friday."
    )


class DispatchSettings(_Section):
    """How often banks are asked what became of a payment."""

    first_poll_seconds: float = Field(default=5, gt=0, le=3600, description="The first time.")
    max_poll_seconds: float = Field(default=900, gt=0, le=86400, description="At the longest.")


class PersonSettings(_Section):
    """Somebody of the company."""

    id: Slug = Field(description="Short, stable, never reused.")
    name: Line = Field(description="As colleagues read it.")
    email: Email = Field(description="By which Slack's directory knows the person.")
    roles: Roles = Field(description="Such as staff, controller, cfo.")
    language: Language | None = Field(default=None, description="The company's when not given.")
    timezone: Zone | None = Field(default=None, description="The company's when not given.")
    slack: Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{7,20}$")] | None = Field(
        default=None, description="Slack member id, when the e-mail addresses differ."
    )


class AccountSettings(_Section):
    """One of the company's accounts."""

    id: Slug = Field(description="Short and stable.")
    name: Line = Field(description="As people call it.")
    iban: Iban = Field(description="ISO 13616.")
    currency: Currency = Field(description="Of the account.")
    connector: Slug = Field(description="Name of one of [connectors].")
    holder: Line | None = Field(default=None, description="The company's name when not given.")
    viewers: Roles = Field(description="Roles that see balances and movements.")
    channel: ChannelId | None = Field(
        default=None, description="Id of a Slack channel where its payments may be shown."
    )
    timezone: Zone | None = Field(default=None, description="Whose days are booking dates.")
    collect: Annotated[str, AfterValidator(_cron)] = Field(
        default="0 7,11,15,19 * * *",
        description="When statements are collected (cron). PSD2 allows four unattended a day.",
    )


class PayeeSettings(_Section):
    """Somebody the company pays."""

    id: Slug = Field(description="Short and stable.")
    name: Annotated[Line, StringConstraints(max_length=70)] = Field(description="Account holder.")
    iban: Iban = Field(description="ISO 13616.")
    bic: Bic | None = Field(default=None, description="Where the payment needs one.")
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="ISO 3166 code of the payee's address."
    )
    trusted: bool = Field(default=False, description="Whether you vouch for these bank details.")


class Settings(_Section):
    """All settings of one company. Get them with `load`.

    Attributes:
        policy_document: The policy file, parsed.
        rates: Rates to the base currency.
    """

    company: CompanySettings
    storage: StorageSettings
    web: WebSettings = WebSettings()
    slack: SlackSettings
    policy: PolicySettings = PolicySettings()
    rates: Rates
    permissions: PermissionSettings
    requests: RequestSettings = RequestSettings()
    digest: DigestSettings | None = None
    dispatch: DispatchSettings = DispatchSettings()
    people: Annotated[tuple[PersonSettings, ...], Field(min_length=1)]
    accounts: Annotated[tuple[AccountSettings, ...], Field(min_length=1)]
    payees: tuple[PayeeSettings, ...] = ()
    connectors: dict[str, ConnectorSettings]
    policy_document: Policy


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
    storage = settings.storage.model_copy(update={"folder": folder})
    return settings.model_copy(update={"policy_document": policy, "storage": storage})


def _base_currency(values: Mapping[str, Any]) -> str:
    company = values.get("company")
    found = company.get("base_currency") if isinstance(company, dict) else None
    try:
        return _currency(found) if isinstance(found, str) else "EUR"
    except PydanticCustomError:
        return "EUR"


def _rates(raw: Raw, base: str, problems: list[Problem]) -> Rates:
    found: dict[str, Decimal] = {}
    given = raw.values.get("rates", {})
    if not isinstance(given, dict):
        problems.append(raw.problem(("rates",), "this is no table.", "Write [rates]."))
        given = {}
    for currency, value in given.items():
        place: Place = ("rates", currency)
        try:
            code = _currency(currency)
            rate = Decimal(value) if isinstance(value, str) else Decimal("NaN")
            found[code] = Rates(base, {code: rate}).rates[code]
        except PydanticCustomError as error:
            problems.append(raw.problem(place, *_words(error.context)))
        except (InvalidOperation, ValueError):
            problems.append(
                raw.problem(place, "this is no rate.", f'Write {currency} = "0.92", in quotes.')
            )
    return Rates(base, found)


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
    return found


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
            remedy = _PATTERNS.get(str(context.get("pattern")), "See countersign.example.toml.")
        case _:
            message = error["msg"].removeprefix("Value error, ") + "."
            remedy = "See countersign.example.toml for what belongs here."
    return raw.problem(place, message, remedy)


_PATTERNS = {
    r"^[a-z0-9][a-z0-9_-]{0,62}$": "Use lower-case letters, digits and hyphens: operating-eur.",
    r"^[^@\s]{1,64}@[^@\s]{1,190}$": "Write an e-mail address.",
    r"^[CG][A-Z0-9]{7,20}$": "Copy the channel's id (not its name) from its details: C0123ABCD.",
    r"^[UW][A-Z0-9]{7,20}$": "Copy the member id from the person's profile: U0123ABCD.",
    r"^[A-Z]{2}$": "Write two capitals: DE.",
}


def _fields_at(model: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """Return the names of the settings there are at ``place``."""
    fields = model.model_fields
    for part in place:
        if isinstance(part, int):
            continue
        annotation = fields[part].annotation if part in fields else None
        inner = next(iter(_models_in(annotation)), None)
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
            text, base_currency=base, roles=_roles(values), accounts=_ids(values, "accounts")
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
    yield from _missing_slack_secret(raw, settings)
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
        for name in ("request", "digest", "resolve")
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


def _missing_slack_secret(raw: Raw, settings: Settings) -> Iterator[Problem]:
    if settings.slack.mode == "socket" and settings.slack.app_token is None:
        yield raw.problem(
            ("slack", "app_token"),
            "socket mode needs the app-level token.",
            'Add app_token = { env = "SLACK_APP_TOKEN" }.',
        )
    if settings.slack.mode == "http" and settings.slack.signing_secret is None:
        yield raw.problem(
            ("slack", "signing_secret"),
            "http mode needs the signing secret.",
            'Add signing_secret = { env = "SLACK_SIGNING_SECRET" }.',
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
