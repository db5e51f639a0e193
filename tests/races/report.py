"""Figures of what was played: a row of the table for each scenario in each cell, and all of them as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

SHOWN = 5
"""Violations of one outcome that are printed in full."""

HEAD = (
    f"{'scenario':<15} {'database':<8} {'isolation':<15} {'atomic':<6} {'rounds':>6} {'requests':>8} {'violations':>10}"
    f" {'req/s':>6}"
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one scenario showed in one cell.

    ``broken`` counts rounds with violations; ``violations`` are theirs. ``slow`` are the seconds that 99 of 100 calls
    stayed within, where each was timed.
    """

    database: str
    isolation: str | None
    atomic: bool
    scenario: str
    rounds: int
    broken: int
    violations: list[str]
    requests: int
    seconds: float
    workers: float
    faces: Mapping[str, int] = field(default_factory=dict)
    slow: float | None = None

    @property
    def line(self) -> str:
        """The row of the table, with the answers behind it."""
        faces = ", ".join(f"{count}x {face}" for face, count in sorted(self.faces.items()))
        cell = (self.database, self.isolation or "serializable", "on" if self.atomic else "off")
        slow = f"p99 {self.slow:.3f} s, " if self.slow is not None else ""
        return f"{_row(self.scenario, cell, [self])}   {slow}{faces}"


def lines(outcome: Outcome) -> Iterable[str]:
    """Yield the row of an outcome and its first violations."""
    yield outcome.line
    for violation in outcome.violations[:SHOWN]:
        yield f"    ! {violation}"
    if (more := len(outcome.violations) - SHOWN) > 0:
        yield f"    ! and {more} more"


def totals(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """Yield one row for each scenario on each database, over all its cells, and one for all."""
    kinds = dict.fromkeys((outcome.scenario, outcome.database) for outcome in outcomes)
    for scenario, database in sorted(kinds):
        chosen = [each for each in outcomes if (each.scenario, each.database) == (scenario, database)]
        yield _row(scenario, (database, "all", "all"), chosen)
    yield _row("all", ("all", "all", "all"), outcomes)


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the outcomes as a JSON list."""
    path.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=2, ensure_ascii=False) + "\n")


def read(path: Path) -> list[Outcome]:
    """Read what ``write`` wrote."""
    return [Outcome(**fields) for fields in json.loads(path.read_text())]


def _row(scenario: str, cell: tuple[str, str, str], outcomes: Sequence[Outcome]) -> str:
    database, isolation, atomic = cell
    requests = sum(outcome.requests for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    violations = sum(len(outcome.violations) for outcome in outcomes)
    rounds = sum(outcome.rounds for outcome in outcomes)
    return (
        f"{scenario:<15} {database:<8} {isolation:<15} {atomic:<6} {rounds:>6} {requests:>8} {violations:>10}"
        f" {requests / seconds if seconds else 0.0:>6.0f}"
    )
