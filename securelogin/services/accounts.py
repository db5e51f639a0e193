"""Accounts: how they are found, registered and made."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.utils import timezone

from .. import codes, conf, events, phones, signals
from ..addresses import Client
from ..base_user import lower_email, unusable_password
from ..events import Event
from ..exceptions import AccountInactive, EmailTaken, PasswordTooWeak, PhoneTaken, SignupClosed, UnsupportedAuthType
from ..limits import Hit
from ..models import live
from ..models.compiled import Param, Select
from ..models.counting import DAY, MONTH
from ..phones import E164
from . import budgets, sessions
from .tables import code_rows, database, has_field, keeps_last_login, lock_user, users
from .transactions import in_transaction, refuse_transaction, with_retries

User = AbstractBaseUser


def find(phone: E164) -> User | None:
    """Return the user of a number, with no lock. To find nobody takes as long, or 0.04 ms told who has an account."""
    found: User | None = _OF_NUMBER.first(database(), phone=phone)
    return found


def _of_number() -> models.QuerySet[Any]:
    phone = Param("phone", get_user_model()._meta.get_field(_phone_field()))
    return live.users().filter(**{_phone_field(): phone})


_OF_NUMBER = Select(_of_number, has_decoy=True)


def register(phone: E164, *, display_name: str = "", client: Client) -> UUID:
    """Keep a display name for the first verified login of a number and return the id that stands for the number.

    Reads no user: rows, statements and answer are the same for all numbers. Raises ``SignupClosed``,
    ``PhoneNotAllowed``, ``TooManyRequests``, and ``PhoneTaken`` only where enumeration is allowed.
    Must not run inside a transaction.
    """
    refuse_transaction("register")
    options, now = conf.current(), timezone.now()
    if options.SIGNUP == "closed":
        raise SignupClosed("accounts are made by staff")
    phones.check_policy(phone, options.ALLOWED_REGIONS)
    budgets.take(_hits(client), at=now, client=client, phone=phone)
    if not options.PREVENT_ENUMERATION and find(phone):
        raise PhoneTaken("the number belongs to an account")
    key = row_key(phone, codes.ANYONE)
    expires_at = now + (MONTH if options.SIGNUP == "register" else DAY)
    with_retries(lambda: _leave_name(key, display_name, expires_at, now))
    return phones.user_ids(phone)[0]


def _leave_name(key: str, display_name: str, expires_at: datetime, now: datetime) -> None:
    code_rows().touch(key, at=now, display_name=display_name, name_expires_at=expires_at)


def row_key(phone: E164, asker: str) -> str:
    """Return the row's key; a row that a fallback of SECRET_KEY named is renamed first, with all its counts.

    Whoever makes a row asks for its key here, or the new row would hide the counts of the old one.
    """
    key = codes.row_key(phone, asker)
    if old_keys := codes.old_row_keys(phone, asker):
        with_retries(lambda: code_rows().adopt(key, old_keys))
    return key


def register_with_password(*, username: str, email: str, password: str, client: Client) -> sessions.Login:
    """Make an account with e-mail and password, and log it in.

    Raises ``UnsupportedAuthType``, ``SignupClosed``, ``PasswordTooWeak``, ``TooManyRequests``, ``EmailTaken``
    in every mode (the answer holds tokens, so it cannot be hidden), and ``AccountInactive`` where the host makes new
    accounts inactive: the account is made, and waits. Must not run inside a transaction.
    """
    refuse_transaction("register_with_password")
    options, now = conf.current(), timezone.now()
    if "PASSWORD" not in options.AUTH_TYPES or not has_field("email"):
        raise UnsupportedAuthType("passwords are not offered")
    if options.SIGNUP == "closed":
        raise SignupClosed("accounts are made by staff")
    budgets.take(_hits(client), at=now, client=client)
    user = get_user_model()(email=lower_email(email), **_name_fields(username))
    check_password_strength(password, user, field="password")
    user.set_password(password)  # half a second of hashing, before any transaction
    login = _insert_and_log_in(user, client, now)
    if login is None:
        signals.user_registered.send_robust(type(user), user=user, request=client.request)
        events.announce(Event.USER_CREATED, client=client, user_id=user.pk)
        raise AccountInactive("the account waits to be made active")
    sessions.announce_login(login, client)
    return login


def _insert_and_log_in(user: Any, client: Client, now: datetime) -> sessions.Login | None:
    def story() -> sessions.Login | None:
        insert(user, now)
        if not user.is_active:
            return None
        return sessions.open_session(user, client=client, amr=["pwd"], at=now, is_new_user=True)

    for name_fields in ({}, _name_fields(None)):
        for name, value in name_fields.items():
            setattr(user, name, value)
        try:
            return in_transaction(story)
        except IntegrityError:
            if users().filter(email=user.email).exists():
                raise EmailTaken("the e-mail address belongs to an account") from None
    raise refused_insert()


def insert(user: User, at: datetime) -> None:
    """Write a new user, who logs in at that moment if the project does not make accounts inactive.

    An ``IntegrityError`` rolls the story back: in it, a snapshot may hide who was first.
    """
    is_login = user.is_active and keeps_last_login()
    before = user.last_login if is_login else None
    try:
        (logged_in(user, at) if is_login else user).save(force_insert=True)
    except IntegrityError:
        if is_login:
            user.last_login = before
        raise
    if is_login and not user.is_active:  # a handler of the project's said so meanwhile
        user.last_login = before
        users().filter(pk=user.pk).update(last_login=before)


def logged_in(user: User, at: datetime) -> User:
    """Return the user with the ``last_login`` that was written."""
    if keeps_last_login():
        user.last_login = max(at, user.last_login or at)
    return user


def refused_insert() -> IntegrityError:
    """Return an error for a user model that refuses a new account; the database's own would tell the number."""
    return IntegrityError("the user model refuses a new account with these fields only: look at its constraints")


