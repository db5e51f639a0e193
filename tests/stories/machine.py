"""The machines: the rules in two halves, and all of them together."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .meanwhile import at_once
from .visits import DEVICES, CodeVisits
from .visits_bounds import CodeBounds, SessionBounds
from .visits_staff import Operations
from .visits_thefts import Thefts


class CodeStories(CodeVisits, CodeBounds, Operations):
    """Codes, staff, time and keys; one story has one outcome."""


class SessionStories(Thefts, SessionBounds):
    """Sessions and thefts; one story has one outcome."""


class Visits(CodeStories, SessionStories):
    """Everybody at once, and calls that real threads make at one moment."""

    @rule(number=DEVICES, threads=st.integers(2, 3))
    def answer_in_threads(self, number: int, threads: int) -> None:
        """Of calls with the right code at one moment, one opens a session."""
        device = self.devices[number]
        self.new_code(device)
        self.race_for_a_session(device, lambda call: at_once([call] * threads))

    @rule(number=DEVICES, threads=st.integers(2, 4), has_key=st.booleans())
    def refresh_in_threads(self, number: int, threads: int, has_key: bool) -> None:
        """Refresh with one token several times at one moment: all get the same generation."""
        key = self.new_key() if has_key else None
        self.refresh_at_once(self.device(number), key, lambda call: at_once([call] * threads))
