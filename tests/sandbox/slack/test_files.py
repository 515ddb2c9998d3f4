"""Files: uploaded by the app in three steps, shared, downloaded with a token; given to forms."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError

from sandbox.slack import ApiError, FileToGive, store
from sandbox.slack.forms import LARGEST_FILE
from tests.sandbox.slack.block_kit import asked, form, values
from tests.sandbox.slack.conftest import (
    ANA,
    BEN,
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


# ---- file inputs ------------------------------------------------------------------------------


PDF = {"type": "file_input", "filetypes": ["pdf"], "max_files": 2}


class Form:
    """An app with a form that takes files, and what came with it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.taken: list[dict[str, Any]] = []
        self.error: str | None = None
        self.app = bench.bolt()
        self.app.command("/pay")(self.open)
        self.app.view("pay")(self.take)

    async def open(self, ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        view = form(
            asked("invoice", "Invoice", PDF), asked("why", "Why", {"type": "plain_text_input"})
        )
        try:
            await client.views_open(trigger_id=body["trigger_id"], view=view)
        except SlackApiError as error:
            self.error = f"{error.response['error']} {error.response['needed']}"

    async def take(self, ack: Any, view: dict[str, Any]) -> None:
        self.taken.append(values(view))
        errors = {"why": "Say more."} if values(view)["why"]["value"] == "?" else None
        await (ack(response_action="errors", errors=errors) if errors else ack())


async def test_a_file_given_to_a_form_is_described_whole_and_can_be_fetched(bench: Bench) -> None:
    told = Form(bench)
    await bench.connect(told.app)
    ana = bench.workspace.person(ANA)
    await ana.command("/pay", FINANCE)
    view = await ana.wait_view()
    given = FileToGive("Rechnung #7 März.PDF", b"%PDF-1.4 invoice")
    outcome = await ana.submit(view, {"invoice": given, "why": "?"})
    assert outcome.errors == {"why": "Say more."}
    # What was given stays in the form.
    assert (await ana.submit(view, {"why": "because"})).ok
    first, second = (each["invoice"] for each in told.taken)
    assert first == second
    assert first["type"] == "file_input"
    (file,) = first["files"]
    assert (file["name"], file["size"]) == ("Rechnung #7 März.PDF", 16)
    assert (file["mimetype"], file["filetype"], file["mode"]) == (
        "application/pdf",
        "pdf",
        "hosted",
    )
    assert (file["user"], file["created"]) == (ANA, int(bench.clock.now.timestamp()))
    assert (file["channels"], file["groups"], file["ims"], file["is_public"]) == ([], [], [], False)
    assert await get(file["url_private"], BOT_TOKEN) == b"%PDF-1.4 invoice"
    assert b"Sign in" in await get(file["url_private"], "xoxb-other")
    # It is its owner's alone.
    assert ana.read_file(file["id"]) == b"%PDF-1.4 invoice"
    with pytest.raises(ApiError, match="file_not_found"):
        bench.workspace.person(BEN).read_file(file["id"])
    assert ana.messages(FINANCE) == []


async def test_what_a_file_input_does_not_let_through(bench: Bench) -> None:
    told = Form(bench)
    await bench.connect(told.app)
    ana = bench.workspace.person(ANA)
    await ana.command("/pay", FINANCE)
    view = await ana.wait_view()
    pdf = FileToGive("a.pdf", b"%PDF")
    for given, sentence in (
        (None, "required"),
        ([pdf, pdf, pdf], "at most 2 files"),
        (FileToGive("a.exe", b"MZ", "application/pdf"), "type pdf"),
        (FileToGive("a.pdf", b""), "empty"),
        (FileToGive("a.pdf", b"x" * (LARGEST_FILE + 1)), "at most 10 MB"),
    ):
        outcome = await ana.submit(view, {"invoice": given, "why": "x"})
        assert set(outcome.errors) == {"invoice"}
        assert sentence in outcome.errors["invoice"]
    assert told.taken == []
    with pytest.raises(LookupError, match="no file input"):
        await ana.submit(view, {"why": pdf})
    assert (await ana.submit(view, {"invoice": [pdf, pdf], "why": "x"})).ok
    assert [file["name"] for file in told.taken[0]["invoice"]["files"]] == ["a.pdf", "a.pdf"]


async def test_a_form_that_takes_files_needs_the_scope(make_bench: MakeBench) -> None:
    def without(manifest: dict[str, Any]) -> None:
        manifest["oauth_config"]["scopes"]["bot"].remove("files:read")

    bench = await make_bench(changes=without)
    told = Form(bench)
    await bench.connect(told.app)
    ana = bench.workspace.person(ANA)
    await ana.command("/pay", FINANCE)
    assert ana.views() == []
    assert told.error == "missing_scope files:read"


async def test_files_of_channels_the_app_is_not_in_stay_closed(bench: Bench) -> None:
    ana = bench.workspace.person(ANA)
    for channel, status in ((FINANCE, 200), (RANDOM, 404)):
        message = await ana.upload("a.pdf", b"%PDF", channel)
        file = bench.workspace.store.files[message.files[0]]
        url = f"{bench.workspace.url}/files-pri/T0TEAM0001-{file.id}/a.pdf"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {BOT_TOKEN}"}) as session,
            session.get(url) as response,
        ):
            assert response.status == status


async def test_files_can_come_late_and_break_off(bench: Bench) -> None:
    upload: Any = bench.client().files_upload_v2
    url = (await upload(channel=FINANCE, content=b"x" * 100, filename="a.txt"))["file"][
        "url_private"
    ]
    faults = bench.workspace.faults
    faults.files_after = 0.3
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await get(url, BOT_TOKEN)
    faults.files_after, faults.cut_files = 0, 1
    with pytest.raises(aiohttp.ClientPayloadError):
        await get(url, BOT_TOKEN)
    assert await get(url, BOT_TOKEN) == b"x" * 100
