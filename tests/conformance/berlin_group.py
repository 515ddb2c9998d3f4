"""The sandbox bank as an institution of the conformance suite."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from connectors import registry
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.base import Account, Creditor
from sandbox.bank import Account as BankAccount
from sandbox.bank import Bank, Phone, Sca, Serving, serve
from sandbox.bank import Fault as BankFault
from sandbox.bank.certificates import Identity, Tls, authority, issue
from sandbox.bank.openapi import specification
from tests.conformance.institution import Clock, Fault, Institution, Memory

OPENAPI = Path(__file__).parents[3] / "shared/specs/berlin-group/psd2-api_v1.3.11.yaml"
TOKEN = "t0ken-s3cret"
FAULTS = {
    Fault.DROPPED_BEFORE: BankFault.DROP_BEFORE,
    Fault.DROPPED_AFTER: BankFault.DROP_AFTER,
    Fault.LATE: BankFault.HANG_AFTER,
    Fault.BROKEN_BEFORE: BankFault.ERROR_BEFORE,
    Fault.BROKEN_AFTER: BankFault.ERROR_AFTER,
    Fault.GARBAGE_AFTER: BankFault.GARBAGE,
    Fault.FORGED_AFTER: BankFault.FORGED,
    Fault.MISLABELLED_AFTER: BankFault.WRONG_TYPE,
    Fault.OVERSIZED_AFTER: BankFault.OVERSIZED,
    Fault.MIXED_UP_AFTER: BankFault.WRONG_REQUEST_ID,
    Fault.MAINTENANCE: BankFault.MAINTENANCE,
    Fault.BUSY: BankFault.ACCESS_EXCEEDED,
}


@dataclass(frozen=True)
class Certificates:
    """An authority and whom it vouches for, with their files."""

    folder: Path
    authority: Identity
    bank: Identity
    bank_seal: Identity
    ours: Identity

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        root = authority()
        made = cls(
            folder,
            root,
            issue(root, "bank", host="127.0.0.1"),
            issue(root, "bank seal"),
            issue(root, "TPP"),
        )
        for name in ("authority", "bank_seal", "ours"):
            getattr(made, name).write(folder, name)
        return made

    def file(self, name: str) -> Path:
        return self.folder / name


@dataclass(frozen=True)
class Setup:
    """One way to connect: what the bank demands and what the settings say."""

    bank: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    tls: Tls | None = None


def plain(certificates: Certificates) -> Setup:
    return Setup()


def signed(certificates: Certificates) -> Setup:
    """Both sides sign, and believe nothing unsigned."""
    return Setup(
        bank={
            "require_signature": True,
            "trusted_authorities": (certificates.authority.certificate,),
            "signs_answers_as": certificates.bank_seal,
        },
        settings={
            "sign_requests": True,
            "signing_certificate_file": certificates.file("ours.pem"),
            "signing_key_file": certificates.file("ours.key"),
            "verify_responses": True,
            "trusted_certificate_file": certificates.file("bank_seal.pem"),
        },
    )


def mutual_tls(certificates: Certificates) -> Setup:
    return Setup(
        bank={"absolute_links": True},
        settings={
            "ca_file": certificates.file("authority.pem"),
            "client_certificate_file": certificates.file("ours.pem"),
            "client_key_file": certificates.file("ours.key"),
        },
        tls=Tls(certificates.bank, clients=certificates.authority),
    )


def replaying(certificates: Certificates) -> Setup:
    """A bank that promised to know a repeated request, and waits to be told to authorise."""
    return Setup(
        bank={
            "replays_request_id": True,
            "cancellation_needs_sca": True,
            "sca": Sca(phone=Phone.IGNORES, starts_implicitly=False),
        },
        settings={"replays_request_id": True},
    )


SETUPS: dict[str, Callable[[Certificates], Setup]] = {
    "berlin-group": plain,
    "berlin-group-signed": signed,
    "berlin-group-mutual-tls": mutual_tls,
    "berlin-group-replaying": replaying,
}


class BerlinGroupBank(Institution):
    codes = MappingProxyType(
        {
            Fault.DROPPED_BEFORE: "http.dropped",
            Fault.DROPPED_AFTER: "http.dropped",
            Fault.LATE: "http.timeout",
            Fault.BROKEN_BEFORE: "http.server_error",
            Fault.BROKEN_AFTER: "http.server_error",
            Fault.FORGED_AFTER: "signature.invalid",
            Fault.OVERSIZED_AFTER: "http.too_large",
            Fault.MIXED_UP_AFTER: "answer.request_id",
        }
    )

    def __init__(self, bank: Bank, serving: Serving, setup: Setup, clock: Clock) -> None:
        self.bank = bank
        self.serving = serving
        self.setup = setup
        self.clock = clock
        self.secrets = (TOKEN,)
        [held] = bank.accounts.values()
        self.account = Account("operating", held.iban, held.currency, held.owner)
        self.creditor = Creditor("ACME Ltd", "DE02100100109307118603")
        settings = BerlinGroupSettings.model_validate(
            {
                "url": serving.url,
                "access_token": TOKEN,
                "psu_id": "anna",
                "read_attempts": 1,
                "read_timeout_seconds": 1,
                "consent_frequency_per_day": 100,
                **setup.settings,
            }
        )
        self.connector = registry.build("bank", settings, Memory(), clock)

    @classmethod
    async def open(cls, setup: Setup) -> BerlinGroupBank:
        clock = Clock()
        openapi = OPENAPI if OPENAPI.exists() else None
        if openapi is not None:
            specification(openapi)  # once, before anything waits for an answer
        held = BankAccount("DE40100100103307118608", "EUR", "Example GmbH", 100_000_00)
        rules = {
            "open_accounts": [held],
            "now": clock,
            "openapi": openapi,
            "sca": Sca(phone=Phone.IGNORES),
            "settles_after_polls": None,
            "psu_ids": frozenset({"anna"}),
            "max_frequency_per_day": 100,
            "page_size": 2,
        }
        bank = Bank(**{**rules, **setup.bank})
        return cls(bank, await serve(bank, tls=setup.tls), setup, clock)

    async def close(self) -> None:
        await self.connector.close()
        await self.serving.stop()

    def executed(self, end_to_end_id: str) -> int:
        return sum(done.end_to_end_id == end_to_end_id for done in self.bank.ledger)

    def confirm(self) -> None:
        self._everybody(self.bank.confirm)

    def decline(self) -> None:
        self._everybody(self.bank.decline)

    def complete(self) -> None:
        for payment in self.bank.payments.all.values():
            if payment.is_open and payment.set_aside_at is not None:
                self.bank.settle(payment.id)

    def reject(self, end_to_end_id: str) -> None:
        self.bank.reject(self.bank.payment(end_to_end_id).id, "closed account")

    def spoil(self, fault: Fault) -> None:
        self.bank.faults.add("initiate", FAULTS[fault])

    def complaints(self) -> list[str]:
        return [*self.bank.violations, *self.bank.bad_requests]

    async def vanish(self) -> None:
        await self.serving.stop()

    def can_suffer(self, fault: Fault) -> bool:
        return fault is not Fault.FORGED_AFTER or "verify_responses" in self.setup.settings

    def _everybody(self, answer: Callable[[str], None]) -> None:
        for resource in [*self.bank.payments.all, *self.bank.consents.all]:
            with contextlib.suppress(LookupError):  # nobody is asked about it
                answer(resource)
