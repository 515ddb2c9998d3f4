"""What may be attached to a payment: judged by its bytes, under a name that shows what it is."""

from __future__ import annotations

import io
import unicodedata
import zlib
from hashlib import sha256

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from workflows.attachments import LARGEST, LONGEST_NAME, Attachment, checked, clean_name
from workflows.refusal import Refusal

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n%%EOF\n"


def refused(name: str, content: bytes, declared: str = "application/pdf") -> str:
    with pytest.raises(Refusal) as caught:
        checked(name, content, declared)
    assert caught.value.field == "invoice"
    return caught.value.code


def with_objects(objects: bytes, packed: bytes | None = None, entry: bytes = b"/ObjStm") -> bytes:
    """Return a PDF whose objects are in a stream, packed unless they are given otherwise."""
    data = zlib.compress(objects) if packed is None else packed
    return (
        b"%%PDF-1.7\n5 0 obj\n<< /Type %b /N 1 /First 4 /Filter /FlateDecode /Length %d >>\n"
        b"stream\r\n%b\nendstream\nendobj\n%%%%EOF\n" % (entry, len(data), data)
    )


@pytest.mark.parametrize(
    ("content", "media_type", "end"),
    [(PDF, "application/pdf", "pdf"), (PNG, "image/png", "png"), (JPEG, "image/jpeg", "jpg")],
)
@pytest.mark.parametrize("declared", ["application/pdf", "image/png", "text/html", "", "x" * 999])
def test_a_file_is_what_its_bytes_are(
    content: bytes, media_type: str, end: str, declared: str
) -> None:
    expected = Attachment(
        f"invoice 7.{end}", media_type, len(content), sha256(content).hexdigest(), content
    )
    assert checked(f"invoice 7.{end}", content, declared) == expected
    assert repr(content) not in repr(expected)


