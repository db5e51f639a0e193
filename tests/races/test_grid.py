"""The cells of the races, and what is played in them."""

from __future__ import annotations

import pytest

from . import grid
from .grid import Cell
from .mutants import MUTANTS
from .mutants.mutant import replace
from .scenarios import SCENARIOS, chosen
from .settings import VARIANTS


@pytest.mark.parametrize(("database", "number"), [("sqlite", 2), ("postgres", 4), ("mariadb", 4)])
def test_each_database_has_its_cells(database: str, number: int) -> None:
    """Two levels on PostgreSQL and MariaDB, one on SQLite; each without and with ATOMIC_REQUESTS."""
    cells = grid.cells(database)
    assert len(cells) == len({cell.name for cell in cells}) == number


def test_one_level_leaves_sqlite_in() -> None:
    """SQLite is played whichever level is asked for."""
    assert grid.cells("sqlite", isolation=grid.REPEATABLE_READ, atomic=[True]) == [Cell("sqlite", None, True)]
    assert grid.cells("mariadb", isolation=grid.REPEATABLE_READ, atomic=[False]) == [
        Cell("mariadb", grid.REPEATABLE_READ, False)
    ]


def test_only_repeatable_read_may_turn_calls_away() -> None:
    """503 TryAgain is a violation in every other cell."""
    patient = {cell.isolation for name in grid.LEVELS for cell in grid.cells(name) if cell.is_patient}
    assert patient == {grid.REPEATABLE_READ}


@pytest.mark.parametrize(("total", "number", "each"), [(300, 4, 75), (300, 2, 150), (3, 4, 1), (5, 4, 2)])
def test_shares_sum_up_to_no_less(total: int, number: int, each: int) -> None:
    """Rounds are shared out over cells and rounded up."""
    assert grid.share(total, number) == each


def test_scenarios_have_variants_and_names_of_their_own() -> None:
    """Each scenario is found by its name and served by a variant."""
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert {scenario.variant for scenario in SCENARIOS} <= set(VARIANTS)


def test_unknown_scenario_is_refused() -> None:
    """A name that nothing has plays nothing."""
    with pytest.raises(ValueError, match="No scenario nothing"):
        chosen(["nothing"])


def test_every_scenario_catches_a_mutant() -> None:
    """No judge stays untried."""
    caught = {name for mutant in MUTANTS for name in mutant.caught}
    assert caught == {scenario.name for scenario in SCENARIOS}


def test_mutants_have_names_of_their_own() -> None:
    """Each mutant is found by its name."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_mutant_of_what_is_not_there_is_an_error() -> None:
    """A mutant whose place moved away is told, not played in vain."""
    with pytest.raises(AttributeError, match="no gone"):
        replace(grid, "gone", None)
