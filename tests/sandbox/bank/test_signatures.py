"""Signed requests, as strictly as the framework says; signed answers; mutual TLS."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.bank import Account, Bank, Phone, Sca, serve
from sandbox.bank.certificates import Identity, Tls, issue
from tests.sandbox.bank.conftest import (
    EUR,
    PAYMENTS,
    Certificates,
    Client,
    Clock,
    Open,
    codes,
    payment,
)

BODY = json.dumps(payment()).encode()


@dataclass
class Signed:
    """A signed request, made step by step from the framework's words, to be tampered with."""

    identity: Identity
    now: datetime
    body: bytes = BODY
    extra: dict[str, str] = field(default_factory=dict)
    algorithm: str = "rsa-sha256"
    digest: str = "SHA-256"
    names: list[str] = field(default_factory=lambda: ["digest", "x-request-id", "date"])
    issuer: Callable[[str], str] = str

    def headers(self) -> dict[str, str]:
        hashed = hashlib.new(self.digest.replace("-", "").lower(), self.body).digest()
        values = {
            "x-request-id": str(uuid4()),
            "psu-ip-address": "192.0.2.7",
            "content-type": "application/json",
            "digest": f"{self.digest}={base64.b64encode(hashed).decode()}",
            "date": format_datetime(self.now, usegmt=True),
            **{name.lower(): value for name, value in self.extra.items()},
        }
        text = "\n".join(f"{name}: {values[name]}" for name in self.names)
        kind = SHA512() if self.algorithm == "rsa-sha512" else SHA256()
        signature = self.identity.key.sign(text.encode(), PKCS1v15(), kind)
        certificate = self.identity.certificate
        key_id = (
            f"SN={certificate.serial_number:x},"
            f"CA={self.issuer(certificate.issuer.rfc4514_string())}"
        )
        values["signature"] = (
            f'keyId="{key_id}",algorithm="{self.algorithm}",headers="{" ".join(self.names)}",'
            f'signature="{base64.b64encode(signature).decode()}"'
        )
        der = certificate.public_bytes(Encoding.DER)
        values["tpp-signature-certificate"] = base64.b64encode(der).decode()
        return values


@pytest.fixture
async def strict(opened: Open, clock: Clock, certificates: Certificates) -> Client:
    clock.moment = datetime.now(UTC)
    return await opened(
        require_signature=True, trusted_authorities=(certificates.authority.certificate,)
    )


async def send(
    client: Client, headers: dict[str, str | None], body: bytes = BODY
) -> httpx.Response:
    given = {name: value for name, value in headers.items() if value is not None}
    return await client.http.post(PAYMENTS, content=body, headers=given)


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"algorithm": "rsa-sha512", "digest": "SHA-512"},
        {"issuer": quote},
        {
            "extra": {
                "PSU-ID": "alice",
                "PSU-Corporate-ID": "example",
                "TPP-Redirect-URI": "https://tpp.test/",
            },
            "names": [
                "digest",
                "x-request-id",
                "psu-id",
                "psu-corporate-id",
                "tpp-redirect-uri",
                "date",
            ],
        },
    ],
)
async def test_a_signed_payment_is_taken(
    strict: Client, certificates: Certificates, clock: Clock, variant: dict[str, object]
) -> None:
    signed = Signed(certificates.tpp, clock(), **variant)  # type: ignore[arg-type]  # by field
    answer = await send(strict, dict(signed.headers()))
    assert answer.status_code == 201, answer.text
    assert len(strict.bank.ledger) == 1


async def test_a_certificate_may_come_as_pem(
    strict: Client, certificates: Certificates, clock: Clock
) -> None:
    headers = Signed(certificates.tpp, clock()).headers()
    pem = base64.b64encode(certificates.tpp.certificate_pem).decode()
    answer = await send(strict, {**headers, "tpp-signature-certificate": pem})
    assert answer.status_code == 201


async def test_a_read_is_signed_over_an_empty_body(
    strict: Client, certificates: Certificates, clock: Clock
) -> None:
    headers = Signed(certificates.tpp, clock(), body=b"").headers()
    answer = await strict.http.get(f"{PAYMENTS}/nothing/status", headers=headers)
    assert codes(answer) == (404, "RESOURCE_UNKNOWN")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("signature", "SIGNATURE_MISSING"),
        ("digest", "SIGNATURE_MISSING"),
        ("date", "SIGNATURE_MISSING"),
        ("tpp-signature-certificate", "CERTIFICATE_MISSING"),
    ],
)
async def test_what_is_missing(
    strict: Client, certificates: Certificates, clock: Clock, name: str, code: str
) -> None:
    headers = Signed(certificates.tpp, clock()).headers()
    assert codes(await send(strict, {**headers, name: None})) == (401, code)
    assert strict.bank.ledger == []


async def test_whatever_is_tampered_with_is_found(
    strict: Client, certificates: Certificates, clock: Clock
) -> None:
    tampered_body = BODY.replace(b"123.50", b"923.50")
    digest = base64.b64encode(hashlib.sha256(tampered_body).digest()).decode()
    later = format_datetime(clock() + timedelta(seconds=1), usegmt=True)
    extra, names = {"PSU-ID": "alice"}, ["digest", "x-request-id", "psu-id", "date"]
    for change in (
        {"x-request-id": str(uuid4())},
        {"date": later},
        {"digest": f"SHA-256={digest}"},
        {"digest": "SHA-256="},
        {"digest": "MD5=1B2M2Y8AsgTpgAmY7PhCfg=="},
        {"psu-id": "mallory"},
        {"tpp-redirect-uri": "https://mallory.test/"},
    ):
        signed = Signed(certificates.tpp, clock(), extra=extra, names=names).headers()
        answer = await send(strict, {**signed, **change})
        assert codes(answer) == (401, "SIGNATURE_INVALID"), change
    signed = Signed(certificates.tpp, clock()).headers()
    both = {**signed, "digest": f"SHA-256={digest}"}
    for headers in (signed, both):
        answer = await send(strict, dict(headers), tampered_body)
        assert codes(answer) == (401, "SIGNATURE_INVALID")
    assert strict.bank.ledger == []


