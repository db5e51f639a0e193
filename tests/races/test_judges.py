"""The judges of the races go red on what they must not let through."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from . import judges
from .books import Books
from .bursts import NO_ANSWER, Answer, Call

Judge = Callable[[], list[str]]

REFUSED = Answer(400, {"failure_reason": "SMSVerifyFailure"})
TOO_SOON = Answer(429, {"failure_reason": "ResendTooSoon"})
TOO_MANY = Answer(429, {"failure_reason": "TooManyRequests"})
ENDED = Answer(401, {"failure_reason": "AccountInactiveToken"})
REUSED = Answer(401, {"failure_reason": "AccountObsoleteToken"})
FORBIDDEN = Answer(403, {"failure_reason": "SignupClosed"})
BROKEN = Answer(500, {"failure_reason": "ServerError"})
TRY_AGAIN = Answer(503, {"failure_reason": "TryAgain"})
WRONG = Answer(400, {"failure_reason": "AccountInvalidPassword"})
OK = Answer(200)


def refreshed(generation: int, sid: str = "a session") -> Answer:
    """Return a 200 with a refresh token of that generation, signed by nobody."""
    payload = base64.urlsafe_b64encode(json.dumps({"sid": sid, "gen": generation}).encode()).rstrip(b"=").decode()
    return Answer(200, {"refresh_token": f"e30.{payload}.e30"})


OPENED = Books(users=1, sessions=1, live=1, generations=(0,), outstanding=1)
SPENT = Books(guesses=5, failures_in_day=5, failures_in_a_row=5)
WON = Books(users=1, sessions=1, live=1, guesses=5, failures_in_day=4)
ROTATED = replace(OPENED, generations=(1,))
REUSE = Books(
    users=1, sessions=1, generations=(2,), ended_for=("reuse",), outstanding=1, blacklisted=1, reuses=1, endings=1
)
CAPPED = Books(users=1, sessions=6, live=5, ended_for=("evicted",), outstanding=6, blacklisted=1, endings=1)
ALONE = Books(users=1, sessions=3, live=1, blacklisted=2, endings=2)

EARLY, LATE = replace(OK, at=1.0), replace(OK, at=3.0)


def log_out(
    *,
    logout: Answer = OK,
    own: Answer = OK,
    others: Sequence[Answer] = (ENDED,),
    logins: Sequence[Answer] = (),
    found: Sequence[Answer] = (),
    books: Books = ALONE,
) -> list[str]:
    """Judge a burst in which the others were seen at second 2, before the logout's commit."""
    burst = judges.LogoutBurst(logout=logout, refreshes=[OK, ENDED], logins=logins)
    after = judges.LogoutAftermath(own=own, others=others, logins=found, seen_at=2.0)
    return judges.logout_others(burst, after, books)


def mix(
    samples: Sequence[judges.Sample], *, broken: Sequence[str] = (), half_ended: int = 0, is_patient: bool = False
) -> list[str]:
    """Judge mixed traffic."""
    return judges.mixed(samples, broken, half_ended=half_ended, is_patient=is_patient)


