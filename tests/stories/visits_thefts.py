"""The rules of thieves, who hold copies of a device's tokens and go on alone."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from .actors import Device, Thief
from .model_sessions import ENDED
from .visits import DEVICES
from .visits_sessions import SessionVisits

THIEVES = st.integers(0, 3)


class Thefts(SessionVisits):
    """Thieves. A theft that both sides continue ends; what ended stays ended for both."""

    @precondition(lambda self: any(device.pair for device in self.devices))
    @rule(number=DEVICES)
    def steal(self, number: int) -> None:
        """Copy all that a device holds."""
        device = self.device(number)
        if device.pair is not None:
            self.thieves.append(Thief(device.phone, device.pair.access, device.pair.refresh, device.device_token))

    @precondition(lambda self: self.thieves)
    @rule(number=THIEVES, key=st.sampled_from([None, "new", "always-the-same-key"]))
    def refresh_as_thief(self, number: int, key: str | None) -> None:
        """Go on with what was stolen; a key that is always the same is soon none."""
        thief = self.thief(number)
        self.excuse(thief.refresh.session, "a thief used its token")
        pair, _reason = self.calls.refresh(thief.refresh, self.new_key() if key == "new" else key)
        if pair is not None:
            thief.access, thief.refresh = pair.access, pair.refresh

    @rule(number=DEVICES, refreshes=st.integers(1, 3), pause=st.sampled_from([0, 20, 31]))
    def replay_an_old_token(self, number: int, refreshes: int, pause: int) -> None:
        """Use a copy while the owner moves on: right after one refresh it is a repeat, later or older it is a theft."""
        device = self.device(number)
        if device.pair is None or device.lost is not None:
            return
        copy = device.pair.refresh
        for _ in range(refreshes):
            self.refresh_on(device)
        self.stage.wait(timedelta(seconds=pause))
        self.excuse(copy.session, "a thief used its token")
        pair, _reason = self.calls.refresh(copy)
        assert pair is None or (refreshes == 1 and pause < 30), "an old token was served"

    @precondition(lambda self: self.thieves)
    @rule(number=THIEVES, wait=st.sampled_from([31, 600, 86_399]))
    def continue_a_theft(self, number: int, wait: int) -> None:
        """Thief and owner both go on, each after the grace: by the second use it is over, for both and for good."""
        thief = self.thief(number)
        owner = next((device for device in self.devices if device.session == thief.refresh.session), None)
        if owner is None or owner.pair is None or owner.lost is not None:
            return
        self.excuse(owner.session, "a thief used its token")
        sides: list[Thief | Device] = [thief, owner, thief, owner]
        newest = {id(thief): thief.refresh, id(owner): owner.pair.refresh}
        for side in sides:
            self.stage.wait(timedelta(seconds=wait))
            pair, _reason = self.calls.refresh(newest[id(side)])
            if pair is not None:
                newest[id(side)] = pair.refresh
        for token in newest.values():
            assert self.calls.refresh(token)[0] is None, "a theft that both sides continued goes on"
        owner.leave()

    @precondition(lambda self: self.thieves)
    @rule(number=THIEVES, route=st.sampled_from(["op", "op2"]))
    def enter_as_thief(self, number: int, route: str) -> None:
        """Call something protected with a stolen token."""
        thief = self.thief(number)
        self.calls.enter(thief.access, route)

    @precondition(lambda self: self.thieves)
    @rule(number=THIEVES, others=st.booleans())
    def log_out_as_thief(self, number: int, others: bool) -> None:
        """Log the owner out, on other devices or on this one."""
        thief = self.thief(number)
        if others:
            if self.calls.log_out_many(thief.access, others=True):
                self.excuse_all(thief.access.user, "a thief", kept=thief.access.session)
        elif self.calls.log_out(thief.access):
            self.excuse(thief.access.session, "a thief")

    @precondition(lambda self: self.thieves)
    @rule(number=THIEVES, times=st.integers(1, 2))
    def guess_with_stolen_device(self, number: int, times: int) -> None:
        """A stolen device token opens nothing: it has budgets of its own, and they end."""
        thief = self.thief(number)
        if thief.device_token is None:
            return
        self.calls.ask(thief.phone, thief.device_token)
        for _ in range(times):
            code = self.calls.wrong_code(thief.phone, thief.device_token)
            assert self.calls.guess(thief.phone, code, thief.device_token) is None

    @precondition(lambda self: self.thieves)
    @rule(number=THIEVES)
    def try_ended_tokens(self, number: int) -> None:
        """Both tokens of an ended session are refused, for ever."""
        thief = self.thief(number)
        session = self.stage.site.sessions.get(thief.refresh.session)
        if session is None or not session.end:
            return
        assert self.calls.enter(thief.access) in (ENDED, "AccessTokenExpired", "TokenInvalid")
        assert self.calls.refresh(thief.refresh)[1] in (ENDED, "RefreshTokenExpired", "TokenInvalid")

    def thief(self, number: int) -> Thief:
        """Return one of the thieves."""
        return self.thieves[number % len(self.thieves)]
