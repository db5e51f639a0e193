"""Whether the survivors of a run are those that the list explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from .mutant import Mutant


def complaints(alive: Sequence[Mutant], listed: Sequence[Mutant]) -> list[str]:
    """Tell which mutants live without a reason, and which reasons are for none that lives."""
    return list(_complaints(Counter(alive), Counter(listed)))


def _complaints(alive: Counter[Mutant], listed: Counter[Mutant]) -> Iterator[str]:
    for title, mutants in (
        ("lives, and nothing says why", alive - listed),
        ("is explained, but does not live", listed - alive),
    ):
        for mutant in sorted(mutants.elements()):
            yield f"{title}:\n{mutant}"
