"""Photos, documents and downloads."""

from __future__ import annotations

from io import BytesIO

import pytest
from telegram import InputFile, InputMediaDocument, InputMediaPhoto
from telegram.error import BadRequest, NetworkError

from sandbox.telegram.images import size_of
from sandbox.telegram.media_methods import MEGABYTE
from tests.sandbox.telegram.conftest import ANA, BEN, CLEO, FINANCE, TOKEN, Bench, keyboard, png

JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x28\x00\x50\x03\x01\x22\x00\x02\x11\x01"


async def test_a_document_is_sent_shown_and_downloaded(bench: Bench) -> None:
    bot = await bench.bot()
    sent = await bot.send_document(
        ANA,
        b"%PDF-1.7",
        filename="receipt 1.pdf",
        caption="<b>Receipt</b>",
        parse_mode="HTML",
        reply_markup=keyboard({"OK": "ok"}),
    )
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.mime_type, sent.document.file_size) == (
        "receipt 1.pdf",
        "application/pdf",
        8,
    )
    assert sent.caption == "Receipt"
    assert sent.caption_entities[0].type == "bold"
    seen = bench.newest()
    assert seen.document is not None
    assert (seen.text, seen.caption, seen.document.name) == ("", "Receipt", "receipt 1.pdf")
    assert bench.person(ANA).read_file(seen.document.id) == b"%PDF-1.7"
    with pytest.raises(LookupError):
        bench.person(BEN).read_file(seen.document.id)

    file = await bot.get_file(sent.document.file_id)
    assert await file.download_as_bytearray() == b"%PDF-1.7"
    assert file.file_path is not None
    assert file.file_path.endswith(".pdf")
    assert "receipt" not in file.file_path
    assert (await bot.get_file(sent.document.file_id)).file_path == file.file_path


async def test_a_file_is_sent_again_by_its_id(bench: Bench) -> None:
    bot = await bench.bot()
    first = await bot.send_document(ANA, b"x", filename="x.csv")
    assert first.document is not None
    again = await bot.send_document(BEN, first.document.file_id)
    assert again.document == first.document
    assert bench.newest(BEN).document == bench.newest(ANA).document


async def test_downloads_need_the_token_and_the_path(bench: Bench) -> None:
    bot = await bench.bot()
    sent = await bot.send_document(ANA, b"x", filename="x.txt")
    assert sent.document is not None
    file = await bot.get_file(sent.document.file_id)
    assert file.file_path is not None
    path = file.file_path.removeprefix(bench.telegram.url)
    assert (await bench.http.get(path)).content == b"x"
    for wrong, status in (
        (path.replace(TOKEN, "123456789:AAsomebody-elses"), 401),
        (f"/file/bot{TOKEN}/documents/file_1.txt", 404),
        (f"/file/bot{TOKEN}/documents/../x.txt", 404),
    ):
        assert (await bench.http.get(wrong)).status_code == status
    for file_id, words in (("nonsense", "Invalid file_id"), ("", "File_id not specified")):
        with pytest.raises(BadRequest, match=words):
            await bot.get_file(file_id)


async def test_photos(bench: Bench) -> None:
    bot = await bench.bot()
    sent = await bot.send_photo(ANA, png(640, 480), caption="Chart", protect_content=True)
    assert (sent.photo[0].width, sent.photo[0].height) == (640, 480)
    seen = bench.newest()
    assert seen.photo is not None
    assert (seen.photo.width, seen.photo.mime, seen.is_protected) == (640, "image/png", True)
    assert size_of(JPEG) == (80, 40)
    assert size_of(b"GIF89a\x05\x00\x06\x00") == (5, 6)
    assert size_of(b"\xff\xd8\xff\xd9") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a picture", "Image_process_failed"),
        (png(0, 5), "Image_process_failed"),
        (png(9000, 2000), "Photo_invalid_dimensions"),
        (png(2100, 100), "Photo_invalid_dimensions"),
        (b"", "File must be non-empty"),
        (
            png(10, 10) + bytes(10 * MEGABYTE),
            "File of size 10485789 bytes is too big for a photo; "
            "the maximum size is 10485760 bytes",
        ),
    ],
)
async def test_photos_that_are_refused(bench: Bench, content: bytes, words: str) -> None:
    bot = await bench.bot()
    with pytest.raises(BadRequest, match=words):
        await bot.send_photo(ANA, content)
    assert bench.person(ANA).messages() == []


