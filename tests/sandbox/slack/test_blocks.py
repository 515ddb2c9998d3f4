"""What Slack would refuse is refused, naming the place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError

from sandbox.slack.blocks import check_blocks, check_view
from sandbox.slack.model import Json
from tests.sandbox.slack.conftest import FINANCE, Bench


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str = "v", text: str = "t") -> Json:
    return {"text": plain(text), "value": value}


def button(**changes: Any) -> Json:
    return {"type": "button", "action_id": "go", "text": plain("Go"), **changes}


def actions(*elements: Json, **changes: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **changes}


def section(text: str = "hello", **changes: Any) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **changes}


def select(**changes: Any) -> Json:
    return {"type": "static_select", "action_id": "s", "options": [option()], **changes}


def question(element: Json, **changes: Any) -> Json:
    return {"type": "input", "label": plain("Label"), "element": element, **changes}


def text_input(**changes: Any) -> Json:
    return {"type": "plain_text_input", "action_id": "t", **changes}


def confirm(**changes: Any) -> Json:
    return {"title": plain("Sure?"), "text": plain("Really?"), **changes}


ACCEPTED: list[Json] = [
    section("x" * 3000),
    section(fields=[plain("x" * 2000)] * 10),
    section(accessory=button()),
    section(accessory={"type": "image", "image_url": "https://x.test/i.png", "alt_text": ""}),
    {"type": "header", "text": plain("x" * 150)},
    {"type": "divider", "block_id": "x" * 255},
    {"type": "context", "elements": [plain("small")] * 10},
    actions(*(button(action_id=str(n)) for n in range(25))),
    actions(button(style="danger", value="x" * 2000, url="https://x.test", confirm=confirm())),
    actions(select(options=[option(str(n), "x" * 75) for n in range(100)])),
    actions(select(initial_option=option(), placeholder=plain("x" * 150))),
    actions({"type": "overflow", "action_id": "o", "options": [option()] * 5}),
    actions({"type": "datepicker", "action_id": "d", "initial_date": "2026-02-28"}),
    actions({"type": "checkboxes", "action_id": "c", "options": [option()]}),
    {"type": "image", "image_url": "https://x.test/i.png", "alt_text": "A chart"},
    {"type": "markdown", "text": "x" * 12_000},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * 20] * 100},
    {"type": "alert", "level": "warning", "text": plain("Careful")},
    question(text_input(max_length=3000), hint=plain("hint")),
    question({"type": "external_select", "action_id": "e", "min_query_length": 0}),
    question({"type": "number_input", "action_id": "n", "is_decimal_allowed": True}),
    {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
]

REFUSED: list[tuple[Json, str]] = [
    (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ({"type": "section"}, "missing required field: text [json-pointer:/blocks/0]"),
    (section(fields=[plain("x")] * 11), "no more than 10 items allowed"),
    (section(fields=[plain("x" * 2001)]), "[json-pointer:/blocks/0/fields/0/text]"),
    (section(colour="red"), "invalid additional property: colour [json-pointer:/blocks/0]"),
    (section(accessory=text_input()), "unsupported type: plain_text_input"),
    ({"type": "header", "text": plain("x" * 151)}, "must be less than 151 characters"),
    ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "must be one of: plain_text"),
    ({"type": "divider", "block_id": "x" * 256}, "/blocks/0/block_id"),
    ({"type": "context", "elements": [plain("x")] * 11}, "no more than 10 items allowed"),
    ({"type": "context", "elements": []}, "no less than 1 items allowed"),
    (actions(*(button(action_id=str(n)) for n in range(26))), "no more than 25 items allowed"),
    (actions(button(), button()), "`action_id` go already exists"),
    (actions(button(action_id="x" * 256)), "/blocks/0/elements/0/action_id"),
    (actions(button(text=plain("x" * 76))), "must be less than 76 characters"),
    (actions(button(value="x" * 2001)), "must be less than 2001 characters"),
    (actions(button(url="x" * 3001)), "must be less than 3001 characters"),
    (actions(button(style="blue")), "must be one of: primary, danger"),
    (actions(button(confirm=confirm(title=plain("x" * 101)))), "must be less than 101"),
    (actions(button(confirm=confirm(text=plain("x" * 301)))), "must be less than 301"),
    (actions(button(confirm=confirm(deny=plain("x" * 31)))), "must be less than 31"),
    (actions(select(options=[option(str(n)) for n in range(101)])), "no more than 100 items"),
    (actions(select(options=[])), "no less than 1 items allowed"),
    (actions(select(options=[option(text="x" * 76)])), "must be less than 76 characters"),
    (actions(select(options=[option("x" * 151)])), "must be less than 151 characters"),
    (actions(select(initial_option=option("other"))), "must match one of the options"),
    (actions(select(placeholder=plain("x" * 151))), "must be less than 151 characters"),
    (actions({"type": "select", "action_id": "s"}), "unsupported type: select"),
    (actions({"type": "overflow", "options": [option()] * 6}), "no more than 5 items allowed"),
    (actions({"type": "datepicker", "initial_date": "2026-02-30"}), "invalid value"),
    (actions({"type": "checkboxes", "options": [option()] * 11}), "no more than 10 items"),
    ({"type": "image", "image_url": "https://x.test"}, "missing required field: alt_text"),
    ({"type": "image", "alt_text": "x"}, "must have either image_url or slack_file"),
    ({"type": "markdown", "text": "x" * 12_001}, "must be less than 12001 characters"),
    ({"type": "table", "rows": [[]] * 101}, "no more than 100 items allowed"),
    ({"type": "card"}, "unsupported type: card [json-pointer:/blocks/0/type]"),
    ({"type": "alert", "text": plain("x"), "level": "red"}, "must be one of: default"),
    (question(button()), "unsupported type: button"),
    (question(text_input(max_length=3001)), "must be between 1 and 3000"),
    (question(text_input(), label=plain("x" * 2001)), "must be less than 2001 characters"),
    (question({"type": "number_input"}), "missing required field: is_decimal_allowed"),
    (question(text_input(placeholder=plain("x" * 151))), "must be less than 151"),
]


@pytest.mark.parametrize("block", ACCEPTED, ids=lambda block: block["type"])
def test_what_slack_accepts(block: Json) -> None:
    assert list(check_blocks([block], "message")) == []


@pytest.mark.parametrize(("block", "finding"), REFUSED, ids=lambda case: str(case)[:60])
def test_what_slack_refuses(block: Json, finding: str) -> None:
    found = list(check_blocks([block], "message"))
    assert any(finding in text for text in found), found


def test_a_message_as_a_whole() -> None:
    many = [{"type": "divider"}] * 51
    assert "no more than 50 items" in next(iter(check_blocks(many, "message")))
    assert not check_blocks(many, "modal")
    twice = [{"type": "divider", "block_id": "a"}] * 2
    assert "`block_id` a already exists" in next(iter(check_blocks(twice, "message")))
    tables = [{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]}] * 2
    assert "only one table" in next(iter(check_blocks(tables, "message")))
    assert "should be an array" in next(iter(check_blocks({"type": "divider"}, "message")))
    assert "should be an object" in next(iter(check_blocks(["x"], "message")))
    assert "unsupported type: markdown" in next(
        iter(check_blocks([{"type": "markdown", "text": "x"}], "modal"))
    )


def modal(**changes: Any) -> Json:
    return {"type": "modal", "title": plain("Title"), "blocks": [section()], **changes}


@pytest.mark.parametrize(
    ("view", "finding"),
    [
        (
            modal(title=plain("x" * 25)),
            "must be less than 25 characters [json-pointer:/view/title/text]",
        ),
        (modal(title=None), "missing required field: title [json-pointer:/view]"),
        (modal(submit=plain("x" * 25)), "/view/submit/text"),
        (modal(close=plain("")), "must be more than 0 characters"),
        (modal(private_metadata="x" * 3001), "/view/private_metadata"),
        (modal(callback_id="x" * 256), "/view/callback_id"),
        (modal(blocks=[question(text_input())]), "missing required field: submit"),
        (modal(blocks=[section()] * 101), "no more than 100 items allowed"),
        (modal(blocks="none"), "should be an array [json-pointer:/view/blocks]"),
        (modal(type="home"), "must be one of: modal"),
        (modal(state={}), "invalid additional property: state"),
        (modal(notify_on_close="yes"), "should be a boolean"),
        (modal(blocks=[section("x" * 3001)]), "[json-pointer:/view/blocks/0/text/text]"),
        ([], "should be an object [json-pointer:/view]"),
    ],
)
def test_views_slack_refuses(view: Any, finding: str) -> None:
    found = list(check_view(view, is_home=False))
    assert any(finding in text for text in found), found


def test_a_home_tab_has_no_title_and_needs_no_submit() -> None:
    home = {"type": "home", "blocks": [question(text_input())]}
    assert not check_view(home, is_home=True)
    titled = check_view({**home, "title": plain("x")}, is_home=True)
    assert "invalid additional property: title" in next(iter(titled))


async def test_the_answer_names_the_place(bench: Bench) -> None:
    with pytest.raises(SlackApiError) as caught:
        await bench.client().chat_postMessage(
            channel=FINANCE, text="x", blocks=[section(), section("x" * 3001)]
        )
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    ]
    with pytest.raises(SlackApiError) as caught:
        await bench.client().chat_postMessage(
            channel=FINANCE, text="x", attachments=[{"blocks": [{"type": "card"}]}]
        )
    assert caught.value.response["error"] == "invalid_attachments"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place within an object."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:3])
    found = [path]
    for key, child in inner:
        below = isinstance(child, dict | list)
        found += places(child, (*path, key)) if below else [(*path, key)]
    return found


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A block that Slack would accept, but for junk in one place."""
    block = deepcopy(draw(st.sampled_from(ACCEPTED)))
    *path, last = draw(st.sampled_from([path for path in places(block) if path]))
    holder: Any = block
    for key in path:
        holder = holder[key]
    holder[last] = draw(JUNK)
    return block


@given(damaged())
def test_no_block_is_too_damaged_to_be_refused(block: Any) -> None:
    assert all(isinstance(text, str) for text in check_blocks([block], "message"))
    assert all(isinstance(text, str) for text in check_view(modal(blocks=[block]), is_home=False))


@given(JUNK)
def test_no_object_is_too_strange_to_be_refused(value: Any) -> None:
    assert all(isinstance(text, str) for text in check_blocks(value, "message"))
    assert all(isinstance(text, str) for text in check_view(value, is_home=False))
