"""The command line: ``countersign``. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from bot.policy_cli import policy_app
from bot.terminal import DEFAULT, Config, answered, settings_of

if TYPE_CHECKING:
    from workflows.record.verification import Head

app = typer.Typer(
    name="countersign",
    help="Pay from chat, held back until your policy and your people agree.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
audit_app = typer.Typer(help="Questions about the record.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
app.add_typer(policy_app, name="policy")

T = TypeVar("T")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write; it is made if needed.")] = Path(),
) -> None:
    """Write a commented settings file, a policy, a key and the Slack app's manifest."""
    from bot import starter

    try:
        written = starter.write(folder)
    except FileExistsError as error:
        typer.echo(f"{error.filename} exists already. Nothing was written.", err=True)
        raise typer.Exit(1) from None
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo(starter.next_steps(folder))


@app.command()
def check(config: Config = DEFAULT) -> None:
    """Check the settings and the policy; name every mistake with its line and remedy."""
    settings = settings_of(config)
    typer.echo(
        f"{config}: in order. {len(settings.people)} people, {len(settings.accounts)} accounts, "
        f"{len(settings.payees)} payees, {len(settings.connectors)} connections, "
        f"{len(settings.policy_document.rules)} rules."
    )
    if settings.storage.record_key is None:
        from bot import record

        typer.echo(record.NO_KEY)
    from bot.settings import business_days

    for line in business_days.remarks(settings, datetime.now(UTC).date()):
        typer.echo(line)


@app.command()
def run(config: Config = DEFAULT) -> None:
    """Run the service until it is interrupted."""
    settings = settings_of(config)
    from bot import service
    from bot.app import StartError
    from bot.web.server import WebServerError
    from connectors.base import ConnectorError
    from workflows.database import DatabaseError

    service.configure_logs()
    try:
        asyncio.run(service.run(settings))
    except (StartError, DatabaseError, WebServerError, ConnectorError) as error:
        typer.echo(f"Countersign cannot start: {error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def charter(config: Config = DEFAULT) -> None:
    """Show what settings and policy say differently from what was agreed to (docs/charter.md)."""
    settings = settings_of(config)
    from bot import service

    found = asyncio.run(service.charter_difference(settings))
    if not found:
        typer.echo("Nothing differs." if found is not None else "The first start is to come.")
        return
    for each in found:
        what = " · ".join(part for part in (each.section, each.name, each.field) if part)
        typer.echo(f"{what}: {each.before or '(nothing)'} → {each.after or '(nothing)'}")
    typer.echo("Nothing is paid with these settings until they are agreed to.", err=True)
    raise typer.Exit(1)


@app.command()
def migrate(config: Config = DEFAULT) -> None:
    """Bring the tables of an older version up to date; the service must not run meanwhile."""
    settings = settings_of(config)
    from bot import safekeeping

    typer.echo(_kept(safekeeping.migrate(settings)))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file; only its owner can read it.")],
    config: Config = DEFAULT,
) -> None:
    """Write a backup of the database into a file and check it; the service may run."""
    settings = settings_of(config)
    from bot import safekeeping

    typer.echo(_kept(safekeeping.backup(settings, file)))


@app.command()
def restore(
    file: Annotated[Path | None, typer.Argument(help="What `countersign backup` wrote.")] = None,
    here: Annotated[
        bool, typer.Option("--here", help="The database was put back by hand already.")
    ] = False,
    config: Config = DEFAULT,
) -> None:
    """Put a backup in the place of the database, so that nothing is sent twice."""
    settings = settings_of(config)
    from bot import safekeeping

    if (file is None) != here:
        typer.echo("Name the backup's file, or --here where it is in its place already.", err=True)
        raise typer.Exit(2)
    typer.echo(_kept(safekeeping.restore(settings, file)))


