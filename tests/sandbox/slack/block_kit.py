"""Blocks and views as an app writes them."""

from __future__ import annotations

from typing import Any


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id: str, label: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": action_id,
        "text": plain(label),
        "value": "order-1",
        **more,
    }


def asked(name: str, label: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "label": plain(label),
        "element": {"action_id": name, **element},
        **more,
    }


def form(*blocks: dict[str, Any], title: str = "New payment", name: str = "pay") -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": name,
        "title": plain(title),
        "submit": plain("Request"),
        "close": plain("Cancel"),
        "blocks": list(blocks),
    }


def values(view: dict[str, Any]) -> dict[str, Any]:
    entries = view["state"]["values"].items()
    return {name: next(iter(block.values())) for name, block in entries}
