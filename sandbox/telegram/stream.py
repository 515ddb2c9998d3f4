"""The updates that wait for the bot.

Source: Bot API, "Getting updates": an update waits until it is confirmed, by an ``offset`` above
its number or by the webhook's answer; what is in ``allowed_updates`` holds for what happens from
then on. Out of order, or again, updates come only where a test asks for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sandbox.telegram.model import Json, UpdateKind
from sandbox.telegram.store import Signal

FIRST_UPDATE = 742_810_001
MOST_REMEMBERED = 1_000


@dataclass(slots=True)
class Update:
    """Something the bot is to be told.

    Attributes:
        queue: Whose news it is: a webhook gets those of one queue one after the other.
        is_out_of_turn: Released late or sent again: it is delivered whatever the offset.
        was_given: It was handed out at least once.
    """

    id: int
    body: Json
    queue: str = ""
    is_out_of_turn: bool = False
    was_given: bool = False


class Stream:
    """Mints, keeps and hands out updates.

    Attributes:
        signal: Given when something was added, handed out or confirmed.
        allowed: The kinds the bot wants; None for all.
    """

    def __init__(self) -> None:
        self.signal = Signal()
        self.allowed: frozenset[str] | None = None
        self._last_id = FIRST_UPDATE - 1
        self._waiting: list[Update] = []
        self._held: list[Update] = []
        self._is_held = False
        self._all: list[Update] = []

    def add(self, kind: UpdateKind, payload: Json, queue: str) -> None:
        """Add an update, if the bot wants its kind."""
        if self.allowed is None or kind in self.allowed:
            self.inject({kind: payload}, queue)

    def inject(self, raw: Json, queue: str = "") -> int:
        """Add an update with any content; return its number."""
        self._last_id += 1
        update = Update(self._last_id, {**raw, "update_id": self._last_id}, queue)
        self._all.append(update)
        del self._all[:-MOST_REMEMBERED]
        (self._held if self._is_held else self._waiting).append(update)
        self.signal.give()
        return update.id

    # ---- trouble ------------------------------------------------------------------------------

    def hold(self) -> None:
        """Keep back what comes from now on."""
        self._is_held = True

    def release(self, *, is_reversed: bool) -> None:
        """Let go what was kept back, in reverse order if asked."""
        self._is_held = False
        held, self._held = self._held, []
        for update in reversed(held) if is_reversed else held:
            update.is_out_of_turn = True
            self._waiting.append(update)
        self.signal.give()

    def repeat(self, count: int) -> None:
        """Have the newest updates delivered again.

        Raises:
            LookupError: there were not that many.
        """
        if count > len(self._all):
            raise LookupError(f"only {len(self._all)} updates were delivered yet")
        for update in self._all[-count:]:
            again = Update(update.id, update.body, update.queue, is_out_of_turn=True)
            self._waiting.append(again)
        self.signal.give()

    # ---- handing out --------------------------------------------------------------------------

    @property
    def waiting(self) -> Collection[Update]:
        """What is not confirmed yet, and not held back."""
        return tuple(self._waiting)

    def take(self, offset: int, limit: int) -> list[Json]:
        """Confirm what lies below ``offset``; return what comes next, at most ``limit``.

        A negative offset counts from the end, and forgets all before. Numbers within one answer
        ascend, so that a client's next offset confirms all of it and nothing else.
        """
        if offset < 0:
            self._keep(self._waiting[offset:])
        elif offset > 0:
            self._keep([update for update in self._waiting if not _is_confirmed(update, offset)])
        given: list[Update] = []
        for update in self._waiting[:limit]:
            if given and update.id < given[-1].id:
                break
            update.was_given = True
            given.append(update)
        return [update.body for update in given]

    def confirm(self, update: Update) -> None:
        """Note that one update has arrived."""
        self._keep([kept for kept in self._waiting if kept is not update])

    async def settle(self, seconds: float) -> None:
        """Wait until nothing waits.

        Raises:
            TimeoutError: something still does.
        """
        try:
            await self.signal.until(lambda: None if self._waiting else True, seconds)
        except TimeoutError:
            kinds = [sorted(update.body.keys() - {"update_id"}) for update in self._waiting]
            raise TimeoutError(f"not confirmed yet: {kinds}") from None

    def clear(self) -> None:
        """Forget everything that waits."""
        self._keep([])

    def _keep(self, updates: list[Update]) -> None:
        if len(updates) != len(self._waiting):
            self._waiting = updates
            self.signal.give()


def _is_confirmed(update: Update, offset: int) -> bool:
    return update.id < offset and (update.was_given or not update.is_out_of_turn)
