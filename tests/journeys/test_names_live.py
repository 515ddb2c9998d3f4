"""Names that cannot be seen are not asked for, however they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.telegram_hands import Phone, asked, hurried
from tests.journeys.world import NEW_IBAN, a_world

NAMES = ("\u2800", "ACME GmbH" + "\u2800" * 40 + "Mallory", "\u3164", "A" + "\u0336" * 5, "***")


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_a_payee_that_cannot_be_seen_is_not_asked_for(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried(monkeypatch)
    async with a_world(tmp_path, chats=("telegram",)) as world:
        amara = Phone(world, "amara")
        await amara.sends(f"/pay 900.00 EUR to {name} iban {NEW_IBAN} ref x", "Type")
        assert await asked(world) == []
