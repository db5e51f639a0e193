"""What a stage uses up: numbers and addresses that nobody used yet, and messages that nobody read yet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path

from securelogin import phones
from securelogin.exceptions import InvalidPhone, PhoneNotAllowed
from securelogin.phones import E164

CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


class Stuck(Exception):
    """A call that only prepares a round was not answered with 200; the message holds the face of the answer."""


class Lines:
    """A file that one JSON object a line is appended to: messages by the ``filebased`` backend, announcements by us."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0

    def new(self) -> list[Mapping[str, str]]:
        """Return what was appended since the last call."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            content = file.read()
        self.offset += len(content)
        return [json.loads(line) for line in content.splitlines()]


def read_code(message: Mapping[str, str]) -> str:
    """Read the code out of a message; raises ``Stuck``."""
    codes = CODE.findall(message["body"])
    if len(codes) != 1:
        raise Stuck(f"a message holds {len(codes)} codes")
    return str(codes[0])


def fictional_numbers() -> Iterator[E164]:
    """Yield the numbers that North America keeps for fiction, 555-0100 to 555-0199 of each area code: about 42,000."""
    for line in range(100, 200):
        for area in range(201, 990):
            try:
                phone = phones.parse(f"+1{area}5550{line}")
                phones.check_policy(phone, None)
            except (InvalidPhone, PhoneNotAllowed):
                continue
            yield phone


def benchmark_addresses() -> Iterator[str]:
    """Yield the addresses kept for benchmarks, 198.18.0.0/15 (RFC 2544), then begin again."""
    first = int(IPv4Address("198.18.0.0"))
    while True:
        for number in range(1, 2**17):
            yield str(IPv4Address(first + number))
