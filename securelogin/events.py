"""Security events: one structured record for each, on a logger and as a signal.

Names are those of the OWASP Logging Vocabulary where it has one. A record holds no code, no token, no session id and
no whole number: a number is masked and named by a keyed digest, under which two events of one number meet.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

from . import keys, phones, signals
from .addresses import Client, plain_text
from .phones import E164

logger = logging.getLogger("securelogin.audit")

MAX_REQUEST_ID = 64
"""Characters of ``X-Request-ID`` that are kept."""


class Event(str, Enum):
    """What happened."""

    LOGIN_SUCCESS = "authn_login_success"
    LOGIN_FAIL = "authn_login_fail"
    """A wrong code or password, also one that came too late."""
    LOGIN_FAIL_MAX = "authn_login_fail_max"
    """A guess that was not looked at, because its budget is spent."""
    LOGIN_LOCK = "authn_login_lock"
    """The failure that spent a budget; ``window`` says which."""
    LOGIN_SPRAY = "authn_login_spray"
    """Strangers failed at so many numbers that the site as a whole is being guessed at."""
    CODE_SENT = "authn_code_sent"
    CODE_NOT_SENT = "authn_code_not_sent"
    PASSWORD_CHANGE = "authn_password_change"
    PASSWORD_CHANGE_FAIL = "authn_password_change_fail"
    TOKEN_CREATED = "authn_token_created"
    """A device proved its number for the first time and got a device token."""
    TOKEN_REVOKED = "authn_token_revoked"
    """A session was ended by somebody or something else than its owner's logout; ``reason`` says which."""
    TOKEN_REUSE = "authn_token_reuse"
    SESSION_CREATED = "session_created"
    SESSION_RENEWED = "session_renewed"
    SESSION_EXPIRED = "session_expired"
    """A refresh token came after its time."""
    SESSION_LOGOUT = "session_logout"
    SESSION_USE_AFTER_EXPIRE = "session_use_after_expire"
    """A token of a session that is over."""
    USER_CREATED = "user_created"
    RATE_LIMIT = "excess_rate_limit_exceeded"
    """A call was refused with 429; ``limit`` says by which limit or budget."""


FAILURES = frozenset(
    {
        Event.LOGIN_FAIL,
        Event.LOGIN_FAIL_MAX,
        Event.LOGIN_LOCK,
        Event.LOGIN_SPRAY,
        Event.CODE_NOT_SENT,
        Event.PASSWORD_CHANGE_FAIL,
        Event.TOKEN_REUSE,
        Event.SESSION_EXPIRED,
        Event.SESSION_USE_AFTER_EXPIRE,
        Event.RATE_LIMIT,
    }
)
"""Events whose outcome is a failure; they are warnings, the others information."""


@dataclass(frozen=True)
class SecurityEvent:
    """One record. A text that is not known is empty."""

    event: Event
    outcome: str
    """``"success"`` or ``"failure"``."""
    at: str
    """UTC, ISO 8601."""
    user: str = ""
    """The user's primary key."""
    phone: str = field(default="", repr=False)
    """Masked: ``+1*****43``."""
    phone_digest: str = ""
    """Keyed, 32 hex digits."""
    session: str = ""
    """A keyed digest of the session's id, 16 hex digits."""
    ip: str = ""
    user_agent: str = ""
    route: str = ""
    """The name of the view, such as ``securelogin:login``; a path can hold an id."""
    request_id: str = ""
    """``X-Request-ID``, as a proxy of the project's sets it."""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return one line of ASCII: no text of a caller's can begin another (CWE-117)."""
        return json.dumps(vars(self), separators=(",", ":"), default=str)


def announce(
    event: Event,
    *,
    client: Client | None = None,
    phone: E164 | str | None = None,
    user_id: Any = None,
    session_id: UUID | None = None,
    **detail: Any,
) -> None:
    """Write the record to ``securelogin.audit`` and send ``signals.security_event``. Call it after the commit.

    The log line is JSON; its ``LogRecord`` has the ``SecurityEvent`` in ``security_event``.
    """
    level = logging.WARNING if event in FAILURES else logging.INFO
    if not logger.isEnabledFor(level) and not signals.security_event.has_listeners(SecurityEvent):
        return
    record = SecurityEvent(
        event=event,
        outcome="failure" if event in FAILURES else "success",
        at=dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds"),
        user="" if user_id is None else str(user_id),
        phone=phones.mask(phone),
        phone_digest=phones.digest(E164(phone)) if phone else "",
        session=session_digest(session_id) if session_id else "",
        detail=detail,  # no proxy of it: that cannot be pickled, and logs go to queues and sockets
        **_where(client),
    )
    logger.log(level, "%s", record.as_json(), extra={"security_event": record})
    signals.security_event.send_robust(SecurityEvent, event=record)


def session_digest(session_id: UUID) -> str:
    """Return the name under which events speak of a session, 16 hex digits."""
    return keys.digest("session", str(session_id))[:16]


def _where(client: Client | None) -> dict[str, str]:
    if client is None:
        return {}
    found = {"ip": str(client.address or ""), "user_agent": client.user_agent}
    if client.request is None:
        return found
    match = client.request.resolver_match
    request_id = plain_text(client.request.headers.get("X-Request-ID", ""), MAX_REQUEST_ID)
    return {**found, "route": match.view_name if match else "", "request_id": request_id}
