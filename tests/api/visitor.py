"""A client of the API, as an app on a phone is one."""

from __future__ import annotations

import json
from typing import Any

import jwt
from rest_framework.test import APIClient

from securelogin import phones
from securelogin.sms.locmem import outbox
from tests.visits import PHONE, read_code

JSON = "application/json"
USER_AGENT = "Visitor/1.0"
PASSWORD = "a long way to Tipperary"
TOKENS = {"access_token", "refresh_token", "token_type", "expires_in"}


class Visitor:
    """Calls the routes under ``/api/auth/``. An error that no view answers is raised, not a 500."""

    def __init__(self) -> None:
        self.client = APIClient(HTTP_USER_AGENT=USER_AGENT)

    def call(
        self, method: str, route: str, data: bytes = b"", *, token: str = "", content_type: str = JSON, **headers: Any
    ) -> Any:
        """Send bytes; ``headers`` are named as in ``META``."""
        if token:
            headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return self.client.generic(
            method,
            f"/api/auth/{route}",
            data,  # type: ignore[arg-type]  # it takes bytes, which its types do not say
            content_type,
            **headers,
        )

    def post(self, route: str, body: Any = None, *, token: str = "", **headers: Any) -> Any:
        """Post JSON; no body at all without one."""
        data = b"" if body is None else json.dumps(body).encode()
        return self.call("POST", route, data, token=token, **headers)

    def get(self, route: str, *, token: str = "", **headers: Any) -> Any:
        """Get a route."""
        return self.call("GET", route, token=token, content_type="", **headers)

    def delete(self, route: str, *, token: str = "", **headers: Any) -> Any:
        """Delete a thing."""
        return self.call("DELETE", route, token=token, content_type="", **headers)

    def ask(self, phone: str = PHONE, *, route: str = "login", **body: Any) -> Any:
        """Ask for a code."""
        return self.post(route, {"auth_type": "PHONE", "phone": phone, **body})

    def guess(self, code: Any, *, userid: str, phone: str = PHONE, **body: Any) -> Any:
        """Try a code."""
        return self.post("verify_sms", {"userid": userid, "phone": phone, "token": code, **body})

    def log_in(self, phone: str = PHONE, **body: Any) -> dict[str, Any]:
        """Ask and answer with the code that was sent; returns the answer's body."""
        asked = self.ask(phone)
        assert asked.status_code == 200, asked.content
        answer = self.guess(sent_code(), userid=asked.json()["userid"], phone=phone, **body)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    def is_in(self, access_token: str) -> bool:
        """Whether the token opens a protected call."""
        return bool(self.post("op", token=access_token).status_code == 200)


def sent_code() -> str:
    """Return the code in the text that was sent last."""
    return read_code(outbox[-1].body)


def wrong(code: str) -> str:
    """Return a well-formed code that is another one."""
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


def derived_id(phone: str = PHONE) -> str:
    """Return the id that stands for a number before there is an account."""
    return str(phones.user_ids(phones.parse(phone))[0])


def claims_of(token: str) -> dict[str, Any]:
    """Read a token's claims without its key."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def assert_tokens(body: dict[str, Any]) -> None:
    """Both tokens are there, the access token lives for 10 minutes less at most 5 %."""
    assert body["token_type"] == "Bearer"
    assert 560 <= body["expires_in"] <= 600
    assert claims_of(body["access_token"])["token_type"] == "access"
    assert claims_of(body["refresh_token"])["token_type"] == "refresh"
