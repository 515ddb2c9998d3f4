"""When and where a process is to die."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

GROUPS = ("database", "workflow", "bank", "slack", "telegram", "delivery", "step")
"""What the boundaries of a process are between it and."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One life's end.

    Attributes:
        spared: Die at the first boundary that is not one of these; None for no such end.
        where: Where ``spared`` is given: what is found in the names that count.
        group: Where it is not: die at a boundary of this group; empty for no end at all.
        number: Which one of its kind it is to be: of the same name, or of the same group.
    """

    spared: frozenset[str] | None = None
    where: str = ""
    group: str = ""
    number: int = 1

    def strikes(self, name: str, times: int, group: str, times_in_group: int) -> bool:
        """Whether it ends at the boundary ``name``, reached for the time number ``times``."""
        if self.spared is not None:
            is_new = name not in self.spared and times == self.number
            return is_new and re.search(self.where, name) is not None
        return self.group == group and times_in_group == self.number

    def to_json(self) -> str:
        """Return it as text."""
        fields = asdict(self)
        if self.spared is not None:
            fields["spared"] = sorted(self.spared)
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        spared = fields.pop("spared")
        return cls(spared=None if spared is None else frozenset(spared), **fields)
