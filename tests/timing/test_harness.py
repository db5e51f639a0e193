"""The gate goes red for a difference, and says so where the machine cannot tell."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .verdicts import DELAYED, MOST_RUNS, SAME, Figures, Run, Status, is_usable, judge, worst

ALIKE = Figures(2000, 0.01, -0.01, 0.03, 0.505, 0.6)
DIFFERENT = Figures(2000, 0.2, 0.18, 0.22, 0.62, 1e-30)
NOISY = Figures(2000, 0.2, -0.9, 1.1, 0.52, 0.02)
LATE = Figures(2000, 0.7, 0.6, 0.8, 0.54, 0.01)
CONTROLS = {**dict.fromkeys(SAME, ALIKE), DELAYED: DIFFERENT}


@pytest.mark.parametrize(
    ("figures", "is_alike", "is_different"),
    [(ALIKE, True, False), (DIFFERENT, False, True), (NOISY, False, False), (LATE, False, True)],
)
def test_gate(figures: Figures, is_alike: bool, is_different: bool) -> None:
    """An AUC or an interval out of bounds is a difference, unless it is noise alone."""
    assert (figures.is_alike, figures.is_different) == (is_alike, is_different)


@pytest.mark.parametrize("name", [*SAME, DELAYED])
def test_run_with_a_wrong_control_is_not_usable(name: str) -> None:
    """What must be alike is, and the delay is seen, or the run counts for nothing."""
    assert is_usable(CONTROLS)
    assert not is_usable({**CONTROLS, name: DIFFERENT if name in SAME else ALIKE})
    assert not is_usable({**CONTROLS, name: NOISY})


def played(*runs: Figures | None, told: Sequence[str] = ()) -> tuple[Status, int]:
    """Judge one pair whose runs come out like this, the last one for ever; None is an unusable run."""
    left = list(runs)

    def measure(names: Sequence[str]) -> Run:
        assert list(names) == ["pair"]
        figures = left.pop(0) if len(left) > 1 else left[0]
        return {**CONTROLS, "pair": figures or ALIKE, **({} if figures else {DELAYED: ALIKE})}

    verdict = judge(measure, ["pair"], told=told)
    return verdict.status, len(verdict.runs)


def test_pair_differs_where_two_runs_say_so() -> None:
    """One run may be chance."""
    assert played(ALIKE) == (Status.ALIKE, 1)
    assert played(DIFFERENT, ALIKE) == (Status.ALIKE, 2)
    assert played(DIFFERENT, DIFFERENT) == (Status.DIFFERENT, 2)
    assert played(DIFFERENT, None, NOISY, DIFFERENT) == (Status.DIFFERENT, 4)


def test_noise_is_no_verdict() -> None:
    """Runs that tell nothing end in a status of their own."""
    assert played(None, ALIKE) == (Status.ALIKE, 2)
    assert played(None) == played(NOISY) == (Status.UNUSABLE, MOST_RUNS)


def test_told_pair_is_measured_once() -> None:
    """What answers tell anyhow is no failure."""
    assert played(DIFFERENT, told=["pair"]) == (Status.ALIKE, 1)


def test_difference_weighs_most() -> None:
    """One difference is the answer, whatever else was not to be told."""
    assert worst([]) is worst([Status.ALIKE]) is Status.ALIKE
    assert worst([Status.ALIKE, Status.UNUSABLE]) is Status.UNUSABLE
    assert worst([Status.UNUSABLE, Status.DIFFERENT]) is Status.DIFFERENT
