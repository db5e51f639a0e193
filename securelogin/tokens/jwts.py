"""Access and refresh tokens (RFC 7519), subclasses of simplejwt's that carry the session and check no table."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone
from rest_framework_simplejwt import exceptions as simplejwt
from rest_framework_simplejwt import tokens as stock
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.utils import datetime_from_epoch

from .. import conf
from ..exceptions import (
    AccessTokenExpired,
    RefreshTokenExpired,
    TokenError,
    TokenInvalid,
    WrongTokenType,
)
from . import backend

if TYPE_CHECKING:
    from .jws import TokenBackend

JITTER_PERCENT = 5
"""Access tokens live up to this much shorter, so that a fleet of clients does not refresh in step."""

TokenType = TypeVar("TokenType", "AccessToken", "RefreshToken")


class SessionTokenMixin:
    """What both tokens share: our key, the session in ``sid``, no query, and a repr without claims."""

    payload: dict[str, Any]
    token_type: str
    current_time: datetime

    def get_token_backend(self) -> TokenBackend:
        """Return the backend with the project's keys as they are now."""
        return backend.current()

    @property
    def token_backend(self) -> TokenBackend:
        """Return the same, by simplejwt's newer name."""
        return backend.current()

    def verify(self) -> None:
        """Check type, claims and ``exp``; signature, ``iat`` and ``nbf`` were. Raises simplejwt's ``TokenError``."""
        if self.payload.get("token_type") != self.token_type:
            raise simplejwt.TokenError("Token has wrong type")
        self._check_claims()
        if self.is_expired(self.current_time):
            raise simplejwt.ExpiredTokenError("Token is expired")

    def _check_claims(self) -> None:
        if not _is_uuid(self.payload["sid"]) or not isinstance(self.payload["sub"], str):
            raise simplejwt.TokenError("Token is invalid")

    def is_expired(self, at: datetime) -> bool:
        """Whether its time is over."""
        return bool(self.payload["exp"] <= at.timestamp())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    @property
    def session_id(self) -> UUID:
        """The session (``sid``)."""
        return UUID(self.payload["sid"])

    @property
    def user_id(self) -> str:
        """The user's primary key as text (``sub``)."""
        return str(self.payload["sub"])

    @classmethod
    def for_user(cls, user: Any) -> Any:
        """Refuse: a token of ours is a session's, which ``securelogin.services`` opens."""
        raise TypeError("tokens belong to sessions: log in through securelogin.services")


class AccessToken(SessionTokenMixin, stock.AccessToken):
    """An access token: ``sub``, ``sid``, ``fresh``, ``auth_time`` (epoch seconds), ``amr`` (RFC 8176)."""

    token_type = "access"

    def _check_claims(self) -> None:
        super()._check_claims()
        if not isinstance(self.payload.get("fresh"), bool) or not backend.is_epoch(self.payload.get("auth_time")):
            raise simplejwt.TokenError("Token is invalid")

    def is_fresh(self, at: datetime, window: timedelta) -> bool:
        """Whether it says ``fresh`` and somebody proved who they are within the window, not in the future."""
        age = at.timestamp() - self.payload["auth_time"]
        return self.payload["fresh"] is True and -backend.LEEWAY.total_seconds() <= age <= window.total_seconds()


class RefreshToken(SessionTokenMixin, stock.RefreshToken):
    """A refresh token: ``sub``, ``sid``, ``gen`` (generation), and what its access tokens need without a query.

    ``jti`` is the session's id in every generation, so simplejwt's ``blacklist()`` ends the session and stores no text.
    """

    token_type = "refresh"
    access_token_class = AccessToken

    def _check_claims(self) -> None:
        super()._check_claims()
        generation = self.payload.get("gen")
        if not isinstance(generation, int) or isinstance(generation, bool) or not 0 <= generation < 2**31 - 1:
            raise simplejwt.TokenError("Token is invalid")
        if not all(backend.is_epoch(self.payload.get(claim)) for claim in ("session_exp", "auth_time")):
            raise simplejwt.TokenError("Token is invalid")

    @property
    def generation(self) -> int:
        """The generation of the session that this token was issued for."""
        return int(self.payload["gen"])

    @property
    def session_end(self) -> datetime:
        """The absolute end of the session."""
        # As timezone.now() writes the moments it is compared with: aware, or naive and local where USE_TZ is off.
        zone = dt.timezone.utc if settings.USE_TZ else None
        return datetime.fromtimestamp(self.payload["session_exp"], tz=zone)

    def outstand(self) -> OutstandingToken:
        """Return the session's outstanding token; where it was cleared, one without the text simplejwt would keep."""
        row, _is_new = OutstandingToken.objects.get_or_create(
            jti=self.payload["jti"],
            defaults={
                "token": "",
                "created_at": self.current_time,
                "expires_at": datetime_from_epoch(self.payload["exp"]),
            },
        )
        return row

    def blacklist(self) -> Any:
        """End the session as simplejwt does, storing no text; returns the blacklisted token and whether it is new."""
        self.outstand()
        return super().blacklist()

    def successors(self, *, at: datetime) -> TokenPair:
        """Return the tokens of the next generation, as issued at that moment. Refreshing proves nobody: not fresh."""
        return issue_pair(
            user_id=self.user_id,
            session_id=self.session_id,
            session_end=self.session_end,
            generation=self.generation + 1,
            auth_time=self.payload["auth_time"],
            amr=self.payload.get("amr", []),
            is_fresh=False,
            at=at,
        )


