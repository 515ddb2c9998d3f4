"""Requests and answers of the API, apart from HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sandbox.bank.authorisations import PSU_MESSAGE, Authorisation
from sandbox.bank.instructions import format_error
from sandbox.bank.rules import Refusal

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)


@dataclass(frozen=True)
class Call:
    """A request that passed the door: identified, signed where it has to be, well-formed.

    Attributes:
        headers: By lower-case name.
        parts: The variable parts of the path.
    """

    parts: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """``X-Request-ID``."""
        return self.headers["x-request-id"]

    @property
    def is_attended(self) -> bool:
        """Whether the user asked for it himself: only then is his IP address given."""
        return "psu-ip-address" in self.headers

    def prefers(self, header: str) -> bool:
        """Return a ``TPP-…-Preferred`` header, checked at the door; absent is false."""
        return self.headers.get(header) == "true"

    def json(self) -> Any:
        """Return the body; raises `Refusal` when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise format_error("body", "must be JSON") from None

    def day(self, name: str) -> date | None:
        """Return a date of the query; raises `Refusal` when it is none."""
        text = self.query.get(name)
        if text is None:
            return None
        try:
            if not _DAY.fullmatch(text):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            raise format_error(name, "must be a date") from None

    def number(self, name: str, otherwise: int, least: int = 0) -> int:
        """Return a number of the query; raises `Refusal` when it is none or too small."""
        text = self.query.get(name, str(otherwise))
        if not _NUMBER.fullmatch(text) or int(text) < least:
            raise format_error(name, f"must be a number from {least}")
        return int(text)

    def flag(self, name: str) -> bool:
        """Return a boolean of the query, false when absent; raises `Refusal`."""
        text = self.query.get(name, "false")
        if text not in ("true", "false"):
            raise format_error(name, "must be true or false")
        return text == "true"


@dataclass(frozen=True)
class Answer:
    """What is answered, before it is signed or spoiled; ``Location`` and links are paths."""

    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


Operation = Callable[[Call], Answer]


def links(places: Mapping[str, str]) -> dict[str, Any]:
    """Return a ``_links`` object."""
    return {name: {"href": place} for name, place in places.items()}


def with_sca(place: str, waiting: Iterable[str], needs_sca: bool) -> dict[str, Any]:
    """Return the ``_links`` of a resource just made: how it is authorised, if it has to be.

    Args:
        place: Path of the resource.
        waiting: Ids of the authorisations the bank has started itself.
        needs_sca: Whether it has to be authorised.
    """
    places = {"self": place, "status": f"{place}/status"}
    if needs_sca:
        started = next(iter(waiting), None)
        if started is None:
            places["startAuthorisation"] = f"{place}/authorisations"
        else:
            places["scaStatus"] = f"{place}/authorisations/{started}"
    return links(places)


def created(place: str, body: dict[str, Any], needs_sca: bool) -> Answer:
    """Return the answer to a POST that made the resource at ``place``."""
    headers = {"Location": place}
    if needs_sca:
        headers["ASPSP-SCA-Approach"] = "DECOUPLED"
        body = {**body, "psuMessage": PSU_MESSAGE}
    return Answer(201, body, headers)


def sca_started(started: Authorisation, place: str) -> Answer:
    """Return the answer to a POST to an ``authorisations`` end-point at ``place``."""
    body = {
        "scaStatus": started.status,
        "authorisationId": started.id,
        "psuMessage": PSU_MESSAGE,
        "_links": links({"scaStatus": f"{place}/{started.id}"}),
    }
    return Answer(201, body, {"ASPSP-SCA-Approach": "DECOUPLED"})


def sca_list(authorisations: Mapping[str, Authorisation]) -> Answer:
    """Return the answer to a GET of an ``authorisations`` end-point."""
    return Answer(200, {"authorisationIds": list(authorisations)})


def sca_status(authorisations: Mapping[str, Authorisation], call: Call) -> Answer:
    """Return the answer to a GET of one authorisation."""
    found = authorisations.get(call.parts["authorisation"])
    if found is None:
        raise Refusal(404, "RESOURCE_UNKNOWN", "no such authorisation")
    body: dict[str, Any] = {"scaStatus": found.status}
    if not found.is_final:
        body["psuMessage"] = PSU_MESSAGE
    return Answer(200, body)
