"""The test clients through Django's ASGI handler: ``TESTS_GATEWAY=asgi``, or ``tox -e asgi``."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.http import HttpResponseBase
from django.test.client import AsyncClientHandler
from rest_framework.test import force_authenticate

IS_ASGI = os.environ.get("TESTS_GATEWAY") == "asgi"


class ASGIHandler(AsyncClientHandler):
    """Answers a WSGI environ as a server of ASGI would have it answered: views run in a thread beside the loop."""

    _force_user: Any = None
    _force_token: Any = None

    def __call__(self, environ: dict[str, Any]) -> HttpResponseBase:  # type: ignore[override]  # Django's is a coroutine
        """Answer one request."""
        response: Any = async_to_sync(super().__call__)(_scope(environ))
        response.wsgi_request = response.asgi_request
        answer: HttpResponseBase = response
        return answer

    async def get_response_async(self, request: Any) -> Any:
        """Let in whom the test let in, as ``rest_framework.test`` does."""
        force_authenticate(request, self._force_user, self._force_token)
        return await super().get_response_async(request)


def _scope(environ: dict[str, Any]) -> dict[str, Any]:
    """Say the same in the words of ASGI."""
    headers = [
        (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), str(value).encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    ]
    scope = {
        "asgi": {"version": "3.0"},
        "type": "http",
        "http_version": "1.1",
        "scheme": environ["wsgi.url_scheme"],
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": headers,
        "client": [environ["REMOTE_ADDR"], 0] if environ.get("REMOTE_ADDR") else None,
        "server": [environ["SERVER_NAME"], int(environ["SERVER_PORT"])],
    }
    return {**scope, "_body_file": environ["wsgi.input"]} if "wsgi.input" in environ else scope


def install() -> None:
    """Have every test client made from now on go this way."""
    for name in ("django.test.client.ClientHandler", "rest_framework.test.ForceAuthClientHandler"):
        mock.patch(name, ASGIHandler).start()
