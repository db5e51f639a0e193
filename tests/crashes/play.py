"""Plays a cell, once Django is set up: serves each variant of the host, plays its parts, keeps what they showed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connections

from tests.databases import Server
from tests.races.calls import PREFIX, Tokens
from tests.races.ledger import Ledger
from tests.races.report import Outcome, lines
from tests.races.servers import environment, serve
from tests.races.supplies import Lines, Stuck, benchmark_addresses, fictional_numbers
from tests.sms import fake_twilio

from . import parts, providers
from .cells import Options
from .parts import Part, Round
from .points import REACHED
from .stage import CrashStage

CLIENTS = 16
MANY_THREADS = 16
"""Where a provider hangs each worker has that many threads: together more than calls hang."""


def play(options: Options, folder: Path, database: Server | None, valkey: Server) -> list[Outcome]:
    """Play what the options say, and return the outcomes."""
    cell = Cell(options, folder, database, valkey)
    if options.has_provider:
        for variant in ("inline", "thread"):
            with fake_twilio.serve() as provider:
                cell.outbox = providers.Inbox(provider)
                cell.play(variant, parts.with_provider(variant, provider), provider=provider.url)
        return cell.outcomes
    for variant, chosen in (parts.storm(options.chaos) if options.chaos else parts.everything(options)).items():
        cell.play(variant, chosen)
    return cell.outcomes


@dataclass
class Cell:
    """One database with its servers, and everything that was found on it."""

    options: Options
    folder: Path
    database: Server | None
    valkey: Server
    outcomes: list[Outcome] = field(default_factory=list)
    ended: list[Tokens] = field(default_factory=list)
    kept: list[Tokens] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Lines(Path(os.environ["SECURELOGIN_SMS_FILE"]))
        self.ledger = Ledger(Path(os.environ["RACES_EVENTS"]))
        self.reached = Lines(Path(os.environ[REACHED]))
        self.numbers, self.addresses = fictional_numbers(), benchmark_addresses()

    def play(self, variant: str, chosen: Sequence[Part], *, provider: str = "") -> None:
        """Serve a variant and play those of its parts that are asked for."""
        only = self.options.only
        asked_for = [part for part in chosen if not only or part.name.startswith(only)]
        if not asked_for:
            return
        with self._stage(variant, provider) as stage:
            for part in asked_for:
                self.outcomes.append(self._play(stage, part))

    @contextmanager
    def _stage(self, variant: str, provider: str) -> Iterator[CrashStage]:
        env = environment(
            "tests.crashes.settings",
            CRASHES_VARIANT=variant,
            CRASHES_POINTS="on",
            CRASHES_MUTANT=self.options.mutant,
            CRASHES_PROVIDER=provider,
            GUNICORN_CMD_ARGS=f"--threads {MANY_THREADS} --worker-connections {MANY_THREADS}" if provider else "",
        )
        with serve("tests.crashes.wsgi", env=env, log=self.folder / f"{variant}.log", path=f"{PREFIX}op") as address:
            yield CrashStage(
                address=address,
                outbox=self.outbox,
                ledger=self.ledger,
                numbers=self.numbers,
                addresses=self.addresses,
                sizes=[CLIENTS],
                reached=self.reached,
                database=self.database,
                valkey=self.valkey,
                ended=self.ended,
                kept=self.kept,
            )

    def _play(self, stage: CrashStage, part: Part) -> Outcome:
        """Play the rounds of a part and say what they showed."""
        began, requests = time.monotonic(), stage.requests
        violations: list[str] = []
        broken = number = 0
        for number, round_ in enumerate(part.rounds(stage), 1):
            found = _play_round(stage, round_)
            broken += bool(found)
            violations += [f"round {number} ({time.strftime('%H:%M:%S')}): {each}" for each in found]
        outcome = Outcome(
            database=self.options.database,
            isolation=None,
            atomic=False,
            scenario=part.name,
            rounds=number,
            broken=broken,
            violations=violations,
            requests=stage.requests - requests,
            seconds=round(time.monotonic() - began, 3),
            workers=stage.workers_per_burst,
        )
        _print(outcome, stage.notes)
        stage.notes.clear()
        return outcome


def _play_round(stage: CrashStage, round_: Round) -> list[str]:
    """Play one round; what kept it from being played is a violation too."""
    stage.begin()
    try:
        found = round_(stage)
    except Stuck as error:
        found = [f"not played: {error}"]
    finally:
        connections.close_all()
    return [*dict.fromkeys(stage.found), *found]


def _print(outcome: Outcome, notes: Sequence[str]) -> None:
    figures = f"{outcome.rounds:>3} rounds {outcome.broken:>3} broken {outcome.seconds:>6.1f} s"
    print(f"{outcome.database:<9} {outcome.scenario:<36} {figures}   {'; '.join(notes)}".rstrip(), flush=True)
    for line in list(lines(outcome))[1:]:
        print(line, flush=True)
