"""The known difference that the gate has to see."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "X-Delay"
DELAY = 0.0005
"""Seconds."""


class DelayMiddleware:
    """Hold a call back that says ``X-Delay: 1``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.headers.get(HEADER) == "1":
            time.sleep(DELAY)
        return self.get_response(request)
