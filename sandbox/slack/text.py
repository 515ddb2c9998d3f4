"""What a person reads in a message or view, as plain lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.slack.elements import options_of
from sandbox.slack.model import Json, Message, View


def text_of(shown: Message | View) -> str:
    """Return the visible text of a message, modal or Home tab, a line per text.

    Labels of buttons and inputs, placeholders and what is filled in already count as visible;
    the fallback text of a message with blocks does not.
    """
    if isinstance(shown, View):
        return "\n".join(_lines_of_view(shown))
    lines = [line for block in shown.all_blocks() for line in _lines(block)]
    if shown.blocks is None:
        lines.insert(0, shown.text)
    for attachment in shown.attachments or ():
        lines += [str(attachment[key]) for key in ("title", "text") if attachment.get(key)]
    return "\n".join(line for line in lines if line)


def _lines_of_view(view: View) -> Iterator[str]:
    if view.title:
        yield view.title
    for block in view.blocks:
        yield from _lines(block)
    for key in ("submit", "close"):
        if view.body.get(key):
            yield str(view.body[key]["text"])


def _lines(block: Json) -> Iterator[str]:
    kind = block["type"]
    if kind == "table":
        for row in block["rows"]:
            yield " | ".join(_flat(cell) for cell in row)
        return
    for key in ("title", "label", "text", "hint"):
        if block.get(key):
            yield _flat(block[key])
    for field in block.get("fields") or ():
        yield _flat(field)
    if kind == "rich_text":
        yield _flat(block)
    elif kind == "image":
        yield str(block["alt_text"])
    else:
        for element in block.get("elements") or ():
            yield from _element(element)
    for key in ("accessory", "element"):
        if block.get(key):
            yield from _element(block[key])


def _element(element: Json) -> Iterator[str]:
    if element["type"] in ("mrkdwn", "plain_text"):
        yield _flat(element)
    elif element["type"] == "image":
        yield str(element["alt_text"])
    else:
        for key in ("text", "placeholder"):
            if element.get(key):
                yield _flat(element[key])
        for option in options_of(element):
            yield _flat(option["text"])
        if element.get("initial_value"):
            yield str(element["initial_value"])


def _flat(value: Any) -> str:
    """Return the text in a text object, a table cell or a rich text tree."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    inner = value.get("text")
    if inner is not None:
        return _flat(inner)
    if "elements" in value:
        return "".join(_flat(element) for element in value["elements"])
    return str(value.get("value", value.get("url", "")))
