"""Play the scenarios in one cell. ``python -m tests.races`` calls this."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from ...house import CellCommand, Host, House
from ...report import Outcome, lines, write
from ...scenarios import Scenario, chosen
from ...stage import Stage


class Command(CellCommand):
    """Plays the scenarios on the database that the settings name, which is empty."""

    help = "Play races against the example project on this database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what ``python -m tests.races`` passes on."""
        super().add_arguments(parser)
        parser.add_argument("scenario", nargs="*", help="all where none is named")
        parser.add_argument("--rounds", type=int, required=True)
        parser.add_argument("--clients", type=int)

    def play(self, house: House, options: dict[str, Any]) -> None:
        """Serve each variant, play, and write the outcomes into the folder."""
        outcomes: list[Outcome] = []
        for outcome in _play(house, options):
            outcomes.append(outcome)
            for line in lines(outcome):
                self.say(line)
        write(house.folder / "outcomes.json", outcomes)


def _play(house: House, options: dict[str, Any]) -> Iterator[Outcome]:
    scenarios = chosen(options["scenario"])
    with house.serve_all(Host(scenario.variant) for scenario in scenarios) as addresses:
        for scenario in scenarios:
            sizes = [options["clients"]] if options["clients"] else scenario.clients
            stage = house.stage(addresses[Host(scenario.variant)], sizes)
            yield _outcome(house, scenario, stage, options["rounds"])


def _outcome(house: House, scenario: Scenario, stage: Stage, rounds: int) -> Outcome:
    violations: list[str] = []
    broken = 0
    for number in range(1, rounds + 1):
        if found := scenario.play_round(stage):
            broken += 1
            violations += [f"round {number} ({time.strftime('%H:%M:%S')}): {each}" for each in found]
    violations += scenario.conclusion(stage)
    return Outcome(
        database=house.cell.database,
        isolation=house.cell.isolation,
        atomic=house.cell.is_atomic,
        scenario=scenario.name,
        rounds=stage.rounds,
        broken=broken,
        violations=violations,
        requests=stage.requests,
        seconds=round(stage.seconds, 3),
        workers=stage.workers_per_burst,
        faces=dict(stage.faces),
    )
