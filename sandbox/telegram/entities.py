"""Entities of a text: those asked for, those Telegram finds by itself, and how they are shown.

Sources: Bot API, "MessageEntity" and "Formatting options"; entities beyond the hundredth are
dropped. What becomes a link by itself is what the apps show as one: commands, mentions, tags,
addresses; of names without ``https://`` only those under a well-known top-level domain.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sandbox.telegram.html_text import complaint, parse_html
from sandbox.telegram.model import Json, bad_request
from sandbox.telegram.utf16 import part, units

MOST_ENTITIES = 100

_DOMAINS = (
    "com|org|net|edu|gov|int|info|biz|io|app|dev|me|co|ai|eu|de|fr|es|it|nl|be|at|ch|pl|se|no|fi|"
    "dk|ie|pt|cz|ru|ua|uk|us|ca|mx|br|ar|cn|hk|tw|jp|kr|in|sg|au|nz|za|tr|xyz|online|bank|shop"
)
_FOUND = (
    ("url", re.compile(r"(?<![\w@.])https?://[^\s<>\"]*[^\s<>\".,;:!?')\]]", re.IGNORECASE)),
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)),
    ("url", re.compile(rf"(?<![\w@./-])(?:[\w-]+\.)+(?:{_DOMAINS})(?![\w.-]*\w)", re.IGNORECASE)),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/@])")),
    ("mention", re.compile(r"(?<![\w@])@[A-Za-z]\w{3,31}(?!\w)", re.ASCII)),
    ("cashtag", re.compile(r"(?<![\w$])\$[A-Z]{3,8}(?!\w)")),
    ("hashtag", re.compile(r"(?<![\w#])#\w*[^\W\d]\w*")),
)
# Line separators, and marks that turn the direction of what follows.
_DROPPED = re.compile("[\r\u2028-\u202e]")
_CLOSED_TO_OTHERS = ("code", "pre", "text_link", "text_mention", "custom_emoji")
_KNOWN = frozenset(
    {kind for kind, _ in _FOUND}
    | set(_CLOSED_TO_OTHERS)
    | {"phone_number", "bold", "italic", "underline", "strikethrough", "spoiler"}
    | {"blockquote", "expandable_blockquote"}
)
_SHOWN = {
    "bold": ("<b>", "</b>"),
    "italic": ("<i>", "</i>"),
    "underline": ("<u>", "</u>"),
    "strikethrough": ("<s>", "</s>"),
    "code": ("<code>", "</code>"),
    "pre": ("<pre>", "</pre>"),
    "blockquote": ("<blockquote>", "</blockquote>"),
    "expandable_blockquote": ("<blockquote>", "</blockquote>"),
    "spoiler": ('<span class="spoiler">', "</span>"),
}


def formatted(text: str, parse_mode: str, entities: Any) -> tuple[str, list[Json]]:
    """Return a bot's text as it is stored: plain, trimmed, with all its entities.

    Args:
        parse_mode: ``HTML``, or empty; Markdown is not spoken here.
        entities: Explicit entities, in the place of a parse mode.

    Raises:
        ApiError: the formatting cannot be read.
    """
    text = _cleaned(text)
    if parse_mode.lower() == "html":
        text, given = parse_html(text)
    elif parse_mode:
        raise bad_request("unsupported parse_mode")
    else:
        given = _explicit(entities, text)
    text, given = _trimmed(text, given)
    return text, with_found(text, given)


def with_found(text: str, given: list[Json]) -> list[Json]:
    """Return entities together with what Telegram finds in the text by itself."""
    taken = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in given
        if entity["type"] in _CLOSED_TO_OTHERS
    ]
    found = list(given)
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            offset, length = units(text[: match.start()]), units(match.group())
            if all(offset + length <= start or end <= offset for start, end in taken):
                taken.append((offset, offset + length))
                found.append({"type": kind, "offset": offset, "length": length})
    found.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return found[:MOST_ENTITIES]


def entity_text(text: str, entity: Json) -> str:
    """Return the part of a text that an entity covers."""
    return part(text, entity["offset"], entity["length"])


def shown(text: str, entities: list[Json]) -> str:
    """Return safe HTML: everything escaped but the few tags that entities become."""
    return "".join(_shown_parts(text, entities))


# ---- reading ------------------------------------------------------------------------------------


def _cleaned(text: str) -> str:
    kept = _DROPPED.sub("", text)
    return "".join(" " if c < " " and c != "\n" else c for c in kept)


def _explicit(entities: Any, text: str) -> list[Json]:
    if not entities:
        return []
    if not isinstance(entities, list) or not all(isinstance(each, dict) for each in entities):
        raise bad_request("can't parse entities: expected an Array of MessageEntity")
    end = units(text)
    found = []
    for entity in entities:
        offset, length = entity.get("offset"), entity.get("length")
        if not isinstance(offset, int) or not isinstance(length, int):
            raise complaint('Field "offset" must be of type Number')
        if entity.get("type") not in _KNOWN:
            continue
        if offset < 0 or length <= 0 or offset + length > end:
            raise complaint(f"entity beginning at UTF-16 offset {offset} ends beyond the text")
        found.append(dict(entity))
    return sorted(found, key=lambda entity: (entity["offset"], -entity["length"]))


def _trimmed(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    trimmed = text.strip()
    gone = units(text[: len(text) - len(text.lstrip())])
    end = units(trimmed)
    kept = []
    for entity in entities:
        start = max(0, entity["offset"] - gone)
        stop = min(end, entity["offset"] - gone + entity["length"])
        if stop > start:
            kept.append({**entity, "offset": start, "length": stop - start})
    return trimmed, kept


# ---- showing ------------------------------------------------------------------------------------


def _shown_parts(text: str, entities: list[Json]) -> Iterator[str]:
    wrapped = [(entity, tags) for entity in entities if (tags := _tags(text, entity))]
    encoded = text.encode("utf-16-le", "surrogatepass")
    marks = {0, len(encoded) // 2}
    for entity, _ in wrapped:
        marks |= {entity["offset"], entity["offset"] + entity["length"]}
    ordered = sorted(marks)
    opened: list[tuple[Json, tuple[str, str]]] = []
    for start, stop in pairwise(ordered):
        active = [each for each in wrapped if _covers(each[0], start)]
        same = 0
        while same < min(len(opened), len(active)) and opened[same] is active[same]:
            same += 1
        yield from (tags[1] for _, tags in reversed(opened[same:]))
        yield from (tags[0] for _, tags in active[same:])
        opened = active
        piece = encoded[start * 2 : stop * 2].decode("utf-16-le", "replace")
        yield html.escape(piece)
    yield from (tags[1] for _, tags in reversed(opened))


def _covers(entity: Json, at: int) -> bool:
    return bool(entity["offset"] <= at < entity["offset"] + entity["length"])


def _tags(text: str, entity: Json) -> tuple[str, str] | None:
    kind = entity["type"]
    if kind in ("url", "text_link"):
        url = str(entity.get("url") or entity_text(text, entity))
        if kind == "url" and "://" not in url:
            url = f"http://{url}"
        if not re.match(r"https?://", url, re.IGNORECASE):
            return None
        return f'<a href="{html.escape(url)}">', "</a>"
    return _SHOWN.get(kind)
