"""The record as people read it: which entries become a line under a card, and which an alarm."""

from __future__ import annotations

from datetime import date

from bot import decision_words, recurring_words, wording
from bot.cards import Action, Card, Fact, Tone
from bot.wording import Reader
from workflows import questions, reminders, running, series
from workflows.audit import Entry
from workflows.orders import Order
from workflows.refusal import Refusal

_LINES = {
    "order.approval": "story.approval",
    "order.completed": "story.completed",
    "order.rejected": "story.rejected",
    "order.cancelled": "story.cancelled",
    "order.cancel_asked": "story.cancel_asked",
    "order.cancel_refused": "story.cancel_refused",
    "order.expired": "story.expired",
    "order.released": "story.released",
    "instruction.not_sent": "story.not_sent",
    "order.submitted": "story.submitted",
    "order.unknown": "story.unknown",
    "order.not_received": "story.not_received",
    "order.decision_needed": "story.decision_needed",
    "order.failed": "story.failed",
    "order.returned": "story.returned",
    "entry.matched": "story.matched",
    "receipt.stored": "story.receipt",
}
_ABOUT_ORDERS = frozenset(
    {
        *_LINES,
        *decision_words.LINES,
        "order.requested",
        "order.status",
        "order.settled",
        series.APPROVED,
        running.BEGUN,
        running.CONTINUED,
        running.ENDED,
        series.DELAYED,
    }
)
_TOLD_TO_ALL = frozenset(
    {
        *decision_words.LINES,
        "order.cancelled",
        "order.decision_needed",
        running.ENDED,
        series.DELAYED,
    }
)
_ALARMS = frozenset(
    {
        "reconciliation.alarm",
        "statement.quarantined",
        "order.returned",
        "consent.waiting",
        "freeze.begun",
        "freeze.consent",
        "freeze.lifted",
        "service.restored",
        "record.alarm",
        "charter.differs",
        "charter.changed",
        "charter.adopted",
    }
)


ABOUT_IDENTITIES = frozenset(
    {
        "person.linked",
        "person.unlinked",
        "person.preferred",
        "person.reachable",
        "person.unreachable",
    }
)
"""Kinds of entries after which a person may be told elsewhere than before."""


def is_about_order(kind: str) -> bool:
    """Whether entries of this kind have an order as their subject and change its card."""
    return kind in _ABOUT_ORDERS


def is_about_proposal(kind: str) -> bool:
    """Whether entries of this kind have a proposal as their subject and change its card."""
    return kind.startswith("proposal.")


def whose_leave(entry: Entry) -> tuple[str, ...]:
    """Return for whom others are asked, or no longer, from this entry on; and who is."""
    if not entry.kind.startswith(("absence.", "delegation.")):
        return ()
    return tuple(each for each in (entry.facts["person"], entry.facts["delegate"]) if each)


def told_only_to(entry: Entry) -> frozenset[str] | None:
    """Return the audiences that alone an entry is news for; None where it is for all concerned."""
    if entry.kind not in (reminders.REMINDED, reminders.ESCALATED):
        return None
    return frozenset(f"person:{each}" for each in entry.facts["people"])


def is_told_to_all(kind: str) -> bool:
    """Whether approvers are told too, not only the requester and the channel."""
    return kind in _TOLD_TO_ALL


def line(reader: Reader, entry: Entry) -> str | None:
    """Return the entry as a line of the order's story, or None when it is no news to people."""
    facts = entry.facts
    name = reader.name(entry.actor)
    match entry.kind:
        case "order.requested":
            return None
        case "order.status":
            text = facts.get("waiting_for_person")
            if text is None:
                return reader.say("story.status", status=_status(reader, entry))
            return (
                reader.say("order_bank.asks", text=text)
                if text
                else reader.say("order_bank.asks_silently")
            )
        case "order.settled":
            return _settled(reader, entry)
        case "order.approval" if facts.get("on_behalf_of"):
            principal = reader.name(str(facts["on_behalf_of"]))
            return reader.say("story.approval_for", name=name, principal=principal)
        case "order.failed" if facts.get("by_person"):
            return reader.say("story.failed_by_person", name=name, note=str(facts.get("note", "")))
        case series.APPROVED:
            people = ", ".join(reader.name(each["person_id"]) for each in facts["approvals"])
            return reader.say("story.in_series", first=str(facts["series"]), names=people)
        case series.DELAYED:
            due = reader.messages.date(reader.language, date.fromisoformat(facts["due"]))
            refusal = Refusal(str(facts["code"]), **facts["params"])
            reason = reader.refusal(refusal)
            return reader.say("story.series_delayed", due=due, reason=reason)
        case running.ENDED:
            said = recurring_words.ended_line(reader, str(facts["row"]["ended"]))
            is_stop = facts["row"]["ended"] == series.STOPPED
            return reader.say("story.series_stopped", name=name) if is_stop else said
        case kind if kind in decision_words.LINES:
            return decision_words.LINES[kind](reader, entry)
        case kind if kind in _LINES:
            return reader.say(
                _LINES[kind],
                name=name,
                reason=str(facts.get("reason") or _reason(reader, entry)),
                reference=str(facts.get("reference") or facts.get("end_to_end_id") or ""),
                status=_status(reader, entry),
                booked_on=_booked_on(reader, entry),
            )
        case _:
            return None


