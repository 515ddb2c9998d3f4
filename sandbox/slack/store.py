"""The workspace's memory, and the news of every change to it."""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
import string
from collections import OrderedDict
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from sandbox.slack.model import ApiError, AppConfig, Channel, File, Message, User, View

MOST_MESSAGES = 5_000
"""Messages kept in one channel; the oldest go first."""

MOST_FILE_BYTES = 64 * 1024 * 1024
"""Bytes of files kept in all; the oldest go first."""

MOST_VIEWS = 3
"""Modals that can lie on one another."""

T = TypeVar("T")

_ALPHABET = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened.

    Attributes:
        users: Who may know; None where the channel's members may.
        before: The message as it was, for changes and deletions.
    """

    type: Literal[
        "message",
        "message_changed",
        "message_deleted",
        "ephemeral",
        "views",
        "home",
        "inbox",
        "user",
    ]
    channel: str | None = None
    thread_ts: str | None = None
    users: frozenset[str] | None = None
    message: Message | None = None
    before: Message | None = None


Watcher = Callable[[Change], None]


class Store:
    """People, channels, messages, views and files of one workspace.

    Every change is announced to the watchers in the order in which it happened, and wakes those
    who wait in :meth:`until`.
    """

    def __init__(
        self,
        *,
        team_id: str,
        team_name: str,
        users: Iterable[User],
        channels: Iterable[Channel],
        app: AppConfig,
        now: Callable[[], datetime],
    ) -> None:
        self.team_id = team_id
        self.team_name = team_name
        self.app = app
        self.now = now
        self.base_url = ""
        bot = User(app.bot_user_id, app.bot_name, app.name, is_bot=True, tz="UTC")
        self.users: dict[str, User] = {user.id: user for user in (*users, bot)}
        self.channels: dict[str, Channel] = {channel.id: channel for channel in channels}
        self.files: OrderedDict[str, File] = OrderedDict()
        self.homes: dict[str, View] = {}
        self._messages: dict[str, OrderedDict[str, Message]] = {}
        self._views: dict[str, View] = {}
        self._stacks: dict[str, list[str]] = {}
        self._read: dict[tuple[str, str], str] = {}
        self._last_ts = 0
        self._watchers: list[Watcher] = []
        self._condition = asyncio.Condition()
        self._wakers: set[asyncio.Task[None]] = set()

    # ---- news ---------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell ``watcher`` of every change from now on; call the result to stop."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def announce(self, change: Change) -> None:
        """Tell the watchers and wake those who wait."""
        for watcher in tuple(self._watchers):
            watcher(change)
        task = asyncio.ensure_future(self._wake())
        self._wakers.add(task)
        task.add_done_callback(self._wakers.discard)

    async def _wake(self) -> None:
        async with self._condition:
            self._condition.notify_all()

    async def until(self, look: Callable[[], T | None], seconds: float) -> T:
        """Return what ``look`` finds, now or after a change.

        Raises:
            TimeoutError: nothing was found within ``seconds``.
        """
        async with asyncio.timeout(seconds), self._condition:
            while (found := look()) is None:
                await self._condition.wait()
            return found

    # ---- names --------------------------------------------------------------------------------

    def new_ts(self) -> str:
        """Return the next timestamp; no two are equal, whatever the clock does."""
        self._last_ts = max(int(self.now().timestamp() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    @staticmethod
    def new_id(prefix: str) -> str:
        """Return a fresh id such as ``V0K3…``."""
        return prefix + "0" + "".join(secrets.choice(_ALPHABET) for _ in range(9))

    def new_hash(self) -> str:
        """Return a view's next hash."""
        return f"{int(self.now().timestamp())}.{secrets.token_hex(4)}"

    # ---- people and channels ------------------------------------------------------------------

    def user(self, user_id: str) -> User:
        """Return a user.

        Raises:
            ApiError: ``user_not_found``.
        """
        user = self.users.get(user_id)
        if user is None:
            raise ApiError("user_not_found")
        return user

    def change_user(self, user: User) -> None:
        """Put another entry in place of a user's in the directory."""
        self.users[user.id] = user
        self.announce(Change("user", users=frozenset({user.id})))

    def channel(self, channel_id: str) -> Channel:
        """Return a channel.

        Raises:
            ApiError: ``channel_not_found``.
        """
        channel = self.channels.get(channel_id)
        if channel is None:
            raise ApiError("channel_not_found")
        return channel

    def im_with(self, user_id: str) -> Channel:
        """Return the direct message conversation of a person with the app."""
        user = self.user(user_id)
        channel_id = "D" + user.id[1:]
        if channel_id not in self.channels:
            members = [user.id, self.app.bot_user_id]
            self.channels[channel_id] = Channel(channel_id, "directmessage", members, kind="im")
        return self.channels[channel_id]

    def im_partner(self, channel: Channel) -> str:
        """Return the person in a direct message conversation."""
        return channel.members[0]

    # ---- messages -----------------------------------------------------------------------------

    def post(self, message: Message) -> Message:
        """Add a message and announce it."""
        kept = self._messages.setdefault(message.channel, OrderedDict())
        kept[message.ts] = message
        while len(kept) > MOST_MESSAGES:
            kept.popitem(last=False)
        if message.thread_ts and (root := kept.get(message.thread_ts)) is not None:
            root.thread_ts = root.ts
        if message.ephemeral_to:
            self.announce(self._about("ephemeral", message))
        else:
            self._read[message.user, message.channel] = message.ts
            self.announce(self._about("message", message))
        return message

    def change(self, message: Message, before: Message) -> None:
        """Announce that a stored message was changed in place."""
        self.announce(self._about("message_changed", message, before))

    def delete(self, message: Message) -> None:
        """Remove a message and announce it."""
        self._messages[message.channel].pop(message.ts, None)
        self.announce(self._about("message_deleted", message, message))

    def _about(
        self,
        change: Literal["message", "message_changed", "message_deleted", "ephemeral"],
        message: Message,
        before: Message | None = None,
    ) -> Change:
        only = frozenset({message.ephemeral_to}) if message.ephemeral_to else None
        return Change(
            change,
            channel=message.channel,
            thread_ts=message.thread_ts,
            users=only,
            message=deepcopy(message),
            before=deepcopy(before),
        )

    def find_message(self, channel_id: str, ts: str) -> Message | None:
        """Return the stored message itself, if it is there."""
        return self._messages.get(channel_id, OrderedDict()).get(ts)

    def messages(self, channel_id: str, user_id: str | None = None) -> list[Message]:
        """Return a channel's messages, oldest first: those that one person sees, or all."""
        return [
            message
            for message in self._messages.get(channel_id, OrderedDict()).values()
            if user_id is None or message.ephemeral_to in (None, user_id)
        ]

    def replies(self, message: Message) -> list[Message]:
        """Return a thread's replies, oldest first; what is ephemeral does not count."""
        return [
            reply
            for reply in self.messages(message.channel)
            if reply.is_reply and reply.thread_ts == message.ts and not reply.ephemeral_to
        ]

    # ---- reading ------------------------------------------------------------------------------

    def mark_read(self, user_id: str, channel_id: str) -> None:
        """Note that a person has seen everything in a channel."""
        seen = self.messages(channel_id, user_id)
        if seen:
            self._read[user_id, channel_id] = seen[-1].ts
        self.announce(Change("inbox", channel=channel_id, users=frozenset({user_id})))

    def unread(self, user_id: str, channel_id: str) -> int:
        """Return how many messages of others a person has not seen."""
        last = self._read.get((user_id, channel_id), "")
        return sum(
            1
            for message in self.messages(channel_id, user_id)
            if message.ts > last and message.user != user_id and not message.is_reply
        )

    # ---- views --------------------------------------------------------------------------------

    def stack(self, user_id: str) -> list[View]:
        """Return the modals a person has open, the topmost last."""
        return [self._views[view_id] for view_id in self._stacks.get(user_id, ())]

    def find_view(self, view_id: str) -> View | None:
        """Return an open modal, or somebody's Home tab, by its id."""
        if view_id in self._views:
            return self._views[view_id]
        return next((view for view in self.homes.values() if view.id == view_id), None)

    def open_views(self) -> list[View]:
        """Return every view that is open: modals, and Home tabs as published."""
        return [*self._views.values(), *self.homes.values()]

    def push_view(self, view: View, *, is_root: bool) -> None:
        """Lay a modal on a person's stack; as the root it takes the place of what is open."""
        if is_root:
            self.close_views(view.user, len(self.stack(view.user)), is_announced=False)
        below = self.stack(view.user)
        view.root_view_id = below[0].id if below else view.id
        view.previous_view_id = below[-1].id if below else None
        self._views[view.id] = view
        self._stacks.setdefault(view.user, []).append(view.id)
        self.announce(Change("views", users=frozenset({view.user})))

    def close_views(self, user_id: str, count: int, *, is_announced: bool = True) -> list[View]:
        """Take ``count`` modals off a person's stack; return them, the topmost first."""
        ids = self._stacks.get(user_id, [])
        closed = [self._views.pop(ids.pop()) for _ in range(min(count, len(ids)))]
        if closed and is_announced:
            self.announce(Change("views", users=frozenset({user_id})))
        return closed

    def view_changed(self, view: View) -> None:
        """Announce that a view has a new body or state."""
        kind: Literal["home", "views"] = "home" if view.type == "home" else "views"
        self.announce(Change(kind, users=frozenset({view.user})))

    # ---- files --------------------------------------------------------------------------------

    def new_file(self, user_id: str, name: str, size: int, mimetype: str | None = None) -> File:
        """Return a file of a person's or the app's, still without its content."""
        return File(
            id=self.new_id("F"),
            name=name[:255].replace("/", "_"),
            title=name[:255],
            mimetype=mimetype or mimetypes.guess_type(name)[0] or "application/octet-stream",
            size=size,
            user=user_id,
            created=int(self.now().timestamp()),
        )

    def keep(self, file: File) -> None:
        """Keep a file's content; let the oldest go where there is no room."""
        self.files[file.id] = file
        total = sum(len(kept.content or b"") for kept in self.files.values())
        for old in tuple(self.files.values()):
            if total <= MOST_FILE_BYTES or old is file:
                break
            total -= len(old.content or b"")
            del self.files[old.id]

    def team_url(self) -> str:
        """Return the address of the workspace, with a slash at its end."""
        return f"{self.base_url}/"
