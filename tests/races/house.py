"""The house that the commands of a cell play in: it serves variants of the host and sets stages."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from .bursts import Address
from .calls import PREFIX
from .grid import Cell
from .ledger import Ledger
from .servers import environment, leave_on_sigterm, serve
from .stage import Stage
from .supplies import Lines, benchmark_addresses, fictional_numbers


@dataclass(frozen=True)
class Host:
    """The example project in one variant, with a mutant in it where one is named."""

    variant: str
    mutant: str = ""


class House:
    """One cell and what its stages share. Its database is empty, and migrated first."""

    def __init__(self, cell: Cell, folder: Path) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        self.cell, self.folder = cell, folder
        self.outbox = Lines(Path(os.environ["SECURELOGIN_SMS_FILE"]))
        self.ledger = Ledger(Path(os.environ["RACES_EVENTS"]))
        self.numbers, self.addresses = fictional_numbers(), benchmark_addresses()

    @contextmanager
    def serve_all(self, hosts: Iterable[Host]) -> Iterator[dict[Host, Address]]:
        """Serve several at once, which start beside each other; one that is named twice is served once."""
        named = list(dict.fromkeys(hosts))
        with ExitStack() as stack:
            with ThreadPoolExecutor(max(1, len(named))) as pool:
                addresses = list(pool.map(lambda host: stack.enter_context(self.serve(host)), named))
            yield dict(zip(named, addresses, strict=True))

    @contextmanager
    def serve(self, host: Host) -> Iterator[Address]:
        """Serve one host until the block ends."""
        env = environment("tests.races.settings", RACES_VARIANT=host.variant, RACES_MUTANT=host.mutant)
        log = self.folder / f"{host.variant}.log"
        application = f"example_project.{os.environ.get('RACES_GATEWAY', 'wsgi')}"
        with serve(application, env=env, log=log, path=f"{PREFIX}op") as address:
            yield address

    def stage(self, address: Address, sizes: Sequence[int]) -> Stage:
        """Set a stage before a server, for bursts of these sizes in turn."""
        return Stage(
            address=address,
            outbox=self.outbox,
            ledger=self.ledger,
            numbers=self.numbers,
            addresses=self.addresses,
            sizes=sizes,
            is_patient=self.cell.is_patient,
        )


class CellCommand(BaseCommand, ABC):
    """A command that ``python -m tests.races`` runs for one cell, in the environment of that cell."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the cell and the folder that logs and outcomes go into."""
        parser.add_argument("--database", required=True)
        parser.add_argument("--isolation")
        parser.add_argument("--atomic", action="store_true")
        parser.add_argument("--folder", type=Path, required=True)

    def handle(self, **options: Any) -> None:
        """Play in the house of the cell."""
        leave_on_sigterm()
        cell = Cell(options["database"], options["isolation"], options["atomic"])
        self.play(House(cell, options["folder"]), options)

    @abstractmethod
    def play(self, house: House, options: dict[str, Any]) -> None:
        """Do what the command is for."""

    def say(self, line: str) -> None:
        """Print a line at once."""
        self.stdout.write(line)
        self.stdout.flush()
