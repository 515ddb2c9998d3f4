"""A list of payments: checked line by line, asked for as a whole or not at all.

Each line becomes an order of its own, approved like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection

from connectors.money import Money
from workflows import audit, kept_files, orders, payees, payment_files, requests
from workflows.company import Company
from workflows.kept_files import KeptFile
from workflows.orders import Order
from workflows.payment_files import Row
from workflows.people import Person
from workflows.policy import Kind
from workflows.refusal import Refusal
from workflows.requests import Payment


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is right.

    Attributes:
        number: In the file, as people count.
        payee: The creditor's name.
        is_equal: Whether an equal payment was asked for lately, or stands in the list twice.
    """

    number: int
    payee: str
    payment: Payment
    is_equal: bool

    @property
    def amount(self) -> Money:
        """What is to be paid."""
        return self.payment.amount


@dataclass(frozen=True, slots=True)
class Checked:
    """A list that was read.

    Attributes:
        problems: Number of the line, and what is wrong with it; 0 for the list as a whole.
    """

    file: KeptFile
    lines: tuple[Line, ...]
    problems: tuple[tuple[int, Refusal], ...]

    @property
    def equal(self) -> int:
        """How many payments equal another."""
        return sum(line.is_equal for line in self.lines)

    @property
    def totals(self) -> dict[str, Money]:
        """What is taken from each account, by the account's id."""
        found: Counter[str] = Counter()
        currencies = {}
        for line in self.lines:
            found[line.payment.account_id] += line.amount.minor
            currencies[line.payment.account_id] = line.amount.currency
        return {account: Money(minor, currencies[account]) for account, minor in found.items()}


def check(
    connection: Connection,
    company: Company,
    person: Person,
    file_id: str,
    *,
    available: Mapping[str, Money | None],
    kind: Kind = Kind.BATCH,
    now: datetime,
) -> Checked:
    """Read a kept list and check each line as a request of ``person``'s; nothing is stored.

    Args:
        available: What accounts have, by id, as far as their bank could be asked.
        kind: What sort of payments they are.

    Raises:
        Refusal: there is no such file of the person's, or it cannot be read as a list at all.
    """
    (kept,) = kept_files.own(connection, person, [file_id])
    found = payment_files.read(
        kept.name, kept_files.content(connection, kept.id, sha256=kept.sha256)
    )
    lines: list[Line] = []
    problems: list[tuple[int, Refusal]] = []
    for row in found.rows:
        try:
            lines.append(_line(connection, company, person, row, available, kind, now))
        except Refusal as refusal:
            problems.append((row.number, refusal))
    checked = Checked(kept, tuple(lines), tuple(problems))
    if not problems:
        problems += _beyond_funds(connection, company, checked, available)
    return Checked(kept, tuple(lines), tuple(sorted(problems, key=lambda each: each[0])))


def request(
    connection: Connection,
    company: Company,
    person: Person,
    checked: Checked,
    *,
    is_no_duplicate: bool,
    now: datetime,
) -> list[Order]:
    """Ask for every payment of a list without problems; the same list gives the same orders.

    Raises:
        Refusal: as `requests.request`, of any line; then nothing is stored.
    """
    assert not checked.problems
    asked = [
        requests.request(
            connection,
            company,
            person,
            replace(line.payment, is_no_duplicate=is_no_duplicate or not line.is_equal),
            key=f"list:{checked.file.id}:{line.number}",
            now=now,
        )
        for line in checked.lines
    ]
    kept_files.bind(connection, [checked.file], asked[0].id)
    audit.append(
        connection,
        at=now,
        actor=person.id,
        kind="list.requested",
        subject=checked.file.id,
        facts={"sha256": checked.file.sha256, "orders": [each.id for each in asked]},
    )
    return asked


def _line(
    connection: Connection,
    company: Company,
    person: Person,
    row: Row,
    available: Mapping[str, Money | None],
    kind: Kind,
    now: datetime,
) -> Line:
    if row.problems:
        raise row.problems[0]
    assert row.amount is not None
    own = requests.account_for(company, row.account, row.currency)
    payment = Payment(
        account_id=own.id,
        amount=row.amount,
        remittance=row.reference,
        execution_date=date.fromisoformat(row.date) if row.date else None,
        is_no_duplicate=True,
        available=available.get(own.id),
        kind=kind,
    )
    if row.iban:
        payment = replace(payment, name=row.payee, iban=row.iban)
    else:
        payment = replace(payment, payee_id=payees.named(connection, row.payee).id)
    drafted = requests.draft(connection, company, person, payment, now=now)
    is_equal = row.is_repeated or "duplicate" in drafted.risk_codes
    return Line(row.number, drafted.creditor_name, payment, is_equal)


def _beyond_funds(
    connection: Connection,
    company: Company,
    checked: Checked,
    available: Mapping[str, Money | None],
) -> list[tuple[int, Refusal]]:
    """Return the accounts that have enough for each payment and not for all of them."""
    found = []
    for account_id, total in checked.totals.items():
        there = available.get(account_id)
        taken = orders.committed_minor(connection, account_id, date.max)
        if there is not None and total.minor > there.minor - taken:
            name = company.accounts[account_id].name
            found.append((0, Refusal("list.funds", account=name, total=str(total))))
    return found
