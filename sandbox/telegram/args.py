"""The arguments of a call, whichever way they came.

Source: Bot API, "Making requests": query string, form, JSON body or multipart form; anything that
is not text may come as JSON inside a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.telegram.model import Json, bad_request

_ATTACHED = "attach://"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a call."""

    name: str
    mime: str
    content: bytes


class Args:
    """The arguments of a call."""

    def __init__(
        self, values: Mapping[str, Any], files: Mapping[str, Upload] | None = None
    ) -> None:
        self._values = {key: value for key, value in values.items() if value is not None}
        self._files = dict(files or {})

    def text(self, key: str) -> str:
        """Return a text argument; empty where it is missing."""
        value = self._values.get(key)
        return "" if value is None else str(value)

    def value(self, key: str) -> Any:
        """Return an argument that may be JSON; None where it is missing or empty."""
        value = self._values.get(key)
        if not isinstance(value, str):
            return value
        return _decoded(value) if value else None

    def flag(self, key: str) -> bool:
        """Whether an argument is true."""
        value = self._values.get(key)
        return value is True or str(value).lower() in ("true", "1", "yes")

    def number(self, key: str, default: int = 0) -> int:
        """Return a whole number; what is not one counts as missing, as with Telegram."""
        try:
            return int(str(self._values.get(key, default)))
        except ValueError:
            return default

    def object(self, key: str, name: str) -> Json:
        """Return a JSON object; empty where it is missing.

        Raises:
            ApiError: it is something else.
        """
        value = self.value(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise bad_request(f"can't parse {name} JSON object")
        return value

    def has(self, key: str) -> bool:
        """Whether an argument was given at all."""
        return key in self._values or key in self._files

    def upload(self, reference: str) -> Upload | None:
        """Return a file by the name of its field, or by ``attach://`` and that."""
        return self._files.get(reference.removeprefix(_ATTACHED))

    def shown(self) -> Json:
        """Return everything, for the log: JSON decoded, files by name and size."""
        values = {
            key: _decoded(value) if isinstance(value, str) and value[:1] in ("{", "[") else value
            for key, value in self._values.items()
        }
        for key, upload in self._files.items():
            values[key] = {"name": upload.name, "size": len(upload.content)}
        return values


async def read_args(request: web.Request) -> Args:
    """Return the arguments of a request."""
    values: Json = dict(request.query)
    files: dict[str, Upload] = {}
    if request.content_type == "application/json":
        body = _decoded((await request.read()).decode("utf-8", "replace"))
        values |= body if isinstance(body, dict) else {}
    elif request.content_type == "application/x-www-form-urlencoded":
        text = (await request.read()).decode("utf-8", "replace")
        values |= dict(parse_qsl(text, keep_blank_values=True))
    elif request.content_type == "multipart/form-data":
        for key, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[key] = Upload(value.filename, value.content_type, value.file.read())
            else:
                values[key] = value
    return Args(values, files)


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
