"""Tests of securelogin.tokens.jwts: what the two tokens carry, and when they open nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
import time_machine
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework_simplejwt import tokens as stock
from rest_framework_simplejwt.exceptions import TokenError as StockTokenError
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from securelogin import tokens
from securelogin.exceptions import (
    AccessTokenExpired,
    RefreshTokenExpired,
    SecureLoginError,
    TokenInvalid,
    WrongTokenType,
)
from securelogin.tokens import AccessToken, RefreshToken
from tests.tokens.tickets import LEFT_OUT, claims, pair, read_part, refresh_claims, sign

if TYPE_CHECKING:
    from pytest_django import Settings

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
HALF = timedelta(seconds=0.5)
WINDOW = timedelta(minutes=10)

Read = Callable[[str], AccessToken | RefreshToken]


@pytest.fixture(autouse=True)
def _noon() -> Any:
    """Let every test begin at the same moment."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def _read_pair() -> tuple[AccessToken, RefreshToken]:
    issued = pair(at=NOON)
    return tokens.read_access(issued.access_token), tokens.read_refresh(issued.refresh_token)


# What is in them


def test_access_token_carries_its_session_and_nothing_personal() -> None:
    """Everyone who holds a token can read it: ids, times and ways of proof are all there is."""
    session_id, user_id = uuid4(), str(uuid4())
    payload = read_part(pair(at=NOON, session_id=session_id, user_id=user_id).access_token, 1)
    exp, jti = payload.pop("exp"), payload.pop("jti")
    assert payload == {
        "token_type": "access",
        "iat": int(NOON.timestamp()),
        "sub": user_id,
        "sid": str(session_id),
        "auth_time": int(NOON.timestamp()),
        "amr": ["otp", "sms"],
        "fresh": True,
    }
    assert UUID(hex=jti).version == 4
    assert 570 <= exp - int(NOON.timestamp()) <= 600


def test_refresh_token_carries_what_its_successors_need() -> None:
    """Whole seconds, the session and its end: a refresh asks no table for what an access token says."""
    session_id, user_id, now = uuid4(), str(uuid4()), int(NOON.timestamp())
    issued = pair(at=NOON + HALF, session_id=session_id, user_id=user_id, generation=7, lasts=timedelta(days=365))
    assert read_part(issued.refresh_token, 1) == {
        "token_type": "refresh",
        "iat": now,
        "exp": now + 60 * 86_400,
        "sub": user_id,
        "sid": str(session_id),
        "jti": str(session_id),
        "gen": 7,
        "session_exp": now + 365 * 86_400,
        "auth_time": now,
        "amr": ["otp", "sms"],
    }
    assert issued.expires_at.microsecond == 0


def test_refresh_token_is_named_by_its_session_in_every_generation() -> None:
    """Stock simplejwt's ``blacklist()`` finds the session by ``jti``, whichever generation it is given."""
    _access, refresh = _read_pair()
    later = tokens.read_refresh(refresh.successors(at=NOON).refresh_token)
    assert refresh["jti"] == later["jti"] == str(refresh.session_id)
    assert (refresh.generation, later.generation) == (0, 1)


def test_successors_are_of_the_same_session_and_not_fresh() -> None:
    """A refresh proves nobody: who, when and how stay as they were at the login."""
    access, refresh = _read_pair()
    issued = refresh.successors(at=NOON + timedelta(hours=1))
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        next_access, next_refresh = tokens.read_access(issued.access_token), tokens.read_refresh(issued.refresh_token)
    for claim in ("sub", "sid", "auth_time", "amr"):
        assert access[claim] == refresh[claim] == next_access[claim] == next_refresh[claim]
    assert next_refresh.session_end == refresh.session_end
    assert next_access["fresh"] is False
    assert access["jti"] != next_access["jti"]


def test_successors_of_a_proof_without_ways_name_none() -> None:
    """Another service that shares the key may leave ``amr`` out."""
    issued = tokens.read_refresh(sign(refresh_claims(amr=LEFT_OUT))).successors(at=NOON)
    assert tokens.read_access(issued.access_token)["amr"] == tokens.read_refresh(issued.refresh_token)["amr"] == []


def test_access_tokens_do_not_expire_in_step(settings: Settings) -> None:
    """A fleet that logged in together does not refresh together; none lives longer than it should."""
    settings.SECURELOGIN = {"ACCESS_TOKEN_LIFETIME": timedelta(minutes=10)}
    lives = {pair(at=NOON).expires_in(NOON) for _ in range(100)}
    assert len(lives) > 10
    assert min(lives) >= 570
    assert max(lives) <= 600


