"""Reply markup: what Telegram lets a bot put under a message.

Source: Bot API, "InlineKeyboardMarkup", "InlineKeyboardButton", "ReplyKeyboardMarkup",
"ReplyKeyboardRemove", "ForceReply". That a keyboard holds at most 100 buttons, 8 in a row, is what
the servers are known to enforce.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.telegram.model import ApiError, Button, Json, bad_request
from sandbox.telegram.urls import is_loopback, parts_of

MOST_BUTTONS = 100
MOST_IN_ROW = 8
MOST_DATA_BYTES = 64

_STYLES = ("", "primary", "success", "danger")
_PLACEHOLDER = range(1, 65)


@dataclass(frozen=True, slots=True)
class Markup:
    """What stands under a message, or in the place of the keyboard.

    Attributes:
        buttons: An inline keyboard, by rows.
        other: A reply keyboard, its removal or a forced reply, as sent.
    """

    buttons: list[list[Button]] = field(default_factory=list)
    other: Json | None = None


def read_markup(value: Any, *, is_private: bool) -> Markup:
    """Return checked reply markup.

    Raises:
        ApiError: it is not acceptable; says what Telegram says.
    """
    if value in (None, "", {}):
        return Markup()
    if not isinstance(value, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in value:
        return Markup(_inline(value["inline_keyboard"], is_private))
    if "keyboard" in value:
        _rows(value["keyboard"], "keyboard")
        return Markup(other=value)
    if value.get("remove_keyboard") is True or value.get("force_reply") is True:
        placeholder = value.get("input_field_placeholder")
        if placeholder and len(str(placeholder)) not in _PLACEHOLDER:
            raise bad_request("INPUT_FIELD_PLACEHOLDER_INVALID")
        return Markup(other=value)
    raise bad_request("can't parse reply keyboard markup JSON object")


def wire_keyboard(buttons: list[list[Button]]) -> Json:
    """Return an inline keyboard as the Bot API shows it."""
    return {"inline_keyboard": [[_wire(button) for button in row] for row in buttons]}


def _inline(rows: Any, is_private: bool) -> list[list[Button]]:
    found = [[_button(each, is_private) for each in row] for row in _rows(rows, "inline_keyboard")]
    if sum(map(len, found)) > MOST_BUTTONS or any(len(row) > MOST_IN_ROW for row in found):
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return [row for row in found if row]


def _rows(rows: Any, name: str) -> list[list[Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request(
            f'can\'t parse reply keyboard markup: Field "{name}" must be an Array of Arrays'
        )
    return rows


def _button(value: Any, is_private: bool) -> Button:
    if not isinstance(value, dict):
        raise _unreadable("InlineKeyboardButton must be an Object")
    label, data = value.get("text"), value.get("callback_data")
    if not isinstance(label, str):
        raise _unreadable('Can\'t find field "text"')
    if not label.strip():
        raise bad_request("text must be non-empty")
    style = value.get("style") or ""
    if style not in _STYLES:
        raise _unreadable("Invalid button style specified")
    if data is not None:
        return Button(label, data=_data(data), style=style)
    if value.get("url"):
        return Button(label, url=_url(str(value["url"])), style=style)
    if value.get("web_app"):
        return Button(label, web_app=_web_app(value["web_app"], is_private), style=style)
    if isinstance(value.get("copy_text"), dict):
        copied = str(value["copy_text"].get("text", ""))
        if not 1 <= len(copied) <= 256:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
        return Button(label, copies=copied, style=style)
    raise _unreadable("Text buttons are unallowed in the inline keyboard")


def _data(data: Any) -> str:
    if not isinstance(data, str) or not 1 <= len(data.encode()) <= MOST_DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    return data


def _url(url: str) -> str:
    if url.lower().startswith("tg://"):
        return url
    if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", url):
        url = f"http://{url}"
    parts = parts_of(url)
    host = parts.hostname if parts is not None and parts.scheme in ("http", "https") else None
    if host is None or not ("." in host or is_loopback(url)):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return url


def _web_app(value: Any, is_private: bool) -> str:
    url = str(value.get("url", "")) if isinstance(value, dict) else ""
    if not url.startswith("https://") and not (url.startswith("http://") and is_loopback(url)):
        raise bad_request(
            f"inline keyboard button Web App URL '{url}' is invalid: Only HTTPS links are allowed"
        )
    if not is_private:
        raise bad_request("BUTTON_TYPE_INVALID")
    return url


def _unreadable(words: str) -> ApiError:
    return bad_request(f"can't parse inline keyboard button: {words}")


def _wire(button: Button) -> Json:
    wire: Json = {"text": button.label}
    if button.data:
        wire["callback_data"] = button.data
    if button.url:
        wire["url"] = button.url
    if button.web_app:
        wire["web_app"] = {"url": button.web_app}
    if button.copies:
        wire["copy_text"] = {"text": button.copies}
    if button.style:
        wire["style"] = button.style
    return wire
