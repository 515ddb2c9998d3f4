"""What cards say of a proposal to put other settings in force."""

from __future__ import annotations

from datetime import timedelta

from bot.cards import Action, Fact
from bot.wording import Reader
from workflows import charter
from workflows.charter import Change
from workflows.policy_rows import duration
from workflows.proposals import Proposal

_MOST = 25
_LONGEST = 160
_LENGTHS = frozenset(
    {
        "expires_after",
        "cool_off",
        "within",
        "near_cut_off",
        "payee_cool_off",
        "duplicate_window",
    }
)


def title(reader: Reader, found: Proposal) -> str:
    """Return what is proposed, in a few words."""
    del found
    return reader.say("charter.title")


def facts(reader: Reader, found: Proposal, *, is_whole: bool) -> tuple[Fact, ...]:
    """Return which charter would follow which."""
    del is_whole
    data = found.data
    return (
        Fact(reader.say("charter.before"), charter.hash_of(data["before"])[:12]),
        Fact(reader.say("charter.after"), charter.hash_of(data["after"])[:12]),
    )


def lines(reader: Reader, found: Proposal) -> tuple[str, ...]:
    """Return what would be said differently, line by line."""
    data = found.data
    changes = charter.difference(data["before"], data["after"])
    shown = [_line(reader, each) for each in changes[:_MOST]]
    if len(changes) > _MOST:
        shown.append(reader.say("charter.more", count=len(changes) - _MOST))
    return tuple(shown)


def needs(reader: Reader, found: Proposal) -> tuple[str, ...]:
    """Return what holds until it is decided."""
    del found
    return (reader.say("charter.held"),)


def actions(reader: Reader, found: Proposal) -> tuple[Action, ...]:
    """Return no buttons of its own."""
    del reader, found
    return ()


def _line(reader: Reader, change: Change) -> str:
    section = reader.say(f"charter.section.{change.section}")
    what = " · ".join(each for each in (section, change.name, change.field) if each)
    before, after = _cut(_read(change, change.before)), _cut(_read(change, change.after))
    if change.before is None:
        return reader.say("charter.added", what=what, after=after)
    if change.after is None:
        return reader.say("charter.removed", what=what, before=before)
    return reader.say("charter.changed", what=what, before=before, after=after)


def _read(change: Change, text: str | None) -> str | None:
    """Return a value as files have it: lengths of time are seconds in a charter."""
    seconds = (text or "").removesuffix(" s")
    is_length = (change.field or change.name) in _LENGTHS
    if not is_length or not (seconds.isascii() and seconds.isdigit()):
        return text
    return duration(timedelta(seconds=int(seconds)))


def _cut(text: str | None) -> str:
    text = text or "–"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
