"""Leading people through forms: what a press or a typed answer does, and what they see of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.cards import Accepted, Form, Input, InputKind, Invalid, Notice, Replace, Submitted, Tone
from bot.chat import ChatRefused, ChatUnavailable
from bot.files import Sent
from bot.interactions import Interactions
from bot.services import Caller, Services
from bot.telegram import dialogue, dialogues, render
from bot.telegram.chat import TelegramChat
from bot.telegram.dialogue import Dialogue, Knob, Op
from bot.wording import Reader
from workflows import payment_files

CallerOf = Callable[[int, str], Awaitable[Caller]]
"""Returns who a Telegram user is, for a key; raises `Refusal` for a stranger."""

_REDRAW_SECONDS = 0.7
"""How often a keypad's dots are drawn: Telegram takes one change a second or so."""


class Conversations:
    """The dialogues of all people with the bot."""

    def __init__(
        self,
        services: Services,
        interactions: Interactions,
        chat: TelegramChat,
        caller_of: CallerOf,
        *,
        expires_after: timedelta,
    ) -> None:
        self._services = services
        self._interactions = interactions
        self._chat = chat
        self._caller_of = caller_of
        self._expires_after = expires_after
        self._drawing: dict[str, asyncio.Task[None]] = {}
        self._to_draw: dict[str, Dialogue] = {}

    # ---- beginning and ending -----------------------------------------------------------------

    async def begin(self, caller: Caller, form: Form) -> None:
        """Show a form: question by question, or at once where there is nothing to ask."""
        user_id = int(caller.identity)
        if not form.submit:
            lines = [render.bold(form.title), render.EMPTY, *map(render.fact, form.facts)]
            lines += [render.EMPTY, *(render.plain(each) for each in form.lines)]
            await self._chat.send(user_id, render.pages(lines))
            return
        await self._make_room(user_id)
        # Named after the update: one that is dealt with twice begins one dialogue, not two.
        name = hashlib.sha256(caller.key.encode()).hexdigest()[:16]
        begun = dialogue.begin(form, user_id, caller.language, name=name)
        begun = await self._with_choices(caller, begun)
        await self._show_below(begun)

    def stop(self) -> None:
        """Draw no more dots."""
        for name in list(self._drawing):
            self._stop_drawing(name)

    async def awaits_code(self, user_id: int) -> bool:
        """Whether any keypad waits for a person's code, whatever else they are asked meanwhile."""
        return any(each.takes_code for each in await self._of_person(user_id))

    async def cancel_all(self, caller: Caller) -> int:
        """Close every dialogue of a person; return how many there were."""
        user_id = int(caller.identity)
        found = await self._of_person(user_id)
        for each in found:
            await self._end(each, "dialogue.cancelled")
        return len(found)

    async def sweep(self) -> None:
        """Close dialogues that were left half filled in."""
        before = self._services.clock() - self._expires_after
        cipher = self._services.cipher
        left, unreadable = await self._services.database.read(
            lambda connection: dialogues.left_before(connection, cipher, before)
        )
        if unreadable:
            await self._services.database.write(
                lambda connection: dialogues.close_all(connection, unreadable)
            )
        for each in left:
            with suppress(ChatUnavailable, ChatRefused):
                await self._end(each, "dialogue.expired")
            await self._close(each)

    async def _make_room(self, user_id: int) -> None:
        found = await self._of_person(user_id)
        for each in found[dialogues.MOST_AT_ONCE - 1 :]:
            await self._end(each, "dialogue.expired")

    # ---- what people do -----------------------------------------------------------------------

    async def pressed(self, user_id: int, message_id: int, data: str, key: str) -> str | None:
        """Do what a button of a dialogue asks for; return what to say over the chat, if anything.

        Args:
            message_id: Of the message it stands under, in the person's chat; 0 for any other.

        Raises:
            Refusal: the person is a stranger by now.
        """
        _, _, rest = data.partition(":")
        name, _, word = rest.partition(":")
        since = self._since()
        cipher = self._services.cipher
        found = await self._services.database.read(
            lambda connection: dialogues.find(connection, cipher, name, user_id, since=since)
        )
        if found is not None and found.message_id not in (None, message_id):
            found = None  # a copy of it, or another message
        caller = await self._caller(user_id, key, found)
        if found is None or not message_id:
            return self._services.messages.text(caller.language, "dialogue.gone")
        found = replace(found, message_id=message_id)
        if found.by == key or found.outcome is not None:
            await self._again(caller, found)
            return None
        found = replace(found, by=key)
        knob = found.knob(word)
        if knob is None:
            await self._show(found)
            return self._reader(found).say("dialogue.stale")
        return await self._do(caller, found, knob)

    async def _do(self, caller: Caller, found: Dialogue, knob: Knob) -> str | None:
        match knob.op:
            case Op.CANCEL:
                await self._end(found, "dialogue.cancelled")
            case Op.DIGIT:
                return await self._digit(caller, found, knob.value)
            case Op.ERASE:
                return await self._dots(found.erased())
            case Op.SUBMIT:
                await self._submit(caller, found)
            case _:
                await self._go(caller, _after(found, knob))
        return None

    async def _again(self, caller: Caller, found: Dialogue) -> None:
        """Go on where an update was cut off that had its effect already."""
        if found.outcome is not None:
            await self._end_with(found, found.outcome)
        elif found.has_whole_code:
            await self._submit(caller, found)
        else:
            await self._show(found)

    async def typed(self, caller: Caller, text: str) -> bool:
        """Take something typed as an answer; False when nothing waits for one."""
        open_ones = await self._of_person(int(caller.identity))
        before = next((each for each in open_ones if each.by == caller.key), None)
        if before is not None:
            await self._again(caller, before)
            return True
        # Whatever was touched last is what they have before them.
        found = next((each for each in open_ones if each.takes_text), None)
        if found is None:
            return False
        asked = found.asked
        assert asked is not None
        found = replace(found, by=caller.key)
        answered = await self._answered(caller, found, asked, dialogue.typed(text, asked))
        await self._go(caller, answered, is_below=True)
        return True

    async def given(self, caller: Caller, file: Sent) -> bool:
        """Take a file as the answer of a form that has room for one; False when none has.

        Raises:
            Refusal: it cannot be taken.
        """
        open_ones = await self._of_person(int(caller.identity))
        is_list = payment_files.is_list(file.name)
        found = next((each for each in open_ones if _has_room(each, is_list=is_list)), None)
        if found is None:
            return False
        asked = found.file_input
        assert asked is not None
        kept = await self._interactions.files.attach(found.form.id, caller, file)
        await self._go(caller, found.given(asked, kept), is_below=True)
        return True

    async def _answered(
        self, caller: Caller, found: Dialogue, asked: Input, value: str
    ) -> Dialogue:
        reader = self._reader(found)
        if len(value) > dialogue.longest(asked):
            longest = dialogue.longest(asked)
            return found.refused(reader.say("dialogue.too_long", longest=longest))
        if asked.kind is InputKind.SEARCH:
            choices = await self._interactions.suggest(caller, asked.name, value)
            nobody = reader.say("dialogue.nobody", text=value[:70], skip=asked.skip)
            problem = "" if choices else nobody
            return found.with_found(choices, problem)
        answers = {**found.answers, asked.name: value}
        wrong = await self._interactions.problem(found.form.id, caller, asked.name, answers)
        return found.refused(wrong) if wrong else found.answered(value)

    async def _digit(self, caller: Caller, found: Dialogue, digit: str) -> str | None:
        grown = found if found.has_whole_code else found.digit(digit)
        if not grown.has_whole_code:
            return await self._dots(grown)
        # Stored before it is sent: after a crash the same press sends it again.
        await self._store(grown)
        await self._submit(caller, grown)
        return None

    async def _dots(self, changed: Dialogue) -> str:
        """Show how much of a code there is: over the chat at once, in the message when it can."""
        await self._store(changed)
        self._to_draw[changed.id] = changed
        if changed.id not in self._drawing:
            self._drawing[changed.id] = asyncio.create_task(self._draw_dots(changed.id))
        typed = len(changed.answers.get(changed.at, ""))
        return "● " * typed + "○ " * (dialogue.CODE_LENGTH - typed)

    async def _draw_dots(self, name: str) -> None:
        try:
            while (current := self._to_draw.pop(name, None)) is not None:
                with suppress(ChatUnavailable, ChatRefused):
                    await self._draw(current)
                await asyncio.sleep(_REDRAW_SECONDS)
        finally:
            self._drawing.pop(name, None)

    def _stop_drawing(self, name: str) -> None:
        self._to_draw.pop(name, None)
        if (task := self._drawing.pop(name, None)) is not None:
            task.cancel()

    # ---- what becomes of it -------------------------------------------------------------------

    async def _submit(self, caller: Caller, found: Dialogue) -> None:
        self._stop_drawing(found.id)
        keyed = replace(caller, key=f"telegram:form:{found.id}")
        form = found.form
        submitted = await self._interactions.submit(form.id, keyed, form.token, found.answers)
        await self._take(caller, found, submitted)

    async def _take(self, caller: Caller, found: Dialogue, submitted: Submitted) -> None:
        match submitted:
            case Invalid(errors):
                await self._go(caller, found.invalid(errors))
            case Replace(form) if not form.submit:
                await self.begin(caller, form)
                await self._remove(found)
                await self._close(found)
            case Replace(form):
                again = dialogue.begin(form, found.user_id, found.language, name=found.id)
                await self._go(caller, replace(again, message_id=found.message_id))
            case Accepted(None):
                await self._remove(found)
                await self._close(found)
            case Accepted(notice):
                assert notice is not None
                # Stored before it is shown: what cannot be shown now is not done again for that.
                done = replace(found, outcome=notice)
                await self._store(done)
                await self._end_with(done, notice)

    async def _end(self, found: Dialogue, key: str) -> None:
        text = self._reader(found).say(key)
        notice = found.outcome or Notice(f"{found.form.title}: {text}", Tone.NEUTRAL)
        await self._end_with(found, notice)

    async def _end_with(self, found: Dialogue, notice: Notice) -> None:
        """Put the outcome in the place of the dialogue."""
        self._stop_drawing(found.id)
        pages = render.pages(render.notice_lines(notice))
        if found.message_id is None or not await self._chat.put(
            found.user_id, found.message_id, pages, notice.actions
        ):
            await self._chat.send(found.user_id, pages, notice.actions)
        await self._close(found)

    async def _close(self, found: Dialogue) -> None:
        await self._services.database.write(
            lambda connection: dialogues.close(connection, found.id)
        )

    async def _remove(self, found: Dialogue) -> None:
        if found.message_id is not None:
            await self._chat.remove(found.user_id, found.message_id)

    # ---- what people see ----------------------------------------------------------------------

    async def _go(self, caller: Caller, changed: Dialogue, *, is_below: bool = False) -> None:
        """Store what a dialogue became, and show it."""
        changed = await self._with_choices(caller, changed)
        if is_below:
            # What was typed stands below the question: the next one goes below that.
            await self._show_below(changed)
        else:
            await self._show(changed)

    async def _with_choices(self, caller: Caller, changed: Dialogue) -> Dialogue:
        """Offer something to choose from before anything is searched for."""
        if not changed.is_searching or changed.found or changed.at in changed.problems:
            return changed
        return changed.with_found(await self._interactions.suggest(caller, changed.at, ""))

    async def _show(self, changed: Dialogue) -> None:
        drawn = changed.drawn(self._reader(changed), self._today())
        await self._store(drawn)
        if drawn.message_id is None or not await self._draw(drawn):
            await self._send(drawn)

    async def _show_below(self, changed: Dialogue) -> None:
        before = changed.message_id
        drawn = replace(changed.drawn(self._reader(changed), self._today()), message_id=None)
        await self._store(drawn)
        await self._send(drawn)
        if before is not None:
            with suppress(ChatUnavailable):
                await self._chat.remove(drawn.user_id, before)

    async def _send(self, drawn: Dialogue) -> None:
        *before, last = drawn.pages(self._reader(drawn))
        for page in before:  # what is agreed to is shown whole, however long it is
            await self._chat.send_drawn(drawn.user_id, page, None)
        sent = await self._chat.send_drawn(drawn.user_id, last, drawn.markup())
        await self._store(replace(drawn, message_id=sent.message_id))

    async def _draw(self, drawn: Dialogue) -> bool:
        assert drawn.message_id is not None
        page = drawn.pages(self._reader(drawn))[-1]
        return await self._chat.redraw(drawn.user_id, drawn.message_id, page, drawn.markup())

    # ---- what they share ----------------------------------------------------------------------

    async def _store(self, changed: Dialogue) -> None:
        now, cipher = self._services.clock(), self._services.cipher
        await self._services.database.write(
            lambda connection: dialogues.save(connection, cipher, changed, now=now)
        )

    async def _of_person(self, user_id: int) -> list[Dialogue]:
        since, cipher = self._since(), self._services.cipher
        return await self._services.database.read(
            lambda connection: dialogues.of_person(connection, cipher, user_id, since=since)
        )

    async def _caller(self, user_id: int, key: str, found: Dialogue | None) -> Caller:
        """Return who this is; whoever is proving who they are is nobody yet."""
        if found is not None and found.form.id == "link":
            return await self._interactions.claimant(
                found.form.token, self._chat.name, str(user_id), key
            )
        return await self._caller_of(user_id, key)

    def _since(self) -> datetime:
        return self._services.clock() - self._expires_after

    def _today(self) -> date:
        return self._services.clock().astimezone(self._services.company.timezone).date()

    def _reader(self, found: Dialogue) -> Reader:
        services = self._services
        company = services.company
        return Reader(services.messages, company, found.language, company.timezone)


def _has_room(found: Dialogue, *, is_list: bool) -> bool:
    """Whether a form takes a file; a list of payments is nobody's invoice."""
    return found.file_input is not None and (not is_list or found.form.id == "list")


def _after(found: Dialogue, knob: Knob) -> Dialogue:
    match knob.op:
        case Op.CHOOSE:
            return found.answered(knob.value, knob.label.removeprefix("✓ "))
        case Op.KEEP:
            return found.answered(knob.value, found.labels.get(found.at, knob.value))
        case Op.SKIP:
            return found.answered("")
        case Op.BACK:
            return found.back()
        case Op.EDIT:
            return found.editing(knob.value)
        case Op.TOGGLE:
            name, _, value = knob.value.partition("=")
            return found.toggled(name, value)
        case Op.TICKED:
            return found.ticked()
        case _:
            raise ValueError(knob.op)
