"""Append texts to a file, for a program to read the code from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..exceptions import SMSNotSent
from .base import BaseSMSBackend, OptionProblem


class SMSBackend(BaseSMSBackend):
    """Append one JSON object a line to ``OPTIONS["path"]``: ``to``, ``body``, ``at`` (ISO 8601, UTC)."""

    is_demo = True
    option_names = frozenset({"path"})

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> list[OptionProblem]:
        """Name unknown options and a missing path."""
        problems = super().check_options(options)
        if not (options.get("path") and isinstance(options["path"], (str, os.PathLike))):
            problems.append(OptionProblem("OPTIONS['path'] is missing.", "Name the file that texts are appended to."))
        return problems

    def send(self, *, to: str, body: str) -> None:
        """Append a line; the file is made where it is missing, for its owner only. Raises ``SMSNotSent``."""
        self.require_options()
        sent = {"to": to, "body": body, "at": datetime.now(timezone.utc).isoformat()}
        try:
            _append(Path(self.options["path"]), json.dumps(sent).encode() + b"\n")
        except OSError as error:
            raise SMSNotSent(f"the file took nothing ({type(error).__name__})", is_definite=True) from error


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # One write, so that lines of processes that write at once lie one after the other, never in each other.
        if os.write(file, line) != len(line):
            raise OSError("written in part")
    finally:
        os.close(file)
