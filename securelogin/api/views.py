"""The views: parse, one verb, answer."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from rest_framework import status
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from .. import services, tokens
from ..addresses import Client
from ..exceptions import TokenError, TokenMissing
from ..tokens import RefreshToken, TokenPair
from . import serializers
from .authentication import SessionAuthentication, bearer_of, caller_of, require_token
from .errors import exception_handler
from .parsers import JSONOnly, StrictJSONParser
from .permissions import HasToken, IsFresh

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{16,255}", re.ASCII)


@method_decorator(sensitive_variables(), name="dispatch")
class SecureLoginViewSet(ViewSet):
    """The base of our views: JSON in and out, our error body, nothing cached, and no transaction around a count.

    ``ATOMIC_REQUESTS`` does not reach it: DRF rolls a failed request back, and a failed guess would not be counted.
    """

    authentication_classes = [SessionAuthentication]
    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JSONOnly
    throttle_classes: list[Any] = []
    versioning_class = None
    http_method_names = ["get", "post", "delete", "head"]

    public_actions: frozenset[str] = frozenset()
    fresh_actions: frozenset[str] = frozenset()

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Return the view, marked ``non_atomic_requests`` for every database."""
        view = super().as_view(actions, **initkwargs)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a foreign ``Host`` and an unknown method before anything else is looked at."""
        request.get_host()
        if str(request.method).lower() not in self.action_map:
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)

    def get_authenticators(self) -> list[Any]:
        """Look at no header where anyone may call: a stale token must not stop a login."""
        action = self.action_map.get(str(self.request.method).lower())  # DRF has not set self.action yet
        if action in self.public_actions:
            return []
        return super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        """Ask for what the action needs."""
        if self.action in self.public_actions:
            return [AllowAny()]
        return [IsFresh() if self.action in self.fresh_actions else HasToken()]

    def get_exception_handler(self) -> Any:
        """Answer errors in our shape, whatever the project's own handler is."""
        return exception_handler

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Forbid caching: every answer here is about somebody's login."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def parse(self, kind: type[Serializer[Any]]) -> dict[str, Any]:
        """Return the validated body. Raises DRF's ``ValidationError``."""
        return dict(_serializer(kind, get_user_model()).run_validation(self.request.data))

    def client(self, device: str = "") -> Client:
        """Return who calls."""
        return caller_of(self.request, device=device)


@lru_cache
def _serializer(kind: type[Serializer[Any]], _user_model: Any) -> Serializer[Any]:
    """Return one serializer for all calls: to make one costs more than to use it, and none of ours keeps anything."""
    made = kind()
    serializers.translate_each_time(made)
    return made


