"""Tests of securelogin.phones: what is read as a number, what is refused, what is shown."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from securelogin import phones
from securelogin.exceptions import InvalidPhone, PhoneNotAllowed
from securelogin.phones import E164
from tests.spending import least_seconds

if TYPE_CHECKING:
    from pytest_django import Settings

NBSP = "\u00a0"

DEAR = 0.05
"""Seconds of the processor that one reading may take."""

SPELLINGS = [
    "+12025550143",
    "+1 202 555 0143",
    "+1 (202) 555-0143",
    "+1.202.555.0143",
    "+1-202-555-0143",
    f"+1{NBSP}202{NBSP}555{NBSP}0143",
    f"{NBSP} +1 202 555 0143 {NBSP}",
    "tel:+1-202-555-0143",
    "tel:+12025550143",
    "+ 1 202 555 0143",
    "+1 1 202 555 0143",
    "+1 (202) 555-0143)",
]

NATIONAL_SPELLINGS = [
    ("US", "2025550143"),
    ("US", "(202) 555-0143"),
    ("US", "1 202 555 0143"),
    ("US", "011 1 202 555 0143"),
    ("US", "tel:202-555-0143"),
    ("DE", "00 1 202 555 0143"),
    ("DE", "tel:0012025550143"),
    ("GB", "0012025550143"),
    ("RU", "810 1 202 555 0143"),
    *[("GB", spelling) for spelling in SPELLINGS],
]

REFUSED: list[Any] = [
    "",
    " ",
    NBSP,
    "+",
    "tel:",
    "tel:+",
    "()",
    "-",
    "2025550143",  # no region
    "0012025550143",  # no region to dial it from
    "++12025550143",
    "+1+2025550143",
    "(+1) 202 555 0143",
    "+012025550143",
    "+999123456789",
    "+1202555014",
    "+120255501433",
    "+12025550143x5",
    "+12025550143 ext. 5",
    "+12025550143;ext=5",
    "+12025550143;phone-context=example.com",
    "+12025550143,,5",
    "+12025550143#5",
    "+12025550143*5",
    "+12025550143~5",
    "+12025550143/+12025550144",
    "+1202555ABCD",
    "+1 800 FLOWERS",
    "TEL:+12025550143",
    "tel://+12025550143",
    "tel:tel:+12025550143",
    "sms:+12025550143",
    "\uff0b12025550143",  # full-width plus
    "+1\uff12\uff10\uff12\uff15\uff15\uff15\uff10\uff11\uff14\uff13",
    "+\u0661\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0664\u0663",
    "+1202555014\u0663",
    "\u202a+12025550143\u202c",
    "+1202555\u200b0143",
    "+1202555\u20110143",
    "+1202555\u22120143",
    "+1202\u20095550143",
    "\ufeff+12025550143",
    "+12025550143\n",
    "\t+12025550143",
    "+1202\r5550143",
    "+12025550143\x00",
    "\ud800+12025550143",
    "112",
    "+1911",
    pytest.param("+" + "1" * 100, id="100 digits"),
]

TOO_LONG = ["+8100660638131905785", "+4918012349193885", "+49800123520802584", "+2347001287581241"]
"""The library calls them valid: free-phone numbers of 16 to 19 digits."""

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [getattr(PhoneNumberType, name) for name in ("MOBILE", "FIXED_LINE", "TOLL_FREE", "VOIP", "PERSONAL_NUMBER")]


def _examples() -> list[tuple[str, str]]:
    """Return regions with the digits of one number of each kind that they have."""
    found = ((region, phonenumbers.example_number_for_type(region, kind)) for region in REGIONS for kind in KINDS)
    return [(region, phonenumbers.national_significant_number(number)) for region, number in found if number]


EXAMPLES = _examples()


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str | None]:
    """Numbers that are nearly right: an example with other last digits, a prefix, and punctuation, in some region."""
    region, digits = draw(st.sampled_from(EXAMPLES))
    kept = draw(st.integers(1, len(digits)))
    digits = digits[:kept] + draw(st.text("0123456789", max_size=12))
    digits = draw(st.sampled_from(["", "", "", "0", "1", "8", "9", "00", "01", "15", "011"])) + digits
    head = draw(st.sampled_from(["", "+", "00", "tel:+", "tel:"]))
    if head.endswith(("+", "00")):
        digits = f"{phonenumbers.country_code_for_region(region)}{digits}"
    marks = draw(st.lists(st.sampled_from(["", "", "", " ", "-", ".", "(", ")", NBSP]), min_size=1, max_size=6))
    text = "".join(digit + marks[place % len(marks)] for place, digit in enumerate(digits))
    return head + text, draw(st.sampled_from([None, region, region, "US"]))


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings_of_one_number_are_one_number(text: str) -> None:
    """Budgets and accounts hang on the number, so that no spelling of it has its own."""
    assert phones.parse(text) == "+12025550143"


@pytest.mark.parametrize(("region", "text"), NATIONAL_SPELLINGS)
def test_national_spellings_are_read_in_their_region(region: str, text: str) -> None:
    """With a region a number without ``+`` is read as it is dialled there; with ``+`` it is the same everywhere."""
    assert phones.parse(text, region) == "+12025550143"


@pytest.mark.parametrize("text", REFUSED)
def test_other_texts_are_no_numbers(text: str) -> None:
    """Letters, other digits, extensions, parameters, control characters and half numbers are refused."""
    with pytest.raises(InvalidPhone):
        phones.parse(text)


@pytest.mark.parametrize("region", ["XX", "us", "", "USA", "001"])
def test_unknown_region_reads_nothing(region: str) -> None:
    """A region nobody knows is as none: no number without ``+`` is read."""
    with pytest.raises(InvalidPhone):
        phones.parse("2025550143", region)


@pytest.mark.parametrize("text", TOO_LONG)
def test_numbers_longer_than_e164_are_invalid(text: str) -> None:
    """E.164 ends at 15 digits, and so does the column: what is longer is the client's mistake, not the server's."""
    with pytest.raises(InvalidPhone):
        phones.parse(text)


def test_long_text_is_refused_before_it_is_looked_at() -> None:
    """A megabyte costs no more than forty characters."""
    assert least_seconds(lambda: _refuse("+1" + " " * 1_000_000 + "2025550143")) < DEAR


@pytest.mark.parametrize("text", ["+1 " + "(" * 36, " " * 40, NBSP * 20 + " " * 19 + "x", "(" * 39 + "x"])
def test_no_text_makes_the_reading_slow(text: str) -> None:
    """No pattern here goes back and forth over its text."""
    assert least_seconds(lambda: _refuse(text, "US")) < DEAR


def _refuse(text: str, region: str | None = None) -> None:
    with pytest.raises(InvalidPhone):
        phones.parse(text, region)


@settings(max_examples=400, deadline=None)
@given(spellings())
@example(("+8100660638131905785", None))
@example(("011 15 2345 6789", "AR"))
@example(("0 15 11 91234-5678", "BR"))
@example(("+39 0312345678", None))
@example(("+378 886377", None))
@example(("044 55 1234 5678", "MX"))
@example(("1795113800138000", "CN"))
def test_every_accepted_number_is_canonical_and_reads_as_itself(spelling: tuple[str, str | None]) -> None:
    """What is stored is found again: reading it once more, in whatever region, changes nothing."""
    text, region = spelling
    try:
        phone = phones.parse(text, region)
    except InvalidPhone:
        return
    assert phones.is_canonical(phone)
    assert re.fullmatch(r"\+[1-9][0-9]{4,14}", phone)
    assert {phones.parse(phone, each) for each in (None, region, "US", "DE", "AR")} == {phone}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=45) | st.text("0123456789+-. ()tel:" + NBSP, max_size=45), st.sampled_from([None, "US", "IT"]))
def test_any_text_is_a_number_or_invalid(text: str, region: str | None) -> None:
    """No text raises anything but ``InvalidPhone``."""
    try:
        phone = phones.parse(text, region)
    except InvalidPhone:
        return
    assert phones.is_canonical(phone)


@pytest.mark.parametrize("text", ["+12025550", "2025550143", "+1202555014\u0663", "nonsense 2025550143"])
def test_error_does_not_repeat_the_text(text: str) -> None:
    """A number that was mistyped is still somebody's: it is in no message."""
    with pytest.raises(InvalidPhone) as caught:
        phones.parse(text)
    told = "".join(traceback.format_exception_only(caught.value))
    assert not re.search(r"\d", told)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        *["+12025550143", "+4915112345678", "+6834000", "+393123456789", "+390312345678", "+5491123456789"],
        *["+5215512345678", "+123456789012345"],  # once valid, or never: rows stay
    ],
)
def test_canonical_is_e164_valid_or_not(text: str) -> None:
    """Metadata changes and rows stay: a number that left the plan is still the one that is stored."""
    assert phones.is_canonical(text)


