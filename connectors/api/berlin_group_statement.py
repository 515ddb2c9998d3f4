"""From the bank's pages of transactions to a statement; pure.

Source: Berlin Group, NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file (``accountReport``,
``transactions``, ``balance``, ``balanceType``).

The API has transactions and balances but no statement. The document kept is ours: every page word
for word, with the balances on them or else read before and after them. The bank rarely gives a
closing balance for a past day, so entries are collected up to today and the later ones are taken
off the balance of now.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from connectors.api.berlin_group_messages import (
    BalanceElement,
    BalancesAnswer,
    Day,
    Iban,
    Transaction,
    TransactionsPage,
    iban,
    plain,
    read,
)
from connectors.base import Account, Balance, BalanceType, Document, Entry, Statement, Untrusted
from connectors.money import Money

FORMAT = "berlin-group-transactions/1"
MAX_DOCUMENT_BYTES = 64_000_000

_NO_END_TO_END_ID = "NOTPROVIDED"
_BOOKED = ("interimBooked", "closingBooked")
_AVAILABLE = ("interimAvailable", "expected")


class _Kept(BaseModel):
    """One answer in our document."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    body: str


class _Kit(BaseModel):
    """Our document."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
    format: str
    iban: Iban
    currency: str
    collected_on: Day
    pages: list[_Kept]
    after: _Kept | None


def today(account: Account, moment: datetime) -> date:
    """Return the day ``moment`` falls on in the account's calendar."""
    return moment.astimezone(ZoneInfo(account.timezone)).date()


