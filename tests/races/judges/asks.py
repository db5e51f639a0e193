"""The laws of asking for codes."""

from __future__ import annotations

from collections.abc import Sequence

from ..bursts import Answer
from .answers import TOO_MANY_REQUESTS, TOO_SOON, counted, only, successes


def one_message(answers: Sequence[Answer], messages: int) -> list[str]:
    """Simultaneous asks of one number, however spelled, send one message."""
    return [
        *counted(1, "successes", len(successes(answers)), answers),
        *only(answers, {TOO_SOON}),
        *counted(1, "messages", messages, answers),
    ]


def limit(answers: Sequence[Answer], messages: int, *, most: int) -> list[str]:
    """A limit lets exactly ``most`` through."""
    return [
        *counted(most, "successes", len(successes(answers)), answers),
        *only(answers, {TOO_MANY_REQUESTS}),
        *counted(most, "messages", messages, answers),
    ]
