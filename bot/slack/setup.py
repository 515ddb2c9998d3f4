"""Puts the parts of Slack together, as the settings say."""

from __future__ import annotations

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands import Commands
from bot.interactions import Interactions
from bot.notifier import Notifier
from bot.services import Services
from bot.settings.model import SlackSettings
from bot.slack.app import SlackApp
from bot.slack.chat import SlackChat

_TIMEOUT_SECONDS = 15


def build(
    services: Services,
    commands: Commands,
    interactions: Interactions,
    settings: SlackSettings,
    *,
    digest_channel: str | None,
) -> tuple[SlackApp, Notifier]:
    """Return Slack's two sides: who hears, and who posts. Needs a running event loop."""
    client = AsyncWebClient(
        token=settings.bot_token.get_secret_value(),
        base_url=settings.api_url,
        session=aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)),
        timeout=_TIMEOUT_SECONDS,
        retry_handlers=[],
    )
    chat = SlackChat(client, services.database, services.company.directory, services.clock)
    notifier = Notifier(services, chat, digest_channel)
    is_socket = settings.mode == "socket"
    app_token, secret = settings.app_token, settings.signing_secret
    app = SlackApp(
        services,
        commands,
        interactions,
        notifier,
        chat,
        client=client,
        signing_secret=secret.get_secret_value() if secret else None,
        app_token=app_token.get_secret_value() if is_socket and app_token else None,
    )
    return app, notifier
