"""A bank: its books, payments and consents, and the switches tests and demo work it by."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from sandbox.bank.authorisations import Authorisation
from sandbox.bank.books import Account, Books, Entry, Executed, Party
from sandbox.bank.certificates import Identity
from sandbox.bank.consents import Consents
from sandbox.bank.faults import Faults
from sandbox.bank.payments import Payment, Payments
from sandbox.bank.rules import Refusal, Rules, utc_now

_REMEMBERED_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in, with the status it was answered with (0: not answered)."""

    operation: str
    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int


@dataclass(kw_only=True)
class Bank(Rules):
    """A simulated bank that speaks Berlin Group NextGenPSD2 1.3.11; see `sandbox.bank.serve`.

    Besides the rules it plays by (`Rules`):

    Attributes:
        open_accounts: The accounts to begin with.
        now: Aware time. All of the bank's time comes from here.
        openapi: The framework's OpenAPI file: every request and answer is checked against it.
        require_signature: Refuse what is not signed by a certificate of ``trusted_authorities``.
        trusted_authorities: Certificates of the authorities whose TPP certificates are taken.
        revoked: Serial numbers of certificates no longer taken.
        signs_answers_as: Sign every answer with this identity.
        faults: Faults on demand.
        violations: Where an answer of ours broke the OpenAPI file.
        bad_requests: Where a client's request broke it.
        requests: The latest requests, oldest first.
    """

    open_accounts: InitVar[Iterable[Account]]
    now: Callable[[], datetime] = utc_now
    openapi: Path | None = None
    require_signature: bool = False
    trusted_authorities: tuple[x509.Certificate, ...] = ()
    revoked: set[int] = field(default_factory=set)
    signs_answers_as: Identity | None = None
    faults: Faults = field(default_factory=Faults, init=False)
    violations: list[str] = field(default_factory=list, init=False)
    bad_requests: list[str] = field(default_factory=list, init=False)
    requests: deque[Received] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED_REQUESTS), init=False
    )
    books: Books = field(init=False, repr=False)
    payments: Payments = field(init=False, repr=False)
    consents: Consents = field(init=False, repr=False)

    def __post_init__(self, open_accounts: Iterable[Account]) -> None:
        """Open the books."""
        self.books = Books(open_accounts, self.zone, self.now)
        self.payments = Payments(self.books, self, self.now)
        self.consents = Consents(self.books, self, self.now)

    @property
    def ledger(self) -> list[Executed]:
        """Every executed payment, in order of execution."""
        return self.books.ledger

    @property
    def accounts(self) -> dict[str, Account]:
        """Accounts by IBAN."""
        return self.books.accounts

    def advance(self) -> None:
        """Let payments and consents go on as far as the clock allows."""
        for payment in self.payments.all.values():
            if payment.is_open:
                self.payments.advance(payment)
        for consent in self.consents.all.values():
            self.consents.advance(consent)

    def payment(self, end_to_end_id: str) -> Payment:
        """Return the only payment with an end-to-end id.

        Raises:
            LookupError: There is none, or more than one.
        """
        found = [p for p in self.payments.all.values() if p.order.end_to_end_id == end_to_end_id]
        if len(found) != 1:
            raise LookupError(f"{len(found)} payments have the end-to-end id {end_to_end_id}")
        return found[0]

    def check_psu(self, psu_id: str | None) -> None:
        """Raise `Refusal` unless ``psu_id`` may be missing or is a user of this bank."""
        if self.psu_ids is not None and psu_id not in self.psu_ids:
            raise Refusal(401, "PSU_CREDENTIALS_INVALID", "missing or unknown", "PSU-ID")

    def confirm(self, resource_id: str) -> None:
        """Let the user confirm a payment (or its cancellation) or a consent, by its id."""
        self._answer(resource_id, confirmed=True)

    def decline(self, resource_id: str) -> None:
        """Let the user decline a payment (or its cancellation) or a consent, by its id."""
        self._answer(resource_id, confirmed=False)

    def settle(self, payment_id: str) -> None:
        """Execute a payment now. Raises KeyError, or ValueError when it has ended."""
        self.payments.settle(self.payments.all[payment_id])

    def reject(self, payment_id: str, reason: str) -> None:
        """Reject a payment now. Raises KeyError, or ValueError when it has ended."""
        self.payments.reject(self.payments.all[payment_id], reason)

    def return_payment(self, payment_id: str, reason: str = "AC04") -> None:
        """Book an executed payment back. Raises KeyError or ValueError; see `Books.give_back`."""
        self.books.give_back(payment_id, reason)

    def credit(
        self,
        iban: str,
        amount: int,
        name: str,
        remittance: str,
        *,
        from_iban: str | None = None,
        end_to_end_id: str | None = None,
        booked_at: datetime | None = None,
    ) -> Entry:
        """Book money that comes in, in minor units; raises KeyError for an unknown account."""
        party = Party(name, from_iban)
        return self.books.credit(iban, amount, party, remittance, end_to_end_id, booked_at)

    def _answer(self, resource_id: str, *, confirmed: bool) -> None:
        waiting = [a for a in self._authorisations(resource_id) if not a.is_final]
        if not waiting:
            raise LookupError(f"nobody is asked to confirm {resource_id}")
        for authorisation in waiting:
            authorisation.conclude(confirmed=confirmed)
        self.advance()

    def _authorisations(self, resource_id: str) -> list[Authorisation]:
        if resource_id in self.consents.all:
            return list(self.consents.all[resource_id].authorisations.values())
        payment = self.payments.all[resource_id]
        return [*payment.authorisations.values(), *payment.cancellations.values()]
