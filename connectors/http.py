"""One HTTP client for all institutions: strict about the wire, exact about what is known.

The one question that matters when a call fails is whether a byte of the request may have left.
The client watches for that moment, so a failure before it is `NotSent` and a failure after it,
for a call that acts, is `Indeterminate`.

httpcore is used without HTTPX around it, whose redirects, cookies and credentials would all have to
be turned off, and cost every call a third of its time; addresses and proxies are read by HTTPX.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpcore
import httpx
from pydantic import AfterValidator, Field, FilePath, SecretStr, model_validator

from connectors.base import (
    ConnectorError,
    ConnectorSettings,
    Indeterminate,
    Misconfigured,
    NotSent,
    Untrusted,
)

Sleep = Callable[[float], Awaitable[None]]

_FIRST_PAUSE_SECONDS = 0.2
_IDLE_SECONDS = 10.0
_MOST_CONNECTIONS = 20
_DEFAULT_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
    "User-Agent": "countersign",
}
_WITH_BODY = ("POST", "PUT", "PATCH")
"""Methods of which an empty body is told too (RFC 9110 section 8.6)."""
_CERTIFICATE_ALERTS = (
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
)
"""How OpenSSL names the alerts by which a server refuses our certificate (RFC 8446 section 6.2).

In TLS 1.3 they arrive after our first bytes: the handshake fails at the server, which never
hands those bytes to the application, so the institution certainly did not act."""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a web address") from None
    if parts.scheme not in ("https", "http") or not host or not value.isascii():
        raise ValueError("must be a web address such as https://api.bank.example/psd2")
    if parts.username is not None or parts.query or parts.fragment or any(map(str.isspace, value)):
        raise ValueError("must have no user name, query, fragment or space")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("must be https, except on this very machine")
    return value.rstrip("/")


def _proxy_address(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an address such as http://proxy.example:3128")
    return value


class HttpSettings(ConnectorSettings):
    """How an institution is reached over HTTP."""

    url: Annotated[str, AfterValidator(_web_address)] = Field(
        description="Address of the institution's API, without the version: https, and http only "
        "on loopback."
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="PEM file of the authorities to trust instead of the usual public ones.",
    )
    client_certificate_file: FilePath | None = Field(
        default=None,
        description="PEM file with our certificate for mutual TLS (under PSD2 the QWAC) and its "
        "chain.",
    )
    client_key_file: FilePath | None = Field(
        default=None,
        description="PEM file with the key of client_certificate_file, unless it is in that file.",
    )
    client_key_password: SecretStr | None = Field(
        default=None, description="Password of the client key, when it is encrypted."
    )
    proxy: Annotated[SecretStr, AfterValidator(_proxy_address)] | None = Field(
        default=None,
        description="Address of an HTTP proxy. The proxy variables of the environment are ignored.",
    )
    connect_timeout_seconds: float = Field(
        default=10, gt=0, le=120, description="Longest wait for a connection."
    )
    read_timeout_seconds: float = Field(
        default=30, gt=0, le=300, description="Longest silence while an answer is awaited."
    )
    write_timeout_seconds: float = Field(
        default=10, gt=0, le=120, description="Longest stall while a request is sent."
    )
    pool_timeout_seconds: float = Field(
        default=10, gt=0, le=120, description="Longest wait for a free connection of ours."
    )
    total_timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="Longest time for one call, all attempts together."
    )
    max_response_bytes: int = Field(
        default=4_000_000, ge=10_000, le=64_000_000, description="Largest answer accepted."
    )
    read_attempts: int = Field(
        default=3,
        ge=1,
        le=10,
        description="How often a call that only reads is tried when the line fails.",
    )

    @model_validator(mode="after")
    def _key_has_certificate(self) -> HttpSettings:
        if self.client_key_file is not None and self.client_certificate_file is None:
            raise ValueError("client_key_file needs client_certificate_file")
        return self


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole answer.

    Attributes:
        status: HTTP status code.
        headers: By lower-case name; repeated ones joined by a comma.
        content: The exact bytes.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(slots=True)
class _Watch:
    """Notices the moment from which the institution may have received something."""

    may_have_sent: bool = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Receive httpcore's trace events (httpcore documentation, "Extensions")."""
        if event.endswith(".send_request_headers.started"):
            # Asking a proxy for a tunnel tells the institution nothing.
            self.may_have_sent |= getattr(info.get("request"), "method", b"") != b"CONNECT"


