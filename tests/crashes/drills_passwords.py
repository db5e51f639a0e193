"""The drills of what a password opens and changes, where it is offered, and of what is left for a number."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from securelogin.models import Session
from securelogin.phones import E164
from tests.races.calls import (
    change_password,
    log_in_with_password,
    logout_all,
    protected,
    register,
    register_with_password,
    tokens,
    verify,
)
from tests.races.judges.answers import ENDED, REFUSED_PASSWORD, exactly

from .drills import Facts, another, facts_after, is_over, log_in_once, whole_endings
from .stage import CrashStage

OLD, NEW = "an old and long one", "a new and longer one"
TAKEN = "400 AccountAlreadyExist"
REFUSED_CHANGE = "400 ChangePasswordFailed"
"""How ``password`` answers a wrong old password."""


def name(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a registration by number: nobody has an account, and its repeat and a login make one."""
    phone = next(stage.numbers)
    found = stage.strike(register(phone)) + facts_after(stage, phone, facts)
    found += exactly(200, "the registration again", stage.call(register(phone)).status)
    return found + log_in_once(stage, stage.ask(phone))


def account(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a registration by e-mail: an account with its session or none, and the person gets in either way."""
    email = f"{next(stage.numbers)[1:]}@example.com"
    call = register_with_password(email, NEW)
    found = stage.strike(call)
    people = get_user_model()._default_manager.filter(email=email)
    made = (people.count(), Session.objects.filter(user__in=people).count())
    if made not in {(0, 0), (1, 1)}:
        found.append(f"half an account: users and sessions are {made}")
    found += exactly(facts.get("users", made[0]), "users after the kill", made[0])
    found += exactly(TAKEN if made[0] else "200", "the registration again", stage.call(call).face)
    return found + exactly(1, "users", people.count())


def password(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a login by password: a whole login or none, and the same password opens a session."""
    phone = _somebody(stage)
    found = stage.strike(log_in_with_password(phone, OLD)) + facts_after(stage, phone, facts)
    before = stage.books(phone)
    found += exactly(before.outstanding, "outstanding tokens of sessions", before.sessions)
    found += exactly(200, "the login again", stage.call(log_in_with_password(phone, OLD)).status)
    books = stage.books(phone)
    expected = (before.live + 1, before.password_failures)
    return found + exactly(expected, "live, failures", (books.live, books.password_failures))


def wrong_password(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a wrong password: it stays counted, and the right one still opens a session."""
    phone = _somebody(stage)
    found = stage.strike(log_in_with_password(phone, NEW)) + facts_after(stage, phone, facts)
    return found + exactly(200, "the right one", stage.call(log_in_with_password(phone, OLD)).status)


def change(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a change of the password: the new one with the other sessions ended, or the old one with all of them."""
    phone = next(stage.numbers)
    own = stage.log_in(phone)
    other = another(stage, own, phone)
    _set_password(phone)
    call = change_password(own.access, OLD, NEW)
    found = stage.strike(call) + facts_after(stage, phone, facts)
    books = stage.books(phone)
    is_changed = stage.call(log_in_with_password(phone, NEW)).status == 200
    found += exactly(("password",) if is_changed else (), "the reasons of ended sessions", books.ended_for)
    found += whole_endings(books)
    wrong = OLD if is_changed else NEW
    found += exactly(REFUSED_PASSWORD, "the other password", stage.call(log_in_with_password(phone, wrong)).face)
    found += exactly(REFUSED_CHANGE if is_changed else "200", "the change again", stage.call(call).face)
    found += exactly(200, "the caller's own session", stage.call(protected(own.access)).status)
    stage.ended.append(other)
    stage.kept.append(own)
    return found + is_over(stage, phone, "password", live=2 if is_changed else 1)


def lost_logout_of_all(stage: CrashStage, facts: Facts) -> list[str]:
    """Lose a logout of every session: its repeat succeeds or finds the caller out, and all are over."""
    phone = next(stage.numbers)
    own = stage.log_in(phone)
    other = another(stage, own, phone)
    found = stage.strike(logout_all(own.access)) + facts_after(stage, phone, facts)
    books = stage.books(phone)
    found += whole_endings(books)
    found += exactly("200" if books.live else ENDED, "the logout again", stage.call(logout_all(own.access)).face)
    stage.ended += [other, own]
    return found + is_over(stage, phone, "logout_all", "logout_all")


def _somebody(stage: CrashStage) -> E164:
    """Return the number of somebody who has a session and a password."""
    phone = next(stage.numbers)
    tokens(stage.must(verify(stage.ask(phone))))
    _set_password(phone)
    return phone


def _set_password(phone: E164) -> None:
    get_user_model()._default_manager.filter(phone=phone).update(password=make_password(OLD))
