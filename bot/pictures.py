"""Gathers what pictures show, and draws them off the event loop."""

from __future__ import annotations

import asyncio

from bot import charts, told
from bot.cards import Download
from bot.services import Services
from bot.wording import Reader, masked
from workflows import history
from workflows.digest import Digest
from workflows.orders import Order
from workflows.payee_history import PayeeHistory


async def of_digest(services: Services, reader: Reader, digest: Digest) -> Download:
    """Return a digest as a PNG; its title says the same in words."""
    past = await services.database.read(
        lambda connection: history.recent(
            connection,
            services.company,
            now=digest.at,
            for_accounts=[each.account_id for each in digest.accounts],
        )
    )
    content = await asyncio.to_thread(charts.digest_chart, reader, digest, past)
    return Download("digest.png", told.alt_text(reader, digest), content)


async def of_history(reader: Reader, order: Order, past: PayeeHistory) -> Download:
    """Return what was paid to an order's account before as a PNG."""
    content = await asyncio.to_thread(charts.history_chart, reader, order, past)
    title = reader.say(
        "history.picture",
        payee=order.creditor_name,
        account=masked(order.creditor_iban),
        order=order.id,
        amount=reader.money(order.amount),
    )
    return Download("history.png", title, content)
