"""Whatever a card or notice says, Telegram takes it, and nothing of others in it takes effect."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.cards import Action, Card, Fact, Notice, Tone
from bot.telegram import buttons, render
from bot.telegram.buttons import Sheet
from sandbox.telegram.entities import entity_text, formatted
from sandbox.telegram.keyboards import read_markup
from sandbox.telegram.utf16 import units

MOST = 4096
LIVE = ("url", "email", "mention", "hashtag", "cashtag", "bot_command", "text_link")
HARMLESS = {f"/{name}" for name in render.COMMANDS} - {"/freeze"}
# What would take effect in Telegram, and the pieces it is made of.
PIECES = (
    *"@#$/.:-_+<>&;\"'?=~`*|",
    *("https://", "http:", "//", "www.", "evil", "bank", ".com", ".de", "@evil_bot", "a", "Z", "9"),
    *(
        "/pay",
        "/freeze",
        "/start",
        "EUR",
        "tag",
        "<b>",
        "</b>",
        "<a href='https://evil.test'>",
        " ",
    ),
    *("&lt;", "&#64;", "é", "上", "😀", "👨‍👩‍👧", "\u0301", "\u200d"),
)
# Without what Telegram itself drops or turns into spaces, and without our own mark.
letters = st.characters(
    exclude_categories=("Cc", "Cs"),
    exclude_characters="\u200b\u2028\u2029\u202a\u202b\u202c\u202d\u202e",
)
dangerous = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join)
words = (st.text(letters, min_size=1, max_size=200) | dangerous).filter(str.strip)
long_words = words | st.builds(lambda text, times: text * times, words, st.integers(1, 60))
facts = st.builds(Fact, words, long_words)
cards = st.builds(
    Card,
    title=words,
    tone=st.sampled_from(Tone),
    facts=st.lists(facts, max_size=25).map(tuple),
    lines=st.lists(long_words, max_size=12).map(tuple),
    notes=st.lists(long_words, max_size=6).map(tuple),
)
actions = st.builds(
    Action,
    id=st.text("abcdefgh", min_size=1, max_size=10),
    label=words,
    value=st.builds("v{}".format, words),
    style=st.sampled_from(["", "primary", "danger"]),
    confirm=st.just("") | words,
)


def read(html: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a page as Telegram reads it; whatever it would not take is raised."""
    text, entities = formatted(html, "HTML", None)
    assert 1 <= units(text) <= MOST
    return text, entities


def live(text: str, entities: list[dict[str, Any]]) -> set[str]:
    """Return what takes effect in a text and is none of our own harmless commands."""
    found = {entity_text(text, each) for each in entities if each["type"] in LIVE}
    return found - HARMLESS


def said(pages: list[str]) -> str:
    return "".join(read(page)[0] for page in pages).replace("\u200b", "")


def squeezed(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None)
@given(words)
@example("9-.com")
@example("a@-.com")
@example("see www.evil.com, @evil_bot, /freeze@evil_bot #tag $EUR https://evil.test")
def test_nothing_of_others_takes_effect(text: str) -> None:
    shown, entities = read(render.neutral(text))
    assert live(shown, entities) == set()
    assert not any(each["type"] == "bold" for each in entities)
    assert shown.replace("\u200b", "") == text.strip()


@settings(deadline=None)
@given(cards)
def test_every_page_of_a_card_is_taken_and_says_the_card(card: Card) -> None:
    pages = render.pages(render.card_lines(card))
    for page in pages:
        assert live(*read(page)) == set()
    texts = chain([card.title], *((f.label, f.value) for f in card.facts), card.lines, card.notes)
    rest = squeezed(said(pages))
    for text in texts:
        wanted = squeezed(" ".join(text.split("\n")))
        if units(text) <= 1200:
            assert wanted in rest, text


@settings(deadline=None)
@given(st.lists(long_words, min_size=1, max_size=40))
def test_pages_follow_one_another_without_a_gap(lines: list[str]) -> None:
    made = [render.plain(each) for each in lines]
    pages = render.pages(made)
    assert [read(page) for page in pages]
    whole = squeezed(said(pages))
    assert whole == squeezed("".join(render.cut(each, 1200) for each in lines))


