"""Berlin Group NextGenPSD2 1.3: payments, accounts and consents of a bank.

Source: Berlin Group, NextGenPSD2 XS2A Framework 1.3.11 (2021-09-24), OpenAPI file; paths and names
are its own. People confirm in the bank's own app (decoupled SCA).

The standard has no look-up by our own key. A payment whose answer was lost is looked for among the
account's transactions by its end-to-end id, which can prove that it was made and never that it was
not; only a bank that promised to treat a repeated ``X-Request-ID`` as the same payment is asked by
sending it again.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from connectors.api import berlin_group_statement as statements
from connectors.api.berlin_group_accounts import AccountReader, Found
from connectors.api.berlin_group_consent import PREFERENCES, START_LINKS, Consents
from connectors.api.berlin_group_messages import (
    FINAL_SCA,
    PROGRESS,
    Asking,
    Authorisation,
    PaymentCreated,
    PaymentShown,
    PaymentStatus,
    iban,
    plain,
)
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.api.berlin_group_wire import Now, Wire
from connectors.base import (
    Account,
    Balance,
    Capability,
    Connector,
    ConnectorError,
    ConnectorState,
    Consent,
    Creditor,
    Document,
    Enquiry,
    Indeterminate,
    Instruction,
    Outcome,
    Progress,
    Receipt,
    Refused,
    Statement,
    Untrusted,
)
from connectors.http import Sleep
from connectors.money import Money

SEPA, INSTANT, CROSS_BORDER = (
    "sepa-credit-transfers",
    "instant-sepa-credit-transfers",
    "cross-border-credit-transfers",
)
_RECEIPT_FORMAT = "berlin-group-receipt/1"
_FURTHER_PEOPLE = "PATC"
_STALLS = frozenset({"FUNDS_NOT_AVAILABLE"})
"""Remarks that tell why a payment stays pending (``MessageCode200InitiationStatus``)."""
_BOOKED, _PENDING = "BOOK", "PDNG"
"""ISO 20022 ExternalEntryStatus1Code, for a payment known only as a movement."""


class BerlinGroup(Connector):
    """A bank that speaks NextGenPSD2.

    Args:
        name: The connection's name in settings.
        settings: Of the connection.
        state: Where consents and waiting authorisations are remembered.
        now: Aware UTC time.
        sleep: Waits between attempts to read, in seconds.

    Raises:
        Misconfigured: A certificate or key named in the settings cannot be used.
    """

    capabilities = frozenset(
        {
            Capability.BALANCES,
            Capability.PAYMENTS,
            Capability.ENQUIRY,
            Capability.CANCELLATION,
            Capability.STATEMENTS,
            Capability.RECEIPTS,
            Capability.CONSENT,
        }
    )

    def __init__(
        self,
        name: str,
        settings: BerlinGroupSettings,
        state: ConnectorState,
        now: Now,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self.enquiry_window = timedelta(hours=settings.enquiry_window_hours)
        self._settings = settings
        self._state = state
        self._now = now
        self._wire = Wire(name, settings, now, sleep)
        self._consents = Consents(name, settings, self._wire, state)
        self._accounts = AccountReader(name, settings, self._wire, self._consents, now)

    def service(self, account: Account, creditor: Creditor, amount: Money) -> str:
        """Name the payment product: SEPA (instant by setting) for euros within SEPA."""
        if amount.currency != "EUR" or not (_in_sepa(account.iban) and _in_sepa(creditor.iban)):
            return CROSS_BORDER
        return INSTANT if self._settings.instant else SEPA

    async def balances(self, account: Account) -> tuple[Balance, ...]:
        """Return the booked and available balance, and others the bank gives."""
        return await self._accounts.balances(account)

    async def submit(self, instruction: Instruction) -> Outcome:
        """Initiate the payment, and start its authorisation where the bank asks for that."""
        exchange = await self._wire.ask(
            Asking.SUBMIT,
            "POST",
            f"/v1/payments/{self._product(instruction)}",
            expect=(201,),
            body=self._body(instruction),
            headers={
                **PREFERENCES,
                "TPP-Rejection-NoFunds-Preferred": "true",
                "PSU-IP-Address": self._psu_address(instruction),
                **self._notices(instruction),
            },
            request_id=instruction.request_id,
        )
        answer = self._wire.read(PaymentCreated, exchange)
        outcome = _outcome(answer, answer.payment_id)
        if outcome.progress is not Progress.PENDING:
            return outcome
        return await self._with_authorisation(
            outcome, answer, f"{self._path(instruction, answer.payment_id)}/authorisations"
        )

    def _notices(self, instruction: Instruction) -> dict[str, str]:
        """Return the headers that ask for a call at each change (parameters TPP-Notification-…)."""
        if not self._settings.notifies or instruction.notice_url is None:
            return {}
        return {
            "TPP-Notification-URI": instruction.notice_url,
            "TPP-Notification-Content-Preferred": "status=PROCESS",
        }

    async def follow(self, instruction: Instruction, reference: str) -> Outcome:
        """Return the payment's status, and whom it waits for."""
        exchange = await self._wire.ask(
            Asking.PAYMENT, "GET", f"{self._path(instruction, reference)}/status"
        )
        outcome = _outcome(self._wire.read(PaymentStatus, exchange), reference)
        waiting = await self._state.get(_waiting_key(reference))
        if waiting is None:
            return outcome
        if outcome.progress is not Progress.PENDING:
            await self._state.put(_waiting_key(reference), None)
            return outcome
        return await self._still_waiting(outcome, waiting)

    async def enquire(
        self, instruction: Instruction, since: datetime, *, may_send: bool = False
    ) -> Enquiry:
        """Look for the payment among the account's transactions, or repeat it where promised.

        Transactions from the day before it was sent to tomorrow are read, because the bank's day
        may not be ours. Finding nothing is never conclusive: a payment that waits for a person at
        the bank is not among them.
        """
        promised = timedelta(hours=self._settings.replay_hours)
        try:
            is_promised = self._settings.replays_request_id and self._now() - since < promised
            if may_send and is_promised:
                with suppress(Refused):
                    return Enquiry(await self.submit(instruction), conclusive=True)
            day = timedelta(days=1)
            first = statements.today(instruction.account, since) - day
            last = statements.today(instruction.account, self._now()) + day
            found = await self._accounts.find(instruction, first, last)
        except Indeterminate:
            raise
        except ConnectorError as error:
            raise Indeterminate(self.name, error.code, error.detail, error.params) from None
        return Enquiry(_as_outcome(found) if found else None, conclusive=False)

    async def cancel(self, instruction: Instruction, reference: str) -> Outcome:
        """Ask for cancellation, and start its authorisation where the bank asks for that."""
        path = self._path(instruction, reference)
        exchange = await self._wire.ask(
            Asking.CHANGE, "DELETE", path, expect=(202, 204), headers=PREFERENCES
        )
        if exchange.response.status == 204:
            await self._remember(reference, None)
            return Outcome(Progress.CANCELLED, "CANC", reference)
        answer = self._wire.read(PaymentStatus, exchange)
        outcome = _outcome(answer, reference)
        if outcome.progress is not Progress.PENDING:
            return outcome
        return await self._with_authorisation(
            outcome, answer, f"{path}/cancellation-authorisations"
        )

    async def collect(self, account: Account, period_from: date, period_to: date) -> Document:
        """Fetch all pages of booked transactions between two readings of the balances."""
        return await self._accounts.collect(account, period_from, period_to)

    def convert(self, account: Account, document: Document) -> Statement:
        """Read a document of `collect`."""
        return statements.convert(self.name, account, document)

    async def receipt(self, instruction: Instruction, reference: str) -> Receipt | None:
        """Return the bank's answers about a settled payment, and its booked entry if there is one.

        The API offers no receipt document. An account that cannot be read (no consent, too often
        today) costs the receipt its entry, not its existence, unless the entry is all there is.
        """
        answers = await self._settled(instruction, reference) if reference else []
        found = await self._booked_entry(instruction) if answers or not reference else None
        if not answers and not found:
            return None
        content = {
            "format": _RECEIPT_FORMAT,
            "answers": answers,
            "entry": found.said if found else None,
        }
        return Receipt(
            reference=(found.reference if found else None) or reference,
            media_type="application/json",
            content=json.dumps(content, indent=1).encode("ascii"),
            booked_on=found.transaction.booking_date if found else None,
        )

    async def consent(self, accounts: tuple[Account, ...], now: datetime) -> Consent:
        """Return the consent in force for ``accounts``, asking for a new one where needed."""
        return await self._consents.ensure(accounts, now)

    async def close(self) -> None:
        """Release connections."""
        await self._wire.close()

    def _product(self, instruction: Instruction) -> str:
        chosen = instruction.service or self.service(
            instruction.account, instruction.creditor, instruction.amount
        )
        return quote(chosen, safe="")

    def _path(self, instruction: Instruction, reference: str) -> str:
        return f"/v1/payments/{self._product(instruction)}/{quote(reference, safe='')}"

    def _psu_address(self, instruction: Instruction) -> str:
        """Return the person's IPv4 address, or ours where theirs says nothing to the bank."""
        try:
            address = ip_address(instruction.requester_ip)
        except ValueError:
            return str(self._settings.psu_ip_address)
        useless = address.version != 4 or address.is_loopback
        return str(self._settings.psu_ip_address if useless else address)

    def _body(self, instruction: Instruction) -> dict[str, Any]:
        """Build ``paymentInitiation_json``."""
        account, creditor, amount = instruction.account, instruction.creditor, instruction.amount
        body: dict[str, Any] = {
            "endToEndIdentification": instruction.end_to_end_id,
            "debtorAccount": {"iban": iban(account.iban), "currency": account.currency},
            "instructedAmount": {"currency": amount.currency, "amount": f"{amount.decimal:f}"},
            "creditorAccount": {"iban": iban(creditor.iban)},
            "creditorName": creditor.name,
        }
        if creditor.bic:
            body["creditorAgent"] = creditor.bic
        if creditor.country:
            body["creditorAddress"] = {"country": creditor.country}
        if instruction.remittance_information:
            body["remittanceInformationUnstructured"] = instruction.remittance_information
        if instruction.requested_execution_date:
            body["requestedExecutionDate"] = instruction.requested_execution_date.isoformat()
        if self._product(instruction) == CROSS_BORDER:
            body["chargeBearer"] = self._settings.charge_bearer
        return body

    async def _with_authorisation(
        self, outcome: Outcome, answer: PaymentCreated | PaymentStatus, path: str
    ) -> Outcome:
        """Add what the bank asks of a person, having started the authorisation where due.

        The payment is acknowledged by now: nothing here may lose its reference.
        """
        reference, links = outcome.reference or "", answer.links
        words = plain(answer.psu_message or "")
        if any(link in links for link in START_LINKS):
            await self._remember(reference, path)
            return await self._still_waiting(_waiting(outcome, words), path)
        if "scaStatus" in links:
            authorisation = links["scaStatus"].href.partition("?")[0].rstrip("/").rpartition("/")[2]
            await self._remember(reference, f"{path}/{quote(authorisation, safe='%')}")
            return _waiting(outcome, words)
        if any(
            name.startswith(("startAuthorisationWith", "scaRedirect", "scaOAuth")) for name in links
        ):
            return _waiting(outcome, words, "sca.unsupported")
        return _waiting(outcome, words) if words else outcome

    async def _still_waiting(self, outcome: Outcome, path: str) -> Outcome:
        """Ask how an authorisation stands, starting it if it has not been.

        Args:
            outcome: What is known of the payment.
            path: Of the authorisation, or where it is to be started.
        """
        start = path.endswith("authorisations")
        try:
            exchange = await self._wire.ask(
                Asking.CHANGE if start else Asking.PAYMENT,
                "POST" if start else "GET",
                path,
                expect=(201,) if start else (200,),
                headers=PREFERENCES if start else None,
                body={} if start else None,
            )
            answer = self._wire.read(Authorisation, exchange)
        except ConnectorError:
            # The payment is pending whatever happens here; the next follow tries again.
            return _waiting(outcome, outcome.waiting_for_person or "")
        reference = outcome.reference or ""
        if answer.sca_status in FINAL_SCA:
            await self._remember(reference, None)
            return outcome
        if start and answer.authorisation_id:
            await self._remember(reference, f"{path}/{quote(answer.authorisation_id, safe='')}")
        return _waiting(outcome, plain(answer.psu_message or outcome.waiting_for_person or ""))

    async def _remember(self, reference: str, path: str | None) -> None:
        """Remember an authorisation to follow; a store that fails must not cost us the payment."""
        try:
            await self._state.put(_waiting_key(reference), path)
        except Exception:  # only the prompt to the person is lost, and the bank prompts them too
            return

    async def _settled(self, instruction: Instruction, reference: str) -> list[dict[str, Any]]:
        """Return the bank's answers that say the payment is settled; none if it is not."""
        path = self._path(instruction, reference)
        exchange = await self._wire.ask(Asking.PAYMENT, "GET", path)
        payment = self._wire.read(PaymentShown, exchange)
        self._check_same(instruction, payment)
        answers = [exchange.evidence()]
        status = payment.transaction_status
        if status is None:
            exchange = await self._wire.ask(Asking.PAYMENT, "GET", f"{path}/status")
            status = self._wire.read(PaymentStatus, exchange).transaction_status
            answers.append(exchange.evidence())
        return answers if PROGRESS.get(status) is Progress.SETTLED else []

    async def _booked_entry(self, instruction: Instruction) -> Found | None:
        account = instruction.account
        today = statements.today(account, self._now())
        first = min(today, instruction.requested_execution_date or today) - timedelta(days=7)
        try:
            found = await self._accounts.find(instruction, first, today + timedelta(days=1))
        except Untrusted as error:
            if error.code == "payment.differs":
                raise
            return None
        except ConnectorError:
            return None
        return found if found and found.is_booked else None

    def _check_same(self, instruction: Instruction, shown: PaymentShown) -> None:
        same = {
            "amount": shown.instructed_amount == instruction.amount,
            "creditor_account": shown.creditor_account.iban == iban(instruction.creditor.iban),
            "debtor_account": shown.debtor_account.iban == iban(instruction.account.iban),
            "end_to_end_id": shown.end_to_end_identification
            in (None, "", instruction.end_to_end_id),
        }
        for field, is_same in same.items():
            if not is_same:
                raise Untrusted(self.name, "payment.differs", params={"field": field})


