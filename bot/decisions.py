"""Buttons and forms by which people decide about orders, once for all chats."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy import Connection

from bot import decision_forms, forms, pictures, views, wording
from bot.cards import Accepted, Answer, Form, Invalid, Notice, Replace, Submitted, Tone
from bot.commands import Commands
from bot.services import Caller, Services
from bot.wording import OrderView, Reader
from workflows import approvals, bulk, orders, questions, release
from workflows.approvals import Choice, Decided, Decision
from workflows.bulk import Changed, Shown
from workflows.orders import Order, OrderState
from workflows.refusal import Refusal
from workflows.visibility import may_see

Answers = Mapping[str, str]
Click = Callable[[Caller, str], Awaitable[Answer]]
Submission = Callable[[Caller, str, Answers], Awaitable[Submitted]]

STALE = frozenset(
    {"order.stale", "order.not_pending", "order.expired", "order.tampered", "order.changed"}
)
"""Refusals after which people are shown how the order is now."""


class Decisions:
    """What clicks and submitted forms about deciding do.

    Attributes:
        clicks: By the button's id.
        forms: By the form's id.
    """

    def __init__(self, services: Services, commands: Commands) -> None:
        self._services = services
        self._commands = commands
        self.clicks: dict[str, Click] = {
            "approve": self.ask_approval,
            "reject": self.ask_rejection,
            "take_back": self.take_back,
            "recuse": self.ask_recusal,
            "ask": self.ask_question,
            "answer": self.ask_answer,
            "history": self.history,
            "inbox": self.inbox,
            "bulk": self.ask_bulk,
        }
        self.forms: dict[str, Submission] = {
            "approve": self.approve,
            "reject": self.reject,
            "recuse": self.recuse,
            "ask": self.put_question,
            "answer": self.answer,
            "bulk": self.approve_several,
        }

    # ---- approve, reject ----------------------------------------------------------------------

    async def ask_approval(self, caller: Caller, value: str) -> Answer:
        """Show the approval form, or say why there is none for this person."""
        view = await self._checked(caller, value, Decision.APPROVE)
        if isinstance(view, Form):
            return view
        return decision_forms.approval_form(self._reader(caller), view)

    async def ask_rejection(self, caller: Caller, value: str) -> Answer:
        """Show the rejection form, or say why there is none for this person."""
        view = await self._checked(caller, value, Decision.REJECT)
        if isinstance(view, Form):
            return view
        return decision_forms.rejection_form(self._reader(caller), view)

    async def approve(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Approve what the form showed, with the code it asked for."""
        order_id, version, digest = forms.order_version_digest(token)
        code, has_seen = answers.get("code", ""), answers.get("acknowledge") == "yes"
        return await self._decide(
            caller,
            Choice(order_id, version, digest, Decision.APPROVE, code, has_acknowledged=has_seen),
        )

    async def reject(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Reject what the form showed, with a reason."""
        order_id, version, digest = forms.order_version_digest(token)
        reason = answers.get("reason", "")
        choice = Choice(order_id, version, digest, Decision.REJECT, reason=reason)
        return await self._decide(caller, choice)

    async def _decide(self, caller: Caller, choice: Choice) -> Submitted:
        services = self._services
        now = services.clock()
        result = await services.database.write(
            lambda connection: approvals.decide(
                connection, services.company, services.cipher, caller.person, choice, now=now
            )
        )
        if isinstance(result, Refusal):
            raise result
        await self._begin(result)
        return Accepted(self._thanks(caller, result, choice.decision))

    async def _begin(self, decided: Decided) -> None:
        """Start the workflow of an order that has all its approvals, or have it look again."""
        if decided.order.state != OrderState.APPROVED:
            return
        if self._is_for_later(decided.order):
            return  # a sweep begins it on its day
        await self._services.dispatcher.begin(decided.order.id)
        if decided.is_again:
            await self._services.dispatcher.wake(decided.order.id)

    def _is_for_later(self, order: Order) -> bool:
        """Whether an order is to be executed on a day that has not begun."""
        return bool(release.due_in(self._services.company, order, self._services.clock()))

    def _thanks(self, caller: Caller, result: Decided, decision: Decision) -> Notice:
        reader = self._reader(caller)
        facts = {
            "amount": reader.money(result.order.amount),
            "payee": result.order.creditor_name,
        }
        if decision is Decision.REJECT:
            return Notice(reader.say("thanks.rejected", **facts), Tone.BAD)
        if result.assignment.is_complete and result.order.release_after is not None:
            at = reader.instant(result.order.release_after)
            return Notice(reader.say("thanks.cooling", at=at, **facts), Tone.GOOD)
        if result.assignment.is_complete and self._is_for_later(result.order):
            day = wording.execution_line(reader, result.order)
            return Notice(reader.say("thanks.scheduled", day=day, **facts), Tone.GOOD)
        if result.assignment.is_complete:
            return Notice(reader.say("thanks.complete", **facts), Tone.GOOD)
        missing = sum(slot.count for slot in result.assignment.missing)
        return Notice(reader.say("thanks.approved", missing=missing, **facts), Tone.GOOD)

    # ---- take back, recuse --------------------------------------------------------------------

    async def take_back(self, caller: Caller, value: str) -> Answer:
        """Take one's own approval back, as long as the payment has not left."""
        services, reader = self._services, self._reader(caller)
        order_id, version = forms.order_and_version(value)
        now = services.clock()
        order = await services.database.write(
            lambda connection: approvals.withdraw(
                connection, services.company, caller.person, order_id, version, now=now
            )
        )
        return Notice(reader.say("thanks.taken_back", order=order.id), Tone.NEUTRAL)

    async def ask_recusal(self, caller: Caller, value: str) -> Answer:
        """Show the form on which a person says that they have a conflict of interest."""
        view = await self._seen(caller, value)
        _, version = forms.order_and_version(value)
        reader = self._reader(caller)
        if version != view.order.version:
            stale = Refusal("order.stale", order=view.order.id, version=view.order.version)
            return forms.outdated_form(reader, view, reader.refusal(stale))
        return decision_forms.recusal_form(reader, view)

    async def recuse(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Put a person out of the decision, for the reason they gave."""
        services, reader = self._services, self._reader(caller)
        order_id, version, digest = forms.order_version_digest(token)
        reason = answers.get("reason", "")
        choice = Choice(order_id, version, digest, Decision.RECUSE, reason=reason)
        now = services.clock()
        result = await services.database.write(
            lambda connection: approvals.recuse(
                connection, services.company, caller.person, choice, now=now
            )
        )
        if isinstance(result, Refusal):
            raise result
        return Accepted(Notice(reader.say("thanks.recused", order=result.order.id), Tone.NEUTRAL))

    # ---- questions ----------------------------------------------------------------------------

    async def ask_question(self, caller: Caller, value: str) -> Answer:
        """Show the form on which somebody asks the requester something."""
        view = await self._seen(caller, value)
        services = self._services
        await services.database.read(
            lambda connection: questions.check_may_ask(
                connection, services.present(connection), caller.person, view.order
            )
        )
        return decision_forms.question_form(self._reader(caller), view)

    async def put_question(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Ask an order's requester what the form says."""
        services, reader = self._services, self._reader(caller)
        order_id, _ = forms.order_and_version(token)
        text, now = answers.get("text", ""), services.clock()
        await self._seen(caller, token)
        await services.database.write(
            lambda connection: questions.ask(
                connection,
                services.present(connection),
                caller.person,
                order_id,
                text,
                key=caller.key,
                now=now,
            )
        )
        return Accepted(Notice(reader.say("thanks.asked"), Tone.GOOD))

    async def ask_answer(self, caller: Caller, value: str) -> Answer:
        """Show the form on which a requester answers a question."""
        order_id, seq = forms.order_and_version(value)
        order, asked = await self._services.database.read(
            lambda connection: questions.check_may_answer(connection, caller.person, order_id, seq)
        )
        return decision_forms.answer_form(self._reader(caller), order, asked)

    async def answer(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Answer a question about one's own order."""
        services, reader = self._services, self._reader(caller)
        order_id, seq = forms.order_and_version(token)
        text, now = answers.get("text", ""), services.clock()
        found = await services.database.write(
            lambda connection: questions.answer(
                connection, caller.person, order_id, seq, text, now=now
            )
        )
        name = reader.name(found.person_id)
        return Accepted(Notice(reader.say("thanks.answered", name=name), Tone.GOOD))

    # ---- what was paid before -----------------------------------------------------------------

    async def history(self, caller: Caller, value: str) -> Answer:
        """Show what was paid to the same account before, as a picture."""
        view = await self._seen(caller, value)
        if view.history is None or view.history.count == 0:
            raise Refusal("history.none", order=view.order.id)
        return await pictures.of_history(self._reader(caller), view.order, view.history)

    # ---- what waits, several at once ----------------------------------------------------------

    async def inbox(self, caller: Caller, value: str) -> Answer:
        """Show another page of what waits for a person, or a part of it."""
        return await self._commands.inbox(caller, views.sought(value))

    async def ask_bulk(self, caller: Caller, value: str) -> Answer:
        """Show what waits for a person, to be approved with one code."""
        del value
        waiting, lines = await self._waiting(caller)
        if not waiting:
            raise Refusal("bulk.nothing_waits")
        return decision_forms.bulk_form(self._reader(caller), waiting, lines=lines)

    async def approve_several(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Approve what is ticked as it was shown, all of it or nothing."""
        services = self._services
        shown = decision_forms.shown_in(token)
        ticked = _ticked(answers)
        chosen = [each for each in shown if each.order_id in ticked]
        if not chosen:
            return Invalid({"orders": self._reader(caller).say("refusal.bulk.nothing")})
        now = services.clock()
        try:
            result = await services.database.write(
                lambda connection: bulk.approve(
                    connection,
                    services.company,
                    services.cipher,
                    caller.person,
                    chosen,
                    answers.get("code", ""),
                    now=now,
                )
            )
        except Refusal as refusal:
            if refusal.code != "order.changed":
                raise
            result = Changed(((str(refusal.facts["order"]), refusal),))
        if isinstance(result, Refusal):
            raise result
        if isinstance(result, Changed):
            return await self._changed(caller, chosen, result)
        for each in result:
            await self._begin(each)
        return Accepted(self._thanks_for_all(caller, result))

    async def _changed(
        self, caller: Caller, chosen: Sequence[Shown], changed: Changed
    ) -> Submitted:
        """Return the form as it is now, saying why nothing was approved."""
        reader = self._reader(caller)
        gone = {order_id for order_id, _ in changed.refusals}
        lines = (
            reader.say("bulk.changed"),
            *(f"{order_id}: {reader.refusal(refusal)}" for order_id, refusal in changed.refusals),
        )
        waiting, more = await self._waiting(caller)
        lines += more
        if not waiting:
            return Accepted(Notice("\n".join(lines), Tone.BAD))
        ticked = [each.order_id for each in chosen if each.order_id not in gone]
        return Replace(decision_forms.bulk_form(reader, waiting, ticked=ticked, lines=lines))

    async def _waiting(self, caller: Caller) -> tuple[list[OrderView], tuple[str, ...]]:
        """Return what can be approved at once, and a line about what cannot."""
        services = self._services

        def read(connection: Connection) -> tuple[list[OrderView], int, int]:
            company = services.present(connection)
            waiting = approvals.awaiting(connection, company, caller.person)
            found = [each for each in waiting if bulk.may_be_among(each)]
            shown = [views.order_view(connection, company, each) for each in found[: bulk.MOST]]
            return shown, len(waiting) - len(found), len(found)

        shown, alone, count = await self._services.database.read(read)
        lines, say = [], self._reader(caller).say
        if count > len(shown):
            lines.append(say("form.bulk.first", shown=len(shown), count=count))
        if alone:
            lines.append(say("form.bulk.one_by_one", count=alone))
        return shown, tuple(lines)

    def _thanks_for_all(self, caller: Caller, decided: Sequence[Decided]) -> Notice:
        reader = self._reader(caller)
        complete = sum(each.assignment.is_complete for each in decided)
        said = [reader.say("thanks.bulk", count=len(decided))]
        if complete:
            said.append(reader.say("thanks.bulk_complete", count=complete))
        return Notice(" ".join(said), Tone.GOOD)

    # ---- what they share ----------------------------------------------------------------------

    def _reader(self, caller: Caller) -> Reader:
        return self._services.reader(caller)

    async def view(self, value: str) -> OrderView:
        """Return all there is to show of the order that a button or form is about.

        Raises:
            Refusal: ``order.unknown``.
        """
        order_id, _ = forms.order_and_version(value)
        services = self._services
        return await services.database.read(
            lambda connection: views.order_view(
                connection, services.present(connection), orders.get(connection, order_id)
            )
        )

    async def _seen(self, caller: Caller, value: str) -> OrderView:
        view = await self.view(value)
        await self.must_see(caller, view.order)
        return view

    async def _checked(self, caller: Caller, value: str, decision: Decision) -> OrderView | Form:
        """Return the order if this person may decide on it, or what an old card answers.

        Raises:
            Refusal: this person may not decide on it.
        """
        services = self._services
        view = await self.view(value)
        _, version = forms.order_and_version(value)
        choice = Choice(view.order.id, version, view.order.digest, decision)
        now = services.clock()
        refusal = await services.database.write(
            lambda connection: approvals.admitted(
                connection, services.company, caller.person, choice, now=now
            )
        )
        if not isinstance(refusal, Refusal):
            return view
        if refusal.code in STALE:
            await self.must_see(caller, view.order)
            text = self._reader(caller).refusal(refusal)
            return forms.outdated_form(self._reader(caller), view, text)
        raise refusal

    async def must_see(self, caller: Caller, order: Order) -> None:
        """Have a button show how an order is now to those alone who may know.

        Raises:
            Refusal: ``order.unknown``; with the attempt on the record.
        """
        company = await self._services.database.read(self._services.present)
        if not may_see(company, caller.person, order):
            await self._services.denied(caller, "order.unknown")
            raise Refusal("order.unknown", order=order.id)


def _ticked(answers: Answers) -> set[str]:
    """Return the orders that are ticked in any of a form's inputs of ticks."""
    names = [decision_forms.bulk_name(number) for number in range(bulk.MOST)]
    return {each for name in names for each in answers.get(name, "").split(",") if each}
