"""The regions that numbers are read in and that codes are sent to."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error

from .. import phones
from ..conf import NAME, Conf

HINT = 'Write two capital letters of ISO 3166-1, such as "DE"; the United Kingdom is "GB".'


def check_regions(conf: Conf) -> Iterator[CheckMessage]:
    """Report regions that no number is known for, and a list without any."""
    if conf.DEFAULT_REGION is not None and not phones.is_region(conf.DEFAULT_REGION):
        yield Error(f"{NAME}['DEFAULT_REGION'] is no region.", hint=HINT, id="securelogin.E050")
    if conf.ALLOWED_REGIONS is None:
        return
    unknown = [region for region in conf.ALLOWED_REGIONS if not phones.is_region(region)]
    if unknown:
        named = ", ".join(map(repr, unknown))
        yield Error(f"{NAME}['ALLOWED_REGIONS'] names no region by {named}.", hint=HINT, id="securelogin.E051")
    if not conf.ALLOWED_REGIONS:
        yield Error(
            f"{NAME}['ALLOWED_REGIONS'] is empty: no number is sent a code.",
            hint="Name the regions where your users live; None allows all.",
            id="securelogin.E052",
        )
