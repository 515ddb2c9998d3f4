"""Proofs for outsiders: that an order's entries are in the record, without the rest of it.

A proof holds the order's own entries, and for each the hashes on its way to the root that a
checkpoint signs; and, where a head was published, that the signed tree only grew from it. Hashes
tell nothing of other entries. `docs/check_proof.py` checks one without this program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from workflows.record import checkpoints, merkle
from workflows.record.checkpoints import Checkpoint, PublicKey
from workflows.record.tree import Tree
from workflows.record.verification import Head
from workflows.refusal import Refusal
from workflows.tables import audit_entry

FORMAT = "countersign proof 1"


def prove(connection: Connection, subject: str, heads: Iterable[Head] = ()) -> dict[str, Any]:
    """Return a proof of everything that the newest checkpoint covers about ``subject``, as JSON.

    Args:
        heads: Published ones that the proof must be checkable against, none of them newer.

    Raises:
        Refusal: ``proof.none`` where nothing is covered, ``proof.newer`` for a head that is not.
        RecordBroken: an entry is missing.
    """
    covering = checkpoints.newest(connection)
    size = covering.seq if covering else 0
    rows = connection.execute(
        select(audit_entry)
        .where(audit_entry.c.subject == subject, audit_entry.c.seq <= size)
        .order_by(audit_entry.c.seq)
    ).all()
    if covering is None or not rows:
        raise Refusal("proof.none", subject=subject[:64])
    heads = list(heads)
    if newer := [each for each in heads if each.seq > size]:
        raise Refusal("proof.newer", seq=newer[0].seq, newest=size)
    tree = Tree(connection, size)
    return {
        "format": FORMAT,
        "subject": subject,
        "checkpoint": {"body": covering.body, "signature": covering.signature},
        "entries": [
            {
                "seq": row.seq,
                "previous_hash": row.previous_hash,
                "body": row.body,
                "path": _hex(merkle.inclusion(tree.node, row.seq - 1, size)),
            }
            for row in rows
        ],
        "heads": [
            {
                "seq": each.seq,
                "root": merkle.root(tree.node, each.seq).hex(),
                "path": _hex(merkle.consistency(tree.node, each.seq, size)),
            }
            for each in sorted(heads, key=lambda each: each.seq)
        ],
    }


def flaw(proof: Mapping[str, Any], key: PublicKey | None, heads: Iterable[Head] = ()) -> str | None:
    """Return why a proof proves nothing, or None where it holds.

    Args:
        key: Whose signature the checkpoint must bear; None to rely on ``heads`` alone.
        heads: Published Merkle roots that must be among those the proof goes on from.
    """
    try:
        said = proof["checkpoint"]
        covering = Checkpoint.read(said["body"], said["signature"])
        root = bytes.fromhex(covering.root)
        if key is not None and (covering.key_id != key.id or covering.flaw({key.id: key})):
            return "the checkpoint does not bear the signature of this key"
        for each in proof["entries"]:
            if not _is_in(each, covering.seq, root):
                return f"entry {each['seq']} is not in the record that was signed"
        for head in heads:
            if not any(_grew_from(each, head, covering.seq, root) for each in proof["heads"]):
                return f"the record that was signed did not grow from {head}"
    except (KeyError, TypeError, ValueError):
        return "it is not a proof"
    return None if proof["entries"] else "it proves nothing"


def _is_in(entry: Mapping[str, Any], size: int, root: bytes) -> bool:
    own = hashlib.sha256(f"{entry['previous_hash']}\n{entry['body']}".encode()).digest()
    path = [bytes.fromhex(each) for each in entry["path"]]
    return merkle.is_included(merkle.leaf_hash(own), entry["seq"] - 1, size, path, root)


def _grew_from(shown: Mapping[str, Any], head: Head, size: int, root: bytes) -> bool:
    if shown["seq"] != head.seq or not str(shown["root"]).startswith(head.hash):
        return False
    path = [bytes.fromhex(each) for each in shown["path"]]
    return merkle.is_consistent(head.seq, size, bytes.fromhex(shown["root"]), root, path)


def _hex(path: Iterable[bytes]) -> list[str]:
    return [each.hex() for each in path]
