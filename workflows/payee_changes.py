"""Changes of the payee register: proposed by one person, approved by others, then in force.

New bank details of somebody who is paid already are what fraudsters ask for. So they take, before
anybody can approve them, a call-back note: a person other than the proposer has asked the payee on
a number that was known before. What approvers are shown holds old and new, what is odd about the
name or the account, and what the bank said of the account's holder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from schwifty import BIC
from schwifty.exceptions import SchwiftyException
from sqlalchemy import Connection

from workflows import audit, payees, proposal_decisions, proposals, second_factor
from workflows.company import Company
from workflows.lookalikes import Caution
from workflows.payees import Agreed, Payee
from workflows.people import Person
from workflows.proposal_decisions import Choice
from workflows.proposals import Decision, Kind, Proposal
from workflows.refusal import Refusal
from workflows.requests import LONGEST_NAME, checked_iban
from workflows.second_factor import Cipher
from workflows.visible_text import clean_text

LONGEST_WHY = 300
LONGEST_NUMBER, LONGEST_CONTACT, LONGEST_WHEN, LONGEST_NOTE = 40, 70, 40, 300


class Action(StrEnum):
    """What is to be done to a payee."""

    ADD = "add"
    CHANGE = "change"
    SUSPEND = "suspend"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Details:
    """A payee's name and account as a person wants them in the register."""

    name: str
    iban: str
    bic: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for.

    Attributes:
        payee_id: Whom it is about; empty for somebody new.
        details: Name and account; only to add or change.
        why: In the person's words, such as "new bank, letter of 3 May".
        checked: What the bank said of the account's holder, with what it warns of.
    """

    action: Action
    payee_id: str = ""
    details: Details | None = None
    why: str = ""
    checked: Checked | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a bank said of an account's holder.

    Attributes:
        result: One of `connectors.base.NameMatch`.
        name: Whom it has, where it says so.
        caution: What approvers must see of it, if anything.
    """

    result: str
    name: str = ""
    caution: Caution | None = None


class PayeeChange(Kind):
    """Proposals about payees."""

    name = "payee"

    def roles(self, company: Company) -> frozenset[str]:
        """Return the roles that settings give the register to."""
        return company.permissions.payees

    def quorum(self, company: Company, found: Proposal) -> int:
        """Return what settings say."""
        del found
        return company.payees_quorum

    def missing(self, found: Proposal) -> str | None:
        """New bank details of a known payee take a call-back note."""
        data = found.data
        return (
            "payee.call_back_missing" if needs_call_back(data) and not data["call_back"] else None
        )

    def must_acknowledge(self, found: Proposal) -> bool:
        """Whether there are warnings."""
        return bool(found.data["warnings"])

    def is_outdated(self, connection: Connection, found: Proposal) -> bool:
        """Whether the payee changed meanwhile, or there is something to warn of that nobody saw."""
        data = found.data
        if _present(connection, found.subject) != data["before"]:
            return True
        after = data["after"]
        if data["action"] not in (Action.ADD, Action.CHANGE):
            return False
        if _is_there(connection, after["name"], after["iban"], found.subject):
            return True
        now = payees.warnings(connection, after["name"], after["iban"], found.subject)
        return any(_as_data(each) not in data["warnings"] for each in now)

    def apply(
        self,
        connection: Connection,
        company: Company,
        found: Proposal,
        *,
        actor: str,
        now: datetime,
    ) -> None:
        """Change the register."""
        del company
        data = found.data
        agreed = Agreed(found.id, found.proposer_id, actor)
        match Action(data["action"]):
            case Action.ADD:
                payees.add(connection, _payee(found.subject, data["after"]), agreed, now=now)
            case Action.CHANGE:
                payees.change(connection, _payee(found.subject, data["after"]), agreed, now=now)
            case Action.SUSPEND:
                payees.set_active(connection, found.subject, False, agreed, now=now)
            case Action.RESUME:
                payees.set_active(connection, found.subject, True, agreed, now=now)


KIND = PayeeChange()
proposals.add_kind(KIND)


