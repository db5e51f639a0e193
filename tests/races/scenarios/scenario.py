"""What a scenario is, and how one round of it is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..stage import Stage
from ..supplies import Stuck

NOT_PLAYED = "not played"


@dataclass(frozen=True)
class Scenario:
    """A race: what it must show, on which variant of the host, with how many calls in the bursts of its rounds in turn.

    ``play`` plays one round; ``conclude`` says what all rounds together show.
    """

    name: str
    law: str
    variant: str
    clients: tuple[int, ...]
    play: Callable[[Stage], list[str]]
    conclude: Callable[[Stage], list[str]] | None = None

    def play_round(self, stage: Stage) -> list[str]:
        """Play one round and return its violations; what kept it from being played is one too."""
        stage.begin()
        try:
            found = self.play(stage)
        except Stuck as error:
            found = [f"{NOT_PLAYED}: {error}"]
        return [*dict.fromkeys(stage.found), *found]

    def conclusion(self, stage: Stage) -> list[str]:
        """Return what the rounds so far show together."""
        return self.conclude(stage) if self.conclude else []
