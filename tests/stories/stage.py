"""A site to play on: the real API on the real database, a clock that the story turns, and the model beside it."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import time_machine
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from securelogin import codes, phones
from securelogin.conf import DEFAULT_LIMITS
from securelogin.phones import E164
from securelogin.sms.locmem import outbox
from securelogin.tokens import read_device
from tests.api.visitor import Visitor, claims_of
from tests.visits import read_code

from . import tables
from .faces import Answer
from .model import DeviceToken, Site
from .model_codes import SMALL_BUDGETS
from .model_sessions import ACCESS_LIFETIME, REFRESH_LIFETIME, SHORT_LIVES, Pair, Session, Token
from .staff import Staff

START = datetime(2031, 5, 6, 7, 8, 9, tzinfo=dt.timezone.utc)
TICK = timedelta(microseconds=7919)
"""What a call takes: a prime, so that no two calls of a story come at the same moment, whatever the clock does."""

MOST_BACK = timedelta(seconds=8)
"""How far a server's clock may be set back, all in all; the leeway for ``iat`` is ten seconds."""

CLIENTS_CLOCK = "Thu, 01 Jan 1970 00:00:00 GMT"
"""What every client takes for the time; nobody asks it."""

SECRETS_EVERY = 8
"""Steps between two looks for secrets in every row; each story ends with one."""

PHONES = (E164("+12025550123"), E164("+12025550124"), E164("+12025550125"))


