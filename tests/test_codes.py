"""Tests of securelogin.codes: how codes are computed, read and compared, and whose row they are in."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from securelogin import codes
from securelogin.codes import Purpose
from securelogin.phones import E164

if TYPE_CHECKING:
    from pytest_django import Settings

PHONE, OTHER_PHONE = E164("+12025550143"), E164("+12025550144")
NEW_KEY = "another key for tests, long enough for every check and known to everyone"

DRAWS = 200_000
CHI_SQUARE_9 = 33.72
"""What chi-square of nine degrees of freedom exceeds once in 10 000 times."""

NOT_SIX_DIGITS: list[Any] = [
    "",
    "12345",
    "1234567",
    pytest.param("1" * 1_000_000, id="a megabyte"),
    " 123456",
    "123456 ",
    "123456\n",
    "12345\x00",
    "+12345",
    "-12345",
    "12 456",
    "1e0005",
    "0x1234",
    "12345.",
    "\u0661\u0662\u0663\u0664\u0665\u0666",
    "\uff11\uff12\uff13\uff14\uff15\uff16",
    "12345\u00b2",
    "12345\u2167",
    "abcdef",
    "\ud80012345",
]


def _code(nonce: str, *, phone: str = PHONE, asker: str = codes.ANYONE, length: int = 6, key_id: str = "") -> str:
    code = codes.compute(
        nonce=nonce,
        key_id=key_id or codes.key_id(),
        phone=phone,
        asker=asker,
        purpose=Purpose.LOGIN,
        length=length,
    )
    assert code is not None
    return code


def test_codes_are_uniform_in_every_place() -> None:
    """No digit is likelier than another, in any place; codes begin with 0 as often as with 9 (NIST SP 800-63B-4).

    The nonces are counted and not drawn: they make the same codes in each run.
    """
    key_id = codes.key_id()
    drawn = Counter(_code(f"{number:032x}", key_id=key_id) for number in range(DRAWS))
    expected = DRAWS / 10
    for place in range(6):
        digits: Counter[str] = Counter()
        for code, count in drawn.items():
            digits[code[place]] += count
        assert sorted(digits) == list("0123456789")
        assert sum((count - expected) ** 2 / expected for count in digits.values()) < CHI_SQUARE_9
    assert 0.097 <= sum(count for code, count in drawn.items() if code[0] == "0") / DRAWS <= 0.103
    # Of a million values 200 000 draws find 181 269 on average, with a deviation of about 150.
    assert 180_500 <= len(drawn) <= 182_000
    assert min(drawn) < "000100"
    assert max(drawn) > "999900"


def test_every_value_is_reached() -> None:
    """No value is missing by construction, neither the first nor the last."""
    drawn = {_code(f"{number:032x}", length=2) for number in range(3000)}
    assert drawn == {f"{number:02}" for number in range(100)}


@pytest.mark.parametrize("length", [6, 8, 10])
def test_code_has_its_length_with_leading_zeros(length: int) -> None:
    """A code is text: what begins with zeros keeps them."""
    drawn = [_code(f"{number:032x}", length=length) for number in range(500)]
    assert all(codes.is_well_formed(code, length) for code in drawn)
    assert any(code.startswith("0") for code in drawn)


def test_same_parts_give_the_same_code() -> None:
    """A worker rebuilds the text from the row, on whatever machine."""
    nonce = codes.new_nonce()
    assert _code(nonce) == _code(nonce)


def test_code_is_bound_to_nonce_number_and_asker() -> None:
    """A code for one number or one asker is a wrong code for another: of 200 pairs about none is alike."""
    nonces = [codes.new_nonce() for _ in range(200)]
    device = codes.device_asker("d" * 32)
    changed = [
        [_code(nonce, phone=OTHER_PHONE) for nonce in nonces],
        [_code(nonce, asker=device) for nonce in nonces],
        [_code(f"{int(nonce, 16) ^ 1:032x}") for nonce in nonces],
    ]
    for others in changed:
        assert sum(_code(nonce) == other for nonce, other in zip(nonces, others, strict=True)) <= 2


def test_code_lives_through_a_rotation_and_dies_with_its_key(settings: Settings) -> None:
    """The row names the key, so that a code sent before a rotation is right after it; without its key it is none."""
    nonce, key_id = codes.new_nonce(), codes.key_id()
    before, old = _code(nonce), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW_KEY, [old]
    assert codes.key_id() != key_id
    assert _code(nonce, key_id=key_id) == before
    settings.SECRET_KEY_FALLBACKS = []
    assert (
        codes.compute(nonce=nonce, key_id=key_id, phone=PHONE, asker=codes.ANYONE, purpose=Purpose.LOGIN, length=6)
        is None
    )


def test_thief_of_the_database_has_other_codes(settings: Settings) -> None:
    """Nonce, number and asker without the key tell nothing."""
    nonces = [codes.new_nonce() for _ in range(200)]
    ours = [_code(nonce) for nonce in nonces]
    settings.SECRET_KEY = NEW_KEY
    assert sum(code == _code(nonce) for code, nonce in zip(ours, nonces, strict=True)) <= 2


def test_nonces_come_from_the_system(settings: Settings) -> None:
    """128 bits each, none twice, and no seed of Python's own generator brings one back."""
    drawn = []
    for _run in range(2):
        random.seed(0)
        drawn += [codes.new_nonce() for _ in range(1000)]
    assert len(set(drawn)) == 2000
    assert all(re.fullmatch("[0-9a-f]{32}", nonce) for nonce in drawn)


