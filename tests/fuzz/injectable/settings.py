"""The fuzzed project with the injectable view beside it."""

from __future__ import annotations

from tests.fuzz.settings import *

ROOT_URLCONF = "tests.fuzz.injectable.urls"
