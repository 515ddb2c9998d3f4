"""``python -m tests.faults``: kill the service as often as told, and say what came of it."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import psycopg

from tests import postgres
from tests.faults.campaign import Cut, Outcome, Round, log_of
from tests.faults.company import World, a_world
from tests.faults.processes import Nursery, a_nursery
from tests.faults.report import Report
from tests.faults.tour import Tour

_KILLS_IN_A_ROUND = 40
_BACKENDS = """
SELECT pg_terminate_backend(pid) FROM (
  SELECT pid FROM pg_stat_activity
  WHERE datname = %s AND pid <> pg_backend_pid() ORDER BY random() LIMIT %s
) AS unlucky
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; 0 where nothing was found."""
    asked = _parser().parse_args(arguments)
    is_sqlite = asked.database == "sqlite"
    asked.replicas = asked.replicas or (1 if is_sqlite else 3)
    if is_sqlite and asked.replicas > 1:
        sys.exit("SQLite is served by one process.")
    if asked.tours < 0:
        asked.tours = 2 if is_sqlite and not asked.round else 0
    seed = asked.seed or secrets.token_hex(4)
    print(f"seed {seed}, {asked.database}, replicas: {asked.replicas}", flush=True)
    report = asyncio.run(_campaign(asked, seed))
    print(report.table())
    print(json.dumps(report.facts()))
    return 0 if report.is_good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many processes are killed")
    parser.add_argument("--minutes", type=float, default=0, help="begin no round after these")
    parser.add_argument("--seed", default="", help="repeats a campaign's plan")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--replicas", type=int, default=0, help="1 for SQLite, else 3")
    parser.add_argument(
        "--tours",
        type=int,
        default=-1,
        help="begin with each boundary's first occurrence, then its second, so many times",
    )
    parser.add_argument("--calm", action="store_true", help="no trouble but the kills")
    parser.add_argument("--keep", action="store_true", help="keep logs of good rounds, too")
    parser.add_argument("--round", type=int, default=0, help="this round alone")
    return parser


async def _campaign(asked: argparse.Namespace, seed: str) -> Report:
    report = Report(seed, asked.database, asked.replicas)
    until = time.monotonic() + asked.minutes * 60 if asked.minutes else float("inf")
    with postgres.running() if asked.database == "postgresql" else nullcontext() as server:
        async with a_nursery() as nursery:
            stage = _Stage(asked, seed, nursery, server)
            for number in range(1, asked.tours + 1):
                if report.kills < asked.kills and time.monotonic() < until:
                    left = asked.kills - report.kills
                    report.add(f"tour {number}", await stage.tour(number, left))
            number = asked.round or 1
            while report.kills < asked.kills and time.monotonic() < until:
                kills = min(_KILLS_IN_A_ROUND, asked.kills - report.kills)
                report.add(f"round {number}", await stage.round(number, kills))
                if asked.round:
                    break
                number += 1
    return report


class _Stage:
    """Sets up a world for each act, and keeps its log where something was found."""

    def __init__(
        self,
        asked: argparse.Namespace,
        seed: str,
        nursery: Nursery,
        server: postgres.Server | None,
    ) -> None:
        self._asked = asked
        self._seed = seed
        self._nursery = nursery
        self._server = server

    async def tour(self, number: int, limit: int) -> Outcome:
        """Die at the occurrence ``number`` of every boundary."""
        hurries = self._asked.database == "postgresql"
        async with self._world(replays=number % 2 == 0) as (world, _):
            tour = Tour(world, self._nursery, number=number, limit=limit, hurries=hurries)
            return self._kept(await tour.run(), world)

    async def round(self, number: int, kills: int) -> Outcome:
        """Die where chance has it."""
        async with self._world(replays=number % 2 == 0, collects=number % 3 == 0) as (world, cut):
            dying = Round(
                world,
                self._nursery,
                seed=f"{self._seed}/{number}",
                kills=kills,
                replicas=self._asked.replicas,
                is_stormy=not self._asked.calm,
                cut=cut,
            )
            return self._kept(await dying.run(), world)

    @asynccontextmanager
    async def _world(self, **traits: bool) -> AsyncIterator[tuple[World, Cut | None]]:
        folder = Path(tempfile.mkdtemp(prefix="faults-"))
        async with (
            _database(self._server) as (address, cut),
            a_world(folder, database=address, **traits) as world,
        ):
            yield world, cut

    def _kept(self, outcome: Outcome, world: World) -> Outcome:
        if outcome.problems:
            found = "\n".join(outcome.problems)
            print(f"{found}\nthe log in {world.folder}:\n{log_of(world.folder)}", flush=True)
        elif not self._asked.keep:
            shutil.rmtree(world.folder)
        return outcome


@asynccontextmanager
async def _database(server: postgres.Server | None) -> AsyncIterator[tuple[str, Cut | None]]:
    """Make an empty database and a way to cut connections to it; SQLite has neither."""
    if server is None:
        yield "", None
        return
    with server.database() as name:

        async def cut() -> int:
            async with await psycopg.AsyncConnection.connect(
                server.url, autocommit=True
            ) as connection:
                cursor = await connection.execute(_BACKENDS, [name, secrets.randbelow(4) + 1])
                return len(await cursor.fetchall())

        yield server.at(name), cut


if __name__ == "__main__":
    sys.exit(main())
