"""Words that people type and others decide by: only what can be seen is taken."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right

from workflows.refusal import Refusal

_NAMES = frozenset({"name", "payee"})
"""Fields that name somebody, and so have at least one letter or digit."""
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me"})
"""Controls, formats, halves, private, unassigned; and marks that enclose what stands before."""
_MOST_MARKS = 2

# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt): drawn as nothing by any font
# that knows them, though many are letters or marks by category. Then two that are blank in effect:
# the Braille cell without dots, and the stand-in for an object.
_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0xFFFC, 0xFFFC),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
_STARTS = [first for first, _ in _IGNORABLE]


def clean_text(text: str, *, field: str, longest: int) -> str:
    """Return ``text`` in NFC with single spaces.

    Raises:
        Refusal: ``text.too_long``; ``text.control`` for characters that could hide or reorder
            what people read; ``text.marks`` for marks heaped upon each other, which hide what is
            beneath; or ``text.no_letters`` for a name without a letter or digit.
    """
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(text) > longest:
        raise Refusal("text.too_long", field=field, longest=longest, length=len(text))
    if any(map(is_hidden, text)):
        raise Refusal("text.control", field=field)
    if has_heaped_marks(text):
        raise Refusal("text.marks", field=field)
    if text and field in _NAMES and not any(map(str.isalnum, text)):
        raise Refusal("text.no_letters", field=field)
    return text


def is_hidden(character: str) -> bool:
    """Whether a character is not seen, or changes how others are seen."""
    if unicodedata.category(character) in _HIDDEN_CATEGORIES:
        return True
    code = ord(character)
    place = bisect_right(_STARTS, code) - 1
    return place >= 0 and code <= _IGNORABLE[place][1]


def has_heaped_marks(text: str) -> bool:
    """Whether more marks follow each other than a letter of any usual name carries."""
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character).startswith("M") else 0
        if run > _MOST_MARKS:
            return True
    return False
