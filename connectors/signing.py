"""HTTP message signatures as NextGenPSD2 uses them.

Sources: draft-cavage-http-signatures-10 (signing string, ``Signature`` header), RFC 3230
(``Digest``), Berlin Group NextGenPSD2 XS2A Framework 1.3.11 (OpenAPI file: parameters ``Digest``,
``Signature`` and ``TPP-Signature-Certificate``; Implementation Guidelines, "Signing Messages at
Application Layer"): SHA-256 and SHA-512 digests, ``rsa-sha256``, ``keyId`` of serial number and
issuer.

The framework has institutions verify us; signed answers are an addition some make, in the same
form. What binds an answer to its question is the signed ``X-Request-ID``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

_HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_SIGNED = ("digest", "x-request-id", "psu-id", "psu-corporate-id", "date")
_PARAMETER = re.compile(r'\s*([A-Za-z]{1,20})="([^"]{0,8192})"\s*(?:,|$)', re.ASCII)
_MAX_FILE_BYTES = 1_000_000
_MIN_KEY_BITS = 2048


class SigningError(Exception):
    """A certificate, key or signature that cannot be used; ``code`` says why.

    Codes: ``signing.unreadable``, ``signing.key_unfit``, ``signing.key_mismatch``,
    ``signing.certificate_expired``, ``signature.missing``, ``signature.malformed``,
    ``signature.digest``, ``signature.incomplete``, ``signature.invalid``.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


def digest(body: bytes) -> str:
    """Return the value of the ``Digest`` header for ``body``; an absent body counts as empty."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


class RequestSigner:
    """Signs our requests with the key of one certificate (under PSD2 the QSealC)."""

    def __init__(self, certificate: x509.Certificate, key: RSAPrivateKey) -> None:
        if certificate.public_key() != key.public_key():
            raise SigningError("signing.key_mismatch")
        self._certificate = certificate
        self._key = key
        der = certificate.public_bytes(Encoding.DER)
        self._encoded_certificate = base64.b64encode(der).decode("ascii")

    @classmethod
    def load(
        cls, certificate_file: Path, key_file: Path, password: str | None = None
    ) -> RequestSigner:
        """Read a certificate and its RSA key from PEM files.

        Raises:
            SigningError: A file cannot be read, the key is not RSA of at least 2048 bits, or the
                two do not belong together.
        """
        try:
            key = load_pem_private_key(
                _read(key_file), None if password is None else password.encode()
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # TypeError: a password for a plain key, or none for an encrypted one.
            raise SigningError("signing.unreadable", key_file.name) from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < _MIN_KEY_BITS:
            raise SigningError("signing.key_unfit", key_file.name)
        return cls(_certificates(certificate_file)[0], key)

    @property
    def key_id(self) -> str:
        """``SN=<serial number, hexadecimal>,CA=<issuer's distinguished name, URL-encoded>``."""
        issuer = quote(self._certificate.issuer.rfc4514_string(), safe="=,+-._~/:@")
        return f"SN={self._certificate.serial_number:X},CA={issuer}"

    def headers(self, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, str]:
        """Return the headers to add to a request: digest, date, signature and certificate.

        Args:
            headers: Of the request, names in any case; ``X-Request-ID`` among them. It, ``PSU-ID``
                and ``PSU-Corporate-ID`` are signed where present.
            body: The exact bytes to be sent.
            now: Aware time for ``Date``.
        """
        values = {name.lower(): value for name, value in headers.items()}
        values |= {"digest": digest(body), "date": format_datetime(now, usegmt=True)}
        names = [name for name in _SIGNED if name in values]
        signature = self._key.sign(_signing_string(names, values), PKCS1v15(), SHA256())
        return {
            "Digest": values["digest"],
            "Date": values["date"],
            "Signature": f'keyId="{self.key_id}",algorithm="rsa-sha256",headers="{" ".join(names)}"'
            f',signature="{base64.b64encode(signature).decode("ascii")}"',
            "TPP-Signature-Certificate": self._encoded_certificate,
        }


class ResponseVerifier:
    """Verifies answers against certificates agreed on beforehand.

    A certificate that comes with an answer is ignored: whoever can send one can send that too.
    """

    def __init__(self, certificates: tuple[x509.Certificate, ...]) -> None:
        self._keys: list[tuple[x509.Certificate, RSAPublicKey]] = []
        for certificate in certificates:
            key = certificate.public_key()
            if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_KEY_BITS:
                raise SigningError("signing.key_unfit")
            self._keys.append((certificate, key))

    @classmethod
    def load(cls, certificates_file: Path) -> ResponseVerifier:
        """Read one or more trusted certificates, of which any may have signed, from a PEM file."""
        return cls(tuple(_certificates(certificates_file)))

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Return only if an answer is whole and signed by the institution.

        Args:
            headers: Of the answer, by lower-case name.
            body: Its exact bytes.
            now: Aware time at which the certificate has to be valid.

        Raises:
            SigningError: ``signature.*`` or ``signing.certificate_expired``.
        """
        if "digest" not in headers or "signature" not in headers:
            raise SigningError("signature.missing")
        _check_digest(headers["digest"], body)
        parameters = _parameters(headers["signature"])
        names = parameters.get("headers", "").lower().split()
        if parameters.get("algorithm", "").lower() != "rsa-sha256" or len(names) > len(headers):
            raise SigningError("signature.malformed")
        if not {"digest", "x-request-id"} <= set(names) or not set(names) <= headers.keys():
            raise SigningError("signature.incomplete")
        try:
            signature = base64.b64decode(parameters.get("signature", ""), validate=True)
        except (binascii.Error, ValueError):
            raise SigningError("signature.malformed") from None
        self._check_signature(signature, _signing_string(names, headers), now)

    def _check_signature(self, signature: bytes, message: bytes, now: datetime) -> None:
        for certificate, key in self._keys:
            try:
                key.verify(signature, message, PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
                raise SigningError("signing.certificate_expired")
            return
        raise SigningError("signature.invalid")


def _signing_string(names: list[str], values: Mapping[str, str]) -> bytes:
    """Build what is signed (draft-cavage-http-signatures-10 section 2.3)."""
    return "\n".join(f"{name}: {values[name].strip()}" for name in names).encode()


def _check_digest(header: str, body: bytes) -> None:
    algorithm, separator, value = header.strip().partition("=")
    known = _HASHES.get(algorithm.lower())
    if not separator or known is None:
        raise SigningError("signature.malformed")
    expected = base64.b64encode(known(body).digest())
    if not hmac.compare_digest(value.encode("utf-8", "replace"), expected):
        raise SigningError("signature.digest")


def _parameters(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(header):
        match = _PARAMETER.match(header, position)
        if match is None or match[1].lower() in map(str.lower, found):
            raise SigningError("signature.malformed")
        found[match[1]] = match[2]
        position = match.end()
    return found


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SigningError("signing.unreadable", f"{file.name}: {error.strerror}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise SigningError("signing.unreadable", file.name)
    return content


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError:
        raise SigningError("signing.unreadable", file.name) from None
