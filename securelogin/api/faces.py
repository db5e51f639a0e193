"""What clients see of each cause: one table from the errors of this app to status and body.

Apart from ``errors`` because DRF imports authentication classes, which refuse with these, before its own views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import AuthenticationFailed

from .. import exceptions as ours


@dataclass(frozen=True)
class Face:
    """What a client sees of a cause."""

    status: int
    error: str
    reason: str
    message: str | Promise


LOGIN, CREATION, INVALID, TOKEN = "LoginFailure", "AccountCreationFailure", "InvalidRequest", "InvalidToken"

FACES: Mapping[type[Exception], Face] = MappingProxyType(
    {
        ours.InvalidPhone: Face(400, INVALID, "ValidationError", _("the request is not valid")),
        ours.PhoneNotAllowed: Face(400, LOGIN, "PhoneNotAllowed", _("this phone number is not served")),
        ours.UnsupportedAuthType: Face(400, LOGIN, "UnsupportedAuthType", _("unsupported authentication method")),
        ours.SignupClosed: Face(403, CREATION, "SignupClosed", _("sign-up is closed")),
        ours.EmailTaken: Face(
            400,
            CREATION,
            "AccountAlreadyExist",
            _("failed to create an account as the email already exists"),
        ),
        ours.PhoneTaken: Face(
            400,
            CREATION,
            "AccountAlreadyExist",
            _("failed to create an account as the phone already exists"),
        ),
        ours.AccountUnknown: Face(400, LOGIN, "AccountNotExist", _("the user doesn't exist")),
        ours.AccountInactive: Face(400, LOGIN, "AccountInactive", _("the user account is not active anymore")),
        ours.CodeRejected: Face(400, LOGIN, "SMSVerifyFailure", _("incorrect sms code")),
        ours.PasswordRejected: Face(400, LOGIN, "AccountInvalidPassword", _("wrong password")),
        ours.PasswordChangeRejected: Face(400, "PasswordFailure", "ChangePasswordFailed", _("password is not correct")),
        ours.PasswordTooWeak: Face(400, "PasswordFailure", "PasswordTooWeak", _("the password is too weak")),
        ours.ResendTooSoon: Face(
            429, "TooManyRequests", "ResendTooSoon", _("please wait before asking for another code")
        ),
        ours.TooManyCodes: Face(429, "TooManyRequests", "TooManyCodes", _("too many codes were sent to this number")),
        ours.TooManyAttempts: Face(429, "TooManyRequests", "TooManyAttempts", _("too many attempts, try again later")),
        ours.TooManyRequests: Face(429, "TooManyRequests", "TooManyRequests", _("too many requests, try again later")),
        ours.SMSNotSent: Face(503, LOGIN, "SMSSendFailure", _("can't send sms code due to system failure")),
        ours.TokenMissing: Face(401, TOKEN, "TokenMissing", _("a token is required")),
        ours.TokenInvalid: Face(401, TOKEN, "TokenInvalid", _("the token is not valid")),
        ours.WrongTokenType: Face(401, TOKEN, "WrongTokenType", _("a token of the other type is required")),
        ours.AccessTokenExpired: Face(
            401,
            "AccessTokenExpired",
            "AccessTokenExpired",
            _("The token is expired. Please refresh the access token"),
        ),
        ours.RefreshTokenExpired: Face(
            401, "RefreshTokenExpired", "RefreshTokenExpired", _("The refresh_token is expired. Please login again")
        ),
        ours.FreshTokenRequired: Face(401, "FreshTokenRequired", "FreshTokenRequired", _("The token is not fresh.")),
        ours.SessionUserInactive: Face(
            401, "SessionEnded", "AccountInactive", _("the user account is not active anymore")
        ),
        ours.RefreshTokenReused: Face(
            401, "SessionEnded", "AccountObsoleteToken", _("The refresh token is already obsolete")
        ),
        ours.SessionEnded: Face(401, "SessionEnded", "AccountInactiveToken", _("the session has ended")),
        ours.ForeignToken: Face(
            400, "AccountLogoutFailure", "InvalidUserId", _("The refresh token is inconsistent with access_token.")
        ),
        ours.SessionNotFound: Face(404, "NotFound", "NotFound", _("not found")),
        ours.Unavailable: Face(503, "Unavailable", "TryAgain", _("temporarily unavailable, try again")),
    }
)

VALIDATION = FACES[ours.InvalidPhone]
MALFORMED = Face(400, INVALID, "MalformedJSON", _("the body is not valid JSON"))
BAD_REQUEST = Face(400, INVALID, "BadRequest", _("the request is not valid"))
MEDIA_TYPE = Face(415, INVALID, "UnsupportedMediaType", _("the body must be application/json"))
TOO_LARGE = Face(413, INVALID, "RequestTooLarge", _("the body is too large"))
NOT_FOUND = FACES[ours.SessionNotFound]
NOT_ALLOWED = Face(405, "MethodNotAllowed", "MethodNotAllowed", _("method not allowed"))
NOT_ACCEPTABLE = Face(406, INVALID, "NotAcceptable", _("only application/json is answered"))
FORBIDDEN = Face(403, "Forbidden", "Forbidden", _("not allowed"))
THROTTLED = FACES[ours.TooManyRequests]
SERVER_ERROR = Face(500, "ServerError", "ServerError", _("something went wrong"))

CATEGORIES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("register", "UnsupportedAuthType"): CREATION,
        ("logout_all_other_sessions", "InvalidUserId"): "KickoutAllSessionFailure",
    }
)
"""``error`` of a reason that more than one action has: (action, reason) to category."""

PHRASES: Mapping[int, str] = MappingProxyType({413: "Content Too Large"})
"""RFC 9110 names where older Pythons have older ones."""


def body_of(face: Face, *, action: str = "", **extra: Any) -> dict[str, Any]:
    """Return the error body: ``error``, ``failure_reason``, ``http_code``, ``message`` and what the cause adds."""
    return {
        "error": CATEGORIES.get((action, face.reason), face.error),
        "failure_reason": face.reason,
        "http_code": PHRASES.get(face.status) or HTTPStatus(face.status).phrase,
        "message": str(face.message),
        **extra,
    }


def face_of(error: ours.SecureLoginError) -> Face:
    """Return the face of an error of ours."""
    return next(FACES[kind] for kind in type(error).__mro__ if kind in FACES)


class TokenRefused(AuthenticationFailed):
    """An error of ours as DRF's, so that a host's own exception handler answers our body too."""

    def __init__(self, cause: ours.SecureLoginError) -> None:
        super().__init__()
        self.cause = cause
        self.detail = body_of(face_of(cause))
