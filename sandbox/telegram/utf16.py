"""Text as Telegram counts it: in UTF-16 code units."""

from __future__ import annotations


def units(text: str) -> int:
    """Return the length of ``text`` in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def part(text: str, offset: int, length: int) -> str:
    """Return ``length`` units of ``text`` from ``offset``."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    return encoded[offset * 2 : (offset + length) * 2].decode("utf-16-le", "replace")
