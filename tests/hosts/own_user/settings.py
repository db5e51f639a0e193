"""The default host but for its user, who has no display name and no e-mail address, and something of its own."""

from __future__ import annotations

from tests.settings import *
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.hosts.own_user.zz_members"]
AUTH_USER_MODEL = "zz_members.Member"
