"""``getUpdates`` and webhooks as methods.

Source: Bot API, "Getting updates".
"""

from __future__ import annotations

import asyncio
import re
import time

from aiohttp import web

from sandbox.telegram.args import Args
from sandbox.telegram.bot_api import Handler, Said
from sandbox.telegram.model import ApiError, Json, bad_request
from sandbox.telegram.stream import Stream
from sandbox.telegram.urls import is_loopback, parts_of
from sandbox.telegram.webhook import Hook, Webhook

LONGEST_POLL = 50

_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")
_TERMINATED = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)
_UNSEATED = "Conflict: terminated by setWebhook request"
_HOOKED = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


class UpdateMethods:
    """The methods by which the bot comes by its updates.

    Attributes:
        has_rival: Another process asks with the same token, too, and always wins.
    """

    def __init__(self, stream: Stream, webhook: Webhook) -> None:
        self._stream = stream
        self._webhook = webhook
        self._asking: tuple[asyncio.Future[None], web.Request] | None = None
        self.has_rival = False

    def table(self) -> dict[str, Handler]:
        """Return the methods by name, but for ``getUpdates``."""
        return {
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._webhook_info,
        }

    @property
    def is_listening(self) -> bool:
        """Whether somebody waits for updates, or a webhook is set."""
        if self._webhook.hook is not None:
            return True
        return self._asking is not None and not _is_gone(self._asking[1])

    def interrupt(self) -> None:
        """End the question that is being asked, if there is one."""
        if self._asking is not None and not self._asking[0].done():
            self._asking[0].set_result(None)

    def close(self) -> None:
        """End the question that is being asked without a complaint."""
        if self._asking is not None:
            self._asking[0].cancel()

    async def get_updates(self, args: Args, request: web.Request) -> list[Json]:
        """Return what waits, after a while if nothing does.

        Raises:
            ApiError: 409, where somebody else asks as well or a webhook is set.
        """
        self._check()
        self._allow(args)
        self.interrupt()
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        mine = (ended, request)
        self._asking = mine
        try:
            return await self._next(args, request, ended)
        finally:
            if self._asking is mine:
                self._asking = None
                self._stream.signal.give()

    async def _next(
        self, args: Args, request: web.Request, ended: asyncio.Future[None]
    ) -> list[Json]:
        offset, limit = args.number("offset"), min(max(args.number("limit", 100), 1), 100)
        until = time.monotonic() + min(max(args.number("timeout"), 0), LONGEST_POLL)
        self._stream.signal.give()
        found = self._stream.take(offset, limit)
        while not found and (left := until - time.monotonic()) > 0:
            news = asyncio.ensure_future(self._stream.signal.wait())
            await asyncio.wait({news, ended}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            if ended.done():
                return self._terminated(request, ended)
            self._check()
            found = self._stream.take(max(offset, 0), limit)
        return found

    def _terminated(self, request: web.Request, ended: asyncio.Future[None]) -> list[Json]:
        if ended.cancelled() or _is_gone(request):
            return []  # The server stops, or the same client asks anew and hears no answer here.
        raise ApiError(409, _UNSEATED if self._webhook.hook is not None else _TERMINATED)

    def _check(self) -> None:
        if self._webhook.hook is not None:
            raise ApiError(409, _HOOKED)
        if self.has_rival:
            raise ApiError(409, _TERMINATED)

    def _allow(self, args: Args) -> None:
        """Take over ``allowed_updates``; where it is not named, the last one stays."""
        if not args.has("allowed_updates"):
            return
        wanted = args.value("allowed_updates")
        if not isinstance(wanted, list):
            return
        self._stream.allowed = frozenset(map(str, wanted)) or None

    # ---- webhooks -----------------------------------------------------------------------------

    def _set_webhook(self, args: Args) -> Said:
        url = args.text("url")
        if not url:
            return self._delete_webhook(args)
        secret = args.text("secret_token")
        if len(secret) > 256:
            raise bad_request("secret token is too long")
        if not _SECRET.fullmatch(secret):
            raise bad_request("secret token contains unallowed characters")
        _check_url(url)
        certificate = args.upload("certificate")
        self._allow(args)
        if args.flag("drop_pending_updates"):
            self._stream.clear()
        self.interrupt()
        hook = Hook(
            url=url,
            secret=secret,
            most_connections=min(max(args.number("max_connections", 40), 1), 100),
            certificate=certificate.content.decode("ascii", "replace") if certificate else "",
        )
        is_same = self._webhook.hook == hook
        self._webhook.set(hook)
        return Said(True, "Webhook is already set" if is_same else "Webhook was set")

    def _delete_webhook(self, args: Args) -> Said:
        if args.flag("drop_pending_updates"):
            self._stream.clear()
        if self._webhook.hook is None:
            return Said(True, "Webhook is already deleted")
        self._webhook.set(None)
        return Said(True, "Webhook was deleted")

    def _webhook_info(self, args: Args) -> Json:
        del args
        info = self._webhook.info() | {"pending_update_count": len(self._stream.waiting)}
        if self._stream.allowed is not None:
            info["allowed_updates"] = sorted(self._stream.allowed)
        return info


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _check_url(url: str) -> None:
    """Check a webhook's address. Only this machine is in reach: there, as with a local server,
    plain HTTP and any port will do."""
    parts = parts_of(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise bad_request("invalid webhook URL specified")
    if is_loopback(url):
        return
    if parts.scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if (parts.port or 443) not in (443, 80, 88, 8443):
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    raise bad_request("bad webhook: Failed to resolve host: Name or service not known")
