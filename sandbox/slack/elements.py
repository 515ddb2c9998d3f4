"""What Slack accepts as an interactive element of a block.

Source: the Block Kit reference, "Block elements" and "Composition objects".
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from sandbox.slack.checking import Findings
from sandbox.slack.model import Json

SELECTS = frozenset(
    {"static", "external", "users", "conversations", "channels"},
)
_SINGLE = frozenset(f"{kind}_select" for kind in SELECTS)
_MULTI = frozenset(f"multi_{kind}_select" for kind in SELECTS)
_TEXTS = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
_TIMES = frozenset({"datepicker", "timepicker", "datetimepicker"})
_CHOICES = frozenset({"checkboxes", "radio_buttons"})

IN_ACTIONS = _SINGLE | _MULTI | _TIMES | _CHOICES | {"button", "overflow", "workflow_button"}
IN_SECTION = _SINGLE | _MULTI | _CHOICES | {
    "button", "overflow", "image", "datepicker", "timepicker", "workflow_button"
}  # fmt: skip
IN_INPUT = _SINGLE | _MULTI | _TEXTS | _TIMES | _CHOICES | {"file_input", "rich_text_input"}
STATEFUL = IN_INPUT
"""Elements whose value is part of a view's or message's state."""

MOST_FILES = 10
"""Files one file input takes, unless the app says fewer."""

_COMMON = frozenset({"type", "action_id", "confirm", "focus_on_load"})
_INITIAL = {
    "static": "option",
    "external": "option",
    "users": "user",
    "conversations": "conversation",
    "channels": "channel",
}


def check_element(findings: Findings, element: Any, pointer: str, allowed: frozenset[str]) -> None:
    """Check one element against what its place allows."""
    if not findings.is_object(element, pointer):
        return
    kind = element.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        findings.add(f"unsupported type: {str(kind)[:40]}", f"{pointer}/type")
        return
    findings.string(element, "action_id", pointer, most=255, least=1)
    if element.get("confirm") is not None:
        _confirm(findings, element["confirm"], f"{pointer}/confirm")
    findings.text(
        element.get("placeholder"),
        f"{pointer}/placeholder",
        most=150,
        is_plain=True,
    )
    findings.boolean(element, "focus_on_load", pointer)
    if kind in _SINGLE | _MULTI:
        _select(findings, element, pointer)
    elif kind in _TEXTS:
        _text_input(findings, element, pointer)
    elif kind in _TIMES:
        _time(findings, element, pointer)
    elif kind in _CHOICES:
        _choices(findings, element, pointer)
    else:
        _REST[kind](findings, element, pointer)


def check_image(findings: Findings, image: Json, pointer: str, allowed: frozenset[str]) -> None:
    """Check what image blocks and image elements have in common."""
    findings.keys(
        image,
        pointer,
        needed=("type", "alt_text"),
        allowed=allowed | {"image_url", "slack_file"},
    )
    findings.string(image, "image_url", pointer, most=3000, least=1)
    findings.string(image, "alt_text", pointer, most=2000)
    if (image.get("image_url") is None) == (image.get("slack_file") is None):
        findings.add("must have either image_url or slack_file", pointer)


def check_options(
    findings: Findings, options: Any, pointer: str, *, most: int, is_mrkdwn: bool = False
) -> None:
    """Check a list of options."""
    for index, option in enumerate(findings.array(options, pointer, most=most)):
        _option(findings, option, f"{pointer}/{index}", is_mrkdwn=is_mrkdwn)


def check_option_groups(findings: Findings, groups: Any, pointer: str) -> None:
    """Check a list of option groups."""
    for index, group in enumerate(findings.array(groups, pointer, most=100)):
        at = f"{pointer}/{index}"
        if findings.is_object(group, at):
            findings.keys(group, at, needed=("label", "options"), allowed=())
            findings.text(group.get("label"), f"{at}/label", most=75, is_plain=True)
            check_options(findings, group.get("options"), f"{at}/options", most=100)


def _option(
    findings: Findings, option: Any, pointer: str, *, is_mrkdwn: bool = False, has_url: bool = False
) -> None:
    if not findings.is_object(option, pointer):
        return
    allowed = {"description"} | ({"url"} if has_url else set())
    findings.keys(option, pointer, needed=("text", "value"), allowed=allowed)
    findings.text(option.get("text"), f"{pointer}/text", most=75, is_plain=not is_mrkdwn)
    findings.string(option, "value", pointer, most=150, least=1)
    findings.string(option, "url", pointer, most=3000)
    findings.text(
        option.get("description"),
        f"{pointer}/description",
        most=75,
        is_plain=not is_mrkdwn,
    )


def _confirm(findings: Findings, confirm: Any, pointer: str) -> None:
    if not findings.is_object(confirm, pointer):
        return
    findings.keys(confirm, pointer, needed=("title", "text"), allowed=("confirm", "deny", "style"))
    findings.text(confirm.get("title"), f"{pointer}/title", most=100, is_plain=True)
    findings.text(confirm.get("text"), f"{pointer}/text", most=300)
    for key in ("confirm", "deny"):
        findings.text(confirm.get(key), f"{pointer}/{key}", most=30, is_plain=True)
    findings.one_of(confirm, "style", pointer, ("primary", "danger"))


def _select(findings: Findings, element: Json, pointer: str) -> None:
    kind: str = element["type"]
    is_multi = kind.startswith("multi_")
    source = kind.removeprefix("multi_").removesuffix("_select")
    initial = f"initial_{_INITIAL[source]}" + ("s" if is_multi else "")
    allowed = {*_COMMON, "placeholder", initial}
    if is_multi:
        allowed.add("max_selected_items")
    if source == "static":
        allowed |= {"options", "option_groups"}
    elif source == "external":
        allowed.add("min_query_length")
    elif source in ("conversations", "channels"):
        allowed |= {"response_url_enabled", "default_to_current_conversation", "filter"}
    findings.keys(element, pointer, needed=("type",), allowed=allowed)
    if source == "static":
        _static(findings, element, pointer, initial)
    elif source == "external" and element.get(initial) is not None:
        options = element[initial] if is_multi else [element[initial]]
        check_options(findings, options, f"{pointer}/{initial}", most=100)


def _static(findings: Findings, element: Json, pointer: str, initial: str) -> None:
    if (element.get("options") is None) == (element.get("option_groups") is None):
        findings.add("must have either options or option_groups", pointer)
        return
    if element.get("options") is not None:
        check_options(findings, element["options"], f"{pointer}/options", most=100)
    else:
        check_option_groups(findings, element["option_groups"], f"{pointer}/option_groups")
    _initial(findings, element, pointer, initial)


def options_of(element: Json) -> list[Json]:
    """Return the options an element offers, those in groups too; what is no option is left out."""
    options = _objects(element.get("options"))
    for group in _objects(element.get("option_groups")):
        options += _objects(group.get("options"))
    return options


def _objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _initial(findings: Findings, element: Json, pointer: str, key: str) -> None:
    chosen = element.get(key)
    if chosen is None:
        return
    chosen = chosen if isinstance(chosen, list) else [chosen]
    known = [(_plain(option), option.get("value")) for option in options_of(element)]
    for option in chosen:
        if not isinstance(option, dict) or (_plain(option), option.get("value")) not in known:
            findings.add(f"{key} must match one of the options", f"{pointer}/{key}")


def _plain(option: Json) -> str:
    text = option.get("text")
    return str(text.get("text")) if isinstance(text, dict) else ""


def _text_input(findings: Findings, element: Json, pointer: str) -> None:
    kind = element["type"]
    needed = ["type"]
    allowed = {*_COMMON, "placeholder", "initial_value", "dispatch_action_config"}
    if kind == "plain_text_input":
        allowed |= {"multiline", "min_length", "max_length"}
        _whole(findings, element, "min_length", pointer, 0, 3000)
        _whole(findings, element, "max_length", pointer, 1, 3000)
    elif kind == "number_input":
        allowed |= {"min_value", "max_value"}
        needed.append("is_decimal_allowed")
    findings.keys(element, pointer, needed=needed, allowed=allowed)
    findings.string(element, "initial_value", pointer, most=3000)


def _whole(
    findings: Findings, element: Json, key: str, pointer: str, least: int, most: int
) -> None:
    value = element.get(key)
    if value is not None and (type(value) is not int or not least <= value <= most):
        findings.add(f"must be between {least} and {most}", f"{pointer}/{key}")


def _time(findings: Findings, element: Json, pointer: str) -> None:
    kind = element["type"]
    initial = {
        "datepicker": "initial_date",
        "timepicker": "initial_time",
        "datetimepicker": "initial_date_time",
    }[kind]
    allowed = {*_COMMON, initial}
    if kind != "datetimepicker":
        allowed.add("placeholder")
    if kind == "timepicker":
        allowed.add("timezone")
    findings.keys(element, pointer, needed=("type",), allowed=allowed)
    value = element.get(initial)
    if value is not None and not is_time(kind, value):
        findings.add("invalid value", f"{pointer}/{initial}")


def is_time(kind: str, value: Any) -> bool:
    """Whether a picker of this kind can hold a value."""
    if kind == "datetimepicker":
        return type(value) is int and 0 < value < 10**10
    if not isinstance(value, str):
        return False
    if kind == "timepicker":
        return re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) is not None
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


def _choices(findings: Findings, element: Json, pointer: str) -> None:
    initial = "initial_options" if element["type"] == "checkboxes" else "initial_option"
    findings.keys(element, pointer, needed=("type", "options"), allowed={*_COMMON, initial})
    options = element.get("options")
    check_options(findings, options, f"{pointer}/options", most=10, is_mrkdwn=True)
    _initial(findings, element, pointer, initial)


def _button(findings: Findings, element: Json, pointer: str) -> None:
    findings.keys(
        element,
        pointer,
        needed=("type", "text"),
        allowed={"action_id", "url", "value", "style", "confirm", "accessibility_label"},
    )
    findings.text(element.get("text"), f"{pointer}/text", most=75, is_plain=True)
    findings.string(element, "value", pointer, most=2000)
    findings.string(element, "url", pointer, most=3000)
    findings.string(element, "accessibility_label", pointer, most=75)
    findings.one_of(element, "style", pointer, ("primary", "danger"))


def _overflow(findings: Findings, element: Json, pointer: str) -> None:
    findings.keys(element, pointer, needed=("type", "options"), allowed={"action_id", "confirm"})
    at = f"{pointer}/options"
    for index, option in enumerate(findings.array(element.get("options"), at, most=5)):
        _option(findings, option, f"{at}/{index}", has_url=True)


def _image(findings: Findings, element: Json, pointer: str) -> None:
    check_image(findings, element, pointer, frozenset())


def _file_input(findings: Findings, element: Json, pointer: str) -> None:
    findings.keys(
        element, pointer, needed=("type",), allowed={"action_id", "filetypes", "max_files"}
    )
    if element.get("filetypes") is not None:
        for index, ending in enumerate(
            findings.array(element["filetypes"], f"{pointer}/filetypes", most=100, least=0)
        ):
            if not isinstance(ending, str):
                findings.add("should be a string", f"{pointer}/filetypes/{index}")
    _whole(findings, element, "max_files", pointer, 1, MOST_FILES)


def _rich_text_input(findings: Findings, element: Json, pointer: str) -> None:
    findings.keys(
        element,
        pointer,
        needed=("type", "action_id"),
        allowed={*_COMMON, "placeholder", "initial_value", "dispatch_action_config"},
    )


def _workflow_button(findings: Findings, element: Json, pointer: str) -> None:
    findings.keys(
        element,
        pointer,
        needed=("type", "text", "workflow", "action_id"),
        allowed={"style", "accessibility_label"},
    )
    findings.text(element.get("text"), f"{pointer}/text", most=75, is_plain=True)


_REST = {
    "button": _button,
    "overflow": _overflow,
    "image": _image,
    "file_input": _file_input,
    "rich_text_input": _rich_text_input,
    "workflow_button": _workflow_button,
}
