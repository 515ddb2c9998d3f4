"""Cards as Block Kit messages, forms as modals, a person's page as App Home.

Limits are Slack's own (docs.slack.dev, "Block Kit reference"); what is longer is cut with an
ellipsis, never refused. Text from people and banks is neutralised: no mention, link or mark-up in
it takes effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards import Action, Card, Choice, Fact, Form, Home, Input, InputKind, Notice, Tone

Block = dict[str, Any]

_EMOJI = {
    Tone.NEUTRAL: "",
    Tone.WAITING: ":hourglass_flowing_sand: ",
    Tone.MOVING: ":arrows_counterclockwise: ",
    Tone.GOOD: ":white_check_mark: ",
    Tone.BAD: ":no_entry: ",
    Tone.ALARM: ":rotating_light: ",
}
_HEADER, _SECTION, _FIELD, _FIELDS = 150, 3000, 2000, 10
_BUTTON, _VALUE, _ACTIONS, _CONTEXT = 75, 2000, 25, 10
_TITLE, _OPTION, _OPTION_VALUE, _OPTIONS = 24, 75, 150, 100
_HOME_BLOCKS = 100
_MARKS = re.compile(r"[*_~`]")


def neutral(text: str) -> str:
    """Return ``text`` for an mrkdwn field such that nothing in it takes effect."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A zero-width space on both sides keeps * _ ~ ` from opening or closing a style.
    return _MARKS.sub(lambda mark: f"\u200b{mark.group()}\u200b", escaped)


