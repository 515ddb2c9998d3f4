"""Plays the journey once: every line is somebody typing, clicking or reading in the chat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rich.console import Console

from bot.demo import company
from bot.demo.stage import Stage
from sandbox import telegram
from sandbox.slack import Message, Person, View, text_of
from workflows import audit, orders
from workflows.orders import Order

PATIENCE = 30.0


class TourFailed(Exception):
    """Something did not happen as it must; the text says what."""


class Tour:
    """One payment, from the question what we have to the digest that tells of it."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._console = console
        self._begun = datetime.now(UTC)
        self._steps = 0

    async def play(self) -> Order:
        """Play it and return the payment.

        Raises:
            TourFailed: the journey did not end as it must.
        """
        stage = self._stage
        amara, bea, carl = (stage.person(name) for name in ("amara", "bea", "carl"))
        await self._balance(carl)
        await self._link(carl)
        await self._request(amara)
        order = await self._stored()
        await self._approve_in_slack(bea, order)
        await self._approve_in_telegram(order)
        await self._follow(amara, order)
        await self._equal(order)
        await self._statement(order)
        await self._digest()
        await self._series(amara)
        await self._evidence(order)
        return order

    async def _balance(self, carl: Person) -> None:
        with self._step("Carl Weiss, CFO, asks for /balance"):
            _done(await carl.command("/balance", company.TREASURY))
            seen = await carl.wait_message(lambda m: "Operating USD" in text_of(m))
        self._say(_line_with(seen, "In total"), "seen by him alone")

    async def _request(self, amara: Person) -> None:
        line = "1250.00 EUR to ACME ref INV-7"
        with self._step(f"Amara Okafor, buyer, types /pay {line}"):
            _done(await amara.command(f"/pay {line}", company.PURCHASING))
            card = await amara.wait_message(
                lambda m: "€1,250.00" in text_of(m) and "Waiting for approval" in text_of(m)
            )
        for wanted in ("○ Waiting for", "Policy:"):
            self._say(*(each for each in text_of(card).splitlines() if wanted in each))

    async def _stored(self) -> Order:
        assert self._stage.app is not None
        (order,) = await self._stage.app.database.read(
            lambda connection: orders.asked_by(connection, "amara")
        )
        return order

    async def _link(self, carl: Person) -> None:
        there = self._stage.on_telegram("carl")
        with self._step("Carl links his Telegram: a link that works once, and a code of his"):
            _done(await carl.command("/treasury link"))
            offer = await carl.wait_message(lambda m: _has_button(m, "open"), carl.dm)
            await there.open_link(_address(offer))
            pad = await there.wait_message(_is_keypad)
            # The code that has just run out still counts; the next one is for the payment.
            linked = await _enter(there, pad, self._stage.code_before("carl"))
            await there.press(linked, "Send my requests to Telegram")
        self._say(linked.text.splitlines()[0].removeprefix("✅ "))

    async def _approve_in_telegram(self, order: Order) -> None:
        carl = self._stage.on_telegram("carl")
        with self._step("Carl Weiss, CFO, does the same in Telegram, on a keypad"):
            card = await carl.wait_message(
                lambda m: order.id in m.text and "[Approve]" in telegram.text_of(m), carl.chat
            )
            await carl.press(card, "Approve")
            pad = await carl.wait_message(_is_keypad)
            answer = await _enter(carl, pad, carl.code())
        self._say(answer.text.splitlines()[0].removeprefix("✅ "))

    async def _equal(self, order: Order) -> None:
        carl = self._stage.on_telegram("carl")
        with self._step("Every card tells it, in both chats"):
            for place in (carl.chat, company.TREASURY_GROUP):
                await carl.wait_message(
                    lambda m: order.id in m.text and "Paid" in m.text, place, timeout=PATIENCE
                )
            await self._stage.person("carl").wait_message(
                lambda m: order.id in text_of(m) and "Paid" in text_of(m),
                company.TREASURY,
                timeout=PATIENCE,
            )

    async def _approve_in_slack(self, person: Person, order: Order) -> None:
        with self._step("Bea Lindqvist, Controller, sees payee and amount and gives a code"):
            card = await person.wait_message(
                lambda m: order.id in text_of(m) and _has_button(m, "approve")
            )
            _done(await person.click(card, "approve"))
            form = await person.wait_view()
            _done(await person.submit(form, {"code": person.code()}))
            answer = text_of(person.views()[-1])
            await person.dismiss(person.views()[-1])
        self._say(answer.splitlines()[1].removeprefix(":white_check_mark: "))

    async def _follow(self, amara: Person, order: Order) -> None:
        with self._step("Sent to the bank once, and followed until it is settled"):
            await self._told(amara, lambda text: "ACSC" in text)
        with self._step("The receipt comes back into the thread"):
            await amara.wait_message(lambda m: bool(m.files), timeout=PATIENCE)
        executed = [
            each for each in self._stage.bank.ledger if each.end_to_end_id == order.end_to_end_id
        ]
        if len(executed) != 1:
            raise TourFailed(f"the bank executed the payment {len(executed)} times")
        self._say(f"the bank's ledger has {order.end_to_end_id} exactly once")

    async def _statement(self, order: Order) -> None:
        assert self._stage.app is not None
        with self._step("The account's statement is collected, checked and matched"):
            await self._stage.app.schedule.collect()
            amara = self._stage.person("amara")
            await self._told(amara, lambda text: "Found on the statement" in text)

    async def _digest(self) -> None:
        assert self._stage.app is not None
        with self._step("The daily digest is posted in both, with a picture"):
            await self._stage.app.schedule.digest()
            carl = self._stage.person("carl")
            digest = await carl.wait_message(
                lambda m: "Daily digest" in text_of(m), company.TREASURY, timeout=PATIENCE
            )
            await self._stage.on_telegram("carl").wait_message(
                lambda m: m.photo is not None, company.TREASURY_GROUP, timeout=PATIENCE
            )
        self._say(_after(digest, "Cash position"), f"matched {_after(digest, 'Debits matched')}")

    async def _series(self, amara: Person) -> None:
        first = self._begun.date() + timedelta(days=3)
        until = first + timedelta(days=330)
        line = f"89.00 EUR to Studio Lumière on {first} every month until {until} ref Website"
        with self._step("Amara asks for what comes again: one approval is for all of it"):
            _done(await amara.command(f"/pay {line}", company.PURCHASING))
            card = await amara.wait_message(lambda m: "Every month until" in text_of(m))
        self._say(*(each for each in text_of(card).splitlines() if "in all" in each))

    async def _evidence(self, order: Order) -> None:
        assert self._stage.app is not None
        with self._step("The record is verified, entry by entry"):
            found = await self._stage.app.database.read(audit.verify)
        if not found.is_intact:
            raise TourFailed(f"entry {found.broken_at} of the record {found.problem}")
        self._say(f"{found.entries} entries, head {found.head[:16]}…")

    async def _told(self, person: Person, is_it: Callable[[str], bool]) -> None:
        await person.wait_message(lambda m: is_it(text_of(m)), timeout=PATIENCE)

    def _step(self, what: str) -> Step:
        self._steps += 1
        return Step(self._console, self._steps, what)

    def _say(self, *lines: str) -> None:
        for line in lines:
            self._console.print(f"     [dim]{line}[/dim]", highlight=False)


