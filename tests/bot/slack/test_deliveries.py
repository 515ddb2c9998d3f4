"""When Slack last truly delivered something: the health page must not be fooled."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.journeys.world import a_world


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_only_what_slack_delivers_counts(tmp_path: Path, mode: str) -> None:
    async with a_world(tmp_path, mode=mode) as world:
        assert world.app is not None
        slack, clock = world.app.slack, world.app.services.clock
        assert slack is not None
        assert slack.last_delivery is None
        if mode == "http":
            async with httpx.AsyncClient() as stranger:
                answer = await stranger.post(
                    world.workspace.app.request_url or "",
                    data={"command": "/balance", "user_id": "U0AMARA0000"},
                    headers={
                        "X-Slack-Signature": "v0=" + "0" * 64,
                        "X-Slack-Request-Timestamp": f"{clock().timestamp():.0f}",
                    },
                )
            assert answer.status_code == 401
            assert slack.last_delivery is None
        before = clock()
        assert (await world.person("amara").command("/treasury")).ok
        noted = slack.last_delivery
        assert noted is not None
        assert timedelta(0) <= noted - before < timedelta(minutes=1)
