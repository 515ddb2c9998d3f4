"""How wide and high a picture is: PNG, JPEG and GIF, read from their headers."""

from __future__ import annotations

_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def size_of(content: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels; None where it is not a picture."""
    if content.startswith(_PNG) and content[12:16] == b"IHDR":
        return _number(content[16:20]), _number(content[20:24])
    if content.startswith((b"GIF87a", b"GIF89a")) and len(content) >= 10:
        return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    if content.startswith(b"\xff\xd8"):
        return _jpeg(content)
    return None


def mime_of(content: bytes) -> str:
    """Return a picture's media type."""
    if content.startswith(_PNG):
        return "image/png"
    return "image/gif" if content.startswith(b"GIF8") else "image/jpeg"


def _jpeg(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], _number(content[at + 2 : at + 4])
        if marker in _FRAMES:
            return _number(content[at + 7 : at + 9]), _number(content[at + 5 : at + 7])
        at += 2 + length
    return None


def _number(part: bytes) -> int:
    return int.from_bytes(part, "big")
