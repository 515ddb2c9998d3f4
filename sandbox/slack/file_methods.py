"""``files.*``: uploads in three steps, and downloads.

Source: Slack, "Working with files": an upload address per file, the bytes, then completion, which
shares the files in a conversation.
"""

from __future__ import annotations

import hmac
import mimetypes
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.slack.chat import Chat, Content
from sandbox.slack.model import ApiError, AppConfig, File, Json
from sandbox.slack.store import Store
from sandbox.slack.web_api import Args, Method

MOST_FILE = 20 * 1024 * 1024
MOST_PENDING = 100

Shared = Callable[[File, str], None]
"""Told of a file that appears in a channel."""


class FileMethods:
    """The methods by which the app shares files, and the addresses behind them."""

    def __init__(self, store: Store, chat: Chat, shared: Shared) -> None:
        self._store = store
        self._chat = chat
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
        mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = File(
            id=self._store.new_id("F"),
            name=name[:255].replace("/", "_"),
            title=name[:255],
            mimetype=mimetype,
            size=length,
            user=self._store.app.bot_user_id,
        )
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

    async def download(self, request: web.Request) -> web.Response:
        """Give a private file to whoever has the app's token and may read files."""
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        if not _is_reader(self._store.app, token):
            # Slack shows a browser its sign-in page here.
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        file = self._store.files.get(request.match_info["name"].partition("-")[2])
        return served(file)


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
