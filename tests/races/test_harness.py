"""The judges of the races go red on what they must not let through, and on stock simplejwt."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from . import judges, report
from .books import Books
from .bursts import NO_ANSWER, Answer, Call
from .stock import races as stock

Judge = Callable[[], list[str]]

REFUSED = Answer(400, {"failure_reason": "SMSVerifyFailure"})
TOO_SOON = Answer(429, {"failure_reason": "ResendTooSoon"})
TOO_MANY = Answer(429, {"failure_reason": "TooManyRequests"})
ENDED = Answer(401, {"failure_reason": "AccountInactiveToken"})
REUSED = Answer(401, {"failure_reason": "AccountObsoleteToken"})
FORBIDDEN = Answer(403, {"failure_reason": "SignupClosed"})
BROKEN = Answer(500, {"failure_reason": "ServerError"})
TRY_AGAIN = Answer(503, {"failure_reason": "TryAgain"})
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

GOOD: dict[str, Judge] = {
    "answered": lambda: judges.answered([OK, REFUSED]),
    "try again": lambda: judges.answered([OK, TRY_AGAIN], is_patient=True),
    "right code": lambda: judges.right_code([REFUSED, OK, REFUSED], OPENED),
    "wrong guesses": lambda: judges.wrong_guesses([REFUSED] * 9, REFUSED, SPENT, most=5),
    "hidden code lost": lambda: judges.hidden_code([REFUSED] * 9, SPENT, most=5),
    "hidden code won": lambda: judges.hidden_code([REFUSED, OK], WON, most=5),
    "luck": lambda: judges.luck(5, rounds=50, chance=0.1),
    "one refresh": lambda: judges.one_refresh([refreshed(1)] * 3, OK, ROTATED, generation=1),
    "reuse": lambda: judges.reuse([ENDED, REUSED], [ENDED, ENDED], REUSE),
    "no grace": lambda: judges.no_grace([ENDED, refreshed(1), REUSED], [ENDED], REUSE),
    "first logins": lambda: judges.first_logins([TOO_SOON, OK], 1),
    "limit": lambda: judges.limit([OK] * 7 + [TOO_MANY] * 3, 7, most=7),
    "max sessions": lambda: judges.max_sessions([OK] * 6, [OK] * 5 + [ENDED], CAPPED, most=5),
    "logout others": lambda: judges.logout_others(OK, [OK, ENDED], OK, [ENDED], ALONE),
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
    "too much luck": lambda: judges.luck(25, rounds=50, chance=0.1),
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
    "two messages": lambda: judges.first_logins([OK, TOO_SOON], 2),
    "two asks answered": lambda: judges.first_logins([OK, OK], 1),
    "one more than the limit": lambda: judges.limit([OK] * 8 + [TOO_MANY], 8, most=7),
    "one less than the limit": lambda: judges.limit([OK] * 6 + [TOO_MANY], 6, most=7),
    "a message behind a refusal": lambda: judges.limit([OK] * 7 + [TOO_MANY], 8, most=7),
    "one session too many": lambda: judges.max_sessions([OK] * 6, [OK] * 6, replace(CAPPED, live=6), most=5),
    "a login refused": lambda: judges.max_sessions([OK, REFUSED], [OK] * 5, CAPPED, most=5),
    "an ended session that answers": lambda: judges.max_sessions([OK] * 6, [OK] * 6, CAPPED, most=5),
    "a refresh that outlives the logout": lambda: judges.logout_others(OK, [OK], OK, [ENDED, OK], ALONE),
    "a logout that ends the caller": lambda: judges.logout_others(OK, [OK], ENDED, [ENDED], ALONE),
    "a session left by the logout": lambda: judges.logout_others(OK, [OK], OK, [ENDED], replace(ALONE, live=2)),
}


@pytest.mark.parametrize("judge", GOOD.values(), ids=GOOD.keys())
def test_judge_finds_nothing_where_the_law_held(judge: Judge) -> None:
    """A round as it should be is green."""
    assert judge() == []


@pytest.mark.parametrize("judge", BAD.values(), ids=BAD.keys())
def test_judge_goes_red_where_the_law_was_broken(judge: Judge) -> None:
    """Each violation is seen."""
    assert judge()


@pytest.mark.parametrize(("rounds", "bound"), [(1, 1), (10, 6), (50, 14), (300, 51)])
def test_luck_is_bounded_by_the_binomial_distribution(rounds: int, bound: int) -> None:
    """A chance of one in ten wins more rounds than this less than once in ten thousand runs."""
    assert judges.most_by_luck(rounds, 0.1) == bound


def test_repr_shows_no_secret() -> None:
    """What a failing test prints holds neither a token nor a number."""
    call = Call("POST", "/path", {"phone": "a number"}, bearer="a token", headers={"X": "a key"})
    text = repr([call, refreshed(1), Answer(200, {"refresh_token": "a token"})])
    assert not any(word in text for word in ("number", "token", "key", "e30."))


def test_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The outcomes of a cell pass between processes unchanged."""
    outcome = report.Outcome(
        database="sqlite",
        atomic=True,
        scenario="reuse",
        rounds=2,
        broken=1,
        violations=["one"],
        requests=100,
        seconds=0.5,
        workers=4,
        faces={"200": 1},
    )
    report.write(tmp_path / "outcomes.json", [outcome])
    assert report.read(tmp_path / "outcomes.json") == [outcome]
    assert "200 req/s" in " ".join(outcome.line.split())


def test_stock_simplejwt_goes_red(tmp_path: Path) -> None:
    """The burst that our own refresh must survive breaks stock simplejwt within a few rounds."""
    with closing(stock.play(f"sqlite:///{tmp_path}/db.sqlite3", tmp_path, rounds=20, clients=50)) as rounds:
        assert any(rounds)
