"""A line that counts up in front of whoever runs a long command."""

from __future__ import annotations

from django.core.management.base import OutputWrapper


class CountingLine:
    """Says on a terminal how much is done, over and over in one line; on anything else it says nothing."""

    def __init__(self, stream: OutputWrapper, words: str) -> None:
        self.stream = stream
        self.words = words
        self.total = 0

    def add(self, number: int) -> None:
        """Count so many more and say how many there are by now."""
        self.total += number
        if self.stream.isatty():
            self.stream.write(f"\r{self.total} {self.words}", str, ending="")
            self.stream.flush()

    def close(self) -> None:
        """End the line, if there is one."""
        if self.total and self.stream.isatty():
            self.stream.write()
