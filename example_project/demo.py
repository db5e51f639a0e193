"""The example project in one command: ``python -m example_project.demo``, with another address behind it if need be.

Makes an SQLite database and someone for its admin, and serves on loopback with codes printed to the console.
"""

from __future__ import annotations

import os
import secrets
import sys

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command

ADDRESS = "127.0.0.1:8000"
STAFF_PHONE = "+12025550143"
WELCOME = """
Serving on http://{address}, until Ctrl-C. Codes appear below.

  curl     curl -H 'Content-Type: application/json' \\
             -d '{{"auth_type": "PHONE", "phone": "+12025550123"}}' http://{address}/api/auth/login
  browser  http://{address}/admin/  with phone {phone} and password {password}
"""


def main(address: str = ADDRESS) -> None:
    """Migrate, say where to look, and serve until interrupted."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    os.environ.setdefault("DJANGO_DEBUG", "1")
    django.setup()
    call_command("migrate", verbosity=0)
    print(WELCOME.format(address=address, phone=STAFF_PHONE, password=_staff_password()), flush=True)
    call_command("runserver", address, use_reloader=False)


def _staff_password() -> str:
    """Give the demo's one member of staff a new password, each time."""
    user, _ = get_user_model().objects.get_or_create(phone=STAFF_PHONE, defaults={"username": "Demo Admin"})
    password = secrets.token_urlsafe(9)
    user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    return password


if __name__ == "__main__":
    main(*sys.argv[1:])
