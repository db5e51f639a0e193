"""The production settings of the example project, right and with one mistake at a time."""

from __future__ import annotations

import json
import re
from typing import cast

import pytest

from tests.test_example_project import PRODUCTION, run

from .mistakes import MISTAKES, PROGRAM

MESSAGE = re.compile(r"^\S+ \((?P<id>[a-z]+\.[EW]\d{3})\) .+\n\tHINT: .+", re.MULTILINE)


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    """What ``check --deploy`` says of each mistake."""
    done = run("-c", PROGRAM, **PRODUCTION)
    assert done.returncode == 0, done.stderr
    return cast("dict[str, str]", json.loads(done.stdout))


def test_nothing_is_said_without_a_mistake(said: dict[str, str]) -> None:
    """The settings themselves are clean, so that what is said is of the mistake."""
    assert said[""] == ""


def test_mistakes_are_told_apart() -> None:
    """There are thirty and more of them, each with an id of its own."""
    assert len({mistake.id for mistake in MISTAKES.values()}) == len(MISTAKES) >= 30


@pytest.mark.parametrize("name", list(MISTAKES))
def test_mistake_is_told_with_a_hint(said: dict[str, str], name: str) -> None:
    """``check --deploy`` gives the mistake's own id and says what to do."""
    found = [message["id"] for message in MESSAGE.finditer(said[name])]
    assert MISTAKES[name].id in found
    assert said[name].count("HINT: ") == said[name].count("(securelogin.") == len(found)
