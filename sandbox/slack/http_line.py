"""Signed HTTP: the workspace posts to the app's request URL.

Sources: Slack, "Verifying requests from Slack" (signature v0 over version, timestamp and raw
body) and "The Events API" (retry headers). Signatures carry the real time, which is what the
receiving library compares with.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import aiohttp

from sandbox.slack.delivery import FAILED, TIMEOUT, Answer, Envelope, Retry, as_payload
from sandbox.slack.model import AppConfig

MOST_ANSWER_BYTES = 512 * 1024


class HttpLine:
    """Posts envelopes to ``app.request_url``.

    Attributes:
        signing_secret: What requests are signed with; another than the app's is a fault.
    """

    def __init__(self, app: AppConfig, *, patience: float) -> None:
        self._app = app
        self._patience = patience
        self._session: aiohttp.ClientSession | None = None
        self.signing_secret = app.signing_secret

    async def send(self, envelope: Envelope, retry: Retry | None) -> Answer:
        """Post an envelope and wait for the answer."""
        if self._app.request_url is None:
            return Answer(error=FAILED, reason="connection_failed")
        if self._session is None:
            self._session = aiohttp.ClientSession()
        body, content_type = _encoded(envelope)
        headers = self.signed(body)
        headers["Content-Type"] = content_type
        if retry is not None:
            headers["X-Slack-Retry-Num"] = str(retry.attempt)
            headers["X-Slack-Retry-Reason"] = retry.reason
        try:
            async with asyncio.timeout(self._patience):
                return await self._post(self._session, self._app.request_url, body, headers)
        except TimeoutError:
            return Answer(error=TIMEOUT, reason="http_timeout")
        except aiohttp.ClientError:
            return Answer(error=FAILED, reason="connection_failed")

    async def _post(
        self, session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]
    ) -> Answer:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            raw = b""
            async for chunk in response.content.iter_chunked(65_536):
                raw += chunk
                if len(raw) > MOST_ANSWER_BYTES:
                    return Answer(error=FAILED, reason="http_error")
            if response.status // 100 != 2:
                is_final = response.headers.get("X-Slack-No-Retry") == "1"
                return Answer(error=FAILED, reason="http_error", is_final=is_final)
            text = raw.decode("utf-8", "replace")
            if response.content_type == "application/json":
                try:
                    return Answer(as_payload(json.loads(text)))
                except ValueError:
                    return Answer(error=FAILED, reason="http_error")
            return Answer(as_payload(text))

    def signed(self, body: bytes) -> dict[str, str]:
        """Return the headers that prove who sends ``body``."""
        timestamp = str(int(time.time()))
        base = b"v0:" + timestamp.encode() + b":" + body
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest}",
        }

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _encoded(envelope: Envelope) -> tuple[bytes, str]:
    form = "application/x-www-form-urlencoded"
    if envelope.kind == "slash_commands":
        return urlencode(envelope.payload).encode(), form
    text = json.dumps(envelope.payload, separators=(",", ":"))
    if envelope.kind == "interactive":
        return urlencode({"payload": text}).encode(), form
    return text.encode(), "application/json"
