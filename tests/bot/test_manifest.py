"""The app manifest: what Slack's schema allows, and exactly what the code handles."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot import shipped
from bot.commands import Commands
from tests.bot.company import services

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT.parent / "shared/specs/slack/manifest.schema.2.0.0.json"
MANIFEST: dict[str, Any] = yaml.safe_load(shipped.text(shipped.MANIFEST))

SCOPES = {
    "chat_postMessage": "chat:write",
    "chat_update": "chat:write",
    "conversations_open": "im:write",
    "files_upload_v2": "files:write",
    "users_info": "users:read",
    "users_lookupByEmail": "users:read.email",
    "views_open": None,
    "views_push": None,
    "views_publish": None,
    "views_update": None,
    "auth_test": None,
}
"""What each Web API method needs (docs.slack.dev, the methods' pages)."""


def test_it_is_what_slack_accepts() -> None:
    if not SCHEMA.exists():
        pytest.skip("the manifest schema is not here (../shared/specs/slack)")
    jsonschema.validate(MANIFEST, json.loads(SCHEMA.read_text()))


def test_it_has_every_command_and_no_other(tmp_path: Path) -> None:
    declared = {each["command"] for each in MANIFEST["features"]["slash_commands"]}
    handled = {f"/{name}" for name in Commands(services(tmp_path)).names}
    assert declared == handled


def test_it_asks_for_every_scope_and_no_other() -> None:
    called = set()
    for path in (ROOT / "bot/slack").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self._client":
                called.add(node.attr)
    unknown = called - SCOPES.keys() - {"base_url", "session", "token"}
    assert not unknown, f"say what scope these need: {unknown}"
    needed = {scope for name in called if (scope := SCOPES.get(name))}
    # Commands and file inputs need theirs; posting to a person opens the conversation.
    needed |= {"commands", "files:read", "im:write"}
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed


def test_it_subscribes_to_every_event_handled_and_no_other() -> None:
    source = (ROOT / "bot/slack/app.py").read_text()
    handled = {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "self.app.event"
        and isinstance(node.args[0], ast.Constant)
    }
    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == handled


def test_what_it_declares_is_described_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for each in MANIFEST["features"]["slash_commands"]:
        assert f"`{each['command']}" in readme
    scopes = (ROOT / "docs/slack.md").read_text()
    for scope in MANIFEST["oauth_config"]["scopes"]["bot"]:
        assert f"`{scope}`" in scopes
