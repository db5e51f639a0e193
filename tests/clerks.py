"""Members of staff at work in the admin, and what others do while a page of theirs is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from tests.services.beside import beside

User = get_user_model()
PASSWORD = "a long way to Tipperary"


def clerk(phone: str = "+12025550199") -> Client:
    """Return the browser of a superuser who is logged in."""
    client = Client()
    boss: Any = User.objects.create_superuser(phone)
    client.force_login(boss)
    return client


@contextmanager
def on(signal: Any, user: Any, act: Callable[[Any], None], *, times: int = 1) -> Iterator[None]:
    """Do something the first times that a signal of this user comes; they must all come."""
    left = times

    def hear(instance: Any, **_message: Any) -> None:
        nonlocal left
        if instance.pk == user.pk and left:
            left -= 1
            act(instance)

    signal.connect(hear, sender=User)
    try:
        yield
    finally:
        signal.disconnect(hear, sender=User)
    assert left == 0


@contextmanager
def meanwhile(signal: Any, user: Any, verb: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """Do something beside the page when the signal comes, for a second; what waits for the page ends after it."""
    done: list[Future[Any]] = []

    def act(_instance: Any) -> None:
        done.append(beside(pool, verb))
        wait(done, timeout=1)

    with ThreadPoolExecutor(1) as pool, on(signal, user, act):
        yield done
    wait(done, timeout=20)


def fields(user: Any, **changes: str) -> dict[str, str]:
    """Return what the form of an active user posts; an empty text leaves a field out."""
    found = {"phone": user.phone, "username": user.username, "email": user.email, "is_active": "on", **changes}
    return {name: value for name, value in found.items() if value}


def post(staff: Client, way: str, user: Any, **options: Any) -> Any:
    """Do to a user what the way says."""
    if way == "delete selected":
        data = {"action": "delete_selected", "_selected_action": str(user.pk), "post": "yes"}
        return staff.post(reverse("admin:securelogin_user_changelist"), data, **options)
    if way == "password":
        path = reverse("admin:auth_user_password_change", args=[user.pk])
        return staff.post(path, {"password1": PASSWORD, "password2": PASSWORD}, **options)
    path = reverse(f"admin:securelogin_user_{way}", args=[user.pk])
    return staff.post(path, {**fields(user, is_staff="on"), "post": "yes"}, **options)


def change(staff: Client, user: Any, query: str = "", **changes: str) -> Any:
    """Post the form of a user with some changes."""
    path = reverse("admin:securelogin_user_change", args=[user.pk])
    return staff.post(f"{path}{query}", fields(user, **changes))


def is_done(way: str, user: Any) -> bool:
    """Whether the way was gone to its end."""
    found = User.objects.filter(pk=user.pk).first()
    if way.startswith("delete"):
        return found is None
    assert found is not None
    return found.check_password(PASSWORD) if way == "password" else found.is_staff