class Step:
    """A line of the tour: shown while it happens, ticked when it has."""

    def __init__(self, console: Console, number: int, what: str) -> None:
        self._console = console
        self._text = f"{number:>2}. {what}"
        self._status = console.status(self._text)

    def __enter__(self) -> None:
        self._status.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._status.stop()
        mark = "[green]✓[/green]" if kind is None else "[red]✗[/red]"
        self._console.print(f"{mark} {self._text}", highlight=False)


def _done(outcome: object) -> None:
    if not getattr(outcome, "ok", False):
        raise TourFailed(f"Slack answered: {outcome}")


def _has_button(message: Message, action: str) -> bool:
    return any(
        element.get("action_id") == action
        for block in message.all_blocks()
        for element in block.get("elements", ())
    )


def _address(message: Message) -> str:
    """Return where a message's link leads."""
    return next(
        str(element["url"])
        for block in message.all_blocks()
        for element in block.get("elements", ())
        if element.get("action_id") == "open"
    )


def _is_keypad(message: telegram.Message) -> bool:
    return any(button.label == "⌫" for button in message.all_buttons())


async def _enter(person: telegram.Person, pad: telegram.Message, code: str) -> telegram.Message:
    """Tap a code on a keypad; return what stands in its place then."""
    for digit in code:
        await person.press(pad, digit)
    return await person.wait_message(
        lambda m: m.message_id == pad.message_id and not _is_keypad(m), timeout=PATIENCE
    )


def _line_with(shown: Message | View, wanted: str) -> str:
    return next((each for each in text_of(shown).splitlines() if wanted in each), "")


def _after(shown: Message | View, label: str) -> str:
    lines = text_of(shown).splitlines()
    at = next((n for n, each in enumerate(lines) if label in each), None)
    return lines[at + 1] if at is not None and at + 1 < len(lines) else ""
