"""A small closed-loop load generator over keep-alive HTTP/1.1, the same for every server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

TIMEOUT = 10.0


@dataclass
class Slice:
    """What one slice of load saw: seconds per request, and how many went wrong."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    sample: bytes = b""

    @property
    def per_second(self) -> float:
        """Answered requests per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """Latency in milliseconds below which ``share`` of the requests stayed."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run(
    host: str, port: int, requests: Iterator[bytes], *, clients: int, seconds: float
) -> Slice:
    """Send ``requests`` from ``clients`` connections, each waiting for its answer, for a while."""
    result = Slice()
    until = time.perf_counter() + seconds
    begun = time.perf_counter()
    await asyncio.gather(*(_client(host, port, requests, until, result) for _ in range(clients)))
    result.seconds = time.perf_counter() - begun
    return result


async def _client(
    host: str, port: int, requests: Iterator[bytes], until: float, result: Slice
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        while time.perf_counter() < until:
            payload = next(requests, None)
            if payload is None:
                return
            begun = time.perf_counter()
            writer.write(payload)
            async with asyncio.timeout(TIMEOUT):
                status, body = await _answer(reader)
            result.latencies.append(time.perf_counter() - begun)
            result.sample = body
            if status != 200:
                result.errors += 1
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    lowered = head.lower()
    position = lowered.index(b"content-length:") + len(b"content-length:")
    length = int(lowered[position : lowered.index(b"\r\n", position)])
    return status, await reader.readexactly(length)
