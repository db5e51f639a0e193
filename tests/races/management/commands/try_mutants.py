"""Play every mutant on the scenarios that must catch it. ``python -m tests.races --mutants`` calls this."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ...house import CellCommand, House
from ...mutants import MUTANTS, Mutant
from ...scenarios import Scenario, chosen
from ...stage import Stage
from ...trials import Trial, write


class Command(CellCommand):
    """Plays the mutants on the database that the settings name, which is empty."""

    help = "Show that each mutant is caught."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what ``python -m tests.races`` passes on."""
        super().add_arguments(parser)
        parser.add_argument("scenario", nargs="*", help="all where none is named")
        parser.add_argument("--rounds", type=int, required=True)

    def play(self, house: House, options: dict[str, Any]) -> None:
        """Serve each mutant, play until it is caught, and write the trials into the folder."""
        trials: list[Trial] = []
        for mutant in MUTANTS:
            for trial in _trials(house, mutant, options):
                trials.append(trial)
                self.say(trial.line)
        write(house.folder / "trials.json", trials)


def _trials(house: House, mutant: Mutant, options: dict[str, Any]) -> Iterator[Trial]:
    catchers = [each for each in chosen(options["scenario"]) if each.name in mutant.caught]
    for variant, scenarios in groupby(catchers, key=lambda each: each.variant):
        with house.serve(variant, mutant=mutant.name) as address:
            for scenario in scenarios:
                stage = house.stage(address, scenario.clients)
                yield _trial(house, mutant, scenario, stage, options["rounds"])


def _trial(house: House, mutant: Mutant, scenario: Scenario, stage: Stage, rounds: int) -> Trial:
    """Play until the violation that the mutant must show is found; others do not count."""
    others: list[str] = []
    violation = ""
    while not violation and stage.rounds < rounds:
        found = [*scenario.play_round(stage), *scenario.conclusion(stage)]
        violation = next((each for each in found if each.startswith(mutant.caught[scenario.name])), "")
        others += found
    return Trial(
        mutant=mutant.name,
        scenario=scenario.name,
        database=house.cell.database,
        rounds=stage.rounds,
        violation=violation,
        others=[] if violation else others,
    )
