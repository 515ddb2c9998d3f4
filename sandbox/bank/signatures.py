"""HTTP message signatures, as the bank checks and makes them.

Sources: draft-cavage-http-signatures-10; RFC 3230; NextGenPSD2 XS2A Framework 1.3.11, parameters
``Digest``, ``Signature`` and ``TPP-Signature-Certificate``. Written from these documents apart from
the client's own code, so that both can be wrong only independently.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from sandbox.bank.certificates import Identity
from sandbox.bank.rules import Refusal

_CONDITIONAL = ("psu-id", "psu-corporate-id", "tpp-redirect-uri")
_FIELD = re.compile(r'\s*([A-Za-z]+)="([^"]*)"\s*(?:,|$)', re.ASCII)
_KEY_ID = re.compile(r"SN=([0-9A-Fa-f]{1,40}),CA=(.+)", re.ASCII)
_DIGESTS = {"SHA-256": hashlib.sha256, "SHA-512": hashlib.sha512}
_ALGORITHMS = {"rsa-sha256": SHA256, "rsa-sha512": SHA512}
_SKEW_SECONDS = 300


def verify(
    headers: Mapping[str, str],
    body: bytes,
    *,
    authorities: Sequence[x509.Certificate],
    revoked: Collection[int],
    now: datetime,
) -> None:
    """Return only if a request is whole and signed by a certificate we take.

    Args:
        headers: By lower-case name.
        body: The exact bytes; an absent body is signed as an empty one.
        authorities: Who may have issued the certificate.
        revoked: Serial numbers that are no longer taken.
        now: For the certificate's validity and the age of the request.

    Raises:
        Refusal: 401 with ``SIGNATURE_MISSING``, ``SIGNATURE_INVALID`` or ``CERTIFICATE_…``; 400
            ``TIMESTAMP_INVALID`` for a request that is too old or from the future.
    """
    for name in ("signature", "digest", "date"):
        if name not in headers:
            raise Refusal(401, "SIGNATURE_MISSING", f"{name} is missing", name)
    if "tpp-signature-certificate" not in headers:
        raise Refusal(401, "CERTIFICATE_MISSING", "it comes with the signature")
    certificate = _certificate(headers["tpp-signature-certificate"])
    _check_certificate(certificate, authorities, revoked, now)
    _check_digest(headers["digest"], body)
    _check_signature(headers, certificate)
    _check_date(headers["date"], now)


def _certificate(text: str) -> x509.Certificate:
    """Read a certificate in base64: banks take its DER form, and some clients send PEM."""
    try:
        content = base64.b64decode(text, validate=True)
        if content.startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError:
        raise Refusal(401, "CERTIFICATE_INVALID", "it cannot be read") from None


def _check_certificate(
    certificate: x509.Certificate,
    authorities: Sequence[x509.Certificate],
    revoked: Collection[int],
    now: datetime,
) -> None:
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
            break
        except (ValueError, TypeError, InvalidSignature):
            continue
    else:
        raise Refusal(401, "CERTIFICATE_INVALID", "its authority is not ours")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Refusal(401, "CERTIFICATE_EXPIRED", "it is not valid today")
    if certificate.serial_number in revoked:
        raise Refusal(401, "CERTIFICATE_REVOKED", "it was revoked")


def _check_digest(header: str, body: bytes) -> None:
    algorithm, _, value = header.partition("=")
    known = _DIGESTS.get(algorithm.upper())
    if known is None or value != base64.b64encode(known(body).digest()).decode():
        raise _invalid("the digest is not the body's")


def _check_date(text: str, now: datetime) -> None:
    try:
        skew = abs((now - parsedate_to_datetime(text)).total_seconds())
    except (ValueError, TypeError):
        raise Refusal(400, "TIMESTAMP_INVALID", "not a date", "Date") from None
    if skew > _SKEW_SECONDS:
        raise Refusal(400, "TIMESTAMP_INVALID", "the request is too old or from the future")


def _check_signature(headers: Mapping[str, str], certificate: x509.Certificate) -> None:
    given = _fields(headers["signature"])
    _check_key_id(given.get("keyId", ""), certificate)
    names = given.get("headers", "").split(" ")
    needed = {"digest", "x-request-id", "date"} | {each for each in _CONDITIONAL if each in headers}
    if not needed <= set(names) or len(set(names)) != len(names) or not set(names) <= set(headers):
        raise _invalid(f"must sign {', '.join(sorted(needed))}")
    algorithm = _ALGORITHMS.get(given.get("algorithm", ""))
    key = certificate.public_key()
    if algorithm is None or not isinstance(key, RSAPublicKey):
        raise _invalid("the algorithm must be rsa-sha256")
    text = "\n".join(f"{name}: {headers[name].strip()}" for name in names)
    try:
        signature = base64.b64decode(given.get("signature", ""), validate=True)
        key.verify(signature, text.encode("latin-1"), PKCS1v15(), algorithm())
    except (InvalidSignature, ValueError):
        raise _invalid("it does not verify") from None


def _fields(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(header):
        match = _FIELD.match(header, position)
        if match is None or match[1] in found:
            raise _invalid("the header is malformed")
        found[match[1]] = match[2]
        position = match.end()
    return found


def _check_key_id(key_id: str, certificate: x509.Certificate) -> None:
    """Check the serial number in hexadecimal and the issuer, plain or URL-encoded."""
    match = _KEY_ID.fullmatch(key_id)
    try:
        issuer = x509.Name.from_rfc4514_string(unquote(match[2])) if match else None
    except ValueError:
        issuer = None
    if match is None or int(match[1], 16) != certificate.serial_number:
        raise _invalid("keyId has not the certificate's serial number")
    if issuer != certificate.issuer:
        raise _invalid("keyId has not the certificate's issuer")


def _invalid(text: str) -> Refusal:
    return Refusal(401, "SIGNATURE_INVALID", text)


def sign(identity: Identity, request_id: str, body: bytes) -> dict[str, str]:
    """Return the headers by which a bank that signs its answers vouches for one."""
    values = {
        "digest": "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode(),
        "x-request-id": request_id,
    }
    text = "\n".join(f"{name}: {value}" for name, value in values.items())
    signature = identity.key.sign(text.encode(), PKCS1v15(), SHA256())
    issuer = identity.certificate.issuer.rfc4514_string()
    key_id = f"SN={identity.certificate.serial_number:X},CA={issuer}"
    return {
        "Digest": values["digest"],
        "Signature": f'keyId="{key_id}",algorithm="rsa-sha256",headers="{" ".join(values)}",'
        f'signature="{base64.b64encode(signature).decode()}"',
    }
