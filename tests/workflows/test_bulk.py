"""Several payments approved with one code: all as they were shown, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import update

from connectors.money import Money
from tests.workflows.company import CIPHER, NEW_IBAN, Hands, Phones
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from workflows import audit, bulk, requests, tables
from workflows.approvals import Decided
from workflows.bulk import Changed, Shown
from workflows.database import Database
from workflows.orders import Order, OrderState
from workflows.record import verification
from workflows.refusal import Refusal

SMALL = replace(LARGE, amount=Money(500_00, "EUR"), is_no_duplicate=True)
Result = list[Decided] | Changed | Refusal


def shown(orders: Sequence[Order]) -> list[Shown]:
    return [Shown(each.id, each.version, each.digest) for each in orders]


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


async def several(desk: Desk, count: int = 3, who: str = "amara") -> list[Order]:
    return [await desk.ask(replace(SMALL, remittance=f"INV-{n}"), who) for n in range(count)]


async def approve(desk: Desk, who: str, orders: Sequence[Order], code: str | None = None) -> Result:
    given = desk.phones.code(who) if code is None else code
    return await desk.database.write(
        lambda c: bulk.approve(
            c, desk.company, CIPHER, PEOPLE_BY_ID[who], shown(orders), given, now=desk.hands()
        )
    )


async def states(desk: Desk, orders: Sequence[Order]) -> set[str]:
    return {(await desk.now(each)).state for each in orders}


async def test_one_code_approves_all_with_an_entry_each(desk: Desk) -> None:
    orders = await several(desk)
    result = await approve(desk, "bea", orders)
    assert isinstance(result, list)
    assert all(each.assignment.is_complete for each in result)
    assert await states(desk, orders) == {OrderState.APPROVED}
    entries = await desk.database.read(lambda c: audit.after(c, 0, 1000))
    given = [each for each in entries if each.kind == "order.approval"]
    assert [each.subject for each in given] == [each.id for each in orders]
    assert [each.facts["digest"] for each in given] == [each.digest for each in orders]
    (told,) = {tuple(sorted(each.facts["bulk"].items())) for each in given}
    assert dict(told)["digest"] == bulk.digest_of(shown(orders))
    assert dict(told)["count"] == 3
    report = await desk.database.read(verification.verify)
    assert report.findings == ()


async def test_the_list_has_another_digest_whatever_changes_in_it(desk: Desk) -> None:
    first, second, third = shown(await several(desk))
    lists = [
        [first, second],
        [second, first],
        [first],
        [first, third],
        [first, replace(second, version=2)],
        [first, replace(second, digest=third.digest)],
    ]
    assert len({bulk.digest_of(each) for each in lists}) == len(lists)


async def test_a_code_is_used_up_by_the_list_it_was_for(desk: Desk) -> None:
    orders = await several(desk, 4)
    code = desk.phones.code("bea")
    assert isinstance(await approve(desk, "bea", orders[:2], code), list)
    again = await approve(desk, "bea", orders[2:], code)
    assert isinstance(again, Refusal)
    assert again.code == "factor.reused"
    assert await states(desk, orders[2:]) == {OrderState.PENDING}


async def test_if_one_changed_none_is_approved_and_no_code_used(desk: Desk) -> None:
    orders = await several(desk)
    amara = PEOPLE_BY_ID["amara"]
    changed = await desk.database.write(
        lambda c: requests.amend(
            c,
            desk.company,
            amara,
            orders[1].id,
            replace(SMALL, amount=Money(600_00, "EUR"), remittance="INV-1"),
            version=1,
            now=desk.hands(),
        )
    )
    code = desk.phones.code("bea")
    result = await approve(desk, "bea", orders, code)
    assert isinstance(result, Changed)
    assert [(order, refusal.code) for order, refusal in result.refusals] == [
        (orders[1].id, "order.stale")
    ]
    assert await states(desk, orders) == {OrderState.PENDING}
    assert "order.approval" not in await desk.kinds(orders[0].id)
    result = await approve(desk, "bea", [orders[0], changed, orders[2]], code)
    assert isinstance(result, list)


async def test_each_is_checked_as_if_it_were_alone(desk: Desk) -> None:
    orders = await several(desk)
    own = await desk.ask(replace(SMALL, remittance="own"), "dong")
    result = await approve(desk, "dong", [*orders, own])
    assert isinstance(result, Changed)
    assert [refusal.code for _, refusal in result.refusals] == ["approval.own_request"]
    assert "access.denied" in await desk.kinds(own.id)  # committed, though nothing was approved
    assert await states(desk, orders) == {OrderState.PENDING}
    await desk.database.write(
        lambda c: (
            c.execute(
                update(tables.payment_order)
                .where(tables.payment_order.c.id == orders[2].id)
                .values(creditor_iban=NEW_IBAN)
            ).rowcount
        )
    )
    result = await approve(desk, "dong", orders)
    assert isinstance(result, Changed)
    assert [refusal.code for _, refusal in result.refusals] == ["order.tampered"]


async def test_a_wrong_code_approves_nothing_and_counts_once(desk: Desk) -> None:
    orders = await several(desk)
    wrong = f"{(int(desk.phones.code('bea')) + 1) % 1_000_000:06}"
    result = await approve(desk, "bea", orders, wrong)
    assert isinstance(result, Refusal)
    assert (result.code, result.facts["left"]) == ("factor.wrong", 4)
    assert await states(desk, orders) == {OrderState.PENDING}


@pytest.mark.parametrize(("count", "code"), [(0, "bulk.nothing"), (21, "bulk.too_many")])
async def test_how_many(desk: Desk, count: int, code: str) -> None:
    (order,) = await several(desk, 1)
    result = await desk.database.write(
        lambda c: bulk.approve(
            c,
            desk.company,
            CIPHER,
            PEOPLE_BY_ID["bea"],
            [Shown(f"{order.id}{n}", 1, order.digest) for n in range(count)],
            desk.phones.code("bea"),
            now=desk.hands(),
        )
    )
    assert isinstance(result, Refusal)
    assert result.code == code


async def test_none_is_counted_twice(desk: Desk) -> None:
    (order,) = await several(desk, 1)
    result = await approve(desk, "bea", [order, order])
    assert isinstance(result, Refusal)
    assert result.code == "bulk.too_many"


async def test_the_same_list_at_the_same_instant_is_approved_once(desk: Desk) -> None:
    orders = await several(desk)
    results = await asyncio.gather(*(approve(desk, "bea", orders) for _ in range(4)))
    assert [isinstance(each, list) for each in results].count(True) == 1
    for each in orders:
        assert (await desk.kinds(each.id)).count("order.approval") == 1
