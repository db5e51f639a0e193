"""The README says what is so: its curl calls run, its settings are ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from os import environ
from pathlib import Path
from typing import Any

import pytest

from securelogin.conf import DEFAULT_LIMITS, Conf
from tests import serving, visits

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
CALLS = re.findall(r"```console\n\$ (curl .*)\n(.*)\n```", README)
START_SECONDS = 30


@pytest.fixture
def server(empty_database: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The example project under gunicorn with four workers on the database of this run, and the file of its texts."""
    outbox = tmp_path / "sms.jsonl"
    with serving.migrated(empty_database, outbox, workers=4) as address:
        yield address, outbox


def test_curl_calls_answer_what_the_readme_says(server: tuple[str, Path]) -> None:
    """A newcomer who copies the seven calls sees the answers that stand below them."""
    address, outbox = server
    assert len(CALLS) == 7
    assert shutil.which("curl"), "curl is not installed"
    shell: dict[str, str] = {}
    for call, told in CALLS:
        if "verify_sms" in call:
            shell["CODE"] = visits.read_code(json.loads(outbox.read_text().splitlines()[-1])["body"])
        done = subprocess.run(
            ["bash", "-c", call.replace("http://127.0.0.1:8000", address)],
            env={"PATH": environ["PATH"], **shell},
            check=True,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        answer = json.loads(done.stdout)
        assert shape(answer) == shape(json.loads(told)), call
        compare(json.loads(told), answer)
        remember(answer, shell)


def remember(answer: dict[str, Any], shell: dict[str, str]) -> None:
    """Keep what the newcomer puts into the shell, once: the refreshed tokens stay where they were printed."""
    for name, key in (("USERID", "userid"), ("ACCESS", "access_token"), ("REFRESH", "refresh_token")):
        if key in answer:
            shell.setdefault(name, answer[key])


def shape(value: Any) -> Any:
    """Reduce an answer to its keys, in order, and the types of its values."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value)


def compare(told: Any, answer: Any) -> None:
    """Compare values; a text that is cut with … is its beginning.

    A token's seconds vary by its random 5 %, the whole second it ends on, and the time the call took.
    """
    if isinstance(told, dict):
        for key, item in told.items():
            if key == "expires_in" and item != 300:
                assert 560 <= answer[key] <= 600
            elif key not in ("userid", "device_token"):
                compare(item, answer[key])
    elif isinstance(told, list):
        for left, right in zip(told, answer, strict=True):
            compare(left, right)
    elif isinstance(told, str) and told.endswith("…"):
        assert answer.startswith(told[:-1])
    else:
        assert answer == told


def test_settings_table_is_the_settings() -> None:
    """Each key is in the table with its default, and nothing else is."""
    section = README.split("## Settings")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", section, re.MULTILINE))
    assert rows == {item.name: tell(item.name, getattr(Conf(), item.name)) for item in fields(Conf)}


def tell(key: str, value: Any) -> str:
    """Write a default as the table does."""
    if key in ("LIMITS", "SMS"):
        return {"LIMITS": "see below", "SMS": "console"}[key]
    if isinstance(value, timedelta):
        units = (("days", 86400), ("min", 60), ("s", 1))
        seconds = int(value.total_seconds())
        # 30 s are seconds, 5 min are minutes: the largest unit that divides
        unit, size = next((unit, size) for unit, size in units if seconds % size == 0)
        return f"{seconds // size} {unit}"
    if key == "RESEND_PAUSES":
        return ", ".join(str(int(pause.total_seconds())) for pause in value) + " s"
    return f"`{value!r}`".replace("'", '"')


def test_limits_are_the_limits() -> None:
    """The sentence on LIMITS names each with its amount."""
    (sentence,) = re.findall(r"^`LIMITS` are (.+)$", README, re.MULTILINE)
    assert dict(re.findall(r"`(\w+)` ([0-9]+/\w+)", sentence)) == dict(DEFAULT_LIMITS)
