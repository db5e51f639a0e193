"""What strangers send is refused before it costs anything (OWASP ASVS 5.0, 15.1.3 and 15.2.2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.hashers import BasePasswordHasher

from tests.api.refusals import TOO_LARGE, refusal_of
from tests.api.visitor import Visitor, derived_id
from tests.spending import least_seconds
from tests.visits import PHONE

pytestmark = pytest.mark.django_db

LONG = 16_000
"""Characters; with what stands around them they just fit into a body."""

DEAR = 0.05
"""Seconds of the processor that one refusal may take."""


class NeverHasher(BasePasswordHasher):
    """A hasher that nobody may ask."""

    algorithm = "never"

    def encode(self, password: str, salt: str, **_more: Any) -> str:
        """Fail."""
        raise AssertionError("a password was hashed")

    def verify(self, password: str, encoded: str) -> bool:
        """Fail."""
        raise AssertionError("a password was compared")


@pytest.mark.parametrize("field", ["phone", "token", "userid", "device", "device_token"])
@pytest.mark.parametrize(
    "text", ["9" * LONG, "+" + "1" * LONG, "(" * LONG, "\u0661" * (LONG // 2)], ids=lambda s: s[:1]
)
def test_long_text_is_refused_for_little(field: str, text: str) -> None:
    """A field as long as a body may be is refused by its length, whatever is in it."""
    visitor = Visitor()
    body = {"userid": derived_id(), "phone": PHONE, "token": "123456", field: text}
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert visitor.call("POST", "verify_sms", raw).status_code in {400, 413}
    assert least_seconds(lambda: visitor.call("POST", "verify_sms", raw)) < DEAR


@pytest.mark.parametrize("route", ["register", "login", "login_sms", "verify_sms", "refresh"])
def test_megabyte_is_refused_for_little(route: str) -> None:
    """What is longer than a body may be is not read on."""
    visitor, raw = Visitor(), json.dumps({"phone": "9" * 1_000_000}).encode()
    assert refusal_of(visitor.call("POST", route, raw)) == TOO_LARGE
    assert least_seconds(lambda: visitor.call("POST", route, raw)) < DEAR


def test_a_visit_by_code_hashes_no_password(settings: Any) -> None:
    """From the first ask to the logout, a new account included, no password hasher runs: it is made to be dear."""
    settings.PASSWORD_HASHERS = [f"{__name__}.{NeverHasher.__name__}"]
    visitor = Visitor()
    answer = visitor.post("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE})
    assert answer.status_code == 200
    tokens = visitor.log_in()
    assert visitor.post("login", {"auth_type": "PASSWORD", "phone": PHONE, "password": "x"}).status_code == 400
    assert visitor.post("refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 200
    assert visitor.get("sessions", token=tokens["access_token"]).status_code == 200
    assert visitor.post("logout", {}, token=tokens["access_token"]).status_code == 200
