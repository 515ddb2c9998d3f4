"""Posts updates to the bot's webhook.

Source: Bot API, "setWebhook": JSON by HTTPS POST with the secret in
``X-Telegram-Bot-Api-Secret-Token``; anything but a 2xx answer is tried again, "for a reasonable
amount of attempts". Updates of one chat go one after the other, others at the same time.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import aiohttp

from sandbox.telegram.model import Json
from sandbox.telegram.stream import Stream, Update

FIRST_RETRY, LONGEST_RETRY = 0.2, 60.0
"""Real seconds before an update is posted again; the time doubles."""

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Hook:
    """Where and how updates are posted.

    Attributes:
        certificate: PEM of a certificate the bot signed itself.
    """

    url: str
    secret: str = ""
    most_connections: int = 40
    certificate: str = ""


class Webhook:
    """Posts what waits in a stream while a webhook is set.

    Args:
        now: Dates the last error.

    Attributes:
        hook: The webhook, if one is set.
    """

    def __init__(self, stream: Stream, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        self._pump: asyncio.Task[None] | None = None
        self._posting: dict[str, asyncio.Task[None]] = {}
        self._last_error: tuple[int, str] | None = None
        self.hook: Hook | None = None

    def set(self, hook: Hook | None) -> None:
        """Post there from now on; nowhere, where it is None."""
        if hook == self.hook and hook is not None:
            return
        self.hook = hook
        self._last_error = None
        self._halt()
        if hook is not None:
            self._pump = asyncio.ensure_future(self._run(hook))
        self._stream.signal.give()

    def info(self) -> Json:
        """Return what ``getWebhookInfo`` says of it."""
        hook = self.hook
        info: Json = {
            "url": hook.url if hook else "",
            "has_custom_certificate": bool(hook and hook.certificate),
        }
        if hook is not None:
            info |= {"max_connections": hook.most_connections, "ip_address": "127.0.0.1"}
        if self._last_error is not None:
            info["last_error_date"], info["last_error_message"] = self._last_error
        return info

    async def stop(self) -> None:
        """Post nothing more, and close the connections."""
        tasks = self._halt()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _halt(self) -> list[asyncio.Task[None]]:
        tasks = list(self._posting.values())
        if self._pump is not None:
            tasks.append(self._pump)
        for task in tasks:
            task.cancel()
        self._posting, self._pump = {}, None
        return tasks

    async def _run(self, hook: Hook) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        context = ssl.create_default_context(cadata=hook.certificate) if hook.certificate else None
        while True:
            for update in self._stream.waiting:
                if len(self._posting) >= hook.most_connections:
                    break
                if update.queue not in self._posting:
                    post = self._post(hook, update, self._session, context)
                    self._posting[update.queue] = asyncio.ensure_future(post)
            await self._stream.signal.wait()

    async def _post(
        self,
        hook: Hook,
        update: Update,
        session: aiohttp.ClientSession,
        context: ssl.SSLContext | None,
    ) -> None:
        pause = FIRST_RETRY
        update.was_given = True
        while (error := await _try(hook, update, session, context)) is not None:
            self._last_error = (int(self._now().timestamp()), error)
            self._stream.signal.give()
            await asyncio.sleep(pause)
            pause = min(LONGEST_RETRY, pause * 2)
        del self._posting[update.queue]
        self._stream.confirm(update)
        self._stream.signal.give()


async def _try(
    hook: Hook, update: Update, session: aiohttp.ClientSession, context: ssl.SSLContext | None
) -> str | None:
    """Post an update once; return what went wrong, None where nothing did."""
    headers = {"Content-Type": "application/json"}
    if hook.secret:
        headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret
    body = json.dumps(update.body, ensure_ascii=False).encode()
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            session.post(
                hook.url,
                data=body,
                headers=headers,
                allow_redirects=False,
                ssl=True if context is None else context,
            ) as response,
        ):
            await response.read()
    except TimeoutError:
        return "Read timeout expired"
    except aiohttp.ClientConnectorCertificateError:
        return "SSL error {error:0A000086:SSL routines::certificate verify failed}"
    except aiohttp.ClientError:
        return "Connection refused"
    if response.status // 100 == 2:
        return None
    return f"Wrong response from the webhook: {response.status} {response.reason}"
