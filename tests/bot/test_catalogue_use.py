"""Every text the bot asks for is in the catalogue of every language, with its facts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.messages import Messages
from bot.story import _ALARMS, _LINES
from workflows import reconciliation
from workflows.orders import OrderState

ROOT = Path(__file__).parents[2]
MESSAGES = Messages.load(is_strict=True)

FAMILIES = {
    "state.": [str(state) for state in OrderState],
    "risk.": ["duplicate", "funds_unchecked", "payee_new"],
    "help.": ["pay", "pay_line", "balance", "approvals", "payment", "digest", "enrol", "whoami"],
}
"""Keys that are put together at run time, with every end they can have."""


def calls() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Return where, which key and with which facts ``say`` is called with a literal key."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if path.name == "receipts.py":  # puts its own prefix before each key
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            key = node.args[0]
            if name == "say" and isinstance(key, ast.Constant) and isinstance(key.value, str):
                facts = frozenset(each.arg for each in node.keywords if each.arg)
                has_rest = any(each.arg is None for each in node.keywords)
                if not has_rest:
                    yield f"{path.name}:{node.lineno}", key.value, facts


@pytest.mark.parametrize("language", MESSAGES.languages)
def test_every_literal_key_is_there_with_its_facts(language: str) -> None:
    found = list(calls())
    assert len(found) > 100
    for where, key, facts in found:
        assert MESSAGES.has(key), f"{where}: {key}"
        assert MESSAGES.placeholders(language, key) <= facts, f"{where}: {key}"


@pytest.mark.parametrize("language", MESSAGES.languages)
def test_every_put_together_key_is_there(language: str) -> None:
    for prefix, ends in FAMILIES.items():
        for end in ends:
            assert MESSAGES.text(language, prefix + end)
    for key in _LINES.values():
        given = {"name", "reason", "reference", "status", "booked_on"}
        assert MESSAGES.placeholders(language, key) <= given
    for kind in (*_ALARMS, "order.unknown"):
        assert MESSAGES.placeholders(language, f"alarm.{kind}") <= {"subject"}
        assert MESSAGES.has(f"alarm.{kind}.remedy")
    reasons = [
        value
        for name, value in vars(reconciliation).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    ]
    for reason in reasons:
        assert MESSAGES.has(f"break.{reason.rstrip('_')}"), reason
