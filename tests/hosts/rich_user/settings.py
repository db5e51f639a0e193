"""The default host but for its user, and with passwords."""

from __future__ import annotations

from tests.settings import *
from tests.settings import INSTALLED_APPS, SECURELOGIN

INSTALLED_APPS = [*INSTALLED_APPS, "tests.hosts.rich_user.zz_people"]
AUTH_USER_MODEL = "zz_people.Person"
SECURELOGIN = {**SECURELOGIN, "AUTH_TYPES": ("PHONE", "PASSWORD")}
