"""What the digest's picture tells, and the same in words for who sees none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date
from babel.numbers import format_compact_currency

from bot.wording import Reader
from connectors.money import MAX_MINOR, Money
from workflows.digest import AccountDigest, Digest, Tally

LONGEST_ALT_TEXT = 900


def alt_text(reader: Reader, digest: Digest) -> str:
    """Return what the picture says, in at most `LONGEST_ALT_TEXT` characters."""
    say, told = reader.say, Told(reader, digest)
    if told.is_empty:
        return say("chart.alt_nothing", title=told.title)
    text = say(
        "chart.alt",
        title=told.title,
        total=told.total,
        since=told.since,
        incoming=told.incoming,
        outgoing=told.outgoing,
        matched=told.matched,
        breaks=say("digest.breaks_count", count=digest.break_count),
    )
    if names := told.left_out:
        text = say("chart.alt_left_out", told=text, accounts=names)
    accounts = [
        say("chart.alt_account", account=each.name, amount=told.balance(each))
        for each in digest.accounts
    ]
    for left_out in range(len(accounts)):
        shown = say("chart.comma").join(accounts[: len(accounts) - left_out])
        whole = say("chart.alt_accounts", told=text, accounts=shown)
        if left_out:
            whole = say("chart.alt_accounts_more", told=text, accounts=shown, count=left_out)
        if len(whole) <= LONGEST_ALT_TEXT:
            return whole
    return text[:LONGEST_ALT_TEXT]


@dataclass(frozen=True)
class Told:
    """What is said of a digest, in the reader's words, by the picture and its alternative text."""

    reader: Reader
    digest: Digest

    @property
    def known(self) -> list[AccountDigest]:
        """Return the accounts of which anything is known."""
        return [
            each
            for each in self.digest.accounts
            if each.reading.booked is not None or each.collected_at is not None
        ]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.known and not self.digest.break_count

    @property
    def title(self) -> str:
        """Return of which day it is."""
        day = self.digest.at.astimezone(self.reader.company.timezone).date()
        day_name = self.reader.messages.date(self.reader.language, day)
        return self.reader.say("digest.title", day=day_name)

    @property
    def total(self) -> str:
        """Return the cash position."""
        total = self.digest.total
        return self.reader.money(total) if total is not None else self.reader.say("nothing")

    @property
    def left_out(self) -> str:
        """Return the names of accounts that the cash position does not count; empty if none."""
        digest = self.digest
        names = {each.account_id: each.name for each in digest.accounts}
        left_out = dict.fromkeys((*digest.without_rate, *digest.without_balance))
        return self.reader.say("chart.comma").join(names[each] for each in left_out)

    @property
    def since(self) -> str:
        """Return the first day of the movements."""
        return self.day(min(each.period_from for each in self.digest.accounts))

    @property
    def incoming(self) -> str:
        """Return what came in on all accounts, in the base currency."""
        return self._moved([each.incoming for each in self.collected])

    @property
    def outgoing(self) -> str:
        """Return what went out of all accounts, in the base currency."""
        return self._moved([each.outgoing for each in self.collected])

    @property
    def collected(self) -> list[AccountDigest]:
        """Return the accounts whose movements are known."""
        return [each for each in self.digest.accounts if each.collected_at is not None]

    @property
    def matches(self) -> tuple[int, int]:
        """Return how many debits are matched, and how many there are."""
        matched = sum(each.matched.count for each in self.digest.accounts)
        return matched, sum(each.outgoing.count for each in self.digest.accounts)

    @property
    def matched(self) -> str:
        """Return how many of the debits are payments of ours."""
        matched, debits = self.matches
        if not debits:
            return self.reader.say("digest.no_debits" if self.collected else "nothing")
        return self.reader.say(
            "digest.matched_share", matched=matched, debits=debits, percent=100 * matched // debits
        )

    def balance(self, each: AccountDigest) -> str:
        """Return an account's balance."""
        booked = each.reading.booked
        return self.reader.say("balance.unknown") if booked is None else self.reader.money(booked)

    def day(self, day: date) -> str:
        """Return a day without its year."""
        return format_date(day, self.reader.say("chart.day"), locale=self._locale)

    def short(self, *amounts: Money) -> list[str]:
        """Return amounts of one currency rounded as scales do, but still told from one another."""
        return short(self.reader, *amounts)

    @property
    def _locale(self) -> str:
        return self.reader.messages.nearest(self.reader.language)

    def _moved(self, tallies: Iterable[Tally]) -> str:
        amounts = [self.reader.company.rates.to_base(each.amount) for each in tallies]
        known = [each.minor for each in amounts if each is not None]
        if not known or sum(known) > MAX_MINOR:
            return self.reader.say("nothing")
        return self.reader.money(Money(sum(known), self.digest.base_currency))


def short(reader: Reader, *amounts: Money) -> list[str]:
    """Return amounts of one currency rounded as scales do, but still told from one another."""
    locale = reader.messages.nearest(reader.language)
    for digits in range(4):
        found = [_rounded(locale, each, digits) for each in amounts]
        if len(set(found)) == len({each.minor for each in amounts}):
            return found
    return [reader.money(each) for each in amounts]


def _rounded(locale: str, amount: Money, digits: int) -> str:
    """Return an amount to two places that count, and ``digits`` more."""

    def to(decimals: int) -> str:
        return format_compact_currency(
            amount.decimal, amount.currency, locale=locale, fraction_digits=decimals
        )

    whole = sum(each.isdecimal() for each in to(0))
    return to(max(2 - whole, 0) + digits)
