"""Which mutants a run of mutmut left alive."""

from __future__ import annotations

from collections.abc import Iterator

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

from .mutant import Mutant

DEAD = frozenset({"killed", "timeout"})
"""A mutant that never ends is found, too."""


def outcomes() -> Iterator[tuple[str, str]]:
    """Yield the name that mutmut gave each mutant, and what became of it."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            yield name, status_by_exit_code[code]


def survivors() -> list[Mutant]:
    """Return the mutants that no test noticed, and those that no test ran."""
    return sorted(_read(name) for name, outcome in outcomes() if outcome not in DEAD)


def _read(name: str) -> Mutant:
    module, _, mangled = name.rpartition(".")
    plain = mangled.rpartition("__mutmut_")[0]
    function = plain.removeprefix("xǁ").replace("ǁ", ".") if "ǁ" in plain else plain.removeprefix("x_")
    _old, _new, *lines = get_diff_for_mutant(name).splitlines()
    return Mutant(f"{module}.{function}", tuple(f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in "-+"))
