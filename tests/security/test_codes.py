"""Group A: how a code is made, how long it lives, where it never stands, what matches it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections

from securelogin.models import OneTimeCode
from securelogin.sms.locmem import outbox
from tests.api.refusals import TOO_LARGE, TOO_MANY_REQUESTS, TOO_SOON, WRONG_CODE, refusal_of
from tests.api.visitor import Visitor, wrong
from tests.visits import PHONE

from .calls import NO_LIMITS, ROOM_TO_SEND, ask, computed, configure, guess, number, row_of, sent_to

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 6, 12, tzinfo=timezone.utc)
LIFETIME = 300
ZONE = "Asia/Kolkata"


def test_no_seed_brings_a_code_back(settings: Any) -> None:
    """Two runs of a server whose generator begins alike send other codes (A1)."""
    configure(settings, **ROOM_TO_SEND)
    runs: list[list[str]] = []
    for _run in range(2):
        random.seed(0)
        runs.append([])
        for _ask in range(20):
            assert ask().status_code == 200
            runs[-1].append(sent_to(PHONE))
    assert sum(one == other for one, other in zip(*runs, strict=True)) <= 2


# Whose clock counts


@pytest.mark.parametrize("date", [None, "Tue, 06 May 2031 11:00:00 GMT", "Tue, 06 May 2031 13:00:00 GMT", "never"])
def test_code_lives_by_the_servers_clock(time_machine: Any, date: str | None) -> None:
    """A second before its end a code is right, a second after it wrong like any other, whatever ``Date`` says (A3)."""
    headers = {} if date is None else {"HTTP_DATE": date}
    time_machine.move_to(NOON, tick=False)
    ask(**headers)
    refused = guess(wrong(sent_to(PHONE)), **headers)
    time_machine.shift(LIFETIME + 1)
    late = guess(sent_to(PHONE), **headers)
    assert (late.content, late.headers) == (refused.content, refused.headers)
    assert refusal_of(late) == WRONG_CODE
    ask(**headers)
    time_machine.shift(LIFETIME - 1)
    assert guess(sent_to(PHONE), **headers).status_code == 200


def _at_home(settings: Any) -> None:
    """Leave everything in UTC."""


def _server_elsewhere(settings: Any) -> None:
    """Give the server of the database a zone of its own; SQLite has none."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            name = connection.ops.quote_name(connection.settings_dict["NAME"])
            cursor.execute(f"ALTER DATABASE {name} SET timezone TO '{ZONE}'")
        elif connection.vendor == "mysql":
            cursor.execute("SET time_zone = '+05:30'")
    if connection.vendor == "postgresql":
        connection.close()  # the zone is that of the next connection


def _columns_elsewhere(settings: Any) -> None:
    """Tell Django that the database keeps another zone's time."""
    connection.settings_dict["TIME_ZONE"] = ZONE
    _forget_zone()
    assert connection.timezone_name == ZONE


def _without_zones(settings: Any) -> None:
    """Live in one zone and write its time."""
    settings.USE_TZ, settings.TIME_ZONE = False, ZONE


def _forget_zone() -> None:
    wrapper = connections[DEFAULT_DB_ALIAS]  # ``connection`` is a proxy, and has no zone to forget
    for name in ("timezone", "timezone_name"):
        wrapper.__dict__.pop(name, None)
    wrapper.close()


@pytest.fixture
def _zones() -> Iterator[None]:
    """Bring the database home again."""
    yield
    connection.settings_dict["TIME_ZONE"] = None
    if connection.vendor == "postgresql":
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET timezone")
    _forget_zone()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_zones")
@pytest.mark.parametrize("move", [_at_home, _server_elsewhere, _columns_elsewhere, _without_zones])
def test_times_hold_in_every_zone(settings: Any, time_machine: Any, move: Callable[[Any], None]) -> None:
    """Code, pause and window end on their second wherever the database is, with ``USE_TZ`` and without (A3)."""
    configure(settings, LIMITS={**NO_LIMITS, "login_ip": "3/hour"})
    move(settings)
    time_machine.move_to(NOON, tick=False)
    assert ask().status_code == 200
    time_machine.shift(29)
    assert refusal_of(ask()) == TOO_SOON
    time_machine.shift(1)
    assert ask().status_code == 200
    time_machine.shift(LIFETIME)
    assert refusal_of(guess(sent_to(PHONE))) == WRONG_CODE
    time_machine.move_to(NOON + timedelta(seconds=3599), tick=False)
    assert refusal_of(ask()) == TOO_MANY_REQUESTS
    time_machine.shift(1)
    assert ask().status_code == 200
    time_machine.shift(LIFETIME - 1)
    answer = guess(sent_to(PHONE))
    assert answer.status_code == 200
    assert Visitor().is_in(answer.json()["access_token"])


