"""Names that look like others, by whatever letters they are written: pure.

Two names look alike when their skeletons are equal or nearly so. A skeleton (after Unicode
Technical Standard 39, section 4) is what is left of a name once letters that are drawn alike are
one letter; here marks, punctuation, case, word order and legal forms are left out as well, because
the question is whom people take a name for, not whether two names are the same text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

LOOKALIKE = "payee_lookalike"
ACCOUNT_REUSED = "payee_account_reused"
MIXED_SCRIPT = "payee_mixed_script"
CODES = frozenset({LOOKALIKE, ACCOUNT_REUSED, MIXED_SCRIPT})

CONFUSABLES: Mapping[str, str] = {
    # Cyrillic.
    **dict(zip("аәвгеёзіїјкмнорстуѵхһѕԁԛԝпьи", "aabreeeiijkmhopctyvxhsdqwnbu", strict=True)),
    **dict(zip("АВЕЁЗІЇЈКМНОРСТУѴХҺЅԀԚԜ", "abeeeiijkmhopctyvxhsdqw", strict=True)),
    # Greek, of which the small letters are drawn like others than the capitals are.
    **dict(zip("αβγεζηικμνορσςτυχωϲ", "abyeznikuvopoctuxwc", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "abezhikmnoptyxc", strict=True)),
    # Latin letters of another shape, from which no mark is split off.
    **dict(zip("ıȷłøđħŧƒɑɡɩɪʏɴʀʟʙʜᴀᴄᴅᴇ", "ijlodhtfagiiynrlbhacde", strict=True)),
    **dict(zip("ᴋᴍᴏᴘᴛᴜᴠᴡᴢŁØĐĦŦ", "kmoptuvwzlodht", strict=True)),
    # Armenian letters that are met in such names.
    **dict(zip("օսհոցզյ", "ouhngqj", strict=True)),
    "æ": "ae",
    "œ": "oe",
    # What stands for a letter in a hurry: G00gle, lnternational.
    "0": "o",
    "1": "l",
    "|": "l",
    "i": "l",
    "I": "l",
    "3": "e",
    "5": "s",
}
"""Characters, and the Latin letters for which people take them."""

_PAIRS = (("rn", "m"), ("vv", "w"))
_LEGAL_FORMS = re.findall(
    "[a-z]+",
    """ab ag aps as asa bhd bv bvba co cokg company corp corporation eg ek ev gbr gmbh holding inc
    incorporated kft kg kgaa limited llc llp lp ltd mbh nv ohg oy oyj plc pte pty sa sarl sas se sl
    sp spa srl sro ug zoo""",
)
_JOINTS = ["and", "et", "og", "och", "und"]
_LEGAL_SUFFIXES = ("股份有限公司", "有限责任公司", "有限公司", "株式会社", "주식회사")
_SHORTEST_NEAR, _SHORT = 4, 8
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Scripts that are rightly written together (UTS 39, section 5.2, "highly restrictive")."""


@dataclass(frozen=True, slots=True)
class Caution:
    """Something about a payee's name or account that people have to look at.

    Attributes:
        code: `LOOKALIKE`, `ACCOUNT_REUSED`, `MIXED_SCRIPT`, or another of whoever else warns.
        params: For its sentence.
    """

    code: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """A payee that others are held against."""

    name: str
    iban: str
    is_trusted: bool


def cautions(name: str, iban: str, known: Iterable[Known], *, most: int = 5) -> tuple[Caution, ...]:
    """Return what approvers must look at before ``iban`` is paid under ``name``.

    Args:
        known: Everybody else in the register.
    """
    found = [Caution(MIXED_SCRIPT)] if is_mixed_script(name) else []
    for each in known:
        is_same_account = each.iban == iban
        if is_same_account and _plain(each.name) != _plain(name):
            found.append(Caution(ACCOUNT_REUSED, {"name": each.name}))
        elif each.is_trusted and not is_same_account and look_alike(name, each.name):
            found.append(Caution(LOOKALIKE, {"name": each.name}))
    return tuple(found[:most])


