"""What people send along: an invoice for a payment, or a list of payments as a file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from bot import forms
from bot.cards import (
    Accepted,
    Answer,
    Choice,
    Download,
    Fact,
    Invalid,
    Notice,
    Replace,
    Submitted,
    Tone,
)
from bot.commands import Commands
from bot.forms import PayDraft
from bot.services import Caller, Services
from bot.wording import Reader
from workflows import attachments, audit, kept_files, orders, payment_files, payment_lists
from workflows.kept_files import KeptFile
from workflows.payment_lists import Checked
from workflows.people import Person
from workflows.policy import Kind
from workflows.refusal import Refusal
from workflows.visibility import may_see

LARGEST_FILE = attachments.LARGEST

_MOST_PROBLEMS = 15


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as a chat hands it over; nothing about it is to be believed."""

    name: str
    content: bytes
    declared: str


class Files:
    """Takes files in, and hands those out that belong to an order."""

    def __init__(self, services: Services, commands: Commands) -> None:
        self._services = services
        self._commands = commands

    async def attach(self, form: str, caller: Caller, sent: Sent) -> Choice:
        """Keep a file given to a form's file input; return it as the input's answer.

        Raises:
            Refusal: it cannot be taken, or the caller may not ask for payments.
        """
        await self._commands.check_may_request(caller)
        if form == "list":
            await asyncio.to_thread(payment_files.read, sent.name, sent.content)
            name = payment_files.clean_name(sent.name)
            media_type = payment_files.media_type(name)
            return _chosen(await self._keep(caller, name, media_type, sent.content))
        found = await asyncio.to_thread(attachments.checked, sent.name, sent.content, sent.declared)
        return _chosen(await self._keep(caller, found.name, found.media_type, found.content))

    async def _keep(self, caller: Caller, name: str, media_type: str, content: bytes) -> KeptFile:
        now = self._services.clock()
        keep = partial(
            kept_files.keep,
            person=caller.person,
            name=name,
            media_type=media_type,
            content=content,
            now=now,
        )
        return await self._services.database.write(keep)

    async def offered(self, caller: Caller, sent: Sent) -> Answer:
        """Say what can be done with a file that nobody asked for: a list, or an invoice.

        Raises:
            Refusal: nothing; the text says why.
        """
        await self._commands.check_may_request(caller)
        if payment_files.is_list(sent.name):
            kept = await self.attach("list", caller, sent)
            return _shown(await self._checked(caller, kept.value))
        kept = await self.attach("pay", caller, sent)
        draft = PayDraft(invoice=kept.value, invoice_label=kept.label)
        accounts = tuple(self._services.company.accounts.values())
        return forms.pay_form(self._reader(caller), accounts, draft)

    async def invoice(self, caller: Caller, value: str) -> Answer:
        """Hand over what is attached to an order, to whoever may see the order."""
        services = self._services
        order_id = value.partition(":")[0][:16]
        order, company = await services.database.read(
            lambda connection: (orders.get(connection, order_id), services.present(connection))
        )
        if not order.files or not may_see(company, caller.person, order):
            raise Refusal("order.unknown", order=order.id)
        attached = order.files[0]
        content = await services.database.read(
            lambda connection: kept_files.content(connection, attached.id, sha256=attached.sha256)
        )
        title = self._reader(caller).say("invoice.title", order=order.id, file=attached.name)
        return Download(attached.name, title, content)

    # ---- lists of payments --------------------------------------------------------------------

    async def check_list(self, caller: Caller, token: str, answers: Mapping[str, str]) -> Submitted:
        """Check every line of a list; show what it asks for, or what is wrong with it."""
        del token
        if not answers.get("list"):
            return Invalid({"list": self._reader(caller).say("form.list.missing")})
        return await self._checked(caller, answers["list"])

    async def _checked(self, caller: Caller, file_id: str) -> Submitted:
        reader = self._reader(caller)
        found = await self._read(caller, file_id)
        if found.problems:
            return Accepted(Notice(_problems(reader, found), Tone.BAD))
        return Replace(
            forms.confirm_list_form(reader, file_id, _summary(reader, found), found.equal)
        )

    async def _read(self, caller: Caller, file_id: str, kind: Kind = Kind.BATCH) -> Checked:
        """Check a list, with what the banks say that its accounts have.

        Raises:
            Refusal: the caller may not ask for payments, or it is no list of theirs.
        """
        await self._commands.check_may_request(caller)
        services, now = self._services, self._services.clock()
        accounts = list(services.company.accounts)
        found = await asyncio.gather(*(self._commands.available(each) for each in accounts))
        check = partial(
            payment_lists.check,
            company=services.company,
            person=caller.person,
            file_id=file_id,
            available=dict(zip(accounts, found, strict=True)),
            kind=kind,
            now=now,
        )
        return await services.database.read(check)

    async def request_list(
        self, caller: Caller, token: str, answers: Mapping[str, str]
    ) -> Submitted:
        """Ask for every payment of a list that was shown, all of them or none."""
        reader = self._reader(caller)
        found = await self._read(caller, token, forms.kind_of({"kind": Kind.BATCH, **answers}))
        # Looked up after it was checked: what was asked for meanwhile makes every line an equal.
        asked_before = await self._services.database.read(
            lambda connection: _asked_with(connection, caller.person, token)
        )
        if asked_before:
            return Accepted(Notice(reader.say("thanks.list", count=asked_before), Tone.GOOD))
        if found.problems:  # something changed since it was shown
            return Accepted(Notice(_problems(reader, found), Tone.BAD))
        is_no_duplicate = answers.get("duplicate") == "yes"
        if found.equal and not is_no_duplicate:
            return Invalid({"duplicate": reader.say("form.list.equal_needed")})
        request = partial(
            payment_lists.request,
            company=self._services.company,
            person=caller.person,
            checked=found,
            is_no_duplicate=is_no_duplicate,
            now=self._services.clock(),
        )
        asked = await self._services.database.write(request)
        return Accepted(Notice(reader.say("thanks.list", count=len(asked)), Tone.GOOD))

    def _reader(self, caller: Caller) -> Reader:
        return self._services.reader(caller)


