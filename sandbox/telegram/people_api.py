"""The HTTP side of people: what Telegram's page calls, and the page itself.

Only JSON is taken by POST, so that no other site's form can act here without the browser asking
first, which is never answered; a file comes as it is, but from this page alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.telegram.bot_methods import menu_for
from sandbox.telegram.images import size_of
from sandbox.telegram.model import ApiError, Button, Json, Message, Press, bad_request
from sandbox.telegram.page_views import PageViews, news
from sandbox.telegram.person import Person
from sandbox.telegram.store import Change, Store

PAGE = Path(__file__).parent / "page"

_KEEP_ALIVE = 20.0
"""Seconds after which a silent stream of events says that it is there."""
_MOST_WAITING = 1_000
_PATIENCE = 8.0
"""Seconds a press waits for the bot's answer."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PeopleApi:
    """Serves ``/``, ``/static/`` and ``/people/``."""

    def __init__(self, store: Store, people: Mapping[int, Person]) -> None:
        self._store = store
        self._people = people
        self._views = PageViews(store)
        self._streams: set[asyncio.Queue[Change | None]] = set()
        store.watch(self._tell)

    def routes(self) -> list[web.RouteDef | web.StaticDef]:
        """Return the routes."""
        reading = {
            "telegram": self._directory,
            "inbox": self._inbox,
            "history": self._history,
            "commands": self._commands,
            "file": self._file,
            "totp": self._totp,
            "events": self._events,
        }
        acting = {
            "read": self._read,
            "start": self._start,
            "message": self._message,
            "edit": self._edit,
            "forward": self._forward,
            "press": self._press,
            "file": self._upload,
            "block": self._block,
            "unblock": self._unblock,
            "link": self._link,
        }
        routes: list[web.RouteDef | web.StaticDef] = [
            web.get("/", self._index),
            *(web.get(f"/people/{name}", _guarded(handler)) for name, handler in reading.items()),
            *(web.post(f"/people/{name}", _guarded(handler)) for name, handler in acting.items()),
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

    async def _directory(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response(self._views.directory())

    async def _inbox(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        chats = self._store.chats_of(person.id)
        return web.json_response({"chats": [self._views.entry(person.id, chat) for chat in chats]})

    async def _history(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        messages = person.messages(_chat(request.query))
        return web.json_response(
            {
                "messages": [self._views.message(person, message) for message in messages],
                "has_started": person.has_started,
                "is_blocked": person.is_blocking,
            }
        )

    async def _commands(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        menu = menu_for(self._store, person.id, _chat(request.query))
        return web.json_response({"commands": menu})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        file = person.file(_text(request.query, "id"))
        return web.Response(
            body=file.content,
            content_type=file.mime,
            headers={
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox; default-src 'none'",
            },
        )

    async def _totp(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request.query)
        if not person.has_code:
            return web.json_response({"code": None})
        return web.json_response({"code": person.code(), "seconds_left": person.seconds_left()})

    # ---- acting -------------------------------------------------------------------------------

    async def _read(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        person.messages(_chat(body))
        self._store.mark_read(person.id, _chat(body))
        return _done()

    async def _start(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        message = await self._person(body).start(str(body.get("payload") or ""))
        return _done(id=message.message_id)

    async def _message(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        reply_to = _number(body, "reply_to") if body.get("reply_to") else None
        message = await person.say(_text(body, "text"), _chat(body), reply_to)
        return _done(id=message.message_id)

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        await person.edit(self._seen(person, body), _text(body, "text"))
        return _done()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        message = await person.forward(self._seen(person, body), _number(body, "to"))
        return _done(id=message.message_id)

    async def _press(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        person = self._person(body)
        message = self._seen(person, body)
        button = _pressed(message, _text(body, "data"))
        press = await person.press_button(message, button, seconds=_PATIENCE)
        return _outcome(press)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        _check_origin(request)
        query = request.query
        person = self._person(query)
        content, chat, caption = await request.read(), _chat(query), query.get("caption", "")
        if not content:
            raise bad_request("the file is empty")
        mime = query.get("mime", "")
        if mime.startswith("image/") and size_of(content) is not None:
            message = await person.send_photo(content, caption, chat)
        else:
            message = await person.send_file(_text(query, "name"), content, mime, caption, chat)
        return _done(id=message.message_id)

    async def _block(self, request: web.Request) -> web.StreamResponse:
        await self._person(await _body(request)).block()
        return _done()

    async def _unblock(self, request: web.Request) -> web.StreamResponse:
        await self._person(await _body(request)).unblock()
        return _done()

    async def _link(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        message = await self._person(body).open_link(_text(body, "url"))
        return _done(chat=message.chat_id)

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
                    await response.write(f"data: {json.dumps(news(change))}\n\n".encode())
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
        return change.chat is None or person.id in self._store.members(change.chat)

    # ---- arguments ----------------------------------------------------------------------------

    def _person(self, values: Mapping[str, Any]) -> Person:
        person = self._people.get(_number(values, "user"))
        if person is None:
            raise LookupError("there is no such person")
        return person

    def _seen(self, person: Person, body: Json) -> Message:
        message_id = _number(body, "id")
        for message in person.messages(_chat(body)):
            if message.message_id == message_id:
                return message
        raise LookupError("this message is gone")


def _guarded(handler: Handler) -> Handler:
    """Return a handler whose refusals are answered as JSON."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return _refused(error.code, error.description)
        except PermissionError as error:
            return _refused(403, str(error))
        except LookupError as error:
            return _refused(409, str(error.args[0]))
        except ValueError as error:
            return _refused(400, str(error))

    return guarded


def _refused(status: int, words: str) -> web.Response:
    return web.json_response({"ok": False, "error": words}, status=status)


def _done(**more: int) -> web.Response:
    return web.json_response({"ok": True, **more})


def _outcome(press: Press) -> web.Response:
    return web.json_response(
        {
            "ok": True,
            "answered": press.answered,
            "text": press.text,
            "is_alert": press.is_alert,
            "url": press.url,
        }
    )


def _pressed(message: Message, data: str) -> Button:
    """Return the button a person sees, by what it carries."""
    for button in message.all_buttons():
        if data in (button.data, button.web_app, button.url):
            return button
    raise LookupError("this button is gone")


def _check_origin(request: web.Request) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise PermissionError("files are taken from this page only")


async def _body(request: web.Request) -> Json:
    if request.content_type != "application/json":
        raise bad_request("the body must be application/json")
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise bad_request(f"missing: {key}")
    return value


def _number(values: Mapping[str, Any], key: str) -> int:
    try:
        return int(str(values[key]))
    except (KeyError, ValueError):
        raise bad_request(f"missing: {key}") from None


def _chat(values: Mapping[str, Any]) -> int:
    return _number(values, "chat")
