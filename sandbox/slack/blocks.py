"""What Slack accepts as blocks of a message, a modal or a Home tab.

Source: the Block Kit reference, "Blocks" and "Views". Of the newer display blocks this workspace
knows ``markdown``, ``table`` and ``alert``; it refuses the others (cards, carousels, containers,
plans, videos), as older clients and some editions of Slack do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from sandbox.slack.checking import Findings
from sandbox.slack.elements import (
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    check_element,
    check_image,
)
from sandbox.slack.model import Json

Surface = Literal["message", "modal", "home"]

MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}
MOST_VIEW_BYTES = 250_000
_MARKDOWN = 12_000
_COMMON = frozenset({"type", "block_id"})


def check_blocks(blocks: Any, surface: Surface, pointer: str = "/blocks") -> Findings:
    """Return what Slack would find wrong with the blocks of a message or a view."""
    findings = Findings()
    items = findings.array(blocks, pointer, most=MOST_BLOCKS[surface], least=0)
    ids: list[tuple[Any, str]] = []
    for index, block in enumerate(items):
        at = f"{pointer}/{index}"
        if not findings.is_object(block, at):
            continue
        kind = block.get("type")
        check = _BLOCKS.get(str(kind))
        if check is None or (kind in _MESSAGE_ONLY and surface != "message"):
            findings.add(f"unsupported type: {str(kind)[:40]}", f"{at}/type")
            continue
        ids.append((block.get("block_id"), at))
        check(findings, block, at)
    findings.ids(ids, "block_id")
    _sums(findings, [block for block in items if isinstance(block, dict)], pointer)
    return findings


def check_view(view: Any, *, is_home: bool) -> Findings:
    """Return what Slack would find wrong with a view."""
    findings = Findings()
    if not findings.is_object(view, "/view"):
        return findings
    wanted = "home" if is_home else "modal"
    if view.get("type") != wanted:
        findings.add(f"must be one of: {wanted}", "/view/type")
    needed = {"type", "blocks"} | (set() if is_home else {"title"})
    allowed = {"private_metadata", "callback_id", "external_id"}
    if not is_home:
        allowed |= {"submit", "close", "clear_on_close", "notify_on_close"}
    findings.keys(view, "/view", needed=needed, allowed=allowed)
    for key in ("title", "submit", "close"):
        if not is_home:
            findings.text(view.get(key), f"/view/{key}", most=24, is_plain=True)
    findings.string(view, "private_metadata", "/view", most=3000)
    findings.string(view, "callback_id", "/view", most=255)
    findings.string(view, "external_id", "/view", most=255)
    for key in ("clear_on_close", "notify_on_close"):
        findings.boolean(view, key, "/view")
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        for finding in check_blocks(blocks, "home" if is_home else "modal", "/view/blocks"):
            text, _, place = finding.rpartition(" [json-pointer:")
            findings.add(text, place.removesuffix("]"))
        has_input = any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
        if has_input and not is_home and view.get("submit") is None:
            findings.add("missing required field: submit", "/view")
    elif blocks is not None:
        findings.add("should be an array", "/view/blocks")
    return findings


def is_too_large(view: Json) -> bool:
    """Whether a view is over Slack's 250 KB."""
    return len(json.dumps(view, separators=(",", ":"))) > MOST_VIEW_BYTES


def _sums(findings: Findings, blocks: list[Json], pointer: str) -> None:
    markdown = sum(len(str(b.get("text", ""))) for b in blocks if b.get("type") == "markdown")
    if markdown > _MARKDOWN:
        findings.add(f"markdown must be less than {_MARKDOWN + 1} characters in all", pointer)
    if sum(1 for block in blocks if block.get("type") == "table") > 1:
        findings.add("only one table allowed", pointer)


def _section(findings: Findings, block: Json, at: str) -> None:
    findings.keys(
        block, at, needed=("type",), allowed=_COMMON | {"text", "fields", "accessory", "expand"}
    )
    if block.get("text") is None and not block.get("fields"):
        findings.add("missing required field: text", at)
    findings.text(block.get("text"), f"{at}/text", most=3000)
    if block.get("fields") is not None:
        for index, entry in enumerate(findings.array(block["fields"], f"{at}/fields", most=10)):
            findings.text(entry, f"{at}/fields/{index}", most=2000)
    if block.get("accessory") is not None:
        check_element(findings, block["accessory"], f"{at}/accessory", IN_SECTION)


