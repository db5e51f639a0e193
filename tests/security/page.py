"""The page of what must hold, docs/explanation/security.md, read against the tests that stand."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

SIZES = {"A": 15, "B": 17, "C": 4, "D": 9, "E": 9, "F": 8, "G": 6, "H": 5, "I": 7, "J": 3, "K": 6, "P": 5}
IDS = [f"{group}{number}" for group, size in SIZES.items() for number in range(1, size + 1)]
STATUSES = frozenset({"holds", "later", "not offered"})
MAY_WAIT = frozenset(
    {"A7", "A12", "B1", "B10", "B11", "C1", "C4", "D2", "E4", "F7", "F8", "K5", "P2", "P3", "P4", "P5"}
    | {f"I{number}" for number in range(1, 8)}
)
"""Items of which something concerns a part that is not there yet: ``later``, or ``holds`` with a note "Later: …"."""

ID = re.compile(r"[A-Z]\d+")
DRILLS = ("races/", "crashes/")
"""Folders whose commands play rounds with names, beside pytest."""
OURS = "security/"


@dataclass(frozen=True)
class Item:
    """One row: its id, its status, and the cell of tests and notes."""

    id: str
    status: str
    cell: str

    @property
    def tests(self) -> list[str]:
        """The tests that it names, without the values in brackets that one run of them has."""
        return [name.partition("[")[0] for name in self._names() if "::" in name]

    @property
    def drills(self) -> list[str]:
        """The races and crashes that it names."""
        return [name for name in self._names() if name.startswith(DRILLS)]

    @property
    def note(self) -> str:
        """What stands there beside the names."""
        return re.sub(r"`[^`]*`", "", self.cell).strip(" ,.;")

    def _names(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.cell)


def read(page: str) -> list[Item]:
    """Return the rows of the page that have an id."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in page.splitlines() if "|" in line]
    return [Item(cells[0], cells[-2], cells[-1]) for cells in rows if len(cells) > 2 and ID.fullmatch(cells[0])]


def tests_in(root: Path) -> dict[str, set[str]]:
    """Return the tests in each file below a folder, by its path from there; one in a class is ``Class::test``."""
    return {path.relative_to(root).as_posix(): set(_tests(path.read_text())) for path in root.rglob("test_*.py")}


def _tests(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        for prefix, each in _members(node):
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.name.startswith("test"):
                yield prefix + each.name


def _members(node: ast.stmt) -> list[tuple[str, ast.stmt]]:
    if isinstance(node, ast.ClassDef):
        return [(f"{node.name}::", each) for each in node.body]
    return [("", node)]


def problems(items: list[Item], tests: dict[str, set[str]], drills: Collection[str], *, skip: str = "") -> list[str]:
    """Say what is wrong: with the rows, and with tests of ours that no row names; ``skip`` is the page's own test."""
    counts = Counter(item.id for item in items)
    found = [f"{each} has {counts[each]} rows" for each in IDS if counts[each] != 1]
    found += [f"{each} is no item" for each in counts if each not in IDS]
    for item in items:
        found += [f"{item.id} {problem}" for problem in (*_of_status(item), *_of_names(item, tests, drills))]
    named = {name for item in items for name in item.tests}
    for path, names in tests.items():
        if path.startswith(OURS) and path != skip:
            found += [f"no item names {path}::{name}" for name in sorted(names) if f"{path}::{name}" not in named]
    return found


def _of_status(item: Item) -> Iterator[str]:
    if item.status not in STATUSES:
        yield f"has the status {item.status!r}"
    if item.status == "holds" and not (item.tests or item.drills):
        yield "holds without a test"
    if item.status in {"later", "not offered"} and not item.note:
        yield f"is {item.status} without a word why"
    if (item.status == "later" or "Later:" in item.note) and item.id not in MAY_WAIT:
        yield "may not wait"


def _of_names(item: Item, tests: dict[str, set[str]], drills: Collection[str]) -> Iterator[str]:
    for name in item.tests:
        path, _colons, test = name.partition("::")
        if test not in tests.get(path, ()):
            yield f"names {name}, which is not there"
    for drill in item.drills:
        if drill not in drills:
            yield f"names {drill}, which is not there"
