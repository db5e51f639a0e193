"""A pytest plugin: each run of tests at a mutant has a database, and a Redis database, that no other run uses.

mutmut forks a process for each mutant, several at a time, and says nothing of that to pytest.
"""

from __future__ import annotations

import fcntl
import functools
import itertools
import os
import shutil
import sys
from pathlib import Path

import pytest
from django.conf import settings
from mutmut.state import state

TEMPLATE = "MUTANTS_TEMPLATE"
"""The environment variable that names a migrated SQLite file."""

_held: list[int] = []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Give the run a fresh copy of the migrated database, under a number that it alone holds."""
    template = Path(os.environ[TEMPLATE])
    number = _take_number(template.parent)
    os.environ["PYTEST_XDIST_WORKER"] = f"gw{number}"  # by this the tests choose their Redis database
    database = template.with_name(f"{number}.sqlite3")
    shutil.copyfile(template, database)
    settings.DATABASES["default"]["TEST"]["NAME"] = str(database)
    session.config.option.reuse_db = True
    _forget()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what found earlier mutants of the module first, then its own tests, then the quick: a failure ends it."""
    module = _module()
    own = f"test_{module.rpartition('.')[2]}.py"
    finders = set(_finders().read_text().splitlines()) if _finders().exists() else set[str]()
    seconds = state().duration_by_test
    items.sort(key=lambda item: (item.nodeid not in finders, item.path.name != own, seconds.get(item.nodeid, 0)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Where it is asked which tests run a function, let each of them do what otherwise only the first one would."""
    if os.environ["MUTANT_UNDER_TEST"] == "stats":
        _forget()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember a test that found a mutant: its neighbours are broken in the next ones."""
    if report.failed and _module():
        with _finders().open("a") as file:
            file.write(f"{report.nodeid}\n")


def pytest_unconfigure() -> None:
    """Give the number back; that of a run which was killed goes back by itself."""
    while _held:
        os.close(_held.pop())


def _forget() -> None:
    """Empty the caches: the forked process ran every test, and what it remembers would answer for the mutant.

    Compiled statements as well, and not by their own ``forget()``, which may be the mutant.
    """
    for module in [module for name, module in sys.modules.items() if name.startswith("securelogin")]:
        for name, value in list(vars(module).items()):
            if isinstance(value, functools._lru_cache_wrapper):
                value.cache_clear()
            elif name == "_cached":
                setattr(module, name, None)
            elif name == "_statements":
                for statement in value:
                    statement._compiled.clear()


def _module() -> str:
    return os.environ["MUTANT_UNDER_TEST"].rpartition(".")[0]


def _finders() -> Path:
    """Return the file with the tests that found mutants of this module in this run of the command."""
    return Path(os.environ[TEMPLATE]).with_name(f"{_module()}.finders")


def _take_number(folder: Path) -> int:
    for number in itertools.count():
        lock = os.open(folder / f"{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            _held.append(lock)
            return number
    raise AssertionError("the numbers have no end")
