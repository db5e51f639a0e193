"""One client with one kept-alive connection that measures how long each answer takes."""

from __future__ import annotations

import gc
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.races.bursts import Address

PATIENCE = 60.0
"""Seconds for one answer, the first of which waits for the server to come up."""


class Client:
    """Sends prepared requests, one after the other."""

    def __init__(self, address: Address) -> None:
        self.connection = socket.create_connection(address, timeout=PATIENCE)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def take(self, request: bytes) -> tuple[int, float]:
        """Send one request; returns the status and the milliseconds until the whole answer was here."""
        began = time.perf_counter_ns()
        self.connection.sendall(request)
        answer = self._receive()
        took = time.perf_counter_ns() - began
        return int(answer[9:12]), took / 1e6

    def _receive(self) -> bytes:
        content = b""
        while (end := _end(content)) is None or len(content) < end:
            self._acknowledge_at_once()
            received = self.connection.recv(65536)
            if not received:
                raise ConnectionError("the server closed the connection")
            content += received
        return content

    def _acknowledge_at_once(self) -> None:
        """Or the server, which sends headers and body apart, waits 40 ms for the delayed ACK of the first."""
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _end(content: bytes) -> int | None:
    """Return how long the answer is, or None where its headers are not all here."""
    head, separator, _body = content.partition(b"\r\n\r\n")
    if not separator:
        return None
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(head) + len(separator) + int(length)


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep Python's garbage collector from pausing this process."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def warm_up(client: Client, requests: Sequence[bytes]) -> set[int]:
    """Send every request once, unmeasured; returns the statuses."""
    return {client.take(request)[0] for request in requests}
