"""Forms about payees, in the reader's language."""

from __future__ import annotations

from bot import proposal_cards
from bot.cards import Fact, Form, Input, InputKind
from bot.forms import code_input
from bot.wording import Reader, spaced
from workflows.payee_changes import (
    LONGEST_CONTACT,
    LONGEST_NOTE,
    LONGEST_NUMBER,
    LONGEST_WHEN,
    LONGEST_WHY,
    Action,
)
from workflows.payees import Payee
from workflows.proposals import Proposal
from workflows.requests import LONGEST_NAME


def payee_form(reader: Reader, each: Payee | None = None) -> Form:
    """Return the form that proposes a payee; with one given, a change of it."""
    say = reader.say
    action = Action.CHANGE if each else Action.ADD
    return Form(
        id="payee",
        title=say(f"form.payee.{action}"),
        submit=say("form.payee.submit"),
        cancel=say("form.cancel"),
        token=f"{action}:{each.id if each else ''}",
        lines=(say(f"form.payee.lead_{action}", count=reader.company.payees_quorum),),
        inputs=(*_account_inputs(reader, each), _why(reader)),
    )


def standing_form(reader: Reader, each: Payee, action: Action) -> Form:
    """Return the form that proposes to suspend a payee, or to take it up again."""
    say = reader.say
    return Form(
        id="payee_standing",
        title=say(f"form.payee.{action}"),
        submit=say("form.payee.submit"),
        cancel=say("form.cancel"),
        token=f"{action}:{each.id}",
        facts=(
            Fact(say("label.payee"), each.name),
            Fact(say("label.iban"), spaced(each.iban)),
        ),
        lines=(say(f"form.payee.lead_{action}", count=reader.company.payees_quorum),),
        inputs=(_why(reader),),
    )


def call_back_form(reader: Reader, found: Proposal) -> Form:
    """Return the form on which a person says how they asked the payee."""
    say = reader.say
    return Form(
        id="proposal_call_back",
        title=say("form.call_back.title"),
        submit=say("form.call_back.submit"),
        cancel=say("form.cancel"),
        token=f"{found.id}:{found.digest}",
        facts=proposal_cards.whole_facts(reader, found),
        lines=(say("form.call_back.lead"),),
        inputs=(
            _text(reader, "contact", LONGEST_CONTACT),
            _text(reader, "number", LONGEST_NUMBER),
            _text(reader, "when", LONGEST_WHEN),
            Input(
                "note",
                InputKind.LONG_TEXT,
                say("form.call_back.note"),
                is_optional=True,
                longest=LONGEST_NOTE,
            ),
            code_input(reader),
        ),
    )


def _text(reader: Reader, name: str, longest: int) -> Input:
    return Input(
        name,
        InputKind.TEXT,
        reader.say(f"form.call_back.{name}"),
        hint=reader.say(f"form.call_back.{name}_hint"),
        longest=longest,
    )


def _account_inputs(reader: Reader, each: Payee | None) -> tuple[Input, ...]:
    """Ask who it is and where their account is."""
    say = reader.say
    return (
        Input(
            "name",
            InputKind.TEXT,
            say("form.payee.name"),
            hint=say("form.payee.name_hint"),
            initial=each.name if each else "",
            longest=LONGEST_NAME,
        ),
        Input(
            "iban",
            InputKind.TEXT,
            say("label.iban"),
            placeholder="DE00 0000 0000 0000 0000 00",
            initial=spaced(each.iban) if each else "",
            longest=42,
        ),
        Input(
            "bic",
            InputKind.TEXT,
            say("label.bic"),
            hint=say("form.payee.bic_hint"),
            initial=(each.bic or "") if each else "",
            is_optional=True,
            longest=11,
        ),
        Input(
            "country",
            InputKind.TEXT,
            say("payees.country"),
            hint=say("form.payee.country_hint"),
            initial=(each.country or "") if each else "",
            is_optional=True,
            longest=2,
        ),
    )


def _why(reader: Reader) -> Input:
    return Input(
        "why",
        InputKind.LONG_TEXT,
        reader.say("payees.why"),
        hint=reader.say("form.payee.why_hint"),
        is_optional=True,
        longest=LONGEST_WHY,
    )
