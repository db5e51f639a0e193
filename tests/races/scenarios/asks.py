"""Asking for codes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

from securelogin.phones import E164

from .. import judges, settings
from ..calls import Ticket, login, register, verify
from ..stage import Stage
from ..supplies import read_code

LOGINS = 16
"""Calls that send the code of a first login; more of them are in ``right-code``."""


def first_logins(stage: Stage) -> list[str]:
    """Ask for a new number's first code in four spellings, then send the code in all of them."""
    phone = next(stage.numbers)
    spellings = list(islice(cycle(_spellings(phone)), stage.clients))
    stage.random.shuffle(spellings)
    found, ticket = _ask(stage, phone, spellings)
    if ticket is None:
        return found
    answers = stage.burst([verify(ticket, spelled=spelling) for spelling in spellings[:LOGINS]])
    return [*found, *judges.right_code(answers, stage.books(phone))]


def asks(stage: Stage) -> list[str]:
    """Ask for a code of a number that has its row already: it was registered. The one sent is the one that lives."""
    phone = next(stage.numbers)
    stage.must(register(phone))
    found, ticket = _ask(stage, phone, [phone] * stage.clients)
    if ticket is None:
        return found
    return [*found, *judges.right_code([stage.call(verify(ticket))], stage.books(phone))]


def limit(stage: Stage) -> list[str]:
    """Ask for codes of as many numbers from one address."""
    address = next(stage.addresses)
    stage.fresh += islice(stage.numbers, max(0, stage.clients - len(stage.fresh)))
    asked, stage.fresh = stage.fresh[: stage.clients], stage.fresh[stage.clients :]
    stage.outbox.new()
    answers = stage.burst([login(phone, address=address) for phone in asked])
    stage.fresh += [phone for phone, answer in zip(asked, answers, strict=True) if answer.status == 429]
    return judges.limit(answers, len(stage.outbox.new()), most=settings.LIMIT)


def _ask(stage: Stage, phone: E164, spellings: Sequence[str]) -> tuple[list[str], Ticket | None]:
    """Ask in every spelling at once; return the violations, and the ticket of the one message."""
    stage.outbox.new()
    answers = stage.burst([login(spelling) for spelling in spellings])
    messages = [message for message in stage.outbox.new() if message["to"] == phone]
    found = judges.one_message(answers, len(messages))
    if len(messages) != 1 or found:
        return found, None
    return found, Ticket(phone, judges.successes(answers)[0].body["userid"], read_code(messages[0]))


def _spellings(phone: E164) -> list[str]:
    area, office, line = phone[2:5], phone[5:8], phone[8:]
    return [f"+1 {area}-{office}-{line}", phone, f"+1({area}){office}{line}", f"tel:{phone}"]
