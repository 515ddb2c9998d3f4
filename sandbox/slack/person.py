"""A person of the workspace, as tests and the demo act through them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pyotp

from sandbox.slack.deeds import Deeds, Outcome
from sandbox.slack.elements import options_of
from sandbox.slack.forms import entry_for, interactive, value_field
from sandbox.slack.model import ApiError, FileToGive, Json, Message, User, View
from sandbox.slack.store import Store

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds to wait for what should appear, unless told otherwise."""


class Person:
    """Acts in the workspace.

    What is returned are snapshots: they show what the person saw then, not what came after.
    """

    def __init__(self, user: User, store: Store, deeds: Deeds) -> None:
        self.id = user.id
        self._store = store
        self._deeds = deeds
        self._secret = user.totp_secret
        self._offered: dict[tuple[str, str], list[Json]] = {}

    @property
    def user(self) -> User:
        """The person's entry in the directory, as it is now."""
        return self._store.users[self.id]

    @property
    def dm(self) -> str:
        """The id of the direct message conversation with the app."""
        return self._store.im_with(self.id).id

    # ---- writing ------------------------------------------------------------------------------

    async def command(self, line: str, channel: str | None = None) -> Outcome:
        """Type a slash command, in the app's direct messages unless a channel is named.

        Raises:
            ApiError: the person is not in that channel.
        """
        return await self._deeds.command(self.id, channel or self.dm, line)

    async def say(
        self, text: str, channel: str | None = None, *, thread_ts: str | None = None
    ) -> Message:
        """Write a message; ``@name`` and ``#name`` become links.

        Raises:
            ApiError: the person is not in that channel, or the app takes no messages.
        """
        message = self._deeds.say(self.id, channel or self.dm, text, thread_ts=thread_ts)
        return deepcopy(message)

    async def upload(
        self, name: str, content: bytes, channel: str | None = None, *, text: str = ""
    ) -> Message:
        """Share a file."""
        file = self._store.new_file(self.id, name, len(content))
        file.content = content
        file.is_complete = True
        return deepcopy(self._deeds.say(self.id, channel or self.dm, text, files=[file]))

    # ---- reading ------------------------------------------------------------------------------

    def messages(
        self, channel: str | None = None, *, thread_ts: str | None = None
    ) -> list[Message]:
        """Return what the person sees, oldest first: replies and ephemeral messages too.

        Args:
            channel: A channel's id; the app's direct messages where it is None.
            thread_ts: Only this thread, its first message included.

        Raises:
            ApiError: the person is not in that channel.
        """
        place = self._deeds.channel_of(self.id, channel or self.dm)
        return [
            deepcopy(message)
            for message in self._store.messages(place.id, self.id)
            if thread_ts is None or thread_ts in (message.ts, message.thread_ts)
        ]

    def latest(self, message: Message) -> Message | None:
        """Return a message as it is now; None if it is gone."""
        found = self._store.find_message(message.channel, message.ts)
        return deepcopy(found) if found else None

    def wait_message(
        self,
        predicate: Callable[[Message], bool],
        channel: str | None = None,
        timeout: float = PATIENCE,
    ) -> Awaitable[Message]:
        """Return the newest message that satisfies ``predicate``, once there is one.

        Args:
            channel: Only in this channel; everywhere the person is, where it is None.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: there was none; says what the person sees.
        """

        def look() -> Message | None:
            return next((m for m in reversed(self._visible(channel)) if predicate(m)), None)

        def seen() -> str:
            lines = [f"  {m.channel} {m.text!r}" for m in self._visible(channel)[-10:]]
            return "\n".join(["no such message; there are:", *lines])

        return self._awaited(look, timeout, seen)

    async def _awaited(
        self, look: Callable[[], T | None], seconds: float, seen: Callable[[], str]
    ) -> T:
        try:
            return deepcopy(await self._store.until(look, seconds))
        except TimeoutError:
            raise TimeoutError(f"{self.user.name}: {seen()}") from None

    def _visible(self, channel: str | None) -> list[Message]:
        place = (
            {channel}
            if channel
            else {self.dm}
            | {other.id for other in self._store.channels.values() if self.id in other.members}
        )
        found = [m for name in place for m in self._store.messages(name, self.id)]
        return sorted(found, key=lambda message: message.ts)

    def read_file(self, file_id: str) -> bytes:
        """Return a file's content.

        Raises:
            ApiError: ``file_not_found``, or ``channel_not_found`` for a file of others that is in
                no channel of the person's.
        """
        file = self._store.files.get(file_id)
        if file is None or file.content is None:
            raise ApiError("file_not_found")
        members = {user for name in file.channels for user in self._store.channel(name).members}
        if self.id != file.user and self.id not in members:
            raise ApiError("channel_not_found" if file.channels else "file_not_found")
        return file.content

    # ---- Home and modals ----------------------------------------------------------------------

    async def open_home(self, tab: str = "home") -> View | None:
        """Open the app's Home tab (or ``messages``); return what it shows at that moment."""
        return deepcopy(self._deeds.open_home(self.id, tab))

    def home(self) -> View | None:
        """Return the Home tab as it is now."""
        return deepcopy(self._store.homes.get(self.id))

    def wait_home(
        self, predicate: Callable[[View], bool] = lambda view: True, timeout: float = PATIENCE
    ) -> Awaitable[View]:
        """Return the Home tab once it satisfies ``predicate``.

        Raises:
            TimeoutError: it did not within ``timeout`` seconds.
        """

        def look() -> View | None:
            home = self._store.homes.get(self.id)
            return home if home is not None and predicate(home) else None

        return self._awaited(look, timeout, lambda: "the Home tab is not so")

    def views(self) -> list[View]:
        """Return the open modals, the topmost last."""
        return deepcopy(self._store.stack(self.id))

    def wait_view(
        self, predicate: Callable[[View], bool] = lambda view: True, timeout: float = PATIENCE
    ) -> Awaitable[View]:
        """Return the topmost modal once it satisfies ``predicate``.

        Raises:
            TimeoutError: it did not within ``timeout`` seconds; says what is open.
        """

        def look() -> View | None:
            stack = self._store.stack(self.id)
            return stack[-1] if stack and predicate(stack[-1]) else None

        def seen() -> str:
            return f"no such view; open: {[view.title for view in self._store.stack(self.id)]}"

        return self._awaited(look, timeout, seen)

    def wait_closed(self, timeout: float = PATIENCE) -> Awaitable[bool]:
        """Wait until no modal is open.

        Raises:
            TimeoutError: one still was after ``timeout`` seconds.
        """
        stack = self._store.stack
        return self._awaited(
            lambda: None if stack(self.id) else True, timeout, lambda: "a modal is still open"
        )

    # ---- acting -------------------------------------------------------------------------------

    async def click(
        self,
        target: Message | View,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
        is_stale: bool = False,
    ) -> Outcome:
        """Click a button or choose in a menu, of a message, a modal or the Home tab.

        Args:
            target: The snapshot in which the person sees it.
            value: Tells buttons with the same action id apart; what is chosen, for others.
            block_id: Tells elements with the same action id apart.
            is_stale: Click what the snapshot shows although it may have changed since, as a
                client does that has not heard of the change.

        Raises:
            LookupError: no such element is there now, or it cannot have this value.
            ApiError: the message or view is gone.
        """
        holder = self._stored(target)
        shown = target if is_stale else holder
        action = self._action(shown, action_id, value, block_id)
        return await self._deeds.click(self.id, holder, action, is_stale=is_stale)

    def _stored(self, target: Message | View) -> Message | View:
        if isinstance(target, View):
            return self._deeds.view_of(self.id, target.id)
        return self._deeds.message_of(self.id, target.channel, target.ts)

    def _action(
        self, holder: Message | View, action_id: str, value: Any, block_id: str | None
    ) -> Json:
        there = []
        for block, element in interactive(holder.all_blocks()):
            there.append(element["action_id"])
            if element["action_id"] != action_id or block_id not in (None, block["block_id"]):
                continue
            action = {**element, "block_id": block["block_id"]}
            if element["type"] == "button":
                if value is None or element.get("value") == value:
                    return action
                continue
            known = self._offered.get(
                (holder.id if isinstance(holder, View) else holder.ts, block["block_id"]), []
            )
            entry = entry_for(_with_options(element, known), value)
            name = value_field(element)
            return action | {name: entry[name]}
        raise LookupError(f"no {action_id!r} with value {value!r} there; there are: {there}")

    async def submit(self, view: View, values: Mapping[str, Any] | None = None) -> Outcome:
        """Fill in a modal and submit it.

        Args:
            view: The modal on top.
            values: Block id → value, see ``forms.entry_for``; what is not named stays as it is.
                A file input takes a ``FileToGive``, a list of them, or None for no file.

        Raises:
            LookupError: no such input or option, or the modal is not on top.
            ApiError: the modal is closed.
        """
        stored = self._deeds.view_of(self.id, view.id)
        return await self._deeds.submit(self.id, stored, self._filled(stored, values or {}))

    def _filled(self, view: View, values: Mapping[str, Any]) -> dict[str, Json]:
        elements = {block["block_id"]: element for block, element in interactive(view.blocks)}
        filled: dict[str, Json] = {}
        for block_id, value in values.items():
            if block_id not in elements:
                raise LookupError(f"no input {block_id!r} there; there are: {list(elements)}")
            known = self._offered.get((view.id, block_id), [])
            element = elements[block_id]
            is_file = element["type"] == "file_input" or isinstance(value, FileToGive)
            chosen = self._given(view, block_id, value) if is_file else value
            entry = entry_for(_with_options(element, known), chosen)
            filled[block_id] = {element["action_id"]: entry}
        return filled

    def _given(self, view: View, block_id: str, value: Any) -> list[Json]:
        files = [value] if isinstance(value, FileToGive) else value or ()
        return [self._deeds.give(self.id, view, block_id, each) for each in files]

    async def dismiss(self, view: View) -> None:
        """Close the modal on top.

        Raises:
            LookupError: it is not on top.
            ApiError: it is closed.
        """
        await self._deeds.dismiss(self.id, self._deeds.view_of(self.id, view.id))

    async def suggest(self, target: Message | View, block_id: str, query: str) -> list[Json]:
        """Type into an external select and return the options the app offers.

        A value that was offered may then be chosen in :meth:`submit` or :meth:`click`.

        Raises:
            LookupError: no such select is there.
            ApiError: the message or view is gone.
        """
        holder = self._stored(target)
        there = {block["block_id"]: element for block, element in interactive(holder.all_blocks())}
        if block_id not in there:
            raise LookupError(f"no block {block_id!r} there; there are: {list(there)}")
        action_id = there[block_id]["action_id"]
        answer = await self._deeds.suggest(self.id, holder, block_id, action_id, query)
        options = options_of(answer)
        key = (holder.id if isinstance(holder, View) else holder.ts, block_id)
        self._offered[key] = options
        return options

    # ---- the phone ----------------------------------------------------------------------------

    def scan(self, uri: str) -> None:
        """Scan an ``otpauth://`` QR code with the authenticator app on the phone.

        Raises:
            ValueError: it holds no secret.
        """
        secret = parse_qs(urlsplit(uri).query).get("secret", [""])[0]
        if not secret:
            raise ValueError("this QR code holds no secret")
        self._secret = secret

    def code(self) -> str:
        """Return the six digits the authenticator app shows now.

        Raises:
            LookupError: it has none for this person.
        """
        if self._secret is None:
            raise LookupError(f"{self.user.name} has enrolled no second factor")
        return pyotp.TOTP(self._secret).at(self._store.now())

    def seconds_left(self) -> int:
        """Return for how many seconds the code will be shown."""
        return 30 - int(self._store.now().timestamp()) % 30

    @property
    def has_code(self) -> bool:
        """Whether the authenticator app shows a code."""
        return self._secret is not None


def _with_options(element: Json, options: list[Json]) -> Json:
    return {**element, "options": options} if options else element
