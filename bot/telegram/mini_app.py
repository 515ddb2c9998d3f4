"""Who opened a page from Telegram: the data a Mini App is opened with, and its signature.

Source: core.telegram.org/bots/webapps, "Validating data received via the Mini App".
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

LONGEST = 4096
GOOD_FOR = timedelta(minutes=15)
"""As long as the link that opens the page."""

_CLOCKS_DIFFER_BY = timedelta(minutes=1)
_MOST_FIELDS = 32


def opened_by(init_data: str, token: str, *, now: datetime) -> int | None:
    """Return the Telegram user who opened a page, or None where Telegram does not vouch for it.

    Args:
        init_data: What the page was given, as it was given.
        token: The bot's.
    """
    if len(init_data) > LONGEST:
        return None
    try:
        pairs = parse_qsl(
            init_data, keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS
        )
        fields = dict(pairs)
        given = fields.pop("hash", "")
        if len(pairs) != len(fields) + 1 or not hmac.compare_digest(
            given.encode(), _hash(fields, token).encode()
        ):
            return None
        user = json.loads(fields["user"])["id"]
        opened_at = int(fields["auth_date"])
    except (ValueError, KeyError, TypeError):
        return None
    age = now.timestamp() - opened_at
    if not -_CLOCKS_DIFFER_BY.total_seconds() <= age < GOOD_FOR.total_seconds():
        return None
    return user if isinstance(user, int) else None


def _hash(fields: dict[str, str], token: str) -> str:
    """Return the signature of the data; the key is made of the token, in this order."""
    key = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    text = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
