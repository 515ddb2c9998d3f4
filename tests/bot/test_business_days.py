"""What people read of business days: refused dates, when a payment leaves, what is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot import story
from bot.cards import Tone
from bot.digest_card import digest_card
from bot.messages import Messages
from bot.wording import Reader
from tests.workflows.company import company
from tests.workflows.ledger import world
from workflows import calendars, digest
from workflows.audit import Entry
from workflows.calendars import Calendar
from workflows.refusal import Refusal

MESSAGES = Messages.load(is_strict=True)


def reader(language: str = "en") -> Reader:
    return Reader(MESSAGES, company(), language, ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("name", "day", "language", "said"),
    [
        (
            "TARGET",
            "2026-12-25",
            "en",
            "25 Dec 2026 is no business day (Christmas Day). The next business day is 28 Dec 2026.",
        ),
        (
            "TARGET",
            "2026-12-06",
            "zh_CN",
            "2026年12月6日 是周末，不是营业日。下一个营业日是 2026年12月7日。",
        ),
        ("CN", "2027-03-01", "en", "It is not known yet whether banks are open on 1 Mar 2027"),
        ("CN", "2027-03-01", "zh_CN", "[calendars.CN]"),
    ],
)
def test_a_refused_date_says_why_and_what_to_do(
    name: str, day: str, language: str, said: str
) -> None:
    with pytest.raises(Refusal) as caught:
        calendars.check_execution(Calendar(name), date.fromisoformat(day))
    assert said in MESSAGES.refusal(language, caught.value)


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("closes_at", "takes payments until"),
        ("opens_at", "it leaves at 28 Dec 2026, 06:00"),
    ],
)
def test_a_reminder_says_when_it_would_leave(fact: str, said: str) -> None:
    facts = {"version": 1, "people": ["bea"], fact: "2026-12-28T05:00:00+00:00"}
    at = datetime(2026, 12, 25, 9, tzinfo=UTC)
    entry = Entry(1, at, "system", "order.reminder", "P1", facts, "")
    first, second = (story.line(reader(), entry) or "").splitlines()
    assert "waits for you" in first
    assert said in second


async def test_the_digest_tells_before_nobody_knows_the_days() -> None:
    async with world() as w:
        china = replace(w.company.accounts["cny"], calendar=Calendar("CN"))
        there = replace(w.company, accounts={"cny": china})
        now = datetime(2026, 12, 10, 8, tzinfo=UTC)
        found = await w.database.read(
            lambda c: digest.compose(c, there, now=now, for_accounts=["cny"])
        )
        for language in MESSAGES.languages:
            seen = Reader(MESSAGES, there, language, ZoneInfo("Europe/Berlin"))
            card = digest_card(seen, found)
            (line,) = (each for each in card.lines if "[calendars.CN]" in each)
            assert ("1 Jan 2027" if language == "en" else "2027年1月1日") in line
            assert card.tone is Tone.WAITING
