"""The steps at which each verb is struck down, with what the tables must say right after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import drills, drills_passwords
from .drills import Facts
from .stage import CrashStage

Play = Callable[[CrashStage, Facts], list[str]]

NOTHING: Facts = {"users": 0, "sessions": 0, "outstanding": 0}
COUNTED: Facts = {**NOTHING, "guesses": 1, "failures_in_day": 1, "failures_in_a_row": 1}
LOGGED_IN: Facts = {"users": 1, "sessions": 1, "live": 1, "outstanding": 1, "failures_in_day": 0}
LOGGED_OUT: Facts = {"ended_for": ("logout",)}
ALL_OUT: Facts = {"ended_for": ("logout_all", "logout_all")}
NO_ACCOUNT: Facts = {"users": 0}
ACCOUNT: Facts = {"users": 1}
UNCOUNTED: Facts = {"sessions": 1, "password_failures": 0}
PASSWORD_COUNTED: Facts = {"sessions": 1, "password_failures": 1}
PASSWORD_RIGHT: Facts = {"sessions": 2, "password_failures": 0}
PASSWORD_CHANGED: Facts = {"ended_for": ("password",), "blacklisted": 1}
LIVE: Facts = {"ended_for": (), "blacklisted": 0}


@dataclass(frozen=True)
class Drill:
    """A verb: its law, the steps at which it is struck down with the facts after each, and how it is played."""

    name: str
    law: str
    steps: Mapping[str, Facts]
    play: Play
    variant: str = "wide"


ENDING_STEPS: Mapping[str, Facts] = {
    "before-blacklist": LIVE,
    "after-blacklist": LIVE,
}

DRILLS = (
    Drill(
        "ask",
        "a lost ask leaves a code that works or room for another ask, and sends nothing before its commit",
        {
            "after-limits": {"messages": 0},
            "after-touch": {"messages": 0},
            "before-commit": {"messages": 0},
            "after-commit": {"messages": 0},
            "after-provider": {"messages": 1},
            "before-answer": {"messages": 1},
        },
        drills.ask,
    ),
    Drill(
        "guess",
        "a lost right guess is a whole login or none, and the person gets in",
        {
            "after-limits": {**NOTHING, "guesses": 0, "failures_in_day": 0},
            **dict.fromkeys(
                ("after-count", "after-consume", "after-user", "after-token", "after-session", "before-commit"), COUNTED
            ),
            **dict.fromkeys(("after-commit", "after-announcement", "before-answer"), LOGGED_IN),
        },
        drills.guess,
    ),
    Drill(
        "wrong-guess",
        "a lost wrong guess stays counted",
        dict.fromkeys(("after-count", "after-announcement", "after-spray", "before-answer"), COUNTED),
        drills.wrong_guess,
    ),
    Drill(
        "refresh",
        "a lost refresh is repeated within the grace with one successor",
        {
            "before-rotate": {"generations": (0,)},
            "after-rotate": {"generations": (1,)},
            "before-answer": {"generations": (1,)},
        },
        drills.lost_refresh,
    ),
    Drill(
        "reuse",
        "a lost detection of reuse is made up for by the next",
        {
            **ENDING_STEPS,
            "after-commit": {"ended_for": ("reuse",), "blacklisted": 1},
            "before-answer": {"ended_for": ("reuse",), "blacklisted": 1, "reuses": 1},
        },
        drills.reuse,
    ),
    Drill(
        "logout",
        "a lost logout can be repeated, and holds",
        {**ENDING_STEPS, "after-commit": LOGGED_OUT, "before-answer": LOGGED_OUT},
        drills.lost_logout,
    ),
    Drill(
        "logout-others",
        "a lost logout of the others can be repeated, and holds",
        {
            "after-lock": LIVE,
            **ENDING_STEPS,
            "after-commit": {"ended_for": ("logout_others",)},
            "before-answer": {"ended_for": ("logout_others",)},
        },
        drills.lost_logout_of_others,
    ),
    Drill(
        "end-session",
        "a lost ending of another session can be repeated, and holds",
        {**ENDING_STEPS, "after-commit": LOGGED_OUT, "before-answer": LOGGED_OUT},
        drills.lost_ending,
    ),
    Drill(
        "logout-all",
        "a lost logout of every session can be repeated, and holds",
        {
            "after-lock": LIVE,
            "before-ending": LIVE,
            **ENDING_STEPS,
            **dict.fromkeys(("after-commit", "before-answer"), ALL_OUT),
        },
        drills_passwords.lost_logout_of_all,
    ),
    Drill(
        "register",
        "a lost registration by number makes no account, and can be repeated",
        dict.fromkeys(("before-name", "after-name", "before-answer"), NOTHING),
        drills_passwords.name,
    ),
    Drill(
        "register-password",
        "a lost registration by e-mail is a whole account with its session or none",
        {
            **dict.fromkeys(
                ("after-limits", "after-hashing", "after-user", "after-token", "after-session"),
                NO_ACCOUNT,
            ),
            **dict.fromkeys(("after-commit", "after-announcement", "before-answer"), ACCOUNT),
        },
        drills_passwords.account,
    ),
    Drill(
        "password",
        "a lost login by password is a whole login or none, and the person gets in",
        {
            "after-limits": UNCOUNTED,
            **dict.fromkeys(
                (
                    *("after-count", "after-comparison", "after-forgiveness", "after-lock"),
                    *("after-token", "after-session", "before-commit"),
                ),
                PASSWORD_COUNTED,
            ),
            **dict.fromkeys(("after-commit", "after-announcement", "before-answer"), PASSWORD_RIGHT),
        },
        drills_passwords.password,
    ),
    Drill(
        "wrong-password",
        "a lost wrong password stays counted",
        dict.fromkeys(("after-count", "after-comparison", "before-answer"), PASSWORD_COUNTED),
        drills_passwords.wrong_password,
    ),
    Drill(
        "change-password",
        "a lost change of the password is the new one with the other sessions ended, or the old one with all of them",
        {
            **dict.fromkeys(
                (
                    *("after-count", "after-comparison", "after-hashing", "after-forgiveness", "before-ending"),
                    *("before-blacklist", "after-blacklist", "before-commit"),
                ),
                LIVE,
            ),
            **dict.fromkeys(("after-commit", "after-notice", "before-answer"), PASSWORD_CHANGED),
        },
        drills_passwords.change,
    ),
    Drill(
        "keyed-refresh",
        "a lost refresh with a key is repeated without grace",
        {"before-rotate": {"generations": (0,)}, "after-rotate": {"generations": (1,)}},
        drills.keyed_refresh,
        variant="strict",
    ),
)
