"""The laws of the crashes go red on what they must not let through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from pkgutil import resolve_name

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from securelogin.models import OneTimeCode, Session
from securelogin.models.sessions import blacklist
from tests import databases
from tests.factories import SessionFactory, UserFactory
from tests.races.bursts import NO_ANSWER, Answer
from tests.races.report import Outcome
from tests.races.supplies import Lines

from . import invariants, points
from .chaos import unexpected
from .mutants import MUTANTS, blind
from .parts import names
from .stage import misses
from .steps import DRILLS
from .strace import find_strace
from .visitors import Trouble

AWAY = [(10.0, 20.0)]


def open_session() -> Session:
    """Open a session by a code that is used up."""
    session: Session = SessionFactory(user=UserFactory())
    OneTimeCode.objects.create(key="a number's", touched_at=session.created_at, consumed_at=session.created_at)
    return session


def use_another_code() -> None:
    """Use a code up at a moment when no session was opened."""
    OneTimeCode.objects.update(consumed_at=timezone.now() + timedelta(seconds=1))


def guess_too_often() -> None:
    """Count one guess more than a code has."""
    OneTimeCode.objects.update(guesses=6)


def end_by_half() -> None:
    """End a session and leave its token."""
    Session.objects.update(ended_at=timezone.now(), end_reason="logout")


def blacklist_by_half() -> None:
    """Blacklist a token and leave its session."""
    blacklist(list(OutstandingToken.objects.values_list("pk", flat=True)), using="default")


def make_half_an_account() -> None:
    """Make a user who has no session."""
    UserFactory()


def leave_a_token() -> None:
    """Write an outstanding token without its session."""
    OutstandingToken.objects.create(jti="alone", token="", expires_at=timezone.now())


def rename_the_token() -> None:
    """Name a session's token otherwise."""
    OutstandingToken.objects.update(jti="another")


def open_it_twice() -> None:
    """Open another session by the same code."""
    session = Session.objects.get()
    SessionFactory(user=session.user, created_at=session.created_at)


def give_it_away() -> None:
    """Give a session to somebody else than its token."""
    other = SessionFactory(user=UserFactory())
    Session.objects.exclude(pk=other.pk).update(user_id=other.user_id)


FAULTS: dict[str, Callable[[], None]] = {
    "a:": open_it_twice,
    "b:": guess_too_often,
    "c:": use_another_code,
    "d: a user": make_half_an_account,
    "d: a session of another": give_it_away,
    "d: an outstanding token": leave_a_token,
    "d: session": rename_the_token,
    "e: an ended": end_by_half,
    "e: a blacklisted": blacklist_by_half,
}


@pytest.mark.django_db(transaction=True)
def test_whole_login_breaks_no_invariant() -> None:
    """A login as it should be, and its whole ending, are green."""
    session = open_session()
    assert invariants.violations() == []
    Session.objects.filter(pk=session.pk).update(ended_at=timezone.now(), end_reason="logout")
    blacklist([session.token_id], using="default")
    assert BlacklistedToken.objects.count() == 1
    assert invariants.violations() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("law", "fault"), FAULTS.items(), ids=FAULTS.keys())
def test_half_a_story_breaks_an_invariant(law: str, fault: Callable[[], None]) -> None:
    """Each thing that a kill must not leave behind is seen by the law that forbids it."""
    open_session()
    fault()
    assert any(found.startswith(law) for found in invariants.violations())


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not connection.features.has_select_for_update_nowait, reason="a lock on SQLite is on all of it")
def test_lock_that_stays_breaks_an_invariant() -> None:
    """A row that somebody else still holds is seen."""
    user = UserFactory()
    other = connection.copy("other")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            table = get_user_model()._meta.db_table
            cursor.execute(f"UPDATE {table} SET is_active = is_active WHERE phone = %s", [user.phone])  # noqa: S608 - a table of ours
        assert any(found.startswith("g:") for found in invariants.violations())
    finally:
        other.rollback()
        other.close()


@pytest.mark.parametrize(
    ("trouble", "number"),
    [
        (Trouble(12.0, 13.0, "login 503 TryAgain"), 0),
        (Trouble(9.0, 11.0, "login 503 TryAgain"), 0),
        (Trouble(21.0, 22.0, "login 503 TryAgain"), 1),
        (Trouble(12.0, 13.0, "login 500 ServerError"), 1),
        (Trouble(12.0, 13.0, "login 503 SMSSendFailure"), 1),
    ],
)
def test_trouble_is_expected_while_the_database_is_away(trouble: Trouble, number: int) -> None:
    """Only "try again", and only while the database is away, is an answer to expect."""
    assert len(unexpected([trouble], AWAY)) == number


@pytest.mark.parametrize(("named", "status"), [("", 0), ("another", 0), ("here", -signal.SIGKILL)])
def test_step_kills_only_a_call_that_names_it(named: str, status: int, tmp_path: Path) -> None:
    """A worker dies at a step where the call in hand names just that one, and says where."""
    program = f"from tests.crashes import points; points.arm({named!r}); points.reach('here'); points.reach('')"
    reached = tmp_path / "reached"
    environ = {**os.environ, points.REACHED: str(reached)}
    assert subprocess.run([sys.executable, "-c", program], env=environ, check=False).returncode == status
    assert [line["step"] for line in Lines(reached).new()] == ([named] if status else [])


def test_every_point_is_struck() -> None:
    """Each step that is put into the verbs is played by a drill, and each drill's steps are there."""
    assert {step for drill in DRILLS for step in drill.steps} == points.STEPS


@pytest.mark.parametrize("point", points.POINTS, ids=lambda point: f"{point.owner}.{point.name}")
def test_point_stands_before_a_function(point: points.Point) -> None:
    """A function that moved away is missed at once."""
    assert callable(getattr(resolve_name(point.owner), point.name))


@pytest.mark.parametrize(
    ("step", "status", "reached", "number"),
    [
        ("here", NO_ANSWER, ["here"], 0),
        ("", NO_ANSWER, [], 0),
        ("here", 200, [], 2),
        ("here", NO_ANSWER, [], 1),
        ("here", NO_ANSWER, ["there"], 1),
        ("", 200, [], 1),
    ],
)
def test_step_that_is_not_reached_is_a_violation(step: str, status: int, reached: list[str], number: int) -> None:
    """A call that was to die somewhere dies there, neither elsewhere nor for another reason."""
    assert len(misses(step, Answer(status), reached)) == number


@pytest.mark.parametrize(
    ("violations", "found"),
    [
        (["round 1 (10:00:00): sessions: 2, not 1"], []),
        (["round 1 (10:00:00): not played: sessions: 2"], ["guess:here"]),
        ([], ["guess:here"]),
    ],
)
def test_mutant_is_caught_by_its_own_violation_only(violations: list[str], found: list[str]) -> None:
    """A part that is red for another reason than its mutant, or not at all, is blind."""
    outcome = Outcome(
        database="sqlite",
        isolation=None,
        atomic=False,
        scenario="guess:here",
        rounds=1,
        broken=1,
        violations=violations,
        requests=1,
        seconds=1.0,
        workers=4,
    )
    assert blind({"guess:here": "sessions: 2"}, [outcome]) == found


def test_mutant_names_parts_that_are_there() -> None:
    """A mutant of which no part is played would never be caught."""
    assert {part for mutant in MUTANTS for part in mutant.caught} <= names()


def test_missing_strace_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without strace the long form fails and says what to install; it leaves nothing out in silence."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(databases.ServerMissing, match="apt-get install strace"):
        find_strace()
