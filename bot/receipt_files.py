"""Gathers what a payment confirmation tells, and draws it off the event loop."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, select

from bot import receipts
from bot.receipts import ReceiptFacts, Signature
from bot.services import Services
from bot.wording import Reader
from workflows import approvals, audit, instructions, orders, tables
from workflows.approvals import Approval


async def pdf_of(services: Services, reader: Reader, order_id: str) -> bytes:
    """Return the payment confirmation of a settled order whose receipt is stored."""
    facts = await services.database.read(lambda connection: gather(connection, reader, order_id))
    return await asyncio.to_thread(receipts.render_pdf, services.messages, reader.language, facts)


def gather(connection: Connection, reader: Reader, order_id: str) -> ReceiptFacts:
    """Return everything the confirmation of ``order_id`` says, from the record."""
    order = orders.get(connection, order_id)
    sent = instructions.find(connection, order_id)
    stored = connection.execute(
        select(tables.receipt).where(tables.receipt.c.order_id == order_id)
    ).one()
    entries = audit.of_subject(connection, order_id)
    settled = next(entry for entry in reversed(entries) if entry.kind == "order.settled")
    given = approvals.of_order(connection, order)
    roles = {
        person: role
        for role, person in approvals.assignment_of(reader.company, order, given).filled
    }
    own = reader.company.accounts[order.account_id]
    return ReceiptFacts(
        company=reader.company.name,
        zone=reader.timezone,
        order_id=order.id,
        version=order.version,
        state=order.state,
        account_name=own.name,
        debtor_iban=order.debtor_iban,
        creditor_name=order.creditor_name,
        creditor_iban=order.creditor_iban,
        amount=order.amount,
        remittance=order.remittance,
        end_to_end_id=order.end_to_end_id,
        institution=order.connector,
        institution_reference=stored.reference,
        status=(sent.status if sent else None) or "",
        booked_on=stored.booked_on,
        requested=Signature(reader.name(order.requester_id), order.created_at),
        approvals=tuple(
            Signature(
                _by(reader, each),
                each.at,
                roles.get(each.person_id, ""),
                each.factor,
            )
            for each in given
        ),
        digest=order.digest,
        audit_seq=settled.seq,
        audit_hash=settled.hash,
        evidence_media_type=stored.media_type,
        evidence_sha256=stored.sha256,
        is_official=stored.is_official,
    )


def _by(reader: Reader, given: Approval) -> str:
    """Return who approved, and for whom where it was not by their own roles."""
    name = reader.name(given.person_id)
    if given.on_behalf_of is None:
        return name
    return reader.say("receipt.name_for", name=name, principal=reader.name(given.on_behalf_of))
