"""The law of mixed traffic: whoever meets at the same rows, nobody is told of a deadlock, and nobody waits long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..bursts import Answer
from .answers import answered, exactly

SLOW = 10.0
"""Seconds that 99 of 100 calls stay below on any machine; an idle one is asked for 2."""


@dataclass(frozen=True)
class Sample:
    """One call of mixed traffic: what was called, what came back, after how many seconds."""

    name: str
    answer: Answer
    seconds: float


def mixed(samples: Sequence[Sample], broken: Sequence[str], *, half_ended: int, is_patient: bool) -> list[str]:
    """No call is answered with a 5xx or not at all, no command breaks, no session is ended by half.

    ``broken`` are errors beside the server; ``half_ended`` counts sessions that are ended but not blacklisted.
    """
    found = Counter(
        f"{sample.name} {violation}"
        for sample in samples
        for violation in answered([sample.answer], is_patient=is_patient)
    )
    found.update(broken)
    slow = percentile([sample.seconds for sample in samples], 99)
    return [
        *(f"{violation} ({count} times)" for violation, count in found.items()),
        *exactly(0, "sessions that are ended by half", half_ended),
        *([f"99 of 100 calls take up to {slow:.1f} s"] if slow > SLOW else []),
    ]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent stay within; 0 where there is none."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0.0
