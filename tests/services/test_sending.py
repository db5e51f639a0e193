"""Handing codes to providers: once, after the commit, inline or in a thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.utils import translation

from securelogin import codes, phones, services
from securelogin.events import Event, SecurityEvent
from securelogin.exceptions import ResendTooSoon, SMSNotSent
from securelogin.services import sending
from securelogin.sms import TEMPLATE
from securelogin.sms.base import BaseSMSBackend
from securelogin.sms.locmem import SMSBackend as LocmemBackend
from securelogin.sms.locmem import outbox
from tests.factories import UserFactory

from .backends import HERE, FailingBackend, OvertakenBackend, VerifyingBackend, asked, sms
from .conftest import Announcements, Configure
from .visitors import CLIENT, PHONE, Visitor

pytestmark = pytest.mark.django_db

LOCMEM = {"BACKEND": "securelogin.sms.locmem.SMSBackend"}
VERIFY = {"BACKEND": f"{HERE}.VerifyingBackend"}


@pytest.fixture(autouse=True)
def _clean_host() -> Iterator[None]:
    """Forget what the host's backends and routers were asked."""
    VerifyingBackend.forget()
    asked.clear()
    yield
    assert sending.drain()


# Routes


def test_router_is_asked_once_for_each_code(ada: Visitor, configure: Configure) -> None:
    """A router that shares traffic out decides once: who sends the code also says whose it is."""
    configure(SMS={"default": LOCMEM, "verify": VERIFY}, SMS_ROUTER=f"{HERE}.alternate", RESEND_PAUSES=())
    assert ada.log_in()
    assert asked == [PHONE]
    ada.ask()
    assert asked == [PHONE, PHONE]
    assert VerifyingBackend.started == ["VE0"]
    assert ada.guess(VerifyingBackend.RIGHT)


