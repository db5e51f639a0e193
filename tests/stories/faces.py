"""The answers that the API documents, and the check that an answer is one of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

FACES = frozenset(
    {
        (400, "InvalidRequest", "ValidationError"),
        (400, "LoginFailure", "SMSVerifyFailure"),
        (400, "AccountLogoutFailure", "InvalidUserId"),
        (400, "KickoutAllSessionFailure", "InvalidUserId"),
        (401, "AccessTokenExpired", "AccessTokenExpired"),
        (401, "RefreshTokenExpired", "RefreshTokenExpired"),
        (401, "InvalidToken", "TokenMissing"),
        (401, "InvalidToken", "TokenInvalid"),
        (401, "InvalidToken", "WrongTokenType"),
        (401, "FreshTokenRequired", "FreshTokenRequired"),
        (401, "SessionEnded", "AccountInactiveToken"),
        (401, "SessionEnded", "AccountObsoleteToken"),
        (401, "SessionEnded", "AccountInactive"),
        (404, "NotFound", "NotFound"),
        (429, "TooManyRequests", "ResendTooSoon"),
        (429, "TooManyRequests", "TooManyCodes"),
        (429, "TooManyRequests", "TooManyAttempts"),
    }
)
"""Status, ``error`` and ``failure_reason`` of every refusal that a visit of these stories may meet."""

PAIR = {"access_token", "refresh_token", "token_type", "expires_in"}
BODIES: dict[str, set[str]] = {
    "register": {"message", "userid"},
    "login": {"phone", "userid", "expires_in", "resend_after", "code_length"},
    "verify_sms": PAIR | {"userid", "device_token"},
    "refresh": PAIR,
    "logout": {"message"},
    "logout_all": {"message", "revoked"},
    "logout_all_other_sessions": {"message", "revoked"},
    "sessions": {"count", "next", "previous", "results"},
    "op": {"message"},
    "op2": {"message"},
}
"""What the body of a 200 holds, by route."""

ERROR_BODY = {"error", "failure_reason", "http_code", "message"}


class Answer:
    """An answer that is one of the documented faces, or an ``AssertionError``."""

    def __init__(self, route: str, response: Any) -> None:
        self.status: int = response.status_code
        self.body: dict[str, Any] = response.json() if response.content else {}
        self.reason: str = self.body.get("failure_reason", "")
        """The machine-readable reason of a refusal, empty where it is served."""
        if self.status == 204:
            assert route.startswith("sessions/"), route
        elif self.status == 200:
            assert set(self.body) == BODIES[route], (route, sorted(self.body))
        else:
            self._check_refusal(route, response)

    def _check_refusal(self, route: str, response: Any) -> None:
        assert (self.status, self.body["error"], self.reason) in FACES, (route, self.status, self.body)
        extra = {400: {"fields"}, 429: {"retry_after"}}.get(self.status, set())
        assert ERROR_BODY <= set(self.body) <= ERROR_BODY | extra, (route, sorted(self.body))
        assert self.body["http_code"] == HTTPStatus(self.status).phrase
        assert response["Cache-Control"] == "no-store", route
        if self.status == 401:
            assert response["WWW-Authenticate"] == "Bearer"
        if self.status == 429:
            assert response["Retry-After"] == str(self.body["retry_after"])
            assert self.body["retry_after"] >= 1
