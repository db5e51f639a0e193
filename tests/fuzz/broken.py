"""A host that breaks the contract in one way, which a fuzzer that is not blind has to find."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from os import environ

from django.http import HttpRequest, HttpResponse

Break = Callable[[HttpRequest, HttpResponse], None]


def _may_be_cached(_request: HttpRequest, response: HttpResponse) -> None:
    if response.status_code == 405:
        del response["Cache-Control"]


def _crashes(request: HttpRequest, response: HttpResponse) -> None:
    if request.GET.get("page_size", "").startswith("-"):
        response.status_code = 500


def _tells_too_much(request: HttpRequest, response: HttpResponse) -> None:
    if response.status_code == 400 and request.path.endswith("/verify_sms"):
        response.content = json.dumps({**json.loads(response.content), "trace": "line 1"}).encode()


def _lets_anyone_in(request: HttpRequest, response: HttpResponse) -> None:
    if response.status_code == 401 and request.path.endswith("/sessions"):
        response.status_code = 200
        response.content = b'{"count": 0, "next": null, "previous": null, "results": []}'
        del response["WWW-Authenticate"]


BREAKS: Mapping[str, Break] = {
    "cache": _may_be_cached,
    "crash": _crashes,
    "shape": _tells_too_much,
    "auth": _lets_anyone_in,
}


class BreakingMiddleware:
    """Breaks what ``FUZZ_BREAK`` says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.spoil = BREAKS[environ["FUZZ_BREAK"]]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        self.spoil(request, response)
        response["Content-Length"] = str(len(response.content))
        return response
