"""Our views stand on their own feet: what a host sets up for its own calls is not asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_our_views_in_a_host_of_django_sessions(empty_database: str) -> None:
    """With every default of DRF's set to something else, our routes answer as everywhere, and in JSON."""
    environ = {
        **os.environ,
        "DATABASE_URL": empty_database,
        "DJANGO_SETTINGS_MODULE": "tests.api.session_host.settings",
        "PYTHONWARNINGS": "error",
    }
    for arguments in (["django", "migrate", "--verbosity", "0"], ["tests.api.session_host"]):
        done = subprocess.run(
            [sys.executable, "-m", *arguments], env=environ, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
