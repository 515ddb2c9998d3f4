"""Which happenings become events for the app: those it subscribed to and has the scope for."""

from __future__ import annotations

from sandbox.slack.chat import Chat
from sandbox.slack.delivery import Delivery
from sandbox.slack.directory_methods import wire_user
from sandbox.slack.modals import Modals
from sandbox.slack.model import Channel, File, Json, Message
from sandbox.slack.payloads import Payloads
from sandbox.slack.store import Change, Store

SCOPES = {
    "message.im": "im:history",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "app_mention": "app_mentions:read",
    "file_shared": "files:read",
    "app_home_opened": None,
    "user_change": "users:read",
}
"""The scope an event needs, by the name it is subscribed under."""


class Events:
    """Turns changes of the workspace into events."""

    def __init__(
        self, store: Store, delivery: Delivery, payloads: Payloads, chat: Chat, modals: Modals
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._payloads = payloads
        self._chat = chat
        self._modals = modals

    def see(self, change: Change) -> None:
        """Send what a change means to the app; its own messages are told of, too."""
        if change.type == "user" and self._is_wanted("user_change"):
            for user_id in change.users or ():
                user = wire_user(self._store, self._store.user(user_id), with_locale=True)
                self._send({"type": "user_change", "user": user})
        message = change.message
        if message is None or message.ephemeral_to:
            return
        channel = self._store.channel(message.channel)
        if channel.kind != "im" and self._store.app.bot_user_id not in channel.members:
            return
        subscription, channel_type = _subscription(channel)
        if self._is_wanted(subscription):
            event = self._message_event(change, message)
            self._send({**event, "channel": channel.id, "channel_type": channel_type})
        is_mention = f"<@{self._store.app.bot_user_id}>" in message.text
        is_new = change.type == "message" and not message.is_by_app
        if is_new and is_mention and channel.kind != "im" and self._is_wanted("app_mention"):
            self._send({**self._chat.wire(message), "type": "app_mention", "channel": channel.id})

    def home_opened(self, user_id: str, tab: str) -> None:
        """Tell that somebody opened the app's Home."""
        if not self._is_wanted("app_home_opened"):
            return
        channel = self._store.im_with(user_id)
        event: Json = {
            "type": "app_home_opened",
            "user": user_id,
            "channel": channel.id,
            "tab": tab,
        }
        home = self._store.homes.get(user_id)
        if tab == "home" and home is not None:
            event["view"] = self._modals.wire(home)
        self._send(event)

    def file_shared(self, file: File, channel_id: str) -> None:
        """Tell that a file appeared in a channel."""
        if self._is_wanted("file_shared"):
            self._send(
                {
                    "type": "file_shared",
                    "file_id": file.id,
                    "file": {"id": file.id},
                    "user_id": file.user,
                    "channel_id": channel_id,
                }
            )

    def _message_event(self, change: Change, message: Message) -> Json:
        wire = self._chat.wire(message)
        if change.type == "message":
            if message.files and not message.is_by_app:
                wire["subtype"] = "file_share"
            return {**wire, "event_ts": message.ts}
        before = self._chat.wire(change.before or message)
        ts = self._store.new_ts()
        event: Json = {"type": "message", "hidden": True, "ts": ts, "event_ts": ts}
        if change.type == "message_changed":
            return event | {
                "subtype": "message_changed",
                "message": wire,
                "previous_message": before,
            }
        return event | {
            "subtype": "message_deleted",
            "deleted_ts": message.ts,
            "previous_message": before,
        }

    def _is_wanted(self, subscription: str) -> bool:
        app = self._store.app
        scope = SCOPES[subscription]
        return subscription in app.events and (scope is None or scope in app.scopes)

    def _send(self, event: Json) -> None:
        self._delivery.send_event(self._payloads.event(event))


def _subscription(channel: Channel) -> tuple[str, str]:
    """Return what messages in a channel are subscribed under, and the channel's type."""
    if channel.kind == "im":
        return "message.im", "im"
    if channel.is_private:
        return "message.groups", "group"
    return "message.channels", "channel"
