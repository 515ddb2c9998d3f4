"""What policy costs: evaluation, quorum, and whether an approval feels how many orders there are.

``python -m bench.policy`` prints three tables for people and, last, one line of JSON:

* evaluation of a payment under 1, 100 and 10 000 rules, of which a tenth matches it;
* quorum: the assignment of 50 slots in 5 stages to 500 people who have two roles each, where it
  takes a rearrangement to find one;
* an approval, from opening the form to the commit, by the service's own functions, in a database
  with ``FEW`` and one with ``MANY`` orders before it. The two take turns, one approval each.

Settings: ROUNDS (of evaluation and quorum, 200), APPROVALS (300), FEW (1000), MANY (1000000).
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyotp
from sqlalchemy import Connection, text

from bench.ingress import TOTP_SECRET
from bench.ingress_servers import company, seed
from bot import views
from connectors.money import Money
from workflows import approvals, orders
from workflows.approvals import Choice, Decided, Decision
from workflows.company import Company
from workflows.database import SqliteDatabase
from workflows.matching import assign
from workflows.policy import Facts, Kind, PayeeStanding, Policy, Rates, Slot
from workflows.second_factor import Cipher
from workflows.tables import payment_order

RULES = (1, 100, 10_000)
SLOTS, STAGES, PEOPLE = 50, 5, 500
TARGET_RULES_US, TARGET_GROWTH = 1_000.0, 1.2
_CIPHER = Cipher(b"k" * 32)
_FACTS = Facts(
    amount=Money(125_000, "EUR"),
    account="operating",
    payee=PayeeStanding.TRUSTED,
    requester_roles=frozenset({"staff"}),
    kind=Kind.SINGLE,
    requester="asker",
    connector="bank",
    payee_country="DE",
)


def microseconds(work: Callable[[], object], rounds: int) -> float:
    """Return how long something takes, the median of ``rounds``."""
    took = []
    for _ in range(rounds):
        begun = time.perf_counter_ns()
        work()
        took.append((time.perf_counter_ns() - begun) / 1000)
    return statistics.median(took)


# ---- evaluation ---------------------------------------------------------------------------------


def policy_of(count: int) -> Policy:
    """Return a policy of so many rules, one in ten of which is about the payment."""
    rules = ["  - name: Every payment\n    require: [{ role: controller }]"]
    for number in range(1, count):
        low = 1000 if number % 10 == 0 else 2000 + number
        rules.append(
            f"  - name: Rule {number}\n"
            f"    when: {{ amount: {{ from: {low} }}, currency: [EUR, USD], kind: [single] }}\n"
            f"    require: [{{ role: cfo, stage: {number % 3 + 1} }}]"
        )
    written = "version: 1\nrules:\n" + "\n".join(rules)
    if count > 1000:  # more than a file may have: rules are made as a file's would be
        few = policy_of(1000)
        return Policy("EUR", tuple(few.rules[n % 1000] for n in range(count)))
    return Policy.parse(
        written, base_currency="EUR", roles={"controller", "cfo"}, accounts=["operating"]
    )


def evaluation(rounds: int) -> dict[int, float]:
    """Return microseconds by the number of rules."""
    rates = Rates("EUR", {})
    found = {}
    for count in RULES:
        policy = policy_of(count)
        assert policy.evaluate(_FACTS, rates).is_allowed
        few = max(10, rounds // max(1, count // 1000))
        found[count] = microseconds(partial(policy.evaluate, _FACTS, rates), few)
    return found


# ---- quorum -------------------------------------------------------------------------------------


def quorum(rounds: int) -> tuple[float, float]:
    """Return microseconds to fill the slots, with 500 candidates and with exactly as many."""
    slots = [Slot(role=f"role{n}", stage=n % STAGES + 1) for n in range(SLOTS)]
    roles = {
        f"p{n}": frozenset({f"role{n % SLOTS}", f"role{(n * 7 + 1) % SLOTS}"})
        for n in range(PEOPLE)
    }
    tight = {f"p{n}": frozenset({f"role{n}", f"role{(n + 1) % SLOTS}"}) for n in range(SLOTS)}
    for people in (roles, tight):
        assert assign(slots, people).is_complete
    few = max(10, rounds // 10)
    return (
        microseconds(lambda: assign(slots, roles), few),
        microseconds(lambda: assign(slots, tight), few),
    )


# ---- approvals ----------------------------------------------------------------------------------


def fill(connection: Connection, count: int) -> None:
    """Add so many settled payments of some years, each with two approvals and its entry."""
    numbered = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
    template = connection.execute(text("SELECT id FROM payment_order LIMIT 1")).scalar_one()
    columns = [column.name for column in payment_order.c]
    made = {
        "id": "'F' || i",
        "request_key": "'filler:' || i",
        "end_to_end_id": "'CS-F' || i",
        "state": "'settled'",
        "remittance": "'INV-F' || i",
        "creditor_iban": "CASE WHEN i % 50 = 0 THEN creditor_iban ELSE 'DE' || (i % 5000) END",
        "created_at": "datetime('2026-11-01', '-' || (i % 2000) || ' days') || '.000000'",
        "versioned_at": "datetime('2026-11-01', '-' || (i % 2000) || ' days') || '.000000'",
        "updated_at": "datetime('2026-11-01', '-' || (i % 2000) || ' days') || '.000000'",
    }
    chosen = ", ".join(made.get(name, name) for name in columns)
    with_count = {"count": count, "template": template}
    connection.execute(
        text(
            f"INSERT INTO payment_order ({', '.join(columns)}) {numbered} "
            f"SELECT {chosen} FROM n, payment_order WHERE payment_order.id = :template"
        ),
        with_count,
    )
    for person in ("boss", "p1"):
        connection.execute(
            text(
                "INSERT INTO approval (order_id, version, person_id, digest, decision, factor, at, "
                f"stage) {numbered} SELECT 'F' || i, 1, :person, 'd', 'approve', 'totp', "
                "'2026-11-01 09:00:00.000000', 1 FROM n"
            ),
            {"count": count, "person": person},
        )
    connection.execute(
        text(
            "INSERT INTO audit_entry (seq, at, actor, kind, subject, body, previous_hash, hash) "
            f"{numbered} SELECT i, '2026-11-01 09:00:00.000000', 'system', 'order.settled', "
            "'F' || i, '{}', hex(i), hex(i + 1) FROM n"
        ),
        {"count": count},
    )


class Counter:
    """A database with a past, and people who approve what is pending in it."""

    def __init__(self, path: Path, past: int, count: int) -> None:
        self._database = SqliteDatabase(path)
        self._past, self._count = past, count
        self._company: Company = company(count)
        self._tokens: list[str] = []
        self.took: list[float] = []

    async def open(self) -> None:
        """Fill it."""
        await self._database.open()
        self._tokens = await self._database.write(
            lambda connection: seed(connection, self._company, _CIPHER, self._count), recorded=False
        )
        await self._database.write(lambda connection: fill(connection, self._past), recorded=False)
        await self._database.write(
            lambda connection: connection.execute(text("ANALYZE")), recorded=False
        )

    async def close(self) -> None:
        """Leave it."""
        await self._database.close()

    async def approve(self, number: int) -> None:
        """Have one person open the form of one order and approve it."""
        order_id, version, digest = self._tokens[number].split(":")
        person = self._company.directory.get(f"p{number}")
        assert person is not None
        now = datetime.now(UTC)
        choice = Choice(
            order_id, int(version), digest, Decision.APPROVE, pyotp.TOTP(TOTP_SECRET).at(now)
        )

        def form(connection: Connection) -> None:
            approvals.check(connection, self._company, person, choice, now=now)
            views.order_view(connection, self._company, orders.get(connection, order_id))

        begun = time.perf_counter_ns()
        await self._database.read(form)
        done = await self._database.write(
            lambda connection: approvals.decide(
                connection, self._company, _CIPHER, person, choice, now=now
            )
        )
        self.took.append((time.perf_counter_ns() - begun) / 1e6)
        assert isinstance(done, Decided), done


async def approval(folder: Path, few: int, many: int, count: int) -> dict[int, float]:
    """Return the median milliseconds of an approval by how many orders there are."""
    counters = {past: Counter(folder / f"{past}.sqlite", past, count) for past in (few, many)}
    for each in counters.values():
        await each.open()
    for number in range(count):
        for each in counters.values():
            await each.approve(number)
    for each in counters.values():
        await each.close()
    warm = count // 10
    return {past: statistics.median(each.took[warm:]) for past, each in counters.items()}


# ---- what is printed ----------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table as Markdown has them."""
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---:" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(str(each) for each in row) + " |")
    print()


