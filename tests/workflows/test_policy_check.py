"""Checking a whole policy: its cells are all payments, and what it does in vain is found."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.money import Money
from tests.workflows.policies import LANES, PEOPLE, RATES, WORLD, payments, policies
from workflows.matching import assign
from workflows.policy import Approve, Facts, PayeeStanding, Policy, Rates
from workflows.policy_assertions import parse as parse_assertion
from workflows.policy_cells import Demand
from workflows.policy_check import Report, check, payment_words
from workflows.policy_findings import Severity
from workflows.policy_world import World

EXAMPLE = Path(__file__).parents[2] / "policy.example.yml"


def parse(text: str) -> Policy:
    roles = {role for each in PEOPLE.values() for role in each}
    return Policy.parse(
        "version: 1\n" + text,
        base_currency="EUR",
        roles=roles,
        accounts=[lane.account for lane in LANES],
        people=PEOPLE.keys(),
        connectors=("hausbank", "ginza"),
    )


def report(text: str, world: World = WORLD, *, is_whole: bool = False) -> Report:
    return check(parse(text), world, is_whole=is_whole)


def codes(found: Report) -> list[str]:
    return [each.code for each in found.findings if each.code != "currency.no_rate"]


def said(found: Report, code: str) -> str:
    """Return what is said of the one thing that was found under a code."""
    (text,) = (str(each) for each in found.findings if each.code == code)
    return text


AMARA = replace(WORLD, requesters=("amara",), editors=())
"""Where everybody else may approve."""

EVERY = "rules:\n  - {name: Every payment, require: [{role: controller}]}\n"

# -- The table -------------------------------------------------------------------------------------


def test_the_weakest_approval_of_everything_in_a_few_rows() -> None:
    text = EVERY + (
        "  - {name: From 1000 up, when: {amount: {from: 1000}}, "
        "require: [{role: cfo, stage: 2}], cool_off: 2h}\n"
        "  - {name: Dear, when: {amount: {from: 5000}}, require: [{role: controller}]}\n"
        "  - {name: New, when: {payee: new}, require: [{role: cfo, stage: 2}], expires_after: 5h}\n"
        "  - {name: No francs, when: {currency: CHF}, refuse: true}\n"
    )
    found = report(text, AMARA)
    shown = [
        (row.words, [slot.who for slot in row.demand.slots], row.demand.refused_by, row.rules)
        for row in found.rows
    ]
    assert shown == [
        ("up to 999.99, payee trusted", ["controller"], None, ("Every payment",)),
        (
            "up to 999.99, payee new",
            ["controller", "cfo"],
            None,
            ("Every payment", "New"),
        ),
        (
            "from 1,000.00, payee trusted",
            ["controller", "cfo"],
            None,
            ("Every payment", "From 1000 up"),
        ),
        (
            "from 1,000.00, payee new",
            ["controller", "cfo"],
            None,
            ("Every payment", "From 1000 up", "New"),
        ),
        (
            "any, without a rate",
            [],
            "No francs",
            ("Every payment", "From 1000 up", "Dear", "No francs"),
        ),
    ]
    assert [row.demand.approvers for row in found.rows] == [1, 2, 2, 2, 0]
    assert codes(found) == ["rule.redundant"]
    assert "“Dear” changes nothing" in said(found, "rule.redundant")


def test_an_amount_that_passes_a_limit_by_itself_is_in_another_row() -> None:
    limit = "limits: [{name: Day, per: payee, most: 99, within: 1d, require: [{role: cfo}]}]"
    found = report(EVERY + limit, replace(AMARA, lanes=LANES[:1]))
    assert [(row.amounts, row.demand.approvers, row.rules) for row in found.rows] == [
        ("up to 99.00", 1, ("Every payment",)),
        ("from 99.01", 2, ("Every payment", "Day")),
    ]


def test_a_table_that_nobody_would_read_is_by_category() -> None:
    asked = ("role: cfo", "person: dong", "person: bea", "role: staff", "role: cfo, stage: 2")
    text = EVERY + "".join(
        f"  - {{name: Tag {n}, when: {{payee_tag: t{n}, amount: {{from: 10}}}}, "
        f"require: [{{{who}}}]}}\n"
        for n, who in enumerate(asked)
    )
    found = report(text)
    assert found.is_by_category
    shown = [(row.words, [slot.who for slot in row.demand.slots]) for row in found.rows]
    assert shown[:4] == [
        ("any", ["controller"]),
        ("any, without a rate", ["controller"]),
        ("from 10.00, payee_tag t0", ["cfo", "controller"]),
        ("any, without a rate, payee_tag t0", ["cfo", "controller"]),
    ]
    whole = report(text, is_whole=True)
    assert not whole.is_by_category
    assert len(whole.rows) > len(found.rows)


# -- What is found ---------------------------------------------------------------------------------


def test_a_slot_that_nobody_is_left_for_names_who_asks_and_why() -> None:
    found = report(
        "rules: [{name: Cfo and two, require: [{role: cfo}, {role: controller, count: 3}]}]",
        AMARA,
    )
    assert not found.is_sound
    text = said(found, "slot.nobody")
    assert text.startswith("error: Nobody is left to fill “controller” when amara asks for 0.01 ")
    assert "only bea, carl and dong have the role, and nobody fills two places" in text


def test_who_asks_does_not_approve() -> None:
    found = report("rules: [{name: A, require: [{role: cfo}]}]")
    text = said(found, "slot.nobody")
    assert "“cfo” when carl asks" in text
    assert "only carl has the role, and nobody approves what they ask for" in text


def test_who_asks_is_found_also_where_no_rule_that_is_about_them_applies() -> None:
    found = report(
        "rules:\n  - {name: A, require: [{role: cfo}]}\n"
        "  - {name: R, when: {requester: carl, payee_country: RU}, refuse: true}\n"
    )
    assert "“cfo” when carl asks" in said(found, "slot.nobody")


def test_a_named_person_who_asks_does_not_approve() -> None:
    found = report(EVERY + "  - {name: Bea, when: {payee: new}, require: [{person: bea}]}\n")
    assert "“@bea” when bea asks" in said(found, "slot.nobody")
    assert "it is for bea alone" in said(found, "slot.nobody")


def test_a_limit_that_nobody_can_approve_beyond_is_found() -> None:
    found = report(
        EVERY + "  - {name: Dear, when: {amount: {from: 50}}, refuse: true}\n"
        "  - {name: No francs, when: {currency: CHF}, refuse: true}\n"
        "limits: [{name: Week, per: payee, most: 99, within: 7d, "
        "require: [{role: cfo, count: 2}]}]",
        AMARA,
    )
    assert "over the limit “Week”: only carl has the role" in said(found, "slot.nobody_over_limit")


def test_the_last_editor_of_the_payee_may_be_the_only_one() -> None:
    world = replace(WORLD, requesters=("amara",))
    found = report("rules: [{name: A, require: [{role: cfo}]}]", world)
    assert found.is_sound
    assert "carl was the last to change" in said(found, "slot.nobody_after_edit")


def test_a_person_in_two_stages_of_one_payment_is_found() -> None:
    found = report(
        EVERY + "  - {name: First, when: {kind: payroll}, require: [{person: dong}]}\n"
        "  - {name: Last, when: {payee: new}, require: [{person: dong, stage: 2}]}\n"
    )
    text = said(found, "person.two_stages")
    assert "@dong is asked for in stages 1 and 2" in text
    assert "kind payroll to a new payee" in text
    assert "“First” and “Last”" in text
    assert "slot.nobody" not in codes(found)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("currency: SEK", "no account is kept in SEK"),
        ("{account: eur, currency: USD}", "eur is kept in EUR and reached by hausbank"),
        ("{account: usd, connector: ginza}", "usd is kept in USD and reached by hausbank"),
        ("requester: dong", "nobody who may ask for payments is such a requester"),
        ("{requester: amara, requester_role: cfo}", "nobody who may ask for payments is such"),
        ("{time: near_cut_off, account: eur}", "its conditions exclude each other"),
        ("{kind: internal, payee_country: RU}", "its conditions exclude each other"),
    ],
)
def test_a_rule_that_can_never_apply_is_found_and_why(when: str, why: str) -> None:
    when = when if when.startswith("{") else f"{{{when}}}"
    rule = f"  - {{name: Never, when: {when}, require: [{{role: cfo}}]}}\n"
    found = report(EVERY + rule)
    assert why in said(found, "rule.unreachable")
    assert not found.is_sound
    refusing = report(EVERY + rule.replace("require: [{role: cfo}]", "refuse: true"))
    assert why in said(refusing, "rule.idle_refusal")
    assert refusing.is_sound


def test_a_time_that_never_comes_is_said_to_be_so() -> None:
    world = replace(WORLD, lanes=LANES[:1])
    found = report(
        EVERY + "  - {name: Late, when: {time: near_cut_off}, require: [{role: cfo}]}\n", world
    )
    assert "it is never near_cut_off for any account" in said(found, "rule.unreachable")


def test_of_two_rules_that_ask_the_same_one_is_in_vain() -> None:
    found = report(EVERY + "  - {name: Again, require: [{role: controller}]}\n")
    assert [each.params["rule"] for each in found.findings if each.code == "rule.redundant"] == [
        "Again"
    ]


def test_a_rule_that_only_hurries_or_cools_is_not_in_vain() -> None:
    for more in ("expires_after: 1h", "cool_off: 1h"):
        found = report(EVERY + f"  - {{name: B, require: [{{role: controller}}], {more}}}\n")
        assert "“Every payment” changes nothing" in said(found, "rule.redundant")


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_what_is_redundant_can_go_and_what_is_unreachable_never_matches(
    data: st.DataObject,
) -> None:
    policy = data.draw(policies(3))
    found = check(policy, WORLD)
    gone = {str(each.params["rule"]) for each in found.findings if each.code == "rule.redundant"}
    never = {
        str(each.params.get("rule") or each.params.get("limit"))
        for each in found.findings
        if each.code in ("rule.unreachable", "rule.idle_refusal", "limit.unreachable")
    }
    less = replace(policy, rules=tuple(each for each in policy.rules if each.name not in gone))
    for _ in range(10):
        payment = data.draw(payments(policy))
        before = policy.evaluate(payment, RATES)
        assert never.isdisjoint(before.matched)
        after = less.evaluate(payment, RATES)
        assert before.is_allowed == after.is_allowed
        if before.is_allowed:
            assert Demand.of(before) == Demand.of(after)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_where_nothing_is_found_somebody_can_always_approve(data: st.DataObject) -> None:
    policy = data.draw(policies(3))
    stuck = {"slot.nobody", "person.two_stages"}
    if stuck & {each.code for each in check(policy, WORLD).findings}:
        return
    payment = replace(data.draw(payments()), totals={})
    verdict = policy.evaluate(payment, RATES)
    others = {who: roles for who, roles in PEOPLE.items() if who != payment.requester}
    if WORLD.has_rate(payment.amount.currency) and verdict.base_amount is None:
        return
    assert not assign(verdict.slots, others).missing


def test_gaps_are_named() -> None:
    found = report(
        "rules:\n  - {name: A, when: {payee: new, amount: {up_to: 10}}, "
        "require: [{role: controller}]}\n"
        "  - {name: B, when: {payee: trusted}, require: [{role: controller}]}\n"
    )
    assert "from 10.01 EUR, payee new" in said(found, "gap")
    assert "Payments in CHF have no rate, and the bands" in said(found, "gap.no_rate")
    assert found.is_sound, "who wrote it may mean it"


def test_a_currency_without_a_rate_is_told() -> None:
    found = report(EVERY)
    assert "CHF has no rate, so payments from chf meet every “amount”" in said(
        found, "currency.no_rate"
    )


def test_limits_in_vain_are_found() -> None:
    text = (
        EVERY + "  - {name: No yen, when: {currency: JPY}, refuse: true}\n"
        "limits:\n"
        "  - {name: Yen, per: company, most: 1, within: 1d, when: {currency: JPY}, "
        "refuse: true}\n"
        "  - {name: Crowns, per: company, most: 1, within: 1d, when: {currency: SEK}, "
        "refuse: true}\n"
        "  - {name: Same, per: company, most: 1, within: 1d, require: [{role: controller}]}\n"
        "  - {name: Real, per: company, most: 1, within: 1d, require: [{person: dong}]}\n"
    )
    found = report(text)
    assert "“Yen” is only about payments that are refused" in said(found, "limit.never_passed")
    assert "“Crowns” can never apply: no account is kept in SEK" in said(found, "limit.unreachable")
    assert "“Same” changes nothing" in said(found, "limit.redundant")


def test_nobody_who_may_ask_is_an_error() -> None:
    found = report(EVERY, replace(WORLD, requesters=()))
    assert codes(found) == ["requesters.none"]
    assert not found.is_sound


def test_a_policy_that_tells_apart_too_much_is_said_to() -> None:
    text = EVERY + "".join(
        f"  - {{name: T{n}, when: {{payee_tag: t{n}}}, require: [{{role: cfo}}]}}\n"
        for n in range(18)
    )
    assert codes(report(text)) == ["situations.too_many"]


def test_gaps_of_more_cells_than_a_table_holds_are_told_by_example() -> None:
    text = "rules:\n" + "".join(
        f"  - {{name: T{n}, when: {{payee_tag: t{n}, amount: {{from: {n + 1}}}}}, "
        "require: [{role: controller}]}\n"
        for n in range(11)
    )
    found = report(text)
    assert found.is_by_category
    assert "for instance 0.01 EUR from eur" in said(found, "gap")


def test_findings_are_sentences_with_a_remedy_and_errors_come_first() -> None:
    found = report("rules: [{name: A, when: {payee: new}, require: [{role: cfo, count: 2}]}]")
    severities = [each.severity for each in found.findings]
    assert severities == sorted(severities, key=lambda each: each is not Severity.ERROR)
    assert all(each.message.endswith(".") and each.remedy for each in found.findings)


# -- The example and what is written about it ------------------------------------------------------


GUIDE = EXAMPLE.parent / "docs" / "policy.md"


def test_the_guide_shows_a_policy_and_assertions_that_can_be_read() -> None:
    written, of_series = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    people = {
        "amara": frozenset({"staff"}),
        "bea": frozenset({"controller"}),
        "carl": frozenset({"cfo"}),
        "dora": frozenset({"controller", "treasurer"}),
    }
    policy = Policy.parse(
        written, base_currency="EUR", roles=EXAMPLE_ROLES, accounts=(), people=people
    )
    assert (len(policy.rules), len(policy.limits)) == (5, 1)
    again = Policy.parse(
        f"version: 1\n{of_series}", base_currency="EUR", roles=EXAMPLE_ROLES, accounts=()
    )
    assert [rule.series for rule in again.rules] == [Approve.ONCE, Approve.EACH]
    world = replace(
        WORLD,
        people=people,
        lanes=(replace(LANES[1], account="operating-usd"),),
        rates=Rates("EUR", {"CNY": Decimal("0.13"), "USD": Decimal("0.92")}),
    )
    (shown,) = re.findall(r"### Assertions\n\n```\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    for line in shown.splitlines():
        assert parse_assertion(line, world).text == line


EXAMPLE_ROLES = ("staff", "controller", "cfo", "treasurer")


def uncommented(text: str) -> str:
    """Return the example with all that it offers taken up."""
    return re.sub(r"^  #  ", "  ", text, flags=re.MULTILINE).replace("# limits:", "limits:")


@pytest.mark.parametrize("is_whole", [False, True])
def test_the_example_can_be_approved_by_the_example_company(is_whole: bool) -> None:
    people = {
        "amara": {"staff"},
        "bea": {"staff", "controller"},
        "carl": {"cfo", "treasurer"},
        "dora": {"controller", "accountant", "treasurer"},
        "emil": {"treasurer"},
        "farida": {"accountant"},
    }
    world = replace(
        WORLD,
        people={who: frozenset(roles) for who, roles in people.items()},
        requesters=("amara", "bea"),
        editors=(),
        lanes=(
            replace(LANES[0], account="operating-eur"),
            replace(LANES[1], account="operating-usd"),
        ),
        rates=Rates("EUR", {"USD": Decimal("0.92")}),
    )
    text = EXAMPLE.read_text()
    policy = Policy.parse(
        uncommented(text) if is_whole else text,
        base_currency="EUR",
        roles=world.roles,
        accounts=[lane.account for lane in world.lanes],
        people=people,
    )
    assert len(policy.limits) == (2 if is_whole else 0)
    found = check(policy, world)
    assert found.is_sound, [str(each) for each in found.findings]


def test_a_payment_is_said_in_words() -> None:
    usual = Facts(Money(125000, "EUR"), "eur", PayeeStanding.TRUSTED, frozenset())
    assert payment_words(usual) == "1,250.00 EUR from eur"
