"""Mechanisms broken on purpose, one at a time, so that the judges are seen to go red on each.

Nothing in ``securelogin`` knows of them: where the settings of the races name one, the served host puts it in the
place of what is right when it starts.
"""

from __future__ import annotations

from .asks import ask_without_transaction, count_in_redis_by_reading, count_in_table_by_reading
from .guesses import compare_before_counting, count_by_reading, keep_failure_of_lost_race, use_code_read_as_unused
from .logins import forget_by_deletion, log_in_without_lock, log_out_without_lock, make_user_once
from .mutant import Mutant
from .refreshes import (
    announce_every_reuse,
    end_what_was_read_as_open,
    rotate_by_reading,
    rotate_whatever_the_generation,
)

LUCK = "the right code won"
SUCCESSES = "successes: "

MUTANTS = (
    Mutant("code-read-as-unused", use_code_read_as_unused, {"right-code": SUCCESSES}),
    Mutant("failure-of-lost-race", keep_failure_of_lost_race, {"right-code": "failures that were not given back: "}),
    Mutant(
        "guess-read-then-written",
        count_by_reading,
        {
            "wrong-guesses": SUCCESSES,
            "hidden-code": LUCK,
            "wrong-passwords": "wrong passwords in the day: ",
        },
    ),
    Mutant("compared-before-counted", compare_before_counting, {"hidden-code-16": LUCK}),
    Mutant("user-made-once", make_user_once, {"made-by-staff": "answered 500"}),
    Mutant(
        "rotation-read-then-saved",
        rotate_by_reading,
        {"no-grace": SUCCESSES, "no-grace-20": SUCCESSES, "no-grace-2": SUCCESSES},
    ),
    Mutant(
        "rotation-unconditional",
        rotate_whatever_the_generation,
        dict.fromkeys(
            ["one-refresh", "one-refresh-20", "one-refresh-2", "keyed-refresh"], "the generations of its sessions: "
        ),
    ),
    Mutant("reuse-announced-by-all", announce_every_reuse, {"reuse": "announcements of reuse: "}),
    Mutant("ended-by-all", end_what_was_read_as_open, {"reuse": "announcements of ended sessions: "}),
    Mutant("login-without-lock", log_in_without_lock, {"max-sessions": "live sessions: "}),
    Mutant("logout-without-lock", log_out_without_lock, {"logout-others": "logins before the commit that outlive it"}),
    Mutant("forgotten-by-deletion", forget_by_deletion, {"ended-in-cache": "calls let in after the logout: "}),
    Mutant("ask-without-transaction", ask_without_transaction, {"first-logins": SUCCESSES, "asks": SUCCESSES}),
    Mutant("limit-read-then-written", count_in_table_by_reading, {"limit-database": SUCCESSES}),
    Mutant("limit-got-then-set", count_in_redis_by_reading, {"limit-redis": SUCCESSES}),
)


def apply(name: str) -> None:
    """Put the mutant of that name in the place of what is right. Raises ``KeyError``."""
    {mutant.name: mutant for mutant in MUTANTS}[name].apply()


__all__ = ["MUTANTS", "Mutant", "apply"]