def _set(name: str, usual: int) -> int:
    return int(os.environ.get(name, usual))


def main() -> None:
    """Measure and print."""
    rounds, count = (
        int(os.environ.get(*each)) for each in (("ROUNDS", "200"), ("APPROVALS", "300"))
    )
    few, many = (int(os.environ.get(*each)) for each in (("FEW", "1000"), ("MANY", "1000000")))
    rules = evaluation(rounds)
    loose, tight = quorum(rounds)
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(approval(Path(folder), few, many, count))
    growth = took[many] / took[few]
    table(
        ("rules", "µs", "µs per rule"),
        [(n, f"{each:.1f}", f"{each / n:.2f}") for n, each in rules.items()],
    )
    table(
        ("quorum of 50 slots", "µs"),
        [(f"{PEOPLE} people", f"{loose:.0f}"), (f"{SLOTS} people", f"{tight:.0f}")],
    )
    table(
        ("orders before it", "approval, ms", "ratio"),
        [(past, f"{each:.2f}", f"{each / took[few]:.2f}") for past, each in took.items()],
    )
    print(
        json.dumps(
            {
                "evaluation_us": {str(n): round(each, 1) for n, each in rules.items()},
                "hundred_rules_met": rules[100] < TARGET_RULES_US,
                "quorum_us": {"500": round(loose, 1), "50": round(tight, 1)},
                "approval_ms": {str(n): round(each, 3) for n, each in took.items()},
                "approval_growth": round(growth, 3),
                "approval_growth_met": growth <= TARGET_GROWTH,
            }
        )
    )


if __name__ == "__main__":
    main()
