"""``auth.*``, ``apps.*``, ``users.*`` and ``conversations.*``: who and what there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.slack.model import ApiError, Channel, Json, User
from sandbox.slack.store import Store
from sandbox.slack.web_api import Args, Method, missing_scope

MOST_LISTED = 200


class DirectoryMethods:
    """The methods by which the app looks around.

    Args:
        new_socket_url: Returns the address of a fresh Socket Mode connection.
    """

    def __init__(self, store: Store, new_socket_url: Callable[[], str]) -> None:
        self._store = store
        self._new_socket_url = new_socket_url

    def table(self) -> dict[str, Method]:
        """Return the methods by name."""
        reads = ("channels:read", "groups:read", "im:read", "mpim:read")
        return {
            "auth.test": Method(self._auth_test, 5),
            "apps.connections.open": Method(self._connect, 1, token="app"),
            "users.info": Method(self._user, 4, ("users:read",)),
            "users.list": Method(self._users, 2, ("users:read",)),
            "users.lookupByEmail": Method(self._by_email, 3, ("users:read.email",)),
            "conversations.open": Method(self._open, 3, ("im:write", "mpim:write")),
            "conversations.info": Method(self._channel, 3, reads),
            "conversations.list": Method(self._channels, 2, reads),
            "conversations.members": Method(self._members, 4, reads),
        }

    # ---- auth, apps ---------------------------------------------------------------------------

    def _auth_test(self, args: Args) -> Json:
        del args
        store = self._store
        return {
            "url": store.team_url(),
            "team": store.team_name,
            "user": store.app.bot_name,
            "team_id": store.team_id,
            "user_id": store.app.bot_user_id,
            "bot_id": store.app.bot_id,
            "is_enterprise_install": False,
        }

    def _connect(self, args: Args) -> Json:
        del args
        if self._store.app.mode != "socket" or not self._store.app.is_socket_mode:
            raise ApiError("socket_mode_not_enabled")
        return {"url": self._new_socket_url()}

    # ---- users --------------------------------------------------------------------------------

    def _user(self, args: Args) -> Json:
        user = self._store.user(args.needed("user"))
        return {"user": wire_user(self._store, user, with_locale=args.flag("include_locale"))}

    def _users(self, args: Args) -> Json:
        members = [
            wire_user(self._store, user, with_locale=args.flag("include_locale"))
            for user in self._store.users.values()
        ]
        page, more = _page(members, args)
        return {"members": page, "cache_ts": int(self._store.now().timestamp()), **more}

    def _by_email(self, args: Args) -> Json:
        email = args.needed("email").casefold()
        for user in self._store.users.values():
            if user.email.casefold() == email and not user.is_deleted:
                return {"user": wire_user(self._store, user, with_locale=False)}
        raise ApiError("users_not_found")

    # ---- conversations ------------------------------------------------------------------------

    def _open(self, args: Args) -> Json:
        channel_id = args.text("channel")
        people = args.names("users")
        if channel_id:
            channel = self._store.channel(channel_id)
            return {"no_op": True, "already_open": True, "channel": self._opened(channel, args)}
        if not people:
            raise ApiError("users_list_not_supplied")
        if len(people) > 1:
            raise ApiError("method_not_supported_for_channel_type")
        if "im:write" not in self._store.app.scopes:
            raise missing_scope(self._store.app, "im:write")
        user = self._store.user(people[0])
        if user.is_bot:
            raise ApiError("cannot_dm_bot")
        if user.is_deleted:
            raise ApiError("user_disabled")
        channel = self._store.im_with(user.id)
        return {"channel": self._opened(channel, args)}

    def _opened(self, channel: Channel, args: Args) -> Json:
        return self._wire(channel) if args.flag("return_im") else {"id": channel.id}

    def _channel(self, args: Args) -> Json:
        channel = self._seen(args.needed("channel"))
        wire = self._wire(channel)
        if args.flag("include_num_members"):
            wire["num_members"] = len(channel.members)
        return {"channel": wire}

    def _channels(self, args: Args) -> Json:
        kinds = args.names("types") or ["public_channel"]
        for kind in kinds:
            if _SCOPE_OF.get(kind) not in self._store.app.scopes:
                raise missing_scope(self._store.app, _SCOPE_OF.get(kind, "channels:read"))
        listed = [
            self._wire(channel)
            for channel in self._store.channels.values()
            if _kind(channel) in kinds and self._is_visible(channel)
        ]
        page, more = _page(listed, args)
        return {"channels": page, **more}

    def _members(self, args: Args) -> Json:
        page, more = _page(list(self._seen(args.needed("channel")).members), args)
        return {"members": page, **more}

    def _seen(self, channel_id: str) -> Channel:
        channel = self._store.channel(channel_id)
        if not self._is_visible(channel):
            raise ApiError("channel_not_found")
        scope = _SCOPE_OF[_kind(channel)]
        if scope not in self._store.app.scopes:
            raise missing_scope(self._store.app, scope)
        return channel

    def _is_visible(self, channel: Channel) -> bool:
        return not channel.is_private or self._store.app.bot_user_id in channel.members

    def _wire(self, channel: Channel) -> Json:
        store = self._store
        wire: Json = {
            "id": channel.id,
            "created": 0,
            "is_archived": False,
            "is_channel": channel.kind == "channel" and not channel.is_private,
            "is_group": channel.is_private,
            "is_im": channel.kind == "im",
            "is_mpim": False,
            "is_private": channel.is_private or channel.kind == "im",
            "context_team_id": store.team_id,
        }
        if channel.kind == "im":
            return wire | {"user": store.im_partner(channel), "is_open": True}
        return wire | {
            "name": channel.name,
            "name_normalized": channel.name,
            "is_member": store.app.bot_user_id in channel.members,
            "is_general": channel.name == "general",
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
        }


def wire_user(store: Store, user: User, *, with_locale: bool) -> Json:
    """Return a user as the Web API shows it to this app."""
    team_id = user.team_id or store.team_id
    profile: Json = {
        "title": user.title,
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "team": team_id,
    }
    if user.email and "users:read.email" in store.app.scopes:
        profile["email"] = user.email
    wire: Json = {
        "id": user.id,
        "team_id": team_id,
        "name": user.name,
        "deleted": user.is_deleted,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 0,
    }
    if not user.is_deleted:
        offset = _offset(user.tz, store.now())
        wire |= {
            "real_name": user.real_name,
            "tz": user.tz,
            "tz_label": user.tz,
            "tz_offset": offset,
            "is_admin": False,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": user.is_restricted or user.is_ultra_restricted,
            "is_ultra_restricted": user.is_ultra_restricted,
        }
    if team_id != store.team_id:
        wire["is_stranger"] = True
    if with_locale:
        wire["locale"] = user.locale
    return wire


_SCOPE_OF = {
    "public_channel": "channels:read",
    "private_channel": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}


def _kind(channel: Channel) -> str:
    if channel.kind == "im":
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def _offset(tz: str, now: datetime) -> int:
    offset = now.astimezone(ZoneInfo(tz)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _page(items: list[Any], args: Args) -> tuple[list[Any], Json]:
    """Return one page of a list; the cursor is where the next begins."""
    limit = min(max(args.number("limit", MOST_LISTED), 1), 1000)
    cursor = args.text("cursor") or "0"
    if not cursor.isdecimal() or int(cursor) > len(items):
        raise ApiError("invalid_cursor")
    end = int(cursor) + limit
    following = str(end) if end < len(items) else ""
    return items[int(cursor) : end], {"response_metadata": {"next_cursor": following}}