def test_route_to_nowhere_is_an_outage(
    ada: Visitor, configure: Configure, announced: Announcements, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no backend is named the ask fails as an outage does, is announced, and may be tried again at once."""
    configure(SMS_ROUTER=f"{HERE}.nowhere", RESEND_PAUSES=(timedelta(seconds=30),))
    for _ in range(2):
        with caplog.at_level(logging.ERROR, "securelogin.sms"), pytest.raises(SMSNotSent) as caught:
            ada.ask()
        assert not caught.value.is_numbers_fault
    assert announced.names() == ["sms_not_sent", "sms_not_sent"]
    assert "nowhere" in caplog.text
    assert PHONE not in caplog.text


def test_owner_of_the_code_is_told_the_number(ada: Visitor, configure: Configure) -> None:
    """It sends its own text."""
    configure(SMS=sms("VerifyingBackend"))
    ada.ask()
    assert VerifyingBackend.called == [PHONE]
    assert ada.row().provider_id == "VE0"


def test_start_that_fails_leaves_no_code(ada: Visitor, configure: Configure) -> None:
    """Without the provider's id nothing can be right, and nobody is asked (A15)."""
    configure(SMS=sms("DeafBackend"))
    with pytest.raises(SMSNotSent):
        ada.ask()
    ada.fail(code=VerifyingBackend.RIGHT)
    assert VerifyingBackend.checked == []


@pytest.mark.parametrize(("router", "alias"), [(f"{HERE}.nowhere", "nowhere"), (f"{HERE}.missing", "")])
def test_outage_of_the_settings_leaves_the_code_ours(
    router: str,
    alias: str,
    ada: Visitor,
    configure: Configure,
    announced: Announcements,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A route to nowhere, or none, is told by what is known of it, and hands nobody the code."""
    configure(SMS_ROUTER=router)
    with caplog.at_level(logging.WARNING, "securelogin.sms"), pytest.raises(SMSNotSent) as caught:
        ada.ask()
    assert caught.value.is_definite
    assert ada.row().provider == ""
    (told,) = announced.named("sms_not_sent")
    assert (told["sender"], told["alias"], told["error"]) == (BaseSMSBackend, alias, caught.value)
    error, warning = (each.getMessage() for each in caplog.records if each.name == "securelogin.sms")
    assert error.startswith("no backend: SECURELOGIN[")
    assert warning == f"code not sent through {alias!r}: no backend"


def test_late_start_marks_its_own_code_only(ada: Visitor, configure: Configure) -> None:
    """A provider's id that comes when a newer code is in its place is nobody's."""
    configure(SMS=sms("OvertakenBackend"), RESEND_PAUSES=())
    OvertakenBackend.meanwhile = staticmethod(ada.ask)
    ada.ask()
    assert OvertakenBackend.started == ["VE0", "VE1"]
    assert ada.row().provider_id == "VE1"


def test_late_refusal_lifts_no_newer_pause(ada: Visitor, configure: Configure) -> None:
    """The pause that is lifted is that of the code which was not sent."""
    configure(SMS=sms("FailingBackend", mode="refused"))
    with pytest.raises(SMSNotSent):
        ada.ask()
    row = ada.row()
    ada.change_row(nonce="another", resend_at=row.touched_at + timedelta(hours=1))
    message = sending.Message(PHONE, codes.ANYONE, codes.Purpose.LOGIN, row, "default", None, CLIENT)
    with pytest.raises(SMSNotSent):
        sending.send(message)
    assert ada.row().resend_at == row.touched_at + timedelta(hours=1)


# Who hears of it


@pytest.mark.parametrize(("mode", "event"), [(None, Event.CODE_SENT), ("time-out", Event.CODE_NOT_SENT)])
def test_trail_names_number_alias_and_place(
    mode: str | None, event: Event, eve: Visitor, configure: Configure, trail: list[SecurityEvent]
) -> None:
    """A record of a code that was sent, or was not, holds where it was asked for; of a failure the reason."""
    if mode:
        configure(SMS=sms("FailingBackend", mode=mode))
    with suppress(SMSNotSent):
        eve.ask()
    (record,) = trail
    assert (record.event, record.phone_digest, record.request_id) == (event, phones.digest(PHONE), "request-7")
    assert record.detail == {"alias": "default", **({"reason": mode} if mode else {})}


def test_receivers_hear_from_the_backend(ada: Visitor, configure: Configure, announced: Announcements) -> None:
    """Its class is the sender, of what was sent and of what was not; the number is a digest."""
    ada.ask()
    configure(SMS=sms("FailingBackend", mode="time-out"), RESEND_PAUSES=())
    ada.change_row(resend_at=None)
    with pytest.raises(SMSNotSent) as caught:
        ada.ask()
    (sent,), (failed,) = announced.named("code_sent"), announced.named("sms_not_sent")
    assert (sent["sender"], failed["sender"]) == (LocmemBackend, FailingBackend)
    for told in (sent, failed):
        assert (told["alias"], told["phone_digest"]) == ("default", phones.digest(PHONE))
    assert failed["error"] is caught.value


# Texts


@pytest.fixture
def bilingual(settings: Any) -> None:
    """A host whose text says in which language it is."""
    text = "{% load i18n %}{% get_current_language as language %}{{ code }} {{ language }}"
    loaders = [("django.template.loaders.locmem.Loader", {TEMPLATE: text})]
    settings.USE_I18N = True
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": loaders}}
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["inline", "thread"])
def test_text_is_in_the_callers_language(way: str, ada: Visitor, bilingual: None, configure: Configure) -> None:
    """What is said in the caller's language is sent in it, whoever sends it."""
    configure(SEND=way)
    with translation.override("de"):
        ada.ask()
        assert translation.get_language() == "de"
    assert sending.drain()
    assert outbox[-1].body == f"{ada.code()} de"


def test_origin_stands_in_the_last_line(ada: Visitor, configure: Configure) -> None:
    """``SMS_ORIGIN`` binds the code to the site (WICG, section 3.2)."""
    configure(SMS_ORIGIN="login.example.com")
    ada.ask()
    assert outbox[-1].body.splitlines()[-1] == f"@login.example.com #{ada.code()}"


def test_code_whose_key_left_the_ring_is_not_sent(ada: Visitor) -> None:
    """A worker that cannot compute the code sends nothing, and says so."""
    ada.ask()
    row = ada.row()
    row.key_id = "gone"
    outbox.clear()
    message = sending.Message(PHONE, codes.ANYONE, codes.Purpose.LOGIN, row, "default", None, CLIENT)
    with pytest.raises(SMSNotSent) as caught:
        sending.send(message)
    assert caught.value.is_definite
    assert not outbox


def test_code_is_sent_up_to_its_end_and_no_longer(ada: Visitor, clock: time_machine.Traveller) -> None:
    """A provider is not asked to send what opens nothing, which is surely not sent."""
    ada.ask()
    message = sending.Message(PHONE, codes.ANYONE, codes.Purpose.LOGIN, ada.row(), "default", None, CLIENT)
    clock.shift(299)
    sending.send(message)
    clock.shift(1)
    with pytest.raises(SMSNotSent) as caught:
        sending.send(message)
    assert (caught.value.reason, caught.value.is_definite) == ("the code was over before its turn came", True)
    assert ada.texts() == 2


# Failures


def test_failure_is_logged_without_number_and_text(
    ada: Visitor, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells the provider's reason, and the number as a digest only (H1)."""
    configure(SMS=sms("FailingBackend", mode="time-out"))
    with caplog.at_level(logging.DEBUG), pytest.raises(SMSNotSent):
        ada.ask()
    record = next(each for each in caplog.records if "time-out" in each.getMessage())
    assert vars(record)["phone"] == phones.digest(PHONE)
    assert PHONE.removeprefix("+") not in caplog.text


# Threads


@pytest.mark.django_db(transaction=True)
def test_thread_sends_what_inline_sends(ada: Visitor, configure: Configure, announced: Announcements) -> None:
    """The code arrives, and opens."""
    configure(SEND="thread")
    ada.ask()
    assert sending.drain()
    assert announced.names() == ["code_sent"]
    assert ada.guess(ada.code())


@pytest.mark.django_db(transaction=True)
def test_thread_keeps_the_providers_id(ada: Visitor, configure: Configure) -> None:
    """A provider's id is written from the thread."""
    configure(SEND="thread", SMS=sms("VerifyingBackend"))
    ada.ask()
    assert sending.drain()
    assert ada.row().provider_id == "VE0"


@pytest.mark.django_db(transaction=True)
def test_thread_does_not_make_the_answer_wait(ada: Visitor, configure: Configure) -> None:
    """A slow provider is nobody's wait, and no sign of an account (C3)."""
    configure(SEND="thread", SMS=sms("SlowBackend"))
    began = time.monotonic()
    ada.ask()
    assert time.monotonic() - began < 1
    assert not outbox
    assert sending.drain()
    assert ada.texts() == 1


@pytest.mark.django_db(transaction=True)
def test_answer_goes_ahead_of_its_message(ada: Visitor, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a message is done while its answer is made and sent: who is sent nothing gets it as late (C3)."""
    monkeypatch.setattr(sending, "HEAD_START", 0.5)
    configure(SEND="thread")
    ada.ask()
    answered = time.monotonic()
    time.sleep(0.2)
    assert not outbox
    assert sending.drain()
    assert 0.3 < time.monotonic() - answered < 5
    assert ada.texts() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["refused", "no such number", "time-out"])
def test_thread_never_tells(mode: str, ada: Visitor, configure: Configure, announced: Announcements) -> None:
    """Whatever the provider says, the answer and the pause are those of a code that was sent."""
    configure(SEND="thread", SMS=sms("FailingBackend", mode=mode))
    assert ada.ask().resend_after == 30
    assert sending.drain()
    assert announced.names() == ["sms_not_sent"]
    row = ada.row()
    assert row.resend_at is not None
    assert row.resend_at == row.touched_at + timedelta(seconds=30)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["refused", "no such number", "time-out"])
def test_refused_and_unreachable_numbers_ask_again_alike(
    mode: str, ada: Visitor, bob: Visitor, configure: Configure
) -> None:
    """While a provider refuses everything, asking twice tells nothing of who has an account (C1)."""
    configure(SEND="thread", SIGNUP="closed", SMS=sms("FailingBackend", mode=mode))
    UserFactory(phone=ada.phone)
    for visitor in (ada, bob):
        visitor.ask()
        assert sending.drain()
        with pytest.raises(ResendTooSoon):
            visitor.ask()


@pytest.mark.django_db(transaction=True)
def test_thread_survives_a_backend_that_breaks_its_promise(
    ada: Visitor, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    """An error that no backend may raise is logged, and the next code is sent."""
    configure(SEND="thread", SMS=sms("BrokenBackend"), RESEND_PAUSES=())
    ada.ask()
    assert sending.drain()
    assert "an error of ours" in caplog.text
    assert PHONE not in caplog.text
    configure(SMS={"default": LOCMEM})
    ada.ask()
    assert sending.drain()
    assert ada.texts() == 1


@pytest.mark.django_db(transaction=True)
def test_number_that_gets_nothing_takes_the_same_way(configure: Configure, announced: Announcements) -> None:
    """The pool is handed something for every number, and sends only where there is something to send (C3)."""
    configure(SEND="thread", SIGNUP="closed")
    user = UserFactory(is_active=False)
    Visitor(phones.E164(user.get_username())).ask()
    Visitor().ask()
    assert sending.drain()
    assert not outbox
    assert announced.names() == []


@pytest.mark.django_db(transaction=True)
def test_pool_that_is_full_drops_and_says_so(
    ada: Visitor, configure: Configure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No flood of asks fills the memory; what is dropped is in the log."""
    monkeypatch.setattr(sending, "QUEUE", 1)
    configure(SEND="thread", SMS=sms("SlowBackend"), RESEND_PAUSES=())
    ada.ask()
    ada.ask()
    assert "messages are waiting" in caplog.text
    assert sending.drain()
    assert ada.texts() == 1


def test_pool_takes_as_many_as_it_may(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, configure: Configure
) -> None:
    """Each place that is left is one that may be taken."""
    monkeypatch.setattr(sending, "QUEUE", 3)
    configure(SEND="thread")
    places = [sending._take_place() for _ in range(4)]
    assert [place is not None for place in places] == [True, True, True, False]
    assert sending._leave_place(places[0])
    assert not sending._leave_place(places[0])
    places = [*places[1:3], sending._take_place()]
    assert [sending._take_place(), *(sending._has_place(place) for place in places)] == [None, True, True, True]
    sending.send(None)
    assert caplog.messages == ["code not sent: 3 messages are waiting"]
    for place in places:
        sending._leave_place(place)


def test_waiting_for_the_pool_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the last message, or when the time is over; it looks a hundred times a second."""
    naps: list[float] = []
    clock = [100.0]

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clock[0] += 0.25

    monkeypatch.setattr(sending, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: clock[0]))
    assert sending.drain()
    assert naps == []
    place = sending._take_place()
    try:
        assert not sending.drain(timeout=1)
        assert naps == [0.01] * 4
        assert not sending.drain()
        assert naps == [0.01] * 44
    finally:
        sending._leave_place(place)


def test_service_is_all_there() -> None:
    """Every verb that the facade names is there."""
    assert all(callable(getattr(services, name)) for name in services.__all__)
