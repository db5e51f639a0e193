"""Somebody with a phone who calls the verbs, and what the tables know of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pytest

from securelogin import codes, phones, services
from securelogin.addresses import Client
from securelogin.exceptions import CodeRejected
from securelogin.models import OneTimeCode
from securelogin.phones import E164
from securelogin.sms.locmem import outbox
from securelogin.tokens import AccessToken, RefreshToken, read_access, read_device, read_refresh
from tests.visits import read_code

PHONE = phones.parse("+12025550123")
OTHER_PHONE = phones.parse("+12025550124")
CLIENT = Client(ip_address("192.0.2.1"), "tests", "a phone")


@dataclass
class Visitor:
    """Somebody who reads what is sent to ``phone`` and may keep a device token."""

    phone: E164 = PHONE
    client: Client = CLIENT
    device_token: str | None = field(default=None, repr=False)

    def ask(self) -> services.CodeRequested:
        """Ask for a code."""
        return services.request_code(self.phone, device_token=self.device_token, client=self.client)

    def code(self) -> str:
        """Read the newest code on the phone."""
        return read_code([text.body for text in outbox if text.to == self.phone][-1])

    def texts(self) -> int:
        """Count what was sent to the phone."""
        return sum(text.to == self.phone for text in outbox)

    def guess(self, code: str, *, user_id: str | None = None) -> services.Login:
        """Try a code."""
        return services.verify_code(
            self.phone,
            user_id=user_id or str(phones.user_ids(self.phone)[0]),
            code=code,
            device_token=self.device_token,
            client=self.client,
        )

    def fail(self, times: int = 1, *, code: str | None = None) -> None:
        """Try a wrong code so often; each time it must be refused."""
        for _ in range(times):
            with pytest.raises(CodeRejected):
                self.guess(wrong(self.code()) if code is None else code)

    def log_in(self) -> services.Login:
        """Ask, read and enter."""
        self.ask()
        return self.guess(self.code())

    def log_in_and_remember(self) -> services.Login:
        """Log in and keep the device token for what comes."""
        login = self.log_in()
        self.device_token = login.device_token
        return login

    @property
    def asker(self) -> str:
        """Whose budgets the visitor spends, were the account still theirs."""
        device = read_device(self.phone, self.device_token)
        return codes.device_asker(device.id) if device else codes.ANYONE

    def row(self) -> OneTimeCode:
        """Read the row of the visitor's number and asker."""
        return OneTimeCode.objects.get(key=codes.row_key(self.phone, self.asker))

    def change_row(self, **values: Any) -> None:
        """Write into that row what only time would."""
        assert OneTimeCode.objects.filter(key=codes.row_key(self.phone, self.asker)).update(**values) == 1


def name_of(user: Any) -> str:
    """Return the display name that the account was given."""
    return str(user.username)


def wrong(code: str) -> str:
    """Return a code that is not this one."""
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


def access(login: services.Login) -> AccessToken:
    """Return the access token of a login as the reception reads it."""
    return read_access(login.pair.access_token)


def refresh(login: services.Login) -> RefreshToken:
    """Return the refresh token of a login as the reception reads it."""
    return read_refresh(login.pair.refresh_token)
