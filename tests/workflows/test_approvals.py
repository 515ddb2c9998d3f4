"""Who may ask, who may approve, and what a decision takes."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, insert, select, update

from connectors.money import Money
from tests.workflows.company import (
    ACME_IBAN,
    CIPHER,
    EUR_IBAN,
    NEW_IBAN,
    PEOPLE,
    Hands,
    Phones,
    company,
)
from workflows import approvals, audit, orders, payees, requests, second_factor, tables
from workflows.approvals import Approval, Choice, Decided, Decision
from workflows.company import Company
from workflows.database import Database
from workflows.orders import Order, OrderState
from workflows.payees import Payee
from workflows.people import Person
from workflows.refusal import Refusal
from workflows.requests import Payment

PEOPLE_BY_ID = {person.id: person for person in PEOPLE}
LARGE = Payment("operating-eur", Money(125_000, "EUR"), payee_id="acme", remittance="INV-7")


class Desk:
    """Lets tests act as people do."""

    def __init__(self, database: Database, hands: Hands, phones: Phones) -> None:
        self.database, self.hands, self.phones = database, hands, phones
        self.company: Company = company()
        self._count = 0

    async def ask(self, payment: Payment = LARGE, who: str = "amara", key: str = "") -> Order:
        self._count += 1
        key = key or f"test:{self._count}"
        return await self.database.write(
            lambda c: requests.request(
                c,
                self.company,
                PEOPLE_BY_ID[who],
                payment,
                key=key,
                now=self.hands(),
            )
        )

    async def refused(self, payment: Payment, who: str = "amara") -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.ask(payment, who)
        return caught.value

    async def decide(
        self,
        who: str,
        order: Order,
        decision: Decision = Decision.APPROVE,
        *,
        code: str | None = None,
        reason: str = "",
    ) -> Decided | Refusal:
        choice = Choice(
            order.id,
            order.version,
            order.digest,
            decision,
            self.phones.code(who) if code is None else code,
            reason,
        )
        return await self.database.write(
            lambda c: approvals.decide(
                c, self.company, CIPHER, PEOPLE_BY_ID[who], choice, now=self.hands()
            )
        )

    async def now(self, order: Order) -> Order:
        return await self.database.read(lambda c: orders.get(c, order.id))

    async def kinds(self, subject: str) -> list[str]:
        entries = await self.database.read(lambda c: audit.of_subject(c, subject))
        return [entry.kind for entry in entries]


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


def code_of(result: Decided | Refusal) -> str:
    return result.code if isinstance(result, Refusal) else "decided"


async def test_two_people_with_a_factor_each_approve(desk: Desk) -> None:
    order = await desk.ask()
    first = await desk.decide("bea", order)
    assert isinstance(first, Decided)
    assert not first.assignment.is_complete
    assert (await desk.now(order)).state == OrderState.PENDING
    second = await desk.decide("carl", order)
    assert isinstance(second, Decided)
    assert second.assignment.is_complete
    assert (await desk.now(order)).state == OrderState.APPROVED
    assert await desk.kinds(order.id) == ["order.requested", "order.approval", "order.approval"]
    assert (await desk.database.read(audit.verify)).is_intact


async def test_the_digest_changes_with_everything_that_matters(desk: Desk) -> None:
    order = await desk.ask()
    changes = {
        "version": 2,
        "end_to_end_id": "x",
        "account_id": "x",
        "debtor_iban": "x",
        "connector": "x",
        "creditor_name": "x",
        "creditor_iban": "x",
        "creditor_bic": "x",
        "creditor_country": "x",
        "amount_minor": 1,
        "currency": "USD",
        "execution_date": date(2026, 12, 1),
        "remittance": "x",
    }
    digests = {orders.digest_of(replace(order, **{name: value})) for name, value in changes.items()}  # type: ignore[arg-type]
    assert len(digests) == len(changes)
    assert order.digest not in digests


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        (replace(LARGE, account_id="nowhere"), "account.unknown"),
        (replace(LARGE, amount=Money(0, "EUR")), "amount.not_positive"),
        (replace(LARGE, amount=Money(-5, "EUR")), "amount.not_positive"),
        (replace(LARGE, amount=Money(5, "USD")), "account.currency"),
        (replace(LARGE, payee_id="nobody"), "payee.unknown"),
        (replace(LARGE, payee_id=None), "payee.missing"),
        (replace(LARGE, payee_id=None, name="X", iban="DE00"), "iban.invalid"),
        (replace(LARGE, payee_id=None, name="X", iban="DE89370400440532013001"), "iban.invalid"),
        (replace(LARGE, payee_id=None, name="Us", iban=EUR_IBAN), "payee.same_account"),
        (replace(LARGE, payee_id=None, name="A" * 71, iban=NEW_IBAN), "text.too_long"),
        (replace(LARGE, payee_id=None, name="AC\u202eME", iban=NEW_IBAN), "text.control"),
        (replace(LARGE, remittance="x" * 141), "text.too_long"),
        (replace(LARGE, remittance="a\u200bb"), "text.control"),
        (replace(LARGE, execution_date=date(2026, 11, 23)), "date.past"),
        (replace(LARGE, execution_date=date(2028, 1, 1)), "date.too_far"),
        (replace(LARGE, available=Money(124_999, "EUR")), "funds.insufficient_hidden"),
        (
            Payment("operating-usd", Money(6_000_000, "USD"), payee_id="acme"),
            "policy.refused",
        ),
    ],
)
async def test_what_cannot_be_asked_for(desk: Desk, payment: Payment, code: str) -> None:
    refusal = await desk.refused(payment)
    assert refusal.code == code
    assert await desk.database.read(lambda c: orders.in_states(c, *OrderState)) == []


async def test_who_may_not_ask(desk: Desk) -> None:
    assert (await desk.refused(LARGE, "eve")).code == "request.not_allowed"


async def test_only_a_viewer_learns_what_the_account_has(desk: Desk) -> None:
    poor = replace(LARGE, available=Money(100, "EUR"))
    assert (await desk.refused(poor, "dong")).facts["free"] == "1.00 EUR"
    assert "free" not in (await desk.refused(poor, "amara")).facts


async def test_approved_payments_count_against_the_balance(desk: Desk) -> None:
    order = await desk.ask(replace(LARGE, available=Money(200_000, "EUR")))
    await desk.decide("bea", order)
    await desk.decide("carl", order)
    again = replace(
        LARGE, amount=Money(100_000, "EUR"), available=Money(200_000, "EUR"), remittance="2"
    )
    assert (await desk.refused(again)).code == "funds.insufficient_hidden"


async def test_the_same_click_asks_once(desk: Desk) -> None:
    first = await desk.ask(key="slack:1")
    second = await desk.ask(key="slack:1")
    assert first.id == second.id
    assert await desk.kinds(first.id) == ["order.requested"]


async def test_an_equal_recent_payment_needs_a_word(desk: Desk) -> None:
    first = await desk.ask()
    refusal = await desk.refused(LARGE)
    assert (refusal.code, refusal.facts["order"]) == ("duplicate.recent", first.id)
    second = await desk.ask(replace(LARGE, is_no_duplicate=True))
    assert "duplicate" in second.risk_codes
    desk.hands.forward(days=8)
    await desk.ask(LARGE)


async def test_a_payment_nobody_else_could_approve_is_refused(desk: Desk) -> None:
    desk.company = company(people=[p for p in PEOPLE if p.id in ("amara", "dong", "bea")])
    refusal = await desk.refused(LARGE)
    assert (refusal.code, refusal.facts["role"]) == ("policy.unfillable", "cfo")


async def test_no_rule_no_payment(desk: Desk) -> None:
    desk.company = company(
        """
