"""The pairs of arms that must not be told apart, and the two that say whether the machine can tell at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from securelogin import phones
from tests.races.bursts import Call

from . import numbers
from .middleware import HEADER
from .modes import MODES, ONE_MODE
from .verdicts import DELAYED, SAME

PREFIX = "/api/auth/"


@dataclass(frozen=True)
class Arm:
    """One kind of call about one kind of number. The calls of both arms of a pair are equally long."""

    route: str
    prepare: Callable[[Iterable[str]], None] = numbers.make_known
    is_slow: bool = False
    is_delayed: bool = False
    is_locked: bool = False
    right_digits: int = 0

    def call(self, phone: str) -> Call:
        """Prepare the call about a number, whose code was asked for."""
        body: dict[str, Any] = {"phone": phone}
        if self.route == "verify_sms":
            body |= {"userid": str(phones.user_ids(phones.parse(phone))[0])}
            body |= {"token": numbers.guess_with(self.right_digits)(phone)}
        else:
            body |= {"auth_type": "PHONE", "username": "Mallory"}
        headers = {"Connection": "keep-alive", HEADER: "1" if self.is_delayed else "0"}
        return Call("POST", PREFIX + self.route, body, headers=headers)


@dataclass(frozen=True)
class Pair:
    """Two arms, served in these ``modes`` of signing up; what the answers tell anyhow is not judged: ``is_told``."""

    name: str
    arms: tuple[Arm, Arm]
    modes: tuple[str, ...] = MODES
    is_told: bool = False


KNOWN, UNKNOWN, INACTIVE = numbers.make_known, numbers.make_unknown, numbers.make_inactive

CONTROLS = (
    Pair(SAME[0], (Arm("login"), Arm("login"))),
    Pair(SAME[1], (Arm("verify_sms"), Arm("verify_sms"))),
    Pair(DELAYED, (Arm("login"), Arm("login", is_delayed=True))),
)
PAIRS = (
    Pair("login: known, unknown", (Arm("login", KNOWN), Arm("login", UNKNOWN))),
    Pair("login: active, inactive", (Arm("login", KNOWN), Arm("login", INACTIVE))),
    Pair("register: known, unknown", (Arm("register", KNOWN), Arm("register", UNKNOWN))),
    Pair("verify: known, unknown", (Arm("verify_sms", KNOWN), Arm("verify_sms", UNKNOWN))),
    Pair("verify: active, inactive", (Arm("verify_sms", KNOWN), Arm("verify_sms", INACTIVE))),
    Pair("verify: open, locked", (Arm("verify_sms"), Arm("verify_sms", is_locked=True)), ONE_MODE, is_told=True),
    Pair("verify: no, five right digits", (Arm("verify_sms"), Arm("verify_sms", right_digits=5)), ONE_MODE),
    Pair("login: quick, slow provider", (Arm("login"), Arm("login", is_slow=True)), ONE_MODE),
)


def chosen(names: Iterable[str], mode: str) -> list[Pair]:
    """Return the pairs of these names, or all, that are served in this mode. Raises ``KeyError``."""
    known = {pair.name: pair for pair in PAIRS}
    return [pair for pair in [known[name] for name in names] or PAIRS if mode in pair.modes]
