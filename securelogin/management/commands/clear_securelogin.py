"""Delete what is over; for a daily job."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from securelogin import services
from securelogin.management.progress import CountingLine

MAX_BATCH = 10_000
"""A statement names every row of its batch, and databases bound the parameters of one statement."""


class Command(BaseCommand):
    """Print what ``services.clear`` deletes."""

    help = (
        "Deletes dead codes, counters and sessions, and takes old codes and names out of rows that stay. "
        "Can be run as a daily cronjob; safe to interrupt."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Let a look come before the deed."""
        parser.add_argument("--dry-run", action="store_true", help="Say how many rows would be deleted.")
        parser.add_argument("--batch-size", type=int, default=1000, help="Rows in one transaction (default: 1000).")

    def handle(self, **options: Any) -> None:
        """Clear, and print how many rows went. Raises ``CommandError`` for a batch size that cannot be."""
        size = options["batch_size"]
        if not 1 <= size <= MAX_BATCH:
            raise CommandError(f"--batch-size takes 1 to {MAX_BATCH}.")
        with closing(CountingLine(self.stderr, "rows cleared")) as line:
            cleared = services.clear(batch=size, is_dry_run=options["dry_run"], progress=line.add)
        if options["verbosity"] > 0 or options["dry_run"]:
            verb = "Would delete" if options["dry_run"] else "Deleted"
            self.stdout.write(
                f"{verb} codes: {cleared.codes}, counters: {cleared.counters}, sessions: {cleared.sessions}. "
                f"{'Would empty' if options['dry_run'] else 'Emptied'} codes: {cleared.scrubbed}."
            )
