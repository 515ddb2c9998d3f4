"""Values that settings are made of: each says what is wrong with it, and what to do."""

from __future__ import annotations

import base64
import re
from datetime import date, time, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException

from connectors.money import MoneyError, exponent
from workflows import calendars
from workflows.opening import Hours
from workflows.record.checkpoints import PublicKey
from workflows.refusal import Refusal
from workflows.visible_text import clean_text

_DATABASE = re.compile(r"postgres(?:ql)?://[^/?#]*/[^/?#]+", re.IGNORECASE)
_LOCAL_HOST = re.compile(r"$|/|%2F|localhost$|127\.|\[?::1\]?$", re.IGNORECASE)
_SEVERAL_WITH_PORTS = re.compile(r"[^/]*//(?:[^/@]*@)?(?=[^/]*,)[^/]*[^/:]:[0-9]+[,/]")
_PASSWORD = re.compile(r"^[^/]*//[^/@]*:[^/@]+@|[?&]password=", re.IGNORECASE)
_TELEGRAM_TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{10,80}")


def _wrong(message: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{message}", {"message": message, "remedy": remedy})


def checked_currency(value: str) -> str:
    """Return a currency's code in capitals; raises `PydanticCustomError` for what is none."""
    try:
        exponent(value.upper())
    except MoneyError:
        raise _wrong(f"{value[:8]!r} is no currency.", "Write an ISO 4217 code: EUR.") from None
    return value.upper()


def _payee_name(value: str) -> str:
    """Return a payee's name: people approve by it, so it is held to what holds for typed ones."""
    try:
        return clean_text(value, field="name", longest=70)
    except Refusal:
        raise _wrong(
            f"{value[:40]!a} cannot be read by everybody as it is written.",
            "Type the name again instead of pasting it; it needs a letter or digit, and no "
            "invisible characters.",
        ) from None


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _wrong(
            f"{value[:40]!r} is no time zone.", 'Write an IANA name: "Europe/Berlin".'
        ) from None
    return value


def _calendar(value: str) -> str:
    try:
        return calendars.checked(value)
    except calendars.UnknownCalendar as error:
        raise _wrong(
            f"{value[:40]!r} is no calendar.", f"Write one such as {', '.join(error.near)}."
        ) from None


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


def _day(value: object) -> object:
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if type(found) is date and 2000 <= found.year <= 2100:
        return found
    raise _wrong(f"{str(value)[:20]!r} is no day.", "Write year, month and day: 2026-12-24.")


_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)


def _duration(value: object) -> object:
    if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        unit = {"m": "minutes", "h": "hours", "d": "days"}[found.group(2)]
        return timedelta(**{unit: int(found.group(1))})
    raise _wrong(f"{str(value)[:20]!r} is no duration.", 'Write "30m", "72h" or "7d".')


def _opening_hours(value: object) -> object:
    try:
        return Hours.parse(value if isinstance(value, str) else "")
    except ValueError as error:
        raise _wrong(f"{error!s}.", 'Write "mon-fri 08:00-18:00".') from None


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


def _database(value: object) -> object:
    """Return the address of a PostgreSQL database; one with a password only by reference."""
    address = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(address, str) or not _DATABASE.match(address):
        raise _wrong(
            "this is no address of a PostgreSQL database.",
            'Write "postgresql://user@host/database", or drop it: SQLite in storage.folder.',
        )
    if isinstance(value, str) and _PASSWORD.search(address):
        raise _wrong(
            "a password does not belong in this file.",
            'Write { env = "DATABASE_URL" } or { file = "secrets/database" } and put it there.',
        )
    if _SEVERAL_WITH_PORTS.match(address):
        raise _wrong(
            "several hosts cannot have a port each.",
            'Write "postgresql://user@one,other/database?port=5433".',
        )
    return SecretStr(_completed(address))


def _completed(address: str) -> str:
    """Return a database's address with what it leaves to us, the same for all who connect.

    Encrypted on a network, and of several hosts the one that takes writes.
    """
    before, _, query = address.partition("?")
    options = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    hosts = options.get("host") or before.split("/")[2].rpartition("@")[2]
    names = [each if each[-1:] == "]" else each.rsplit(":", 1)[0] for each in hosts.split(",")]
    if not all(_LOCAL_HOST.match(name) for name in names):
        options.setdefault("sslmode", "require")
    if len(names) > 1:
        options.setdefault("target_session_attrs", "read-write")
    query = "&".join(f"{name}={value}" for name, value in options.items())
    scheme, rest = before.split(":", 1)
    before = f"postgresql:{rest}" if scheme.lower() == "postgres" else before
    return f"{before}?{query}" if query else before


def _public_key(value: str) -> str:
    try:
        return PublicKey.read(value).text
    except ValueError:
        raise _wrong(
            "this is no public key.", "Copy what `countersign audit key` printed of it."
        ) from None


def _telegram_token(value: SecretStr) -> SecretStr:
    if not _TELEGRAM_TOKEN.fullmatch(value.get_secret_value()):
        raise _wrong(
            "this is no token of a Telegram bot.",
            "Copy the one that @BotFather gave you: 123456789:AA…",
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
Currency = Annotated[str, AfterValidator(checked_currency)]
Zone = Annotated[str, AfterValidator(_zone)]
CalendarName = Annotated[str, AfterValidator(_calendar)]
Day = Annotated[date, BeforeValidator(_day)]
Days = Annotated[tuple[Day, ...], Field(max_length=400)]
Iban = Annotated[str, AfterValidator(_iban)]
Bic = Annotated[str, AfterValidator(_bic)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
OpeningHours = Annotated[Hours, BeforeValidator(_opening_hours)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
Roles = Annotated[tuple[Slug, ...], Field(min_length=1)]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{7,20}$")]
Language = Literal["en", "zh_CN"]
WebAddress = Annotated[str, AfterValidator(_url)]
ApiAddress = Annotated[str, AfterValidator(_api_url)]
StorageKey = Annotated[Secret, AfterValidator(_key)]
RecordPublicKey = Annotated[str, AfterValidator(_public_key)]
DatabaseAddress = Annotated[SecretStr, BeforeValidator(_database)]
BotToken = Annotated[Secret, _token("xoxb-")]
TelegramToken = Annotated[Secret, AfterValidator(_telegram_token)]
AppToken = Annotated[Secret, _token("xapp-")]
TimeOfDay = Annotated[str, AfterValidator(_clock_time)]
Cron = Annotated[str, AfterValidator(_cron)]
MemberId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{7,20}$")]
TelegramUser = Annotated[int, Field(gt=0, lt=2**52)]
TelegramChat = Annotated[int, Field(lt=0, gt=-(2**52))]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
PayeeName = Annotated[Line, StringConstraints(max_length=70), AfterValidator(_payee_name)]

PATTERNS = {
    r"^[a-z0-9][a-z0-9_-]{0,62}$": "Use lower-case letters, digits and hyphens: operating-eur.",
    r"^[^@\s]{1,64}@[^@\s]{1,190}$": "Write an e-mail address.",
    r"^[CG][A-Z0-9]{7,20}$": "Copy the channel's id (not its name) from its details: C0123ABCD.",
    r"^[UW][A-Z0-9]{7,20}$": "Copy the member id from the person's profile: U0123ABCD.",
    r"^[A-Z]{2}$": "Write two capitals: DE.",
}
"""What to write instead, for each pattern above."""
