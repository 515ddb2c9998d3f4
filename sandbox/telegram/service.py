"""Telegram: one server that an unmodified bot can talk to, and the people it talks with.

Everything runs in the event loop that calls :meth:`Telegram.start`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.telegram.bot_api import BotApi, Call
from sandbox.telegram.bot_methods import BotMethods
from sandbox.telegram.deeds import Deeds
from sandbox.telegram.limits import Faults, Limits
from sandbox.telegram.media_methods import MediaMethods
from sandbox.telegram.message_methods import MessageMethods
from sandbox.telegram.mini_app import MiniApps
from sandbox.telegram.model import BotConfig, Group, Json, User
from sandbox.telegram.people_api import PeopleApi
from sandbox.telegram.person import Person
from sandbox.telegram.posting import Posting
from sandbox.telegram.queries import Queries
from sandbox.telegram.store import Store
from sandbox.telegram.stream import Stream
from sandbox.telegram.update_methods import UpdateMethods
from sandbox.telegram.webhook import Webhook
from sandbox.telegram.wire import Wire

MOST_BODY = 64 * 1024 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Telegram:
    """Telegram with one bot, some people and their groups.

    Args:
        users: The people.
        groups: Their groups; each takes the bot as a member or not.
        bot: The bot.
        now: Telegram's clock: dates, how old a press may be, codes on phones.
        tick: The clock of the flood limits.

    Attributes:
        limits: Flood limits, with a switch to force some.
        faults: Switches for failures.
    """

    def __init__(
        self,
        users: Iterable[User],
        groups: Iterable[Group] = (),
        *,
        bot: BotConfig,
        now: Callable[[], datetime] = _utc_now,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bot = bot
        self.limits = Limits(tick)
        self.faults = Faults()
        self.store = Store(users=users, groups=groups, bot=bot, now=now)
        self.mini_apps = MiniApps(bot)
        self._stream = Stream()
        self._webhook = Webhook(self._stream, now)
        self._updates = UpdateMethods(self._stream, self._webhook)
        queries = Queries(self.store)
        wire = Wire(self.store)
        posting = Posting(self.store, wire, self.limits)
        self._media = MediaMethods(self.store, posting)
        methods = {
            **self._updates.table(),
            **BotMethods(self.store, wire, queries).table(),
            **MessageMethods(self.store, wire, posting).table(),
            **self._media.table(),
        }
        asking = self._updates.get_updates
        self._api = BotApi(bot, methods, asking, self.limits, self.faults)
        self._deeds = Deeds(self.store, wire, self._stream, queries)
        self._people = {
            user.id: Person(user, self.store, self._deeds, queries, self.mini_apps)
            for user in self.store.users.values()
        }
        self._page = PeopleApi(self.store, self._people)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._port = 0

    # ---- running ------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback interface; port 0 takes any free one."""
        self._runner = web.AppRunner(self._server(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await self._listen(port)

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self._webhook.stop()
        self._updates.close()
        self._page.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Where Telegram is, without a slash at its end: the page, and all else."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        """The base URL of the Bot API, for ``telegram.api_url``."""
        return f"{self.url}/"

    async def _listen(self, port: int) -> None:
        if self._runner is None:
            raise RuntimeError("Telegram is not started")
        self._site = web.TCPSite(self._runner, "127.0.0.1", port)
        await self._site.start()
        # The port that was really taken, where any would do.
        self._port = int(self._runner.addresses[0][1])

    def _server(self) -> web.Application:
        server = web.Application(client_max_size=MOST_BODY)
        server.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._api.handle),
                web.get("/file/bot{token}/{path:.+}", self._download),
                *self._page.routes(),
            ]
        )
        return server

    async def _download(self, request: web.Request) -> web.Response:
        return await self._media.download(request, self._api)

    # ---- people and assertions ----------------------------------------------------------------

    def person(self, user_id: int) -> Person:
        """Return a person by user id.

        Raises:
            KeyError: there is none.
        """
        return self._people[user_id]

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody but the bot."""
        return tuple(self._people.values())

    @property
    def log(self) -> list[Call]:
        """Every call the bot made, oldest first."""
        return list(self._api.log)

    def calls(self, method: str) -> list[Call]:
        """Return the calls of one method, oldest first."""
        return [call for call in self._api.log if call.method.lower() == method.lower()]

    def settle(self, timeout: float = 20.0) -> Coroutine[Any, Any, None]:
        """Wait until the bot has confirmed every update that is not held back.

        Raises:
            TimeoutError: it has not, after ``timeout`` seconds.
        """
        return self._stream.settle(timeout)

    @property
    def is_listening(self) -> bool:
        """Whether the bot asks for updates now, or has set a webhook."""
        return self._updates.is_listening

    def wait_listening(self, timeout: float = 20.0) -> Coroutine[Any, Any, object]:
        """Wait until the bot asks for updates, or has set a webhook.

        Raises:
            TimeoutError: it does neither, after ``timeout`` seconds.
        """
        look = self._updates
        return self._stream.signal.until(lambda: True if look.is_listening else None, timeout)

    # ---- trouble ------------------------------------------------------------------------------

    @property
    def has_rival(self) -> bool:
        """Whether another process asks for updates with the same token, and always wins."""
        return self._updates.has_rival

    @has_rival.setter
    def has_rival(self, is_there: bool) -> None:
        self._updates.has_rival = is_there
        self._updates.interrupt()

    async def redeliver(self, count: int = 1) -> None:
        """Deliver the newest updates again, the same in every part, confirmed or not.

        Raises:
            LookupError: there were not that many.
        """
        self._stream.repeat(count)

    def hold(self) -> None:
        """Keep back what is to be delivered from now on."""
        self._stream.hold()

    async def release(self, reverse: bool = False) -> None:
        """Deliver what was kept back, in reverse order if asked; numbers stay as they are."""
        self._stream.release(is_reversed=reverse)

    def inject(self, raw: Json) -> int:
        """Deliver any JSON as an update, even what no client can read; return its number."""
        return self._stream.inject(raw)

    def upgrade_group(self, group_id: int) -> int:
        """Turn a group into a supergroup; return its new id.

        Raises:
            KeyError: there is no such group.
        """
        group = self.store.groups[group_id]
        new_id = int(f"-100{1_000_000_000 + abs(group_id) % 1_000_000_000}")
        members = list(group.members)
        self.store.groups[new_id] = Group(new_id, group.title, members, group.has_bot)
        self._deeds.service(group_id, {"migrate_to_chat_id": new_id})
        group.migrated_to = new_id
        self._deeds.service(new_id, {"migrate_from_chat_id": group_id})
        return new_id

    def remove_bot(self, group_id: int) -> None:
        """Have somebody throw the bot out of a group.

        Raises:
            KeyError: there is no such group.
        """
        self.store.groups[group_id].has_bot = False
        self._deeds.membership(group_id, "member", "kicked")

    def add_bot(self, group_id: int) -> None:
        """Have somebody take the bot into a group.

        Raises:
            KeyError: there is no such group.
        """
        self.store.groups[group_id].has_bot = True
        self._deeds.membership(group_id, "left", "member")
        self._deeds.joined(group_id)

    async def go_down(self) -> None:
        """Refuse every connection, and cut those that are open, until :meth:`come_back`."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                connection.force_close()

    async def come_back(self) -> None:
        """Listen again, at the same address."""
        await self._listen(self._port)
