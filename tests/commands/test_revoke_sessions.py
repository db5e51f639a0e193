"""``manage.py revoke_sessions``."""

from __future__ import annotations

import builtins
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError
from django.test import Client

from securelogin.models import Session
from tests.commands.conftest import Run
from tests.factories import SessionFactory, UserFactory, tokens_of

PHONE = "+12025550143"
pytestmark = pytest.mark.django_db


def live() -> int:
    """Count the live sessions."""
    return Session.objects.live().count()


@pytest.mark.parametrize("spelling", ["+12025550143", "+1 (202) 555-0143", "tel:+1-202-555-0143"])
def test_sessions_of_a_number_end(run: Run, spelling: str) -> None:
    """Those of its account, in any spelling; the number is not said."""
    SessionFactory.create_batch(2, user=UserFactory.create(phone=PHONE))
    other = SessionFactory.create()
    said = run("revoke_sessions", "--phone", spelling)
    assert said == ("Ended 2 sessions.\n", "")
    assert list(Session.objects.live()) == [other]
    assert set(Session.objects.exclude(pk=other.pk).values_list("end_reason", flat=True)) == {"revoked"}


def test_national_number_is_read_in_the_default_region(run: Run, settings: Any) -> None:
    """As the API reads it."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "DEFAULT_REGION": "US"}
    SessionFactory.create(user__phone=PHONE)
    assert run("revoke_sessions", "--phone", "(202) 555-0143").out == "Ended 1 session.\n"


def test_sessions_of_a_user_end(run: Run) -> None:
    """By id; the tokens are refused by the next call."""
    session = SessionFactory.create()
    bearer = {"Authorization": f"Bearer {tokens_of(session).access_token}"}
    assert Client().post("/api/auth/op", headers=bearer).status_code == 200
    assert run("revoke_sessions", "--user", str(session.user_id)).out == "Ended 1 session.\n"
    assert Client().post("/api/auth/op", headers=bearer).status_code == 401


def test_sessions_of_an_inactive_user_end(run: Run) -> None:
    """Or they would come back with the user."""
    session = SessionFactory.create(user__is_active=False)
    assert run("revoke_sessions", "--user", str(session.user_id)).out == "Ended 1 session.\n"


def test_sessions_of_everyone_end(run: Run) -> None:
    """What was over before keeps its reason and is not counted."""
    SessionFactory.create_batch(3)
    ended = SessionFactory.create()
    Session.objects.filter(pk=ended.pk).end("logout", at=ended.created_at)
    expired = SessionFactory.create(created_at=ended.created_at - timedelta(days=400))
    assert run("revoke_sessions", "--all", "--no-input").out == "Ended 3 sessions.\n"
    assert live() == 0
    ended.refresh_from_db()
    expired.refresh_from_db()
    assert (ended.end_reason, expired.end_reason) == ("logout", "")
    assert run("revoke_sessions", "--all", "--no-input").out == "Ended 0 sessions.\n"


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("2030-01-15", 1),
        ("2030-01-15T12:00:00", 1),
        ("2030-01-15T12:00:00.000001", 2),
        ("2030-01-15 13:00+01:00", 1),
        ("2030-01-15T12:30Z", 2),
        ("2031-01-01", 3),
    ],
)
@pytest.mark.parametrize("choice", [["--all"], ["--phone", PHONE]])
def test_only_older_sessions_end(run: Run, choice: list[str], moment: str, number: int) -> None:
    """``--before`` is about the login, and without a zone it is in TIME_ZONE."""
    user = UserFactory.create(phone=PHONE)
    for day, hour in ((14, 23), (15, 12), (16, 0)):
        opened = datetime(2030, 1, day, hour, tzinfo=timezone.utc)
        SessionFactory.create(user=user, created_at=opened)
    said = run("revoke_sessions", *choice, "--before", moment, "--no-input")
    assert said.out == f"Ended {number} session{'s' if number > 1 else ''}.\n"


def test_zoneless_moment_is_in_the_time_zone_of_the_project(run: Run, settings: Any) -> None:
    """Noon in Tokyo is three in the morning."""
    settings.TIME_ZONE = "Asia/Tokyo"
    SessionFactory.create(created_at=datetime(2030, 1, 15, 2, 59, tzinfo=timezone.utc))
    SessionFactory.create(created_at=datetime(2030, 1, 15, 3, 1, tzinfo=timezone.utc))
    assert run("revoke_sessions", "--all", "--before", "2030-01-15T12:00", "--dry-run").out == "Would end 1 session.\n"


def test_dry_run_ends_nothing(run: Run) -> None:
    """And asks nothing."""
    SessionFactory.create_batch(2)
    assert run("revoke_sessions", "--all", "--dry-run").out == "Would end 2 sessions.\n"
    assert live() == 2


def test_quiet_run_says_nothing(run: Run) -> None:
    """For jobs whose output is mailed."""
    SessionFactory.create()
    assert run("revoke_sessions", "--all", "--no-input", "--verbosity", "0") == ("", "")
    assert live() == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "one of the arguments --phone --user --all is required"),
        (["--before", "2030-01-01"], "one of the arguments --phone --user --all is required"),
        (["--all", "--phone", PHONE], "not allowed with argument"),
        (["--phone", "12"], "no phone number"),
        (["--phone", ""], "no phone number"),
        (["--phone", "+12025550144"], "No account has this phone number."),
        (["--user", "x"], "no user id"),
        (["--user", str(uuid4())], "There is no user with this id."),
        (["--all", "--before", "yesterday"], "no date or moment"),
        (["--all", "--before", "2030-02-30"], "no date or moment"),
        (["--all", "--before", ""], "no date or moment"),
    ],
)
def test_command_fails_where_nothing_is_chosen(run: Run, arguments: list[str], error: str) -> None:
    """With a word on what is wrong, without the number, and nothing is ended."""
    SessionFactory.create(user__phone=PHONE)
    with pytest.raises(CommandError, match=error) as failure:
        run("revoke_sessions", "--no-input", *arguments)
    assert "555" not in str(failure.value)
    assert live() == 1


@pytest.mark.parametrize(("answer", "left"), [("yes", 0), ("y", 2), ("", 2)])
def test_ending_all_asks_first(run: Run, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    """Only a whole yes will do; the question says how many."""
    SessionFactory.create_batch(2)
    questions: list[str] = []

    def reply(question: str) -> str:
        questions.append(question)
        return answer

    monkeypatch.setattr(builtins, "input", reply)
    if left:
        with pytest.raises(CommandError, match="Cancelled"):
            run("revoke_sessions", "--all")
    else:
        run("revoke_sessions", "--all")
    assert live() == left
    assert questions == ["This ends 2 sessions. Type 'yes' to go on: "]


def test_nobody_to_ask_is_a_no(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a job without --no-input nothing is ended."""
    SessionFactory.create()

    def reply(question: str) -> str:
        raise EOFError

    monkeypatch.setattr(builtins, "input", reply)
    with pytest.raises(CommandError, match="Cancelled"):
        run("revoke_sessions", "--all")
    assert live() == 1


def test_progress_is_shown_on_a_terminal(run_on_terminal: Run) -> None:
    """On the error stream, so that the output stays one line."""
    SessionFactory.create_batch(2)
    assert run_on_terminal("revoke_sessions", "--all", "--no-input") == ("Ended 2 sessions.\n", "\r2 sessions ended\n")


def test_failure_is_told_to_the_shell() -> None:
    """By the exit status."""
    done = subprocess.run(
        [sys.executable, "-m", "django", "revoke_sessions", "--phone", "12"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: --phone is no phone number.")
