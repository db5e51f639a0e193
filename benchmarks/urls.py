"""The routes of each project: a protected view, and what its package brings."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Protected(APIView):
    """A view of the site's own."""

    def post(self, request: Request) -> Response:
        """Answer whoever is let in."""
        return Response({"message": "come in"})


class Issue(APIView):
    """What a site writes around a package that opens sessions by no code: the user by name, and tokens."""

    authentication_classes: tuple[Any, ...] = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        """Open a session."""
        user = get_user_model().objects.get(username=request.data["name"])
        if apps.is_installed("knox"):
            from knox.models import AuthToken

            _row, token = AuthToken.objects.create(user)
            return Response({"access": token})
        from rest_framework_simplejwt.tokens import RefreshToken

        refresh = RefreshToken.for_user(user)
        return Response({"access": str(refresh.access_token), "refresh": str(refresh)})


urlpatterns: list[Any] = [path("protected", Protected.as_view())]
if apps.is_installed("securelogin"):
    urlpatterns.append(path("", include("securelogin.urls")))
elif apps.is_installed("knox"):
    from knox.views import LogoutView

    urlpatterns += [path("issue", Issue.as_view()), path("logout", LogoutView.as_view())]
else:
    from rest_framework_simplejwt.views import TokenBlacklistView, TokenRefreshView

    urlpatterns += [
        path("issue", Issue.as_view()),
        path("refresh", TokenRefreshView.as_view()),
        path("logout", TokenBlacklistView.as_view()),
    ]