def cut(text: str, longest: int) -> str:
    """Return ``text`` with at most ``longest`` characters, ending in an ellipsis if cut."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def card_text(card: Card) -> str:
    """Return what a notification or a screen reader says of a card."""
    state = f" — {card.facts[0].value}" if card.facts else ""
    return neutral(cut(card.title + state.replace("\n", ", "), 3000))


def card_blocks(card: Card) -> list[Block]:
    """Return a card as blocks of a message."""
    blocks: list[Block] = [
        {"type": "header", "text": _plain(_EMOJI[card.tone] + card.title, _HEADER)}
    ]
    blocks += _fact_blocks(card.facts)
    blocks += _line_blocks(card.lines)
    if card.notes:
        notes = [_markup(neutral(note), _FIELD) for note in card.notes[:_CONTEXT]]
        blocks.append({"type": "context", "elements": notes})
    blocks += _actions_blocks(card.actions)
    return blocks


def notice_blocks(notice: Notice) -> list[Block]:
    """Return a short answer as blocks."""
    blocks = _line_blocks(notice.text.split("\n"), _EMOJI[notice.tone])
    return [*blocks, *_actions_blocks(notice.actions)]


def _fact_blocks(facts: Sequence[Fact]) -> list[Block]:
    fields = [_markup(f"*{neutral(each.label)}*\n{neutral(each.value)}", _FIELD) for each in facts]
    return [
        {"type": "section", "fields": fields[start : start + _FIELDS]}
        for start in range(0, len(fields), _FIELDS)
    ]


def _line_blocks(lines: Sequence[str], before: str = "") -> list[Block]:
    blocks: list[Block] = []
    text = ""
    for number, line in enumerate(lines):
        piece = cut((before if number == 0 else "") + neutral(line), _SECTION)
        if text and len(text) + len(piece) + 1 > _SECTION:
            blocks.append({"type": "section", "text": _markup(text, _SECTION)})
            text = ""
        text = f"{text}\n{piece}" if text else piece
    if text:
        blocks.append({"type": "section", "text": _markup(text, _SECTION)})
    return blocks


def _actions_blocks(actions: Sequence[Action]) -> list[Block]:
    """Return buttons in as few blocks as there may be: an id stands once in each."""
    rows: list[list[Action]] = []
    for action in actions:
        fits = (
            row
            for row in rows
            if len(row) < _ACTIONS and action.id not in {each.id for each in row}
        )
        row = next(fits, None)
        if row is None:
            rows.append([action])
        else:
            row.append(action)
    return [{"type": "actions", "elements": [_button(each) for each in row]} for row in rows]


def _button(action: Action) -> Block:
    button: Block = {
        "type": "button",
        "action_id": action.id,
        "text": _plain(action.label, _BUTTON),
    }
    if action.value.startswith(("https://", "http://")):
        button["url"] = action.value
    elif action.value:
        button["value"] = action.value[:_VALUE]
    if action.style:
        button["style"] = action.style
    if action.confirm:
        button["confirm"] = {
            "title": _plain(action.label, 100),
            "text": {"type": "plain_text", "text": cut(action.confirm, 300)},
            "confirm": _plain(action.label, 30),
            "deny": _plain("✕", 30),
        }
        if action.style:
            button["confirm"]["style"] = action.style
    return button


def form_view(form: Form) -> Block:
    """Return a form as a modal; its token travels as private metadata."""
    blocks = _exact_blocks(form.facts) + _line_blocks(form.lines)
    blocks += [_input_block(each) for each in form.inputs]
    view: Block = {
        "type": "modal",
        "callback_id": form.id,
        "title": _plain(form.title, _TITLE),
        "close": _plain(form.cancel, _TITLE),
        "private_metadata": form.token,
        "blocks": blocks,
    }
    if form.submit:
        view["submit"] = _plain(form.submit, _TITLE)
    return view


def notice_view(notice: Notice, title: str, close: str) -> Block:
    """Return a short answer as a modal with nothing to fill in."""
    return {
        "type": "modal",
        "callback_id": "notice",
        "title": _plain(title, _TITLE),
        "close": _plain(close, _TITLE),
        "blocks": notice_blocks(notice),
    }


def card_view(card: Card, title: str, close: str) -> Block:
    """Return a card as a modal that only shows it."""
    return {
        "type": "modal",
        "callback_id": "card",
        "title": _plain(title, _TITLE),
        "close": _plain(close, _TITLE),
        "blocks": card_blocks(card),
    }


def _exact_blocks(facts: Sequence[Fact]) -> list[Block]:
    """Return facts as plain text, character for character: this is what is agreed to."""
    blocks: list[Block] = []
    pairs = _FIELDS // 2
    for start in range(0, len(facts), pairs):
        fields: list[Block] = []
        for each in facts[start : start + pairs]:
            fields.append(_markup(f"*{neutral(each.label)}*", _FIELD))
            fields.append(_plain(each.value or "—", _FIELD, emoji=False))
        blocks.append({"type": "section", "fields": fields})
    if blocks:
        blocks.append({"type": "divider"})
    return blocks


def _input_block(asked: Input) -> Block:
    block: Block = {
        "type": "input",
        "block_id": asked.name,
        "label": _plain(asked.label, 2000),
        "optional": asked.is_optional,
        "element": _element(asked),
    }
    if asked.hint:
        block["hint"] = _plain(asked.hint, 2000)
    return block


def _element(asked: Input) -> Block:
    element: Block = {"action_id": asked.name}
    match asked.kind:
        case InputKind.TEXT | InputKind.LONG_TEXT | InputKind.CODE:
            element["type"] = "plain_text_input"
            element["multiline"] = asked.kind is InputKind.LONG_TEXT
            if asked.initial:
                element["initial_value"] = asked.initial
            if asked.longest:
                element["max_length"] = asked.longest
        case InputKind.CHOICE:
            element["type"] = "static_select" if len(asked.choices) > 3 else "radio_buttons"
            element["options"] = [_option(each) for each in asked.choices[:_OPTIONS]]
            chosen = [each for each in asked.choices if each.value == asked.initial]
            if chosen:
                element["initial_option"] = _option(chosen[0])
        case InputKind.SEARCH:
            element["type"] = "external_select"
            element["min_query_length"] = 0
            if asked.initial:
                element["initial_option"] = _option(Choice(asked.initial, asked.initial_label))
        case InputKind.DATE:
            element["type"] = "datepicker"
            if asked.initial:
                element["initial_date"] = asked.initial
        case InputKind.FILE:
            element["type"] = "file_input"
            element["filetypes"] = list(asked.file_types)
            element["max_files"] = 1
        case InputKind.TICK | InputKind.TICKS:
            element |= _boxes(asked)
    if asked.placeholder and element["type"] in ("plain_text_input", "external_select"):
        element["placeholder"] = _plain(asked.placeholder, 150)
    return element


def _boxes(asked: Input) -> Block:
    """Return boxes to tick; of those there may be ten."""
    ticked = asked.initial.split(",")
    boxes: Block = {"type": "checkboxes", "options": [_option(each) for each in asked.choices]}
    if initial := [_option(each) for each in asked.choices if each.value in ticked]:
        boxes["initial_options"] = initial
    return boxes


def options(choices: Sequence[Choice]) -> list[Block]:
    """Return choices as the options of a search."""
    return [_option(each) for each in choices[:_OPTIONS]]


def _option(choice: Choice) -> Block:
    return {"text": _plain(choice.label, _OPTION), "value": choice.value[:_OPTION_VALUE]}


def answers_of(view: Mapping[str, Any]) -> dict[str, str]:
    """Return what a submitted modal says: input name → text, option's value or ISO date.

    Files are not among them: see `files_of`.
    """
    return {
        name: _answer(element)
        for name, block in view["state"]["values"].items()
        for element in block.values()
        if element.get("type") != "file_input"
    }


def inputs_of(view: Mapping[str, Any]) -> set[str]:
    """Return the names of a modal's inputs; only beneath these can a mistake be told."""
    return {block["block_id"] for block in view["blocks"] if block["type"] == "input"}


def files_of(view: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the files of a submitted modal, as Slack describes each, by the input's name."""
    return {
        name: element["files"][0]
        for name, block in view["state"]["values"].items()
        for element in block.values()
        if element.get("type") == "file_input" and element.get("files")
    }


def _answer(element: Mapping[str, Any]) -> str:
    if "selected_options" in element:
        return ",".join(str(each["value"]) for each in element["selected_options"] or ())
    option = element.get("selected_option")
    found = option["value"] if option else element.get("value") or element.get("selected_date")
    return str(found or "")


def home_view(home: Home) -> Block:
    """Return a person's page; what does not fit Slack's 100 blocks is left off at the end."""
    blocks: list[Block] = []
    for card in home.cards:
        blocks += [*card_blocks(card), {"type": "divider"}]
    return {"type": "home", "blocks": blocks[:_HOME_BLOCKS]}


def _plain(text: str, longest: int, *, emoji: bool = True) -> Block:
    return {"type": "plain_text", "text": cut(text, longest) or " ", "emoji": emoji}


def _markup(text: str, longest: int) -> Block:
    return {"type": "mrkdwn", "text": cut(text, longest) or " ", "verbatim": True}
