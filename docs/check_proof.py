"""Check a proof that `countersign audit prove` made, knowing nothing else of the record.

    python check_proof.py PROOF.json PUBLIC_KEY [SEQ:HASH]

PUBLIC_KEY is what `countersign audit key` prints; SEQ:HASH stands in a digest. Have both from the
company or its chat, not from whoever hands you the proof. Needs `cryptography`.
"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def _sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def climb(first, last, path, old, new):
    """Follow a path to the roots of a tree and of a later one (RFC 9162, 2.1.3.2 and 2.1.4.2)."""
    for step in map(bytes.fromhex, path):
        if first & 1 or first == last:
            old, new = _sha256(b"\1", step, old), _sha256(b"\1", step, new)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            new = _sha256(b"\1", new, step)
        first, last = first >> 1, last >> 1 if last else -1
    return (old, new) if last == 0 else (None, None)


with open(sys.argv[1], encoding="utf-8") as file:
    proof = json.load(file)
body, signature = proof["checkpoint"]["body"], proof["checkpoint"]["signature"]
key = Ed25519PublicKey.from_public_bytes(base64.b64decode(sys.argv[2]))
key.verify(base64.b64decode(signature), body.encode())  # raises where it is not the key's
signed = json.loads(body)
size, root = signed["seq"], bytes.fromhex(signed["root"])
if signed["purpose"] != "countersign record checkpoint 1":
    sys.exit("NOT PROVED: what was signed is no checkpoint")
for seq, published in (head.split(":") for head in sys.argv[3:]):
    shown = next(each for each in proof["heads"] if each["seq"] == int(seq))
    if len(published) < 16 or not shown["root"].startswith(published.lower()):
        sys.exit(f"NOT PROVED: another hash than {published} is shown for {seq}")
    old, path = bytes.fromhex(shown["root"]), shown["path"]
    first, last = (int(seq) - 1, size - 1) if int(seq) < size else (0, 0)
    while first & 1:
        first, last = first >> 1, last >> 1
    start, path = (bytes.fromhex(path[0]), path[1:]) if first else (old, path)
    if climb(first, last, path, start, start) != (old, root):
        sys.exit(f"NOT PROVED: the signed record did not grow from {seq}:{published}")
for entry in proof["entries"]:
    leaf = _sha256(b"\0", _sha256(f"{entry['previous_hash']}\n{entry['body']}".encode()))
    found = climb(entry["seq"] - 1, size - 1, entry["path"], leaf, leaf)[1]
    if found != root or json.loads(entry["body"])["seq"] != entry["seq"]:
        sys.exit(f"NOT PROVED: entry {entry['seq']} is not in the signed record")
    print(entry["body"])
print(f"PROVED: {len(proof['entries'])} entries, in the record of {size} as of {signed['at']}")
