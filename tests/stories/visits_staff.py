"""The rules of staff, of the clock, of the keys and of the daily commands."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from securelogin.phones import E164

from . import staff, tables
from .model import ANYONE
from .model_codes import DAY, HOUR, MONTH, SECOND
from .visits import DEVICES, NUMBERS, Story

SHORT_WAITS = st.sampled_from([SECOND, 29 * SECOND, 30 * SECOND, 31 * SECOND, 61 * SECOND, 300 * SECOND, 600 * SECOND])
LONG_WAITS = st.sampled_from([HOUR, 23 * HOUR, DAY, 31 * HOUR, 7 * DAY, MONTH, 41 * DAY, 101 * DAY])


class StaffVisits(Story):
    """Staff in the admin, at the command line, and with simplejwt's own means."""

    @precondition(lambda self: not all(user.is_active for user in self.stage.site.users.values()))
    @rule(in_admin=st.booleans())
    def reactivate(self, in_admin: bool) -> None:
        """Let everybody in again."""
        for number in range(len(self.devices)):
            self._set_active(number, True, in_admin)

    @rule(number=DEVICES, in_admin=st.booleans())
    def deactivate(self, number: int, in_admin: bool) -> None:
        """Shut a user out."""
        self._set_active(number, False, in_admin)

    def _set_active(self, number: int, is_active: bool, in_admin: bool) -> None:
        """Deactivate or reactivate a user; the admin also ends the sessions, for good."""
        user = self.stage.site.owner(self.devices[number].phone)
        if user is None:
            return
        at = self.stage.tick()
        if in_admin:
            assert self.stage.staff.change(user, is_active=is_active)
        else:
            staff.suspend(user, is_active=is_active)
        self.stage.site.users[user].is_active = is_active
        if in_admin and not is_active:
            self.stage.site.close_all(user, "revoked", at)
        if not is_active:
            self.excuse_all(user, "deactivated")

    @rule(number=DEVICES, new=st.sampled_from([None, *range(3)]))
    def change_number(self, number: int, new: int | None) -> None:
        """Give a user another number, free or taken, or none."""
        phone, new_phone = self.devices[number].phone, None if new is None else self.devices[new + 1].phone
        if new_phone != phone:
            self._change_number(phone, new_phone)

    @rule()
    def hand_number_on(self) -> None:
        """Take a number from its user, let somebody else log in with it, and try what the old device still holds."""
        old, new = self.devices[:2]
        if old.device_token is None:
            self.enter_with_code(old)
        self._change_number(old.phone, None)
        new.leave()
        new.device_token = None
        self.enter_with_code(new)
        self.calls.ask(old.phone, old.device_token)

    def _change_number(self, phone: E164, new_phone: E164 | None) -> None:
        """With the number the sessions end; a number that is taken is refused."""
        site, at = self.stage.site, self.stage.tick()
        user = site.owner(phone)
        if user is None:
            return
        is_free = new_phone is None or site.owner(new_phone) is None
        assert self.stage.staff.change(user, phone=new_phone) is is_free, "a number has two users, or none"
        if is_free:
            site.users[user].phone = new_phone
            site.close_all(user, "phone", at)
            self.excuse_all(user, "number changed")

    @rule(number=DEVICES)
    def delete_user(self, number: int) -> None:
        """Delete an account; its sessions go with it."""
        user = self.stage.site.owner(self.devices[number].phone)
        if user is not None:
            self.stage.tick()
            self.stage.staff.delete(user)
            self.excuse_all(user, "deleted")
            self.stage.site.drop_user(user)

    @rule(number=DEVICES, how=st.sampled_from(["one", "all", "command"]))
    def revoke(self, number: int, how: str) -> None:
        """End one session, or all of a user."""
        device, site = self.devices[number], self.stage.site
        user, at = site.owner(device.phone), self.stage.tick()
        if how == "one":
            session = site.sessions.get(device.session) if device.session else None
            if session is not None and session.is_unended(at) and device.session is not None:
                self.stage.staff.revoke(device.session)
                session.close("revoked")
                self.excuse(device.session, "revoked")
        elif user is not None:
            if how == "all":
                self.stage.staff.end_sessions(user)
            else:
                staff.revoke_by_command(user)
            site.close_all(user, "revoked", at)
            self.excuse_all(user, "revoked")

    @precondition(lambda self: any(row.is_disabled for row in self.stage.site.rows.values()))
    @rule(number=DEVICES)
    def allow_codes(self, number: int) -> None:
        """Unlock a number whose failures in a row reached the end; the budgets of day and month stay."""
        site, phone = self.stage.site, self.devices[number].phone
        user = site.owner(phone)
        if user is None:
            return
        self.stage.staff.allow_guesses(user)
        for (number_of_row, asker, secret), row in site.rows.items():
            if number_of_row == phone and asker == ANYONE and secret in site.ring and row.is_disabled:
                row.is_disabled, row.in_a_row = False, 0

    @rule(number=DEVICES, by_row=st.booleans())
    def blacklist(self, number: int, by_row: bool) -> None:
        """End a session with simplejwt's own means."""
        device, at = self.device(number), self.stage.tick()
        if device.pair is None or self.stage.site.reasons(device.pair.refresh, at) - {"AccountInactive"}:
            return
        token = device.pair.refresh
        if by_row:
            staff.blacklist_row(token.session)
        else:
            staff.blacklist(token.text)
        self.stage.site.sessions[token.session].is_blacklisted = True
        self.excuse(token.session, "blacklisted")

    @precondition(lambda self: any(session.is_blacklisted for session in self.stage.site.sessions.values()))
    @rule(number=DEVICES)
    def take_off_blacklist(self, number: int) -> None:
        """Delete the blacklisting row: what we ended is not revived by that."""
        sid = self.devices[number].session
        session = self.stage.site.sessions.get(sid) if sid else None
        if sid is not None and session is not None:
            staff.take_off_blacklist(sid)
            session.is_blacklisted = False


