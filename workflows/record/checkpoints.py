"""Checkpoints: what the record was at a moment, signed with a key that is not in the database.

A checkpoint names an entry, its hash (the end of the chain) and the root of the Merkle tree of all
entries up to it, and the checkpoint before it. Whoever rewrites an entry would have to sign anew
every checkpoint from it on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, insert, select

from workflows import audit, canonical
from workflows.prepared import Prepared
from workflows.record.problems import RecordBroken
from workflows.record.tree import Tree
from workflows.tables import checkpoint, record_node

PURPOSE = "countersign record checkpoint 1"
"""Stands in every checkpoint, so that a signature means nothing elsewhere."""

FIRST = "0" * 64
"""What the first checkpoint names as the one before it."""

_NEWEST = Prepared(
    select(checkpoint.c.seq, checkpoint.c.body, checkpoint.c.signature)
    .order_by(checkpoint.c.seq.desc())
    .limit(1)
)


class PublicKey:
    """With which anybody can check checkpoints.

    Attributes:
        id: First half of its SHA-256, by which checkpoints name it.
        text: Base64, as `countersign audit key` prints it.
    """

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self.id = hashlib.sha256(raw).hexdigest()[:32]
        self.text = base64.b64encode(raw).decode()

    @classmethod
    def read(cls, text: str) -> PublicKey:
        """Read what `text` says of a key.

        Raises:
            ValueError: it is no public key.
        """
        try:
            return cls(base64.b64decode(text, validate=True))
        except (ValueError, binascii.Error):
            raise ValueError("not 32 bytes in base64") from None

    def has_signed(self, body: str, signature: str) -> bool:
        """Whether this is the key's signature of exactly this text."""
        try:
            raw = base64.b64decode(signature, validate=True)
            self._key.verify(raw, body.encode())
        except (InvalidSignature, ValueError):
            return False
        # One signature has one form: another spelling of the same bytes is an edit.
        return base64.b64encode(raw).decode() == signature


class RecordKey:
    """Signs checkpoints. It is kept apart from the database and never shown.

    Attributes:
        public: Its public half.
    """

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"RecordKey({self.public.id})"

    def sign(self, body: str) -> str:
        """Return the signature of a text, in base64."""
        return base64.b64encode(self._key.sign(body.encode())).decode()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the record was.

    Attributes:
        seq: Of the newest entry it covers: it covers all up to it.
        head: That entry's hash.
        root: Of the Merkle tree of all entries it covers.
        at: When it was made, as it says.
        previous: SHA-256 of the body of the checkpoint before it, or `FIRST`.
        key_id: Of the key that signed it; None for an unsigned one.
        body: The exact text that was signed.
        signature: Base64; None for an unsigned one.
    """

    seq: int
    head: str
    root: str
    at: str
    previous: str
    key_id: str | None
    body: str
    signature: str | None

    @classmethod
    def read(cls, body: str, signature: str | None) -> Checkpoint:
        """Read a stored checkpoint.

        Raises:
            ValueError: it is none.
        """
        try:
            said: dict[str, Any] = json.loads(body)
            if canonical.dumps(said).decode() != body or said["purpose"] != PURPOSE:
                raise ValueError(PURPOSE)
            found = cls(
                said["seq"],
                said["head"],
                said["root"],
                said["at"],
                said["previous"],
                said["key"],
                body,
                signature,
            )
        except (ValueError, KeyError, TypeError):
            raise ValueError("not a checkpoint") from None
        if type(found.seq) is not int or not all(
            type(each) is str for each in (found.head, found.root, found.at, found.previous)
        ):
            raise ValueError("not a checkpoint")
        return found

    @property
    def hash(self) -> str:
        """SHA-256 of the body, by which the next checkpoint names this one."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @property
    def made_at(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.at)

    @property
    def is_signed(self) -> bool:
        """Whether it claims to be signed."""
        return self.key_id is not None or self.signature is not None

    def flaw(self, keys: Mapping[str, PublicKey]) -> str | None:
        """Return what is wrong with its signature; None where it holds, or there is none."""
        if not self.is_signed:
            return None
        if self.key_id is None or self.signature is None:
            return "is half signed"
        key = keys.get(self.key_id)
        if key is None:
            return f"is signed with a key that settings do not name ({self.key_id:.32})"
        if not key.has_signed(self.body, self.signature):
            return "does not bear the signature of its key"
        return None


