"""The daily job in a loop, and the time that passes for it: rows are made as old as it wants them, one by one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from django.core.management import call_command
from django.db import DatabaseError
from django.utils import timezone

from securelogin import codes
from securelogin.exceptions import Unavailable
from securelogin.models import OneTimeCode, Session
from securelogin.models.sessions import KEEP_ENDED
from securelogin.phones import E164
from securelogin.services.transactions import with_retries

BATCH = 5
DAYS = timedelta(days=2)
SHARE = 0.05


@dataclass
class Cleaner:
    """Runs ``clear_securelogin`` in small batches; ``busy`` counts the runs that the database turned away."""

    is_patient: bool
    runs: int = 0
    busy: int = 0
    broken: list[str] = field(default_factory=list)

    def act(self) -> None:
        """Clear once."""
        self.runs += 1
        try:
            call_command("clear_securelogin", batch_size=BATCH, verbosity=0, skip_checks=True)
        except Unavailable:
            self.busy += 1
            if not self.is_patient:
                self.broken.append("clear_securelogin was turned away")
        except DatabaseError as error:
            self.broken.append(f"clear_securelogin: {error}")


@dataclass
class Time:
    """Makes ended sessions and the strangers' rows older than they are."""

    phones: Sequence[E164]
    random: random.Random = field(default_factory=random.Random)

    def act(self) -> None:
        """Let time pass for some sessions, and now and then for a number."""
        now = timezone.now()
        young = Session.objects.filter(ended_at__gt=now - KEEP_ENDED)
        for pk in list(young.values_list("pk", flat=True)[:BATCH]):
            one = Session.objects.filter(pk=pk)
            with_retries(partial(one.update, ended_at=now - KEEP_ENDED - DAYS))
        if self.random.random() < SHARE:  # a code that is on its way dies by it
            rows = OneTimeCode.objects.filter(key=codes.row_key(self.random.choice(self.phones), codes.ANYONE))
            with_retries(partial(rows.update, touched_at=now - DAYS, expires_at=now - DAYS))
