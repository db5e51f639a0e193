"""How long the stories are: ``--hypothesis-profile=long`` tells thousands of steps instead of the suite's few."""

from __future__ import annotations

import pytest
from hypothesis import settings

CHECKS = ("calls", "faces", "machine", "stage", "tables", "visits", "visits_bounds", "visits_sessions", "visits_thefts")
pytest.register_assert_rewrite(*[f"tests.stories.{name}" for name in CHECKS])
settings.register_profile("long", max_examples=250, stateful_step_count=60, deadline=None, print_blob=True)
