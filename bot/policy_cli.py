"""``countersign policy``: what a policy comes to, why an order needs what it needs, what if."""

# A command imports what it needs, so that --help is quick.
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.terminal import DEFAULT, Config, answered, settings_of, tell_mistakes

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.settings import Settings
    from workflows.company import Company
    from workflows.policy import Policy
    from workflows.policy_assertions import Proof
    from workflows.policy_world import World

MOST_LISTED = 20
"""Orders that a simulation lists unless all are asked for."""

policy_app = typer.Typer(
    help="What a policy comes to, why an order needs what it needs, what if.",
    no_args_is_help=True,
)


@policy_app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A policy to check in the place of the settings' own.")
    ] = None,
    asserted: Annotated[
        list[str] | None,
        typer.Option(
            "--assert",
            help='Something that must be so, such as "amount > 50000 EUR needs 2 approvers '
            'incl. cfo"; may be repeated.',
        ),
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="However many rows it takes: each payment in one row.")
    ] = False,
    config: Config = DEFAULT,
) -> None:
    """Show the weakest approval any payment can get, and prove or refute assertions.

    Exits with 1 where there is an error or an assertion does not hold, with 2 where an assertion
    cannot be understood.
    """
    from bot import policy_tables
    from workflows import policy_check
    from workflows.clock import system_clock
    from workflows.policy_world import World

    company = _company(settings_of(config), file)
    world = World.of(company, system_clock())
    proofs = _proofs(asserted or [], company.policy, world)
    report = policy_check.check(company.policy, world, is_whole=is_all)
    policy_tables.show_report(company.policy, world, report)
    policy_tables.show_proofs(proofs, world)
    if not report.is_sound or not all(proof.holds for proof in proofs):
        raise typer.Exit(1)


def _proofs(texts: Iterable[str], policy: Policy, world: World) -> list[Proof]:
    from workflows.policy_assertions import AssertionMistakeError, parse, prove
    from workflows.policy_cells import TooManySituationsError

    try:
        assertions = [parse(text, world) for text in texts]
    except AssertionMistakeError as mistake:
        typer.echo(f"--assert {mistake}", err=True)
        raise typer.Exit(2) from None
    try:
        return [prove(each, policy, world) for each in assertions]
    except TooManySituationsError:
        typer.echo("The rules tell apart too much to prove anything of all of it.", err=True)
        raise typer.Exit(1) from None


@policy_app.command()
def explain(
    order: Annotated[str, typer.Argument(help="The payment, such as P3K7QX9AB.")],
    config: Config = DEFAULT,
) -> None:
    """Say why an order needs what it needs: facts, rules, limits, who is missing, who may not."""
    from bot import policy_tables, record
    from workflows import away
    from workflows.clock import system_clock
    from workflows.policy_explain import Explanation
    from workflows.policy_explain import explain as explained

    settings = settings_of(config)
    company = _company(settings)

    def work(connection: Connection) -> tuple[Explanation, bool]:
        present = away.seen(connection, company, now=system_clock())
        return explained(connection, present, order), _counts(connection, settings, company)

    found, counts = answered(record.only_read(settings, work))
    policy_tables.show_explanation(company, found, is_in_force=counts)


def _counts(connection: Connection, settings: Settings, company: Company) -> bool:
    """Whether settings are what was agreed to, and not a proposal that still waits."""
    from bot.settings import charter_of
    from workflows import charter

    present = charter.in_force(connection)
    return present is None or present.hash == charter.hash_of(charter_of(settings, company))


@policy_app.command()
def simulate(
    file: Annotated[Path, typer.Argument(help="The policy to try.")],
    since: Annotated[str, typer.Option(help="First day, such as 2026-10-01.")],
    until: Annotated[str | None, typer.Option(help="Last day; today when not given.")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="List every order that differs.")] = False,
    config: Config = DEFAULT,
) -> None:
    """Replay the orders of a time under another policy; nothing is changed."""
    from bot import record
    from bot.policy_tables import Simulation
    from workflows.policy_history import replay

    settings = settings_of(config)
    company = _company(settings)
    policy = _company(settings, file).policy
    start = _midnight(company, since, "--since")
    end = _midnight(company, until, "--until") + timedelta(days=1) if until else None

    def work(connection: Connection) -> Simulation:
        found = Simulation(company, policy, most=None if is_all else MOST_LISTED)
        for each in replay(connection, company, policy, since=start, until=end):
            found.add(each)
        return found

    answered(record.only_read(settings, work)).show(file, since, until)


def _midnight(company: Company, text: str, option: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        typer.echo(f"{option}: “{text[:20]}” is not a day. Write it as 2026-10-01.", err=True)
        raise typer.Exit(2) from None
    return datetime.combine(day, time(), company.timezone).astimezone(UTC)


def _company(settings: Settings, file: Path | None = None) -> Company:
    """Return the company, with the policy of another file if one is given."""
    from bot.settings import company_of

    company = company_of(settings)
    return company if file is None else replace(company, policy=_policy(company, settings, file))


def _policy(company: Company, settings: Settings, file: Path) -> Policy:
    from bot.settings.loading import LARGEST_POLICY
    from workflows.policy import Policy, PolicyErrors

    try:
        text = file.read_bytes()[: LARGEST_POLICY + 1].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        typer.echo(f"{file} cannot be read as UTF-8 text.", err=True)
        raise typer.Exit(1) from None
    people = list(company.directory)
    try:
        return Policy.parse(
            text,
            base_currency=company.base_currency,
            roles={role for person in people for role in person.roles},
            accounts=company.accounts.keys(),
            people=[person.id for person in people],
            connectors=settings.connectors.keys(),
        )
    except PolicyErrors as error:
        tell_mistakes(
            [f"{file.name}:{p.line}: {p.message}\n    {p.remedy}" for p in error.problems]
        )
        raise typer.Exit(1) from None
