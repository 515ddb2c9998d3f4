"""What people decided, asked and changed, as lines of an order's story."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from bot import recurring_words
from bot.reader import Reader, masked
from connectors.money import Money, MoneyError
from workflows.audit import Entry
from workflows.recurrence import Repeats


def _withdrawn(reader: Reader, entry: Entry) -> str:
    facts, say = entry.facts, reader.say
    if "revoked" in facts:
        return _revoked(reader, entry)
    lines = [say("story.approval_withdrawn", name=reader.name(entry.actor))]
    others = [reader.name(each) for each in facts["withdrawn"] if each != entry.actor]
    if others:
        lines.append(say("story.approval_withdrawn_with", names=", ".join(others)))
    if facts["from"] != facts["to"]:
        lines.append(say("story.approval_withdrawn_back"))
    return " ".join(lines)


def _revoked(reader: Reader, entry: Entry) -> str:
    facts = entry.facts
    line = reader.say(
        "story.delegation_revoked",
        name=reader.name(entry.actor),
        principal=reader.name(facts["revoked"]),
        names=", ".join(map(reader.name, facts["withdrawn"])),
    )
    if facts["from"] == facts["to"]:
        return line
    return f"{line} {reader.say('story.approval_withdrawn_back')}"


def _recused(reader: Reader, entry: Entry) -> str:
    name, reason = reader.name(entry.actor), str(entry.facts["reason"])
    line = reader.say("story.recused", name=name, reason=reason)
    if entry.facts.get("fillable", True):
        return line
    return f"{line}\n{reader.say('story.recused_unfillable')}"


def _asked(reader: Reader, entry: Entry) -> str:
    text = str(entry.facts["text"])
    return reader.say("story.question", name=reader.name(entry.actor), text=text)


def _answered(reader: Reader, entry: Entry) -> str:
    text = str(entry.facts["text"])
    return reader.say("story.answer", name=reader.name(entry.actor), text=text)


def _amended(reader: Reader, entry: Entry) -> str:
    line = reader.say("story.amended", name=reader.name(entry.actor))
    before, after = entry.facts.get("before"), entry.facts.get("after")
    if not before or not after:
        return line
    return "\n".join([line, *_differences(reader, before, after)])


def _reminder(reader: Reader, entry: Entry) -> str:
    return "\n".join([reader.say("story.reminder"), *_closing(reader, entry)])


def _escalated(reader: Reader, entry: Entry) -> str:
    names = ", ".join(reader.name(each) for each in entry.facts["awaited"])
    return "\n".join([reader.say("story.escalated", names=names), *_closing(reader, entry)])


def _closing(reader: Reader, entry: Entry) -> list[str]:
    """Return until when a payment would still leave today, or when it will, where it is known."""
    return [
        reader.say(f"story.{name}", at=reader.instant(datetime.fromisoformat(text)))
        for name in ("closes_at", "opens_at")
        if (text := entry.facts.get(name))
    ]


LINES: Mapping[str, Callable[[Reader, Entry], str]] = {
    "order.amended": _amended,
    "order.approval_withdrawn": _withdrawn,
    "order.recused": _recused,
    "order.question": _asked,
    "order.answer": _answered,
    "order.reminder": _reminder,
    "order.escalated": _escalated,
}
"""By the kind of the entry."""


# ---- before and after ---------------------------------------------------------------------------

_COMPARED: tuple[tuple[str, str], ...] = (
    ("amount", "label.amount"),
    ("creditor_name", "label.payee"),
    ("creditor_iban", "label.iban"),
    ("account", "label.account"),
    ("remittance", "label.reference"),
    ("execution_date", "label.execution"),
    ("repeats", "label.repeats"),
    ("kind", "label.kind"),
    ("attachments", "label.invoice"),
)


def _differences(
    reader: Reader, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[str]:
    """Return a line for everything that is not what it was: old → new."""
    for name, label in _COMPARED:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        was, is_now = _shown(reader, name, old), _shown(reader, name, new)
        if was == is_now:  # what is masked or not named is what differs
            is_now = reader.say("story.amended_hidden", value=is_now)
        yield reader.say("story.amended_line", label=reader.say(label), before=was, after=is_now)


def _shown(reader: Reader, name: str, value: Any) -> str:
    """Return a fact of an order's entry as people read it."""
    if name == "attachments":
        return ", ".join(str(each["name"]) for each in value or ()) or reader.say("nothing")
    if name == "execution_date":
        if value is None:
            return reader.say("execution.soonest")
        return reader.messages.date(reader.language, date.fromisoformat(value))
    if not value:
        return reader.say("nothing")
    match name:
        case "amount":
            return _amount(reader, str(value))
        case "creditor_iban":
            return masked(str(value))
        case "account":
            own = reader.company.accounts.get(value)
            return own.name if own else str(value)
        case "repeats":
            return recurring_words.short_terms(reader, Repeats.from_json(str(value)))
        case "kind":
            return reader.messages.named(reader.language, "kind", str(value))
        case _:
            return str(value)


def _amount(reader: Reader, text: str) -> str:
    number, _, currency = text.partition(" ")
    try:
        return reader.money(Money.parse(number, currency))
    except (MoneyError, ValueError):
        return text
