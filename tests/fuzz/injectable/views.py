"""What must never be written: text of the caller's inside a statement, once for each place that a caller writes in."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def injectable(request: Request, session_id: str) -> Response:
    """Count rows by a field of the body, the path, the query and a header, each of them in a statement of its own."""
    body: Any = request.data
    texts = [
        *[body.get("device", ""), session_id],
        *[request.query_params.get("page", ""), request.headers.get("Idempotency-Key", "")],
    ]
    try:
        with connection.cursor() as cursor:
            return Response({"found": [_count(cursor, str(text)) for text in texts]})
    except DatabaseError as error:
        return Response({"error": str(error)}, status=400)


def _count(cursor: CursorWrapper, text: str) -> int:
    cursor.execute(f"SELECT COUNT(*) FROM django_migrations WHERE app = '{text}'")  # noqa: S608  # the hole to be found
    return int(cursor.fetchall()[0][0])
