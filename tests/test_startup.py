"""What a process pays for the app before it answers: time, memory, modules, and no query."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import lru_cache
from typing import Any

import pytest

TRIES = 3
"""Each figure is the least of so many: a busy machine only adds."""

MOST_SHARE, MOST_BYTES = 0.15, 8 * 2**20
"""Over Django, DRF, simplejwt and phonenumbers. The share is a tenth, and half as much for a machine that is busy."""

PROGRAM = """
import json, sys
from django.conf import settings
from django.db.backends.signals import connection_created

has_app, has_urls = json.loads(sys.argv[1])
settings.configure(
    SECRET_KEY="a key for tests that is long enough for every check and known to everyone",
    INSTALLED_APPS=[
        "django.contrib.contenttypes", "django.contrib.auth", "rest_framework",
        "rest_framework_simplejwt.token_blacklist", *(["securelogin"] if has_app else []),
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    **({"AUTH_USER_MODEL": "securelogin.User"} if has_app else {}),
)
asked = []
connection_created.connect(lambda **facts: asked.append(True), weak=False)
import django
django.setup()
import phonenumbers, rest_framework.serializers, rest_framework.viewsets
if has_urls:
    import rest_framework_simplejwt.authentication
    if has_app:
        import securelogin.urls
with open("/proc/self/statm") as statm:
    pages = int(statm.read().split()[1])
print(json.dumps({"bytes": pages * 4096, "modules": list(sys.modules), "asked": asked}))
"""


def start(*, has_app: bool, has_urls: bool = True) -> dict[str, Any]:
    """Start a project, with or without the app, and with the routes if they are asked for."""
    command = [sys.executable, "-c", PROGRAM, json.dumps([has_app, has_urls])]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return told


@lru_cache
def starts() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Start both in turn, so many times: with the app, without it."""
    pairs = [(start(has_app=True), start(has_app=False)) for _ in range(TRIES)]
    return [with_app for with_app, _without in pairs], [without for _with_app, without in pairs]


def least(figure: str) -> tuple[float, float]:
    """Return the smallest of a figure with the app, and without it."""
    with_app, without = starts()
    return min(run[figure] for run in with_app), min(run[figure] for run in without)


@pytest.mark.parametrize("has_urls", [False, True])
def test_nothing_is_loaded_before_its_use(has_urls: bool) -> None:
    """Neither a provider's SDK nor the storage of the limits, nor what signs tokens."""
    modules = set(start(has_app=True, has_urls=has_urls)["modules"])
    assert "securelogin.models" in modules
    assert ("securelogin.api.views" in modules) == has_urls
    assert not modules & {"limits", "redis", "twilio", "jwt", "cryptography"}


def test_no_database_is_asked() -> None:
    """A process starts where there is none yet."""
    assert start(has_app=True)["asked"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_app_costs_little_memory() -> None:
    """With its routes."""
    with_app, without = least("bytes")
    assert with_app - without <= MOST_BYTES


def test_app_costs_little_time() -> None:
    """A part of what is there anyway, or 40 ms of 400: both are told by one run, as slow as the machine is."""
    assert min(share() for _ in range(TRIES)) <= MOST_SHARE


def share() -> float:
    """Return the time that modules of ours take to import, by that of all others."""
    command = [sys.executable, "-X", "importtime", "-c", PROGRAM, json.dumps([True, True])]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    ours = others = 0
    for microseconds, name in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", told):
        if name.partition(".")[0] == "securelogin":
            ours += int(microseconds)
        else:
            others += int(microseconds)
    return ours / others
