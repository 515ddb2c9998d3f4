"""Payments that come again, once for all chats: their list, and the button that stops one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import islice

from sqlalchemy import Connection

from bot import recurring_words
from bot.cards import Answer, Card, Notice, Tone
from bot.recurring_words import SeriesView
from bot.services import Caller, Services
from workflows import series
from workflows.company import Company
from workflows.people import Person
from workflows.visibility import may_see

Click = Callable[[Caller, str], Awaitable[Answer]]
MOST_LISTED = 10
MOST_LOOKED_AT = 500
"""So many series, the soonest first, are looked through for those that somebody may see."""


async def card(services: Services, caller: Caller) -> Card:
    """Return the series that go on of what the caller may see, the soonest first."""
    found = await services.database.read(
        lambda connection: views_of(connection, services.present(connection), caller.person)
    )
    return recurring_words.series_card(services.reader(caller), found)


def views_of(connection: Connection, company: Company, person: Person) -> tuple[SeriesView, ...]:
    """Return the series that go on of what a person may see, the soonest first."""
    found = (
        SeriesView(first, at, made)
        for first, at, made in series.going_on(connection, most=MOST_LOOKED_AT)
        if may_see(company, person, first)
    )
    return tuple(islice(found, MOST_LISTED))


class Recurring:
    """What clicks about series do.

    Attributes:
        clicks: By the button's id.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.clicks: dict[str, Click] = {"stop_series": self.stop}

    async def stop(self, caller: Caller, value: str) -> Answer:
        """End a series: nothing more of it is sent that was not released."""
        services, reader = self._services, self._services.reader(caller)
        now = services.clock()
        first = await services.database.write(
            lambda connection: series.stop(
                connection, services.present(connection), caller.person, value[:16], now=now
            )
        )
        return Notice(reader.say("thanks.series_stopped", order=first.id), Tone.NEUTRAL)
