"""The policy language: what it means, and that each mistake is told with its line and remedy."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import MoneyError
from workflows.policy import Band, Per, Policy, PolicyErrors, Problem, Rule, Slot, When

ROLES = ("staff", "controller", "cfo", "treasurer")
ACCOUNTS = ("operating-eur", "operating-usd")
EXAMPLE = Path(__file__).parents[2] / "policy.example.yml"

START = """version: 1
rules:
  - name: Every payment
    require: [ { role: controller } ]
"""
"""Lines 1 to 4 of the policies below; what a test is about starts on line 5."""


def parse(text: str, base: str = "EUR") -> Policy:
    return Policy.parse(
        text,
        base_currency=base,
        roles=ROLES,
        accounts=ACCOUNTS,
        people=("amara", "bea"),
        connectors=("bank",),
    )


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(PolicyErrors) as caught:
        parse(text)
    return caught.value.problems


def rule_with(line: str) -> str:
    """Return a policy whose second rule has ``line`` as its own, on line 7."""
    return START + f"  - name: Other\n    require: [ {{ role: cfo }} ]\n    {line}\n"


def test_the_example_is_a_policy_of_the_example_company() -> None:
    policy = parse(EXAMPLE.read_text())
    assert policy.rules[0].when == When(), "the example covers every payment"
    assert any(rule.refuse for rule in policy.rules)


def test_what_is_left_out_has_a_default() -> None:
    policy = parse(START)
    life = timedelta(hours=72)
    assert policy.rules == (Rule("Every payment", When(), (Slot("controller", 1),), life),)
    assert policy.expires_after == life


def test_a_rule_lives_as_long_as_it_says_and_else_as_the_policy_says() -> None:
    text = "expires_after: 2d\n" + rule_with("expires_after: 90m")
    assert [rule.expires_after for rule in parse(text).rules] == [
        timedelta(days=2),
        timedelta(minutes=90),
    ]


def test_words_that_yaml_would_turn_into_values_stay_words() -> None:
    roles = ("no", "1_000", "12:30")
    text = "version: 1\nrules: [{name: 2024-01-01, require: [{role: no}, {role: 1_000, count: 3}]}]"
    policy = Policy.parse(text, base_currency="EUR", roles=roles, accounts=())
    assert policy.rules[0].name == "2024-01-01"
    assert policy.rules[0].require == (Slot("no"), Slot("1_000", 3))


def test_names_are_shown_on_one_line_in_composed_form() -> None:
    policy = parse(
        'version: 1\nrules: [{name: "From\u00a01\u202f000\n  up cafe\u0301", refuse: true}]'
    )
    assert policy.rules[0].name == "From 1 000 up café"


# -- Mistakes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "message", "remedy"),
    [
        ("when: { amount: { from: 1,5 } }", "key.unknown", "“5” is not known", "Write one of"),
        ("when: { amount: { from: 1 000 } }", "amount.malformed", "“1 000”", "no grouping"),
        ("when: { amount: { from: 1_000 } }", "amount.malformed", "“1_000”", "no grouping"),
        ("when: { amount: { from: 1e3 } }", "amount.malformed", "“1e3”", "such as 1000"),
        ("when: { amount: { from: -5 } }", "amount.malformed", "“-5”", "such as 1000"),
        ("when: { amount: { from: .nan } }", "amount.malformed", "“.nan”", "such as 1000"),
        ("when: { amount: { from: 0.005 } }", "amount.decimals", "more decimals than EUR", "EUR"),
        (
            "when: { amount: { up_to: 9999999999999999 } }",
            "amount.too_large",
            "any payment",
            "small",
        ),
        (
            "when: { amount: { from: 9, up_to: 8.99 } }",
            "amount.no_payment",
            "No payment",
            "Exchange",
        ),
        ("when: { amount: { above: 1, below: 1.01 } }", "amount.no_payment", "No payment", "widen"),
        ("when: { amount: { up_to: 0 } }", "amount.no_payment", "No payment", "above zero"),
        (
            "when: { amount: { from: 1, above: 2 } }",
            "amount.two_edges",
            "“above” and “from”",
            "Keep",
        ),
        ("when: { amount: { up_to: 1, below: 2 } }", "amount.two_edges", "same edge", "Keep one"),
        ("when: { amount: { over: 2 } }", "key.unknown", "“over”", "from, above, up_to, below"),
        ("when: { amount: 1000 }", "shape.mapping", "“amount” must hold", "braces"),
        ("when: { amount: {} }", "shape.empty", "“amount” is empty", "delete"),
        ("when: { amount: { from: } }", "shape.empty", "“from” is empty", "Write a value"),
        ("when: { amount: { from: [1] } }", "shape.text", "“from” must be a single", "Write one"),
        ("when: {}", "shape.empty", "“when” is empty", "delete"),
        ("when: [ payee ]", "shape.mapping", "“when” must hold", "braces"),
        ("when:", "shape.mapping", "“when” must hold", "Indent"),
        ("when: { curency: USD }", "key.unknown", "“curency”", "Did you mean “currency”?"),
        ("when: { currency: usd }", "currency.unknown", "“usd”", "Did you mean “USD”?"),
        ("when: { currency: ZZZ }", "currency.unknown", "“ZZZ”", "ISO 4217"),
        ("when: { currency: [XAU] }", "currency.unknown", "“XAU”", "ISO 4217"),
        ("when: { currency: [] }", "shape.empty", "“currency” is empty", "Write a value"),
        ("when: { currency: [[EUR]] }", "shape.text", "“currency” must be", "Write one"),
        (
            "when: { account: operating-eu }",
            "account.unknown",
            "“operating-eu”",
            "“operating-eur”?",
        ),
        ("when: { payee: nwe }", "payee.unknown", "“nwe”", "Write one of: trusted, new."),
        ("when: { requester_role: Staff }", "role.unknown", "“Staff”", "Did you mean “staff”?"),
        ("when: { requester_role: zz }", "role.unknown", "“zz”", "one of: cfo, controller, staff"),
        ("expires_after: 3 weeks", "duration.malformed", "“3 weeks”", "such as 90m, 72h or 3d"),
        ("expires_after: 72", "duration.malformed", "“72”", "m, h or d"),
        ("expires_after: 0h", "duration.malformed", "“0h”", "whole number"),
        ("expires_after: 91d", "duration.too_long", "longer than 90 days", "90d or less"),
        ("expires_after:", "shape.empty", "“expires_after” is empty", "delete the line"),
        ("expires: 3h", "key.unknown", "“expires” is not known in a rule", "“expires_after”?"),
        ("name: Again", "key.duplicate", "“name” is given twice; the first is on line 5", "Keep"),
        ("? [a]\n    : b", "shape.text", "a key of a rule", "Write one"),
        ("refuse: false", "refuse.value", "not “false”", "refuse: true"),
        ("refuse: []", "shape.text", "“refuse” must be a single", "Write one"),
        ("when: { payee: &x new }", "yaml.alias", "Anchors (&)", "in quotes"),
        ("when: { payee: *x }", "yaml.alias", "aliases (*)", "Write the value out"),
        ("when: { payee: !!str new }", "yaml.tag", "Tags (!)", "Delete the tag"),
        ("when: { payee: !x new }", "yaml.tag", "Tags (!)", "Delete the tag"),
        ("when: " + "[" * 20, "yaml.depth", "nested too deeply", "brackets"),
        ("<<: { refuse: true }", "key.unknown", "“<<” is not known", "Write one of"),
        ('when: { payee: "\\q" }', "yaml.syntax", "unknown escape", "quotes"),
        ('when: { payee: "\\UFFFFFFFF" }', "yaml.syntax", "out of range", "quotes"),
    ],
)
def test_a_mistake_in_a_rule_has_line_and_remedy(
    line: str, code: str, message: str, remedy: str
) -> None:
    found = [each for each in problems_of(rule_with(line)) if each.code == code]
    assert [each.line for each in found] == [7]
    assert message in found[0].message
    assert remedy in found[0].remedy
    assert str(found[0]) == f"line 7: {found[0].message} {found[0].remedy}"


@pytest.mark.parametrize(
    ("requirement", "code", "message"),
    [
        ("[]", "require.none", "“Other” asks for nobody"),
        ("", "shape.empty", "“require” is empty"),
        ("cfo", "shape.list", "“require” must be a list"),
        ("{ role: cfo }", "shape.list", "“require” must be a list"),
        ("[ cfo ]", "shape.mapping", "“require” must hold"),
        ("[ {} ]", "key.missing", "“role” is missing in a requirement"),
        ("[ { role: ceo } ]", "role.unknown", "no role “ceo”"),
        ("[ { role: } ]", "shape.empty", "“role” is empty"),
        ("[ { role: null } ]", "shape.empty", "“role” is empty"),
        ("[ { role: cfo, count: 0 } ]", "count.range", "cannot be 0"),
        ("[ { role: cfo, count: -1 } ]", "count.range", "cannot be -1"),
        ("[ { role: cfo, count: 21 } ]", "count.range", "cannot be 21"),
        ("[ { role: cfo, count: 1.0 } ]", "count.malformed", "“1.0”"),
        ("[ { role: cfo, count: two } ]", "count.malformed", "“two”"),
        ("[ { role: cfo, count: 0x2 } ]", "count.malformed", "“0x2”"),
        ("[ { role: cfo }, { role: cfo } ]", "require.role_twice", "“cfo” is asked for twice"),
        ("[ { role: cfo, factor: key } ]", "factor.unknown", "“key” is not a second factor"),
        ("[ { role: cfo, stage: 10 } ]", "count.range", "“stage” cannot be 10"),
        ("[ { role: cfo, stage: x } ]", "count.malformed", "“x” is not a whole number"),
        ("[ { role: cfo, level: 2 } ]", "key.unknown", "“level” is not known"),
        ("[ { role: cfo, person: bea } ]", "require.role_and_person", "not for both"),
        ("[ { person: bae } ]", "person.unknown", "nobody with the id “bae”"),
        ("[ { person: bea, count: 2 } ]", "require.count_of_person", "“count” says nothing"),
        ("[ { person: bea }, { person: bea, stage: 2 } ]", "require.person_twice", "“bea”"),
        ("[ { role: cfo, role: staff } ]", "key.duplicate", "the first is on line 6"),
    ],
)
def test_a_mistake_in_what_is_required_has_a_line(
    requirement: str, code: str, message: str
) -> None:
    (problem,) = problems_of(START + f"  - name: Other\n    require: {requirement}\n")
    assert (problem.line, problem.code) == (6, code)
    assert message in problem.message
    assert problem.remedy


def test_a_rule_asks_for_somebody_or_refuses_and_never_both() -> None:
    (problem,) = problems_of(START + "  - name: Nobody\n    when: { payee: new }\n")
    assert (problem.line, problem.code) == (5, "require.none")
    assert problem.remedy == (
        "Add “require: [ { role: ... } ]”, or “refuse: true” if it is to forbid."
    )
    (problem,) = problems_of(rule_with("refuse: true"))
    assert (problem.line, problem.code, problem.params) == (6, "refuse.alone", {"key": "require"})
    text = START + "  - name: No\n    refuse: true\n    expires_after: 2h\n"
    assert [(each.line, each.code) for each in problems_of(text)] == [(7, "refuse.alone")]


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("", 1, "file.empty"),
        ("# nothing\n\n", 1, "file.empty"),
        ("~", 1, "file.empty"),
        ("a" * (256 * 1024 + 1), 1, "file.too_large"),
        ("é" * (200 * 1024), 1, "file.too_large"),
        ("version: 1\n\nrules: \x07", 3, "yaml.character"),
        ("version: 1\nrules:\n\t- name: x", 3, "yaml.syntax"),
        ("version: 1\nrules: [\n", 3, "yaml.syntax"),
        (START + "---\nversion: 1\n", 5, "yaml.syntax"),
        ("%YAML 1." + "9" * 5000 + "\n---\n", 1, "yaml.syntax"),
        ("- version", 1, "shape.mapping"),
        ("hello", 1, "shape.mapping"),
        ("\n" + START.replace("version: 1", "# no version"), 3, "key.missing"),
        ("version: 1", 1, "key.missing"),
        ("version: 1\nrules:", 2, "shape.empty"),
        ("version: 1\nrules: []", 2, "rules.none"),
        ("version: 1\nrules: {}", 2, "shape.list"),
        ("version: 1\nrules: [ x ]", 2, "shape.mapping"),
        (START.replace("version: 1", "version: 2"), 1, "version.unsupported"),
        (START.replace("version: 1", "version: 1.0"), 1, "version.unsupported"),
        (START.replace("version: 1", "version: 1\nversoin: 1"), 2, "key.unknown"),
        (START + "rules: []\n", 5, "key.duplicate"),
        (START.replace("name: Every payment", "require: [{role: cfo}]"), 3, "key.missing"),
        (START.replace("Every payment", '"\\e[2J"'), 3, "name.malformed"),
        (START.replace("Every payment", '"\\uD800"'), 3, "name.malformed"),
        (START.replace("Every payment", '"a\\u202Eb"'), 3, "name.malformed"),
        (START.replace("Every payment", "x" * 81), 3, "name.malformed"),
    ],
)
def test_a_mistake_in_the_file_has_a_line(text: str, line: int, code: str) -> None:
    found = [(each.line, each.code) for each in problems_of(text)]
    assert (line, code) in found


def test_rules_have_different_names_for_people() -> None:
    (problem,) = problems_of(START + "  - { name: every  PAYMENT, refuse: true }\n")
    assert (problem.line, problem.code) == (5, "name.duplicate")
    assert "on line 3" in problem.message


def test_all_mistakes_are_told_at_once_and_by_line() -> None:
    text = """version: 1
