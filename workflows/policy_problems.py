"""What can be wrong with a policy file: where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a policy file.

    Attributes:
        line: Where, counted from 1.
        code: Stable, such as ``role.unknown``.
        params: For a sentence about it; ``suggestion`` is empty where nothing is close.
    """

    line: int
    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What is wrong, in English."""
        return _SENTENCES[self.code][0].format_map(self.params)

    @property
    def remedy(self) -> str:
        """What to do about it, in English."""
        remedy = _SENTENCES[self.code][1].format_map(self.params)
        if self.params.get("suggestion"):
            return f"Did you mean “{self.params['suggestion']}”? {remedy}"
        return remedy

    def __str__(self) -> str:
        return f"line {self.line}: {self.message} {self.remedy}"


class PolicyErrors(Exception):
    """A policy file with mistakes: all of them, by line; ``str()`` gives one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


_ONE_OF = "Write one of: {known}."
_SENTENCES: Mapping[str, tuple[str, str]] = {
    "file.too_large": (
        "The policy is larger than {limit} KiB.",
        "Shorten it: rules can list several currencies, accounts and roles.",
    ),
    "file.empty": ("The policy is empty.", "Start from policy.example.yml."),
    "file.too_many": ("There are more mistakes than are told here.", "Mend these first."),
    "yaml.syntax": (
        "This is not valid YAML: {reason}.",
        "Check indentation, colons, brackets and quotes on this line and the one before.",
    ),
    "yaml.character": (
        "The character {character} cannot be used here.",
        "Delete it and save the file as UTF-8 text.",
    ),
    "yaml.alias": (
        "Anchors (&) and aliases (*) are not used in a policy.",
        "Write the value out, or put it in quotes if it is meant to start with that sign.",
    ),
    "yaml.tag": (
        "Tags (!) are not used in a policy.",
        "Delete the tag, or put the value in quotes if it is meant to start with “!”.",
    ),
    "yaml.depth": ("This is nested too deeply.", "Check the brackets and the indentation."),
    "shape.mapping": (
        "“{key}” must hold “name: value” entries.",
        "Indent entries under it, or write them in braces; policy.example.yml shows how.",
    ),
    "shape.list": (
        "“{key}” must be a list.",
        "Put “- ” before each entry, or the entries in [ ].",
    ),
    "shape.text": ("“{key}” must be a single value.", "Write one word, number or name after it."),
    "shape.empty": ("“{key}” is empty.", "Write a value after it, or delete the line."),
    "key.unknown": ("“{key}” is not known in {place}.", _ONE_OF),
    "key.duplicate": (
        "“{key}” is given twice; the first is on line {first}.",
        "Keep one of them.",
    ),
    "key.missing": ("“{key}” is missing in {place}.", "Add “{key}: {example}”."),
    "version.unsupported": (
        "Version “{version}” of the policy language is not known to this release.",
        "Write “version: {known}”, or install the release that the policy was written for.",
    ),
    "duration.malformed": (
        "“{value}” is not a length of time.",
        "Write a whole number and m, h or d, such as 90m, 72h or 3d.",
    ),
    "duration.too_long": (
        "“{value}” is longer than {days} days.",
        "Write {days}d or less: a request should not wait for ever.",
    ),
    "rules.none": ("There is no rule, so nothing could ever be paid.", "Add a rule."),
    "name.malformed": (
        "“{name}” cannot be shown to people as a rule's name.",
        "Use 1 to {longest} visible characters on one line.",
    ),
    "name.duplicate": (
        "Another rule is called “{name}”, on line {first}.",
        "Give each rule its own name: people are told which rule asked for what.",
    ),
    "require.none": (
        "The rule “{name}” asks for nobody.",
        "Add “require: [ {{ role: ... }} ]”, or “refuse: true” if it is to forbid.",
    ),
    "require.role_twice": (
        "The role “{who}” is asked for twice in one stage of a rule.",
        "Write it once, with “count” for how many persons.",
    ),
    "require.person_twice": (
        "“{who}” is asked for twice in one rule.",
        "Write the person once: nobody fills two places.",
    ),
    "require.role_and_person": (
        "A requirement is for a role or for a person, not for both.",
        "Delete one of them, or make two requirements.",
    ),
    "require.count_of_person": (
        "“count” says nothing about one person.",
        "Delete “count”, or ask for a role.",
    ),
    "limit.whose_role": (
        "“per: role” adds up what people of a role ask for, and no role is named.",
        "Add “when: {{ requester_role: ... }}”.",
    ),
    "refuse.value": (
        "“refuse” can only be true, not “{value}”.",
        "Write “refuse: true”, or delete the line.",
    ),
    "refuse.alone": (
        "A rule that refuses cannot also have “{key}”.",
        "Delete “{key}” or “refuse”, or make two rules of it.",
    ),
    "count.malformed": ("“{value}” is not a whole number.", "Write 1 to {largest}."),
    "count.range": ("“{key}” cannot be {value}.", "Write 1 to {largest}."),
    "role.unknown": ("There is no role “{value}” in the settings.", _ONE_OF),
    "account.unknown": ("There is no account “{value}” in the settings.", _ONE_OF),
    "payee.unknown": ("“{value}” is not a standing of payees.", _ONE_OF),
    "person.unknown": ("There is nobody with the id “{value}” in the settings.", _ONE_OF),
    "connector.unknown": ("There is no connection “{value}” in the settings.", _ONE_OF),
    "series.unknown": ("“{value}” is not how a series is approved.", _ONE_OF),
    "kind.unknown": ("“{value}” is not a kind of payment.", _ONE_OF),
    "time.unknown": ("“{value}” is not a time that rules know.", _ONE_OF),
    "per.unknown": ("A limit cannot count per “{value}”.", _ONE_OF),
    "factor.unknown": ("“{value}” is not a second factor that people have here.", _ONE_OF),
    "payee_country.unknown": (
        "“{value}” is not a country code.",
        "Write two capital letters (ISO 3166), such as DE.",
    ),
    "payee_tag.unknown": (
        "“{value}” cannot be a tag.",
        "Use letters, digits, dots and hyphens, at most 40 of them.",
    ),
    "currency.unknown": (
        "“{value}” is not a currency that payments are made in.",
        "Write its ISO 4217 code in capitals, such as EUR.",
    ),
    "amount.malformed": (
        "“{value}” is not an amount.",
        "Write digits with at most one point and no grouping, such as 1000 or 1000.50.",
    ),
    "amount.decimals": (
        "“{value}” has more decimals than {currency} has ({digits}).",
        "Amounts in rules are in {currency}, the company's base currency.",
    ),
    "amount.too_large": ("“{value}” is larger than any payment.", "Write a smaller amount."),
    "amount.two_edges": (
        "“{key}” and “{other}” both set the same edge of the amounts.",
        "Keep one: from and up_to include their amount, above and below do not.",
    ),
    "amount.no_payment": (
        "No payment can have such an amount: the band ends before it starts.",
        "Exchange the amounts, or widen the band; payments are above zero.",
    ),
}