def pack(
    account: Account,
    collected_on: date,
    pages: list[dict[str, Any]],
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> bytes:
    """Return the document to keep: the answers word for word (see `Exchange.evidence`).

    Args:
        account: Whose.
        collected_on: Today in the account's calendar.
        pages: Of transactions.
        before: Balances read before them.
        after: Balances read after them; None when the pages state theirs alike (`stated`).
    """
    return json.dumps(
        {
            "format": FORMAT,
            "iban": account.iban,
            "currency": account.currency,
            "collected_on": collected_on.isoformat(),
            "pages": pages,
            "before": before,
            "after": after,
        },
        ensure_ascii=False,
        indent=1,
    ).encode()


def balances(name: str, account: Account, answer: BalancesAnswer) -> tuple[Balance, ...]:
    """Return the balances in ``answer``: at most one of each type, booked and available first.

    Booked is the interim one, else the last closing one; available is the interim one, else what
    the bank expects.

    Raises:
        Untrusted: ``statement.other_account``, or ``balance.missing`` when there is neither.
    """
    _check_account(name, account, answer)
    ours = [b for b in answer.balances if b.balance_amount.currency == account.currency]
    found = []
    for kind, names in (
        (BalanceType.BOOKED, _BOOKED),
        (BalanceType.AVAILABLE, _AVAILABLE),
        (BalanceType.OPENING_BOOKED, ("openingBooked",)),
        (BalanceType.CLOSING_BOOKED, ("closingBooked",)),
    ):
        chosen = _newest(ours, names)
        if chosen:
            as_of = chosen.last_change_date_time or chosen.reference_date
            found.append(Balance(kind, chosen.balance_amount, as_of))
    if not found:
        raise Untrusted(name, "balance.missing", params={"account": account.id})
    return tuple(found)


def _newest(elements: list[BalanceElement], names: tuple[str, ...]) -> BalanceElement | None:
    for name in names:
        of_name = [element for element in elements if element.balance_type == name]
        if of_name:
            return max(of_name, key=lambda element: element.reference_date or date.max)
    return None


def convert(name: str, account: Account, document: Document) -> Statement:
    """Read a document made by `pack`.

    Raises:
        Untrusted: It is not such a document, not of this account, or contradicts itself:
            ``answer.malformed``, ``statement.*``, ``entry.*`` or ``balance.missing``.
    """
    if len(document.content) > MAX_DOCUMENT_BYTES:
        raise Untrusted(name, "statement.too_large")
    kit = read(_Kit, name, document.content)
    if kit.format != FORMAT or kit.collected_on is None:
        raise Untrusted(name, "statement.unknown_format")
    if (kit.iban, kit.currency) != (iban(account.iban), account.currency):
        raise Untrusted(name, "statement.other_account")
    last = max(document.period_to, kit.collected_on)
    pages = [read(TransactionsPage, name, kept.body) for kept in kit.pages]
    entries = _entries(name, account, pages)
    for entry in entries:
        if not document.period_from <= entry.booking_date <= last:
            raise Untrusted(name, "statement.outside_period", str(entry.booking_date))
    if kit.after is not None:
        state = read(BalancesAnswer, name, kit.after.body)
        _check_account(name, account, state)
        ours = [b for b in state.balances if b.balance_amount.currency == account.currency]
    else:
        ours = stated(account, pages)
    return Statement(
        account_iban=kit.iban,
        period_from=document.period_from,
        period_to=document.period_to,
        opening=_opening(ours, document.period_from),
        closing=_closing(name, account, ours, entries, document),
        entries=tuple(e for e in entries if e.booking_date <= document.period_to),
    )


def stated(account: Account, pages: Sequence[TransactionsPage]) -> list[BalanceElement]:
    """Return the balances on the pages of one reading, if all state the same booked one.

    Such a balance and such pages belong together: nothing was booked between them.
    """
    found: list[BalanceElement] = []
    booked = set()
    for page in pages:
        found = [b for b in page.balances if b.balance_amount.currency == account.currency]
        newest = _newest(found, ("interimBooked",))
        booked.add(newest and newest.balance_amount)
    return found if len(booked) == 1 and None not in booked else []


def _opening(elements: list[BalanceElement], period_from: date) -> Money | None:
    for element in elements:
        if element.balance_type == "openingBooked" and element.reference_date == period_from:
            return element.balance_amount
    return None


def _closing(
    name: str,
    account: Account,
    elements: list[BalanceElement],
    entries: list[Entry],
    document: Document,
) -> Money:
    """Return the booked balance at the end of the period.

    The bank's own for that day where it gives one; else a later one less the entries since.
    """
    closing = [e for e in elements if e.balance_type == "closingBooked" and e.reference_date]
    for element in closing:
        if element.reference_date == document.period_to:
            return element.balance_amount
    current = _newest(elements, ("interimBooked",))
    if current is not None:
        return _less(name, current.balance_amount, entries, document.period_to, date.max)
    for element in closing:
        if element.reference_date and element.reference_date > document.period_to:
            return _less(
                name, element.balance_amount, entries, document.period_to, element.reference_date
            )
    raise Untrusted(name, "balance.missing", params={"account": account.id})


def _less(name: str, balance: Money, entries: list[Entry], after: date, until: date) -> Money:
    try:
        for entry in entries:
            if after < entry.booking_date <= until:
                balance -= entry.amount
    except ValueError:
        raise Untrusted(name, "statement.too_large") from None
    return balance


def _entries(name: str, account: Account, pages: Sequence[TransactionsPage]) -> list[Entry]:
    entries = []
    seen: set[str] = set()
    repeats: Counter[str] = Counter()
    for page in pages:
        _check_account(name, account, page)
        for transaction in page.transactions.booked:
            entry = _entry(name, account, transaction, repeats)
            if entry.key in seen:
                raise Untrusted(name, "entry.duplicate", entry.key)
            seen.add(entry.key)
            entries.append(entry)
    return sorted(entries, key=lambda entry: entry.booking_date)


def _entry(name: str, account: Account, transaction: Transaction, repeats: Counter[str]) -> Entry:
    amount = transaction.transaction_amount
    if amount.currency != account.currency:
        raise Untrusted(name, "entry.currency", amount.currency)
    if transaction.booking_date is None:
        raise Untrusted(name, "entry.no_booking_date")
    outgoing = amount.minor < 0
    other = transaction.creditor_account if outgoing else transaction.debtor_account
    reference = _text(transaction.transaction_id) or _text(transaction.entry_reference)
    return Entry(
        key=reference or _derived_key(transaction, repeats),
        amount=amount,
        booking_date=transaction.booking_date,
        value_date=transaction.value_date,
        end_to_end_id=end_to_end_id(transaction),
        counterparty_name=_text(transaction.creditor_name if outgoing else transaction.debtor_name),
        counterparty_account=_text(other.iban) if other else None,
        remittance_information=_remittance(transaction),
        institution_reference=reference,
    )


def _derived_key(transaction: Transaction, repeats: Counter[str]) -> str:
    """Make a key of what the entry says, for a bank that gives no reference.

    Entries that say the very same are counted. They have the same booking date, and days are
    collected whole, so the count is the same at every collection.
    """
    said = json.dumps(transaction.model_dump(by_alias=True), default=str, sort_keys=True)
    content = hashlib.sha256(said.encode("ascii")).hexdigest()
    repeats[content] += 1
    return f"sha256:{content}:{repeats[content]}"


def end_to_end_id(transaction: Transaction) -> str | None:
    """Return the end-to-end id a movement carries, if it carries one."""
    value = _text(transaction.end_to_end_id)
    return None if value == _NO_END_TO_END_ID else value


def _text(value: str | None) -> str | None:
    return plain(value, 256) or None if value else None


def _remittance(transaction: Transaction) -> str:
    parts = [
        transaction.remittance_information_unstructured,
        *transaction.remittance_information_unstructured_array,
        transaction.remittance_information_structured,
    ]
    return plain(" ".join(part for part in parts if part), 1000)


def _check_account(name: str, account: Account, answer: BalancesAnswer | TransactionsPage) -> None:
    said = answer.account.iban if answer.account else None
    if said is not None and said != iban(account.iban):
        raise Untrusted(name, "statement.other_account")