@pytest.mark.parametrize("missing", ["digest", "x-request-id", "date", "psu-id"])
async def test_every_mandatory_header_is_signed(
    strict: Client, certificates: Certificates, clock: Clock, missing: str
) -> None:
    names = [n for n in ("digest", "x-request-id", "date", "psu-id") if n != missing]
    signed = Signed(certificates.tpp, clock(), extra={"PSU-ID": "alice"}, names=names)
    assert codes(await send(strict, dict(signed.headers()))) == (401, "SIGNATURE_INVALID")


async def test_malformed_signature_headers(
    strict: Client, certificates: Certificates, clock: Clock
) -> None:
    headers = Signed(certificates.tpp, clock()).headers()
    right = headers["signature"]
    serial = f"{certificates.tpp.certificate.serial_number:x}"
    for wrong in (
        "",
        "nonsense",
        right + right,
        right.replace(",algorithm", ";algorithm"),
        right.replace("rsa-sha256", "hmac-sha256"),
        right.replace("rsa-sha256", "rsa-sha512"),
        right.replace('headers="digest', 'headers="digest digest'),
        right.replace('headers="digest', 'headers="digest absent'),
        right.replace(serial, "1"),
        right.replace("SN=", "SERIAL="),
        right.replace("CN=Sandbox CA", "CN=Another CA"),
        right.replace('signature="', 'signature="!'),
        right.replace('signature="', 'signature="AAAA'),
    ):
        assert wrong != right
        answer = await send(strict, {**headers, "signature": wrong})
        assert codes(answer) == (401, "SIGNATURE_INVALID"), wrong[:80]


async def test_certificates_the_bank_does_not_take(
    strict: Client, certificates: Certificates, clock: Clock
) -> None:
    stranger = issue(certificates.stranger, "TPP, Ltd")
    answer = await send(strict, dict(Signed(stranger, clock()).headers()))
    assert codes(answer) == (401, "CERTIFICATE_INVALID")

    headers = Signed(certificates.tpp, clock()).headers()
    other = Signed(stranger, clock()).headers()["tpp-signature-certificate"]
    for wrong in ("", "AAAA", "not base64!", other):
        answer = await send(strict, {**headers, "tpp-signature-certificate": wrong})
        assert codes(answer) == (401, "CERTIFICATE_INVALID")

    old = issue(certificates.authority, "TPP, Ltd", now=clock() - timedelta(days=60))
    answer = await send(strict, dict(Signed(old, clock()).headers()))
    assert codes(answer) == (401, "CERTIFICATE_EXPIRED")

    strict.bank.revoked.add(certificates.tpp.certificate.serial_number)
    answer = await send(strict, dict(Signed(certificates.tpp, clock()).headers()))
    assert codes(answer) == (401, "CERTIFICATE_REVOKED")
    assert strict.bank.ledger == []


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_request_of_another_time(
    strict: Client, certificates: Certificates, clock: Clock, minutes: int
) -> None:
    then = clock() + timedelta(minutes=minutes)
    answer = await send(strict, dict(Signed(certificates.tpp, then).headers()))
    assert codes(answer) == (400, "TIMESTAMP_INVALID")


async def test_answers_are_signed(opened: Open, certificates: Certificates) -> None:
    client = await opened(signs_answers_as=certificates.bank)
    for path, body in ((PAYMENTS, payment()), (PAYMENTS, payment(creditorName=None))):
        answer = await client.call("POST", path, body)
        digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        assert answer.headers["digest"] == f"SHA-256={digest}"
        assert 'headers="digest x-request-id"' in answer.headers["signature"]
        text = f"digest: {answer.headers['digest']}\nx-request-id: {answer.headers['x-request-id']}"
        signature = base64.b64decode(
            answer.headers["signature"].rpartition('signature="')[2].strip('"')
        )
        key = certificates.bank.certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        key.verify(signature, text.encode(), PKCS1v15(), SHA256())
        with pytest.raises(InvalidSignature):
            key.verify(signature, text.encode() + b" ", PKCS1v15(), SHA256())


async def test_mutual_tls(certificates: Certificates, clock: Clock, tmp_path: Path) -> None:
    bank = Bank(
        open_accounts=[Account(EUR, "EUR", "Example GmbH", 1_000_00)],
        now=clock,
        sca=Sca(Phone.EXEMPT),
        settles_after_polls=0,
    )
    tls = Tls(certificates.bank, clients=certificates.authority)
    serving = await serve(bank, tls=tls)
    assert serving.url.startswith("https://127.0.0.1:")
    try:
        authority = certificates.authority.certificate_pem.decode()
        anonymous = ssl.create_default_context(cadata=authority)
        known = ssl.create_default_context(cadata=authority)
        known.load_cert_chain(*certificates.tpp.write(tmp_path, "tpp"))
        async with httpx.AsyncClient(base_url=serving.url, verify=known) as http:
            made = await Client(bank, serving, http).pay()
        assert made["transactionStatus"] == "ACSC"
        async with httpx.AsyncClient(base_url=serving.url, verify=anonymous) as http:
            with pytest.raises(httpx.TransportError):
                await Client(bank, serving, http).pay()
        async with httpx.AsyncClient(base_url=serving.url) as http:
            with pytest.raises(httpx.ConnectError):
                await Client(bank, serving, http).pay()
    finally:
        await serving.stop()
    assert len(bank.ledger) == 1