@dataclass(frozen=True)
class TokenPair:
    """Both tokens of one generation, signed."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    """``exp`` of the access token."""

    def expires_in(self, at: datetime) -> int:
        """Return the seconds that the access token has left, 0 where it is over."""
        return max(0, int((self.expires_at - at).total_seconds()))


def issue_pair(
    *,
    user_id: str,
    session_id: UUID,
    session_end: datetime,
    generation: int,
    auth_time: int,
    amr: list[str],
    is_fresh: bool,
    at: datetime,
) -> TokenPair:
    """Issue both tokens of one generation; neither outlives the session. No side effects."""
    options = conf.current()
    most = int(options.ACCESS_TOKEN_LIFETIME.total_seconds()) * JITTER_PERCENT // 100
    jitter = timedelta(seconds=secrets.randbelow(most + 1))
    ends = min(at + options.ACCESS_TOKEN_LIFETIME - jitter, session_end).replace(microsecond=0)
    shared = {"iat": int(at.timestamp()), "sub": user_id, "sid": str(session_id), "auth_time": auth_time, "amr": amr}
    access = {
        **shared,
        "token_type": AccessToken.token_type,
        "exp": int(ends.timestamp()),
        "jti": uuid4().hex,
        "fresh": is_fresh,
    }
    refresh = {
        **shared,
        "token_type": RefreshToken.token_type,
        "exp": int(min(at + options.REFRESH_TOKEN_LIFETIME, session_end).timestamp()),
        "jti": str(session_id),
        "gen": generation,
        "session_exp": int(session_end.timestamp()),
    }
    encode = backend.current().encode
    return TokenPair(encode(access), encode(refresh), ends)


def read_access(text: str, *, is_expired_ok: bool = False) -> AccessToken:
    """Read an access token.

    Raises ``TokenInvalid``, ``WrongTokenType``, and ``AccessTokenExpired`` unless that is ok.
    """
    return _read(AccessToken, text, None if is_expired_ok else AccessTokenExpired)


def read_refresh(text: str, *, is_expired_ok: bool = False) -> RefreshToken:
    """Read a refresh token.

    Raises ``TokenInvalid``, ``WrongTokenType``, and ``RefreshTokenExpired`` unless that is ok.
    """
    return _read(RefreshToken, text, None if is_expired_ok else RefreshTokenExpired)


def _read(kind: type[TokenType], text: str, expired: type[TokenError] | None) -> TokenType:
    token = kind.__new__(kind)
    token.token, token.current_time = text, timezone.now()  # type: ignore[assignment]
    try:
        token.payload = backend.current().decode(text)
    except simplejwt.TokenBackendError as error:
        raise TokenInvalid("not a token of ours") from error
    if token.payload.get("token_type") != kind.token_type:
        other = token.payload.get("token_type") in (AccessToken.token_type, RefreshToken.token_type)
        raise WrongTokenType("the other kind of token") if other else TokenInvalid("not a token of ours")
    try:
        token.verify()
    except simplejwt.ExpiredTokenError as error:
        if expired is not None:
            raise expired("the token is expired") from error
    except simplejwt.TokenError as error:
        raise TokenInvalid("not a token of ours") from error
    return token


def _is_uuid(text: object) -> bool:
    try:
        return isinstance(text, str) and str(UUID(text)) == text
    except ValueError:
        return False
