"""The laws, as pure functions: answers and books in, violations out. An empty list is a round without one."""

from .answers import TRY_AGAIN, answered, heard, successes
from .asks import limit, one_message
from .guesses import hidden_code, luck, most_by_luck, right_code, wrong_guesses, wrong_passwords
from .logins import LogoutAftermath, LogoutBurst, ended_in_cache, logout_others, max_sessions
from .mixed import Sample, mixed, percentile
from .refreshes import no_grace, one_refresh, one_successor, read_claims, reuse

__all__ = [
    "TRY_AGAIN",
    "LogoutAftermath",
    "LogoutBurst",
    "Sample",
    "answered",
    "ended_in_cache",
    "heard",
    "hidden_code",
    "limit",
    "logout_others",
    "luck",
    "max_sessions",
    "mixed",
    "most_by_luck",
    "no_grace",
    "one_message",
    "one_refresh",
    "one_successor",
    "percentile",
    "read_claims",
    "reuse",
    "right_code",
    "successes",
    "wrong_guesses",
    "wrong_passwords",
]
