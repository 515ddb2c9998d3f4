"""Answers by response URL, and in the acknowledgment of a command.

Source: Slack, "Handling user interaction", "Message responses". ``replace_original`` and
``delete_original`` need a message that was acted on: for a slash command they do nothing
(slackapi/bolt-js#2287, slackapi/bolt-python#1268) and a new message appears.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.slack.chat import Chat
from sandbox.slack.limits import Faults
from sandbox.slack.model import ApiError, Json, Message
from sandbox.slack.store import Store
from sandbox.slack.tickets import ResponseUrl, Tickets
from sandbox.slack.web_api import refusal

Note = Callable[[str, Json, str | None], None]
"""Told of every use: ``response_url``, what was posted, the error."""

_GONE = ("expired_url", "used_url", "invalid_url")


class Responses:
    """Serves response URLs."""

    def __init__(
        self, store: Store, chat: Chat, tickets: Tickets, faults: Faults, note: Note
    ) -> None:
        self._store = store
        self._chat = chat
        self._tickets = tickets
        self._faults = faults
        self._note = note

    async def handle(self, request: web.Request) -> web.Response:
        """Take a message for a response URL."""
        try:
            body: Any = json.loads(await request.read())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return web.Response(status=400, text="invalid_payload")
        if self._faults.take_server_error():
            self._note("response_url", body, "http_500")
            return web.Response(status=500, text="internal_error")
        try:
            url = self._tickets.find_response_url(request.match_info["token"])
            self.respond(url, body)
            url.uses += 1
        except ApiError as error:
            self._note("response_url", body, error.code)
            status = 404 if error.code in _GONE else 400
            return web.json_response(refusal(error), status=status)
        self._note("response_url", body, None)
        return web.Response(text="ok")

    def respond(self, url: ResponseUrl, body: Json) -> None:
        """Post, replace or delete what a response asks for.

        Raises:
            ApiError: the message is not acceptable, or the one to replace is gone.
        """
        source = self._source(url)
        if _is_true(body.get("delete_original")) and url.source:
            self._store.delete(_existing(source))
            return
        content = self._chat.content(body)
        if _is_true(body.get("replace_original")) and url.source:
            self._chat.replace(_existing(source), content)
            return
        is_public = body.get("response_type") == "in_channel"
        self._chat.post(
            self._store.channel(url.channel),
            content,
            thread_ts=body.get("thread_ts") or None,
            ephemeral_to=None if is_public else url.user,
        )

    def _source(self, url: ResponseUrl) -> Message | None:
        return self._store.find_message(*url.source) if url.source else None


def _existing(message: Message | None) -> Message:
    if message is None:
        raise ApiError("message_not_found")
    return message


def _is_true(value: Any) -> bool:
    return value is True or value == "true"
