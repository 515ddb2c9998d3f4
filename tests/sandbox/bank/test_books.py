"""Money never appears or vanishes, whatever happens in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.bank import Account, Bank, NoFunds, Phone, Sca
from sandbox.bank.instructions import InstructionReader
from sandbox.bank.money import amount, exponent, to_minor
from sandbox.bank.payments import Payment
from sandbox.bank.rules import Refusal
from tests.sandbox.bank.conftest import CREDITOR, EUR, USD, payment

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
PRODUCT = "sepa-credit-transfers"
STEPS = ("pay", "own", "look", "confirm", "decline", "cancel", "settle", "return", "wait", "in")


def attempt(bank: Bank, step: str, number: int, clock: list[datetime]) -> None:
    """Do one thing to the bank; what is not possible now is refused and changes nothing."""
    payments: list[Payment] = list(bank.payments.all.values())
    chosen = payments[number % len(payments)] if payments else None
    if step in ("pay", "own"):
        reader = InstructionReader(bank.accounts, extended_characters=False)
        body = payment(
            creditorAccount={"iban": USD if step == "own" else CREDITOR},
            instructedAmount=amount(number + 1, "EUR"),
        )
        order = reader.read(PRODUCT, body, bank.books.day(bank.now()))
        bank.payments.create(order, "id", starts_sca=number % 2 == 0, refuses_no_funds=False)
    elif step == "wait":
        clock[0] += timedelta(minutes=number % 20)
        bank.advance()
    elif step == "in":
        bank.credit(EUR, number, "A. Saver", "in")
    elif chosen is not None:
        acts: dict[str, Any] = {
            "look": lambda: bank.payments.look(chosen),
            "confirm": lambda: bank.confirm(chosen.id),
            "decline": lambda: bank.decline(chosen.id),
            "cancel": lambda: bank.payments.cancel(chosen),
            "settle": lambda: bank.settle(chosen.id),
            "return": lambda: bank.return_payment(chosen.id),
        }
        acts[step]()


@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 60_000)), max_size=25),
    st.sampled_from(NoFunds),
    st.sampled_from(Phone),
)
def test_every_cent_is_accounted_for(
    steps: list[tuple[str, int]], no_funds: NoFunds, phone: Phone
) -> None:
    clock = [START]
    bank = Bank(
        open_accounts=[Account(EUR, "EUR", "Example", 1_000_00), Account(USD, "EUR", "Example")],
        now=lambda: clock[0],
        no_funds=no_funds,
        sca=Sca(phone),
    )
    came_in = 0
    for step, number in steps:
        try:
            attempt(bank, step, number, clock)
            came_in += number if step == "in" else 0
        except (Refusal, ValueError, LookupError):
            pass

    for account in bank.accounts.values():
        assert account.available >= 0 or account.iban == USD  # returned after it was spent
    gone = sum(done.amount for done in bank.ledger if done.returned_at is None)
    own = sum(
        done.amount
        for done in bank.ledger
        if done.returned_at is None and done.creditor_iban == USD
    )
    assert bank.accounts[EUR].booked == 1_000_00 + came_in - gone
    assert bank.accounts[USD].booked == own
    executed = [done.payment_id for done in bank.ledger]
    assert len(executed) == len(set(executed))
    settled = {p.id for p in bank.payments.all.values() if p.status == "ACSC"}
    assert settled == set(executed)
    still_going = {p.id for p in bank.payments.all.values() if p.is_open}
    for account in bank.accounts.values():
        assert set(account.reserved) <= still_going
        shown = account.shown(clock[0])
        assert account.opening + sum(e.amount for e in shown) == account.booked_by(clock[0])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


def refusal_of(reader: InstructionReader, product: str, body: Any) -> Refusal | None:
    try:
        reader.read(product, body, START.date())
    except Refusal as refusal:
        return refusal
    return None


@given(st.sampled_from([*payment(), "creditorAgent", "creditorAddress", "chargeBearer"]), JSON)
def test_a_wrong_element_is_refused_and_never_crashes(name: str, value: Any) -> None:
    reader = InstructionReader({EUR: Account(EUR, "EUR", "Example")}, extended_characters=False)
    for product in (PRODUCT, "cross-border-credit-transfers"):
        refusal = refusal_of(reader, product, payment() | {name: value})
        assert refusal is None or refusal.status in (400, 403)


@given(JSON)
def test_any_body_is_refused_and_never_crashes(body: Any) -> None:
    refusal = refusal_of(InstructionReader({}, extended_characters=False), PRODUCT, body)
    assert refusal is not None
    assert refusal.code == "FORMAT_ERROR"


@given(st.integers(0, 10**13), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_amounts_survive_the_way_there_and_back(minor: int, currency: str) -> None:
    written = amount(minor, currency)
    assert to_minor(written["amount"], currency) == minor
    assert len(written["amount"].partition(".")[2]) == exponent(currency)