@pytest.mark.parametrize(("seconds", "lives"), [(19, {19}), (20, {19, 20}), (40, {38, 39, 40})])
def test_access_tokens_live_a_twentieth_shorter_at_most(settings: Settings, seconds: int, lives: set[int]) -> None:
    """Every whole second between occurs."""
    settings.SECURELOGIN = {"ACCESS_TOKEN_LIFETIME": timedelta(seconds=seconds)}
    assert {pair(at=NOON).expires_in(NOON) for _ in range(100)} == lives


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_no_token_outlives_its_session(lasts: timedelta) -> None:
    """However often it is refreshed, a session has an end, and so have its tokens."""
    issued = pair(at=NOON, lasts=lasts)
    end = (NOON + lasts).timestamp()
    assert read_part(issued.access_token, 1)["exp"] <= end
    assert read_part(issued.refresh_token, 1)["exp"] <= end
    assert read_part(issued.refresh_token, 1)["session_exp"] <= end
    assert issued.expires_at.timestamp() == read_part(issued.access_token, 1)["exp"]


def test_answer_tells_seconds_and_never_less_than_none() -> None:
    """``expires_in`` is what is left now, and no negative number."""
    issued = pair(at=NOON)
    exp = read_part(issued.access_token, 1)["exp"]
    assert issued.expires_in(NOON) == exp - int(NOON.timestamp())
    assert issued.expires_in(NOON + timedelta(hours=1)) == 0


# When they are good


def test_access_token_ends_at_its_second() -> None:
    """``exp`` has no tolerance: at that second it is over (RFC 7519 section 4.1.4)."""
    text = sign(claims(exp=int(NOON.timestamp()) + 60))
    with time_machine.travel(NOON + timedelta(seconds=59), tick=False):
        tokens.read_access(text)
    with time_machine.travel(NOON + timedelta(seconds=60), tick=False), pytest.raises(AccessTokenExpired):
        tokens.read_access(text)


def test_refresh_token_ends_at_its_second() -> None:
    """So does a refresh token, by its own name."""
    text = sign(refresh_claims(exp=int(NOON.timestamp()) + 60))
    with time_machine.travel(NOON + timedelta(seconds=59), tick=False):
        tokens.read_refresh(text)
    with time_machine.travel(NOON + timedelta(seconds=60), tick=False), pytest.raises(RefreshTokenExpired):
        tokens.read_refresh(text)


def test_expired_tokens_are_read_where_that_is_ok() -> None:
    """A logout with an old token is still a logout; forged or of the other kind it is none."""
    tokens.read_access(sign(claims(exp=1)), is_expired_ok=True)
    tokens.read_refresh(sign(refresh_claims(exp=1)), is_expired_ok=True)
    with pytest.raises(TokenInvalid):
        tokens.read_access(sign(claims(exp=1), key=b"x"), is_expired_ok=True)
    with pytest.raises(TokenInvalid):
        tokens.read_access(sign(claims(exp=1, sid="x")), is_expired_ok=True)
    with pytest.raises(WrongTokenType):
        tokens.read_access(sign(refresh_claims(exp=1)), is_expired_ok=True)


def test_tokens_of_the_other_kind_are_told_so() -> None:
    """A refresh token opens no view, an access token refreshes nothing (RFC 8725 section 3.11)."""
    issued = pair(at=NOON)
    with pytest.raises(WrongTokenType):
        tokens.read_access(issued.refresh_token)
    with pytest.raises(WrongTokenType):
        tokens.read_refresh(issued.access_token)


@pytest.mark.parametrize("kind", [LEFT_OUT, None, "", "sliding", "ACCESS", ["access"], {"access": 1}, 1, True])
def test_unknown_kinds_are_no_tokens(kind: object) -> None:
    """What says it is neither was not issued here."""
    for read in (tokens.read_access, tokens.read_refresh):
        with pytest.raises(TokenInvalid):
            read(sign(claims(token_type=kind)))


ODD: list[Any] = [LEFT_OUT, None, "", "x", "0", 1.5, -1.5, [], {}, [0], float("nan"), float("inf")]


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *[("sid", value) for value in (*ODD, True, 1)],
        *[("sub", value) for value in (*ODD, True, 1) if not isinstance(value, str)],  # any text may be an id
    ],
)
def test_session_and_user_are_asked_for_by_form(claim: str, value: object) -> None:
    """A session's name is a UUID as we write it; a user's id is a text."""
    for read, make in ((tokens.read_access, claims), (tokens.read_refresh, refresh_claims)):
        with pytest.raises(TokenInvalid):
            read(sign(make(**{claim: value})))


@pytest.mark.parametrize("spell", [str.upper, lambda sid: sid.replace("-", ""), "{{{}}}".format, "urn:uuid:{}".format])
def test_session_is_named_in_one_spelling(spell: Callable[[str], str]) -> None:
    """Our own tokens write it in one way; two would be two names of one session."""
    with pytest.raises(TokenInvalid):
        tokens.read_access(sign(claims(sid=spell(str(uuid4())))))


