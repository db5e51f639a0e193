"""The races: each plays one round on a stage and returns the violations that its judge found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice

from securelogin.phones import E164

from . import judges, settings
from .stage import Stage, Ticket, login, logout_others, protected, read_code, refresh, tokens, verify

GUESSES = 5
DEVICES = 20
OTHERS = 10
REFRESHES = 20


@dataclass(frozen=True)
class Scenario:
    """A race: what it must show, on which variant of the host, one round of it, and what all rounds together show."""

    name: str
    law: str
    variant: str
    play: Callable[[Stage], list[str]]
    conclude: Callable[[Stage], list[str]] | None = None


def right_code(stage: Stage) -> list[str]:
    """Send the right code many times."""
    ticket = stage.ask(next(stage.numbers))
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
    return judges.hidden_code(answers, stage.books(ticket.phone), most=GUESSES)


def hidden_code_luck(stage: Stage) -> list[str]:
    """Compare the won rounds with what the budget of guesses allows."""
    return judges.luck(stage.won, rounds=stage.rounds, chance=min(1.0, GUESSES / stage.clients))


def one_refresh(stage: Stage) -> list[str]:
    """Send one refresh token many times, within the grace."""
    return _one_refresh(stage, key=None)


def keyed_refresh(stage: Stage) -> list[str]:
    """Send one refresh token many times with one key, where there is no grace."""
    return _one_refresh(stage, key=f"key-{stage.random.getrandbits(128):032x}")


def reuse(stage: Stage) -> list[str]:
    """Send a refresh token many times after its successor was used."""
    phone = next(stage.numbers)
    old = stage.log_in(phone)
    newest = stage.refresh(stage.refresh(old.refresh).refresh)
    answers = stage.burst([refresh(old.refresh)] * stage.clients)
    after = [stage.call(refresh(newest.refresh)), stage.call(protected(newest.access))]
    return judges.reuse(answers, after, stage.books(phone))


def no_grace(stage: Stage) -> list[str]:
    """Send one refresh token many times, where there is no grace."""
    phone = next(stage.numbers)
    opened = stage.log_in(phone)
    answers = stage.burst([refresh(opened.refresh)] * stage.clients)
    winners = [tokens(answer) for answer in judges.successes(answers)]
    after = [stage.call(protected(opened.access))]
    for winner in winners[:1]:
        after += [stage.call(refresh(winner.refresh)), stage.call(protected(winner.access))]
    return judges.no_grace(answers, after, stage.books(phone))


def first_logins(stage: Stage) -> list[str]:
    """Ask for a new number's first code in four spellings, then send the code in all of them."""
    phone = next(stage.numbers)
    spellings = list(islice(cycle(_spellings(phone)), stage.clients))
    stage.random.shuffle(spellings)
    stage.outbox.new()
    answers = stage.burst([login(spelling) for spelling in spellings])
    messages = [message for message in stage.outbox.new() if message["to"] == phone]
    found = judges.first_logins(answers, len(messages))
    if found:
        return found
    userid = judges.successes(answers)[0].body["userid"]
    ticket = Ticket(phone, userid, read_code(messages[0]))
    answers = stage.burst([verify(ticket, spelled=spelling) for spelling in spellings])
    return judges.right_code(answers, stage.books(phone))


def limit(stage: Stage) -> list[str]:
    """Ask for codes of as many numbers from one address."""
    address = next(stage.addresses)
    stage.outbox.new()
    answers = stage.burst([login(next(stage.numbers), address=address) for _ in range(stage.clients)])
    return judges.limit(answers, len(stage.outbox.new()), most=settings.LIMIT)


def max_sessions(stage: Stage) -> list[str]:
    """Log in on many known devices of one user at once."""
    phone = stage.home = stage.home or next(stage.numbers)
    while len(stage.devices) < DEVICES:
        stage.devices.append(stage.log_in(phone).device)
    tickets = [(stage.ask(phone, device), device) for device in stage.devices]
    answers = stage.burst([verify(ticket, device=device) for ticket, device in tickets])
    after = stage.burst([protected(tokens(answer).access) for answer in judges.successes(answers)])
    return judges.max_sessions(answers, after, stage.books(phone), most=settings.MAX_SESSIONS)


def logout_against_refresh(stage: Stage) -> list[str]:
    """Log all others out while they refresh, each of them twice."""
    phone = next(stage.numbers)
    own = stage.log_in(phone)
    others = [stage.log_in(phone) for _ in range(OTHERS)]
    calls = [refresh(other.refresh) for other in islice(cycle(others), REFRESHES)]
    place = stage.random.randrange(len(calls) + 1)
    answers = stage.burst([*calls[:place], logout_others(own.access), *calls[place:]])
    call = answers.pop(place)
    newest = [tokens(answer) for answer in judges.successes(answers)] or others
    after = stage.burst([*(refresh(each.refresh) for each in newest), *(protected(each.access) for each in newest)])
    return judges.logout_others(call, answers, stage.call(protected(own.access)), after, stage.books(phone))


SCENARIOS = (
    Scenario("right-code", "the right code sent at once opens one session", "wide", right_code),
    Scenario("wrong-guesses", "wrong guesses at once spend the code", "wide", wrong_guesses),
    Scenario("hidden-code", "the right code among wrong ones wins by luck only", "wide", hidden_code, hidden_code_luck),
    Scenario("one-refresh", "one refresh token has one successor", "wide", one_refresh),
    Scenario("logout-others", "logout of the others beats their refreshes", "wide", logout_against_refresh),
    Scenario("keyed-refresh", "one key has one successor without grace", "strict", keyed_refresh),
    Scenario("reuse", "an old refresh token ends its session once", "strict", reuse),
    Scenario("no-grace", "without grace a repeat ends the session once", "strict", no_grace),
    Scenario("max-sessions", "simultaneous logins stay within MAX_SESSIONS", "strict", max_sessions),
    Scenario("first-logins", "four spellings at once are one user and one SMS", "tight", first_logins),
    Scenario("limit-database", "a limit counted in the database is exact", "tight", limit),
    Scenario("limit-redis", "a limit counted in Redis is exact", "tight-redis", limit),
)


def _one_refresh(stage: Stage, *, key: str | None) -> list[str]:
    phone = next(stage.numbers)
    opened = stage.log_in(phone)
    answers = stage.burst([refresh(opened.refresh, key)] * stage.clients)
    books = stage.books(phone)
    newest = [tokens(answer) for answer in judges.successes(answers)]
    after = stage.call(refresh(newest[0].refresh if newest else opened.refresh))
    return judges.one_refresh(answers, after, books, generation=1)


def _wrong_codes(stage: Stage, ticket: Ticket, count: int) -> list[str]:
    """Return different codes, none of them right."""
    drawn = stage.random.sample(range(10 ** len(ticket.code)), count + 1)
    codes = [str(number).zfill(len(ticket.code)) for number in drawn]
    return [code for code in codes if code != ticket.code][:count]


def _spellings(phone: E164) -> list[str]:
    area, office, line = phone[2:5], phone[5:8], phone[8:]
    return [f"+1 {area}-{office}-{line}", phone, f"+1({area}){office}{line}", f"tel:{phone}"]
