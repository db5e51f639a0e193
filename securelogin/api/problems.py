"""Errors as problem details (RFC 9457), for a client that asks for them in ``Accept``: the same facts, other names."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request

MEDIA_TYPE = "application/problem+json"

# Read by hand: Django's reader of media types raises on an encoding that a caller invents for a parameter.
_REFUSED = re.compile(r"q\s*=\s*0(\.0*)?", re.ASCII | re.IGNORECASE)


def negotiate(body: dict[str, Any], status: int, request: HttpRequest | Request | None) -> tuple[dict[str, Any], str]:
    """Return the error body as the client reads it, and its media type."""
    return (problem_of(body, status), MEDIA_TYPE) if is_wanted(request) else (body, "application/json")


def is_wanted(request: HttpRequest | Request | None) -> bool:
    """Whether ``Accept`` names problem details, with a weight that is not 0 (RFC 9110 section 12.5.1)."""
    header = request.META.get("HTTP_ACCEPT", "") if request is not None else ""
    return any(_names_us(part) for part in header.split(","))


def _names_us(media_range: str) -> bool:
    name, *parameters = (part.strip() for part in media_range.split(";"))
    return name.lower() == MEDIA_TYPE and not any(_REFUSED.fullmatch(each) for each in parameters)


def problem_of(body: dict[str, Any], status: int) -> dict[str, Any]:
    """Return an error body as a problem.

    ``type`` is ``about:blank``, so ``title`` is the status' own phrase (RFC 9457 section 4.2.1); programs read
    ``failure_reason``, which is stable, and the other extension members are those of the plain body.
    """
    extension = {key: value for key, value in body.items() if key not in ("http_code", "message")}
    return {
        "type": "about:blank",
        "title": body["http_code"],
        "status": status,
        "detail": body["message"],
        **extension,
    }
