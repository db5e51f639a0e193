"""The way on and the way out: refresh, logout in its three widths, and the change of a password."""

from __future__ import annotations

from typing import Any

import pytest

from securelogin.models import Session
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

from .conftest import Configure
from .refusals import (
    INVALID,
    LOGOUT_FOREIGN,
    OTHERS_FOREIGN,
    REUSED,
    SESSION_ENDED,
    TOKEN_INVALID,
    TOKEN_MISSING,
    WRONG_OLD_PASSWORD,
    WRONG_TYPE,
    refusal_of,
)
from .visitor import PASSWORD, TOKENS, Visitor, assert_tokens, claims_of

pytestmark = pytest.mark.django_db


# refresh


def test_refresh_with_the_header(visitor: Visitor) -> None:
    """``refresh`` takes the refresh token from the header, with an empty object, or with no body at all."""
    body = visitor.log_in()
    answer = visitor.post("refresh", {}, token=body["refresh_token"])
    assert answer.status_code == 200
    assert set(answer.json()) == TOKENS
    assert_tokens(answer.json())
    again = visitor.call("POST", "refresh", token=answer.json()["refresh_token"], content_type="")
    assert again.status_code == 200
    claims = claims_of(again.json()["access_token"])
    assert claims["fresh"] is False
    assert claims["sub"] == body["userid"]
    assert claims_of(again.json()["refresh_token"])["gen"] == 2
    assert visitor.is_in(again.json()["access_token"])


def test_refresh_with_the_body(visitor: Visitor) -> None:
    """``refresh`` takes the refresh token from the body where the header has none."""
    body = visitor.log_in()
    answer = visitor.post("refresh", {"refresh_token": body["refresh_token"]})
    assert (answer.status_code, set(answer.json())) == (200, TOKENS)
    other_scheme = {"refresh_token": answer.json()["refresh_token"]}
    assert visitor.post("refresh", other_scheme, HTTP_AUTHORIZATION="Basic YTpi").status_code == 200


def test_refresh_header_wins(visitor: Visitor) -> None:
    """Where header and body both hold a token, the body's is not looked at."""
    one, other = (tokens_of(SessionFactory()) for _ in range(2))
    assert visitor.post("refresh", {"refresh_token": "garbage"}, token=one.refresh_token).status_code == 200
    both = visitor.post("refresh", {"refresh_token": other.refresh_token}, token=other.access_token)
    assert refusal_of(both) == WRONG_TYPE
    assert sorted(Session.objects.values_list("generation", flat=True)) == [0, 1]


@pytest.mark.parametrize("body", [None, {}, {"refresh_token": None}, {"refresh_token": ""}])
def test_refresh_without_a_token(visitor: Visitor, body: Any) -> None:
    """``refresh`` with a token nowhere is ``TokenMissing``."""
    assert refusal_of(visitor.post("refresh", body)) == TOKEN_MISSING