class AuthViewSet(SecureLoginViewSet):
    """The way in, the way on and the way out."""

    public_actions = frozenset({"register", "login", "verify_sms", "refresh", "logout"})
    fresh_actions = frozenset({"logout_all_other_sessions", "logout_all", "password"})

    def register(self, request: Request) -> Response:
        """Leave a display name for a number, or make an account with a password."""
        if self.parse(serializers.AuthTypeSerializer)["auth_type"] == "PASSWORD":
            data = self.parse(serializers.RegisterPasswordSerializer)
            client = self.client(data.pop("device"))
            login = services.register_with_password(**data, client=client)
            answer = {"userid": str(login.user.pk), **_pair(login.pair, login.session.created_at)}
        else:
            data = self.parse(serializers.RegisterPhoneSerializer)
            user_id = services.register(data["phone"], display_name=data["username"], client=self.client())
            answer = {"userid": str(user_id)}
        return Response({"message": "registered successfully", **answer})

    def login(self, request: Request) -> Response:
        """Send a code, or log in with a password."""
        if self.parse(serializers.AuthTypeSerializer)["auth_type"] == "PASSWORD":
            data = self.parse(serializers.LoginPasswordSerializer)
            client = self.client(data.pop("device"))
            return Response(_login(services.log_in_with_password(**data, client=client)))
        data = self.parse(serializers.LoginPhoneSerializer)
        asked = services.request_code(data["phone"], device_token=data["device_token"], client=self.client())
        return Response(
            {
                "phone": asked.phone,
                "userid": str(asked.user_id),
                "expires_in": asked.expires_in,
                "resend_after": asked.resend_after,
                "code_length": asked.code_length,
            }
        )

    def verify_sms(self, request: Request) -> Response:
        """Log in with a code."""
        data = self.parse(serializers.VerifySerializer)
        login = services.verify_code(
            data["phone"],
            user_id=data["userid"],
            code=data["token"],
            device_token=data["device_token"],
            client=self.client(data["device"]),
        )
        return Response({**_login(login), "device_token": login.device_token})

    def refresh(self, request: Request) -> Response:
        """Rotate the refresh token."""
        key = request.headers.get("Idempotency-Key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            raise ValidationError({"Idempotency-Key": ["16 to 255 visible ASCII characters."]})
        text = bearer_of(request) or self.parse(serializers.RefreshTokenSerializer)["refresh_token"]
        if not text:
            raise TokenMissing("no refresh token")
        token = tokens.read_refresh(text, is_expired_ok=True)
        pair = services.refresh_tokens(token, idempotency_key=key, client=self.client())
        return Response(_pair(pair, token.current_time))

    def logout(self, request: Request) -> Response:
        """End the session, with a token that may be expired; doing it again is no error."""
        text = bearer_of(request)
        if text is None:
            raise TokenMissing("no access token")
        token = tokens.read_access(text, is_expired_ok=True)
        services.logout(token, refresh_token=self._refresh_token(), client=self.client())
        return Response({"message": "logout successful"})

    def logout_all_other_sessions(self, request: Request) -> Response:
        """End every session but this one."""
        token = require_token(request)
        revoked = services.logout_all_other_sessions(token, refresh_token=self._refresh_token(), client=self.client())
        return Response({"message": "logout all other sessions successful", "revoked": revoked})

    def logout_all(self, request: Request) -> Response:
        """End every session, this one too."""
        revoked = services.logout_all(require_token(request), client=self.client())
        return Response({"message": "logout all sessions successful", "revoked": revoked})

    def password(self, request: Request) -> Response:
        """Change the password."""
        data = self.parse(serializers.PasswordSerializer)
        user: Any = request.user
        services.change_password(
            require_token(request),
            user,
            old_password=data["oldpassword"],
            new_password=data["newpassword"],
            client=self.client(),
        )
        return Response({"message": "changed password successfully"})

    def _refresh_token(self) -> RefreshToken | None:
        """Return the refresh token of the body; a text that is none of ours says nothing and is passed over."""
        text = self.parse(serializers.RefreshTokenSerializer)["refresh_token"]
        try:
            return tokens.read_refresh(text, is_expired_ok=True) if text else None
        except TokenError:
            return None


class SessionPagination(PageNumberPagination):
    """Fifty sessions a page, ``?page=2``, ``?page_size=`` up to 100."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100


class SessionViewSet(SecureLoginViewSet):
    """The user's own live sessions."""

    def list(self, request: Request) -> Response:
        """List them, the newest first."""
        token = require_token(request)
        paginator = SessionPagination()
        user: Any = request.user
        page = paginator.paginate_queryset(services.live_sessions(user), request, view=self)
        context = {"session_id": token.session_id}
        return paginator.get_paginated_response(serializers.SessionSerializer(page, many=True, context=context).data)

    def destroy(self, request: Request, session_id: UUID) -> Response:
        """End one; an id that is not a live one of the user's is 404."""
        services.end_session(require_token(request), session_id, client=self.client())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _pair(pair: TokenPair, at: Any) -> dict[str, Any]:
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in(at),
    }


def _login(login: services.Login) -> dict[str, Any]:
    return {"userid": str(login.user.pk), **_pair(login.pair, login.session.created_at)}
