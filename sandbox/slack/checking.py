"""Small checks of Block Kit objects, each naming the place that is wrong by JSON pointer.

The wording of the findings follows what Slack's API answers in ``response_metadata.messages``;
lengths are those of the Block Kit reference and of the validators in Slack's own SDK.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sandbox.slack.model import Json

MOST_FINDINGS = 50


class Findings:
    """What is wrong with an object, in the order in which it was found."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, finding: str, pointer: str) -> None:
        """Note one finding."""
        if len(self._found) < MOST_FINDINGS:
            self._found.append(f"{finding} [json-pointer:{pointer or '/'}]")

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    # ---- shapes -------------------------------------------------------------------------------

    def is_object(self, value: Any, pointer: str) -> bool:
        """Whether a value is a JSON object; noted if not."""
        if isinstance(value, dict):
            return True
        self.add("should be an object", pointer)
        return False

    def keys(
        self, value: Json, pointer: str, *, needed: Collection[str], allowed: Collection[str]
    ) -> None:
        """Note missing fields and fields that Slack does not know."""
        for key in needed:
            if value.get(key) is None:
                self.add(f"missing required field: {key}", pointer)
        for key in value:
            if key not in needed and key not in allowed:
                self.add(f"invalid additional property: {str(key)[:60]}", pointer)

    def array(self, value: Any, pointer: str, *, most: int, least: int = 1) -> list[Any]:
        """Return a list that has an allowed number of items, else nothing."""
        if not isinstance(value, list):
            self.add("should be an array", pointer)
            return []
        if len(value) < least:
            self.add(f"no less than {least} items allowed", pointer)
        if len(value) > most:
            self.add(f"no more than {most} items allowed", pointer)
            return value[:most]
        return value

    def string(self, holder: Json, key: str, pointer: str, *, most: int, least: int = 0) -> None:
        """Check the length of a string field, if it is there."""
        value = holder.get(key)
        if value is None:
            return
        at = f"{pointer}/{key}"
        if not isinstance(value, str):
            self.add("should be a string", at)
        elif len(value) < least:
            self.add(f"must be more than {least - 1} characters", at)
        elif len(value) > most:
            self.add(f"must be less than {most + 1} characters", at)

    def one_of(self, holder: Json, key: str, pointer: str, allowed: Iterable[Any]) -> None:
        """Check that a field, if it is there, has one of the allowed values."""
        value = holder.get(key)
        known = list(allowed)
        if value is not None and value not in known:
            listed = ", ".join(str(item) for item in known)
            self.add(f"must be one of: {listed}", f"{pointer}/{key}")

    def boolean(self, holder: Json, key: str, pointer: str) -> None:
        """Check that a field, if it is there, is true or false."""
        if holder.get(key) is not None and not isinstance(holder[key], bool):
            self.add("should be a boolean", f"{pointer}/{key}")

    # ---- texts --------------------------------------------------------------------------------

    def text(self, value: Any, pointer: str, *, most: int, is_plain: bool = False) -> None:
        """Check a text object, if it is there."""
        if value is None or not self.is_object(value, pointer):
            return
        kinds = ("plain_text",) if is_plain else ("plain_text", "mrkdwn")
        kind = value.get("type")
        if kind not in kinds:
            self.add(f"must be one of: {', '.join(kinds)}", f"{pointer}/type")
            return
        extra = "emoji" if kind == "plain_text" else "verbatim"
        self.keys(value, pointer, needed=("type", "text"), allowed=(extra,))
        self.string(value, "text", pointer, most=most, least=1)

    def ids(self, items: Iterable[tuple[Any, str]], name: str) -> None:
        """Check that ids are strings of at most 255 characters and not used twice."""
        seen: set[str] = set()
        for value, pointer in items:
            if value is None:
                continue
            at = f"{pointer}/{name}"
            if not isinstance(value, str) or not value:
                self.add("must be more than 0 characters", at)
                continue
            if len(value) > 255:
                self.add("must be less than 256 characters", at)
            if value in seen:
                self.add(f"`{name}` {value[:60]} already exists", at)
            seen.add(value)
