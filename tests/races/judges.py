"""The laws, as pure functions: answers and books in, violations out. An empty list is a round without one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from math import comb

from .books import Books
from .bursts import NO_ANSWER, Answer

REFUSED_CODE = "400 SMSVerifyFailure"
TOO_MANY_ATTEMPTS = "429 TooManyAttempts"
TOO_MANY_REQUESTS = "429 TooManyRequests"
TOO_SOON = "429 ResendTooSoon"
ENDED = "401 AccountInactiveToken"
REUSED = "401 AccountObsoleteToken"
TRY_AGAIN = "503 TryAgain"

IMPROBABLE = 1e-4
"""What a matter of luck may cost: one false alarm in ten thousand runs."""


def answered(answers: Iterable[Answer], *, is_patient: bool = False) -> list[str]:
    """Every call is answered, and none with a 5xx: holds in every scenario.

    ``is_patient`` lets ``503 TryAgain`` pass, which is the honest answer where the database refuses all but one of
    those who meet at a row (REPEATABLE READ); the report counts it.
    """
    found = []
    for answer in answers:
        if answer.status == NO_ANSWER:
            found.append("no answer")
        elif answer.status >= 500 and not (is_patient and answer.face == TRY_AGAIN):
            found.append(f"answered {answer.face}")
    return found


def right_code(answers: Sequence[Answer], books: Books) -> list[str]:
    """The right code sent many times at once opens one session of one user; a lost race costs no failure."""
    return [
        *_exactly(1, "successes", len(successes(answers))),
        *_only(answers, {REFUSED_CODE, TOO_MANY_ATTEMPTS}),
        *_exactly(1, "users", books.users),
        *_exactly(1, "sessions", books.sessions),
        *_exactly(1, "live sessions", books.live),
        *_exactly(1, "outstanding tokens", books.outstanding),
        *_exactly(0, "failures that were not given back", books.failures_in_day),
        *_exactly(0, "failures in a row that were not given back", books.failures_in_a_row),
    ]


def wrong_guesses(answers: Sequence[Answer], after: Answer, books: Books, *, most: int) -> list[str]:
    """Wrong guesses at once spend the code's budget exactly; the right code ``after`` them is refused."""
    return [
        *_exactly(0, "successes", len(successes([*answers, after]))),
        *_only([*answers, after], {REFUSED_CODE, TOO_MANY_ATTEMPTS}),
        *_exactly(most, "guesses evaluated", books.guesses),
        *_exactly(most, "failures in the day", books.failures_in_day),
        *_exactly(most, "failures in a row", books.failures_in_a_row),
        *_exactly(0, "sessions", books.sessions),
    ]


def hidden_code(answers: Sequence[Answer], books: Books, *, most: int) -> list[str]:
    """One right code among wrong ones opens at most one session, and never more than ``most`` are evaluated."""
    won = len(successes(answers))
    found = _only(answers, {REFUSED_CODE, TOO_MANY_ATTEMPTS})
    if won > 1:
        found.append(f"{won} successes")
    if books.guesses > most:
        found.append(f"{books.guesses} guesses evaluated, not {most}")
    if books.failures_in_day > most - won:
        found.append(f"{books.failures_in_day} failures in the day, not {most - won}")
    return [*found, *_exactly(won, "sessions", books.sessions), *_exactly(won, "users", books.users)]


def luck(won: int, *, rounds: int, chance: float) -> list[str]:
    """Guessing wins no more rounds than the budget allows, beyond what luck explains."""
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


def one_successor(answers: Sequence[Answer]) -> list[str]:
    """One refresh token sent many times at once has one successor, however many answers carry it."""
    tokens = [str(answer.body.get("refresh_token") or answer.body.get("refresh")) for answer in successes(answers)]
    return _exactly(1, "successors", len({successor(token) for token in tokens}))


def one_refresh(answers: Sequence[Answer], after: Answer, books: Books, *, generation: int) -> list[str]:
    """Within the grace every repeat is answered with the one successor, and ``after`` shows that it works."""
    return [
        *one_successor(answers),
        *_exactly(len(heard(answers)), "successes", len(successes(answers))),
        *_exactly(200, "the status of the successor's refresh", after.status),
        *_exactly((generation,), "the generations of its sessions", books.generations),
        *_exactly(1, "live sessions", books.live),
        *_exactly(1, "outstanding tokens", books.outstanding),
        *_exactly(0, "announcements of reuse", books.reuses),
    ]


