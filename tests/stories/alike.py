"""Numbers of every kind, and all that a stranger can see of the answers about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import time_machine

from securelogin import codes
from securelogin.conf import CHOICES
from securelogin.models import OneTimeCode
from tests.api.visitor import Visitor, derived_id, wrong
from tests.factories import UserFactory

TODAY = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
LONG_AGO = TODAY - timedelta(days=40)
DAY, HOUR, MINUTE, SECOND = (timedelta(**{unit: 1}) for unit in ("days", "hours", "minutes", "seconds"))

WRONG_CODE = "400 SMSVerifyFailure"

MODES = CHOICES["SIGNUP"]
"""The values of ``SIGNUP``."""


def _unknown(phone: str) -> None:
    """Nobody has it."""


def _known(phone: str) -> None:
    UserFactory(phone=phone)


def _inactive(phone: str) -> None:
    UserFactory(phone=phone, is_active=False)


def _staff(phone: str) -> None:
    UserFactory(phone=phone, is_staff=True, is_superuser=True)


def _closed(phone: str) -> None:
    user = UserFactory(phone=phone)
    user.phone = None
    user.save(update_fields=["phone"])


def _recycled(phone: str) -> None:
    _closed(phone)
    _known(phone)


def _registered(phone: str) -> None:
    """A name was left today; with ``SIGNUP="closed"`` even that is refused."""
    Stranger(phone, "203.0.113.7").register()


def _returning(phone: str) -> None:
    """Logged in 40 days ago, so that the row of codes is an old one."""
    with time_machine.travel(LONG_AGO, tick=False):
        UserFactory(phone=phone)
        visitor = Visitor()
        visitor.ask(phone, REMOTE_ADDR="203.0.113.8")
        visitor.guess(right_code(phone), userid=derived_id(phone), phone=phone)


KINDS: Mapping[str, Callable[[str], None]] = {
    "unknown": _unknown,
    "known": _known,
    "inactive": _inactive,
    "staff": _staff,
    "closed": _closed,
    "recycled": _recycled,
    "registered": _registered,
    "returning": _returning,
}
"""What a number can be, and how it becomes that. Nobody but its owner may find out."""


def strangers() -> Mapping[str, Stranger]:
    """Give each kind a number in a range of its own, and a stranger with an address of their own."""
    found = {}
    for index, (kind, prepare) in enumerate(KINDS.items()):
        found[kind] = Stranger(f"+1212{230 + index}0143", f"198.51.100.{index + 1}")
        prepare(found[kind].phone)
    return found


def change(settings: Any, **keys: Any) -> None:
    """Change keys of ``SECURELOGIN`` for one test."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, **keys}


@dataclass(frozen=True)
class Face:
    """An answer as a stranger sees it, with the number's own fields masked. ``length`` is the body's, unmasked."""

    step: str
    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]
    cookies: str
    body: str
    length: int

    @property
    def told(self) -> str:
        """Status and, of a refusal, its reason."""
        reason = self.body.partition('"failure_reason":"')[2].partition('"')[0]
        return f"{self.status} {reason}".strip()


def face_of(step: str, answer: Any, phone: str) -> Face:
    """Look at an answer. The user id has to be the one that follows from the number alone."""
    text = answer.content.decode()
    return Face(
        step=step,
        status=answer.status_code,
        phrase=answer.reason_phrase,
        headers=tuple((name, value) for name, value in answer.items() if name != "Date"),
        cookies=answer.cookies.output(),
        body=text.replace(phone, "<phone>").replace(derived_id(phone), "<userid>"),
        length=len(answer.content),
    )


@dataclass
class Stranger:
    """Somebody who knows a number and nothing else, and remembers every answer."""

    phone: str
    address: str
    faces: list[Face] = field(default_factory=list)
    visitor: Visitor = field(default_factory=Visitor)

    def register(self) -> Face:
        """Register the number."""
        return self._post("register", {"auth_type": "PHONE", "username": "Mallory", "phone": self.phone})

    def ask(self, route: str = "login", **body: Any) -> Face:
        """Ask for a code."""
        return self._post(route, {"auth_type": "PHONE", "phone": self.phone, **body})

    def guess(self, code: str, *, userid: str | None = None, **body: Any) -> Face:
        """Try a code."""
        userid = userid or derived_id(self.phone)
        return self._post("verify_sms", {"userid": userid, "phone": self.phone, "token": code, **body})

    def fail(self, times: int = 1) -> None:
        """Try so many wrong codes."""
        for _ in range(times):
            self.guess(wrong(right_code(self.phone)))

    def _post(self, route: str, body: dict[str, Any]) -> Face:
        answer = self.visitor.post(route, body, REMOTE_ADDR=self.address)
        self.faces.append(face_of(route, answer, self.phone))
        return self.faces[-1]


def row_of(phone: str) -> OneTimeCode:
    """Read the strangers' row of a number."""
    return OneTimeCode.objects.get(key=codes.row_key(phone, codes.ANYONE))


def right_code(phone: str) -> str:
    """Compute the code in the strangers' row, also one that was never sent."""
    code = row_of(phone).code(phone=phone, asker=codes.ANYONE, purpose=codes.Purpose.LOGIN)
    assert code is not None
    return code


def disable(phone: str) -> None:
    """Write into the strangers' row what the hundredth failure in a row writes."""
    row = row_of(phone)
    row.disabled_at = row.touched_at
    row.save(update_fields=["disabled_at"])
