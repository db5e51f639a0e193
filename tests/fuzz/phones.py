"""The phone parser, led by coverage: ``python -m tests.fuzz.phones --seconds 60``."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["securelogin", "phonenumbers"]):
    from tests.fuzz import led, phone_law


def test_one(data: bytes) -> None:
    """Read the first byte as a region, the rest as text: in UTF-8, lone surrogates too, or byte for byte."""
    if not data:
        return
    region = phone_law.REGIONS[data[0] % len(phone_law.REGIONS)]
    is_latin = data[0] >= 128
    text = data[1:].decode("latin-1") if is_latin else data[1:].decode("utf-8", "surrogateescape")
    phone_law.check(text, region)


if __name__ == "__main__":
    numbered = range(len(phone_law.REGIONS))
    seeds = [bytes([number]) + seed.encode() for seed in phone_law.SEEDS for number in numbered]
    led.run("phones", test_one, seeds, sys.argv[1:])