@pytest.mark.parametrize(
    "text",
    [
        *["12025550143", "+1 2025550143", "+12025550143 ", "+12025550143\n", "+02025550143", "tel:+12025550143", ""],
        *[
            "+4407911123456",
            "+112025550143",
            "+1234",
            "+1234567890123456",
            "+\u0661\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0664\u0663",
            "+1\uff12\uff10\uff12\uff15\uff15\uff15\uff10\uff11\uff14\uff13",
        ],
        *[
            "+12025550143;ext=5",
            "+1202555014\uff13",
            "+999123456789",
            None,
            12025550143,
            b"+12025550143",
            ["+12025550143"],
        ],
    ],
)
def test_other_spellings_are_not_canonical(text: object) -> None:
    """Only what ``parse`` writes may stand in the database."""
    assert not phones.is_canonical(text)


@pytest.mark.parametrize(
    "text", ["+12025550143", "+4915112345678", "+447911123456", "+5511912345678", "+2290196123456"]
)
def test_mobiles_are_served(text: str) -> None:
    """Mobiles, and where they cannot be told apart fixed lines too, are served everywhere by default."""
    phones.check_policy(phones.parse(text), None)


@pytest.mark.parametrize(
    "text",
    [
        "+493012345678",  # a fixed line
        "+18005550143",  # toll free
        "+19005550143",  # premium
        "+448431234567",  # shared cost
        "+447012345678",  # a personal number
        "+447640123456",  # a pager
        "+80012345678",  # universal toll free
        "+979123456789",  # universal premium
        "+870773111632",  # Inmarsat
        "+881612345678",  # satellites
        "+8821612345678",  # international networks
        "+883510012345",
    ],
)
def test_dear_and_deaf_numbers_are_not_served(text: str) -> None:
    """Numbers that cannot be sent a text, or that earn by being sent one, are refused before money is spent."""
    with pytest.raises(PhoneNotAllowed) as caught:
        phones.check_policy(phones.parse(text), None)
    assert not re.search(r"\d", str(caught.value))


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+447911123456", "GG"),  # not GB, though it is +44
        ("+447400123456", "GB"),
        ("+12025550143", "US"),
        ("+14165550143", "CA"),
        ("+18765550143", "JM"),
        ("+79161234567", "RU"),
        ("+77011234567", "KZ"),
    ],
)
def test_region_is_the_numbers_own(text: str, region: str) -> None:
    """The calling code tells a group of countries, and some of them cost ten times as much."""
    phone = phones.parse(text)
    assert phones.region_of(phone) == region
    phones.check_policy(phone, (region,))
    with pytest.raises(PhoneNotAllowed):
        phones.check_policy(phone, ("FR",))
    with pytest.raises(PhoneNotAllowed):
        phones.check_policy(phone, ())


