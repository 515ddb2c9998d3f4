"""Bringing statements in by four steps: collect, convert, validate, sync.

Collect keeps the raw document before anything reads it. What cannot be read or believed stays in
quarantine with its reason, and nothing of it is synced; the next collection tries afresh. Sync
takes in what is new and matches it, in one transaction.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, insert, select, update

from connectors.base import (
    Capability,
    Connector,
    ConnectorError,
    Document,
    Misconfigured,
    Statement,
)
from connectors.money import Money
from workflows import audit, balances, reconciliation
from workflows.balances import Reading
from workflows.clock import Clock
from workflows.company import Company, OwnAccount
from workflows.database import Database
from workflows.reconciliation import Matches
from workflows.refusal import Fact, Refusal
from workflows.statement_checks import (
    Fit,
    check_against_record,
    check_itself,
    stored_values,
)
from workflows.tables import audit_entry, document, statement, statement_entry

log = structlog.get_logger(__name__)

OVERLAP = timedelta(days=3)
"""How far back a collection reaches behind the last one: banks book late."""
FIRST_REACH = timedelta(days=30)
"""How far back the first collection of an account reaches, and one after a quarantine."""
LARGEST_DOCUMENT = 64_000_000
_LARGE = 32_768

SYNCED, RECOVERED = "statement.synced", "statement.recovered"
QUARANTINED, NOT_COLLECTED = "statement.quarantined", "statement.not_collected"


class Step(StrEnum):
    """Where a collection stopped."""

    COLLECT = "collect"
    CONVERT = "convert"
    VALIDATE = "validate"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an account's statement was not taken in.

    Attributes:
        code: The connector's, or one of workflows/statement_checks.py.
        facts: For the sentence.
        since: Since when it has been so.
    """

    step: Step
    code: str
    facts: Mapping[str, Fact]
    since: datetime


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection brought.

    Attributes:
        document_id: The raw document kept; None when there was none.
        statement_id: The statement synced; None when there was nothing new, or trouble.
        new: Entries not seen before.
        known: Entries seen before.
        matches: What became of the new ones.
    """

    account_id: str
    at: datetime
    document_id: int | None = None
    statement_id: int | None = None
    new: int = 0
    known: int = 0
    matches: Matches = field(default_factory=Matches)
    trouble: Trouble | None = None


class Collector:
    """Asks institutions for statements and balances.

    Args:
        patience: Seconds an institution has for a live balance.
    """

    def __init__(
        self,
        database: Database,
        company: Company,
        connectors: Mapping[str, Connector],
        clock: Clock,
        *,
        patience: float = 10.0,
    ) -> None:
        self._database = database
        self._company = company
        self._connectors = connectors
        self._clock = clock
        self._patience = patience
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def collect(self, account_id: str) -> Collected:
        """Bring in an account's statement from shortly before the last one to today.

        What goes wrong at the institution or in its document is in the result.

        Raises:
            Refusal: ``account.unknown``.
        """
        own = self._company.accounts.get(account_id)
        if own is None:
            raise Refusal("account.unknown", account=account_id[:40])
        async with self._locks[account_id]:
            return await self._collect(own)

    async def _collect(self, own: OwnAccount) -> Collected:
        started = self._clock()
        first, last = await self._database.read(
            lambda connection: _period(connection, own, started)
        )
        fetched = await self._fetch(own, first, last)
        at = self._clock()
        if isinstance(fetched, ConnectorError):
            trouble = Trouble(Step.COLLECT, fetched.code, _facts(fetched), at)
            return await self._database.write(
                lambda connection: _not_collected(connection, own, trouble, at)
            )
        document_id = await self._database.write(
            lambda connection: _keep(connection, own, fetched, at)
        )
        read = await self._read(own, fetched)
        kept = _Kept(document_id, fetched.period_from, fetched.period_to)
        return await self._database.write(
            lambda connection: _take_in(connection, own, kept, read, at)
        )

    async def _fetch(self, own: OwnAccount, first: date, last: date) -> Document | ConnectorError:
        try:
            connector = self._connector(own, Capability.STATEMENTS)
            fetched = await connector.collect(own.account, first, last)
        except ConnectorError as error:
            log.warning("collect", account=own.id, error=str(error), kind=type(error).__name__)
            return error
        except Exception as error:  # our own fault: other accounts must not suffer for it
            log.exception("collect", account=own.id)
            return ConnectorError(own.connector, "internal", type(error).__name__)
        if len(fetched.content) > LARGEST_DOCUMENT:
            return ConnectorError(own.connector, "statement.too_large")
        return fetched

    async def _read(self, own: OwnAccount, fetched: Document) -> Statement | Trouble:
        """Convert a document and check what it shows by itself."""
        if len(fetched.content) > _LARGE:
            return await asyncio.to_thread(self._converted, own, fetched)
        return self._converted(own, fetched)

    def _converted(self, own: OwnAccount, fetched: Document) -> Statement | Trouble:
        at = self._clock()
        try:
            converted = self._connectors[own.connector].convert(own.account, fetched)
        except ConnectorError as error:
            return Trouble(Step.CONVERT, error.code, _facts(error), at)
        except Exception as error:  # a document may find a fault of ours; it must not stop us
            log.exception("convert", account=own.id)
            return Trouble(Step.CONVERT, "internal", {"detail": type(error).__name__}, at)
        try:
            check_itself(own.account, fetched, converted)
        except Refusal as refusal:
            return Trouble(Step.VALIDATE, refusal.code, refusal.facts, at)
        return converted

    # ---- live balances ------------------------------------------------------------------------

    async def balances(self, accounts: Sequence[OwnAccount]) -> list[Reading]:
        """Ask for live balances, all at once; for each account that fails, what is known of it.

        One reading per account, in their order; those that failed carry the error's code.
        """
        asked = await asyncio.gather(*(self._ask(own) for own in accounts))
        fresh = [answer for answer in asked if isinstance(answer, Reading)]
        if fresh:
            now = self._clock()
            await self._database.write(
                lambda connection: balances.remember(connection, fresh, now=now)
            )
        known = await self.known_balances(accounts) if len(fresh) < len(asked) else fresh
        return [
            answer if isinstance(answer, Reading) else replace(last, error=answer)
            for answer, last in zip(asked, known, strict=True)
        ]

    async def known_balances(self, accounts: Sequence[OwnAccount]) -> list[Reading]:
        """Return what is known of each account's balances, asking nobody."""
        wanted = [own.account for own in accounts]
        return await self._database.read(lambda connection: balances.known(connection, wanted))

    async def _ask(self, own: OwnAccount) -> Reading | str:
        """Return a fresh reading, or the code of what kept us from one."""
        try:
            connector = self._connector(own, Capability.BALANCES)
            async with asyncio.timeout(self._patience):
                answer = await connector.balances(own.account)
        except ConnectorError as error:
            log.warning("balances", account=own.id, error=str(error), kind=type(error).__name__)
            return error.code
        except TimeoutError:
            return "http.timeout"
        except Exception:  # our own fault: the other accounts must not suffer for it
            log.exception("balances", account=own.id)
            return "internal"
        return balances.reading_of(own.account, answer, self._clock()) or "balance.missing"

    def _connector(self, own: OwnAccount, capability: Capability) -> Connector:
        connector = self._connectors.get(own.connector)
        if connector is None or capability not in connector.capabilities:
            raise Misconfigured(own.connector, "connector.unsupported", capability.value)
        return connector


