"""The example project, with everything loaded before gunicorn forks: a worker that dies is replaced at once."""

from __future__ import annotations

import limits.storage
import redis
import twilio.rest
from django.urls import get_resolver

from example_project.wsgi import application

__all__ = ["application", "limits", "redis", "twilio"]

_routes = get_resolver().url_patterns
