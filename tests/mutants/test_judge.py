"""What the judge of the mutants lets pass, and how its list is read."""

from __future__ import annotations

import pytest

from . import explained, judge
from .mutant import Mutant

LONGER = Mutant("package.module.take", ("- return 1", "+ return 2"))
OTHER = Mutant("package.module.Class.give", ("- a = 1", "+ a = None"))

TEXT = """
# A remark.
Nobody reads the value.
    package.module.take
    - return 1
    + return 2

    package.module.Class.give
    - a = 1
    + a = None

It is a text for people.
    package.module.take
    - return 1
    + return 2
"""


def test_list_is_read_with_the_reason_of_each() -> None:
    """A reason holds for all mutants below it, and one diff may stand in the list as often as it survives."""
    value, text = "Nobody reads the value.", "It is a text for people."
    assert explained.read(TEXT) == [(LONGER, value), (OTHER, value), (LONGER, text)]


def test_mutant_without_a_reason_is_no_list() -> None:
    """A mutant that stands above every reason is refused."""
    with pytest.raises(ValueError, match="no reason"):
        explained.read("    package.module.take\n")


def test_what_is_printed_can_be_listed() -> None:
    """A mutant is printed in the form in which the list takes it."""
    assert explained.read(f"A reason.\n{OTHER}\n") == [(OTHER, "A reason.")]


def test_each_survivor_needs_a_reason_of_its_own() -> None:
    """One line of the list explains one survivor."""
    assert judge.complaints([LONGER, OTHER], [OTHER, LONGER]) == []
    assert judge.complaints([LONGER, LONGER], [LONGER]) == [f"lives, and nothing says why:\n{LONGER}"]


def test_reason_for_a_dead_mutant_is_a_fault() -> None:
    """A list that explains what no longer survives is out of date."""
    assert judge.complaints([], [OTHER]) == [f"is explained, but does not live:\n{OTHER}"]


def test_list_of_the_project_is_in_form() -> None:
    """Every mutant in the project's list has its function, its diff and a sentence that says why it may live."""
    for mutant, reason in explained.read(explained.LIST.read_text()):
        assert mutant.function.startswith("securelogin.")
        assert mutant.change
        assert reason.endswith(".")