rules:
  - name: One
    when: { currency: [EUR, euro], payee: unknown }
    require:
      - { role: ceo }
      - { role: cfo, count: 99 }
  - name: One
    refuse: yes
expires_after: soon
"""
    with pytest.raises(PolicyErrors) as caught:
        parse(text)
    assert [(each.line, each.code) for each in caught.value.problems] == [
        (4, "currency.unknown"),
        (4, "payee.unknown"),
        (6, "role.unknown"),
        (7, "count.range"),
        (8, "name.duplicate"),
        (9, "refuse.value"),
        (10, "duration.malformed"),
    ]
    assert str(caught.value).splitlines() == [str(each) for each in caught.value.problems]


def test_a_flood_of_mistakes_is_cut_short() -> None:
    problems = problems_of("version: 1\nrules: [" + "a," * 5000 + "]")
    assert len(problems) == 51
    assert problems[-1].code == "file.too_many"


def test_messages_cannot_steer_a_terminal() -> None:
    (problem,) = problems_of(rule_with('when: { account: "\\e[2J\\u202E\\nx" }'))
    assert str(problem).isprintable()


def test_a_settings_file_without_roles_is_told_so() -> None:
    with pytest.raises(PolicyErrors) as caught:
        Policy.parse(START, base_currency="EUR", roles=(), accounts=())
    assert "the settings have none" in caught.value.problems[0].remedy
    with pytest.raises(MoneyError):
        parse(START, base="DOLLAR")


# -- Whatever the text -----------------------------------------------------------------------------


def _try(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        parse(text)
    except PolicyErrors as errors:
        problems = errors.problems or (Problem(0, "file.empty"),)  # never without a mistake
    last = 2 + sum(text.count(end) for end in "\n\r\x85\u2028\u2029")
    for each in problems:
        assert 1 <= each.line <= last
        assert each.message
        assert each.remedy
        assert str(each).isprintable()


@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_is_a_policy_or_has_problems(text: str) -> None:
    _try(text)


_SIGNS = [*"{}[]:,-&*!%|>'\"#?\n\\ ~@`=", "\n  ", "\n    - ", ": ", "- ", "<<", "---", "..."]
_ODDITIES = ["\u2028", "\ufeff", "\\x", "\\U0011FFFF", "%YAML 1.1", "%TAG ! x", "!!map", "0"]
_WORDS = ["version: 1", "rules:", "name: a", "when:", "require:", "role: cfo", "refuse: true"]
_PIECES = st.sampled_from([*_SIGNS, *_ODDITIES, *_WORDS, "amount", "from", "up_to", "1000"])


@given(st.lists(_PIECES, max_size=60).map("".join))
def test_any_tangle_of_yaml_is_a_policy_or_has_problems(text: str) -> None:
    _try(text)


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["version", "rules", "name", "when", "require", "role", "amount"])
            | st.sampled_from(["from", "currency", "count", "expires_after", "refuse", "account"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(_TREES, st.booleans())
def test_any_yaml_data_is_a_policy_or_has_problems(tree: object, flow: bool) -> None:
    rule = {"name": "a", "when": tree, "require": tree, "refuse": tree}
    for data in (tree, {"version": 1, "rules": tree}, {"version": 1, "rules": [rule, tree]}):
        _try(yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True))


# -- The hash --------------------------------------------------------------------------------------


_AMOUNTS = st.integers(1, 10**9).map(lambda minor: f"{minor // 100}.{minor % 100:02}")
_WHEN = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.fixed_dictionaries({"from": _AMOUNTS}),
        "currency": st.lists(st.sampled_from(["EUR", "USD", "JPY"]), min_size=1, unique=True),
        "account": st.lists(st.sampled_from(ACCOUNTS), min_size=1, unique=True),
        "payee": st.sampled_from(["new", "trusted"]),
    },
).filter(bool)
_RULES = st.lists(
    st.fixed_dictionaries(
        {
            "require": st.lists(
                st.fixed_dictionaries(
                    {"role": st.sampled_from(ROLES)}, optional={"count": st.integers(1, 20)}
                ),
                min_size=1,
                max_size=3,
                unique_by=lambda slot: str(slot["role"]),
            )
        },
        optional={"when": _WHEN, "expires_after": st.sampled_from(["72h", "3d", "30m"])},
    ),
    min_size=1,
    max_size=4,
).map(lambda rules: [{"name": f"Rule {n}", **rule} for n, rule in enumerate(rules)])


@given(_RULES)
def test_layout_comments_and_quotes_do_not_change_the_hash(rules: list[dict[str, object]]) -> None:
    data = {"version": 1, "rules": rules}
    plain = yaml.safe_dump(data, sort_keys=False)
    spaced = "".join(f"# why\n{line}   # because\n\n" for line in plain.splitlines())
    shuffled = yaml.safe_dump(data, sort_keys=True, default_flow_style=True, width=30, indent=7)
    hashes = {parse(text).hash for text in (plain, spaced, shuffled, json.dumps(data))}
    assert len(hashes) == 1


def test_equal_meaning_has_an_equal_hash() -> None:
    one = rule_with("when: { amount: { above: 999.99, below: 2000.01 }, currency: [USD, EUR] }")
    two = rule_with("when: { currency: [EUR, USD], amount: { from: 1000, up_to: '2000.00' } }")
    assert parse(one).hash == parse(two).hash == parse("expires_after: 3d\n" + one).hash


@pytest.mark.parametrize(
    "other",
    [
        START.replace("Every", "Any"),
        START.replace("controller", "cfo"),
        START.replace("controller", "controller, count: 2"),
        START + "    when: { payee: new }\n",
        START + "    expires_after: 71h\n",
        START + "expires_after: 71h\n",
        START + "  - { name: No, when: { payee: new }, refuse: true }\n",
    ],
)
def test_another_meaning_has_another_hash(other: str) -> None:
    assert parse(other).hash != parse(START).hash
    assert parse(START, base="USD").hash != parse(START, base="EUR").hash


# -- What rules can say ----------------------------------------------------------------------------

WHOLE = """
  - name: Everything a rule can say
    when:
      amount: { above: 10, below: 1000.50 }
      currency: [EUR]
      kind: [single, internal]
      account: operating-eur
      connector: bank
      payee: new
      payee_country: [NO, DE]
      payee_tag: [charity, ng-o]
      payee_changed_within: 30d
      requester: amara
      requester_role: staff
      time: [weekend, near_cut_off, outside_hours]
    require:
      - { role: controller }
      - { person: bea, stage: 2, factor: totp }
      - { role: controller, count: 2, stage: 2 }
    cool_off: 12h
