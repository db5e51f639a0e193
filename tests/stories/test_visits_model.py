"""The whole site against its model: any order of calls by honest clients, guessers, thieves and staff."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import Visits

pytestmark = pytest.mark.django_db(transaction=True)

SUITE = settings(
    max_examples=14,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    print_blob=True,
    database=None,
)


def story_settings() -> settings:
    """Return the suite's settings, or those of the profile ``long`` where the command line chose it."""
    long = settings.get_profile("long")
    return settings() if settings().max_examples == long.max_examples else SUITE


def test_every_story_goes_as_the_model_says() -> None:
    """Whatever order the calls come in, answers and rows are those of the papers, and no promise is broken."""
    run_state_machine_as_test(Visits, settings=story_settings())
