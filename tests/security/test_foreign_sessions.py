"""Other people's sessions: nobody ends one, and nobody learns that it is there."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model

from securelogin.models import Session
from securelogin.services import revoke_sessions
from tests.api.refusals import NOT_ALLOWED, NOT_FOUND, SESSION_ENDED, refusal_of
from tests.api.visitor import Visitor
from tests.factories import SessionFactory, tokens_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def victim() -> Session:
    """Somebody else's session."""
    made: Session = SessionFactory()
    return made


def others(victim: Session) -> list[str]:
    """Return ids that are not one's own live session's: foreign, erased, ended, absent."""
    erased = SessionFactory()
    erased.user.delete()
    closed = SessionFactory()
    get_user_model().objects.filter(pk=closed.user_id).update(phone=None, is_active=False)
    ended = SessionFactory(user=victim.user)
    revoke_sessions(Session.objects.filter(pk=ended.pk))
    return [str(each) for each in (victim.pk, erased.pk, closed.pk, ended.pk, uuid4())]


def test_every_other_id_is_not_found(victim: Session) -> None:
    """Foreign, erased, closed, ended and absent: one answer, by every method, and nobody is logged out (F3)."""
    token = tokens_of(SessionFactory()).access_token
    visitor, ids = Visitor(), others(victim)
    for method in ("DELETE", "GET", "POST", "PUT", "PATCH", "HEAD", "OPTIONS"):
        answers = [visitor.call(method, f"sessions/{each}", token=token, content_type="") for each in ids]
        faces = {(each.status_code, each.content, each.get("Allow"), frozenset(each.headers)) for each in answers}
        assert len(faces) == 1, method
        if method != "HEAD":
            assert refusal_of(answers[0]) == (NOT_FOUND if method == "DELETE" else NOT_ALLOWED)
    assert visitor.is_in(tokens_of(victim).access_token)


@pytest.mark.parametrize(
    "spelled",
    ["*", "%2A", "{0},{0}", "{0}%2C{1}", "[{0}]", "%5B%22{0}%22%5D", "{0}/{1}", "{0}%00", "all", "", "..", "-1"],
)
def test_lists_and_wildcards_end_nothing(spelled: str, victim: Session) -> None:
    """An id is one id: lists, arrays, wildcards and paths are no route (F3)."""
    mine = SessionFactory()
    visitor, token = Visitor(), tokens_of(mine).access_token
    answer = visitor.delete(f"sessions/{spelled.format(victim.pk, mine.pk)}", token=token)
    assert answer.status_code in {404, 405}
    assert visitor.is_in(tokens_of(victim).access_token)
    assert visitor.is_in(token)


@pytest.mark.parametrize("route", ["logout_all_other_sessions", "logout_all", "logout"])
@pytest.mark.parametrize("name", ["id", "ids", "session_id", "sid", "user", "user_id", "userid", "phone"])
def test_body_names_nobody_else(route: str, name: str, victim: Session) -> None:
    """Logging out takes user and session from the token alone, whoever the body or the query names (F3)."""
    visitor, token = Visitor(), tokens_of(SessionFactory()).access_token
    for value in (str(victim.pk), [str(victim.pk)], str(victim.user_id), "*", {"$ne": None}):
        answer = visitor.post(f"{route}?{name}={victim.pk}", {name: value}, token=token)
        assert answer.status_code == 200 or refusal_of(answer) == SESSION_ENDED
    assert visitor.is_in(tokens_of(victim).access_token)
    assert Visitor().post("refresh", {}, token=tokens_of(victim).refresh_token).status_code == 200


def test_counts_do_not_tell_of_others(victim: Session) -> None:
    """The list's count, its pages and its queries are of one's own, however many others there are (F3)."""
    token = tokens_of(SessionFactory()).access_token
    before = Visitor().get("sessions", token=token).content
    SessionFactory.create_batch(5, user=victim.user)
    for query in ("", f"?user={victim.user_id}", f"?id={victim.pk}", "?ordering=user", "?search=a", "?page_size=100"):
        assert Visitor().get(f"sessions{query}", token=token).content == before
    assert refusal_of(Visitor().get("sessions?page=2", token=token)) == NOT_FOUND
