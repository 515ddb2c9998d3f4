"""Reading accounts: balances, transactions page by page, and one payment among them.

Source: Berlin Group, NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file (``/v1/accounts``).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from connectors.api import berlin_group_statement as statements
from connectors.api.berlin_group_consent import Consents
from connectors.api.berlin_group_messages import (
    AccountDetails,
    AccountList,
    Asking,
    BalancesAnswer,
    Transaction,
    TransactionsPage,
    iban,
    plain,
)
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.api.berlin_group_wire import Exchange, Now, Wire
from connectors.base import (
    Account,
    Balance,
    BalanceType,
    ConnectorError,
    Document,
    Instruction,
    Misconfigured,
    NotSent,
    Refused,
    Untrusted,
)

_READINGS = 3
_ANY_CURRENCY = "XXX"


@dataclass(frozen=True, slots=True)
class Found:
    """A payment of ours among an account's transactions.

    Attributes:
        transaction: The movement.
        is_booked: Whether it is booked, or pending still.
        said: The movement as the bank gave it, without its neighbours on the page, which are
            nobody's business who only sees this payment.
    """

    transaction: Transaction
    is_booked: bool
    said: Any

    @property
    def reference(self) -> str | None:
        """The bank's reference of the movement."""
        reference = self.transaction.transaction_id or self.transaction.entry_reference
        return plain(reference, 256) if reference else None


