"""Gathers what the digest's picture shows, and draws it off the event loop."""

from __future__ import annotations

import asyncio

from bot import charts
from bot.cards import Download
from bot.services import Services
from bot.wording import Reader
from workflows import history
from workflows.digest import Digest


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
    return Download("digest.png", charts.alt_text(reader, digest), content)
