"""The kinds of connections there are. A new connector is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.api.berlin_group import BerlinGroup
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.base import Connector, ConnectorSettings, ConnectorState


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of connection.

    Attributes:
        settings: Model of its settings; the fields' descriptions document them for people.
        connector: Makes the connector from the arguments of `build`.
    """

    settings: type[ConnectorSettings]
    connector: Callable[..., Connector]


KINDS: Mapping[str, Kind] = {
    "berlin_group": Kind(BerlinGroupSettings, BerlinGroup),
}
"""By the ``type`` that settings give."""


def build(
    name: str,
    settings: ConnectorSettings,
    state: ConnectorState,
    now: Callable[[], datetime],
) -> Connector:
    """Make the connector that ``settings`` describe.

    Args:
        name: The connection's name in settings.
        settings: An instance of one of the models in `KINDS`.
        state: What the connector may remember between runs.
        now: Aware UTC time.

    Raises:
        Misconfigured: A file that the settings name cannot be used.
        TypeError: ``settings`` are of no known kind.
    """
    for kind in KINDS.values():
        if type(settings) is kind.settings:
            return kind.connector(name, settings, state, now)
    raise TypeError(f"{name}: no such kind of connection: {type(settings).__name__}")
