"""Bearer tokens (RFC 6750): session, blacklist and user are asked in one query, so a logout works at once."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from .. import conf, services, tokens
from ..addresses import Client, client_of
from ..exceptions import TokenError, TokenInvalid, TokenMissing
from ..tokens import AccessToken
from .faces import TokenRefused


class JWTAuthentication(BaseAuthentication):
    """``request.user`` is the session's user, ``request.auth`` the ``AccessToken``.

    Answers 401 with our body for a token that is bad, expired or of an ended session; a call without one goes on as
    anonymous.
    """

    access_check: str | None = None
    """What is asked in the place of ``ACCESS_CHECK``."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        """Return user and token, or None where no bearer token came. Raises ``TokenRefused``."""
        try:
            text = bearer_of(request)
            if text is None:
                return None
            token = tokens.read_access(text)
            user = services.authenticate(token, client=lambda: caller_of(request), access_check=self.access_check)
            return user, token
        except TokenError as error:
            raise TokenRefused(error) from error

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 says in ``WWW-Authenticate``."""
        return "Bearer"


class SessionAuthentication(JWTAuthentication):
    """Asks the database in each call, whatever ``ACCESS_CHECK`` says: for our views, and for the dearest of yours."""

    access_check = "session"


def caller_of(request: HttpRequest | Request, *, device: str = "") -> Client:
    """Return who calls; ``device`` is the name the client gave itself."""
    plain = request._request if isinstance(request, Request) else request
    return client_of(plain, trusted_proxies=conf.current().TRUSTED_PROXY_COUNT, device=device)


def bearer_of(request: Request) -> str | None:
    """Return the text of the bearer token, None where there is none. Raises ``TokenInvalid`` for a broken header."""
    scheme, _space, text = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    text = text.strip()
    if not text or " " in text or not text.isascii():
        raise TokenInvalid("the Authorization header is broken")
    return str(text)


def require_token(request: Request) -> AccessToken:
    """Return the token that the call was authenticated with by us.

    Raises ``TokenRefused`` where someone else did, as ``force_authenticate`` or a Django session.
    """
    if not isinstance(request.auth, AccessToken):
        raise TokenRefused(TokenMissing("no access token of ours"))
    return request.auth
