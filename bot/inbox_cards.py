"""A person's inbox as cards: what waits for them, by filter and page, and what they asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot import proposal_cards, wording
from bot.cards import Action, Card, Home, Tone
from bot.statement_cards import home_balances
from bot.views import PAGE, Inbox, Sought
from bot.wording import OrderView, Reader
from connectors.money import Money
from workflows.balances import Reading
from workflows.orders import Order

_WHOLE_ORDERS = 5
_WHOLE_PROPOSALS = 3
_MOST_ACCOUNTS = 4


def inbox_card(reader: Reader, inbox: Inbox) -> Card:
    """Return what waits for a person and what they asked for, as one card."""
    say = reader.say
    waiting = (*inbox.undecided, *inbox.awaiting)
    lines = [_waiting_line(reader, inbox)]
    lines += [brief(reader, view) for view in waiting]
    if inbox.sought.is_all:
        if inbox.proposals:
            lines.append(say("inbox.proposals", count=len(inbox.proposals)))
            lines += [proposal_cards.brief(reader, view) for view in inbox.proposals]
        lines += [say("inbox.asked", count=len(inbox.asked))]
        lines += [brief(reader, view) for view in inbox.asked]
    return Card(
        title=say("inbox.title"),
        tone=Tone.WAITING if waiting or inbox.proposals else Tone.NEUTRAL,
        lines=tuple(lines),
        notes=(say("inbox.hint"),),
        actions=(
            *bulk_actions(reader, inbox),
            *(_open(reader, view) for view in waiting),
            *(proposal_cards.open_action(reader, view) for view in inbox.proposals),
            *_filter_actions(reader, inbox),
            *_page_actions(reader, inbox),
        ),
    )


def _waiting_line(reader: Reader, inbox: Inbox) -> str:
    say, sought = reader.say, inbox.sought
    if sought.is_all and inbox.found <= PAGE:
        return say("inbox.awaiting", count=inbox.found + len(inbox.undecided))
    first = sought.page * PAGE + 1
    about = {"first": first, "last": first + len(inbox.awaiting) - 1, "count": inbox.found}
    line = say("inbox.some", **about) if inbox.awaiting else say("inbox.none_such")
    return line if sought.is_all else f"{_filter_label(reader, sought)} · {line}"


def bulk_actions(reader: Reader, inbox: Inbox) -> tuple[Action, ...]:
    """Return the button that approves several at once, where several wait."""
    if len(inbox.waiting) < 2:
        return ()
    return (Action("bulk", reader.say("action.bulk"), style="primary"),)


def _filter_actions(reader: Reader, inbox: Inbox) -> Iterator[Action]:
    """Return a button for everything that some of what waits has in common, but not all."""
    now = inbox.sought
    if not now.is_all:
        yield Action("inbox", reader.say("inbox.all"), Sought().text)
    for each in _filters(reader, inbox.waiting):
        if each != Sought(now.account, now.above, now.is_risky):
            yield Action("inbox", _filter_label(reader, each), each.text)


def _filters(reader: Reader, waiting: Sequence[Order]) -> Iterator[Sought]:
    accounts = sorted({each.account_id for each in waiting})
    found = [Sought(account=each) for each in accounts[:_MOST_ACCOUNTS]]
    edges = {rule.when.amount.low for rule in reader.company.policy.rules if rule.when.amount}
    found += [Sought(above=edge) for edge in sorted(edges, reverse=True) if edge > 0]
    found.append(Sought(is_risky=True))
    above = 0
    for each in found:
        count = sum(each.takes(reader.company, order) for order in waiting)
        if 0 < count < len(waiting) and not (each.above and above):
            above = above or each.above
            yield each


def _filter_label(reader: Reader, sought: Sought) -> str:
    if sought.account:
        own = reader.company.accounts.get(sought.account)
        return own.name if own else sought.account
    if sought.above:
        edge = Money(sought.above, reader.company.base_currency)
        return reader.say("inbox.from", amount=reader.money(edge))
    return reader.say("inbox.risky") if sought.is_risky else reader.say("inbox.all")


def _page_actions(reader: Reader, inbox: Inbox) -> Iterator[Action]:
    sought = inbox.sought
    if sought.page > 0:
        yield Action("inbox", reader.say("inbox.back"), sought.at(sought.page - 1).text)
    if (sought.page + 1) * PAGE < inbox.found:
        yield Action("inbox", reader.say("inbox.on"), sought.at(sought.page + 1).text)


def _open(reader: Reader, view: OrderView) -> Action:
    """Return the button that opens one of the payments of an inbox."""
    order = view.order
    label = reader.say("inbox.open", amount=reader.money(order.amount), payee=order.creditor_name)
    return Action("show", label, f"{order.id}:{order.version}")


def brief(reader: Reader, view: OrderView) -> str:
    """Return an order as a line of a list, with a mark where there is something to look at."""
    order = view.order
    mark = "⚠ " if order.risk_codes and not order.is_final else ""
    line = reader.say(
        "inbox.line",
        order=order.id,
        amount=reader.money(order.amount),
        payee=order.creditor_name,
        state=wording.state_line(reader, view),
    )
    return f"{line} {mark}".rstrip()


# ---- a page of one's own ------------------------------------------------------------------------


def home(
    reader: Reader,
    inbox: Inbox,
    readings: Sequence[Reading],
    now: datetime,
    further: Sequence[Card] = (),
) -> Home:
    """Return a person's page: what waits for them first, then balances, then their requests.

    Only the first few of what waits are shown whole, so that the rest has room as well.

    Args:
        further: What comes last: leave and who acts for whom, payments that come again.
    """
    say = reader.say
    waiting = (*inbox.undecided, *inbox.awaiting)
    count = inbox.found + len(inbox.undecided) + len(inbox.proposals)
    head = Card(
        title=say("home.title", name=reader.person.name if reader.person else ""),
        lines=(say("home.waiting", count=count),),
        actions=(
            *_pay_actions(reader),
            *bulk_actions(reader, inbox),
            *_filter_actions(reader, inbox),
        ),
    )
    cards = [head, *(_home_order(reader, view) for view in waiting[:_WHOLE_ORDERS])]
    cards += [
        proposal_cards.proposal_card(reader, view) for view in inbox.proposals[:_WHOLE_PROPOSALS]
    ]
    cards += _further(reader, inbox, waiting)
    if readings:
        cards.append(home_balances(reader, readings, now))
    if inbox.asked:
        lines = tuple(brief(reader, view) for view in inbox.asked)
        opened = tuple(_open(reader, view) for view in inbox.asked if not view.order.is_final)
        cards.append(
            Card(
                title=say("home.asked"), lines=lines, notes=(say("inbox.hint"),), actions=opened[:5]
            )
        )
    return Home((*cards, *further))


def _further(reader: Reader, inbox: Inbox, waiting: Sequence[OrderView]) -> list[Card]:
    """Return what else waits, a line each."""
    orders, proposals = waiting[_WHOLE_ORDERS:], inbox.proposals[_WHOLE_PROPOSALS:]
    if not orders and not proposals:
        return []
    return [
        Card(
            title=reader.say("home.further"),
            lines=(
                *(brief(reader, view) for view in orders),
                *(proposal_cards.brief(reader, view) for view in proposals),
            ),
            actions=(
                *(_open(reader, view) for view in orders[:5]),
                *(proposal_cards.open_action(reader, view) for view in proposals[:5]),
                *_page_actions(reader, inbox),
            ),
        )
    ]


def _pay_actions(reader: Reader) -> tuple[Action, ...]:
    person, say = reader.person, reader.say
    if person is not None and person.roles & reader.company.permissions.request:
        return (Action("pay", say("action.pay"), style="primary"),)
    return ()


def _home_order(reader: Reader, view: OrderView) -> Card:
    """Return an order as it stands in an inbox: enough to know it, buttons to deal with it."""
    card = wording.order_card(reader, view)
    wanted = {
        reader.say("label.payee"),
        reader.say("label.reference"),
        reader.say("label.account"),
        reader.say("label.requested_by"),
    }
    return Card(
        title=card.title,
        tone=card.tone,
        facts=tuple(fact for fact in card.facts if fact.label in wanted),
        lines=card.lines,
        notes=card.notes[-1:],
        actions=card.actions,
    )
