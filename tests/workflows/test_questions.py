"""Questions about an order: who may ask, who answers, and where they are kept."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tests.workflows.company import PEOPLE, Hands, Phones, company
from tests.workflows.test_approvals import PEOPLE_BY_ID, Desk
from workflows import audit, questions, requests
from workflows.database import Database
from workflows.orders import Order
from workflows.people import Person
from workflows.questions import LONGEST, MOST, Question
from workflows.record import verification
from workflows.refusal import Refusal


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


async def ask(desk: Desk, who: str, order: Order, text: str = "Why?", key: str = "") -> Question:
    return await desk.database.write(
        lambda c: questions.ask(
            c,
            desk.company,
            PEOPLE_BY_ID[who],
            order.id,
            text,
            key=key or f"{who}:{text}",
            now=desk.hands(),
        )
    )


async def answer(desk: Desk, who: str, order: Order, seq: int, text: str = "So.") -> Question:
    return await desk.database.write(
        lambda c: questions.answer(c, PEOPLE_BY_ID[who], order.id, seq, text, now=desk.hands())
    )


async def asked(desk: Desk, order: Order) -> tuple[Question, ...]:
    return await desk.database.read(partial(questions.of_order, order_id=order.id))


async def test_a_question_is_answered_on_the_record(desk: Desk) -> None:
    order = await desk.ask()
    first = await ask(desk, "bea", order, "Which  invoice\nis it?")
    await ask(desk, "carl", order, "Why today?")
    assert [each.text for each in questions.open_ones(await asked(desk, order))] == [
        "Which invoice is it?",
        "Why today?",
    ]
    await answer(desk, "amara", order, first.seq, "INV-7")
    there = await asked(desk, order)
    assert [(each.person_id, each.answer) for each in there] == [("bea", "INV-7"), ("carl", None)]
    assert [each.person_id for each in questions.open_ones(there)] == ["carl"]
    assert (await desk.kinds(order.id))[1:] == ["order.question"] * 2 + ["order.answer"]
    entries = await desk.database.read(lambda c: audit.of_subject(c, order.id))
    assert entries[1].facts["text"] == "Which invoice is it?"
    assert entries[-1].facts == {"question": first.seq, "text": "INV-7"}
    report = await desk.database.read(verification.verify)
    assert report.findings == ()


async def test_a_question_changes_nothing_about_the_order(desk: Desk) -> None:
    order = await desk.ask()
    await ask(desk, "bea", order)
    assert await desk.now(order) == order


async def test_who_may_ask(desk: Desk) -> None:
    order = await desk.ask()
    for who, code in (("amara", "question.own"), ("eve", "order.unknown")):
        with pytest.raises(Refusal) as caught:
            await ask(desk, who, order)
        assert caught.value.code == code
    viewer = Person("vera", "Vera", "vera@acme.test", frozenset({"auditor"}))
    own = desk.company.accounts["operating-eur"]
    accounts = {**desk.company.accounts, own.id: replace(own, viewers=frozenset({"auditor"}))}
    desk.company = replace(company(people=[*PEOPLE, viewer]), accounts=accounts)
    seen = await desk.database.write(
        lambda c: questions.ask(c, desk.company, viewer, order.id, "Hm?", key="k", now=desk.hands())
    )
    assert seen.person_id == "vera"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "question.missing"),
        (" \n ", "question.missing"),
        ("x" * (LONGEST + 1), "text.too_long"),
        ("a\u202eb", "text.control"),
    ],
)
async def test_what_is_no_question(desk: Desk, text: str, code: str) -> None:
    order = await desk.ask()
    with pytest.raises(Refusal) as caught:
        await ask(desk, "bea", order, text)
    assert (caught.value.code, caught.value.field) == (code, "text")


async def test_the_same_form_asks_once(desk: Desk) -> None:
    order = await desk.ask()
    first = await ask(desk, "bea", order, key="form:1")
    assert await ask(desk, "bea", order, key="form:1") == first
    assert (await ask(desk, "carl", order, key="form:1")).seq != first.seq
    assert len(await asked(desk, order)) == 2


async def test_there_is_an_end_to_questions(desk: Desk) -> None:
    order = await desk.ask()
    for number in range(MOST):
        await ask(desk, "bea", order, f"Question {number}?")
    with pytest.raises(Refusal, match=r"question.too_many"):
        await ask(desk, "carl", order, "One more?")
    assert len(await asked(desk, order)) == MOST


async def test_nobody_asks_about_what_is_closed(desk: Desk) -> None:
    order = await desk.ask()
    first = await ask(desk, "bea", order)
    amara = PEOPLE_BY_ID["amara"]
    await desk.database.write(lambda c: requests.cancel(c, amara, order.id, now=desk.hands()))
    with pytest.raises(Refusal, match=r"question.closed"):
        await ask(desk, "carl", order)
    await answer(desk, "amara", order, first.seq)  # who asked is not left without


async def test_only_the_requester_answers_and_once(desk: Desk) -> None:
    order = await desk.ask()
    found = await ask(desk, "bea", order)
    for who, seq, text, code in (
        ("bea", found.seq, "a", "order.not_yours"),
        ("carl", found.seq, "a", "order.not_yours"),
        ("amara", found.seq + 1, "a", "question.unknown"),
        ("amara", 1, "a", "question.unknown"),
        ("amara", found.seq, " ", "question.no_answer"),
        ("amara", found.seq, "x" * (LONGEST + 1), "text.too_long"),
    ):
        with pytest.raises(Refusal) as caught:
            await answer(desk, who, order, seq, text)
        assert caught.value.code == code
    await answer(desk, "amara", order, found.seq)
    with pytest.raises(Refusal, match=r"question.answered"):
        await answer(desk, "amara", order, found.seq)
