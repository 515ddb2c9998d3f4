"""Cards, notices and questions as Telegram messages: HTML, paged, nothing of others in effect.

Limits are the Bot API's own (core.telegram.org/bots/api, "sendMessage", "InlineKeyboardButton").
Length is counted as Telegram counts it: UTF-16 units of what remains after the tags are read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.cards import Card, Fact, Notice, Tone

PAGE = 3600
"""UTF-16 units on a page; Telegram takes 4096, and a page's number stands below it."""
CAPTION = 1024
TOAST = 200
BUTTON = 60

_LINE = 1200
_EMOJI = {
    Tone.NEUTRAL: "",
    Tone.WAITING: "⏳ ",
    Tone.MOVING: "🔄 ",
    Tone.GOOD: "✅ ",
    Tone.BAD: "⛔ ",
    Tone.ALARM: "🚨 ",
}
COMMANDS = (
    "pay",
    "balance",
    "approvals",
    "payment",
    "digest",
    "payees",
    "away",
    "recurring",
    "freeze",
    "treasury",
    "cancel",
    "help",
)
"""Those of the menu, in its order."""
_HARMLESS = [each for each in COMMANDS if each != "freeze"]
"""Those that may be tapped in any text: they are sent bare, and then only show something."""

# Telegram makes links of what looks like a mention, a tag, a command, an address or a site.
_LIVE = re.compile(
    rf"(?<![\w])([#$]|/(?!(?:{'|'.join(_HARMLESS)})\b))(?=\w)"
    r"|@(?=\S)|:(?=//)|(?<=\S)\.(?=[^\W\d])"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a message: what is sent, and how long it counts."""

    html: str
    size: int


def neutral(text: str) -> str:
    """Return ``text`` as HTML in which nothing takes effect: no tag, mention, link or command."""
    return html.escape(_parted(text), quote=False)


def _parted(text: str) -> str:
    return _LIVE.sub(lambda found: f"{found.group()}\u200b", text.replace("\x00", ""))


def units(text: str) -> int:
    """Return the length of ``text`` as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, longest: int) -> str:
    """Return ``text`` of at most ``longest`` UTF-16 units, ending in an ellipsis if cut."""
    if units(text) <= longest:
        return text
    kept = text.encode("utf-16-le")[: (longest - 1) * 2].decode("utf-16-le", "ignore")
    return kept + "…"


def plain(text: str) -> Line:
    """Return a line of outside text."""
    shown = _parted(cut(text, _LINE))
    return Line(html.escape(shown, quote=False), units(shown))


def bold(text: str) -> Line:
    """Return a line in bold."""
    line = plain(text)
    return Line(f"<b>{line.html}</b>", line.size)


def small(text: str) -> Line:
    """Return a line of small print."""
    line = plain(text)
    return Line(f"<i>{line.html}</i>", line.size)


def fact(each: Fact) -> Line:
    """Return a labelled value on one line."""
    value = plain(" · ".join(part for part in each.value.split("\n") if part) or "—")
    label = plain(each.label)
    return Line(f"<b>{label.html}:</b> {value.html}", label.size + value.size + 2)


def address(label: str, url: str) -> str:
    """Return the address of a page of ours, which alone may take effect."""
    return f"<b>{neutral(label)}:</b> {html.escape(url, quote=False)}"


def caption(text: str) -> str:
    """Return what stands under a file; with the marks that part links it is not too long."""
    longest = CAPTION
    # Cut before it is parted: half a harmless command is another one.
    while units(shown := _parted(cut(text, longest))) > CAPTION:
        longest -= units(shown) - CAPTION
    return html.escape(shown, quote=False)


EMPTY = Line("", 0)


def card_lines(card: Card) -> list[Line]:
    """Return a card, line by line."""
    lines = [bold(_EMOJI[card.tone] + card.title)]
    blocks: list[Iterable[Line]] = [
        map(fact, card.facts),
        (plain(part) for line in card.lines for part in line.split("\n")),
        map(small, card.notes),
    ]
    for block in blocks:
        found = list(block)
        if found:
            lines += [EMPTY, *found]
    return lines


def notice_lines(notice: Notice) -> list[Line]:
    """Return a short answer, line by line."""
    return [plain(part) for part in (_EMOJI[notice.tone] + notice.text).split("\n")]


def pages(lines: Sequence[Line]) -> list[str]:
    """Return lines as the HTML of one or more messages' worth of text."""
    found: list[list[Line]] = [[]]
    size = 0
    for line in lines:
        if found[-1] and size + line.size + 1 > PAGE:
            found.append([])
            size = 0
        if not found[-1] and not line.html and len(found) > 1:
            continue  # a page does not begin with the gap that ended the one before
        found[-1].append(line)
        size += line.size + 1
    return ["\n".join(line.html for line in page).strip("\n") or "—" for page in found]


def toast(notice: Notice) -> str | None:
    """Return a short answer as what Telegram shows over the chat; None when it is too long."""
    text = _EMOJI[notice.tone] + notice.text
    return text if units(text) <= TOAST else None
