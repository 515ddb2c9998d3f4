"""The HTTP side of people: what the workspace's page calls, and the page itself.

Only JSON is taken by POST, and bytes that say they are nothing else, so that no other site's form
can act here without the browser asking first, which is never answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.slack.deeds import Deeds, Outcome
from sandbox.slack.file_methods import served
from sandbox.slack.model import ApiError, Channel, FileToGive, Json, Message, User, View
from sandbox.slack.person import Person
from sandbox.slack.store import Change, Store
from sandbox.slack.web_api import refusal

PAGE = Path(__file__).parent / "page"
_COLORS = ("#4a154b", "#1264a3", "#2bac76", "#e8912d", "#cd2553", "#0b7a75", "#6b4fbb", "#a23b00")
_KEEP_ALIVE = 20.0
"""Seconds after which a silent stream of events says that it is there."""
_MOST_WAITING = 1_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PeopleApi:
    """Serves ``/``, ``/static/`` and ``/people/``."""

    def __init__(self, store: Store, deeds: Deeds, people: Mapping[str, Person]) -> None:
        self._store = store
        self._deeds = deeds
        self._people = people
        self._streams: set[asyncio.Queue[Change | None]] = set()
        store.watch(self._tell)

    def routes(self) -> list[web.RouteDef | web.StaticDef]:
        """Return the routes."""
        routes: list[web.RouteDef | web.StaticDef] = [
            web.get("/", self._index),
            web.get("/archives/{rest:.*}", self._index),
            web.get("/people/workspace", _guarded(self._workspace)),
            web.get("/people/inbox", _guarded(self._inbox)),
            web.get("/people/history", _guarded(self._history)),
            web.post("/people/read", _guarded(self._read)),
            web.get("/people/home", _guarded(self._open_home)),
            web.get("/people/homeview", _guarded(self._home_view)),
            web.post("/people/command", _guarded(self._command)),
            web.post("/people/message", _guarded(self._message)),
            web.post("/people/click", _guarded(self._click)),
            web.post("/people/give", _guarded(self._give)),
            web.post("/people/submit", _guarded(self._submit)),
            web.post("/people/dismiss", _guarded(self._dismiss)),
            web.get("/people/views", _guarded(self._views)),
            web.post("/people/options", _guarded(self._options)),
            web.get("/people/totp", _guarded(self._totp)),
            web.get("/people/file", _guarded(self._file)),
            web.get("/people/events", _guarded(self._events)),
        ]
        if PAGE.is_dir():
            routes.append(web.static("/static", PAGE))
        return routes

    def close(self) -> None:
        """End the streams of events."""
        for queue in tuple(self._streams):
            self._end(queue)

    # ---- looking ------------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.StreamResponse:
        del request
        index = PAGE / "index.html"
        if not index.is_file():
            return web.Response(text="The page is not installed.", status=404)
        return web.FileResponse(index, headers={"Cache-Control": "no-store"})

    async def _workspace(self, request: web.Request) -> web.StreamResponse:
        del request
        store = self._store
        app = store.app
        return web.json_response(
            {
                "team": {"id": store.team_id, "name": store.team_name},
                "app": {
                    "name": app.name,
                    "bot_user_id": app.bot_user_id,
                    "commands": [
                        {
                            "command": entry["command"],
                            "description": entry.get("description", ""),
                            "usage_hint": entry.get("usage_hint", ""),
                        }
                        for entry in app.commands.values()
                    ],
                },
                "users": [
                    _user(user, _COLORS[index % len(_COLORS)])
                    for index, user in enumerate(store.users.values())
                ],
                "channels": [
                    {
                        "id": channel.id,
                        "name": channel.name,
                        "purpose": channel.purpose,
                        "members": channel.members,
                    }
                    for channel in store.channels.values()
                    if channel.kind == "channel"
                ],
            }
        )

    async def _inbox(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        return web.json_response(
            {"channels": [self._entry(person, channel) for channel in self._channels(person)]}
        )

    def _channels(self, person: Person) -> list[Channel]:
        joined = [
            channel
            for channel in self._store.channels.values()
            if channel.kind == "channel" and person.id in channel.members
        ]
        return [*joined, self._store.im_with(person.id)]

    def _entry(self, person: Person, channel: Channel) -> Json:
        seen = self._store.messages(channel.id, person.id)
        return {
            "id": channel.id,
            "name": self._store.app.bot_name if channel.kind == "im" else channel.name,
            "kind": channel.kind,
            "unread": self._store.unread(person.id, channel.id),
            "latest_ts": seen[-1].ts if seen else None,
        }

    async def _history(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        thread_ts = request.query.get("thread_ts")
        messages = person.messages(_needed(request.query, "channel"), thread_ts=thread_ts)
        return web.json_response(
            {
                "messages": [
                    self._shown(person, message)
                    for message in messages
                    if thread_ts or not message.is_reply
                ]
            }
        )

    def _shown(self, person: Person, message: Message) -> Json:
        store = self._store
        replies = store.replies(message)
        files = [store.files.get(file_id) for file_id in message.files]
        return {
            "ts": message.ts,
            "user": message.user,
            "username": store.users[message.user].name,
            "is_bot": message.is_by_app,
            "text": message.text,
            "blocks": message.blocks,
            "attachments": message.attachments,
            "files": [
                {
                    "id": file.id,
                    "name": file.name,
                    "title": file.title,
                    "mimetype": file.mimetype,
                    "size": file.size,
                    "url": f"/people/file?user={quote(person.id)}&id={quote(file.id)}",
                }
                for file in files
                if file is not None
            ],
            "ephemeral": message.ephemeral_to is not None,
            # Slack marks edited texts, not cards that were updated.
            "edited": message.edited is not None and message.blocks is None,
            "thread_ts": message.thread_ts,
            "reply_count": len(replies),
            "latest_reply": replies[-1].ts if replies else None,
        }

    async def _file(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        file_id = _needed(request.query, "id")
        person.read_file(file_id)
        return served(self._store.files.get(file_id))

    async def _home_view(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"view": _view(self._person(request.query).home())})

    async def _views(self, request: web.Request) -> web.StreamResponse:
        views = self._person(request.query).views()
        return web.json_response({"stack": [_view(view) for view in views]})

    async def _totp(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        if not person.has_code:
            return web.json_response({"code": None})
        return web.json_response({"code": person.code(), "seconds_left": person.seconds_left()})

    # ---- acting -------------------------------------------------------------------------------

    async def _read(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        channel = self._deeds.channel_of(person.id, _needed(body, "channel"))
        self._store.mark_read(person.id, channel.id)
        return web.json_response({"ok": True})

    async def _open_home(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"view": _view(await self._person(request.query).open_home())})

    async def _command(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        return _outcome(await person.command(_needed(body, "text"), _needed(body, "channel")))

    async def _message(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        message = await person.say(
            _needed(body, "text"),
            _needed(body, "channel"),
            thread_ts=str(body["thread_ts"]) if body.get("thread_ts") else None,
        )
        return web.json_response({"ok": True, "ts": message.ts})

    async def _click(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        holder = self._holder(person, _object(body, "container"))
        action, state = _object(body, "action"), _state(body)
        return _outcome(await self._deeds.click(person.id, holder, action, state=state))

    def _holder(self, person: Person, container: Json) -> Message | View:
        kind = container.get("type")
        if kind == "home":
            home = self._store.homes.get(person.id)
            if home is None:
                raise ApiError("not_found")
            return home
        if kind == "view":
            return self._deeds.view_of(person.id, _needed(container, "view_id"))
        return self._deeds.message_of(
            person.id, _needed(container, "channel"), _needed(container, "ts")
        )

    async def _give(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Content-Type") != "application/octet-stream":
            raise ApiError("invalid_arguments", "the body must be application/octet-stream")
        person = self._person(request.query)
        view = self._deeds.view_of(person.id, _needed(request.query, "view_id"))
        given = FileToGive(_needed(request.query, "name"), await request.read())
        block_id = _needed(request.query, "block_id")
        return web.json_response({"file": self._deeds.give(person.id, view, block_id, given)})

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        view = self._deeds.view_of(person.id, _needed(body, "view_id"))
        return _outcome(await self._deeds.submit(person.id, view, _state(body)))

    async def _dismiss(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        view = self._deeds.view_of(person.id, _needed(body, "view_id"))
        await self._deeds.dismiss(person.id, view)
        return web.json_response({"ok": True})

    async def _options(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        container = {**body, "type": "view" if body.get("view_id") else "message"}
        return web.json_response(
            await self._deeds.suggest(
                person.id,
                self._holder(person, container),
                _needed(body, "block_id"),
                _needed(body, "action_id"),
                str(body.get("value") or ""),
            )
        )

    # ---- news ---------------------------------------------------------------------------------

    async def _events(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        queue: asyncio.Queue[Change | None] = asyncio.Queue(_MOST_WAITING)
        self._streams.add(queue)
        try:
            await response.write(b": here\n\n")
            while True:
                try:
                    change = await asyncio.wait_for(queue.get(), _KEEP_ALIVE)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                if change is None:
                    break
                if self._concerns(change, person):
                    await response.write(f"data: {json.dumps(_news(change))}\n\n".encode())
        except ConnectionError:
            pass  # The page was closed.
        finally:
            self._streams.discard(queue)
        return response

    def _tell(self, change: Change) -> None:
        for queue in tuple(self._streams):
            if queue.full():
                # A reader that fell so far behind starts anew with a fresh stream.
                self._end(queue)
            else:
                queue.put_nowait(change)

    def _end(self, queue: asyncio.Queue[Change | None]) -> None:
        self._streams.discard(queue)
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(None)

    def _concerns(self, change: Change, person: Person) -> bool:
        if change.users is not None:
            return person.id in change.users
        if change.channel is None:
            return True
        return person.id in self._store.channel(change.channel).members

    def _person(self, values: Mapping[str, Any]) -> Person:
        person = self._people.get(_needed(values, "user"))
        if person is None:
            raise ApiError("user_not_found")
        return person


def _guarded(handler: Handler) -> Handler:
    """Return a handler whose refusals are answered as JSON."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return web.json_response(refusal(error), status=400)
        except LookupError as error:
            return web.json_response({"ok": False, "error": str(error.args[0])}, status=409)

    return guarded


