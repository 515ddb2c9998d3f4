"""Files: uploaded by the app in three steps, shared, downloaded with a token."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError

from sandbox.slack import ApiError, store
from tests.sandbox.slack.conftest import (
    ANA,
    BOT_TOKEN,
    CLEO,
    FINANCE,
    RANDOM,
    Bench,
    MakeBench,
)
from tests.sandbox.slack.test_web_api import error_of


async def get(url: str, token: str) -> bytes:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Authorization": f"Bearer {token}"}) as response,
    ):
        return await response.read()


async def test_an_upload_appears_in_the_thread(bench: Bench) -> None:
    client, ana = bench.client(), bench.workspace.person(ANA)
    root = (await client.chat_postMessage(channel=FINANCE, text="root"))["ts"]
    answer = await client.files_upload_v2(
        channel=FINANCE,
        content=b"%PDF-1.4 receipt",
        filename="receipt.pdf",
        title="Receipt",
        initial_comment="Here it is",
        thread_ts=root,
    )
    message = ana.messages(FINANCE, thread_ts=root)[-1]
    assert (message.text, message.files) == ("Here it is", [answer["file"]["id"]])
    assert ana.read_file(message.files[0]) == b"%PDF-1.4 receipt"
    assert answer["file"]["mimetype"] == "application/pdf"
    assert await get(answer["file"]["url_private"], BOT_TOKEN) == b"%PDF-1.4 receipt"
    assert b"Sign in" in await get(answer["file"]["url_private"], "xoxb-other")
    with pytest.raises(ApiError, match="channel_not_found"):
        bench.workspace.person(CLEO).read_file(message.files[0])


async def test_what_an_upload_needs(bench: Bench) -> None:
    client = bench.client()
    upload: Any = client.files_upload_v2
    assert await error_of(upload(channel=RANDOM, content=b"x", filename="a")) == "not_in_channel"
    assert await error_of(upload(channel=ANA, content=b"x", filename="a")) == "channel_not_found"
    assert await error_of(client.files_getUploadURLExternal(filename="a", length=0)) == (
        "invalid_arguments"
    )
    nothing = client.files_completeUploadExternal(files=[{"id": "F0NOTHING1"}])
    assert await error_of(nothing) == "file_not_found"
    place = await client.files_getUploadURLExternal(filename="a", length=3)
    async with aiohttp.ClientSession() as session:
        async with session.post(place["upload_url"], data=b"four") as response:
            assert response.status == 400
        form = aiohttp.FormData()
        form.add_field("file", b"abc", filename="a")
        async with session.post(place["upload_url"], data=form) as response:
            assert (response.status, await response.text()) == (200, "OK - 3")
        async with session.post(place["upload_url"], data=b"abc") as response:
            assert response.status == 404
    done = await client.files_completeUploadExternal(files=[{"id": place["file_id"]}])
    assert done["files"][0]["size"] == 3


async def test_reading_needs_its_scope(make_bench: MakeBench) -> None:
    def without(manifest: dict[str, Any]) -> None:
        manifest["oauth_config"]["scopes"]["bot"].remove("files:read")

    bench = await make_bench(changes=without)
    upload: Any = bench.client().files_upload_v2
    answer = await upload(channel=FINANCE, content=b"secret", filename="a.txt")
    assert b"Sign in" in await get(answer["file"]["url_private"], BOT_TOKEN)


async def test_the_oldest_files_make_room(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_FILE_BYTES", 10)
    ana = bench.workspace.person(ANA)
    first = await ana.upload("a.csv", b"123456", FINANCE)
    second = await ana.upload("b.csv", b"123456", FINANCE)
    assert ana.read_file(second.files[0]) == b"123456"
    with pytest.raises(ApiError, match="file_not_found"):
        ana.read_file(first.files[0])


async def test_a_failed_upload_is_the_sdks_error(bench: Bench) -> None:
    bench.workspace.limits.force("files.getUploadURLExternal")
    with pytest.raises((SlackApiError, SlackRequestError)):
        await bench.client().files_upload_v2(channel=FINANCE, content=b"x", filename="a")
