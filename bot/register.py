"""Buttons and forms of the payee register, and of proposals of every kind, once for all chats."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import Connection

from bot import payee_forms, payee_words, proposal_cards
from bot.cards import Accepted, Action, Answer, Card, Form, Notice, Submitted, Tone
from bot.services import Caller, Services
from bot.wording import Reader
from connectors.base import Creditor
from workflows import name_checks, payee_changes, payees, proposal_decisions, proposals
from workflows.payee_changes import CallBack, Details, Wish
from workflows.payees import Registered
from workflows.proposal_decisions import Choice
from workflows.proposals import Decision, Proposal, State
from workflows.refusal import Refusal
from workflows.requests import LONGEST_NAME

Answers = Mapping[str, str]
Click = Callable[[Caller, str], Awaitable[Answer]]
Submission = Callable[[Caller, str, Answers], Awaitable[Submitted]]

_STALE = frozenset({"proposal.changed", "proposal.closed", "proposal.expired"})


async def listing(services: Services, caller: Caller, text: str) -> Card:
    """Return the register as the caller may see it, or who in it has ``text`` in it.

    Raises:
        Refusal: ``payees.not_allowed``.
    """
    await check_may_see(services, caller)
    text, most = text[:LONGEST_NAME], payee_words.MOST_LISTED + 1
    found, waiting = await services.database.read(
        lambda connection: (
            payees.listed(connection, text, most=most),
            proposals.open_ones(connection, payee_changes.KIND.name),
        )
    )
    may_change = bool(caller.person.roles & services.company.permissions.payees)
    return payee_words.register_card(
        services.reader(caller),
        found,
        text,
        len(waiting) if may_change else 0,
        may_change=may_change,
    )


async def check_may_see(services: Services, caller: Caller) -> None:
    """Refuse, on the record, who may not see whom the company pays.

    Raises:
        Refusal: ``payees.not_allowed``.
    """
    permitted = services.company.permissions.request | services.company.permissions.payees
    if not caller.person.roles & permitted:
        await services.denied(caller, "payees.not_allowed")
        raise Refusal("payees.not_allowed", roles=", ".join(sorted(permitted)))


class Register:
    """What clicks and submitted forms about payees and proposals do.

    Attributes:
        clicks: By the button's id.
        forms: By the form's id.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.clicks: dict[str, Click] = {
            "payee": self.show_payee,
            "payee_add": self.ask_new,
            "payee_change": self.ask_change,
            "payee_suspend": self.ask_suspension,
            "payee_resume": self.ask_resumption,
            "proposal": self.show,
            "proposal_approve": self.ask_approval,
            "proposal_reject": self.ask_rejection,
            "proposal_call_back": self.ask_call_back,
            "proposal_withdraw": self.withdraw,
        }
        self.forms: dict[str, Submission] = {
            "payee": self.propose_details,
            "payee_standing": self.propose_standing,
            "proposal_approve": self.approve,
            "proposal_reject": self.reject,
            "proposal_call_back": self.call_back,
        }

    # ---- payees -------------------------------------------------------------------------------

    async def show_payee(self, caller: Caller, value: str) -> Answer:
        """Show one payee, with what the caller may do about it."""
        await check_may_see(self._services, caller)
        found = await self._payee(value)
        may_change = self._may_propose(caller)
        return payee_words.payee_card(self._reader(caller), found, may_change=may_change)

    async def ask_new(self, caller: Caller, value: str) -> Answer:
        """Show the form that proposes a payee."""
        del value
        await self._check_may_propose(caller)
        return payee_forms.payee_form(self._reader(caller))

    async def ask_change(self, caller: Caller, value: str) -> Answer:
        """Show the form that proposes a change of a payee, filled with what it is now."""
        found = await self._own(caller, value)
        return payee_forms.payee_form(self._reader(caller), found.payee)

    async def ask_suspension(self, caller: Caller, value: str) -> Answer:
        """Show the form that proposes to suspend a payee."""
        return await self._ask_standing(caller, value, payee_changes.Action.SUSPEND)

    async def ask_resumption(self, caller: Caller, value: str) -> Answer:
        """Show the form that proposes to take a payee up again."""
        return await self._ask_standing(caller, value, payee_changes.Action.RESUME)

    async def _ask_standing(
        self, caller: Caller, value: str, action: payee_changes.Action
    ) -> Answer:
        found = await self._own(caller, value)
        return payee_forms.standing_form(self._reader(caller), found.payee, action)

    async def propose_details(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Propose the payee on the form, once its bank was asked who holds the account."""
        await self._check_may_propose(caller)
        action, payee_id = _action_and_payee(token)
        details = payee_changes.check_details(
            Details(
                answers.get("name", ""),
                answers.get("iban", ""),
                answers.get("bic", ""),
                answers.get("country", ""),
            )
        )
        creditor = Creditor(
            details.name, details.iban, details.bic or None, details.country or None
        )
        checked = await name_checks.check(self._services.connectors, creditor)
        wish = Wish(action, payee_id, details, answers.get("why", ""), checked)
        return await self._propose(caller, wish)

    async def propose_standing(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Propose to suspend a payee, or to take it up again."""
        await self._check_may_propose(caller)
        action, payee_id = _action_and_payee(token)
        return await self._propose(caller, Wish(action, payee_id, why=answers.get("why", "")))

    async def _propose(self, caller: Caller, wish: Wish) -> Submitted:
        services = self._services
        now = services.clock()
        made = await services.database.write(
            lambda connection: payee_changes.propose(
                connection, services.company, caller.person, wish, key=caller.key, now=now
            )
        )
        reader = self._reader(caller)
        title = proposal_cards.title(reader, made)
        said = [reader.say("thanks.proposed", proposal=made.id, title=title)]
        said += payee_words.lines(reader, made)
        return Accepted(Notice("\n".join(said), Tone.WAITING if len(said) > 1 else Tone.GOOD))

    # ---- proposals ----------------------------------------------------------------------------

    async def show(self, caller: Caller, value: str) -> Answer:
        """Show one proposal to those who may see it."""
        return await self._card(caller, await self._seen(caller, value))

    async def ask_approval(self, caller: Caller, value: str) -> Answer:
        """Show the approval form, or say why there is none for this person."""
        found = await self._admitted(caller, value, Decision.APPROVE)
        if not isinstance(found, Proposal):
            return found
        if (code := proposals.kind_of(found).missing(found)) is not None:
            raise Refusal(code)
        return proposal_cards.approval_form(self._reader(caller), found)

    async def ask_rejection(self, caller: Caller, value: str) -> Answer:
        """Show the rejection form, or say why there is none for this person."""
        found = await self._admitted(caller, value, Decision.REJECT)
        if not isinstance(found, Proposal):
            return found
        return proposal_cards.rejection_form(self._reader(caller), found)

    async def ask_call_back(self, caller: Caller, value: str) -> Answer:
        """Show the form of the call-back note, or say why there is none for this person."""
        found = await self._admitted(caller, value, Decision.APPROVE)
        if not isinstance(found, Proposal):
            return found
        if payee_changes.KIND.missing(found) is None:
            raise Refusal("payee.call_back_given")
        return payee_forms.call_back_form(self._reader(caller), found)

    async def withdraw(self, caller: Caller, value: str) -> Answer:
        """Take one's own proposal back."""
        proposal_id, _ = _proposal_and_digest(value)
        now = self._services.clock()
        found = await self._services.database.write(
            lambda connection: proposals.withdraw(connection, caller.person, proposal_id, now=now)
        )
        return Notice(self._reader(caller).say("proposal.withdrawn", proposal=found.id))

    async def approve(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Approve what the form showed, with the code it asked for."""
        has_acknowledged = answers.get("acknowledge") == "yes"
        code = answers.get("code", "")
        proposal_id, digest = _proposal_and_digest(token)
        choice = Choice(
            proposal_id, digest, Decision.APPROVE, code, has_acknowledged=has_acknowledged
        )
        return await self._decide(caller, choice)

    async def reject(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Reject what the form showed, with a reason."""
        reason = answers.get("reason", "")
        proposal_id, digest = _proposal_and_digest(token)
        choice = Choice(proposal_id, digest, Decision.REJECT, reason=reason)
        return await self._decide(caller, choice)

    async def _decide(self, caller: Caller, choice: Choice) -> Submitted:
        services, reader = self._services, self._reader(caller)
        now = services.clock()
        result = await services.database.write(
            lambda connection: proposal_decisions.decide(
                connection, services.company, services.cipher, caller.person, choice, now=now
            )
        )
        if isinstance(result, Refusal):
            raise result
        title = proposal_cards.title(reader, result.proposal)
        match State(result.proposal.state):
            case State.APPLIED:
                return Accepted(Notice(reader.say("thanks.applied", title=title), Tone.GOOD))
            case State.OUTDATED:
                return Accepted(Notice(reader.say("thanks.outdated", title=title), Tone.BAD))
            case State.REJECTED:
                return Accepted(Notice(reader.say("thanks.turned_down", title=title), Tone.BAD))
            case _:
                said = reader.say("thanks.agreed", title=title, missing=result.missing)
                return Accepted(Notice(said, Tone.GOOD))

    async def call_back(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Put on the record how the payee was asked."""
        services = self._services
        proposal_id, digest = _proposal_and_digest(token)
        said = CallBack(
            number=answers.get("number", ""),
            contact=answers.get("contact", ""),
            when=answers.get("when", ""),
            note=answers.get("note", ""),
        )
        now = services.clock()
        result = await services.database.write(
            lambda connection: payee_changes.call_back(
                connection,
                services.company,
                services.cipher,
                caller.person,
                proposal_id,
                digest,
                said,
                answers.get("code", ""),
                now=now,
            )
        )
        if isinstance(result, Refusal):
            raise result
        return Accepted(Notice(self._reader(caller).say("thanks.called_back"), Tone.GOOD))

    # ---- what they share ----------------------------------------------------------------------

    def _reader(self, caller: Caller) -> Reader:
        return self._services.reader(caller)

    def _may_propose(self, caller: Caller) -> bool:
        return bool(caller.person.roles & self._services.company.permissions.payees)

    async def _check_may_propose(self, caller: Caller) -> None:
        """Refuse, on the record, who may not propose changes.

        Raises:
            Refusal: ``proposal.not_allowed``.
        """
        if not self._may_propose(caller):
            await self._services.denied(caller, "proposal.not_allowed")
        company = self._services.company
        proposals.check_may_propose(company, caller.person, payee_changes.KIND)

    async def _own(self, caller: Caller, payee_id: str) -> Registered:
        """Return a payee that the caller may propose to change."""
        await self._check_may_propose(caller)
        found = await self._payee(payee_id)
        if found.payee.is_by_settings:
            raise Refusal("payee.by_settings", payee=found.payee.name)
        return found

    async def _payee(self, payee_id: str) -> Registered:
        found = await self._services.database.read(
            lambda connection: payees.find(connection, payee_id[:64])
        )
        if found is None:
            raise Refusal("payee.unknown_id", payee=payee_id[:16])
        return found

    async def _admitted(
        self, caller: Caller, value: str, decision: Decision
    ) -> Proposal | Notice | Form:
        """Return the proposal if this person may decide on it, or what an old card answers.

        Raises:
            Refusal: this person may not decide on it.
        """
        services = self._services
        proposal_id, digest = _proposal_and_digest(value)
        choice = Choice(proposal_id, digest, decision)
        now = services.clock()
        found = await services.database.write(
            lambda connection: proposal_decisions.admitted(
                connection, services.company, caller.person, choice, now=now
            )
        )
        if isinstance(found, Proposal):
            return found
        if found.code in _STALE:
            seen = await self._seen(caller, proposal_id)
            reader = self._reader(caller)
            details = Action("proposal", reader.say("action.show"), seen.id)
            return Notice(reader.refusal(found), Tone.BAD, (details,))
        raise found

    async def _seen(self, caller: Caller, value: str) -> Proposal:
        """Return a proposal that the caller may see; who may not does not learn that it is there.

        Raises:
            Refusal: ``proposal.unknown``.
        """
        proposal_id, _ = _proposal_and_digest(value)
        found = await self._services.database.read(
            lambda connection: proposals.get(connection, proposal_id)
        )
        if not proposals.may_see(self._services.company, caller.person, found):
            await self._services.denied(caller, "proposal.unknown")
            raise Refusal("proposal.unknown", proposal=found.id)
        return found

    async def _card(self, caller: Caller, found: Proposal) -> Card:
        def read(connection: Connection) -> proposal_cards.ProposalView:
            return proposal_cards.view_of(connection, found)

        view = await self._services.database.read(read)
        return proposal_cards.proposal_card(self._reader(caller), view)


def _proposal_and_digest(value: str) -> tuple[str, str]:
    proposal_id, _, digest = value.partition(":")
    return proposal_id[:16], digest[:64]


def _action_and_payee(token: str) -> tuple[payee_changes.Action, str]:
    action, _, payee_id = token.partition(":")
    return payee_changes.Action(action), payee_id[:64]
