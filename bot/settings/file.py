"""Reading a settings file: TOML with secrets by reference, and every mistake by its line."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

LARGEST_FILE = 1024 * 1024
ENVIRONMENT_PREFIX = "COUNTERSIGN__"

Place = tuple[str | int, ...]
"""Where a setting is: ``("people", 0, "email")``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        line: In ``file``, counted from 1; None for what is missing altogether or came from a
            variable.
        where: The setting, as ``people[0].email``.
        message: What is wrong. Never holds a secret.
        remedy: What to do about it.
    """

    file: str
    line: int | None
    where: str
    message: str
    remedy: str

    def __str__(self) -> str:
        at = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{self.where}: " if self.where else ""
        return f"{at}: {subject}{self.message}\n    {self.remedy}"


class SettingsErrors(Exception):
    """The settings cannot be used; ``problems`` has every mistake, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda each: (each.file, each.line or 0)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Raw:
    """A file as read: values with secrets resolved, and where each of them stands.

    Attributes:
        unresolved: Secrets that cannot be had; their values are empty.
    """

    path: Path
    values: dict[str, Any]
    lines: Mapping[Place, int]
    from_environment: frozenset[Place]
    unresolved: tuple[Problem, ...] = ()

    def line(self, place: Place) -> int | None:
        """Return the line of a setting, or of the nearest thing around it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.from_environment:
                return None
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return None

    def problem(self, place: Place, message: str, remedy: str) -> Problem:
        """Return a mistake about a setting."""
        return Problem(self.path.name, self.line(place), dotted(place), message, remedy)


def dotted(place: Place) -> str:
    """Return a place as people write it: ``people[0].email``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def read(path: Path, environ: Mapping[str, str]) -> Raw:
    """Read a settings file, put variables over it, and resolve its secrets.

    ``COUNTERSIGN__SLACK__API_URL`` takes the place of ``[slack] api_url``.

    Raises:
        SettingsErrors: the file cannot be read or is not TOML.
    """
    text = _text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsErrors([_syntax(path, error)]) from None
    overridden = _override(values, environ)
    raw = Raw(path, values, locate(text), frozenset(overridden))
    problems: list[Problem] = []
    resolved = _resolve(raw, (), values, environ, problems)
    assert isinstance(resolved, dict)
    return Raw(path, resolved, raw.lines, raw.from_environment, tuple(problems))


def _text(path: Path) -> str:
    def refuse(message: str, remedy: str) -> SettingsErrors:
        return SettingsErrors([Problem(path.name, None, "", message, remedy)])

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise refuse(
            f"there is no file {path}.", "Write one with `countersign init`, or name another."
        ) from None
    except OSError as error:
        raise refuse(f"it cannot be read ({error.strerror}).", "Check its permissions.") from None
    if len(content) > LARGEST_FILE:
        raise refuse("it is larger than 1 MiB.", "This is hardly a settings file.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("it is not UTF-8 text.", "Save it as UTF-8.") from None


def _syntax(path: Path, error: tomllib.TOMLDecodeError) -> Problem:
    found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
    message = re.sub(r" \(at .*\)$", "", str(error))
    return Problem(
        path.name,
        int(found.group(1)) if found else None,
        "",
        f"this is not valid TOML: {message[:200]}.",
        "Check quotes, brackets and '=' on this line and the one before.",
    )


def _override(values: dict[str, Any], environ: Mapping[str, str]) -> list[Place]:
    """Put scalar settings from variables over those of the file."""
    places: list[Place] = []
    for name, value in environ.items():
        parts = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if not name.startswith(ENVIRONMENT_PREFIX) or not all(parts):
            continue
        table = values
        for part in parts[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                break
        else:
            table[parts[-1]] = value
            places.append(tuple(parts))
    return places


def _resolve(
    raw: Raw, place: Place, value: Any, environ: Mapping[str, str], problems: list[Problem]
) -> Any:
    """Return ``value`` with ``{ env = … }`` and ``{ file = … }`` turned into secrets."""
    if isinstance(value, list):
        return [
            _resolve(raw, (*place, number), each, environ, problems)
            for number, each in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    if len(place) > 1 and set(value) in ({"env"}, {"file"}) and place[0] != "policy":
        return _secret(raw, place, value, environ, problems)
    return {
        key: _resolve(raw, (*place, key), each, environ, problems) for key, each in value.items()
    }


def _secret(
    raw: Raw,
    place: Place,
    value: Mapping[str, Any],
    environ: Mapping[str, str],
    problems: list[Problem],
) -> SecretStr:
    ((kind, name),) = value.items()
    if not isinstance(name, str) or not name:
        message, remedy = f"{kind} must be a name in quotes.", f'Write {{ {kind} = "NAME" }}.'
    elif kind == "env":
        if environ.get(name, "").strip():
            return SecretStr(environ[name].strip())
        message = f"the variable {name} is not set."
        remedy = f"Set {name} in the service's environment."
    else:
        found = _secret_file(raw.path.parent / name)
        if isinstance(found, SecretStr):
            return found
        message, remedy = found
    problems.append(raw.problem(place, message, remedy))
    return SecretStr("")


def _secret_file(path: Path) -> SecretStr | tuple[str, str]:
    try:
        mode = path.stat().st_mode
        content = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return (
            f"there is no file {path}.",
            "Write the secret into it; let only the service read it.",
        )
    except (OSError, UnicodeDecodeError):
        return f"{path} cannot be read.", "Let the service's user read it, as UTF-8 text."
    if stat.S_IMODE(mode) & 0o077:
        return f"others can read {path}.", f"Run: chmod 600 {path}"
    if not content:
        return f"{path} is empty.", "Write the secret into it."
    return SecretStr(content)


_KEY_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY_PART}(?:\s*\.\s*{_KEY_PART})*)\s*\]\]?")
_KEY = re.compile(rf"\s*({_KEY_PART}(?:\s*\.\s*{_KEY_PART})*)\s*=(.*)", re.S)


def locate(text: str) -> dict[Place, int]:
    """Return the line of every table and key that starts a line.

    Written for files that `tomllib` has accepted; what is inside an inline table or an array of
    several lines is found at the line of its key.
    """
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    value = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if value:  # inside a value of several lines
            value = _open_part(value + "\n" + line)
        elif header := _HEADER.match(line):
            table = _table(header, counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            place = (*table, *_parts(key.group(1)))
            for length in range(len(table) + 1, len(place) + 1):
                lines.setdefault(place[:length], number)
            value = _open_part(key.group(2))
    return lines


def _table(header: re.Match[str], counts: dict[Place, int]) -> Place:
    """Return the place of a ``[table]``, or of the next ``[[table]]`` of an array."""
    place: Place = ()
    parts = _parts(header.group(2))
    for position, part in enumerate(parts):
        place = (*place, part)
        is_last = position == len(parts) - 1
        if header.group(1) == "[[" and is_last:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY_PART, key))


_TOKEN = re.compile(
    r'"""(?:\\.|(?!""").)*"""|\'\'\'(?:(?!\'\'\').)*\'\'\'|"""|\'\'\'|'
    r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]',
    re.S,
)


def _open_part(value: str) -> str:
    """Return ``value`` if it goes on in the next line, else nothing."""
    depth = 0
    for token in _TOKEN.findall(value):
        if token in ('"""', "'''"):
            return value
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token, 0)
    return value if depth > 0 else ""
