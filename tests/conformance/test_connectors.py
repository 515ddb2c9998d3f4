"""One suite that every connector has to pass, against its institution's simulator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest

from connectors.base import (
    BalanceType,
    Capability,
    ConnectorError,
    Indeterminate,
    Instruction,
    Misconfigured,
    NotSent,
    Outcome,
    Progress,
    Refused,
    Statement,
    Unsupported,
    Untrusted,
)
from connectors.money import Money
from tests.conformance.institution import ACTED, ALARMING, NOT_SENT, Fault, Institution

_ENOUGH = 20


@pytest.fixture(autouse=True)
def _nobody_breaks_the_protocol(institution: Institution) -> Iterator[None]:
    yield
    assert institution.complaints() == []


async def consented(institution: Institution) -> None:
    """Give the connector permission to read the account."""
    connector = institution.connector
    if Capability.CONSENT in connector.capabilities:
        consent = await connector.consent((institution.account,), institution.clock())
        if not consent.is_valid:
            institution.confirm()
        assert (await connector.consent((institution.account,), institution.clock())).is_valid


async def finished(institution: Institution, instruction: Instruction, outcome: Outcome) -> Outcome:
    """Follow a payment to its end as the workflow does."""
    for _ in range(_ENOUGH):
        if outcome.progress is not Progress.PENDING:
            return outcome
        if outcome.waiting_for_person is not None:
            institution.confirm()
        institution.complete()
        assert outcome.reference is not None
        outcome = await institution.connector.follow(instruction, outcome.reference)
    raise AssertionError(f"still {outcome}")


async def statement(institution: Institution) -> Statement:
    today = institution.clock().date()
    first = today - timedelta(days=3)
    document = await institution.connector.collect(institution.account, first, today)
    return institution.connector.convert(institution.account, document)


async def balance(institution: Institution, kind: BalanceType) -> Money:
    found = await institution.connector.balances(institution.account)
    return {balance.type: balance.amount for balance in found}[kind]


async def test_a_payment_from_the_first_byte_to_the_receipt(institution: Institution) -> None:
    await consented(institution)
    connector, instruction = institution.connector, institution.instruction()
    before = await balance(institution, BalanceType.BOOKED)
    assert before == Money(100_000_00, institution.account.currency)
    outcome = await connector.submit(instruction)
    assert outcome.progress is not Progress.REFUSED
    assert outcome.reference is not None
    if outcome.progress is Progress.PENDING:
        assert await connector.receipt(instruction, outcome.reference) is None
    final = await finished(institution, instruction, outcome)
    assert final.progress is Progress.SETTLED
    assert final.waiting_for_person is None
    assert institution.executed(instruction.end_to_end_id) == 1
    receipt = await connector.receipt(instruction, outcome.reference)
    assert receipt is not None
    assert receipt.content
    assert receipt.booked_on == institution.clock().date()
    after = await balance(institution, BalanceType.BOOKED)
    assert after == before - instruction.amount
    shown = await statement(institution)
    [entry] = [e for e in shown.entries if e.end_to_end_id == instruction.end_to_end_id]
    assert entry.amount == -instruction.amount
    assert entry.counterparty_account == institution.creditor.iban
    assert entry.counterparty_name == institution.creditor.name
    assert entry.remittance_information == instruction.remittance_information
    assert shown.closing == after


async def test_people_are_told_that_they_have_to_confirm(institution: Institution) -> None:
    instruction = institution.instruction()
    outcome = await institution.connector.submit(instruction)
    if outcome.waiting_for_person is None:
        pytest.skip("nobody confirms payments here")
    assert outcome.reference is not None
    again = await institution.connector.follow(instruction, outcome.reference)
    assert again.progress is Progress.PENDING
    assert again.waiting_for_person
    assert institution.executed(instruction.end_to_end_id) == 0
    institution.decline()
    final = await institution.connector.follow(instruction, outcome.reference)
    assert final.progress is Progress.REFUSED
    assert final.reason_text or final.reason_code
    assert institution.executed(instruction.end_to_end_id) == 0


async def test_a_payment_the_institution_rejects_later(institution: Institution) -> None:
    instruction = institution.instruction()
    outcome = await institution.connector.submit(instruction)
    institution.reject(instruction.end_to_end_id)
    assert outcome.reference is not None
    final = await institution.connector.follow(instruction, outcome.reference)
    assert final.progress is Progress.REFUSED
    assert institution.executed(instruction.end_to_end_id) == 0


async def test_more_than_there_is(institution: Institution) -> None:
    instruction = institution.instruction(minor=200_000_00)
    try:
        outcome = await institution.connector.submit(instruction)
    except Refused as refused:
        code = refused.code
    else:
        final = await finished(institution, instruction, outcome)
        assert final.progress is Progress.REFUSED
        code = final.reason_code or final.reason_text or ""
    assert code
    assert institution.executed(instruction.end_to_end_id) == 0


async def test_nobody_listens(institution: Institution) -> None:
    instruction = institution.instruction()
    await institution.vanish()
    with pytest.raises(NotSent):
        await institution.connector.submit(instruction)
    with pytest.raises(ConnectorError) as caught:
        await institution.connector.follow(instruction, "whatever")
    assert not isinstance(caught.value, Refused)
    with pytest.raises(Indeterminate):
        await institution.connector.enquire(instruction, institution.clock(), may_send=True)
    assert institution.executed(instruction.end_to_end_id) == 0


@pytest.mark.parametrize("fault", sorted(NOT_SENT))
async def test_an_institution_that_says_it_did_nothing_is_asked_again(
    institution: Institution, fault: Fault
) -> None:
    if not institution.can_suffer(fault):
        pytest.skip("no such fault here")
    instruction = institution.instruction()
    institution.spoil(fault)
    with pytest.raises(NotSent):
        await institution.connector.submit(instruction)
    outcome = await institution.connector.submit(instruction)
    assert (await finished(institution, instruction, outcome)).progress is Progress.SETTLED
    assert institution.executed(instruction.end_to_end_id) == 1


@pytest.mark.parametrize("fault", sorted(set(Fault) - NOT_SENT))
async def test_a_lost_answer_never_pays_twice(institution: Institution, fault: Fault) -> None:
    if not institution.can_suffer(fault):
        pytest.skip("no such fault here")
    await consented(institution)
    connector, instruction = institution.connector, institution.instruction()
    sent_at = institution.clock()
    institution.spoil(fault)
    with pytest.raises(Indeterminate) as caught:
        await connector.submit(instruction)
    assert isinstance(caught.value, Untrusted) is (fault in ALARMING)
    assert caught.value.code == institution.codes.get(fault, caught.value.code)
    for secret in institution.secrets:
        assert secret not in repr(caught.value) + str(caught.value)
    institution.clock.advance(timedelta(minutes=1))
    outcome = None
    for _ in range(4):
        institution.confirm()
        institution.complete()
        enquiry = await connector.enquire(instruction, sent_at, may_send=True)
        outcome = enquiry.outcome
        if outcome is None:
            assert not enquiry.conclusive
        elif outcome.reference is not None:
            outcome = await finished(institution, instruction, outcome)
        if outcome is not None and outcome.progress is not Progress.PENDING:
            break
    acted = institution.executed(instruction.end_to_end_id)
    assert acted <= 1
    if fault in ACTED:
        assert acted == 1
        assert outcome is not None
        assert outcome.progress is Progress.SETTLED
    else:
        assert (outcome is not None) == bool(acted)


async def test_cancelling(institution: Institution) -> None:
    connector, instruction = institution.connector, institution.instruction()
    outcome = await connector.submit(instruction)
    reference = outcome.reference
    assert reference is not None
    if Capability.CANCELLATION not in connector.capabilities:
        with pytest.raises(Unsupported):
            await connector.cancel(instruction, reference)
        return
    outcome = await connector.cancel(instruction, reference)
    if outcome.progress is Progress.PENDING:
        institution.confirm()
        outcome = await connector.follow(instruction, reference)
    assert outcome.progress is Progress.CANCELLED
    assert (await connector.follow(instruction, reference)).progress is Progress.CANCELLED
    assert institution.executed(instruction.end_to_end_id) == 0


async def test_cancelling_too_late(institution: Institution) -> None:
    connector, instruction = institution.connector, institution.instruction()
    if Capability.CANCELLATION not in connector.capabilities:
        pytest.skip("nothing can be cancelled here")
    outcome = await finished(institution, instruction, await connector.submit(instruction))
    assert outcome.reference is not None
    with pytest.raises(Refused):
        await connector.cancel(instruction, outcome.reference)
    assert (await connector.follow(instruction, outcome.reference)).progress is Progress.SETTLED
    assert institution.executed(instruction.end_to_end_id) == 1


async def test_a_statement_adds_up_and_says_the_same_again(institution: Institution) -> None:
    await consented(institution)
    amounts = [1250_00, 1250_00, 1]
    for minor in amounts:
        instruction = institution.instruction(minor)
        outcome = await institution.connector.submit(instruction)
        await finished(institution, instruction, outcome)
    first = await statement(institution)
    assert sorted(entry.amount.minor for entry in first.entries) == sorted(-a for a in amounts)
    assert first.closing.minor == 100_000_00 - sum(amounts)
    assert (await statement(institution)).entries == first.entries
    assert len({entry.key for entry in first.entries}) == len(amounts)


async def test_reading_needs_consent(institution: Institution) -> None:
    connector = institution.connector
    if Capability.CONSENT not in connector.capabilities:
        with pytest.raises(Unsupported):
            await connector.consent((institution.account,), institution.clock())
        return
    with pytest.raises(Misconfigured):
        await connector.balances(institution.account)
    await consented(institution)
    await connector.balances(institution.account)


async def test_what_is_not_declared_is_refused(institution: Institution) -> None:
    connector, instruction = institution.connector, institution.instruction()
    account, now = institution.account, institution.clock()
    calls: dict[Capability, Callable[[], Awaitable[object]]] = {
        Capability.BALANCES: lambda: connector.balances(account),
        Capability.ENQUIRY: lambda: connector.enquire(instruction, now),
        Capability.STATEMENTS: lambda: connector.collect(account, now.date(), now.date()),
        Capability.RECEIPTS: lambda: connector.receipt(instruction, "reference"),
        Capability.NAME_CHECK: lambda: connector.check_name(instruction.creditor),
    }
    for capability, call in calls.items():
        if capability not in connector.capabilities:
            with pytest.raises(Unsupported):
                await call()
