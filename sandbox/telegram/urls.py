"""Addresses, as far as Telegram looks into them."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult | None:
    """Return an address's parts; None where it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine: there, plain HTTP will do."""
    parts = parts_of(url)
    return parts is not None and parts.hostname in ("127.0.0.1", "localhost", "::1")
