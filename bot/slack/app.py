"""Slack's side of the wire: what Bolt delivers becomes a command, a click or a form.

``process_before_response`` makes Bolt answer as soon as the listener is done instead of looking
every 10 ms whether it is (docs/performance.md). Listeners therefore do one short thing (a commit
at most, never an unbounded wait) and leave the rest to a task behind the acknowledgment.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.cards import (
    Accepted,
    Answer,
    Card,
    Download,
    Form,
    Invalid,
    Notice,
    Replace,
    Submitted,
    Tone,
)
from bot.chat import ChatRefused, ChatUnavailable, NotAdmitted
from bot.commands import Commands, Later
from bot.files import Sent
from bot.interactions import Interactions
from bot.notifier import Notifier
from bot.services import Caller, Services
from bot.slack import render
from bot.slack.chat import CHAT, SlackChat
from workflows.people import Person
from workflows.refusal import Refusal

log = structlog.get_logger(__name__)

Ack = Callable[..., Awaitable[Any]]
Body = dict[str, Any]

EVENTS_PATH = "/slack/events"

_URL_BUTTON = "open"
_MENDED_BY_PEOPLE = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "missing_scope"}
)
_SILENCE = 1.5
"""Seconds a person waits for a late answer before being told that it takes a while."""
_FORM_PATIENCE = 2.4
"""Seconds a form may take; Slack gives three, some of which go by on the way."""


class SlackApp:
    """One workspace, served by Socket Mode or by signed HTTP.

    Attributes:
        app: Bolt's application; for HTTP, the web app mounts it.
    """

    def __init__(
        self,
        services: Services,
        commands: Commands,
        interactions: Interactions,
        notifier: Notifier,
        chat: SlackChat,
        *,
        client: AsyncWebClient,
        signing_secret: str | None = None,
        app_token: str | None = None,
    ) -> None:
        self._services = services
        self._commands = commands
        self._interactions = interactions
        self._notifier = notifier
        self._chat = chat
        self._client = client
        self._app_token = app_token
        self._identity: AuthorizeResult | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket: AsyncSocketModeHandler | None = None
        self._last_delivery: datetime | None = None
        self.app = AsyncApp(
            client=client,
            signing_secret=signing_secret or "unused-in-socket-mode",
            authorize=self._authorizer(),
            process_before_response=True,
            # Socket Mode's payloads come over a connection that is authenticated as a whole.
            request_verification_enabled=app_token is None,
        )
        self._register()

    def _register(self) -> None:
        # Bolt tries listeners in this order: what people wait for most comes first.
        for form in self._interactions.forms:
            self.app.view_submission(form)(self._on_submit)
        for action in (*self._interactions.clicks, _URL_BUTTON):
            self.app.block_action(action)(self._on_click)
        for name in self._commands.names:
            self.app.command(f"/{name}")(self._on_command)
        for name in ("payee", "delegate"):
            self.app.options(name)(self._on_search)
        self.app.event("app_home_opened")(self._on_home)

    # ---- start and stop -----------------------------------------------------------------------

    async def start(self) -> None:
        """Learn who we are, then open Socket Mode if that is the way; errors as `ChatApp.start`."""
        try:
            await self._connect()
        except SlackApiError as error:
            code = str(error.response.get("error"))
            if code in _MENDED_BY_PEOPLE:
                raise NotAdmitted(
                    f"Slack refused the bot token ({code}). Check slack.bot_token, and that the "
                    "app is installed in the workspace with the scopes of manifest.yml."
                ) from error
            raise ChatUnavailable(code) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ChatUnavailable(type(error).__name__) from error

    async def _connect(self) -> None:
        answer = await self._client.auth_test()
        self._identity = AuthorizeResult(
            enterprise_id=answer.get("enterprise_id"),
            team_id=answer["team_id"],
            bot_token=self._client.token,
            bot_id=answer.get("bot_id"),
            bot_user_id=answer.get("user_id"),
        )
        self._chat.team_id = answer["team_id"]
        if self._app_token is not None:
            self._socket = AsyncSocketModeHandler(self.app, self._app_token)
            await self._socket.connect_async()
        log.info("slack", team=answer.get("team"), mode="socket" if self._socket else "http")

    def routes(self) -> list[Route]:
        """Return the endpoint that takes Slack's signed requests, where that is the way."""
        if self._app_token is not None:
            return []
        handler = AsyncSlackRequestHandler(self.app)

        async def endpoint(request: Request) -> Response:
            if self._identity is None:  # Slack repeats what it could not deliver
                return Response("not ready", status_code=503)
            return await handler.handle(request)

        return [Route(EVENTS_PATH, endpoint, methods=["POST"])]

    @property
    def is_connected(self) -> bool:
        """Whether Slack could deliver now."""
        if self._identity is None:
            return False
        if self._app_token is None:
            return True
        session = self._socket.client.current_session if self._socket else None
        return session is not None and not session.closed

    @property
    def last_delivery(self) -> datetime | None:
        """When Slack last truly delivered something."""
        return self._last_delivery

    async def stop(self) -> None:
        """Take nothing more, then finish what was acknowledged."""
        if self._socket is not None:
            await self._socket.close_async()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Close the connections to Slack."""
        if self._client.session is not None:
            await self._client.session.close()

    def _authorizer(self) -> Callable[..., Awaitable[AuthorizeResult]]:
        """Return who Bolt acts as; a plain function, because Bolt fills arguments by name."""

        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            del enterprise_id, team_id
            assert self._identity is not None
            # Bolt asks once for each request that it has verified.
            self._last_delivery = self._services.clock()
            return self._identity

        return authorize

    # ---- what comes in ------------------------------------------------------------------------

    async def _on_command(self, ack: Ack, body: Body) -> None:
        name = body["command"].removeprefix("/")
        caller = await self._caller(body, body["user_id"], f"slack:{body['trigger_id']}")
        if isinstance(caller, Notice):
            await self._ack_answer(ack, body, caller)
            return
        text = html.unescape(body.get("text") or "")  # Slack sends & < > as entities
        reply = await self._commands.run(name, caller, text)
        if reply.later is None:
            await self._ack_answer(ack, body, reply.now)
            return
        await ack()
        self._spawn(self._answer_later(caller, reply.now, reply.later, body["response_url"]))

    async def _ack_answer(self, ack: Ack, body: Body, answer: Answer) -> None:
        if isinstance(answer, Form):
            await ack()
            self._spawn(self._open_view(body, render.form_view(answer)))
        elif isinstance(answer, Download):
            await ack()
            self._spawn(self._chat.hand_over(body["user_id"], answer))
        else:
            await ack(text=_text(answer), blocks=_blocks(answer), response_type="ephemeral")

    async def _answer_later(self, caller: Caller, now: Answer, later: Later, url: str) -> None:
        """Answer by the response URL; say that it takes a while only when it does.

        What was said cannot be replaced: Slack ignores replace_original for slash commands.
        """
        answering = asyncio.ensure_future(self._answer(caller, later))
        done, _ = await asyncio.wait({answering}, timeout=_SILENCE)
        if not done:
            await self._respond(url, now)
        await self._respond(url, await answering)

    async def _answer(self, caller: Caller, later: Later) -> Answer:
        try:
            return await later()
        except Refusal as refusal:
            return self._commands.refused(caller, refusal)

    async def _on_click(self, ack: Ack, body: Body) -> None:
        await ack()
        action = body["actions"][0]
        if action["action_id"] == _URL_BUTTON:
            return
        caller = await self._caller(body, body["user"]["id"], f"slack:{body['trigger_id']}")
        if isinstance(caller, Notice):
            self._spawn(self._show(body, caller, self._services.company.language))
            return
        answer = await self._interactions.click(
            action["action_id"], caller, action.get("value") or ""
        )
        self._spawn(self._show(body, answer, caller.language))

    async def _on_submit(self, ack: Ack, body: Body) -> None:
        view = body["view"]
        caller = await self._caller(body, body["user"]["id"], f"slack:view:{view['id']}")
        if isinstance(caller, Notice):
            refused = self._notice_view(caller, self._services.company.language)
            await ack(response_action="update", view=refused)
            return
        submitting = asyncio.ensure_future(self._submitted(caller, view))
        done, _ = await asyncio.wait({submitting}, timeout=_FORM_PATIENCE)
        if done:
            await self._ack_submitted(ack, view, submitting.result(), caller.language)
            return
        working = Notice(self._say(caller.language, "form.working"), Tone.MOVING)
        await ack(response_action="update", view=self._notice_view(working, caller.language))
        self._spawn(self._show_submitted(view["id"], submitting, caller.language))

    async def _submitted(self, caller: Caller, view: Body) -> Submitted:
        answers = render.answers_of(view)
        form, token = view["callback_id"], view.get("private_metadata") or ""
        for name, file in render.files_of(view).items():
            try:
                answers[name] = await self._kept(form, caller, file)
            except Refusal as refusal:
                return Invalid({name: self._services.messages.refusal(caller.language, refusal)})
        return await self._interactions.submit(form, caller, token, answers)

    async def _kept(self, form: str, caller: Caller, file: Mapping[str, Any]) -> str:
        """Fetch a file of a form from Slack and keep it; return the input's answer.

        Raises:
            Refusal: it cannot be had in time, or cannot be taken.
        """
        content = await self._chat.fetch(file)
        sent = Sent(str(file.get("name") or ""), content, str(file.get("mimetype") or ""))
        return (await self._interactions.files.attach(form, caller, sent)).value

    async def _ack_submitted(
        self, ack: Ack, view: Body, submitted: Submitted, language: str
    ) -> None:
        match submitted:
            case Invalid(errors) if render.inputs_of(view).issuperset(errors):
                await ack(response_action="errors", errors=dict(errors))
            case Accepted(None):
                await ack()
            case _:
                await ack(response_action="update", view=self._view_of(submitted, language))

    async def _show_submitted(
        self, view_id: str, submitting: asyncio.Future[Submitted], language: str
    ) -> None:
        """Show what became of a form that took longer than Slack waits."""
        view = self._view_of(await submitting, language)
        await self._client.views_update(view_id=view_id, view=view)

    def _view_of(self, submitted: Submitted, language: str) -> Body:
        """Return what takes the place of a form; mistakes in it that it has no input for, too."""
        match submitted:
            case Replace(form):
                return render.form_view(form)
            case Invalid(errors):
                return self._notice_view(Notice("\n".join(errors.values()), Tone.BAD), language)
            case Accepted(notice):
                done = Notice(self._say(language, "modal.title"), Tone.GOOD)
                return self._notice_view(notice or done, language)

    def _notice_view(self, notice: Notice, language: str) -> Body:
        title, close = self._say(language, "modal.title"), self._say(language, "form.close")
        return render.notice_view(notice, title, close)

    async def _on_search(self, ack: Ack, body: Body) -> None:
        caller = await self._caller(body, body["user"]["id"], "")
        found = (
            ()
            if isinstance(caller, Notice)
            else await self._interactions.suggest(
                caller, str(body.get("action_id") or ""), body.get("value") or ""
            )
        )
        await ack(options=render.options(found))

    async def _on_home(self, event: Body) -> None:
        if event.get("tab") not in (None, "home"):
            return
        user_id = event["user"]
        try:
            person = await self._chat.person(user_id)
        except Refusal as refusal:
            self._spawn(self._publish_refusal(user_id, refusal))
            return
        self._spawn(self._publish_home(person))

    # ---- what goes out ------------------------------------------------------------------------

    async def _show(self, body: Body, answer: Answer, language: str) -> None:
        """Answer a click: forms and cards in a modal, notices where the click was."""
        if isinstance(answer, Form):
            await self._open_view(body, render.form_view(answer))
            return
        if isinstance(answer, Download):
            try:
                await self._chat.hand_over(body["user"]["id"], answer)
                return
            except (ChatUnavailable, ChatRefused) as error:
                log.warning("file not handed over", error=str(error))
                answer = Notice(self._say(language, "refusal.file.unavailable"), Tone.BAD)
        url = body.get("response_url")
        if isinstance(answer, Notice) and url:
            await self._respond(url, answer)
            return
        if isinstance(answer, Notice):
            await self._open_view(body, self._notice_view(answer, language))
            return
        title, close = self._say(language, "modal.title"), self._say(language, "form.close")
        view = render.card_view(answer, title, close)
        await self._open_view(body, view, is_another_page=_turns_page(body))

    async def _open_view(self, body: Body, view: Body, *, is_another_page: bool = False) -> None:
        """Open a modal; when Slack will not, say so where the person is looking.

        Args:
            is_another_page: Of the one it was asked for in, and to take its place: of modals on
                top of each other there may be three.
        """
        in_modal = body.get("view", {}).get("type") == "modal"
        try:
            if in_modal and is_another_page:
                await self._client.views_update(view_id=body["view"]["id"], view=view)
            elif in_modal:
                await self._client.views_push(trigger_id=body["trigger_id"], view=view)
            else:
                await self._client.views_open(trigger_id=body["trigger_id"], view=view)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            code = error.response.get("error") if isinstance(error, SlackApiError) else type(error)
            log.warning("view not opened", error=str(code), callback=view["callback_id"])
            if url := body.get("response_url"):
                text = self._say(self._services.company.language, "form.not_opened")
                await self._respond(url, Notice(text, Tone.BAD))

    async def _respond(self, url: str, answer: Answer) -> None:
        assert isinstance(answer, Card | Notice)
        client = AsyncWebhookClient(url, session=self._client.session, timeout=10)
        response = await client.send(
            text=_text(answer),
            blocks=_blocks(answer),
            response_type="ephemeral",
            replace_original=False,
            unfurl_links=False,
            unfurl_media=False,
        )
        if response.status_code != 200:
            log.warning("late answer refused", status=response.status_code)

    async def _publish_home(self, person: Person) -> None:
        await self._notifier.show_home(person)

    async def _publish_refusal(self, user_id: str, refusal: Refusal) -> None:
        text = self._services.messages.refusal(self._services.company.language, refusal)
        view = {"type": "home", "blocks": render.notice_blocks(Notice(text, Tone.BAD))}
        await self._client.views_publish(user_id=user_id, view=view)

    # ---- what they share ----------------------------------------------------------------------

    async def _caller(self, body: Body, user_id: str, key: str) -> Caller | Notice:
        """Return who this is, or what a stranger is told."""
        try:
            person = await self._chat.person(user_id)
        except Refusal as refusal:
            language = self._services.company.language
            return Notice(self._services.messages.refusal(language, refusal), Tone.BAD)
        channel = body.get("channel_id") or (body.get("channel") or {}).get("id")
        language = person.language or self._services.company.language
        return Caller(person, CHAT, language, key, user_id, channel)

    def _say(self, language: str, key: str) -> str:
        return self._services.messages.text(language, key)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` behind the acknowledgment; keep hold of it and log what goes wrong."""

        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.exception("after the acknowledgment")

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _turns_page(body: Body) -> bool:
    """Whether a click asked for another page of what it stands on."""
    return any(each.get("action_id") == "inbox" for each in body.get("actions", ()))


def _text(answer: Answer) -> str:
    match answer:
        case Card():
            return render.card_text(answer)
        case Notice(text=text):
            return render.neutral(text)
        case Form(title=title) | Download(title=title):
            return title


def _blocks(answer: Answer) -> list[dict[str, Any]]:
    match answer:
        case Card():
            return render.card_blocks(answer)
        case Notice():
            return render.notice_blocks(answer)
        case Form() | Download():
            return []
