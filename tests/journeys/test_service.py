"""``countersign run``: the real process, from its settings file to its end."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from pathlib import Path

import httpx

from tests.journeys.world import World, a_world

ROOT = Path(__file__).parents[2]


async def started(world: World, folder: Path, **environ: str) -> asyncio.subprocess.Process:
    """Start the service on a world whose own bot has stopped."""
    known = {
        "KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
        "BOT_TOKEN": world.workspace.app.bot_token,
        "APP_TOKEN": world.workspace.app.app_token,
        "SIGNING_SECRET": world.workspace.app.signing_secret,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.cli",
        "run",
        "--config",
        str(folder / "countersign.toml"),
        env={**os.environ, **known, **environ},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out + err).decode()


async def test_it_runs_answers_and_stops_when_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.close()
        process = await started(world, tmp_path, COUNTERSIGN__WEB__PORT="0")
        try:
            await world.workspace.wait_connected(timeout=30)
            carl = world.person("carl")
            async with asyncio.timeout(30):  # the process shares its first second with its imports
                while not (await carl.command("/treasury whoami")).ok:
                    await asyncio.sleep(0.2)
            assert "CFO" in world.last("carl")
        finally:
            process.send_signal(signal.SIGTERM)
        code, said = await ended(process)
    assert code == 0, said
    assert "Traceback" not in said
    for secret in (world.workspace.app.bot_token, world.workspace.app.app_token):
        assert secret not in said


async def test_a_token_that_slack_refuses_ends_the_start_with_the_remedy(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.close()
        process = await started(world, tmp_path, BOT_TOKEN="xoxb-wrong-token")
        code, said = await ended(process)
    assert code == 1
    assert "invalid_auth" in said
    assert "slack.bot_token" in said
    assert "xoxb-wrong-token" not in said
    assert "Traceback" not in said


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert world.app is not None
        assert world.app.web is not None
        port = world.app.web.url.rpartition(":")[2]
        folder = tmp_path / "other"
        folder.mkdir()
        for name in ("countersign.toml", "policy.yml"):
            (folder / name).write_text((tmp_path / name).read_text())
        process = await started(world, folder, COUNTERSIGN__WEB__PORT=port)
        code, said = await ended(process)
    assert code == 1
    assert port in said
    assert "Traceback" not in said


async def test_slack_unreachable_at_the_start_is_tried_again(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        before = world.app
        await world.close()
        await world.workspace.go_down()
        opening = asyncio.create_task(world.open())
        async with asyncio.timeout(30):
            while world.app in (None, before) or world.app.web is None:
                await asyncio.sleep(0.05)
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{world.app.web.url}/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "degraded"
        await world.workspace.come_back()
        await opening
        async with httpx.AsyncClient() as client, asyncio.timeout(30):
            while (await client.get(f"{world.app.web.url}/health")).status_code != 200:
                await asyncio.sleep(0.1)
        assert (await world.person("carl").command("/treasury")).ok
