"""What the served hosts add to each answer, so that a burst can tell how many processes took part in it."""

from __future__ import annotations

import os
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "X-Worker"


class WorkerMiddleware:
    """Name the worker process in the header ``X-Worker``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response[HEADER] = str(os.getpid())
        return response
