"""The example project as it faces the internet: ``DJANGO_SETTINGS_MODULE=example_project.production``.

It stands behind one proxy that ends TLS, sets ``X-Forwarded-Proto`` and appends to ``X-Forwarded-For``. gunicorn
believes the first header where it comes from an address in its ``--forwarded-allow-ips``.
"""

from __future__ import annotations

from os import environ

from . import environment
from .settings import *
from .settings import DATABASES, MIDDLEWARE, SECURELOGIN

DEBUG = False
ALLOWED_HOSTS = environment.words(environment.required(environ, "DJANGO_ALLOWED_HOSTS"))
SECRET_KEY = environment.required(environ, "DJANGO_SECRET_KEY")

# A browser is sent on to https. An API client is told off instead: it has already shown its token to the network,
# and would go on doing so if a redirect made it work (OWASP ASVS 5.0, 4.1.2).
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^api/"]
# Last, so that the refusal carries the headers of the others, none of which reads a token.
MIDDLEWARE = [*MIDDLEWARE, "example_project.middleware.refuse_plain_http"]
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

DATABASES["default"].update(CONN_MAX_AGE=600, CONN_HEALTH_CHECKS=True)
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["OPTIONS"].update(server_side_binding=True, prepare_threshold=2)

environment.required(environ, "SECURELOGIN_SMS")  # the console, where it would be by default, ends in somebody's log
SECURELOGIN = {
    **SECURELOGIN,
    # An answer that waits for the provider tells by its time which numbers are sent a code.
    "SEND": "thread",
    # Where your users live. Every region more is one more that SMS pumping can bill you for.
    "ALLOWED_REGIONS": ("CA", "DE", "FR", "GB", "US"),
    "TRUSTED_PROXY_COUNT": 1,
}