@pytest.mark.parametrize("value", [*ODD, 0, 1, "true"])
def test_fresh_is_true_or_false(value: object) -> None:
    """Nothing that merely looks true is fresh."""
    with pytest.raises(TokenInvalid):
        tokens.read_access(sign(claims(fresh=value)))


@pytest.mark.parametrize("value", [*ODD, True, -1, 2**31 - 1, 2**31, 10**30])
def test_generation_is_a_number_that_can_be_counted_on(value: object) -> None:
    """The next generation must fit its column."""
    with pytest.raises(TokenInvalid):
        tokens.read_refresh(sign(refresh_claims(gen=value)))


@pytest.mark.parametrize("generation", [0, 1, 2**31 - 2])
def test_every_generation_that_has_a_next_one_is_read(generation: int) -> None:
    """From the login to the last that the column holds."""
    token = tokens.read_refresh(sign(refresh_claims(gen=generation)))
    assert token.generation == generation


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("claim", ["auth_time", "session_exp"])
def test_other_times_are_whole_numbers_too(claim: str, value: object) -> None:
    """They become moments later, where an error would be the server's."""
    with pytest.raises(TokenInvalid):
        tokens.read_refresh(sign(refresh_claims(**{claim: value})))


@pytest.mark.parametrize("value", [10**12, 10**30, pytest.param(10**400, id="400 digits"), -1, -(10**30), True])
@pytest.mark.parametrize("claim", ["auth_time", "session_exp"])
def test_claims_out_of_range_are_no_token(claim: str, value: int) -> None:
    """A moment that no calendar has is refused when it is read, not when something was already written."""
    with pytest.raises(TokenInvalid):
        tokens.read_refresh(sign(refresh_claims(**{claim: value})))
    if claim == "auth_time":
        with pytest.raises(TokenInvalid):
            tokens.read_access(sign(claims(auth_time=value)))


@pytest.mark.parametrize("read", [tokens.read_access, tokens.read_refresh])
@pytest.mark.parametrize("text", ["", "x", "a.b.c", "\ud800", "é" * 10, "null", "Bearer x"])
def test_other_texts_are_no_tokens(read: Read, text: str) -> None:
    """One error for all, and the text is not in it."""
    with pytest.raises(TokenInvalid) as caught:
        read(text)
    assert str(caught.value) == "not a token of ours"


def test_errors_name_the_kind_of_fault_and_nothing_of_the_token() -> None:
    """Their texts are for developers: three, whatever is in the token."""
    good = pair(at=NOON)
    for read, text, error in (
        (tokens.read_access, sign(claims(exp=1)), AccessTokenExpired("the token is expired")),
        (tokens.read_refresh, sign(refresh_claims(exp=1)), RefreshTokenExpired("the token is expired")),
        (tokens.read_access, good.refresh_token, WrongTokenType("the other kind of token")),
        (tokens.read_refresh, good.access_token, WrongTokenType("the other kind of token")),
        (tokens.read_access, sign(claims(token_type="sliding")), TokenInvalid("not a token of ours")),
        (tokens.read_access, sign(claims(sid="x")), TokenInvalid("not a token of ours")),
        (tokens.read_access, sign(claims(auth_time=-1)), TokenInvalid("not a token of ours")),
        (tokens.read_refresh, sign(refresh_claims(gen=-1)), TokenInvalid("not a token of ours")),
    ):
        with pytest.raises(type(error)) as caught:
            read(text)
        assert (type(caught.value), str(caught.value)) == (type(error), str(error))


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(refresh_claims())),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=4,
        ),
        max_size=3,
    )
)
def test_any_claims_under_our_signature_are_read_or_refused(changes: dict[str, Any]) -> None:
    """Another service that shares the key signs what it likes: no claim makes us fail."""
    for read, make in ((tokens.read_access, claims), (tokens.read_refresh, refresh_claims)):
        try:
            read(sign(make(**changes)))
        except SecureLoginError:
            continue


@pytest.mark.parametrize("variant", ["{}=", "{}==", " {}", "{} ", "{}\n"])
def test_another_text_of_one_token_names_the_same_session(variant: str) -> None:
    """Base64 has more than one spelling: what is revoked hangs on the session, never on the text."""
    access, _refresh = _read_pair()
    text = str(access)
    try:
        found = tokens.read_access(variant.format(text))
    except TokenInvalid:
        return
    assert found.session_id == access.session_id


# Fresh


@pytest.mark.parametrize(("age", "is_fresh"), [(0, True), (600, True), (601, False), (86_400, False)])
def test_proof_is_fresh_for_its_window(age: int, is_fresh: bool) -> None:
    """A sensitive call asks for somebody who proved who they are within ten minutes."""
    token = tokens.read_access(sign(claims(auth_time=int(NOON.timestamp()) - age)))
    assert token.is_fresh(NOON, WINDOW) is is_fresh


