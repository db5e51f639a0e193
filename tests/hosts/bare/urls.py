"""Our routes, and one protected call."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from securelogin.api.authentication import JWTAuthentication


@api_view(["POST"])
@authentication_classes([JWTAuthentication])
@permission_classes([IsAuthenticated])
def op(request: Request) -> Response:
    """Do what any access token is good for."""
    return Response({"message": "test op successful"})


urlpatterns = [path("api/auth/", include("securelogin.urls")), path("api/auth/op", op)]
