"""Entities: those of HTML, those Telegram finds by itself, and how they are shown."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.telegram import ApiError
from sandbox.telegram.entities import MOST_ENTITIES, entity_text, formatted, shown, with_found
from sandbox.telegram.html_text import parse_html
from sandbox.telegram.utf16 import part, units

TAGS = ["b", "i", "u", "s", "code", "pre", "blockquote", "tg-spoiler"]


def brief(entities: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    return [(entity["type"], entity["offset"], entity["length"]) for entity in entities]


@pytest.mark.parametrize(
    ("given_html", "text", "entities"),
    [
        ("plain", "plain", []),
        ("<b>a</b>", "a", [("bold", 0, 1)]),
        ("<STRONG>a</strong>", "a", [("bold", 0, 1)]),
        ("<i>a</i><em>b</em>", "ab", [("italic", 0, 1), ("italic", 1, 1)]),
        ("<u>a</u><ins>b</ins>", "ab", [("underline", 0, 1), ("underline", 1, 1)]),
        (
            "<s>a</s><strike>b</strike><del>c</del>",
            "abc",
            [("strikethrough", index, 1) for index in range(3)],
        ),
        ("<code>a&lt;b</code>", "a<b", [("code", 0, 3)]),
        ("<pre>a\nb</pre>", "a\nb", [("pre", 0, 3)]),
        ('<span class="tg-spoiler">x</span>', "x", [("spoiler", 0, 1)]),
        ("<tg-spoiler>x</tg-spoiler>", "x", [("spoiler", 0, 1)]),
        ("<blockquote>q</blockquote>", "q", [("blockquote", 0, 1)]),
        ("<blockquote expandable>q</blockquote>", "q", [("expandable_blockquote", 0, 1)]),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("😀<b>😀</b>", "😀😀", [("bold", 2, 2)]),
        ("<b></b>x", "x", []),
        ("<code>a<b>b</b></code>", "ab", [("code", 0, 2)]),
        ("&lt;b&gt; &amp; &quot;&#39;&#x41;", "<b> & \"'A", []),
        ("&nbsp;&copy;&#55296;&", "&nbsp;&copy;&#55296;&", []),
        ("1 > 2", "1 > 2", []),
        ("  <b> a</b>\n ", "a", [("bold", 0, 1)]),
        ("a\r\nb\x07c\u202ed", "a\nb cd", []),
    ],
)
def test_html_becomes_text_and_entities(
    given_html: str, text: str, entities: list[tuple[str, int, int]]
) -> None:
    found, parsed = formatted(given_html, "HTML", None)
    assert found == text
    assert brief(parsed) == entities


def test_attributes_are_kept() -> None:
    _, (link, emoji, code) = formatted(
        '<a href="https://acme.test/?a=1&amp;b=2">x</a>'
        '<tg-emoji emoji-id="53">y</tg-emoji>'
        '<pre><code class="language-python">z</code></pre>',
        "html",
        None,
    )
    assert link == {
        "type": "text_link",
        "offset": 0,
        "length": 1,
        "url": "https://acme.test/?a=1&b=2",
    }
    assert emoji["custom_emoji_id"] == "53"
    assert (code["type"], code["language"]) == ("pre", "python")


def test_a_link_without_a_real_address_is_only_text() -> None:
    assert formatted("<a href='javascript'>x</a><a>acme.test</a>", "HTML", None)[1] == [
        {"type": "text_link", "offset": 1, "length": 9, "url": "acme.test"}
    ]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("<p>x</p>", 'Unsupported start tag "p" at byte offset 0'),
        ("é <br>", 'Unsupported start tag "br" at byte offset 3'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<b/>", 'Unsupported start tag "b/" at byte offset 0'),
        ("x <ana@acme.test>", 'Unsupported start tag "ana@acme.test" at byte offset 2'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        (
            "<b><i>x</b></i>",
            'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
        ),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<a href=>x</a>", "Unclosed start tag at byte offset 0"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<tg-emoji>x</tg-emoji>", "Invalid custom emoji identifier specified"),
    ],
)
def test_broken_html_is_refused_in_telegrams_words(broken: str, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        formatted(broken, "HTML", None)
    assert caught.value.description == f"Bad Request: can't parse entities: {words}"


def test_other_parse_modes_are_refused() -> None:
    with pytest.raises(ApiError, match="unsupported parse_mode"):
        formatted("x", "Markdown9", None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "/pay 12 to /x@acme_pay_bot",
            [("bot_command", "/pay"), ("bot_command", "/x@acme_pay_bot")],
        ),
        ("and/or 1/2", []),
        ("@ana_lima, @x and a@b", [("mention", "@ana_lima")]),
        (
            "see https://a.test/x?y=1). Or acme.com.",
            [("url", "https://a.test/x?y=1"), ("url", "acme.com")],
        ),
        ("pay_2026.11.pdf and v1.2", []),
        ("mail ana@acme.com!", [("email", "ana@acme.com")]),
        ("#late $EUR #1", [("hashtag", "#late"), ("cashtag", "$EUR")]),
        ("neutral /\u200bpay @\u200bana acme.\u200bcom", []),
    ],
)
def test_what_becomes_a_link_by_itself(text: str, found: list[tuple[str, str]]) -> None:
    entities = with_found(text, [])
    assert [(entity["type"], entity_text(text, entity)) for entity in entities] == found


def test_nothing_is_found_inside_code_or_links() -> None:
    text, entities = formatted(
        '<code>/pay</code> <a href="https://x.test">acme.com</a> <b>/go</b>', "HTML", None
    )
    assert [entity["type"] for entity in entities] == ["code", "text_link", "bold", "bot_command"]
    assert text == "/pay acme.com /go"


def test_explicit_entities_take_the_place_of_a_parse_mode() -> None:
    bold = {"type": "bold", "offset": 1, "length": 2}
    assert formatted(" 😀 x", "", [bold]) == ("😀 x", [{**bold, "offset": 0}])
    assert formatted("x", "", [{**bold, "offset": 0, "length": 1, "type": "unheard_of"}])[1] == []
    for wrong in ([{**bold, "offset": 9}], [{"type": "bold"}], ["bold"], "bold"):
        with pytest.raises(ApiError, match="can't parse entities"):
            formatted("abc", "", wrong)


def test_entities_beyond_the_hundredth_are_dropped() -> None:
    _, entities = formatted("<b>a</b> " * 150, "HTML", None)
    assert len(entities) == MOST_ENTITIES


@pytest.mark.parametrize(
    ("given_html", "safe"),
    [
        ("<b>a &amp; b</b>", "<b>a &amp; b</b>"),
        ("<tg-spoiler>x</tg-spoiler>", '<span class="spoiler">x</span>'),
        ("<a href='https://a.test/\"x'>x</a>", '<a href="https://a.test/&quot;x">x</a>'),
        ("<a href='tg://user?id=5'>x</a>", "x"),
        ("go acme.com", 'go <a href="http://acme.com">acme.com</a>'),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("<blockquote expandable>😀</blockquote>", "<blockquote>😀</blockquote>"),
        ("<u>a<s>b</s></u><pre>c</pre>", "<u>a<s>b</s></u><pre>c</pre>"),
    ],
)
def test_what_is_shown_is_safe(given_html: str, safe: str) -> None:
    assert shown(*formatted(given_html, "HTML", None)) == safe


def test_entities_that_overlap_are_shown_well_nested() -> None:
    entities = [
        {"type": "bold", "offset": 0, "length": 2},
        {"type": "italic", "offset": 1, "length": 2},
    ]
    assert shown("abc", entities) == "<b>a<i>b</i></b><i>c</i>"


@st.composite
def trees(draw: st.DrawFn) -> tuple[str, str]:
    """Return HTML and the text in it."""
    parts, text = [], ""
    for _ in range(draw(st.integers(0, 4))):
        inner = draw(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
        tag = draw(st.sampled_from([*TAGS, ""]))
        escaped = html.escape(inner, quote=False)
        parts.append(f"<{tag}>{escaped}</{tag}>" if tag else escaped)
        text += inner
    return "".join(parts), text


@given(trees())
def test_escaped_text_survives(tree: tuple[str, str]) -> None:
    markup, text = tree
    found, entities = parse_html(markup)
    assert found == text
    for entity in entities:
        assert entity["length"] > 0
        assert entity["offset"] + entity["length"] <= units(text)
    assert html.unescape(re.sub(r"<[^>]*>", "", shown(found, with_found(found, entities)))) == text


@given(st.text(st.sampled_from("<>/&;#x1ab\"'= 😀")))
def test_any_text_is_read_or_refused(markup: str) -> None:
    try:
        text, _ = formatted(markup, "HTML", None)
    except ApiError as error:
        words = error.description
    else:
        words = "Bad Request: can't parse entities: " * (units(text) <= units(markup))
    assert words.startswith("Bad Request: can't parse entities: ")


def test_parts_are_cut_by_units() -> None:
    assert units("a😀b") == 4
    assert part("a😀b", 1, 2) == "😀"
