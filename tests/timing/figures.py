"""What two samples of times tell: the difference of their quick ends, and how often one is the longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from .verdicts import Figures

PERCENTILE = 20
"""The quick end: what is above it is the machine's noise more than the server's work."""

RESAMPLES = 2000


def compare(first: Sequence[float], second: Sequence[float]) -> Figures:
    """Compare two samples of milliseconds."""
    interval = stats.bootstrap(
        (np.asarray(first), np.asarray(second)),
        _difference,
        n_resamples=RESAMPLES,
        method="percentile",
        vectorized=True,
        batch=100,
    ).confidence_interval
    test = stats.mannwhitneyu(second, first)
    return Figures(
        calls=min(len(first), len(second)),
        delta=float(_difference(np.asarray(first), np.asarray(second))),
        low=float(interval.low),
        high=float(interval.high),
        auc=float(test.statistic) / (len(first) * len(second)),
        p=float(test.pvalue),
    )


def _difference(first: Any, second: Any, axis: int = -1) -> Any:
    return np.percentile(second, PERCENTILE, axis=axis) - np.percentile(first, PERCENTILE, axis=axis)
