"""The daily digest's picture: one column of figures and drawings, laid out for a phone.

It shows only what is known. A day that no statement reaches is a grey gap, a day that was not over
when its statement came is drawn hollow, and whatever is left out is named at the foot. Amounts are
exact but for those beside a scale, and are never cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from bot import drawing
from bot.drawing import INK, WIDTH, Columns, Scale, Sheet
from bot.told import Told
from connectors.money import MAX_MINOR, Money, exponent
from workflows.digest import AccountDigest
from workflows.history import AccountHistory, Day, History, Together

MOST_ACCOUNTS = 8
"""How many accounts are drawn; the others are named."""

_LEFT, _RIGHT = 40, WIDTH - 40
_INSIDE = _RIGHT - _LEFT
_SOFT, _LINE, _PALE, _GAP = "#566176", "#dde3ea", "#f3f6f9", "#e9edf2"
# Told apart with any colour vision, and never by colour alone.
_HELD, _IN, _OUT, _PALE_OUT = "#0f766e", "#0072b2", "#c2410c", "#fdeee6"


def draw(told: Told, history: History) -> bytes:
    """Return the picture as a PNG."""
    return _Picture(told, history).png()


class _Picture:
    """Lays one digest out, from top to bottom; ``_y`` is how far it has come."""

    def __init__(self, told: Told, history: History) -> None:
        self._told = told
        self.say = told.reader.say
        self._digest = told.digest
        self._history = history
        self._sheet = Sheet()
        self._days = Columns(_LEFT, 640, len(history.days))
        self._small_days = Columns(422, 244, len(history.days))
        self._y = 0.0
        self._has_gap = self._has_open_day = self._has_part = False

    def png(self) -> bytes:
        self._head()
        if not self._told.is_empty:
            self._position()
            self._movements()
            self._checks()
        if self._told.known:
            self._accounts()
        self._notes()
        return self._sheet.png(self._y)

    def _head(self) -> None:
        sheet = self._sheet
        sheet.box(0, 0, WIDTH, 10, _HELD)
        company = self._told.reader.company.name
        sheet.text(_LEFT, 58, company, colour=_SOFT, width=_INSIDE)
        sheet.text(_LEFT, 102, self._told.title, size=34, width=_INSIDE, is_bold=True)
        self._y = 102

    # ---- all accounts together -----------------------------------------------------------------

    def _position(self) -> None:
        sheet, y = self._sheet, self._y + 108
        total = self._digest.total
        colour = _OUT if total is not None and total.minor < 0 else INK
        sheet.text(_LEFT, y - 54, self.say("digest.total"), colour=_SOFT)
        self._amount(_LEFT, y, self._told.total, 52, _INSIDE, colour)
        self._y = y
        if self._has_total:
            self._bars(y + 36, 170)

    def _bars(self, top: float, height: float) -> None:
        """Draw what all accounts held at the end of each day, from zero."""
        sheet, columns, days = self._sheet, self._days, self._history.total
        held = {i: day.figures.closing.minor for i, day in enumerate(days) if day.figures}
        currency = self._digest.base_currency
        ticks = drawing.ticks(min(held.values()), max(held.values()), 10 ** exponent(currency))
        scale = Scale(ticks[0], ticks[-1], top, height)
        self._gaps(columns, days, top, height)
        for tick in ticks:
            at = scale(tick)
            (label,) = self._told.short(Money(max(-MAX_MINOR, min(tick, MAX_MINOR)), currency))
            sheet.line([(_LEFT, at), (_RIGHT, at)], _SOFT if tick == 0 else _LINE, is_behind=True)
            self._beside_bars(at - 6, label)
        for index, minor in held.items():
            colour = _HELD if minor >= 0 else _OUT
            self._bar(index, days[index], scale(0), scale(minor), colour)
        sheet.line([(_LEFT, scale(0)), (columns.right, scale(0))], _SOFT)
        self._y = top + height + 32
        for index in range(len(days) - 1, -1, -4):
            day = self._told.day(days[index].day)
            sheet.text(columns.middle(index), self._y, day, colour=_SOFT, align="centre")

    def _movements(self) -> None:
        """Tell what came in and went out lately, above what did so on each day."""
        sheet, y = self._sheet, self._y + 56
        half = _INSIDE / 2
        for left, mark, key, colour, amount in (
            (_LEFT, "▲", "chart.incoming", _IN, self._told.incoming),
            (_LEFT + half, "▼", "chart.outgoing", _OUT, self._told.outgoing),
        ):
            sheet.text(left, y, mark, size=18, colour=colour)
            title = self.say(key, day=self._told.since)
            sheet.text(left + 26, y, title, colour=_SOFT, width=half - 46)
            self._amount(left, y + 40, amount, 30, half - 20)
        self._y = y + 40
        if self._has_total:
            self._flow(self._y + 26, 52)

    def _flow(self, top: float, half: float) -> None:
        columns, days = self._days, self._history.total
        known = {index: day.figures for index, day in enumerate(days) if day.figures}
        most_in = max((each.incoming for each in known.values()), key=_minor)
        most_out = max((each.outgoing for each in known.values()), key=_minor)
        largest = max(most_in.minor, most_out.minor, 1)
        middle = top + half
        self._gaps(columns, days, top, 2 * half)
        for index, each in known.items():
            for amount, colour, way in ((each.incoming, _IN, -1), (each.outgoing, _OUT, 1)):
                if amount.minor:
                    long = max(half * amount.minor / largest, 2)
                    self._bar(index, days[index], middle, middle + way * long, colour)
        self._sheet.line([(_LEFT, middle), (columns.right, middle)], _SOFT)
        for amount, at, colour in ((most_in, middle - 14, _IN), (most_out, middle + 30, _OUT)):
            if amount.minor:
                (label,) = self._told.short(amount)
                self._beside_bars(at, label, colour)
        self._y = top + 2 * half

    def _checks(self) -> None:
        """Tell how many debits are matched, and what is not."""
        sheet, top, height, gap = self._sheet, self._y + 30, 118, 20
        width = (_INSIDE - gap) / 2
        inside, left = width - 40, _LEFT + 20.0
        sheet.box(_LEFT, top, width, height, _PALE, radius=12)
        sheet.text(left, top + 36, self.say("digest.matched"), colour=_SOFT, width=inside)
        self._amount(left, top + 74, self._told.matched, 26, inside)
        matched, debits = self._told.matches
        if debits:
            sheet.box(left, top + 92, inside, 8, _LINE, radius=4)
        if matched:
            sheet.box(left, top + 92, max(inside * matched / debits, 8), 8, _HELD, radius=4)
        left += width + gap
        digest = self._digest
        is_alarm = any(each.is_alarm for each in digest.breaks)
        sheet.box(left - 20, top, width, height, _PALE_OUT if is_alarm else _PALE, radius=12)
        sheet.text(left, top + 36, self.say("digest.breaks"), colour=_SOFT, width=inside)
        count = self.say("digest.breaks_count", count=digest.break_count)
        mark = "⚠" if is_alarm else "" if digest.break_count else "✓"
        colour = _OUT if is_alarm else INK if digest.break_count else _HELD
        self._amount(left, top + 74, f"{count} {mark}".rstrip(), 26, inside, colour)
        if digest.breaks:
            key = f"break.{digest.breaks[0].reason}"
            known = self._told.reader.messages.has(key)
            why = self.say(key if known else "break.booked_though")
            sheet.text(left, top + 103, why, size=18, colour=_SOFT, width=inside + 10)
        self._y = top + height

    # ---- account by account --------------------------------------------------------------------

    def _accounts(self) -> None:
        sheet, y, columns = self._sheet, self._y + 58, self._small_days
        title = self.say("chart.by_account")
        sheet.text(_LEFT, y, title, size=24, width=columns.left - 60, is_bold=True)
        first, last = self._told.day(self._history.days[0]), self._told.day(self._history.days[-1])
        sheet.text(columns.left, y, first, colour=_SOFT)
        sheet.text(columns.right, y, last, colour=_SOFT, align="right")
        self._y = y + 14
        for each in self._told.known[:MOST_ACCOUNTS]:
            self._account(each)

    def _account(self, each: AccountDigest) -> None:
        sheet, y = self._sheet, self._y
        width = self._small_days.left - _LEFT - 20
        sheet.line([(_LEFT, y), (_RIGHT, y)], _LINE)
        sheet.text(_LEFT, y + 31, self._names([each.account_id]), size=22, width=width)
        booked = each.reading.booked
        colour = _OUT if booked is not None and booked.minor < 0 else INK
        self._amount(_LEFT, y + 62, self._told.balance(each), 26, width, colour)
        if each.trouble is not None:
            since = each.trouble.since.astimezone(self._told.reader.timezone).date()
            stale = self.say("chart.stale", day=self._told.day(since))
            self._amount(_LEFT, y + 91, stale, 19, width, _OUT, is_bold=False)
        elif each.collected_at is not None:
            self._amount(_LEFT, y + 91, self._moved(each, width), 19, width, _SOFT, is_bold=False)
        history = self._history.of(each.account_id)
        if history is not None and history.is_known:
            self._balances(history, y + 20, 66)
        else:
            left, wide = self._small_days.left, self._small_days.width
            sheet.box(left, y + 20, wide, 66, _GAP)
            words = self.say("chart.no_statements")
            sheet.text(left + wide / 2, y + 60, words, size=19, colour=_SOFT, align="centre")
        self._y = y + 108

    def _moved(self, each: AccountDigest, width: float) -> str:
        """Return what moved on an account: exactly if there is room for it, else rounded."""
        if not each.entries:
            return self.say("digest.no_movements")

        def said(incoming: str, outgoing: str) -> str:
            return self.say(
                "digest.movements", incoming=incoming, outgoing=outgoing, count=each.entries
            )

        amounts = (each.incoming.amount, each.outgoing.amount)
        exact = said(*(self._told.reader.money(amount) for amount in amounts))
        if self._sheet.width(exact, 16) <= width:
            return exact
        return said(*(self._told.short(amount)[0] for amount in amounts))

    def _balances(self, history: AccountHistory, top: float, height: float) -> None:
        """Draw an account's balance at the end of each day, on a scale of its own."""
        sheet, columns, days = self._sheet, self._small_days, history.days
        held = {i: day.figures.closing for i, day in enumerate(days) if day.figures}
        low, high = min(held.values(), key=_minor), max(held.values(), key=_minor)
        scale = Scale(low.minor, high.minor, top + 4, height - 8)
        self._gaps(columns, days, top, height)
        if low.minor < 0:
            zero = scale(0) if high.minor > 0 else top
            for index in (index for index, each in held.items() if each.minor < 0):
                left, right = columns.outer(index)
                sheet.box(left, zero, right - left, scale(held[index].minor) - zero, _PALE_OUT)
            if high.minor > 0:
                sheet.line([(columns.left, zero), (columns.right, zero)], _SOFT)
        for _, run in groupby(enumerate(held), lambda pair: pair[1] - pair[0]):
            self._steps(days, [(index, scale(held[index].minor)) for _, index in run])
        if low.minor == high.minor:
            (level,) = self._told.short(low)
            self._beside_steps(top + height / 2 + 7, level)
        else:
            lowest, highest = self._told.short(low, high)
            self._beside_steps(top + 16, highest)
            self._beside_steps(top + height - 1, lowest)

    def _steps(self, days: Sequence[Day], run: Sequence[tuple[int, float]]) -> None:
        """Draw days that follow on one another as one line of steps."""
        over: list[tuple[float, float]] = []
        is_open: list[tuple[float, float]] = []
        for index, at in run:
            left, right = self._small_days.outer(index)
            if days[index].is_over:
                over += [(left, at), (right, at)]
            else:
                self._has_open_day = True
                is_open += [(left, at), (right, at)]
        if is_open:
            self._sheet.line([*over[-1:], *is_open], _HELD, thickness=3, is_dotted=True)
        if over:
            self._sheet.line(over, _HELD, thickness=3)

    # ---- what else must be said ----------------------------------------------------------------

    def _notes(self) -> None:
        digest, say, names = self._digest, self.say, self._names
        known = self._told.known
        notes = [] if known else [say("chart.nothing")]
        if self._has_open_day:
            notes.append(say("chart.open_day"))
        if self._has_part:
            notes.append(say("chart.part"))
        if self._has_gap:
            notes.append(say("chart.gap"))
        if len(known) > 1:
            notes.append(say("chart.own_scale"))
        left_out = [*digest.without_rate, *digest.without_balance]
        if left_out:
            notes.append(say("balance.left_out", accounts=names(left_out)))
        counted = {each.account_id for each in self._history.accounts if each.counts}
        counted.update(left_out)
        not_in_bars = [each.account_id for each in known if each.account_id not in counted]
        if self._has_total and not_in_bars:
            notes.append(say("chart.not_in_bars", accounts=names(not_in_bars)))
        if not_drawn := [each.account_id for each in known[MOST_ACCOUNTS:]]:
            notes.append(say("chart.not_drawn", accounts=names(not_drawn), count=len(not_drawn)))
        if self._converts:
            notes.append(say("chart.rates", currency=digest.base_currency))
        notes.append(say("digest.as_of", at=self._told.reader.instant(digest.at)))
        y = self._y + 18
        for note in notes:
            for line in self._sheet.wrapped(note, 19, _INSIDE, most=3):
                y += 27
                self._sheet.text(_LEFT, y, line, size=19, colour=_SOFT)
            y += 6
        self._y = y + 30

    @property
    def _has_total(self) -> bool:
        return any(day.figures for day in self._history.total)

    @property
    def _converts(self) -> bool:
        base, without = self._digest.base_currency, self._digest.without_rate
        return any(
            each.currency != base and each.account_id not in without for each in self._told.known
        )

    def _names(self, account_ids: Iterable[str]) -> str:
        """Return accounts as people call them, where a font has the letters."""
        named = {each.account_id: each.name for each in self._digest.accounts}
        return self.say("chart.comma").join(
            named[account_id] if drawing.can_draw(named[account_id]) else account_id
            for account_id in dict.fromkeys(account_ids)
        )

    # ---- pieces --------------------------------------------------------------------------------

    def _amount(
        self,
        left: float,
        y: float,
        text: str,
        size: float,
        width: float,
        colour: str = INK,
        *,
        is_bold: bool = True,
    ) -> None:
        self._sheet.text(
            left, y, text, size=size, colour=colour, width=width, is_bold=is_bold, is_whole=True
        )

    def _beside_bars(self, y: float, text: str, colour: str = _SOFT) -> None:
        self._sheet.text(_RIGHT, y, text, colour=colour, align="right", width=80, is_whole=True)

    def _beside_steps(self, y: float, text: str) -> None:
        left = self._small_days.right + 10
        self._sheet.text(left, y, text, colour=_SOFT, width=_RIGHT - left, is_whole=True)

    def _bar(self, index: int, day: Together, start: float, end: float, colour: str) -> None:
        left, right = self._days.inner(index)
        top, bottom = sorted((start, end))
        alpha = 1.0
        if day.without:
            self._has_part = True
            alpha = 0.4
        if day.is_over:
            self._sheet.box(left, top, right - left, bottom - top, colour, alpha=alpha)
        else:
            self._has_open_day = True
            left, right = left + 1, right - 1
            self._sheet.box(
                left, top, right - left, bottom - top, "white", edge=colour, alpha=alpha
            )

    def _gaps(
        self, columns: Columns, days: Sequence[Day | Together], top: float, height: float
    ) -> None:
        """Shade the days of which nothing is known."""
        for index, day in enumerate(days):
            if day.figures is None:
                self._has_gap = True
                left, right = columns.outer(index)
                self._sheet.box(left, top, right - left, height, _GAP)


def _minor(amount: Money) -> int:
    return amount.minor
