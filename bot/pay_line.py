"""The one-line form of a payment: ``1250.00 EUR to ACME ref INV-7``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.money import Money, MoneyError
from workflows.refusal import Refusal

LONGEST_LINE = 400

_HEAD = re.compile(r"(?P<amount>\S+)\s+(?P<currency>[A-Za-z]{3})\s+(?:to\s+)?(?P<rest>.+)", re.S)
_GLUED = re.compile(
    r"(?P<amount>[0-9][0-9.,]*)(?P<currency>[A-Za-z]{3})\s+(?:to\s+)?(?P<rest>.+)", re.S
)
_EVERY = {
    "week": "week",
    "2 weeks": "two_weeks",
    "two weeks": "two_weeks",
    "month": "month",
    "quarter": "quarter",
    "3 months": "quarter",
    "year": "year",
}
# A payee may be called "Every Day": it is a part only before what it can be every.
_PART = re.compile(
    rf"\s+(?P<name>iban|from|on|until|ref|every(?=\s+(?:{'|'.join(_EVERY)})\b))\s+", re.I
)


@dataclass(frozen=True, slots=True)
class PayLine:
    """A payment as it was typed.

    Attributes:
        payee: A payee's id or name, or a new creditor's name where ``iban`` is given.
        account: Debtor account, empty for the one kept in the currency.
        date: ISO date, empty for as soon as possible.
        every: How often it comes again, one of `workflows.recurrence.Every`; empty for never.
        until: ISO date, of a payment that comes again.
    """

    amount: Money
    payee: str
    iban: str = ""
    account: str = ""
    date: str = ""
    reference: str = ""
    every: str = ""
    until: str = ""


def parse(text: str) -> PayLine:
    """Read a line; ``ref`` takes all that follows it.

    Raises:
        Refusal: ``line.malformed``, ``line.too_long``, ``line.twice`` (a part given twice) or an
            amount's own (``amount.malformed``, ``amount.decimals``, ``currency.unknown`` …).
    """
    text = text.strip()
    if len(text) > LONGEST_LINE:
        raise Refusal("line.too_long", longest=LONGEST_LINE)
    head = _HEAD.fullmatch(text) or _GLUED.fullmatch(text)
    if head is None:
        raise Refusal("line.malformed")
    payee, parts = _parts(head["rest"])
    if not payee:
        raise Refusal("line.malformed")
    return PayLine(
        amount=amount(head["amount"], head["currency"]),
        payee=payee,
        iban=parts.get("iban", ""),
        account=parts.get("from", ""),
        date=parts.get("on", ""),
        reference=parts.get("ref", ""),
        every=_every(parts.get("every", "")),
        until=parts.get("until", ""),
    )


def _every(text: str) -> str:
    """Return how often, in the words of `workflows.recurrence`; what is none stays as it is."""
    return _EVERY.get(" ".join(text.lower().split()), text)


def amount(text: str, currency: str) -> Money:
    """Read an amount as a person typed it.

    Raises:
        Refusal: on anything that is not plainly one positive amount; a comma is never guessed to
            be a decimal point or a grouping.
    """
    text = text.strip()
    if text.startswith("-"):
        raise Refusal("amount.not_positive", field="amount")
    try:
        money = Money.parse(text, currency)
    except MoneyError as error:
        code = error.code
        if code == "amount.malformed" and "," in text:
            code = "amount.comma"
        raise Refusal(code, field="amount", **{"text": text[:40], **error.params}) from None
    if money.minor <= 0:
        raise Refusal("amount.not_positive", field="amount")
    return money


def _parts(rest: str) -> tuple[str, dict[str, str]]:
    found: dict[str, str] = {}
    pieces = _PART.split(" " + rest, maxsplit=6)
    payee = pieces[0].strip()
    names, values = pieces[1::2], pieces[2::2]
    for position, (written, value) in enumerate(zip(names, values, strict=True)):
        name = written.lower()
        if name in found:
            raise Refusal("line.twice", part=name)
        if name == "ref":
            # Everything after "ref" is the reference, even words that look like parts.
            later = zip(names[position + 1 :], values[position + 1 :], strict=True)
            found["ref"] = " ".join([value, *(word for pair in later for word in pair)]).strip()
            break
        found[name] = value.strip()
    return payee, found
