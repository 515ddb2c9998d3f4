"""What a workspace is made of: people, channels, the installed app, messages, views and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
"""A JSON object as it travels on the wire."""


@dataclass(frozen=True, slots=True)
class User:
    """A member of the workspace.

    Attributes:
        id: Slack's user id, ``U…``.
        name: The handle, without the ``@``.
        locale: IETF tag as Slack writes it, e.g. ``de-DE``.
        tz: IANA time zone.
        totp_secret: Base32 secret in this person's authenticator app, if there is one.
        is_restricted: A guest of several channels.
        is_ultra_restricted: A guest of one channel.
        team_id: The person's own workspace where it is not this one (Slack Connect).
        is_deleted: Deactivated.
    """

    id: str
    name: str
    real_name: str
    email: str = ""
    title: str = ""
    locale: str = "en-US"
    tz: str = "Europe/Berlin"
    totp_secret: str | None = field(default=None, repr=False)
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    team_id: str | None = None
    is_deleted: bool = False
    is_bot: bool = False


@dataclass(slots=True)
class Channel:
    """A conversation.

    Attributes:
        id: ``C…`` for channels, ``D…`` for direct messages with the app.
        members: User ids; the app's bot user is a member only where it was invited.
        kind: ``channel`` or ``im``.
    """

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    purpose: str = ""
    is_private: bool = False
    kind: Literal["channel", "im"] = "channel"


@dataclass(slots=True)
class AppConfig:
    """The one app that is installed in the workspace.

    Attributes:
        manifest: The app manifest as an object; what it does not declare does not work.
        mode: How the workspace delivers: ``socket`` or ``http``.
        request_url: Where signed requests go in ``http`` mode.
    """

    manifest: Json
    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    mode: Literal["socket", "http"] = "socket"
    request_url: str | None = None
    app_id: str = "A0APP00001"
    bot_id: str = "B0BOT00001"
    bot_user_id: str = "U0BOT00001"

    @property
    def name(self) -> str:
        """The app's name."""
        return str(self.manifest.get("display_information", {}).get("name", "app"))

    @property
    def bot_name(self) -> str:
        """The bot user's display name."""
        bot = self._features.get("bot_user", {})
        return str(bot.get("display_name", self.name))

    @property
    def scopes(self) -> frozenset[str]:
        """The bot token's scopes."""
        scopes = self.manifest.get("oauth_config", {}).get("scopes", {})
        return frozenset(scopes.get("bot", ()))

    @property
    def commands(self) -> dict[str, Json]:
        """Slash commands by name, with the slash."""
        return {entry["command"]: entry for entry in self._features.get("slash_commands", ())}

    @property
    def events(self) -> frozenset[str]:
        """Events the bot is subscribed to."""
        subscriptions = self._settings.get("event_subscriptions", {})
        return frozenset(subscriptions.get("bot_events", ()))

    @property
    def is_interactive(self) -> bool:
        """Whether clicks and forms are delivered."""
        return bool(self._settings.get("interactivity", {}).get("is_enabled"))

    @property
    def is_socket_mode(self) -> bool:
        """Whether the manifest turns Socket Mode on."""
        return bool(self._settings.get("socket_mode_enabled"))

    def has_home(self, feature: str) -> bool:
        """Return a switch of ``features.app_home``, e.g. ``home_tab_enabled``."""
        return bool(self._features.get("app_home", {}).get(feature))

    @property
    def _features(self) -> Json:
        features: Json = self.manifest.get("features", {})
        return features

    @property
    def _settings(self) -> Json:
        settings: Json = self.manifest.get("settings", {})
        return settings


@dataclass(frozen=True, slots=True)
class FileToGive:
    """A file on somebody's own machine, for a modal's file input.

    Attributes:
        mimetype: What Slack takes it for; by its name where it is None.
    """

    name: str
    content: bytes = field(repr=False)
    mimetype: str | None = None


@dataclass(slots=True)
class File:
    """An uploaded file, kept in memory.

    Attributes:
        created: Unix time.
        channels: Conversations in which it was shared; none for what was put into a form.
        is_submitted: It came to the app with a form, so the app may read it.
    """

    id: str
    name: str
    title: str
    mimetype: str
    size: int
    user: str
    created: int
    content: bytes | None = field(default=None, repr=False)
    channels: list[str] = field(default_factory=list)
    is_complete: bool = False
    is_submitted: bool = False


@dataclass(slots=True)
class Message:
    """A message as the workspace stores it.

    Attributes:
        ts: Its id within the channel.
        user: Who wrote it.
        blocks: Block Kit blocks, every one with its block id, or None for plain text.
        files: Ids of the files it carries.
        thread_ts: The thread it belongs to; None for a message without replies.
        ephemeral_to: The only person who sees it, if it is ephemeral.
        edited: Slack's ``edited`` object once the message was updated.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    files: list[str] = field(default_factory=list)
    thread_ts: str | None = None
    ephemeral_to: str | None = None
    metadata: Json | None = None
    is_by_app: bool = False
    edited: Json | None = None
    client_msg_id: str | None = None

    @property
    def is_reply(self) -> bool:
        """Whether it is shown in a thread rather than in the channel."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def all_blocks(self) -> Iterator[Json]:
        """Return the message's blocks, and those of its attachments."""
        yield from self.blocks or ()
        for attachment in self.attachments or ():
            yield from attachment.get("blocks") or ()


@dataclass(slots=True)
class View:
    """A modal that is open, or somebody's Home tab.

    Attributes:
        body: What the app sent: title, blocks, callback_id, private_metadata and so on.
        state: What the person has filled in: block id → action id → value as Slack sends it.
        hash: Changes with every update; guards against overwriting a newer view.
    """

    id: str
    user: str
    hash: str
    body: Json
    state: dict[str, Json] = field(default_factory=dict)
    root_view_id: str = ""
    previous_view_id: str | None = None

    @property
    def type(self) -> str:
        """``modal`` or ``home``."""
        return str(self.body["type"])

    @property
    def title(self) -> str:
        """The title's text."""
        return str((self.body.get("title") or {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        """The app's own name for the view."""
        return str(self.body.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        """The app's own data in the view."""
        return str(self.body.get("private_metadata", ""))

    @property
    def blocks(self) -> list[Json]:
        """The view's blocks, every one with its block id."""
        blocks: list[Json] = self.body["blocks"]
        return blocks

    def all_blocks(self) -> Iterator[Json]:
        """Return the view's blocks."""
        yield from self.blocks


class ApiError(Exception):
    """A call is refused as Slack refuses it.

    Attributes:
        code: Slack's error code, e.g. ``channel_not_found``.
        messages: What is wrong, each naming its place by JSON pointer.
        extra: Further fields of the answer, e.g. ``needed`` and ``provided`` scopes.
    """

    def __init__(self, code: str, *messages: str, **extra: str) -> None:
        super().__init__(code, *messages)
        self.code = code
        self.messages = messages
        self.extra = extra
