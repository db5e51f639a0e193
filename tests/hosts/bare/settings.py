"""The least that ``securelogin`` needs."""

from __future__ import annotations

from tests.settings import AUTH_USER_MODEL as AUTH_USER_MODEL
from tests.settings import DATABASES as DATABASES
from tests.settings import PASSWORD_HASHERS as PASSWORD_HASHERS
from tests.settings import SECRET_KEY as SECRET_KEY
from tests.settings import SECURELOGIN as SECURELOGIN

ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "securelogin",
]
ROOT_URLCONF = "tests.hosts.bare.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
