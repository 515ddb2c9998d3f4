"""People who get their work done in a chat whose bot dies under their hands.

They do what people do: look at the card, press, type, look again, and try once more where nothing
came of it. What they know they read in the chat; nobody looks into the database.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from sandbox import slack, telegram
from tests.faults.company import STAFF, World

PAID, FAILED, REJECTED, CANCELLED = "Paid", "Failed", "Rejected", "Cancelled"
PENDING = "Waiting for approval"
FINAL = (PAID, "Settled and found on the statement", FAILED, REJECTED, CANCELLED)
_WITHDRAW, _DECIDE = "Withdraw", "Say what became of it"
UNDECIDED = "Outcome unknown, a person must decide"
_STATE = re.compile(r"^\*?Status\*?:? *\n?(.*)$", re.MULTILINE)
_ORDER = re.compile(r"\bP[0-9A-HJKMNP-TV-Z]{8}\b")
_CARD = "Policy:"
_PATIENCE = 1.5
_PORTAL_SECONDS = 1.0
_SORRY = "Something went wrong on our side"
_SILENCE = timedelta(seconds=20)
_TROUBLE = (TimeoutError, LookupError, slack.ApiError, telegram.ApiError, PermissionError)


class NotDone(Exception):
    """Somebody could not get their work done in a long time."""


class Colleague(ABC):
    """One person, in the chat in which they are at home.

    Attributes:
        pressed: Orders that this person has approved, as far as they know.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.full_name = STAFF[name][0]
        self.approved: set[str] = set()
        self._busy = asyncio.Lock()

    # ---- what they see ------------------------------------------------------------------------

    @abstractmethod
    def _texts(self) -> Iterator[str]:
        """Return the texts of this person's private messages, the newest first."""

    def card(self, words: str) -> str | None:
        """Return the text of the newest card with these words."""
        return next((text for text in self._texts() if words in text and _CARD in text), None)

    def state(self, order_id: str) -> str:
        """Return what the card of an order says of where it is; empty where there is none."""
        card = self.card(order_id)
        found = _STATE.search(card) if card else None
        return found.group(1).strip() if found else ""

    async def sees(self, is_so: Callable[[], bool], *, seconds: float = _PATIENCE) -> bool:
        """Wait a while until something is to be seen; False where it is not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not is_so():
                    await asyncio.sleep(0.02)
        return is_so()

    # ---- what they do -------------------------------------------------------------------------

    async def asks(self, line: str, reference: str, patience: float) -> str:
        """Ask for a payment until its card is there; return the order's id."""

        async def attempt() -> None:
            await self._types(f"/pay {line} ref {reference}")

        await self._until_done(attempt, lambda: self.card(reference) is not None, patience)
        card = self.card(reference)
        assert card is not None
        found = _ORDER.search(card)
        assert found is not None, card
        return found.group()

    async def approves(self, order_id: str, asker: Colleague, patience: float) -> None:
        """Approve an order until its card, or the asker's, says so or that it is too late."""

        def is_done() -> bool:
            return any(
                f": {self.full_name}," in (each.card(order_id) or "")
                or each.state(order_id) not in ("", PENDING)
                for each in (self, asker)
            )

        async def attempt() -> None:
            if await self.sees(lambda: self.card(order_id) is not None):
                self.approved.add(order_id)
                await self._fills("Approve", order_id, {"code": await self.world.code(self.name)})

        await self._until_done(attempt, is_done, patience)

    async def rejects(self, order_id: str, asker: Colleague, patience: float) -> None:
        """Reject an order until its card, or the asker's, says so."""

        def is_done() -> bool:
            return any(each.state(order_id) not in ("", PENDING) for each in (self, asker))

        async def attempt() -> None:
            if await self.sees(lambda: self.card(order_id) is not None):
                await self._fills("Reject", order_id, {"reason": "Not this one"})

        await self._until_done(attempt, is_done, patience)

    async def withdraws(self, order_id: str) -> None:
        """Try once to withdraw an order, wherever it is by now."""
        async with self._busy:
            with _trouble():
                await self._presses(_WITHDRAW, order_id)

    async def decides(
        self, order_id: str, reference: str, is_done: Callable[[], bool], patience: float
    ) -> None:
        """Look in the bank's portal what became of a payment, and say so."""

        async def attempt() -> None:
            if not await self.sees(lambda: self.state(order_id) == UNDECIDED):
                return
            await asyncio.sleep(_PORTAL_SECONDS)
            answers = {
                "outcome": "executed" if self._was_executed(reference) else "not_executed",
                "note": "Seen in the portal",
                "code": await self.world.code(self.name),
            }
            await self._fills(_DECIDE, order_id, answers)

        await self._until_done(attempt, is_done, patience)

    def _was_executed(self, reference: str) -> bool:
        bank = self.world.bank
        for payment in bank.payments.all.values():
            if payment.order.remittance == reference and payment.is_open:
                bank.settle(payment.id)
        return any(paid.remittance == reference for paid in bank.ledger)

    async def _until_done(
        self, attempt: Callable[[], Awaitable[None]], is_done: Callable[[], bool], patience: float
    ) -> None:
        """Try until it is done; raises `NotDone` when patience is over."""
        try:
            async with asyncio.timeout(patience):
                while not is_done():
                    async with self._busy:
                        if is_done():
                            return
                        with _trouble():
                            await attempt()
                    await self.sees(is_done)
        except TimeoutError:
            seen = "\n".join(list(self._texts())[:3])
            raise NotDone(f"{self.name} could not go on; saw last:\n{seen}") from None

    @abstractmethod
    async def _types(self, command: str) -> None:
        """Type a command."""

    @abstractmethod
    async def _presses(self, label: str, order_id: str) -> None:
        """Press a button of an order's card."""

    @abstractmethod
    async def _fills(self, label: str, order_id: str, answers: dict[str, str]) -> None:
        """Press a button of an order's card and fill in the form that it opens."""


