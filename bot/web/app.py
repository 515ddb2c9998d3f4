"""One web application: what it answers, and the guard around all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.messages import Messages
from bot.web.enrolment import DeepLink, EnrolmentPages, OpenedBy
from bot.web.health import Deliveries, Health
from workflows.clock import Clock
from workflows.company import Company
from workflows.database import Database
from workflows.second_factor import Cipher

LARGEST_BODY = 1_000_000
"""Bytes. A chat's events are well below it; forms of ours have a smaller bound of their own."""

_ASSETS = Path(__file__).parent / "assets"
_MEDIA_TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".js": "text/javascript"}
_HEADERS = {
    # No script at all, no inline style: the QR code is drawn with attributes alone.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # The address of an enrolment page is a secret for as long as it lives.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


def create_app(
    *,
    company: Company,
    database: Database,
    cipher: Cipher,
    messages: Messages,
    clock: Clock,
    version: str,
    deliveries: Deliveries,
    deep_link: DeepLink = lambda payload: None,
    opened_by: OpenedBy = lambda init_data: None,
    routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """Return the application: ``/health``, ``/enrol/{token}``, their assets, and ``routes``.

    Args:
        version: Of this program, for the health page.
        deliveries: Says of each chat whether it is connected and when it last delivered.
        deep_link: Returns the link that hands a payload to the Telegram bot, if there is one.
        opened_by: Returns who opened a page, from what the chat gave the page.
        routes: Further endpoints that look after their own authentication, such as a chat's
            signed events.
    """
    pages = EnrolmentPages(company, database, cipher, messages, clock, deep_link, opened_by)
    health = Health(database, deliveries, clock, version)
    app = Starlette(
        routes=[
            Route("/health", health.answer),
            Route("/enrol/{token}", pages.show, methods=["GET"]),
            Route("/enrol/{token}", pages.confirm, methods=["POST"]),
            *(_asset(path) for path in sorted(_ASSETS.iterdir()) if path.suffix in _MEDIA_TYPES),
            *routes,
        ]
    )
    return _Guard(app)


def _asset(path: Path) -> Route:
    content, media_type = path.read_bytes(), _MEDIA_TYPES[path.suffix]

    async def answer(_request: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=300"}
        return Response(content, media_type=media_type, headers=headers)

    return Route(f"/assets/{path.name}", answer)


class _Guard:
    """Bounds every body and puts the protecting headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                    if not headers[name]:  # a page that must do without one says so by nothing
                        del headers[name]
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if _announced(scope) > LARGEST_BODY:
            answer = PlainTextResponse("too large", 413, headers={"Connection": "close"})
            await answer(scope, receive, guarded_send)
        else:
            await self._app(scope, _bounded(receive), guarded_send)


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


def _bounded(receive: Receive) -> Receive:
    received = 0

    async def bounded_receive() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LARGEST_BODY:
            raise HTTPException(413, headers={"Connection": "close"})
        return message

    return bounded_receive
