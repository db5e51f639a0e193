"""Play one cell: serve each variant of the host and run the scenarios on it. ``python -m tests.races`` calls this."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from securelogin.phones import E164

from ...bursts import Address
from ...report import Outcome, lines, write
from ...scenarios import SCENARIOS, Scenario
from ...servers import environment, leave_on_sigterm, serve
from ...stage import PREFIX, Outbox, Stage, Stuck, benchmark_addresses, fictional_numbers

READ_COMMITTED = "read committed"


class Command(BaseCommand):
    """Plays the scenarios on the database that the settings name, which is empty but migrated."""

    help = "Play races against the example project on this database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what ``python -m tests.races`` passes on."""
        parser.add_argument("scenario", nargs="*", help="all where none is named")
        parser.add_argument("--database", required=True)
        parser.add_argument("--rounds", type=int, required=True)
        parser.add_argument("--clients", type=int, required=True)
        parser.add_argument("--folder", type=Path, required=True)

    def handle(self, **options: Any) -> None:
        """Serve, play, and write the outcomes into the folder. Raises ``CommandError`` for an unknown scenario."""
        leave_on_sigterm()
        cell = Cell(options["database"], options["rounds"], options["clients"], options["folder"])
        outcomes: list[Outcome] = []
        for variant, scenarios in groupby(_chosen(options["scenario"]), key=lambda each: each.variant):
            for outcome in cell.play(variant, list(scenarios)):
                outcomes.append(outcome)
                for line in lines(outcome):
                    self.stdout.write(line)
                self.stdout.flush()
        write(cell.folder / "outcomes.json", outcomes)


def _chosen(names: Sequence[str]) -> list[Scenario]:
    known = [each.name for each in SCENARIOS]
    if unknown := set(names) - set(known):
        raise CommandError(f"No scenario {', '.join(sorted(unknown))}; there are {', '.join(known)}.")
    return [each for each in SCENARIOS if not names or each.name in names]


class Cell:
    """One database with or without ``ATOMIC_REQUESTS``."""

    def __init__(self, database: str, rounds: int, clients: int, folder: Path) -> None:
        self.database, self.rounds, self.clients, self.folder = database, rounds, clients, folder
        self.is_atomic = os.environ.get("RACES_ATOMIC") == "on"
        self.outbox = Outbox(Path(os.environ["SECURELOGIN_SMS_FILE"]))
        self.events = Path(os.environ["RACES_EVENTS"])
        self.numbers: Iterator[E164] = fictional_numbers()
        self.addresses = benchmark_addresses()

    def play(self, variant: str, scenarios: Sequence[Scenario]) -> Iterator[Outcome]:
        """Serve one variant and play its scenarios, one after the other."""
        env = environment("tests.races.settings", RACES_VARIANT=variant)
        log = self.folder / f"{variant}.log"
        with serve("example_project.wsgi", env=env, log=log, path=f"{PREFIX}op", clients=self.clients) as address:
            for scenario in scenarios:
                yield self._outcome(scenario, self._stage(address))

    def _stage(self, address: Address) -> Stage:
        return Stage(
            address=address,
            outbox=self.outbox,
            events=self.events,
            numbers=self.numbers,
            addresses=self.addresses,
            clients=self.clients,
            is_patient=os.environ.get("DATABASE_ISOLATION", READ_COMMITTED) != READ_COMMITTED,
        )

    def _outcome(self, scenario: Scenario, stage: Stage) -> Outcome:
        violations: list[str] = []
        broken = 0
        for number in range(1, self.rounds + 1):
            if found := _round(scenario, stage):
                broken += 1
                violations += [f"round {number} ({time.strftime('%H:%M:%S')}): {each}" for each in found]
        if scenario.conclude is not None:
            violations += scenario.conclude(stage)
        return Outcome(
            database=self.database,
            atomic=self.is_atomic,
            scenario=scenario.name,
            rounds=stage.rounds,
            broken=broken,
            violations=violations,
            requests=sum(stage.sizes),
            seconds=round(stage.seconds, 3),
            workers=stage.workers_per_burst,
            faces=dict(stage.faces),
        )


def _round(scenario: Scenario, stage: Stage) -> list[str]:
    """Play one round; what kept it from being played is a violation too."""
    stage.found = []
    stage.rounds += 1
    try:
        found = scenario.play(stage)
    except Stuck as error:
        found = [f"not played: {error}"]
    return [*dict.fromkeys(stage.found), *found]
