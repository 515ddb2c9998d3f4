"""Modals and Home tabs: triggers, stacks, hashes, answers to submissions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from sandbox.slack import Person, View, text_of
from sandbox.slack.deeds import TROUBLE
from tests.sandbox.slack.conftest import ANA, BEN, FINANCE, Bench, MakeBench
from tests.sandbox.slack.test_web_api import error_of


def modal(title: str = "One", **changes: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "OK"},
        "blocks": [
            {
                "type": "input",
                "block_id": "name",
                "optional": True,
                "label": {"type": "plain_text", "text": "Name"},
                "element": {
                    "type": "plain_text_input",
                    "action_id": "name",
                    "initial_value": "nobody",
                },
            },
            {
                "type": "actions",
                "block_id": "more",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "push",
                        "text": {"type": "plain_text", "text": "More"},
                    }
                ],
            },
        ],
        **changes,
    }


class Triggered:
    """An app that keeps what it is told and answers as a test wants."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.client = bench.client()
        self.bodies: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {}
        self.app = bench.bolt()
        self.app.command("/pay")(self.take)
        self.app.action("push")(self.take)
        self.app.view("form")(self.reply)
        self.app.view_closed("form")(self.take)
        self.app.event("app_home_opened")(self.take)

    async def take(self, ack: Any, body: dict[str, Any]) -> None:
        self.bodies.append(body)
        await ack()

    async def reply(self, ack: Any, body: dict[str, Any]) -> None:
        self.bodies.append(body)
        await ack(**self.answer)

    async def trigger(self, person: Person) -> str:
        await person.command("/pay", FINANCE)
        return str(self.bodies[-1]["trigger_id"])

    async def open(self, person: Person, view: dict[str, Any]) -> View:
        trigger_id = await self.trigger(person)
        await self.client.views_open(trigger_id=trigger_id, view=view)
        return person.views()[-1]


@pytest.fixture
async def told(bench: Bench) -> Triggered:
    triggered = Triggered(bench)
    await bench.connect(triggered.app)
    return triggered


@pytest.fixture
def ana(bench: Bench) -> Person:
    return bench.workspace.person(ANA)


async def test_a_trigger_lasts_three_seconds_and_opens_once(told: Triggered, ana: Person) -> None:
    open_view = told.client.views_open
    late = await told.trigger(ana)
    told.bench.clock.advance(seconds=3.01)
    assert await error_of(open_view(trigger_id=late, view=modal())) == "expired_trigger_id"
    used = await told.trigger(ana)
    told.bench.clock.advance(seconds=2.9)
    await open_view(trigger_id=used, view=modal())
    assert await error_of(open_view(trigger_id=used, view=modal())) == "exchanged_trigger_id"
    assert await error_of(open_view(trigger_id="1.2.3", view=modal())) == "invalid_arguments"


async def test_a_refused_view_leaves_the_trigger_good(told: Triggered, ana: Person) -> None:
    trigger_id = await told.trigger(ana)
    with pytest.raises(SlackApiError) as caught:
        await told.client.views_open(trigger_id=trigger_id, view=modal("x" * 25))
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    big = modal(private_metadata="x")
    big["blocks"] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}} for _ in range(90)
    ]
    assert await error_of(told.client.views_open(trigger_id=trigger_id, view=big)) == (
        "view_too_large"
    )
    await told.client.views_open(trigger_id=trigger_id, view=modal())


async def test_at_most_three_views_lie_on_one_another(told: Triggered, ana: Person) -> None:
    await told.open(ana, modal("1"))
    for title in ("2", "3"):
        assert (await ana.click(ana.views()[-1], "push")).ok
        trigger_id = told.bodies[-1]["trigger_id"]
        await told.client.views_push(trigger_id=trigger_id, view=modal(title))
    await ana.click(ana.views()[-1], "push")
    fourth = told.client.views_push(trigger_id=told.bodies[-1]["trigger_id"], view=modal("4"))
    assert await error_of(fourth) == "push_limit_reached"
    first, second, third = ana.views()
    assert (second.previous_view_id, third.previous_view_id) == (first.id, second.id)
    assert {view.root_view_id for view in ana.views()} == {first.id}
    with pytest.raises(LookupError, match="not on top"):
        await ana.submit(first)
    assert (await ana.submit(third)).ok
    assert [view.title for view in ana.views()] == ["1", "2"]
    pushed = told.client.views_push(trigger_id=await told.trigger(ana), view=modal())
    assert await error_of(pushed) == "not_found"


