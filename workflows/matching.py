"""Filling slots with distinct people: a maximum bipartite matching, early stages first. Pure."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflows.policy_rules import Slot


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which slots are filled by whom.

    Attributes:
        filled: (role or @person, person) pairs, each person once; by slot, then by person.
        missing: What is still to be filled, by slot.
    """

    filled: tuple[tuple[str, str], ...]
    missing: tuple[Slot, ...]

    @property
    def is_complete(self) -> bool:
        """Whether there is a quorum; a quorum of nobody is none."""
        return bool(self.filled) and not self.missing

    @property
    def stage(self) -> int:
        """The first stage with something missing; where nothing is, beyond all of them."""
        return min((slot.stage for slot in self.missing), default=LAST_STAGE)


LAST_STAGE = 99
"""Beyond all stages that a policy can name."""


def assign(
    slots: Sequence[Slot],
    candidates: Mapping[str, frozenset[str]],
    stages: Mapping[str, int] | None = None,
) -> Assignment:
    """Fill as many slots as possible with distinct persons, those of early stages first.

    A maximum bipartite matching by augmenting paths (Berge 1957), from the side of the slots: a
    slot once filled stays so, whoever moves. So no choice made for an early stage costs a late
    one anything, and whatever quorum there is, is found.

    Args:
        slots: What is needed.
        candidates: Person id to the roles of that person. Their order does not matter.
        stages: Person id to the last stage of which they may fill a slot; any, where not given.
    """
    seating = _Seating(slots, candidates, stages or {})
    for place in sorted(range(len(slots)), key=lambda place: slots[place].stage):
        seating.fill(place)
    return Assignment(
        tuple(
            (slot.who, person)
            for slot, seated in zip(slots, seating.seated, strict=True)
            for person in sorted(seated)
        ),
        tuple(
            dataclasses.replace(slot, count=slot.count - len(seated))
            for slot, seated in zip(slots, seating.seated, strict=True)
            if slot.count > len(seated)
        ),
    )


def can_be_filled(slots: Sequence[Slot], people: Mapping[str, frozenset[str]]) -> bool:
    """Whether these people are enough, and different enough, to fill all of ``slots``."""
    return assign(slots, people).is_complete


class _Seating:
    """Who sits where while an assignment is being found."""

    def __init__(
        self,
        slots: Sequence[Slot],
        candidates: Mapping[str, frozenset[str]],
        stages: Mapping[str, int],
    ) -> None:
        self.slots = slots
        self.seated: list[list[str]] = [[] for _ in slots]
        self.place_of: dict[str, int] = {}
        people = sorted(candidates)
        self.able = [
            [
                person
                for person in people
                if slot.suits(person, candidates[person])
                and slot.stage <= stages.get(person, LAST_STAGE)
            ]
            for slot in slots
        ]

    def fill(self, place: int) -> None:
        """Seat as many persons as a slot takes, moving others if need be."""
        while len(self.seated[place]) < self.slots[place].count:
            if not self._seat_one(place):
                return

    def _seat_one(self, wanted: int) -> bool:
        goes: dict[str, int] = {}  # for each person reached: to which slot they would go
        leaver: dict[int, str] = {}  # for each slot reached: who would leave it
        to_visit = deque([wanted])
        while to_visit:
            place = to_visit.popleft()
            for person in self.able[place]:
                if person in goes or self.place_of.get(person) == place:
                    continue
                goes[person] = place
                sits_at = self.place_of.get(person)
                if sits_at is None:
                    self._move(person, goes, leaver)
                    return True
                if sits_at != wanted and sits_at not in leaver:
                    leaver[sits_at] = person
                    to_visit.append(sits_at)
        return False

    def _move(self, free: str, goes: Mapping[str, int], leaver: Mapping[int, str]) -> None:
        """Seat somebody free; who has to make room for that moves on, as far as it goes."""
        person: str | None = free
        while person is not None:
            place = goes[person]
            makes_room = leaver.get(place)
            if makes_room is not None:
                self.seated[place].remove(makes_room)
            self.seated[place].append(person)
            self.place_of[person] = place
            person = makes_room
