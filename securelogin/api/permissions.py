"""Permissions that our tokens answer."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from .. import conf
from ..exceptions import FreshTokenRequired
from .authentication import require_token
from .faces import TokenRefused


class HasToken(BasePermission):
    """The call came with an access token of ours; otherwise 401, whoever else authenticated it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True or raise ``TokenRefused``."""
        require_token(request)
        return True


class IsFresh(HasToken):
    """The token is fresh: a code or a password proved its user within ``FRESH_WINDOW``; otherwise 401.

    A 401, not a 403: proving it again helps (RFC 9470 calls it step-up).
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True or raise ``TokenRefused``."""
        token = require_token(request)
        if not token.is_fresh(timezone.now(), conf.current().FRESH_WINDOW):
            raise TokenRefused(FreshTokenRequired("the token is not fresh"))
        return True
