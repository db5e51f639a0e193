"""Two protected calls, to be replaced with one's own."""

from __future__ import annotations

from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from securelogin.api.permissions import IsFresh


@api_view(["POST"])
@permission_classes([IsAuthenticated])
def op(request: Request) -> Response:
    """Do what any access token is good for."""
    return Response({"message": "test op successful"})


@api_view(["POST"])
@permission_classes([IsAuthenticated, IsFresh])
def op2(request: Request) -> Response:
    """Do what takes a fresh access token: one from a login of the last minutes, not from a refresh."""
    return Response({"message": "test op2 successful"})