class HttpClient:
    """Calls to one institution.

    TLS is verified, redirects are not followed, no cookie is kept, no proxy or credential is
    taken from the environment, answers are bounded and every call has a deadline.

    Args:
        connection: Name of the connection in settings, for errors.
        settings: How to reach the institution.
        sleep: Waits between attempts, in seconds.

    Raises:
        Misconfigured: ``tls.unreadable`` when a certificate or key cannot be used.
    """

    def __init__(
        self, connection: str, settings: HttpSettings, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._sleep = sleep
        parts = urlsplit(settings.url)
        self._where = parts.netloc
        context = _tls_context(connection, settings)
        # Few idle ones: each is looked at whenever a call begins and ends.
        self._reading = _pool(settings, context, idle_connections=4)
        # An idle connection may be closed by the other side just as it is used again, which would
        # leave the outcome of a payment unknown for nothing: calls that act take a fresh one.
        self._acting = _pool(settings, context, idle_connections=0)
        self._timeout = {
            "connect": settings.connect_timeout_seconds,
            "read": settings.read_timeout_seconds,
            "write": settings.write_timeout_seconds,
            "pool": settings.pool_timeout_seconds,
        }

    async def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        content: bytes = b"",
        acts: bool,
    ) -> HttpResponse:
        """Send one request and return the whole answer, whatever its status.

        Args:
            method: HTTP method.
            path: Path and query below the settings' ``url``, percent-encoded, with leading ``/``.
            headers: Sent as given.
            content: Body; none when empty.
            acts: Whether the institution may do something because of it. Such a call is sent at
                most once; one that only reads is tried again while the line fails.

        Raises:
            NotSent: No byte of it left, or it only reads and got no answer.
            Indeterminate: It acts and may have arrived, but the answer did not.
            Untrusted: An answer came that is too large or encoded against our wish.
            Misconfigured: The institution's TLS refused our certificate.
        """
        pool = self._acting if acts else self._reading
        request = _request(method, self._settings.url + path, headers, content)
        deadline = asyncio.get_running_loop().time() + self._settings.total_timeout_seconds
        pause = _FIRST_PAUSE_SECONDS
        for _ in range(0 if acts else self._settings.read_attempts - 1):
            try:
                return await self._once(pool, request, deadline)
            except NotSent:
                if asyncio.get_running_loop().time() + pause >= deadline:
                    raise
                await self._sleep(pause)
                pause *= 2
        return await self._once(pool, request, deadline)

    async def close(self) -> None:
        """Close all connections."""
        await self._reading.aclose()
        await self._acting.aclose()

    async def _once(
        self, pool: httpcore.AsyncConnectionPool, request: httpcore.Request, deadline: float
    ) -> HttpResponse:
        watch = _Watch()
        request.extensions = {"timeout": self._timeout, "trace": watch}
        try:
            async with asyncio.timeout_at(deadline):
                return await self._whole(pool, request)
        except ConnectorError:
            raise
        except Exception as error:
            # Whatever it was, what is known about the payment is all that counts here; and the
            # chain of causes could hold a proxy's password.
            raise self._failure(error, watch, acts=pool is self._acting) from None

    async def _whole(
        self, pool: httpcore.AsyncConnectionPool, request: httpcore.Request
    ) -> HttpResponse:
        response = await pool.handle_async_request(request)
        try:
            headers = _headers(response.headers)
            if headers.get("content-encoding", "identity").lower() != "identity":
                raise Untrusted(self._connection, "http.encoded", self._where)
            content = bytearray()
            declared = headers.get("content-length", "")
            if declared.isdigit() and int(declared) > self._settings.max_response_bytes:
                raise Untrusted(self._connection, "http.too_large", self._where)
            async for chunk in response.aiter_stream():
                content += chunk
                if len(content) > self._settings.max_response_bytes:
                    raise Untrusted(self._connection, "http.too_large", self._where)
        finally:
            await response.aclose()
        return HttpResponse(response.status, headers, bytes(content))

    def _failure(self, error: Exception, watch: _Watch, acts: bool) -> ConnectorError:
        code, cause = _cause(error, watch.may_have_sent)
        detail = f"{self._where}: {cause}" if cause else self._where
        if code == "http.client_certificate":
            return Misconfigured(self._connection, code, detail)
        if acts and watch.may_have_sent:
            return Indeterminate(self._connection, code, detail)
        return NotSent(self._connection, code, detail)


