"""SMS backends and routers of a host, each with one way to fail or to serve."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from securelogin.exceptions import SMSNotSent
from securelogin.sms.base import BaseCodeBackend, BaseSMSBackend
from securelogin.sms.locmem import SMSBackend as LocmemBackend

HERE = __name__

MODES = {
    "refused": {"is_definite": True},
    "no such number": {"is_definite": True, "is_numbers_fault": True},
    "blocked number": {"is_numbers_fault": True},
    "time-out": {},
}


class FailingBackend(BaseSMSBackend):
    """Never send; ``OPTIONS["mode"]`` says why."""

    option_names = frozenset({"mode"})

    def send(self, *, to: str, body: str) -> None:
        """Fail as the mode says."""
        mode = self.options["mode"]
        raise SMSNotSent(mode, **MODES[mode])


class SlowBackend(LocmemBackend):
    """Take two seconds for a text."""

    def send(self, *, to: str, body: str) -> None:
        """Wait, then keep the text."""
        time.sleep(2)
        super().send(to=to, body=body)


class BrokenBackend(BaseSMSBackend):
    """Break its promise to raise nothing but ``SMSNotSent``."""

    def send(self, *, to: str, body: str) -> None:
        """Raise what no backend may."""
        raise LookupError("a bug of the host's")


class VerifyingBackend(BaseCodeBackend):
    """A provider that owns the code. It keeps what it was asked, and approves ``RIGHT`` for the newest id."""

    RIGHT: ClassVar[str] = "424242"
    called: ClassVar[list[str]] = []
    started: ClassVar[list[str]] = []
    checked: ClassVar[list[tuple[str, str]]] = []
    meanwhile: ClassVar[Callable[[], object] | None] = None
    """What somebody else does, once, while the provider compares."""

    def start(self, *, to: str) -> str:
        """Return a new id."""
        self.called.append(to)
        self.started.append(f"VE{len(self.started)}")
        return self.started[-1]

    def check(self, *, to: str, provider_id: str, code: str) -> bool:
        """Compare."""
        self.checked.append((provider_id, code))
        is_right = code == self.RIGHT and provider_id == self.started[-1]
        act, type(self).meanwhile = type(self).meanwhile, None
        if act is not None:
            act()
        return is_right

    @classmethod
    def forget(cls) -> None:
        """Start anew."""
        cls.called.clear()
        cls.started.clear()
        cls.checked.clear()
        cls.meanwhile = None


class OvertakenBackend(VerifyingBackend):
    """A provider that takes its time to start, in which ``meanwhile`` happens."""

    def start(self, *, to: str) -> str:
        """Return a new id, late."""
        started = super().start(to=to)
        act, type(self).meanwhile = type(self).meanwhile, None
        if act is not None:
            act()
        return started


class DeafBackend(VerifyingBackend):
    """A provider that takes no start."""

    def start(self, *, to: str) -> str:
        """Time out."""
        raise SMSNotSent("time-out")


asked: list[str] = []


def alternate(phone: str) -> str:
    """Route by turns, as a host does that shares its traffic out."""
    asked.append(phone)
    return ("default", "verify")[(len(asked) - 1) % 2]


def nowhere(phone: str) -> str:
    """Route to an alias that is not configured."""
    return "nowhere"


def sms(name: str, **options: Any) -> dict[str, Any]:
    """Return ``SECURELOGIN["SMS"]`` with one of these as the default."""
    return {"default": {"BACKEND": f"{HERE}.{name}", "OPTIONS": options}}


def to_verify(phone: str) -> str:
    """Route everything to one alias."""
    return "verify"
