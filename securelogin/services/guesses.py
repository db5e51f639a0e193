"""Guessing a code: count first, compare after, and use it up once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError
from django.utils import timezone

from .. import codes, conf, events, limits, phones, signals, sms, tokens
from ..addresses import Client
from ..conf import Conf
from ..events import Event
from ..exceptions import AccountInactive, CodeRejected
from ..limits import Hit
from ..models import OneTimeCode
from ..phones import E164
from . import accounts, budgets, notices, sessions
from .accounts import User
from .codes import SPRAY, asker_of, check_offered, may_sign_up
from .tables import code_rows
from .transactions import in_transaction, refuse_transaction, with_retries

AMR = ["otp", "sms"]
"""How a code proves who calls (RFC 8176)."""

UNSEEN = Hit("spray_site", "unseen")
"""Guesses that were not looked at. Nobody reads this count; it is there so that both refusals cost the same."""


@dataclass(frozen=True)
class _Guess:
    phone: E164 = field(repr=False)
    user_id: str
    code: str = field(repr=False)
    asker: str
    holder_id: Any
    """Whose device the asker is; None where it is anyone's."""
    key: str
    row: OneTimeCode
    """As it was before the guess; an empty one where there is none."""
    is_counted: bool


def verify_code(
    phone: E164, *, user_id: str, code: str, device_token: str | None = None, client: Client
) -> sessions.Login:
    """Log in with a code; a first login makes the account.

    ``user_id`` is the account's id or the one that ``request_code`` answered; another is a wrong code and counts.
    Whose number it is, is looked up for a right code or a known device only, so the time of no other answer tells it.
    Raises ``CodeRejected`` for every cause, ``TooManyAttempts`` for the address, and ``AccountInactive`` where
    enumeration is allowed. Must not run inside a transaction.
    """
    refuse_transaction("verify_code")
    options, now = conf.current(), timezone.now()
    check_offered(options)
    if not codes.is_guess(code, options.CODE_LENGTH):
        raise CodeRejected("not a code")
    budgets.take([Hit("verify_ip", client.bucket)], at=now, client=client, phone=phone)
    device = tokens.read_device(phone, device_token)
    holder = _find(phone) if device is not None else None
    asker = asker_of(phone, holder, device)
    key = accounts.row_key(phone, asker)
    row, is_counted = _count_guess(key, code, at=now, conf=options)
    holder_id = holder.pk if holder is not None and asker != codes.ANYONE else None
    guess = _Guess(phone, user_id, code, asker, holder_id, key, row or OneTimeCode(), is_counted)
    is_right = guess.is_counted and _is_right(guess)
    outcome = _try_log_in(guess, client, now, options) if is_right else None
    if not isinstance(outcome, sessions.Login):
        _announce_rejection(guess, client, now, options)
        if not is_right:
            _count_failure(guess, client, now, options)
        if outcome is not None and not options.PREVENT_ENUMERATION:
            raise outcome
        raise CodeRejected("the code is wrong, used, expired or over its budget")
    sessions.announce_login(outcome, client, phone=phone)
    return outcome


def _count_guess(key: str, code: str, *, at: datetime, conf: Conf) -> tuple[OneTimeCode | None, bool]:
    """Read the row, then count the guess at the very code that was read; False where it may not be tried.

    The same two statements run for a number that has no row. A guess longer than the code is none, and not counted.
    """
    rows = code_rows()
    row = with_retries(lambda: rows.row(key))
    nonce = row.nonce if row is not None and len(code) <= row.code_length else ""
    return row, with_retries(lambda: rows.count_failure(key, nonce=nonce or "none", at=at, conf=conf))


def _is_right(guess: _Guess) -> bool:
    """Compare, with no transaction open: a provider that owns the code is asked here."""
    if guess.row.provider:
        return _is_same_user(guess) and _provider_approves(guess)
    expected = guess.row.code(phone=guess.phone, asker=guess.asker, purpose=codes.Purpose.LOGIN)
    # A number lost the zeros of a longer code without anyone knowing that it was longer.
    return codes.matches(expected, guess.code.zfill(guess.row.code_length)) and _is_same_user(guess)


def _is_same_user(guess: _Guess) -> bool:
    is_derived = codes.is_same_id(guess.user_id, phones.user_ids(guess.phone))
    return is_derived or _is_meant(guess, _find(guess.phone))