def _kept(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` on the database does; what keeps it from being done is told."""
    from workflows.backup import BackupError
    from workflows.database import DatabaseError
    from workflows.restore import RestoreError

    try:
        return asyncio.run(work)
    except (BackupError, DatabaseError, RestoreError) as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def connect(
    name: Annotated[str, typer.Argument(help="Name of the connection in settings.")],
    config: Config = DEFAULT,
) -> None:
    """Say what a connection can do, and ask the bank for the consent it needs."""
    settings = settings_of(config)
    from bot import service
    from connectors.base import ConnectorError

    if name not in settings.connectors:
        known = ", ".join(settings.connectors)
        typer.echo(f"There is no connection {name}. There are: {known}.", err=True)
        raise typer.Exit(1)
    try:
        capabilities, consent = asyncio.run(service.consent_of(settings, name))
    except ConnectorError as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{name} can: {', '.join(capabilities)}")
    if consent is not None:
        typer.echo(f"consent {consent.id}: {consent.status}")
        if not consent.is_valid:
            typer.echo(
                consent.waiting_for_person or "Confirm it in the bank's app, then ask again."
            )
            raise typer.Exit(2)


@app.command()
def demo(
    tour: Annotated[bool, typer.Option("--tour", help="Play the journey and exit.")] = False,
    folder: Annotated[
        Path, typer.Option(help="Where the demo keeps everything; emptied at each start.")
    ] = Path("countersign-demo"),
    port: Annotated[int, typer.Option(help="Of the workspace page; 0 takes any free one.")] = 0,
) -> None:
    """Watch a company pay a supplier from chat, then try it yourself in a browser."""
    from bot.demo import run as demo_run

    raise typer.Exit(demo_run.main(folder, port=port, is_tour=tour))


@app.command()
def link(
    who: Annotated[str, typer.Argument(help="Id or e-mail address of the person.")],
    config: Config = DEFAULT,
) -> None:
    """Print a link with which a person can link Telegram, once, with a code of theirs."""
    settings = settings_of(config)
    import segno

    from bot import service
    from bot.chat import ChatUnavailable, NotAdmitted
    from workflows.linking import LINK_LIFE

    try:
        person, url = answered(service.begin_link(settings, who))
    except (NotAdmitted, ChatUnavailable) as error:
        typer.echo(f"Telegram: {error}", err=True)
        raise typer.Exit(1) from None
    segno.make(url, error="l", micro=False).terminal(compact=True, border=2)
    minutes = int(LINK_LIFE.total_seconds() // 60)
    typer.echo(f"{url}\n\nFor {person.name} alone; it works once, for {minutes} minutes.")


@app.command()
def unlink(
    who: Annotated[str, typer.Argument(help="Id or e-mail address of the person.")],
    chat: Annotated[str, typer.Argument(help="slack or telegram")],
    config: Config = DEFAULT,
    again: Annotated[
        bool, typer.Option("--undo", help="Let the person be linked there again.")
    ] = False,
) -> None:
    """Take a person's access in a chat back, at once."""
    settings = settings_of(config)
    from bot import service

    change = service.allow_link if again else service.unlink
    person = answered(change(settings, who, chat))
    what = "may be linked again in" if again else "can do nothing any more in"
    typer.echo(f"{person.name} {what} {chat}.")


@audit_app.command()
def verify(
    head: Annotated[
        list[str] | None,
        typer.Option(help="SEQ:HASH from a digest, to be found in this record; may be repeated."),
    ] = None,
    config: Config = DEFAULT,
) -> None:
    """Prove that nothing of the record was altered, and that the tables say what it says."""
    settings = settings_of(config)
    from bot import record

    report = _audited(record.verify(settings, _heads(head)))
    if not report.is_intact:
        typer.echo(f"BROKEN: {report.count} findings", err=True)
        for finding in report.findings:
            typer.echo(f"  {finding}", err=True)
        if report.count > len(report.findings):
            typer.echo(f"  and {report.count - len(report.findings)} more", err=True)
        raise typer.Exit(1)
    typer.echo(record.summary(settings, report))


@audit_app.command()
def export(
    order: Annotated[str | None, typer.Option(help="Only this payment, such as P3K7QX9AB.")] = None,
    format: Annotated[  # noqa: A002 (the option's name)
        str, typer.Option(help="jsonl: every entry, exactly; html: a payment's evidence, to read.")
    ] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="The file to write.")] = None,
    language: Annotated[str | None, typer.Option(help="Of the page: en or zh_CN.")] = None,
    config: Config = DEFAULT,
) -> None:
    """Write the record as JSON Lines, or all evidence about one payment as a page."""
    if format not in ("jsonl", "html") or (format == "html" and order is None):
        typer.echo("Write --format jsonl, or --format html with --order.", err=True)
        raise typer.Exit(2)
    settings = settings_of(config)
    from bot import record

    with _output(out) as file:
        if format == "html" and order is not None:
            file.write(_audited(record.order_page(settings, order, language)))
        else:
            _audited(record.export_lines(settings, file, order))


@audit_app.command()
def prove(
    order: Annotated[str, typer.Argument(help="The payment, such as P3K7QX9AB.")],
    head: Annotated[
        list[str] | None,
        typer.Option(help="SEQ:HASH from a digest that the other side has; may be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write.")] = None,
    config: Config = DEFAULT,
) -> None:
    """Write a proof of a payment's entries, for somebody who is to see nothing else.

    They check it with docs/check_proof.py, the public key, and a digest they have seen.
    """
    settings = settings_of(config)
    from bot import record

    proof = _audited(record.prove(settings, order, _heads(head)))
    with _output(out) as file:
        file.write(proof + "\n")


@audit_app.command()
def key(
    make: Annotated[
        Path | None, typer.Option(help="Write a new secret key into this new file instead.")
    ] = None,
    config: Config = DEFAULT,
) -> None:
    """Print the public key with which checkpoints of the record are checked."""
    from bot import record

    if make is not None:
        try:
            typer.echo(record.make_key(make).public.text)
        except OSError as error:
            typer.echo(f"{make} cannot be made ({error.strerror}).", err=True)
            raise typer.Exit(1) from None
        typer.echo(f'Put it in settings: record_key = {{ file = "{make}" }}', err=True)
        return
    found = record.record_key(settings_of(config))
    if found is None:
        typer.echo(record.NO_KEY, err=True)
        raise typer.Exit(1)
    typer.echo(found.public.text)


def _heads(texts: list[str] | None) -> list[Head]:
    from workflows.record.verification import Head

    try:
        return [Head.parse(text) for text in texts or ()]
    except ValueError as error:
        typer.echo(f"--head: {error}.", err=True)
        raise typer.Exit(2) from None


def _audited(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` on the record does; what keeps it from being done is told."""
    from workflows.database import DatabaseError
    from workflows.record.problems import RecordBroken

    try:
        return answered(work)
    except DatabaseError as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from None
    except RecordBroken as problem:
        typer.echo(f"BROKEN: {problem}. `countersign audit verify` tells all of it.", err=True)
        raise typer.Exit(1) from None


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    """Open what a command writes to: a file that only its owner reads, or the terminal."""
    if path is None:
        yield sys.stdout
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        yield file


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
