"""The projects that are compared: each the same small site, with one package that lets people in.

All have a protected view, persistent connections, no middleware, JSON alone and no limits, so that what differs is the
package. simplejwt rotates and blacklists, as whoever wants a logout has to set it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

KEY = "a key for benchmarks, long enough for every check and known to everyone"


@dataclass(frozen=True)
class Project:
    """One package as a site mounts it. ``checks`` says what a protected call of it asks."""

    name: str
    package: str
    checks: str
    apps: tuple[str, ...]
    authentication: str
    settings: Mapping[str, Any] = field(default_factory=dict)


PROJECTS = {
    project.name: project
    for project in (
        Project(
            "securelogin",
            "django-securelogin",
            "signature, session, user",
            ("rest_framework_simplejwt.token_blacklist", "securelogin"),
            "securelogin.api.authentication.JWTAuthentication",
            {
                "AUTH_USER_MODEL": "securelogin.User",
                "SECURELOGIN": {
                    "SMS": {"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}},
                    "RESEND_PAUSES": (timedelta(0),),
                    "SENDS_PER_HOUR": 10**9,
                    "SENDS_PER_DAY": 10**9,
                    "LIMITS": {},  # filled in below, once Django can be imported
                },
            },
        ),
        Project(
            "simplejwt",
            "djangorestframework-simplejwt",
            "signature, user",
            ("rest_framework_simplejwt.token_blacklist",),
            "rest_framework_simplejwt.authentication.JWTAuthentication",
            {
                "SIMPLE_JWT": {
                    "ROTATE_REFRESH_TOKENS": True,
                    "BLACKLIST_AFTER_ROTATION": True,
                    "SIGNING_KEY": KEY,
                }
            },
        ),
        Project("knox", "django-rest-knox", "token, user", ("knox",), "knox.auth.TokenAuthentication"),
    )
}

Send = Callable[..., Any]
"""``send(path, body, token)`` posts JSON, with a token in the header, and returns the JSON that came back."""


def settings_of(project: Project, database: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of its site."""
    settings = {
        "SECRET_KEY": KEY,
        "ALLOWED_HOSTS": ["*"],
        "DATABASES": {"default": {**database, "CONN_MAX_AGE": None}},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "INSTALLED_APPS": ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", *project.apps],
        "LOGGING_CONFIG": None,
        "MIDDLEWARE": [],
        "REST_FRAMEWORK": {
            "DEFAULT_AUTHENTICATION_CLASSES": [project.authentication],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
            "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        },
        "ROOT_URLCONF": "benchmarks.urls",
        "TEMPLATES": [],
        "USE_TZ": True,
        **project.settings,
    }
    if project.name == "securelogin":
        from securelogin.conf import DEFAULT_LIMITS

        settings["SECURELOGIN"] = {**settings["SECURELOGIN"], "LIMITS": dict.fromkeys(DEFAULT_LIMITS)}
    return settings
