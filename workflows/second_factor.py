"""Second factors: TOTP (RFC 6238), each time step accepted once per person.

Secrets are encrypted at rest (AES-256-GCM, bound to the person) with a key that is not in the
database. Five failures in a row lock the factor for a time that doubles with each further one
(NIST SP 800-63B-4, section 3.2.2 on rate limiting).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from workflows import audit
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.tables import enrolment, second_factor

TOTP = "totp"
STEP_SECONDS = 30
ENROLMENT_LIFE = timedelta(minutes=15)
FREE_FAILURES = 5
"""How many wrong codes in a row are answered before the factor locks."""

_LONGEST_LOCK = timedelta(hours=24)
_CODE_LENGTH = 6
_FORMAT = b"\x01"


class Cipher:
    """Encrypts second-factor secrets; each ciphertext is bound to its owner."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the storage key must be 32 bytes")
        self._aead = AESGCM(key)

    def encrypt(self, plain: str, owner: str) -> bytes:
        """Return format byte, nonce and ciphertext of ``plain``."""
        nonce = os.urandom(12)
        return _FORMAT + nonce + self._aead.encrypt(nonce, plain.encode(), owner.encode())

    def decrypt(self, blob: bytes, owner: str) -> str:
        """Return the secret.

        Raises:
            Refusal: ``factor.unreadable``: another key, another owner, or damage.
        """
        try:
            if blob[:1] != _FORMAT:
                raise InvalidTag
            return self._aead.decrypt(blob[1:13], blob[13:], owner.encode()).decode()
        except InvalidTag:
            raise Refusal("factor.unreadable") from None


@dataclass(frozen=True, slots=True)
class Passed:
    """A code that was right, new, and is now used up."""

    step: int


_FACTOR = Prepared(
    select(second_factor.c.secret, second_factor.c.failures, second_factor.c.locked_until).where(
        second_factor.c.person_id == bindparam("person")
    )
)
_USE_STEP = Prepared(
    update(second_factor)
    .where(
        second_factor.c.person_id == bindparam("person"),
        second_factor.c.last_step < bindparam("step"),
    )
    .values(last_step=bindparam("step"), failures=0, locked_until=None)
)


def verify(
    connection: Connection,
    cipher: Cipher,
    person_id: str,
    code: str,
    *,
    now: datetime,
    counts: bool = True,
) -> Passed | Refusal:
    """Check a person's code and use it up, in the caller's transaction.

    A refusal is *returned*, not raised, so that the count of failures is committed with it.
    Codes: ``factor.not_enrolled``, ``factor.locked`` (until), ``factor.malformed``,
    ``factor.wrong`` (left), ``factor.reused``.

    Args:
        counts: Whether a wrong code counts against the factor. Where somebody else may be the
            one who types, the caller counts in its own way, and the person is never locked out.
    """
    row = _FACTOR.row(connection, {"person": person_id})
    if row is None:
        return Refusal("factor.not_enrolled", field="code")
    secret, failures, locked_until = row
    if locked_until is not None and now < locked_until:
        return Refusal("factor.locked", field="code", until=locked_until.isoformat())
    code = _typed(code)
    if not _is_code(code):
        return Refusal("factor.malformed", field="code", digits=_CODE_LENGTH)
    step = _matching_step(cipher.decrypt(secret, person_id), code, now)
    if step is None and not counts:
        return Refusal("factor.wrong", field="code", left=0)
    if step is None:
        return _failed(connection, person_id, failures + 1, now)
    if not _USE_STEP.run(connection, {"person": person_id, "step": step}):
        audit.append(connection, at=now, actor=person_id, kind="factor.reused", subject=person_id)
        return Refusal("factor.reused", field="code")
    return Passed(step)


def _typed(code: str) -> str:
    return code.replace(" ", "").replace("\u00a0", "")


def _is_code(code: str) -> bool:
    return len(code) == _CODE_LENGTH and code.isascii() and code.isdigit()


