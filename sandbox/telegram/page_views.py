"""What the page is told: people, chats and messages as it shows them."""

from __future__ import annotations

from urllib.parse import quote

from sandbox.telegram.entities import shown
from sandbox.telegram.model import Button, File, Json, Message, User
from sandbox.telegram.person import Person
from sandbox.telegram.store import Change, Store
from sandbox.telegram.wire import unix

_COLORS = ("#e17076", "#7bc862", "#65aadd", "#a695e7", "#ee7aae", "#6ec9cb", "#faa774", "#5b8def")
_MOST_PREVIEW = 160


class PageViews:
    """Shapes what the page shows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def directory(self) -> Json:
        """Return the bot, everybody and their groups."""
        store = self._store
        bot = store.bot
        return {
            "bot": {"id": bot.id, "name": bot.name, "username": bot.username},
            "users": [
                _user(user, _COLORS[index % len(_COLORS)])
                for index, user in enumerate(store.users.values())
            ],
            "groups": [
                {"id": group.id, "title": group.title, "members": list(group.members)}
                for group in store.groups.values()
                if group.migrated_to is None
            ],
        }

    def entry(self, user_id: int, chat_id: int) -> Json:
        """Return a line of somebody's list of chats."""
        store = self._store
        there = store.messages(chat_id)
        group = store.groups.get(chat_id)
        return {
            "id": chat_id,
            "title": group.title if group is not None else store.bot.name,
            "kind": "group" if group is not None else "private",
            "unread": store.unread(user_id, chat_id),
            "preview": self.preview(there[-1]) if there else "",
            "latest": unix(there[-1].date) if there else 0,
        }

    def message(self, person: Person, message: Message) -> Json:
        """Return a message as somebody sees it."""
        words = message.text or message.sticker
        captioned = message.caption
        return {
            "id": message.message_id,
            "sender": message.sender_id,
            "sender_name": self._name(message.sender_id),
            "is_bot": message.is_by_bot,
            "text": words or captioned,
            "html": shown(words, message.entities) if words else "",
            "caption_html": shown(captioned, message.entities) if captioned else "",
            "buttons": [[_button(button) for button in row] for row in message.buttons],
            "photo": _photo(person, message.photo),
            "document": _document(person, message.document),
            "edited": message.edited and not message.is_by_bot,
            "protected": message.is_protected,
            "reply_to": self._reply(message),
            "forward_from": "" if message.forward_of is None else self._name(message.forward_of),
            "date": unix(message.date),
            "service": self._service(message),
        }

    def preview(self, message: Message) -> str:
        """Return a message in one line."""
        words = message.text or message.caption or message.sticker or self._service(message)
        if not words and message.file is not None:
            words = "Photo" if message.photo is not None else message.file.name
        return " ".join(words.split())[:_MOST_PREVIEW]

    def _reply(self, message: Message) -> Json | None:
        if message.reply_to is None:
            return None
        replied = self._store.find(message.chat_id, message.reply_to)
        preview = self.preview(replied) if replied is not None else "Deleted message"
        return {"id": message.reply_to, "preview": preview}

    def _name(self, user_id: int) -> str:
        user = self._store.users.get(user_id)
        return user.name if user is not None else self._store.bot.name

    def _service(self, message: Message) -> str:
        about = message.service
        if "migrate_to_chat_id" in about or "migrate_from_chat_id" in about:
            return "The group was upgraded to a supergroup"
        if "new_chat_members" in about:
            added = ", ".join(str(member["first_name"]) for member in about["new_chat_members"])
            return f"{self._name(message.sender_id)} added {added}"
        return ""


def news(change: Change) -> Json:
    """Return a change as the stream of events tells it."""
    return {"type": change.type, "chat": change.chat}


def _user(user: User, color: str) -> Json:
    words = user.name.split()
    return {
        "id": user.id,
        "name": user.name,
        "first_name": user.first_name,
        "username": user.username,
        "title": user.title,
        "color": color,
        "initials": "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper(),
        "language_code": user.language_code,
    }


def _button(button: Button) -> Json:
    return {
        "label": button.label,
        "data": button.data,
        "url": button.url,
        "web_app": button.web_app,
        "style": button.style,
    }


def _photo(person: Person, file: File | None) -> Json | None:
    if file is None:
        return None
    return {"url": _address(person, file), "width": file.width, "height": file.height}


def _document(person: Person, file: File | None) -> Json | None:
    if file is None:
        return None
    return {
        "url": _address(person, file),
        "name": file.name,
        "size": file.size,
        "mime": file.mime,
    }


def _address(person: Person, file: File) -> str:
    return f"/people/file?user={person.id}&id={quote(file.id)}"
