"""The default host of the tests: the example project, with codes in memory and quick password hashes.

``DATABASE_URL`` and ``REDIS_URL`` say where to test; ``python -m tests.databases`` sets both.
"""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SECRET_KEY", "a key for tests, long enough for every check and known to everyone")

from example_project.settings import *
from example_project.settings import DATABASES

DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
SECURELOGIN = {"SMS": {"default": {"BACKEND": "securelogin.sms.locmem.SMSBackend"}}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # In a file: a database in memory answers a second thread with "locked" at once instead of letting it wait.
    DATABASES["default"]["TEST"] = {"NAME": f"{DATABASES['default']['NAME']}-test"}
