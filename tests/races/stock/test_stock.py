"""The burst that our own refresh survives breaks stock simplejwt."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from . import races


def test_stock_simplejwt_goes_red(tmp_path: Path) -> None:
    """The burst that our own refresh must survive breaks stock simplejwt within a few rounds."""
    with closing(races.play(f"sqlite:///{tmp_path}/db.sqlite3", tmp_path, rounds=20, clients=50)) as rounds:
        assert any(rounds)
