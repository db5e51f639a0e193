"""Let everyone at the same users at once for a while, in one cell. ``python -m tests.races --mixed`` calls this."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection

from securelogin.models import Session

from ... import judges
from ...bursts import Address
from ...house import CellCommand, Host, House
from ...mixed.cleaning import Cleaner, Time
from ...mixed.staff import Staff
from ...mixed.traffic import Caller, Visitor
from ...report import Outcome, lines, write

USERS = 3
VISITORS = 4
"""Devices of each user."""

STAFF = 2
REST = 0.05
"""Seconds between two runs of those who only write into the tables."""


class Command(CellCommand):
    """Mixes logout of the others, refreshes, logins, the admin's edits and clearing on the same three users."""

    help = "Mix traffic against the example project on this database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what ``python -m tests.races`` passes on."""
        super().add_arguments(parser)
        parser.add_argument("--seconds", type=float, required=True)

    def play(self, house: House, options: dict[str, Any]) -> None:
        """Serve, mix, and write the outcome into the folder."""
        with house.serve(Host("mixed")) as address:
            outcome = _mix(house, address, options["seconds"])
        for line in lines(outcome):
            self.say(line)
        write(house.folder / "outcomes.json", [outcome])


def _mix(house: House, address: Address, seconds: float) -> Outcome:
    phones = [next(house.numbers) for _ in range(USERS)]
    users = {get_user_model()._default_manager.create_user(phone=phone).pk: phone for phone in phones}
    callers: list[Caller] = [Visitor(address, phone) for phone in phones for _ in range(VISITORS)]
    callers += [Staff.hired(address, users, next(house.numbers)) for _ in range(STAFF)]
    cleaner = Cleaner(house.cell.is_patient)
    began = time.monotonic()
    broken = _run([each.act for each in callers], [cleaner.act, Time(phones).act], began + seconds)
    samples = [sample for caller in callers for sample in caller.samples]
    faces = Counter(f"{sample.name} {sample.answer.face}" for sample in samples)
    faces["clear_securelogin"] = cleaner.runs
    violations = judges.mixed(
        samples, [*broken, *cleaner.broken], half_ended=_half_ended(), is_patient=house.cell.is_patient
    )
    return Outcome(
        database=house.cell.database,
        isolation=house.cell.isolation,
        atomic=house.cell.is_atomic,
        scenario="mixed",
        rounds=1,
        broken=int(bool(violations)),
        violations=violations,
        requests=len(samples),
        seconds=round(time.monotonic() - began, 3),
        workers=len({sample.answer.worker for sample in samples}),
        faces=dict(faces),
        slow=round(judges.percentile([sample.seconds for sample in samples], 99), 3),
    )


def _run(busy: Sequence[Callable[[], None]], calm: Sequence[Callable[[], None]], end: float) -> list[str]:
    """Repeat each doing in a thread of its own until the end; return what broke."""
    with ThreadPoolExecutor(len(busy) + len(calm)) as pool:
        jobs = [pool.submit(_repeat, do, rest, end) for doings, rest in ((busy, 0), (calm, REST)) for do in doings]
    return [f"{type(error).__name__}: {error}" for job in jobs if (error := job.exception()) is not None]


def _repeat(do: Callable[[], None], rest: float, end: float) -> None:
    try:
        while time.monotonic() < end:
            do()
            time.sleep(rest)
    finally:
        connection.close()


def _half_ended() -> int:
    return Session.objects.exclude(ended_at=None).filter(token__blacklistedtoken=None).count()
