"""Rate limits and outages, and the SDK's own ways of living with them."""

from __future__ import annotations

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator

from sandbox.slack.limits import CHANNEL_BURST, TIER_PER_MINUTE, RateLimits
from tests.sandbox.slack.conftest import ANA, FINANCE, Bench


class Tick:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_tier_allows_its_number_a_minute() -> None:
    tick = Tick()
    limits = RateLimits(tick)
    allowed = sum(limits.wait_for("users.list", 2, None) is None for _ in range(100))
    assert allowed == TIER_PER_MINUTE[2]
    assert limits.wait_for("users.list", 2, None) == 3
    assert limits.wait_for("conversations.list", 2, None) is None
    tick.seconds += 3
    assert limits.wait_for("users.list", 2, None) is None
    assert limits.wait_for("users.list", 2, None) == 3
    tick.seconds += 3600
    allowed = sum(limits.wait_for("users.list", 2, None) is None for _ in range(100))
    assert allowed == TIER_PER_MINUTE[2]
    limits.is_on = False
    assert limits.wait_for("users.list", 2, None) is None


def test_a_channel_takes_a_message_a_second_after_a_burst() -> None:
    tick = Tick()
    limits = RateLimits(tick)
    for _ in range(CHANNEL_BURST):
        assert limits.wait_for("chat.postMessage", 5, "C1") is None
    assert limits.wait_for("chat.postMessage", 5, "C1") == 1
    assert limits.wait_for("chat.postMessage", 5, "C2") is None
    tick.seconds += 1
    assert limits.wait_for("chat.postMessage", 5, "C1") is None


async def test_a_forced_limit_is_429_with_retry_after(bench: Bench) -> None:
    bench.workspace.limits.force("chat.postMessage", times=2, retry_after=7)
    post = bench.client().chat_postMessage
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await post(channel=FINANCE, text="x")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "7"
    await post(channel=FINANCE, text="x")
    assert [call.error for call in bench.workspace.calls("chat.postMessage")] == [
        "ratelimited",
        "ratelimited",
        None,
    ]


async def test_the_sdk_retries_what_was_limited(bench: Bench) -> None:
    bench.workspace.limits.force("chat.postMessage", retry_after=0)
    client = bench.client()
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await client.chat_postMessage(channel=FINANCE, text="once")
    texts = [message.text for message in bench.workspace.person(ANA).messages(FINANCE)]
    assert texts == ["once"]


async def test_the_sdk_retries_what_failed_and_may_do_it_twice(bench: Bench) -> None:
    handler = AsyncServerErrorRetryHandler(
        max_retry_count=1, interval_calculator=FixedValueRetryIntervalCalculator(0)
    )
    client = bench.client()
    client.retry_handlers.append(handler)
    bench.workspace.faults.server_errors = 1
    await client.chat_postMessage(channel=FINANCE, text="failed before")
    bench.workspace.faults.lost_answers["chat.postMessage"] = 1
    await client.chat_postMessage(channel=FINANCE, text="failed after")
    texts = [message.text for message in bench.workspace.person(ANA).messages(FINANCE)]
    assert texts == ["failed before", "failed after", "failed after"]
