"""The payee register: dual control, call-backs, warnings, and what settings may not undo."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, update

from connectors.base import (
    Capability,
    Connector,
    Creditor,
    Instruction,
    NameMatch,
    NameResult,
    NotSent,
    Outcome,
)
from tests.workflows.company import (
    ACME,
    ACME_IBAN,
    CIPHER,
    NEW_IBAN,
    PEOPLE,
    Hands,
    Phones,
    company,
)
from workflows import (
    audit,
    name_checks,
    payee_changes,
    payees,
    proposal_decisions,
    proposals,
    second_factor,
    tables,
)
from workflows.database import Database, SqliteDatabase
from workflows.payee_changes import Action, CallBack, Checked, Details, Wish
from workflows.payees import Payee
from workflows.policy import PayeeStanding
from workflows.proposal_decisions import Choice, Decided
from workflows.proposals import Decision, Proposal, State
from workflows.record import verification
from workflows.refusal import Refusal

PEOPLE_BY_ID = {person.id: person for person in PEOPLE}
OTHER_IBAN = "GB29NWBK60161331926819"
NEU = Details("Neu & Söhne SARL", NEW_IBAN)
CALLED = CallBack("+49 30 123456", "Herr Neu, accounts", "24 Nov, 10:15", "He spelled it")


class Desk:
    """Lets tests change the register as people do."""

    def __init__(self, database: Database, hands: Hands, phones: Phones) -> None:
        self.database, self.hands, self.phones = database, hands, phones
        there = company()
        may = frozenset({"controller", "cfo"})
        self.company = replace(there, permissions=replace(there.permissions, payees=may))
        self._count = 0

    async def propose(self, wish: Wish, who: str = "bea") -> Proposal:
        self._count += 1
        return await self.database.write(
            lambda c: payee_changes.propose(
                c,
                self.company,
                PEOPLE_BY_ID[who],
                wish,
                key=f"form:{self._count}",
                now=self.hands(),
            )
        )

    async def refused(self, wish: Wish, who: str = "bea") -> str:
        with pytest.raises(Refusal) as caught:
            await self.propose(wish, who)
        return caught.value.code

    async def decide(
        self, who: str, made: Proposal, *, seen: bool = False, code: str | None = None
    ) -> Decided | Refusal:
        self.hands.forward(seconds=60)
        choice = Choice(
            made.id,
            made.digest,
            Decision.APPROVE,
            code or self.phones.code(who),
            has_acknowledged=seen,
        )
        return await self.database.write(
            lambda c: proposal_decisions.decide(
                c, self.company, CIPHER, PEOPLE_BY_ID[who], choice, now=self.hands()
            )
        )

    async def call_back(
        self, who: str, made: Proposal, said: CallBack = CALLED, code: str | None = None
    ) -> Proposal | Refusal:
        self.hands.forward(seconds=60)
        return await self.database.write(
            lambda c: payee_changes.call_back(
                c,
                self.company,
                CIPHER,
                PEOPLE_BY_ID[who],
                made.id,
                made.digest,
                said,
                code or self.phones.code(who),
                now=self.hands(),
            )
        )

    async def added(self, details: Details = NEU) -> str:
        """Add a payee by proposal; return its id."""
        made = await self.propose(Wish(Action.ADD, details=details))
        assert state_of(await self.decide("carl", made, seen=True)) == State.APPLIED
        return made.subject

    async def changed(self, payee_id: str, details: Details) -> None:
        made = await self.propose(Wish(Action.CHANGE, payee_id, details))
        noted = await self.call_back("carl", made)
        assert isinstance(noted, Proposal)
        assert state_of(await self.decide("carl", noted, seen=True)) == State.APPLIED

    async def find(self, payee_id: str) -> payees.Registered:
        found = await self.database.read(lambda c: payees.find(c, payee_id))
        assert found is not None
        return found

    async def standing(self, payee_id: str, iban: str) -> PayeeStanding:
        cool_off = self.company.payee_cool_off
        return await self.database.read(
            lambda c: payees.standing(c, payee_id, iban, cool_off=cool_off)
        )

    async def start(self, *wanted: Payee) -> None:
        """Start the service anew under settings with these payees."""
        await self.database.write(lambda c: payees.register(c, wanted, now=self.hands()))

    async def kinds(self, subject: str) -> list[str]:
        entries = await self.database.read(lambda c: audit.of_subject(c, subject))
        return [entry.kind for entry in entries]

    async def is_intact(self) -> bool:
        report = await self.database.read(verification.verify)
        assert report.findings == ()
        return report.is_intact


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


def state_of(result: Decided | Refusal) -> str:
    return result.code if isinstance(result, Refusal) else result.proposal.state


# ---- dual control -------------------------------------------------------------------------------


async def test_a_payee_is_added_by_two(desk: Desk) -> None:
    made = await desk.propose(Wish(Action.ADD, details=NEU, why="first invoice"))
    assert await desk.database.read(lambda c: payees.find(c, made.subject)) is None
    assert state_of(await desk.decide("bea", made)) == "proposal.own"
    assert state_of(await desk.decide("amara", made)) == "proposal.not_allowed"
    assert state_of(await desk.decide("carl", made)) == State.APPLIED
    found = await desk.find(made.subject)
    assert (found.payee.name, found.payee.iban) == (NEU.name, NEW_IBAN)
    assert (found.is_active, found.changed_by) == (True, "bea")
    assert not found.payee.is_by_settings
    assert await desk.kinds(made.subject) == ["payee.registered"]
    named = await desk.database.read(lambda c: payees.named(c, "Neu & Söhne"))
    assert named.id == made.subject
    assert await desk.is_intact()


async def test_who_proposed_the_details_is_known(desk: Desk) -> None:
    payee_id = await desk.added()
    editor = await desk.database.read(lambda c: payees.last_editor(c, payee_id))
    assert editor == "bea"
    assert await desk.database.read(lambda c: payees.last_editor(c, "acme")) is None
    assert await desk.database.read(lambda c: payees.last_editor(c, None)) is None


async def test_suspended_and_taken_up_again(desk: Desk) -> None:
    payee_id = await desk.added()
    suspended = await desk.propose(Wish(Action.SUSPEND, payee_id, why="fraud?"))
    assert state_of(await desk.decide("dong", suspended)) == State.APPLIED
    assert await desk.database.read(lambda c: payees.get(c, payee_id)) is None
    assert [each.payee.id for each in await desk.database.read(payees.listed)] == ["acme", payee_id]
    assert await desk.refused(Wish(Action.CHANGE, payee_id, NEU)) == "payee.suspended"
    resumed = await desk.propose(Wish(Action.RESUME, payee_id))
    assert state_of(await desk.decide("dong", resumed)) == State.APPLIED
    assert await desk.database.read(lambda c: payees.get(c, payee_id)) is not None
    assert await desk.refused(Wish(Action.RESUME, payee_id)) == "payee.not_suspended"
    assert await desk.kinds(payee_id) == ["payee.registered", "payee.suspended", "payee.resumed"]
    assert await desk.is_intact()


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(Action.ADD, details=Details("", NEW_IBAN)), "payee.name_missing"),
        (Wish(Action.ADD, details=Details("Neu", "")), "payee.iban_missing"),
        (Wish(Action.ADD, details=Details("Neu", "FR00")), "iban.invalid"),
        (Wish(Action.ADD, details=Details("Neu", NEW_IBAN, bic="X")), "bic.invalid"),
        (Wish(Action.ADD, details=Details("Neu", NEW_IBAN, country="DEU")), "country.invalid"),
        (Wish(Action.ADD, details=Details("N\u202eeu", NEW_IBAN)), "text.control"),
        (Wish(Action.ADD, details=Details("N" * 71, NEW_IBAN)), "text.too_long"),
        (Wish(Action.ADD, details=NEU, why="w" * 301), "text.too_long"),
        (Wish(Action.ADD, details=Details("acme gmbh", ACME_IBAN)), "payee.exists"),
        (Wish(Action.CHANGE, "nobody", NEU), "payee.unknown_id"),
        (Wish(Action.CHANGE, "acme", NEU), "payee.by_settings"),
        (Wish(Action.SUSPEND, "acme"), "payee.by_settings"),
    ],
)
async def test_what_is_not_proposed(desk: Desk, wish: Wish, code: str) -> None:
    assert await desk.refused(wish) == code


async def test_nothing_to_change_and_nobody_to_ask(desk: Desk) -> None:
    payee_id = await desk.added()
    assert await desk.refused(Wish(Action.CHANGE, payee_id, NEU)) == "payee.unchanged"
    assert await desk.refused(Wish(Action.ADD, details=NEU), "amara") == "proposal.not_allowed"
    nobody = replace(desk.company.permissions, payees=frozenset())
    desk.company = replace(desk.company, permissions=nobody)
    assert await desk.refused(Wish(Action.ADD, details=NEU)) == "proposal.not_allowed"


async def test_a_payee_that_changed_meanwhile_is_left_alone(desk: Desk) -> None:
    payee_id = await desk.added()
    made = await desk.propose(Wish(Action.SUSPEND, payee_id))
    await desk.database.write(
        lambda c: c.execute(
            update(tables.payee).where(tables.payee.c.id == payee_id).values(country="FR")
        )
    )
    assert state_of(await desk.decide("carl", made)) == State.OUTDATED
    assert (await desk.find(payee_id)).is_active


# ---- settings -----------------------------------------------------------------------------------


async def test_a_start_leaves_the_registers_own_alone(desk: Desk) -> None:
    payee_id = await desk.added()
    before = await desk.find(payee_id)
    await desk.start(ACME)
    await desk.start()
    assert await desk.find(payee_id) == before
    assert await desk.database.read(lambda c: payees.get(c, "acme")) is None
    await desk.start(ACME, Payee(payee_id, "Mallory", OTHER_IBAN, trusted=True))
    assert await desk.find(payee_id) == before
    assert await desk.is_intact()


async def test_settings_follow_their_file_as_before(desk: Desk) -> None:
    moved = replace(ACME, iban=OTHER_IBAN, tags=("utilities",))
    await desk.start(moved)
    found = await desk.find("acme")
    assert (found.payee, found.changed_by) == (moved, None)
    assert await desk.standing("acme", OTHER_IBAN) is PayeeStanding.NEW
    former = await desk.database.read(lambda c: payee_changes.former(c, "acme"))
    assert former is not None
    assert (former.iban, former.by) == (ACME_IBAN, audit.SYSTEM)


# ---- new bank details ---------------------------------------------------------------------------


async def test_new_bank_details_take_a_call_back(desk: Desk) -> None:
    payee_id = await desk.added()
    made = await desk.propose(
        Wish(Action.CHANGE, payee_id, replace(NEU, iban=OTHER_IBAN), why="new bank")
    )
    assert made.data["before"]["iban"] == NEW_IBAN
    assert made.data["after"]["iban"] == OTHER_IBAN
    code = desk.phones.code("carl", offset=2)
    assert state_of(await desk.decide("carl", made, code=code)) == "payee.call_back_missing"

    def refusal(said: Proposal | Refusal) -> str:
        return said.code if isinstance(said, Refusal) else said.state

    assert refusal(await desk.call_back("bea", made)) == "proposal.own"
    assert refusal(await desk.call_back("amara", made)) == "proposal.not_allowed"
    assert refusal(await desk.call_back("carl", made, code="000000")) == "factor.wrong"
    for name in ("number", "contact", "when"):
        incomplete = replace(CALLED, **{name: " - "})
        assert refusal(await desk.call_back("carl", made, incomplete)) == (
            "payee.call_back_incomplete"
        )
    long = replace(CALLED, note="x" * 301)
    assert refusal(await desk.call_back("carl", made, long)) == "text.too_long"

    noted = await desk.call_back("carl", made)
    assert isinstance(noted, Proposal)
    assert noted.digest != made.digest
    note = noted.data["call_back"]
    assert (note["by"], note["number"]) == ("carl", CALLED.number)
    assert refusal(await desk.call_back("dong", noted)) == "payee.call_back_given"
    assert state_of(await desk.decide("dong", made)) == "proposal.changed"
    assert state_of(await desk.decide("dong", noted)) == State.APPLIED
    found = await desk.find(payee_id)
    assert (found.payee.iban, found.changed_by) == (OTHER_IBAN, "bea")
    assert "proposal.noted" in await desk.kinds(made.id)
    former = await desk.database.read(lambda c: payee_changes.former(c, payee_id))
    assert former is not None
    assert (former.iban, former.by, former.at) == (NEW_IBAN, "bea", found.changed_at)
    assert await desk.database.read(lambda c: payee_changes.former(c, "acme")) is None
    assert await desk.is_intact()


async def test_a_change_of_country_alone_takes_none(desk: Desk) -> None:
    payee_id = await desk.added()
    before = await desk.find(payee_id)
    made = await desk.propose(Wish(Action.CHANGE, payee_id, replace(NEU, country="fr")))
    said = await desk.call_back("carl", made)
    assert isinstance(said, Refusal)
    assert said.code == "payee.call_back_needless"
    assert state_of(await desk.decide("carl", made)) == State.APPLIED
    after = await desk.find(payee_id)
    assert (after.payee.country, after.changed_at) == ("FR", before.changed_at)


async def paid(desk: Desk, payee_id: str, iban: str) -> None:
    """Have a payment asked for now that settled."""
    values = {column.name: None for column in tables.payment_order.c} | {
        "id": f"P{desk.hands().timestamp():.0f}"[:16],
        "version": 1,
        "revision": 1,
        "state": "settled",
        "digest": "",
        "request_key": f"{desk.hands()}",
        "requester_id": "amara",
        "account_id": "operating-eur",
        "debtor_iban": "",
        "connector": "bank",
        "payee_id": payee_id,
        "creditor_name": NEU.name,
        "creditor_iban": iban,
        "amount_minor": 1,
        "currency": "EUR",
        "remittance": "",
        "end_to_end_id": f"{desk.hands()}"[:35],
        "verdict": "{}",
        "risks": "[]",
        "attachments": "[]",
        "created_at": desk.hands(),
        "expires_at": desk.hands(),
        "updated_at": desk.hands(),
        "kind": "single",
        "versioned_at": desk.hands(),
    }
    await desk.database.write(lambda c: c.execute(tables.payment_order.insert().values(values)))


async def test_trust_comes_back_with_a_payment_after_the_cool_off(desk: Desk) -> None:
    payee_id = await desk.added()
    assert await desk.standing(payee_id, NEW_IBAN) is PayeeStanding.NEW
    desk.hands.now += timedelta(hours=25)
    await paid(desk, payee_id, NEW_IBAN)
    assert await desk.standing(payee_id, NEW_IBAN) is PayeeStanding.TRUSTED
    await desk.changed(payee_id, replace(NEU, iban=OTHER_IBAN))
    assert await desk.standing(payee_id, NEW_IBAN) is PayeeStanding.NEW
    assert await desk.standing(payee_id, OTHER_IBAN) is PayeeStanding.NEW
    await paid(desk, payee_id, OTHER_IBAN)
    assert await desk.standing(payee_id, OTHER_IBAN) is PayeeStanding.NEW, "too soon"
    desk.hands.now += timedelta(hours=25)
    await paid(desk, payee_id, OTHER_IBAN)
    assert await desk.standing(payee_id, OTHER_IBAN) is PayeeStanding.TRUSTED


# ---- warnings -----------------------------------------------------------------------------------


def warned(made: Proposal) -> list[tuple[str, str]]:
    return [(each["code"], each["params"].get("name", "")) for each in made.data["warnings"]]


async def test_a_name_with_a_cyrillic_letter_is_acknowledged(desk: Desk) -> None:
    made = await desk.propose(Wish(Action.ADD, details=Details("АCME GmbH", NEW_IBAN)))
    assert warned(made) == [("payee_mixed_script", ""), ("payee_lookalike", "ACME GmbH")]
    assert state_of(await desk.decide("carl", made)) == "proposal.unacknowledged"
    assert await desk.database.read(lambda c: payees.find(c, made.subject)) is None
    assert state_of(await desk.decide("carl", made, seen=True)) == State.APPLIED


async def test_one_account_under_two_names_is_acknowledged(desk: Desk) -> None:
    made = await desk.propose(Wish(Action.ADD, details=Details("Neu SARL", ACME_IBAN)))
    assert warned(made) == [("payee_account_reused", "ACME GmbH")]
    assert state_of(await desk.decide("carl", made)) == "proposal.unacknowledged"


async def test_what_nobody_saw_when_they_agreed_is_not_applied(desk: Desk) -> None:
    made = await desk.propose(Wish(Action.ADD, details=NEU))
    assert warned(made) == []
    await desk.start(ACME, Payee("neu", "Neu & Sohne", OTHER_IBAN, trusted=True))
    assert state_of(await desk.decide("carl", made)) == State.OUTDATED


async def test_nobody_moves_who_entered_the_account_to_somebody_else(desk: Desk) -> None:
    """Whoever that is may not approve payments to it."""
    payee_id = await desk.added()
    await desk.changed(payee_id, Details("Neu & Söhne SARL", OTHER_IBAN))
    for action in (Action.SUSPEND, Action.RESUME):
        await desk.decide("carl", await desk.propose(Wish(action, payee_id), "dong"))
    assert (await desk.find(payee_id)).changed_by == "bea"
    name = Details("Neu & Söhne S.A.R.L.", OTHER_IBAN)
    made = await desk.propose(Wish(Action.CHANGE, payee_id, name), "carl")
    noted = await desk.call_back("dong", made)
    assert isinstance(noted, Proposal)
    await desk.decide("dong", noted, seen=True)
    found = await desk.find(payee_id)
    assert (found.payee.name, found.changed_by) == (name.name, "bea")


async def test_a_new_account_under_a_suspended_payees_name_is_warned_of(desk: Desk) -> None:
    payee_id = await desk.added()
    await desk.decide("carl", await desk.propose(Wish(Action.SUSPEND, payee_id), "bea"))
    wish = Wish(Action.ADD, details=Details("Neu & Söhne SARL", OTHER_IBAN))
    assert (await desk.propose(wish, "bea")).data["warnings"]


async def test_two_proposals_for_the_same_payee_make_one(desk: Desk) -> None:
    first = await desk.propose(Wish(Action.ADD, details=NEU))
    second = await desk.propose(Wish(Action.ADD, details=NEU), "dong")
    assert state_of(await desk.decide("carl", first)) == State.APPLIED
    assert state_of(await desk.decide("carl", second, seen=True)) == State.OUTDATED


# ---- who holds the account ----------------------------------------------------------------------


class NamingBank(Connector):
    """Says who holds an account, or fails to."""

    name = "bank"
    capabilities = frozenset({Capability.NAME_CHECK})

    def __init__(self, says: NameMatch | Exception | None) -> None:
        self.says = says

    async def check_name(self, creditor: Creditor) -> NameMatch:
        del creditor
        if isinstance(self.says, Exception):
            raise self.says
        if self.says is None:
            await asyncio.sleep(60)
        assert isinstance(self.says, NameMatch)
        return self.says

    async def submit(self, instruction: Instruction) -> Outcome:
        raise self._unsupported(Capability.PAYMENTS)

    async def follow(self, instruction: Instruction, reference: str) -> Outcome:
        raise self._unsupported(Capability.PAYMENTS)


class SilentBank(NamingBank):
    """Cannot say."""

    capabilities = frozenset({Capability.BALANCES})


@pytest.mark.parametrize(
    ("says", "result", "caution"),
    [
        (NameMatch(NameResult.MATCH), "match", None),
        (NameMatch(NameResult.CLOSE, "Neu\x00 et  Fils"), "close", "payee_name_close"),
        (NameMatch(NameResult.NO_MATCH), "no_match", "payee_name_other"),
        (NameMatch(NameResult.UNKNOWN), "unknown", None),
        (NotSent("bank", "http.unreachable"), "unknown", None),
        (None, "unknown", None),
    ],
)
async def test_the_bank_is_asked_who_holds_it(
    says: NameMatch | Exception | None, result: str, caution: str | None
) -> None:
    banks: Mapping[str, Connector] = {"dumb": SilentBank(None), "bank": NamingBank(says)}
    found = await name_checks.check(banks, Creditor(NEU.name, NEW_IBAN), patience=0.05)
    assert found is not None
    assert found.result == result
    assert (found.caution.code if found.caution else None) == caution
    assert "\x00" not in found.name


async def test_no_bank_to_ask() -> None:
    creditor = Creditor(NEU.name, NEW_IBAN)
    assert await name_checks.check({"dumb": SilentBank(None)}, creditor) is None


async def test_another_holder_is_acknowledged(desk: Desk) -> None:
    asked: Checked | None = await name_checks.check(
        {"bank": NamingBank(NameMatch(NameResult.CLOSE, "Neu et Fils"))},
        Creditor(NEU.name, NEW_IBAN),
    )
    made = await desk.propose(Wish(Action.ADD, details=NEU, checked=asked))
    assert warned(made) == [("payee_name_close", "Neu et Fils")]
    assert made.data["name_check"] == {"result": "close", "name": "Neu et Fils"}
    assert state_of(await desk.decide("carl", made)) == "proposal.unacknowledged"
    assert state_of(await desk.decide("carl", made, seen=True)) == State.APPLIED


# ---- the record ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which a payee was added, changed and suspended, and one was turned down."""
    path = tmp_path_factory.mktemp("register") / "register.sqlite"

    async def write() -> None:
        hands = Hands()
        phones = Phones(hands)
        database = SqliteDatabase(path)
        await database.open()
        await database.write(lambda c: payees.register(c, [ACME], now=hands()))
        for person in PEOPLE:
            await _enrol(database, person.id, phones, hands)
        desk = Desk(database, hands, phones)
        payee_id = await desk.added()
        await desk.changed(payee_id, replace(NEU, iban=OTHER_IBAN))
        made = await desk.propose(Wish(Action.SUSPEND, payee_id))
        choice = Choice(made.id, made.digest, Decision.REJECT, reason="no")
        await database.write(
            lambda c: proposal_decisions.decide(
                c, desk.company, CIPHER, PEOPLE_BY_ID["dong"], choice, now=hands()
            )
        )
        await desk.propose(Wish(Action.SUSPEND, payee_id))
        await database.close()

    asyncio.run(write())
    return path


