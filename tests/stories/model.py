"""The model of a site: its users, rows and sessions, and what each call must answer.

Written from the design and the API's paper, on values alone: it reads no table and calls no verb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from .model_codes import DAY, Row
from .model_sessions import ENDED, INACTIVE, SESSION_LIFETIME, Session, Token

ANYONE = "anyone"
REJECTED = "SMSVerifyFailure"


@dataclass
class User:
    """An account. ``born_at`` is a whole second: with the key it is the name that its devices know it by."""

    phone: str | None
    born_at: datetime
    is_active: bool = True
    display_name: str = ""


@dataclass(frozen=True)
class DeviceToken:
    """The token of a known device, with what the site knows of it."""

    text: str = field(repr=False)
    phone: str
    user: UUID
    born_at: datetime
    asker: str
    secret: str = field(repr=False)
    signed_at: datetime


@dataclass(frozen=True)
class Ask:
    """What an ask must answer, and whether somebody gets a text."""

    row: Row
    reason: str = ""
    wait: int = 0
    is_sent: bool = False


@dataclass(frozen=True)
class Guess:
    """What became of a guess. ``row`` is None where nothing could be tried."""

    row: Row | None
    asker: str
    is_right: bool = False
    opens: bool = False
    display_name: str = ""


class Site:
    """The site as the papers say it is."""

    def __init__(self, *, secret: str, max_sessions: int | None, name_at_rest: Callable[[str, str], str]) -> None:
        self.ring = [secret]
        self.max_sessions = max_sessions
        self.name_at_rest = name_at_rest
        self.users: dict[UUID, User] = {}
        self.sessions: dict[UUID, Session] = {}
        self.rows: dict[tuple[str, str, str], Row] = {}

    # Numbers

    def owner(self, phone: str) -> UUID | None:
        """Return whose number it is."""
        return next((pk for pk, user in self.users.items() if user.phone == phone), None)

    def asker(self, phone: str, device: DeviceToken | None, at: datetime) -> str:
        """Return whose budgets a call spends: the device's, where its token is good and its row not disabled."""
        if device is None or device.phone != phone or device.secret not in self.ring:
            return ANYONE
        owner = self.owner(phone)
        if owner is None or (owner, self.users[owner].born_at) != (device.user, device.born_at):
            return ANYONE
        if at - device.signed_at > SESSION_LIFETIME:
            return ANYONE
        row = self.row(phone, device.asker)
        return ANYONE if row is not None and row.is_disabled else device.asker

    def row(self, phone: str, asker: str) -> Row | None:
        """Return the row; one that a former secret named gets its new name, with all its counts."""
        current = self.ring[0]
        for secret in self.ring:
            row = self.rows.pop((phone, asker, secret), None)
            if row is not None:
                self.rows[phone, asker, current] = row
                row.name_at_rest = self.name_at_rest(phone, asker)
                return row
        return None

    def look(self, phone: str, device: DeviceToken | None, at: datetime) -> Row | None:
        """Return a copy of the row that a call would spend; nothing is renamed by a look."""
        site = deepcopy(self)
        return site.row(phone, site.asker(phone, device, at))

    def code_of(self, phone: str, device: DeviceToken | None, at: datetime) -> str:
        """Return the newest code of the caller's row, empty where nobody was sent one."""
        row = self.look(phone, device, at)
        return row.code or "" if row is not None else ""

    def made_row(self, phone: str, asker: str) -> Row:
        """Return the row, made where there is none."""
        row = self.row(phone, asker)
        if row is None:
            row = self.rows[phone, asker, self.ring[0]] = Row(self.name_at_rest(phone, asker))
        return row

    def register(self, phone: str, display_name: str, at: datetime) -> None:
        """Leave a display name for the first verified login."""
        row = self.made_row(phone, ANYONE)
        row.display_name, row.name_expires_at = display_name, at + DAY

    def ask(self, phone: str, device: DeviceToken | None, at: datetime) -> Ask:
        """Put a new code in the row, unless a budget is spent; the inactive and the disabled are sent none."""
        row = self.made_row(phone, self.asker(phone, device, at))
        reason, wait = row.refusal(at)
        if reason:
            return Ask(row, reason, wait)
        row.renew(at, self.ring[0])
        owner = self.owner(phone)
        is_active = owner is None or self.users[owner].is_active
        return Ask(row, is_sent=is_active and not row.is_disabled)

    def guess(
        self, phone: str, code: str, device: DeviceToken | None, at: datetime, *, is_good_id: bool = True
    ) -> Guess:
        """Count the guess, compare, use the code up: in this order."""
        asker = self.asker(phone, device, at)
        row = self.row(phone, asker)
        if row is None or not row.may_be_guessed(at):
            return Guess(None, asker)
        row.count_guess(at)
        if code != row.code or row.code_secret not in self.ring or not is_good_id:
            return Guess(row, asker)
        name = row.display_name if row.name_expires_at is not None and at < row.name_expires_at else ""
        row.use_up()
        owner = self.owner(phone)
        opens = owner is None or self.users[owner].is_active
        return Guess(row, asker, is_right=True, opens=opens, display_name=name)

    # Sessions

    def is_live(self, session: Session, at: datetime) -> bool:
        """Whether its tokens open anything."""
        return session.is_unended(at) and not session.is_blacklisted and self.users[session.user].is_active

    def live(self, user: UUID, at: datetime) -> dict[UUID, Session]:
        """Return a user's live sessions."""
        return {
            sid: session for sid, session in self.sessions.items() if session.user == user and self.is_live(session, at)
        }

    def open(self, sid: UUID, user: UUID, at: datetime) -> None:
        """Write a session; over the limit the one longest unused goes."""
        mine = sorted(self.live(user, at).values(), key=lambda session: session.rotated_at)
        surplus = 0 if self.max_sessions is None else len(mine) - self.max_sessions + 1
        for session in mine[: max(0, surplus)]:
            session.close("evicted")
        self.sessions[sid] = Session(user, opened_at=at, rotated_at=at)

    def unended(self, user: UUID, at: datetime, *, kept: UUID | None = None) -> list[Session]:
        """Return a user's sessions that nothing in their row ends, but one."""
        return [
            session
            for sid, session in self.sessions.items()
            if session.user == user and session.is_unended(at) and sid != kept
        ]

    def close_all(self, user: UUID, reason: str, at: datetime, *, kept: UUID | None = None) -> int:
        """End a user's sessions but one; returns how many."""
        chosen = self.unended(user, at, kept=kept)
        for session in chosen:
            session.close(reason)
        return len(chosen)

    def reasons(self, token: Token, at: datetime, *, expired: str = "AccessTokenExpired") -> set[str]:
        """Return every reason to refuse a token; an answer may name any one of them. None where it is good."""
        if token.secret not in self.ring:
            return {"TokenInvalid"}
        found = {expired} if token.expires_at <= at else set()
        session = self.sessions.get(token.session)
        if session is None or session.end:
            return {*found, ENDED}
        if not session.is_unended(at) or session.is_blacklisted:
            found.add(ENDED)
        if not self.users[session.user].is_active:
            found.add(INACTIVE)
        return found

    def drop_user(self, pk: UUID) -> None:
        """Delete an account with its sessions."""
        del self.users[pk]
        self.sessions = {sid: session for sid, session in self.sessions.items() if session.user != pk}

    # Clearing

    def clear(
        self, names_left: set[str], sessions_left: set[UUID], at: datetime, *, is_simplejwts: bool
    ) -> Iterator[str]:
        """Forget what was cleared, and yield what should not have been. simplejwt's command knows no codes."""
        for place, row in list(self.rows.items()):
            if row.name_at_rest not in names_left:
                if not row.holds_nothing(at):
                    yield f"clear forgot a row that counts: {row}"
                del self.rows[place]
            elif not is_simplejwts and row.name_expires_at is not None and row.name_expires_at < at:
                row.display_name, row.name_expires_at = "", None
        for sid, session in list(self.sessions.items()):
            if sid not in sessions_left:
                if session.is_unended(at) and not session.is_blacklisted and not session.is_idle(at):
                    yield f"clear deleted a session that is not over: {session}"
                del self.sessions[sid]
