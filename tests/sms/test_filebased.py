"""Tests of securelogin.sms.filebased."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from securelogin.exceptions import SMSNotSent
from securelogin.sms.filebased import SMSBackend

PHONE = "+15005550010"
ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from securelogin.sms.filebased import SMSBackend
backend = SMSBackend(path=sys.argv[1])
for number in range(200):
    backend.send(to="+15005550010", body=f"{sys.argv[2]}:{number}:" + "x" * 500)
"""


def test_one_json_object_a_line(tmp_path: Path) -> None:
    """A line holds to, body and at, in UTC, whatever characters the text has."""
    path = tmp_path / "sms.jsonl"
    backend = SMSBackend(path=path)
    backend.send(to=PHONE, body="482913 is your login code.\n\n@example.com #482913")
    backend.send(to=PHONE, body="zwölf\u2028\x85")
    first, second = (json.loads(line) for line in path.read_bytes().splitlines())
    assert set(first) == {"to", "body", "at"}
    assert first["to"] == PHONE
    assert first["body"] == "482913 is your login code.\n\n@example.com #482913"
    assert second["body"] == "zwölf\u2028\x85"
    at = datetime.fromisoformat(first["at"])
    assert at.utcoffset() == timedelta(0)
    assert abs(datetime.now(timezone.utc) - at) < timedelta(minutes=1)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Nobody else on the machine reads the codes."""
    path = tmp_path / "new" / "sms.jsonl"
    old = os.umask(0)
    try:
        SMSBackend(path=str(path)).send(to=PHONE, body="482913")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lines_of_processes_do_not_mix(tmp_path: Path) -> None:
    """Every line of four processes that append at once is whole, and none is missing."""
    path = tmp_path / "sms.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(n)], cwd=ROOT) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    bodies = [json.loads(line)["body"].split(":")[:2] for line in path.read_text().splitlines()]
    assert sorted(bodies) == sorted([str(n), str(number)] for n in range(4) for number in range(200))


@pytest.mark.parametrize("options", [{}, {"path": ""}, {"path": None}, {"path": 7}])
def test_a_missing_path_is_a_problem_and_a_failure_to_send(options: dict[str, Any]) -> None:
    """The check names the path, and a server that was never checked sends nothing."""
    assert [problem.message for problem in SMSBackend.check_options(options)] == ["OPTIONS['path'] is missing."]
    with pytest.raises(SMSNotSent) as caught:
        SMSBackend(**options).send(to=PHONE, body="482913")
    assert caught.value.is_definite


def test_a_file_that_cannot_be_written_is_a_failure_to_send(tmp_path: Path) -> None:
    """A folder in the file's place is SMSNotSent, and its reason holds neither number nor text."""
    with pytest.raises(SMSNotSent) as caught:
        SMSBackend(path=tmp_path).send(to=PHONE, body="482913")
    assert caught.value.is_definite
    assert caught.value.reason == "the file took nothing (IsADirectoryError)"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_failure_to_send() -> None:
    """What was not written was not sent."""
    with pytest.raises(SMSNotSent, match="the file took nothing"):
        SMSBackend(path="/dev/full").send(to=PHONE, body="482913")
