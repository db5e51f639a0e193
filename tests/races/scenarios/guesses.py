"""Guessing codes and passwords, and sending the right ones."""

from __future__ import annotations

import time
from contextlib import suppress

from django.contrib.auth import get_user_model
from django.db import IntegrityError

from securelogin.services.transactions import with_retries

from .. import judges, settings
from ..calls import Ticket, log_in_with_password, verify
from ..stage import Stage
from ..watch import beside

GUESSES = 5


def right_code(stage: Stage) -> list[str]:
    """Send the right code many times, for an account: the insert of a new one would sort the calls out by itself."""
    phone = next(stage.numbers)
    get_user_model()._default_manager.create_user(phone=phone)
    ticket = stage.ask(phone)
    answers = stage.burst([verify(ticket)] * stage.clients)
    return judges.right_code(answers, stage.books(ticket.phone))


def made_by_staff(stage: Stage) -> list[str]:
    """Send the right code of a new number while staff makes its account; who is first does not matter."""
    began = time.monotonic()
    ticket = stage.ask(next(stage.numbers))
    delay = stage.random.uniform(0, 2 * (time.monotonic() - began))

    def make() -> None:
        time.sleep(delay)
        with suppress(IntegrityError):
            with_retries(lambda: get_user_model()._default_manager.create(phone=ticket.phone))

    with beside(make):
        answers = stage.burst([verify(ticket)] * stage.clients)
    return judges.right_code(answers, stage.books(ticket.phone))


def wrong_guesses(stage: Stage) -> list[str]:
    """Send as many different wrong codes, then the right one."""
    ticket = stage.ask(next(stage.numbers))
    answers = stage.burst([verify(ticket, code) for code in _wrong_codes(stage, ticket, stage.clients)])
    after = stage.call(verify(ticket))
    return judges.wrong_guesses(answers, after, stage.books(ticket.phone), most=GUESSES)


def hidden_code(stage: Stage) -> list[str]:
    """Send the right code at a random place among wrong ones."""
    ticket = stage.ask(next(stage.numbers))
    codes = _wrong_codes(stage, ticket, stage.clients - 1)
    codes.insert(stage.random.randrange(stage.clients), ticket.code)
    answers = stage.burst([verify(ticket, code) for code in codes])
    stage.won += len(judges.successes(answers))
    stage.chances.append(min(1.0, GUESSES / stage.clients))
    return judges.hidden_code(answers, stage.books(ticket.phone), most=GUESSES)


def hidden_code_luck(stage: Stage) -> list[str]:
    """Compare the won rounds with what the budget of guesses allows."""
    return judges.luck(stage.won, stage.chances)


def wrong_passwords(stage: Stage) -> list[str]:
    """Send as many wrong passwords, then the right one."""
    phone, password = next(stage.numbers), f"{stage.random.getrandbits(128):032x}"
    get_user_model()._default_manager.create_user(phone=phone, password=password)
    answers = stage.burst([log_in_with_password(phone, f"{password}{n}") for n in range(stage.clients)])
    after = stage.call(log_in_with_password(phone, password))
    return judges.wrong_passwords(answers, after, stage.books(phone), most=settings.FAILURES_PER_DAY)


def _wrong_codes(stage: Stage, ticket: Ticket, count: int) -> list[str]:
    """Return different codes, none of them right."""
    drawn = stage.random.sample(range(10 ** len(ticket.code)), count + 1)
    codes = [str(number).zfill(len(ticket.code)) for number in drawn]
    return [code for code in codes if code != ticket.code][:count]
