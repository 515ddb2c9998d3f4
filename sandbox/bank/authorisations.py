"""Strong customer authentication by the decoupled approach: the user confirms in the bank's app.

Source: Berlin Group NextGenPSD2 XS2A Framework 1.3.11, OpenAPI file (``scaStatus``,
``startScaprocessResponse``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sandbox.bank.rules import Phone, Sca

PSU_MESSAGE = "Please confirm in the banking app on your phone."


class ScaStatus(StrEnum):
    """The states of ``scaStatus`` that the decoupled approach passes through."""

    SELECTED = "scaMethodSelected"
    STARTED = "started"
    FINALISED = "finalised"
    FAILED = "failed"


_FINAL = (ScaStatus.FINALISED, ScaStatus.FAILED)


@dataclass(slots=True)
class Authorisation:
    """One authorisation sub-resource of a payment, a cancellation or a consent."""

    id: str
    rules: Sca
    created_at: datetime
    status: ScaStatus = ScaStatus.SELECTED
    looks: int = 0

    @property
    def is_final(self) -> bool:
        """Whether the user has answered, or may no longer."""
        return self.status in _FINAL

    def conclude(self, *, confirmed: bool) -> None:
        """Let the user answer now; later answers change nothing."""
        if not self.is_final:
            self.status = ScaStatus.FINALISED if confirmed else ScaStatus.FAILED

    def advance(self, now: datetime, *, looked: bool) -> None:
        """Let time pass; ``looked`` tells that the client has asked."""
        if self.is_final:
            return
        if now >= self.created_at + self.rules.expires_after:
            self.status = ScaStatus.FAILED
        elif self.rules.phone is Phone.IGNORES or not self._is_due(now, looked):
            if looked and self.looks:
                self.status = ScaStatus.STARTED
            self.looks += looked
        else:
            self.conclude(confirmed=self.rules.phone is not Phone.DECLINES)

    def _is_due(self, now: datetime, looked: bool) -> bool:
        if self.rules.after is not None:
            return now >= self.created_at + self.rules.after
        return looked and self.looks >= self.rules.after_polls
