"""``countersign demo``: sets the stage, plays the tour, then leaves the page open."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

from rich.console import Console
from rich.panel import Panel

from bot import service
from bot.demo.stage import FolderTaken, Stage
from bot.demo.tour import Tour, TourFailed


def main(folder: Path, *, port: int, is_tour: bool) -> int:
    """Run the demo; return the exit code: 0 when everything happened as it must."""
    service.configure_logs(logging.ERROR)
    console = Console(soft_wrap=True)
    try:
        return asyncio.run(_run(folder, console, port=port, is_tour=is_tour))
    except (FolderTaken, TourFailed, TimeoutError) as error:
        console.print(f"[red]✗[/red] {error}", highlight=False)
        return 1
    except OSError as error:
        console.print(f"[red]✗[/red] {error}. Is another demo running? Name another --port.")
        return 1


async def _run(folder: Path, console: Console, *, port: int, is_tour: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stage = Stage(folder, page_port=port)
    playing = asyncio.create_task(_play(stage, console))
    interrupted = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({playing, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()
            if not is_tour:
                _invite(stage, console)
                await stop.wait()
    finally:
        playing.cancel()
        interrupted.cancel()
        await stage.stop()
    console.print(
        f"\nEverything the demo left behind is in [bold]{folder}[/bold].", highlight=False
    )
    return 0


async def _play(stage: Stage, console: Console) -> None:
    console.print("[bold]Countersign[/bold]: a payment from chat to the bank and back\n")
    await stage.start()
    order = await Tour(stage, console).play()
    console.print(
        f"\n[green]Paid once.[/green] Order {order.id}, two approvals by two people in two "
        "chats with a second factor each, receipt, statement, digest, record: all there.",
        highlight=False,
    )


def _invite(stage: Stage, console: Console) -> None:
    text = (
        f"Open [bold link={stage.page}]{stage.page}[/bold link]\n\n"
        "Slack and Telegram side by side. You are anybody you like: choose a person at the top.\n"
        "Type [bold]/pay[/bold] as Amara, approve as Bea in Slack and as Carl in Telegram; their "
        "codes are on the phones.\nLin Mei reads Chinese; Sam is a stranger.\n\n"
        "[dim]Ctrl-C ends it.[/dim]"
    )
    console.print()
    console.print(Panel(text, title="Now you", expand=False))
