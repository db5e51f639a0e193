"""What holds for the answers of every scenario, and the words that the laws share."""

from __future__ import annotations

from collections.abc import Iterable

from ..bursts import NO_ANSWER, Answer

REFUSED_CODE = "400 SMSVerifyFailure"
REFUSED_PASSWORD = "400 AccountInvalidPassword"
TOO_MANY_ATTEMPTS = "429 TooManyAttempts"
TOO_MANY_REQUESTS = "429 TooManyRequests"
TOO_SOON = "429 ResendTooSoon"
ENDED = "401 AccountInactiveToken"
REUSED = "401 AccountObsoleteToken"
TRY_AGAIN = "503 TryAgain"


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


def successes(answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers with status 200."""
    return [answer for answer in answers if answer.status == 200]


def heard(answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers that say something about the law; the others are matter for ``answered``."""
    return [answer for answer in answers if NO_ANSWER < answer.status < 500]


def busy(answers: Iterable[Answer]) -> int:
    """Return how many were told to try again: they did nothing, or had a guess counted and no more."""
    return sum(answer.face == TRY_AGAIN for answer in answers)


def exactly(expected: object, what: str, found: object) -> list[str]:
    """Find nothing where the two are equal."""
    return [] if found == expected else [f"{what}: {found}, not {expected}"]


def counted(expected: int, what: str, found: int, answers: Iterable[Answer]) -> list[str]:
    """Find nothing where the two are equal, or where fewer are found and some of the answers were ``TryAgain``."""
    return [] if found < expected and busy(answers) else exactly(expected, what, found)


def only(answers: Iterable[Answer], faces: set[str]) -> list[str]:
    """Each answer is a success or has one of the faces; those with a 5xx or none are reported by ``answered``."""
    strange = sorted(
        {answer.face for answer in heard(answers) if answer.status != 200 and answer.face not in faces},
    )
    return [f"an answer {face}" for face in strange]
