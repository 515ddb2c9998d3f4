"""The Bot API's front door: tokens, arguments, limits, faults, errors.

Source: Bot API, "Authorizing your bot" and "Making requests": every answer is JSON with ``ok``;
refusals carry ``error_code``, which is the HTTP status too, a ``description`` and sometimes
``parameters``. Names of methods know no case.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.telegram.args import Args, read_args
from sandbox.telegram.limits import Faults, Limits
from sandbox.telegram.model import ApiError, BotConfig, Json

MOST_LOGGED = 20_000

_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{10,64}")
_POLL = "getupdates"


@dataclass(frozen=True, slots=True)
class Said:
    """A result that comes with a sentence, as those of webhooks do."""

    result: Any
    description: str


Handler = Callable[[Args], Any]
Asking = Callable[[Args, web.Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """A call the bot made.

    Attributes:
        method: As the documentation spells it.
        params: Its arguments; files by name and size.
        error_code: None where it went well.
        description: Telegram's words where it did not.
    """

    method: str
    params: Json = field(repr=False)
    ok: bool
    error_code: int | None = None
    description: str = ""


class BotApi:
    """Serves ``/bot<token>/<method>``.

    Args:
        methods: Name → what does it.
        asking: ``getUpdates``, which takes its time.
    """

    def __init__(
        self,
        bot: BotConfig,
        methods: Mapping[str, Handler],
        asking: Asking,
        limits: Limits,
        faults: Faults,
    ) -> None:
        self._bot = bot
        self._methods = {name.lower(): (name, handler) for name, handler in methods.items()}
        self._asking = asking
        self._limits = limits
        self._faults = faults
        self.log: deque[Call] = deque(maxlen=MOST_LOGGED)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a call."""
        name = request.match_info["method"].lower()
        try:
            self.authorize(request.match_info["token"])
            args = await read_args(request)
        except ApiError as error:
            return refused(error)
        except web.HTTPRequestEntityTooLarge:
            return refused(ApiError(413, "Request Entity Too Large"))
        except ValueError:
            return refused(ApiError(400, "Bad Request: failed to parse the request"))
        canonical = "getUpdates" if name == _POLL else self._methods.get(name, (name, None))[0]
        try:
            answer = await self._answer(name, args, request)
        except ApiError as error:
            self._note(canonical, args, error)
            response = refused(error)
        else:
            self._note(canonical, args, None)
            response = web.json_response(_accepted(answer))
            if name.startswith("send") and self._faults.take_drop():
                cut(request)
        if self._faults.slow and name != _POLL:
            await asyncio.sleep(self._faults.slow)
        return response

    def authorize(self, token: str) -> None:
        """Check a token.

        Raises:
            ApiError: it is not the bot's.
        """
        if not _TOKEN.fullmatch(token):
            raise ApiError(404, "Not Found")
        if not hmac.compare_digest(token.encode(), self._bot.token.encode()):
            raise ApiError(401, "Unauthorized")

    async def _answer(self, name: str, args: Args, request: web.Request) -> Any:
        if (error := self._faults.take_server_error(is_poll=name == _POLL)) is not None:
            raise error
        self._limits.check(name)
        if name == _POLL:
            return await self._asking(args, request)
        if name not in self._methods:
            raise ApiError(404, "Not Found: method not found")
        return self._methods[name][1](args)

    def _note(self, method: str, args: Args, error: ApiError | None) -> None:
        if error is None:
            self.log.append(Call(method, args.shown(), ok=True))
        else:
            self.log.append(Call(method, args.shown(), False, error.code, error.description))


def refused(error: ApiError) -> web.Response:
    """Return an error as the Bot API answers it."""
    headers = {}
    if "retry_after" in error.parameters:
        headers["Retry-After"] = str(error.parameters["retry_after"])
    return web.json_response(error.body(), status=error.code, headers=headers)


def cut(request: web.Request) -> None:
    """End a request's connection at once; what is answered later is lost."""
    if request.transport is not None:
        request.transport.abort()


def _accepted(answer: Any) -> Json:
    if isinstance(answer, Said):
        return {"ok": True, "result": answer.result, "description": answer.description}
    return {"ok": True, "result": answer}