def reuse(answers: Sequence[Answer], after: Sequence[Answer], books: Books) -> list[str]:
    """An old token whose successor was used opens nothing and ends its session once; ``after`` finds it ended."""
    found = [*_exactly(0, "successes", len(successes(answers))), *_only(answers, {REUSED, ENDED})]
    if all(answer.face != REUSED for answer in answers):
        found.append(f"nothing answered {REUSED}")
    return [*found, *_ended_by_reuse(after, books)]


def no_grace(answers: Sequence[Answer], after: Sequence[Answer], books: Books) -> list[str]:
    """Without grace one of many simultaneous repeats succeeds, and the next ends the session once."""
    return [
        *_exactly(1, "successes", len(successes(answers))),
        *_only(answers, {REUSED, ENDED}),
        *_ended_by_reuse(after, books),
    ]


def first_logins(answers: Sequence[Answer], messages: int) -> list[str]:
    """Simultaneous first logins of one number, however spelled, send one message."""
    return [
        *_exactly(1, "successes", len(successes(answers))),
        *_only(answers, {TOO_SOON}),
        *_exactly(1, "messages", messages),
    ]


def limit(answers: Sequence[Answer], messages: int, *, most: int) -> list[str]:
    """A limit lets exactly ``most`` through."""
    return [
        *_exactly(most, "successes", len(successes(answers))),
        *_only(answers, {TOO_MANY_REQUESTS}),
        *_exactly(most, "messages", messages),
    ]


def max_sessions(answers: Sequence[Answer], after: Sequence[Answer], books: Books, *, most: int) -> list[str]:
    """Simultaneous logins all succeed and leave ``most`` sessions; ``after`` calls with the token of each."""
    return [
        *_exactly(len(heard(answers)), "successes", len(successes(answers))),
        *_exactly(most, "live sessions", books.live),
        *_exactly(most, "sessions that answer", len(successes(after))),
        *_only(after, {ENDED}),
        *_exactly(["evicted"] * len(books.ended_for), "the reasons of ended sessions", list(books.ended_for)),
        *_exactly(len(books.ended_for), "blacklisted tokens", books.blacklisted),
        *_exactly(len(books.ended_for), "announcements of ended sessions", books.endings),
    ]


def logout_others(
    call: Answer, refreshes: Sequence[Answer], own: Answer, others: Sequence[Answer], books: Books
) -> list[str]:
    """The logout of the others beats refreshes beside it: of all sessions only the caller's answers afterwards."""
    return [
        *_exactly(200, "the status of the logout", call.status),
        *_only(refreshes, {ENDED}),
        *_exactly(200, "the status of the caller's own call", own.status),
        *_exactly(0, "tokens of other sessions that work", len(successes(others))),
        *_only(others, {ENDED}),
        *_exactly(1, "live sessions", books.live),
        *_exactly(books.sessions - 1, "blacklisted tokens", books.blacklisted),
        *_exactly(books.sessions - 1, "announcements of ended sessions", books.endings),
    ]


def successes(answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers with status 200."""
    return [answer for answer in answers if answer.status == 200]


def heard(answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers that say something about the law; the others are matter for ``answered``."""
    return [answer for answer in answers if NO_ANSWER < answer.status < 500]


def successor(refresh_token: str) -> str:
    """Name the successor that a refresh token is: session and generation in ours, ``jti`` in stock simplejwt's."""
    claims = read_claims(refresh_token)
    return f"{claims.get('sid')}:{claims['gen']}" if "gen" in claims else str(claims.get("jti"))


def read_claims(token: str) -> Mapping[str, object]:
    """Read the payload of a JWT without verifying it (RFC 7519 section 3); ``{}`` for anything else."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _ended_by_reuse(after: Sequence[Answer], books: Books) -> list[str]:
    return [
        *_exactly([401] * len(after), "the statuses of the session's tokens", [answer.status for answer in after]),
        *_exactly(0, "live sessions", books.live),
        *_exactly(("reuse",), "the reasons of ended sessions", books.ended_for),
        *_exactly(1, "blacklisted tokens", books.blacklisted),
        *_exactly(1, "announcements of reuse", books.reuses),
        *_exactly(1, "announcements of ended sessions", books.endings),
    ]


def _exactly(expected: object, what: str, found: object) -> list[str]:
    return [] if found == expected else [f"{what}: {found}, not {expected}"]


def _only(answers: Iterable[Answer], faces: set[str]) -> list[str]:
    """Each answer is a success or has one of the faces; those with a 5xx or none are reported by ``answered``."""
    strange = sorted(
        {answer.face for answer in heard(answers) if answer.status != 200 and answer.face not in faces},
    )
    return [f"an answer {face}" for face in strange]
