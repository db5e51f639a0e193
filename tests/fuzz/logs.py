"""The log of the served project: every line is an entry, or the traceback of the one above it."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

ENTRY = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) (?P<logger>[\w.]+): ")
TRACEBACK = '"Traceback '
EXPECTED = {"django.security.DisallowedHost"}
"""Where Django tells of a foreign ``Host`` as an error."""


class Formatter(logging.Formatter):
    """Writes a traceback in one line, so that a line that is no entry was written by a client."""

    def formatException(self, ei: Any) -> str:
        """Quote it."""
        return json.dumps(super().formatException(ei))


def findings(path: Path) -> list[str]:
    """Return the errors in a log, and the lines that nobody of ours began."""
    found = []
    for line in path.read_text(errors="replace").split("\n") if path.exists() else []:
        entry = ENTRY.match(line)
        if entry is None and line and not line.startswith(TRACEBACK):
            found.append(f"the log has a line of somebody else: {line[:200]!r}")
        elif entry and entry["level"] in {"ERROR", "CRITICAL"} and entry["logger"] not in EXPECTED:
            found.append(f"the log has an error: {line[:200]}")
        if not line.isprintable():
            found.append(f"the log has a control character: {line[:200]!r}")
    return found
