"""Calls a client whose payment has changed, as banks with a notification service do.

Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file, parameters
``TPP-Notification-URI`` and ``TPP-Notification-Content-Preferred``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx

from sandbox.bank.bank import Bank
from sandbox.bank.payments import Payment

_EVERY_SECONDS = 0.1
_TIMEOUT_SECONDS = 5.0


async def call_clients(bank: Bank) -> None:
    """Call, once for each change, whoever asked for it; a call that fails is not repeated."""
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
        while True:
            for payment in list(bank.payments.to_tell):
                await _tell(bank, payment, client)
            await asyncio.sleep(_EVERY_SECONDS)


async def _tell(bank: Bank, payment: Payment, client: httpx.AsyncClient) -> None:
    if payment.is_open:
        bank.payments.advance(payment)
    if not payment.is_open:
        bank.payments.to_tell.remove(payment)
    if payment.status is payment.told:
        return
    payment.told = payment.status
    body = {"paymentId": payment.id, "transactionStatus": str(payment.status)}
    with suppress(httpx.HTTPError, httpx.InvalidURL):
        await client.post(payment.notice_uri or "", json=body)
