"""Messages of the app: what they may hold, and how they read on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sandbox.slack.blocks import check_blocks
from sandbox.slack.forms import with_ids
from sandbox.slack.model import ApiError, Channel, File, Json, Message
from sandbox.slack.store import Store

MOST_TEXT = 40_000
MOST_ATTACHMENTS = 100
_FILETYPES = {"jpeg": "jpg", "txt": "text", "md": "markdown"}
"""Slack's own names of file types, where they are not the ending."""


def escaped(text: str) -> str:
    """Return typed text as Slack stores it: ``&``, ``<`` and ``>`` as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def decoded(value: Any) -> Any:
    """Return an argument that may have come as a JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says."""

    text: str = ""
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None


class Chat:
    """Posts and changes the app's messages."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def content(self, body: Mapping[str, Any]) -> Content:
        """Return a checked message.

        Raises:
            ApiError: ``no_text``, ``msg_too_long``, ``invalid_blocks``, ``invalid_blocks_format``,
                ``invalid_attachments`` or ``invalid_metadata_format``.
        """
        text = body.get("text") or ""
        if not isinstance(text, str):
            text = str(text)
        blocks = _listed(body.get("blocks"), "invalid_blocks_format")
        attachments = _listed(body.get("attachments"), "invalid_attachments")
        metadata = decoded(body.get("metadata"))
        if not text and not blocks and not attachments:
            raise ApiError("no_text")
        if len(text) > MOST_TEXT:
            raise ApiError("msg_too_long")
        if blocks and (findings := check_blocks(blocks, "message")):
            raise ApiError("invalid_blocks", *(f"[ERROR] {found}" for found in findings))
        _check_attachments(attachments or [])
        if metadata is not None and not _is_metadata(metadata):
            raise ApiError("invalid_metadata_format")
        return Content(text, self._stored(blocks), self._attached(attachments), metadata)

    def reachable(self, channel_id: str) -> Channel:
        """Return the conversation the app may post to.

        Args:
            channel_id: A channel or direct message, ``#name`` for a channel, or a user id for the
                latter.

        Raises:
            ApiError: ``channel_not_found``, ``not_in_channel`` or ``messages_tab_disabled``.
        """
        store = self._store
        if channel_id in store.users and not store.users[channel_id].is_bot:
            channel = store.im_with(channel_id)
        else:
            channel = store.channel(self._id_of(channel_id))
        if channel.kind == "im":
            if not store.app.has_home("messages_tab_enabled"):
                raise ApiError("messages_tab_disabled")
        elif store.app.bot_user_id not in channel.members:
            if channel.is_private:
                raise ApiError("channel_not_found")
            if "chat:write.public" not in store.app.scopes:
                raise ApiError("not_in_channel")
        return channel

    def _id_of(self, name: str) -> str:
        if not name.startswith("#"):
            return name
        named = (c.id for c in self._store.channels.values() if c.name == name[1:])
        return next(named, name)

    def post(
        self,
        channel: Channel,
        content: Content,
        *,
        thread_ts: str | None = None,
        ephemeral_to: str | None = None,
        files: list[str] | None = None,
    ) -> Message:
        """Post a message of the app."""
        if thread_ts and (parent := self._store.find_message(channel.id, thread_ts)):
            # A reply to a reply lands in the thread of the first message.
            thread_ts = parent.thread_ts or thread_ts
        return self._store.post(
            Message(
                channel=channel.id,
                ts=self._store.new_ts(),
                user=self._store.app.bot_user_id,
                text=content.text,
                blocks=content.blocks,
                attachments=content.attachments,
                files=files or [],
                thread_ts=thread_ts,
                ephemeral_to=ephemeral_to,
                metadata=content.metadata,
                is_by_app=True,
            )
        )

    def replace(self, message: Message, content: Content) -> None:
        """Put other content in place of a message's."""
        store = self._store
        before = deepcopy(message)
        message.text = content.text
        message.blocks = content.blocks
        message.attachments = content.attachments
        if content.metadata is not None:
            message.metadata = content.metadata
        message.edited = {"user": store.app.bot_user_id, "ts": store.new_ts()}
        store.change(message, before)

    # ---- the wire -----------------------------------------------------------------------------

    def wire(self, message: Message) -> Json:
        """Return a message as the Web API and the payloads show it."""
        store = self._store
        wire: Json = {
            "type": "message",
            "user": message.user,
            "ts": message.ts,
            "text": message.text,
            "team": store.team_id,
        }
        if message.is_by_app:
            wire |= self._bot()
        for key in ("client_msg_id", "thread_ts", "blocks", "attachments", "metadata", "edited"):
            value = getattr(message, key)
            if value is not None:
                wire[key] = deepcopy(value)
        if message.files:
            files = [store.files.get(file_id) for file_id in message.files]
            wire["files"] = [self.wire_file(file) for file in files if file is not None]
        if message.thread_ts == message.ts and (replies := store.replies(message)):
            wire["reply_count"] = len(replies)
            wire["latest_reply"] = replies[-1].ts
        return wire

    def wire_file(self, file: File) -> Json:
        """Return a file as the Web API and the state of a file input show it.

        Source: Slack, "File object".
        """
        store = self._store
        base = f"{store.base_url}/files-pri/{store.team_id}-{file.id}"
        ending = file.name.rpartition(".")[2][:20].lower()
        slug = re.sub(r"[^a-z0-9._-]+", "_", file.name.lower()) or "file"
        kinds = [(store.channels[name].kind, name) for name in file.channels]
        return {
            "id": file.id,
            "created": file.created,
            "timestamp": file.created,
            "name": file.name,
            "title": file.title,
            "mimetype": file.mimetype,
            "filetype": _FILETYPES.get(ending, ending),
            "pretty_type": ending.upper(),
            "user": file.user,
            "user_team": store.team_id,
            "editable": False,
            "size": file.size,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": bool(file.channels),
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": f"{base}/{slug}",
            "url_private_download": f"{base}/download/{slug}",
            "permalink": f"{store.team_url()}files/{file.user}/{file.id}/{slug}",
            "channels": [name for kind, name in kinds if kind == "channel"],
            "groups": [],
            "ims": [name for kind, name in kinds if kind == "im"],
            "shares": {},
            "has_rich_preview": False,
            "file_access": "visible",
        }

    def _bot(self) -> Json:
        app = self._store.app
        return {
            "bot_id": app.bot_id,
            "app_id": app.app_id,
            "bot_profile": {
                "id": app.bot_id,
                "app_id": app.app_id,
                "name": app.bot_name,
                "deleted": False,
                "team_id": self._store.team_id,
            },
        }

    def _stored(self, blocks: list[Json] | None) -> list[Json] | None:
        return with_ids(blocks) if blocks else None

    def _attached(self, attachments: list[Json] | None) -> list[Json] | None:
        if not attachments:
            return None
        return [
            {**attachment, "id": index, "blocks": with_ids(attachment.get("blocks") or [])}
            for index, attachment in enumerate(attachments, start=1)
        ]


def _listed(value: Any, error: str) -> list[Json] | None:
    value = decoded(value)
    if value is None or value == "":
        return None
    if not isinstance(value, list):
        raise ApiError(error)
    return value


def _check_attachments(attachments: list[Json]) -> None:
    if len(attachments) > MOST_ATTACHMENTS:
        raise ApiError("too_many_attachments")
    for index, attachment in enumerate(attachments):
        if not isinstance(attachment, dict):
            raise ApiError("invalid_attachments")
        pointer = f"/attachments/{index}/blocks"
        findings = check_blocks(attachment.get("blocks") or [], "message", pointer)
        if findings:
            raise ApiError("invalid_attachments", *(f"[ERROR] {found}" for found in findings))


def _is_metadata(metadata: Any) -> bool:
    return (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    )
