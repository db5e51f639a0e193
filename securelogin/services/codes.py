"""Asking for a code, and guessing it: count first, compare after."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError
from django.utils import timezone, translation

from .. import codes, conf, limits, phones, signals, sms, tokens
from ..addresses import Client
from ..conf import Conf
from ..exceptions import AccountInactive, AccountUnknown, CodeRejected, RetryLater, UnsupportedAuthType
from ..limits import Hit
from ..models import OneTimeCode
from ..models.codes import ASK_FIELDS
from ..phones import E164
from . import accounts, sending, sessions
from .accounts import User
from .tables import code_rows, database
from .transactions import in_transaction, refuse_transaction, with_retries

AMR = ["otp", "sms"]
"""How a code proves who calls (RFC 8176)."""


@dataclass(frozen=True)
class CodeRequested:
    """The answer to an ask, the same whether a code was sent or not. Durations in whole seconds."""

    phone: E164 = field(repr=False)
    user_id: UUID
    expires_in: int
    resend_after: int
    code_length: int


def request_code(phone: E164, *, device_token: str | None = None, client: Client) -> CodeRequested:
    """Put a new code in the number's row and send it; nothing is sent to inactive or unregistered numbers.

    Raises ``PhoneNotAllowed``, ``RetryLater`` in its four kinds, ``SMSNotSent`` where ``SEND`` is ``"inline"`` and the
    failure is not the number's, and ``AccountUnknown`` and ``AccountInactive`` where enumeration is allowed.
    Must not run inside a transaction.
    """
    refuse_transaction("request_code")
    options, now = conf.current(), timezone.now()
    _check_offered(options)
    phones.check_policy(phone, options.ALLOWED_REGIONS)
    user = with_retries(lambda: accounts.find(phone))
    asker = _asker(phone, user, device_token)
    with_retries(lambda: limits.take(_hits(phone, asker, client), at=now))
    alias, provider = sending.route(phone)
    key = _row_key(phone, asker)
    row, refusal = in_transaction(lambda: _ask(key, provider=provider, at=now, conf=options))
    if refusal is not None:
        raise refusal
    is_reachable = _is_reachable(row, user, now, options)
    language = translation.get_language()
    message = sending.Message(phone, asker, codes.Purpose.LOGIN, row, alias, language)
    sending.send(message if is_reachable else None)
    next_send = row.refusal(now, options)
    return CodeRequested(
        phone=phone,
        user_id=phones.user_ids(phone)[0],
        expires_in=int(options.CODE_LIFETIME.total_seconds()),
        resend_after=next_send.retry_after if next_send else 0,
        code_length=options.CODE_LENGTH,
    )


def _check_offered(options: Conf) -> None:
    if "PHONE" not in options.AUTH_TYPES:
        raise UnsupportedAuthType("codes are not offered")


def _asker(phone: E164, user: User | None, device_token: str | None) -> str:
    """Return whose budgets the call spends.

    A device token dies when its number changes hands, and when its own failures in a row disabled it: the next login
    as anyone gives a new one.
    """
    device = tokens.read_device(phone, device_token)
    if device is None or user is None or device.user_id != str(user.pk):
        return codes.ANYONE
    asker = codes.device_asker(device.id)
    is_disabled = code_rows().filter(key=_row_key(phone, asker)).exclude(disabled_at=None).exists()
    return codes.ANYONE if is_disabled else asker


def _hits(phone: E164, asker: str, client: Client) -> list[Hit]:
    hits = [Hit("login_ip", client.bucket)]
    if asker == codes.ANYONE:
        hits += [Hit("login_range", phones.range_of(phone)), Hit("login_site", "")]
    return hits


def _row_key(phone: E164, asker: str) -> str:
    """Return the row's key; a row that a fallback of SECRET_KEY named is renamed first, with all its counts."""
    key = codes.row_key(phone, asker)
    if old_keys := codes.old_row_keys(phone, asker):
        with_retries(lambda: code_rows().adopt(key, old_keys))
    return key


def _ask(key: str, *, provider: str, at: datetime, conf: Conf) -> tuple[OneTimeCode, RetryLater | None]:
    rows = code_rows()
    rows.touch(key, at=at)
    row = rows.get(key=key)
    refusal = row.refusal(at, conf)
    if refusal is None:
        row.renew(at=at, conf=conf, purpose=codes.Purpose.LOGIN, provider=provider)
        row.save(update_fields=ASK_FIELDS, using=database())
    return row, refusal


def _is_reachable(row: OneTimeCode, user: User | None, at: datetime, options: Conf) -> bool:
    """Whether the number is sent its code. Explicit errors only where enumeration is allowed."""
    if user is not None and not user.is_active and not options.PREVENT_ENUMERATION:
        raise AccountInactive("the account is inactive")
    may_sign_up = user is not None or _may_sign_up(row, at, options)
    if not may_sign_up and not options.PREVENT_ENUMERATION:
        raise AccountUnknown("there is no account")
    return may_sign_up and row.disabled_at is None and (user is None or user.is_active)


def _may_sign_up(row: OneTimeCode, at: datetime, options: Conf) -> bool:
    if options.SIGNUP == "register":
        return row.name_expires_at is not None and row.name_expires_at > at
    return options.SIGNUP == "login"


