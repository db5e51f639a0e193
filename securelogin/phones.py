"""Phone numbers: read once, kept as E.164 (ITU-T: ``+`` and at most 15 digits), shown masked."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import NewType
from uuid import UUID

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from . import keys
from .exceptions import InvalidPhone, PhoneNotAllowed

E164 = NewType("E164", str)

MAX_TEXT = 40
"""Characters that are read at all; the longest number with punctuation stays far below."""

# The library also reads letters (vanity numbers), other scripts' digits, extensions and RFC 3966 parameters,
# some of them silently: what is not in here never reaches it.
_TEXT = re.compile(r"(?:tel:)?[\u00a0 ]*\+?[0-9\u00a0 ().-]+", re.ASCII)
_E164 = re.compile(r"\+[1-9][0-9]{4,14}", re.ASCII)

ALLOWED_TYPES = frozenset(
    {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.VOIP},
)
REFUSED_CODES = frozenset({870, 881, 882, 883})
"""Satellite and international networks: no region, and the dearest to send to."""


def parse(text: str, region: str | None = None) -> E164:
    """Read a number in E.164, or in national form where a region is given.

    Raises ``InvalidPhone`` for anything that is not a valid number, before the library sees what it must not.
    """
    if len(text) > MAX_TEXT or not _TEXT.fullmatch(text):
        raise InvalidPhone("not a phone number")
    return _parse(text.removeprefix("tel:"), region)


@lru_cache(maxsize=1024)
def _parse(text: str, region: str | None) -> E164:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        # The library's message is fixed, but its chain is kept out of reports all the same.
        raise InvalidPhone("not a phone number") from None
    if not phonenumbers.is_valid_number(number):
        raise InvalidPhone("not a valid phone number")
    phone = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not _E164.fullmatch(phone):  # the library knows valid numbers of 16 to 19 digits
        raise InvalidPhone("not a phone number in E.164")
    return E164(phone)


def is_canonical(text: object) -> bool:
    """Whether the text is E.164 just as this module writes it. Validity is not asked: metadata changes, rows stay."""
    return isinstance(text, str) and _E164.fullmatch(text) is not None and _is_canonical(text)


@lru_cache(maxsize=1024)
def _is_canonical(text: str) -> bool:
    try:
        return phonenumbers.format_number(phonenumbers.parse(text, None), PhoneNumberFormat.E164) == text
    except phonenumbers.NumberParseException:
        return False


def check_policy(phone: E164, regions: Collection[str] | None) -> None:
    """Raise ``PhoneNotAllowed`` unless number type and region may be sent codes; ``None`` allows all regions."""
    if not _is_allowed_type(phone) or (regions is not None and region_of(phone) not in regions):
        raise PhoneNotAllowed("numbers of this region or type are not served")


@lru_cache(maxsize=1024)
def _is_allowed_type(phone: E164) -> bool:
    number = phonenumbers.parse(phone, None)
    return number.country_code not in REFUSED_CODES and phonenumbers.number_type(number) in ALLOWED_TYPES


def region_of(phone: E164) -> str | None:
    """Return the ISO 3166 region, which the calling code alone does not tell (+44 7911 is Guernsey)."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(phone, None))


def is_region(text: str) -> bool:
    """Whether the text is a region that numbers are known for."""
    return text in phonenumbers.SUPPORTED_REGIONS


def range_of(phone: E164) -> str:
    """Return all but the last four digits: the range that one pumping scheme rents."""
    return phone[:-4]


def mask(phone: str | None) -> str:
    """Return ``+1*****43``: the calling code, five stars and the last two digits; ``""`` without a number."""
    if not phone:
        return ""
    try:
        code = phonenumbers.parse(phone, None).country_code
    except phonenumbers.NumberParseException:
        return "*****"
    return f"+{code}*****{phone[-2:]}"


def digest(phone: E164) -> str:
    """Return the keyed name under which logs and signals speak of a number, 32 hex digits."""
    return keys.digest("phone", phone)[:32]


def user_ids(phone: E164) -> list[UUID]:
    """Return the ids that stand for the number before there is an account, the current key's first.

    They follow from the number alone, so they are the same for known, unknown and recycled numbers.
    """
    return [UUID(bytes=key.mac(phone)[:16], version=4) for key in keys.ring("user-id")]
