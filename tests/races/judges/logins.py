"""The laws of many logins, and of ending the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..books import Books
from ..bursts import Answer
from .answers import ENDED, TRY_AGAIN, counted, exactly, heard, only, successes


def max_sessions(answers: Sequence[Answer], after: Sequence[Answer], books: Books, *, most: int) -> list[str]:
    """Simultaneous logins all succeed and leave ``most`` sessions; ``after`` calls with the token of each."""
    return [
        *exactly(len(heard(answers)), "successes", len(successes(answers))),
        *counted(most, "live sessions", books.live, answers),
        *counted(most, "sessions that answer", len(successes(after)), answers),
        *only(after, {ENDED}),
        *exactly(["evicted"] * len(books.ended_for), "the reasons of ended sessions", list(books.ended_for)),
        *exactly(len(books.ended_for), "blacklisted tokens", books.blacklisted),
        *exactly(len(books.ended_for), "announcements of ended sessions", books.endings),
    ]


def ended_in_cache(logout: Answer, own: Sequence[Answer], others: Sequence[Answer]) -> list[str]:
    """Once the logout is answered none of the others is let in, whoever remembers it; the caller is."""
    if not heard([logout]):
        return []
    return [
        *exactly(200, "the logout of the others", logout.status),
        *exactly(len(heard(own)), "calls of the caller", len(successes(own))),
        *exactly(0, "calls let in after the logout", len(successes(others))),
        *only(others, {ENDED}),
    ]


@dataclass(frozen=True, kw_only=True)
class LogoutBurst:
    """What was answered in a burst of one logout of the others, refreshes by the others, and new logins."""

    logout: Answer
    refreshes: Sequence[Answer]
    logins: Sequence[Answer]


@dataclass(frozen=True, kw_only=True)
class LogoutAftermath:
    """What was answered afterwards: to the caller, to every token of the others, to each login that succeeded.

    ``seen_at`` is a moment at which one of the others was still not ended, so the logout was not committed yet.
    """

    own: Answer
    others: Sequence[Answer]
    logins: Sequence[Answer]
    seen_at: float


def logout_others(burst: LogoutBurst, after: LogoutAftermath, books: Books) -> list[str]:
    """The logout of the others beats refreshes and logins beside it.

    Of the sessions from before its commit only the caller's answers afterwards. A login that was answered while the
    others had not ended yet was before the commit; a login answered later may be either.
    """
    if burst.logout.face == TRY_AGAIN:
        return []
    opened = successes(burst.logins)
    late = [login for login, now in zip(opened, after.logins, strict=True) if now.status == 200]
    early = [login for login in late if login.at < after.seen_at]
    return [
        *exactly(200, "the status of the logout", burst.logout.status),
        *only(burst.refreshes, {ENDED}),
        *exactly(len(heard(burst.logins)), "logins", len(opened)),
        *exactly(200, "the status of the caller's own call", after.own.status),
        *exactly(0, "tokens of other sessions that work", len(successes(after.others))),
        *only([*after.others, *after.logins], {ENDED}),
        *exactly(0, "logins before the commit that outlive it", len(early)),
        *exactly(1 + len(late), "live sessions", books.live),
        *exactly(books.sessions - books.live, "blacklisted tokens", books.blacklisted),
        *exactly(books.sessions - books.live, "announcements of ended sessions", books.endings),
    ]
