"""A payment's journey with a real slack-bolt app in Socket Mode."""

from __future__ import annotations

from typing import Any

from sandbox.slack import text_of
from tests.sandbox.slack.conftest import ANA, BEN, FINANCE, Bench


def form() -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "pay",
        "private_metadata": "order-1",
        "title": {"type": "plain_text", "text": "New payment"},
        "submit": {"type": "plain_text", "text": "Request"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "notify_on_close": True,
        "blocks": [
            {
                "type": "input",
                "block_id": "amount",
                "label": {"type": "plain_text", "text": "Amount"},
                "element": {"type": "plain_text_input", "action_id": "amount"},
            },
            {
                "type": "input",
                "block_id": "account",
                "label": {"type": "plain_text", "text": "From"},
                "element": {
                    "type": "static_select",
                    "action_id": "account",
                    "options": [
                        {"text": {"type": "plain_text", "text": "Euro"}, "value": "eur"},
                        {"text": {"type": "plain_text", "text": "Dollar"}, "value": "usd"},
                    ],
                },
            },
            {
                "type": "input",
                "block_id": "date",
                "optional": True,
                "label": {"type": "plain_text", "text": "When"},
                "element": {"type": "datepicker", "action_id": "date"},
            },
        ],
    }


def card(text: str, *, is_open: bool) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
    ]
    if is_open:
        button = {
            "type": "button",
            "action_id": "approve",
            "value": "order-1",
            "text": {"type": "plain_text", "text": "Approve"},
        }
        blocks.append({"type": "actions", "block_id": "decide", "elements": [button]})
    return blocks


async def test_command_modal_errors_message_click_update(bench: Bench) -> None:
    app = bench.bolt()
    clicks: list[dict[str, Any]] = []

    @app.command("/pay")
    async def pay(ack: Any, body: dict[str, Any], client: Any) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=form())
        await ack()

    @app.view("pay")
    async def submitted(ack: Any, view: dict[str, Any], client: Any) -> None:
        values = view["state"]["values"]
        if values["amount"]["amount"]["value"] == "0":
            await ack(response_action="errors", errors={"amount": "Not zero, please"})
            return
        account = values["account"]["account"]["selected_option"]["value"]
        date = values["date"]["date"]["selected_date"]
        await client.chat_postMessage(
            channel=FINANCE,
            text="A payment waits",
            blocks=card(f"{values['amount']['amount']['value']} {account} {date}", is_open=True),
            metadata={"event_type": "order", "event_payload": {"id": view["private_metadata"]}},
        )
        await ack()

    @app.action("approve")
    async def approve(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        clicks.append(body)
        await client.chat_update(
            channel=body["channel"]["id"],
            ts=body["container"]["message_ts"],
            text="Approved",
            blocks=card(f"Approved by <@{body['user']['id']}>", is_open=False),
        )

    await bench.connect(app)
    ana, ben = bench.workspace.person(ANA), bench.workspace.person(BEN)
    assert (await ana.command("/pay", FINANCE)).ok

    view = await ana.wait_view()
    assert view.title == "New payment"
    missing = await ana.submit(view, {"amount": "12"})
    assert missing.errors == {"account": "Please complete this required field."}
    refused = await ana.submit(view, {"amount": "0", "account": "eur"})
    assert refused.errors == {"amount": "Not zero, please"}
    assert ana.views()[0].state["account"]["account"]["selected_option"]["value"] == "eur"
    assert (await ana.submit(view, {"amount": "12.50", "date": "2026-12-01"})).ok
    assert ana.views() == []

    message = await ben.wait_message(lambda m: "waits" in m.text)
    assert text_of(message) == "12.50 eur 2026-12-01\nApprove"
    assert (await ben.click(message, "approve")).ok
    done = await ben.wait_message(lambda m: m.text == "Approved")
    assert done.ts == message.ts
    assert text_of(done) == f"Approved by <@{BEN}>"

    body = clicks[0]
    assert body["user"] == {"id": BEN, "username": "ben", "name": "ben", "team_id": "T0TEAM0001"}
    assert body["container"]["channel_id"] == FINANCE
    assert body["message"]["metadata"]["event_payload"] == {"id": "order-1"}
    assert body["actions"][0]["value"] == "order-1"
    methods = [call.method for call in bench.workspace.log if call.method.startswith(("c", "v"))]
    assert methods == ["views.open", "chat.postMessage", "chat.update"]
