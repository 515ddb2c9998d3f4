"""``files.*``: uploads in three steps, and downloads.

Sources: Slack, "Working with files": an upload address per file, the bytes, then completion, which
shares the files in a conversation; "File object": private files are fetched with a token that has
``files:read``. Who asks without it gets Slack's sign-in page, with status 200
(slackapi/bolt-js#2585, nanocoai/nanoclaw#2457).
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.slack.chat import Chat, Content
from sandbox.slack.limits import Faults
from sandbox.slack.model import ApiError, AppConfig, File, Json
from sandbox.slack.store import Store
from sandbox.slack.web_api import Args, Method

MOST_FILE = 20 * 1024 * 1024
MOST_PENDING = 100

Shared = Callable[[File, str], None]
"""Told of a file that appears in a channel."""


class FileMethods:
    """The methods by which the app shares files, and the addresses behind them."""

    def __init__(self, store: Store, chat: Chat, faults: Faults, shared: Shared) -> None:
        self._store = store
        self._chat = chat
        self._faults = faults
        self._shared = shared
        self._uploads: dict[str, File] = {}

    def table(self) -> dict[str, Method]:
        """Return the methods by name."""
        return {
            "files.getUploadURLExternal": Method(self._new_upload, 4, ("files:write",)),
            "files.completeUploadExternal": Method(self._complete, 4, ("files:write",)),
        }

    def _new_upload(self, args: Args) -> Json:
        name = args.needed("filename")
        length = args.number("length", 0)
        if length <= 0:
            raise ApiError("invalid_arguments", "[ERROR] length must be greater than 0")
        if length > MOST_FILE:
            raise ApiError("file_upload_size_restricted")
        file = self._store.new_file(self._store.app.bot_user_id, name, length)
        token = secrets.token_urlsafe(24)
        while len(self._uploads) >= MOST_PENDING:
            del self._uploads[next(iter(self._uploads))]
        self._uploads[token] = file
        return {"upload_url": f"{self._store.base_url}/upload/v1/{token}", "file_id": file.id}

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file's bytes, raw or as a form with one file."""
        token = request.match_info["token"]
        file = self._uploads.get(token)
        if file is None:
            return web.Response(status=404, text="not found")
        content = await _bytes_of(request)
        if len(content) != file.size:
            return web.Response(status=400, text="length mismatch")
        file.content = content
        self._store.keep(file)
        self._uploads.pop(token, None)
        return web.Response(text=f"OK - {len(content)}")

    def _complete(self, args: Args) -> Json:
        entries = args.value("files")
        if not isinstance(entries, list) or not entries:
            raise ApiError("invalid_arguments", "[ERROR] missing required field: files")
        files = [self._titled(entry) for entry in entries]
        targets = args.names("channels") or args.names("channel_id")
        # A file goes to conversations by their own ids, never to a person's.
        channels = [self._chat.reachable(self._store.channel(target).id) for target in targets]
        for file in files:
            file.is_complete = True
        for channel in channels:
            for file in files:
                file.channels.append(channel.id)
            self._chat.post(
                channel,
                Content(args.text("initial_comment") or ""),
                thread_ts=args.text("thread_ts"),
                files=[file.id for file in files],
            )
            for file in files:
                self._shared(file, channel.id)
        return {"files": [self._chat.wire_file(file) for file in files]}

    def _titled(self, entry: Any) -> File:
        if not isinstance(entry, dict):
            raise ApiError("invalid_arguments", "[ERROR] files must be objects")
        file = self._store.files.get(str(entry.get("id")))
        if file is None or file.content is None or file.is_complete:
            raise ApiError("file_not_found")
        file.title = str(entry.get("title") or file.name)[:255]
        return file

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Give a private file to whoever has the app's token and may read it."""
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        if not _is_reader(self._store.app, token):
            return web.Response(
                text="<!DOCTYPE html><title>Sign in</title>", content_type="text/html"
            )
        file = self._store.files.get(request.match_info["name"].partition("-")[2])
        if file is None or not self._is_readable(file):
            raise web.HTTPNotFound
        await asyncio.sleep(self._faults.files_after)
        if self._faults.take_cut_file():
            return await _cut(request, file)
        return served(file)

    def _is_readable(self, file: File) -> bool:
        """Whether the app may read a file: its own, of a form of its own, or where it is in."""
        bot, channels = self._store.app.bot_user_id, self._store.channels
        return (
            file.user == bot
            or file.is_submitted
            or any(bot in channels[name].members for name in file.channels)
        )


def served(file: File | None) -> web.Response:
    """Return a file's bytes, to be kept rather than shown by a browser."""
    if file is None or file.content is None:
        raise web.HTTPNotFound
    return web.Response(
        body=file.content,
        content_type=file.mimetype,
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


async def _cut(request: web.Request, file: File) -> web.StreamResponse:
    """Send half of a file, then break the connection."""
    content = file.content or b""
    response = web.StreamResponse(headers={"Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _is_reader(app: AppConfig, token: str) -> bool:
    is_known = hmac.compare_digest(token.encode(), app.bot_token.encode())
    return is_known and "files:read" in app.scopes


async def _bytes_of(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
