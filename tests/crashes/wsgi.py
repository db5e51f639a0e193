"""The example project, with everything loaded before gunicorn forks: a worker that dies is replaced at once."""

from __future__ import annotations

import os
from importlib import import_module

import limits.storage
import redis

from example_project.wsgi import application

__all__ = ["application", "limits", "redis"]

if os.environ.get("CRASHES_PROVIDER"):
    import_module("twilio.rest")
