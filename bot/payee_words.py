"""Payees and changes of them, in the reader's language: which facts go where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.cards import Action, Card, Fact, Tone
from bot.wording import Reader, masked, spaced
from workflows.lookalikes import Caution
from workflows.payee_changes import KIND, needs_call_back
from workflows.payee_changes import Action as Change
from workflows.payees import Registered
from workflows.proposals import Proposal

MOST_LISTED = 20
_MOST_OPENED = 5
"""So few are told apart by their buttons; of more, a search finds the one that is meant."""


# ---- changes ------------------------------------------------------------------------------------


def title(reader: Reader, found: Proposal) -> str:
    """Return what is proposed, in a few words."""
    data = found.data
    named = data["before"] or data["after"]
    return reader.say(f"payees.title.{data['action']}", payee=named["name"])


def facts(reader: Reader, found: Proposal, *, is_whole: bool) -> tuple[Fact, ...]:
    """Return old and new side by side, why, and what was found out about it.

    Args:
        is_whole: Whether accounts are shown with nothing masked.
    """
    data, say = found.data, reader.say
    before, after = data["before"], data["after"]
    if data["action"] == Change.CHANGE:
        told = [
            Fact(say("payees.before"), _details(reader, before, is_whole=is_whole)),
            Fact(say("payees.after"), _details(reader, after, is_whole=is_whole)),
        ]
    else:
        told = [Fact(say("label.payee"), _details(reader, after, is_whole=is_whole))]
    if data["why"]:
        told.append(Fact(say("payees.why"), data["why"]))
    if (check := data["name_check"]) is not None:
        said = say(f"payees.check.{check['result']}", name=check["name"] or say("nothing"))
        told.append(Fact(say("payees.check"), said))
    if (note := data["call_back"]) is not None:
        told.append(Fact(say("payees.call_back"), _call_back(reader, note)))
    return tuple(told)


def lines(reader: Reader, found: Proposal) -> tuple[str, ...]:
    """Return what approvers must look at before they agree."""
    data = found.data
    said = caution_lines(
        reader, [Caution(each["code"], each["params"]) for each in data["warnings"]]
    )
    if data["action"] == Change.CHANGE and needs_call_back(data):
        said = (*said, reader.say("payees.changes_details"))
    return said


def actions(reader: Reader, found: Proposal) -> tuple[Action, ...]:
    """Return the buttons that are needed before anybody can approve."""
    if KIND.missing(found) is None:
        return ()
    value = f"{found.id}:{found.digest}"
    label = reader.say("action.call_back")
    return (Action("proposal_call_back", label, value, "primary"),)


def needs(reader: Reader, found: Proposal) -> tuple[str, ...]:
    """Return what has to be there before anybody can approve, as lines."""
    return (reader.say("payees.call_back_needed"),) if KIND.missing(found) else ()


def caution_lines(reader: Reader, cautions: Sequence[Caution]) -> tuple[str, ...]:
    """Return warnings about names and accounts as sentences."""
    return tuple(
        reader.say(f"caution.{each.code}", name=each.params.get("name", "")) for each in cautions
    )


def _details(reader: Reader, values: Mapping[str, Any], *, is_whole: bool) -> str:
    account = spaced(values["iban"]) if is_whole else masked(values["iban"])
    parts = [values["name"], account]
    if values["bic"]:
        parts.append(f"{reader.say('label.bic')} {values['bic']}")
    if values["country"]:
        parts.append(values["country"])
    return "\n".join(parts)


def _call_back(reader: Reader, note: Mapping[str, Any]) -> str:
    said = reader.say(
        "payees.call_back_said",
        name=reader.name(note["by"]),
        contact=note["contact"],
        number=note["number"],
        when=note["when"],
        at=reader.instant(datetime.fromisoformat(note["at"])),
    )
    return f"{said}\n{note['note']}" if note["note"] else said


# ---- the register -------------------------------------------------------------------------------


def register_card(
    reader: Reader, found: Sequence[Registered], text: str, open_count: int, *, may_change: bool
) -> Card:
    """Return the register, or what a search found in it, with masked accounts.

    Args:
        found: At most one more than are listed.
        open_count: How many changes wait for their approvals.
        may_change: Whether the reader may propose changes.
    """
    say = reader.say
    shown = found[:MOST_LISTED]
    notes = [say("payees.hint")] if len(found) <= MOST_LISTED else [say("payees.more")]
    if open_count:
        notes.insert(0, say("payees.open", count=open_count))
    add = (Action("payee_add", say("action.payee_add"), style="primary"),) if may_change else ()
    opened = shown if len(shown) <= _MOST_OPENED else ()
    return Card(
        title=say("payees.found", text=text) if text else say("payees.title"),
        lines=tuple(_brief(reader, each) for each in shown) or (say("payees.none"),),
        notes=tuple(notes),
        actions=(
            *(Action("payee", each.payee.name, each.payee.id) for each in opened),
            *add,
        ),
    )


def payee_card(reader: Reader, found: Registered, *, may_change: bool) -> Card:
    """Return one payee with masked account, where it comes from, and what can be done."""
    say, each = reader.say, found.payee
    told = [
        Fact(say("label.state"), say(_standing(found))),
        Fact(say("label.iban"), masked(each.iban)),
        Fact(say("payees.origin"), say(_origin(found))),
    ]
    if each.bic:
        told.append(Fact(say("label.bic"), each.bic))
    if each.country:
        told.append(Fact(say("payees.country"), each.country))
    if found.changed_at is not None:
        by = reader.name(found.changed_by) if found.changed_by else say("payees.by_settings")
        told.append(Fact(say("payees.changed"), f"{reader.instant(found.changed_at)}\n{by}"))
    return Card(
        title=each.name,
        tone=Tone.NEUTRAL if found.is_active else Tone.BAD,
        facts=tuple(told),
        notes=(say("payees.settings_note"),) if each.is_by_settings else (),
        actions=_payee_actions(reader, found) if may_change else (),
    )


def _payee_actions(reader: Reader, found: Registered) -> tuple[Action, ...]:
    say, value = reader.say, found.payee.id
    if found.payee.is_by_settings:
        return ()
    if not found.is_active:
        return (Action("payee_resume", say("action.payee_resume"), value),)
    return (
        Action("payee_change", say("action.payee_change"), value),
        Action("payee_suspend", say("action.payee_suspend"), value, "danger"),
    )


def _brief(reader: Reader, found: Registered) -> str:
    return reader.say(
        "payees.line",
        payee=found.payee.name,
        account=masked(found.payee.iban),
        standing=reader.say(_standing(found)),
    )


def _standing(found: Registered) -> str:
    if not found.is_active:
        return "payees.suspended"
    return "payees.vouched" if found.payee.trusted else "payees.unvouched"


def _origin(found: Registered) -> str:
    return "payees.from_settings" if found.payee.is_by_settings else "payees.from_register"
