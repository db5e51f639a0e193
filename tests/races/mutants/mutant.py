"""What a mutant is, and how it is put in the place of what is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PAUSE = 0.1
"""Seconds between the look and the deed of a mutant. They only widen its window: the judges are on trial."""

LONG = 0.5
"""The same where all that the server can take at once must have looked before the first deed, on a busy machine."""


@dataclass(frozen=True)
class Mutant:
    """A way to break one mechanism.

    ``caught`` names the scenarios that must go red, each with the beginning of the violation that it must find:
    red for another reason does not count.
    """

    name: str
    apply: Callable[[], None]
    caught: Mapping[str, str]


def replace(owner: Any, name: str, function: Any) -> None:
    """Put a function in the place of one that must be there: a mutant of what moved away would break nothing."""
    if not hasattr(owner, name):
        raise AttributeError(f"there is no {name} in {owner} that a mutant could replace")
    setattr(owner, name, function)


def dawdle(seconds: float = PAUSE) -> None:
    """Let the others come between."""
    time.sleep(seconds)
