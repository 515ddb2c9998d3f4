"""Payment resources and their life, from received to executed.

RCVD → (confirmed by the user) ACTC → (its day has come, money set aside) ACSP → (executed) ACSC;
or RJCT, PDNG (waiting for money) and CANC. Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11,
OpenAPI file (``transactionStatus``, ``cancelPayment``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sandbox.bank.authorisations import Authorisation, ScaStatus
from sandbox.bank.books import Books, Executed
from sandbox.bank.instructions import CODES, INSTANT, CreditTransfer
from sandbox.bank.rules import NoFunds, Phone, Refusal, Rules

NOT_ENOUGH = "There is not enough money on the account."


class Status(StrEnum):
    """``transactionStatus``: the ISO 20022 codes this bank uses."""

    RCVD = "RCVD"
    ACTC = "ACTC"
    PDNG = "PDNG"
    ACSP = "ACSP"
    ACSC = "ACSC"
    RJCT = "RJCT"
    CANC = "CANC"


FINAL = (Status.ACSC, Status.RJCT, Status.CANC)


@dataclass(slots=True)
class Payment:
    """One payment resource.

    Attributes:
        request_id: ``X-Request-ID`` of its initiation.
        reason: Why it was rejected, in words for the user.
        shown_from: The bank shows nothing of it on the account before.
        set_aside_at: When its money was set aside; None before.
        looks: How often the client has looked since.
        notice_uri: Where the client wants to be called when its status changes.
        told: The last status the client was called with, or was answered at the beginning.
    """

    id: str
    request_id: str
    order: CreditTransfer
    created_at: datetime
    shown_from: datetime
    needs_sca: bool
    status: Status = Status.RCVD
    reason: str = ""
    authorisations: dict[str, Authorisation] = field(default_factory=dict)
    cancellations: dict[str, Authorisation] = field(default_factory=dict)
    set_aside_at: datetime | None = None
    looks: int = 0
    notice_uri: str | None = None
    told: Status = Status.RCVD

    @property
    def is_open(self) -> bool:
        """Whether its status may still change."""
        return self.status not in FINAL

    def reject(self, reason: str) -> None:
        """End it without moving money."""
        self.status, self.reason = Status.RJCT, reason


class Payments:
    """All payments of one bank.

    Attributes:
        to_tell: Those whose clients want to be called, until they have been told the end.
    """

    def __init__(self, books: Books, rules: Rules, now: Callable[[], datetime]) -> None:
        self._books = books
        self._rules = rules
        self._now = now
        self._all: dict[str, Payment] = {}
        self.to_tell: list[Payment] = []

    @property
    def all(self) -> Mapping[str, Payment]:
        """Every payment by its id, in order of initiation."""
        return self._all

    def create(
        self,
        order: CreditTransfer,
        request_id: str,
        *,
        starts_sca: bool,
        refuses_no_funds: bool,
        notice_uri: str | None = None,
    ) -> Payment:
        """Take a payment in; without authentication to wait for, it goes on at once.

        Args:
            order: What to pay.
            request_id: ``X-Request-ID``.
            starts_sca: Start the authorisation with it.
            refuses_no_funds: What the client prefers when the money is not there.
            notice_uri: Where to call the client when the status changes.

        Raises:
            Refusal: ``PAYMENT_FAILED`` for want of money.
        """
        account = self._books.accounts[order.debtor_iban]
        now = self._now()
        refuses = refuses_no_funds or self._rules.no_funds is NoFunds.REFUSES
        if refuses and order.amount > account.available and self._is_today(order, now):
            raise Refusal(400, "PAYMENT_FAILED", NOT_ENOUGH)
        payment = Payment(
            id=str(uuid4()),
            request_id=request_id,
            order=order,
            created_at=now,
            shown_from=max(now, self._rules.hide_until or now),
            needs_sca=self._rules.sca.phone is not Phone.EXEMPT,
            notice_uri=notice_uri,
        )
        self._all[payment.id] = payment
        if payment.needs_sca and starts_sca:
            self.authorise(payment)
        self.advance(payment)
        payment.told = payment.status
        if notice_uri is not None and payment.is_open:
            self.to_tell.append(payment)
        return payment

    def find(self, product: str, payment_id: str) -> Payment:
        """Return a payment.

        Raises:
            Refusal: ``RESOURCE_UNKNOWN``; under another product too.
        """
        payment = self._all.get(payment_id)
        if payment is None or payment.order.product != product:
            raise Refusal(404, "RESOURCE_UNKNOWN", "no such payment")
        return payment

    def authorise(self, payment: Payment) -> Authorisation:
        """Start the user's confirmation.

        Raises:
            Refusal: ``STATUS_INVALID`` when there is none to be had.
        """
        started = any(a.status is not ScaStatus.FAILED for a in payment.authorisations.values())
        if payment.status is not Status.RCVD or not payment.needs_sca or started:
            raise Refusal(409, "STATUS_INVALID", "the payment is not to be authorised now")
        return self._start(payment.authorisations)

    def authorise_cancellation(self, payment: Payment) -> Authorisation:
        """Start the user's confirmation of a cancellation.

        Raises:
            Refusal: ``STATUS_INVALID`` or ``CANCELLATION_INVALID``.
        """
        self._check_cancellable(payment)
        pending = any(not a.is_final for a in payment.cancellations.values())
        if pending or not self._rules.cancellation_needs_sca:
            raise Refusal(409, "STATUS_INVALID", "the cancellation is not to be authorised now")
        return self._start(payment.cancellations)

    def cancel(self, payment: Payment) -> bool:
        """Cancel a payment that is not executed; False when the user has to confirm that first.

        Raises:
            Refusal: ``CANCELLATION_INVALID``: it is too late.
        """
        self._check_cancellable(payment)
        if payment.status is not Status.RCVD and self._rules.cancellation_needs_sca:
            return False
        self._cancel(payment)
        return True

    def look(self, payment: Payment) -> None:
        """Let a payment go on because the client asks about it."""
        self.advance(payment, looked=True)

    def look_at(self, iban: str) -> None:
        """Let an account's payments go on because the client reads its transactions."""
        for payment in self._of(iban):
            self.look(payment)

    def pending(self, iban: str) -> list[Payment]:
        """Return what the bank shows as pending on an account."""
        return [p for p in self._of(iban) if p.set_aside_at and p.shown_from <= self._now()]

    def advance(self, payment: Payment, *, looked: bool = False) -> None:
        """Let a payment go on as far as time, looks and money allow."""
        now = self._now()
        self._follow_authorisations(payment, now, looked)
        self._follow_cancellations(payment, now, looked)
        if payment.status in (Status.ACTC, Status.PDNG) and payment.set_aside_at is None:
            self._set_aside(payment, now)
        if payment.set_aside_at is not None and payment.is_open:
            self._follow_settlement(payment, payment.set_aside_at, now, looked)

    def settle(self, payment: Payment) -> None:
        """Execute a payment now, whatever it waits for.

        Raises:
            ValueError: It has ended already.
        """
        if not payment.is_open:
            raise ValueError(f"payment {payment.id} has ended as {payment.status}")
        self._execute(payment, self._now())

    def reject(self, payment: Payment, reason: str) -> None:
        """Reject a payment that has not ended.

        Raises:
            ValueError: It has ended already.
        """
        if not payment.is_open:
            raise ValueError(f"payment {payment.id} has ended as {payment.status}")
        self._release(payment)
        payment.reject(reason)

    def _of(self, iban: str) -> list[Payment]:
        return [p for p in self._all.values() if p.is_open and p.order.debtor_iban == iban]

    def _start(self, where: dict[str, Authorisation]) -> Authorisation:
        started = Authorisation(str(uuid4()), self._rules.sca, self._now())
        where[started.id] = started
        return started

    def _follow_authorisations(self, payment: Payment, now: datetime, looked: bool) -> None:
        if payment.status is not Status.RCVD:
            return
        if not payment.needs_sca:
            payment.status = Status.ACTC
        for authorisation in payment.authorisations.values():
            authorisation.advance(now, looked=looked)
            if authorisation.status is ScaStatus.FINALISED:
                payment.status = Status.ACTC
            elif authorisation.status is ScaStatus.FAILED:
                payment.reject("The payment was not confirmed.")
        if (
            payment.status is Status.RCVD
            and now >= payment.created_at + self._rules.sca.expires_after
        ):
            payment.reject("The payment was not confirmed in time.")

    def _follow_cancellations(self, payment: Payment, now: datetime, looked: bool) -> None:
        for authorisation in payment.cancellations.values():
            authorisation.advance(now, looked=looked)
            if authorisation.status is ScaStatus.FINALISED and self._is_cancellable(payment):
                self._cancel(payment)

    def _set_aside(self, payment: Payment, now: datetime) -> None:
        order = payment.order
        if not self._is_today(order, now):
            return
        account = self._books.accounts[order.debtor_iban]
        if order.creditor_iban in self._rules.closed_creditors:
            payment.reject(self._rules.closed_creditors[order.creditor_iban])
        elif order.amount <= account.available:
            account.reserved[payment.id] = order.amount
            payment.set_aside_at, payment.status = now, Status.ACTC
        elif self._rules.no_funds is NoFunds.WAITS:
            payment.status = Status.PDNG
        else:
            payment.reject(NOT_ENOUGH)

    def _is_today(self, order: CreditTransfer, now: datetime) -> bool:
        return order.execution_date is None or order.execution_date <= self._books.day(now)

    def _follow_settlement(
        self, payment: Payment, since: datetime, now: datetime, looked: bool
    ) -> None:
        duration, polls = self._rules.settles_after, self._rules.settles_after_polls
        if duration is not None:
            if now >= since + duration:
                self._execute(payment, now)
            elif now >= since + duration / 2:
                payment.status = Status.ACSP
        elif polls is not None and payment.looks >= polls:
            self._execute(payment, now)
        elif looked:
            payment.status = Status.ACSP if payment.looks else Status.ACTC
            payment.looks += 1

    def _execute(self, payment: Payment, now: datetime) -> None:
        order = payment.order
        executed = Executed(
            payment_id=payment.id,
            request_id=payment.request_id,
            end_to_end_id=order.end_to_end_id,
            product=order.product,
            amount=order.amount,
            currency=order.currency,
            debtor_iban=order.debtor_iban,
            creditor_iban=order.creditor_iban,
            creditor_name=order.creditor_name,
            remittance=order.remittance,
            at=now,
        )
        self._books.execute(executed, CODES[order.product], max(now, payment.shown_from))
        payment.status = Status.ACSC

    def _is_cancellable(self, payment: Payment) -> bool:
        if payment.order.product == INSTANT and payment.set_aside_at is not None:
            return False
        return payment.status in (Status.RCVD, Status.ACTC, Status.PDNG)

    def _check_cancellable(self, payment: Payment) -> None:
        if not self._is_cancellable(payment):
            raise Refusal(405, "CANCELLATION_INVALID", f"the payment is {payment.status}")

    def _cancel(self, payment: Payment) -> None:
        self._release(payment)
        payment.status = Status.CANC

    def _release(self, payment: Payment) -> None:
        self._books.accounts[payment.order.debtor_iban].reserved.pop(payment.id, None)
        payment.set_aside_at = None
