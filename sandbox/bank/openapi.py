"""Holds requests and answers against the framework's own OpenAPI file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from openapi_core.datatypes import RequestParameters


@dataclass
class _Request:
    """A request as openapi-core wants to see one."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass
class _Response:
    """An answer as openapi-core wants to see one."""

    status_code: int
    content_type: str
    headers: Mapping[str, Any]
    data: bytes | None


class Specification:
    """The framework's OpenAPI file, parsed once per process: see `specification`."""

    def __init__(self, path: Path) -> None:
        # Only tests have openapi-core, and only who names a file needs it.
        from openapi_core import OpenAPI  # noqa: PLC0415

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document = yaml.load(path.read_text("utf-8"), Loader=loader)
        document["servers"] = [{"url": "http://bank.test"}]
        self._api = OpenAPI.from_dict(document)

    def faults_of_request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> list[str]:
        """Return what is wrong with a request."""
        request = self._request(method, path, query, headers, body)
        try:
            return [_words(each) for each in self._api.iter_request_errors(request)]
        except RecursionError:
            return ["the body is nested too deeply"]

    def faults_of_answer(
        self,
        method: str,
        path: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
    ) -> list[str]:
        """Return what is wrong with an answer."""
        request = self._request(method, path, {}, {}, b"")
        from werkzeug.datastructures import Headers  # noqa: PLC0415

        content_type = headers.get("content-type", "application/json")
        named: Any = Headers(dict(headers))  # a mapping by names in any case
        response = _Response(status, content_type, named, body or None)
        return [_words(each) for each in self._api.iter_response_errors(request, response)]

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> _Request:
        from openapi_core.datatypes import RequestParameters  # noqa: PLC0415
        from werkzeug.datastructures import Headers, ImmutableMultiDict  # noqa: PLC0415

        return _Request(
            "http://bank.test",
            path,
            method.lower(),
            RequestParameters(
                query=ImmutableMultiDict(dict(query)), header=Headers(dict(headers)), cookie={}
            ),
            headers.get("content-type", "application/json"),
            body or None,
        )


@cache
def specification(path: Path) -> Specification:
    """Return the parsed file; parsing takes seconds, so it happens once."""
    return Specification(path)


def _words(error: BaseException) -> str:
    cause: BaseException | None = error
    words = []
    while cause is not None:
        words.append(f"{type(cause).__name__}: {str(cause)[:300]}")
        errors = getattr(cause, "schema_errors", None)
        if errors:
            words += [str(each.message)[:300] for each in errors]
        cause = cause.__cause__
    return " <- ".join(words)
