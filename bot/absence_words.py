"""Leave, and who acts for whom meanwhile, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from bot.cards import Action, Card, Choice, Fact, Form, Input, InputKind, Tone
from bot.wording import Reader
from workflows import absence
from workflows.absence import LONGEST_REASON
from workflows.audit import Entry
from workflows.leaves import Leave
from workflows.proposals import Proposal

MOST_LISTED = 10


@dataclass(frozen=True, slots=True)
class LeaveView:
    """Everything the card of a person's leave shows, read in one go.

    Attributes:
        mine: Leaves that the person is on, or will be.
        proposed: Where the person waits for agreement that somebody acts for them.
        acting: Leaves of others for whom the person acts.
        others: Delegations that the person could revoke.
        today: In the person's own zone.
    """

    mine: tuple[Leave, ...]
    proposed: tuple[Proposal, ...]
    acting: tuple[Leave, ...]
    others: tuple[Leave, ...]
    today: date


# ---- proposals that somebody acts for another ---------------------------------------------------


def title(reader: Reader, found: Proposal) -> str:
    """Return what is proposed, in a few words."""
    data = found.data
    names = {"name": reader.name(data["person"]), "delegate": reader.name(data["delegate"])}
    return reader.say("absence.proposal", **names)


def facts(reader: Reader, found: Proposal, *, is_whole: bool) -> tuple[Fact, ...]:
    """Return who would act for whom, by what roles, from when to when, and why."""
    del is_whole
    data, say = found.data, reader.say
    person = reader.company.directory.get(data["person"])
    roles = sorted(person.roles) if person else []
    told = [
        Fact(say("absence.away"), reader.name(data["person"])),
        Fact(say("absence.delegate"), reader.name(data["delegate"])),
        Fact(say("absence.roles"), ", ".join(map(reader.role, roles)) or say("nothing")),
        Fact(say("absence.days"), _days(reader, *absence.days_of(data))),
    ]
    if data["reason"]:
        told.append(Fact(say("absence.reason"), data["reason"]))
    return tuple(told)


def lines(reader: Reader, found: Proposal) -> tuple[str, ...]:
    """Return what agreeing to it means."""
    data = found.data
    names = {"name": reader.name(data["person"]), "delegate": reader.name(data["delegate"])}
    return (reader.say("absence.means", **names),)


def needs(reader: Reader, found: Proposal) -> tuple[str, ...]:
    """Return nothing: nothing has to be there first."""
    del reader, found
    return ()


def actions(reader: Reader, found: Proposal) -> tuple[Action, ...]:
    """Return no buttons of its own."""
    del reader, found
    return ()


# ---- a person's own leave -----------------------------------------------------------------------


def leave_card(reader: Reader, view: LeaveView) -> Card:
    """Return when a person is away, who acts for them, for whom they act, and what can be done."""
    say = reader.say
    told = [_own_line(reader, each, view.today) for each in view.mine]
    told += [say("absence.waits", proposal=each.id) for each in view.proposed]
    told += [
        say("absence.acting", name=reader.name(each.person_id), days=_leave_days(reader, each))
        for each in view.acting
    ]
    told += [_other_line(reader, each) for each in view.others]
    is_away = any(each.starts_on <= view.today for each in view.mine)
    return Card(
        title=say("absence.title"),
        tone=Tone.WAITING if is_away else Tone.NEUTRAL,
        lines=tuple(told) or (say("absence.none"),),
        notes=(say("absence.note"),),
        actions=(
            *_end_actions(reader, view),
            Action("absence", say("action.absence"), style="" if view.mine else "primary"),
        ),
    )


def _own_line(reader: Reader, leave: Leave, today: date) -> str:
    days = _leave_days(reader, leave)
    key = "absence.mine" if leave.starts_on <= today else "absence.mine_later"
    if leave.delegate_id is None:
        return reader.say(key, days=days)
    return reader.say(f"{key}_delegated", days=days, delegate=reader.name(leave.delegate_id))


def _other_line(reader: Reader, leave: Leave) -> str:
    return reader.say(
        "absence.other",
        name=reader.name(leave.person_id),
        delegate=reader.name(leave.delegate_id or ""),
        days=_leave_days(reader, leave),
    )


def _end_actions(reader: Reader, view: LeaveView) -> Iterator[Action]:
    say = reader.say
    for each in view.mine[:MOST_LISTED]:
        is_now = each.starts_on <= view.today
        label = (
            say("action.back")
            if is_now
            else say("action.absence_cancel", days=_first(reader, each))
        )
        yield Action("absence_end", label, each.id, "primary" if is_now else "")
    for each in view.others:
        names = {"name": reader.name(each.person_id)}
        confirm = say("absence.revoke_confirm", **names)
        yield Action("absence_end", say("action.revoke", **names), each.id, "danger", confirm)


def absence_form(reader: Reader, today: date) -> Form:
    """Return the form on which a person says from when to when they are away."""
    say = reader.say
    may_delegate = bool(reader.company.permissions.delegations)
    return Form(
        id="absence",
        title=say("form.absence.title"),
        submit=say("form.absence.submit"),
        cancel=say("form.cancel"),
        lines=(say("form.absence.lead"),) if may_delegate else (),
        inputs=(
            Input("from", InputKind.DATE, say("form.absence.from"), initial=today.isoformat()),
            Input("until", InputKind.DATE, say("form.absence.until")),
            *((_delegate(reader),) if may_delegate else ()),
            Input(
                "reason",
                InputKind.LONG_TEXT,
                say("absence.reason"),
                hint=say("form.absence.reason_hint"),
                is_optional=True,
                longest=LONGEST_REASON,
            ),
        ),
    )


def _delegate(reader: Reader) -> Input:
    return Input(
        "delegate",
        InputKind.SEARCH,
        reader.say("absence.delegate"),
        hint=reader.say("form.absence.delegate_hint"),
        is_optional=True,
        skip=reader.say("form.absence.nobody"),
    )


def delegates(reader: Reader, person_id: str, text: str) -> tuple[Choice, ...]:
    """Return who could act for a person, of those whose name or id has ``text`` in it."""
    wanted = text.casefold().strip()
    found: Sequence[tuple[str, str]] = sorted(
        (each.name, each.id)
        for each in reader.company.directory
        if each.id != person_id and wanted in f"{each.name}\n{each.id}".casefold()
    )
    return tuple(Choice(who, name) for name, who in found[:MOST_LISTED])


def news_card(reader: Reader, entry: Entry) -> Card | None:
    """Return what a delegate hears when they act for somebody, or no more; else None."""
    say, facts = reader.say, entry.facts
    name = reader.name(str(facts["person"]))
    match entry.kind:
        case "delegation.begun":
            row = facts["row"]
            days = _days(reader, *absence.days_of(row))
            title, line = say("absence.news.begun", name=name, days=days), "absence.news.begun_line"
        case "delegation.ended" | "delegation.revoked":
            title, line = say("absence.news.ended", name=name), "absence.news.ended_line"
        case _:
            return None
    return Card(title=title, lines=(say(line, name=name),))


def _leave_days(reader: Reader, leave: Leave) -> str:
    return _days(reader, leave.starts_on, leave.ends_on)


def _days(reader: Reader, starts_on: date, ends_on: date) -> str:
    first, last = (reader.messages.date(reader.language, each) for each in (starts_on, ends_on))
    return first if first == last else f"{first} – {last}"


def _first(reader: Reader, leave: Leave) -> str:
    return reader.messages.date(reader.language, leave.starts_on)
