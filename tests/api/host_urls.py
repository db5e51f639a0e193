"""A host's own calls, guarded in each way that a host may: ours, Django's sessions, both."""

from __future__ import annotations

from collections.abc import Callable

from django.http.response import HttpResponseBase
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from securelogin.api.authentication import JWTAuthentication
from securelogin.api.permissions import HasToken, IsFresh

Authentications = list[type[BaseAuthentication]]
Permissions = list[type[BasePermission]]


class Call(APIView):
    """Says who calls."""

    authentication_classes: Authentications = []
    permission_classes: Permissions = []
    renderer_classes = [JSONRenderer]
    versioning_class = None

    def get(self, request: Request) -> Response:
        """Answer the user's id and what authenticated the call."""
        return Response({"user": str(request.user.pk), "auth": type(request.auth).__name__})

    post = get


def call(authentications: Authentications, permissions: Permissions) -> Callable[..., HttpResponseBase]:
    """Return a view with these guards."""
    return Call.as_view(authentication_classes=authentications, permission_classes=permissions)


OURS: Authentications = [JWTAuthentication]
BOTH: Authentications = [JWTAuthentication, SessionAuthentication]
SESSION_FIRST: Authentications = [SessionAuthentication, JWTAuthentication]

urlpatterns = [
    path("api/auth/", include("securelogin.urls")),
    path("ours", call(OURS, [IsAuthenticated])),
    path("both", call(BOTH, [IsAuthenticated])),
    path("session-first", call(SESSION_FIRST, [IsAuthenticated])),
    path("session-only", call([SessionAuthentication], [IsAuthenticated])),
    path("token", call(BOTH, [HasToken])),
    path("fresh", call(BOTH, [IsAuthenticated, IsFresh])),
    path("fresh-only", call(OURS, [IsFresh])),
    path("fresh-session", call([SessionAuthentication], [IsFresh])),
    path("open", call(OURS, [])),
]

handler400 = "securelogin.api.errors.bad_request"
handler404 = "securelogin.api.errors.not_found"
handler500 = "securelogin.api.errors.server_error"
