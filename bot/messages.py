"""The catalogue: every sentence people read, by key and language.

The texts are PO files (GNU gettext manual, section "The Format of PO Files") whose ids are keys,
such as ``refusal.amount.decimals``, and not sentences: English is a translation like any other.
They are read once at start and need no compilation. Placeholders are plain names in braces; facts
go in as they are, and whoever draws the sentence escapes it for its medium. Where the wording
depends on a number, ``msgid_plural`` names the placeholder that counts, such as ``{left}``.
"""

from __future__ import annotations

import gettext
import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from pathlib import Path

import structlog
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_currency, get_currency_symbol

from connectors.base import ConnectorError
from connectors.money import Money, MoneyError, exponent
from workflows.refusal import Fact, Refusal

log = structlog.get_logger(__name__)

ENGLISH = "en"
LOCALES = Path(__file__).parent / "locales"

_MISSING = "message.missing"
_LONGEST_TEXT = 300
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class CatalogueError(Exception):
    """A catalogue file cannot be used; the text names the file, the key and what is wrong."""


class MissingText(LookupError):
    """A key or a fact is missing; raised by a strict catalogue only."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    """One wording: literal text, each followed by the name of a placeholder or by nothing."""

    parts: tuple[tuple[str, str | None], ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for _, name in self.parts if name is not None)


@dataclass(frozen=True, slots=True)
class _Message:
    """All wordings of a key, and which fact chooses among them."""

    forms: tuple[_Sentence, ...]
    counted: str | None
    form_for: Callable[[int], int]

    def chosen(self, facts: Mapping[str, Fact]) -> _Sentence:
        count = facts.get(self.counted) if self.counted else None
        if not isinstance(count, int):
            return self.forms[-1]
        return self.forms[min(self.form_for(abs(count)), len(self.forms) - 1)]


class Messages:
    """The texts of all languages. Get one with `load`.

    Attributes:
        languages: Those there are files for, such as ``en`` and ``zh_CN``.
    """

    def __init__(
        self, catalogues: Mapping[str, Mapping[str, _Message]], *, is_strict: bool = False
    ) -> None:
        self._catalogues = catalogues
        self._is_strict = is_strict
        self.languages: tuple[str, ...] = tuple(sorted(catalogues))

    @classmethod
    def load(cls, folder: Path = LOCALES, *, is_strict: bool = False) -> Messages:
        """Read every ``*.po`` file of ``folder``.

        Args:
            is_strict: Raise `MissingText` for a key or fact that is missing, as tests want it,
                where a running bot falls back to English, then to a neutral sentence, and logs.

        Raises:
            CatalogueError: a file is malformed, has an unsafe placeholder or an empty text, or
                English is missing.
        """
        catalogues = {path.stem: _read(path) for path in sorted(folder.glob("*.po"))}
        if _MISSING not in catalogues.get(ENGLISH, {}):
            raise CatalogueError(f"{folder}: there is no {ENGLISH}.po with the key {_MISSING}")
        return cls(catalogues, is_strict=is_strict)

    def nearest(self, language: str | None) -> str:
        """Return the language of ours closest to ``language``: ``zh-Hans`` gives ``zh_CN``."""
        wanted = (language or ENGLISH).replace("-", "_")
        if wanted in self._catalogues:
            return wanted
        family = wanted.partition("_")[0].lower()
        same = (each for each in self.languages if each.partition("_")[0] == family)
        return next(same, ENGLISH)

    def ids(self, language: str = ENGLISH) -> list[str]:
        """Return the keys of one language in the order of its file."""
        return list(self._catalogues[language])

    def has(self, key: str) -> bool:
        """Whether there is a text for ``key`` in English."""
        return key in self._catalogues[ENGLISH]

    def placeholders(self, language: str, key: str) -> frozenset[str]:
        """Return the names of the facts that the wordings of ``key`` mention."""
        forms = self._catalogues[language][key].forms
        return frozenset().union(*(form.names for form in forms))

    def text(self, language: str, key: str, /, **facts: Fact) -> str:
        """Return the text of ``key`` with ``facts`` in their places, unescaped."""
        found = self._catalogues[self.nearest(language)].get(key)
        if found is None:
            self._complain("text", key, language)
            found = self._catalogues[ENGLISH].get(key)
        if found is None:
            facts = {"code": key}
            found = self._catalogues[ENGLISH][_MISSING]
        sentence = found.chosen(facts)
        for name in sentence.names - facts.keys():
            self._complain("fact", f"{key}: {name}", language)
        return "".join(
            literal + ("" if name is None else str(facts.get(name, "…")))
            for literal, name in sentence.parts
        )

    def _complain(self, what: str, which: str, language: str) -> None:
        if self._is_strict:
            raise MissingText(f"{what} missing in {language}: {which}")
        log.error("message.incomplete", missing=what, which=which, language=language)

    # ---- amounts and times ---------------------------------------------------------------------

    def money(self, language: str, amount: Money) -> str:
        """Return an amount as people write it, exactly and with all decimals of its currency."""
        return _money(self.nearest(language), amount.minor, amount.currency)

    def date(self, language: str, day: date) -> str:
        """Return a calendar day."""
        language = self.nearest(language)
        return format_date(day, self.text(language, "format.date"), locale=language)

    def instant(self, language: str, at: datetime, zone: tzinfo, *, with_zone: bool = False) -> str:
        """Return an instant on the clocks of ``zone``; ``with_zone`` says which clocks."""
        language = self.nearest(language)
        pattern = self.text(language, "format.zoned" if with_zone else "format.instant")
        return format_datetime(at, pattern, tzinfo=zone, locale=language)

    def roles(self, language: str, roles: Iterable[str]) -> str:
        """Return roles as people call them: "controller or CFO"."""
        language = self.nearest(language)
        names = [self.named(language, "role", role) for role in roles]
        return format_list(names, style="or", locale=language)

    def named(self, language: str, prefix: str, value: str) -> str:
        """Return ``<prefix>.<value>`` where the catalogue has it, else ``value`` itself."""
        key = f"{prefix}.{value}"
        return self.text(language, key) if self.has(key) else value

    # ---- why not -------------------------------------------------------------------------------

    def refusal(self, language: str, refusal: Refusal, zone: tzinfo | None = None) -> str:
        """Return what a refusal means and what to do about it.

        Args:
            zone: The reader's time zone; without one times are told in UTC, and say so.
        """
        language = self.nearest(language)
        facts = {
            name: self._readable(language, name, value, zone)
            for name, value in refusal.facts.items()
        }
        return self.text(language, f"refusal.{refusal.code}", **facts)

    def _readable(self, language: str, name: str, value: Fact, zone: tzinfo | None) -> Fact:
        """Return a fact of a refusal as people read it, by what facts of its name are."""
        if not isinstance(value, str):
            return value
        try:
            match name:
                case "free" | "closing" | "difference" | "total":
                    number, _, currency = value.partition(" ")
                    return self.money(language, Money.parse(number, currency))
                case "at" | "until":
                    at = datetime.fromisoformat(value)
                    return self.instant(language, at, zone or UTC, with_zone=zone is None)
                case "today" | "latest" | "last" | "starts_on" | "ends_on" | "day" | "following":
                    return self.date(language, date.fromisoformat(value))
                case "found" | "asked":
                    return self._period(language, value)
                case "role" | "roles":
                    return self.roles(language, value.split(", "))
                case "state" | "chat":
                    return self.named(language, name, value)
                case _:
                    return value
        except (MoneyError, ValueError):
            return value

    def _period(self, language: str, value: str) -> str:
        """Return a day, or two days joined by ``/`` (ISO 8601), as people write them."""
        first, *last = (self.date(language, date.fromisoformat(day)) for day in value.split("/"))
        if not last:
            return first
        return self.text(language, "format.period", first=first, last=last[-1])

    def reason(self, language: str, code: str, text: str = "") -> str:
        """Return why an order failed or is unknown, as a sentence or two.

        Args:
            code: Ours (``reason.<code>`` in the catalogue) or a connector's or an institution's
                (``bank.<code>``, else ``bank.other``).
            text: What the person or the institution said, or the technical cause; shown bounded.
        """
        text = _bounded(text)
        for prefix in ("reason", "bank"):
            key = f"{prefix}.{code}"
            if self.has(key):
                sentence = self.text(language, key)
                if not text:
                    return sentence
                detail = self.text(language, _whose(code), text=text)
                return self.text(language, "detail.joined", reason=sentence, detail=detail)
        if text:
            return self.text(language, "bank.other", code=_bounded(code), text=text)
        return self.text(language, "bank.other_silent", code=_bounded(code))

    def connector_error(self, language: str, error: ConnectorError) -> str:
        """Return what went wrong with an institution, as a sentence or two."""
        words = [error.detail] if error.detail else []
        if _whose(error.code) == "detail.technical":
            words += [f"{name} {value}" for name, value in error.params.items()]
        return self.reason(language, error.code, ", ".join(words))


def _whose(code: str) -> str:
    """Return the key that introduces whose words explain ``code``."""
    if code == "rejected" or code.startswith("resolved."):
        return "detail.person"
    is_institutions = code.upper() == code or code.startswith("bank.")
    return "detail.institution" if is_institutions else "detail.technical"


def _bounded(text: str) -> str:
    plain = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return plain if len(plain) <= _LONGEST_TEXT else plain[: _LONGEST_TEXT - 1] + "…"


@lru_cache(maxsize=4096)
def _money(language: str, minor: int, currency: str) -> str:
    locale = Locale.parse(language)
    # CLDR rounds some currencies to what shops use (AFN, IQD to none); a payment has every digit.
    digits = exponent(currency)
    decimals = "." + "0" * digits if digits else ""
    pattern = re.sub(r"0(\.0+)?", "0" + decimals, locale.currency_formats["standard"].pattern)
    if get_currency_symbol(currency, locale)[-1:].isalpha():
        # CLDR's "alphaNextToNumber": CHF 12.50, not CHF12.50.
        pattern = pattern.replace("¤#", "¤\u00a0#")
    return format_currency(
        Money(minor, currency).decimal,
        currency,
        format=pattern,
        locale=locale,
        currency_digits=False,
        decimal_quantization=False,
    )


def _read(path: Path) -> dict[str, _Message]:
    try:
        Locale.parse(path.stem)
        with path.open("rb") as file:
            catalogue = read_po(file, locale=path.stem, abort_invalid=True)
        form_for = gettext.c2py(catalogue.plural_expr)
    except (OSError, ValueError, UnknownLocaleError, PoFileError) as error:
        raise CatalogueError(f"{path.name}: {error}") from error
    found: dict[str, _Message] = {}
    for entry in catalogue:
        if not entry.id:
            continue
        try:
            if entry.fuzzy:
                raise ValueError("is marked fuzzy")
            key, message = _message(entry.id, entry.string, form_for, catalogue.num_plurals)
        except ValueError as error:
            raise CatalogueError(f"{path.name}: {entry.id}: {error}") from None
        found[key] = message
    return found


def _message(
    ids: str | list[str] | tuple[str, ...],
    wording: str | list[str] | tuple[str, ...] | None,
    form_for: Callable[[int], int],
    count: int,
) -> tuple[str, _Message]:
    if isinstance(ids, str):
        return ids, _Message((_sentence(str(wording or "")),), None, lambda _: 0)
    key, counted = ids
    (name,) = _sentence(counted).names or {""}
    forms = tuple(_sentence(each) for each in wording or ())
    if not name or len(forms) != count:
        raise ValueError(f"needs a counted placeholder as msgid_plural and {count} wordings")
    return key, _Message(forms, name, form_for)


def _sentence(wording: str) -> _Sentence:
    if not wording.strip():
        raise ValueError("has no text")
    parts = []
    for literal, name, spec, conversion in string.Formatter().parse(wording):
        if name is not None and (spec or conversion or not _NAME.fullmatch(name)):
            raise ValueError(f"{{{name}}} is not a plain placeholder")
        parts.append((literal, name))
    return _Sentence(tuple(parts))
