"""Where an institution calls when the status of a payment changes.

A call is believed in nothing: not even its body is read. It brings the next question to the
institution forward, which is asked over our own connection. Its address is unguessable, so that
nobody else can make us ask.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PATH = "/notices"


class Notices:
    """Answers calls of institutions.

    Args:
        key: The installation's own; addresses are derived from it.
        public_url: Returns how the service is reached; empty while it is not.
        wake: Has an order's workflow look again now; may be called for any order, at any time.
    """

    def __init__(
        self,
        key: bytes,
        public_url: Callable[[], str],
        wake: Callable[[str], Awaitable[None]],
    ) -> None:
        self._key = hmac.digest(key, b"notices", hashlib.sha256)
        self._public_url = public_url
        self._wake = wake

    def url(self, order_id: str) -> str | None:
        """Return the address for one order; None while the service has none."""
        base = self._public_url()
        return f"{base}{_PATH}/{order_id}/{self._proof(order_id)}" if base else None

    def route(self) -> Route:
        """Return what answers at those addresses."""
        return Route(_PATH + "/{order_id}/{proof}", self._answer, methods=["POST", "PUT"])

    async def _answer(self, request: Request) -> Response:
        order_id = str(request.path_params["order_id"])
        proof = str(request.path_params["proof"])
        if not hmac.compare_digest(proof.encode(), self._proof(order_id).encode()):
            return Response(status_code=404)
        await self._wake(order_id)
        return Response(status_code=204)

    def _proof(self, order_id: str) -> str:
        return hmac.new(self._key, order_id.encode(), hashlib.sha256).hexdigest()[:40]
