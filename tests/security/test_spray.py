"""One guess at each of very many numbers (B15): no number's budget notices, the site's does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from securelogin import codes, services, signals
from securelogin.addresses import Client, read
from securelogin.conf import DEFAULT_LIMITS
from securelogin.events import Event, SecurityEvent
from securelogin.exceptions import CodeRejected
from securelogin.models import Counter, OneTimeCode
from securelogin.phones import E164
from securelogin.sms.locmem import outbox
from tests.api.visitor import Visitor, derived_id, sent_code, wrong
from tests.races.supplies import fictional_numbers
from tests.visits import read_code

FEW = 20
WIDE = {"login_site": None, "login_range": None}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sprays() -> Iterator[list[SecurityEvent]]:
    """The alarms that went off."""
    heard: list[SecurityEvent] = []

    def hear(event: SecurityEvent, **_arguments: Any) -> None:
        if event.event is Event.LOGIN_SPRAY:
            heard.append(event)

    signals.security_event.connect(hear)
    yield heard
    signals.security_event.disconnect(hear)


@pytest.fixture(params=["database", "redis"])
def storage(request: pytest.FixtureRequest, redis_url: str, settings: Any) -> None:
    """Count in the table, and in Redis."""
    url = "database" if request.param == "database" else redis_url
    settings.SECURELOGIN = {
        **settings.SECURELOGIN,
        "LIMITS_STORAGE": url,
        "LIMITS": {**WIDE, "spray_site": f"{FEW}/day"},
    }


def spray(numbers: Iterator[E164], times: int) -> None:
    """Guess once at each of so many numbers, each from an address of its own."""
    for index in range(times):
        phone, client = next(numbers), Client(read(f"198.18.{index // 250}.{index % 250}"))
        services.request_code(phone, client=client)
        code = read_code(outbox[-1].body)
        with pytest.raises(CodeRejected):
            services.verify_code(phone, user_id="anybody", code=wrong(code), client=client)


@pytest.mark.usefixtures("storage")
def test_alarm_goes_off_once_and_codes_of_strangers_grow(sprays: list[SecurityEvent], visitor: Visitor) -> None:
    """Once the site's budget is full a stranger's code has two digits more, which the answer and the phone say."""
    numbers = fictional_numbers()
    spray(numbers, FEW - 1)
    assert sprays == []
    assert visitor.ask().json()["code_length"] == 6
    spray(numbers, FEW)
    assert len(sprays) == 1
    phone = next(numbers)
    asked = visitor.ask(phone).json()
    assert asked["code_length"] == 6 + codes.LONGER
    code = sent_code()
    assert len(code) == 8
    assert visitor.guess(wrong(code), userid=asked["userid"], phone=phone).status_code == 400
    assert visitor.guess(code, userid=asked["userid"], phone=phone).status_code == 200


@pytest.mark.usefixtures("storage")
def test_known_devices_go_on_as_before(visitor: Visitor) -> None:
    """A device token is proof enough: its codes stay short."""
    device = visitor.log_in()["device_token"]
    spray(fictional_numbers(), FEW)
    asked = visitor.ask(device_token=device).json()
    assert asked["code_length"] == 6
    assert visitor.guess(sent_code(), userid=derived_id(), device_token=device).status_code == 200


def test_default_trips_within_a_thousand_failures() -> None:
    """Security by default: a thousand failures a day (the bound of the fleet, RFC 4226 section 6)."""
    assert DEFAULT_LIMITS["spray_site"] == "1000/day"


def test_only_guesses_that_were_looked_at_count(sprays: list[SecurityEvent], settings: Any, visitor: Visitor) -> None:
    """Garbage at numbers that nobody asked a code for trips no alarm, nor does a right code."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {**WIDE, "spray_site": "3/day", "verify_ip": None}}
    for phone in islice(fictional_numbers(), 5):
        visitor.guess("123456", userid=derived_id(phone), phone=phone)
    visitor.log_in()
    assert sprays == []
    assert visitor.ask("+12025550199").json()["code_length"] == 6


@pytest.mark.parametrize("signup", ["register", "closed"])
def test_guess_counts_whether_its_code_was_sent_or_not(signup: str, sprays: list[SecurityEvent], settings: Any) -> None:
    """What strangers do to numbers that are sent nothing trips the alarm as well: it tells nobody which those are."""
    limits = {**WIDE, "spray_site": "3/day"}
    settings.SECURELOGIN = {**settings.SECURELOGIN, "SIGNUP": signup, "LIMITS": limits}
    visitor, numbers = Visitor(), fictional_numbers()
    for phone in islice(numbers, 3):
        assert visitor.ask(phone).json()["code_length"] == 6
        assert visitor.guess("123456", userid=derived_id(phone), phone=phone).status_code == 400
    assert outbox == []
    assert len(sprays) == 1
    assert visitor.ask(next(numbers)).json()["code_length"] == 8


def test_alarm_rests_after_its_day(settings: Any, visitor: Visitor) -> None:
    """The window ends, and codes are short again."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {**WIDE, "spray_site": f"{FEW}/day"}}
    numbers = fictional_numbers()
    spray(numbers, FEW)
    assert visitor.ask(next(numbers)).json()["code_length"] == 8
    Counter.objects.update(expires_at="2001-01-01T00:00:00+00:00")
    assert visitor.ask(next(numbers)).json()["code_length"] == 6


def test_switched_off_it_counts_nothing(settings: Any) -> None:
    """``None`` switches it off like any limit."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {**WIDE, "spray_site": None}}
    spray(fictional_numbers(), 3)
    assert not Counter.objects.filter(key__startswith="spray_site").exists()


@pytest.mark.parametrize("digits", [5, 6, 7, 8])
def test_longer_code_as_a_number(settings: Any, visitor: Visitor, digits: int) -> None:
    """A client that sends numbers logs in with a longer code too, whatever zeros it lost."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {**WIDE, "spray_site": "1/day"}}
    spray(fictional_numbers(), 1)
    asked = visitor.ask().json()
    code = give_code_of(asked["phone"], digits)
    assert visitor.guess(code, userid=asked["userid"]).status_code == 200


def give_code_of(phone: str, digits: int) -> int:
    """Give the live code another nonce until its value has so many digits."""
    row = OneTimeCode.objects.get(key=codes.row_key(phone, codes.ANYONE))
    for nonce in range(10_000):
        row.nonce = f"{nonce:032x}"
        code = int(row.code(phone=phone, asker=codes.ANYONE, purpose=codes.Purpose.LOGIN) or "")
        if len(str(code)) == digits:
            row.save(update_fields=["nonce"])
            return code
    raise AssertionError("one code in a thousand has five digits")


def test_longer_guess_at_a_short_code_is_none(visitor: Visitor) -> None:
    """Eight digits at a code of six are refused like any wrong code, and not counted."""
    visitor.ask()
    assert visitor.guess("00" + sent_code(), userid=derived_id()).status_code == 400
    row = OneTimeCode.objects.get()
    assert (row.guesses, row.failures_in_day) == (0, 0)
    assert visitor.guess(sent_code(), userid=derived_id()).status_code == 200
