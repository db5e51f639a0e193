"""What the races print and pass on."""

from __future__ import annotations

from pathlib import Path

from . import report, trials

OUTCOME = report.Outcome(
    database="postgres",
    isolation="repeatable read",
    atomic=True,
    scenario="reuse",
    rounds=2,
    broken=1,
    violations=["one"],
    requests=100,
    seconds=0.5,
    workers=4,
    faces={"200": 1},
    slow=0.25,
)
TRIAL = trials.Trial(
    mutant="a mutant", scenario="reuse", database="postgres", rounds=3, violation="", others=["one", "one"]
)


def words(line: str) -> str:
    """Return a line with single spaces."""
    return " ".join(line.split())


def test_outcomes_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The outcomes of a cell pass between processes unchanged."""
    report.write(tmp_path / "outcomes.json", [OUTCOME])
    assert report.read(tmp_path / "outcomes.json") == [OUTCOME]


def test_trials_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The trials of the mutants pass between processes unchanged."""
    trials.write(tmp_path / "trials.json", [TRIAL])
    assert trials.read(tmp_path / "trials.json") == [TRIAL]


def test_row_says_what_was_played() -> None:
    """Scenario, database, isolation, atomic, rounds, requests, violations; then the rate and the answers."""
    assert words(OUTCOME.line) == "reuse postgres repeatable read on 2 100 1 200 p99 0.250 s, 1x 200"


def test_totals_sum_up_over_the_cells_of_a_database() -> None:
    """A scenario has one row for each database, whatever was played on it."""
    rows = [words(row) for row in report.totals([OUTCOME, OUTCOME])]
    assert rows == ["reuse postgres all all 4 200 2 200", "all all all all 4 200 2 200"]


def test_mutant_that_got_away_is_told() -> None:
    """The line of a trial without its violation says so, and what was found instead."""
    assert words(TRIAL.line) == "a mutant reuse postgres 3 NOT CAUGHT; one"
