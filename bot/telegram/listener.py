"""How updates reach the inbox: by asking Telegram for them, or by being called.

The library's own ways confirm an update to Telegram when it is in memory, and stumble for ever
over one that they cannot read; here it is stored first, whatever is in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot
from telegram.error import Conflict, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.telegram.inbox import LARGEST, Inbox, Raw
from workflows.clock import Clock

log = structlog.get_logger(__name__)

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
WEBHOOK_PATH = "/telegram/webhook"

_POLL_SECONDS = 25
_SILENT_FOR = timedelta(seconds=90)
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 30.0
_CONFLICT_RETRY = 5.0
# After a week without updates Telegram begins anew with any number, perhaps a lower one.
_OFFSET_LIFE = timedelta(days=5)
_MOST_CONNECTIONS = 40


class Poller:
    """Asks for updates, one long question after the other.

    Attributes:
        last_answer: When Telegram last answered, with or without news.
        has_rival: Whether another process asks with the same token.
    """

    def __init__(self, bot: Bot, inbox: Inbox, clock: Clock) -> None:
        self._bot = bot
        self._inbox = inbox
        self._clock = clock
        self._offset: int | None = None
        self._offset_at: datetime | None = None
        self.last_answer: datetime | None = None
        self.last_update: datetime | None = None
        self.has_rival = False

    @property
    def is_connected(self) -> bool:
        """Whether Telegram answered lately, and us alone."""
        last = self.last_answer
        return last is not None and not self.has_rival and self._clock() - last < _SILENT_FOR

    async def run(self) -> None:
        """Ask until cancelled, whatever happens."""
        wait = _FIRST_RETRY
        while True:
            try:
                await self._ask()
                wait = _FIRST_RETRY
            except Conflict as error:
                if not self.has_rival:
                    log.error(
                        "another process uses this bot's token, or a webhook is set: stop it, or "
                        "give it a bot of its own; to run several, use mode webhook",
                        said=error.message,
                    )
                self.has_rival = True
                await asyncio.sleep(_CONFLICT_RETRY)
            except RetryAfter as error:
                pause = error.retry_after
                await asyncio.sleep(
                    pause.total_seconds() if isinstance(pause, timedelta) else float(pause)
                )
            except TelegramError as error:
                log.warning("telegram unreachable", error=type(error).__name__, wait=wait)
                await asyncio.sleep(wait)
                wait = min(_LONGEST_RETRY, wait * 2)
            except Exception:  # such as a disk that is full: nothing is confirmed meanwhile
                log.exception("telegram updates not stored", wait=wait)
                await asyncio.sleep(wait)
                wait = min(_LONGEST_RETRY, wait * 2)

    async def _ask(self) -> None:
        now = self._clock()
        if self._offset_at is not None and now - self._offset_at > _OFFSET_LIFE:
            self._offset = None
        # Only who has just been answered asks a long question: else nobody knew for so long
        # whether Telegram answers us, and us alone.
        patience = _POLL_SECONDS if self.is_connected else 0
        parameters: dict[str, Any] = {
            "timeout": patience,
            "limit": 100,
            "allowed_updates": list(ALLOWED_UPDATES),
        }
        if self._offset is not None:
            parameters["offset"] = self._offset
        # Method names know no case; this one makes the library hand over what came, unread.
        found: Sequence[Raw] = await self._bot.do_api_request(
            "getupdates", parameters, read_timeout=patience + 10
        )
        self.last_answer, self.has_rival = self._clock(), False
        if found:
            await self._inbox.take(found)
            self.last_update = self.last_answer
            self._offset = max(each["update_id"] for each in found) + 1
            self._offset_at = self.last_answer


def poll_request() -> HTTPXRequest:
    """Return the connection for long questions: a pool that one broken answer cannot exhaust."""
    return HTTPXRequest(connection_pool_size=4, connect_timeout=10, pool_timeout=10)


class Webhook:
    """Takes what Telegram posts, if it knows the secret.

    Attributes:
        last_update: When Telegram last delivered something.
    """

    def __init__(self, bot: Bot, inbox: Inbox, clock: Clock) -> None:
        self._bot = bot
        self._inbox = inbox
        self._clock = clock
        # From the token, so that all replicas expect the same and nobody has to make one up.
        self._secret = hmac.new(bot.token.encode(), b"webhook", hashlib.sha256).hexdigest()
        self.last_update: datetime | None = None
        self.is_set = False

    async def set(self, public_url: str) -> None:
        """Have Telegram call us; raises `TelegramError`."""
        await self._bot.set_webhook(
            f"{public_url}{WEBHOOK_PATH}",
            secret_token=self._secret,
            allowed_updates=list(ALLOWED_UPDATES),
            max_connections=_MOST_CONNECTIONS,
        )
        self.is_set = True

    def route(self) -> Route:
        """Return the endpoint that Telegram calls."""
        return Route(WEBHOOK_PATH, self._endpoint, methods=["POST"])

    async def _endpoint(self, request: Request) -> Response:
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            return Response(status_code=403)
        body = await request.body()
        if len(body) > LARGEST:
            return Response(status_code=413)
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError):
            return Response(status_code=400)
        if not isinstance(raw, dict) or not _is_number(raw.get("update_id")):
            return Response(status_code=400)
        await self._inbox.take([raw])
        self.last_update = self._clock()
        return Response(status_code=200)


def _is_number(value: object) -> bool:
    """Whether an update can be known by this: it fits the column."""
    return type(value) is int and 0 <= value < 2**63