@settings(deadline=None)
@given(long_words, st.sampled_from(Tone))
def test_a_notice_is_taken(text: str, tone: Tone) -> None:
    notice = Notice(text, tone)
    pages = render.pages(render.notice_lines(notice))
    for page in pages:
        assert live(*read(page)) == set()
    toast = render.toast(notice)
    if toast is None:
        assert units(text) > 190
    else:
        assert units(toast) <= 200
        assert toast.endswith(text)


@settings(deadline=None)
@given(long_words)
@example("000@/0:$0:/pay@" * 54)
def test_a_caption_is_taken(text: str) -> None:
    shown, entities = read(render.caption(text))
    assert units(shown) <= 1024
    assert live(shown, entities) == set()


@settings(deadline=None)
@given(words, st.integers(1, 500))
def test_what_is_cut_says_so(text: str, longest: int) -> None:
    cut = render.cut(text, longest)
    assert units(cut) <= longest
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


@settings(deadline=None)
@given(st.lists(words, min_size=1, max_size=8), st.lists(actions, max_size=20), st.data())
def test_every_keyboard_is_taken_and_opaque(
    texts: list[str], offered: list[Action], data: st.DataObject
) -> None:
    sheet = Sheet(tuple(render.neutral(each) for each in texts), tuple(offered)).drawn()
    for _ in range(4):
        markup = buttons.markup("namenamename", sheet)
        keys = [key for row in sheet.keys for key in row]
        if markup is None:
            assert keys == []
            break
        rows = read_markup(markup.to_dict(), is_private=True).buttons
        shown = [button for row in rows for button in row]
        assert len(shown) == len(keys)
        pressable = [each.data for each in shown if each.data]
        assert len(set(pressable)) == len(pressable)
        assert all(re.fullmatch(r"m:namenamename:[\w-]{12}", each) for each in pressable)
        assert live(*read(sheet.html)) == set()
        key = data.draw(st.sampled_from(keys))
        again = buttons._after(sheet, key).drawn()
        assert not {each.data for each in shown if each.data} & _data(again)
        sheet = again


def _data(sheet: Sheet) -> set[str]:
    markup = buttons.markup("namenamename", sheet)
    if markup is None:
        return set()
    return {str(each.callback_data) for row in markup.inline_keyboard for each in row} - {"None"}


@settings(deadline=None)
@given(st.lists(words, min_size=1, max_size=4), st.lists(actions, max_size=8))
def test_a_sheet_is_kept_as_it_is(texts: list[str], offered: list[Action]) -> None:
    sheet = Sheet(tuple(texts), tuple(offered)).drawn()
    assert buttons._unpacked(buttons._packed(sheet)) == sheet


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_our_own_commands_can_be_tapped(name: str) -> None:
    shown, entities = read(render.neutral(f"{name} shows it: {name}."))
    tapped = [entity_text(shown, each) for each in entities if each["type"] == "bot_command"]
    assert tapped == [name, name]
    longer, entities = read(render.neutral(f"{name}x {name}_1 {name}@evil_bot"))
    assert {entity_text(longer, e) for e in entities if e["type"] in LIVE} <= {name}


def test_the_pages_own_address_alone_is_a_link() -> None:
    line = render.address("Set up <b>", "https://pay.northwind.test/enrol/a_b-c?x=1&y=2")
    shown, entities = read(line)
    links = [entity_text(shown, each) for each in entities if each["type"] in LIVE]
    assert links == ["https://pay.northwind.test/enrol/a_b-c?x=1&y=2"]


def test_every_sentence_of_the_catalogue_is_without_effect() -> None:
    folder = Path(render.__file__).parents[1] / "locales"
    sentences = re.findall(
        r'^msgstr(?:\[\d\])? "(.+)"$',
        "".join(path.read_text() for path in sorted(folder.glob("*.po"))),
        re.M,
    )
    assert len(sentences) > 500
    for sentence in sentences:
        assert live(*read(render.neutral(sentence))) == set(), sentence
