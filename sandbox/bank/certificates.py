"""Certificates for tests and the demo: an authority, and whom it vouches for."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write ``name.pem`` and ``name.key``; return both paths."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.certificate_pem)
        key.touch(mode=0o600)
        key.write_bytes(self.key_pem)
        return certificate, key


def authority(name: str = "Sandbox CA") -> Identity:
    """Make a certificate authority."""
    key = _key()
    subject = _name(name)
    builder = _builder(subject, subject, key, _now()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return Identity(builder.sign(key, hashes.SHA256()), key)


def issue(
    by: Identity, name: str, *, host: str | None = None, now: datetime | None = None
) -> Identity:
    """Make a certificate; with a ``host`` it is one for a server."""
    key = _key()
    builder = _builder(_name(name), by.certificate.subject, key, now or _now()).add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    if host is not None:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
    return Identity(builder.sign(by.key, hashes.SHA256()), key)


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server speaks TLS; with ``clients`` it asks for a certificate of that authority."""

    server: Identity
    clients: Identity | None = None

    def context(self, folder: Path) -> ssl.SSLContext:
        """Return the server's context; ``folder`` takes its files."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = self.server.write(folder, "server")
        context.load_cert_chain(certificate, key)
        if self.clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.clients.certificate_pem.decode())
        return context


def _now() -> datetime:
    return datetime.now(UTC)


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
    )