def check_password_strength(password: str, user: Any, *, field: str) -> None:
    """Ask Django's validators; raises ``PasswordTooWeak``."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordTooWeak(field, error.messages) from error


def lock_known(known: User, phone: E164, at: datetime) -> User | None:
    """Return the user with the row locked, or unlocked and inactive; None where the number changed hands meanwhile.

    Who is locked logs in at that moment.
    """
    has_phone = {_phone_field(): phone}
    if lock_user(known.pk, login_at=at, **has_phone, is_active=True):
        return logged_in(known, at)
    return users().filter(pk=known.pk, **has_phone, is_active=False).first()


def make(phone: E164, display_name: str, at: datetime, *, has_id: bool, has_name: bool) -> User:
    """Insert the user of a number that nobody had at the look before, with the id that stood for it and its name.

    Inserted, never looked for under a lock: the gaps that two first logins would lock are a deadlock on MariaDB.
    Raises ``IntegrityError`` where somebody else was first, or has that id (a number's owner before) or name.
    """
    fields: dict[str, Any] = {_phone_field(): phone, **_name_fields(display_name if has_name else None)}
    if has_id and isinstance(get_user_model()._meta.pk, models.UUIDField):
        fields["pk"] = phones.user_ids(phone)[0]
    user = get_user_model()(**fields)
    user.password = unusable_password()
    insert(user, at)
    return user


def _name_fields(display_name: str | None) -> dict[str, str]:
    """Return the display name, cut to the column, if the user model keeps one.

    None stands for one that was refused, so names are unique: it is one then that nobody has.
    """
    if not has_field("username") or _phone_field() == "username":
        return {}
    name = uuid4().hex if display_name is None else display_name
    return {"username": name[: get_user_model()._meta.get_field("username").max_length]}


def allow_codes(phone: E164) -> bool:
    """Take back the lock of a number whose failures in a row reached the end; whether there was one. For staff."""
    return _allow([codes.row_key(phone, codes.ANYONE), *codes.old_row_keys(phone, codes.ANYONE)])


def allow_passwords(user: User) -> bool:
    """Take back the lock of a password that was guessed wrong too often in a row; whether there was one. For staff."""
    identifiers = [user.get_username(), getattr(user, "email", None), user_identifier(user)]
    keys = [
        key
        for identifier in filter(None, identifiers)
        for key in (codes.password_row_key(identifier), *codes.old_password_row_keys(identifier))
    ]
    return _allow(keys)


def birth_name(user: User) -> str:
    """Return what a device token calls an account: its key, and when it was made where the user model knows.

    The key alone is not enough: a number's next owner gets the key of a deleted account.
    """
    joined = getattr(user, "date_joined", None)
    return f"{user.pk}@{int(joined.timestamp())}" if joined else str(user.pk)


def user_identifier(user: User) -> str:
    """Return the name under which guesses at the old password are counted when it is changed."""
    return f"user:{user.pk}"


def _allow(keys: list[str]) -> bool:
    locked = code_rows().filter(key__in=keys, disabled_at__isnull=False)
    return locked.update(disabled_at=None, failures_in_a_row=0) > 0


def _hits(client: Client) -> list[Hit]:
    return [Hit("register_ip", client.bucket), Hit("register_site", "")]


def _phone_field() -> str:
    return get_user_model().USERNAME_FIELD
