"""What was paid to one account before, as a picture: a bar for each payment, and this one beside.

Only payments in the currency of the order are drawn, on one scale that begins at zero.
"""

from __future__ import annotations

from bot import drawing
from bot.drawing import INK, WIDTH, Columns, Scale, Sheet
from bot.told import short
from bot.wording import Reader, masked
from connectors.money import MAX_MINOR, Money, exponent
from workflows.orders import Order
from workflows.payee_history import Paid, PayeeHistory

MOST_BARS = 24
"""How many of the newest payments are drawn."""

_LEFT, _RIGHT = 40, WIDTH - 40
_INSIDE = _RIGHT - _LEFT
_SCALE_WIDTH, _WIDEST = 90, 100
_SOFT, _LINE = "#566176", "#dde3ea"
# Told apart by their edge as well, and never by colour alone.
_BEFORE, _NOW, _NOW_EDGE = "#0f766e", "#fdeee6", "#c2410c"
_TOP, _HEIGHT = 230.0, 250.0


def draw(reader: Reader, order: Order, history: PayeeHistory) -> bytes:
    """Return the picture as a PNG."""
    return _Picture(reader, order, history).png()


class _Picture:
    """Lays one payee's history out, from top to bottom."""

    def __init__(self, reader: Reader, order: Order, history: PayeeHistory) -> None:
        self._reader = reader
        self._order = order
        self._history = history
        self._paid = tuple(reversed(history.alike[:MOST_BARS]))
        self._sheet = Sheet()
        count = len(self._paid) + 1
        self._columns = Columns(_LEFT, min(_INSIDE - _SCALE_WIDTH, count * _WIDEST), count)

    def png(self) -> bytes:
        self._head()
        self._bars()
        return self._sheet.png(self._foot())

    def _head(self) -> None:
        sheet, order, say = self._sheet, self._order, self._reader.say
        sheet.box(0, 0, WIDTH, 10, _BEFORE)
        sheet.text(_LEFT, 58, say("history.title"), colour=_SOFT, width=_INSIDE)
        sheet.text(_LEFT, 100, order.creditor_name, size=34, width=_INSIDE, is_bold=True)
        sheet.text(_LEFT, 134, masked(order.creditor_iban), colour=_SOFT, width=_INSIDE)
        usual = self._history.usual
        left, half = float(_LEFT), _INSIDE / 2
        for label, amount, colour in (
            (say("history.usually"), usual, INK),
            (say("history.this"), order.amount, _NOW_EDGE),
        ):
            shown = self._reader.money(amount) if amount else say("nothing")
            sheet.text(left, 172, label, colour=_SOFT, size=18, width=half - 20)
            sheet.text(
                left,
                204,
                shown,
                size=26,
                colour=colour,
                width=half - 20,
                is_bold=True,
                is_whole=True,
            )
            left += half

    def _bars(self) -> None:
        sheet, columns, currency = self._sheet, self._columns, self._order.currency
        highest = max(self._order.amount_minor, *(each.amount.minor for each in self._paid), 0)
        ticks = drawing.ticks(0, highest, 10 ** exponent(currency))
        scale = Scale(ticks[0], ticks[-1], _TOP, _HEIGHT)
        for tick in ticks:
            at = scale(tick)
            (label,) = short(self._reader, Money(min(tick, MAX_MINOR), currency))
            sheet.line([(_LEFT, at), (_RIGHT, at)], _SOFT if tick == 0 else _LINE, is_behind=True)
            sheet.text(_RIGHT, at - 6, label, size=16, colour=_SOFT, align="right")
        for index, each in enumerate(self._paid):
            self._bar(index, scale(each.amount.minor), scale(0), _BEFORE)
        self._bar(len(self._paid), scale(self._order.amount_minor), scale(0), _NOW, _NOW_EDGE)
        usual = self._history.usual
        if usual is not None:
            at = scale(usual.minor)
            sheet.line([(_LEFT, at), (columns.right, at)], INK, thickness=2, is_dotted=True)

    def _bar(self, index: int, top: float, bottom: float, colour: str, edge: str = "") -> None:
        left, right = self._columns.inner(index)
        height = max(bottom - top, 2)
        self._sheet.box(left, bottom - height, right - left, height, colour, edge=edge)

    def _foot(self) -> float:
        """Write the days beneath the bars and what the lines mean; return where it ends."""
        sheet, say, y = self._sheet, self._reader.say, _TOP + _HEIGHT + 30
        if self._paid:
            room = self._columns.outer(len(self._paid))[0] - _LEFT
            sheet.text(_LEFT, y, self._day(self._paid[0]), size=18, colour=_SOFT, width=room)
        now = say("history.now")
        middle = self._columns.middle(len(self._paid))
        sheet.text(middle, y, now, size=18, colour=_NOW_EDGE, align="centre")
        notes = [say("history.dotted")]
        left_out = self._history.count - len(self._paid)
        if left_out > 0:
            notes.append(say("history.left_out", count=left_out))
        for note in notes:
            y += 32
            sheet.text(_LEFT, y, note, size=18, colour=_SOFT, width=_INSIDE)
        return y + 30

    def _day(self, each: Paid) -> str:
        day = each.at.astimezone(self._reader.timezone).date()
        return self._reader.messages.date(self._reader.language, day)
