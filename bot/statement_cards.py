"""Cards about accounts, and about all that happened to an order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot import story, wording
from bot.cards import Card, Fact, Tone
from bot.wording import OrderView, Reader
from connectors.money import Money
from workflows.audit import Entry
from workflows.balances import Reading

_STORY_LINES = 30


def balance_card(
    reader: Reader, readings: Sequence[Reading], now: datetime, *, is_private: bool = False
) -> Card:
    """Return balances per account and in total; what is not fresh says how old it is and why.

    Args:
        is_private: Whether only one person sees it, which it then says.
    """
    say = reader.say
    as_of = "balance.as_of_private" if is_private else "balance.as_of"
    stale = [each for each in readings if not each.is_fresh]
    return Card(
        title=say("balance.title"),
        tone=Tone.WAITING if stale else Tone.NEUTRAL,
        facts=tuple(_balance_fact(reader, each) for each in readings),
        lines=(
            *_total_lines(reader, readings),
            *(_stale_line(reader, each) for each in stale),
        ),
        notes=(say(as_of, at=reader.instant(now)),),
    )


def _balance_fact(reader: Reader, reading: Reading) -> Fact:
    own = reader.company.accounts[reading.account_id]
    available = reading.available or reading.booked
    if available is None:
        return Fact(own.name, reader.say("balance.unknown"))
    text = reader.money(available)
    if reading.booked is not None and reading.booked != available:
        text += "\n" + reader.say("balance.booked", amount=reader.money(reading.booked))
    return Fact(own.name, text)


def _total_lines(reader: Reader, readings: Sequence[Reading]) -> list[str]:
    """Return the total in the base currency, and what is left out of it."""
    total = Money(0, reader.company.base_currency)
    left_out = []
    for each in readings:
        held = each.available or each.booked
        in_base = reader.company.rates.to_base(held) if held is not None else None
        if in_base is None:
            left_out.append(reader.company.accounts[each.account_id].name)
        else:
            total += in_base
    if len(readings) < 2:
        return []
    lines = [reader.say("balance.total", amount=reader.money(total))]
    if left_out:
        lines.append(reader.say("balance.left_out", accounts=", ".join(left_out)))
    return lines


def _stale_line(reader: Reader, reading: Reading) -> str:
    own = reader.company.accounts[reading.account_id]
    reason = reader.messages.reason(reader.language, reading.error or "bank.silent")
    if reading.at is None:
        return reader.say("balance.none_yet", account=own.name, reason=reason)
    return reader.say(
        "balance.stale", account=own.name, at=reader.instant(reading.at), reason=reason
    )


def story_card(reader: Reader, view: OrderView, entries: Sequence[Entry]) -> Card:
    """Return an order's card with everything that happened to it, oldest first."""
    card = wording.order_card(reader, view)
    told = [
        f"{reader.instant(entry.at)}  {line}"
        for entry in entries
        if (line := story.full_line(reader, entry)) is not None
    ]
    return Card(
        title=card.title,
        tone=card.tone,
        facts=(*card.facts, Fact(reader.say("label.end_to_end_id"), view.order.end_to_end_id)),
        lines=(*card.lines, reader.say("story.heading"), *told[-_STORY_LINES:]),
        notes=(
            *card.notes,
            reader.say(
                "story.evidence",
                digest=view.order.digest[:16],
                entry=entries[-1].seq if entries else 0,
            ),
        ),
        actions=card.actions,
    )


def home_balances(reader: Reader, readings: Sequence[Reading], now: datetime) -> Card:
    """Return balances as last known, for a person's own page."""
    balances = balance_card(reader, readings, now)
    return Card(
        title=balances.title,
        facts=balances.facts,
        lines=tuple(_total_lines(reader, readings)),
        notes=(reader.say("home.balances_note"),),
    )