def look_alike(one: str, other: str) -> bool:
    """Whether people would take one name for the other; a name looks like itself."""
    first, second = _words(one), _words(other)
    bare = ("".join(first), "".join(second))
    drawn = (_paired(bare[0]), _paired(bare[1]))
    if drawn[0] == drawn[1] or sorted(first) == sorted(second):
        return True
    return any(_are_near(*each) for each in (bare, drawn))


def skeleton(name: str) -> str:
    """Return what is left of a name once all that looks alike is the same."""
    return _paired("".join(_words(name)))


@lru_cache(maxsize=8192)
def _words(name: str) -> tuple[str, ...]:
    folded = _without_suffix(_folded(name))
    words = [each for each in folded.split() if each not in _FOLDED_JOINTS]
    joined = _joined_initials(words or folded.split())
    while len(joined) > 1 and joined[-1] in _FORMS:
        joined.pop()
    return tuple(joined)


def _without_suffix(folded: str) -> str:
    """Leave out legal forms that are written without a space before them."""
    while cut := next((s for s in _SUFFIXES if folded.endswith(s) and folded != s), ""):
        folded = folded.removesuffix(cut).rstrip()
    return folded


def _joined_initials(words: list[str]) -> list[str]:
    """Return words with single letters in a row as one word: S. A. R. L. is SARL."""
    found: list[str] = []
    is_initial = False
    for word in words:
        if len(word) == 1 and is_initial:
            found[-1] += word
        else:
            found.append(word)
        is_initial = len(word) == 1
    return found


def _folded(text: str) -> str:
    """Return words of letters and digits in which each is one that stands for all like it."""
    before = None
    while text != before:
        before = text
        drawn = "".join(CONFUSABLES.get(c, c) for c in text)
        split = unicodedata.normalize("NFKD", drawn)
        text = "".join(c for c in split if not unicodedata.category(c).startswith("M"))
        text = "".join(CONFUSABLES.get(c, c) for c in text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in text).split())


def _paired(text: str) -> str:
    before = None
    while text != before:
        before = text
        for pair, letter in _PAIRS:
            text = text.replace(pair, letter)
    return text


def is_mixed_script(name: str) -> bool:
    """Whether a name mixes scripts that are not written together, such as Latin and Cyrillic."""
    scripts = {
        unicodedata.name(c, "").partition(" ")[0]
        for c in unicodedata.normalize("NFKC", name)
        if c.isalpha()
    }
    return len(scripts) > 1 and not any(scripts <= each for each in _TOGETHER)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _are_near(a: str, b: str) -> bool:
    shorter = min(len(a), len(b))
    if shorter < _SHORTEST_NEAR:
        return False
    return _is_within(a, b, 1 if shorter < _SHORT else 2)


def _is_within(a: str, b: str, most: int) -> bool:
    """Whether at most ``most`` letters were added, left out, changed or swapped with the next.

    Optimal string alignment, along the diagonal alone: the rest is farther away anyhow.
    """
    if abs(len(a) - len(b)) > most:
        return False
    far = most + 1
    older: dict[int, int] = {}
    before = {j: j for j in range(min(len(b), most) + 1)}
    for i in range(1, len(a) + 1):
        row: dict[int, int] = {}
        for j in range(max(0, i - most), min(len(b), i + most) + 1):
            if j == 0:
                row[0] = i
                continue
            cost = a[i - 1] != b[j - 1]
            best = min(
                before.get(j, far) + 1, row.get(j - 1, far) + 1, before.get(j - 1, far) + cost
            )
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                best = min(best, older.get(j - 2, far) + 1)
            row[j] = best
        if min(row.values()) > most:
            return False
        older, before = before, row
    return before[len(b)] <= most


_FORMS = frozenset(map(_folded, _LEGAL_FORMS))
_FOLDED_JOINTS = frozenset(map(_folded, _JOINTS))
_SUFFIXES = tuple(map(_folded, _LEGAL_SUFFIXES))
