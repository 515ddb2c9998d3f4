"""The wire of NextGenPSD2: headers, signatures, and whether an answer is one to our question."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from connectors.api.berlin_group_messages import (
    AnyMessage,
    Asking,
    failure,
    is_json,
    read,
)
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.base import ConnectorError, Misconfigured, Untrusted
from connectors.http import HttpClient, HttpResponse, Sleep
from connectors.signing import RequestSigner, ResponseVerifier, SigningError

Now = Callable[[], datetime]

_EVIDENCE = (
    "content-type",
    "date",
    "x-request-id",
    "digest",
    "signature",
    "tpp-signature-certificate",
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and the bank's answer to it, which proved to be one."""

    method: str
    path: str
    response: HttpResponse

    def evidence(self) -> dict[str, Any]:
        """Return the answer word for word, with the headers that prove whose it is.

        Raises:
            UnicodeDecodeError: The body is not UTF-8, as JSON has to be.
        """
        headers = self.response.headers
        return {
            "method": self.method,
            "path": self.path,
            "status": self.response.status,
            "headers": {name: headers[name] for name in _EVIDENCE if name in headers},
            "body": self.response.content.decode("utf-8"),
        }


class Wire:
    """Asks one bank; raises what an unexpected answer means.

    Args:
        name: The connection's name in settings.
        settings: Of the connection.
        now: Aware UTC time.
        sleep: Waits between attempts to read, in seconds.

    Raises:
        Misconfigured: A certificate or key cannot be used.
    """

    def __init__(
        self, name: str, settings: BerlinGroupSettings, now: Now, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._name = name
        self._settings = settings
        self._now = now
        self._base_path = urlsplit(settings.url).path
        self._http = HttpClient(name, settings, sleep)
        self._signer, self._verifier = _signing(name, settings)

    async def ask(
        self,
        asking: Asking,
        method: str,
        path: str,
        *,
        expect: tuple[int, ...] = (200,),
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> Exchange:
        """Send one request and return its answer, which has one of the statuses in ``expect``.

        Args:
            asking: What the call is for.
            method: HTTP method.
            path: Path and query below the settings' ``url``.
            expect: Statuses that mean success.
            body: Sent as JSON.
            headers: Further headers.
            request_id: ``X-Request-ID``; a fresh one unless given.

        Raises:
            ConnectorError: Any but `Unsupported`; see `failure`.
        """
        request_id = request_id or str(uuid.uuid4())
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        response = await self._http.call(
            method,
            path,
            headers=self._headers(request_id, content, headers or {}),
            content=content,
            acts=asking.acts,
        )
        response = self._checked(asking, request_id, response)
        if response.status not in expect:
            raise self._without_secrets(failure(self._name, asking, response, self._now()))
        return Exchange(method, path, response)

    def read(self, shape: type[AnyMessage], exchange: Exchange) -> AnyMessage:
        """Read the body of an answer as ``shape``.

        Raises:
            Untrusted: ``answer.malformed`` or ``answer.content_type``.
        """
        if not is_json(exchange.response):
            raise Untrusted(self._name, "answer.content_type")
        return read(shape, self._name, exchange.response.content)

    def path_of(self, current: str, href: str) -> str:
        """Return the path below ``url`` that a link in the answer from ``current`` points to.

        Links "can be relative or full links" (``_linksAll``); one that leaves the bank's address
        is not followed, as our credentials would go with the request.

        Raises:
            Untrusted: ``answer.foreign_link``.
        """
        base = self._settings.url
        if href.startswith("/") and not href.startswith((self._base_path + "/", "//")):
            href = self._base_path + href
        try:
            target, home = urlsplit(urljoin(base + current, href)), urlsplit(base)
            same = (target.scheme, target.hostname, target.port) == (
                home.scheme,
                home.hostname,
                home.port,
            )
        except ValueError:
            same = False
        if not same or not target.path.startswith(self._base_path + "/") or ".." in target.path:
            raise Untrusted(self._name, "answer.foreign_link")
        path = target.path.removeprefix(self._base_path)
        return f"{path}?{target.query}" if target.query else path

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    def _headers(self, request_id: str, content: bytes, more: Mapping[str, str]) -> dict[str, str]:
        settings = self._settings
        headers = {"X-Request-ID": request_id, "Accept": "application/json", **more}
        if content:
            headers["Content-Type"] = "application/json"
        if settings.psu_id:
            headers["PSU-ID"] = settings.psu_id
        if settings.psu_corporate_id:
            headers["PSU-Corporate-ID"] = settings.psu_corporate_id
        if settings.access_token:
            headers["Authorization"] = f"Bearer {settings.access_token.get_secret_value()}"
        if self._signer:
            headers |= self._signer.headers(headers, content, self._now())
        return headers

    def _checked(self, asking: Asking, request_id: str, response: HttpResponse) -> HttpResponse:
        """Return an answer if it is provably one to our question.

        ``X-Request-ID`` is mandatory in every answer. Where nothing acted, its absence is
        forgiven. A proxy on the way may say of itself that it failed (408, 5xx) or is busy (429):
        without a proof of whose words it carries, such an answer is taken for its status alone.
        """
        status, echo = response.status, response.headers.get("x-request-id")
        has_failed = status == 408 or status >= 500
        if echo is None and asking.acts and not (has_failed or status == 429):
            raise Untrusted(self._name, "answer.request_id", f"HTTP {status}")
        if echo is not None and echo.strip().lower() != request_id.lower():
            raise Untrusted(self._name, "answer.request_id")
        if self._verifier:
            try:
                self._verifier.verify(response.headers, response.content, self._now())
            except SigningError as error:
                if has_failed:
                    return HttpResponse(status, {}, b"")
                raise Untrusted(self._name, error.code, f"HTTP {status}") from None
        return response

    def _without_secrets(self, error: ConnectorError) -> ConnectorError:
        """Take our token out of the bank's words, should it have repeated it."""
        token = self._settings.access_token
        if token is not None:
            error.detail = error.detail.replace(token.get_secret_value(), "***")
        return error


def _signing(
    name: str, settings: BerlinGroupSettings
) -> tuple[RequestSigner | None, ResponseVerifier | None]:
    signer = verifier = None
    try:
        certificate, key = settings.signing_certificate_file, settings.signing_key_file
        if settings.sign_requests and certificate and key:
            password = settings.signing_key_password
            signer = RequestSigner.load(
                certificate, key, None if password is None else password.get_secret_value()
            )
        if settings.verify_responses and settings.trusted_certificate_file:
            verifier = ResponseVerifier.load(settings.trusted_certificate_file)
    except SigningError as error:
        raise Misconfigured(name, error.code, error.detail) from None
    return signer, verifier
