"""The drills: each strikes one call down and returns what is wrong with what is left, and with what a repeat gets."""

from __future__ import annotations

from collections.abc import Mapping

from securelogin.phones import E164
from tests.races import judges
from tests.races.books import Books
from tests.races.calls import Ticket, Tokens, login, logout, logout_others, protected, refresh, tokens, verify
from tests.races.judges.answers import ENDED, REFUSED_CODE, REUSED, exactly

from .stage import CrashStage, end_session, session_of, ticket_of, wrong

Facts = Mapping[str, object]
"""Fields of ``Books``, and ``messages``, as they must be right after the kill. An empty one is a kill at any moment."""

KEY = "a-key-of-the-client-that-lost-its-answer"


def ask(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose an ask: what was sent opens a session, and where nothing was sent a new ask does."""
    phone = next(stage.numbers)
    stage.outbox.new()
    found = stage.strike(login(phone))
    messages = stage.messages(phone)
    found += facts_after(stage, phone, {"messages": len(messages), **facts}, messages=len(messages))
    ticket = ticket_of(phone, messages[0]) if messages else stage.ask_again(phone)
    return found + log_in_once(stage, ticket)


def guess(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a right guess: all of the login is there or nothing, and the same code or the next opens a session."""
    ticket = stage.ask(next(stage.numbers))
    found = stage.strike(verify(ticket))
    books = stage.books(ticket.phone)
    found += facts_after(stage, ticket.phone, facts)
    if (login_of := (books.users, books.sessions, books.outstanding)) not in {(0, 0, 0), (1, 1, 1)}:
        found.append(f"half a login: users, sessions and outstanding tokens are {login_of}")
    if not books.sessions:
        return found + log_in_once(stage, ticket)
    found += exactly(REFUSED_CODE, "the used code again", stage.call(verify(ticket)).face)
    found += exactly(200, "the next code", stage.call(verify(stage.ask_again(ticket.phone))).status)
    books = stage.books(ticket.phone)
    return found + exactly((1, 2, 2), "users, sessions and live ones", (books.users, books.sessions, books.live))


def wrong_guess(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a wrong guess: it stays counted, and the right one still opens a session."""
    ticket = stage.ask(next(stage.numbers))
    found = stage.strike(wrong(ticket)) + facts_after(stage, ticket.phone, facts)
    failures = stage.books(ticket.phone).failures_in_day
    found += log_in_once(stage, ticket)
    return found + exactly(failures, "failures after a right guess", stage.books(ticket.phone).failures_in_day)


def lost_refresh(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a refresh: its repeat within the grace is answered with the one successor, which works."""
    return _lost_refresh(stage, facts, key=None)


def keyed_refresh(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a refresh with a key, where there is no grace: the same holds."""
    return _lost_refresh(stage, facts, key=KEY)


def reuse(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose the call that reuses an old token: the next one ends the session, or finds it ended."""
    phone = next(stage.numbers)
    old = stage.log_in(phone)
    newest = stage.refresh(stage.refresh(old.refresh).refresh)
    found = stage.strike(refresh(old.refresh)) + facts_after(stage, phone, facts)
    books = stage.books(phone)
    found += whole_endings(books)
    expected = REUSED if books.live else ENDED
    found += exactly(expected, "the old token again", stage.call(refresh(old.refresh)).face)
    stage.ended.append(newest)
    return found + is_over(stage, phone, "reuse")


def lost_logout(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a logout: its repeat succeeds, and the session is over."""
    phone = next(stage.numbers)
    opened = stage.log_in(phone)
    found = stage.strike(logout(opened.access)) + facts_after(stage, phone, facts)
    found += whole_endings(stage.books(phone))
    found += exactly(200, "the logout again", stage.call(logout(opened.access)).status)
    stage.ended.append(opened)
    return found + is_over(stage, phone, "logout")


def lost_logout_of_others(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a logout of the others: its repeat succeeds, they are over and the caller's own goes on."""
    phone = next(stage.numbers)
    own = stage.log_in(phone)
    other = another(stage, own, phone)
    found = stage.strike(logout_others(own.access)) + facts_after(stage, phone, facts)
    found += whole_endings(stage.books(phone))
    found += exactly(200, "the logout again", stage.call(logout_others(own.access)).status)
    found += exactly(200, "the caller's own session", stage.call(protected(own.access)).status)
    stage.ended.append(other)
    stage.kept.append(own)
    return found + is_over(stage, phone, "logout_others", live=1)


def lost_ending(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose the call that ends another session of one's own: its repeat ends it, or does not find it any more."""
    phone = next(stage.numbers)
    own = stage.log_in(phone)
    other = another(stage, own, phone)
    call = end_session(own.access, session_of(other))
    found = stage.strike(call) + facts_after(stage, phone, facts)
    books = stage.books(phone)
    found += whole_endings(books)
    found += exactly(204 if books.live == 2 else 404, "the ending again", stage.call(call).status)
    stage.ended.append(other)
    stage.kept.append(own)
    return found + is_over(stage, phone, "logout", live=1)


def _lost_refresh(stage: CrashStage, facts: Facts, *, key: str | None) -> list[str]:
    phone = next(stage.numbers)
    call = refresh(stage.log_in(phone).refresh, key)
    found = stage.strike(call) + facts_after(stage, phone, facts)
    again = stage.call(call)
    found += exactly(200, "the refresh again", again.status)
    if again.status != 200:
        return found
    found += exactly(1, "the generation of its answer", judges.read_claims(tokens(again).refresh)["gen"])
    newest = stage.refresh(tokens(again).refresh)
    stage.kept.append(newest)
    books = stage.books(phone)
    found += exactly(200, "the newest access token", stage.call(protected(newest.access)).status)
    found += exactly((2,), "the generations of the sessions", books.generations)
    return found + exactly((1, 1, 0), "live, outstanding, reuses", (books.live, books.outstanding, books.reuses))


def another(stage: CrashStage, own: Tokens, phone: E164) -> Tokens:
    """Open one more session of somebody who has one, as a known device: strangers would have to wait."""
    ticket = stage.ask(phone, own.device)
    return tokens(stage.call(verify(ticket, device=own.device)))


def log_in_once(stage: CrashStage, ticket: Ticket) -> list[str]:
    """Open a session with a code that works once."""
    found = exactly(200, "the login", stage.call(verify(ticket)).status)
    found += exactly(REFUSED_CODE, "the same code again", stage.call(verify(ticket)).face)
    books = stage.books(ticket.phone)
    return found + exactly((1, 1, 1), "users, sessions, live ones", (books.users, books.sessions, books.live))


def facts_after(stage: CrashStage, phone: E164, facts: Facts, **more: object) -> list[str]:
    """Hold the tables against the facts of a step."""
    books = {**vars(stage.books(phone)), **more}
    return [each for name, value in facts.items() for each in exactly(value, f"{name} after the kill", books[name])]


def whole_endings(books: Books) -> list[str]:
    """Every ended session has its token blacklisted, and no other."""
    return exactly(len(books.ended_for), "blacklisted tokens of ended sessions", books.blacklisted)


def is_over(stage: CrashStage, phone: E164, *reasons: str, live: int = 0) -> list[str]:
    """What was ended last is refused, for these reasons of the number's ended sessions; so many others go on."""
    books = stage.books(phone)
    found = exactly(reasons, "the reasons of ended sessions", books.ended_for) + whole_endings(books)
    found += exactly(live, "live sessions", books.live)
    over = stage.ended[-1]
    faces = {stage.call(protected(over.access)).face, stage.call(refresh(over.refresh)).face}
    return found + exactly({ENDED}, "what an ended session answers", faces)
