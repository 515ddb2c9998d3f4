"""A sheet to draw pictures on, and which font draws which letter.

Matplotlib does the drawing. It takes half a second to import, so whoever needs a picture imports
this module then, and not before. One sheet at a time: Matplotlib keeps fonts for the whole process.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Literal

from matplotlib import get_data_path
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.patches import BoxStyle, FancyBboxPatch
from matplotlib.transforms import Affine2D

from bot import fonts

WIDTH = 800
"""Of a sheet, in units; a phone shows about two of them to a point."""
SCALE = 2
"""Pixels to a unit."""

_UNITS_PER_INCH = 100
_DOTS_PER_INCH = _UNITS_PER_INCH * SCALE

INK = "#0b1324"
TEXT = 20.0
"""The usual size of letters."""
_LEAST = 0.85
"""How much smaller a text gets before it is cut."""

_LATIN = Path(fonts.__file__).parent / f"{fonts.TEXT}.ttf"
_LATIN_BOLD = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
_DEBIANS_CHINESE = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
"""Of the package fonts-wqy-microhei; on other systems a font is found by its name."""
_CHINESE_NAMES = (
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Droid Sans Fallback",
)
# Chinese may break after any character, but not before punctuation.
_WORDS = re.compile(r"[\u2e80-\uffef][，。、：；）”]*|[^\s\u2e80-\uffef]+[，。、：；）”]*\s*|\s+")


class Sheet:
    """Paper to draw on, in units from its top left corner; its height is known in the end."""

    def __init__(self) -> None:
        self._figure = Figure(
            figsize=(WIDTH / _UNITS_PER_INCH, 1), dpi=_DOTS_PER_INCH, facecolor="white"
        )
        FigureCanvasAgg(self._figure)
        self._place = Affine2D().scale(1 / _UNITS_PER_INCH, -1 / _UNITS_PER_INCH)
        self._transform = self._place + self._figure.dpi_scale_trans

    def png(self, height: float) -> bytes:
        """Return what was drawn, ``height`` units of it; the sheet is done with then."""
        height = math.ceil(height)
        self._figure.set_size_inches(WIDTH / _UNITS_PER_INCH, height / _UNITS_PER_INCH)
        self._place.translate(0, height / _UNITS_PER_INCH)
        file = io.BytesIO()
        self._figure.savefig(file, format="png", dpi="figure", metadata={"Software": None})
        return file.getvalue()

    def box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        colour: str,
        *,
        radius: float = 0,
        edge: str = "",
        alpha: float = 1,
    ) -> None:
        """Draw a filled rectangle."""
        style = BoxStyle.Round(pad=0, rounding_size=radius) if radius else BoxStyle.Square(pad=0)
        self._figure.add_artist(
            FancyBboxPatch(
                (left, top),
                width,
                height,
                boxstyle=style,
                facecolor=colour,
                edgecolor=edge or "none",
                linewidth=1.5 if edge else 0,
                alpha=alpha,
                transform=self._transform,
            )
        )

    def line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        *,
        thickness: float = 1,
        is_dotted: bool = False,
        is_behind: bool = False,
    ) -> None:
        """Draw a line through points."""
        self._figure.add_artist(
            Line2D(
                [x for x, _ in points],
                [y for _, y in points],
                color=colour,
                linewidth=_points(thickness),
                linestyle=(0, (1.2, 1.2)) if is_dotted else "solid",
                solid_joinstyle="miter",
                solid_capstyle="butt",
                dash_capstyle="butt",
                zorder=0.5 if is_behind else 2,
                transform=self._transform,
            )
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = TEXT,
        colour: str = INK,
        align: Literal["left", "centre", "right"] = "left",
        width: float = WIDTH,
        is_bold: bool = False,
        is_whole: bool = False,
    ) -> None:
        """Draw a line of text on the baseline ``y``, smaller where it is wider than ``width``.

        Args:
            is_whole: However small, nothing is cut off: a cut amount is another amount.
        """
        least = 1 if is_whole else size * _LEAST
        while size > least and self.width(text, size, is_bold=is_bold) > width:
            size -= 0.5
        if not is_whole:
            text = self.cut(text, size, width, is_bold=is_bold)
        runs = _runs(text, is_bold)
        widths = [_width_of(run, size) for run in runs]
        x -= {"left": 0, "centre": 0.5, "right": 1}[align] * sum(widths)
        for run, run_width in zip(runs, widths, strict=True):
            # There is no bold Chinese to be had: drawn twice, side by side, it looks like it.
            is_thin = is_bold and run.font not in {str(_LATIN), str(_LATIN_BOLD)}
            for shift in (0, size * 0.035) if is_thin else (0,):
                self._figure.text(
                    x + shift,
                    y,
                    run.text,
                    fontproperties=_properties(run.font, size),
                    color=colour,
                    parse_math=False,
                    transform=self._transform,
                )
            x += run_width

    def width(self, text: str, size: float, *, is_bold: bool = False) -> float:
        """Return how wide a text is."""
        return sum(_width_of(run, size) for run in _runs(text, is_bold))

    def cut(self, text: str, size: float, width: float, *, is_bold: bool = False) -> str:
        """Return as much of a text as ``width`` has room for."""
        while len(text) > 1 and self.width(text, size, is_bold=is_bold) > width:
            text = text[:-2].rstrip() + "…"
        return text

    def wrapped(self, text: str, size: float, width: float, *, most: int) -> list[str]:
        """Return a text in lines, of which the last is cut where there would be more."""
        lines = [""]
        for word in _WORDS.findall(text):
            if lines[-1] and self.width((lines[-1] + word).rstrip(), size) > width:
                lines.append("")
            lines[-1] += word
        if len(lines) > most:
            lines[most - 1 :] = ["".join(lines[most - 1 :])]
        return [self.cut(each.rstrip(), size, width) for each in lines]


# ---- measures ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Columns:
    """So many columns side by side."""

    left: float
    width: float
    count: int

    @property
    def right(self) -> float:
        """Where the last one ends."""
        return self.left + self.width

    def outer(self, index: int) -> tuple[float, float]:
        """Return where a column begins and ends."""
        each = self.width / self.count
        return self.left + index * each, self.left + (index + 1) * each

    def inner(self, index: int) -> tuple[float, float]:
        """Return where a bar in a column begins and ends."""
        left, right = self.outer(index)
        air = 0.14 * (right - left)
        return left + air, right - air

    def middle(self, index: int) -> float:
        """Return the middle of a column."""
        return sum(self.outer(index)) / 2


@dataclass(frozen=True)
class Scale:
    """From an amount to a height on the sheet."""

    low: int
    high: int
    top: float
    height: float

    def __call__(self, amount: int) -> float:
        """Return where ``amount`` is."""
        span = self.high - self.low
        share = (amount - self.low) / span if span else 0.5
        return self.top + self.height * (1 - share)


def ticks(low: int, high: int, unit: int) -> list[int]:
    """Return up to four round numbers of ``unit`` that take in ``low``, zero and ``high``."""
    low, high = min(low, 0), max(high, 0)
    power = unit * 10 ** max(len(str((high - low) // unit)) - 2, 0)
    for step in (power * each for each in (1, 2, 5, 10, 20, 25, 50, 100)):
        first, last = low // step, -(-high // step)
        if last - first <= 3:
            break
    return [each * step for each in range(first, max(last, first + 1) + 1)]


# ---- letters -----------------------------------------------------------------------------------


def can_draw(text: str) -> bool:
    """Whether there is a font for every character of ``text``."""
    return all(_font_for(each, is_bold=False) for each in _plain(text))


def _runs(text: str, is_bold: bool) -> list[fonts.Run]:
    """Return ``text`` in runs that one font each can draw.

    What no font can draw stands there as its code points, as on receipts, and never as boxes.
    """
    found: list[fonts.Run] = []
    for font, characters in groupby(_plain(text), lambda each: _font_for(each, is_bold=is_bold)):
        drawn = "".join(characters)
        if font is None:
            drawn = "[U+" + " ".join(f"{ord(each):04X}" for each in drawn) + "]"
        run = fonts.Run(str(font or _LATIN), drawn)
        if found and found[-1].font == run.font:
            run = fonts.Run(run.font, found.pop().text + drawn)
        found.append(run)
    return found


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.splitlines()))


def _font_for(character: str, *, is_bold: bool) -> Path | None:
    if fonts.draws(fonts.TEXT, character):
        has_bold = is_bold and ord(character) in _characters(_LATIN_BOLD)
        return _LATIN_BOLD if has_bold else _LATIN
    chinese = _chinese()
    is_forward = unicodedata.bidirectional(character) not in {"R", "AL", "AN"}
    is_seen = unicodedata.category(character)[0] != "C"
    if chinese and is_forward and is_seen and ord(character) in _characters(chinese):
        return chinese
    return None


@cache
def _chinese() -> Path | None:
    """Return a font for Chinese, if there is one on this machine."""
    if _DEBIANS_CHINESE.exists():
        return _DEBIANS_CHINESE
    there = {each.name: Path(each.fname) for each in fontManager.ttflist}
    found = (there[name] for name in _CHINESE_NAMES if name in there)
    return next((path for path in found if path.exists()), None)


@cache
def _characters(font: Path) -> frozenset[int]:
    return frozenset(_opened(str(font)).get_charmap())


@cache
def _opened(font: str) -> FT2Font:
    return FT2Font(font)


def _width_of(run: fonts.Run, size: float) -> float:
    font = _opened(run.font)
    font.set_size(_points(size), _DOTS_PER_INCH)
    font.set_text(run.text)
    return font.get_width_height()[0] / 64 / SCALE


@cache
def _properties(font: str, size: float) -> FontProperties:
    return FontProperties(fname=font, size=_points(size))


def _points(units: float) -> float:
    return units * 72 / _UNITS_PER_INCH
