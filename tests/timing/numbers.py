"""Numbers that the gate asks about, and how each becomes what its arm is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from securelogin import codes
from securelogin.models import OneTimeCode
from tests.factories import UserFactory

SLOW = "+1213"
"""How numbers begin whose texts take long."""


def route(phone: str) -> str:
    """Return the alias that a number is sent through."""
    return "slow" if phone.startswith(SLOW) else "default"


def number(index: int, *, is_slow: bool = False) -> str:
    """Return a valid number, another one for each index."""
    return f"{SLOW if is_slow else '+1212'}{2_300_000 + index}"


def make_known(phones: Iterable[str]) -> None:
    """Give each number an account."""
    for phone in phones:
        UserFactory(phone=phone)


def make_inactive(phones: Iterable[str]) -> None:
    """Give each number an account that was deactivated."""
    for phone in phones:
        UserFactory(phone=phone, is_active=False)


def make_unknown(_phones: Iterable[str]) -> None:
    """Leave them to nobody."""


def disable(phone: str) -> None:
    """Lock the number's row, as the hundredth failure in a row does."""
    row = _row(phone)
    row.disabled_at = row.touched_at
    row.save(update_fields=["disabled_at"])


def guess_with(right: int) -> Callable[[str], str]:
    """Return what guesses a number's code with so many right digits at the start and none after them."""

    def guess(phone: str) -> str:
        code = _row(phone).code(phone=phone, asker=codes.ANYONE, purpose=codes.Purpose.LOGIN)
        assert code is not None
        return code[:right] + "".join(str((int(digit) + 1) % 10) for digit in code[right:])

    return guess


def _row(phone: str) -> OneTimeCode:
    return OneTimeCode.objects.get(key=codes.row_key(phone, codes.ANYONE))