def _asked_with(connection: Connection, person: Person, file_id: str) -> int:
    """Return how many payments a person asked for with a list already."""
    entries = audit.of_subject(connection, file_id)
    asked = [each for each in entries if each.kind == "list.requested" and each.actor == person.id]
    return len(asked[0].facts["orders"]) if asked else 0


def _chosen(kept: KeptFile) -> Choice:
    return Choice(kept.id, kept.name)


def _shown(submitted: Submitted) -> Answer:
    match submitted:
        case Replace(form):
            return form
        case Accepted(notice) if notice is not None:
            return notice
        case _:
            raise AssertionError(submitted)


def _summary(reader: Reader, found: Checked) -> tuple[Fact, ...]:
    """Return what a list asks for: how many payments, what from each account, the largest."""
    say, company = reader.say, reader.company
    largest = max(
        found.lines, key=lambda line: (company.rates.to_base(line.amount) or line.amount).minor
    )
    return (
        Fact(say("label.file"), found.file.name),
        Fact(say("label.payments"), str(len(found.lines))),
        *(
            Fact(
                say("label.total_from", account=company.accounts[account].name), reader.money(sum_)
            )
            for account, sum_ in found.totals.items()
        ),
        Fact(say("label.largest"), f"{reader.money(largest.amount)}\n{largest.payee}"),
    )


def _problems(reader: Reader, found: Checked) -> str:
    say = reader.say
    lines = [say("list.refused", file=found.file.name, count=len(found.problems))]
    for number, problem in found.problems[:_MOST_PROBLEMS]:
        text = reader.refusal(problem)
        lines.append(say("list.problem", line=number, text=text) if number else text)
    left = len(found.problems) - _MOST_PROBLEMS
    return "\n\n".join([*lines, *([say("list.more", count=left)] if left > 0 else [])])
