"""The notation of the limits, and where they are counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error

from .. import limits
from ..conf import NAME, Conf

SINGLE_SCHEMES = frozenset({"redis", "rediss", "redis+unix"})
CLUSTER_SCHEMES = frozenset({"redis+sentinel", "redis+cluster"})
"""Several addresses with commas between them, each with its port."""

ADDRESSES_HINT = (
    'Write "redis://host:6379/0", "redis+unix:///path", "redis+sentinel://host:26379,…/service" or '
    '"redis+cluster://host:7000,…".'
)

_ADDRESSES = re.compile(r"[^:,\s]+:\d{1,5}(,[^:,\s]+:\d{1,5})*", re.ASCII)


def check_notations(conf: Conf) -> Iterator[CheckMessage]:
    """Report limits that the ``limits`` library cannot read, and those that let nothing through."""
    for name, notation in conf.LIMITS.items():
        if notation is not None and not is_limit(notation):
            yield Error(
                f"{NAME}['LIMITS'][{name!r}] is no limit.",
                hint='Write "20/hour" or "20/hour;100/day", with amounts above 0; None switches a limit off.',
                id="securelogin.E030",
            )


def is_limit(notation: str) -> bool:
    """Whether the text can be read and lets something through."""
    try:
        return all(amount > 0 for amount, _length in limits.parse(notation))
    except ValueError:
        return False


def check_storage(conf: Conf) -> Iterator[CheckMessage]:
    """Report a storage that is unknown, counts for itself in each process, or cannot be reached as it is written."""
    storage = conf.LIMITS_STORAGE
    if storage == "database":
        return
    scheme = storage.partition("://")[0] if "://" in storage else ""
    if scheme == "memory":
        yield Error(
            f"{NAME}['LIMITS_STORAGE'] counts in each process for itself.",
            hint='With four workers every limit is four times as wide. Use "database" or a redis:// address.',
            id="securelogin.E032",
        )
    elif scheme not in SINGLE_SCHEMES | CLUSTER_SCHEMES:
        yield Error(
            f"{NAME}['LIMITS_STORAGE'] is no storage.",
            hint='Use "database" or a redis:// address, which reaches a Valkey server too.',
            id="securelogin.E031",
        )
    elif not _is_address(scheme, storage):
        yield Error(f"{NAME}['LIMITS_STORAGE'] is no address.", hint=ADDRESSES_HINT, id="securelogin.E033")
    elif find_spec("redis") is None:
        yield Error(
            f"{NAME}['LIMITS_STORAGE'] needs the redis package, which is not installed.",
            hint='Run pip install "django-securelogin[redis]".',
            id="securelogin.E034",
        )


def _is_address(scheme: str, storage: str) -> bool:
    try:
        url = urlsplit(storage)
        if scheme in SINGLE_SCHEMES:
            return url.port is None or url.port > 0
    except ValueError:
        return False
    has_service = scheme != "redis+sentinel" or bool(url.path.strip("/"))
    return has_service and _ADDRESSES.fullmatch(url.netloc.rpartition("@")[2]) is not None
