"""The workspace: one server that an unmodified Slack app can talk to.

Everything runs in the event loop that calls :meth:`Workspace.start`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox.slack.chat import Chat
from sandbox.slack.chat_methods import ChatMethods
from sandbox.slack.deeds import Deeds
from sandbox.slack.delivery import Answer, Delivery, Kind
from sandbox.slack.directory_methods import DirectoryMethods
from sandbox.slack.events import Events
from sandbox.slack.file_methods import FileMethods
from sandbox.slack.http_line import HttpLine
from sandbox.slack.limits import Faults, RateLimits
from sandbox.slack.modals import Modals
from sandbox.slack.model import AppConfig, Channel, User
from sandbox.slack.payloads import Payloads
from sandbox.slack.people_api import PeopleApi
from sandbox.slack.person import Person
from sandbox.slack.responses import Responses
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.store import Store
from sandbox.slack.tickets import Tickets
from sandbox.slack.view_methods import ViewMethods
from sandbox.slack.web_api import Call, WebApi

ACKNOWLEDGE_WITHIN = 3.0
"""Real seconds an app has to acknowledge."""

EVENT_RETRIES = (0.1, 60.0, 300.0)
"""Real seconds before each repetition of an event that was not acknowledged."""

MOST_BODY = 24 * 1024 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Workspace:
    """A Slack workspace with people, channels and one installed app.

    Args:
        team_name: What the workspace is called.
        users: Its people; the app's bot user comes by itself.
        channels: Its channels; name the bot's id among the members where it was invited.
        app: The installed app.
        now: The workspace's clock: timestamps, trigger ids, response URLs, codes on phones.
        tick: The clock of the rate limits.
        acknowledge_within: Real seconds the app has to acknowledge.
        event_retries: Real seconds before each repetition of an event.

    Attributes:
        limits: Rate limits, with a switch to force some.
        faults: Switches for failures.
        http: Signed HTTP; its ``signing_secret`` may be set to another to send forged requests.
        socket: Socket Mode.
    """

    def __init__(
        self,
        team_name: str,
        *,
        users: Iterable[User],
        channels: Iterable[Channel],
        app: AppConfig,
        now: Callable[[], datetime] = _utc_now,
        team_id: str = "T0TEAM0001",
        tick: Callable[[], float] = time.monotonic,
        acknowledge_within: float = ACKNOWLEDGE_WITHIN,
        event_retries: Sequence[float] = EVENT_RETRIES,
    ) -> None:
        self.app = app
        self.limits = RateLimits(tick)
        self.faults = Faults()
        self.socket = SocketMode(app_id=app.app_id, patience=acknowledge_within)
        self.http = HttpLine(app, patience=acknowledge_within)
        self.store = Store(
            team_id=team_id, team_name=team_name, users=users, channels=channels, app=app, now=now
        )
        chat = Chat(self.store)
        modals = Modals(self.store)
        tickets = Tickets(now, team_id)
        payloads = Payloads(self.store, chat, modals, tickets)
        line = self.socket if app.mode == "socket" else self.http
        self._delivery = Delivery(line, retry_after=event_retries)
        events = Events(self.store, self._delivery, payloads, chat, modals)
        self._files = FileMethods(self.store, chat, self.faults, events.file_shared)
        methods = {
            **ChatMethods(self.store, chat).table(),
            **DirectoryMethods(self.store, self._new_socket_url).table(),
            **ViewMethods(self.store, modals, tickets).table(),
            **self._files.table(),
        }
        self._api = WebApi(app, methods, self.limits, self.faults)
        self._responses = Responses(self.store, chat, tickets, self.faults, self._api.note)
        deeds = Deeds(self.store, self._delivery, payloads, chat, modals, events)
        self._people = {
            user.id: Person(user, self.store, deeds)
            for user in self.store.users.values()
            if not user.is_bot
        }
        self._page = PeopleApi(self.store, deeds, self._people)
        self._unwatch = self.store.watch(events.see)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._port = 0

    # ---- running ------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback interface; port 0 takes any free one."""
        self._runner = web.AppRunner(self._server(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await self._listen(port)
        self.store.base_url = self.url

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self._delivery.stop()
        self._page.close()
        await self.socket.close()
        await self.http.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Where the workspace is, without a slash at its end: the page, and all else."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        """The base URL of the Web API, for ``slack.api_url``."""
        return f"{self.url}/api/"

    async def _listen(self, port: int) -> None:
        if self._runner is None:
            raise RuntimeError("the workspace is not started")
        self._site = web.TCPSite(self._runner, "127.0.0.1", port)
        await self._site.start()
        # The port that was really taken, where any would do.
        self._port = int(self._runner.addresses[0][1])

    def _server(self) -> web.Application:
        server = web.Application(client_max_size=MOST_BODY)
        server.add_routes(
            [
                web.route("*", "/api/{method}", self._api.handle),
                web.get("/link/", self.socket.handle),
                web.post("/commands/{team}/{token}", self._responses.handle),
                web.post("/actions/{team}/{token}", self._responses.handle),
                web.post("/upload/v1/{token}", self._files.upload),
                web.get("/files-pri/{name}/{rest:.+}", self._files.download),
                *self._page.routes(),
            ]
        )
        return server

    def _new_socket_url(self) -> str:
        ticket = self.socket.new_ticket()
        return f"ws://127.0.0.1:{self._port}/link/?ticket={ticket}&app_id={self.app.app_id}"

    # ---- people and assertions ----------------------------------------------------------------

    def person(self, user_id: str) -> Person:
        """Return a person by user id.

        Raises:
            KeyError: there is none.
        """
        return self._people[user_id]

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody but the bot."""
        return tuple(self._people.values())

    def change_user(self, user_id: str, **changes: Any) -> None:
        """Change a person's entry in the directory, e.g. ``is_deleted=True``.

        Raises:
            ApiError: there is no such person.
        """
        self.store.change_user(replace(self.store.user(user_id), **changes))

    @property
    def log(self) -> list[Call]:
        """Every call the app made, oldest first."""
        return list(self._api.log)

    def calls(self, method: str) -> list[Call]:
        """Return the calls of one method, oldest first."""
        return [call for call in self._api.log if call.method == method]

    async def settle(self) -> None:
        """Wait until every event has been acknowledged or given up."""
        await self._delivery.settle()

    def wait_connected(self, count: int = 1, timeout: float = 20.0) -> Awaitable[None]:
        """Wait until the app has ``count`` Socket Mode connections.

        Raises:
            TimeoutError: it has not, after ``timeout`` seconds.
        """
        return self.socket.wait_connected(count, timeout)

    # ---- trouble ------------------------------------------------------------------------------

    async def redeliver(self, kind: Kind) -> Answer:
        """Deliver the last command, interaction or event again, the same in every part.

        Raises:
            LookupError: nothing of this kind was delivered yet.
        """
        return await self._delivery.redeliver(kind)

    async def go_down(self) -> None:
        """Refuse every connection, and cut those that are open, until :meth:`come_back`."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        await self.socket.drop()
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                connection.force_close()

    async def come_back(self) -> None:
        """Listen again, at the same address."""
        await self._listen(self._port)
