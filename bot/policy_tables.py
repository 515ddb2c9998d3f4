"""What ``countersign policy`` prints."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from connectors.money import Money
from workflows.company import Company
from workflows.policy import Approve, Policy, Slot, Verdict
from workflows.policy_assertions import Proof
from workflows.policy_cells import Demand
from workflows.policy_check import Report, amount_words
from workflows.policy_explain import Explanation, LimitTrace, RuleTrace, Standing, Unmet
from workflows.policy_findings import Finding, Severity
from workflows.policy_history import Outcome, Replayed
from workflows.policy_rows import Row, duration
from workflows.policy_rules import ANY_FACTOR
from workflows.policy_world import World

_PIPE_WIDTH = 140
"""Columns where nobody watches: enough that a log can be searched line by line."""
_MOST_ROWS = 200
_BY_CATEGORY = (
    "A payment gets no less than any row says that it fits. --all gives each payment one row."
)

_PROPOSED = (
    "The settings and the policy file differ from what was agreed to: they are not in force "
    "(countersign charter)."
)

_COLOURS = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Outcome.REFUSED: "bold red",
    Outcome.STRICTER: "yellow",
    Outcome.LOOSER: "bold magenta",
    Outcome.DIFFERENT: "cyan",
    Outcome.UNCHANGED: "green",
}


def _console() -> Console:
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def _text(words: str, style: str = "") -> Text:
    """Return words of people, in which nothing is an instruction to the terminal."""
    return Text(
        "".join(each if each.isprintable() or each == "\n" else "?" for each in words), style
    )


def _add(table: Table, *cells: str | Text) -> None:
    table.add_row(*(_text(each) if isinstance(each, str) else each for each in cells))


# -- Words -----------------------------------------------------------------------------------------


def who(slots: Iterable[Slot]) -> str:
    """Return slots in words, stage by stage: ``1 cfo + @amara, then 2 controller``."""
    stages: dict[int, list[str]] = {}
    for slot in sorted(slots, key=lambda slot: (bool(slot.person), slot.who)):
        factor = "" if slot.factor == ANY_FACTOR else f" by {slot.factor}"
        count = "" if slot.person else f"{slot.count} "
        stages.setdefault(slot.stage, []).append(f"{count}{slot.who}{factor}")
    return ", then ".join(" + ".join(stages[stage]) for stage in sorted(stages))


def _length(length: timedelta) -> str:
    return duration(length) if length else "–"


def _demand(demand: Demand) -> str:
    if demand.is_allowed:
        return who(demand.slots)
    return f"refused: {demand.refused_by}" if demand.refused_by else "refused: no rule covers it"


# -- check -----------------------------------------------------------------------------------------


def show_report(policy: Policy, world: World, report: Report) -> None:
    """Print what a policy comes to."""
    console = _console()
    table = _table(
        f"amount ({policy.base_currency})",
        "conditions",
        "who must approve",
        "persons",
        "cools off",
        "expires",
        "because of",
        right=("persons",),
    )
    for row in report.rows[:_MOST_ROWS]:
        _add(table, *_check_row(row))
    console.print(_text("The weakest approval any payment can get", "bold"))
    if report.is_by_category:
        console.print(_text(_BY_CATEGORY, "dim"))
    console.print(table)
    if len(report.rows) > _MOST_ROWS:
        console.print(_text(f"and {len(report.rows) - _MOST_ROWS} more\n"))
    _show_limits(console, policy)
    for finding in report.findings:
        _show_finding(console, finding)
    errors = sum(each.severity is Severity.ERROR for each in report.findings)
    warnings = len(report.findings) - errors
    rates = ", ".join(f"{code} {rate:f}" for code, rate in sorted(world.rates.rates.items()))
    counted = f"{_count(len(policy.rules), 'rule')}, {_count(len(policy.limits), 'limit')}"
    console.print(
        _text(
            f"policy {policy.hash[:12]}: {counted}; {_count(len(world.requesters), 'person')} may "
            f"ask for payments; rates of today: {rates or 'none'}\n"
            f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
        )
    )


def _count(number: int, word: str) -> str:
    plural = "people" if word == "person" else f"{word}s"
    return f"{number} {word if number == 1 else plural}"


def _check_row(row: Row) -> list[str | Text]:
    demand = row.demand
    if not demand.is_allowed:
        refused: Text = _text(_demand(demand), "red")
        return [row.amounts, ", ".join(row.conditions), refused, "", "", "", ", ".join(row.rules)]
    return [
        row.amounts,
        ", ".join(row.conditions),
        " or ".join(who(each.slots) for each in (demand, *row.others)),
        str(demand.approvers),
        _length(demand.cool_off),
        duration(demand.expires_after),
        ", ".join(row.rules),
    ]


def _show_limits(console: Console, policy: Policy) -> None:
    if not policy.limits:
        return
    table = _table(
        "limit", "more than", "within", "per", "about", "then also", right=("more than",)
    )
    for limit in policy.limits:
        about = [f"{key} {_values(value)}" for key, value in limit.when.as_data().items()]
        _add(
            table,
            limit.name,
            amount_words(Money(limit.most, policy.base_currency)),
            duration(limit.within),
            str(limit.per),
            ", ".join(about) or "every payment",
            _text("refused", "red") if limit.refuse else who(limit.require),
        )
    console.print(_text("What is asked besides, once other payments have used a limit up", "bold"))
    console.print(table)


def _values(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _show_finding(console: Console, finding: Finding) -> None:
    line = _text(f"{finding.severity}: ", _COLOURS[finding.severity])
    line.append_text(_text(finding.message))
    console.print(line)
    console.print(Padding(_text(finding.remedy, "dim"), (0, 0, 1, 4), expand=False))


def show_proofs(proofs: Iterable[Proof], world: World) -> None:
    """Print what became of assertions."""
    console = _console()
    for proof in proofs:
        text = proof.assertion.text
        found = proof.counter_example
        if found is None:
            kinds = f"{_count(proof.kinds, 'kind')} of payments" if proof.kinds else ""
            line = _text("holds: ", "green")
            line.append_text(_text(f"{text} ({kinds or 'no payment can be like that'})"))
            console.print(line)
            continue
        line = _text("DOES NOT HOLD: ", "bold red")
        line.append_text(_text(text))
        console.print(line)
        payment = found.payment
        table = Table.grid(padding=(0, 2))
        for name, value in (
            ("counter-example", amount_words(payment.amount)),
            ("from", f"{payment.account} by {payment.connector}"),
            ("kind", str(payment.kind)),
            ("payee", f"{payment.payee}, in {payment.payee_country}"),
            ("payee's tags", ", ".join(sorted(payment.payee_tags)) or "none"),
            ("bank details", _changed(payment.payee_changed)),
            ("asked for by", f"{payment.requester} ({', '.join(sorted(payment.requester_roles))})"),
            ("at", ", ".join(sorted(payment.moments)) or "a usual time"),
            ("needs only", who(found.verdict.slots)),
            ("cools off", _length(found.verdict.cool_off)),
            ("expires within", duration(found.verdict.expires_after)),
            ("because of", ", ".join(found.verdict.matched)),
        ):
            _add(table, _text(name, "dim"), value)
        console.print(Padding(table, (0, 0, 1, 4), expand=False))


def _changed(ago: timedelta | None) -> str:
    return "never changed" if ago is None else f"changed {ago.days} days and less before"


# -- explain ---------------------------------------------------------------------------------------


def show_explanation(company: Company, found: Explanation, *, is_in_force: bool) -> None:
    """Print why an order needs what it needs.

    Args:
        is_in_force: Whether today's settings have been agreed to.
    """
    console = _console()
    order, facts = found.order, found.facts
    asked_at = order.versioned_at.astimezone(company.timezone)
    console.print(
        _text(
            f"{order.id}: {amount_words(order.amount)} from {order.account_id} to "
            f"{order.creditor_name}, {order.state}",
            "bold",
        )
    )
    base = found.today.verdict.base_amount
    gone = ", who is not in the settings any more" if found.left else ""
    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("asked for by", f"{_name(company, order.requester_id)}{gone}"),
        ("their roles", ", ".join(sorted(facts.requester_roles)) or "none"),
        ("at", f"{asked_at:%Y-%m-%d %H:%M %Z}, {_moments(found)} (version {order.version})"),
        ("worth", amount_words(base) if base else "unknown: no rate, so the strictest applies"),
        ("kind", str(facts.kind)),
        ("connection", facts.connector),
        ("payee", f"{facts.payee}, in {facts.payee_country}"),
        ("payee's tags", ", ".join(sorted(facts.payee_tags)) or "none"),
        ("bank details", _changed_ago(facts.payee_changed)),
        *_series(found),
    ):
        _add(table, _text(name, "dim"), value)
    console.print(Padding(table, (0, 0, 1, 2), expand=False))
    _show_asked(console, found)
    _show_standing(console, company, found.asked)
    if not is_in_force:
        console.print(_text(_PROPOSED, "yellow"))
    _show_rules(console, found)
    _show_today(console, company, found)
    _show_excluded(console, company, found)


def _series(found: Explanation) -> list[tuple[str, str]]:
    """Return what it comes to with all payments of its series, and how these are approved."""
    total, asked = found.facts.series_total, found.asked.verdict.series
    if total is None or asked is None:
        return []
    how = "approved once for all of it" if asked is Approve.ONCE else "each approved by itself"
    return [("its series", f"{amount_words(total)} in all, {how}")]


def _moments(found: Explanation) -> str:
    return ", ".join(sorted(found.facts.moments)) or "a usual time"


def _changed_ago(ago: timedelta | None) -> str:
    if ago is None:
        return "never changed"
    if ago < timedelta(0):
        return "changed after it was asked for"
    return f"changed {ago.days} days before" if ago.days else "changed less than a day before"


def _show_asked(console: Console, found: Explanation) -> None:
    verdict = found.asked.verdict
    console.print(_text(f"What it needs, by policy {verdict.policy_hash[:12]}", "bold"))
    table = _table("because of", "asks for")
    for reason in verdict.reasons:
        _add(table, reason.rule, who(reason.slots) or "refused")
    _add(table, _text("together", "bold"), _text(_together(verdict), "bold"))
    console.print(table)


def _together(verdict: Verdict) -> str:
    life = f"expires after {duration(verdict.expires_after)}"
    cools = f"; cools off {duration(verdict.cool_off)}" if verdict.cool_off else ""
    return f"{_demand(Demand.of(verdict))}; {life}{cools}"


def _show_standing(console: Console, company: Company, standing: Standing) -> None:
    assignment = standing.assignment
    for slot, person in assignment.filled:
        console.print(_text(f"  {slot}: {_name(company, person)}", "green"))
    for missing, could in standing.could:
        left = ", ".join(_hand(company, *each) for each in could) or "nobody who is left"
        stage = f" in stage {missing.stage}" if missing.stage > 1 else ""
        words = f"  {missing.who}: {missing.count} missing{stage}; can be {left}"
        console.print(_text(words, "yellow"))
    if assignment.is_complete:
        console.print(_text("  Nobody is missing.", "green"))
    console.print()


def _show_rules(console: Console, found: Explanation) -> None:
    today = found.today.verdict.policy_hash[:12]
    console.print(_text(f"Rule by rule, by today's policy {today} and today's facts", "bold"))
    table = _table("rule", "applies", "asks for, or why not")
    for rule in found.rules:
        _add(table, rule.name, *_trace(rule))
    for limit in found.limits:
        _add(table, limit.name, *_limit_trace(limit))
    console.print(table)


def _trace(rule: RuleTrace) -> tuple[Text, str]:
    if rule.unmet:
        return _text("no", "dim"), _why(rule.unmet)
    return _text("yes", "green"), "refused" if rule.refuses else who(rule.asks)


def _why(unmet: Sequence[Unmet]) -> str:
    return "; ".join(f"{each.condition} is {each.found}, not {each.wanted}" for each in unmet)


def _limit_trace(limit: LimitTrace) -> tuple[Text, str]:
    if limit.unmet:
        return _text("no", "dim"), _why(limit.unmet)
    before = "what cannot be told" if limit.counted is None else amount_words(limit.counted)
    counted = (
        f"{before} before it, of {amount_words(limit.most)} "
        f"per {limit.per} within {duration(limit.within)}"
    )
    if not limit.is_passed:
        return _text("no", "dim"), f"not passed: {counted}"
    asks = "refused" if limit.refuses else who(limit.asks)
    return _text("yes", "green"), f"{asks} (passed: {counted})"


def _show_today(console: Console, company: Company, found: Explanation) -> None:
    """Print what would be asked today, where that is something else."""
    asked, today = (Demand.of(each.verdict) for each in (found.asked, found.today))
    if found.is_other_policy:
        console.print(_text("The policy has changed since it was asked for.", "bold"))
    if asked == today:
        if found.is_other_policy:
            console.print(_text("It asks for the same.\n"))
        return
    if not found.is_other_policy:
        console.print(_text("Facts have changed since it was asked for.", "bold"))
    console.print(_text(f"Today it would need: {_together(found.today.verdict)}"))
    _show_standing(console, company, found.today)


def _show_excluded(console: Console, company: Company, found: Explanation) -> None:
    console.print(_text("Who may not approve it, whatever their roles", "bold"))
    for person, why in found.excluded.items():
        console.print(_text(f"  {_name(company, person)}: {', '.join(why)}"))


def _name(company: Company, person_id: str) -> str:
    person = company.directory.get(person_id)
    return f"{person.name} ({person_id})" if person else person_id


def _hand(company: Company, person_id: str, whose: str | None) -> str:
    """Return who could approve, and for whom, if not by roles of their own."""
    name = _name(company, person_id)
    return f"{name} for {_name(company, whose)}" if whose else name


# -- simulate --------------------------------------------------------------------------------------


class Simulation:
    """Adds up what another policy would have made of orders, and keeps some of them to show.

    Args:
        most: How many of them; None for all that differ.
    """

    def __init__(self, company: Company, policy: Policy, most: int | None) -> None:
        self.company = company
        self.policy = policy
        self.most = most
        self.counts: Counter[Outcome] = Counter()
        self.sums: Counter[Outcome] = Counter()
        self.without_rate: Counter[Outcome] = Counter()
        self.short: Counter[Outcome] = Counter()
        self.listed: list[Replayed] = []

    def add(self, each: Replayed) -> None:
        """Count an order."""
        self.counts[each.outcome] += 1
        self.short[each.outcome] += each.suffices is False
        if each.base is None:
            self.without_rate[each.outcome] += 1
        else:
            self.sums[each.outcome] += each.base.minor
        if each.outcome is not Outcome.UNCHANGED and (
            self.most is None or len(self.listed) < self.most
        ):
            self.listed.append(each)

    def show(self, file: Path, since: str, until: str | None) -> None:
        """Print what was counted."""
        console = _console()
        title = f"{_count(self.counts.total(), 'order')} from {since} to {until or 'today'}"
        console.print(_text(f"{title}, by {file.name} ({self.policy.hash[:12]})", "bold"))
        if not self.counts:
            return
        table = _table(
            "would have been", "orders", "worth", "approved by too few", right=("orders", "worth")
        )
        for outcome in Outcome:
            if self.counts[outcome]:
                _add(
                    table,
                    _text(str(outcome), _COLOURS[outcome]),
                    f"{self.counts[outcome]:,}",
                    self._worth(outcome),
                    f"{self.short[outcome]:,}" if self.short[outcome] else "–",
                )
        console.print(table)
        self._show_listed(console)
        console.print(_text(_CAVEAT, "dim"))

    def _worth(self, outcome: Outcome) -> str:
        base = self.company.base_currency
        scale = Money(1, base).decimal
        found = f"{self.sums[outcome] * scale:,f} {base}"
        unknown = self.without_rate[outcome]
        return f"{found} and {unknown} without a rate" if unknown else found

    def _show_listed(self, console: Console) -> None:
        differing = self.counts.total() - self.counts[Outcome.UNCHANGED]
        if not differing:
            console.print(_text("Nothing would have been different.", "green"))
            return
        table = _table(
            "order", "asked for", "by", "amount", "would be", "needed", "would need",
            right=("amount",),
        )  # fmt: skip
        for each in self.listed:
            at = each.order.versioned_at.astimezone(self.company.timezone)
            _add(
                table,
                each.order.id,
                f"{at:%Y-%m-%d %H:%M}",
                each.order.requester_id,
                amount_words(each.order.amount),
                _text(str(each.outcome), _COLOURS[each.outcome]),
                _short(each.before),
                _after(each),
            )
        console.print(table)
        if differing > len(self.listed):
            rest = differing - len(self.listed)
            console.print(_text(f"and {rest:,} more; --all lists every one\n"))


def _short(verdict: Verdict) -> str:
    cools = f", cools off {duration(verdict.cool_off)}" if verdict.cool_off else ""
    return f"{who(Demand.of(verdict).slots)}, {duration(verdict.expires_after)}{cools}"


def _after(each: Replayed) -> str:
    if not each.after.is_allowed:
        no_rate = each.after.base_amount is None and each.after.matched
        is_for_rate = no_rate and each.after.refused_by is None
        return "refused: no rate" if is_for_rate else _demand(Demand.of(each.after))
    short = _short(each.after)
    return f"{short}; nobody is left for {each.nobody_for}" if each.nobody_for else short


_CAVEAT = (
    "Compared with what was asked of each order's present version when it was asked for. Requests "
    "that were refused then are not in the database. Whether a payee was new is as of then, and "
    "limits count what had been asked for by then, in the states of today; roles, payees' tags and "
    "changes of bank details are as of today. Nothing was changed."
)
