"""The calls of the API, each foretold by the model and then made; what differs is an ``AssertionError``."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from securelogin.phones import E164
from tests.api.visitor import wrong

from .faces import Answer
from .model import REJECTED, DeviceToken, Guess, User
from .model_sessions import FRESH_WINDOW, GRACE, KEY_LIFETIME, Pair, Token
from .stage import Stage


class Calls:
    """Calls on a stage, made by whoever holds what they need."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.site = stage.site
        self.last_reason = ""
        """Why the last ask was refused, empty where it was served."""

    # Codes

    def register(self, phone: E164, display_name: str) -> None:
        """Leave a display name; the answer tells nothing."""
        self.site.register(phone, display_name, self.stage.tick())
        answer = self.stage.post("register", {"auth_type": "PHONE", "phone": phone, "username": display_name})
        assert answer.status == 200
        self._check_userid(phone, answer.body["userid"])

    def ask(self, phone: E164, device: DeviceToken | None = None) -> int:
        """Ask for a code; returns the seconds to wait before the next ask, 0 where none is due."""
        at = self.stage.tick()
        texts = len(self.stage.texts_to(phone))
        foretold = self.site.ask(phone, device, at)
        answer = self.stage.post(
            "login", {"auth_type": "PHONE", "phone": phone, "device_token": device and device.text}
        )
        assert answer.reason == foretold.reason
        self.last_reason = answer.reason
        assert len(self.stage.texts_to(phone)) == texts + foretold.is_sent, "a text too many, or none"
        if foretold.reason:
            assert answer.body["retry_after"] == foretold.wait
            return foretold.wait
        self._check_userid(phone, answer.body["userid"])
        _reason, wait = foretold.row.refusal(at)
        body = {**answer.body, "userid": ""}
        assert body == {"phone": phone, "userid": "", "expires_in": 300, "resend_after": wait, "code_length": 6}
        foretold.row.code = self.stage.newest_code(phone) if foretold.is_sent else None
        return wait

    def guess(
        self, phone: E164, code: str, device: DeviceToken | None = None, *, userid: str = ""
    ) -> tuple[Pair, DeviceToken] | None:
        """Try a code; the tokens and the device's token where it opens a session, None where it is refused."""
        at = self.stage.tick()
        foretold = self.site.guess(phone, code, device, at, is_good_id=self._is_good_id(phone, userid))
        answer = self.stage.post("verify_sms", self.guess_body(phone, code, device, userid=userid))
        if not foretold.opens:
            assert answer.reason == REJECTED
            return None
        assert answer.status == 200, answer.body
        return self.opened(phone, foretold, answer, at)

    def guess_body(self, phone: E164, code: str, device: DeviceToken | None, *, userid: str = "") -> dict[str, Any]:
        """Return what ``verify_sms`` is posted."""
        userid = userid or self.stage.userid(phone)
        return {"userid": userid, "phone": phone, "token": code, "device_token": device and device.text}

    def opened(self, phone: E164, guess: Guess, answer: Answer, at: datetime) -> tuple[Pair, DeviceToken]:
        """Write down the session that a right code opened, and the account that it made."""
        user = UUID(answer.body["userid"])
        owner = self.site.owner(phone)
        if owner is None:
            derived = UUID(self.stage.userid(phone))
            assert user not in self.site.users
            assert derived in (user, *self.site.users), "a first login did not take the id of its number"
            self.site.users[user] = User(phone, at.replace(microsecond=0), display_name=guess.display_name)
        else:
            assert user == owner
        pair = self.stage.read_pair(answer.body, at)
        assert pair.access.session not in self.site.sessions
        self.site.open(pair.access.session, user, at)
        self.stage.check_pair(pair, self.site.sessions[pair.access.session], is_fresh=True)
        device = self.stage.read_device(answer.body["device_token"], phone, user, at)
        assert guess.asker in ("anyone", device.asker), "a known device became another one"
        return pair, device

    def wrong_code(self, phone: E164, device: DeviceToken | None = None) -> str:
        """Return a code that is surely wrong for whom it is tried by."""
        return wrong(self.site.code_of(phone, device, self.stage.tick()) or "000000")

    def _is_good_id(self, phone: E164, userid: str) -> bool:
        if not userid:
            return True
        owner = self.site.owner(phone)
        derived = {self.stage.derived_ids.get((phone, secret)) for secret in self.site.ring}
        return userid in derived or userid == str(owner)

    def _check_userid(self, phone: E164, userid: str) -> None:
        known = self.stage.derived_ids.setdefault((phone, self.site.ring[0]), userid)
        assert userid == known, "the id that stands for a number changed"

    # Sessions

    def refresh(self, token: Token, key: str | None = None) -> tuple[Pair | None, str]:
        """Refresh; returns the tokens, or None and why it is refused."""
        at = self.stage.tick()
        reasons = self.site.reasons(token, at, expired="RefreshTokenExpired")
        if not reasons:
            session = self.site.sessions[token.session]
            reason = session.refresh(token.generation, key, at, self.site.ring)
            reasons = {reason} if reason else set()
        answer = self.stage.post("refresh", {}, token=token.text, key=key)
        if reasons:
            assert answer.reason in reasons, (answer.body, reasons)
            return None, answer.reason
        return self.refreshed(token, answer, key, at), ""

    def refreshed(self, token: Token, answer: Answer, key: str | None, at: datetime) -> Pair:
        """Read the tokens of a refresh that was served, and write down that its token was used."""
        assert answer.status == 200, answer.body
        session = self.site.sessions[token.session]
        pair = self.stage.read_pair(answer.body, at)
        assert pair.access.session == token.session
        self.stage.check_pair(pair, session, is_fresh=False)
        first, first_key = self.stage.uses.setdefault((token.session, token.generation), (at, key))
        age = abs(at - first)
        is_same_call = key is not None and key == first_key and age <= KEY_LIFETIME
        assert age <= GRACE or is_same_call, "one refresh token was used up twice"
        return pair

    def enter(self, token: Token, route: str = "op") -> str:
        """Make a protected call; returns why it is refused, or empty."""
        at = self.stage.tick()
        reasons = self.site.reasons(token, at) or self._not_fresh(token, route, at)
        answer = self.stage.post(route, token=token.text)
        assert answer.reason in (reasons or {""}), (answer.body, reasons)
        return answer.reason

    def _not_fresh(self, token: Token, route: str, at: datetime) -> set[str]:
        if route not in ("op2", "logout_all", "logout_all_other_sessions"):
            return set()
        age = (at - token.auth_time).total_seconds()
        is_fresh = token.says_fresh and age <= FRESH_WINDOW.total_seconds()
        return set() if is_fresh else {"FreshTokenRequired"}

    def log_out(self, token: Token, refresh_token: Token | None = None) -> bool:
        """Log out; whether it was served, which it is for every token of the site's own signature."""
        at = self.stage.tick()
        body = {"refresh_token": refresh_token.text} if refresh_token else {}
        answer = self.stage.post("logout", body, token=token.text)
        if token.secret not in self.site.ring:
            assert answer.reason == "TokenInvalid"
            return False
        is_read = refresh_token is not None and refresh_token.secret in self.site.ring
        if is_read and refresh_token is not None and refresh_token.user != token.user:
            assert answer.reason == "InvalidUserId"
            return False
        assert answer.status == 200
        named = {token.session} | ({refresh_token.session} if is_read and refresh_token is not None else set())
        for session in self.site.unended(token.user, at):
            if any(self.site.sessions.get(sid) is session for sid in named):
                session.close("logout")
        return True

    def log_out_many(self, token: Token, *, others: bool) -> bool:
        """End all sessions, or all but one's own; whether it was served."""
        route, reason = ("logout_all_other_sessions", "logout_others") if others else ("logout_all", "logout_all")
        at = self.stage.tick()
        reasons = self.site.reasons(token, at) or self._not_fresh(token, route, at)
        answer = self.stage.post(route, {}, token=token.text)
        assert answer.reason in (reasons or {""}), (answer.body, reasons)
        if reasons:
            return False
        kept = token.session if others else None
        assert answer.body["revoked"] == self.site.close_all(token.user, reason, at, kept=kept)
        return True

    def list_sessions(self, token: Token) -> None:
        """List the user's sessions: the live ones, the caller's own marked."""
        at = self.stage.tick()
        reasons = self.site.reasons(token, at)
        answer = Answer("sessions", self.stage.visitor.get("sessions", token=token.text))
        assert answer.reason in (reasons or {""})
        if not reasons:
            listed = {UUID(each["id"]): each["current"] for each in answer.body["results"]}
            assert listed == {sid: sid == token.session for sid in self.site.live(token.user, at)}

    def end_session(self, token: Token, sid: UUID) -> None:
        """End a session by its id; another user's, or one that is over, is not found."""
        at = self.stage.tick()
        reasons = self.site.reasons(token, at)
        session = self.site.sessions.get(sid)
        if not reasons and (session is None or session.user != token.user or not session.is_unended(at)):
            reasons = {"NotFound"}
        answer = Answer(f"sessions/{sid}", self.stage.visitor.delete(f"sessions/{sid}", token=token.text))
        if session is not None and session.is_blacklisted and not session.end and not reasons:
            reasons = {"NotFound", ""}  # over in simplejwt's table only: the papers leave it open whether it is listed
        assert answer.reason in (reasons or {""}), (answer.body, reasons)
        if answer.status == 204 and session is not None:
            session.close("logout")