# ---- collect ----------------------------------------------------------------------------------


def _period(connection: Connection, own: OwnAccount, now: datetime) -> tuple[date, date]:
    """Return the first and last booking date to ask for, in the account's calendar."""
    today = now.astimezone(ZoneInfo(own.account.timezone)).date()
    reached = connection.execute(
        select(document.c.period_to)
        .where(document.c.account_id == own.id, document.c.state == "synced")
        .order_by(document.c.period_to.desc())
        .limit(1)
    ).scalar_one_or_none()
    if reached is None:
        return today - FIRST_REACH, today
    last = max(today, reached)
    first = reached - OVERLAP
    trouble = trouble_of(connection, own.id)
    if trouble is not None and trouble.step is not Step.COLLECT:
        # Perhaps something was booked even later than the overlap allows for.
        first = min(first, last - FIRST_REACH)
    return first, last


def _keep(connection: Connection, own: OwnAccount, fetched: Document, at: datetime) -> int:
    """Keep a raw document; the same bytes again are the same document, seen again."""
    sha256 = hashlib.sha256(fetched.content).hexdigest()
    known: int | None = connection.execute(
        select(document.c.id).where(document.c.account_id == own.id, document.c.sha256 == sha256)
    ).scalar_one_or_none()
    if known is not None:
        return known
    kept = connection.execute(
        insert(document).values(
            account_id=own.id,
            media_type=fetched.media_type[:64],
            sha256=sha256,
            period_from=fetched.period_from,
            period_to=fetched.period_to,
            collected_at=at,
            seen_at=at,
            state="collected",
            content=fetched.content,
        )
    )
    assert kept.inserted_primary_key is not None
    return int(kept.inserted_primary_key[0])


def _not_collected(
    connection: Connection, own: OwnAccount, trouble: Trouble, at: datetime
) -> Collected:
    return Collected(own.id, at, trouble=_tell(connection, own, NOT_COLLECTED, trouble))


# ---- validate and sync ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kept:
    """A raw document in the database, with the period it was fetched for this time."""

    id: int
    period_from: date
    period_to: date


def _take_in(
    connection: Connection, own: OwnAccount, kept: _Kept, read: Statement | Trouble, at: datetime
) -> Collected:
    """Sync a statement that goes on from what is known, or put its document in quarantine."""
    if isinstance(read, Trouble):
        return _quarantine(connection, own, kept, read, at)
    try:
        fit = check_against_record(connection, own.account, read)
    except Refusal as refusal:
        trouble = Trouble(Step.VALIDATE, refusal.code, refusal.facts, at)
        return _quarantine(connection, own, kept, trouble, at)
    _mark(connection, kept, "synced", at)
    if not fit.new and not fit.is_first:
        if trouble_of(connection, own.id) is not None:
            _record(connection, own, RECOVERED, {"document": kept.id}, at)
        return Collected(own.id, at, kept.id, known=fit.known)
    statement_id = _store(connection, own, kept.id, read, fit, at)
    _record(connection, own, SYNCED, _synced_facts(connection, kept.id, read, fit), at)
    matches = reconciliation.match(
        connection,
        reconciliation.of_statement(connection, statement_id),
        now=at,
        begins=read.period_to if fit.is_first else None,
    )
    return Collected(own.id, at, kept.id, statement_id, len(fit.new), fit.known, matches)