@pytest.mark.parametrize(
    "content",
    [
        b"<html><script>",
        b"PK\x03\x04",
        b"GIF89a",
        b"MZ\x90\0",
        b"%!PS-Adobe-3.0",
        b"%PDF",
        b" %PDF-1.7",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8",
        b"BM\0\0",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_nothing_else_may_be_attached(content: bytes) -> None:
    assert refused("invoice.pdf", content) == "attachment.type"


def test_a_file_has_something_in_it_and_is_not_too_large() -> None:
    assert refused("invoice.pdf", b"") == "attachment.empty"
    assert checked("a.png", PNG.ljust(LARGEST, b"\0"), "image/png").size == LARGEST
    assert refused("a.png", PNG.ljust(LARGEST + 1, b"\0")) == "attachment.too_large"


# ---- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Rechnung 4711.PDF", "Rechnung 4711.pdf"),
        ("发票 11月.pdf", "发票 11月.pdf"),
        ("../../etc/cron.d/invoice.pdf", "invoice.pdf"),
        ("C:\\Users\\mia\\invoice.pdf", "invoice.pdf"),
        ("a\r\nb\x00\x1b[31mc.pdf", "a b[31mc.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe.pdf"),
        ("in\u200bvo\u2066ice\ufeff.pdf", "invoice.pdf"),
        ("bad\udcff.pdf", "bad.pdf"),
        ("invoice.png", "invoice.pdf"),
        ("invoice.jpeg", "invoice.pdf"),
        ("invoice.html", "invoice.html.pdf"),
        ("invoice", "invoice.pdf"),
        ("v1.2", "v1.2.pdf"),
        (" .hidden.pdf ", "hidden.pdf"),
        ("invoice.pdf.", "invoice.pdf.pdf"),
        ("Cafe\u0301.pdf", "Café.pdf"),
        ("x" * 500 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_name_is_shown_as_what_it_is(name: str, shown: str) -> None:
    assert checked(name, PDF, "application/pdf").name == shown


def test_either_end_of_a_jpeg_is_kept() -> None:
    assert checked("scan.JPEG", JPEG, "").name == "scan.jpeg"
    assert checked("scan", JPEG, "").name == "scan.jpg"


@pytest.mark.parametrize(
    "name", ["", ".pdf", "..", "///", "a/", "\u202e\u200b.pdf", " . . ", "\x00"]
)
def test_a_name_of_which_nothing_can_be_read(name: str) -> None:
    assert refused(name, PDF) == "attachment.name"


@given(st.text())
@example("a.pdf/..\\")
def test_any_name(name: str) -> None:
    try:
        shown = clean_name(name, ("jpg", "jpeg"))
    except Refusal as refusal:
        assert refusal.code == "attachment.name"  # noqa: PT017
        return
    assert 0 < len(shown) <= LONGEST_NAME
    assert shown.endswith((".jpg", ".jpeg"))
    assert not set(shown) & set("/\\")
    assert not any(unicodedata.category(each).startswith("C") for each in shown)
    assert not shown.startswith((".", " "))
    assert clean_name(shown, ("jpg", "jpeg")) == shown


# ---- what a PDF could do -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        b"/OpenAction << /S /JavaScript /JS (app.alert(1)) >>",
        b"/OpenAction<</S/JavaScript/JS 12 0 R>>",
        b"/S /Rendition /JS <6170702e>",
        b"/S /Rendition /JS\n12 0 R",
        b"/OpenAction << /S /Launch /F (cmd.exe) >>",
        b"/S /J#61vaScript",
        b"/S /#4A#61#76#61#53#63#72#69#70#74",
        b"/S /#4aavaScript",
        b"/S /L#61unch",
    ],
)
def test_a_pdf_that_does_something_is_refused(entry: bytes) -> None:
    assert refused("a.pdf", PDF.replace(b"/Pages", entry + b" /Pages")) == "attachment.active"
    assert refused("a.pdf", with_objects(b"1 0 << " + entry + b" >>")) == "attachment.active"


@pytest.mark.parametrize(
    "text",
    [
        b"(Payment by /JSON feed)",
        b"(JavaScript developers, 3 days)",
        b"/JSFont 12 Tf",
        b"(Launch event) /LaunchFont",
        b"/Names << /EmbeddedFiles 5 0 R >> << /Type /EmbeddedFile /Length 3 >>",
        b"\x80/JS\x81\x82",
    ],
)
def test_what_only_looks_like_it_is_not(text: bytes) -> None:
    assert checked("a.pdf", PDF + text, "").size == len(PDF + text)
    assert checked("a.pdf", with_objects(text), "").media_type == "application/pdf"


def test_an_invoice_as_a_program_writes_it() -> None:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(72, 720, "Invoice INV-7: 1250.00 EUR")
    canvas.linkURL("https://example.com/pay", (72, 700, 200, 720))
    canvas.save()
    assert checked("INV-7.pdf", file.getvalue(), "application/pdf").name == "INV-7.pdf"


@pytest.mark.parametrize(
    "content",
    [
        with_objects(b"", packed=b"\x17\x99 encrypted"),
        with_objects(b"", packed=b"1 0 << /Type /Page >>"),
        with_objects(bytes(21 * 1024 * 1024)) + with_objects(b""),
        with_objects(b"") * 1001,
        with_objects(b"", packed=bytes(1024 * 1024 + 1)),
        with_objects(b"").replace(b"endstream", b""),
        with_objects(b"/S /JavaScript", entry=b"/Obj#53tm"),
    ],
)
def test_what_cannot_be_looked_into_is_refused(content: bytes) -> None:
    assert refused("a.pdf", content) == "attachment.active"


@settings(deadline=None)
@given(
    st.sampled_from([b"", b"%PDF-1.7\n", PDF, PNG, JPEG]),
    st.lists(
        st.sampled_from(
            [
                b"/ObjStm",
                b">>",
                b"stream\n",
                b"endstream",
                b"/JS",
                b"/",
                b"#",
                b"(",
                zlib.compress(b""),
            ]
        )
        | st.binary(max_size=20),
        max_size=20,
    ),
)
def test_any_bytes(start: bytes, parts: list[bytes]) -> None:
    content = start + b"".join(parts)
    try:
        found = checked("a", content, "")
    except Refusal as refusal:
        assert refusal.code.startswith("attachment.")  # noqa: PT017
    else:
        assert found.content == content
        assert found.sha256 == sha256(content).hexdigest()