def _is_meant(guess: _Guess, user: User | None) -> bool:
    """Whether the call is for who has the number by now: the id and the device in it may be a former owner's."""
    if guess.holder_id is not None and (user is None or user.pk != guess.holder_id):
        return False
    ids: list[UUID | str] = [*phones.user_ids(guess.phone), *([str(user.pk)] if user is not None else [])]
    return codes.is_same_id(guess.user_id, ids)


def _provider_approves(guess: _Guess) -> bool:
    if not guess.row.provider_id or guess.row.purpose != codes.Purpose.LOGIN.value:
        return False
    try:
        backend = sms.get_backend(guess.row.provider)
    except ImproperlyConfigured:  # the alias went away while its code was live
        return False
    return isinstance(backend, sms.BaseCodeBackend) and backend.check(
        to=guess.phone, provider_id=guess.row.provider_id, code=guess.code
    )


def _try_log_in(guess: _Guess, client: Client, at: datetime, options: Conf) -> sessions.Login | AccountInactive | None:
    """Log in; where an insert was refused, look again who has the number and try again, with less that may be taken."""
    for has_name, has_id in product((True, False), repeat=2):
        user = _find(guess.phone)
        make = partial(accounts.make, at=at, has_id=has_id, has_name=has_name)
        try:
            return in_transaction(partial(_log_in, guess, user, make, client, at, options))
        except IntegrityError:
            continue
    raise accounts.refused_insert()


def _find(phone: E164) -> User | None:
    return with_retries(lambda: accounts.find(phone))


def _log_in(
    guess: _Guess, known: User | None, make: Callable[[E164, str], User], client: Client, at: datetime, options: Conf
) -> sessions.Login | AccountInactive | None:
    """Use the code up, lock or make the user, open the session: in this order, in one transaction.

    What is refused is returned, not raised: the code stays used.
    """
    rows = code_rows()
    if not rows.consume(guess.key, nonce=guess.row.nonce, at=at):
        rows.forgive(guess.key, is_success=False)
        return None
    if not _is_meant(guess, known):
        return None
    if known is not None:
        user = accounts.lock_known(known, guess.phone, at)
    elif may_sign_up(guess.row, at, options):
        has_name = guess.row.name_expires_at is not None and guess.row.name_expires_at > at
        user = make(guess.phone, guess.row.display_name if has_name else "")
    else:
        return None
    if user is None:
        return None
    if not user.is_active:
        return AccountInactive("the account is inactive")
    device_id = guess.asker.removeprefix("device:") if guess.asker != codes.ANYONE else None
    device_token = tokens.sign_device(guess.phone, accounts.birth_name(user), device_id)
    return sessions.open_session(
        user,
        client=client,
        amr=AMR,
        at=at,
        device_token=device_token,
        is_new_user=known is None,
        is_new_device=device_id is None,
    )


def _announce_rejection(guess: _Guess, client: Client, at: datetime, options: Conf) -> None:
    digest = phones.digest(guess.phone)
    signals.code_rejected.send_robust(OneTimeCode, phone_digest=digest, request=client.request)
    user_login_failed.send_robust(__name__, credentials={"phone": phones.mask(guess.phone)}, request=client.request)
    is_locked = not guess.is_counted and guess.row.is_locked(at, options)
    failure = Event.LOGIN_FAIL_MAX if is_locked else Event.LOGIN_FAIL
    events.announce(failure, client=client, phone=guess.phone, method="otp")


def _count_failure(guess: _Guess, client: Client, at: datetime, options: Conf) -> None:
    """Count a wrong guess for the site, and tell where it was the last that a budget had."""
    hit = SPRAY if guess.is_counted else UNSEEN
    if guess.asker == codes.ANYONE and with_retries(lambda: limits.count(hit, at=at)) and hit is SPRAY:
        events.announce(Event.LOGIN_SPRAY, client=client)
    row = code_rows().row(guess.key)
    window = row.spent_by(at, options) if row is not None and guess.is_counted else None
    if window is None:
        return
    if window == "FAILURES_IN_A_ROW":
        digest = phones.digest(guess.phone)
        signals.codes_disabled.send_robust(OneTimeCode, phone_digest=digest, request=client.request)
    notices.announce_lock(_find(guess.phone), window, key=guess.key, client=client, phone=guess.phone)