def test_token_that_was_refreshed_is_never_fresh() -> None:
    """The claim says so, however young the proof is."""
    assert not tokens.read_access(sign(claims(fresh=False))).is_fresh(NOON, WINDOW)


def test_window_of_none_is_never_open() -> None:
    """A window of nothing is over a moment after the proof."""
    assert not tokens.read_access(sign(claims())).is_fresh(NOON + timedelta(seconds=1), timedelta(0))


@pytest.mark.parametrize(("ahead", "is_fresh"), [(10, True), (11, False), (3600, False)])
def test_proof_in_the_future_is_not_fresh(ahead: int, is_fresh: bool) -> None:
    """A clock that runs ahead, by more than machines of one site differ, would leave a token fresh for years."""
    token = tokens.read_access(sign(claims(auth_time=int(NOON.timestamp()) + ahead)))
    assert token.is_fresh(NOON, WINDOW) is is_fresh


# As simplejwt's classes


def test_reading_asks_no_database() -> None:
    """This test has no database: neither token looks anything up."""
    assert _read_pair()


def test_stock_class_of_the_same_kind_reads_none_of_ours() -> None:
    """By default no view of simplejwt's takes our tokens."""
    issued = pair(at=NOON)
    with pytest.raises(StockTokenError):
        stock.AccessToken(issued.access_token)  # type: ignore[arg-type]
    with pytest.raises(StockTokenError):
        stock.UntypedToken(issued.access_token)  # type: ignore[arg-type]


def test_our_classes_read_as_simplejwts_do() -> None:
    """A host that builds ``AccessToken(text)`` gets our checks, raised as simplejwt's error, in its words."""
    issued: Any = pair(at=NOON)
    assert AccessToken(issued.access_token).token_backend.decode(issued.access_token)["token_type"] == "access"
    assert AccessToken(issued.access_token).session_id == RefreshToken(issued.refresh_token).session_id
    refused: list[tuple[type[Any], str, str]] = [
        (AccessToken, issued.refresh_token, "Token has wrong type"),
        (RefreshToken, issued.access_token, "Token has wrong type"),
        (AccessToken, sign(claims(exp=1)), "Token is expired"),
        (AccessToken, sign(claims(sid="x")), "Token is invalid"),
        (AccessToken, sign(claims(fresh="x")), "Token is invalid"),
        (RefreshToken, sign(refresh_claims(gen="x")), "Token is invalid"),
        (RefreshToken, sign(refresh_claims(session_exp="x")), "Token is invalid"),
        (AccessToken, sign(claims(), key=b"x"), "Token is invalid"),
        (AccessToken, sign(claims()).rpartition(".")[0] + ".", "Token is invalid"),
    ]
    for kind, text, words in refused:
        with pytest.raises(StockTokenError) as caught:
            kind(text)
        assert str(caught.value) == words


@pytest.mark.parametrize("kind", [AccessToken, RefreshToken])
def test_token_without_a_session_cannot_be_had(kind: type[AccessToken | RefreshToken]) -> None:
    """A token of ours is a session's: simplejwt's ways to make one end in an error or in nothing that opens."""
    with pytest.raises(TypeError) as caught:
        kind.for_user(object())
    assert str(caught.value) == "tokens belong to sessions: log in through securelogin.services"
    for read in (tokens.read_access, tokens.read_refresh):
        with pytest.raises((TokenInvalid, WrongTokenType)):
            read(str(kind()))


def test_access_token_that_simplejwt_derives_opens_nothing() -> None:
    """``refresh.access_token`` would be an access token without a rotation."""
    _access, refresh = _read_pair()
    with pytest.raises(TokenInvalid):
        tokens.read_access(str(refresh.access_token))


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["blacklist", "outstand"])
def test_blacklisting_a_token_without_a_session_stores_no_text(verb: str) -> None:
    """The text of a token is nowhere in the database, also where the rows of its session are gone."""
    _access, refresh = _read_pair()
    getattr(refresh, verb)()
    row = OutstandingToken.objects.get()
    assert (row.jti, row.token) == (refresh["jti"], "")
    assert (row.created_at, row.expires_at.timestamp()) == (NOON, refresh["exp"])


def test_reprs_tell_no_claim_and_no_text() -> None:
    """Tokens end in error reports: what is shown names the kind and nothing else."""
    issued = pair(at=NOON)
    access, refresh = tokens.read_access(issued.access_token), tokens.read_refresh(issued.refresh_token)
    assert (repr(access), repr(refresh)) == ("<AccessToken>", "<RefreshToken>")
    assert "eyJ" not in repr(issued)
