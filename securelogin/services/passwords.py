"""Passwords, where they are offered: guesses count first, on the same kind of row as codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import password_changed
from django.contrib.auth.signals import user_login_failed
from django.utils import timezone

from .. import codes, conf, events, phones
from ..addresses import Client
from ..base_user import lower_email
from ..conf import Conf
from ..events import Event
from ..exceptions import AccountInactive, AccountUnknown, PasswordChangeRejected, PasswordRejected, UnsupportedAuthType
from ..limits import Hit
from ..models import EndReason
from ..phones import E164
from ..tokens import AccessToken
from . import accounts, budgets, endings, notices, sessions
from .accounts import User
from .notices import Notice
from .tables import code_rows, has_field, lock_user, users
from .transactions import in_transaction, refuse_transaction, with_retries

AMR = ["pwd"]


def log_in_with_password(
    *, email: str | None = None, phone: E164 | None = None, password: str, client: Client
) -> sessions.Login:
    """Log in with an e-mail address or a number, and a password.

    Raises ``PasswordRejected`` for every cause, ``TooManyAttempts`` for the address, ``TooManyRequests`` for the site,
    ``UnsupportedAuthType``, and ``AccountUnknown`` and ``AccountInactive`` where enumeration is allowed.
    Must not run inside a transaction.
    """
    refuse_transaction("log_in_with_password")
    options, now = conf.current(), timezone.now()
    if "PASSWORD" not in options.AUTH_TYPES:
        raise UnsupportedAuthType("passwords are not offered")
    budgets.take(_hits(client), at=now, client=client, phone=phone)
    key = _row_key(phone or lower_email(email) or "")
    user = with_retries(lambda: _find(email=email, phone=phone))
    is_counted = _count(key, now, options)
    match = _compare(key, user, password, now, options, is_counted=is_counted)
    user_id = user.pk if user is not None else None
    if match.is_right:
        login = in_transaction(lambda: _log_in(key, user, match, client, now))
        if login is not None:
            sessions.announce_login(login, client)
            return login
    credentials = {"phone": phones.mask(phone)} if phone else {"email": "***"}
    user_login_failed.send_robust(__name__, credentials=credentials, request=client.request)
    failure = Event.LOGIN_FAIL if is_counted else Event.LOGIN_FAIL_MAX
    events.announce(failure, client=client, phone=phone, user_id=user_id, method="pwd")
    if match.window is not None:
        notices.announce_lock(user, match.window, key=key, client=client, phone=phone)
    if not options.PREVENT_ENUMERATION and user is None:
        raise AccountUnknown("there is no account")
    if not options.PREVENT_ENUMERATION and user is not None and not user.is_active:
        raise AccountInactive("the account is inactive")
    raise PasswordRejected("the password is wrong, or over its budget")


def _hits(client: Client | None) -> list[Hit]:
    address = [Hit("password_ip", client.bucket)] if client is not None else []
    return [*address, Hit("password_site", "")]


def _find(*, email: str | None, phone: E164 | None) -> User | None:
    if phone is not None:
        return accounts.find(phone)
    email = lower_email(email)
    if email is None or not has_field("email"):
        return None
    user = users().filter(email=email).first()
    # MariaDB's collations also find other spellings, with accents or wide letters, and each would have a budget.
    return user if user is not None and lower_email(user.email) == email else None


def _row_key(identifier: str) -> str:
    key = codes.password_row_key(identifier)
    if old_keys := codes.old_password_row_keys(identifier):
        with_retries(lambda: code_rows().adopt(key, old_keys))
    return key


@dataclass(frozen=True)
class _Match:
    is_right: bool = False
    window: str | None = None
    """The budget that this failure spent."""
    new_hash: str | None = field(default=None, repr=False)
    """The password hashed anew, where the hasher's settings ask for it."""


def _count(key: str, at: datetime, options: Conf) -> bool:
    """Count the guess before it is looked at; False where a budget is spent."""
    rows = code_rows()
    with_retries(lambda: rows.touch(key, at=at))
    return with_retries(lambda: rows.count_failure(key, at=at, conf=options))


def _compare(key: str, user: User | None, password: str, at: datetime, options: Conf, *, is_counted: bool) -> _Match:
    """Let the hasher run once: for unknown accounts, unusable passwords and guesses that do not count too.

    A new hash is only remembered: saved here, it would overwrite a password that was changed meanwhile.
    """
    new_hashes: list[str] = []
    encoded = user.password if user is not None and is_counted else "!"
    is_right = check_password(password, encoded, setter=lambda raw: new_hashes.append(make_password(raw)))
    window = None
    if is_counted and not is_right:
        row = code_rows().row(key)
        window = row.spent_by(at, options) if row is not None else None
    return _Match(is_right, window, next(iter(new_hashes), None))


def _log_in(key: str, user: User | None, match: _Match, client: Client, at: datetime) -> sessions.Login | None:
    code_rows().forgive(key, is_success=True)
    # The password may have changed while the hasher ran; its hash is the proof that it did not.
    if user is None or not user.is_active:
        return None
    if not lock_user(user.pk, login_at=at, is_active=True, password=user.password):
        return None
    accounts.logged_in(user, at)
    if match.new_hash is not None:
        users().filter(pk=user.pk).update(password=match.new_hash)
    return sessions.open_session(user, client=client, amr=AMR, at=at)


def change_password(
    token: AccessToken, user: User, *, old_password: str, new_password: str, client: Client | None = None
) -> None:
    """Change the password and end the user's other sessions.

    Raises ``PasswordChangeRejected`` where the old one is wrong, its guesses are spent or there is none,
    ``PasswordTooWeak``, ``TooManyAttempts`` for the address and ``TooManyRequests`` for the site.
    Must not run inside a transaction.
    """
    refuse_transaction("change_password")
    options, now = conf.current(), timezone.now()
    accounts.check_password_strength(new_password, user, field="newpassword")
    budgets.take(_hits(client), at=now, client=client)
    key = _row_key(accounts.user_identifier(user))
    match = _Match()
    # Who calls is known: no hasher has to run for the look of it.
    if user.has_usable_password() and _count(key, now, options):
        match = _compare(key, user, old_password, now, options, is_counted=True)
    is_changed = match.is_right and _replace(key, token, user, new_password, now, client)
    event = Event.PASSWORD_CHANGE if is_changed else Event.PASSWORD_CHANGE_FAIL
    events.announce(event, client=client, user_id=user.pk, session_id=token.session_id)
    if match.window is not None:
        notices.announce_lock(user, match.window, key=key, client=client)
    if not is_changed:
        raise PasswordChangeRejected("the old password is wrong")
    announced: Any = user
    password_changed(new_password, announced)
    notices.notify(user, Notice.PASSWORD, client)


def _replace(key: str, token: AccessToken, user: Any, password: str, at: datetime, client: Client | None) -> bool:
    encoded = make_password(password)  # half a second of hashing, before the transaction
    return in_transaction(lambda: _write(key, token, user, encoded, at, client))


def _write(key: str, token: AccessToken, user: Any, encoded: str, at: datetime, client: Client | None) -> bool:
    code_rows().forgive(key, is_success=True)
    if users().filter(pk=user.pk, password=user.password).update(password=encoded) != 1:
        return False
    endings.end_all_but(user.pk, token.session_id, EndReason.PASSWORD, at=at, client=client)
    return True
