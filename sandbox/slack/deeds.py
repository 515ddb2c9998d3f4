"""What people do: type commands, write, click, fill in, submit, close.

Each deed is checked as Slack's own client would check it, delivered to the app, and the app's
acknowledgment is carried out.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.chat import Chat, escaped
from sandbox.slack.checking import Findings
from sandbox.slack.delivery import Delivery
from sandbox.slack.elements import check_option_groups, check_options
from sandbox.slack.events import Events
from sandbox.slack.forms import interactive, problems, state_of, value_field
from sandbox.slack.modals import Modals
from sandbox.slack.model import ApiError, Channel, File, FileToGive, Json, Message, View
from sandbox.slack.payloads import Payloads
from sandbox.slack.store import Store

_log = logging.getLogger(__name__)

TROUBLE = "We had some trouble connecting. Try again?"
NOT_INTERACTIVE = "This app is not configured to handle interactive responses."
_BAD_RESPONSE = "invalid_command_response"
_DEFAULT_QUERY = 3
"""Characters an external select wants before it asks the app, unless the app says otherwise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a deed.

    Attributes:
        ok: The app took it.
        error: What Slack shows where it did not.
        errors: What stands beneath inputs of a form that was not accepted: block id → sentence.
    """

    ok: bool
    error: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


class Deeds:
    """Does what people do, and delivers it."""

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        payloads: Payloads,
        chat: Chat,
        modals: Modals,
        events: Events,
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._payloads = payloads
        self._chat = chat
        self._modals = modals
        self._events = events

    # ---- commands and messages ----------------------------------------------------------------

    async def command(self, user_id: str, channel_id: str, line: str) -> Outcome:
        """Type a slash command.

        Raises:
            ApiError: there is no such channel for this person.
        """
        channel = self.channel_of(user_id, channel_id)
        name, _, text = line.strip().partition(" ")
        app = self._store.app
        entry = app.commands.get(name)
        if entry is None or "commands" not in app.scopes:
            return Outcome(False, f"{name} is not a valid command.")
        text = self._linked(text) if entry.get("should_escape") else escaped(text)
        payload = self._payloads.command(user_id, channel, name, text.strip())
        answer = await self._delivery.deliver("slash_commands", payload)
        error = answer.error
        if answer.payload is not None:
            error = self._answered(user_id, channel, answer.payload)
        if error is not None:
            return Outcome(False, f'{name} failed with the error "{error}"')
        return Outcome(True)

    def _answered(self, user_id: str, channel: Channel, body: Json) -> str | None:
        try:
            content = self._chat.content(body)
        except ApiError as error:
            if error.code == "no_text":
                return None
            _log.warning("the answer to a command was not acceptable: %s %s", *_told(error))
            return _BAD_RESPONSE
        is_public = body.get("response_type") == "in_channel"
        self._chat.post(channel, content, ephemeral_to=None if is_public else user_id)
        return None

    def say(
        self,
        user_id: str,
        channel_id: str,
        text: str,
        *,
        thread_ts: str | None = None,
        files: list[File] | None = None,
    ) -> Message:
        """Write a message.

        Raises:
            ApiError: there is no such channel for this person, or the app takes no messages.
        """
        channel = self.channel_of(user_id, channel_id)
        app = self._store.app
        is_read_only = app.has_home("messages_tab_read_only_enabled")
        if channel.kind == "im" and (is_read_only or not app.has_home("messages_tab_enabled")):
            raise ApiError("messages_tab_disabled")
        linked = self._linked(text)
        for file in files or ():
            self._store.keep(file)
            file.channels.append(channel.id)
        message = self._store.post(
            Message(
                channel=channel.id,
                ts=self._store.new_ts(),
                user=user_id,
                text=linked,
                blocks=_rich_text(text) if text else None,
                files=[file.id for file in files or ()],
                thread_ts=thread_ts,
                client_msg_id=str(uuid.uuid4()),
            )
        )
        for file in files or ():
            self._events.file_shared(file, channel.id)
        return message

    def _linked(self, text: str) -> str:
        """Return typed text with people and channels as links, the rest escaped."""
        store = self._store
        people = {user.name: user.id for user in store.users.values()}
        channels = {c.name: c.id for c in store.channels.values() if c.kind == "channel"}

        def link(match: re.Match[str]) -> str:
            sign, name = match[1], match[2]
            known = people if sign == "@" else channels
            return f"<{sign}{known[name]}>" if name in known else match[0]

        return re.sub(r"([@#])([\w][\w.-]*\w|\w)", link, escaped(text))

    # ---- Home ---------------------------------------------------------------------------------

    def open_home(self, user_id: str, tab: str = "home") -> View | None:
        """Open the app's Home; return what it shows now."""
        self._store.user(user_id)
        self._events.home_opened(user_id, tab)
        return self._store.homes.get(user_id)

    # ---- clicks -------------------------------------------------------------------------------

    async def click(
        self,
        user_id: str,
        holder: Message | View,
        action: Json,
        *,
        state: Mapping[str, Json] | None = None,
        is_stale: bool = False,
    ) -> Outcome:
        """Act on an element of a message or view.

        Args:
            holder: The message or view as stored.
            action: ``type``, ``block_id``, ``action_id`` and the value.
            state: What is filled in around it.
            is_stale: The client still shows an older version, so the element need not exist.

        Raises:
            LookupError: no such element is there.
        """
        if not self._store.app.is_interactive:
            return Outcome(False, NOT_INTERACTIVE)
        complete = action if is_stale else self._completed(holder, action)
        filled = self._with_action(self._with_files(user_id, state or {}), complete)
        if isinstance(holder, View):
            holder.state = state_of(holder.blocks, {**holder.state, **filled})
            payload = self._payloads.view_action(user_id, holder, complete)
        else:
            kept = state_of(holder.all_blocks(), filled)
            payload = self._payloads.message_action(user_id, holder, complete, kept)
        answer = await self._delivery.deliver("interactive", payload)
        return Outcome(True) if answer.error is None else Outcome(False, answer.error)

    def _completed(self, holder: Message | View, action: Json) -> Json:
        """Return the action as Slack sends it, of an element that is really there."""
        for block, element in interactive(holder.all_blocks()):
            same = (block["block_id"], element["action_id"], element["type"])
            if same != (action.get("block_id"), action.get("action_id"), action.get("type")):
                continue
            if element["type"] == "button" and element.get("value") != action.get("value"):
                continue
            if block["type"] == "input" and not block.get("dispatch_action"):
                break
            kept = ("text", "style", "url", "value", "placeholder")
            complete = {key: element[key] for key in kept if key in element}
            complete |= {"type": element["type"], "block_id": block["block_id"]}
            complete["action_id"] = element["action_id"]
            if element["type"] != "button":
                name = value_field(element)
                complete[name] = _checked(block, element, action.get(name))
            return deepcopy(complete)
        raise LookupError(f"no such element there: {action.get('action_id')!r}")

    def _with_action(self, state: Mapping[str, Json], action: Json) -> dict[str, Json]:
        filled = {block_id: dict(entries) for block_id, entries in state.items()}
        if action["type"] not in ("button", "overflow"):
            name = value_field(action)
            entry = {"type": action["type"], name: action.get(name)}
            filled.setdefault(action["block_id"], {})[action["action_id"]] = entry
        return filled

    # ---- modals -------------------------------------------------------------------------------

    async def submit(self, user_id: str, view: View, state: Mapping[str, Json]) -> Outcome:
        """Submit the modal that lies on top.

        Raises:
            LookupError: this view is not on top, or has nothing to submit.
            ApiError: ``file_not_found``.
        """
        self._check_on_top(user_id, view)
        if view.body.get("submit") is None:
            raise LookupError("this view has no submit button")
        view.state = state_of(view.blocks, {**view.state, **self._with_files(user_id, state)})
        found = problems(view.blocks, view.state)
        if found:
            return Outcome(False, errors=found)
        for file_id in _file_ids(view.state):
            if file_id in self._store.files:
                self._store.files[file_id].is_submitted = True
        payload = self._payloads.submission(user_id, view)
        answer = await self._delivery.deliver("interactive", payload)
        if answer.error is not None:
            return Outcome(False, TROUBLE)
        try:
            return await self._submitted(user_id, view, answer.payload)
        except ApiError as error:
            _log.warning("the answer to a form was not acceptable: %s %s", *_told(error))
            return Outcome(False, TROUBLE)

    async def _submitted(self, user_id: str, view: View, body: Json | None) -> Outcome:
        is_open = self._store.find_view(view.id) is not None
        action = (body or {}).get("response_action")
        if body is None:
            if is_open:
                above = [shown.id for shown in self._store.stack(user_id)]
                self._store.close_views(user_id, len(above) - above.index(view.id))
        elif action == "errors":
            return self._refused(view, body.get("errors"))
        elif action == "clear":
            await self._close(user_id, len(self._store.stack(user_id)), is_cleared=True)
        elif action == "update":
            self._modals.update(view, self._modals.checked(body.get("view")))
        elif action == "push":
            self._modals.open(user_id, self._modals.checked(body.get("view")), is_root=False)
        else:
            return Outcome(False, TROUBLE)
        return Outcome(True)

    def _refused(self, view: View, errors: Any) -> Outcome:
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        is_valid = (
            isinstance(errors, dict)
            and errors
            and inputs.issuperset(errors)
            and all(isinstance(text, str) and text for text in errors.values())
        )
        return Outcome(False, errors=errors) if is_valid else Outcome(False, TROUBLE)

    def give(self, user_id: str, view: View, block_id: str, given: FileToGive) -> Json:
        """Upload a file for a file input; return it as the input's state has it.

        It belongs to the person and is in no channel; the app hears of it with the form.

        Raises:
            LookupError: no file input is there.
        """
        there = {block["block_id"]: element for block, element in interactive(view.blocks)}
        if there.get(block_id, {}).get("type") != "file_input":
            raise LookupError(f"no file input {block_id!r} there; there are: {list(there)}")
        file = self._store.new_file(user_id, given.name, len(given.content), given.mimetype)
        file.content = given.content
        file.is_complete = True
        self._store.keep(file)
        return self._chat.wire_file(file)

    def _with_files(self, user_id: str, state: Mapping[str, Json]) -> dict[str, Json]:
        """Return what was filled in with files as the workspace knows them, not as it is told."""
        return {
            block_id: {
                action_id: self._with_own_files(user_id, entry)
                for action_id, entry in entries.items()
            }
            for block_id, entries in state.items()
        }

    def _with_own_files(self, user_id: str, entry: Any) -> Any:
        if not isinstance(entry, dict) or entry.get("type") != "file_input":
            return entry
        files = entry.get("files")
        return {
            "type": "file_input",
            "files": [self._own_file(user_id, each) for each in files]
            if isinstance(files, list)
            else [],
        }

    def _own_file(self, user_id: str, told: Any) -> Json:
        file = self._store.files.get(str(told.get("id"))) if isinstance(told, dict) else None
        if file is None or file.user != user_id:
            raise ApiError("file_not_found")
        return self._chat.wire_file(file)

    async def dismiss(self, user_id: str, view: View) -> None:
        """Close the modal that lies on top, or all if the app wants it so.

        Raises:
            LookupError: this view is not on top.
        """
        self._check_on_top(user_id, view)
        is_clearing = bool(view.body.get("clear_on_close"))
        count = len(self._store.stack(user_id)) if is_clearing else 1
        await self._close(user_id, count, is_cleared=is_clearing)

    async def _close(self, user_id: str, count: int, *, is_cleared: bool) -> None:
        for closed in self._store.close_views(user_id, count):
            if closed.body.get("notify_on_close"):
                payload = self._payloads.closed(user_id, closed, is_cleared=is_cleared)
                await self._delivery.deliver("interactive", payload)

    def _check_on_top(self, user_id: str, view: View) -> None:
        stack = self._store.stack(user_id)
        if not stack or stack[-1].id != view.id:
            raise LookupError("this view is not on top of the person's modals")

    async def suggest(
        self, user_id: str, holder: Message | View, block_id: str, action_id: str, query: str
    ) -> Json:
        """Ask the app for the options of an external select.

        Returns:
            ``options`` or ``option_groups``; none where the query is too short to be sent, or the
            app's answer is missing or not acceptable.

        Raises:
            LookupError: no such element is there.
        """
        for block, element in interactive(holder.all_blocks()):
            if (block["block_id"], element["action_id"]) == (block_id, action_id):
                break
        else:
            raise LookupError(f"no such element there: {action_id!r}")
        if not element["type"].endswith("external_select"):
            raise LookupError(f"{action_id!r} does not ask the app for options")
        if len(query) < element.get("min_query_length", _DEFAULT_QUERY):
            return {"options": []}
        payload = self._payloads.suggestion(user_id, holder, block_id, action_id, query)
        answer = await self._delivery.deliver("interactive", payload)
        return _offered(answer.payload or {})

    # ---- places -------------------------------------------------------------------------------

    def channel_of(self, user_id: str, channel_id: str) -> Channel:
        """Return a channel the person is in.

        Raises:
            ApiError: ``user_not_found``, ``account_inactive`` or ``channel_not_found``.
        """
        user = self._store.user(user_id)
        if user.is_deleted:
            raise ApiError("account_inactive")
        if channel_id == "D" + user.id[1:]:
            return self._store.im_with(user.id)
        channel = self._store.channel(channel_id)
        if user_id not in channel.members:
            raise ApiError("channel_not_found")
        return channel

    def message_of(self, user_id: str, channel_id: str, ts: str) -> Message:
        """Return a stored message the person sees.

        Raises:
            ApiError: ``channel_not_found`` or ``message_not_found``.
        """
        channel = self.channel_of(user_id, channel_id)
        message = self._store.find_message(channel.id, ts)
        if message is None or message.ephemeral_to not in (None, user_id):
            raise ApiError("message_not_found")
        return message

    def view_of(self, user_id: str, view_id: str) -> View:
        """Return an open modal of the person, or their Home tab.

        Raises:
            ApiError: ``not_found``.
        """
        view = self._store.find_view(view_id)
        if view is None or view.user != user_id:
            raise ApiError("not_found")
        return view


