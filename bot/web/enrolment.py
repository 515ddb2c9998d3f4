"""The pages on which a person sets up a second factor, reached by a link that works once.

The link comes from the chat, lives a quarter of an hour, and is the only proof of who opens it; a
person who has a factor already also proves that one. Looking at the page changes nothing, so that
a link preview cannot use it up. Nothing here is logged: not the address, not the key, no code.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
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
from workflows import second_factor
from workflows.clock import Clock
from workflows.company import Company
from workflows.database import Database
from workflows.people import Person
from workflows.refusal import Refusal
from workflows.second_factor import Cipher, Enrolment

_LARGEST_FORM = 4096
_MOST_FIELDS = 8
_CODE_LENGTH = 6
_FORM_TYPE = "application/x-www-form-urlencoded"
_LINK_STATUS = {
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
    ) -> None:
        self._company = company
        self._database = database
        self._cipher = cipher
        self._messages = messages
        self._clock = clock
        self._pages = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def show(self, request: Request) -> HTMLResponse:
        """Show the key and ask for its first code."""
        try:
            opened = await self._open(request.path_params["token"])
        except Refusal as refusal:
            return self._dead_end(refusal)
        return await self._form(opened)

    async def confirm(self, request: Request) -> HTMLResponse:
        """Put the factor in force when the codes are right; else say what is wrong."""
        token = request.path_params["token"]
        try:
            answers = await _read_form(request)
            opened = await self._open(token)
            verdict = await self._confirmed(token, opened, answers)
        except _BadForm as error:
            return self._problem("web.refused_title", "web.bad_request", error.status)
        except Refusal as refusal:
            verdict = refusal
        if isinstance(verdict, Refusal):
            if verdict.field is None:
                return self._dead_end(verdict)
            return await self._form(opened, verdict)
        return self._page("done.html", 200, opened.person)

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

    async def _form(self, opened: _Opened, refusal: Refusal | None = None) -> HTMLResponse:
        person, found = opened.person, opened.enrolment
        # A colon would end the issuer's name in the app (Key URI Format, section "Label").
        issuer = " ".join(self._company.name.replace(":", " ").split())
        uri = second_factor.provisioning_uri(found, account=person.email, issuer=issuer)
        zone = ZoneInfo(person.timezone or str(self._company.timezone))
        language = self._language(person)
        errors = {}
        if refusal is not None:
            errors[refusal.field] = self._messages.refusal(language, refusal, zone)
        return self._page(
            "form.html",
            200 if refusal is None else 422,
            person,
            uri=uri,
            # Drawing takes milliseconds that the event loop should not wait for.
            qr=await asyncio.to_thread(_drawn, uri),
            key=[found.secret[start : start + 4] for start in range(0, len(found.secret), 4)],
            has_factor=opened.has_factor,
            expires=self._messages.instant(language, found.expires_at, zone),
            errors=errors,
        )

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
    return {name: _plain(values[-1]) for name, values in fields.items()}


def _plain(text: str) -> str:
    """Return what was typed without spaces; input methods may give full-width digits."""
    return "".join(unicodedata.normalize("NFKC", text[:64]).split())


def _is_code(text: str) -> bool:
    return len(text) == _CODE_LENGTH and text.isascii() and text.isdigit()


def _drawn(uri: str) -> Markup:
    code = segno.make(uri, error="l", micro=False)
    # Segno draws it from numbers alone: nothing in it needs escaping.
    drawing = code.svg_inline(border=3, dark="#0b1324", light="#ffffff", omitsize=True)
    return Markup(drawing)  # noqa: S704 (see above)
