"""What is checked of a file that is attached to a payment, such as its invoice.

Only the bytes are believed, neither the name nor what the sender declares. The look into a PDF is
a plain one: it finds actions and files as programs write them and refuses what it cannot look
into, but proves nothing about what a careless viewer makes of the rest.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from dataclasses import dataclass, field

from workflows.refusal import Refusal

LARGEST = 5 * 1024 * 1024
LONGEST_NAME = 120

_TYPES = {
    "application/pdf": (re.compile(rb"%PDF-[0-9]\.[0-9]"), ("pdf",)),
    "image/png": (re.compile(rb"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ("png",)),
    "image/jpeg": (re.compile(rb"\xff\xd8\xff"), ("jpg", "jpeg")),
}
"""How each type begins, and how names of it end, the usual way first."""
_SUFFIXES = frozenset(suffix for _, suffixes in _TYPES.values() for suffix in suffixes)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that may be attached.

    Attributes:
        media_type: What it is, by its bytes.
        sha256: Of the content, hexadecimal.
    """

    name: str
    media_type: str
    size: int
    sha256: str
    content: bytes = field(repr=False)


def checked(name: str, content: bytes, declared: str) -> Attachment:
    """Check a file that a person sent.

    Args:
        declared: The media type that the chat tells; it decides nothing.

    Raises:
        Refusal: ``attachment.empty``, ``attachment.too_large``, ``attachment.type``,
            ``attachment.active`` or ``attachment.name``.
    """
    if not content:
        raise Refusal("attachment.empty", field="invoice")
    if len(content) > LARGEST:
        raise Refusal("attachment.too_large", field="invoice", longest=LARGEST // 1024**2)
    media_type = _type_of(content)
    if media_type is None:
        raise Refusal("attachment.type", field="invoice", declared=declared[:40])
    if media_type == "application/pdf" and _is_active(content):
        raise Refusal("attachment.active", field="invoice")
    name = clean_name(name, _TYPES[media_type][1])
    digest = hashlib.sha256(content).hexdigest()
    return Attachment(name, media_type, len(content), digest, content)


def clean_name(name: str, suffixes: tuple[str, ...]) -> str:
    """Return the name of a file without folders and invisible characters.

    Args:
        suffixes: How it may end; a name that ends otherwise gets the first.

    Raises:
        Refusal: ``attachment.name``: nothing readable is left.
    """
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    shown = "".join(
        character
        for character in last
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    stem, _, suffix = " ".join(shown.split()).rpartition(".")
    end = suffix.lower() if suffix.lower() in suffixes else suffixes[0]
    if suffix.lower() not in (*suffixes, *_SUFFIXES):
        stem = f"{stem}.{suffix}"
    stem = stem.strip(" .")[: LONGEST_NAME - len(end) - 1].rstrip(" .")
    if not any(map(str.isalnum, stem)):
        raise Refusal("attachment.name", field="invoice")
    return f"{stem}.{end}"


def _type_of(content: bytes) -> str | None:
    found = (each for each, (begins, _) in _TYPES.items() if begins.match(content))
    return next(found, None)


# ---- what a PDF could do -----------------------------------------------------------------------

_LARGEST_UNPACKED = 20 * 1024 * 1024
_LARGEST_STREAM = 1024 * 1024
_MOST_STREAMS = 1000
_LONGEST_DICTIONARY = 64 * 1024


def _spelled(name: str) -> bytes:
    """Return a pattern for a name; any character of it may be a number (ISO 32000-1, 7.3.5)."""
    return b"/" + b"".join(b"(?:%c|#(?i:%02x))" % (ord(each), ord(each)) for each in name)


_ACTIVE = re.compile(
    b"(?:"
    + b"|".join(map(_spelled, ("JavaScript", "Launch", "SubmitForm", "GoToE")))
    # So few characters come about by chance in a picture: what must follow them is asked as well.
    + rb")(?![A-Za-z0-9])|(?:"
    + b"|".join(map(_spelled, ("JS", "XFA")))
    + rb")[\0\t\n\f\r ]*(?:[(<\[]|%[^\r\n]*[\r\n]|[0-9]+\s+[0-9]+\s+R)"
)
_PACKED = re.compile(_spelled("ObjStm") + rb"(?![A-Za-z0-9])")
_OUTSIDE = re.compile(rb"[()]|<<|>>|<[^<>]*>|%[^\r\n]*")
_INSIDE = re.compile(rb"\\.|[()]", re.DOTALL)
_DATA = re.compile(rb"(?:[\0\t\n\f\r ]|%[^\r\n]*[\r\n])*stream(\r?\n)?")


def _is_active(content: bytes) -> bool:
    """Whether a PDF runs something, or could in what cannot be read.

    Files inside are no reason: electronic invoices (Factur-X, ZUGFeRD) carry their data so.
    """
    if _ACTIVE.search(content):
        return True
    left = _LARGEST_UNPACKED
    for count, found in enumerate(_PACKED.finditer(content)):
        if count >= _MOST_STREAMS or left <= 0:
            return True
        closed = _end_of_dictionary(content, found.end())
        if closed is None:
            return True
        data = _DATA.match(content, closed)
        if data is None:  # only named here
            continue
        if not data[1]:  # readers differ in where they take the data to begin
            return True
        end = content.find(b"endstream", data.end(), data.end() + _LARGEST_STREAM)
        if end < 0:
            return True
        unpacking = zlib.decompressobj()
        try:
            objects = unpacking.decompress(content[data.end() : end], left)
        except zlib.error:  # encrypted, or packed in a way that invoices are not
            return True
        # Not all of it seen: too large, or the end looked for is part of the data itself.
        if not unpacking.eof or _ACTIVE.search(objects):
            return True
        left -= len(objects)
    return False


def _end_of_dictionary(content: bytes, start: int) -> int | None:
    """Return where the dictionary ends that ``start`` is in; None where that cannot be told.

    What stands in texts and comments is no end: a reader of the file does not take it for one.
    """
    depth, texts, place = 1, 0, start
    last = start + _LONGEST_DICTIONARY
    while found := (_INSIDE if texts else _OUTSIDE).search(content, place, last):
        token, place = found[0], found.end()
        texts += (token == b"(") - (token == b")")
        depth += (token == b"<<") - (token == b">>")
        if texts < 0:
            return None
        if depth == 0:
            return place
    return None
