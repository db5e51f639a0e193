"""Every parameter of the API as sqlmap wants it: raw requests with a ``*`` behind each place to inject into."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.fuzz.people import STRONG, People

NOBODY = UUID("6f1f64a4-6a54-4e4c-9d0d-3a1a3f0b7c11")
KEY = "k" * 32
AGENT = "Fuzzer/1.0"
ADDRESS = "198.18.0.1"


@dataclass(frozen=True)
class Target:
    """One raw request; how many places are marked in it, and what is in it beside."""

    name: str
    request: str
    places: int


def of_the_api(people: People) -> Iterator[Target]:
    """Yield the requests that together have every parameter, with live tokens where one is asked for."""
    phone = people.next_number()
    yield _post("register", {"auth_type": "PHONE", "username": "Ada", "phone": phone})
    registered = {"auth_type": "PASSWORD", "username": "Ada", "email": "ada@example.com", "password": STRONG}
    yield _post("register", {**registered, "device": "phone"}, fixed=("auth_type",))
    yield _post("login", {"auth_type": "PHONE", "phone": phone, "device_token": "x:y:z"}, agent=AGENT, address=ADDRESS)
    by_email = {"auth_type": "PASSWORD", "email": "nobody@example.com", "password": "x", "device": "phone"}
    yield _post("login_sms", by_email, fixed=("auth_type",))
    guess = {"userid": str(NOBODY), "phone": phone, "token": "123456", "device_token": "x:y:z", "device": "phone"}
    yield _post("verify_sms", guess, agent=AGENT, address=ADDRESS)
    yield _post("refresh", {"refresh_token": people.take()["refresh_token"]}, key=KEY)
    person = people.take()
    yield _post("logout", {"refresh_token": person["refresh_token"]}, token=person["access_token"])
    person = people.take()
    body = {"refresh_token": person["refresh_token"]}
    yield _post("logout_all_other_sessions", body, token=person["access_token"])
    yield _post("logout_all", {}, token=people.take()["access_token"])
    member = people.somebody_with_a_password()["access_token"]
    yield _post("password", {"oldpassword": "not the old one", "newpassword": STRONG}, token=member)
    yield _get("sessions?page=1*&page_size=50*", people.take()["access_token"])
    yield _delete(f"sessions/{NOBODY}*", people.take()["access_token"])


def of_the_injectable_view() -> Iterator[Target]:
    """Yield one request for each hole of the view that has them."""
    yield Target("a field of the body", _raw("POST", "injectable/x?page=x", {}, '{"device": "admin*"}'), 1)
    yield Target("the path", _raw("POST", "injectable/admin*?page=x", {}, "{}"), 1)
    yield Target("the query", _raw("POST", "injectable/x?page=admin*", {}, "{}"), 1)
    yield Target("a header", _raw("POST", "injectable/x?page=x", {"Idempotency-Key": "admin*"}, "{}"), 1)


def _post(
    route: str,
    body: Mapping[str, Any],
    *,
    token: str = "",
    key: str = "",
    agent: str = "",
    address: str = "",
    fixed: tuple[str, ...] = (),
) -> Target:
    marked = {name: value if name in fixed else f"{value}*" for name, value in body.items()}
    given = {
        "Authorization": token and f"Bearer {token}",
        "Idempotency-Key": key,
        "User-Agent": agent,
        "X-Forwarded-For": address,
    }
    headers = {name: f"{text}*" for name, text in given.items() if text}
    return _target(route, _raw("POST", route, headers, json.dumps(marked)))


def _get(route: str, token: str) -> Target:
    return _target(route, _raw("GET", route, {"Authorization": f"Bearer {token}"}))


def _delete(route: str, token: str) -> Target:
    return _target(route, _raw("DELETE", route, {"Authorization": f"Bearer {token}"}))


def _target(name: str, request: str) -> Target:
    return Target(name, request, request.count("*"))


def _raw(method: str, route: str, headers: Mapping[str, str], body: str = "") -> str:
    given = {"Host": "127.0.0.1:{port}", "Content-Type": "application/json", "User-Agent": AGENT, **headers}
    lines = [f"{method} /api/auth/{route} HTTP/1.1", *[f"{name}: {text}" for name, text in given.items()]]
    return "\r\n".join([*lines, "", body])
