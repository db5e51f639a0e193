"""The list of the mutants that may live, with the reason of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from .mutant import Mutant

LIST = Path(__file__).with_name("explained.txt")
INDENT = "    "


def read(text: str) -> list[tuple[Mutant, str]]:
    """Read mutants and their reasons: a line at the margin is a reason, and what is indented below it the mutants.

    Each begins with its function, and its diff follows. Raises ``ValueError`` for a mutant without a reason.
    """
    return list(_read(line for line in text.splitlines() if line.strip() and not line.startswith("#")))


def _read(lines: Iterable[str]) -> Iterator[tuple[Mutant, str]]:
    reason, function, change = "", "", list[str]()
    for line in (*lines, "end"):
        is_change = line.startswith((f"{INDENT}-", f"{INDENT}+"))
        if is_change:
            change.append(line.strip())
            continue
        if function:
            yield Mutant(function, tuple(change)), reason
        function, change = "", []
        if not line.startswith(INDENT):
            reason = line.strip()
        elif not reason:
            raise ValueError(f"no reason is given before {line.strip()}")
        else:
            function = line.strip()
