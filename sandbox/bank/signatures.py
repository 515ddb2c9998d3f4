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

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.bank.certificates import Identity
from sandbox.bank.rules import Refusal

_CONDITIONAL = ("psu-id", "psu-corporate-id", "tpp-redirect-uri")
_FIELD = re.compile(r'(\w+)="([^"]*)"')
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

    Raises:
        Refusal: 401 with ``SIGNATURE_MISSING``, ``SIGNATURE_INVALID`` or ``CERTIFICATE_…``; 400
            ``FORMAT_ERROR`` for a digest of another body.
    """
    for name in ("digest", "signature", "tpp-signature-certificate", "date"):
        if name not in headers:
            code = "CERTIFICATE_MISSING" if "certificate" in name else "SIGNATURE_MISSING"
            raise Refusal(401, code, f"{name} is missing")
    certificate = _certificate(headers["tpp-signature-certificate"])
    _check_certificate(certificate, authorities, revoked, now)
    expected = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    if headers["digest"] != expected:
        raise Refusal(400, "FORMAT_ERROR", "the digest is not the body's", "Digest")
    _check_date(headers["date"], now)
    _check_signature(headers, certificate)


def _certificate(text: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
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


def _check_date(text: str, now: datetime) -> None:
    try:
        skew = abs((now - parsedate_to_datetime(text)).total_seconds())
    except (ValueError, TypeError):
        raise Refusal(400, "FORMAT_ERROR", "not a date", "Date") from None
    if skew > _SKEW_SECONDS:
        raise Refusal(400, "TIMESTAMP_INVALID", "the request is too old or from the future")


def _check_signature(headers: Mapping[str, str], certificate: x509.Certificate) -> None:
    given = dict(_FIELD.findall(headers["signature"]))
    names = given.get("headers", "").split()
    needed = {"digest", "x-request-id", "date"} | {each for each in _CONDITIONAL if each in headers}
    serial = re.match(r"SN=([0-9A-Fa-f]+),CA=.+", given.get("keyId", ""))
    if serial is None or int(serial[1], 16) != certificate.serial_number:
        raise Refusal(401, "SIGNATURE_INVALID", "keyId is not the certificate's")
    if given.get("algorithm") != "rsa-sha256" or not needed <= set(names):
        raise Refusal(401, "SIGNATURE_INVALID", f"must sign {', '.join(sorted(needed))}")
    text = "\n".join(f"{name}: {headers.get(name, '').strip()}" for name in names)
    key = certificate.public_key()
    try:
        if not isinstance(key, RSAPublicKey):
            raise InvalidSignature
        key.verify(
            base64.b64decode(given.get("signature", ""), validate=True),
            text.encode(),
            PKCS1v15(),
            SHA256(),
        )
    except (InvalidSignature, ValueError):
        raise Refusal(401, "SIGNATURE_INVALID", "it does not verify") from None


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
