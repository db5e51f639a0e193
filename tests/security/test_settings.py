"""A2: what no site may set stops it before it starts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.checks import ours, run

SECOND = timedelta(seconds=1)
UNSAFE: dict[str, list[Any]] = {
    "CODE_LENGTH": [5, 1],
    "CODE_LIFETIME": [601 * SECOND, timedelta(days=1)],
    "CODE_MAX_GUESSES": [11, 1000],
    "FAILURES_IN_A_ROW": [101, 10**9],
    "ACCESS_TOKEN_LIFETIME": [3601 * SECOND, timedelta(days=30)],
}
"""Values that can be read and are beyond what the standards leave."""

UNREADABLE: list[Any] = ["6", "300", "", b"6", None, True, False, 6.5, float("nan"), -1, 0, -SECOND, 0 * SECOND, [], {}]
"""What a variable of the environment, or a slip, puts in the place of a number or a duration."""


@pytest.mark.parametrize("key", list(UNSAFE))
def test_unsafe_setting_is_an_error(key: str) -> None:
    """Text, None, zero, a negative and a value out of bounds are errors with an id, which stop ``check`` (A2)."""
    for value in [*UNSAFE[key], *UNREADABLE]:
        errors = [each for each in run(**ours(**{key: value})) if each.is_serious()]
        assert errors, value
        assert all(str(each.id).startswith("securelogin.E") and key in each.msg and each.hint for each in errors)