def test_refresh_repeated_at_once(visitor: Visitor) -> None:
    """A refresh token sent again within the grace is answered with the same generation."""
    old = tokens_of(SessionFactory()).refresh_token
    answers = [visitor.post("refresh", {}, token=old) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert {claims_of(answer.json()["refresh_token"])["gen"] for answer in answers} == {1}


def test_refresh_repeated_later_with_its_key(visitor: Visitor, time_machine: Any) -> None:
    """The ``Idempotency-Key`` of the call that rotated makes a repeat safe for 24 hours, another key does not."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    old = tokens_of(SessionFactory()).refresh_token
    key = {"HTTP_IDEMPOTENCY_KEY": "retry-0123456789"}
    assert visitor.post("refresh", {}, token=old, **key).status_code == 200
    time_machine.shift(23 * 3600)
    repeat = visitor.post("refresh", {}, token=old, **key)
    assert repeat.status_code == 200
    assert claims_of(repeat.json()["refresh_token"])["gen"] == 1
    assert repeat.json()["expires_in"] == 0, "counted from the rotation"
    stranger = visitor.post("refresh", {}, token=old, HTTP_IDEMPOTENCY_KEY="another-0123456789")
    assert refusal_of(stranger) == REUSED
    assert refusal_of(visitor.post("refresh", {}, token=repeat.json()["refresh_token"])) == SESSION_ENDED


@pytest.mark.parametrize(
    "key", ["", "too-short", "k" * 15, "k" * 256, "has a space in it 01", "ümlaut-0123456789", "\t" * 16]
)
def test_idempotency_key_that_is_none(visitor: Visitor, key: str) -> None:
    """An ``Idempotency-Key`` that is not 16 to 255 visible ASCII characters is named, and nothing rotates."""
    token = tokens_of(SessionFactory()).refresh_token
    answer = visitor.post("refresh", {}, token=token, HTTP_IDEMPOTENCY_KEY=key)
    assert refusal_of(answer) == INVALID
    assert set(answer.json()["fields"]) == {"Idempotency-Key"}
    assert Session.objects.get().generation == 0


def test_old_refresh_token_ends_the_session(visitor: Visitor, time_machine: Any) -> None:
    """A refresh token used again after the grace ends its session: the refresh and the access token die with it."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    old = tokens_of(SessionFactory()).refresh_token
    new = visitor.post("refresh", {}, token=old).json()
    time_machine.shift(31)
    assert refusal_of(visitor.post("refresh", {}, token=old)) == REUSED
    assert refusal_of(visitor.post("refresh", {}, token=new["refresh_token"])) == SESSION_ENDED
    assert refusal_of(visitor.post("op", token=new["access_token"])) == SESSION_ENDED
    assert Session.objects.get().end_reason == "reuse"


# logout


def test_logout(visitor: Visitor) -> None:
    """``logout`` ends the session at once, for both of its tokens, and doing it again is no error."""
    body = visitor.log_in()
    for _ in range(2):
        answer = visitor.post("logout", {"refresh_token": body["refresh_token"]}, token=body["access_token"])
        assert (answer.status_code, answer.json()) == (200, {"message": "logout successful"})
    assert refusal_of(visitor.post("op", token=body["access_token"])) == SESSION_ENDED
    assert refusal_of(visitor.post("refresh", {}, token=body["refresh_token"])) == SESSION_ENDED
    assert Session.objects.get().end_reason == "logout"


@pytest.mark.parametrize(
    "body", [None, {}, {"refresh_token": None}, {"refresh_token": ""}, {"refresh_token": "garbage"}]
)
def test_logout_needs_no_refresh_token(visitor: Visitor, body: Any) -> None:
    """``logout`` needs no body, and a ``refresh_token`` in it that is none of ours says nothing."""
    token = tokens_of(SessionFactory()).access_token
    assert visitor.post("logout", body, token=token).json() == {"message": "logout successful"}
    assert not visitor.is_in(token)


def test_logout_with_an_expired_token(visitor: Visitor, time_machine: Any) -> None:
    """An expired access token still ends its session."""
    time_machine.move_to("2026-01-01 12:00", tick=False)
    body = visitor.log_in()
    time_machine.shift(30 * 24 * 3600)
    assert visitor.post("logout", {}, token=body["access_token"]).status_code == 200
    assert refusal_of(visitor.post("refresh", {}, token=body["refresh_token"])) == SESSION_ENDED


def test_logout_of_a_session_that_is_gone(visitor: Visitor) -> None:
    """A token of ours is logged out with success though its session, or its user, is no more."""
    session = SessionFactory()
    token = tokens_of(session).access_token
    session.user.delete()
    assert visitor.post("logout", {}, token=token).json() == {"message": "logout successful"}


def test_logout_of_another_session_too(visitor: Visitor) -> None:
    """The refresh token of another session of the same user ends that one as well, and no third."""
    user = UserFactory()
    here, there, third = (tokens_of(SessionFactory(user=user)) for _ in range(3))
    answer = visitor.post("logout", {"refresh_token": there.refresh_token}, token=here.access_token)
    assert answer.json() == {"message": "logout successful"}
    assert [visitor.is_in(each.access_token) for each in (here, there, third)] == [False, False, True]


def test_logout_with_another_users_refresh_token(visitor: Visitor) -> None:
    """The refresh token of another user is ``InvalidUserId``, and nobody is logged out."""
    mine, theirs = (tokens_of(SessionFactory()) for _ in range(2))
    answer = visitor.post("logout", {"refresh_token": theirs.refresh_token}, token=mine.access_token)
    assert refusal_of(answer) == LOGOUT_FOREIGN
    assert visitor.is_in(mine.access_token)
    assert visitor.is_in(theirs.access_token)


def test_logout_takes_only_an_access_token(visitor: Visitor) -> None:
    """``logout`` without a token, with a refresh token and with garbage is 401."""
    refresh_token = tokens_of(SessionFactory()).refresh_token
    assert refusal_of(visitor.post("logout", {})) == TOKEN_MISSING
    assert refusal_of(visitor.post("logout", {}, token=refresh_token)) == WRONG_TYPE
    assert refusal_of(visitor.post("logout", {}, token="garbage")) == TOKEN_INVALID
    assert not Session.objects.exclude(ended_at=None).exists()


# logout_all_other_sessions, logout_all


def test_logout_of_all_others(visitor: Visitor) -> None:
    """``logout_all_other_sessions`` ends the user's other live sessions, counts them, and touches nobody else's."""
    user, stranger = UserFactory(), tokens_of(SessionFactory())
    here, *others = (tokens_of(SessionFactory(user=user)) for _ in range(4))
    visitor.post("logout", {}, token=others[0].access_token)
    answer = visitor.post("logout_all_other_sessions", {"refresh_token": here.refresh_token}, token=here.access_token)
    assert answer.status_code == 200
    assert answer.json() == {"message": "logout all other sessions successful", "revoked": 2}
    assert [visitor.is_in(each.access_token) for each in (here, *others, stranger)] == [True, False, False, False, True]
    again = visitor.post("logout_all_other_sessions", None, token=here.access_token)
    assert again.json()["revoked"] == 0


def test_logout_of_all_others_with_another_users_refresh_token(visitor: Visitor) -> None:
    """A refresh token of another user is ``KickoutAllSessionFailure``, and nobody is logged out."""
    user, theirs = UserFactory(), tokens_of(SessionFactory())
    here, other = (tokens_of(SessionFactory(user=user)) for _ in range(2))
    answer = visitor.post("logout_all_other_sessions", {"refresh_token": theirs.refresh_token}, token=here.access_token)
    assert refusal_of(answer) == OTHERS_FOREIGN
    assert all(visitor.is_in(each.access_token) for each in (here, other, theirs))


def test_logout_everywhere(visitor: Visitor) -> None:
    """``logout_all`` ends every session of the user, this one too, and nobody else's."""
    user, stranger = UserFactory(), tokens_of(SessionFactory())
    mine = [tokens_of(SessionFactory(user=user)) for _ in range(3)]
    answer = visitor.post("logout_all", {}, token=mine[0].access_token)
    assert (answer.status_code, set(answer.json())) == (200, {"message", "revoked"})
    assert answer.json()["revoked"] == 3
    assert not any(visitor.is_in(each.access_token) for each in mine)
    assert visitor.is_in(stranger.access_token)


# password


def test_password_change(visitor: Visitor, configure: Configure) -> None:
    """``password`` takes the old one and the new one, and ends the other sessions, not this."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))
    user = UserFactory(phone=PHONE, password=PASSWORD)
    here, other = (tokens_of(SessionFactory(user=user)) for _ in range(2))
    new = "green grows the rushes oh"
    answer = visitor.post("password", {"oldpassword": PASSWORD, "newpassword": new}, token=here.access_token)
    assert (answer.status_code, answer.json()) == (200, {"message": "changed password successfully"})
    assert [visitor.is_in(each.access_token) for each in (here, other)] == [True, False]
    user.refresh_from_db()
    assert user.check_password(new)
    old = visitor.post("password", {"oldpassword": PASSWORD, "newpassword": new}, token=here.access_token)
    assert refusal_of(old) == WRONG_OLD_PASSWORD


def test_password_change_without_a_password(visitor: Visitor) -> None:
    """An account without a password has no old one that is right."""
    token = tokens_of(SessionFactory()).access_token
    for old in ("", "!", "None"):
        answer = visitor.post("password", {"oldpassword": old or " ", "newpassword": PASSWORD}, token=token)
        assert refusal_of(answer) == WRONG_OLD_PASSWORD