class AccountReader:
    """The accounts of one connection, read under its consent."""

    def __init__(
        self, name: str, settings: BerlinGroupSettings, wire: Wire, consents: Consents, now: Now
    ) -> None:
        self._name = name
        self._page_limit = settings.page_limit
        self._wire = wire
        self._consents = consents
        self._now = now
        self._resources: dict[tuple[str, str, str], str] = {}
        self._pages_state_balances = False

    async def balances(self, account: Account) -> tuple[Balance, ...]:
        """Return the account's balances now."""
        exchange = await self._ask(account, "/balances")
        return self._balances(account, exchange)

    async def collect(self, account: Account, period_from: date, period_to: date) -> Document:
        """Fetch what `statements.convert` needs for a period; see there.

        Raises:
            NotSent: ``statement.moving``: entries were booked during each of several readings.
        """
        today = statements.today(account, self._now())
        until = max(period_to, today)
        for _ in range(_READINGS):
            before = None if self._pages_state_balances else await self._ask(account, "/balances")
            read = [page async for page in self._pages(account, "booked", period_from, until)]
            after = None
            # Balances on the pages save asking, which banks allow but a few times a day.
            self._pages_state_balances = bool(
                statements.stated(account, [page for _, page in read])
            )
            if not self._pages_state_balances:
                after = await self._ask(account, "/balances")
                if before is None or self._booked(account, before) != self._booked(account, after):
                    continue
            content = statements.pack(
                account,
                today,
                [exchange.evidence() for exchange, _ in read],
                before.evidence() if before else None,
                after.evidence() if after else None,
            )
            return Document("application/json", content, period_from, period_to)
        raise NotSent(self._name, "statement.moving", params={"account": account.id})

    async def find(self, instruction: Instruction, first: date, last: date) -> Found | None:
        """Look for a payment of ours by its end-to-end id, booked or pending.

        Raises:
            Untrusted: ``payment.differs``: the bank shows another amount or payee under it.
        """
        pending = None
        async for exchange, page in self._both(instruction.account, first, last):
            said = json.loads(exchange.response.content)["transactions"]
            for at, transaction in enumerate(page.transactions.booked):
                if self._is(instruction, transaction):
                    return Found(transaction, is_booked=True, said=said["booked"][at])
            for at, transaction in enumerate(page.transactions.pending):
                if self._is(instruction, transaction):
                    pending = Found(transaction, is_booked=False, said=said["pending"][at])
        return pending

    def _is(self, instruction: Instruction, transaction: Transaction) -> bool:
        if statements.end_to_end_id(transaction) != instruction.end_to_end_id:
            return False
        amount, creditor = transaction.transaction_amount, transaction.creditor_account
        if amount.minor > 0:
            return False  # the payment coming back, not the payment
        if amount.currency == instruction.amount.currency and -amount != instruction.amount:
            raise Untrusted(self._name, "payment.differs", params={"field": "amount"})
        shown = creditor.iban if creditor else None
        if shown is not None and shown != iban(instruction.creditor.iban):
            raise Untrusted(self._name, "payment.differs", params={"field": "creditor_account"})
        return True

    async def _both(
        self, account: Account, first: date, last: date
    ) -> AsyncIterator[tuple[Exchange, TransactionsPage]]:
        """Read booked and pending transactions; booked alone where the bank offers no more."""
        try:
            async for page in self._pages(account, "both", first, last):
                yield page
        except Refused:
            async for page in self._pages(account, "booked", first, last):
                yield page

    async def _pages(
        self, account: Account, status: str, first: date, last: date
    ) -> AsyncIterator[tuple[Exchange, TransactionsPage]]:
        query = urlencode(
            {"bookingStatus": status, "dateFrom": first, "dateTo": last, "withBalance": "true"}
        )
        exchange = await self._ask(account, f"/transactions?{query}")
        size, seen = 0, set[str]()
        for _ in range(self._page_limit):
            page = self._wire.read(TransactionsPage, exchange)
            size += len(exchange.response.content)
            if size > statements.MAX_DOCUMENT_BYTES:
                raise Untrusted(self._name, "statement.too_large")
            yield exchange, page
            link = page.transactions.links.get("next")
            if link is None:
                return
            path = self._wire.path_of(exchange.path, link.href)
            if path in seen:
                raise Untrusted(self._name, "statement.endless")
            seen.add(path)
            exchange = await self._wire.ask(
                Asking.ACCOUNT, "GET", path, headers=await self._consent(account)
            )
        raise Untrusted(self._name, "statement.endless", params={"pages": str(self._page_limit)})

    async def _ask(self, account: Account, what: str) -> Exchange:
        """Read something of an account, which the bank knows by an id of its own."""
        headers = await self._consent(account)
        key = (headers["Consent-ID"], iban(account.iban), account.currency)
        if key not in self._resources:
            self._resources[key] = await self._resource(account, headers)
        resource = quote(self._resources[key], safe="")
        try:
            return await self._wire.ask(
                Asking.ACCOUNT, "GET", f"/v1/accounts/{resource}{what}", headers=headers
            )
        except ConnectorError as error:
            if error.params.get("status") in ("403", "404"):
                del self._resources[key]  # it may have another id by now
            raise

    async def _consent(self, account: Account) -> dict[str, str]:
        return {"Consent-ID": await self._consents.in_use(account)}

    async def _resource(self, account: Account, headers: dict[str, str]) -> str:
        exchange = await self._wire.ask(Asking.ACCOUNT, "GET", "/v1/accounts", headers=headers)
        ours = [
            details
            for details in self._wire.read(AccountList, exchange).accounts
            if details.iban == iban(account.iban) and details.resource_id
        ]

        def in_currency(*currencies: str | None) -> AccountDetails | None:
            return next((details for details in ours if details.currency in currencies), None)

        details = in_currency(account.currency) or in_currency(_ANY_CURRENCY, None)
        if details is None or details.resource_id is None:
            raise Misconfigured(self._name, "account.unknown", params={"account": account.id})
        return details.resource_id

    def _balances(self, account: Account, exchange: Exchange) -> tuple[Balance, ...]:
        answer = self._wire.read(BalancesAnswer, exchange)
        return statements.balances(self._name, account, answer)

    def _booked(self, account: Account, exchange: Exchange) -> Balance | None:
        found = self._balances(account, exchange)
        return next((balance for balance in found if balance.type is BalanceType.BOOKED), None)
