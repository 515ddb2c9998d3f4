"""Money: an integer count of minor units with an ISO 4217 currency, never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from iso4217 import Currency as _Iso4217

MAX_MINOR = 10**17
"""The largest amount accepted, in minor units: 18 digits, as ISO 20022 allows, less one."""

_AMOUNT = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,9})?", re.ASCII)


class MoneyError(ValueError):
    """An amount or currency that cannot be money; ``code`` says which rule it breaks."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(f"{code}: {params}")
        self.code = code
        self.params = params


@cache
def exponent(currency: str) -> int:
    """How many decimals ``currency`` has (ISO 4217 "minor unit"): EUR 2, JPY 0, KWD 3.

    Raises:
        MoneyError: ``currency`` is not an active ISO 4217 code, or has no minor unit (gold, test
            codes), so that no payment can be made in it.
    """
    try:
        found = _Iso4217(currency)
    except ValueError:
        raise MoneyError("currency.unknown", currency=currency[:8]) from None
    if found.exponent is None:
        raise MoneyError("currency.unknown", currency=currency[:8])
    return int(found.exponent)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount of one currency.

    Attributes:
        minor: Minor units (cents for EUR, yen for JPY); may be negative in statements.
        currency: ISO 4217 alphabetic code, upper case.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse what is not money: an unknown currency, a non-integer, an absurd size."""
        exponent(self.currency)
        if type(self.minor) is not int or abs(self.minor) > MAX_MINOR:
            raise MoneyError("amount.too_large", currency=self.currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read a plain decimal such as ``"1250.00"`` exactly.

        Args:
            text: ASCII digits with at most one ``.``; no grouping, no exponent.
            currency: ISO 4217 code in any case.

        Raises:
            MoneyError: ``amount.malformed``, ``amount.decimals`` (more decimals than the currency
                has), ``amount.too_large`` or ``currency.unknown``.
        """
        currency = currency.upper()
        digits = exponent(currency)
        if not _AMOUNT.fullmatch(text):
            raise MoneyError("amount.malformed", text=text[:40])
        scaled = Decimal(text).scaleb(digits)
        if scaled != scaled.to_integral_value():
            raise MoneyError("amount.decimals", currency=currency, digits=digits)
        return cls(int(scaled), currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, with exactly the currency's decimals."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        """For logs and protocols, never for people: ``1250.00 EUR``."""
        return f"{self.decimal:f} {self.currency}"

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise MoneyError("currency.mixed", currency=f"{self.currency}/{other.currency}")
