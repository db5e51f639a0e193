"""Losing Valkey under attack, losing the client, losing the database: no gate opens and nobody gets a 500."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from statistics import median
from threading import Timer

from django.db import connection

from securelogin import limits
from tests.races import judges
from tests.races.bursts import Answer, Call
from tests.races.calls import login, protected, refresh, tokens, verify
from tests.races.judges.answers import REFUSED_CODE, TOO_MANY_REQUESTS, TRY_AGAIN, exactly
from tests.races.settings import LIMIT
from tests.races.supplies import Stuck

from .stage import PATIENCE, CrashStage, wait_until, wrong, wrong_codes

GUESSES = 5
ATTACK = 50
MIDDLE = 0.03
"""Seconds from the start of a burst to the end of Valkey."""

SLOW = 2.0
"""Seconds that a call may take while something is lost."""


def guess_attack(stage: CrashStage) -> list[str]:
    """Guess wrong fifty times, kill Valkey in the middle, go on: the code's budget is spent exactly."""
    ticket = stage.ask(next(stage.numbers))
    calls = [verify(ticket, code) for code in islice(wrong_codes(ticket), 2 * ATTACK)]
    with _lost_valkey(stage):
        answers = stage.burst(calls[:ATTACK])
        answers += stage.burst(calls[ATTACK:])
        after = stage.call(verify(ticket))
        found = judges.wrong_guesses(answers, after, stage.books(ticket.phone), most=GUESSES)
        found += _is_quick(stage, wrong(ticket))
    return found + _recovers(stage)


def limit_attack(stage: CrashStage) -> list[str]:
    """Ask from one address at once, kill Valkey in the middle, go on: at most twice the limit passes.

    What Valkey held is lost with it, so when it is back it counts from zero, and the limit passes once more.
    """
    address = next(stage.addresses)
    stage.outbox.new()
    with _lost_valkey(stage):
        answers = [*_ask_from(stage, address), *_ask_from(stage, address)]
        last = _ask_from(stage, address)
    passed = len(judges.successes([*answers, *last]))
    found = [f"{passed} asks passed a limit of {LIMIT}"] if passed > 2 * LIMIT else []
    found += exactly(passed, "messages", len(stage.outbox.new()))
    found += exactly({TOO_MANY_REQUESTS}, "asks over the limit", {answer.face for answer in last})
    strange = {answer.face for answer in answers} - {"200", TOO_MANY_REQUESTS}
    found += exactly(set(), "other answers", strange) + _recovers(stage)
    again = len(judges.successes(_ask_from(stage, address)))
    stage.notes.append(f"{passed} asks passed a limit of {LIMIT} while it was lost, {again} more when it was back")
    return [*found, f"{again} more asks passed a limit of {LIMIT}"] if again > LIMIT else found


def flushed(stage: CrashStage) -> list[str]:
    """Empty Valkey between guesses: the number's failures stay, and a spent code stays spent."""
    ticket = stage.ask(next(stage.numbers))
    codes = list(islice(wrong_codes(ticket), GUESSES))
    for code in codes:
        stage.call(verify(ticket, code))
        before = stage.books(ticket.phone)
        stage.redis().flushall()
        if stage.books(ticket.phone) != before:
            return ["FLUSHALL changed what is known about the number"]
    found = exactly(GUESSES, "failures in the day", stage.books(ticket.phone).failures_in_day)
    return found + exactly(REFUSED_CODE, "the right code after them", stage.call(verify(ticket)).face)


def closed_sockets(stage: CrashStage) -> list[str]:
    """Close the connection behind each wrong guess: all are counted."""
    ticket = stage.ask(next(stage.numbers))
    for code in islice(wrong_codes(ticket), GUESSES):
        with socket.create_connection(stage.address) as connection_:
            connection_.sendall(verify(ticket, code).encoded())
    wait_until(lambda: stage.books(ticket.phone).guesses == GUESSES)
    books = stage.books(ticket.phone)
    found = exactly((GUESSES, GUESSES), "guesses and failures", (books.guesses, books.failures_in_day))
    return found + exactly(REFUSED_CODE, "the right code after them", stage.call(verify(ticket)).face)


def crashed_database(stage: CrashStage) -> list[str]:
    """Kill the database: 503 in our shape, for every call; back again, the same calls go well on the same workers."""
    database = stage.database
    if database is None:
        raise Stuck("no server")
    calls, gone = _everyday(stage)
    connection.close()
    database.crash()
    try:
        found = _is_away(stage, [*calls, login(next(stage.numbers)), gone])
    finally:
        database.start()
    return found + _is_back(stage, calls)


