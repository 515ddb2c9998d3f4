"""What a card says of other settings: as their files have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from bot import charter_words
from bot.messages import Messages
from bot.wording import Reader
from tests.workflows.company import POLICY, START, company
from workflows import canonical, charter
from workflows.proposals import Proposal


def test_lengths_of_time_are_written_as_in_the_files() -> None:
    before = replace(company(), payee_cool_off=timedelta(hours=24))
    after = replace(
        company(POLICY.replace("expires_after: 72h", "expires_after: 90m")),
        payee_cool_off=timedelta(days=4),
    )
    content = {"before": charter.document(before, {}), "after": charter.document(after, {})}
    found = Proposal(
        id="Q1",
        kind="charter",
        subject="charter",
        content=canonical.dumps(content).decode(),
        digest="",
        proposer_id="system",
        state="open",
        reason=None,
        created_at=START,
        expires_at=START,
        closed_at=None,
    )
    reader = Reader(Messages.load(is_strict=True), company(), "en", ZoneInfo("UTC"))
    said = "\n".join(charter_words.lines(reader, found))
    assert "expires_after: 3d → 90m" in said
    assert "payee_cool_off: 24h → 4d" in said
    assert "259200" not in said
