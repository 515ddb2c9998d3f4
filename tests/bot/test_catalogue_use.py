"""Every text the bot asks for is in the catalogue of every language, with its facts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.messages import Messages
from bot.story import _ALARMS, _LINES
from connectors.base import NameResult
from workflows import reconciliation
from workflows.lookalikes import ACCOUNT_REUSED, LOOKALIKE, MIXED_SCRIPT
from workflows.orders import OrderState
from workflows.payee_changes import Action
from workflows.policy import Kind
from workflows.proposals import State

ROOT = Path(__file__).parents[2]
MESSAGES = Messages.load(is_strict=True)

FAMILIES = {
    "state.": [str(state) for state in OrderState],
    "risk.": ["duplicate", "funds_unchecked", "payee_new", "near_split", "far_above_usual"],
    "kind.": [str(kind) for kind in Kind],
    "proposal.state.": [str(state) for state in State],
    "form.payee.": [str(action) for action in Action],
    "refusal.": ["payee.call_back_missing"],
    "help.": [
        "payees",
        "pay",
        "pay_line",
        "balance",
        "approvals",
        "payment",
        "digest",
        "enrol",
        "whoami",
    ],
}
"""Keys that are put together at run time, with every end they can have."""

WITH_FACTS = {
    "caution.": (
        {"name"},
        [LOOKALIKE, ACCOUNT_REUSED, MIXED_SCRIPT, "payee_name_close", "payee_name_other"],
    ),
    "form.payee.lead_": ({"count"}, [str(action) for action in Action]),
    "payees.check.": ({"name"}, [str(result) for result in NameResult]),
    "payees.title.": ({"payee"}, [str(action) for action in Action]),
}
"""The same, with the facts that are given to all of them."""


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
    for prefix, (facts, ends) in WITH_FACTS.items():
        for end in ends:
            assert MESSAGES.placeholders(language, prefix + end) <= facts
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