def newest(connection: Connection) -> Checkpoint | None:
    """Return the newest checkpoint, or None before the first.

    Raises:
        RecordBroken: what is stored is none.
    """
    row = _NEWEST.row(connection, {})
    if row is None:
        return None
    seq, body, signature = row
    try:
        found = Checkpoint.read(body, signature)
    except (ValueError, TypeError):
        raise RecordBroken("checkpoint", f"checkpoint {seq} is none") from None
    if found.seq != seq:
        raise RecordBroken("checkpoint", f"checkpoint {seq} is one of entry {found.seq}")
    return found


def following(connection: Connection, seq: int, *, most: int) -> list[tuple[int, str, str | None]]:
    """Return up to ``most`` stored checkpoints after entry ``seq``: number, body, signature."""
    rows = connection.execute(
        select(checkpoint.c.seq, checkpoint.c.body, checkpoint.c.signature)
        .where(checkpoint.c.seq > seq)
        .order_by(checkpoint.c.seq)
        .limit(most)
    )
    return [(row.seq, row.body, row.signature) for row in rows]


@dataclass(frozen=True, slots=True)
class Growth:
    """What there is to be signed: the record as it is, checked from the last checkpoint on.

    Attributes:
        last: The checkpoint it goes on from.
        nodes: Subtrees to be kept.
    """

    last: Checkpoint | None
    seq: int
    head: str
    root: str
    nodes: Sequence[tuple[int, int, bytes]]

    @property
    def is_new(self) -> bool:
        """Whether there is anything that the last checkpoint does not cover."""
        return self.seq > (self.last.seq if self.last else 0)


def grown(connection: Connection, keys: Mapping[str, PublicKey]) -> Growth:
    """Check what was appended since the last checkpoint, and that this one still holds.

    Only reads, so that it can be done beside the writer.

    Raises:
        RecordBroken: the record is not what the last checkpoint says, or its chain is broken.
    """
    last = newest(connection)
    seq, previous = (last.seq, last.head) if last else (0, audit.GENESIS)
    if last is not None:
        _check(connection, last, keys)
    start = seq
    for number, found, flaw, _ in audit.walk(connection, seq, previous):
        if flaw:
            raise RecordBroken("chain", f"entry {number} {flaw}")
        seq, previous = number, found
    tree = Tree(connection, seq)
    root = tree.root().hex()
    return Growth(last, seq, previous, root, tuple(tree.grown_since(start)))


def _check(connection: Connection, last: Checkpoint, keys: Mapping[str, PublicKey]) -> None:
    if keys and (flaw := last.flaw(keys)):
        raise RecordBroken("checkpoint", f"checkpoint {last.seq} {flaw}")
    if audit.hash_of(connection, last.seq) != last.head:
        raise RecordBroken("checkpoint", f"entry {last.seq} is not what checkpoint {last.seq} says")
    if Tree(connection, last.seq).root().hex() != last.root:
        raise RecordBroken(
            "checkpoint", f"an entry before {last.seq} is not what checkpoint {last.seq} says"
        )


def store(
    connection: Connection, growth: Growth, key: RecordKey | None, now: datetime
) -> Checkpoint:
    """Sign and store a checkpoint; where another made one meanwhile, that one is returned."""
    present = newest(connection)
    if not growth.is_new or (present is not None and present != growth.last):
        assert present is not None
        return present
    body = canonical.dumps(
        {
            "purpose": PURPOSE,
            "seq": growth.seq,
            "head": growth.head,
            "root": growth.root,
            "at": audit.told({"at": now})["at"],
            "previous": growth.last.hash if growth.last else FIRST,
            "key": key.public.id if key else None,
        }
    ).decode()
    made = Checkpoint.read(body, key.sign(body) if key else None)
    connection.execute(
        insert(checkpoint).values(seq=made.seq, body=made.body, signature=made.signature)
    )
    if growth.nodes:
        connection.execute(
            insert(record_node),
            [
                {"level": level, "position": position, "hash": found.hex()}
                for level, position, found in growth.nodes
            ],
        )
    return made


def make_checkpoint(
    connection: Connection,
    key: RecordKey | None,
    now: datetime,
    *,
    former: Mapping[str, PublicKey] | None = None,
) -> Checkpoint | None:
    """Make a checkpoint of everything there is, in one transaction; None of an empty record.

    Args:
        former: Keys that signed earlier ones.

    Raises:
        RecordBroken: there is something that must not be signed.
    """
    keys = {**(former or {}), **({key.public.id: key.public} if key else {})}
    growth = grown(connection, keys)
    return store(connection, growth, key, now) if growth.seq else None


def walk(connection: Connection) -> Iterator[tuple[int, str, str | None]]:
    """Return every stored checkpoint, in order: number, body, signature."""
    seq = -1
    while rows := following(connection, seq, most=500):
        yield from rows
        seq = rows[-1][0]
