from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.signing import RequestSigner, ResponseVerifier, SigningError, digest
from tests.connectors.certificates import Identity, make_identity

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "bank_apis_derived.json"

header_text = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
once = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)


def test_digest_of_the_published_vector() -> None:
    if not VECTORS.exists():
        pytest.skip("the vectors are not beside this checkout")
    vectors = json.loads(VECTORS.read_text())["vectors"]
    [vector] = [vector for vector in vectors if "digest_header" in vector]
    assert digest(vector["body"].encode()) == vector["digest_header"]


def test_digest_of_nothing() -> None:
    assert digest(b"") == "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_what_is_signed_is_what_the_standard_says(seal: Identity) -> None:
    signer = RequestSigner.load(seal.certificate_file, seal.key_file)
    headers = {"X-Request-ID": "1", "PSU-ID": "anna", "Accept": "application/json"}
    added = signer.headers(headers, b"body", NOW)
    assert added["Date"] == "Wed, 04 Mar 2026 05:06:07 GMT"
    assert added["Digest"] == digest(b"body")
    serial = f"{seal.certificate.serial_number:X}"
    start = (
        f'keyId="SN={serial},CA=CN=authority,O=Example%20&%20S%C3%B6hne%5C,%20Ltd,C=DE",'
        'algorithm="rsa-sha256",headers="digest x-request-id psu-id date",signature="'
    )
    assert added["Signature"].replace("%26", "&").startswith(start)
    signature = base64.b64decode(added["Signature"].rpartition('signature="')[2].rstrip('"'))
    key = seal.certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    message = f"digest: {added['Digest']}\nx-request-id: 1\npsu-id: anna\ndate: {added['Date']}"
    key.verify(signature, message.encode(), PKCS1v15(), SHA256())
    assert all(value.isascii() and value.isprintable() for value in added.values())


def answer(identity: Identity, request_id: str, body: bytes) -> dict[str, str]:
    """Sign an answer as a bank would, in the same form as our requests."""
    assert isinstance(identity.key, RSAPrivateKey)
    signer = RequestSigner(identity.certificate, identity.key)
    headers = {"x-request-id": request_id}
    added = signer.headers(headers, body, NOW)
    return headers | {name.lower(): value for name, value in added.items()}


@once
@given(request_id=header_text, body=st.binary())
def test_round_trip(bank_seal: Identity, request_id: str, body: bytes) -> None:
    verifier = ResponseVerifier((bank_seal.certificate,))
    verifier.verify(answer(bank_seal, request_id, body), body, NOW)


@once
@given(body=st.binary(min_size=1), other=st.binary(), value=header_text)
def test_nothing_signed_can_be_changed(
    bank_seal: Identity, body: bytes, other: bytes, value: str
) -> None:
    verifier = ResponseVerifier((bank_seal.certificate,))
    headers = answer(bank_seal, "request", body)
    for changed, content in (
        (headers | {"x-request-id": value}, body),
        (headers | {"date": value}, body),
        (headers, other),
        (headers | {"digest": digest(other)}, other),
    ):
        if changed != headers or content != body:
            with pytest.raises(SigningError):
                verifier.verify(changed, content, NOW)


@once
@given(
    headers=st.dictionaries(
        st.sampled_from(["digest", "signature", "x-request-id"]), st.text(max_size=200)
    )
)
def test_no_header_crashes_it(bank_seal: Identity, headers: dict[str, str]) -> None:
    with pytest.raises(SigningError):
        ResponseVerifier((bank_seal.certificate,)).verify(headers, b"", NOW)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda s: "", "signature.malformed"),
        (lambda s: s.replace("rsa-sha256", "hmac-sha256"), "signature.malformed"),
        (lambda s: s + ',keyId="other"', "signature.malformed"),
        (lambda s: s.replace("digest x-request-id date", "digest date"), "signature.incomplete"),
        (lambda s: s.replace("x-request-id date", "x-request-id psu-id"), "signature.incomplete"),
        (lambda s: s.replace("digest x-request-id", "x-request-id digest"), "signature.invalid"),
        (lambda s: s.partition("signature=")[0] + 'signature="!"', "signature.malformed"),
        (lambda s: s.partition("signature=")[0] + 'signature=""', "signature.invalid"),
    ],
)
def test_signatures_that_prove_nothing(
    bank_seal: Identity, change: Callable[[str], str], code: str
) -> None:
    headers = answer(bank_seal, "1", b"")
    headers["signature"] = change(headers["signature"])
    with pytest.raises(SigningError) as caught:
        ResponseVerifier((bank_seal.certificate,)).verify(headers, b"", NOW)
    assert caught.value.code == code


def test_a_certificate_sent_along_is_not_trusted(seal: Identity, bank_seal: Identity) -> None:
    with pytest.raises(SigningError) as caught:
        ResponseVerifier((bank_seal.certificate,)).verify(answer(seal, "1", b""), b"", NOW)
    assert caught.value.code == "signature.invalid"


def test_a_missing_signature(bank_seal: Identity) -> None:
    with pytest.raises(SigningError) as caught:
        ResponseVerifier((bank_seal.certificate,)).verify({"x-request-id": "1"}, b"", NOW)
    assert caught.value.code == "signature.missing"


def test_several_certificates_may_be_trusted_each_in_its_time(
    seal: Identity, bank_seal: Identity, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(seal.certificate_file.read_bytes() + bank_seal.certificate_file.read_bytes())
    verifier = ResponseVerifier.load(both)
    headers = answer(bank_seal, "1", b"")
    verifier.verify(headers, b"", NOW)
    with pytest.raises(SigningError) as caught:
        verifier.verify(headers, b"", NOW + timedelta(days=3650))
    assert caught.value.code == "signing.certificate_expired"


def test_keys_that_do_not_fit(
    seal: Identity, bank_seal: Identity, authority: Identity, tmp_path: Path
) -> None:
    small = make_identity(tmp_path, "small", use_rsa=True, bits=1024)
    locked = make_identity(tmp_path, "locked", use_rsa=True, password="right")
    for certificate, key, password, code in (
        (seal, bank_seal.key_file, None, "signing.key_mismatch"),
        (authority, authority.key_file, None, "signing.key_unfit"),
        (small, small.key_file, None, "signing.key_unfit"),
        (seal, seal.certificate_file, None, "signing.unreadable"),
        (seal, tmp_path / "absent", None, "signing.unreadable"),
        (locked, locked.key_file, None, "signing.unreadable"),
        (locked, locked.key_file, "wr0ng", "signing.unreadable"),
    ):
        with pytest.raises(SigningError) as caught:
            RequestSigner.load(certificate.certificate_file, key, password)
        assert caught.value.code == code
        assert "wr0ng" not in repr(caught.value)
    RequestSigner.load(locked.certificate_file, locked.key_file, "right")
    with pytest.raises(SigningError):
        ResponseVerifier.load(authority.certificate_file)
    with pytest.raises(SigningError):
        ResponseVerifier.load(seal.key_file)
