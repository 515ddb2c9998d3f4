"""A form as a conversation: one question after the other, each answer still to be changed.

A dialogue is one message that is drawn anew after every answer. It is a value: what a press or a
typed text makes of it is another value, which is stored before anything is shown. Answers are
checked by the very code that checks Slack's forms.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import islice

from pydantic import TypeAdapter
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.cards import Choice, Form, Input, InputKind, Notice
from bot.telegram import render
from bot.telegram.render import BUTTON, EMPTY, Line, cut
from bot.wording import Reader
from workflows.calendars import Calendar

PREFIX = "d"
CODE_LENGTH = 6
_PLAIN_TEXT = frozenset({InputKind.TEXT, InputKind.LONG_TEXT})
_KEEPABLE = _PLAIN_TEXT | {InputKind.FILE}
_TYPED = _PLAIN_TEXT | {InputKind.SEARCH, InputKind.DATE}
_BY_ID = frozenset({InputKind.FILE, InputKind.SEARCH})
_MOST_FOUND = 8
_DAYS_OFFERED = 3
_FARTHEST_OFFERED = 30
_WORD_BYTES = 9
_LONGEST_TEXT = 3000
_PAD = ("123", "456", "789")
_LONGEST_SHORT = 16


class Op(StrEnum):
    """What a knob of a dialogue does."""

    CHOOSE = "choose"
    KEEP = "keep"
    TOGGLE = "toggle"
    TICKED = "ticked"
    SKIP = "skip"
    BACK = "back"
    EDIT = "edit"
    SUBMIT = "submit"
    CANCEL = "cancel"
    DIGIT = "digit"
    ERASE = "erase"


@dataclass(frozen=True, slots=True)
class Knob:
    """A button of a dialogue; ``word`` stands for it in what Telegram carries."""

    op: Op
    label: str
    value: str = ""
    style: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A form under way.

    Attributes:
        answers: What is known so far, by input.
        labels: How an answer reads where it is the id of something.
        at: The input asked for now; empty for the review of all answers.
        is_revising: Whether one answer is being changed, after which comes the review again.
        problems: What is wrong, by input.
        found: What a search found for the question at hand.
        knobs: The buttons on show, by rows.
        by: The key of the update that made it what it is; the same one changes nothing more.
        outcome: What became of it, once it is done and has only to be shown.
    """

    id: str
    user_id: int
    language: str
    form: Form
    answers: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    is_revising: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)
    found: tuple[Choice, ...] = ()
    knobs: tuple[tuple[Knob, ...], ...] = ()
    message_id: int | None = None
    by: str = ""
    outcome: Notice | None = None

    # ---- where it is --------------------------------------------------------------------------

    @property
    def asked(self) -> Input | None:
        """The question at hand; None at the review."""
        if self.outcome is not None:
            return None
        return next((each for each in self.form.inputs if each.name == self.at), None)

    @property
    def takes_text(self) -> bool:
        """Whether something typed would be an answer."""
        return self.asked is not None and self.asked.kind in _TYPED

    @property
    def takes_code(self) -> bool:
        """Whether the keypad is on show."""
        return self.asked is not None and self.asked.kind is InputKind.CODE

    @property
    def is_searching(self) -> bool:
        """Whether the question at hand is answered by choosing among what a search finds."""
        return self.asked is not None and self.asked.kind is InputKind.SEARCH

    @property
    def file_input(self) -> Input | None:
        """The input that takes a file, whichever question is at hand."""
        if self.outcome is not None:
            return None
        return next((each for each in self.form.inputs if each.kind is InputKind.FILE), None)

    @property
    def has_whole_code(self) -> bool:
        """Whether every digit of the code was pressed."""
        return self.takes_code and len(self.answers.get(self.at, "")) >= CODE_LENGTH

    def knob(self, word: str) -> Knob | None:
        """Return the button that ``word`` stands for, if it is on show."""
        return next(
            (each for row in self.knobs for each in row if word and each.word == word), None
        )

    def _applicable(self) -> list[Input]:
        return [
            each
            for each in self.form.inputs
            if not (each.unless and self.answers.get(each.unless)) and each.kind is not _TICK
        ]

    def _asked_for(self) -> list[str]:
        """Return the inputs that are asked for one after another."""
        return [each.name for each in self._applicable() if each.is_asked]

    # ---- what an answer makes of it -----------------------------------------------------------

    def answered(self, value: str, label: str = "") -> Dialogue:
        """Take ``value`` as the answer to the question at hand, and go on."""
        asked = self.asked
        assert asked is not None
        answers = {**self.answers, asked.name: value}
        if value:  # what this one makes needless is not sent either
            needless = {each.name for each in self.form.inputs if each.unless == asked.name}
            answers = {name: text for name, text in answers.items() if name not in needless}
        known = replace(
            self,
            answers=answers,
            labels={**self.labels, asked.name: label or value},
            problems={name: text for name, text in self.problems.items() if name != asked.name},
        )
        return known._going_on(asked)

    def given(self, asked: Input, kept: Choice) -> Dialogue:
        """Take a file; where another question is at hand, it goes on waiting."""
        if self.at == asked.name:
            return self.answered(kept.value, kept.label)
        return replace(
            self,
            answers={**self.answers, asked.name: kept.value},
            labels={**self.labels, asked.name: kept.label},
        )

    def _going_on(self, asked: Input) -> Dialogue:
        names = self._asked_for()
        later = names[names.index(asked.name) + 1 :] if asked.name in names else []
        if self.is_revising:
            later = [name for name in later if self._must_follow(name, asked)]
        wrong = [name for name in names if name in self.problems]
        following = (wrong or later)[:1]
        at = following[0] if following else ""
        return replace(self, at=at, found=(), is_revising=self.is_revising and bool(at))

    def _must_follow(self, name: str, asked: Input) -> bool:
        """Whether a question belongs to the one just answered while answers are changed."""
        (question,) = (each for each in self.form.inputs if each.name == name)
        needs = bool(question.unless) and question.unless in (asked.name, asked.unless)
        return (needs and not self.answers.get(name)) or question.kind is InputKind.CODE

    def refused(self, problem: str) -> Dialogue:
        """Say what is wrong with what was just typed, and ask again."""
        return replace(self, problems={**self.problems, self.at: problem})

    def with_found(self, found: Sequence[Choice], problem: str = "") -> Dialogue:
        """Offer what a search found."""
        problems = {name: text for name, text in self.problems.items() if name != self.at}
        if problem:
            problems[self.at] = problem
        return replace(self, found=tuple(found)[:_MOST_FOUND], problems=problems)

    def invalid(self, errors: Mapping[str, str]) -> Dialogue:
        """Go back to the first answer that was not taken; a code is to be given anew."""
        names = [each.name for each in self.form.inputs if each.kind is not _TICK]
        wrong = sorted((name for name in errors if name in names), key=names.index)
        codes = {each.name for each in self.form.inputs if each.kind is InputKind.CODE}
        answers = {name: text for name, text in self.answers.items() if name not in codes}
        at = wrong[0] if wrong else ""
        return replace(
            self, answers=answers, problems=dict(errors), at=at, found=(), is_revising=True
        )

    def back(self) -> Dialogue:
        """Ask the question before this one again; what was not taken here is forgotten."""
        names = self._asked_for()
        before = names[: names.index(self.at)] if self.at in names else names
        problems = {name: text for name, text in self.problems.items() if name != self.at}
        left = replace(self, problems=problems, found=())
        if self.is_revising or not before:
            return replace(left, at="", is_revising=False)
        return replace(left, at=before[-1])

    def editing(self, name: str) -> Dialogue:
        """Ask one question again, then come back to the review."""
        return replace(self, at=name, is_revising=True, found=())

    def toggled(self, name: str, value: str) -> Dialogue:
        """Tick or untick a box; where there are several, the others stay as they are."""
        before = [each for each in self.answers.get(name, "").split(",") if each]
        after = [each for each in before if each != value] + [value] * (value not in before)
        return replace(self, answers={**self.answers, name: ",".join(after)})

    def ticked(self) -> Dialogue:
        """Take the boxes that are ticked as the answer, and go on."""
        asked = self.asked
        assert asked is not None
        chosen = self._ticked(asked)
        problems = {name: text for name, text in self.problems.items() if name != asked.name}
        value = ",".join(each.value for each in chosen)
        label = "\n".join(each.label for each in chosen)
        return replace(self, problems=problems).answered(value, label)

    def _ticked(self, asked: Input) -> list[Choice]:
        values = self.answers.get(asked.name, "").split(",")
        return [each for each in asked.choices if each.value in values]

    def digit(self, pressed: str) -> Dialogue:
        """Add a digit to the code; more than there can be are not added."""
        typed = self.answers.get(self.at, "")
        if len(typed) >= CODE_LENGTH:
            return self
        return replace(self, answers={**self.answers, self.at: typed + pressed})

    def erased(self) -> Dialogue:
        """Take the last digit back."""
        return replace(self, answers={**self.answers, self.at: self.answers.get(self.at, "")[:-1]})

    # ---- how it looks -------------------------------------------------------------------------

    def pages(self, reader: Reader) -> list[str]:
        """Return the message, as HTML."""
        lines = [render.bold(self.form.title)]
        if self.form.facts:
            lines += [EMPTY, *map(render.fact, self.form.facts)]
        if self.form.lines:
            lines += [EMPTY, *(render.plain(f"⚠️ {each}") for each in self.form.lines)]
        given = [self._given(each, reader) for each in self._applicable() if self._is_shown(each)]
        if given:
            lines += [EMPTY, *given]
        lines += [EMPTY, *self._question(reader)]
        return render.pages(lines)

    def _is_shown(self, each: Input) -> bool:
        if each.kind is InputKind.CODE or each.name == self.at:
            return False
        if self.at and not each.is_asked:
            return False
        return self.at == "" or each.name in self.labels or bool(self.answers.get(each.name))

    def _given(self, each: Input, reader: Reader) -> Line:
        value = self.answers.get(each.name, "")
        shown = self.labels.get(each.name) or value
        label = render.plain(each.label)
        text = render.plain(shown if value else reader.say("nothing"))
        return Line(f"▫️ <b>{label.html}:</b> {text.html}", label.size + text.size + 5)

    def _question(self, reader: Reader) -> list[Line]:
        asked = self.asked
        problems = [render.plain(f"❗ {each}") for each in self.problems.values()]
        if asked is None:
            ticks = [each.label for each in self.form.inputs if each.kind is _TICK]
            about = [render.plain(f"❓ {label}") for label in ticks]
            return [*problems, *about, render.plain(reader.say("dialogue.review"))]
        lines = [render.bold(f"👉 {asked.label}")]
        hint = {
            InputKind.SEARCH: reader.say("dialogue.search"),
            InputKind.DATE: reader.say("dialogue.date"),
            InputKind.FILE: reader.say("dialogue.file", types=", ".join(asked.file_types)),
        }.get(asked.kind, asked.hint)
        if hint:
            lines.append(render.small(hint))
        if self.takes_code:
            typed = len(self.answers.get(self.at, ""))
            lines.append(render.plain("● " * typed + "○ " * (CODE_LENGTH - typed)))
        if self.at in self.problems:
            lines.append(render.plain(f"❗ {self.problems[self.at]}"))
        return lines

    # ---- its buttons --------------------------------------------------------------------------

    def drawn(self, reader: Reader, today: date) -> Dialogue:
        """Return the dialogue with fresh buttons; those of before mean nothing any more."""
        rows = self._code_rows() if self.takes_code else self._rows(reader, today)
        rows.append(self._way_rows(reader))
        return replace(
            self,
            knobs=tuple(
                tuple(replace(each, word=secrets.token_urlsafe(_WORD_BYTES)) for each in row)
                for row in rows
                if row
            ),
        )

    def _rows(self, reader: Reader, today: date) -> list[list[Knob]]:
        asked = self.asked
        if asked is None:
            return self._review_rows(reader)
        if asked.kind is InputKind.TICKS:
            return self._ticks_rows(asked, reader)
        rows: list[list[Knob]] = []
        for choice in self._offered(asked, reader, today):
            is_chosen = self.answers.get(asked.name) == choice.value
            label = f"✓ {choice.label}" if is_chosen else choice.label
            rows.append([Knob(Op.CHOOSE, label, choice.value)])
        if asked.is_optional:
            rows.append([Knob(Op.SKIP, asked.skip or reader.say("dialogue.skip"))])
        if kept := asked.kind in _KEEPABLE and self.answers.get(asked.name):
            shown = self.labels.get(asked.name) or kept
            label = reader.say("dialogue.keep", value=cut(shown, 30))
            rows.insert(0, [Knob(Op.KEEP, label, kept)])
        return rows

    def _offered(self, asked: Input, reader: Reader, today: date) -> Sequence[Choice]:
        if asked.kind is InputKind.SEARCH:
            return self.found
        if asked.kind is InputKind.DATE:
            own = reader.company.accounts.get(self.answers.get("account", ""))
            days = _next_working_days(today, _DAYS_OFFERED, own.calendar if own else None)
            say = reader.messages.date
            return [Choice(each.isoformat(), say(reader.language, each)) for each in days]
        return asked.choices

    def _review_rows(self, reader: Reader) -> list[list[Knob]]:
        rows = [[Knob(Op.SUBMIT, self.form.submit, style="primary")]]
        for each in self.form.inputs:
            if each.kind is _TICK:
                rows += [[self._tick(each, choice)] for choice in each.choices]
        edits = [
            Knob(Op.EDIT, f"✎ {each.label}", each.name)
            for each in self._applicable()
            if each.kind is not InputKind.CODE
        ]
        for knob in edits:
            is_short = len(knob.label) <= _LONGEST_SHORT
            last = rows[-1]
            fits = (
                last[-1].op is Op.EDIT and len(last) == 1 and len(last[0].label) <= _LONGEST_SHORT
            )
            if is_short and fits:
                last.append(knob)
            else:
                rows.append([knob])
        return rows

    def _ticks_rows(self, asked: Input, reader: Reader) -> list[list[Knob]]:
        rows = [[self._tick(asked, choice)] for choice in asked.choices]
        if count := len(self._ticked(asked)):
            label = reader.say("dialogue.ticked", count=count)
            return [*rows, [Knob(Op.TICKED, label, style="primary")]]
        return [*rows, [Knob(Op.SKIP, asked.skip or reader.say("dialogue.skip"))]]

    def _tick(self, each: Input, choice: Choice) -> Knob:
        mark = "☑" if choice in self._ticked(each) else "☐"
        return Knob(Op.TOGGLE, f"{mark} {choice.label}", f"{each.name}={choice.value}")

    def _code_rows(self) -> list[list[Knob]]:
        rows = [[Knob(Op.DIGIT, digit, digit) for digit in row] for row in _PAD]
        return [*rows, [Knob(Op.DIGIT, "0", "0"), Knob(Op.ERASE, "⌫")]]

    def _way_rows(self, reader: Reader) -> list[Knob]:
        names = self._asked_for()
        can_go_back = self.is_revising or (self.at in names[1:])
        back = [Knob(Op.BACK, reader.say("dialogue.back"))] if can_go_back and self.at else []
        return [*back, Knob(Op.CANCEL, self.form.cancel)]

    def markup(self) -> InlineKeyboardMarkup:
        """Return the buttons as Telegram takes them."""
        return InlineKeyboardMarkup(
            [
                [
                    InlineKeyboardButton(
                        cut(each.label, BUTTON),
                        callback_data=f"{PREFIX}:{self.id}:{each.word}",
                        style="success" if each.style == "primary" else None,
                    )
                    for each in row
                ]
                for row in self.knobs
            ]
        )