version: 1
rules:
  - name: Only large
    when: { amount: { from: 100000 } }
    require: [{ role: cfo }]
"""
    )
    assert (await desk.refused(LARGE)).code == "policy.no_rule"


async def test_the_requester_never_approves(desk: Desk) -> None:
    order = await desk.ask(who="dong")
    result = await desk.decide("dong", order)
    assert code_of(result) == "approval.own_request"
    assert "access.denied" in await desk.kinds(order.id)


@pytest.mark.parametrize(
    ("who", "code"), [("eve", "approval.no_role"), ("amara", "approval.own_request")]
)
async def test_who_may_not_approve(desk: Desk, who: str, code: str) -> None:
    order = await desk.ask()
    assert code_of(await desk.decide(who, order)) == code
    assert (await desk.now(order)).revision == order.revision


async def test_one_person_fills_one_slot_however_often_they_click(desk: Desk) -> None:
    order = await desk.ask()
    results = await asyncio.gather(*(desk.decide("bea", order) for _ in range(5)))
    assert sorted(map(code_of, results)) == ["approval.already"] * 4 + ["decided"]
    assert (await desk.now(order)).state == OrderState.PENDING


async def test_two_controllers_are_no_cfo(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    result = await desk.decide("dong", order)
    assert isinstance(result, Decided)
    assert [slot.role for slot in result.assignment.missing] == ["cfo"]


async def test_the_last_approval_wins_once(desk: Desk) -> None:
    order = await desk.ask()
    results = await asyncio.gather(desk.decide("bea", order), desk.decide("carl", order))
    assert [code_of(each) for each in results] == ["decided", "decided"]
    final = await desk.now(order)
    assert final.state == OrderState.APPROVED
    assert code_of(await desk.decide("dong", order)) == "order.not_pending"


async def test_an_amended_order_needs_its_approvals_anew(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    changed = await desk.database.write(
        lambda c: requests.amend(
            c,
            desk.company,
            PEOPLE_BY_ID["amara"],
            order.id,
            replace(LARGE, amount=Money(130_000, "EUR")),
            version=order.version,
            now=desk.hands(),
        )
    )
    assert (changed.version, changed.end_to_end_id) == (2, order.end_to_end_id)
    assert changed.digest != order.digest
    assert code_of(await desk.decide("carl", order)) == "order.stale"
    desk.hands.forward(seconds=30)
    await desk.decide("carl", changed)
    assert (await desk.now(order)).state == OrderState.PENDING
    await desk.decide("bea", changed)
    assert (await desk.now(order)).state == OrderState.APPROVED


async def test_an_order_altered_behind_our_back_is_not_approved(desk: Desk) -> None:
    order = await desk.ask()
    await desk.database.write(
        lambda c: c.execute(update(tables.payment_order).values(creditor_iban=NEW_IBAN)).rowcount
    )
    assert code_of(await desk.decide("bea", order)) == "order.tampered"


async def test_an_expired_order_is_closed(desk: Desk) -> None:
    order = await desk.ask()
    desk.hands.forward(hours=73)
    assert code_of(await desk.decide("bea", order)) == "order.expired"
    assert await desk.database.write(lambda c: requests.expire_due(c, now=desk.hands())) == 1
    assert await desk.database.write(lambda c: requests.expire_due(c, now=desk.hands())) == 0
    assert (await desk.now(order)).state == OrderState.EXPIRED


async def test_a_rejection_takes_a_reason_and_ends_it(desk: Desk) -> None:
    order = await desk.ask()
    assert code_of(await desk.decide("bea", order, Decision.REJECT)) == "reject.reason_missing"
    result = await desk.decide("bea", order, Decision.REJECT, reason="wrong  invoice")
    assert isinstance(result, Decided)
    assert (result.order.state, result.order.reason_text) == ("rejected", "wrong invoice")


async def test_only_the_requester_withdraws_and_only_before_release(desk: Desk) -> None:
    order = await desk.ask()

    async def cancel(who: str) -> Order:
        return await desk.database.write(
            lambda c: requests.cancel(c, PEOPLE_BY_ID[who], order.id, now=desk.hands())
        )

    with pytest.raises(Refusal, match="not_yours"):
        await cancel("bea")
    assert (await cancel("amara")).state == OrderState.CANCELLED
    with pytest.raises(Refusal, match="too_late"):
        await cancel("amara")


# ---- the second factor ------------------------------------------------------------------------


async def test_a_code_counts_once_whatever_it_is_used_for(desk: Desk) -> None:
    first, second = (
        await desk.ask(),
        await desk.ask(replace(LARGE, remittance="b", is_no_duplicate=True)),
    )
    code = desk.phones.code("bea")
    assert code_of(await desk.decide("bea", first, code=code)) == "decided"
    assert code_of(await desk.decide("bea", second, code=code)) == "factor.reused"
    desk.hands.forward(seconds=30)
    assert code_of(await desk.decide("bea", second)) == "decided"


async def test_one_code_at_the_same_instant_for_two_orders(desk: Desk) -> None:
    first, second = (
        await desk.ask(),
        await desk.ask(replace(LARGE, remittance="b", is_no_duplicate=True)),
    )
    results = await asyncio.gather(desk.decide("bea", first), desk.decide("bea", second))
    assert sorted(map(code_of, results)) == ["decided", "factor.reused"]


async def test_an_older_step_does_not_count_after_a_newer(desk: Desk) -> None:
    first, second = (
        await desk.ask(),
        await desk.ask(replace(LARGE, remittance="b", is_no_duplicate=True)),
    )
    assert (
        code_of(await desk.decide("bea", first, code=desk.phones.code("bea", offset=1)))
        == "decided"
    )
    assert code_of(await desk.decide("bea", second)) == "factor.reused"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", "factor.malformed"),
        ("12345", "factor.malformed"),
        ("abcdef", "factor.malformed"),
        ("１２３４５６", "factor.malformed"),
    ],
)
async def test_what_is_no_code_costs_no_try(desk: Desk, code: str, expected: str) -> None:
    order = await desk.ask()
    for _ in range(10):
        assert code_of(await desk.decide("bea", order, code=code)) == expected
    assert code_of(await desk.decide("bea", order)) == "decided"


async def test_wrong_codes_lock_for_a_growing_time(desk: Desk) -> None:
    order = await desk.ask()

    def wrong() -> str:
        right = {desk.phones.code("bea", offset=step) for step in (-1, 0, 1)}
        return next(f"{n:06}" for n in range(10) if f"{n:06}" not in right)

    for left in (4, 3, 2, 1):
        refusal = await desk.decide("bea", order, code=wrong())
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.facts["left"]) == ("factor.wrong", left)
    assert code_of(await desk.decide("bea", order, code=wrong())) == "factor.locked"
    assert code_of(await desk.decide("bea", order)) == "factor.locked"
    desk.hands.forward(seconds=61)
    assert code_of(await desk.decide("bea", order, code=wrong())) == "factor.locked"
    desk.hands.forward(seconds=61)
    assert code_of(await desk.decide("bea", order)) == "factor.locked"
    desk.hands.forward(seconds=61)
    assert code_of(await desk.decide("bea", order)) == "decided"


async def test_a_person_without_a_factor_cannot_approve(desk: Desk) -> None:
    order = await desk.ask()
    await desk.database.write(
        lambda c: (
            c.execute(
                tables.second_factor.delete().where(tables.second_factor.c.person_id == "bea")
            ).rowcount
        )
    )
    assert code_of(await desk.decide("bea", order)) == "factor.not_enrolled"


async def test_replacing_a_factor_takes_the_present_one(desk: Desk) -> None:
    token = await desk.database.write(
        lambda c: second_factor.begin_enrolment(c, CIPHER, "bea", now=desk.hands())
    )
    found = await desk.database.read(
        lambda c: second_factor.open_enrolment(c, CIPHER, token, now=desk.hands())
    )
    fresh = Phones(desk.hands, {"bea": found.secret})

    async def confirm(present: str | None) -> object:
        return await desk.database.write(
            lambda c: second_factor.confirm_enrolment(
                c, CIPHER, token, fresh.code("bea"), now=desk.hands(), present_code=present
            )
        )

    refusal = await confirm(None)
    assert isinstance(refusal, Refusal)
    assert refusal.field == "present_code"
    assert not isinstance(await confirm(desk.phones.code("bea")), Refusal)
    again = await confirm(desk.phones.code("bea"))
    assert isinstance(again, Refusal)
    assert again.code == "enrolment.used"
    order = await desk.ask()
    assert code_of(await desk.decide("bea", order)) == "factor.wrong"


def _everything(connection: Connection) -> bytes:
    rows = (
        row for table in tables.metadata.sorted_tables for row in connection.execute(select(table))
    )
    return b"".join(repr(tuple(row)).encode() for row in rows)


async def test_no_secret_is_stored_or_recorded_in_clear(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    raw = await desk.database.read(_everything)
    for person in PEOPLE:
        assert desk.phones.secret(person.id).encode() not in raw
    assert desk.phones.code("bea").encode() not in raw


# ---- payees -----------------------------------------------------------------------------------


async def test_trust_belongs_to_bank_details(desk: Desk) -> None:
    async def standing(iban: str) -> str:
        return str(await desk.database.read(lambda c: payees.standing(c, "acme", iban)))

    assert await standing(ACME_IBAN) == "trusted"
    desk.hands.forward(hours=1)
    moved = Payee("acme", "ACME GmbH", NEW_IBAN, trusted=True)
    await desk.database.write(lambda c: payees.register(c, [moved], now=desk.hands()))
    assert await standing(NEW_IBAN) == "new"
    assert await standing(ACME_IBAN) == "new"
    assert "payee.changed" in await desk.kinds("acme")
    order = await desk.ask(replace(LARGE, amount=Money(500, "EUR")))
    assert {slot.role for slot in order.policy_verdict.slots} == {"controller", "cfo"}
    desk.hands.forward(seconds=1)
    await desk.database.write(
        lambda c: c.execute(update(tables.payment_order).values(state="settled")).rowcount
    )
    assert await standing(NEW_IBAN) == "trusted"


async def test_a_new_payee_needs_more(desk: Desk) -> None:
    stranger = Payment("operating-eur", Money(500, "EUR"), name="Neu SARL", iban=NEW_IBAN)
    order = await desk.ask(stranger)
    assert {slot.role for slot in order.policy_verdict.slots} == {"controller", "cfo"}
    assert "payee_new" in order.risk_codes
    assert order.expires_at - order.created_at == timedelta(hours=72)


async def test_who_could_free_somebody_for_another_slot_is_asked(desk: Desk) -> None:
    """Somebody with both roles fills one slot; either kind of person can fill the other."""
    both = Person("max", "Max", "max@acme.test", frozenset({"controller", "cfo"}))
    desk.company = company(people=[*PEOPLE, both])
    order = await desk.ask()
    given = Approval(order.id, 1, "max", order.digest, "approve", "totp", None, desk.hands())
    await desk.database.write(lambda c: c.execute(insert(tables.approval), asdict(given)).rowcount)
    for name in ("bea", "carl"):
        waiting = await desk.database.read(
            partial(approvals.awaiting, company=desk.company, person=PEOPLE_BY_ID[name])
        )
        assert [each.id for each in waiting] == [order.id]
    await desk.decide("bea", order)
    assert (await desk.now(order)).state == OrderState.APPROVED
