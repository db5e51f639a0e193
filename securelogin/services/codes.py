"""Asking for a code: what an ask spends, whose row it is written in, and who is sent one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils import timezone, translation

from .. import codes, conf, phones, tokens
from ..addresses import Client
from ..conf import Conf
from ..exceptions import AccountInactive, AccountUnknown, RetryLater, UnsupportedAuthType
from ..limits import Hit
from ..models import OneTimeCode
from ..phones import E164
from ..tokens import Device
from . import accounts, budgets, sending
from .accounts import User
from .tables import code_rows, database
from .transactions import in_transaction, refuse_transaction, with_retries

SPRAY = Hit("spray_site", "")
"""Wrong guesses of strangers, at whatever number: so few at each that no budget of a number notices."""


@dataclass(frozen=True)
class CodeRequested:
    """The answer to an ask, the same whether a code was sent or not. Durations in whole seconds, length in digits."""

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
    check_offered(options)
    phones.check_policy(phone, options.ALLOWED_REGIONS)
    user = with_retries(lambda: accounts.find(phone))
    asker = asker_of(phone, user, tokens.read_device(phone, device_token))
    full = budgets.take(_hits(phone, asker, client), at=now, client=client, phone=phone, watched=_watched(asker))
    alias, provider = sending.route(phone)
    length = options.CODE_LENGTH + (codes.LONGER if full and not provider else 0)
    key = accounts.row_key(phone, asker)
    row, refusal = in_transaction(lambda: _ask(key, provider=provider, code_length=length, at=now, conf=options))
    if refusal is not None:
        budgets.announce(refusal, client=client, phone=phone)
        raise refusal
    is_reachable = _is_reachable(row, user, now, options)
    language = translation.get_language()
    message = sending.Message(phone, asker, codes.Purpose.LOGIN, row, alias, language, client)
    sending.send(message if is_reachable else None)
    next_send = row.refusal(now, options)
    return CodeRequested(
        phone=phone,
        user_id=phones.user_ids(phone)[0],
        expires_in=int(options.CODE_LIFETIME.total_seconds()),
        resend_after=next_send.retry_after if next_send else 0,
        code_length=length,
    )


def check_offered(options: Conf) -> None:
    """Raise ``UnsupportedAuthType`` where there is no login by code."""
    if "PHONE" not in options.AUTH_TYPES:
        raise UnsupportedAuthType("codes are not offered")


def asker_of(phone: E164, user: User | None, device: Device | None) -> str:
    """Return whose budgets the call spends; ``user`` is who has the number.

    A device token dies when its number changes hands, and when its own failures in a row disabled it: the next login
    as anyone gives a new one.
    """
    if device is None or user is None or device.user_id != accounts.birth_name(user):
        return codes.ANYONE
    asker = codes.device_asker(device.id)
    is_disabled = code_rows().filter(key=accounts.row_key(phone, asker)).exclude(disabled_at=None).exists()
    return codes.ANYONE if is_disabled else asker


def _hits(phone: E164, asker: str, client: Client) -> list[Hit]:
    hits = [Hit("login_ip", client.bucket)]
    if asker == codes.ANYONE:
        hits += [Hit("login_range", phones.range_of(phone)), Hit("login_site", "")]
    return hits


def _watched(asker: str) -> list[Hit]:
    """Strangers get longer codes while the site as a whole is guessed at; a known device is no stranger."""
    return [SPRAY] if asker == codes.ANYONE else []


def _ask(
    key: str, *, provider: str, code_length: int, at: datetime, conf: Conf
) -> tuple[OneTimeCode, RetryLater | None]:
    """Lock the row, which is made where there is none, by the statement that reads it (decision 0013); then decide."""
    row = code_rows().touched(key, at=at)
    refusal = row.refusal(at, conf)
    if refusal is None:
        row.renew(at=at, conf=conf, purpose=codes.Purpose.LOGIN, provider=provider, code_length=code_length)
        row.save_ask(using=database())
    return row, refusal


def _is_reachable(row: OneTimeCode, user: User | None, at: datetime, options: Conf) -> bool:
    """Whether the number is sent its code. Explicit errors only where enumeration is allowed."""
    if user is not None and not user.is_active and not options.PREVENT_ENUMERATION:
        raise AccountInactive("the account is inactive")
    is_welcome = user is not None or may_sign_up(row, at, options)
    if not is_welcome and not options.PREVENT_ENUMERATION:
        raise AccountUnknown("there is no account")
    return is_welcome and row.disabled_at is None and (user is None or user.is_active)


def may_sign_up(row: OneTimeCode, at: datetime, options: Conf) -> bool:
    """Whether a number without an account may get one with its first right code."""
    if options.SIGNUP == "register":
        return row.name_expires_at is not None and row.name_expires_at > at
    return options.SIGNUP == "login"
