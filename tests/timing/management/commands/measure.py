"""Measure the pairs of one mode on the database that the settings name. ``python -m tests.timing`` calls this."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from securelogin import conf
from tests import serving
from tests.races.bursts import Address
from tests.races.servers import ROOT, leave_on_sigterm

from ...clients import Client
from ...figures import compare
from ...pairs import CONTROLS, PAIRS, Pair, chosen
from ...rounds import measure, prepare
from ...verdicts import Figures, is_usable, judge

OPTIONS = (
    *("--worker-class", "gthread", "--threads", "1", "--keep-alive", "60"),
    *("--log-level", "error", "--graceful-timeout", "1"),
)
"""One worker that keeps connections, and at its end waits for no text."""


class Command(BaseCommand):
    """Serves the example project in one mode of signing up and judges the times of its answers."""

    help = "Measure whether answers tell by their time what a number is."
    requires_system_checks: list[str] = []  # the budgets are wider than they allow

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what ``python -m tests.timing`` passes on."""
        parser.add_argument("pair", nargs="*", help="all where none is named")
        parser.add_argument("--calls", type=int, required=True)
        parser.add_argument("--verdict", type=Path, required=True)

    def handle(self, **options: Any) -> None:
        """Serve, measure, and write the verdict into a file. Raises ``CommandError`` for an unknown pair."""
        leave_on_sigterm()
        try:
            pairs = chosen(options["pair"], conf.current().SIGNUP)
        except KeyError as error:
            known = "; ".join(pair.name for pair in PAIRS)
            raise CommandError(f"No pair {error}; there are: {known}.") from error
        with serving.serve(sys.executable, ROOT, os.environ, workers=1, options=OPTIONS) as url:
            parts = urlsplit(url)
            address = (str(parts.hostname), int(parts.port or 0))
            verdict = judge(
                lambda names: self._run(address, names, pairs, options["calls"]),
                [pair.name for pair in pairs],
                told=[pair.name for pair in pairs if pair.is_told],
            )
        options["verdict"].write_text(json.dumps(verdict.as_json()))

    def _run(self, address: Address, names: Sequence[str], pairs: Sequence[Pair], calls: int) -> dict[str, Figures]:
        with closing(Client(address)) as client:
            samples = [prepare(pair, client) for pair in [*CONTROLS, *pairs] if pair in CONTROLS or pair.name in names]
            measure(samples, client, calls)
        run = {sample.pair.name: compare(*sample.times) for sample in samples}
        for name, figures in run.items():
            self.stdout.write(f"  {name:30}{figures}")
        self.stdout.write("  usable" if is_usable(run) else "  NOT usable: a control came out wrong")
        self.stdout.flush()
        return run
