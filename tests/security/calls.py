"""Calls of a stranger who chooses number, address and headers, to a host with settings for one test."""

from __future__ import annotations

from typing import Any

from securelogin import codes
from securelogin.conf import DEFAULT_LIMITS
from securelogin.models import OneTimeCode
from securelogin.sms.locmem import outbox
from tests.api.visitor import Visitor, derived_id
from tests.visits import PHONE

NO_LIMITS: dict[str, str | None] = dict.fromkeys(DEFAULT_LIMITS)
ROOM_TO_SEND: dict[str, Any] = {
    "LIMITS": NO_LIMITS,
    "RESEND_PAUSES": (),
    "SENDS_PER_HOUR": 10_000,
    "SENDS_PER_DAY": 10_000,
}
"""A host that sends as many codes as are asked for; what guards the guesses is as it was."""

ADDRESS = "192.0.2.1"


def configure(settings: Any, **keys: Any) -> None:
    """Change keys of ``SECURELOGIN``."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, **keys}


def ask(phone: str = PHONE, *, address: str = ADDRESS, **headers: Any) -> Any:
    """Ask for a code; ``headers`` are named as in ``META``."""
    body = {"auth_type": "PHONE", "phone": phone}
    return Visitor().post("login", body, REMOTE_ADDR=address, **headers)


def guess(code: Any, phone: str = PHONE, *, userid: str = "", address: str = ADDRESS, **headers: Any) -> Any:
    """Try a code, by default with the id that stands for the number."""
    body = {"userid": userid or derived_id(phone), "phone": phone, "token": code}
    return Visitor().post("verify_sms", body, REMOTE_ADDR=address, **headers)


def number(index: int) -> str:
    """Return one of 800 numbers, each in a range of its own."""
    return f"+1212{2_000_000 + index * 10_000 + index}"


def row_of(phone: str = PHONE) -> OneTimeCode:
    """Read the row that strangers share."""
    return OneTimeCode.objects.get(key=codes.row_key(phone, codes.ANYONE))


def sent_to(phone: str) -> str:
    """Read the code, of whatever length, that the number was sent last."""
    return [text.body for text in outbox if text.to == phone][-1].split()[0]


def computed(phone: str = PHONE) -> str:
    """Compute the code of the strangers' row, sent or not."""
    code = row_of(phone).code(phone=phone, asker=codes.ANYONE, purpose=codes.Purpose.LOGIN)
    assert code is not None
    return code
