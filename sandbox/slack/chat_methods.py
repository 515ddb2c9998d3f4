"""``chat.*``: the app's messages."""

from __future__ import annotations

from sandbox.slack.chat import Chat
from sandbox.slack.model import ApiError, Json, Message
from sandbox.slack.store import Store
from sandbox.slack.web_api import Args, Method

_WRITE = ("chat:write",)


class ChatMethods:
    """The methods by which the app writes."""

    def __init__(self, store: Store, chat: Chat) -> None:
        self._store = store
        self._chat = chat

    def table(self) -> dict[str, Method]:
        """Return the methods by name."""
        return {
            "chat.postMessage": Method(self._post, 5, _WRITE),
            "chat.postEphemeral": Method(self._post_ephemeral, 4, _WRITE),
            "chat.update": Method(self._update, 3, _WRITE),
            "chat.delete": Method(self._delete, 3, _WRITE),
            "chat.getPermalink": Method(self._permalink, 5),
        }

    def _post(self, args: Args) -> Json:
        channel = self._chat.reachable(args.needed("channel"))
        content = self._chat.content(args.all())
        message = self._chat.post(channel, content, thread_ts=args.text("thread_ts"))
        return {"channel": channel.id, "ts": message.ts, "message": self._chat.wire(message)}

    def _post_ephemeral(self, args: Args) -> Json:
        user = args.needed("user")
        channel = self._chat.reachable(args.needed("channel"))
        if user not in channel.members:
            raise ApiError("user_not_in_channel")
        message = self._chat.post(
            channel,
            self._chat.content(args.all()),
            thread_ts=args.text("thread_ts"),
            ephemeral_to=user,
        )
        return {"message_ts": message.ts}

    def _update(self, args: Args) -> Json:
        message = self._own(args, "cant_update_message")
        self._chat.replace(message, self._chat.content(args.all()))
        return {
            "channel": message.channel,
            "ts": message.ts,
            "text": message.text,
            "message": self._chat.wire(message),
        }

    def _delete(self, args: Args) -> Json:
        message = self._own(args, "cant_delete_message")
        self._store.delete(message)
        return {"channel": message.channel, "ts": message.ts}

    def _permalink(self, args: Args) -> Json:
        channel = self._chat.reachable(args.needed("channel"))
        ts = args.needed("message_ts")
        message = self._store.find_message(channel.id, ts)
        if message is None or message.ephemeral_to:
            raise ApiError("message_not_found")
        link = f"{self._store.team_url()}archives/{channel.id}/p{ts.replace('.', '')}"
        if message.is_reply:
            link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
        return {"channel": channel.id, "permalink": link}

    def _own(self, args: Args, otherwise: str) -> Message:
        # A user id names no message: the app must keep the id of the direct message.
        channel = self._store.channel(args.needed("channel"))
        message = self._store.find_message(channel.id, args.needed("ts"))
        if message is None or message.ephemeral_to:
            raise ApiError("message_not_found")
        if not message.is_by_app:
            raise ApiError(otherwise)
        return message
