"""The laws of guessing codes and passwords."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from ..books import Books
from ..bursts import Answer
from .answers import REFUSED_CODE, REFUSED_PASSWORD, TOO_MANY_ATTEMPTS, busy, counted, exactly, only, successes

IMPROBABLE = 1e-5
"""What a matter of luck may cost: one false alarm in a hundred thousand conclusions."""


def right_code(answers: Sequence[Answer], books: Books) -> list[str]:
    """The right code sent many times at once opens one session of one user; a lost race costs no failure."""
    won = len(successes(answers))
    return [
        *counted(1, "successes", won, answers),
        *only(answers, {REFUSED_CODE, TOO_MANY_ATTEMPTS}),
        *counted(1, "users", books.users, answers),
        *exactly(won, "sessions", books.sessions),
        *exactly(won, "live sessions", books.live),
        *exactly(won, "outstanding tokens", books.outstanding),
        *_at_most(busy(answers), "failures that were not given back", books.failures_in_day),
        *_at_most(busy(answers), "failures in a row that were not given back", books.failures_in_a_row),
    ]


def wrong_guesses(answers: Sequence[Answer], after: Answer, books: Books, *, most: int) -> list[str]:
    """Wrong guesses at once spend the code's budget exactly; the right code ``after`` them is refused."""
    return [
        *exactly(0, "successes", len(successes([*answers, after]))),
        *only([*answers, after], {REFUSED_CODE, TOO_MANY_ATTEMPTS}),
        *counted(most, "guesses evaluated", books.guesses, answers),
        *counted(most, "failures in the day", books.failures_in_day, answers),
        *counted(most, "failures in a row", books.failures_in_a_row, answers),
        *exactly(0, "sessions", books.sessions),
    ]


def wrong_passwords(answers: Sequence[Answer], after: Answer, books: Books, *, most: int) -> list[str]:
    """Wrong passwords at once spend the day's budget exactly; the right one ``after`` them is refused."""
    return [
        *exactly(0, "successes", len(successes([*answers, after]))),
        *only([*answers, after], {REFUSED_PASSWORD}),
        *counted(most, "wrong passwords in the day", books.password_failures, answers),
        *exactly(0, "sessions", books.sessions),
    ]


def hidden_code(answers: Sequence[Answer], books: Books, *, most: int) -> list[str]:
    """One right code among wrong ones opens at most one session, and never more than ``most`` are evaluated."""
    won = len(successes(answers))
    found = only(answers, {REFUSED_CODE, TOO_MANY_ATTEMPTS})
    if won > 1:
        found.append(f"{won} successes")
    if books.guesses > most:
        found.append(f"{books.guesses} guesses evaluated, not {most}")
    if books.failures_in_day > most - won:
        found.append(f"{books.failures_in_day} failures in the day, not {most - won}")
    return [*found, *exactly(won, "sessions", books.sessions), *exactly(won, "users", books.users)]


def luck(won: int, chances: Sequence[float]) -> list[str]:
    """Guessing wins no more rounds than the budget allows, beyond what luck explains.

    Chances that differ are taken as their mean, which allows for no fewer wins (Hoeffding 1956).
    """
    rounds, chance = len(chances), sum(chances) / max(1, len(chances))
    bound = most_by_luck(rounds, chance)
    return [f"the right code won {won} of {rounds} rounds, more than {bound}"] if won > bound else []


def most_by_luck(rounds: int, chance: float) -> int:
    """Return the number of wins that is passed with a probability below ``IMPROBABLE`` (binomial distribution)."""
    below = 0.0
    for wins in range(rounds + 1):
        below += comb(rounds, wins) * chance**wins * (1 - chance) ** (rounds - wins)
        if 1 - below < IMPROBABLE:
            return wins
    return rounds


def _at_most(bound: int, what: str, found: int) -> list[str]:
    return [] if found <= bound else exactly(bound, what, found)
