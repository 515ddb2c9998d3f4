"""What the service's three largest libraries weigh by themselves.

``python -m bench.memory_floor FILE SLACK TELEGRAM`` launches DBOS on a file, connects slack-bolt by
Socket Mode and has python-telegram-bot poll, and does nothing until it is told to stop.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from dbos import DBOS, DBOSConfig
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from telegram.ext import Application


async def serve(file: str, slack_url: str, telegram_url: str) -> None:
    """Have all three wait for something to do."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config: DBOSConfig = {
        "name": "floor",
        "system_database_url": f"sqlite:///{file}",
        "log_level": "ERROR",
        "enable_otlp": False,
    }
    DBOS(config=config)
    DBOS.launch()
    client = AsyncWebClient(os.environ["BOT_TOKEN"], base_url=slack_url)
    bolt = AsyncApp(client=client, process_before_response=True)
    socket = AsyncSocketModeHandler(bolt, os.environ["APP_TOKEN"])
    await socket.connect_async()  # type: ignore[no-untyped-call]
    token = os.environ["TELEGRAM_TOKEN"]
    polling = Application.builder().token(token).base_url(f"{telegram_url}bot").build()
    async with polling:
        await polling.start()
        assert polling.updater is not None
        await polling.updater.start_polling()
        print(json.dumps({"event": "running"}), file=sys.stderr, flush=True)
        await stop.wait()
        await polling.updater.stop()
        await polling.stop()
    await socket.close_async()  # type: ignore[no-untyped-call]
    DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4]))
