"""A signed approval over HTTP beside a bare slack-bolt handler, interleaved in one run.

``python -m bench.ingress`` starts three servers, each a process, all on one core, and loads them
in turn from another core (docs/performance.md says what follows from that):

* ``fast``: bare AsyncApp, fast acknowledgment, one durable SQLite commit;
* ``default``: the same in Bolt's default mode;
* ``countersign``: the whole approval: signature, identity, authority, second factor, policy,
  record, durable commit, answer as a modal.

Every slice of load is signed before it begins, so that a client never computes between an answer
and its next request. Prints a table for people and, last, one line of JSON.

Settings: ROUNDS (5), SECONDS_PER_SLICE (1.0).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pyotp

from bench import load

CLIENTS = (1, 8, 32)
SERVERS = ("fast", "default", "countersign")
SIGNING_SECRET = "bench-signing-secret"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ORDERS = 40_000
"""Each is approved once by one person: a time step counts once per person."""

_VERSIONS = ("slack-bolt", "slack-sdk", "uvicorn", "starlette", "sqlalchemy")
_FIRST_GUESS = 2_000
"""Requests a second that no server here reaches before it was measured."""


@dataclass
class Server:
    """A server process under load.

    Attributes:
        tokens: One for every order that may be approved; ``None`` for a bare server, which takes
            any request as often as it comes.
        sent: How many requests it has had.
        fastest: Requests a second it is not expected to exceed.
    """

    name: str
    port: int
    process: subprocess.Popen[str]
    tokens: Sequence[str] | None = None
    sent: int = 0
    fastest: float = _FIRST_GUESS

    def next_requests(self, seconds: float) -> list[bytes]:
        """Return as many signed requests as it could answer in ``seconds``, and some more."""
        code = pyotp.TOTP(TOTP_SECRET).now()
        numbers = range(self.sent, self.sent + int(seconds * self.fastest))
        if self.tokens is None:
            return [signed(approval(number, "x", code)) for number in numbers]
        if numbers.stop > len(self.tokens):
            raise SystemExit(f"{ORDERS} orders are not enough: fewer rounds or shorter slices")
        return [signed(approval(number, self.tokens[number], code)) for number in numbers]


def signed(body: bytes) -> bytes:
    """Return a whole HTTP request with Slack's v0 signature."""
    stamp = str(int(time.time()))
    base = b"v0:" + stamp.encode() + b":" + body
    signature = "v0=" + hmac.new(SIGNING_SECRET.encode(), base, hashlib.sha256).hexdigest()
    head = (
        "POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def approval(number: int, token: str, code: str) -> bytes:
    """Return the submission of order ``number``'s approval form by its own approver."""
    payload = {
        "type": "view_submission",
        "team": {"id": "T1", "domain": "bench"},
        "user": {"id": f"U{number:07}", "team_id": "T1", "name": "x"},
        "api_app_id": "A1",
        "token": "x",
        "trigger_id": f"1.2.{number}",
        "view": {
            "id": f"V{number}",
            "team_id": "T1",
            "type": "modal",
            "callback_id": "approve",
            "private_metadata": token,
            "hash": "1.x",
            "blocks": [],
            "state": {"values": {"code": {"code": {"type": "plain_text_input", "value": code}}}},
            "root_view_id": f"V{number}",
            "app_id": "A1",
            "bot_id": "B1",
        },
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }
    return urllib.parse.urlencode({"payload": json.dumps(payload)}).encode()


def start(name: str, folder: Path, core: int) -> Server:
    """Start a server process on ``core`` and wait until it says where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.ingress_servers", name, str(folder), str(core)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("port "):
        raise SystemExit(f"{name} did not start")
    listed = folder / f"{name}.tokens"
    tokens = listed.read_text().splitlines() if listed.exists() else None
    return Server(name, int(line.split()[1]), process, tokens)


async def measure(
    servers: list[Server], rounds: int, seconds: float
) -> dict[tuple[str, int], list[load.Slice]]:
    """Load every server in turn, ``rounds`` times at every number of clients."""
    found: dict[tuple[str, int], list[load.Slice]] = {}
    for clients in CLIENTS:
        for round_ in range(rounds + 1):
            for server in servers:
                slice_ = await one_slice(server, clients, seconds)
                if round_:  # the first warms up
                    found.setdefault((server.name, clients), []).append(slice_)
    return found


async def one_slice(server: Server, clients: int, seconds: float) -> load.Slice:
    """Load one server for a while."""
    requests = server.next_requests(seconds)
    slice_ = await load.run(
        "127.0.0.1", server.port, iter(requests), clients=clients, seconds=seconds
    )
    _check(server.name, slice_, len(requests))
    server.sent += len(slice_.latencies)
    server.fastest = max(server.fastest, 1.5 * slice_.per_second)
    return slice_


def _check(name: str, slice_: load.Slice, prepared: int) -> None:
    if len(slice_.latencies) == prepared:
        raise SystemExit(f"{name} answered all {prepared} requests before the slice ended")
    if slice_.errors:
        raise SystemExit(f"{name}: {slice_.errors} requests failed; last: {slice_.sample[:300]!r}")
    if name == "countersign" and b'"update"' not in slice_.sample:
        raise SystemExit(f"countersign did not approve; last: {slice_.sample[:600]!r}")


def report(found: dict[tuple[str, int], list[load.Slice]]) -> dict[str, object]:
    """Print the table and return the figures."""
    figures: dict[str, object] = {}
    print(f"{'clients':>7}  {'server':<12}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}  rate vs fast")
    for clients in CLIENTS:
        each = {name: _Medians.of(found[name, clients]) for name in SERVERS}
        for name, its in each.items():
            print(
                f"{clients:>7}  {name:<12}{its.rate:>8.0f}{its.p50:>9.2f}{its.p99:>9.2f}"
                f"  {its.rate / each['fast'].rate:.2f}"
            )
            figures[f"{name}_c{clients}"] = {
                "per_second": round(its.rate),
                "p50_ms": round(its.p50, 2),
                "p99_ms": round(its.p99, 2),
            }
        ours, fast, default = each["countersign"], each["fast"], each["default"]
        figures[f"rate_ratio_c{clients}"] = round(ours.rate / fast.rate, 3)
        figures[f"p50_vs_default_c{clients}"] = round(ours.p50 / default.p50, 3)
    return figures


@dataclass(frozen=True)
class _Medians:
    """Of one server at one number of clients: each figure's median over the rounds."""

    rate: float
    p50: float
    p99: float

    @classmethod
    def of(cls, slices: list[load.Slice]) -> _Medians:
        return cls(
            statistics.median(each.per_second for each in slices),
            statistics.median(each.quantile(0.5) for each in slices),
            statistics.median(each.quantile(0.99) for each in slices),
        )


def versions() -> dict[str, str]:
    """Return what was measured with."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    return found | {name: version(name) for name in _VERSIONS}


def main() -> None:
    """Run the whole measurement."""
    rounds = int(os.environ.get("ROUNDS", "5"))
    seconds = float(os.environ.get("SECONDS_PER_SLICE", "1.0"))
    cores = sorted(os.sched_getaffinity(0))
    servers: list[Server] = []
    with tempfile.TemporaryDirectory() as name:
        try:
            servers += [start(each, Path(name), cores[0]) for each in SERVERS]
            os.sched_setaffinity(0, {cores[-1]})
            found = asyncio.run(measure(servers, rounds, seconds))
        finally:
            for server in servers:
                server.process.terminate()
                server.process.wait(10)
    figures = report(found)
    about = {"rounds": rounds, "seconds": seconds, "cores": len(cores), "versions": versions()}
    print(json.dumps({"bench": "ingress", **about, **figures}))


if __name__ == "__main__":
    main()
