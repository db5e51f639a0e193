"""Middleware that production adds."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from securelogin.api.errors import permission_denied

Answerer = Callable[[HttpRequest], HttpResponseBase]


def refuse_plain_http(get_response: Answerer) -> Answerer:
    """Answer 403 to a call of the API that did not come over TLS, before anything reads its token."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith("/api/") and not request.is_secure():
            return permission_denied(request, PermissionDenied())
        return get_response(request)

    return middleware