def propose(
    connection: Connection, company: Company, person: Person, wish: Wish, *, key: str, now: datetime
) -> Proposal:
    """Propose a change of the register.

    Raises:
        Refusal: ``payee.unknown_id``, ``payee.by_settings``, ``payee.suspended``,
            ``payee.not_suspended``, ``payee.unchanged``, ``payee.exists``, ``iban.invalid``,
            ``bic.invalid``, ``country.invalid``, those of `clean_text` and of `proposals.propose`.
    """
    proposals.check_may_propose(company, person, KIND)
    subject = wish.payee_id or proposals.minted("Y", f"{person.id}\n{key}")
    before = _changeable(connection, wish) if wish.action is not Action.ADD else None
    after = _after(wish, before)
    content: dict[str, Any] = {
        "action": str(wish.action),
        "before": before,
        "after": after,
        "why": clean_text(wish.why, field="why", longest=LONGEST_WHY),
        "warnings": [],
        "name_check": None,
        "call_back": None,
    }
    if wish.action in (Action.ADD, Action.CHANGE):
        assert after is not None
        if after == before:
            raise Refusal("payee.unchanged", field="name")
        if _is_there(connection, after["name"], after["iban"], subject):
            raise Refusal("payee.exists", field="name", payee=after["name"])
        content |= _looked_at(connection, subject, after, wish.checked)
    return proposals.propose(connection, company, KIND, person, subject, content, key=key, now=now)


def check_details(details: Details) -> Details:
    """Return name and account in the form in which they are stored.

    Raises:
        Refusal: about what is wrong, by its field.
    """
    name = clean_text(details.name, field="name", longest=LONGEST_NAME)
    if not name:
        raise Refusal("payee.name_missing", field="name")
    if not details.iban.strip():
        raise Refusal("payee.iban_missing", field="iban")
    return Details(name, checked_iban(details.iban), _bic(details.bic), _country(details.country))


def needs_call_back(data: Mapping[str, Any]) -> bool:
    """Whether somebody has to ask the payee first: new bank details of a known one."""
    if data["action"] != Action.CHANGE:
        return False
    return any(data["before"][name] != data["after"][name] for name in ("name", "iban", "bic"))


@dataclass(frozen=True, slots=True)
class Former:
    """What a payee's bank details were before they changed last.

    Attributes:
        by: Who proposed the change; `audit.SYSTEM` where settings said so.
    """

    name: str
    iban: str
    at: datetime
    by: str


def former(connection: Connection, payee_id: str) -> Former | None:
    """Return a payee's name and account before the last change of them, as the record tells it."""
    for entry in reversed(audit.of_subject(connection, payee_id)):
        if entry.kind != "payee.changed":
            continue
        before, after = entry.facts["before"], entry.facts["after"]
        if (before["name"], before["iban"]) != (after["name"], after["iban"]):
            by = str(entry.facts.get("by", entry.actor))
            return Former(before["name"], before["iban"], entry.at, by)
    return None


# ---- the call-back ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallBack:
    """How the payee was asked.

    Attributes:
        number: The number that was called; one that was known before.
        contact: Who answered for the payee.
        when: As the person says it.
        note: Whatever else there is to say.
    """

    number: str
    contact: str
    when: str
    note: str = ""


def call_back(
    connection: Connection,
    company: Company,
    cipher: Cipher,
    person: Person,
    proposal_id: str,
    shown: str,
    said: CallBack,
    code: str,
    *,
    now: datetime,
) -> Proposal | Refusal:
    """Put on the record that the payee was asked, by whom, and what number was called.

    A refusal is *returned*, so that a failed factor is committed with it: those of
    `proposal_decisions.admitted`, ``payee.call_back_given``, ``payee.call_back_needless``,
    ``payee.call_back_incomplete``, those of `clean_text`, or the factor's.

    Args:
        shown: Digest of what the person had before them.
    """
    choice = Choice(proposal_id, shown, Decision.APPROVE)
    found = proposal_decisions.admitted(connection, company, person, choice, now=now)
    if isinstance(found, Refusal):
        return found
    try:
        noted = _checked_note(found, said)
    except Refusal as refusal:
        return refusal
    verdict = second_factor.verify(connection, cipher, person.id, code, now=now)
    if isinstance(verdict, Refusal):
        return verdict
    note = {**asdict(noted), "by": person.id, "at": audit.told({"at": now})["at"]}
    return proposals.note(
        connection,
        found,
        {**found.data, "call_back": note},
        person,
        factor=second_factor.TOTP,
        now=now,
    )


