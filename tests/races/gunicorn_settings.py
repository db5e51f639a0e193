"""gunicorn's settings file: as a host would run it. Names that an older gunicorn does not know are ignored by it."""

from __future__ import annotations

from django.urls import get_resolver

workers = 4
preload_app = True
worker_class = "gthread"
threads = 4
worker_connections = threads  # none takes what another could answer: a burst meets all of them
keepalive = 0
timeout = 120
loglevel = "warning"
control_socket_disable = True


def when_ready(_server: object) -> None:
    """Import the views before the workers part, as the application itself."""
    assert get_resolver().url_patterns
