"""The calls that scenarios send, and the values that they pass between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from securelogin.phones import E164

from .bursts import Answer, Call

PREFIX = "/api/auth/"


@dataclass(frozen=True)
class Ticket:
    """What an ask leaves in the hands of the person who asked."""

    phone: E164
    userid: str
    code: str = field(repr=False)


@dataclass(frozen=True)
class Tokens:
    """What a verified login answers."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    device: str = field(default="", repr=False)


def login(phone: str, device: str | None = None, *, address: str | None = None) -> Call:
    """Ask for a code, from ``address`` where one is given."""
    body = {"auth_type": "PHONE", "phone": phone, **({"device_token": device} if device else {})}
    return Call("POST", f"{PREFIX}login", body, headers={"X-Forwarded-For": address} if address else {})


def register(phone: str) -> Call:
    """Leave a display name for a number."""
    return Call("POST", f"{PREFIX}register", {"auth_type": "PHONE", "phone": phone, "username": "A Name"})


def log_in_with_password(phone: str, password: str) -> Call:
    """Send a password."""
    return Call("POST", f"{PREFIX}login", {"auth_type": "PASSWORD", "phone": phone, "password": password})


def register_with_password(email: str, password: str) -> Call:
    """Make an account with an e-mail address and a password."""
    body = {"auth_type": "PASSWORD", "username": "A Name", "email": email, "password": password}
    return Call("POST", f"{PREFIX}register", body)


def change_password(access_token: str, old: str, new: str) -> Call:
    """Change the caller's password."""
    return Call("POST", f"{PREFIX}password", {"oldpassword": old, "newpassword": new}, bearer=access_token)


def verify(ticket: Ticket, code: str | None = None, device: str | None = None, *, spelled: str | None = None) -> Call:
    """Send the ticket's code or another one, the number in another spelling where one is given."""
    body: dict[str, Any] = {
        "userid": ticket.userid,
        "phone": spelled or ticket.phone,
        "token": code or ticket.code,
        **({"device_token": device} if device else {}),
    }
    return Call("POST", f"{PREFIX}verify_sms", body)


def refresh(refresh_token: str, key: str | None = None) -> Call:
    """Refresh, with an ``Idempotency-Key`` where one is given."""
    headers = {"Idempotency-Key": key} if key else {}
    return Call("POST", f"{PREFIX}refresh", {}, bearer=refresh_token, headers=headers)


def protected(access_token: str) -> Call:
    """Call a protected view of the host."""
    return Call("POST", f"{PREFIX}op", {}, bearer=access_token)


def logout(access_token: str) -> Call:
    """End the caller's session."""
    return Call("POST", f"{PREFIX}logout", {}, bearer=access_token)


def logout_others(access_token: str) -> Call:
    """End the caller's other sessions."""
    return Call("POST", f"{PREFIX}logout_all_other_sessions", {}, bearer=access_token)


def logout_all(access_token: str) -> Call:
    """End every session of the caller's, this one too."""
    return Call("POST", f"{PREFIX}logout_all", {}, bearer=access_token)


def tokens(answer: Answer) -> Tokens:
    """Read the tokens of a 200."""
    return Tokens(answer.body["access_token"], answer.body["refresh_token"], answer.body.get("device_token", ""))