@pytest.mark.parametrize(
    "guess", ["", "123457", "12345", "1234567", "None", "\uff11\uff12\uff13\uff14\uff15\uff16", "123456\x00"]
)
def test_nothing_else_matches(guess: str) -> None:
    """Only the code itself matches."""
    assert codes.matches("123456", "123456")
    assert not codes.matches("123456", guess)


@pytest.mark.parametrize("guess", ["", "None", "000000", "null"])
def test_nothing_matches_where_there_is_no_code(guess: str) -> None:
    """A missing secret is not an empty one."""
    assert not codes.matches(None, guess)


@pytest.mark.parametrize("text", NOT_SIX_DIGITS)
def test_other_texts_are_not_well_formed(text: str) -> None:
    """Six ASCII digits, and nothing that merely looks or counts like them."""
    assert not codes.is_well_formed(text, 6)


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.text(max_size=8) | st.from_regex(r"\d{6}", fullmatch=True), st.integers(0, 10))
def test_well_formed_is_the_plain_pattern(text: str, length: int) -> None:
    """It agrees with the regular expression for so many ASCII digits, of which there must be some."""
    expected = length > 0 and re.fullmatch(rf"[0-9]{{{length}}}", text) is not None
    assert codes.is_well_formed(text, length) == expected


def test_row_key_holds_no_number() -> None:
    """Erasing a person leaves nothing in the row."""
    key = codes.row_key(PHONE, codes.ANYONE)
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert PHONE.removeprefix("+") not in key


def test_each_number_and_asker_has_a_row_of_its_own() -> None:
    """Strangers share one row a number; each device, each number and each password has another."""
    device = "0" * 32
    keys = [
        codes.row_key(PHONE, codes.ANYONE),
        codes.row_key(OTHER_PHONE, codes.ANYONE),
        codes.row_key(PHONE, codes.device_asker(device)),
        codes.row_key(PHONE, codes.device_asker("1" * 32)),
        codes.password_row_key(PHONE),
        codes.password_row_key("ada@example.com"),
    ]
    assert len(set(keys)) == len(keys)


def test_no_device_is_anyone() -> None:
    """No name of a device makes it the asker that strangers share."""
    assert codes.device_asker("") != codes.ANYONE
    assert codes.device_asker(codes.ANYONE) != codes.ANYONE


def test_old_row_keys_find_the_rows_of_the_fallbacks(settings: Settings) -> None:
    """A rotation of ``SECRET_KEY`` gives nobody new guesses: the names that a row had before are known."""
    row, password_row = codes.row_key(PHONE, codes.ANYONE), codes.password_row_key(PHONE)
    assert codes.old_row_keys(PHONE, codes.ANYONE) == codes.old_password_row_keys(PHONE) == []
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW_KEY, [settings.SECRET_KEY]
    assert codes.old_row_keys(PHONE, codes.ANYONE) == [row]
    assert codes.old_password_row_keys(PHONE) == [password_row]
    assert codes.row_key(PHONE, codes.ANYONE) != row


ID = UUID("0b2f9c1e-6a7d-4a53-9f4e-2d1c3b4a5f60")


@pytest.mark.parametrize("text", [str(ID), str(ID).upper(), ID.hex, f" {ID} "])
def test_id_is_known_in_any_spelling(text: str) -> None:
    """Clients keep UUIDs in their own ways."""
    assert codes.is_same_id(text, [uuid4(), ID])
    assert codes.is_same_id(text, [str(ID)])


@pytest.mark.parametrize("text", ["", "-", " ", str(ID)[:-1], f"{ID}0", str(UUID(int=1)), "None", "\u0661"])
def test_other_id_is_not(text: str) -> None:
    """Nothing else is the id, the empty text least of all."""
    assert not codes.is_same_id(text, [ID, "12"])
    assert not codes.is_same_id(text, [])
