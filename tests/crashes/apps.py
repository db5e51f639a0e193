"""The crashes as an app of the served host: it puts the steps into the verbs."""

from __future__ import annotations

import os
from pkgutil import resolve_name

from django.apps import AppConfig

from . import points


class CrashesConfig(AppConfig):
    """Installs the steps where ``CRASHES_POINTS`` is on, then the mutant that ``CRASHES_MUTANT`` names.

    ``CRASHES_REST`` shortens the rest of a provider that is down, in seconds.
    """

    name = "tests.crashes"
    label = "crashes"

    def ready(self) -> None:
        """Change the verbs' functions in this process."""
        if os.environ.get("CRASHES_POINTS") == "on":
            points.install()
        if name := os.environ.get("CRASHES_MUTANT"):
            resolve_name("tests.crashes.mutants.apply")(name)
        if rest := os.environ.get("CRASHES_REST"):
            resolve_name("securelogin.services.outages").REST = float(rest)
