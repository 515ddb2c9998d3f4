"""Files that come with the program for people to copy: examples and the Slack app's manifest."""

from __future__ import annotations

from pathlib import Path

SETTINGS, POLICY, MANIFEST = "countersign.example.toml", "policy.example.yml", "manifest.yml"

_PLACES = (
    Path(__file__).parent / "files",  # an installed wheel
    Path(__file__).parents[1],  # a checkout
)


def text(name: str) -> str:
    """Return the content of one of them."""
    return next(path for place in _PLACES if (path := place / name).exists()).read_text("utf-8")