class Stage:
    """One site for one story. Address limits are off: they have their own tests, and one address plays every part."""

    def __init__(self, *, max_sessions: int | None) -> None:
        self._open = ExitStack()
        self._open.enter_context(
            override_settings(
                SECRET_KEY=secret_key(0),
                SECRET_KEY_FALLBACKS=[],
                SECURELOGIN={
                    **settings.SECURELOGIN,
                    **SMALL_BUDGETS,
                    **SHORT_LIVES,
                    "LIMITS": dict.fromkeys(DEFAULT_LIMITS),
                    "MAX_SESSIONS": max_sessions,
                },
            )
        )
        self.clock = self._open.enter_context(time_machine.travel(START, tick=False))
        tables.empty()
        outbox.clear()
        self.visitor = Visitor()
        self.staff = Staff()
        self.site = Site(secret=settings.SECRET_KEY, max_sessions=max_sessions, name_at_rest=codes.row_key)
        self.back = timedelta(0)
        self.rotations = self.checks = 0
        self.is_confused = False
        self.derived_ids: dict[tuple[str, str], str] = {}
        self.tokens: list[str] = []
        self.codes: list[str] = []
        self.uses: dict[tuple[UUID, int], tuple[datetime, str | None]] = {}

    def close(self) -> None:
        """Look through every row once more, then put clock and settings back."""
        try:
            tables.check_secrets(self.tokens, self.codes, PHONES)
        finally:
            self._open.close()

    # The clock and the keys

    def tick(self) -> datetime:
        """Let a call's time pass and return the moment of the call."""
        self.clock.shift(TICK)
        return timezone.now()

    def next_call_at(self) -> datetime:
        """Return the moment of the next call."""
        return timezone.now() + TICK

    def wait(self, length: timedelta) -> None:
        """Turn the clock."""
        self.clock.shift(length)
        self.back = max(timedelta(0), self.back - length)

    def wait_until(self, moment: datetime) -> bool:
        """Turn the clock so that the next call comes at that very moment; False where that is over."""
        left = moment - self.next_call_at()
        if left <= timedelta(0):
            return False
        self.wait(left)
        return True

    def step_back(self, length: timedelta) -> None:
        """Set the server's clock back, as far as its tokens' leeway forgives."""
        length = min(length, MOST_BACK - self.back)
        self.clock.shift(-length)
        self.back += length

    def rotate_secret(self, *, fallbacks: int) -> None:
        """Put a new ``SECRET_KEY`` in and keep some of the old ones as fallbacks."""
        self.rotations += 1
        self.set_ring([secret_key(self.rotations), *self.site.ring[:fallbacks]])

    def set_ring(self, ring: list[str]) -> None:
        """Run on with these keys, the first of which signs."""
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = ring[0], ring[1:]
        self.site.ring = ring

    # What the API says

    def post(
        self, route: str, body: Any = None, *, token: str = "", key: str | None = None, visitor: Visitor | None = None
    ) -> Answer:
        """Post to a route, with an ``Idempotency-Key`` where one is given; the answer is a documented face."""
        headers = {"HTTP_DATE": CLIENTS_CLOCK, **({"HTTP_IDEMPOTENCY_KEY": key} if key else {})}
        return Answer(route, (visitor or self.visitor).post(route, body, token=token, **headers))

    def texts_to(self, phone: str) -> list[str]:
        """Return the texts on a phone."""
        return [text.body for text in outbox if text.to == phone]

    def newest_code(self, phone: str) -> str:
        """Read the newest code on a phone."""
        code = read_code(self.texts_to(phone)[-1])
        self.codes.append(code)
        return code

    def read_pair(self, body: dict[str, Any], at: datetime) -> Pair:
        """Read both tokens of an answer; what they say must fit together."""
        access, refresh = claims_of(body["access_token"]), claims_of(body["refresh_token"])
        self.tokens += [body["access_token"], body["refresh_token"]]
        shared = ("sub", "sid", "auth_time", "amr", "iat")
        assert {name: access[name] for name in shared} == {name: refresh[name] for name in shared}
        assert (access["token_type"], refresh["token_type"], access["amr"]) == ("access", "refresh", ["otp", "sms"])
        assert refresh["jti"] == refresh["sid"] != access["jti"]
        assert body["token_type"] == "Bearer"
        left = (moment(access["exp"]) - at).total_seconds()
        assert max(0, int(left)) == body["expires_in"]
        return Pair(self._token(body["access_token"], access), self._token(body["refresh_token"], refresh))

    def _token(self, text: str, claims: dict[str, Any]) -> Token:
        return Token(
            text=text,
            session=UUID(claims["sid"]),
            user=UUID(claims["sub"]),
            expires_at=moment(claims["exp"]),
            auth_time=moment(claims["auth_time"]),
            secret=self.site.ring[0],
            generation=claims.get("gen", -1),
            says_fresh=claims.get("fresh", False),
        )

    def check_pair(self, pair: Pair, session: Session, *, is_fresh: bool) -> None:
        """Hold the tokens of an answer against the session that they are of."""
        assert pair.refresh.generation == session.generation
        assert pair.access.says_fresh is is_fresh
        assert pair.access.user == session.user
        assert pair.access.auth_time == session.opened_at.replace(microsecond=0)
        issued, end = session.rotated_at.replace(microsecond=0), session.expires_at.replace(microsecond=0)
        second = timedelta(seconds=1)
        assert min(issued + ACCESS_LIFETIME * 0.95 - second, end) <= pair.access.expires_at
        assert pair.access.expires_at <= min(issued + ACCESS_LIFETIME + second, end)
        assert pair.refresh.expires_at == min(issued + REFRESH_LIFETIME, end)

    def read_device(self, text: str, phone: E164, user: UUID, at: datetime) -> DeviceToken:
        """Read a device token as the site does."""
        self.tokens.append(text)
        device = read_device(phone, text)
        assert device is not None
        born_at = self.site.users[user].born_at
        assert device.user_id == f"{user}@{born_at.timestamp():.0f}"
        signed_at = at.replace(microsecond=0)
        return DeviceToken(text, phone, user, born_at, codes.device_asker(device.id), self.site.ring[0], signed_at)

    def userid(self, phone: E164) -> str:
        """Return the id that stands for a number under the present key."""
        return self.derived_ids.get((phone, self.site.ring[0])) or str(phones.user_ids(phone)[0])

    def check(self) -> None:
        """Hold every row against the model, and look for what must not be in any."""
        tables.check(self.site, staff=self.staff.user)
        self.checks += 1
        if self.checks % SECRETS_EVERY == 0:
            tables.check_secrets(self.tokens, self.codes, PHONES)


def secret_key(number: int) -> str:
    """Return the n-th key of a story's site, long enough for every check."""
    return f"the key of a story's site, number {number}, and known to everyone who reads"


def moment(epoch: int) -> datetime:
    """Return a claim as a moment."""
    return datetime.fromtimestamp(epoch, tz=dt.timezone.utc)
