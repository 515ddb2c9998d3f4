"""Whatever a card or form says, Slack takes it, and nothing in it takes effect."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.cards import Action, Card, Choice, Fact, Form, Home, Input, InputKind, Notice, Tone
from bot.slack import render
from sandbox.slack.blocks import check_blocks, check_view

words = st.text(min_size=1, max_size=4000) | st.sampled_from(
    ["<!channel>", "<@U123>", "*x*", "_x_", "`x`", "a & b", "<https://evil.test|bank>", "\n" * 50]
)
actions = st.builds(
    Action,
    id=st.text("abcdefgh", min_size=1, max_size=10),
    label=words,
    value=words,
    style=st.sampled_from(["", "primary", "danger"]),
    confirm=st.just("") | words,
)
cards = st.builds(
    Card,
    title=words,
    tone=st.sampled_from(Tone),
    facts=st.lists(st.builds(Fact, words, words), max_size=25).map(tuple),
    lines=st.lists(words, max_size=12).map(tuple),
    notes=st.lists(words, max_size=12).map(tuple),
    actions=st.lists(actions, max_size=6, unique_by=lambda each: each.id).map(tuple),
)
choices = st.builds(Choice, st.text("xyz", min_size=1, max_size=9), words)
inputs = st.builds(
    Input,
    name=st.text("abc", min_size=1, max_size=8),
    kind=st.sampled_from(InputKind),
    label=words,
    hint=st.just("") | words,
    placeholder=st.just("") | words,
    choices=st.lists(choices, min_size=1, max_size=8, unique_by=lambda c: c.value).map(tuple),
    is_optional=st.booleans(),
)
forms = st.builds(
    Form,
    id=st.text("abc", min_size=1, max_size=20),
    title=words,
    submit=words,
    cancel=words,
    token=st.text("0123456789abcdef:", max_size=200),
    facts=st.lists(st.builds(Fact, words, words), max_size=12).map(tuple),
    lines=st.lists(words, max_size=6).map(tuple),
    inputs=st.lists(inputs, max_size=8, unique_by=lambda each: each.name).map(tuple),
)


def markup(node: object) -> list[str]:
    if isinstance(node, list):
        return [text for each in node for text in markup(each)]
    if not isinstance(node, dict):
        return []
    if node.get("type") == "mrkdwn":
        assert node["verbatim"] is True
        return [node["text"]]
    return [text for each in node.values() for text in markup(each)]


@given(cards)
def test_every_card_is_a_message_slack_takes(card: Card) -> None:
    blocks = render.card_blocks(card)
    assert not list(check_blocks(blocks, "message"))
    for text in markup(blocks):
        assert not re.search(r"<(?![^>]*\Z)[!@#a-z]", text)
    assert len(render.card_text(card)) < 40_000


@given(forms)
def test_every_form_is_a_modal_slack_takes(form: Form) -> None:
    assert not list(check_view(render.form_view(form), is_home=False))


@given(st.lists(cards, max_size=12))
def test_every_home_is_a_page_slack_takes(shown: list[Card]) -> None:
    assert not list(check_view(render.home_view(Home(tuple(shown))), is_home=True))


@given(words)
def test_no_text_from_outside_takes_effect(text: str) -> None:
    shown = render.neutral(text)
    assert "<" not in shown
    assert ">" not in shown
    for mark in "*_~`":
        assert re.search(rf"(?<!\u200b){re.escape(mark)}", shown) is None
    back = shown.replace("\u200b", "")
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        back = back.replace(entity, character)
    assert back == text.replace("\u200b", "")


def test_notices_with_links() -> None:
    notice = Notice("Look", Tone.GOOD, (Action("open", "Open", "https://x.test/enrol/t"),))
    blocks = render.notice_blocks(notice)
    assert blocks[1]["elements"][0]["url"] == "https://x.test/enrol/t"
    assert not list(check_blocks(blocks, "message"))
