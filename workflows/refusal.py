"""How the workflows say no: a stable code with facts, never a sentence."""

from __future__ import annotations

from collections.abc import Mapping

Fact = str | int
"""What a sentence about a refusal may need; amounts come as ``1250.00 EUR``, instants as ISO."""


class Refusal(Exception):
    """Something asked for will not be done.

    Attributes:
        code: Stable, such as ``amount.decimals``; the catalogue has a sentence for each.
        field: The form field it is about, where there is one.
        facts: For the sentence.
    """

    def __init__(self, code: str, *, field: str | None = None, **facts: Fact) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.facts: Mapping[str, Fact] = facts

    def __repr__(self) -> str:
        return f"Refusal({self.code!r}, {dict(self.facts)!r})"

    __str__ = __repr__
