"""System checks."""


def register() -> None:
    """Register."""