async def test_update_minds_the_hash_and_keeps_what_is_filled_in(
    told: Triggered, ana: Person
) -> None:
    view = await told.open(ana, modal(external_id="mine"))
    told.answer = {"response_action": "errors", "errors": {"name": "Taken"}}
    assert (await ana.submit(view, {"name": "Ana"})).errors == {"name": "Taken"}
    update = told.client.views_update
    changed = await update(external_id="mine", hash=view.hash, view=modal("Two"))
    assert changed["view"]["hash"] != view.hash
    assert changed["view"]["state"]["values"]["name"]["name"]["value"] == "Ana"
    assert await error_of(update(view_id=view.id, hash=view.hash, view=modal("Three"))) == (
        "hash_conflict"
    )
    await update(view_id=view.id, view=modal("Three"))
    assert ana.views()[0].title == "Three"
    await ana.dismiss(view)
    assert await error_of(update(view_id=view.id, view=modal())) == "not_found"


async def test_an_external_id_is_unique(told: Triggered, ana: Person) -> None:
    await told.open(ana, modal(external_id="mine"))
    trigger_id = await told.trigger(told.bench.workspace.person(BEN))
    second = told.client.views_open(trigger_id=trigger_id, view=modal(external_id="mine"))
    assert await error_of(second) == "duplicate_external_id"


async def test_answers_to_a_submission(told: Triggered, ana: Person) -> None:
    view = await told.open(ana, modal())
    told.answer = {"response_action": "update", "view": modal("Updated")}
    assert (await ana.submit(view)).ok
    assert [shown.title for shown in ana.views()] == ["Updated"]
    told.answer = {"response_action": "push", "view": modal("Pushed", notify_on_close=True)}
    assert (await ana.submit(view)).ok
    assert [shown.title for shown in ana.views()] == ["Updated", "Pushed"]
    told.answer = {"response_action": "clear"}
    assert (await ana.submit(ana.views()[-1])).ok
    assert ana.views() == []
    closed = told.bodies[-1]
    assert (closed["type"], closed["is_cleared"]) == ("view_closed", True)


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "There is no such input"}},
        {"response_action": "errors", "errors": {"name": ""}},
        {"response_action": "update", "view": modal("x" * 25)},
        {"response_action": "dance"},
    ],
)
async def test_an_answer_slack_cannot_use_is_shown_as_trouble(
    told: Triggered, ana: Person, answer: dict[str, Any]
) -> None:
    view = await told.open(ana, modal())
    told.answer = answer
    outcome = await ana.submit(view)
    assert (outcome.ok, outcome.error) == (False, TROUBLE)
    assert len(ana.views()) == 1


async def test_closing_is_told_where_it_was_asked_for(told: Triggered, ana: Person) -> None:
    await ana.dismiss(await told.open(ana, modal()))
    assert told.bodies[-1].get("type") != "view_closed"
    await ana.dismiss(await told.open(ana, modal(notify_on_close=True, clear_on_close=True)))
    assert told.bodies[-1]["type"] == "view_closed"
    await ana.wait_closed()


async def test_a_new_modal_takes_the_place_of_the_old(told: Triggered, ana: Person) -> None:
    await told.open(ana, modal("Old"))
    await told.open(ana, modal("New"))
    assert [view.title for view in ana.views()] == ["New"]


async def test_the_home_tab_is_each_persons_own(told: Triggered, ana: Person) -> None:
    block = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "Hello"},
        "accessory": modal()["blocks"][1]["elements"][0],
    }
    home = {"type": "home", "blocks": [block]}
    assert await ana.open_home() is None
    await told.bench.workspace.settle()
    event = told.bodies[-1]["event"]
    assert (event["type"], event["tab"], event["user"]) == ("app_home_opened", "home", ANA)
    published = await told.client.views_publish(user_id=ANA, view=home)
    shown = await ana.wait_home()
    assert text_of(shown) == "Hello\nMore"
    assert told.bench.workspace.person(BEN).home() is None
    stale = told.client.views_publish(user_id=ANA, view=home, hash="0.0")
    assert await error_of(stale) == "hash_conflict"
    await told.client.views_publish(user_id=ANA, view=home, hash=published["view"]["hash"])
    assert (await ana.click(ana.home() or shown, "push")).ok
    body = told.bodies[-1]
    assert (body["container"]["type"], body["view"]["type"]) == ("view", "home")
    assert "response_url" not in body
    assert "channel" not in body
    await ana.open_home()
    await told.bench.workspace.settle()
    assert told.bodies[-1]["event"]["view"]["id"] == shown.id


