"""The same loop with a real connector, over real HTTP, against a bank that keeps a ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.api.berlin_group import BerlinGroup
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.money import Money
from tests.connectors.loopback import Loopback, Request, http, loopback
from tests.workflows.ledger import EUR, LedgerBank, World, world
from workflows import audit, digest, tables

PAGE = 2


class _Forgetful:
    """Keeps nothing: the consent is in the settings."""

    async def get(self, key: str) -> str | None:
        return None

    async def put(self, key: str, value: str | None) -> None:
        return


class _BerlinGroupBank:
    """Tells a ledger the way the Berlin Group's API does, two transactions a page."""

    def __init__(self, ledger: LedgerBank) -> None:
        self.ledger = ledger
        self.is_open = True

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        headers = {"X-Request-ID": request.headers["x-request-id"]}
        if not self.is_open:
            writer.write(http(503, None, headers))
            return
        url = urlsplit(request.path)
        body: dict[str, Any]
        match url.path:
            case "/v1/accounts":
                body = {"accounts": [{"resourceId": "1", "iban": EUR.iban, "currency": "EUR"}]}
            case "/v1/accounts/1/balances":
                body = {"account": {"iban": EUR.iban}, "balances": [self._balance()]}
            case _:
                body = self._page({name: values[0] for name, values in parse_qs(url.query).items()})
        writer.write(http(200, body, headers))

    def _balance(self) -> dict[str, Any]:
        return {"balanceType": "interimBooked", "balanceAmount": _amount(self.ledger.balance(EUR))}

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        first, last, skip = query["dateFrom"], query["dateTo"], int(query.get("skip", "0"))
        wanted = [
            {
                "transactionId": entry.key,
                "endToEndId": entry.end_to_end_id or "NOTPROVIDED",
                "bookingDate": entry.booking_date.isoformat(),
                "transactionAmount": _amount(entry.amount.minor),
            }
            for entry in self.ledger.booked[EUR.id]
            if first <= entry.booking_date.isoformat() <= last
        ]
        links = {"account": {"href": "/v1/accounts/1"}}
        if len(wanted) > skip + PAGE:
            path = f"/v1/accounts/1/transactions?bookingStatus=booked&dateFrom={first}"
            links["next"] = {"href": f"{path}&dateTo={last}&skip={skip + PAGE}"}
        shown = wanted[skip : skip + PAGE]
        return {
            "account": {"iban": EUR.iban},
            "transactions": {"booked": shown, "_links": links},
        }


def _amount(minor: int) -> dict[str, str]:
    return {"currency": "EUR", "amount": f"{Money(minor, 'EUR').decimal:f}"}


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[World, _BerlinGroupBank, Loopback]]:
    async with world() as w:
        bank = _BerlinGroupBank(w.bank)
        async with loopback(bank) as server:
            settings = BerlinGroupSettings.model_validate({"url": server.url, "consent_id": "c"})

            async def at_once(seconds: float) -> None:
                return

            connector = BerlinGroup("bank", settings, _Forgetful(), w.clock, at_once)
            w.connectors["bank"] = connector
            try:
                yield w, bank, server
            finally:
                await connector.close()


async def test_a_payment_is_found_on_the_statement_and_told_in_the_digest() -> None:
    async with connected() as (w, _, _server):
        w.bank.opened_with["eur"] = 1_000_000
        assert (await w.collector.collect("eur")).trouble is None
        order = await w.order()
        for minor in (700, -41, 900):
            w.bank.book(EUR, minor, w.clock.today())
        w.book(order)
        w.clock.advance(minutes=15)
        collected = await w.collector.collect("eur")
        assert (collected.trouble, collected.new, collected.matches.booked) == (None, 4, 1)
        assert await w.state_of(order) == "settled"
        w.clock.advance(minutes=15)
        again = await w.collector.collect("eur")
        assert (again.trouble, again.new, again.known) == (None, 0, 4)
        assert len(await w.rows(tables.statement)) == 2

        composed = await w.database.read(
            lambda c: digest.compose(c, w.company, now=w.clock(), for_accounts=["eur"])
        )
        (eur,) = composed.accounts
        assert eur.reading.booked == Money(w.bank.balance(EUR), "EUR")
        assert (eur.reading.booked_at, eur.collected_at) == (w.clock(), w.clock())
        assert (eur.matched.count, eur.unmatched.count, eur.incoming.count) == (1, 1, 2)
        assert (await w.database.read(audit.verify)).is_intact


async def test_a_bank_that_is_down_is_named_and_forgiven() -> None:
    async with connected() as (w, bank, _):
        w.bank.opened_with["eur"] = 5_000
        owned = [w.company.accounts["eur"]]
        (fresh,) = await w.collector.balances(owned)
        assert (fresh.is_fresh, fresh.booked) == (True, Money(5_000, "EUR"))
        bank.is_open = False
        w.clock.advance(hours=1)
        (stale,) = await w.collector.balances(owned)
        assert (stale.is_fresh, stale.booked, stale.at) == (False, fresh.booked, fresh.at)
        assert stale.error
        assert (await w.collector.collect("eur")).trouble is not None
        bank.is_open = True
        assert (await w.collector.collect("eur")).trouble is None
        (fresh,) = await w.collector.balances(owned)
        assert (fresh.is_fresh, fresh.error) == (True, None)


async def test_a_bank_that_changes_what_it_told_is_not_believed() -> None:
    async with connected() as (w, _, _server):
        w.bank.book(EUR, 700, w.clock.today())
        await w.collector.collect("eur")
        w.bank.booked["eur"].clear()
        w.bank.book(EUR, 700, w.clock.today(), key="another")
        collected = await w.collector.collect("eur")
        assert collected.trouble is not None
        assert collected.trouble.code == "entry.missing"
        assert [each["key"] for each in await w.rows(tables.statement_entry)] == ["eur-1"]
