"""The token readers, led by coverage: ``python -m tests.fuzz.tokens --seconds 60``.

Half of the inputs are texts, made from good tokens; the other half are payloads that get a good signature, so that
the fuzzer comes to what stands behind it.
"""

from __future__ import annotations

import json
import os
import sys

import atheris
import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

with atheris.instrument_imports(include=["securelogin.tokens", "securelogin.keys", "jwt"]):
    django.setup()
    from tests.fuzz import led, token_law
    from tests.tokens.tickets import claims, refresh_claims, sign

TEXT, CHANGED, SIGNED = range(3)
GOOD = token_law.good_texts()


def test_one(data: bytes) -> None:
    """Read the first byte as what to do with the rest."""
    if len(data) < 2:
        return
    kind, number, rest = data[0] % 3, data[1], data[2:]
    if kind == SIGNED:
        token_law.check_signed(sign(rest))
        return
    text = rest.decode("utf-8", "surrogateescape")
    if kind == CHANGED:
        good = GOOD[number % len(GOOD)]
        place, gone = number * len(good) // 255, len(text) % 7
        text = good[:place] + text + good[place + gone :]
    token_law.check(text, GOOD)


if __name__ == "__main__":
    texts = [bytes([TEXT, 0]) + good.encode() for good in GOOD]
    changed = [
        bytes([CHANGED, number]) + added for number in range(0, 256, 5) for added in (b"", b"=", b"A", b".", b":")
    ]
    signed = [bytes([SIGNED, 0]) + json.dumps(each).encode() for each in (claims(), refresh_claims(), {})]
    led.run("tokens", test_one, [*texts, *changed, *signed], sys.argv[1:])
