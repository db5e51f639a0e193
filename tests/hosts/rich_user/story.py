"""What becomes of names in this host: ``python -m tests.hosts.rich_user.story``. Prints each status, and the names."""

from __future__ import annotations

import django
from django.contrib.auth import get_user_model
from django.test import Client

from securelogin.sms.locmem import outbox
from tests.visits import read_code

LONG_NAME = "Ada, Countess of Lovelace"


def post(route: str, body: dict[str, str]) -> dict[str, str]:
    """Post, and print how it went."""
    response = Client().post(f"/api/auth/{route}", body, content_type="application/json")
    print(route, response.status_code)
    return dict(response.json())


def visit(phone: str) -> None:
    """Register a name that another has by then, and log in, as a new and as a known number."""
    post("register", {"auth_type": "PHONE", "username": LONG_NAME, "phone": phone})
    userid = post("login", {"auth_type": "PHONE", "phone": phone})["userid"]
    post("verify_sms", {"userid": userid, "phone": phone, "token": read_code(outbox[-1].body)})


def register(email: str) -> None:
    """Register with a password."""
    names = {"auth_type": "PASSWORD", "username": LONG_NAME}
    post("register", {**names, "email": email, "password": "a long way to Tipperary"})


if __name__ == "__main__":
    django.setup()
    visit("+12025550123")
    visit("+12025550124")
    register("ada@example.com")
    register("ada@example.com")
    print(sorted(len(person.username) for person in get_user_model().objects.all()))
