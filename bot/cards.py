"""What the bot shows, free of any chat: cards, forms, notices.

All text here is plain and already in the reader's language; each chat escapes and lays it out in
its own way. Whatever came from people or banks stays text to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Tone(StrEnum):
    """How a card or notice should feel."""

    NEUTRAL = "neutral"
    WAITING = "waiting"
    MOVING = "moving"
    GOOD = "good"
    BAD = "bad"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button.

    Attributes:
        id: Which interaction it starts, see bot/interactions.py.
        value: Opaque to the chat; authority is never read from it.
        style: ``primary``, ``danger`` or plain.
        confirm: A question asked before the click counts, if any.
        asks_opener: For a link: whether the page wants the chat to prove who opens it.
    """

    id: str
    label: str
    value: str = ""
    style: str = ""
    confirm: str = ""
    asks_opener: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A message that shows the state of something and is updated in place.

    Attributes:
        title: One line; also what a notification shows.
        facts: Labelled values, laid out in two columns where a chat can.
        lines: Paragraphs or list lines under the facts.
        notes: Small print.
        actions: Buttons.
    """

    title: str
    tone: Tone = Tone.NEUTRAL
    facts: tuple[Fact, ...] = ()
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A short answer to one person."""

    text: str
    tone: Tone = Tone.NEUTRAL
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a list."""

    value: str
    label: str


class InputKind(StrEnum):
    """What a form can ask for."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    CODE = "code"
    CHOICE = "choice"
    SEARCH = "search"
    DATE = "date"
    FILE = "file"
    TICK = "tick"
    TICKS = "ticks"


@dataclass(frozen=True, slots=True)
class Input:
    """One thing a form asks for.

    Attributes:
        name: Key of the answer; errors come back under it.
        choices: For ``CHOICE``, ``TICK`` and ``TICKS``; of the last, at most ten.
        initial: What is filled in already: a text, a choice's value, an ISO date, a kept file. Of
            ``TICKS``, like its answer: values with a comma between them.
        initial_label: For ``SEARCH`` and ``FILE``, how the initial choice reads.
        file_types: For ``FILE``: the endings it may have, such as ``pdf``.
        longest: Most characters, for texts.
        unless: Name of another input; where that one has an answer, this one is not asked for by
            a chat that asks one thing after another.
        skip: What leaving it out means, such as “as soon as possible”; for such a chat too.
        is_asked: Whether such a chat asks for it at all, or takes ``initial`` and only offers to
            change it in the end.
    """

    name: str
    kind: InputKind
    label: str
    hint: str = ""
    placeholder: str = ""
    choices: tuple[Choice, ...] = ()
    initial: str = ""
    initial_label: str = ""
    is_optional: bool = False
    longest: int = 0
    unless: str = ""
    skip: str = ""
    is_asked: bool = True
    file_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A form a person fills in.

    Attributes:
        id: Which submission it starts, see bot/interactions.py.
        title: At most 24 characters, the narrowest chat's limit.
        submit: Label of the button; empty for a form that only shows something.
        token: Opaque; comes back with the answers.
    """

    id: str
    title: str
    submit: str
    cancel: str
    token: str = ""
    facts: tuple[Fact, ...] = ()
    lines: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """A person's own page in a chat that has one: cards under headings."""

    cards: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a person asked for; it goes to them alone."""

    name: str
    title: str
    content: bytes


Answer = Card | Notice | Form | Download
"""What a command or a button may answer with at once."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A form was taken; ``notice`` is shown to the person, if any."""

    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Invalid:
    """A form has mistakes: input name → what to do about it."""

    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replace:
    """Another form takes the place of the one submitted."""

    form: Form


Submitted = Accepted | Invalid | Replace
"""What a submitted form may be answered with."""
