"""The refusals of the API: how one is read, and what each says."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

SHAPE = {"error", "failure_reason", "http_code", "message"}


@dataclass(frozen=True)
class Refusal:
    """What the body of a refusal says, beside what its status makes it say."""

    status: int
    error: str
    reason: str
    message: str


def refusal_of(answer: Any) -> Refusal:
    """Read a refusal; every word and header that any refusal has to have is asserted here."""
    assert answer.status_code >= 400, answer.content
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    reason = body["failure_reason"]
    extra = set(body) - SHAPE
    assert set(body) >= SHAPE
    assert all(isinstance(body[key], str) and body[key] for key in SHAPE)
    assert body["http_code"] == phrase(answer.status_code)
    assert answer.get("WWW-Authenticate") == ("Bearer" if answer.status_code == 401 else None)
    assert extra == ({"retry_after"} if answer.status_code == 429 else set()) | (
        {"fields"} if reason in {"ValidationError", "PasswordTooWeak"} else set()
    )
    if "fields" in body:
        assert body["fields"]
        assert all(isinstance(sentences, list) and sentences for sentences in body["fields"].values())
    if answer.status_code == 429:
        assert type(body["retry_after"]) is int
        assert body["retry_after"] >= 1
        assert answer["Retry-After"] == str(body["retry_after"])
    elif answer.status_code == 503 and reason == "TryAgain":
        assert int(answer["Retry-After"]) >= 1
    else:
        assert "Retry-After" not in answer
    return Refusal(answer.status_code, body["error"], reason, body["message"])


def phrase(status: int) -> str:
    """Return the phrase of a status as RFC 9110 has it, where older Pythons still say otherwise."""
    return "Content Too Large" if status == 413 else HTTPStatus(status).phrase


INVALID = Refusal(400, "InvalidRequest", "ValidationError", "the request is not valid")
MALFORMED = Refusal(400, "InvalidRequest", "MalformedJSON", "the body is not valid JSON")
BAD_REQUEST = Refusal(400, "InvalidRequest", "BadRequest", "the request is not valid")
MEDIA_TYPE = Refusal(415, "InvalidRequest", "UnsupportedMediaType", "the body must be application/json")
TOO_LARGE = Refusal(413, "InvalidRequest", "RequestTooLarge", "the body is too large")
NOT_FOUND = Refusal(404, "NotFound", "NotFound", "not found")
NOT_ALLOWED = Refusal(405, "MethodNotAllowed", "MethodNotAllowed", "method not allowed")

REGISTER_AUTH_TYPE = Refusal(400, "AccountCreationFailure", "UnsupportedAuthType", "unsupported authentication method")
SIGNUP_CLOSED = Refusal(403, "AccountCreationFailure", "SignupClosed", "sign-up is closed")

WRONG_CODE = Refusal(400, "LoginFailure", "SMSVerifyFailure", "incorrect sms code")
LOGIN_AUTH_TYPE = Refusal(400, "LoginFailure", "UnsupportedAuthType", "unsupported authentication method")
WRONG_PASSWORD = Refusal(400, "LoginFailure", "AccountInvalidPassword", "wrong password")
NO_ACCOUNT = Refusal(400, "LoginFailure", "AccountNotExist", "the user doesn't exist")
INACTIVE = Refusal(400, "LoginFailure", "AccountInactive", "the user account is not active anymore")
PHONE_NOT_ALLOWED = Refusal(400, "LoginFailure", "PhoneNotAllowed", "this phone number is not served")
NOT_SENT = Refusal(503, "LoginFailure", "SMSSendFailure", "can't send sms code due to system failure")

WRONG_OLD_PASSWORD = Refusal(400, "PasswordFailure", "ChangePasswordFailed", "password is not correct")
WEAK_PASSWORD = Refusal(400, "PasswordFailure", "PasswordTooWeak", "the password is too weak")

ACCESS_EXPIRED = Refusal(
    401, "AccessTokenExpired", "AccessTokenExpired", "The token is expired. Please refresh the access token"
)
REFRESH_EXPIRED = Refusal(
    401, "RefreshTokenExpired", "RefreshTokenExpired", "The refresh_token is expired. Please login again"
)
TOKEN_MISSING = Refusal(401, "InvalidToken", "TokenMissing", "a token is required")
TOKEN_INVALID = Refusal(401, "InvalidToken", "TokenInvalid", "the token is not valid")
WRONG_TYPE = Refusal(401, "InvalidToken", "WrongTokenType", "a token of the other type is required")
NOT_FRESH = Refusal(401, "FreshTokenRequired", "FreshTokenRequired", "The token is not fresh.")
SESSION_ENDED = Refusal(401, "SessionEnded", "AccountInactiveToken", "the session has ended")
REUSED = Refusal(401, "SessionEnded", "AccountObsoleteToken", "The refresh token is already obsolete")
SESSION_INACTIVE = Refusal(401, "SessionEnded", "AccountInactive", "the user account is not active anymore")
LOGOUT_FOREIGN = Refusal(
    400, "AccountLogoutFailure", "InvalidUserId", "The refresh token is inconsistent with access_token."
)
OTHERS_FOREIGN = Refusal(
    400, "KickoutAllSessionFailure", "InvalidUserId", "The refresh token is inconsistent with access_token."
)

TOO_SOON = Refusal(429, "TooManyRequests", "ResendTooSoon", "please wait before asking for another code")
TOO_MANY_CODES = Refusal(429, "TooManyRequests", "TooManyCodes", "too many codes were sent to this number")
TOO_MANY_ATTEMPTS = Refusal(429, "TooManyRequests", "TooManyAttempts", "too many attempts, try again later")
TOO_MANY_REQUESTS = Refusal(429, "TooManyRequests", "TooManyRequests", "too many requests, try again later")
TRY_AGAIN = Refusal(503, "Unavailable", "TryAgain", "temporarily unavailable, try again")
