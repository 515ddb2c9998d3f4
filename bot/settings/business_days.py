"""What ``countersign check`` remarks on business days: what nobody knows of them yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from bot.settings.company import company_of
from bot.settings.model import Settings

_FORESIGHT = timedelta(days=60)


def remarks(settings: Settings, today: date) -> Iterator[str]:
    """Return accounts without a calendar, and calendars of which soon nobody knows the days."""
    accounts = company_of(settings).accounts.values()
    without = [own.id for own in accounts if own.calendar is None]
    if without:
        yield (
            f"No calendar: {', '.join(without)}. Holidays are not known there; add one, such as "
            'calendar = "TARGET".'
        )
    for calendar in dict.fromkeys(own.calendar for own in accounts if own.calendar is not None):
        day = calendar.unknown_from(today, _FORESIGHT)
        if day is not None:
            yield (
                f"{calendar.name}: from {day.isoformat()} on it is not known which days are "
                "business days, and payments will wait. Update Countersign, or state the days in "
                f"[calendars.{calendar.name}] with known_until."
            )