@dataclass(frozen=True)
class _Guess:
    phone: E164 = field(repr=False)
    user_id: str
    code: str = field(repr=False)
    asker: str
    user: User | None
    key: str
    row: OneTimeCode


def verify_code(
    phone: E164, *, user_id: str, code: str, device_token: str | None = None, client: Client
) -> sessions.Login:
    """Log in with a code; a first login makes the account.

    ``user_id`` is the account's id or the one that ``request_code`` answered; another is a wrong code and counts.
    Raises ``CodeRejected`` for every cause, ``TooManyAttempts`` for the address, and ``AccountInactive`` where
    enumeration is allowed. Must not run inside a transaction.
    """
    refuse_transaction("verify_code")
    options, now = conf.current(), timezone.now()
    _check_offered(options)
    if not codes.is_well_formed(code, options.CODE_LENGTH):
        raise CodeRejected("not a code")
    with_retries(lambda: limits.take([Hit("verify_ip", client.bucket)], at=now))
    user = with_retries(lambda: accounts.find(phone))
    asker = _asker(phone, user, device_token)
    key = _row_key(phone, asker)
    row = _count_guess(key, at=now, conf=options)
    guess = _Guess(phone, user_id, code, asker, user, key, row or OneTimeCode())
    outcome = None
    if row is not None and _is_right(guess, options):
        outcome = _try_log_in(guess, client, now, options)
    if not isinstance(outcome, sessions.Login):
        _announce_rejection(guess, client, now)
        if outcome is not None and not options.PREVENT_ENUMERATION:
            raise outcome
        raise CodeRejected("the code is wrong, used, expired or over its budget")
    if outcome.is_new_user:
        signals.user_registered.send_robust(type(outcome.user), user=outcome.user, request=client.request)
    sessions.announce_login(outcome, client)
    return outcome


def _count_guess(key: str, *, at: datetime, conf: Conf) -> OneTimeCode | None:
    """Read the row, then count the guess at the very code that was read; None where it may not be tried.

    The same two statements run for a number that has no row.
    """
    rows = code_rows()
    row = with_retries(lambda: rows.filter(key=key).first())
    nonce = (row and row.nonce) or "none"
    is_counted = with_retries(lambda: rows.count_failure(key, nonce=nonce, at=at, conf=conf))
    return row if is_counted else None


def _is_right(guess: _Guess, options: Conf) -> bool:
    """Compare, with no transaction open: a provider that owns the code is asked here."""
    ids: list[UUID | str] = [*phones.user_ids(guess.phone), *([str(guess.user.pk)] if guess.user else [])]
    is_same_user = codes.is_same_id(guess.user_id, ids)
    if guess.row.provider:
        return is_same_user and _provider_approves(guess)
    expected = guess.row.code(
        phone=guess.phone, asker=guess.asker, purpose=codes.Purpose.LOGIN, length=options.CODE_LENGTH
    )
    return codes.matches(expected, guess.code) and is_same_user


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
    """Log in; where an insert was refused, look again who has the number and try once more, without id and name."""
    try:
        return in_transaction(lambda: _log_in(guess, client, at, options))
    except IntegrityError:
        again = replace(guess, user=with_retries(lambda: accounts.find(guess.phone)))
    try:
        return in_transaction(lambda: _log_in(again, client, at, options, is_derived=False))
    except IntegrityError:
        raise accounts.refused_insert() from None


def _log_in(
    guess: _Guess, client: Client, at: datetime, options: Conf, *, is_derived: bool = True
) -> sessions.Login | AccountInactive | None:
    """Use the code up, lock or make the user, open the session: in this order, in one transaction.

    What is refused is returned, not raised: the code stays used.
    """
    rows = code_rows()
    if not rows.consume(guess.key, nonce=guess.row.nonce, at=at):
        rows.forgive(guess.key, is_success=False)
        return None
    if guess.user is not None:
        user = accounts.lock_known(guess.user, guess.phone)
    elif _may_sign_up(guess.row, at, options):
        has_name = guess.row.name_expires_at is not None and guess.row.name_expires_at > at
        user = accounts.make(guess.phone, guess.row.display_name if has_name else "", is_derived=is_derived)
    else:
        return None
    if user is None:
        return None
    if not user.is_active:
        return AccountInactive("the account is inactive")
    device_id = guess.asker.removeprefix("device:") if guess.asker != codes.ANYONE else None
    device_token = tokens.sign_device(guess.phone, str(user.pk), device_id)
    is_new = guess.user is None
    return sessions.open_session(user, client=client, amr=AMR, at=at, device_token=device_token, is_new_user=is_new)


def _announce_rejection(guess: _Guess, client: Client, at: datetime) -> None:
    digest = phones.digest(guess.phone)
    signals.code_rejected.send_robust(OneTimeCode, phone_digest=digest, request=client.request)
    if code_rows().filter(key=guess.key, disabled_at=at).exists():  # this guess was the last of the row
        signals.codes_disabled.send_robust(OneTimeCode, phone_digest=digest, request=client.request)
    user_login_failed.send_robust(__name__, credentials={"phone": phones.mask(guess.phone)}, request=client.request)