class Operations(StaffVisits):
    """Time, keys, and the daily commands."""

    @rule(length=st.one_of(SHORT_WAITS, LONG_WAITS))
    def wait(self, length: timedelta) -> None:
        """Let time pass."""
        self.stage.wait(length)

    @rule(seconds=st.integers(1, 8))
    def set_clock_back(self, seconds: int) -> None:
        """Set the server's clock back a little."""
        self.stage.step_back(timedelta(seconds=seconds))

    @rule(fallbacks=st.integers(0, 2))
    def rotate_secret(self, fallbacks: int) -> None:
        """Put a new key in, and keep old ones to read with."""
        self.stage.rotate_secret(fallbacks=fallbacks)
        self._excuse_unreadable()

    @rule(phone=NUMBERS)
    def register_under_a_new_secret(self, phone: E164) -> None:
        """The first call after a rotation is a stranger's, for a number that was guessed at."""
        self.stage.rotate_secret(fallbacks=1)
        self._excuse_unreadable()
        self.calls.register(phone, "Eve")

    @precondition(lambda self: len(self.stage.site.ring) > 1)
    @rule()
    def drop_fallbacks(self) -> None:
        """End the time of the old keys."""
        self.stage.set_ring(self.stage.site.ring[:1])
        self._excuse_unreadable()

    def _excuse_unreadable(self) -> None:
        for device in self.devices:
            if device.pair is not None and device.pair.refresh.secret not in self.stage.site.ring:
                self.excuse(device.session, "its key is gone")

    @rule(is_simplejwts=st.booleans())
    def clear(self, is_simplejwts: bool) -> None:
        """Run a daily command: nothing that counts is forgotten, nothing that lives is deleted."""
        at = self.stage.tick()
        if is_simplejwts:
            staff.flush_expired_tokens()
        else:
            staff.clear()
        left = tables.names_left(), tables.sessions_left()
        wrong = list(self.stage.site.clear(*left, at, is_simplejwts=is_simplejwts))
        assert not wrong, wrong
