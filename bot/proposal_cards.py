"""Cards and forms about proposals of every kind: what is proposed, who agreed, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from sqlalchemy import Connection

from bot import absence_words, charter_words, payee_words
from bot.cards import Action, Card, Fact, Form, Input, InputKind, Tone
from bot.forms import acknowledgment, code_input
from bot.wording import Reader
from workflows import proposals
from workflows.company import Company
from workflows.people import Person
from workflows.proposal_decisions import LONGEST_REASON
from workflows.proposals import Given, Proposal, State

_WORDS: Mapping[str, ModuleType] = {
    "payee": payee_words,
    "charter": charter_words,
    "delegation": absence_words,
}
"""Modules with ``title``, ``facts``, ``lines``, ``needs`` and ``actions`` of each kind."""

_TONES = {
    State.OPEN: Tone.WAITING,
    State.APPLIED: Tone.GOOD,
    State.REJECTED: Tone.BAD,
    State.WITHDRAWN: Tone.NEUTRAL,
    State.EXPIRED: Tone.BAD,
    State.OUTDATED: Tone.BAD,
}


@dataclass(frozen=True, slots=True)
class ProposalView:
    """Everything a card about a proposal may show, read in one go."""

    proposal: Proposal
    given: tuple[Given, ...]


def view_of(connection: Connection, found: Proposal) -> ProposalView:
    """Read what a card about a proposal shows."""
    return ProposalView(found, tuple(proposals.given_to(connection, found.id)))


def waiting_for(
    connection: Connection, company: Company, person: Person, *, most: int
) -> tuple[ProposalView, ...]:
    """Return what waits for a person, soonest to expire first."""
    found = proposals.awaiting(connection, company, person)[:most]
    return tuple(view_of(connection, each) for each in found)


def title(reader: Reader, found: Proposal) -> str:
    """Return what is proposed, in a few words."""
    return str(_WORDS[found.kind].title(reader, found))


def proposal_card(reader: Reader, view: ProposalView) -> Card:
    """Return a proposal's card as ``reader`` should see it.

    Buttons are offered to those who could use them; whether a click counts is decided anew when
    it comes.
    """
    found, say, words = view.proposal, reader.say, _WORDS[view.proposal.kind]
    expires = say("proposal.expires", at=reader.instant(found.expires_at))
    return Card(
        title=title(reader, found),
        tone=_TONES[State(found.state)],
        facts=(
            Fact(say("label.state"), say(f"proposal.state.{found.state}")),
            *words.facts(reader, found, is_whole=False),
            Fact(say("proposal.by"), _proposed(reader, found)),
            Fact(say("label.proposal"), found.id),
        ),
        lines=(*(words.lines(reader, found) if found.is_open else ()), *_said(reader, view)),
        notes=(expires,) if found.is_open else (),
        actions=_actions(reader, view),
    )


def open_action(reader: Reader, view: ProposalView) -> Action:
    """Return the button that opens one of the proposals of an inbox."""
    return Action("proposal", title(reader, view.proposal), view.proposal.id)


def brief(reader: Reader, view: ProposalView) -> str:
    """Return a proposal as a line of a list."""
    found = view.proposal
    return reader.say(
        "proposal.line",
        proposal=found.id,
        title=title(reader, found),
        name=reader.name(found.proposer_id),
    )


def approval_form(reader: Reader, found: Proposal) -> Form:
    """Return the form on which a person sees all of it again, whole, and gives a code."""
    say = reader.say
    inputs = [code_input(reader)]
    if proposals.kind_of(found).must_acknowledge(found):
        inputs.insert(0, acknowledgment(reader))
    return Form(
        id="proposal_approve",
        title=say("form.proposal.approve"),
        submit=say("action.approve"),
        cancel=say("form.cancel"),
        token=f"{found.id}:{found.digest}",
        facts=whole_facts(reader, found),
        lines=_WORDS[found.kind].lines(reader, found),
        inputs=tuple(inputs),
    )


def rejection_form(reader: Reader, found: Proposal) -> Form:
    """Return the form on which a person says why not."""
    say = reader.say
    reason = Input(
        "reason",
        InputKind.LONG_TEXT,
        say("form.reject.reason"),
        hint=say("form.proposal.reason_hint"),
        longest=LONGEST_REASON,
    )
    return Form(
        id="proposal_reject",
        title=say("form.proposal.reject"),
        submit=say("action.reject"),
        cancel=say("form.cancel"),
        token=f"{found.id}:{found.digest}",
        facts=whole_facts(reader, found),
        inputs=(reason,),
    )


def whole_facts(reader: Reader, found: Proposal) -> tuple[Fact, ...]:
    """Return what is proposed with nothing masked: this is what will be in force."""
    say = reader.say
    return (
        Fact(say("label.subject"), title(reader, found)),
        *_WORDS[found.kind].facts(reader, found, is_whole=True),
        Fact(say("proposal.by"), _proposed(reader, found)),
        Fact(say("label.proposal"), found.id),
    )


def _proposed(reader: Reader, found: Proposal) -> str:
    return f"{reader.name(found.proposer_id)}\n{reader.instant(found.created_at)}"


def _said(reader: Reader, view: ProposalView) -> tuple[str, ...]:
    """Return a line for each decision, and what is missing still."""
    found, say = view.proposal, reader.say
    told = [
        say(
            "proposal.approved_by",
            name=reader.name(each.person_id),
            at=reader.instant(each.at),
        )
        if each.decision == proposals.Decision.APPROVE
        else say("proposal.rejected_by", name=reader.name(each.person_id), reason=each.reason or "")
        for each in view.given
    ]
    if not found.is_open:
        return tuple(told)
    left = proposals.missing(reader.company, found, view.given)
    return (*told, *_WORDS[found.kind].needs(reader, found), say("proposal.needs", missing=left))


def _actions(reader: Reader, view: ProposalView) -> tuple[Action, ...]:
    found, say, person = view.proposal, reader.say, reader.person
    if not found.is_open or person is None:
        return ()
    value = f"{found.id}:{found.digest}"
    if person.id == found.proposer_id:
        confirm = say("proposal.withdraw_confirm")
        return (Action("proposal_withdraw", say("action.cancel"), value, "danger", confirm),)
    has_decided = person.id in {each.person_id for each in view.given}
    if has_decided or not proposals.may_decide(reader.company, person, found):
        return ()
    first: tuple[Action, ...] = _WORDS[found.kind].actions(reader, found)
    if not first:
        first = (Action("proposal_approve", say("action.approve"), value, "primary"),)
    return (*first, Action("proposal_reject", say("action.reject"), value, "danger"))
