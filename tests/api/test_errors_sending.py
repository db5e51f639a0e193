"""What a caller is told of a text that was not sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from securelogin.models import OneTimeCode
from securelogin.services import sending
from tests.visits import PHONE

from .conftest import Configure
from .refusals import (
    NOT_SENT,
    TOO_SOON,
    refusal_of,
)
from .visitor import Visitor, sent_code

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("is_definite", [True, False])
@pytest.mark.parametrize("is_numbers_fault", [True, False])
def test_provider_that_fails(visitor: Visitor, configure: Configure, is_definite: bool, is_numbers_fault: bool) -> None:
    """Only what is not the number's fault is 503; only a definite refusal lifts the pause; the send stays counted."""
    options = {"is_definite": is_definite, "is_numbers_fault": is_numbers_fault}
    configure(SMS={"default": {"BACKEND": "tests.api.failing.SMSBackend", "OPTIONS": options}})
    answer = visitor.ask()
    if is_numbers_fault:
        assert answer.status_code == 200
    else:
        assert refusal_of(answer) == NOT_SENT
    row = OneTimeCode.objects.get()
    assert (row.sends_in_hour, row.sends_in_day) == (1, 1)
    again = visitor.ask()
    if not is_definite:
        assert refusal_of(again) == TOO_SOON
    elif is_numbers_fault:
        assert again.status_code == 200
    else:
        assert refusal_of(again) == NOT_SENT


@pytest.mark.parametrize(
    "broken",
    [
        {"SMS": {"default": {"BACKEND": "tests.api.nowhere.SMSBackend"}}},
        {"SMS": {"default": {"BACKEND": "tests.api.failing.Refusal"}}},
        {"SMS": {}},
        {"SMS_ROUTER": "tests.api.nowhere.route"},
        {"SMS_ROUTER": "builtins.str"},
    ],
    ids=str,
)
def test_no_backend(visitor: Visitor, configure: Configure, broken: dict[str, Any]) -> None:
    """A backend that is not to be had is a failed sending, not a crash."""
    configure(**broken)
    assert refusal_of(visitor.ask()) == NOT_SENT


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_definite", [True, False])
def test_thread_never_tells(visitor: Visitor, configure: Configure, is_definite: bool) -> None:
    """With ``SEND="thread"`` the answer to a failed sending is that to a good one, and so is the pause."""
    configure(SEND="thread")
    good = visitor.ask("+12025550199")
    configure(SMS={"default": {"BACKEND": "tests.api.failing.SMSBackend", "OPTIONS": {"is_definite": is_definite}}})
    bad = visitor.ask()
    sending.drain()
    assert (bad.status_code, set(bad.json()), bad.headers) == (200, set(good.json()), good.headers)
    assert visitor.ask().status_code == visitor.ask("+12025550199").status_code == 429


@pytest.mark.django_db(transaction=True)
def test_thread_sends(visitor: Visitor, configure: Configure) -> None:
    """With ``SEND="thread"`` the code is sent, and right."""
    configure(SEND="thread")
    asked = visitor.ask()
    sending.drain()
    assert visitor.guess(sent_code(), userid=asked.json()["userid"]).status_code == 200


def test_crash_in_our_shape(configure: Configure, settings: Any) -> None:
    """An error nobody foresaw is 500 in our shape and tells nothing of itself."""
    configure(SMS={"default": {"BACKEND": "tests.api.crashing.SMSBackend"}})
    client = Client(raise_request_exception=False)
    answer = client.post("/api/auth/login", {"auth_type": "PHONE", "phone": PHONE}, content_type="application/json")
    refusal = refusal_of(answer)
    assert (refusal.status, refusal.error, refusal.reason) == (500, "ServerError", "ServerError")
    assert b"secret" not in answer.content
