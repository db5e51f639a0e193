"""What the tables and the files say about one number after a burst."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Books:
    """The rows of one number, as plain facts.

    ``guesses`` and the failures are those of the row that all strangers share, ``password_failures`` those of its
    password; ``ended_for`` are the reasons of its ended sessions; ``reuses`` and ``endings`` count announcements.
    """

    users: int = 0
    sessions: int = 0
    live: int = 0
    generations: tuple[int, ...] = ()
    ended_for: tuple[str, ...] = ()
    outstanding: int = 0
    blacklisted: int = 0
    guesses: int = 0
    failures_in_day: int = 0
    failures_in_a_row: int = 0
    password_failures: int = 0
    reuses: int = 0
    endings: int = 0