def _checked_note(found: Proposal, said: CallBack) -> CallBack:
    data = found.data
    if data["call_back"]:
        raise Refusal("payee.call_back_given", proposal=found.id)
    if found.kind != KIND.name or not needs_call_back(data):
        raise Refusal("payee.call_back_needless", proposal=found.id)
    bounds = {
        "number": LONGEST_NUMBER,
        "contact": LONGEST_CONTACT,
        "when": LONGEST_WHEN,
        "note": LONGEST_NOTE,
    }
    clean = {
        name: clean_text(getattr(said, name), field=name, longest=longest)
        for name, longest in bounds.items()
    }
    for name in ("number", "contact", "when"):
        if not any(map(str.isalnum, clean[name])):
            raise Refusal("payee.call_back_incomplete", field=name)
    return CallBack(**clean)


# ---- what is proposed ---------------------------------------------------------------------------


def _changeable(connection: Connection, wish: Wish) -> dict[str, Any]:
    """Return a payee of the register's own as it is, if it can be changed so."""
    found = payees.find(connection, wish.payee_id)
    if found is None:
        raise Refusal("payee.unknown_id", payee=wish.payee_id[:16])
    if found.payee.is_by_settings:
        raise Refusal("payee.by_settings", payee=found.payee.name)
    if wish.action is Action.RESUME and found.is_active:
        raise Refusal("payee.not_suspended", payee=found.payee.name)
    if wish.action is not Action.RESUME and not found.is_active:
        raise Refusal("payee.suspended", payee=found.payee.name)
    return _snapshot(found.payee, found.is_active)


def _after(wish: Wish, before: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if wish.action not in (Action.ADD, Action.CHANGE):
        assert before is not None
        return {**before, "active": wish.action is Action.RESUME}
    assert wish.details is not None
    checked = check_details(wish.details)
    written = {
        "name": checked.name,
        "iban": checked.iban,
        "bic": checked.bic or None,
        "country": checked.country or None,
    }
    if before is not None:
        return {**before, **written}
    return {**written, "trusted": True, "tags": [], "active": True}


def _looked_at(
    connection: Connection, subject: str, after: Mapping[str, Any], checked: Checked | None
) -> dict[str, Any]:
    found: Sequence[Caution] = payees.warnings(connection, after["name"], after["iban"], subject)
    said = [_as_data(each) for each in found]
    if checked is not None and checked.caution is not None:
        said.append(_as_data(checked.caution))
    check = {"result": checked.result, "name": checked.name} if checked is not None else None
    return {"warnings": said, "name_check": check}


def _present(connection: Connection, payee_id: str) -> dict[str, Any] | None:
    found = payees.find(connection, payee_id)
    return _snapshot(found.payee, found.is_active) if found else None


def _snapshot(each: Payee, is_active: bool) -> dict[str, Any]:
    values = asdict(replace(each, tags=()))
    del values["id"]
    return {**values, "tags": list(each.tags), "active": is_active}


def _payee(payee_id: str, values: Mapping[str, Any]) -> Payee:
    known = {name: value for name, value in values.items() if name not in ("active", "tags")}
    return Payee(payee_id, tags=tuple(values["tags"]), **known)


def _is_there(connection: Connection, name: str, iban: str, but: str) -> bool:
    """Whether somebody else in the register has this very name and account."""
    same = payees.listed(connection, name)
    return any(
        each.payee.id != but
        and (each.payee.name.casefold(), each.payee.iban) == (name.casefold(), iban)
        for each in same
    )


def _as_data(caution: Caution) -> dict[str, Any]:
    return {"code": caution.code, "params": dict(caution.params)}


def _bic(text: str) -> str:
    try:
        return str(BIC(text.strip()[:20])) if text.strip() else ""
    except SchwiftyException:
        raise Refusal("bic.invalid", field="bic", bic=text[:20]) from None


def _country(text: str) -> str:
    code = text.strip().upper()
    if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise Refusal("country.invalid", field="country", country=text[:20])
    return code
