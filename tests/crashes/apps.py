"""The crashes as an app of the served host: it puts the steps into the verbs."""

from __future__ import annotations

import os

from django.apps import AppConfig

from . import points


class CrashesConfig(AppConfig):
    """Installs the steps where ``CRASHES_POINTS`` is on, and the fault to be found where ``CRASHES_SPLIT`` is."""

    name = "tests.crashes"
    label = "crashes"

    def ready(self) -> None:
        """Wrap the verbs' functions in this process."""
        if os.environ.get("CRASHES_POINTS") == "on":
            points.install()
        if os.environ.get("CRASHES_SPLIT") == "on":
            points.split_login()
