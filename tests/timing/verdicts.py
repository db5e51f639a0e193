"""What the figures mean: alike, different, or not to be told on this machine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum

MOST_DELTA = 0.5
"""Milliseconds between the 20th percentiles."""

AUCS = (0.45, 0.55)
SURE = 0.0001
"""A Mann-Whitney p below which a difference is no chance. Load does not lower it: it meets both arms at random."""

MOST_RUNS = 5
"""After so many runs the machine is given up on."""


class Status(IntEnum):
    """The exit status of the command; 2 is taken by wrong arguments."""

    ALIKE = 0
    DIFFERENT = 1
    UNUSABLE = 3


@dataclass(frozen=True)
class Figures:
    """How two arms compare. ``delta`` of the 20th percentiles with its 95 % interval in ms; ``p`` is Mann-Whitney's."""

    calls: int
    delta: float
    low: float
    high: float
    auc: float
    p: float

    @property
    def is_alike(self) -> bool:
        """Whether the gate lets the pair through."""
        return self.low > -MOST_DELTA and self.high < MOST_DELTA and AUCS[0] <= self.auc <= AUCS[1]

    @property
    def is_different(self) -> bool:
        """Whether it does not, and surely so: the whole interval is out of bounds, or the AUC is and is no chance."""
        is_far = self.low > MOST_DELTA or self.high < -MOST_DELTA
        return is_far or (self.p < SURE and not AUCS[0] <= self.auc <= AUCS[1])

    def __str__(self) -> str:
        word = "alike" if self.is_alike else "DIFFERENT" if self.is_different else "unclear"
        return (
            f"{self.delta:+.3f} ms [{self.low:+.3f}, {self.high:+.3f}]  AUC {self.auc:.3f}  p {self.p:.2g}  "
            f"n {self.calls}  {word}"
        )


Run = Mapping[str, Figures]
"""The figures of all pairs that were measured together, the controls among them."""

SAME = ("control: login, same", "control: verify, same")
DELAYED = "control: login, delayed"


def is_usable(run: Run) -> bool:
    """Whether the controls came out as they must."""
    return all(run[name].is_alike for name in SAME) and run[DELAYED].is_different


@dataclass(frozen=True)
class Verdict:
    """The end of it, with every run that led there."""

    status: Status
    different: Sequence[str]
    runs: Sequence[Run]

    def as_json(self) -> dict[str, object]:
        """Return it as what ``json.dumps`` takes."""
        runs = [{name: asdict(figures) for name, figures in run.items()} for run in self.runs]
        return {"status": self.status.name, "different": list(self.different), "runs": runs}


def judge(measure: Callable[[Sequence[str]], Run], names: Sequence[str], *, told: Collection[str] = ()) -> Verdict:
    """Measure the pairs until each is alike in one usable run or different in two.

    Those in ``told`` are measured once and not judged.
    """
    runs: list[Run] = []
    waiting, doubtful, different = list(names), set[str](), list[str]()
    while waiting and len(runs) < MOST_RUNS:
        run = measure(waiting)
        runs.append(run)
        if not is_usable(run):
            continue
        different += [name for name in waiting if run[name].is_different and name in doubtful]
        doubtful |= {name for name in waiting if run[name].is_different}
        done = {*told, *different, *(name for name in waiting if run[name].is_alike)}
        waiting = [name for name in waiting if name not in done]
    status = Status.DIFFERENT if different else Status.UNUSABLE if waiting else Status.ALIKE
    return Verdict(status, different, runs)


def worst(statuses: Iterable[Status]) -> Status:
    """Return the status of the whole: a difference weighs more than a run that told nothing."""
    found = set(statuses)
    return next((each for each in (Status.DIFFERENT, Status.UNUSABLE) if each in found), Status.ALIKE)