limits:
  - name: Staff in a week
    per: role
    most: 5000
    within: 7d
    when: { requester_role: staff, kind: single }
    require: [ { role: cfo } ]
  - name: One payee in a year
    per: payee
    most: 1000000
    within: 366d
    refuse: true
"""


def test_everything_a_rule_can_say() -> None:
    policy = parse(START + WHOLE.lstrip("\n"))
    rule = policy.rules[1]
    assert rule.when == When(
        amount=Band(1001, 100049),
        currency=frozenset({"EUR"}),
        kind=frozenset({"single", "internal"}),
        account=frozenset({"operating-eur"}),
        connector=frozenset({"bank"}),
        payee=frozenset({"new"}),
        payee_country=frozenset({"NO", "DE"}),
        payee_tag=frozenset({"charity", "ng-o"}),
        payee_changed_within=timedelta(days=30),
        requester=frozenset({"amara"}),
        requester_role=frozenset({"staff"}),
        time=frozenset({"weekend", "near_cut_off", "outside_hours"}),
    )
    assert rule.require == (
        Slot("controller"),
        Slot(person="bea", stage=2, factor="totp"),
        Slot("controller", 2, stage=2),
    )
    assert rule.cool_off == timedelta(hours=12)
    staff, payee = policy.limits
    assert (staff.per, staff.most, staff.within) == (Per.ROLE, 500000, timedelta(days=7))
    assert staff.when == When(kind=frozenset({"single"}), requester_role=frozenset({"staff"}))
    assert (staff.require, staff.refuse) == ((Slot("cfo"),), False)
    assert (payee.per, payee.require, payee.refuse) == (Per.PAYEE, (), True)


def test_a_policy_that_says_nothing_new_keeps_its_hash() -> None:
    """Hashes are on the record; what older versions recorded must still be the same policy's."""
    data = json.loads(parse(START).as_json())
    assert data == {
        "version": "1",
        "base_currency": "EUR",
        "expires_after": 259200,
        "rules": [
            {
                "name": "Every payment",
                "when": {},
                "require": [{"role": "controller", "count": 1}],
                "expires_after": 259200,
                "refuse": False,
            }
        ],
    }


