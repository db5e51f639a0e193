"""Errors as answers: ours, DRF's and Django's in one shape."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from .. import exceptions as ours
from . import faces, problems
from .faces import FACES, Face, TokenRefused, body_of, face_of
from .parsers import RequestTooLarge

logger = logging.getLogger("securelogin.api")

READ_ONLY = "25006"
"""SQLSTATE: read-only SQL transaction."""


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an error in our shape; usable as DRF's ``EXCEPTION_HANDLER``. None where it is a bug: that is a 500."""
    found = _answer(error)
    if found is None:
        return None
    face, extra, headers = found
    set_rollback()
    action = getattr(context.get("view"), "action", None) or ""
    if face.status == 401:
        headers = {**headers, "WWW-Authenticate": "Bearer"}
    if face.status >= 500:
        cause = error if isinstance(error, DatabaseError) else None
        logger.warning("%s answered %d: %s", action, face.status, type(error).__name__, exc_info=cause)
    body, media_type = problems.negotiate(body_of(face, action=action, **extra), face.status, context.get("request"))
    headers = {**headers, "Cache-Control": "no-store"}
    return Response(body, status=face.status, headers=headers, content_type=media_type)


Answer = tuple[Face, dict[str, Any], dict[str, str]]


def _answer(error: Exception) -> Answer | None:
    if isinstance(error, TokenRefused):
        error = error.cause
    if isinstance(error, ours.SecureLoginError):
        return _of_ours(error)
    if isinstance(error, (OperationalError, InterfaceError)) or _is_read_only(error):
        return _of_ours(ours.Unavailable())
    if isinstance(error, drf.APIException):
        return _of_drf(error)
    if isinstance(error, Http404):
        return faces.NOT_FOUND, {}, {}
    if isinstance(error, PermissionDenied):
        return faces.FORBIDDEN, {}, {}
    if isinstance(error, RequestDataTooBig):
        return faces.TOO_LARGE, {}, {}
    if isinstance(error, (SuspiciousOperation, BadRequest)):
        return faces.BAD_REQUEST, {}, {}
    return None


def _is_read_only(error: Exception) -> bool:
    """Whether PostgreSQL refuses to write, as a standby does: to Django that is an internal error."""
    return isinstance(error, InternalError) and getattr(error.__cause__, "sqlstate", None) == READ_ONLY


def _of_ours(error: ours.SecureLoginError) -> Answer:
    face = face_of(error)
    if isinstance(error, ours.InvalidPhone):
        return face, {"fields": {"phone": [str(_("Enter a valid phone number."))]}}, {}
    if isinstance(error, ours.PasswordTooWeak):
        return face, {"fields": {error.field: error.messages}}, {}
    if isinstance(error, ours.RetryLater):
        return face, {"retry_after": error.retry_after}, {"Retry-After": str(error.retry_after)}
    if isinstance(error, ours.Unavailable):
        return face, {}, {"Retry-After": str(error.retry_after)}
    return face, {}, {}


DRF_FACES: Mapping[type[drf.APIException], Face] = MappingProxyType(
    {
        RequestTooLarge: faces.TOO_LARGE,
        drf.ParseError: faces.MALFORMED,
        drf.UnsupportedMediaType: faces.MEDIA_TYPE,
        drf.MethodNotAllowed: faces.NOT_ALLOWED,
        drf.NotAcceptable: faces.NOT_ACCEPTABLE,
        drf.NotFound: faces.NOT_FOUND,
        drf.NotAuthenticated: FACES[ours.TokenMissing],
        drf.AuthenticationFailed: FACES[ours.TokenInvalid],
        drf.PermissionDenied: faces.FORBIDDEN,
    }
)


def _of_drf(error: drf.APIException) -> Answer:
    if isinstance(error, drf.ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        return faces.VALIDATION, {"fields": fields}, {}
    if isinstance(error, drf.Throttled):
        wait = max(1, math.ceil(getattr(error, "wait", None) or 1))
        return FACES[ours.TooManyRequests], {"retry_after": wait}, {"Retry-After": str(wait)}
    face = next((DRF_FACES[kind] for kind in type(error).__mro__ if kind in DRF_FACES), None)
    return face or _face_of_hosts(error), {}, {}


def _face_of_hosts(error: drf.APIException) -> Face:
    """Return a face for an error that a host made: its class names it, its default text explains it."""
    return Face(error.status_code, faces.INVALID, type(error).__name__, str(error.default_detail))


# Django's handlers, for a project whose every answer shall have this shape


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Answer 400; ``handler400``. A foreign ``Host`` ends here."""
    return _json(request, faces.BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Answer 403; ``handler403``."""
    return _json(request, faces.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Answer 404; ``handler404``."""
    return _json(request, faces.NOT_FOUND)


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer 500; ``handler500``."""
    return _json(request, faces.SERVER_ERROR)


def _json(request: HttpRequest, face: Face) -> JsonResponse:
    body, media_type = problems.negotiate(body_of(face), face.status, request)
    return JsonResponse(body, status=face.status, content_type=media_type, headers={"Cache-Control": "no-store"})
