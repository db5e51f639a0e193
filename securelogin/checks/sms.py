"""The SMS backends, the way to them, and the last line of their texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.core.checks import CheckMessage, Error

from .. import sms
from ..conf import NAME, Conf
from ..models import OneTimeCode

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", re.ASCII | re.IGNORECASE)


def check_router() -> Iterator[CheckMessage]:
    """Report a router that cannot be had, or the want of one. Reads the settings itself."""
    for problem in sms.find_router_problems():
        yield Error(problem.message, hint=problem.hint, id="securelogin.E055")


def check_backends(conf: Conf) -> Iterator[CheckMessage]:
    """Report backends that cannot be had and ``OPTIONS`` that cannot work. They read the settings themselves."""
    for alias in conf.SMS:
        for problem in sms.find_problems(alias):
            yield Error(problem.message, hint=problem.hint, id="securelogin.E056")


def check_aliases(conf: Conf) -> Iterator[CheckMessage]:
    """Report aliases that the row of a code has no room for."""
    room = OneTimeCode._meta.get_field("provider").max_length or 0
    for alias in conf.SMS:
        if not 1 <= len(alias) <= room:
            yield Error(
                f"{NAME}['SMS'] has an alias of {len(alias)} characters.",
                hint=f"It is kept with each code: give it a name of 1 to {room} characters.",
                id="securelogin.E057",
            )


def check_origin(conf: Conf) -> Iterator[CheckMessage]:
    """Report an origin that phones would not take for a host (WICG, Origin-bound one-time codes, section 3.2)."""
    if conf.SMS_ORIGIN is not None and not _HOST.fullmatch(conf.SMS_ORIGIN):
        yield Error(
            f"{NAME}['SMS_ORIGIN'] is not a host.",
            hint='Write the bare name, such as "login.example.com": no scheme, port, path or "@", and an international '
            'name in its ASCII form ("xn--…"). None leaves the line out.',
            id="securelogin.E058",
        )
