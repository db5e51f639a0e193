"""The races as an app of the served host: it writes announcements into a file, and breaks what a mutant breaks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import AppConfig
from django.conf import settings

from securelogin import signals


class RacesConfig(AppConfig):
    """Connects the writer where ``RACES_EVENTS`` names a file, and applies the mutant that the settings name."""

    name = "tests.races"
    label = "races"

    def ready(self) -> None:
        """Connect to the announcements that must come exactly once."""
        if path := os.environ.get("RACES_EVENTS"):
            self.writer = Writer(Path(path))
            signals.refresh_token_reused.connect(self.writer.reused)
            signals.session_ended.connect(self.writer.ended)
        if name := getattr(settings, "RACES_MUTANT", None):
            from . import mutants

            mutants.apply(name)


class Writer:
    """Appends one JSON object a line for each announcement: its name and the id of the session."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def reused(self, *, session_id: UUID, **_others: Any) -> None:
        """Write down an announcement of reuse."""
        self._write("refresh_token_reused", session_id)

    def ended(self, *, session_id: UUID, **_others: Any) -> None:
        """Write down an announcement of an ended session."""
        self._write("session_ended", session_id)

    def _write(self, name: str, session_id: UUID) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"signal": name, "session": str(session_id)}) + "\n")
