"""The Web API's front door: arguments, tokens, scopes, rate limits, errors.

Source: Slack, "Using the Slack Web API". Every answer is JSON with ``ok``; refusals have HTTP
status 200 and an ``error``, except rate limiting (429) and outages (500).
"""

from __future__ import annotations

import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.slack.chat import decoded
from sandbox.slack.limits import Faults, RateLimits
from sandbox.slack.model import ApiError, AppConfig, Json

MOST_LOGGED = 20_000


class Args:
    """The arguments of a call, whichever way they came."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {key: value for key, value in values.items() if value is not None}

    def needed(self, key: str) -> str:
        """Return a text argument.

        Raises:
            ApiError: ``invalid_arguments`` where it is missing.
        """
        value = self.text(key)
        if value is None:
            raise ApiError("invalid_arguments", f"[ERROR] missing required field: {key}")
        return value

    def text(self, key: str) -> str | None:
        """Return a text argument, None where it is missing or empty."""
        value = self._values.get(key)
        return None if value is None or value == "" else str(value)

    def value(self, key: str) -> Any:
        """Return an argument that may be JSON."""
        return decoded(self._values.get(key))

    def flag(self, key: str) -> bool:
        """Whether an argument is true."""
        return self._values.get(key) in (True, 1, "1", "true", "True")

    def number(self, key: str, default: int) -> int:
        """Return a whole number.

        Raises:
            ApiError: ``invalid_arguments``.
        """
        try:
            return int(self._values.get(key, default))
        except (TypeError, ValueError):
            raise ApiError("invalid_arguments", f"[ERROR] {key} must be a number") from None

    def names(self, key: str) -> list[str]:
        """Return a list that came as a list or with commas."""
        value = self._values.get(key) or []
        items = value if isinstance(value, list) else str(value).split(",")
        return [str(item).strip() for item in items if str(item).strip()]

    def all(self) -> Json:
        """Return everything, for the log and for message bodies."""
        return dict(self._values)


Handler = Callable[[Args], Json]


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method.

    Attributes:
        scopes: One of these must have been granted; empty where none is needed.
        tier: Rate limit tier, see ``limits``.
        token: Which kind of token it takes.
    """

    handler: Handler
    tier: int
    scopes: tuple[str, ...] = ()
    token: Literal["bot", "app"] = "bot"


@dataclass(frozen=True, slots=True)
class Call:
    """A call the app made, tokens removed.

    Attributes:
        method: E.g. ``chat.postMessage``, or ``response_url``.
        error: Slack's error code, None where it went well; ``ratelimited`` and ``http_500`` too.
        user: The person it was about, where the arguments name one.
        lacks_text: A message with blocks came without the text that notifications read out.
    """

    method: str
    args: Json = field(repr=False)
    error: str | None = None
    user: str | None = None
    lacks_text: bool = False

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return self.error is None


class WebApi:
    """Serves ``/api/<method>``."""

    def __init__(
        self, app: AppConfig, methods: Mapping[str, Method], limits: RateLimits, faults: Faults
    ) -> None:
        self._app = app
        self._methods = dict(methods)
        self._limits = limits
        self._faults = faults
        self.log: deque[Call] = deque(maxlen=MOST_LOGGED)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call."""
        name = request.match_info["method"]
        values = await arguments(request)
        token = _token(request, values)
        args = Args(values)
        if self._faults.take_server_error():
            self.note(name, args.all(), "http_500")
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        wait = self._wait(name, args)
        if wait is not None:
            self.note(name, args.all(), "ratelimited")
            return web.json_response(
                {"ok": False, "error": "ratelimited"},
                status=429,
                headers={"Retry-After": str(wait)},
            )
        body = self._answer(name, args, token)
        self.note(name, args.all(), body.get("error"))
        if self._faults.take_lost_answer(name):
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        headers = {"X-OAuth-Scopes": ",".join(sorted(self._app.scopes))}
        if method := self._methods.get(name):
            headers["X-Accepted-OAuth-Scopes"] = ",".join(method.scopes)
        return web.json_response(body, headers=headers)

    def note(self, method: str, args: Json, error: str | None) -> None:
        """Add a call to the log."""
        kept = {key: value for key, value in args.items() if key != "token"}
        is_message = method in ("chat.postMessage", "chat.postEphemeral", "chat.update")
        self.log.append(
            Call(
                method,
                kept,
                error,
                user=kept.get("user") or kept.get("user_id") or kept.get("users"),
                lacks_text=is_message and not kept.get("text"),
            )
        )

    def _wait(self, name: str, args: Args) -> int | None:
        method = self._methods.get(name)
        return self._limits.wait_for(name, method.tier if method else 3, args.text("channel"))

    def _answer(self, name: str, args: Args, token: str) -> Json:
        method = self._methods.get(name)
        if method is None:
            return {"ok": False, "error": "unknown_method", "req_method": name[:100]}
        try:
            self._authorize(method, token)
            return {"ok": True, **method.handler(args)}
        except ApiError as error:
            return refusal(error)

    def _authorize(self, method: Method, token: str) -> None:
        if not token:
            raise ApiError("not_authed")
        is_bot = hmac.compare_digest(token.encode(), self._app.bot_token.encode())
        is_app = hmac.compare_digest(token.encode(), self._app.app_token.encode())
        if not is_bot and not is_app:
            raise ApiError("invalid_auth")
        if (method.token == "app") != is_app:
            raise ApiError("not_allowed_token_type")
        if method.scopes and not self._app.scopes.intersection(method.scopes):
            raise missing_scope(self._app, *method.scopes)


def missing_scope(app: AppConfig, *scopes: str) -> ApiError:
    """Return the refusal of a call whose scope the manifest does not ask for."""
    return ApiError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(app.scopes)))


def refusal(error: ApiError) -> Json:
    """Return an error as the Web API answers it."""
    body: Json = {"ok": False, "error": error.code, **error.extra}
    if error.messages:
        body["response_metadata"] = {"messages": list(error.messages)}
    return body


async def arguments(request: web.Request) -> Json:
    """Return a call's arguments from query, form or JSON body."""
    values: Json = dict(request.query)
    if request.content_type == "application/json":
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        if isinstance(body, dict):
            values |= body
    elif request.content_type == "application/x-www-form-urlencoded":
        # A body of another charset or with broken escapes is what it decodes to, as with Slack.
        text = (await request.read()).decode("utf-8", "replace")
        values |= dict(parse_qsl(text, keep_blank_values=True))
    elif request.content_type == "multipart/form-data":
        values |= dict(await request.post())
    return values


def _token(request: web.Request, values: Json) -> str:
    in_body = values.pop("token", "")
    header = request.headers.get("Authorization", "")
    kind, _, token = header.partition(" ")
    return token.strip() if kind.lower() == "bearer" else str(in_body)