async def _body(request: web.Request) -> Json:
    if request.content_type != "application/json":
        raise ApiError("invalid_arguments", "the body must be application/json")
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError("invalid_arguments", "the body must be a JSON object")
    return body


def _needed(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value:
        raise ApiError("invalid_arguments", f"missing: {key}")
    return value


def _object(body: Json, key: str) -> Json:
    value = body.get(key)
    if not isinstance(value, dict):
        raise ApiError("invalid_arguments", f"missing: {key}")
    return value


def _state(body: Json) -> dict[str, Json]:
    state = body.get("state") or {}
    if not isinstance(state, dict) or not all(isinstance(v, dict) for v in state.values()):
        raise ApiError("invalid_arguments", "state must be an object of objects")
    return state


def _outcome(outcome: Outcome) -> web.Response:
    body: Json = {"ok": outcome.ok}
    if outcome.error:
        body["error"] = outcome.error
    if outcome.errors:
        body["errors"] = dict(outcome.errors)
    return web.json_response(body)


def _user(user: User, color: str) -> Json:
    words = (user.real_name or user.name).split()
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "title": user.title,
        "color": color,
        "initials": "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper(),
        "locale": user.locale,
        "tz": user.tz,
        "is_bot": user.is_bot,
    }


def _view(view: View | None) -> Json | None:
    if view is None:
        return None
    return {
        "id": view.id,
        "hash": view.hash,
        "type": view.type,
        "title": view.body.get("title"),
        "submit": view.body.get("submit"),
        "close": view.body.get("close"),
        "blocks": view.blocks,
        "state": view.state,
    }


def _news(change: Change) -> Json:
    news: Json = {"type": change.type}
    if change.channel:
        news["channel"] = change.channel
    if change.thread_ts:
        news["thread_ts"] = change.thread_ts
    return news
