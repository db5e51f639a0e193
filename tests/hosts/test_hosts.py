"""What every host can do with nothing but an empty database, on whichever server the tests run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import databases

ROOT = Path(__file__).resolve().parents[2]
HOSTS = {
    "default": "tests.settings",
    "own user": "tests.hosts.own_user.settings",
    "rich user": "tests.hosts.rich_user.settings",
    "bare": "tests.hosts.bare.settings",
}


@dataclass(frozen=True)
class Host:
    """A host project and the database it is to use."""

    settings: str
    database_url: str

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a Python module in the host's environment, with warnings as errors."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": self.settings,
                "DATABASE_URL": self.database_url,
                "PYTHONWARNINGS": "error",
                **variables,
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def manage(self, *arguments: str, **variables: str) -> str:
        """Run one of Django's commands, which must succeed; returns what it printed."""
        done = self.run("django", *arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=list(HOSTS.values()), ids=list(HOSTS))
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Each of the hosts, migrated from nothing."""
    with databases.empty_database(os.environ.get("DATABASE_URL", "sqlite://")) as url:
        migrated = Host(request.param, url)
        migrated.manage("migrate", "--verbosity", "0")
        yield migrated


def test_models_and_migrations_agree(host: Host) -> None:
    """``makemigrations --check`` finds nothing to write, in our app or in the host's."""
    assert "No changes detected" in host.manage("makemigrations", "--check", "--dry-run")


def test_checks_are_silent(host: Host) -> None:
    """A host that is set up as the README says gets no warning, with its database looked at too."""
    host.manage("check", "--fail-level", "DEBUG", "--database", "default")


def test_whole_visit(host: Host) -> None:
    """From the registration to the logout, and no further."""
    done = host.run("tests.hosts.visit")
    assert done.returncode == 0, done.stderr


def test_superuser_without_questions(host: Host) -> None:
    """``createsuperuser --noinput`` reads number and password from the environment, and refuses a taken number."""
    known = {"DJANGO_SUPERUSER_PHONE": "+12025550177", "DJANGO_SUPERUSER_PASSWORD": "a long way to Tipperary"}
    assert "created successfully" in host.manage("createsuperuser", "--noinput", **known)
    again = host.run("django", "createsuperuser", "--noinput", **known)
    assert again.returncode == 1
    assert "already taken" in again.stderr


def test_names_that_the_user_model_refuses_make_way(empty_database: str) -> None:
    """Too long or taken: cut, or replaced by one that nobody has. A taken address is told."""
    host = Host(HOSTS["rich user"], empty_database)
    host.manage("migrate", "--verbosity", "0")
    done = host.run("tests.hosts.rich_user.story")
    assert done.returncode == 0, done.stderr
    visit = ["register 200", "login 200", "verify_sms 200"]
    assert done.stdout.splitlines() == [*visit, *visit, "register 200", "register 400", "[20, 20, 20]"]


@pytest.mark.parametrize("name", ["default", "own user"])
def test_migrations_go_back(name: str, empty_database: str) -> None:
    """Our tables can be made, taken away and made again; simplejwt's go along, which takes empty ones."""
    host = Host(HOSTS[name], empty_database)
    for target in ([], ["securelogin", "zero"], []):
        host.manage("migrate", *target, "--verbosity", "0")