def _request(
    method: str, address: str, headers: Mapping[str, str], content: bytes
) -> httpcore.Request:
    url = httpx.URL(address)
    given = {name.lower(): (name, value) for name, value in _DEFAULT_HEADERS.items()}
    given |= {name.lower(): (name, value) for name, value in headers.items()}
    if content or method in _WITH_BODY:
        given["content-length"] = ("Content-Length", str(len(content)))
    return httpcore.Request(
        method,
        _core_url(url),
        headers=[
            (b"Host", url.netloc),
            *((name.encode("ascii"), value.encode("ascii")) for name, value in given.values()),
        ],
        content=content,
    )


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return an answer's headers; as Latin-1 where they are not UTF-8."""
    try:
        decoded = [(name.decode().lower(), value.decode()) for name, value in raw]
    except UnicodeDecodeError:
        decoded = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]
    found: dict[str, str] = {}
    for name, value in decoded:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _pool(
    settings: HttpSettings, context: ssl.SSLContext, idle_connections: int
) -> httpcore.AsyncConnectionPool:
    given: dict[str, Any] = {
        "ssl_context": context,
        "max_connections": _MOST_CONNECTIONS,
        "max_keepalive_connections": idle_connections,
        "keepalive_expiry": _IDLE_SECONDS,
    }
    if settings.proxy is None:
        return httpcore.AsyncConnectionPool(**given)
    proxy = _proxy(settings.proxy.get_secret_value())
    return httpcore.AsyncHTTPProxy(
        _core_url(proxy.url),
        proxy_auth=proxy.raw_auth,
        proxy_ssl_context=proxy.ssl_context,
        **given,
    )


def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _proxy(address: str) -> httpx.Proxy:
    """Check a proxy that speaks TLS against public authorities: it is not the institution."""
    context = httpx.create_ssl_context(trust_env=False)
    return httpx.Proxy(address, ssl_context=context if address.startswith("https") else None)


def _tls_context(connection: str, settings: HttpSettings) -> ssl.SSLContext:
    try:
        if settings.ca_file is None:
            context = httpx.create_ssl_context(trust_env=False)
        else:
            context = ssl.create_default_context(cafile=settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.client_certificate_file is not None:
            password = settings.client_key_password
            context.load_cert_chain(
                settings.client_certificate_file,
                settings.client_key_file,
                # Without one OpenSSL would ask on the terminal and wait there for ever.
                password="" if password is None else password.get_secret_value(),
            )
    except (OSError, ValueError) as error:
        file = settings.ca_file if settings.client_certificate_file is None else None
        raise Misconfigured(
            connection,
            "tls.unreadable",
            str(getattr(error, "reason", None) or type(error).__name__),
            {"file": str(file or settings.client_certificate_file)},
        ) from None
    return context


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _cause(error: Exception, may_have_sent: bool) -> tuple[str, str]:
    """Return our code for a failed call and its cause in words that hold no secret."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "http.tls", cause.verify_message
        if isinstance(cause, ssl.SSLError) and cause.reason is not None:
            if any(alert in cause.reason for alert in _CERTIFICATE_ALERTS):
                return "http.client_certificate", cause.reason
            return ("http.dropped" if may_have_sent else "http.tls"), cause.reason
        if isinstance(cause, socket.gaierror):
            return "http.dns", str(cause.strerror)
    return _plain_cause(error, may_have_sent), type(error).__name__


def _plain_cause(error: Exception, may_have_sent: bool) -> str:
    match error:
        case httpcore.PoolTimeout():
            return "http.pool_timeout"
        case httpcore.TimeoutException() | TimeoutError():
            return "http.timeout" if may_have_sent else "http.connect_timeout"
        case _:
            return "http.dropped" if may_have_sent else "http.refused"
