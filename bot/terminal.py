"""What the commands of the command line share. Heavy parts are imported when they are needed."""

# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from bot.settings import Settings

Config = Annotated[
    Path, typer.Option("--config", "-c", help="The settings file.", envvar="COUNTERSIGN_CONFIG")
]
DEFAULT = Path("countersign.toml")

T = TypeVar("T")


def answered(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` does; what keeps it from being done is told, and ends the command."""
    from bot.messages import ENGLISH, Messages
    from workflows.database import DatabaseError
    from workflows.refusal import Refusal

    try:
        return asyncio.run(work)
    except DatabaseError as error:
        typer.echo(f"{error}", err=True)
        raise typer.Exit(1) from None
    except Refusal as refusal:
        typer.echo(Messages.load().refusal(ENGLISH, refusal), err=True)
        raise typer.Exit(1) from None


def settings_of(path: Path) -> Settings:
    """Return the settings of a file; every mistake in it is told, and ends the command."""
    from bot.settings import SettingsErrors, load

    try:
        return load(path)
    except SettingsErrors as error:
        tell_mistakes([str(problem) for problem in error.problems])
        raise typer.Exit(1) from None


def tell_mistakes(problems: list[str]) -> None:
    """Tell what is wrong with a file, one thing after the other."""
    count = len(problems)
    typer.echo(f"{count} mistake{'s' if count != 1 else ''} to mend:\n", err=True)
    for problem in problems:
        typer.echo(f"{problem}\n", err=True)