def _matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, this one or a neighbour; constant time."""
    totp = pyotp.TOTP(secret)
    present = int(now.timestamp()) // STEP_SECONDS
    found = None
    for step in (present - 1, present, present + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def _failed(connection: Connection, person_id: str, failures: int, now: datetime) -> Refusal:
    locked_until = None
    if failures >= FREE_FAILURES:
        doubled = timedelta(minutes=1) * 2 ** min(failures - FREE_FAILURES, 12)
        locked_until = now + min(doubled, _LONGEST_LOCK)
    connection.execute(
        update(second_factor)
        .where(second_factor.c.person_id == person_id)
        .values(failures=failures, locked_until=locked_until)
    )
    audit.append(
        connection,
        at=now,
        actor=person_id,
        kind="factor.failed",
        subject=person_id,
        facts={"failures": failures, "locked": locked_until is not None},
    )
    if locked_until is not None:
        return Refusal("factor.locked", field="code", until=locked_until.isoformat())
    return Refusal("factor.wrong", field="code", left=FREE_FAILURES - failures)


def is_enrolled(connection: Connection, person_id: str) -> bool:
    """Whether the person has a confirmed factor."""
    return _FACTOR.row(connection, {"person": person_id}) is not None


def begin_enrolment(
    connection: Connection,
    cipher: Cipher,
    person_id: str,
    *,
    now: datetime,
    opener: str | None = None,
) -> str:
    """Start an enrolment and return its one-time token; earlier unused ones are void.

    Args:
        opener: The chat identity that has to open it, where the chat can prove who opens a page;
            the token alone then opens nothing.
    """
    token = secrets.token_urlsafe(32)
    connection.execute(
        delete(enrolment).where(enrolment.c.person_id == person_id, enrolment.c.used_at.is_(None))
    )
    connection.execute(
        insert(enrolment).values(
            token_hash=_hashed(token),
            person_id=person_id,
            secret=cipher.encrypt(pyotp.random_base32(), person_id),
            expires_at=now + ENROLMENT_LIFE,
            failures=0,
            opener=opener,
        )
    )
    audit.append(
        connection, at=now, actor=person_id, kind="factor.enrolment_begun", subject=person_id
    )
    return token


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolment under way; ``secret`` is shown to its owner once and never logged.

    Attributes:
        opener: The chat identity that has to have opened the page; None for whoever has the link.
    """

    person_id: str
    secret: str
    expires_at: datetime
    opener: str | None = None

    def __repr__(self) -> str:
        return f"Enrolment(person_id={self.person_id!r})"


def open_enrolment(
    connection: Connection, cipher: Cipher, token: str, *, now: datetime
) -> Enrolment:
    """Return the enrolment a token opens.

    Raises:
        Refusal: ``enrolment.unknown``, ``enrolment.used`` or ``enrolment.expired``.
    """
    row = connection.execute(
        select(enrolment).where(enrolment.c.token_hash == _hashed(token))
    ).one_or_none()
    if row is None:
        raise Refusal("enrolment.unknown")
    if row.used_at is not None:
        raise Refusal("enrolment.used")
    if now >= row.expires_at or row.failures >= FREE_FAILURES:
        raise Refusal("enrolment.expired")
    secret = cipher.decrypt(row.secret, row.person_id)
    return Enrolment(row.person_id, secret, row.expires_at, row.opener)


def confirm_enrolment(
    connection: Connection,
    cipher: Cipher,
    token: str,
    code: str,
    *,
    now: datetime,
    present_code: str | None = None,
) -> Enrolment | Refusal:
    """Put the new factor in force once its owner has shown that their device makes its codes.

    A person who has a factor already must also give a code of the present one, so that a stolen
    chat session alone cannot replace it. Wrong codes are returned as refusals (and counted).
    """
    try:
        found = open_enrolment(connection, cipher, token, now=now)
    except Refusal as refusal:
        return refusal
    code = _typed(code)
    step = _matching_step(found.secret, code, now) if _is_code(code) else None
    if step is None:
        connection.execute(
            update(enrolment)
            .where(enrolment.c.token_hash == _hashed(token))
            .values(failures=enrolment.c.failures + 1)
        )
        return Refusal("enrolment.wrong", field="code")
    # Last, because a right code of the present factor is used up by asking.
    if is_enrolled(connection, found.person_id):
        verdict = verify(connection, cipher, found.person_id, present_code or "", now=now)
        if isinstance(verdict, Refusal):
            return Refusal(verdict.code, field="present_code", **verdict.facts)
    connection.execute(
        update(enrolment).where(enrolment.c.token_hash == _hashed(token)).values(used_at=now)
    )
    enrol(connection, cipher, found.person_id, found.secret, now=now, last_step=step)
    return found


def enrol(
    connection: Connection,
    cipher: Cipher,
    person_id: str,
    secret: str,
    *,
    now: datetime,
    last_step: int = 0,
) -> None:
    """Put a factor in force, replacing the person's former one; ``secret`` is base32."""
    connection.execute(delete(second_factor).where(second_factor.c.person_id == person_id))
    connection.execute(
        insert(second_factor).values(
            person_id=person_id,
            secret=cipher.encrypt(secret, person_id),
            last_step=last_step,
            failures=0,
            enrolled_at=now,
        )
    )
    audit.append(
        connection,
        at=now,
        actor=person_id,
        kind="factor.enrolled",
        subject=person_id,
        facts={"factor": TOTP},
    )


def provisioning_uri(found: Enrolment, *, account: str, issuer: str) -> str:
    """Return the ``otpauth://`` URI that an authenticator app reads from a QR code."""
    return pyotp.TOTP(found.secret).provisioning_uri(name=account, issuer_name=issuer)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