async def test_a_home_tab_that_is_off_cannot_be_published(make_bench: MakeBench) -> None:
    def off(manifest: dict[str, Any]) -> None:
        manifest["features"]["app_home"]["home_tab_enabled"] = False

    bench = await make_bench(changes=off)
    publish = bench.client().views_publish(user_id=ANA, view={"type": "home", "blocks": []})
    assert await error_of(publish) == "not_enabled"


async def test_options_come_from_the_app(told: Triggered, ana: Person) -> None:
    @told.app.options("payee")
    async def payees(ack: Any, body: dict[str, Any]) -> None:
        names = [name for name in ("Acme", "Acorn", "Best") if body["value"] in name]
        text = "plain_text"
        await ack(options=[{"text": {"type": text, "text": n}, "value": n.lower()} for n in names])

    view = modal()
    view["blocks"][0]["element"] = {
        "type": "external_select",
        "action_id": "payee",
        "min_query_length": 1,
    }
    shown = await told.open(ana, view)
    with pytest.raises(LookupError, match="offers no option 'acme'"):
        await ana.submit(shown, {"name": "acme"})
    assert await ana.suggest(shown, "name", "") == []
    assert [option["value"] for option in await ana.suggest(shown, "name", "Ac")] == [
        "acme",
        "acorn",
    ]
    assert (await ana.submit(shown, {"name": "acorn"})).ok
    values = told.bodies[-1]["view"]["state"]["values"]
    assert values["name"]["payee"]["selected_option"]["text"]["text"] == "Acorn"


async def test_every_kind_of_input_reaches_the_app(told: Triggered, ana: Person) -> None:
    option = {"text": {"type": "plain_text", "text": "A"}, "value": "a"}
    elements: dict[str, dict[str, Any]] = {
        "number": {"type": "number_input", "is_decimal_allowed": True, "max_value": "10"},
        "mail": {"type": "email_text_input"},
        "link": {"type": "url_text_input"},
        "date": {"type": "datepicker"},
        "time": {"type": "timepicker"},
        "moment": {"type": "datetimepicker"},
        "ticks": {"type": "checkboxes", "options": [option], "initial_options": [option]},
        "radio": {"type": "radio_buttons", "options": [option]},
        "who": {"type": "users_select"},
        "several": {"type": "multi_static_select", "options": [option]},
        "where": {"type": "conversations_select", "response_url_enabled": True},
    }
    blocks = [
        {
            "type": "input",
            "block_id": name,
            "label": {"type": "plain_text", "text": name},
            "element": {**element, "action_id": "x"},
        }
        for name, element in elements.items()
    ]
    view = await told.open(ana, modal(blocks=blocks))
    wrong = await ana.submit(
        view, {"number": "11", "mail": "x", "link": "x", "date": "2026-02-30", "ticks": []}
    )
    assert wrong.errors["number"] == "Please enter at most 10."
    assert len(wrong.errors) == len(elements)
    right = {
        "number": "2.5",
        "mail": "a@b.test",
        "link": "https://b.test",
        "date": "2026-02-28",
        "time": "09:30",
        "moment": 1_795_000_000,
        "ticks": ["a"],
        "radio": "a",
        "who": BEN,
        "several": ["a"],
        "where": FINANCE,
    }
    assert (await ana.submit(view, right)).ok
    body = told.bodies[-1]
    values = {name: entry["x"] for name, entry in body["view"]["state"]["values"].items()}
    assert values["number"] == {"type": "number_input", "value": "2.5"}
    assert values["date"]["selected_date"] == "2026-02-28"
    assert values["ticks"]["selected_options"] == [option]
    assert values["radio"]["selected_option"] == option
    assert values["who"]["selected_user"] == BEN
    assert body["response_urls"][0]["channel_id"] == FINANCE


async def test_an_app_that_is_too_slow_is_trouble(make_bench: MakeBench) -> None:
    bench = await make_bench(acknowledge_within=0.05)
    slow = Triggered(bench)
    never = asyncio.Event()

    @slow.app.view("form")
    async def hang(ack: Any) -> None:
        await never.wait()
        await ack()

    slow.app.view("slow")(hang)
    await bench.connect(slow.app)
    ana = bench.workspace.person(ANA)
    view = await slow.open(ana, modal(callback_id="slow"))
    assert (await ana.submit(view)).error == TROUBLE
    never.set()
