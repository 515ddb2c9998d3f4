"""Posting in Slack: the notifier's hands, and who a Slack user is.

No retry handlers: a repeated POST could post twice. The notifier repeats from its own record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards import Action, Card, Download, Home, Notice
from bot.chat import ChatRefused, ChatUnavailable
from bot.files import LARGEST_FILE
from bot.slack import render
from workflows import audit, people
from workflows.clock import Clock
from workflows.database import Database
from workflows.people import Directory, Person
from workflows.refusal import Refusal

log = structlog.get_logger(__name__)

CHAT = "slack"

_FETCH_SECONDS = 1.5
"""A form waits three seconds for its answer, and there is more to do than fetching."""

_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
# A person must mend these; until then nothing is lost, so they count as "not now".
_MENDABLE = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "ratelimited",
        "rate_limited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)


def sort_error(error: Exception) -> ChatUnavailable | ChatRefused:
    """Return what an error of the client means for who wanted to post."""
    if isinstance(error, SlackApiError):
        response = error.response
        code = str(response.get("error") or response.status_code)
        if response.status_code == 429 or code in ("ratelimited", "rate_limited"):
            headers = {key.lower(): value for key, value in response.headers.items()}
            return ChatUnavailable(code, _seconds(headers.get("retry-after")))
        if response.status_code >= 500 or code in _MENDABLE:
            return ChatUnavailable(code)
        return ChatRefused(code)
    return ChatUnavailable(type(error).__name__)


def _seconds(text: object) -> float | None:
    try:
        return max(0.0, min(600.0, float(str(text))))
    except ValueError:
        return None


class SlackChat:
    """Slack as the notifier sees it (`bot.chat.Chat`), and the directory of its users.

    Attributes:
        team_id: The workspace that is served; anybody of another is a stranger.
    """

    name = CHAT

    def __init__(
        self,
        client: AsyncWebClient,
        database: Database,
        directory: Directory,
        clock: Clock,
    ) -> None:
        self._client = client
        self._database = database
        self._directory = directory
        self._clock = clock
        self._direct: dict[str, str] = {}
        self.team_id: str | None = None

    # ---- who ----------------------------------------------------------------------------------

    async def person(self, user_id: str) -> Person:
        """Return the person behind a Slack user, linking them at first sight by their e-mail.

        It is looked up every time: an administrator may have taken it back a moment ago.

        Raises:
            Refusal: ``identity.unknown``, ``identity.guest``, ``identity.unlinked`` or
                ``identity.unavailable``.
        """
        linked = await self._database.read(
            lambda connection: people.identified(connection, self._directory, CHAT, user_id)
        )
        if linked is not None:
            return linked
        try:
            answer = await self._client.users_info(user=user_id)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            sorted_error = sort_error(error)
            if isinstance(sorted_error, ChatUnavailable):
                raise Refusal("identity.unavailable") from error
            raise Refusal("identity.unknown") from error
        return await self._linked(user_id, answer.get("user") or {})

    async def _linked(self, user_id: str, user: dict[str, Any]) -> Person:
        if self._is_outsider(user):
            await self._stranger(user_id, "identity.guest")
            raise Refusal("identity.guest")
        email = (user.get("profile") or {}).get("email") or ""
        person = self._directory.by_email(email) if email else None
        if person is None or user.get("is_email_confirmed") is False:
            await self._stranger(user_id, "identity.unknown")
            raise Refusal("identity.unknown")
        await self._link(person, user_id)
        return person

    def _is_outsider(self, user: dict[str, Any]) -> bool:
        marks = ("is_bot", "deleted", "is_restricted", "is_ultra_restricted", "is_stranger")
        team = user.get("team_id")
        other_team = self.team_id is not None and team is not None and team != self.team_id
        return other_team or any(user.get(mark) for mark in marks)

    async def _link(self, person: Person, user_id: str) -> None:
        now = self._clock()
        try:
            await self._database.write(
                lambda connection: people.link(
                    connection, person, chat=CHAT, external_id=user_id, now=now
                )
            )
        except Refusal:
            # Whoever does two things at once at first sight is linked by one of them.
            linked = await self._database.read(
                lambda connection: people.identified(connection, self._directory, CHAT, user_id)
            )
            if linked != person:
                raise

    async def _stranger(self, user_id: str, code: str) -> None:
        now = self._clock()
        await self._database.write(
            lambda connection: audit.append(
                connection,
                at=now,
                actor=f"{CHAT}:{user_id}"[:64],
                kind="access.denied",
                subject=f"{CHAT}:{user_id}"[:64],
                facts={"code": code},
            )
        )

    # ---- bot.chat.Chat ------------------------------------------------------------------------

    async def address(self, person: Person) -> str | None:
        """Return the person's Slack user id, looking them up by e-mail at the first time."""
        known, was_unlinked = await self._database.read(
            lambda connection: (
                people.external_id(connection, self._directory, person, CHAT),
                people.was_unlinked(connection, person, CHAT),
            )
        )
        if known is not None or was_unlinked:
            return known
        try:
            answer = await self._call(self._client.users_lookupByEmail, email=person.email)
            linked = await self._linked(answer["user"]["id"], answer["user"])
        except (ChatRefused, Refusal):
            return None
        return answer["user"]["id"] if linked.id == person.id else None

    def is_there(self, channel: str, address: str) -> bool:
        """Whether a direct conversation is a person's, once something was posted to them."""
        return self._direct.get(address, channel) == channel

    async def post(self, channel: str, card: Card) -> tuple[str, str]:
        """Post a card; a user id opens the direct conversation."""
        answer = await self._call(
            self._client.chat_postMessage,
            channel=self._direct.get(channel, channel),
            text=render.card_text(card),
            blocks=render.card_blocks(card),
            unfurl_links=False,
            unfurl_media=False,
        )
        self._direct[channel] = answer["channel"]
        return answer["channel"], answer["ts"]

    async def update(self, channel: str, message_id: str, card: Card) -> bool:
        """Replace a card; False when the message is gone."""
        try:
            await self._call(
                self._client.chat_update,
                channel=channel,
                ts=message_id,
                text=render.card_text(card),
                blocks=render.card_blocks(card),
            )
        except ChatRefused as error:
            if error.args[0] in _GONE:
                return False
            raise
        return True

    async def reply(
        self, channel: str, message_id: str, text: str, actions: Sequence[Action] = ()
    ) -> None:
        """Add a line to the thread under a card."""
        more = {"blocks": render.notice_blocks(Notice(text, actions=tuple(actions)))}
        await self._call(
            self._client.chat_postMessage,
            channel=channel,
            thread_ts=message_id,
            text=render.neutral(text),
            unfurl_links=False,
            unfurl_media=False,
            **(more if actions else {}),
        )

    async def upload(
        self, channel: str, message_id: str, *, name: str, title: str, content: bytes
    ) -> None:
        """Put a file into the thread under a card."""
        await self._call(
            self._client.files_upload_v2,
            channel=channel,
            thread_ts=message_id,
            content=content,
            filename=name,
            title=title,
        )

    async def fetch(self, file: Mapping[str, Any]) -> bytes:
        """Return the content of a file that a person gave to a form of ours.

        Raises:
            Refusal: ``file.over_limit``, or ``file.unavailable`` when Slack does not hand it over
                while the form waits.
        """
        size, url = int(file.get("size") or 0), str(file.get("url_private") or "")
        if size > LARGEST_FILE:
            raise Refusal("file.over_limit", megabytes=LARGEST_FILE // 1024 // 1024)
        if not self._is_slacks(url):  # a file that is kept elsewhere: no place for our token
            log.warning("file not fetched", error="not at Slack", file=file.get("id"))
            raise Refusal("file.unavailable")
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                content = await self._download(url, size)
        except (TimeoutError, aiohttp.ClientError) as error:
            log.warning("file not fetched", error=repr(error), file=file.get("id"))
            raise Refusal("file.unavailable") from error
        if len(content) != size:
            log.warning("file not fetched", error="cut short", file=file.get("id"))
            raise Refusal("file.unavailable")
        return content

    def _is_slacks(self, url: str) -> bool:
        """Whether an address is the workspace's own: of the Web API's host, or of one below it."""
        api, asked = urlsplit(self._client.base_url), urlsplit(url)
        host, domain = asked.hostname or "", (api.hostname or "").removeprefix("www.")
        return asked.scheme == api.scheme and (host == domain or host.endswith(f".{domain}"))

    async def _download(self, url: str, size: int) -> bytes:
        """Return at most a little more than ``size`` bytes; Slack's sign-in page is an error."""
        assert self._client.session is not None
        headers = {"Authorization": f"Bearer {self._client.token}"}
        content = bytearray()
        async with self._client.session.get(url, headers=headers, allow_redirects=False) as answer:
            # Without files:read Slack answers 200 and a page that asks to sign in.
            if answer.status != 200 or answer.content_type == "text/html":
                raise aiohttp.ClientPayloadError(
                    f"status {answer.status}, {answer.content_type}; does the app have files:read?"
                )
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > size:
                    break
        return bytes(content)

    async def hand_over(self, user_id: str, file: Download) -> None:
        """Send a file to a person alone."""
        opened = await self._call(self._client.conversations_open, users=[user_id])
        await self._call(
            self._client.files_upload_v2,
            channel=opened["channel"]["id"],
            content=file.content,
            filename=file.name,
            title=file.name,
            initial_comment=render.neutral(file.title),
        )

    async def picture(
        self, channel: str, message_id: str, *, name: str, title: str, content: bytes
    ) -> None:
        """Put a picture into the thread under a card."""
        await self.upload(channel, message_id, name=name, title=title, content=content)

    async def show_home(self, person: Person, home: Home) -> None:
        """Publish the person's App Home."""
        user_id = await self.address(person)
        if user_id is not None:
            await self._call(
                self._client.views_publish, user_id=user_id, view=render.home_view(home)
            )

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return await method(**arguments)
        except (TimeoutError, SlackClientError, aiohttp.ClientError, OSError) as error:
            raise sort_error(error) from error
