"""Asking for a payment: everything that must be right before policy is even asked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from sqlalchemy import Connection

from connectors.base import Creditor
from connectors.money import MAX_MINOR, Money
from workflows import (
    audit,
    calendars,
    kept_files,
    orders,
    payee_history,
    payees,
    policy_facts,
    recurrence,
    running,
)
from workflows.company import Company, OwnAccount
from workflows.matching import assign
from workflows.orders import Order, OrderState
from workflows.people import Person
from workflows.policy import Kind, PayeeStanding, Verdict
from workflows.recurrence import Repeats
from workflows.refusal import Refusal
from workflows.visible_text import clean_text

LONGEST_NAME = 70
LONGEST_REMITTANCE = 140
LATEST_EXECUTION = timedelta(days=366)
CHANGED_LATELY = timedelta(days=30)
"""For so long after a change of bank details approvers are told of it."""
MOST_CAUTIONS = 3


@dataclass(frozen=True, slots=True)
class Payment:
    """What a person asks for, as they said it.

    Attributes:
        account_id: Debtor account.
        payee_id: A payee of the register; then ``name`` and ``iban`` are not given.
        name: Creditor's name, for a payee who is not in the register.
        iban: Creditor's account, for a payee who is not in the register.
        execution_date: In the account's calendar; None for as soon as possible.
        is_no_duplicate: The person has seen the equal recent payment and means another one.
        available: What the account has, where the bank could be asked; None where it could not.
        files: Ids of kept files of the person's, such as the invoice.
        kind: What sort of payment it is; one between own accounts is internal whatever is said.
        repeats: How it comes again; it is the first of a series then.
        series_id: The first order of the series that it is a later payment of.
        occurrence: Which payment of that series it is.
    """

    account_id: str
    amount: Money
    payee_id: str | None = None
    name: str = ""
    iban: str = ""
    remittance: str = ""
    execution_date: date | None = None
    is_no_duplicate: bool = False
    available: Money | None = None
    files: tuple[str, ...] = ()
    kind: Kind = Kind.SINGLE
    repeats: Repeats | None = None
    series_id: str | None = None
    occurrence: int | None = None


def request(
    connection: Connection,
    company: Company,
    person: Person,
    payment: Payment,
    *,
    key: str,
    now: datetime,
    origin_channel: str | None = None,
) -> Order:
    """Check a payment, ask the policy, and store the order; the same ``key`` gives the same order.

    Raises:
        Refusal: with the field it is about; nothing is stored. ``request.key_reused`` where the
            key was another payment's: whoever asks must not take that one for theirs.
    """
    if (existing := orders.by_request_key(connection, key)) is not None:
        if not _is_for(existing, payment):
            raise Refusal("request.key_reused", order=existing.id)
        return existing
    order = _checked(connection, company, person, payment, now)
    order_id, end_to_end_id = _ids(connection, payment)
    order = replace(
        order,
        id=order_id,
        end_to_end_id=end_to_end_id,
        request_key=key,
        origin_channel=origin_channel,
    )
    order = _sealed(connection, company, order, payment, now)
    kept_files.bind(connection, order.files, order.id)
    orders.insert_new(connection, order, facts=_facts(order))
    running.keep(connection, order, actor=person.id, now=now)
    return order


def _ids(connection: Connection, payment: Payment) -> tuple[str, str]:
    """Return the ids of a new order: order id and end-to-end id."""
    if payment.series_id is not None:
        first = orders.get(connection, payment.series_id)
        return orders.following_id(first, payment.occurrence or 0)
    order_id = orders.new_id()
    return order_id, orders.end_to_end_id(order_id)


def draft(
    connection: Connection, company: Company, person: Person, payment: Payment, *, now: datetime
) -> Order:
    """Return the order that `request` would store, without an identity; nothing is stored.

    Raises:
        Refusal: as `request`.
    """
    order = _checked(connection, company, person, payment, now)
    return _sealed(connection, company, order, payment, now)


def account_for(company: Company, name: str, currency: str) -> OwnAccount:
    """Return the account a person means by ``name``; by its currency where no name is given.

    Raises:
        Refusal: ``account.unknown`` or ``account.none_in_currency``.
    """
    accounts = company.accounts
    if name:
        wanted = name.casefold()
        for own in accounts.values():
            if wanted in (own.id.casefold(), own.name.casefold()):
                return own
        known = ", ".join(accounts)
        raise Refusal("account.unknown", field="account", account=name[:40], known=known)
    found = company.account_in(currency)
    if found is None:
        held = sorted({own.account.currency for own in accounts.values()})
        raise Refusal("account.none_in_currency", currency=currency, held=", ".join(held))
    return found


def amend(
    connection: Connection,
    company: Company,
    person: Person,
    order_id: str,
    payment: Payment,
    *,
    version: int,
    now: datetime,
) -> Order:
    """Change a pending order into a new version; what was approved before counts no more.

    Args:
        version: The one the person had before them. When it has become the next one, and that says
            what is asked for now, this is the same change told twice, and done already.

    Raises:
        Refusal: ``order.not_yours``, ``order.not_pending``, ``order.stale``,
            ``series.of_another``, ``series.has_begun``, or what `request` raises.
    """
    before = orders.get(connection, order_id)
    if before.requester_id != person.id:
        raise Refusal("order.not_yours", order=order_id)
    if before.version == version + 1 and _is_for(before, payment):
        return before
    if before.state != OrderState.PENDING:
        raise Refusal("order.not_pending", order=order_id, state=before.state)
    if before.version != version:
        raise Refusal("order.stale", order=order_id, version=before.version)
    if before.series_id is not None and payment.repeats is not None:
        raise Refusal("series.of_another", field="every", first=before.series_id)
    if before.repeats is not None and orders.has_followers(connection, before):
        raise Refusal("series.has_begun", order=order_id)
    fresh = _checked(connection, company, person, payment, now)
    after = replace(
        fresh,
        id=before.id,
        version=before.version + 1,
        revision=before.revision,
        end_to_end_id=before.end_to_end_id,
        request_key=before.request_key,
        origin_channel=before.origin_channel,
        created_at=before.created_at,
        series_id=before.series_id,
        occurrence=before.occurrence,
    )
    after = _sealed(connection, company, after, payment, now)
    kept_files.bind(connection, after.files, after.id)
    running.keep(connection, after, actor=person.id, now=now)
    return orders.change(
        connection,
        before,
        OrderState.PENDING,
        now=now,
        actor=person.id,
        kind="order.amended",
        facts={"before": _facts(before), "after": _facts(after)},
        values={name: getattr(after, name) for name in _AMENDED},
    )


def _is_for(order: Order, payment: Payment) -> bool:
    """Whether an order is for exactly this payment, apart from what is attached."""
    remittance = clean_text(payment.remittance, field="reference", longest=LONGEST_REMITTANCE)
    if payment.payee_id is None and checked_iban(payment.iban) != order.creditor_iban:
        return False
    return (
        (order.account_id, order.amount) == (payment.account_id, payment.amount)
        and (order.payee_id or None) == (payment.payee_id or None)
        and (order.recurrence, order.remittance) == (payment.repeats, remittance)
        # Where no day is said, a series begins on the day it is asked for.
        and (
            order.execution_date == payment.execution_date
            or (payment.execution_date is None and payment.repeats is not None)
        )
        and order.kind in (payment.kind, Kind.INTERNAL)
    )


_AMENDED = (
    "version",
    "digest",
    "account_id",
    "debtor_iban",
    "connector",
    "payee_id",
    "creditor_name",
    "creditor_iban",
    "creditor_bic",
    "creditor_country",
    "amount_minor",
    "currency",
    "remittance",
    "execution_date",
    "verdict",
    "risks",
    "attachments",
    "expires_at",
    "kind",
    "versioned_at",
    "repeats",
)


def cancel(connection: Connection, person: Person, order_id: str, *, now: datetime) -> Order:
    """Withdraw one's own request before it is released.

    From then on the institution may have it, and only what it says makes a payment cancelled;
    see `workflows.instructions.ask_back`.

    Raises:
        Refusal: ``order.not_yours`` or ``order.too_late``.
    """
    order = orders.get(connection, order_id)
    if order.requester_id != person.id:
        raise Refusal("order.not_yours", order=order_id)
    if order.state not in (OrderState.PENDING, OrderState.APPROVED):
        raise Refusal("order.too_late", order=order_id, state=order.state)
    return orders.change(
        connection,
        order,
        OrderState.CANCELLED,
        now=now,
        actor=person.id,
        kind="order.cancelled",
    )


def expire_due(connection: Connection, *, now: datetime) -> int:
    """Close every request whose time has run out; return how many."""
    due = [
        each for each in orders.in_states(connection, OrderState.PENDING) if each.expires_at <= now
    ]
    for order in due:
        orders.change(
            connection,
            order,
            OrderState.EXPIRED,
            now=now,
            actor=audit.SYSTEM,
            kind="order.expired",
        )
    return len(due)


def checked_iban(text: str, *, field: str = "iban") -> str:
    """Return an IBAN without spaces, in capitals.

    Raises:
        Refusal: ``iban.invalid``.
    """
    try:
        return str(IBAN(text[:64], validate_bban=False))
    except SchwiftyException:
        raise Refusal("iban.invalid", field=field, iban=text[:42]) from None


def _checked(
    connection: Connection, company: Company, person: Person, payment: Payment, now: datetime
) -> Order:
    """Return an order without identity and verdict, all of whose fields are right."""
    if not person.roles & company.permissions.request:
        raise Refusal("request.not_allowed", roles=", ".join(sorted(company.permissions.request)))
    own = company.accounts.get(payment.account_id)
    if own is None:
        raise Refusal("account.unknown", field="account", account=payment.account_id[:40])
    _check_amount(own, payment.amount)
    creditor = _creditor(connection, payment)
    if creditor.iban == own.account.iban:
        raise Refusal("payee.same_account", field="payee")
    wanted = _execution_date(own, payment, now)
    _check_date(own, wanted, now)
    _check_series(own, payment, wanted)
    return Order(
        id="",
        version=1,
        revision=1,
        state=OrderState.PENDING,
        digest="",
        request_key="",
        requester_id=person.id,
        account_id=own.id,
        debtor_iban=own.account.iban,
        connector=own.connector,
        payee_id=payment.payee_id,
        creditor_name=creditor.name,
        creditor_iban=creditor.iban,
        creditor_bic=creditor.bic,
        creditor_country=creditor.country,
        amount_minor=payment.amount.minor,
        currency=payment.amount.currency,
        remittance=clean_text(payment.remittance, field="reference", longest=LONGEST_REMITTANCE),
        execution_date=wanted,
        end_to_end_id="",
        verdict="",
        risks="[]",
        attachments=_attachments(connection, person, payment),
        origin_channel=None,
        reason_code=None,
        reason_text=None,
        created_at=now,
        expires_at=now,
        updated_at=now,
        kind=_kind(company, creditor, payment.kind),
        versioned_at=orders.next_instant(connection, now),
        release_after=None,
        repeats=payment.repeats.to_json() if payment.repeats else None,
        series_id=payment.series_id,
        occurrence=payment.occurrence,
    )


def _kind(company: Company, creditor: Creditor, said: Kind) -> Kind:
    """Return the kind of a payment: to an own account it is internal, to others it never is."""
    if any(own.account.iban == creditor.iban for own in company.accounts.values()):
        return Kind.INTERNAL
    return Kind.SINGLE if said is Kind.INTERNAL else said


def _attachments(connection: Connection, person: Person, payment: Payment) -> str:
    files = kept_files.own(connection, person, payment.files)
    return json.dumps([asdict(each) for each in files], ensure_ascii=False)


def _check_amount(own: OwnAccount, amount: Money) -> None:
    if amount.minor <= 0:
        raise Refusal("amount.not_positive", field="amount")
    if amount.currency != own.account.currency:
        raise Refusal(
            "account.currency",
            field="account",
            account=own.name,
            held=own.account.currency,
            asked=amount.currency,
        )


def _check_date(own: OwnAccount, wanted: date | None, now: datetime) -> None:
    if wanted is None:
        return
    today = now.astimezone(ZoneInfo(own.account.timezone)).date()
    if wanted < today:
        raise Refusal("date.past", field="date", today=today.isoformat())
    if wanted > today + LATEST_EXECUTION:
        raise Refusal("date.too_far", field="date", latest=(today + LATEST_EXECUTION).isoformat())
    calendars.check_execution(own.calendar, wanted)


def _execution_date(own: OwnAccount, payment: Payment, now: datetime) -> date | None:
    """Return when a payment is to be executed: a series has a day on which it begins."""
    if payment.execution_date is None and payment.repeats is not None:
        today = now.astimezone(ZoneInfo(own.account.timezone)).date()
        return calendars.payable_on(own.calendar, today) or today
    return payment.execution_date


def _check_series(own: OwnAccount, payment: Payment, first: date | None) -> None:
    """Refuse a series that is none, or goes too far."""
    if payment.repeats is None or first is None:
        return
    latest = first + recurrence.LONGEST
    if payment.repeats.until > latest:
        raise Refusal("series.too_long", field="until", latest=latest.isoformat())
    dates = payment.repeats.dates(first)
    if len(dates) == 1:
        raise Refusal("series.only_one", field="until", first=first.isoformat())
    if payment.amount.minor * len(dates) > MAX_MINOR:
        raise Refusal("amount.too_large", field="amount", currency=payment.amount.currency)


def _creditor(connection: Connection, payment: Payment) -> Creditor:
    if payment.payee_id is not None:
        payee = payees.get(connection, payment.payee_id)
        if payee is None:
            raise Refusal("payee.unknown", field="payee", payee=payment.payee_id[:70])
        return Creditor(payee.name, payee.iban, payee.bic, payee.country)
    name = clean_text(payment.name, field="name", longest=LONGEST_NAME)
    if not name:
        raise Refusal("payee.missing", field="payee")
    iban = checked_iban(payment.iban)
    return Creditor(name, iban, country=iban[:2])


def _sealed(
    connection: Connection, company: Company, order: Order, payment: Payment, now: datetime
) -> Order:
    """Return ``order`` with verdict, risks, expiry and digest; refuse what may not be asked."""
    _check_funds(connection, company, order, payment.available)
    risks = _risks(connection, company, order, payment, now)
    verdict = _verdict(connection, company, order)
    order = replace(
        order,
        verdict=verdict.to_json(),
        risks=json.dumps(risks),
        expires_at=now + verdict.expires_after,
        updated_at=now,
    )
    return replace(order, digest=orders.digest_of(order))


def _check_funds(
    connection: Connection, company: Company, order: Order, available: Money | None
) -> None:
    if available is None:
        return
    own = company.accounts[order.account_id]
    today = order.versioned_at.astimezone(ZoneInfo(own.account.timezone)).date()
    by = order.execution_date or today
    free = available.minor - orders.committed_minor(connection, order.account_id, by)
    if order.amount_minor <= free:
        return
    person = company.directory.get(order.requester_id)
    if person is not None and person.roles & own.viewers:
        shown = str(Money(free, order.currency))
        raise Refusal("funds.insufficient", field="amount", account=own.name, free=shown)
    raise Refusal("funds.insufficient_hidden", field="amount", account=own.name)


def _risks(
    connection: Connection, company: Company, order: Order, payment: Payment, now: datetime
) -> list[str]:
    risks = []
    equal = orders.twin(connection, order, since=now - company.duplicate_window)
    if equal is not None:
        if not payment.is_no_duplicate:
            raise Refusal(
                "duplicate.recent",
                field="duplicate",
                order=equal.id,
                state=equal.state,
                at=equal.created_at.isoformat(),
            )
        risks.append("duplicate")
    if payment.available is None:
        risks.append("funds_unchecked")
    risks += _payee_risks(connection, company, order)
    if policy_facts.is_split(connection, company, order):
        risks.append("near_split")
    if payee_history.of_order(connection, order).is_exceeded_by(order.amount):
        risks.append("far_above_usual")
    return risks


def _payee_risks(connection: Connection, company: Company, order: Order) -> list[str]:
    """Return what is odd about whom the money goes to; whom they could be taken for by name."""
    risks = []
    known = policy_facts.profile_of(connection, company, order)
    if known.standing is PayeeStanding.NEW:
        risks.append("payee_new")
    if known.changed_at and order.versioned_at - known.changed_at < CHANGED_LATELY:
        risks.append("payee_changed")
    if order.payee_id is None:
        found = payees.warnings(connection, order.creditor_name, order.creditor_iban)
        risks += [f"{each.code}:{each.params.get('name', '')}" for each in found[:MOST_CAUTIONS]]
    return risks


def _verdict(connection: Connection, company: Company, order: Order) -> Verdict:
    person = company.directory.get(order.requester_id)
    assert person is not None
    facts = policy_facts.facts_of(connection, company, order, person)
    verdict = company.policy.evaluate(facts, policy_facts.rates_of(company, order))
    if not verdict.is_allowed:
        if verdict.refused_by is None and verdict.base_amount is None and verdict.matched:
            raise Refusal("policy.no_rate", currency=order.currency)
        if verdict.refused_by is None:
            raise Refusal("policy.no_rule")
        raise Refusal("policy.refused", rule=verdict.refused_by)
    others = {each.id: each.roles for each in company.directory if each.id not in verdict.excluded}
    missing = assign(verdict.slots, others).missing
    if missing:
        raise Refusal("policy.unfillable", role=missing[0].who, count=missing[0].count)
    return verdict


def _facts(order: Order) -> dict[str, object]:
    """Return what the record keeps of an order's content."""
    return {
        "version": order.version,
        "digest": order.digest,
        "account": order.account_id,
        "debtor_iban": order.debtor_iban,
        "connector": order.connector,
        "creditor_name": order.creditor_name,
        "creditor_iban": order.creditor_iban,
        "amount": str(order.amount),
        "execution_date": order.execution_date.isoformat() if order.execution_date else None,
        "remittance": order.remittance,
        "kind": order.kind,
        **({"repeats": order.repeats} if order.repeats else {}),
        **(
            {"series_id": order.series_id, "occurrence": order.occurrence}
            if order.series_id
            else {}
        ),
        "end_to_end_id": order.end_to_end_id,
        "policy_hash": order.policy_verdict.policy_hash,
        "rules": list(order.policy_verdict.matched),
        "risks": list(order.risk_codes),
        "attachments": [{"name": each.name, "sha256": each.sha256} for each in order.files],
    }
