"""A workspace with four people, a real slack-bolt app in it, and a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import AppConfig, Channel, User, Workspace

BOT_TOKEN = "xoxb-for-tests"
APP_TOKEN = "xapp-for-tests"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SIGNING_SECRET = "signing-secret-for-tests"
ANA, BEN, CLEO, GUEST = "U0ANA00001", "U0BEN00001", "U0CLEO0001", "U0GUEST001"
FINANCE, RANDOM = "C0FINANCE1", "C0RANDOM01"
BOT = "U0BOT00001"


def manifest() -> dict[str, Any]:
    return {
        "display_information": {"name": "Paybot"},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "paybot"},
            "slash_commands": [
                {"command": "/pay", "description": "Pay", "usage_hint": "[amount]"},
                {"command": "/who", "description": "Who", "should_escape": True},
            ],
        },
        "oauth_config": {
            "scopes": {
                "bot": [
                    "app_mentions:read",
                    "channels:read",
                    "chat:write",
                    "commands",
                    "files:read",
                    "files:write",
                    "im:history",
                    "im:write",
                    "users:read",
                    "users:read.email",
                ]
            }
        },
        "settings": {
            "event_subscriptions": {
                "bot_events": ["app_home_opened", "app_mention", "file_shared", "message.im"]
            },
            "interactivity": {"is_enabled": True},
            "socket_mode_enabled": True,
        },
    }


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Bench:
    """A running workspace and the means to connect apps to it."""

    workspace: Workspace
    clock: Clock
    stack: AsyncExitStack

    def client(self, token: str = BOT_TOKEN) -> AsyncWebClient:
        return AsyncWebClient(token, base_url=self.workspace.api_url)

    def bolt(self) -> AsyncApp:
        return AsyncApp(
            client=self.client(), signing_secret=SIGNING_SECRET, process_before_response=True
        )

    async def connect(self, app: AsyncApp) -> AsyncSocketModeHandler:
        """Connect an app by Socket Mode."""
        before = self.workspace.socket.count
        handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=0.2)
        self.stack.push_async_callback(handler.close_async)
        await handler.client.connect_to_new_endpoint()
        await self.workspace.wait_connected(before + 1)
        return handler


MakeBench = Callable[..., Awaitable[Bench]]


@pytest.fixture
async def make_bench() -> AsyncIterator[MakeBench]:
    async with AsyncExitStack() as stack:

        async def make(
            *, changes: Callable[[dict[str, Any]], None] | None = None, **options: Any
        ) -> Bench:
            declared = manifest()
            if changes is not None:
                changes(declared)
            clock = Clock()
            mode = options.pop("mode", "socket")
            request_url = options.pop("request_url", None)
            workspace = Workspace(
                "Acme Corp",
                users=[
                    User(
                        ANA,
                        "ana",
                        "Ana Lima",
                        "ana@acme.test",
                        "CFO",
                        totp_secret=SECRET,
                    ),
                    User(BEN, "ben", "Ben Okri", "ben@acme.test", locale="de-DE"),
                    User(CLEO, "cleo", "Cleo Wu", "cleo@acme.test", tz="Asia/Shanghai"),
                    User(GUEST, "guest", "Gus Guest", "gus@else.test", is_restricted=True),
                ],
                channels=[
                    Channel(FINANCE, "finance", [ANA, BEN, BOT]),
                    Channel(RANDOM, "random", [ANA, BEN, CLEO]),
                ],
                app=AppConfig(
                    manifest=declared,
                    bot_token=BOT_TOKEN,
                    app_token=APP_TOKEN,
                    signing_secret=SIGNING_SECRET,
                    mode=mode,
                    request_url=request_url,
                ),
                now=clock,
                **options,
            )
            await workspace.start()
            stack.push_async_callback(workspace.stop)
            return Bench(workspace, clock, stack)

        yield make


@pytest.fixture
async def bench(make_bench: MakeBench) -> Bench:
    return await make_bench()
