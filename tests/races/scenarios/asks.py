"""Asking for codes."""

from __future__ import annotations

from itertools import cycle, islice

from securelogin.phones import E164

from .. import judges, settings
from ..calls import Ticket, login, register, verify
from ..stage import Stage
from ..supplies import read_code


def first_logins(stage: Stage) -> list[str]:
    """Ask for a new number's first code in four spellings, then send the code in all of them."""
    return _ask_and_verify(stage, next(stage.numbers))


def asks(stage: Stage) -> list[str]:
    """Do the same for a number that has its row already: it was registered."""
    phone = next(stage.numbers)
    stage.must(register(phone))
    return _ask_and_verify(stage, phone)


def limit(stage: Stage) -> list[str]:
    """Ask for codes of as many numbers from one address."""
    address = next(stage.addresses)
    stage.fresh += islice(stage.numbers, stage.clients - len(stage.fresh))
    stage.outbox.new()
    answers = stage.burst([login(phone, address=address) for phone in stage.fresh])
    stage.fresh = [phone for phone, answer in zip(stage.fresh, answers, strict=True) if answer.status == 429]
    return judges.limit(answers, len(stage.outbox.new()), most=settings.LIMIT)


def _ask_and_verify(stage: Stage, phone: E164) -> list[str]:
    """Judge the asks, then send the one code, which must be the one that lives, in every spelling."""
    spellings = list(islice(cycle(_spellings(phone)), stage.clients))
    stage.random.shuffle(spellings)
    stage.outbox.new()
    answers = stage.burst([login(spelling) for spelling in spellings])
    messages = [message for message in stage.outbox.new() if message["to"] == phone]
    found = judges.one_message(answers, len(messages))
    if found or not messages:
        return found
    ticket = Ticket(phone, judges.successes(answers)[0].body["userid"], read_code(messages[0]))
    answers = stage.burst([verify(ticket, spelled=spelling) for spelling in spellings])
    return judges.right_code(answers, stage.books(phone))


def _spellings(phone: E164) -> list[str]:
    area, office, line = phone[2:5], phone[5:8], phone[8:]
    return [f"+1 {area}-{office}-{line}", phone, f"+1({area}){office}{line}", f"tel:{phone}"]
