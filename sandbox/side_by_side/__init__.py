"""One page that shows two chats side by side, and one person in both of them.

The left page takes its person from ``?user=`` in its address. So does the right one, or it listens
to ``{type: "act-as", user}`` by ``postMessage`` and answers ``{type: "acting-as", user}`` whenever
its person changes; either page may do either. Both must let themselves be framed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from aiohttp import web

PAGE = Path(__file__).parent / "page"
HINT = "Ask for something on one side, then be somebody else and answer it on the other."


class Colleague(TypedDict):
    """Somebody with an account in both chats, or in one of them.

    Attributes:
        id: Names the person in this page's address: ``?person=``.
        left_user: Their user id in the left chat; empty for one who is not there.
        right_user: The same for the right chat.
    """

    id: str
    name: str
    title: str
    left_user: str
    right_user: str


class SideBySide:
    """Serves the page.

    Args:
        left_url: Where the left page is; what its query holds is kept.
        right_url: Where the right page is.
        people: Who can be acted as; the first one to begin with.
        title: What stands at the top, such as the company's name.
        left_name: What the left chat is called.
        right_name: What the right chat is called.
        hint: One line that says what to try.
    """

    def __init__(
        self,
        left_url: str,
        right_url: str,
        people: Sequence[Colleague],
        title: str,
        *,
        left_name: str = "Slack",
        right_name: str = "Telegram",
        hint: str = HINT,
    ) -> None:
        self._stage = {
            "title": title,
            "hint": hint,
            "left": {"name": left_name, "url": left_url},
            "right": {"name": right_name, "url": right_url},
            "people": list(people),
        }
        self._policy = _policy(left_url, right_url)
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback interface; port 0 takes any free one.

        Raises:
            OSError: the port is taken.
        """
        server = web.Application()
        server.add_routes(
            [
                web.get("/", self._index),
                web.get("/stage", self._tell),
                web.static("/static", PAGE),
            ]
        )
        runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runner = runner
        await web.TCPSite(runner, "127.0.0.1", port).start()

    async def stop(self) -> None:
        """Close every connection and stop listening. Safe to call twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Where the page is, without a slash at its end.

        Raises:
            RuntimeError: it is not being served.
        """
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the page is not being served")
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _index(self, request: web.Request) -> web.StreamResponse:
        del request
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": self._policy}
        return web.FileResponse(PAGE / "index.html", headers=headers)

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response(self._stage, headers={"Cache-Control": "no-store"})


def _policy(*framed: str) -> str:
    """Return what the page may load: its own files, and the two chats as frames."""
    parts = [urlsplit(url) for url in framed]
    origins = " ".join(f"{part.scheme}://{part.netloc}" for part in parts)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self'; frame-src {origins}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