_TICK = InputKind.TICK
_ADAPTER = TypeAdapter(Dialogue)


def begin(form: Form, user_id: int, language: str, *, name: str = "") -> Dialogue:
    """Return a dialogue for ``form``: at its first question, or at the review if all is known."""
    answers = {each.name: each.initial for each in form.inputs if each.initial}
    asked = [each for each in form.inputs if each.kind is not _TICK]
    needed = [each.name for each in asked if not each.is_optional and not each.initial]
    # While there is something to ask, only ids need words: what was typed is its own label, and
    # is asked for again before it counts as said.
    labels = {
        each.name: _initial_label(each)
        for each in form.inputs
        if each.initial and (not needed or each.kind in _BY_ID or not each.is_asked)
    }
    return Dialogue(
        id=name or secrets.token_urlsafe(9),
        user_id=user_id,
        language=language,
        form=form,
        answers=answers,
        labels=labels,
        at=next((each.name for each in asked if each.is_asked), "") if needed else "",
    )


def _initial_label(each: Input) -> str:
    chosen = next((choice.label for choice in each.choices if choice.value == each.initial), "")
    return chosen or each.initial_label or each.initial


def packed(dialogue: Dialogue) -> str:
    """Return a dialogue as text."""
    return _ADAPTER.dump_json(dialogue).decode()


def unpacked(text: str) -> Dialogue:
    """Return the dialogue that `packed` made a text of."""
    return _ADAPTER.validate_json(text)


def typed(text: str, asked: Input) -> str:
    """Return what a person typed, as the answer to a question."""
    return text.strip() if asked.kind is InputKind.LONG_TEXT else " ".join(text.split())


def longest(asked: Input) -> int:
    """Return how many characters an answer may have."""
    return asked.longest or _LONGEST_TEXT


def _next_working_days(today: date, count: int, calendar: Calendar | None) -> list[date]:
    """Return the next days on which banks work, by the calendar of the account if it has one."""
    days = (today + timedelta(days=offset) for offset in range(1, _FARTHEST_OFFERED))
    is_open = (
        (each for each in days if each.weekday() < 5)
        if calendar is None
        else filter(calendar.is_surely_open, days)
    )
    return list(islice(is_open, count))
