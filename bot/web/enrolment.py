"""The pages on which a person sets up a second factor, reached by a link that works once.

The link comes from the chat, lives a quarter of an hour, and is the only proof of who opens it; a
person who has a factor already also proves that one. Looking at the page changes nothing, so that
a link preview cannot use it up. Nothing here is logged: not the address, not the key, no code.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bot.messages import Messages
from workflows import linking, people, second_factor
from workflows.clock import Clock
from workflows.company import Company
from workflows.database import Database
from workflows.people import Person
from workflows.refusal import Refusal
from workflows.second_factor import Cipher, Enrolment

DeepLink = Callable[[str], str | None]
"""Returns the link that hands a payload to the Telegram bot; None where there is none."""

OpenedBy = Callable[[str], str | None]
"""Returns the chat identity that opened a page, from what the chat gave the page; None for none."""

MINI_APP_HEADERS = {
    # One script, of ours; and Telegram's web client shows such pages in a frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors https://web.telegram.org"
    ),
    "X-Frame-Options": "",
}

_LARGEST_FORM = 16384
_MOST_FIELDS = 8
_CODE_LENGTH = 6
_FORM_TYPE = "application/x-www-form-urlencoded"
_LINK_STATUS = {
    "enrolment.opener": 403,
    "enrolment.unknown": 404,
    "enrolment.used": 410,
    "enrolment.expired": 410,
}
"""Refusals that mean the link itself leads nowhere, with their HTTP status."""


class _BadForm(Exception):
    """What was posted is not what the page's form posts."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Opened:
    """An enrolment that its link has opened."""

    enrolment: Enrolment
    person: Person
    has_factor: bool


