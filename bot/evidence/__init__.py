"""All there is about one payment, as a page that an auditor can read, print and keep."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot import story, wording
from bot.wording import Reader
from workflows.audit import Entry
from workflows.policy import Verdict
from workflows.record.checkpoints import PublicKey
from workflows.record.export import Evidence, KeptDocument

LARGEST_EMBEDDED = 8 * 1024 * 1024
"""Bytes of a document that travels inside the page."""
_LONGEST_PREVIEW = 6000

_HERE = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(_HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_DECISIONS = {"approve": "evidence.approved", "reject": "evidence.rejected"}
_SAID = {
    "order.approval_withdrawn": "evidence.took_back",
    "order.recused": "evidence.recused",
    "order.question": "evidence.asked",
    "order.answer": "evidence.answered",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A label and what stands beside it.

    Attributes:
        is_code: Hashes, numbers and ids: drawn so that every character can be told.
    """

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody asked for or decided.

    Attributes:
        role: In which they acted, as policy counted it; empty where none was counted.
        policy: Hash of the policy in force.
        rules: Names of its rules that applied.
    """

    what: str
    name: str
    person: str
    at: str
    seq: int
    version: int
    role: str = ""
    factor: str = ""
    policy: str = ""
    rules: tuple[str, ...] = ()
    note: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened at the bank or with it."""

    at: str
    text: str
    detail: str
    seq: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file as the page shows it.

    Attributes:
        link: The content itself, as a ``data:`` address; None where it is too large.
        preview: The beginning of a text.
    """

    title: str
    media_type: str
    size: str
    sha256: str
    seq: int | None
    is_whole: bool
    link: str | None
    picture: bool
    preview: str


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the record, whole."""

    seq: int
    at: str
    actor: str
    kind: str
    facts: str
    hash: str
    previous: str
    is_broken: bool


def page(reader: Reader, found: Evidence, *, keys: Sequence[PublicKey], now: datetime) -> str:
    """Return the page; it needs nothing beside itself.

    Args:
        keys: Whose signatures are believed, the present one first.
    """
    covering = found.covering
    checked = bool(
        covering
        and covering.is_signed
        and keys
        and covering.flaw({each.id: each for each in keys}) is None
    )
    return _PAGES.get_template("page.html").render(
        say=reader.say,
        language=reader.language.replace("_", "-"),
        company=reader.company.name,
        style=(_HERE / "page.css").read_text("utf-8"),
        order=found.order,
        amount=reader.money(found.order.amount),
        state=reader.say(f"state.{found.order.state}"),
        payee=found.order.creditor_name,
        is_sound=found.is_sound,
        findings=[str(each) for each in found.findings],
        payment=list(_payment(reader, found)),
        requirements=list(_requirements(reader, found)),
        deeds=list(_deeds(reader, found)),
        sent=list(_sent(reader, found)),
        steps=list(_steps(reader, found)),
        documents=list(_documents(reader, found)),
        lines=[_line(reader, found, each) for each in found.entries],
        covering=covering,
        is_signed=checked,
        key=keys[0].text if keys else "",
        made_at=_at(reader, now),
        version=version("countersign"),
    )


def _at(reader: Reader, at: datetime) -> str:
    return reader.messages.instant(reader.language, at, reader.timezone, with_zone=True)


def _payment(reader: Reader, found: Evidence) -> Iterator[Pair]:
    say, order = reader.say, found.order
    own = reader.company.accounts.get(order.account_id)
    yield Pair(say("evidence.order"), f"{order.id} · {say('evidence.version', n=order.version)}")
    name = own.name if own else order.account_id
    yield Pair(say("evidence.from"), f"{name}\n{wording.spaced(order.debtor_iban)}", True)
    to = f"{order.creditor_name}\n{wording.spaced(order.creditor_iban)}"
    yield Pair(say("evidence.to"), f"{to}\n{order.creditor_bic or ''}".strip(), True)
    yield Pair(say("evidence.amount"), reader.money(order.amount))
    yield Pair(say("evidence.reference"), order.remittance or say("nothing"))
    yield Pair(say("evidence.execution"), wording.execution_line(reader, order))
    yield Pair(say("evidence.end_to_end_id"), order.end_to_end_id, True)
    yield Pair(say("evidence.digest"), order.digest, True)
    if order.reason_code:
        reason = reader.messages.reason(reader.language, order.reason_code, order.reason_text or "")
        yield Pair(say("evidence.reason"), reason)


def _requirements(reader: Reader, found: Evidence) -> Iterator[Pair]:
    """Return which rule asked for whom."""
    try:
        verdict = Verdict.from_json(found.order.verdict)
    except ValueError:
        return
    for reason in verdict.reasons:
        slots = [
            reader.say("evidence.slot", role=reader.role(slot.who), count=slot.count)
            for slot in reason.slots
        ]
        yield Pair(reason.rule, ", ".join(slots) or reader.say("nothing"))
    yield Pair(reader.say("evidence.policy_hash"), verdict.policy_hash, True)


