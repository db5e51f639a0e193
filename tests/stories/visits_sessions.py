"""The rules of sessions: honest devices that lose answers, calls that cross, and the ends that owners make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.api.visitor import Visitor

from . import staff
from .actors import Device, LostCall
from .meanwhile import cross
from .visits import DEVICES, Race, Story


class Refreshes(Story):
    """How an honest device refreshes."""

    def refresh_on(self, device: Device, *, has_key: bool = False, loses: bool = False) -> None:
        """Refresh as an honest client does: what was lost is repeated, with its key, before anything else."""
        if device.pair is None:
            return
        key = device.lost.key if device.lost else (self.new_key() if has_key else None)
        token, at = device.pair.refresh, self.stage.next_call_at()
        if device.lost and not device.lost.is_in_time(at):
            self.excuse(token.session, "repeated too late")
        pair, reason = self.calls.refresh(token, key)
        if pair is not None:
            device.lost = (device.lost or LostCall(key, at)) if loses else None
            device.pair = device.pair if loses else pair
            return
        assert reason == "RefreshTokenExpired" or self.excuses.get(token.session), "an honest client was logged out"
        device.leave()


class SessionVisits(Refreshes):
    """Devices in their sessions. Not one that keeps the promise's terms is ever logged out for nothing."""

    @rule(number=DEVICES, route=st.sampled_from(["op", "op2"]))
    def enter(self, number: int, route: str) -> None:
        """Call something protected; the device goes by the answer, whatever its own clock says."""
        device = self.device(number)
        if device.pair is None:
            return
        if self.calls.enter(device.pair.access, route) in ("", "FreshTokenRequired"):
            return
        self.refresh_on(device)
        if device.pair is not None and not device.lost:
            # What a late repeat answers lives from the rotation on, so it may be over already.
            assert self.calls.enter(device.pair.access) in ("", "AccessTokenExpired")

    @rule(number=DEVICES, has_key=st.booleans(), loses=st.booleans())
    def refresh(self, number: int, has_key: bool, loses: bool) -> None:
        """Refresh, early or late; the answer may get lost."""
        device = self.device(number)
        self.refresh_on(device, has_key=has_key, loses=loses)

    @rule(number=DEVICES, times=st.integers(1, 3), pause=st.sampled_from([1, 14, 29]))
    def repeat_again_and_again(self, number: int, times: int, pause: int) -> None:
        """Lose the answer, and the answers of the repeats, as long as the grace lasts; then one arrives."""
        device = self.device(number)
        self.refresh_on(device, loses=True)
        for _ in range(times):
            if pause * (times + 1) < 30:
                self.stage.wait(timedelta(seconds=pause))
            self.refresh_on(device, loses=True)
        self.refresh_on(device)

    @rule(number=DEVICES, has_key=st.booleans(), pause=st.sampled_from([29, 31, 3600, 86_399, 86_401]))
    def lose_and_repeat(self, number: int, has_key: bool, pause: int) -> None:
        """Lose the answer and repeat the call: in time with the grace or the key, or too late."""
        device = self.device(number)
        self.refresh_on(device, has_key=has_key, loses=True)
        self.stage.wait(timedelta(seconds=pause))
        self.refresh_on(device)

    @rule(number=DEVICES, after=st.integers(1, 3), has_key=st.booleans())
    def refresh_twice_at_once(self, number: int, after: int, has_key: bool) -> None:
        """Refresh between two statements of a refresh with the same token."""
        key = self.new_key() if has_key else None
        self.refresh_at_once(self.device(number), key, lambda call: list(cross(call, call, after=after)))

    def refresh_at_once(self, device: Device, key: str | None, run: Race) -> None:
        """Refresh several times with a device's newest token: all calls get the same generation."""
        site, at = self.stage.site, self.stage.tick()
        if device.pair is None or device.lost or site.reasons(device.pair.refresh, at):
            return
        token = device.pair.refresh
        session = site.sessions[token.session]
        if token.generation < session.generation:
            return  # a thief was here: what comes now depends on who is first
        session.refresh(token.generation, key, at, site.ring)
        answers = run(lambda: self.stage.post("refresh", {}, token=token.text, key=key, visitor=Visitor()))
        pairs = [self.calls.refreshed(token, answer, key, at) for answer in answers]
        device.pair = pairs[-1]

    @rule(number=DEVICES, after=st.integers(1, 3), how=st.sampled_from(["admin", "blacklist", "suspend"]))
    def refresh_while_it_ends(self, number: int, after: int, how: str) -> None:
        """End a session between two statements of its refresh: whatever was answered opens nothing."""
        device, site = self.device(number), self.stage.site
        at = self.stage.tick()
        if device.pair is None or device.lost or site.reasons(device.pair.refresh, at):
            return
        token = device.pair.refresh
        user, session = token.user, site.sessions[token.session]
        if token.generation < session.generation:
            return
        ends: dict[str, Callable[[], object]] = {
            "admin": lambda: self.stage.staff.revoke(token.session),
            "blacklist": lambda: staff.blacklist_row(token.session),
            "suspend": lambda: staff.suspend(user, is_active=False),
        }
        answer, _nothing = cross(
            lambda: self.stage.post("refresh", {}, token=token.text), lambda: ends[how](), after=after
        )
        self.excuse_all(user, how)
        if answer.status == 200:
            session.refresh(token.generation, None, at, site.ring)
            device.pair = self.calls.refreshed(token, answer, None, at)
        if how == "admin":
            session.close("revoked")
        elif how == "blacklist":
            session.is_blacklisted = True
        else:
            site.users[user].is_active = False
        assert self.calls.enter(device.pair.access), "an ended session opened something"

    # Ends that the owner makes

    @rule(number=DEVICES, other=DEVICES, names_other=st.booleans())
    def log_out(self, number: int, other: int, names_other: bool) -> None:
        """Log out, and with a refresh token another session of the same user too."""
        device, second = self.device(number), self.devices[other]
        if device.pair is None:
            return
        named = second.pair.refresh if names_other and second.pair else None
        if self.calls.log_out(device.pair.access, named):
            self.excuse(device.session, "logout")
            self.excuse(named.session if named else None, "logout")
            device.leave()

    @rule(number=DEVICES, others=st.booleans(), proves_itself=st.booleans())
    def log_out_many(self, number: int, others: bool, proves_itself: bool) -> None:
        """Log out everywhere, or everywhere else; the site asks for a proof that is not old."""
        device = self.device(number)
        if proves_itself:
            self.enter_with_code(device)
        if device.pair is not None and self.calls.log_out_many(device.pair.access, others=others):
            self.excuse_all(device.pair.access.user, "logout", kept=device.session if others else None)

    @rule(number=DEVICES, other=DEVICES, is_wanted=st.booleans())
    def look_at_sessions(self, number: int, other: int, is_wanted: bool) -> None:
        """List the sessions, and end one by its id: one's own, or another user's, which is not found."""
        device, second = self.device(number), self.devices[other]
        if device.pair is None:
            return
        self.calls.list_sessions(device.pair.access)
        if is_wanted and second.session is not None:
            self.calls.end_session(device.pair.access, second.session)
            session = self.stage.site.sessions.get(second.session)
            if session is not None and session.end == "logout":
                self.excuse(second.session, "logout")

    @precondition(lambda self: not self.stage.is_confused)
    @rule(number=DEVICES)
    def confuse_tokens(self, number: int) -> None:
        """Send each token where the other belongs, and none at all."""
        device = self.device(number)
        if device.pair is None or device.pair.access.secret not in self.stage.site.ring:
            return
        self.stage.is_confused = True
        assert self.stage.post("op", token=device.pair.refresh.text).reason == "WrongTokenType"
        assert self.stage.post("refresh", {}, token=device.pair.access.text).reason == "WrongTokenType"
        assert self.stage.post("logout", {}, token=device.pair.refresh.text).reason == "WrongTokenType"
        assert self.stage.post("refresh", {}).reason == "TokenMissing"
        assert self.stage.post("op", token=device.pair.access.text[:-4]).reason == "TokenInvalid"
