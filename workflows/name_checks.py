"""Asking a bank who holds an account, before anybody is asked to trust it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from connectors.base import (
    Capability,
    Connector,
    ConnectorError,
    Creditor,
    NameMatch,
    NameResult,
)
from workflows.lookalikes import Caution
from workflows.payee_changes import Checked

log = structlog.get_logger(__name__)

PATIENCE = 2.0
"""Seconds a person waits for it with their form; what is not known by then is unknown."""

_LONGEST_NAME = 140
_CAUTIONS = {
    NameResult.CLOSE: "payee_name_close",
    NameResult.NO_MATCH: "payee_name_other",
}


async def check(
    connectors: Mapping[str, Connector], creditor: Creditor, *, patience: float = PATIENCE
) -> Checked | None:
    """Return what a bank says of an account's holder; None where no connection can ask.

    A bank that fails or is late has not said anything: that is no reason to stop anybody.
    """
    asked = next(
        (each for each in connectors.values() if Capability.NAME_CHECK in each.capabilities), None
    )
    if asked is None:
        return None
    try:
        found = await asyncio.wait_for(asked.check_name(creditor), patience)
    except (ConnectorError, TimeoutError) as error:
        log.warning("name not checked", connector=asked.name, error=str(error))
        found = NameMatch(NameResult.UNKNOWN)
    name = "".join(c for c in " ".join(found.name.split()) if c.isprintable())[:_LONGEST_NAME]
    code = _CAUTIONS.get(found.result)
    caution = Caution(code, {"name": name or "—"}) if code else None
    return Checked(str(found.result), name, caution)
