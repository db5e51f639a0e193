"""Fresh proof: what a sensitive call asks for, and what does not bring it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from tests.api.refusals import NOT_FRESH, refusal_of
from tests.api.visitor import Visitor, claims_of
from tests.factories import SessionFactory, UserFactory, tokens_of

pytestmark = pytest.mark.django_db


def test_refresh_renews_no_proof(settings: Any) -> None:
    """Sensitive calls ask for a proof of the last ten minutes: refreshing brings none, logging in does (F7)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "RESEND_PAUSES": (timedelta(0),)}
    with time_machine.travel("2031-05-06 07:08:09+00:00", tick=False) as clock:
        visitor = Visitor()
        login = visitor.log_in()
        proved = claims_of(login["access_token"])["auth_time"]
        assert proved == int(timezone.now().timestamp())
        assert visitor.post("op2", token=login["access_token"]).status_code == 200
        token = login["refresh_token"]
        for _ in range(3):
            clock.shift(5)
            body = visitor.post("refresh", {}, token=token).json()
            token = body["refresh_token"]
            claims = claims_of(body["access_token"])
            assert (claims["auth_time"], claims["fresh"]) == (proved, False)
            for route in ("op2", "logout_all", "logout_all_other_sessions", "password"):
                assert refusal_of(visitor.post(route, {}, token=body["access_token"])) == NOT_FRESH
        assert visitor.is_in(body["access_token"])
        assert visitor.post("op2", token=visitor.log_in()["access_token"]).status_code == 200


@pytest.mark.parametrize(("age", "is_fresh"), [(0, True), (600, True), (601, False), (3000, False)])
def test_proof_grows_old(age: int, is_fresh: bool, settings: Any) -> None:
    """A login's own token stops being fresh by its ``auth_time``, though it lives on (F7)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "ACCESS_TOKEN_LIFETIME": timedelta(hours=1)}
    with time_machine.travel("2031-05-06 07:08:09+00:00", tick=False) as clock:
        visitor, token = Visitor(), tokens_of(SessionFactory(user=UserFactory())).access_token
        clock.shift(age)
        answer = visitor.post("op2", token=token)
        assert visitor.is_in(token)
        assert answer.status_code == 200 if is_fresh else refusal_of(answer) == NOT_FRESH