async def _enrol(database: Database, name: str, phones: Phones, hands: Hands) -> None:
    await database.write(
        lambda c: second_factor.enrol(c, CIPHER, name, phones.secret(name), now=hands())
    )


def findings(path: Path) -> list[str]:
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            return [str(each) for each in verification.verify(connection).findings]
    finally:
        engine.dispose()


def test_what_nobody_touched_is_intact(file: Path) -> None:
    assert findings(file) == []


APPLIED = "(select id from proposal where state = 'applied' limit 1)"
INSERTED = (
    f"insert into proposal_decision select {APPLIED}, 'eve', digest, decision, factor, reason, at "
    f"from proposal_decision where proposal_id = {APPLIED}"
)


@pytest.mark.parametrize(
    ("statement", "table", "problem"),
    [
        ("update proposal set state = 'open' where state = 'rejected'", "proposal", "has state"),
        ("update proposal set state = 'applied' where state = 'open'", "proposal", "has state"),
        ("update proposal set reason = 'x' where state = 'rejected'", "proposal", "has reason"),
        ("update proposal set proposer_id = 'eve'", "proposal", "has proposer_id 'eve'"),
        (
            f"update proposal set content = replace(content, '{OTHER_IBAN}', '{ACME_IBAN}')",
            "proposal",
            "has content",
        ),
        ("update proposal set digest = 'aa'", "proposal", "has digest 'aa'"),
        ("update proposal set subject = 'acme'", "proposal", "has subject 'acme'"),
        (f"delete from proposal where id = {APPLIED}", "proposal", "is not there"),
        ("delete from proposal_decision", "proposal_decision", "is not there"),
        (INSERTED, "proposal_decision", "is there, and no entry tells of it"),
        ("update proposal_decision set factor = 'none'", "proposal_decision", "has factor 'none'"),
        (
            "update proposal_decision set decision = 'approve' where decision = 'reject'",
            "proposal_decision",
            "has decision 'approve'",
        ),
        (f"update payee set iban = '{ACME_IBAN}' where id like 'Y%'", "payee", "has iban"),
        ("update payee set changed_by = 'eve' where id like 'Y%'", "payee", "has changed_by"),
        ("update payee set changed_at = null where id like 'Y%'", "payee", "has changed_at"),
        ("update payee set active = 0 where id like 'Y%'", "payee", "has active"),
        ("update payee set tags = '[\"x\"]' where id like 'Y%'", "payee", "has tags"),
        ("delete from payee where id like 'Y%'", "payee", "is not there"),
    ],
)
def test_a_row_that_was_edited_is_found(
    file: Path, tmp_path: Path, statement: str, table: str, problem: str
) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(file.read_bytes())
    with sqlite3.connect(copy) as database:
        assert database.execute(statement).rowcount
    database.close()
    found = findings(copy)
    assert any(each.startswith(f"{table} ") and problem in each for each in found), found


def test_a_payee_that_nothing_tells_of(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(file.read_bytes())
    with sqlite3.connect(copy) as database:
        database.execute(
            "insert into payee (id, name, iban, trusted, active, tags) "
            f"values ('YMALLORY', 'Mallory', '{ACME_IBAN}', 1, 1, '[]')"
        )
        database.execute(
            "insert into proposal select 'QMALLORY', kind, 'YMALLORY', content, digest, "
            f"proposer_id, state, reason, created_at, expires_at, closed_at from proposal "
            f"where id = {APPLIED}"
        )
    database.close()
    assert findings(copy) == [
        "payee YMALLORY is there, and no entry tells of it",
        "proposal QMALLORY is there, and no entry tells of it",
    ]


def test_the_kind_is_known_by_its_name() -> None:
    about: dict[str, Any] = {"action": "add", "before": None}
    assert not payee_changes.needs_call_back(about)
    assert (
        proposals.kind_of(
            Proposal("Q", "payee", "Y", "{}", "", "bea", "open", None, *[Hands()()] * 3)
        )
        is payee_changes.KIND
    )