def line_actions(reader: Reader, entry: Entry, order: Order) -> tuple[Action, ...]:
    """Return what a line asks its reader to do, as buttons beneath it."""
    person = reader.person
    if entry.kind != questions.ASKED or person is None or person.id != order.requester_id:
        return ()
    return (wording.answer_action(reader, order, entry.seq, entry.actor),)


def full_line(reader: Reader, entry: Entry) -> str | None:
    """Return the entry as a line of the whole story, which also tells how it began."""
    if entry.kind == "order.requested":
        return reader.say("story.requested", name=reader.name(entry.actor))
    return line(reader, entry)


def _settled(reader: Reader, entry: Entry) -> str:
    facts = entry.facts
    if facts.get("by_person"):
        name = reader.name(entry.actor)
        return reader.say("story.settled_by_person", name=name, note=str(facts.get("note", "")))
    if facts.get("by_statement"):
        return reader.say("story.settled_by_statement")
    return reader.say("story.settled", status=_status(reader, entry))


def _status(reader: Reader, entry: Entry) -> str:
    """Return the bank's status code with what it means, where that is known."""
    code = str(entry.facts.get("status") or "")
    key = f"iso.{code}"
    return f"{code} ({reader.say(key)})" if reader.messages.has(key) else code


def _booked_on(reader: Reader, entry: Entry) -> str:
    text = entry.facts.get("booking_date")
    return reader.messages.date(reader.language, date.fromisoformat(str(text))) if text else ""


def _reason(reader: Reader, entry: Entry) -> str:
    code = entry.facts.get("code")
    if not code:
        return ""
    return wording.reason_line(reader, str(code), str(entry.facts.get("detail") or ""))


def alarm_card(reader: Reader, entry: Entry) -> Card | None:
    """Return what the digest channel must hear at once, or None for all other entries."""
    is_alarm = entry.kind in _ALARMS or (entry.kind == "order.unknown" and entry.facts.get("alarm"))
    if not is_alarm:
        return None
    facts = entry.facts
    reason = str(facts.get("reason") or facts.get("code") or facts.get("text") or "")
    key = f"alarm.{entry.kind}"
    return Card(
        title=reader.say(key, subject=entry.subject),
        tone=Tone.ALARM,
        facts=(
            Fact(reader.say("label.subject"), _who(reader, entry)),
            Fact(reader.say("label.reason"), _alarm_reason(reader, reason)),
            Fact(reader.say("label.when"), reader.instant(entry.at)),
            Fact(reader.say("label.entry"), str(entry.seq)),
        ),
        lines=(reader.say(f"{key}.remedy"),),
        actions=_alarm_actions(reader, entry),
    )


def _alarm_actions(reader: Reader, entry: Entry) -> tuple[Action, ...]:
    if entry.kind in ("freeze.begun", "freeze.consent"):
        return (Action("unfreeze", reader.say("action.unfreeze")),)
    return ()


def identity_card(reader: Reader, entry: Entry) -> Card | None:
    """Return what a person must hear when their identity in some chat was bound or taken back."""
    if entry.kind not in ("person.linked", "person.unlinked"):
        return None
    say = reader.say
    chat = say(f"chat.{entry.facts['chat']}")
    return Card(
        title=say(f"{entry.kind}.title", chat=chat),
        tone=Tone.NEUTRAL,
        facts=(
            Fact(say("label.when"), reader.instant(entry.at)),
            Fact(say("label.by"), reader.name(entry.actor)),
        ),
        lines=(say(f"{entry.kind}.line", chat=chat),),
    )


def _who(reader: Reader, entry: Entry) -> str:
    """Return what an alarm is about: somebody's doing, or a thing."""
    return reader.name(entry.actor) if entry.kind.startswith("freeze.") else entry.subject


def _alarm_reason(reader: Reader, code: str) -> str:
    key = f"alarm.reason.{code}"
    return reader.say(key) if reader.messages.has(key) else (code or reader.say("nothing"))
