"""A signed approval over HTTP beside a bare slack-bolt handler, interleaved in one run.

``python -m bench.ingress`` starts three servers, each in a process of its own on its own core as
far as there are cores, and loads them in turn:

* ``fast``: bare AsyncApp, fast acknowledgment, one durable SQLite commit;
* ``default``: the same in Bolt's default mode;
* ``countersign``: the whole approval: signature, identity, authority, second factor, policy,
  record, durable commit, answer as a modal.

Prints a table for people and, last, one line of JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyotp

from bench import load

CLIENTS = (1, 8, 32)
SERVERS = ("fast", "default", "countersign")
SIGNING_SECRET = "bench-signing-secret"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ORDERS = 24_000
"""Each is approved once by one person: a time step counts once per person."""


@dataclass(frozen=True)
class Server:
    """A server process under load."""

    name: str
    port: int
    process: subprocess.Popen[str]


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


def stream(tokens: Iterator[tuple[int, str]]) -> Iterator[bytes]:
    """Return signed approvals of fresh orders, with the code of the moment."""
    totp = pyotp.TOTP(TOTP_SECRET)
    for number, token in tokens:
        yield signed(approval(number, token, totp.now()))


def start(name: str, folder: Path, core: int | None) -> Server:
    """Start a server process and wait until it says where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.ingress_servers", name, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("port "):
        raise SystemExit(f"{name} did not start")
    return Server(name, int(line.split()[1]), process)


async def measure(
    servers: list[Server], tokens: dict[str, Iterator[tuple[int, str]]], rounds: int, seconds: float
) -> dict[tuple[str, int], list[load.Slice]]:
    """Load every server in turn, ``rounds`` times at every number of clients."""
    found: dict[tuple[str, int], list[load.Slice]] = {}
    for clients in CLIENTS:
        for round_ in range(rounds + 1):
            for server in servers:
                slice_ = await load.run(
                    "127.0.0.1",
                    server.port,
                    stream(tokens[server.name]),
                    clients=clients,
                    seconds=seconds,
                )
                _check(server.name, slice_)
                if round_:  # the first warms up
                    found.setdefault((server.name, clients), []).append(slice_)
    return found


def _check(name: str, slice_: load.Slice) -> None:
    if slice_.errors:
        raise SystemExit(f"{name}: {slice_.errors} requests failed; last: {slice_.sample[:300]!r}")
    if name == "countersign" and b'"update"' not in slice_.sample:
        raise SystemExit(f"countersign did not approve; last: {slice_.sample[:600]!r}")


def report(found: dict[tuple[str, int], list[load.Slice]]) -> dict[str, object]:
    """Print the table and return the figures."""
    figures: dict[str, object] = {}
    print(f"{'clients':>7}  {'server':<12}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}  rate vs fast")
    for clients in CLIENTS:
        rates: dict[str, float] = {}
        medians: dict[str, float] = {}
        for name in SERVERS:
            slices = found[name, clients]
            rates[name] = statistics.median(each.per_second for each in slices)
            medians[name] = statistics.median(each.quantile(0.5) for each in slices)
            p99 = statistics.median(each.quantile(0.99) for each in slices)
            print(
                f"{clients:>7}  {name:<12}{rates[name]:>8.0f}{medians[name]:>9.2f}{p99:>9.2f}"
                f"  {rates[name] / rates['fast']:.2f}"
            )
            figures[f"{name}_c{clients}"] = {
                "per_second": round(rates[name]),
                "p50_ms": round(medians[name], 2),
                "p99_ms": round(p99, 2),
            }
        figures[f"rate_ratio_c{clients}"] = round(rates["countersign"] / rates["fast"], 3)
        figures[f"p50_vs_default_c{clients}"] = round(
            medians["countersign"] / medians["default"], 3
        )
    return figures


def main() -> None:
    """Run the whole measurement."""
    rounds = int(os.environ.get("ROUNDS", "5"))
    seconds = float(os.environ.get("SECONDS_PER_SLICE", "1.0"))
    cores = sorted(os.sched_getaffinity(0))
    server_core = cores[0] if len(cores) > 1 else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        servers = [start(each, folder, server_core) for each in SERVERS]
        try:
            if len(cores) > 1:
                os.sched_setaffinity(0, {cores[1]})
            tokens = {each: iter([(n, "x") for n in range(1_000_000)]) for each in SERVERS}
            listed = (folder / "tokens.txt").read_text().splitlines()
            tokens["countersign"] = iter(list(enumerate(listed)))
            found = asyncio.run(measure(servers, tokens, rounds, seconds))
        finally:
            for server in servers:
                server.process.terminate()
                server.process.wait(10)
    figures = report(found)
    print(json.dumps({"bench": "ingress", "rounds": rounds, **figures}))


if __name__ == "__main__":
    main()