def _header(findings: Findings, block: Json, at: str) -> None:
    findings.keys(block, at, needed=("type", "text"), allowed=_COMMON)
    findings.text(block.get("text"), f"{at}/text", most=150, is_plain=True)


def _divider(findings: Findings, block: Json, at: str) -> None:
    findings.keys(block, at, needed=("type",), allowed=_COMMON)


def _context(findings: Findings, block: Json, at: str) -> None:
    findings.keys(block, at, needed=("type", "elements"), allowed=_COMMON)
    items = findings.array(block.get("elements"), f"{at}/elements", most=10)
    for index, element in enumerate(items):
        place = f"{at}/elements/{index}"
        if isinstance(element, dict) and element.get("type") == "image":
            check_image(findings, element, place, frozenset())
        else:
            findings.text(element, place, most=3000)


def _actions(findings: Findings, block: Json, at: str) -> None:
    findings.keys(block, at, needed=("type", "elements"), allowed=_COMMON)
    items = findings.array(block.get("elements"), f"{at}/elements", most=25)
    for index, element in enumerate(items):
        check_element(findings, element, f"{at}/elements/{index}", IN_ACTIONS)
    findings.ids(
        (
            (element.get("action_id"), f"{at}/elements/{index}")
            for index, element in enumerate(items)
            if isinstance(element, dict)
        ),
        "action_id",
    )


def _image(findings: Findings, block: Json, at: str) -> None:
    check_image(findings, block, at, _COMMON | {"title"})
    findings.text(block.get("title"), f"{at}/title", most=2000, is_plain=True)


def _input(findings: Findings, block: Json, at: str) -> None:
    findings.keys(
        block,
        at,
        needed=("type", "label", "element"),
        allowed=_COMMON | {"hint", "optional", "dispatch_action"},
    )
    findings.text(block.get("label"), f"{at}/label", most=2000, is_plain=True)
    findings.text(block.get("hint"), f"{at}/hint", most=2000, is_plain=True)
    findings.boolean(block, "optional", at)
    findings.boolean(block, "dispatch_action", at)
    if block.get("element") is not None:
        check_element(findings, block["element"], f"{at}/element", IN_INPUT)


def _markdown(findings: Findings, block: Json, at: str) -> None:
    findings.keys(block, at, needed=("type", "text"), allowed=_COMMON)
    findings.string(block, "text", at, most=_MARKDOWN, least=1)


def _rich_text(findings: Findings, block: Json, at: str) -> None:
    findings.keys(block, at, needed=("type", "elements"), allowed=_COMMON)
    known = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    items = findings.array(block.get("elements"), f"{at}/elements", most=1000)
    for index, element in enumerate(items):
        place = f"{at}/elements/{index}"
        if findings.is_object(element, place) and element.get("type") not in known:
            findings.add(f"unsupported type: {str(element.get('type'))[:40]}", f"{place}/type")


def _table(findings: Findings, block: Json, at: str) -> None:
    findings.keys(block, at, needed=("type", "rows"), allowed=_COMMON | {"column_settings"})
    if block.get("column_settings") is not None:
        findings.array(block["column_settings"], f"{at}/column_settings", most=20, least=0)
    for number, row in enumerate(findings.array(block.get("rows"), f"{at}/rows", most=100)):
        place = f"{at}/rows/{number}"
        for index, cell in enumerate(findings.array(row, place, most=20)):
            if findings.is_object(cell, f"{place}/{index}"):
                findings.one_of(
                    cell, "type", f"{place}/{index}", ("raw_text", "raw_number", "rich_text")
                )


def _alert(findings: Findings, block: Json, at: str) -> None:
    findings.keys(block, at, needed=("type", "text"), allowed=_COMMON | {"level"})
    findings.text(block.get("text"), f"{at}/text", most=3000)
    findings.one_of(block, "level", at, ("default", "info", "warning", "error", "success"))


_BLOCKS: dict[str, Callable[[Findings, Json, str], None]] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "table": _table,
    "alert": _alert,
}
_MESSAGE_ONLY = frozenset({"markdown", "table"})
