"""What lets the app act on somebody's behalf for a while: trigger ids and response URLs.

Sources: Slack, "Handling user interaction": a trigger id is good for three seconds and for one
view; a response URL for five messages within thirty minutes.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.slack.model import ApiError

TRIGGER_LIFE = timedelta(seconds=3)
RESPONSE_LIFE = timedelta(minutes=30)
RESPONSE_USES = 5
MOST_KEPT = 10_000


@dataclass(slots=True)
class Trigger:
    """A person's action, which may open one view.

    Attributes:
        in_view: Whether the person acted within an open modal.
    """

    user: str
    until: datetime
    in_view: bool
    is_used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Where the app may answer a person's action.

    Attributes:
        source: Channel and ts of the message that was acted on; None for commands and forms.
    """

    token: str
    user: str
    channel: str
    until: datetime
    source: tuple[str, str] | None = None
    uses: int = 0


class Tickets:
    """Issues and checks trigger ids and response URLs."""

    def __init__(self, now: Callable[[], datetime], team_id: str) -> None:
        self._now = now
        self._team_id = team_id
        self._triggers: OrderedDict[str, Trigger] = OrderedDict()
        self._urls: OrderedDict[str, ResponseUrl] = OrderedDict()

    def new_trigger(self, user: str, *, in_view: bool = False) -> str:
        """Return a fresh trigger id for what a person just did."""
        trigger_id = f"{secrets.randbelow(10**13)}.{self._team_id[1:]}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(user, self._now() + TRIGGER_LIFE, in_view)
        while len(self._triggers) > MOST_KEPT:
            self._triggers.popitem(last=False)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """Use a trigger id up.

        Raises:
            ApiError: ``invalid_arguments``, ``expired_trigger_id`` or ``exchanged_trigger_id``.
        """
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise ApiError(
                "invalid_arguments", "[ERROR] invalid `trigger_id` [json-pointer:/trigger_id]"
            )
        if trigger.is_used:
            raise ApiError("exchanged_trigger_id")
        if self._now() > trigger.until:
            raise ApiError("expired_trigger_id")
        trigger.is_used = True
        return trigger

    def new_response_url(
        self, user: str, channel: str, *, source: tuple[str, str] | None = None
    ) -> str:
        """Return the token of a fresh response URL."""
        token = secrets.token_urlsafe(18)
        until = self._now() + RESPONSE_LIFE
        self._urls[token] = ResponseUrl(token, user, channel, until, source)
        while len(self._urls) > MOST_KEPT:
            self._urls.popitem(last=False)
        return token

    def find_response_url(self, token: str) -> ResponseUrl:
        """Return a response URL that may be used once more; the caller counts the use.

        Raises:
            ApiError: ``invalid_url``, ``expired_url`` or ``used_url``.
        """
        url = self._urls.get(token)
        if url is None:
            raise ApiError("invalid_url")
        if self._now() > url.until:
            raise ApiError("expired_url")
        if url.uses >= RESPONSE_USES:
            raise ApiError("used_url")
        return url
