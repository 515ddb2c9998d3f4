"""What the app is told: commands, interactions and events, as Slack words them.

Source: Slack's reference of slash command, ``block_actions``, ``view_submission``, ``view_closed``,
``block_suggestion`` and Events API payloads.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from sandbox.slack.chat import Chat
from sandbox.slack.forms import interactive
from sandbox.slack.modals import Modals
from sandbox.slack.model import Channel, Json, Message, View
from sandbox.slack.store import Store
from sandbox.slack.tickets import Tickets

_TOKEN = "deprecated-verification-token"


@dataclass(frozen=True, slots=True)
class Payloads:
    """Builds payloads; each has its own trigger id and response URL."""

    store: Store
    chat: Chat
    modals: Modals
    tickets: Tickets

    def command(self, user_id: str, channel: Channel, name: str, text: str) -> Json:
        """Return the form of a slash command."""
        return {
            "token": _TOKEN,
            "team_id": self.store.team_id,
            "team_domain": _domain(self.store),
            "channel_id": channel.id,
            "channel_name": _named(channel),
            "user_id": user_id,
            "user_name": self.store.user(user_id).name,
            "command": name,
            "text": text,
            "api_app_id": self.store.app.app_id,
            "is_enterprise_install": "false",
            "response_url": self._response_url(user_id, channel.id),
            "trigger_id": self.tickets.new_trigger(user_id),
        }

    def message_action(
        self, user_id: str, message: Message, action: Json, state: dict[str, Json]
    ) -> Json:
        """Return a click in a message."""
        source = (message.channel, message.ts)
        payload = self._interaction("block_actions", user_id)
        payload |= self._place_in_message(message)
        payload |= {
            "trigger_id": self.tickets.new_trigger(user_id),
            "response_url": self._response_url(user_id, message.channel, source),
            "state": {"values": state},
            "actions": [self._stamped(action)],
        }
        return payload

    def view_action(self, user_id: str, view: View, action: Json) -> Json:
        """Return a click in a modal or on a Home tab."""
        payload = self._interaction("block_actions", user_id)
        payload |= {
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self.tickets.new_trigger(user_id, in_view=view.type == "modal"),
            "view": self.modals.wire(view),
            "actions": [self._stamped(action)],
        }
        return payload

    def submission(self, user_id: str, view: View) -> Json:
        """Return a submitted modal."""
        payload = self._interaction("view_submission", user_id)
        payload |= {
            "trigger_id": self.tickets.new_trigger(user_id, in_view=True),
            "view": self.modals.wire(view),
            "response_urls": self._response_urls(user_id, view),
        }
        return payload

    def closed(self, user_id: str, view: View, *, is_cleared: bool) -> Json:
        """Return a modal that was closed."""
        payload = self._interaction("view_closed", user_id)
        return payload | {"view": self.modals.wire(view), "is_cleared": is_cleared}

    def suggestion(
        self, user_id: str, holder: Message | View, block_id: str, action_id: str, value: str
    ) -> Json:
        """Return a question for the options of an external select."""
        payload = self._interaction("block_suggestion", user_id)
        payload |= {"block_id": block_id, "action_id": action_id, "value": value}
        if isinstance(holder, View):
            container = {"type": "view", "view_id": holder.id}
            return payload | {"container": container, "view": self.modals.wire(holder)}
        return payload | self._place_in_message(holder)

    def event(self, event: Json) -> Json:
        """Return an Events API callback."""
        store = self.store
        now = store.now().timestamp()
        return {
            "token": _TOKEN,
            "team_id": store.team_id,
            "context_team_id": store.team_id,
            "context_enterprise_id": None,
            "api_app_id": store.app.app_id,
            "event": {**event, "event_ts": event.get("event_ts") or store.new_ts()},
            "type": "event_callback",
            "event_id": store.new_id("Ev"),
            "event_time": int(now),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": store.team_id,
                    "user_id": store.app.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": f"4-{secrets.token_urlsafe(24)}",
        }

    # ---- parts --------------------------------------------------------------------------------

    def _interaction(
        self,
        kind: Literal["block_actions", "view_submission", "view_closed", "block_suggestion"],
        user_id: str,
    ) -> Json:
        store = self.store
        user = store.user(user_id)
        return {
            "type": kind,
            "user": {
                "id": user.id,
                "username": user.name,
                "name": user.name,
                "team_id": user.team_id or store.team_id,
            },
            "api_app_id": store.app.app_id,
            "token": _TOKEN,
            "team": {"id": store.team_id, "domain": _domain(store)},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _place_in_message(self, message: Message) -> Json:
        channel = self.store.channel(message.channel)
        is_ephemeral = message.ephemeral_to is not None
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": is_ephemeral,
        }
        if message.is_reply:
            container["thread_ts"] = message.thread_ts
        place: Json = {
            "container": container,
            "channel": {"id": channel.id, "name": _named(channel)},
        }
        if not is_ephemeral:
            place["message"] = self.chat.wire(message)
        return place

    def _stamped(self, action: Json) -> Json:
        return {**action, "action_ts": self.store.new_ts()}

    def _response_url(
        self, user_id: str, channel_id: str, source: tuple[str, str] | None = None
    ) -> str:
        token = self.tickets.new_response_url(user_id, channel_id, source=source)
        kind = "actions" if source else "commands"
        return f"{self.store.base_url}/{kind}/{self.store.team_id}/{token}"

    def _response_urls(self, user_id: str, view: View) -> list[Json]:
        urls = []
        for block, element in interactive(view.blocks):
            if not element.get("response_url_enabled"):
                continue
            entry = view.state.get(block["block_id"], {}).get(element["action_id"], {})
            chosen = entry.get("selected_conversation") or entry.get("selected_channel")
            if chosen:
                urls.append(
                    {
                        "block_id": block["block_id"],
                        "action_id": element["action_id"],
                        "channel_id": chosen,
                        "response_url": self._response_url(user_id, chosen),
                    }
                )
        return urls


def _named(channel: Channel) -> str:
    return "privategroup" if channel.is_private else channel.name


def _domain(store: Store) -> str:
    return "".join(c for c in store.team_name.lower().replace(" ", "-") if c.isalnum() or c == "-")
