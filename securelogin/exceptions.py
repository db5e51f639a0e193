"""The errors of this app, one tree that knows no HTTP.

The verbs in ``services`` raise these; one table in ``securelogin.api.errors`` gives each its status and
its public face. A wrong configuration is ``django.core.exceptions.ImproperlyConfigured`` and stands outside.
No message here holds a phone number, a code or a token.
"""

from __future__ import annotations

from collections.abc import Sequence


class SecureLoginError(Exception):
    """The root of the tree."""


# What is asked for cannot be


class InvalidPhone(SecureLoginError):
    """The text is no phone number that exists (E.164, ITU-T)."""


class PhoneNotAllowed(SecureLoginError):
    """The number is good, but its region or its type is not served here."""


class UnsupportedAuthType(SecureLoginError):
    """The ``auth_type`` is unknown or not in ``AUTH_TYPES``."""


class SignupClosed(SecureLoginError):
    """``SIGNUP`` is ``"closed"``: only staff makes accounts."""


class EmailTaken(SecureLoginError):
    """The e-mail address belongs to an account."""


class PhoneTaken(SecureLoginError):
    """The number belongs to an account. Raised only where enumeration is allowed."""


class AccountUnknown(SecureLoginError):
    """No account and no sign-up for this number. Raised only where enumeration is allowed."""


class AccountInactive(SecureLoginError):
    """The account is inactive. Raised only where enumeration is allowed."""


# A secret did not match


class CodeRejected(SecureLoginError):
    """The code is wrong, expired, used, over its budget or was never sent: one face for all."""


class PasswordRejected(SecureLoginError):
    """Identifier and password do not open an account: one face for all causes."""


class PasswordChangeRejected(SecureLoginError):
    """The old password is not right, or there is none."""


class PasswordTooWeak(SecureLoginError):
    """Django's password validators refuse the new password.

    ``field`` is the name the client used for it, ``messages`` are the validators' translated sentences.
    """

    def __init__(self, field: str, messages: Sequence[str]) -> None:
        super().__init__("the password is too weak")
        self.field = field
        self.messages = list(messages)


# Too much


class RetryLater(SecureLoginError):
    """A budget is spent; ``retry_after`` (whole seconds, at least 1) is when it has room again.

    ``limit`` names it for the log: a key of ``LIMITS``, or a setting such as ``SENDS_PER_DAY``.
    """

    def __init__(self, retry_after: int, limit: str = "") -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = max(1, retry_after)
        self.limit = limit


class ResendTooSoon(RetryLater):
    """The pause after the last code is not over."""


class TooManyCodes(RetryLater):
    """The number was sent as many codes as an hour or a day allows."""


class TooManyAttempts(RetryLater):
    """Too many wrong guesses, at the number or from the address."""


class TooManyRequests(RetryLater):
    """The address, the number range or the whole site is over its limit."""


# Sending


class SMSNotSent(SecureLoginError):
    """A provider did not take a message.

    ``reason`` is for the log and never holds the number or the text. ``is_definite`` says that the provider
    surely sent nothing (a refusal), where a time-out leaves that open. ``is_numbers_fault`` says that the
    number itself cannot be reached, so that no other number would have failed.
    """

    def __init__(self, reason: str, *, is_definite: bool = False, is_numbers_fault: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_definite = is_definite
        self.is_numbers_fault = is_numbers_fault


# Tokens and sessions


class TokenError(SecureLoginError):
    """A token does not open what was asked for."""


class TokenMissing(TokenError):
    """No token came with the call."""


class TokenInvalid(TokenError):
    """The text is no token of ours (RFC 7519 section 7.2)."""


class WrongTokenType(TokenError):
    """A good token of the other kind (RFC 8725 section 3.11)."""


class AccessTokenExpired(TokenError):
    """A good access token past its ``exp``."""


class RefreshTokenExpired(TokenError):
    """A good refresh token past its ``exp``."""


class FreshTokenRequired(TokenError):
    """The token is good, but nobody proved who they are lately."""


class ForeignToken(TokenError):
    """The refresh token in the body belongs to another user."""


class SessionEnded(TokenError):
    """The session was logged out, revoked, evicted or is past its end."""


class RefreshTokenReused(SessionEnded):
    """A refresh token came again after its successor was used; the session is ended (RFC 9700 section 4.14.2)."""


class SessionUserInactive(SessionEnded):
    """The session is whole, its user is not active."""


class SessionNotFound(SecureLoginError):
    """The user has no live session of that id."""


# The database


class Unavailable(SecureLoginError):
    """The database could not be had, also after retries; ``retry_after`` in seconds."""

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("try again")
        self.retry_after = retry_after
