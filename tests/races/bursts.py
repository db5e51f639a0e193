"""Many requests at the same moment, over connections that are open before the first byte is sent."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

Address = tuple[str, int]

PATIENCE = 60.0
"""Seconds after which a request counts as not answered."""

NO_ANSWER = 0


@dataclass(frozen=True)
class Call:
    """One request, prepared: ``body`` is sent as JSON, ``form`` as a form. Its repr shows neither body nor token."""

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, Any] | None = field(default=None, repr=False)

    def encoded(self) -> bytes:
        """Return the bytes of the request; the server is asked to close the connection."""
        content = b"" if self.body is None else json.dumps(self.body).encode()
        if self.form is not None:
            content = urlencode(self.form, doseq=True).encode()
        headers = {
            "Host": "127.0.0.1",
            "Connection": "close",
            "Content-Type": "application/json" if self.form is None else "application/x-www-form-urlencoded",
            "Content-Length": str(len(content)),
            **self.headers,
        }
        if self.bearer is not None:
            headers["Authorization"] = f"Bearer {self.bearer}"
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + content


@dataclass(frozen=True)
class Answer:
    """What came back, and when, on the monotonic clock.

    ``status`` is 0 where nothing did; the repr leaves the body out, which may hold tokens.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    worker: str = ""
    at: float = 0.0

    @property
    def face(self) -> str:
        """Status and reason, as a client tells answers apart: ``400 SMSVerifyFailure``."""
        reason = self.body.get("failure_reason") or self.body.get("code") or ""
        return f"{self.status} {reason}".strip()


def send(address: Address, calls: Sequence[Call], *, patience: float = PATIENCE) -> list[Answer]:
    """Send all calls at once and return their answers in the order of the calls.

    Every connection is open and every request encoded before the first byte goes out; then one loop writes them all,
    which takes about a millisecond for fifty. What has not answered after ``patience`` seconds has status 0.
    """
    requests = [call.encoded() for call in calls]
    connections: list[socket.socket] = []
    try:
        for _ in requests:
            connections.append(socket.create_connection(address, timeout=patience))
        for connection, request in zip(connections, requests, strict=True):
            connection.sendall(request)
        received = _receive(connections, time.monotonic() + patience)
    finally:
        for connection in connections:
            connection.close()
    return [_parse(content, at) for content, at in received]


def _receive(connections: Sequence[socket.socket], deadline: float) -> list[tuple[bytes, float]]:
    received = [bytearray() for _ in connections]
    ends = [0.0 for _ in connections]
    with selectors.DefaultSelector() as selector:
        for index, connection in enumerate(connections):
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, index)
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _events in selector.select(left):
                content = _read(connections[key.data])
                received[key.data] += content
                if not content:
                    ends[key.data] = time.monotonic()
                    selector.unregister(key.fileobj)
                    connections[key.data].close()  # gunicorn lingers, for seconds, until the client has closed too
    return [(bytes(content), end) for content, end in zip(received, ends, strict=True)]


def _read(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


class _Replay:
    """The one method of a socket that ``HTTPResponse`` needs."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def makefile(self, *_args: Any, **_kwargs: Any) -> BytesIO:
        return BytesIO(self.content)


def _parse(content: bytes, at: float) -> Answer:
    response = HTTPResponse(_Replay(content))  # type: ignore[arg-type]
    try:
        response.begin()
        text = response.read()
    except HTTPException:
        return Answer(NO_ANSWER, at=at)
    return Answer(response.status, _read_json(text), response.headers.get("X-Worker", ""), at)


def _read_json(text: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
