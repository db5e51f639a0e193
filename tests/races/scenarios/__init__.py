"""The races: each plays one round on a stage and returns the violations that its judge found.

The server takes 16 calls at once. A smaller burst asks which two meet, a larger one what those see who come second.
"""

from __future__ import annotations

from collections.abc import Sequence

from .asks import asks, first_logins, limit
from .guesses import hidden_code, hidden_code_luck, made_by_staff, right_code, wrong_guesses, wrong_passwords
from .logins import ended_in_cache, logout_against_all, max_sessions
from .refreshes import keyed_refresh, no_grace, one_refresh, reuse
from .scenario import Scenario

SCENARIOS = (
    Scenario("right-code", "the right code sent at once opens one session", "wide", (50,), right_code),
    Scenario("wrong-guesses", "wrong guesses at once spend the code", "wide", (16,), wrong_guesses),
    Scenario("hidden-code", "the right code wins by luck only", "wide", (100, 100, 20), hidden_code, hidden_code_luck),
    Scenario("hidden-code-16", "as many as are compared at once", "wide", (16,), hidden_code, hidden_code_luck),
    Scenario("wrong-passwords", "wrong passwords at once spend the day's budget", "wide", (16,), wrong_passwords),
    Scenario("made-by-staff", "a first login beside staff making the account", "wide", (4,), made_by_staff),
    Scenario("one-refresh", "one refresh token has one successor", "wide", (50,), one_refresh),
    Scenario("one-refresh-20", "the same, 20 at once", "wide", (20,), one_refresh),
    Scenario("one-refresh-2", "the same, 2 at once", "wide", (2,), one_refresh),
    Scenario("logout-others", "logout of the others beats refreshes and logins", "wide", (20,), logout_against_all),
    Scenario("keyed-refresh", "one key has one successor without grace", "strict", (16,), keyed_refresh),
    Scenario("reuse", "an old refresh token ends its session once", "strict", (16,), reuse),
    Scenario("no-grace", "without grace a repeat ends the session once", "strict", (50,), no_grace),
    Scenario("no-grace-20", "the same, 20 at once", "strict", (20,), no_grace),
    Scenario("no-grace-2", "the same, 2 at once", "strict", (2,), no_grace),
    Scenario("max-sessions", "simultaneous logins stay within MAX_SESSIONS", "strict", (20,), max_sessions),
    Scenario("ended-in-cache", "a session that ended is in no cache", "cached", (12,), ended_in_cache),
    Scenario("first-logins", "four spellings at once are one user and one SMS", "tight", (50,), first_logins),
    Scenario("asks", "simultaneous asks of a known number send one SMS", "tight", (20,), asks),
    Scenario("limit-database", "a limit counted in the database is exact", "tight", (100, 20, 20, 20), limit),
    Scenario("limit-redis", "a limit counted in Redis is exact", "tight-redis", (100, 20, 20, 20), limit),
)


def chosen(names: Sequence[str]) -> list[Scenario]:
    """Return the scenarios of these names, or all where none is given. Raises ``ValueError`` for an unknown one."""
    known = [each.name for each in SCENARIOS]
    if unknown := set(names) - set(known):
        raise ValueError(f"No scenario {', '.join(sorted(unknown))}; there are {', '.join(known)}.")
    return [each for each in SCENARIOS if not names or each.name in names]


__all__ = ["SCENARIOS", "Scenario", "chosen"]
