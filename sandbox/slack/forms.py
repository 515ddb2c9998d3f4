"""What people fill in: the state of a view's or message's inputs, as Slack keeps and sends it.

Slack's clients check an input before the app ever hears of it: required, length, number, address,
one of the options, kind and size of a file. What they would not let through is refused here as
well.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.slack.elements import MOST_FILES, STATEFUL, is_time, options_of
from sandbox.slack.model import Json

LARGEST_FILE = 10 * 1024 * 1024
"""Bytes of a file in a file input (Slack, "File input element")."""

_REQUIRED = "Please complete this required field."
_FIELDS = {
    "plain_text_input": "value",
    "number_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "checkboxes": "selected_options",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
}
"""The field that carries an element's value, in a state and in an action."""


def with_ids(blocks: list[Json]) -> list[Json]:
    """Return blocks as they are stored: a copy in which every block and element has its id."""
    stored = deepcopy(blocks)
    for block in stored:
        block.setdefault("block_id", secrets.token_urlsafe(6)[:5])
        for element in _elements(block):
            element.setdefault("action_id", secrets.token_urlsafe(6)[:5])
    return stored


def _elements(block: Json) -> list[Json]:
    if block["type"] == "actions":
        found = list(block["elements"])
    else:
        found = [element for key in ("accessory", "element") if (element := block.get(key))]
    return [element for element in found if element["type"] != "image"]


def interactive(blocks: Iterable[Json]) -> Iterator[tuple[Json, Json]]:
    """Return every interactive element with its block."""
    for block in blocks:
        for element in _elements(block):
            yield block, element


def value_field(element: Json) -> str:
    """Return the name of the field that carries an element's value."""
    return _FIELDS[element["type"]]


def state_of(blocks: Iterable[Json], filled: Mapping[str, Json]) -> dict[str, Json]:
    """Return the state of every input: what was filled in, else what the app put there."""
    state: dict[str, Json] = {}
    for block, element in interactive(blocks):
        if element["type"] not in STATEFUL:
            continue
        block_id, action_id = block["block_id"], element["action_id"]
        entry = filled.get(block_id, {}).get(action_id)
        if not isinstance(entry, dict) or entry.get("type") != element["type"]:
            entry = _initial(element)
        state.setdefault(block_id, {})[action_id] = entry
    return state


def _initial(element: Json) -> Json:
    field = value_field(element)
    name = field.removeprefix("selected_").removeprefix("rich_text_")
    value = element.get(f"initial_{name}")
    if field.endswith("s"):
        value = value or []
    return {"type": element["type"], field: value}


def entry_for(element: Json, value: Any) -> Json:
    """Return the state of an element that a person gives a value.

    Args:
        element: The Block Kit element.
        value: Text for text inputs; an option's value (or the option) for selects, radio buttons
            and menus; a list of those for checkboxes and multi-selects; an ISO date or time for
            pickers; an id for people and channels; file objects for a file input; None to leave
            it empty.

    Raises:
        LookupError: the element offers no such option.
    """
    field = value_field(element)
    if field == "selected_option" and value is not None:
        value = _option(element, value)
    elif field == "selected_options":
        value = [_option(element, item) for item in value or ()]
    elif field.endswith("s"):
        value = list(value or ())
    elif field == "value" and value is not None:
        value = str(value)
    return {"type": element["type"], field: value}


def _option(element: Json, value: Any) -> Json:
    if isinstance(value, dict):
        return value
    options = options_of(element)
    initial = element.get("initial_option") or element.get("initial_options") or []
    options += initial if isinstance(initial, list) else [initial]
    for option in options:
        if option["value"] == value:
            return option
    offered = ", ".join(repr(option["value"]) for option in options) or "none"
    raise LookupError(f"{element['action_id']!r} offers no option {value!r}; offered: {offered}")


def problems(blocks: Sequence[Json], state: Mapping[str, Json]) -> dict[str, str]:
    """Return what a client would complain of before it submits: block id → sentence."""
    found: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        entry = state.get(block["block_id"], {}).get(element["action_id"], {})
        value = entry.get(value_field(element))
        if value in (None, "", []):
            if not block.get("optional"):
                found[block["block_id"]] = _REQUIRED
        elif (problem := _problem(element, value)) is not None:
            found[block["block_id"]] = problem
    return found


def _problem(element: Json, value: Any) -> str | None:
    kind = element["type"]
    if kind == "plain_text_input":
        return _length(element, value)
    if kind == "number_input":
        return _number(element, value)
    if kind == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(value)):
        return "Please enter a valid email address."
    if kind == "url_text_input" and not re.match(r"https?://\S", str(value)):
        return "Please enter a valid URL."
    if kind in ("datepicker", "timepicker", "datetimepicker") and not is_time(kind, value):
        return "Please choose a valid date or time."
    if kind == "file_input":
        return _files(element, value)
    if value_field(element) in ("selected_option", "selected_options"):
        return _chosen(element, value if isinstance(value, list) else [value])
    return None


def _length(element: Json, value: Any) -> str | None:
    if not isinstance(value, str):
        return "Please enter a text."
    most = element.get("max_length", 3000)
    if len(value) < element.get("min_length", 0):
        return f"Please use at least {element['min_length']} characters."
    if len(value) > most:
        return f"Please use at most {most} characters."
    return None


def _number(element: Json, value: Any) -> str | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return "Please enter a number."
    if not number.is_finite():
        return "Please enter a number."
    if not element.get("is_decimal_allowed") and number != number.to_integral_value():
        return "Please enter a whole number."
    if "min_value" in element and number < Decimal(element["min_value"]):
        return f"Please enter at least {element['min_value']}."
    if "max_value" in element and number > Decimal(element["max_value"]):
        return f"Please enter at most {element['max_value']}."
    return None


def _files(element: Json, files: Sequence[Json]) -> str | None:
    most = element.get("max_files", MOST_FILES)
    if len(files) > most:
        return f"Please add at most {most} file{'s' if most > 1 else ''}."
    endings = [str(ending).lower() for ending in element.get("filetypes") or ()]
    for file in files:
        if endings and str(file["name"]).rpartition(".")[2].lower() not in endings:
            return f"Please choose a file of type {', '.join(endings)}."
        if not file["size"]:  # Slack's upload needs a length
            return "This file is empty."
        if file["size"] > LARGEST_FILE:
            return f"Please choose a file of at most {LARGEST_FILE // 1024**2} MB."
    return None


def _chosen(element: Json, options: list[Any]) -> str | None:
    if any(not isinstance(option, dict) or "value" not in option for option in options):
        return "Please choose one of the options."
    if element["type"].endswith("external_select"):
        return None
    offered = {option["value"] for option in options_of(element)}
    if any(option["value"] not in offered for option in options):
        return "Please choose one of the options."
    most = element.get("max_selected_items")
    if most is not None and len(options) > most:
        return f"Please choose at most {most}."
    return None