def _checked(block: Json, element: Json, value: Any) -> Any:
    """Return a value that the element can have."""
    entry = {"type": element["type"], value_field(element): value}
    asked = {"type": "input", "block_id": block["block_id"], "element": element, "optional": True}
    found = problems([asked], {block["block_id"]: {element["action_id"]: entry}})
    if found:
        raise LookupError(f"{element['action_id']!r} cannot have this value: {value!r}")
    return value


def _file_ids(state: Mapping[str, Json]) -> list[str]:
    return [
        file["id"]
        for entries in state.values()
        for entry in entries.values()
        if entry["type"] == "file_input"
        for file in entry["files"]
    ]


def _offered(body: Json) -> Json:
    findings = Findings()
    if body.get("option_groups"):
        check_option_groups(findings, body["option_groups"], "/option_groups")
        found: Json = {"option_groups": body["option_groups"]}
    else:
        options = body.get("options") or []
        if options:
            check_options(findings, options, "/options", most=100)
        found = {"options": options}
    if findings:
        _log.warning("the options offered were not acceptable: %s", list(findings))
        return {"options": []}
    return found


def _told(error: ApiError) -> tuple[str, tuple[str, ...]]:
    return error.code, error.messages


def _rich_text(text: str) -> list[Json]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": "b0", "elements": [section]}]
