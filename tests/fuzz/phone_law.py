"""What holds for every text that is read as a phone number."""

from __future__ import annotations

import re

from securelogin import phones
from securelogin.exceptions import InvalidPhone

REGIONS = (None, "US", "DE", "GB", "AR", "IT", "RU", "BR", "MX", "CN")
SEEDS = (
    *("+12025550143", "tel:+1-202-555-0143", "+1 (202) 555-0143", "(202) 555-0143", "011 1 202 555 0143"),
    *(
        "+4915112345678",
        "00 1 202 555 0143",
        "044 55 1234 5678",
        "011 15 2345 6789",
        "+39 0312345678",
        "+8100660638131905785",
    ),
)
READABLE = re.compile(r"(?:tel:)?[0-9 \u00a0().+-]{1,40}", re.ASCII)
CANONICAL = re.compile(r"\+[1-9][0-9]{4,14}", re.ASCII)


def check(text: str, region: str | None) -> bool:
    """Return whether the text is a number. Raises ``AssertionError`` where the law is broken.

    Nothing but ``InvalidPhone`` is raised. What is accepted was written in ASCII digits and marks, becomes E.164, and
    reads as itself in every region from then on.
    """
    try:
        phone = phones.parse(text, region)
    except InvalidPhone:
        return False
    assert READABLE.fullmatch(text), "accepted what is no digit and no mark"
    assert text.count("+") <= 1, "accepted two plus signs"
    assert CANONICAL.fullmatch(phone), "made something else than E.164"
    assert phones.is_canonical(phone), "made what it would not write"
    assert all(phones.parse(phone, each) == phone for each in {None, region}), "reads its own number as another"
    return True
