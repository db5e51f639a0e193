"""Plays a cell, once Django is set up: serves each variant of the host, plays its parts, keeps what they showed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connections

from tests.databases import Server
from tests.races.report import Outcome, lines, write
from tests.races.servers import WORKERS, environment, serve
from tests.races.stage import PREFIX, Outbox, Stuck, Tokens, benchmark_addresses, fictional_numbers
from tests.sms import fake_twilio

from . import parts, providers
from .cell import Options
from .parts import Part, Round
from .stage import CrashStage

CLIENTS = 16
MANY_CLIENTS = 64
"""Where a provider hangs the server has that many threads, more than calls."""


def play(options: Options, database: Server | None, valkey: Server) -> None:
    """Play what the options say and write the outcomes into the folder."""
    cell = Cell(options, database, valkey)
    for variant, chosen in (parts.storm(options.chaos) if options.chaos else parts.everything(options)).items():
        cell.play(variant, chosen)
    if options.has_providers and not options.chaos:
        for variant in ("inline", "thread"):
            with fake_twilio.serve() as provider:
                cell.outbox = providers.Inbox(provider)
                cell.play(variant, parts.with_provider(variant, provider), provider=provider.url)
    write(options.folder / "outcomes.json", cell.outcomes)


@dataclass
class Cell:
    """One database with its servers, and everything that was found on it."""

    options: Options
    database: Server | None
    valkey: Server
    outcomes: list[Outcome] = field(default_factory=list)
    ended: list[Tokens] = field(default_factory=list)
    kept: list[Tokens] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.options.folder / "sms")
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
        clients = MANY_CLIENTS if provider else CLIENTS
        env = environment(
            "tests.crashes.settings",
            CRASHES_VARIANT=variant,
            CRASHES_POINTS="on",
            CRASHES_SPLIT="on" if self.options.is_split else "",
            CRASHES_PROVIDER=provider,
            GUNICORN_CMD_ARGS=f"--preload --threads {clients // WORKERS}",
        )
        log = self.options.folder / f"{variant}.log"
        with serve("tests.crashes.wsgi", env=env, log=log, path=f"{PREFIX}op", clients=clients) as address:
            yield CrashStage(
                address=address,
                outbox=self.outbox,
                events=self.options.folder / "events",
                numbers=self.numbers,
                addresses=self.addresses,
                clients=CLIENTS,
                database=self.database,
                valkey=self.valkey,
                ended=self.ended,
                kept=self.kept,
            )

    def _play(self, stage: CrashStage, part: Part) -> Outcome:
        """Play the rounds of a part and say what they showed."""
        began = time.monotonic()
        violations: list[str] = []
        broken = number = 0
        for number, round_ in enumerate(part.rounds(stage), 1):
            found = _play_round(stage, round_)
            broken += bool(found)
            violations += [f"round {number} ({time.strftime('%H:%M:%S')}): {each}" for each in found]
        outcome = Outcome(
            database=self.options.database,
            atomic=False,
            scenario=part.name,
            rounds=number,
            broken=broken,
            violations=violations,
            requests=sum(stage.sizes),
            seconds=round(time.monotonic() - began, 3),
            workers=stage.workers_per_burst,
        )
        _print(outcome, stage.notes)
        stage.notes.clear()
        return outcome


def _play_round(stage: CrashStage, round_: Round) -> list[str]:
    """Play one round; what kept it from being played is a violation too."""
    stage.found = []
    try:
        found = round_(stage)
    except Stuck as error:
        found = [f"not played: {error}"]
    finally:
        connections.close_all()
    return [*dict.fromkeys(stage.found), *found]


def _print(outcome: Outcome, notes: Sequence[str]) -> None:
    figures = f"{outcome.rounds:>3} rounds {outcome.broken:>3} broken {outcome.seconds:>6.1f} s"
    print(f"{outcome.database:<9} {outcome.scenario:<30} {figures}   {'; '.join(notes)}".rstrip(), flush=True)
    for line in list(lines(outcome))[1:]:
        print(line, flush=True)
