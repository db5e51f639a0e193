"""``manage.py send_test_sms``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from securelogin.exceptions import SMSNotSent
from securelogin.models import OneTimeCode
from securelogin.sms.base import BaseCodeBackend, BaseSMSBackend
from securelogin.sms.locmem import outbox
from tests.commands.conftest import Run

PHONE = "+12025550143"
LOCMEM = "securelogin.sms.locmem.SMSBackend"


class Refusing(BaseSMSBackend):
    """A provider that takes nothing."""

    def send(self, *, to: str, body: str) -> None:
        raise SMSNotSent("the account is empty", is_definite=True)


class Owning(BaseCodeBackend):
    """A provider that makes the codes; it notes whom it was asked to send one."""

    asked: list[str] = []

    def start(self, *, to: str) -> str:
        self.asked.append(to)
        return "VE1"

    def check(self, *, to: str, provider_id: str, code: str) -> bool:
        return False


def route_away(phone: str) -> str:
    """Send everything through the second backend."""
    return "second"


@pytest.fixture(autouse=True)
def _backends(settings: Any, tmp_path: Path) -> None:
    """One backend of each kind."""
    settings.SECURELOGIN = {
        "SMS": {
            "default": {"BACKEND": LOCMEM},
            "second": {"BACKEND": "securelogin.sms.filebased.SMSBackend", "OPTIONS": {"path": str(tmp_path / "sms")}},
            "refusing": {"BACKEND": f"{__name__}.Refusing"},
            "owning": {"BACKEND": f"{__name__}.Owning"},
            "missing": {"BACKEND": "nowhere.SMSBackend"},
        }
    }
    Owning.asked.clear()


@pytest.mark.parametrize("spelling", [PHONE, "+1 (202) 555-0143"])
def test_text_is_sent_by_the_way_that_codes_take(run: Run, spelling: str) -> None:
    """In the wording of the site, with a code that opens nothing; the number is not said whole."""
    said = run("send_test_sms", spelling)
    assert said.out == "'default' (securelogin.sms.locmem) accepted the text to +1*****43.\n"
    assert said.err == "This backend reaches no phone.\n"
    assert [(text.alias, text.to) for text in outbox] == [("default", PHONE)]
    assert "000000" in outbox[0].body


def test_router_chooses_the_backend(run: Run, settings: Any, tmp_path: Path) -> None:
    """As it does for a visitor."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "SMS_ROUTER": f"{__name__}.route_away"}
    assert "'second' (securelogin.sms.filebased) accepted" in run("send_test_sms", PHONE).out
    assert json.loads((tmp_path / "sms").read_text())["to"] == PHONE


def test_backend_may_be_named(run: Run) -> None:
    """Whatever the router says; a provider that owns the code is asked to start."""
    said = run("send_test_sms", PHONE, "--backend", "owning")
    assert said == (f"'owning' ({__name__}) accepted the text to +1*****43.\n", "")
    assert Owning.asked == [PHONE]


@pytest.mark.parametrize(
    ("alias", "error"),
    [
        ("refusing", r"did not send to \+1\*\*\*\*\*43: the account is empty"),
        ("missing", "cannot be imported"),
        ("third", "has no alias 'third'"),
    ],
)
def test_command_fails_with_the_reason(run: Run, alias: str, error: str) -> None:
    """The provider's or ours, without the number."""
    with pytest.raises(CommandError, match=error) as failure:
        run("send_test_sms", PHONE, "--backend", alias)
    assert failure.value.returncode == 1
    assert "5550143" not in str(failure.value)


@pytest.mark.parametrize("text", ["12", "", "+1202555014x", "0171 1234567"])
def test_no_number_is_no_send(run: Run, text: str) -> None:
    """Before any backend is made."""
    with pytest.raises(CommandError, match="no phone number") as failure:
        run("send_test_sms", text)
    assert outbox == []
    assert "12" not in str(failure.value)


def test_refused_region_is_said(run: Run, settings: Any) -> None:
    """The text goes all the same: it is the backend that is tried."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "ALLOWED_REGIONS": ["DE"]}
    assert "Visitors are sent no codes there" in run("send_test_sms", PHONE).err
    assert len(outbox) == 1


@pytest.mark.django_db
def test_no_row_is_written(run: Run) -> None:
    """It spends no budget of the number."""
    run("send_test_sms", PHONE)
    assert OneTimeCode.objects.count() == 0


def test_no_number_and_no_code_is_logged(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """At any level."""
    caplog.set_level(0)
    run("send_test_sms", PHONE)
    assert "5550143" not in caplog.text
    assert "000000" not in caplog.text
