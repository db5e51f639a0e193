"""The rules of the clock's bounds: a call that comes a microsecond before one, at it, and a microsecond after."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .actors import Device
from .model_sessions import FRESH_WINDOW, GRACE, KEY_LIFETIME, SESSION_LIFETIME
from .visits import DEVICES, Story
from .visits_sessions import Refreshes

NEAR = st.sampled_from([timedelta(microseconds=number) for number in (-1, 0, 1)])
SHORTLY = timedelta(minutes=5)


class CodeBounds(Story):
    """The life of a code, the pauses, the windows of every budget, the life of a device's token."""

    @rule(number=DEVICES, near=NEAR, is_right=st.booleans())
    def answer_when_the_code_dies(self, number: int, near: timedelta, is_right: bool) -> None:
        """Answer as the code's five minutes end."""
        device = self.devices[number]
        code = self.new_code(device)
        row = self.stage.site.look(device.phone, device.device_token, self.stage.tick())
        if code and row is not None and row.expires_at is not None and self.stage.wait_until(row.expires_at + near):
            self.answer(device, code if is_right else self.calls.wrong_code(device.phone, device.device_token))

    @rule(number=DEVICES, near=NEAR, which=st.integers(0, 7), asks=st.booleans())
    def come_when_something_ends(self, number: int, near: timedelta, which: int, asks: bool) -> None:
        """Ask or guess as a pause, a window or a token of the device ends."""
        device = self.devices[number]
        bounds = self._bounds(device)
        if not bounds or not self.stage.wait_until(bounds[which % len(bounds)] + near):
            return
        if asks:
            self.calls.ask(device.phone, device.device_token)
        elif code := self.stage.codes and self.stage.codes[-1]:
            self.answer(device, code)

    def _bounds(self, device: Device) -> list[datetime]:
        now = self.stage.tick()
        row = self.stage.site.look(device.phone, device.device_token, now)
        bounds = row.bounds() if row is not None else []
        if device.device_token is not None:
            bounds.append(device.device_token.signed_at + SESSION_LIFETIME)
        return sorted(bound for bound in bounds if bound > now)


class SessionBounds(Refreshes):
    """The life of both tokens, of a proof and of a session, the grace, the life of a key."""

    @rule(number=DEVICES, near=NEAR, what=st.sampled_from(["access", "proof", "refresh"]))
    def come_when_a_token_dies(self, number: int, near: timedelta, what: str) -> None:
        """Call with a token as it, or what it says, grows too old."""
        device = self.device(number)
        if device.pair is None:
            return
        access, refresh = device.pair.access, device.pair.refresh
        bounds = {"access": access.expires_at, "proof": access.auth_time + FRESH_WINDOW, "refresh": refresh.expires_at}
        if not self.stage.wait_until(bounds[what] + near):
            return
        if what == "refresh":
            self.refresh_on(device)
        else:
            self.calls.enter(access, "op" if what == "access" else "op2")

    @rule(number=DEVICES, near=NEAR, has_key=st.booleans())
    def repeat_at_the_last_moment(self, number: int, near: timedelta, has_key: bool) -> None:
        """Repeat a lost call as the grace ends, or the life of its key."""
        device = self.device(number)
        if device.pair is None or device.lost is not None:
            return
        self.refresh_on(device, has_key=has_key, loses=True)
        session = self.stage.site.sessions.get(device.pair.refresh.session) if device.pair else None
        if session is not None and self.stage.wait_until(
            session.rotated_at + (KEY_LIFETIME if has_key else GRACE) + near
        ):
            self.refresh_on(device)

    @rule(number=st.sampled_from([0, 1]), near=NEAR)
    def live_to_the_end(self, number: int, near: timedelta) -> None:
        """Refresh each time at the last moment: a session's absolute end comes all the same, and is seen next door."""
        device, neighbour = self.device(number), self.devices[1 - number]
        session = self.stage.site.sessions.get(device.session) if device.session else None
        if session is None or session.expires_at <= self.stage.next_call_at():
            return
        while device.pair is not None and device.pair.refresh.expires_at < session.expires_at.replace(microsecond=0):
            if not self.stage.wait_until(device.pair.refresh.expires_at - timedelta(microseconds=1)):
                break
            self.refresh_on(device)
        if self.stage.wait_until(session.expires_at - SHORTLY):
            self.enter_with_code(neighbour)
        if neighbour.pair is not None and self.stage.wait_until(session.expires_at + near):
            self.calls.list_sessions(neighbour.pair.access)
        self.refresh_on(device)
