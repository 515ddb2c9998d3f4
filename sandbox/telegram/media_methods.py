"""Photos and documents: sending, replacing, downloading.

Source: Bot API, "Sending files", "sendPhoto", "sendDocument", "editMessageMedia", "getFile".
"""

from __future__ import annotations

import mimetypes
import secrets
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Literal

from aiohttp import web

from sandbox.telegram.args import Args, Upload
from sandbox.telegram.bot_api import BotApi, Handler, refused
from sandbox.telegram.images import mime_of, size_of
from sandbox.telegram.model import ApiError, File, Json, bad_request
from sandbox.telegram.posting import Content, Posting, read_caption
from sandbox.telegram.store import Store

MEGABYTE = 1024 * 1024
MOST_PHOTO = 10 * MEGABYTE
MOST_DOCUMENT = 50 * MEGABYTE
MOST_DOWNLOAD = 20 * MEGABYTE

_WIDEST, _SLIMMEST = 10_000, 20

Kind = Literal["photo", "document"]


class MediaMethods:
    """The methods about files, and the address behind ``getFile``."""

    def __init__(self, store: Store, posting: Posting) -> None:
        self._store = store
        self._posting = posting
        self._paths: dict[str, str] = {}

    def table(self) -> dict[str, Handler]:
        """Return the methods by name."""
        return {
            "sendPhoto": lambda args: self._send(args, "photo"),
            "sendDocument": lambda args: self._send(args, "document"),
            "editMessageMedia": self._edit_media,
            "getFile": self._get_file,
        }

    def _send(self, args: Args, kind: Kind) -> Json:
        content = read_caption(args)
        if not args.has(kind):
            raise bad_request(f"there is no {kind} in the request")
        upload = args.upload(kind) or args.upload(args.text(kind))
        return self._posting.send(args, self._with_file(content, kind, args.text(kind), upload))

    def _edit_media(self, args: Args) -> Json:
        media = args.object("media", "input media")
        kind = media.get("type")
        if kind not in ("photo", "document"):
            raise bad_request("can't parse InputMedia: Unsupported type specified")
        content = read_caption(media)
        message = self._posting.editable(args)
        reference = str(media.get("media", ""))
        content = self._with_file(content, kind, reference, args.upload(reference))
        return self._posting.replace(message, content, args)

    def _with_file(
        self, content: Content, kind: Kind, reference: str, upload: Upload | None
    ) -> Content:
        file = self._known(reference) if upload is None else self._taken(kind, upload)
        if kind == "photo":
            return replace(content, photo=file)
        return replace(content, document=file)

    def _known(self, reference: str) -> File:
        if reference.startswith(("http://", "https://")):
            # Nothing outside this machine is in reach.
            raise bad_request("failed to get HTTP URL content")
        file = self._store.files.get(reference)
        if file is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return file

    def _taken(self, kind: Kind, upload: Upload) -> File:
        if not upload.content:
            raise bad_request("file must be non-empty")
        if len(upload.content) > MOST_DOCUMENT:
            raise ApiError(413, "Request Entity Too Large")
        if kind == "photo":
            return keep_photo(self._store, upload.content)
        return keep_document(self._store, upload.name, upload.content)

    # ---- downloads ----------------------------------------------------------------------------

    def _get_file(self, args: Args) -> Json:
        file_id = args.text("file_id")
        if not file_id:
            raise bad_request("file_id not specified")
        file = self._store.files.get(file_id)
        if file is None:
            raise bad_request("invalid file_id")
        if file.size > MOST_DOWNLOAD:
            raise bad_request("file is too big")
        if not file.path:
            folder = "photos" if file.width else "documents"
            file.path = f"{folder}/{secrets.token_urlsafe(18)}{PurePosixPath(file.name).suffix}"
            self._paths[file.path] = file.id
        return {
            "file_id": file.id,
            "file_unique_id": file.unique_id,
            "file_size": file.size,
            "file_path": file.path,
        }

    async def download(self, request: web.Request, api: BotApi) -> web.Response:
        """Give a file to whoever has the bot's token and its path."""
        try:
            api.authorize(request.match_info["token"])
        except ApiError as error:
            return refused(error)
        file_id = self._paths.get(request.match_info["path"], "")
        file = self._store.files.get(file_id)
        if file is None:
            return refused(ApiError(404, "Not Found"))
        return web.Response(body=file.content, content_type="application/octet-stream")


def keep_photo(store: Store, content: bytes) -> File:
    """Keep a photo.

    Raises:
        ApiError: it is too big, or no picture of a shape that Telegram takes.
    """
    if len(content) > MOST_PHOTO:
        raise bad_request(
            f"file of size {len(content)} bytes is too big for a photo; "
            f"the maximum size is {MOST_PHOTO} bytes"
        )
    size = size_of(content)
    if size is None or 0 in size:
        raise bad_request("IMAGE_PROCESS_FAILED")
    width, height = size
    if width + height > _WIDEST or max(size) > _SLIMMEST * min(size):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return store.keep("photo.jpg", mime_of(content), content, width=width, height=height)


def keep_document(store: Store, name: str, content: bytes, mime: str = "") -> File:
    """Keep a document."""
    name = name or "file"
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return store.keep(name, mime or guessed, content)
