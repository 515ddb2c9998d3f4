"""Which font can draw which character, so that no letter of a name ever vanishes.

DejaVu Sans (2.37, unmodified, licence beside it) draws Latin, Greek and Cyrillic and is embedded.
Chinese is drawn with the predefined font STSong-Light (ISO 32000-1, section 9.7.5.2), which every
reader of PDF supplies. What neither can draw is written as its code point, such as ``[U+0E01]``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

TEXT = "DejaVuSans"
BOLD = "VeraBd"
CHINESE = "STSong-Light"

# What Adobe-GB1-4 has under UniGB-UCS2-H, in ranges without gaps.
_CHINESE_RANGES = (
    (0x3001, 0x3003),
    (0x3005, 0x3017),
    (0x3041, 0x3093),
    (0x30A1, 0x30F6),
    (0x3105, 0x3129),
    (0x3400, 0x4DB5),
    (0x4E00, 0x9FA5),
    (0xFF01, 0xFF5E),
    (0xFFE5, 0xFFE5),
)
# Drawn one by one from left to right they would read backwards.
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


@dataclass(frozen=True, slots=True)
class Run:
    """Characters that one font draws."""

    font: str
    text: str


def legible(text: str, *, is_bold: bool = False) -> tuple[Run, ...]:
    """Return ``text`` in runs that can be drawn; line breaks become spaces.

    What cannot be drawn, or would be invisible, stands there as its code points.
    """
    fonts = (BOLD, TEXT, CHINESE) if is_bold else (TEXT, CHINESE)
    text = unicodedata.normalize("NFC", " ".join(text.splitlines()))
    found: list[Run] = []
    for font, characters in groupby(text, lambda each: _font_for(each, fonts)):
        drawn = "".join(characters)
        if font is None:
            drawn = "[U+" + " ".join(f"{ord(each):04X}" for each in drawn) + "]"
        found.append(Run(font or TEXT, drawn))
    return tuple(_joined(found))


def register() -> None:
    """Make the fonts known to ReportLab."""
    for font in (_true_type(TEXT), _true_type(BOLD), UnicodeCIDFont(CHINESE)):
        pdfmetrics.registerFont(font)


def draws(font: str, character: str) -> bool:
    """Whether ``font`` has a visible form, or a space, for ``character``."""
    if unicodedata.category(character)[0] == "C":
        return False
    code = ord(character)
    if font == CHINESE:
        return any(first <= code <= last for first, last in _CHINESE_RANGES)
    is_forward = unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
    return is_forward and code in _true_type(font).face.charToGlyph


def _font_for(character: str, fonts: tuple[str, ...]) -> str | None:
    return next((font for font in fonts if draws(font, character)), None)


def _joined(runs: list[Run]) -> Iterator[Run]:
    for font, same in groupby(runs, lambda run: run.font):
        yield Run(font, "".join(run.text for run in same))


@cache
def _true_type(name: str) -> TTFont:
    # Vera Sans Bold ships with ReportLab, which finds it by its name.
    path = Path(__file__).parent / f"{name}.ttf"
    return TTFont(name, str(path) if path.exists() else f"{name}.ttf")
