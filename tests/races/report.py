"""Figures of what was played: one outcome for each scenario in each cell, as lines for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

SHOWN = 5
"""Violations of one outcome that are printed in full."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one scenario showed in one cell. ``broken`` counts rounds with violations; ``violations`` are theirs."""

    database: str
    atomic: bool
    scenario: str
    rounds: int
    broken: int
    violations: list[str]
    requests: int
    seconds: float
    workers: float
    faces: Mapping[str, int] = field(default_factory=dict)

    @property
    def cell(self) -> str:
        """Name the cell."""
        return f"{self.database}{' atomic' if self.atomic else ''}"

    @property
    def rate(self) -> float:
        """Requests a second, in bursts only."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def line(self) -> str:
        """One line of the report."""
        faces = ", ".join(f"{count}x {face}" for face, count in sorted(self.faces.items()))
        return (
            f"{self.cell:<16} {self.scenario:<15} {self.rounds:>4} rounds {self.broken:>4} broken "
            f"{self.rate:>6.0f} req/s {self.workers:>3.0f} workers   {faces}"
        )


def lines(outcome: Outcome) -> Iterable[str]:
    """Yield the line of an outcome and its first violations."""
    yield outcome.line
    for violation in outcome.violations[:SHOWN]:
        yield f"    ! {violation}"
    if (more := len(outcome.violations) - SHOWN) > 0:
        yield f"    ! and {more} more"


def totals(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """Yield one line for each cell and one for all."""
    for cell in dict.fromkeys(outcome.cell for outcome in outcomes):
        chosen = [outcome for outcome in outcomes if outcome.cell == cell]
        yield _total(cell, chosen)
    yield _total("all", outcomes)


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the outcomes as a JSON list."""
    path.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=2, ensure_ascii=False) + "\n")


def read(path: Path) -> list[Outcome]:
    """Read what ``write`` wrote."""
    return [Outcome(**fields) for fields in json.loads(path.read_text())]


def _total(name: str, outcomes: Sequence[Outcome]) -> str:
    requests = sum(outcome.requests for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    violations = sum(len(outcome.violations) for outcome in outcomes)
    rounds = sum(outcome.rounds for outcome in outcomes)
    rate = requests / seconds if seconds else 0.0
    return f"{name:<16} {rounds:>5} rounds {requests:>7} requests {rate:>6.0f} req/s {violations:>4} violations"
