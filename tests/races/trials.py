"""Trials of the judges: a scenario is played on a mutant until it goes red, and says for which reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HEAD = f"{'mutant':<24} {'scenario':<15} {'database':<8} {'rounds':>6}  caught by"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How one mutant fared in one scenario: after how many rounds it was caught, by which violation.

    ``violation`` is empty where it got away; ``others`` is then what was found instead.
    """

    mutant: str
    scenario: str
    database: str
    rounds: int
    violation: str
    others: Sequence[str] = ()

    @property
    def line(self) -> str:
        """One line of the report."""
        caught = self.violation or f"NOT CAUGHT; {'; '.join(dict.fromkeys(self.others)) or 'all was green'}"
        return f"{self.mutant:<24} {self.scenario:<15} {self.database:<8} {self.rounds:>6}  {caught}"


def write(path: Path, trials: Iterable[Trial]) -> None:
    """Write the trials as a JSON list."""
    path.write_text(json.dumps([asdict(trial) for trial in trials], indent=2, ensure_ascii=False) + "\n")


def read(path: Path) -> list[Trial]:
    """Read what ``write`` wrote."""
    return [Trial(**fields) for fields in json.loads(path.read_text())]
