"""Files that Telegram hands out, taken no further than they may be large."""

from __future__ import annotations

import httpx
from telegram import Bot
from telegram.error import TelegramError

from bot.files import LARGEST_FILE
from workflows.refusal import Refusal

_SECONDS = 30.0


async def download(bot: Bot, file_id: str) -> bytes:
    """Return the content of a file.

    The library reads whatever comes to its end, and Telegram need not say how much that is; this
    stops where it becomes too much.

    Raises:
        Refusal: ``file.over_limit``, or ``file.unavailable``: Telegram does not hand it over.
    """
    try:
        file = await bot.get_file(file_id)
        if (file.file_size or 0) > LARGEST_FILE:
            raise _too_large()
        return await _read(file.file_path or "")
    # The errors of the client hold the address, which holds the token: they are not passed on.
    except (TelegramError, httpx.HTTPError, httpx.InvalidURL):
        raise Refusal("file.unavailable") from None


async def _read(address: str) -> bytes:
    content = bytearray()
    async with (
        httpx.AsyncClient(timeout=_SECONDS) as client,
        client.stream("GET", address) as response,
    ):
        response.raise_for_status()
        async for part in response.aiter_bytes():
            content += part
            if len(content) > LARGEST_FILE:
                raise _too_large()
    return bytes(content)


def _too_large() -> Refusal:
    return Refusal("file.over_limit", megabytes=LARGEST_FILE // 1024 // 1024)