@pytest.mark.parametrize(("text", "is_known"), [("US", True), ("GG", True), ("us", False), ("UK", False), ("", False)])
def test_regions_are_told_by_their_iso_codes(text: str, is_known: bool) -> None:
    """The United Kingdom is GB."""
    assert phones.is_region(text) is is_known


def test_range_is_all_but_four_digits() -> None:
    """Neighbours share a range; it is what a pumping scheme rents."""
    assert phones.range_of(E164("+12025550143")) == phones.range_of(E164("+12025559999")) == "+1202555"
    assert phones.range_of(E164("+12025550143")) != phones.range_of(E164("+12025540143"))


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+12025550143", "+1*****43"),
        ("+4915112345678", "+49*****78"),
        ("+6834000", "+683*****00"),
        ("+5215512345678", "+52*****78"),
        ("", ""),
        (None, ""),
        ("2025550143", "*****"),
        ("secret words", "*****"),
        ("+999123456789", "*****"),
    ],
)
def test_mask_shows_calling_code_and_two_digits(phone: str | None, shown: str) -> None:
    """Enough to recognise one's own number, too little to call it."""
    assert phones.mask(phone) == shown


@settings(max_examples=200, deadline=None)
@given(spellings() | st.tuples(st.text(max_size=30), st.none()))
def test_mask_never_shows_more_than_two_digits_of_a_number(spelling: tuple[str, str | None]) -> None:
    """Whatever text stands in the place of a number, five stars stand in the place of its middle."""
    shown = phones.mask(spelling[0])
    assert shown in {"", "*****"} or re.fullmatch(r"\+[1-9][0-9]{0,2}\*{5}.{2}", shown, re.DOTALL)


def test_digest_tells_no_number_and_changes_with_the_key(settings: Settings) -> None:
    """Two lines of a log about one number are seen to be, and the number is not (a plain hash is soon tried out)."""
    phone = E164("+12025550143")
    digest = phones.digest(phone)
    assert re.fullmatch("[0-9a-f]{32}", digest)
    assert digest == phones.digest(phone) != phones.digest(E164("+12025550144"))
    settings.SECRET_KEY = "another key for tests, long enough for every check and known to everyone"
    assert phones.digest(phone) != digest


def test_user_id_follows_from_the_number_and_the_key(settings: Settings) -> None:
    """It is the same for known and unknown numbers, looks like any random UUID, and outlives a rotation."""
    phone = E164("+12025550143")
    [before] = phones.user_ids(phone)
    assert before.version == 4
    assert before != phones.user_ids(E164("+12025550144"))[0]
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another key for tests, long enough for every check and known to everyone"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert phones.user_ids(phone)[1:] == [before]
    assert phones.user_ids(phone)[0] != before