class EnrolmentPages:
    """``GET`` and ``POST /enrol/{token}``."""

    def __init__(
        self,
        company: Company,
        database: Database,
        cipher: Cipher,
        messages: Messages,
        clock: Clock,
        deep_link: DeepLink,
        opened_by: OpenedBy,
    ) -> None:
        self._company = company
        self._database = database
        self._cipher = cipher
        self._messages = messages
        self._clock = clock
        self._deep_link = deep_link
        self._opened_by = opened_by
        self._pages = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def show(self, request: Request) -> HTMLResponse:
        """Show the key and ask for its first code; or ask Telegram first who opens the page."""
        token = request.path_params["token"]
        try:
            opened = await self._open(token)
        except Refusal as refusal:
            return self._dead_end(refusal)
        if opened.enrolment.opener is None:
            return await self._form(opened)
        page = self._page("mini_app.html", 200, opened.person)
        page.headers.update(MINI_APP_HEADERS)
        return page

    async def _check_opener(self, opened: _Opened, answers: Mapping[str, str]) -> None:
        """Raise ``enrolment.opener`` unless the right person has the page open.

        The identity that has it open must still be theirs: an administrator may have taken it back
        since the link was given.
        """
        opener = opened.enrolment.opener
        if opener is None:
            return
        if self._opened_by(answers.get("init_data", "")) != opener:
            raise Refusal("enrolment.opener")
        chat, _, identity = opener.partition(":")
        directory = self._company.directory
        person = await self._database.read(
            lambda connection: people.identified(connection, directory, chat, identity)
        )
        if person is None or person.id != opened.person.id:
            raise Refusal("enrolment.opener")

    async def confirm(self, request: Request) -> HTMLResponse:
        """Put the factor in force when the codes are right; else say what is wrong.

        A page that Telegram opened first posts who Telegram says has opened it, and nothing else.
        """
        token = request.path_params["token"]
        try:
            answers = await _read_form(request)
            opened = await self._open(token)
            await self._check_opener(opened, answers)
            if opened.enrolment.opener is not None and "code" not in answers:
                return await self._form(opened, proof=answers["init_data"])
            verdict = await self._confirmed(token, opened, answers)
        except _BadForm as error:
            return self._problem("web.refused_title", "web.bad_request", error.status)
        except Refusal as refusal:
            verdict = refusal
        if isinstance(verdict, Refusal):
            if verdict.field is None:
                return self._dead_end(verdict)
            return await self._form(opened, verdict, proof=answers.get("init_data", ""))
        return await self._done(opened.person)

    async def _open(self, token: str) -> _Opened:
        now = self._clock()

        def work(connection: Connection) -> tuple[Enrolment, bool]:
            found = second_factor.open_enrolment(connection, self._cipher, token, now=now)
            return found, second_factor.is_enrolled(connection, found.person_id)

        found, has_factor = await self._database.read(work)
        person = self._company.directory.get(found.person_id)
        if person is None:
            raise Refusal("enrolment.unknown")
        return _Opened(found, person, has_factor)

    async def _confirmed(
        self, token: str, opened: _Opened, answers: Mapping[str, str]
    ) -> Enrolment | Refusal:
        code, present = answers.get("code", ""), answers.get("present_code", "")
        # What cannot be a code costs no attempt.
        if opened.has_factor and not _is_code(present):
            return Refusal("factor.malformed", field="present_code", digits=_CODE_LENGTH)
        if not _is_code(code):
            return Refusal("factor.malformed", field="code", digits=_CODE_LENGTH)
        now = self._clock()
        return await self._database.write(
            lambda connection: second_factor.confirm_enrolment(
                connection, self._cipher, token, code, now=now, present_code=present or None
            )
        )

    # ---- pages ---------------------------------------------------------------------------------

    async def _form(
        self, opened: _Opened, refusal: Refusal | None = None, *, proof: str = ""
    ) -> HTMLResponse:
        person, found = opened.person, opened.enrolment
        # A colon would end the issuer's name in the app (Key URI Format, section "Label").
        issuer = " ".join(self._company.name.replace(":", " ").split())
        uri = second_factor.provisioning_uri(found, account=person.email, issuer=issuer)
        zone = ZoneInfo(person.timezone or str(self._company.timezone))
        language = self._language(person)
        errors = {}
        if refusal is not None:
            errors[refusal.field] = self._messages.refusal(language, refusal, zone)
        page = self._page(
            "form.html",
            200 if refusal is None else 422,
            person,
            proof=proof,
            uri=uri,
            # Drawing takes milliseconds that the event loop should not wait for.
            qr=await asyncio.to_thread(_drawn, uri),
            key=[found.secret[start : start + 4] for start in range(0, len(found.secret), 4)],
            has_factor=opened.has_factor,
            expires=self._messages.instant(language, found.expires_at, zone),
            errors=errors,
        )
        if proof:
            page.headers.update(MINI_APP_HEADERS)
        return page

    async def _done(self, person: Person) -> HTMLResponse:
        """Say that the factor is in force, and offer Telegram to who has just proved it."""
        link = await self._telegram_link(person)
        drawing = await asyncio.to_thread(_drawn, link) if link else None
        return self._page("done.html", 200, person, telegram=link, qr=drawing)

    async def _telegram_link(self, person: Person) -> str | None:
        """Return a link that makes a Telegram account the person's, where they have none yet."""
        if self._deep_link("") is None:
            return None
        begin = partial(linking.begin, person=person, chat="telegram", by=person.id)
        now = self._clock()
        try:
            token = await self._database.write(lambda connection: begin(connection, now=now))
        except Refusal:  # linked already, or taken back by an administrator
            return None
        return self._deep_link(token)

    def _dead_end(self, refusal: Refusal) -> HTMLResponse:
        is_link = refusal.code in _LINK_STATUS
        title = "web.link_title" if is_link else "web.refused_title"
        status = _LINK_STATUS.get(refusal.code, 409)
        return self._problem(title, f"refusal.{refusal.code}", status)

    def _problem(self, title: str, text: str, status: int) -> HTMLResponse:
        # Whose link it was is not known, or not to be told: the company's language it is.
        return self._page("problem.html", status, None, title=title, text=text)

    def _page(self, name: str, status: int, person: Person | None, **facts: object) -> HTMLResponse:
        language = self._language(person)

        def say(key: str, **values: str | int) -> str:
            return self._messages.text(language, key, **values)

        content = self._pages.get_template(name).render(
            say=say,
            language=language.replace("_", "-"),
            company=self._company.name,
            name=person.name if person else "",
            **facts,
        )
        return HTMLResponse(content, status_code=status)

    def _language(self, person: Person | None) -> str:
        wanted = (person.language if person else None) or self._company.language
        return self._messages.nearest(wanted)


async def _read_form(request: Request) -> dict[str, str]:
    """Return the codes that were posted, as ASCII digits where they were digits of any kind."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise _BadForm(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise _BadForm(413)
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise _BadForm(400) from None
    return {
        name: values[-1] if name == "init_data" else _plain(values[-1])
        for name, values in fields.items()
    }


def _plain(text: str) -> str:
    """Return what was typed without spaces; input methods may give full-width digits."""
    return "".join(unicodedata.normalize("NFKC", text[:64]).split())


def _is_code(text: str) -> bool:
    return len(text) == _CODE_LENGTH and text.isascii() and text.isdigit()


def _drawn(uri: str) -> Markup:
    """Return a QR code as SVG."""
    code = segno.make(uri, error="l", micro=False)
    # Segno draws it from numbers alone: nothing in it needs escaping.
    drawing = code.svg_inline(border=3, dark="#0b1324", light="#ffffff", omitsize=True)
    return Markup(drawing)  # noqa: S704 (see above)
