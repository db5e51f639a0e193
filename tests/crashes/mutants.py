"""Promises broken on purpose, one at a time, so that the drills are seen to go red on each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from django.db import transaction

from tests.races.report import Outcome


@dataclass(frozen=True)
class Mutant:
    """A way to break one promise. ``caught`` names the parts that must go red, each with how its violation begins."""

    name: str
    apply: Callable[[], None]
    caught: Mapping[str, str]


def split_login() -> None:
    """Let each statement of a login commit by itself."""
    guesses = import_module("securelogin.services.guesses")
    _replace(guesses, "in_transaction", guesses.with_retries)


def split_change_of_password() -> None:
    """Let each statement of a change of the password commit by itself."""
    passwords = import_module("securelogin.services.passwords")
    _replace(passwords, "in_transaction", passwords.with_retries)


def blacklist_later() -> None:
    """End a session in one transaction, and blacklist its token in the next."""
    statement = import_module("securelogin.models.live").BLACKLIST
    blacklist = statement.run

    def later(using: str, size: int, **values: Any) -> None:
        transaction.on_commit(partial(blacklist, using, size, **values), using=using)

    _replace(statement, "run", later)


def forget_repeats() -> None:
    """Answer no repeat of a refresh whose answer was lost."""
    _replace(import_module("securelogin.services.rotation"), "is_repeat", lambda *_args, **_options: False)


def open_without_redis() -> None:
    """Let every call through while Redis is lost."""
    limits = import_module("securelogin.limits")
    _replace(limits, "_take_in_table", lambda *_args: ([], frozenset()))


HALF_A_LOGIN = "half a login: "
HALF_A_PASSWORD = "outstanding tokens of sessions: "
AGAIN = "the refresh again: 401"

MUTANTS = (
    Mutant("login-in-halves", split_login, dict.fromkeys(["guess:after-user", "guess:after-token"], HALF_A_LOGIN)),
    Mutant(
        "password-in-halves",
        split_change_of_password,
        {"change-password:before-ending": "the reasons of ended sessions: ", "password:after-token": HALF_A_PASSWORD},
    ),
    Mutant(
        "blacklisted-later",
        blacklist_later,
        {
            "logout:before-blacklist": "blacklisted tokens of ended sessions: ",
            "end-session:before-blacklist": "blacklisted tokens of ended sessions: ",
        },
    ),
    Mutant("no-repeats", forget_repeats, {"refresh:after-rotate": AGAIN, "keyed-refresh:after-rotate": AGAIN}),
    Mutant("open-without-redis", open_without_redis, {"redis-limit": "asks over the limit: "}),
)


def blind(caught: Mapping[str, str], outcomes: Iterable[Outcome]) -> list[str]:
    """Return the parts that did not find the violation that they must find; red for another reason does not count."""
    found = {outcome.scenario: outcome.violations for outcome in outcomes}
    return [part for part, words in caught.items() if not any(f"): {words}" in each for each in found.get(part, []))]


def apply(name: str) -> None:
    """Put the mutant of that name in the place of what is right. Raises ``KeyError``."""
    {mutant.name: mutant for mutant in MUTANTS}[name].apply()


def _replace(module: Any, name: str, function: Callable[..., Any]) -> None:
    """Put a function in the place of one that must be there: a mutant of what moved away would break nothing."""
    if not hasattr(module, name):
        raise AttributeError(f"there is no {name} in {module} that a mutant could replace")
    setattr(module, name, function)
