"""An office that pays its rent: a series, and hands to have it asked for, approved and stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from connectors.money import Money
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, code_of
from tests.workflows.test_dispatch import Office
from workflows import (
    requests,
    running,
    series,
)
from workflows.approvals import Approval, of_order
from workflows.orders import Order
from workflows.record import verification
from workflows.recurrence import Every, Repeats
from workflows.refusal import Refusal
from workflows.requests import Payment

ONCE = """
version: 1
rules:
  - name: Every payment
    series: once
    require: [ { role: controller } ]
  - name: From 10 000 up
    series: once
    when: { amount: { from: 10000 } }
    require: [ { role: cfo } ]
"""
EACH = ONCE.replace("    series: once\n", "")
FIRST = date(2026, 12, 1)
RENT = replace(
    LARGE,
    amount=Money(125_000, "EUR"),
    remittance="Rent",
    execution_date=FIRST,
    repeats=Repeats(Every.MONTH, date(2027, 3, 31)),
)


class Landlord(Office):
    """An office that pays its rent."""

    async def rented(self, payment: Payment = RENT, *approvers: str) -> Order:
        order = await self.ask(payment)
        for who in approvers or ("bea",):
            assert code_of(await self.decide(who, order)) == "decided"
            self.hands.forward(seconds=30)
        return await self.now(order)

    async def on(self, day: str, hour: int = 9) -> list[Order]:
        """Let it be a day, and return what is asked for on it."""
        self.hands.now = datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)
        return await self.database.write(
            lambda c: series.continue_due(c, self.company, now=self.hands())
        )

    async def given(self, order: Order) -> list[Approval]:
        return await self.database.read(lambda c: of_order(c, order))

    async def stop(self, who: str, order: Order) -> str:
        try:
            await self.database.write(
                lambda c: series.stop(
                    c, self.company, PEOPLE_BY_ID[who], order.id, now=self.hands()
                )
            )
        except Refusal as refusal:
            return refusal.code
        return "stopped"

    async def at(self, first: Order) -> running.Running:
        found = await self.database.read(lambda c: running.find(c, first.id))
        assert found is not None
        return found

    async def is_sound(self) -> bool:
        report = await self.database.read(verification.verify)
        assert report.findings == ()
        return True


async def amended(office: Landlord, order: Order, payment: Payment) -> Order:
    return await office.database.write(
        lambda c: requests.amend(
            c,
            office.company,
            PEOPLE_BY_ID["amara"],
            order.id,
            payment,
            version=order.version,
            now=office.hands(),
        )
    )
