"""One whole visit, for whatever carries it: Django's test client or real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable

PHONE = "+12025550123"

Answer = tuple[int, dict[str, str]]
Post = Callable[[str, dict[str, str], str], Answer]
"""Posts JSON to a route under ``/api/auth/`` with a bearer token, which may be empty; gives status and body."""

STATUSES = [
    ("register", 200),
    ("login", 200),
    ("verify_sms", 200),
    ("op", 200),
    ("refresh", 200),
    ("op", 200),
    ("logout", 200),
    ("op", 401),
]
"""What ``walk`` returns where all is well."""


def walk(post: Post, read_text: Callable[[], str]) -> list[tuple[str, int]]:
    """Go from the registration to the logout and one step beyond; returns each route with its status.

    ``read_text`` gives the last text that was sent. The number must not have been here before.
    """
    steps: list[tuple[str, int]] = []

    def call(route: str, body: dict[str, str], token: str = "") -> dict[str, str]:
        status, answer = post(route, body, token)
        steps.append((route, status))
        return answer

    call("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE})
    userid = call("login", {"auth_type": "PHONE", "phone": PHONE})["userid"]
    tokens = call("verify_sms", {"userid": userid, "phone": PHONE, "token": read_code(read_text())})
    call("op", {}, tokens["access_token"])
    tokens = call("refresh", {}, tokens["refresh_token"])
    call("op", {}, tokens["access_token"])
    call("logout", {}, tokens["access_token"])
    call("op", {}, tokens["access_token"])
    return steps


def read_code(text: str) -> str:
    """Find the six digits in a text, or the eight while strangers guess at the whole site."""
    found = re.search(r"\b\d{6}(?:\d\d)?\b", text)
    assert found, "no code in the text"
    return found[0]
