"""Killing under whole visits: a worker every two seconds, the database twice, Valkey twice and emptied once."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

from django.contrib.auth import get_user_model

from securelogin import codes
from securelogin.models import OneTimeCode, Session
from tests.databases import Server
from tests.races.bursts import Call, send
from tests.races.calls import PREFIX
from tests.races.judges import TRY_AGAIN

from . import invariants, revocations
from .stage import CrashStage
from .visitors import Trouble, Visitor, World

VISITORS = 8
KILL_EVERY = 2.0
DOWN = 2.0
"""Seconds that a server stays down."""

SETTLE = 5.0
"""Seconds after it is back in which a worker may still find out that it was away."""

JOIN_SECONDS = 200.0
Window = tuple[float, float]


@dataclass
class Storm:
    """What is killed, and when the database was away (monotonic)."""

    stage: CrashStage
    kills: int = 0
    windows: list[Window] = field(default_factory=list)
    is_over: Event = field(default_factory=Event)

    def kill_workers(self) -> None:
        """Kill a worker every two seconds: the one that answered a call just now."""
        while not self.is_over.wait(KILL_EVERY):
            try:
                answer = send(self.stage.address, [Call("GET", f"{PREFIX}op")])[0]
            except OSError:
                continue
            if answer.worker:
                os.kill(int(answer.worker), signal.SIGKILL)
                self.kills += 1

    def rage(self, seconds: float) -> None:
        """Kill workers for so long, and servers at set times meanwhile."""
        began = time.monotonic()
        killer = Thread(target=self.kill_workers, daemon=True)
        killer.start()
        valkey, database = self._crasher(self.stage.valkey), self._away
        events = [(0.15, valkey), (0.3, database), (0.5, self._flush), (0.65, valkey), (0.8, database)]
        for share, event in events:
            time.sleep(max(0.0, began + share * seconds - time.monotonic()))
            event()
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        self.is_over.set()
        killer.join()

    def _crasher(self, server: Server | None) -> Callable[[], None]:
        def crash() -> None:
            if server is not None:
                server.crash()
                time.sleep(DOWN)
                server.start()

        return crash

    def _away(self) -> None:
        if self.stage.database is None:
            return
        began = time.monotonic()
        self._crasher(self.stage.database)()
        self.windows.append((began, time.monotonic() + SETTLE))

    def _flush(self) -> None:
        self.stage.redis().flushall()


def play(stage: CrashStage, *, seconds: float) -> list[str]:
    """Let people visit while all is killed; then nothing may be wrong, and everyone has what was promised."""
    world = World(stage.address, stage.outbox, stage.numbers, stage.addresses)
    visitors = [Visitor(world, number) for number in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    storm = Storm(stage)
    storm.rage(seconds)
    world.is_over.set()
    for visitor in visitors:
        visitor.join(JOIN_SECONDS)
    found = [f"{visitor.name} never came back" for visitor in visitors if visitor.is_alive()]
    found += world.violations + unexpected(world.troubles, storm.windows) + invariants.violations()
    found += _accounts(world)
    stage.ended += world.ended
    stage.kept += world.kept
    found += revocations.look_once(stage)
    _note(stage, world, storm)
    return found


def unexpected(troubles: list[Trouble], windows: list[Window]) -> list[str]:
    """Return the answers with a 5xx that no lost database explains; in its absence only "try again" is one."""
    return [
        f"{trouble.face}, {'with' if is_away else 'without'} a lost database"
        for trouble in troubles
        if not (is_away := any(trouble.began <= end and trouble.ended >= start for start, end in windows))
        or not trouble.face.endswith(TRY_AGAIN)
    ]


def _accounts(world: World) -> list[str]:
    """Compare what the people know with the tables: (a), (b), (e), (f) of the requirements."""
    users = Counter(get_user_model()._default_manager.values_list("phone", flat=True))
    sessions = Counter(Session.objects.values_list("user__phone", flat=True))
    failures = dict(OneTimeCode.objects.values_list("key", "failures_in_day"))
    live: dict[str | None, set[str]] = defaultdict(set)
    for phone, session_id in Session.objects.live().values_list("user__phone", "pk"):
        live[phone].add(str(session_id))
    found = []
    for phone, record in world.records.items():
        if users[phone] > 1 or sessions[phone] > record.codes:
            found.append(f"{users[phone]} users and {sessions[phone]} sessions by {record.codes} codes")
        if failures.get(codes.row_key(phone, codes.ANYONE), 0) < record.refusals:
            found.append(f"fewer failures than the {record.refusals} that were told")
        if risen := record.ended & live[phone]:
            found.append(f"{len(risen)} ended sessions are live")
        if lost := record.live - live[phone]:
            found.append(f"{len(lost)} sessions are gone that nobody ended")
    return found


def _note(stage: CrashStage, world: World, storm: Storm) -> None:
    answers = ", ".join(f"{number}x {face}" for face, number in sorted(world.faces.items()))
    outages = ", ".join(f"{end - start - SETTLE:.1f} s" for start, end in storm.windows) or "none"
    stage.notes += [
        f"{storm.kills} workers killed, {len(world.records)} people, {sum(world.faces.values())} calls",
        f"database away: {outages}",
        answers,
    ]
