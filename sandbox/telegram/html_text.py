"""Reads the HTML that bots send: text and entities, or Telegram's complaint.

Source: Bot API, "Formatting options", "HTML style".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.telegram.model import ApiError, Json, bad_request
from sandbox.telegram.utf16 import units

_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#(\d{1,8})|#[xX]([0-9a-fA-F]{1,7})|([a-zA-Z]+));?")
_TAG_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(
    r"""\s+([a-zA-Z0-9-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([a-zA-Z0-9.:/_-]+)))?"""
)
_WORDLESS = ("pre", "code")


@dataclass(slots=True)
class _Open:
    tag: str
    offset: int
    attributes: dict[str, str] = field(default_factory=dict)


def complaint(words: str) -> ApiError:
    """Return the refusal of text whose formatting cannot be read."""
    return bad_request(f"can't parse entities: {words}")


def parse_html(html: str) -> tuple[str, list[Json]]:
    """Return plain text and its entities, sorted; nothing is trimmed yet.

    Raises:
        ApiError: a tag is unknown, not closed, or closed out of order.
    """
    reader = _Reader(html)
    reader.read()
    return "".join(reader.text), reader.entities


class _Reader:
    def __init__(self, html: str) -> None:
        self._html = html
        self._at = 0
        self._offset = 0
        self._stack: list[_Open] = []
        self.text: list[str] = []
        self.entities: list[Json] = []

    def read(self) -> None:
        html = self._html
        while self._at < len(html):
            match html[self._at]:
                case "<" if html.startswith("</", self._at):
                    self._end_tag()
                case "<":
                    self._start_tag()
                case "&":
                    self._reference()
                case _:
                    self._plain()
        if self._stack:
            tag = self._stack[-1].tag
            raise complaint(f'Can\'t find end tag corresponding to start tag "{tag}"')
        self.entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))

    def _plain(self) -> None:
        ends = [self._html.find(mark, self._at) for mark in "<&"]
        end = min((found for found in ends if found >= 0), default=len(self._html))
        self._add(self._html[self._at : end])
        self._at = end

    def _add(self, text: str) -> None:
        self.text.append(text)
        self._offset += units(text)

    def _reference(self) -> None:
        found = _REFERENCE.match(self._html, self._at)
        character = _referred(found) if found else ""
        if found is None or not character:
            self._add("&")
            self._at += 1
            return
        self._add(character)
        self._at = found.end()

    def _start_tag(self) -> None:
        where = self._byte_offset()
        found = _TAG_NAME.match(self._html, self._at + 1)
        assert found is not None
        tag = found.group().lower()
        if tag not in _TYPES:
            raise complaint(f'Unsupported start tag "{tag}" at byte offset {where}')
        attributes, end = self._attributes(found.end(), where)
        self._check(tag, attributes, where)
        self._stack.append(_Open(tag, self._offset, attributes))
        self._at = end

    def _attributes(self, at: int, where: int) -> tuple[dict[str, str], int]:
        attributes: dict[str, str] = {}
        while found := _ATTRIBUTE.match(self._html, at):
            name, *values = found.groups()
            value = next((value for value in values if value is not None), "")
            attributes[name.lower()] = _REFERENCE.sub(
                lambda reference: _referred(reference) or reference.group(), value
            )
            at = found.end()
        rest = self._html[at:]
        spaces = len(rest) - len(rest.lstrip())
        if not rest.lstrip().startswith(">"):
            raise complaint(f"Unclosed start tag at byte offset {where}")
        return attributes, at + spaces + 1

    def _check(self, tag: str, attributes: dict[str, str], where: int) -> None:
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise complaint(f'Tag "span" must have class "tg-spoiler" at byte offset {where}')
        if tag == "tg-emoji" and not attributes.get("emoji-id", "").isdigit():
            raise complaint("Invalid custom emoji identifier specified")

    def _end_tag(self) -> None:
        where = self._byte_offset()
        if not self._stack:
            raise complaint(f"Unexpected end tag at byte offset {where}")
        end = self._html.find(">", self._at)
        if end < 0:
            raise complaint(f"Unclosed end tag at byte offset {where}")
        tag = self._html[self._at + 2 : end].strip().lower()
        opened = self._stack.pop()
        if tag and tag != opened.tag:
            raise complaint(
                f'Unmatched end tag at byte offset {where}, expected "</{opened.tag}>", '
                f'found "</{tag}>"'
            )
        self._at = end + 1
        self._close(opened)

    def _close(self, opened: _Open) -> None:
        length = self._offset - opened.offset
        if length == 0 or any(outer.tag in _WORDLESS for outer in self._stack):
            self._pass_language(opened)
            return
        entity: Json = {"type": _TYPES[opened.tag], "offset": opened.offset, "length": length}
        match opened.tag:
            case "a":
                href = opened.attributes.get("href") or self._since(opened.offset)
                if not is_link(href):
                    return
                entity["url"] = href
            case "blockquote" if "expandable" in opened.attributes:
                entity["type"] = "expandable_blockquote"
            case "tg-emoji":
                entity["custom_emoji_id"] = opened.attributes["emoji-id"]
            case "pre" if opened.attributes.get("language"):
                entity["language"] = opened.attributes["language"]
        self.entities.append(entity)

    def _pass_language(self, opened: _Open) -> None:
        """Note the language of ``<pre><code class="language-x">`` on the outer tag."""
        name = opened.attributes.get("class", "")
        if opened.tag == "code" and self._stack and self._stack[-1].tag == "pre":
            self._stack[-1].attributes["language"] = name.removeprefix("language-")

    def _since(self, offset: int) -> str:
        encoded = "".join(self.text).encode("utf-16-le", "surrogatepass")
        return encoded[offset * 2 :].decode("utf-16-le", "replace")

    def _byte_offset(self) -> int:
        return len(self._html[: self._at].encode())


def is_link(url: str) -> bool:
    """Whether Telegram makes a link of an address."""
    return bool(re.match(r"(https?|tg|ton|mailto|tel):.|[\w-]+(\.[\w-]+)+", url, re.IGNORECASE))


def _referred(reference: re.Match[str]) -> str:
    decimal, hexadecimal, name = reference.groups()
    if name:
        return _NAMED.get(name, "")
    code = int(decimal) if decimal else int(hexadecimal, 16)
    is_character = 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_character else ""