def read_only_database(stage: CrashStage) -> list[str]:
    """Let the database refuse to write: reading goes on, what writes is 503, and all is well afterwards."""
    calls, gone = _everyday(stage)
    on, off = READ_ONLY[connection.vendor](str(connection.settings_dict["NAME"]))
    _execute(on)
    try:
        found = _is_away(stage, [*calls, login(next(stage.numbers))])
        found += exactly(200, "a protected call", stage.send([gone])[0].status)
    finally:
        _execute(off)
    return found + _is_back(stage, calls)


def locked_database(stage: CrashStage) -> list[str]:
    """Hold SQLite's one lock: what writes is 503 after its patience, reading goes on, and all is well afterwards."""
    calls, gone = _everyday(stage)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        try:
            found = _is_away(stage, [*calls, login(next(stage.numbers))])
            found += exactly(200, "a protected call", stage.send([gone])[0].status)
        finally:
            cursor.execute("ROLLBACK")
    return found + _is_back(stage, calls)


LOSSES: dict[str, dict[str, Callable[[CrashStage], list[str]]]] = {
    "sqlite": {"database-locked": locked_database},
    "postgresql": {"database-crashed": crashed_database, "database-read-only": read_only_database},
    "mysql": {"database-crashed": crashed_database, "database-read-only": read_only_database},
}
"""What each kind of database can lose. An SQLite file cannot be made read-only for root, nor a server's rows be locked
for longer than its own time-outs let everybody wait."""

READ_ONLY: dict[str, Callable[[str], tuple[str, str]]] = {
    "postgresql": lambda name: (
        f'ALTER DATABASE "{name}" SET default_transaction_read_only = on',
        f'ALTER DATABASE "{name}" SET default_transaction_read_only = off',
    ),
    "mysql": lambda _name: ("SET GLOBAL tx_read_only = 1", "SET GLOBAL tx_read_only = 0"),
}


def _everyday(stage: CrashStage) -> tuple[list[Call], Call]:
    """Prepare a right guess and a refresh, and a protected call, none of which a lost database may use up."""
    ticket = stage.ask(next(stage.numbers))
    opened = stage.log_in(next(stage.numbers))
    return [verify(ticket), refresh(opened.refresh)], protected(opened.access)


def _is_away(stage: CrashStage, calls: list[Call]) -> list[str]:
    began = time.monotonic()
    found = []
    for call, answer in zip(calls, stage.send(calls), strict=True):
        found += exactly(TRY_AGAIN, f"{call.path} without a database", answer.face)
    seconds = time.monotonic() - began
    return [*found, f"calls without a database took {seconds:.1f} s"] if seconds > PATIENCE else found


def _is_back(stage: CrashStage, calls: list[Call]) -> list[str]:
    wait_until(lambda: stage.send([login(next(stage.numbers))])[0].status == 200)
    answers = stage.burst(calls)
    found = []
    for call, answer in zip(calls, answers, strict=True):
        found += exactly(200, f"{call.path} afterwards", answer.status)
    if not found:
        found += exactly(200, "a protected call afterwards", stage.call(protected(tokens(answers[1]).access)).status)
    return found


def _execute(statement: str) -> None:
    connection.close()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET default_transaction_read_only = off")
        cursor.execute(statement)
    connection.close()


@contextmanager
def _lost_valkey(stage: CrashStage) -> Iterator[None]:
    """Kill Valkey a moment after the block began; it is back when the block ends."""
    if stage.valkey is None:
        raise Stuck("no Valkey")
    timer = Timer(MIDDLE, stage.valkey.crash)
    timer.start()
    try:
        yield
    finally:
        timer.join()
        stage.valkey.start()


def _recovers(stage: CrashStage) -> list[str]:
    """Wait out the pause that a lost Redis is given, and see that the next calls are counted there again."""
    client = stage.redis()
    if not wait_until(
        lambda: stage.call(login(next(stage.numbers))).status == 200 and client.dbsize() > 0,
        limits.REDIS_PAUSE + PATIENCE,
    ):
        return ["Valkey is back, and nothing is counted there"]
    return []


def _ask_from(stage: CrashStage, address: str) -> list[Answer]:
    return stage.burst([login(next(stage.numbers), address=address) for _ in range(ATTACK)])


def _is_quick(stage: CrashStage, call: Call) -> list[str]:
    """Look at the middle of several calls: on a busy machine one may be slow for reasons of its own."""
    seconds = []
    for _ in range(9):
        began = time.monotonic()
        stage.call(call)
        seconds.append(time.monotonic() - began)
    return [f"a call without Valkey takes {median(seconds):.1f} s"] if median(seconds) > SLOW else []