def test_whatever_is_said_changes_the_hash() -> None:
    whole = START + WHOLE.lstrip("\n")
    changes = (
        ("stage: 2, factor", "stage: 3, factor"),
        ("factor: totp", "factor: any"),
        ("12h", "13h"),
        ("kind: [single, internal]", "kind: [single]"),
        ("30d", "29d"),
        ("[NO, DE]", "[NO]"),
        ("ng-o", "ngo"),
        ("weekend, ", ""),
        ("most: 5000", "most: 5001"),
        ("within: 7d", "within: 8d"),
        ("per: payee", "per: company"),
        ("refuse: true", "require: [ { role: cfo } ]"),
    )
    hashes = {parse(whole).hash}
    for before, after in changes:
        assert whole.count(before) == 1
        hashes.add(parse(whole.replace(before, after)).hash)
    assert len(hashes) == 1 + len(changes)


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("when: { kind: gift }", "kind.unknown", "“gift” is not a kind of payment"),
        ("when: { connector: bnak }", "connector.unknown", "no connection “bnak”"),
        ("when: { payee_country: de }", "payee_country.unknown", "“de” is not a country"),
        ("when: { payee_tag: [a b] }", "payee_tag.unknown", "“a b” cannot be a tag"),
        ("when: { payee_changed_within: 400d }", "duration.too_long", "longer than 366 days"),
        ("when: { payee_changed_within: soon }", "duration.malformed", "not a length of time"),
        ("when: { requester: cleo }", "person.unknown", "nobody with the id “cleo”"),
        ("when: { time: night }", "time.unknown", "“night” is not a time"),
        ("cool_off: 1w", "duration.malformed", "not a length of time"),
    ],
)
def test_a_mistake_in_what_is_new_has_line_and_remedy(line: str, code: str, message: str) -> None:
    (problem,) = problems_of(rule_with(line))
    assert (problem.line, problem.code) == (7, code)
    assert message in problem.message
    assert problem.remedy


