"""The command line: ``countersign``. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from bot.settings import Settings

app = typer.Typer(
    name="countersign",
    help="Pay from chat, held back until your policy and your people agree.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
audit_app = typer.Typer(help="Questions about the record.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")

Config = Annotated[
    Path, typer.Option("--config", "-c", help="The settings file.", envvar="COUNTERSIGN_CONFIG")
]
DEFAULT = Path("countersign.toml")

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
    settings = _settings(config)
    typer.echo(
        f"{config}: in order. {len(settings.people)} people, {len(settings.accounts)} accounts, "
        f"{len(settings.payees)} payees, {len(settings.connectors)} connections, "
        f"{len(settings.policy_document.rules)} rules."
    )


@app.command()
def run(config: Config = DEFAULT) -> None:
    """Run the service until it is interrupted."""
    settings = _settings(config)
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
def connect(
    name: Annotated[str, typer.Argument(help="Name of the connection in settings.")],
    config: Config = DEFAULT,
) -> None:
    """Say what a connection can do, and ask the bank for the consent it needs."""
    settings = _settings(config)
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
    settings = _settings(config)
    import segno

    from bot import service
    from bot.chat import ChatUnavailable, NotAdmitted
    from workflows.linking import LINK_LIFE

    try:
        person, url = _answered(service.begin_link(settings, who))
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
    settings = _settings(config)
    from bot import service

    change = service.allow_link if again else service.unlink
    person = _answered(change(settings, who, chat))
    what = "may be linked again in" if again else "can do nothing any more in"
    typer.echo(f"{person.name} {what} {chat}.")


@audit_app.command()
def verify(config: Config = DEFAULT) -> None:
    """Prove that no entry of the record was altered, removed or inserted."""
    settings = _settings(config)
    from bot import service

    found = asyncio.run(service.verify_record(settings))
    if not found.is_intact:
        typer.echo(f"BROKEN: entry {found.broken_at} {found.problem}.", err=True)
        raise typer.Exit(1)
    typer.echo(f"intact: {found.entries} entries, head {found.head}")


def _answered(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` does; a refusal is told, and ends the command."""
    from bot.messages import ENGLISH, Messages
    from workflows.refusal import Refusal

    try:
        return asyncio.run(work)
    except Refusal as refusal:
        typer.echo(Messages.load().refusal(ENGLISH, refusal), err=True)
        raise typer.Exit(1) from None


def _settings(path: Path) -> Settings:
    from bot.settings import SettingsErrors, load

    try:
        return load(path)
    except SettingsErrors as error:
        count = len(error.problems)
        typer.echo(f"{count} mistake{'s' if count != 1 else ''} to mend:\n", err=True)
        for problem in error.problems:
            typer.echo(f"{problem}\n", err=True)
        raise typer.Exit(1) from None


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
