"""Play every mutant on the scenarios that must catch it. ``python -m tests.races --mutants`` calls this."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any

from ...house import CellCommand, Host, House
from ...mutants import MUTANTS, Mutant
from ...scenarios import Scenario, chosen
from ...stage import Stage
from ...trials import Trial, write

AT_ONCE = 4
"""Mutants that are served at the same time, one of them under attack."""


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
        for first in range(0, len(MUTANTS), AT_ONCE):
            for trial in _trials(house, MUTANTS[first : first + AT_ONCE], options):
                trials.append(trial)
                self.say(trial.line)
        write(house.folder / "trials.json", trials)


def _trials(house: House, mutants: Sequence[Mutant], options: dict[str, Any]) -> Iterator[Trial]:
    scenarios = chosen(options["scenario"])
    pairs = [(mutant, scenario) for mutant in mutants for scenario in scenarios if scenario.name in mutant.caught]
    with house.serve_all(Host(scenario.variant, mutant.name) for mutant, scenario in pairs) as addresses:
        for mutant, scenario in pairs:
            stage = house.stage(addresses[Host(scenario.variant, mutant.name)], scenario.clients)
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