LIMIT = "{ name: L, per: payee, most: 10, within: 1d, require: [ { role: cfo } ] }"


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("name: L, ", "", "key.missing"),
        ("per: payee, ", "", "key.missing"),
        ("most: 10, ", "", "key.missing"),
        ("within: 1d, ", "", "key.missing"),
        ("per: payee", "per: planet", "per.unknown"),
        ("per: payee", "per: role", "limit.whose_role"),
        ("most: 10", "most: ten", "amount.malformed"),
        ("within: 1d", "within: 367d", "duration.too_long"),
        ("require: [ { role: cfo } ]", "require: []", "require.none"),
        ("require: [ { role: cfo } ]", "refuse: false", "refuse.value"),
        ("name: L", "name: Every payment", "name.duplicate"),
        ("name: L", "name: L, when: { amount: { from: 5 } }", "key.unknown"),
        ("name: L", "name: L, when: { payee: new }", "key.unknown"),
        ("name: L", "name: L, expires_after: 5h", "key.unknown"),
    ],
)
def test_a_mistake_in_a_limit_has_a_line(before: str, after: str, code: str) -> None:
    assert LIMIT.count(before) == 1
    (problem,) = problems_of(START + "limits:\n  - " + LIMIT.replace(before, after) + "\n")
    assert (problem.line, problem.code) == (6, code)
    assert problem.message
    assert problem.remedy
