"""The app as a project mounts it: its own authentication for every view, nothing taken out.

Limits are off, as the peers have none. ``BENCH_LIMITS`` turns them on, so wide that nothing is refused; it says where
they count, ``database`` or a Redis URL. ``BENCH_ACCESS_CHECK`` is the setting of that name.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from django_base import *  # what all contenders share

from securelogin.conf import DEFAULT_LIMITS

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "securelogin",
]
AUTH_USER_MODEL = "securelogin.User"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["securelogin.api.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}
STORAGE = os.environ.get("BENCH_LIMITS", "")
PLENTY = 10**9
SECURELOGIN: dict[str, Any] = {
    "SMS": {"default": {"BACKEND": "app.SMSBackend"}},
    "RESEND_PAUSES": (timedelta(0),),
    "SENDS_PER_HOUR": PLENTY,
    "SENDS_PER_DAY": PLENTY,
    "LIMITS": dict.fromkeys(DEFAULT_LIMITS, f"{PLENTY}/day" if STORAGE else None),
    "LIMITS_STORAGE": STORAGE or "database",
    "ACCESS_CHECK": os.environ.get("BENCH_ACCESS_CHECK", "session"),
}
