"""What the record costs to verify: everything, beside a plain read of the same rows.

``python -m bench.record`` writes a database of ``ENTRIES`` entries (eight to a payment, from one
real payment), and reads and verifies it in turn, each in a process of its own. Ratios are of the
time that was computed, which other work on the machine does not lengthen. Prints a table for
people and, last, one line of JSON. Settings: ENTRIES (200 000), ROUNDS (3).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from bench.ingress_servers import _order, company
from connectors.base import Outcome, Progress, Receipt
from workflows import audit, instructions, orders, receipts, release, tables
from workflows.database import SqliteDatabase
from workflows.orders import OrderState
from workflows.record import checkpoints, verification
from workflows.record.checkpoints import RecordKey

KEY = RecordKey(b"k" * 32)
TABLES = ("payment_order", "approval", "instruction", "receipt")
INTERLEAVED = 50


def one_payment(connection: Connection) -> str:
    """Take one payment the whole way, and return its id."""
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    order = _order(company(), 1, now)
    orders.insert_new(connection, order, facts={"amount": str(order.amount)})
    filled = []
    for role, person in (("controller", "p1"), ("cfo", "boss")):
        filled.append([role, person])
        facts = {"digest": order.digest, "version": 1, "factor": "totp", "filled": filled}
        row = {
            "order_id": order.id,
            "version": 1,
            "person_id": person,
            "digest": order.digest,
            "decision": "approve",
            "factor": "totp",
            "at": now,
        }
        connection.execute(insert(tables.approval).values(**row))
        to = OrderState.APPROVED if person == "boss" else OrderState.PENDING
        order = orders.change(
            connection, order, to, now=now, actor=person, kind="order.approval", facts=facts
        )
    release_ = release.no_longer_holds
    release.no_longer_holds = lambda *_: None
    try:
        release.release(connection, company(), order.id, service_of=lambda _: "sct", now=now)
        release.claim(
            connection,
            company(),
            order.id,
            allowance=release.Allowance(),
            orphaned_after=release.FENCE,
            now=now,
        )
    finally:
        release.no_longer_holds = release_
    pending = Outcome(Progress.PENDING, "ACTC", reference="R-1")
    settled = Outcome(Progress.SETTLED, "ACSC", reference="R-1")
    instructions.learned(connection, order.id, pending, now=now)
    instructions.learned(connection, order.id, settled, now=now)
    receipts.keep(connection, order.id, Receipt("R-1", "text/plain", b"paid"), now=now)
    return order.id


def fill(path: Path, entries: int) -> None:
    """Write a database in which that payment was made again and again."""

    async def first() -> str:
        database = SqliteDatabase(path)
        await database.open()
        found = await database.write(one_payment)
        await database.close()
        return found

    like = asyncio.run(first())
    # The database remembers how far its record had come, and this writes another one.
    path.with_name(f"{path.name}.head").unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("pragma synchronous=off")
        rows = {
            name: database.execute(f"select * from {name}").fetchall()
            for name in (*TABLES, "audit_entry")
        }
        steps = rows.pop("audit_entry")
        database.execute("delete from audit_entry")
        for name in TABLES:
            database.execute(f"delete from {name}")
            marks = ",".join("?" * len(rows[name][0]))
            database.executemany(
                f"insert into {name} values ({marks})",
                (
                    _like(name, row, like, new)
                    for new in _ids(entries // len(steps))
                    for row in rows[name]
                ),
            )
        database.executemany(
            "insert into audit_entry values (?,?,?,?,?,?,?,?)", _chained(steps, like, entries)
        )


def _ids(count: int) -> Iterator[str]:
    return (f"P{number:08}" for number in range(count))


def _like(name: str, row: tuple[Any, ...], old: str, new: str) -> tuple[Any, ...]:
    """Return a row as it would be of another payment."""
    found = [value.replace(old, new) if isinstance(value, str) else value for value in row]
    if name == "instruction":
        found[1] = f"request-{new}"
    if name == "payment_order":
        found[5] = f"key-{new}"
    return tuple(found)


def _chained(steps: list[Any], like: str, entries: int) -> Iterator[tuple[Any, ...]]:
    seq, previous = 0, audit.GENESIS
    ids = list(_ids(entries // len(steps)))
    request = json.loads(steps[3][5])["facts"]["instruction"]["request_id"]
    key = json.loads(steps[0][5])["facts"]["row"]["request_key"]
    for start in range(0, len(ids), INTERLEAVED):
        for step in steps:
            number, at, actor, kind, _, body, _, _ = step
            for new in ids[start : start + INTERLEAVED]:
                seq += 1
                own = body.replace(like, new).replace(f'"seq":{number},', f'"seq":{seq},')
                own = own.replace(request, f"request-{new}").replace(key, f"key-{new}")
                found = hashlib.sha256(f"{previous}\n{own}".encode()).hexdigest()
                yield seq, at, actor, kind, new, own, previous, found
                previous = found


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that ``work`` took, and those of them that it computed."""
    start, computed = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - computed


