"""Who reads, and how: language, zone, and how names, amounts and accounts are written for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.messages import Messages
from connectors.money import Money
from workflows.company import Company
from workflows.people import Person
from workflows.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and how: words, numbers and times come out their way."""

    messages: Messages
    company: Company
    language: str
    timezone: ZoneInfo
    person: Person | None = None

    def say(self, key: str, **facts: str | int) -> str:
        """Return a message of the catalogue."""
        return self.messages.text(self.language, key, **facts)

    def money(self, amount: Money) -> str:
        """Return an amount as people write it."""
        return self.messages.money(self.language, amount)

    def instant(self, at: datetime) -> str:
        """Return a date and time in the reader's zone."""
        return self.messages.instant(self.language, at, self.timezone)

    def refusal(self, refusal: Refusal) -> str:
        """Return why something is not done, as a sentence or two."""
        return self.messages.refusal(self.language, refusal, self.timezone)

    def name(self, person_id: str) -> str:
        """Return a person's name; the id where the directory no longer has them."""
        person = self.company.directory.get(person_id)
        return person.name if person else person_id

    def role(self, role: str) -> str:
        """Return a role as people call it; a named person behind an ``@`` by their name."""
        if role.startswith("@"):
            return self.name(role[1:])
        key = f"role.{role}"
        return self.say(key) if self.messages.has(key) else role


def reader_for(messages: Messages, company: Company, person: Person | None) -> Reader:
    """Return how ``person`` reads; None for a channel, which reads as the company does."""
    language = (person.language if person else None) or company.language
    zone = (person.timezone if person else None) or str(company.timezone)
    return Reader(messages, company, language, ZoneInfo(zone), person)


def masked(iban: str) -> str:
    """Return an account number of which only country, check digits and the last four show."""
    return f"{iban[:4]} •••• {iban[-4:]}"


def spaced(iban: str) -> str:
    """Return a whole account number in groups of four."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
