"""What is played on each variant of the host, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import connection

from tests.sms.fake_twilio import FakeTwilio

from . import chaos, invariants, losses, providers, revocations
from .cells import Options
from .drills import Facts
from .stage import CrashStage, Weapon, fail_point
from .steps import DRILLS, Drill
from .strace import Strace

Round = Callable[[CrashStage], list[str]]

MOST_SYSTEM_CALLS = 60
"""System calls of one request at which it is struck down at most; none of ours makes that many."""

SURE_SYSTEM_CALLS = 2
"""System calls that every request makes: the database is asked, and the client answered."""


@dataclass(frozen=True)
class Part:
    """A name, and the rounds under it. They are asked for one by one, each when the one before was played."""

    name: str
    rounds: Callable[[CrashStage], Iterable[Round]]


def once(name: str, round_: Round) -> Part:
    """Return a part of one round."""
    return Part(name, lambda _stage: [round_])


def everything(options: Options) -> Mapping[str, Sequence[Part]]:
    """Return the parts of each variant, but for the provider's."""
    system_calls = [_system_calls(drill) for drill in DRILLS if drill.variant == "wide"]
    away = [
        *(once(name, loss) for name, loss in losses.LOSSES[connection.vendor].items()),
        once("invariants", lambda _stage: invariants.violations()),
    ]
    return {
        "wide": [
            *_fail_points("wide", options.kills),
            *(system_calls if options.has_strace else []),
            once("closed-sockets", losses.closed_sockets),
            once("revoked", revocations.revoke),
        ],
        "strict": [
            once("revoked-restarted", revocations.look_after_restart),
            *_fail_points("strict", options.kills),
            once("redis-guesses", losses.guess_attack),
            once("redis-limit", losses.limit_attack),
            once("redis-flushed", losses.flushed),
            *(away if connection.vendor != "sqlite" else ()),
        ],
        "impatient": away if connection.vendor == "sqlite" else [],
    }


def names() -> set[str]:
    """Return the names of all that can be played, on whatever database."""
    options = Options(database="sqlite", has_strace=True)
    played = [*everything(options).values(), *storm(0.0).values()]
    played += [with_provider(variant, FakeTwilio()) for variant in ("inline", "thread")]
    lost = {name for losses_ in losses.LOSSES.values() for name in losses_}
    return lost | {part.name for chosen in played for part in chosen}


def storm(seconds: float) -> Mapping[str, Sequence[Part]]:
    """Return the parts of a chaos run."""
    return {
        "chaos": [once("chaos", partial(chaos.play, seconds=seconds))],
        "strict": [once("chaos-restarted", revocations.look_after_restart)],
    }


def with_provider(variant: str, provider: FakeTwilio) -> Sequence[Part]:
    """Return the parts that a provider on loopback takes part in."""
    drills = {"garbage": providers.garbage, "hanging": providers.hanging}
    return [
        once(f"provider-{name}-{variant}", partial(drill, provider=provider, is_inline=variant == "inline"))
        for name, drill in drills.items()
    ]


def _prepared(rounds: Iterable[Round], _stage: CrashStage) -> Iterable[Round]:
    return rounds


def _fail_points(variant: str, kills: int) -> Iterator[Part]:
    for drill in DRILLS:
        if drill.variant == variant:
            for step, facts in drill.steps.items():
                rounds = [_strike(drill, facts, fail_point(step), step=step)] * kills
                yield Part(f"{drill.name}:{step}", partial(_prepared, rounds))


def _system_calls(drill: Drill) -> Part:
    """Strike at each system call, until the call was answered before the k-th one came."""

    def rounds(stage: CrashStage) -> Iterator[Round]:
        for number in range(1, MOST_SYSTEM_CALLS + 1):
            weapon = Strace(number, [int(worker) for worker in stage.workers_now()])
            yield _strike(drill, {}, weapon, may_survive=number > SURE_SYSTEM_CALLS)
            if stage.survived:
                return

    return Part(f"strace:{drill.name}", rounds)


def _strike(drill: Drill, facts: Facts, weapon: Weapon, *, step: str = "", may_survive: bool = False) -> Round:
    def play(stage: CrashStage) -> list[str]:
        stage.weapon, stage.step, stage.may_survive = weapon, step, may_survive
        return drill.play(stage, facts)

    return play