def _in_sepa(value: str) -> bool:
    try:
        return bool(IBAN(value, allow_invalid=True).in_sepa_zone)
    except SchwiftyException:
        return False


def _waiting_key(reference: str) -> str:
    return f"authorisation:{reference}"


def _waiting(outcome: Outcome, words: str, reason_code: str | None = None) -> Outcome:
    return Outcome(
        outcome.progress,
        outcome.status,
        outcome.reference,
        reason_code=reason_code or outcome.reason_code,
        reason_text=outcome.reason_text,
        waiting_for_person=words,
    )


def _outcome(answer: PaymentCreated | PaymentStatus, reference: str) -> Outcome:
    """Say what a status means; one that the standard does not know settles nothing."""
    status = answer.transaction_status
    progress = PROGRESS.get(status, Progress.PENDING)
    refused, pending = progress is Progress.REFUSED, progress is Progress.PENDING
    remarks = [m for m in answer.tpp_messages if refused or m.code in _STALLS]
    said = next(iter(sorted(remarks, key=lambda m: m.category != "ERROR")), None)
    text = (said.text if said else None) or (answer.psu_message if refused else None)
    waits = pending and (answer.psu_message or status == _FURTHER_PEOPLE)
    return Outcome(
        progress,
        status,
        reference,
        reason_code=plain(said.code, 60) if said else None,
        reason_text=plain(text) if text else None,
        waiting_for_person=plain(answer.psu_message or "") if waits else None,
    )


def _as_outcome(found: Found) -> Outcome:
    if found.is_booked:
        return Outcome(Progress.SETTLED, _BOOKED, entry_reference=found.reference)
    return Outcome(Progress.PENDING, _PENDING, entry_reference=found.reference)