def _quarantine(
    connection: Connection, own: OwnAccount, kept: _Kept, trouble: Trouble, at: datetime
) -> Collected:
    _mark(connection, kept, "quarantined", at, trouble)
    log.warning("quarantined", account=own.id, document=kept.id, code=trouble.code)
    told = _tell(connection, own, QUARANTINED, trouble, document=kept.id)
    return Collected(own.id, at, kept.id, trouble=told)


def _mark(
    connection: Connection,
    kept: _Kept,
    state: str,
    at: datetime,
    trouble: Trouble | None = None,
) -> None:
    facts = json.dumps(dict(trouble.facts), ensure_ascii=False) if trouble else None
    connection.execute(
        update(document)
        .where(document.c.id == kept.id)
        .values(
            state=state,
            reason=trouble.code[:64] if trouble else None,
            reason_facts=facts,
            period_from=kept.period_from,
            period_to=kept.period_to,
            seen_at=at,
        )
    )


def _store(
    connection: Connection,
    own: OwnAccount,
    document_id: int,
    read: Statement,
    fit: Fit,
    at: datetime,
) -> int:
    stored = connection.execute(
        insert(statement).values(
            account_id=own.id,
            document_id=document_id,
            period_from=read.period_from,
            period_to=read.period_to,
            currency=read.closing.currency,
            opening_minor=fit.opening.minor,
            closing_minor=read.closing.minor,
            entries=len(fit.new),
            synced_at=at,
        )
    )
    assert stored.inserted_primary_key is not None
    statement_id = int(stored.inserted_primary_key[0])
    rows = [
        {"account_id": own.id, "statement_id": statement_id, **stored_values(entry)}
        for entry in fit.new
    ]
    if rows:
        connection.execute(insert(statement_entry), rows)
    return statement_id


def _synced_facts(
    connection: Connection, document_id: int, read: Statement, fit: Fit
) -> dict[str, Fact]:
    amounts = [entry.amount.minor for entry in fit.new]
    currency = read.closing.currency
    sha256 = connection.execute(
        select(document.c.sha256).where(document.c.id == document_id)
    ).scalar_one()
    return {
        "document": document_id,
        "sha256": sha256,
        "period_from": read.period_from.isoformat(),
        "period_to": read.period_to.isoformat(),
        "entries": len(read.entries),
        "new": len(fit.new),
        "known": fit.known,
        "opening": str(fit.source),
        "opening_balance": str(fit.opening),
        "credits": str(Money(sum(each for each in amounts if each > 0), currency)),
        "debits": str(Money(-sum(each for each in amounts if each < 0), currency)),
        "closing_balance": str(read.closing),
    }


# ---- how an account's collection stands -------------------------------------------------------


def trouble_of(connection: Connection, account_id: str) -> Trouble | None:
    """Return what keeps an account's statements from coming in, as of its last collection."""
    row = connection.execute(
        select(audit_entry.c.kind, audit_entry.c.at, audit_entry.c.body)
        .where(
            audit_entry.c.subject == account_id,
            audit_entry.c.kind.in_([SYNCED, RECOVERED, QUARANTINED, NOT_COLLECTED]),
        )
        .order_by(audit_entry.c.seq.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.kind in {SYNCED, RECOVERED}:
        return None
    facts = json.loads(row.body)["facts"]
    step, code = Step(facts.pop("step")), facts.pop("code")
    return Trouble(step, code, facts, row.at)


def _tell(
    connection: Connection, own: OwnAccount, kind: str, trouble: Trouble, **where: Fact
) -> Trouble:
    """Put trouble on the record once, not again at every attempt that ends the same way.

    Returns it with the time it began.
    """
    standing = trouble_of(connection, own.id)
    if standing is not None and (standing.step, standing.code) == (trouble.step, trouble.code):
        return replace(trouble, since=standing.since)
    facts: dict[str, Fact] = {**trouble.facts, **where}
    facts |= {"step": str(trouble.step), "code": trouble.code}
    _record(connection, own, kind, facts, trouble.since)
    return trouble


def _record(
    connection: Connection, own: OwnAccount, kind: str, facts: Mapping[str, Fact], at: datetime
) -> None:
    audit.append(connection, at=at, actor=audit.SYSTEM, kind=kind, subject=own.id, facts=facts)


def _facts(error: ConnectorError) -> dict[str, Fact]:
    facts: dict[str, Fact] = {**error.params, "connector": error.connector}
    return facts | ({"detail": error.detail} if error.detail else {})
