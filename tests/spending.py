"""What a call costs, without what the process does beside it."""

from __future__ import annotations

import time
from collections.abc import Callable


def least_seconds(call: Callable[[], object], *, times: int = 5) -> float:
    """Return the seconds of the processor that ``call`` takes at its cheapest of ``times``.

    A single one may hold a collection of the garbage of the whole process, which takes longer than what is measured.
    """
    spent = []
    for _ in range(times):
        started = time.process_time()
        call()
        spent.append(time.process_time() - started)
    return min(spent)
