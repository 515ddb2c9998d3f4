"""Amounts as the API writes them: decimal strings outside, integer minor units inside."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from iso4217 import Currency

_AMOUNT = re.compile(r"-?[0-9]{1,14}(?:\.[0-9]{1,3})?", re.ASCII)


@cache
def exponent(currency: str) -> int:
    """Return how many decimals ``currency`` has (ISO 4217).

    Raises:
        ValueError: It is no currency that money can be paid in.
    """
    found = Currency(currency).exponent
    if found is None:
        raise ValueError(f"{currency} has no minor unit")
    return int(found)


def to_minor(text: str, currency: str) -> int:
    """Read an ``amountValue`` of the OpenAPI file exactly.

    Raises:
        ValueError: It is malformed, or has more decimals than its currency.
    """
    if not _AMOUNT.fullmatch(text):
        raise ValueError("must have up to 14 digits and up to 3 decimals")
    scaled = Decimal(text).scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{currency} has {exponent(currency)} decimals")
    return int(scaled)


def amount(minor: int, currency: str) -> dict[str, str]:
    """Return an ``amount`` object of the OpenAPI file."""
    value = Decimal(minor).scaleb(-exponent(currency))
    return {"currency": currency, "amount": f"{value:f}"}
