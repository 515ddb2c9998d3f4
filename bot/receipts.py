"""The payment confirmation as a PDF: what was paid, who asked and approved, and the evidence."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from bot import fonts
from bot.messages import Messages
from connectors.money import Money


@dataclass(frozen=True, slots=True)
class Signature:
    """Somebody's part in a payment.

    Attributes:
        role: The role in which they acted; empty for the requester.
        factor: Such as ``totp``; ``none`` for the requester.
    """

    name: str
    at: datetime
    role: str = ""
    factor: str = "none"


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """All that a payment confirmation tells.

    Attributes:
        zone: Whose clocks the times are told by; their offset is told with them.
        account_name: Debtor account as people call it.
        state: The order's state, such as ``settled``.
        institution: Name of the connection it went by.
        institution_reference: The institution's id of the payment.
        status: The institution's own code, such as ``ACSC``.
        digest: SHA-256 of what was approved, hexadecimal.
        audit_seq: Number of the entry of the record that tells of the settlement.
        audit_hash: That entry's hash, hexadecimal.
        evidence_sha256: SHA-256 of the stored answer or document, hexadecimal.
        is_official: Whether that is the institution's own receipt; see `connectors.base.Receipt`.
        shows_whole_accounts: Else only country, check digits and the last four characters.
    """

    company: str
    zone: tzinfo
    order_id: str
    version: int
    state: str
    account_name: str
    debtor_iban: str
    creditor_name: str
    creditor_iban: str
    amount: Money
    remittance: str
    end_to_end_id: str
    institution: str
    institution_reference: str
    status: str
    booked_on: date | None
    requested: Signature
    approvals: tuple[Signature, ...]
    digest: str
    audit_seq: int
    audit_hash: str
    evidence_media_type: str
    evidence_sha256: str
    is_official: bool
    shows_whole_accounts: bool = False


_NOTHING = "–"
_MARGIN = 20 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_FOOT = 20 * mm
_LABEL_WIDTH = 47 * mm
_INK = HexColor("#0b1324")
_SOFT = HexColor("#566176")
_LINE = HexColor("#dde3ea")
_ACCENT = HexColor("#0f766e")
_TINT = HexColor("#eef7f6")

# ReportLab keeps the letters a document uses in its font objects: one document at a time.
_one_at_a_time = threading.Lock()


def render_pdf(messages: Messages, language: str, facts: ReceiptFacts) -> bytes:
    """Return the payment confirmation; the same facts always give the same bytes.

    It takes some milliseconds of computing: call it outside the event loop.
    """
    page = _Page(messages, messages.nearest(language), facts)
    file = io.BytesIO()
    with _one_at_a_time:
        fonts.register()
        document = BaseDocTemplate(
            file,
            pagesize=A4,
            invariant=1,  # no date and no random id in the file
            title=_flat(f"{page.say('title')} {facts.order_id}"),
            author=_flat(facts.company),
            subject=_flat(facts.end_to_end_id),
            creator="Countersign",
            lang=page.language.replace("_", "-"),
        )
        frame = Frame(
            _MARGIN,
            _FOOT,
            _WIDTH,
            A4[1] - _FOOT - 16 * mm,
            leftPadding=0,
            rightPadding=0,
            topPadding=0,
            bottomPadding=3 * mm,
        )
        document.addPageTemplates(PageTemplate(frames=[frame], onPage=page.foot))
        document.build(page.story())
    return file.getvalue()


class _Page:
    """Lays one receipt out."""

    def __init__(self, messages: Messages, language: str, facts: ReceiptFacts) -> None:
        self.language = language
        self._messages = messages
        self._facts = facts

    def say(self, key: str, **values: str | int) -> str:
        return self._messages.text(self.language, f"receipt.{key}", **values)

    def story(self) -> list[Flowable]:
        story = [*self._head(), self._banner()]
        sections: tuple[tuple[str, Callable[[], Iterable[tuple[str, str]]]], ...] = (
            ("section_payment", self._payment),
            ("section_bank", self._bank),
            ("section_people", self._people),
        )
        for title, rows in sections:
            story += self._section(title, list(rows()))
        return [*story, *self._evidence()]

    # ---- parts ---------------------------------------------------------------------------------

    def _head(self) -> list[Flowable]:
        company = _paragraph(self._facts.company, size=10, colour=_SOFT)
        return [
            company,
            _paragraph(self.say("title"), size=21, is_bold=True),
            Spacer(0, 5 * mm),
        ]

    def _banner(self) -> Flowable:
        facts = self._facts
        state = self._messages.text(self.language, f"state.{facts.state}")
        amount = self._messages.money(self.language, facts.amount)
        table = Table(
            [
                [
                    _paragraph(self.say("to"), size=7.5, colour=_SOFT),
                    _paragraph(self.say("amount"), size=7.5, colour=_SOFT, is_right=True),
                ],
                [
                    _paragraph(facts.creditor_name, size=12.5),
                    _paragraph(amount, size=17, is_bold=True, is_right=True),
                ],
                [
                    _paragraph(self._account(facts.creditor_iban), size=9, colour=_SOFT),
                    _paragraph(state, size=10.5, is_bold=True, is_right=True, colour=_ACCENT),
                ],
            ],
            colWidths=[_WIDTH * 0.54, _WIDTH * 0.46],
        )
        table.setStyle(
            TableStyle(
                [
                    ("BACKGROUND", (0, 0), (-1, -1), _TINT),
                    ("LINEBEFORE", (0, 0), (0, -1), 3, _ACCENT),
                    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 5 * mm),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 5 * mm),
                    ("TOPPADDING", (0, 0), (-1, -1), 0.5 * mm),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 0.5 * mm),
                    ("TOPPADDING", (0, 0), (-1, 0), 3.5 * mm),
                    ("BOTTOMPADDING", (0, -1), (-1, -1), 4 * mm),
                ]
            )
        )
        return table

    def _payment(self) -> Iterable[tuple[str, str]]:
        facts = self._facts
        yield "order", self.say("order_version", order=facts.order_id, version=facts.version)
        yield "from", f"{facts.account_name}\n{self._account(facts.debtor_iban)}"
        yield "reference", facts.remittance
        yield "end_to_end_id", facts.end_to_end_id

    def _bank(self) -> Iterable[tuple[str, str]]:
        facts = self._facts
        state = self._messages.text(self.language, f"state.{facts.state}")
        yield "bank", facts.institution
        yield "bank_reference", facts.institution_reference
        yield "status", self.say("status_code", state=state, code=facts.status)
        booked = facts.booked_on
        yield "booked_on", self._messages.date(self.language, booked) if booked else ""

    def _people(self) -> Iterable[tuple[str, str]]:
        requested = self._facts.requested
        yield "requested", f"{requested.name}\n{self._at(requested.at)}"
        for each in self._facts.approvals:
            name = each.name
            if each.role:
                role = self._messages.roles(self.language, [each.role])
                name = self.say("person", name=name, role=role)
            factor = self._messages.named(self.language, "factor", each.factor)
            when = self.say("person_when", at=self._at(each.at), factor=factor)
            yield "approved", f"{name}\n{when}"

    def _evidence(self) -> list[Flowable]:
        facts = self._facts
        evidence = "evidence_official" if facts.is_official else "evidence"
        rows = [
            ("audit", self.say("audit_entry", seq=facts.audit_seq)),
            ("audit_hash", facts.audit_hash),
            ("digest", facts.digest),
            (evidence, f"{facts.evidence_sha256}\n{facts.evidence_media_type}"),
        ]
        note = self.say("official" if facts.is_official else "not_official")
        section = self._section("section_evidence", rows)
        return [KeepTogether([*section, Spacer(0, 3 * mm), _paragraph(note, colour=_SOFT)])]

    def _section(self, title: str, rows: Sequence[tuple[str, str]]) -> list[Flowable]:
        cells = [
            [
                _paragraph(self.say(key), colour=_SOFT),
                [_paragraph(line) for line in (value or _NOTHING).split("\n")],
            ]
            for key, value in rows
        ]
        table = Table(cells, colWidths=[_LABEL_WIDTH, _WIDTH - _LABEL_WIDTH])
        table.setStyle(
            TableStyle(
                [
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 2 * mm),
                    ("TOPPADDING", (0, 0), (-1, -1), 1.2 * mm),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5 * mm),
                    ("LINEABOVE", (0, 0), (-1, -1), 0.5, _LINE),
                ]
            )
        )
        heading = _paragraph(self.say(title), size=10.5, is_bold=True, colour=_ACCENT)
        return [Spacer(0, 4.5 * mm), heading, Spacer(0, 1.2 * mm), table]

    def foot(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        """Draw what stands at the bottom of every page."""
        canvas.saveState()
        canvas.setStrokeColor(_LINE)
        canvas.line(_MARGIN, _FOOT - 1 * mm, A4[0] - _MARGIN, _FOOT - 1 * mm)
        page = f"{self._facts.order_id} · {self.say('page', page=document.page)}"
        left = _paragraph(self.say("footer"), size=7.5, colour=_SOFT)
        right = _paragraph(page, size=7.5, colour=_SOFT, is_right=True)
        for paragraph, x, width in ((left, 0.0, 0.72), (right, 0.72, 0.28)):
            _, height = paragraph.wrap(_WIDTH * width, 20 * mm)
            paragraph.drawOn(canvas, _MARGIN + _WIDTH * x, _FOOT - 3 * mm - height)
        canvas.restoreState()

    # ---- values --------------------------------------------------------------------------------

    def _account(self, iban: str) -> str:
        if self._facts.shows_whole_accounts:
            return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
        return f"{iban[:4]} •••• {iban[-4:]}"

    def _at(self, at: datetime) -> str:
        return self._messages.instant(self.language, at, self._facts.zone, with_zone=True)


def _paragraph(
    text: str,
    *,
    size: float = 8.5,
    colour: Color = _INK,
    is_bold: bool = False,
    is_right: bool = False,
) -> Paragraph:
    runs = fonts.legible(text, is_bold=is_bold)
    style = ParagraphStyle(
        "text",
        fontName=fonts.TEXT,
        fontSize=size,
        leading=size * 1.4,
        textColor=colour,
        alignment=TA_RIGHT if is_right else 0,
        # Chinese may break anywhere; its rule also breaks what has no space to break at.
        wordWrap="CJK" if any(run.font == fonts.CHINESE for run in runs) else None,
    )
    markup = "".join(f'<font name="{run.font}">{escape(run.text)}</font>' for run in runs)
    return Paragraph(markup, style)


def _flat(text: str) -> str:
    """Return ``text`` as it is drawn, for the document's properties."""
    return "".join(run.text for run in fonts.legible(text))
