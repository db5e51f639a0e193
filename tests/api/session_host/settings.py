"""The default host, but that DRF is left as it comes, with Django's sessions as the way in."""

from __future__ import annotations

from typing import Any

from tests.settings import *

every_default: Any = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "0/day"},
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "DEFAULT_METADATA_CLASS": None,
    "ALLOWED_VERSIONS": ["1"],
    "PAGE_SIZE": 1,
    "NON_FIELD_ERRORS_KEY": "all",
    "URL_FORMAT_OVERRIDE": "page",
}
REST_FRAMEWORK = every_default
ROOT_URLCONF = "tests.api.host_urls"
