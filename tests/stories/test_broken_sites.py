"""The stories notice a broken site, within the budget of the suite."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .broken import BREAKS
from .machine import SteadyVisits
from .test_visits_model import SUITE

QUICK = settings(SUITE, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", BREAKS)
def test_broken_site_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One rule less, and a story of the suite's length goes wrong."""
    BREAKS[name](monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(SteadyVisits, settings=QUICK)
