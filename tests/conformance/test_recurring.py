"""Payments that come again, in both chats: asking, approving once, seeing them come, stopping."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sandbox import slack
from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands
from tests.conformance.decision_hands import plain, presses
from tests.journeys import world as journeys
from tests.journeys.telegram_hands import Watch, hurried
from tests.journeys.world import a_world
from workflows import series
from workflows.orders import Order, OrderState
from workflows.record import verification

ONCE = """
version: 1
rules:
  - name: Every payment
    series: once
    require: [ { role: controller } ]
"""
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(params=[SlackHands, TelegramHands], ids=["slack", "telegram"])
async def hands(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Watch
) -> AsyncIterator[Hands]:
    made: type[Hands] = request.param
    hurried(monkeypatch)
    monkeypatch.setattr(journeys, "POLICY", ONCE)
    async with a_world(tmp_path, chats=(made.chat,), clock=watch) as world:
        yield made(world)


def in_days(watch: Watch, days: int) -> date:
    now: datetime = watch().astimezone(BERLIN)
    return now.date() + timedelta(days=days)


async def rented(hands: Hands, watch: Watch) -> Order:
    until = in_days(watch, 30).isoformat()
    line = f"/pay 90.00 EUR to ACME GmbH every week until {until} ref Cleaning"
    said = await hands.types("amara", line)
    order = await hands.world.order()
    assert order.id in said
    return order


async def later(hands: Hands, watch: Watch, first: Order, days: int) -> list[Order]:
    """Let days pass, until people are at work; return the payments that were asked for by then."""
    assert hands.world.app is not None
    there = watch().astimezone(BERLIN) + timedelta(days=days)
    while there.weekday() > 4:
        there += timedelta(days=1)
    watch.move(seconds=(there.replace(hour=11) - watch()).total_seconds())
    await hands.world.app.schedule.sweep()
    found: list[Order] = await hands.world.read(partial(series.of_series, first=first))
    return found


async def test_a_series_is_approved_once_comes_again_and_is_stopped(
    hands: Hands, watch: Watch
) -> None:
    first = await rented(hands, watch)
    card = plain(await hands.card("bea", first, "Approve"))
    assert "Every week until" in card
    assert "5 payments, €450.00 in all" in card
    assert "Approved once, for all of them" in card
    if isinstance(hands, SlackHands):
        form = await hands.world.form("bea", first)
        assert "5 payments, €450.00 in all" in slack.text_of(form)
        await hands.world.person("bea").dismiss(form)
    assert "all its approvals" in await hands.approves("bea", first)
    await hands.world.until("settled")

    (second,) = await later(hands, watch, first, 5)
    card = plain(await hands.card("amara", second, f"Payment 2 of the series {first.id}"))
    assert "it leaves on" in card
    assert "Withdraw" in card
    await hands.sees("amara", f"Approved with its series {first.id}: Bea Lindqvist.")
    listed = plain(await hands.types("amara", "/recurring"))
    assert first.id in listed
    assert "2 asked for so far" in listed

    said = await presses(hands, "amara", f"Payment 2 of the series {first.id}", "Stop the series")
    assert "Nothing more of it leaves" in said
    await hands.card("amara", second, "Cancelled")
    await hands.sees("amara", "Amara Okafor stopped the series")
    (only,) = await later(hands, watch, first, 7)
    assert (only.id, only.state) == (second.id, OrderState.CANCELLED)
    assert "There are none" in plain(await hands.types("amara", "/recurring"))
    assert len(hands.world.bank.ledger) == 1
    assert (await hands.world.read(verification.verify)).findings == ()


async def test_without_a_word_of_policy_each_is_approved(
    hands: Hands, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hands.world.app is not None
    await hands.world.close()
    monkeypatch.setattr(journeys, "POLICY", ONCE.replace("    series: once\n", ""))
    await hands.world.open()
    first = await rented(hands, watch)
    card = plain(await hands.card("bea", first, "Approve"))
    assert "Each of them is approved by itself" in card
    await hands.approves("bea", first)
    await hands.world.until("settled")
    (second,) = await later(hands, watch, first, 5)
    assert second.state == OrderState.PENDING
    assert "it leaves on" not in await hands.card("bea", second, "Approve")
    assert "It leaves on" in await hands.approves("bea", second)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("90.00 EUR to ACME GmbH every week", "Say until when"),
        ("90.00 EUR to ACME GmbH until 2030-01-01", "Say how often"),
        ("90.00 EUR to ACME GmbH every month until 2020-01-01", "Choose a later end"),
        ("90.00 EUR to ACME GmbH every week until 2099-01-01", "five years at most"),
        ("90.00 EUR to ACME GmbH every week until soon", "date"),
        ("90.00 EUR to ACME GmbH every day until 2030-01-01", "Say how often"),
    ],
)
async def test_what_is_no_series_is_said(hands: Hands, line: str, said: str) -> None:
    assert said in plain(await hands.types("amara", f"/pay {line}"))


async def test_by_the_form(hands: Hands, watch: Watch) -> None:
    until = in_days(watch, 100).isoformat()
    values = {"account": "operating-eur", "amount": "90.00", "payee": "acme"}
    if isinstance(hands, SlackHands):
        said = await hands.asks_with_form("amara", {**values, "every": "month"})
        assert "Say until when" in said
        said = await hands.asks_with_form("amara", {**values, "until": until})
        assert "Say how often" in said
        await hands.asks_with_form("amara", {**values, "every": "month", "until": until})
    else:
        await hands.asks_with_form("amara", values)
    order = await hands.world.order()
    if isinstance(hands, SlackHands):
        assert len(order.due_dates) == 4
    else:
        assert order.due_dates == (), "a conversation asks for a series only where it is wanted"
