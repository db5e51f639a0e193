"""What a mutant is, however it was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Mutant:
    """A function and what is other in it; no line number, so it is the same one when lines move."""

    function: str
    """With its module, and its class where it is a method: ``securelogin.limits.take``."""

    change: tuple[str, ...]
    """The lines of the diff, each ``-`` or ``+`` and the line without its indentation."""

    def __str__(self) -> str:
        return "\n".join(f"    {line}" for line in (self.function, *self.change))
