"""The Slack app's manifest, as it comes with the program."""

from __future__ import annotations

from pathlib import Path

_PLACES = (
    Path(__file__).with_name("manifest.yml"),  # an installed wheel
    Path(__file__).parents[2] / "manifest.yml",  # a checkout
)


def text() -> str:
    """Return the manifest, ready to be pasted into Slack's "From a manifest"."""
    return next(place for place in _PLACES if place.exists()).read_text(encoding="utf-8")