def _deeds(reader: Reader, found: Evidence) -> Iterator[Deed]:
    """Return who asked and who decided, as their entries tell it."""
    rules: tuple[str, ...] = ()
    counted: dict[str, str] = {}
    for entry in found.entries:
        if entry.kind == "order.approval":
            counted.update((person, role) for role, person in _pairs(entry.facts.get("filled")))
    for entry in found.entries:
        facts = entry.facts.get("after", entry.facts)
        if entry.kind in ("order.requested", "order.amended"):
            rules = tuple(map(str, facts.get("rules", ())))
            what = "evidence.requested" if entry.kind == "order.requested" else "evidence.amended"
            yield _deed(reader, entry, what, facts, rules=rules)
        elif entry.kind in ("order.approval", "order.rejected"):
            is_approval = entry.kind == "order.approval"
            yield _deed(
                reader,
                entry,
                _DECISIONS["approve" if is_approval else "reject"],
                facts,
                role=counted.get(entry.actor, "") if is_approval else "",
                rules=rules,
            )
        elif entry.kind in _SAID:
            yield _deed(reader, entry, _SAID[entry.kind], facts)
        elif entry.kind == "order.cancelled" and entry.actor != "system":
            yield _deed(reader, entry, "evidence.cancelled", facts)
        elif facts.get("by_person"):
            what = "evidence.settled_by_person"
            if entry.kind == "order.failed":
                what = "evidence.failed_by_person"
            yield _deed(reader, entry, what, facts)


def _deed(
    reader: Reader,
    entry: Entry,
    what: str,
    facts: Any,
    *,
    role: str = "",
    rules: tuple[str, ...] = (),
) -> Deed:
    factor = facts.get("factor")
    return Deed(
        what=reader.say(what),
        name=reader.name(entry.actor),
        person=entry.actor,
        at=_at(reader, entry.at),
        seq=entry.seq,
        version=int(facts.get("version") or 0),
        role=reader.role(role) if role else "",
        factor=reader.messages.named(reader.language, "factor", str(factor)) if factor else "",
        policy=str(facts.get("policy_hash") or ""),
        rules=rules,
        note=str(facts.get("reason") or facts.get("note") or facts.get("text") or ""),
        digest=str(facts.get("digest") or ""),
    )


def _pairs(filled: Any) -> list[tuple[str, str]]:
    return [(str(role), str(person)) for role, person in filled or ()]


def _sent(reader: Reader, found: Evidence) -> Iterator[Pair]:
    say, sent = reader.say, found.sent
    if sent is None:
        return
    yield Pair(say("evidence.connection"), f"{sent.connector} · {sent.service}".rstrip(" ·"))
    yield Pair(say("evidence.request_id"), sent.request_id, True)
    yield Pair(say("evidence.attempts"), str(sent.attempts))
    if sent.sent_at:
        yield Pair(say("evidence.sent_at"), _at(reader, sent.sent_at))
    yield Pair(say("evidence.bank_reference"), sent.reference or say("nothing"), True)
    yield Pair(say("evidence.bank_status"), sent.status or say("nothing"), True)
    if sent.entry_reference:
        yield Pair(say("evidence.entry_reference"), sent.entry_reference, True)


_OF_PEOPLE = frozenset(
    {"order.requested", "order.amended", "order.approval", "order.rejected", *_SAID}
)


def _steps(reader: Reader, found: Evidence) -> Iterator[Step]:
    """Return what was sent and what came back, oldest first."""
    for entry in found.entries:
        if entry.kind in _OF_PEOPLE:
            continue
        text = story.full_line(reader, entry)
        if text is None and entry.kind == "instruction.sending":
            text = reader.say("evidence.sending", attempt=int(entry.facts.get("attempt") or 1))
        yield Step(_at(reader, entry.at), text or entry.kind, _detail(entry.facts), entry.seq)


def _detail(facts: Any) -> str:
    names = ("reference", "status", "request_id", "entry", "code", "sha256")
    return " · ".join(f"{name} {facts[name]}" for name in names if facts.get(name))


def _documents(reader: Reader, found: Evidence) -> Iterator[Document]:
    for each in found.files:
        yield _document(each, each.name)
    if found.receipt is not None:
        title = reader.say("evidence.receipt", reference=found.receipt.name)
        yield _document(found.receipt, title)


def _document(kept: KeptDocument, title: str) -> Document:
    is_text = kept.media_type.startswith("text/") or "json" in kept.media_type
    link = None
    if kept.content and len(kept.content) <= LARGEST_EMBEDDED:
        content = base64.b64encode(kept.content).decode()
        link = f"data:{kept.media_type.partition(';')[0]};base64,{content}"
    return Document(
        title=title,
        media_type=kept.media_type,
        size=_size(len(kept.content)),
        sha256=kept.sha256,
        seq=kept.seq,
        is_whole=kept.is_whole,
        link=link,
        picture=kept.media_type in ("image/png", "image/jpeg"),
        preview=_preview(kept.content) if is_text else "",
    )


def _size(count: int) -> str:
    return f"{count:,} B".replace(",", "\u202f")


def _preview(content: bytes) -> str:
    text = content[:_LONGEST_PREVIEW].decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(content), indent=2, ensure_ascii=False)[:_LONGEST_PREVIEW]
    except ValueError:
        return text


def _flat(name: str, value: Any) -> Iterator[str]:
    """Return facts one to a line, each under its whole name."""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _flat(f"{name}.{key}" if name else key, value[key])
    elif name:
        yield f"{name}: {json.dumps(value, ensure_ascii=False)}"


def _line(reader: Reader, found: Evidence, entry: Entry) -> Line:
    previous, own = found.hashes[entry.seq]
    return Line(
        seq=entry.seq,
        at=entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        actor=entry.actor,
        kind=entry.kind,
        facts="\n".join(_flat("", entry.facts)),
        hash=own,
        previous=previous,
        is_broken=entry.seq in found.broken,
    )
