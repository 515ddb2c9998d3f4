"""What can be wrong with the record, in words."""

from __future__ import annotations

from dataclasses import dataclass


class RecordBroken(Exception):
    """The record is not what it was; the text says where.

    Attributes:
        code: ``chain``, ``checkpoint`` or ``rollback``.
    """

    def __init__(self, code: str, problem: str) -> None:
        self.code = code
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written.

    Attributes:
        where: ``entry 17``, ``checkpoint 2000``, ``witness, line 3``, ``payment_order P3K…``.
        problem: What is wrong with it, to be read after ``where``.
    """

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where} {self.problem}"
