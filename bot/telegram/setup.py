"""Puts the parts of Telegram together, as the settings say."""

from __future__ import annotations

from telegram import Bot
from telegram.ext import AIORateLimiter, Application

from bot.commands import Commands
from bot.interactions import Interactions
from bot.notifier import Notifier
from bot.services import Services
from bot.settings.model import TelegramSettings
from bot.telegram.app import TelegramApp
from bot.telegram.chat import TelegramChat, refusals_sorted
from bot.telegram.listener import poll_request

_CONNECT_SECONDS, _READ_SECONDS, _UPLOAD_SECONDS = 10, 15, 60
_POOL = 64
_RETRIES_OF_FLOOD = 2


async def username_of(settings: TelegramSettings) -> str:
    """Return the bot's own name, without the @.

    Raises:
        NotAdmitted: Telegram refused the token.
        ChatUnavailable: Telegram cannot be reached.
    """
    bot = Bot(settings.bot_token.get_secret_value(), base_url=f"{settings.api_url}bot")
    with refusals_sorted():
        async with bot:
            return bot.username


def build(
    services: Services,
    commands: Commands,
    interactions: Interactions,
    settings: TelegramSettings,
    *,
    digest_chat: int | None,
) -> tuple[TelegramApp, Notifier]:
    """Return Telegram's two sides: who hears, and who posts."""
    token, address = settings.bot_token.get_secret_value(), settings.api_url
    application = (
        Application.builder()
        .token(token)
        .base_url(f"{address}bot")
        .base_file_url(f"{address}file/bot")
        .rate_limiter(AIORateLimiter(max_retries=_RETRIES_OF_FLOOD))
        .updater(None)
        .connection_pool_size(_POOL)
        .pool_timeout(_CONNECT_SECONDS)
        .connect_timeout(_CONNECT_SECONDS)
        .read_timeout(_READ_SECONDS)
        .write_timeout(_READ_SECONDS)
        .media_write_timeout(_UPLOAD_SECONDS)
        .build()
    )
    chat = TelegramChat(
        application.bot,
        services.database,
        services.company.directory,
        services.clock,
        is_protected=settings.protect_content,
    )
    # Long questions have connections of their own, which nothing else can use up.
    listening = Bot(token, base_url=f"{address}bot", request=poll_request())
    app = TelegramApp(
        services,
        commands,
        interactions,
        chat,
        application=application,
        listening_bot=listening,
        is_webhook=settings.mode == "webhook",
        digest_chat=digest_chat,
        expires_after=settings.dialogue_expires_after,
    )
    notifier = Notifier(services, chat, str(digest_chat) if digest_chat is not None else None)
    return app, notifier
