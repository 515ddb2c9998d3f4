"""What people read of decisions: what changed, who took what back, what was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import evidence, story
from bot.messages import Messages
from bot.wording import Reader
from connectors.money import Money
from tests.workflows.company import ACME, CIPHER, PEOPLE, Hands, Phones, company
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from workflows import approvals, audit, payees, questions, requests, second_factor
from workflows.approvals import Choice, Decision
from workflows.audit import Entry
from workflows.database import SqliteDatabase
from workflows.orders import Order
from workflows.policy import Kind
from workflows.record import export
from workflows.requests import Payment

MESSAGES = Messages.load(is_strict=True)
# The same country, check digits and last four: what is shown of both is the same.
ONE, OTHER = "DE04500105170000374931", "DE04600501010000004931"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    hands = Hands()
    phones = Phones(hands)
    database = SqliteDatabase(tmp_path / "db.sqlite")
    await database.open()
    await database.write(lambda c: payees.register(c, [ACME], now=hands()))
    for person in PEOPLE:
        secret = phones.secret(person.id)
        await database.write(
            lambda c, who=person.id, key=secret: second_factor.enrol(  # type: ignore[misc]
                c, cipher=CIPHER, person_id=who, secret=key, now=hands()
            )
        )
    yield Desk(database, hands, phones)
    await database.close()


def reader(language: str = "en") -> Reader:
    return Reader(MESSAGES, company(), language, ZoneInfo("Europe/Berlin"))


async def amended(desk: Desk, before: Payment, after: Payment) -> list[str]:
    """Return the lines that tell an amendment."""
    order = await desk.ask(before)
    await desk.database.write(
        lambda c: requests.amend(
            c, desk.company, PEOPLE_BY_ID["amara"], order.id, after, version=1, now=desk.hands()
        )
    )
    line = story.line(reader(), (await entries(desk, order))[-1])
    assert line is not None
    return line.split("\n")


async def entries(desk: Desk, order: Order) -> list[Entry]:
    return await desk.database.read(lambda c: audit.of_subject(c, order.id))


async def test_an_amendment_is_told_as_before_and_after(desk: Desk) -> None:
    after = Payment(
        "operating-usd",
        Money(7_000_00, "USD"),
        name="Neu SARL",
        iban="FR1420041010050500013M02606",
        remittance="",
        kind=Kind.REFUND,
    )
    first, *changes = await amended(desk, LARGE, after)
    assert first == "Amara Okafor changed the request. Earlier approvals no longer count."
    assert changes == [
        "Amount: €1,250.00 → $7,000.00",
        "Payee: ACME GmbH → Neu SARL",
        "IBAN: DE75 •••• 6199 → FR14 •••• 2606",
        "From account: Operating Eur → Operating Usd",
        "Reference: INV-7 → —",
        "What is it?: A payment → Refund",
    ]


async def test_what_does_not_show_is_told_to_differ(desk: Desk) -> None:
    before = replace(LARGE, payee_id=None, name="X", iban=ONE)
    _, change = await amended(desk, before, replace(before, iban=OTHER))
    assert change == "IBAN: DE04 •••• 4931 → DE04 •••• 4931 (differs where it is not shown)"


@pytest.mark.parametrize("language", MESSAGES.languages)
async def test_all_of_it_is_on_the_evidence_page(desk: Desk, language: str) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    bea, dong, amara = (PEOPLE_BY_ID[each] for each in ("bea", "dong", "amara"))
    await desk.database.write(
        lambda c: approvals.withdraw(c, desk.company, bea, order.id, 1, now=desk.hands())
    )
    choice = Choice(order.id, 1, order.digest, Decision.RECUSE, reason="My <sister's> firm")
    await desk.database.write(
        lambda c: approvals.recuse(c, desk.company, dong, choice, now=desk.hands())
    )
    asked = await desk.database.write(
        lambda c: questions.ask(
            c, desk.company, bea, order.id, "Which <one>?", key="k", now=desk.hands()
        )
    )
    await desk.database.write(
        lambda c: questions.answer(c, amara, order.id, asked.seq, "The & second", now=desk.hands())
    )
    found = await desk.database.read(lambda c: export.evidence(c, order.id))
    seen = reader(language)
    page = evidence.page(seen, found, keys=(), now=desk.hands())
    for key in ("took_back", "recused", "asked", "answered"):
        assert seen.say(f"evidence.{key}") in page
    for text in ("My &lt;sister&#39;s&gt; firm", "Which &lt;one&gt;?", "The &amp; second"):
        assert text in page
    assert "Which <one>?" not in page
    lines = [story.full_line(seen, each) for each in await entries(desk, order)]
    assert len(lines) == 6
    assert all(lines)