@contextmanager
def _trouble() -> Iterator[None]:
    """Shrug at what goes wrong while the bot is away."""
    try:
        yield
    except _TROUBLE:
        return


_ACTIONS = {
    "Approve": "approve",
    "Reject": "reject",
    _WITHDRAW: "cancel",
    _DECIDE: "resolve",
}


class OnSlack(Colleague):
    """Somebody at home in Slack."""

    @property
    def _person(self) -> slack.Person:
        return self.world.on_slack(self.name)

    def _texts(self) -> Iterator[str]:
        for message in reversed(self._person.messages()):
            if message.is_by_app and not message.is_reply and not message.ephemeral_to:
                yield slack.text_of(message)

    async def _types(self, command: str) -> None:
        await self._person.command(command)

    async def _presses(self, label: str, order_id: str) -> None:
        action = _ACTIONS[label]
        for message in reversed(self._person.messages()):
            if order_id in slack.text_of(message) and action in _buttons(message):
                await self._person.click(message, action)
                return

    async def _fills(self, label: str, order_id: str, answers: dict[str, str]) -> None:
        for view in reversed(self._person.views()):
            await self._person.dismiss(view)
        await self._presses(label, order_id)
        view = await self._person.wait_view(timeout=_PATIENCE)
        if view.callback_id == _ACTIONS[label]:
            await self._person.submit(view, answers)
        for each in reversed(self._person.views()):
            await self._person.dismiss(each)


def _buttons(message: slack.Message) -> list[str]:
    return [
        element.get("action_id", "")
        for block in message.all_blocks()
        for element in block.get("elements", ())
    ]


class OnTelegram(Colleague):
    """Somebody at home in Telegram."""

    @property
    def _person(self) -> telegram.Person:
        return self.world.on_telegram(self.name)

    def _texts(self) -> Iterator[str]:
        for message in reversed(self._person.messages()):
            if message.is_by_bot:
                yield telegram.text_of(message).replace("\u200b", "")

    async def _types(self, command: str) -> None:
        # It waits at Telegram until the bot is back; it is only said again where that said sorry,
        # or said nothing for long.
        said = [m for m in self._person.messages() if m.text == command]
        if said:
            later = [m for m in self._person.messages() if m.serial > said[-1].serial]
            is_sorry = any(_SORRY in m.text for m in later)
            is_old = datetime.now(UTC) - said[-1].date > _SILENCE
            if not is_sorry and not is_old:
                return
        await self._person.say(command)

    async def _presses(self, label: str, order_id: str) -> None:
        for message in reversed(self._person.messages()):
            text = telegram.text_of(message)
            if order_id in text and _CARD in text and f"[{label}]" in text:
                await self._person.press(message, label, timeout=_PATIENCE)
                if label == _WITHDRAW:  # it asks whether that is meant
                    await self._person.press(message, label, timeout=_PATIENCE)
                return

    async def _fills(self, label: str, order_id: str, answers: dict[str, str]) -> None:
        before = self._person.messages()[-1].serial
        await self._presses(label, order_id)
        if "code" in answers:
            pad = await self._appears(lambda m: "[⌫]" in telegram.text_of(m), before)
            for digit in answers["code"]:
                pressed = await self._person.press(pad, digit, timeout=_PATIENCE)
                if not pressed.answered:
                    return
            return
        await self._appears(lambda m: "👉" in m.text, before)
        said = await self._person.say(answers["reason"])
        review = await self._appears(lambda m: "Is this right?" in m.text, said.serial)
        await self._person.press(
            review, next(each.label for each in review.all_buttons()), timeout=_PATIENCE
        )

    async def _appears(
        self, is_it: Callable[[telegram.Message], bool], serial: int
    ) -> telegram.Message:
        return await self._person.wait_message(
            lambda m: m.is_by_bot and m.serial > serial and is_it(m),
            self._person.chat,
            timeout=_PATIENCE,
        )


def colleague(world: World, name: str) -> Colleague:
    """Return a person of the company."""
    kinds = {"slack": OnSlack, "telegram": OnTelegram}
    return kinds[STAFF[name][2]](world, name)
