"""Being away, once for all chats: the card of one's own leave, its form and its buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime

from sqlalchemy import Connection

from bot import absence_words, proposal_cards
from bot.absence_words import MOST_LISTED, LeaveView
from bot.cards import Accepted, Answer, Card, Notice, Submitted, Tone
from bot.services import Caller, Services
from workflows import absence, proposals
from workflows.absence import Wish
from workflows.away import zone_of
from workflows.company import Company
from workflows.people import Person
from workflows.proposals import Proposal
from workflows.refusal import Refusal

Answers = Mapping[str, str]
Click = Callable[[Caller, str], Awaitable[Answer]]
Submission = Callable[[Caller, str, Answers], Awaitable[Submitted]]


async def card(services: Services, caller: Caller) -> Card:
    """Return when the caller is away, for whom they act, and what they may do about it."""
    view = await services.database.read(
        lambda connection: view_of(connection, services.company, caller.person, services.clock())
    )
    return absence_words.leave_card(services.reader(caller), view)


def view_of(connection: Connection, company: Company, person: Person, now: datetime) -> LeaveView:
    """Return when a person is away, and for whom they act."""
    who = person.id
    may_revoke = bool(person.roles & company.permissions.delegations)
    waiting = proposals.open_ones(connection, absence.KIND.name)
    others = absence.delegations(connection, company, now) if may_revoke else []
    return LeaveView(
        mine=tuple(absence.of_person(connection, company, who, now)),
        proposed=tuple(each for each in waiting if each.subject == who),
        acting=tuple(absence.acting_for(connection, company, who, now)),
        others=tuple(each for each in others if each.person_id != who)[:MOST_LISTED],
        today=now.astimezone(zone_of(company, who)).date(),
    )


class Absences:
    """What clicks and submitted forms about being away do.

    Attributes:
        clicks: By the button's id.
        forms: By the form's id.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.clicks: dict[str, Click] = {"absence": self.ask, "absence_end": self.end}
        self.forms: dict[str, Submission] = {"absence": self.begin}

    async def ask(self, caller: Caller, value: str) -> Answer:
        """Show the form on which a person says that they will be away."""
        del value
        zone = zone_of(self._services.company, caller.person.id)
        today = self._services.clock().astimezone(zone).date()
        return absence_words.absence_form(self._services.reader(caller), today)

    async def begin(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Have a person be away, or propose that somebody acts for them."""
        del token
        services, reader = self._services, self._services.reader(caller)
        wish = Wish(
            starts_on=_day(answers, "from"),
            ends_on=_day(answers, "until"),
            delegate_id=answers.get("delegate", "")[:64],
            reason=answers.get("reason", ""),
        )
        now = services.clock()
        made = await services.database.write(
            lambda connection: absence.begin(
                connection, services.company, caller.person, wish, key=caller.key, now=now
            )
        )
        if isinstance(made, Proposal):
            title = proposal_cards.title(reader, made)
            said = reader.say("thanks.absence_proposed", proposal=made.id, title=title)
            return Accepted(Notice(said, Tone.WAITING))
        until = reader.messages.date(reader.language, made.ends_on)
        return Accepted(Notice(reader.say("thanks.absence", until=until), Tone.GOOD))

    async def end(self, caller: Caller, value: str) -> Answer:
        """End one's own leave, or revoke that somebody acts for another."""
        services, reader = self._services, self._services.reader(caller)
        now = services.clock()
        ended = await services.database.write(
            lambda connection: absence.end(
                connection, services.company, caller.person, value[:16], now=now
            )
        )
        if ended.was_revoked:
            said = reader.say("thanks.revoked", name=reader.name(ended.person_id))
            return Notice(said, Tone.GOOD)
        return Notice(reader.say("thanks.back"), Tone.GOOD)


def _day(answers: Answers, name: str) -> date:
    """Return a day of the form.

    Raises:
        Refusal: ``absence.day_missing`` or ``date.malformed``.
    """
    text = answers.get(name, "")
    if not text:
        raise Refusal("absence.day_missing", field=name)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal("date.malformed", field=name, text=text[:20]) from None
