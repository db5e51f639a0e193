"""One visit in that host, beside a Django session: ``python -m tests.api.session_host``. Its migrations are applied."""

from __future__ import annotations

import json
from typing import Any

import django
from django.test import Client

from securelogin.sms.locmem import outbox
from tests.visits import PHONE, read_code


class _Browser:
    """Has a Django session, sends no CSRF token, and would rather have HTML."""

    def __init__(self) -> None:
        from tests.factories import UserFactory

        self.client = Client(enforce_csrf_checks=True, headers={"accept": "text/html, application/json;q=0.1"})
        self.client.force_login(UserFactory())

    def call(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.client.generic(method, path, _json(body), content_type="application/json", headers=headers)

    def post(self, route: str, body: object = None, token: str = "") -> Any:
        return self.call("POST", f"/api/auth/{route}", body, token)


def _json(body: object) -> str:
    return "" if body is None else json.dumps(body)


def _expect(answer: Any, status: int, **body: object) -> Any:
    assert answer.status_code == status, (answer.request["PATH_INFO"], answer.status_code, answer.content)
    assert answer.get("Content-Type") == (None if status == 204 else "application/json")
    found = answer.json() if answer.content else {}
    assert {key: found.get(key) for key in body} == body, found
    return found


def visit() -> None:
    """Log in, list, refresh and log out by our tokens; the Django session opens none of it."""
    browser = _Browser()
    for route in ("logout", "logout_all", "logout_all_other_sessions", "password", "refresh"):
        _expect(browser.post(route, {}), 401, failure_reason="TokenMissing")
    _expect(browser.call("GET", "/api/auth/sessions"), 401, failure_reason="TokenMissing")
    _expect(browser.call("OPTIONS", "/api/auth/sessions"), 405, failure_reason="MethodNotAllowed")
    _expect(browser.post("login", []), 400, failure_reason="ValidationError")
    asked = _expect(browser.post("login", {"auth_type": "PHONE", "phone": PHONE}), 200, phone=PHONE)
    guess = {"userid": asked["userid"], "phone": PHONE, "token": read_code(outbox[-1].body)}
    tokens = _expect(browser.post("verify_sms", guess), 200)
    listed = _expect(browser.call("GET", "/api/auth/sessions?page=1", token=tokens["access_token"]), 200, count=1)
    _expect(browser.call("GET", "/both", token=tokens["access_token"]), 200, user=tokens["userid"])
    tokens = _expect(browser.post("refresh", {}, tokens["refresh_token"]), 200)
    session = listed["results"][0]["id"]
    _expect(browser.call("DELETE", f"/api/auth/sessions/{session}", token=tokens["access_token"]), 204)
    _expect(browser.post("logout", {}, tokens["access_token"]), 200, message="logout successful")
    _expect(browser.post("refresh", {}, tokens["refresh_token"]), 401, failure_reason="AccountInactiveToken")


if __name__ == "__main__":
    django.setup()
    visit()