async def test_documents_that_are_refused(bench: Bench) -> None:
    bot = await bench.bot()
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await bot.send_document(ANA, bytes(50 * MEGABYTE + 1), filename="big.bin")
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_document(ANA, b"x", filename="x", caption="x" * 1025)
    with pytest.raises(BadRequest, match="Wrong file identifier/http url specified"):
        await bot.send_document(ANA, "nonsense")
    with pytest.raises(BadRequest, match="Failed to get http url content"):
        await bot.send_document(ANA, "https://acme.test/x.pdf")
    words = await bench.refusal("sendDocument", chat_id=ANA)
    assert words == "Bad Request: there is no document in the request"


async def test_a_body_beyond_all_limits(bench: Bench) -> None:
    response = await bench.http.post(
        f"/bot{TOKEN}/sendDocument", files={"document": bytes(65 * MEGABYTE)}
    )
    assert response.status_code == 413
    assert response.json()["description"] == "Request Entity Too Large"


async def test_only_twenty_megabytes_can_be_downloaded(bench: Bench) -> None:
    bot = await bench.bot()
    sent = await bot.send_document(ANA, bytes(20 * MEGABYTE + 1), filename="big.bin")
    assert sent.document is not None
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file(sent.document.file_id)


async def test_captions_and_media_are_edited(bench: Bench) -> None:
    bot = await bench.bot()
    sent = await bot.send_photo(ANA, png(10, 10), caption="one")
    await bot.edit_message_caption(ANA, sent.message_id, caption="<i>two</i>", parse_mode="HTML")
    assert bench.newest().caption == "two"
    assert bench.newest().photo is not None
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_caption(
            ANA, sent.message_id, caption="<i>two</i>", parse_mode="HTML"
        )
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("x", ANA, sent.message_id)
    await bot.edit_message_media(InputMediaPhoto(png(20, 20), "three"), ANA, sent.message_id)
    changed = bench.newest()
    assert changed.photo is not None
    assert (changed.photo.width, changed.caption) == (20, "three")
    table = InputFile(BytesIO(b"a;b"), filename="t.csv", attach=True)
    await bot.edit_message_media(InputMediaDocument(table), ANA, sent.message_id)
    changed = bench.newest()
    assert (changed.photo, changed.document and changed.document.name) == (None, "t.csv")
    words = await bench.refusal(
        "editMessageMedia", chat_id=ANA, message_id=sent.message_id, media={"type": "video"}
    )
    assert words.endswith("Unsupported type specified")


async def test_people_send_files(bench: Bench) -> None:
    bot = await bench.bot()
    ana = bench.person(ANA)
    await ana.send_file("pay.csv", b"a;b", "text/csv", caption="June /pay")
    await ana.send_photo(png(30, 20), "receipt")
    await ana.send_sticker("🎉")
    document, photo, sticker = [each["message"] for each in await bench.updates()]
    assert document["caption"] == "June /pay"
    assert document["caption_entities"][0]["type"] == "bot_command"
    assert document["document"]["mime_type"] == "text/csv"
    file = await bot.get_file(document["document"]["file_id"])
    assert await file.download_as_bytearray() == b"a;b"
    assert (photo["photo"][-1]["width"], photo["caption"]) == (30, "receipt")
    assert sticker["sticker"]["emoji"] == "🎉"
    with pytest.raises(ValueError, match="too long"):
        await ana.send_file("x", b"x", caption="x" * 1025)
    with pytest.raises(LookupError):
        await bench.person(CLEO).send_file("x", b"x", chat=FINANCE)