# What is tried


def near(code: str) -> list[Any]:
    """Return what is not the code, but would be for somebody who reads kindly."""
    wide = "".join(chr(ord(digit) - ord("0") + ord("\uff10")) for digit in code)
    arabic = "".join(chr(ord(digit) - ord("0") + ord("\u0660")) for digit in code)
    return [
        *[True, False, None, [], {}, [code], {"code": code}, [[code]], float(code), 1e5, -int(code) - 1, 10**6, 10**40],
        *["", "0", "null", "None", "true", f" {code}", f"{code} ", f"{code}\n", f"\t{code}", f"+{code}", f"-{code}"],
        *[
            f"{code}.0",
            f"{code}0",
            f"0{code}",
            code[:-1],
            f"{code[:3]} {code[3:]}",
            f"{code[:3]}-{code[3:]}",
            hex(int(code)),
        ],
        *[wide, arabic, f"{code[:-1]}\u00b2", f"{code}\u200b", "abcdef", code * 2000, "1" * 15_000],
    ]


NUMBERS: list[Any] = [0, 123456, 999999, "000000", "123456", "999999"]
"""Codes like any other, which are right once in a million."""


def _live(clock: Any) -> None:
    ask()


def _expired(clock: Any) -> None:
    ask()
    clock.shift(LIFETIME)


def _consumed(clock: Any) -> None:
    ask()
    assert guess(sent_to(PHONE)).status_code == 200


def _never_issued(clock: Any) -> None:
    """Do nothing: there is no row."""


def _registered(clock: Any) -> None:
    """Leave a row without a code."""
    Visitor().post("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE})


@pytest.mark.parametrize("state", [_live, _expired, _consumed, _never_issued, _registered])
def test_nothing_but_the_code_is_right(settings: Any, time_machine: Any, state: Callable[[Any], None]) -> None:
    """Whatever is sent in its place gets one answer, byte by byte, and only six digits cost a guess (A10)."""
    time_machine.move_to(NOON, tick=False)
    configure(settings, LIMITS=NO_LIMITS)
    state(time_machine)
    code = sent_to(PHONE) if outbox else "012345"
    answers = [guess(value) for value in near(code)]
    assert [row.guesses for row in OneTimeCode.objects.all()] in ([], [0], [int(state is _consumed)])
    answers += [guess(value) for value in NUMBERS if str(value).zfill(6) != code]
    assert {refusal_of(answer) for answer in answers} == {WRONG_CODE}
    assert len({(answer.content, tuple(sorted(answer.headers.items()))) for answer in answers}) == 1


def test_megabyte_in_place_of_a_code_is_too_large() -> None:
    """It is refused as every large body is, and costs no guess (A10, B16)."""
    ask()
    assert refusal_of(guess("1" * 1_000_000)) == TOO_LARGE
    assert row_of().guesses == 0


MAGIC = ("000000", "111111", "123456")


def test_no_code_opens_every_door(settings: Any) -> None:
    """Of fifty numbers none is opened by a code that somebody might have left in, but by its own (A14)."""
    configure(settings, **ROOM_TO_SEND)
    for phone in map(number, range(50)):
        ask(phone)
        opened = [magic for magic in MAGIC if guess(magic, phone).status_code == 200]
        assert opened == [magic for magic in MAGIC if magic == sent_to(phone)]


def test_sixth_guess_is_refused_though_it_is_right(settings: Any) -> None:
    """Five wrong ones spend the code, of a known number and of an unknown one (A11)."""
    ask()
    for _guess in range(5):
        assert refusal_of(guess(wrong(computed()))) == WRONG_CODE
    assert refusal_of(guess(computed())) == WRONG_CODE
