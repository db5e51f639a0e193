"""The stories notice a broken site, most of them within as many stories as the suite tells."""

from __future__ import annotations

import pytest
from hypothesis import Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from .broken import CODE_BREAKS, SESSION_BREAKS
from .machine import CodeStories, SessionStories
from .test_visits_model import SUITE

QUICK = settings(
    SUITE,
    max_examples=200,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    print_blob=False,
    verbosity=Verbosity.quiet,
)
"""The first story that goes wrong is the last: of ten runs for each broken site, the longest needed some fifty."""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", CODE_BREAKS)
def test_broken_codes_are_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One rule of codes less, and a story goes wrong."""
    CODE_BREAKS[name](monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(CodeStories, settings=QUICK)


@pytest.mark.parametrize("name", SESSION_BREAKS)
def test_broken_sessions_are_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One rule of sessions less, and a story goes wrong."""
    SESSION_BREAKS[name](monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(SessionStories, settings=QUICK)