def plain_read(path: Path) -> None:
    """Read the same rows and do nothing with them."""
    with sqlite3.connect(path) as database:
        for table in ("audit_entry", *TABLES):
            for _ in database.execute(f"select * from {table}"):
                pass


async def _on(path: Path, work: Callable[[Connection], Any]) -> Any:
    database = SqliteDatabase(path)
    await database.open()
    try:
        return await database.read(work)
    finally:
        await database.close()


def whole(path: Path) -> None:
    """Verify everything, as `countersign audit verify` does."""
    report = asyncio.run(_on(path, lambda c: verification.verify(c, keys=[KEY.public])))
    assert report.is_intact, report.findings[:3]


def chain(path: Path) -> None:
    """Verify the chain alone."""
    assert asyncio.run(_on(path, audit.verify)).is_intact


def checkpointed(path: Path) -> float:
    """Make the first checkpoint, of all there is; return how long the next one takes."""

    async def work() -> float:
        database = SqliteDatabase(path)
        await database.open()
        now = datetime.now(UTC)
        await database.write(lambda c: checkpoints.make_checkpoint(c, KEY, now))
        for number in range(1000):
            await database.write(
                lambda c, n=number: audit.append(  # type: ignore[misc]
                    c, at=now, actor="a", kind="k", subject=f"s{n}"
                )
            )
        start = time.perf_counter()
        await database.write(lambda c: checkpoints.make_checkpoint(c, KEY, now))
        took = time.perf_counter() - start
        await database.close()
        return took

    return asyncio.run(work())


def main() -> None:
    """Run the whole measurement."""
    if len(sys.argv) > 2:  # in a process of its own, so that its memory is its own
        took, computed = timed(lambda: globals()[sys.argv[1]](Path(sys.argv[2])))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({"seconds": took, "computed": computed, "peak_mib": peak}))
        return
    entries = int(os.environ.get("ENTRIES", "200000"))
    rounds = int(os.environ.get("ROUNDS", "3"))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "countersign.sqlite"
        fill(path, entries)
        size = path.stat().st_size / 2**20
        next_checkpoint = checkpointed(path)
        found: dict[str, list[dict[str, float]]] = {}
        for _ in range(rounds):
            for what in ("plain_read", "chain", "whole"):
                out = subprocess.run(
                    [sys.executable, "-m", "bench.record", what, str(path)],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                found.setdefault(what, []).append(json.loads(out.stdout))
    figures: dict[str, Any] = {"entries": entries, "mib": round(size)}
    middle = {
        what: {name: statistics.median(each[name] for each in its) for name in its[0]}
        for what, its in found.items()
    }
    base = middle["plain_read"]
    for what, its in middle.items():
        ratio = its["computed"] / base["computed"]
        more = its["peak_mib"] - base["peak_mib"]
        print(
            f"{what:<12}{its['seconds']:>8.2f} s {its['computed']:>8.2f} s computed  "
            f"x{ratio:.1f}  {more:+.0f} MiB"
        )
        figures[what] = {"seconds": round(its["seconds"], 2), "ratio": round(ratio, 2)}
    figures["next_checkpoint_ms"] = round(next_checkpoint * 1000, 1)
    print(json.dumps({"bench": "record", **figures}))


if __name__ == "__main__":
    main()