GOOD: dict[str, Judge] = {
    "answered": lambda: judges.answered([OK, REFUSED]),
    "try again": lambda: judges.answered([OK, TRY_AGAIN], is_patient=True),
    "right code": lambda: judges.right_code([REFUSED, OK, REFUSED], OPENED),
    "wrong guesses": lambda: judges.wrong_guesses([REFUSED] * 9, REFUSED, SPENT, most=5),
    "hidden code lost": lambda: judges.hidden_code([REFUSED] * 9, SPENT, most=5),
    "hidden code won": lambda: judges.hidden_code([REFUSED, OK], WON, most=5),
    "luck": lambda: judges.luck(5, [0.1] * 50),
    "one refresh": lambda: judges.one_refresh([refreshed(1)] * 3, OK, ROTATED, generation=1),
    "reuse": lambda: judges.reuse([ENDED, REUSED], [ENDED, ENDED], REUSE),
    "no grace": lambda: judges.no_grace([ENDED, refreshed(1), REUSED], [ENDED], REUSE),
    "first logins": lambda: judges.one_message([TOO_SOON, OK], 1),
    "limit": lambda: judges.limit([OK] * 7 + [TOO_MANY] * 3, 7, most=7),
    "max sessions": lambda: judges.max_sessions([OK] * 6, [OK] * 5 + [ENDED], CAPPED, most=5),
    "logout others": lambda: log_out(),
    "ended in the cache": lambda: judges.ended_in_cache(OK, [OK], [ENDED, ENDED]),
    "a logout from the cache that could not be": lambda: judges.ended_in_cache(TRY_AGAIN, [OK], [OK]),
    "a login after the commit": lambda: log_out(logins=[LATE], found=[OK], books=replace(ALONE, sessions=4, live=2)),
    "a login before the commit": lambda: log_out(logins=[EARLY], found=[ENDED]),
    "a logout that could not be": lambda: log_out(logout=TRY_AGAIN, others=[OK], books=replace(ALONE, live=3)),
    "fewer guesses for those turned away": lambda: judges.wrong_guesses(
        [REFUSED, TRY_AGAIN], REFUSED, replace(SPENT, guesses=4, failures_in_day=4, failures_in_a_row=4), most=5
    ),
    "a failure of one turned away": lambda: judges.right_code(
        [OK, TRY_AGAIN], replace(OPENED, failures_in_day=1, failures_in_a_row=1)
    ),
    "wrong passwords": lambda: judges.wrong_passwords([WRONG] * 9, WRONG, Books(password_failures=9), most=9),
    "mixed": lambda: mix([judges.Sample("op", ENDED, 0.1)]),
    "mixed and turned away": lambda: mix([judges.Sample("op", TRY_AGAIN, 0.1)], is_patient=True),
}
BAD: dict[str, Judge] = {
    "a 500": lambda: judges.answered([OK, BROKEN]),
    "a 503": lambda: judges.answered([TRY_AGAIN]),
    "another 5xx than the honest one": lambda: judges.answered([BROKEN], is_patient=True),
    "no answer": lambda: judges.answered([Answer(NO_ANSWER)]),
    "a code used twice": lambda: judges.right_code([OK, OK, REFUSED], replace(OPENED, sessions=2, live=2)),
    "a second session behind one answer": lambda: judges.right_code([OK, REFUSED], replace(OPENED, sessions=2)),
    "a right code for nobody": lambda: judges.right_code([REFUSED] * 3, OPENED),
    "a failure not given back": lambda: judges.right_code([OK, REFUSED], replace(OPENED, failures_in_day=1)),
    "two users": lambda: judges.right_code([OK, REFUSED], replace(OPENED, users=2)),
    "a strange refusal": lambda: judges.right_code([OK, FORBIDDEN], OPENED),
    "a right code after the budget": lambda: judges.wrong_guesses([REFUSED] * 9, OK, SPENT, most=5),
    "six guesses": lambda: judges.wrong_guesses([REFUSED] * 9, REFUSED, replace(SPENT, guesses=6), most=5),
    "a lost count": lambda: judges.wrong_guesses([REFUSED] * 9, REFUSED, replace(SPENT, failures_in_day=4), most=5),
    "a wrong code that wins": lambda: judges.wrong_guesses([OK, REFUSED], REFUSED, SPENT, most=5),
    "a session by guessing": lambda: judges.hidden_code([REFUSED] * 9, replace(SPENT, sessions=1), most=5),
    "a hidden code that wins twice": lambda: judges.hidden_code([OK, OK], replace(WON, sessions=2), most=5),
    "six guesses and a win": lambda: judges.hidden_code([OK, REFUSED], replace(WON, guesses=6), most=5),
    "too much luck": lambda: judges.luck(25, [0.05, 0.15] * 25),
    "two generations": lambda: judges.one_refresh([refreshed(1), refreshed(2)], OK, ROTATED, generation=1),
    "two sessions": lambda: judges.one_refresh([refreshed(1), refreshed(1, "other")], OK, ROTATED, generation=1),
    "a repeat refused": lambda: judges.one_refresh([refreshed(1), ENDED], OK, ROTATED, generation=1),
    "a row two ahead": lambda: judges.one_refresh(
        [refreshed(1)] * 2, OK, replace(ROTATED, generations=(2,)), generation=1
    ),
    "a dead successor": lambda: judges.one_refresh([refreshed(1)] * 2, ENDED, ROTATED, generation=1),
    "a reuse that succeeds": lambda: judges.reuse([REUSED, refreshed(1)], [ENDED], REUSE),
    "a reuse that is not named": lambda: judges.reuse([ENDED, ENDED], [ENDED], REUSE),
    "a reuse that ends nothing": lambda: judges.reuse([REUSED], [OK], replace(REUSE, live=1, ended_for=())),
    "a reuse announced twice": lambda: judges.reuse([REUSED, REUSED], [ENDED], replace(REUSE, reuses=2)),
    "two winners without grace": lambda: judges.no_grace([refreshed(1), refreshed(1), REUSED], [ENDED], REUSE),
    "two messages": lambda: judges.one_message([OK, TOO_SOON], 2),
    "two asks answered": lambda: judges.one_message([OK, OK], 1),
    "one more than the limit": lambda: judges.limit([OK] * 8 + [TOO_MANY], 8, most=7),
    "one less than the limit": lambda: judges.limit([OK] * 6 + [TOO_MANY], 6, most=7),
    "a message behind a refusal": lambda: judges.limit([OK] * 7 + [TOO_MANY], 8, most=7),
    "one session too many": lambda: judges.max_sessions([OK] * 6, [OK] * 6, replace(CAPPED, live=6), most=5),
    "a login refused": lambda: judges.max_sessions([OK, REFUSED], [OK] * 5, CAPPED, most=5),
    "an ended session that answers": lambda: judges.max_sessions([OK] * 6, [OK] * 6, CAPPED, most=5),
    "a session left in the cache": lambda: judges.ended_in_cache(OK, [OK], [ENDED, OK]),
    "a caller lost with the others": lambda: judges.ended_in_cache(OK, [ENDED], [ENDED]),
    "a logout refused": lambda: judges.ended_in_cache(REFUSED, [OK], [ENDED]),
    "another answer than ended": lambda: judges.ended_in_cache(OK, [OK], [REFUSED]),
    "a refresh that outlives the logout": lambda: log_out(others=[ENDED, OK]),
    "a logout that ends the caller": lambda: log_out(own=ENDED),
    "a session left by the logout": lambda: log_out(books=replace(ALONE, live=2)),
    "a login that outlives a later logout": lambda: log_out(
        logins=[EARLY], found=[OK], books=replace(ALONE, sessions=4, live=2)
    ),
    "a login lost beside the logout": lambda: log_out(logins=[REFUSED]),
    "more guesses than allowed, some turned away": lambda: judges.wrong_guesses(
        [REFUSED, TRY_AGAIN], REFUSED, replace(SPENT, guesses=6), most=5
    ),
    "a code used twice, some turned away": lambda: judges.right_code(
        [OK, OK, TRY_AGAIN], replace(OPENED, sessions=2, live=2, outstanding=2)
    ),
    "a right password after the budget": lambda: judges.wrong_passwords(
        [WRONG] * 9, OK, Books(password_failures=9), most=9
    ),
    "a lost wrong password": lambda: judges.wrong_passwords([WRONG] * 9, WRONG, Books(password_failures=8), most=9),
    "a deadlock in mixed traffic": lambda: mix([judges.Sample("op", BROKEN, 0.1)]),
    "turned away where none should be": lambda: mix([judges.Sample("op", TRY_AGAIN, 0.1)]),
    "a command that broke": lambda: mix([], broken=["clear"]),
    "a session ended by half": lambda: mix([], half_ended=1),
    "a call out of a hundred that waits": lambda: mix([judges.Sample("op", OK, 60.0)] * 2),
}


@pytest.mark.parametrize("judge", GOOD.values(), ids=GOOD.keys())
def test_judge_finds_nothing_where_the_law_held(judge: Judge) -> None:
    """A round as it should be is green."""
    assert judge() == []


@pytest.mark.parametrize("judge", BAD.values(), ids=BAD.keys())
def test_judge_goes_red_where_the_law_was_broken(judge: Judge) -> None:
    """Each violation is seen."""
    assert judge()


@pytest.mark.parametrize(("rounds", "bound"), [(1, 1), (10, 6), (50, 16), (300, 54)])
def test_luck_is_bounded_by_the_binomial_distribution(rounds: int, bound: int) -> None:
    """A chance of one in ten wins more rounds than this less than once in a hundred thousand runs."""
    assert judges.most_by_luck(rounds, 0.1) == bound


def test_repr_shows_no_secret() -> None:
    """What a failing test prints holds neither a token nor a number."""
    call = Call("POST", "/path", {"phone": "a number"}, bearer="a token", headers={"X": "a key"})
    text = repr([call, refreshed(1), Answer(200, {"refresh_token": "a token"})])
    assert not any(word in text for word in ("number", "token", "key", "e30."))
