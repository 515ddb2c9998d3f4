"""How a Mini App is opened: its address, with who opened it, signed.

Source: Bot API, "Mini Apps", "Validating data received via the Mini App": ``hash`` is an HMAC under
a key made of the bot's token; ``signature`` is Ed25519 for third parties, over the bot's id and the
data without both. Telegram's own key is its secret; the simulated one has another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.telegram.model import BotConfig, User

VERSION = "9.5"


class MiniApps:
    """Opens Mini Apps.

    Attributes:
        public_key: What third parties check ``signature`` with, 32 bytes.
    """

    def __init__(self, bot: BotConfig) -> None:
        self._bot = bot
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes_raw()

    def address(self, url: str, user: User, at: datetime) -> str:
        """Return the address by which ``user`` opens the app at ``url``."""
        data = quote(self.init_data(user, at), safe="")
        separator = "&" if "#" in url else "#"
        return (
            f"{url}{separator}tgWebAppData={data}&tgWebAppVersion={VERSION}"
            "&tgWebAppPlatform=web&tgWebAppThemeParams=%7B%7D"
        )

    def init_data(self, user: User, at: datetime) -> str:
        """Return signed data about who opens an app, as a query string."""
        fields = {
            "query_id": f"AAH{secrets.token_urlsafe(12)}",
            "user": json.dumps(_user(user), ensure_ascii=False, separators=(",", ":")),
            "auth_date": str(int(at.timestamp())),
        }
        fields["signature"] = self._signature(fields)
        secret = hmac.new(b"WebAppData", self._bot.token.encode(), hashlib.sha256).digest()
        digest = hmac.new(secret, _lines(fields).encode(), hashlib.sha256).hexdigest()
        return urlencode({**fields, "hash": digest})

    def _signature(self, fields: dict[str, str]) -> str:
        signed = self._key.sign(f"{self._bot.id}:WebAppData\n{_lines(fields)}".encode())
        return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def _lines(fields: dict[str, str]) -> str:
    return "\n".join(f"{key}={fields[key]}" for key in sorted(fields))


def _user(user: User) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
    }
    if user.username:
        shown["username"] = user.username
    return {**shown, "language_code": user.language_code, "allows_write_to_pm": True}
