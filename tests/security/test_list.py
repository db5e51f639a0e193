"""docs/explanation/security.md and the tests are in step, both ways; the tests of this module no row has to name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashes import parts
from tests.races.scenarios import SCENARIOS

from . import page
from .page import IDS, Item

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "security.md"
CRASHES = parts.names()
DRILLS = {
    *(f"races/{scenario.name}" for scenario in SCENARIOS),
    *(f"crashes/{name}" for name in CRASHES),
    *(f"crashes/{name.partition(':')[0]}" for name in CRASHES),
}
"""What is played by name; ``crashes/guess`` is every step of a guess."""


def test_page_and_tests_are_in_step() -> None:
    """Ninety-four items, each with its tests or a reason; each test of ours has its item."""
    items, tests = page.read(PAGE.read_text()), page.tests_in(ROOT / "tests")
    found = page.problems(items, tests, DRILLS, skip="security/test_list.py")
    assert not found, "\n".join(found)


# The reader itself


TESTS = {"services/test_a.py": {"test_one", "Group::test_two"}, "security/test_b.py": {"test_three"}}
ROW = "| {} | what must hold | RFC 1 | {} | {} |"
HOLDS = "`services/test_a.py::test_one`"


def written(**changes: str) -> str:
    """Return a page on which all is well, but for the rows that are given in other words."""
    rows = {each: ROW.format(each, "holds", HOLDS) for each in IDS}
    rows["P5"] = ROW.format("P5", "later", "`security/test_b.py::test_three`. There is no such part.")
    return "\n".join(["# Security", "| status | means |", "|---|---|", *(rows | changes).values(), ""])


def problems(text: str) -> list[str]:
    """Read a page against a few tests and one race."""
    return page.problems(page.read(text), TESTS, ["races/right-code"])


@pytest.mark.parametrize(
    ("status", "cell"),
    [
        ("holds", HOLDS),
        ("holds", "`races/right-code`"),
        ("holds", "`services/test_a.py::Group::test_two`, `services/test_a.py::test_one[+1-x]`"),
        ("holds", f"{HOLDS}. Later: the `admin`."),
        ("later", "There is no admin."),
        ("not offered", "Nobody can guess what is not there."),
    ],
)
def test_good_page_passes(status: str, cell: str) -> None:
    """Tests in classes, tests with values, races, and reasons for what is not there."""
    assert problems(written(I1=ROW.format("I1", status, cell))) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"A1": ""}, "A1 has 0 rows"),
        ({"A1": ROW.format("A2", "holds", HOLDS)}, "A2 has 2 rows"),
        ({"Q1": ROW.format("Q1", "holds", HOLDS)}, "Q1 is no item"),
        ({"A16": ROW.format("A16", "holds", HOLDS)}, "A16 is no item"),
        ({"A1": ROW.format("A1", "closed", HOLDS)}, "A1 has the status 'closed'"),
        ({"A1": ROW.format("A1", "", HOLDS)}, "A1 has the status ''"),
        ({"A1": ROW.format("A1", "holds", "")}, "A1 holds without a test"),
        ({"A1": ROW.format("A1", "holds", "Surely.")}, "A1 holds without a test"),
        ({"A1": ROW.format("A1", "not offered", "")}, "A1 is not offered without a word why"),
        ({"I1": ROW.format("I1", "later", HOLDS)}, "I1 is later without a word why"),
        ({"A1": ROW.format("A1", "later", "In time.")}, "A1 may not wait"),
        ({"A1": ROW.format("A1", "holds", f"{HOLDS}. Later: the rest.")}, "A1 may not wait"),
        (
            {"A1": ROW.format("A1", "holds", "`services/test_a.py::test_two`")},
            "A1 names services/test_a.py::test_two, which is not there",
        ),
        (
            {"A1": ROW.format("A1", "holds", "`services/test_z.py::test_one`")},
            "A1 names services/test_z.py::test_one, which is not there",
        ),
        ({"A1": ROW.format("A1", "holds", "`races/luck`")}, "A1 names races/luck, which is not there"),
        ({"P5": ROW.format("P5", "later", "No.")}, "no item names security/test_b.py::test_three"),
    ],
)
def test_broken_page_is_told(changes: dict[str, str], problem: str) -> None:
    """Each way to be out of step is a problem that names the item."""
    assert problem in problems(written(**changes))


def test_tests_are_found_in_files_and_classes(tmp_path: Path) -> None:
    """What is commented out, nested or named otherwise is no test."""
    (tmp_path / "api").mkdir()
    source = (
        "def test_one(): ...\nasync def test_two(): ...\n# def test_three(): ...\ndef other():\n    def test_x(): ...\n"
    )
    (tmp_path / "api" / "test_a.py").write_text(f"{source}class TestFour:\n    def test_five(self): ...\n")
    (tmp_path / "api" / "conftest.py").write_text("def test_six(): ...\n")
    assert page.tests_in(tmp_path) == {"api/test_a.py": {"test_one", "test_two", "TestFour::test_five"}}


def test_row_is_read_to_its_last_cell() -> None:
    """Status and tests are the last two, however many stand before."""
    assert page.read("| A1 | a | b | holds | `x.py::t` |") == [Item("A1", "holds", "`x.py::t`")]
