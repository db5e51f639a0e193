"""What an operator sees, and that the reference tells of every id."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import registry

from securelogin import checks

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(Path(checks.__file__).parent.glob("*.py"))
TESTS = sorted(Path(__file__).parent.glob("*.py"))
REFERENCE = ROOT / "docs" / "reference" / "checks.md"
ID = re.compile(r"securelogin\.([EW]\d{3})\b")
ROW = re.compile(r"^\| `securelogin\.([EW]\d{3})` \| (error|warning) \| (.+) \| (.+) \|$", re.MULTILINE)


def ids_in_code() -> list[str]:
    """Return every id that a check has, as often as the code names it."""
    return [found for source in SOURCES for found in ID.findall(source.read_text())]


def test_reference_is_complete() -> None:
    """Every id has one row in the reference, with the level that its letter says, and no row is of the past."""
    rows = ROW.findall(REFERENCE.read_text())
    documented = [row[0] for row in rows]
    assert len(documented) == len(set(documented))
    assert set(documented) == set(ids_in_code())
    assert all(level == {"E": "error", "W": "warning"}[each[0]] for each, level, *_ in rows)


def test_deployment_has_ids_of_its_own() -> None:
    """W1xx is what ``--deploy`` adds, and nothing else is."""
    in_deployment = set(ID.findall((Path(checks.__file__).parent / "deployment.py").read_text()))
    assert in_deployment == {each for each in ids_in_code() if each[1] == "1"}
    assert all(each.startswith("W") for each in in_deployment)


def test_every_id_is_tested() -> None:
    """No check goes without a test that names it."""
    tested = "".join(test.read_text() for test in TESTS)
    assert [each for each in set(ids_in_code()) if each not in tested] == []


def test_registered_once() -> None:
    """To register twice is to register once."""
    before = registry.registry.get_checks(include_deployment_checks=True)
    checks.register()
    assert len(registry.registry.get_checks(include_deployment_checks=True)) == len(before)


def run(*arguments: str, settings: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a project whose settings are this text."""
    (directory / "site_settings.py").write_text(settings)
    environ = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{directory / 'db.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "site_settings",
        "PYTHONPATH": f"{directory}{os.pathsep}{ROOT}",
        "PYTHONWARNINGS": "error",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


STOPS = [
    ("SECURELOGIN = {'CODE_LENGTH': 4}", ["securelogin.E010", "HINT: Set at least 6"]),
    ("SECURELOGIN = {'CODE_LENGTH': '6', 'SMS': {}}", ["securelogin.E001", "HINT: It takes an integer."]),
    (
        "INSTALLED_APPS.remove('rest_framework_simplejwt.token_blacklist')",
        ["securelogin.E040", 'HINT: Add the line "rest_framework_simplejwt.token_blacklist", to INSTALLED_APPS'],
    ),
    ("AUTH_USER_MODEL = 'auth.User'", ["securelogin.E045", 'HINT: Set AUTH_USER_MODEL = "securelogin.User"']),
    ("SIMPLE_JWT = {'ALGORITHM': 'none'}", ["securelogin.E060", "HINT: Use one of HS256"]),
]


@pytest.mark.parametrize(
    ("command", "setting", "found"), [*(("check", *stop) for stop in STOPS), ("migrate", *STOPS[0])]
)
def test_command_stops(command: str, setting: str, found: list[str], tmp_path: Path) -> None:
    """``manage.py check``, and ``migrate`` before it touches anything, exit with 1, id and hint, and no traceback."""
    settings = f"from tests.settings import *\n{setting}\n"
    done = run("manage.py", command, settings=settings, directory=tmp_path)
    assert done.returncode == 1
    assert all(text in done.stderr for text in found)
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("*.sqlite3")) == []


def test_example_is_clean(tmp_path: Path) -> None:
    """The example project's settings, and its database, give no message at all."""
    settings = "from example_project.settings import *\n"
    arguments = ("manage.py", "check", "--fail-level", "DEBUG", "--database", "default")
    done = run(*arguments, settings=settings, directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done.stderr


def test_nothing_of_a_provider_is_imported(tmp_path: Path) -> None:
    """The checks know a provider's and Redis's needs without importing half a second of their packages."""
    settings = """
from tests.settings import *
OPTIONS = {"account_sid": "AC00", "auth_token": "not a token", "from_number": "+12025550100"}
SECURELOGIN = {
    "SMS": {"default": {"BACKEND": "securelogin.sms.twilio.SMSBackend", "OPTIONS": OPTIONS}},
    "LIMITS_STORAGE": "redis://127.0.0.1:6379/0",
}
"""
    program = """
import sys, django
from django.core.checks import run_checks
django.setup()
messages = run_checks(tags=["securelogin"], include_deployment_checks=True)
assert {message.id for message in messages} == {"securelogin.W102", "securelogin.W105"}, messages
assert not {"twilio", "redis", "boto3"} & set(sys.modules)
"""
    done = run("-c", program, settings=settings, directory=tmp_path)
    assert done.returncode == 0, done.stderr
