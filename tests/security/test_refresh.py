"""Refreshing as attackers and clocks do it: reuse, the grace, and what is at rest."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
import time_machine

from securelogin.models import EndReason, Session
from securelogin.signals import refresh_token_reused
from tests.api.refusals import REUSED, SESSION_ENDED, refusal_of
from tests.api.test_secrets import dump
from tests.api.visitor import Visitor, claims_of
from tests.factories import SessionFactory, tokens_of

pytestmark = pytest.mark.django_db

KEY = {"HTTP_IDEMPOTENCY_KEY": "retry-0123456789"}


@pytest.fixture
def clock() -> Any:
    """A clock that stands until it is turned."""
    with time_machine.travel("2031-05-06 07:08:09+00:00", tick=False) as traveller:
        yield traveller


def rotate(token: str, **headers: str) -> dict[str, Any]:
    """Refresh; returns the answer's body."""
    answer = Visitor().post("refresh", {}, token=token, **headers)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


# Reuse


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("replayed", [0, 1])
@pytest.mark.parametrize("wait", [0, 3600])
def test_reuse_in_the_third_generation_ends_the_session(replayed: int, wait: int, clock: Any) -> None:
    """A replay of any old token ends newest refresh and access token with it, and no other session; told once (E1)."""
    visitor, heard = Visitor(), []

    def hear(**message: Any) -> None:
        heard.append((message["session_id"], message["user_id"]))

    session = SessionFactory()
    others = [tokens_of(SessionFactory(user=session.user)), tokens_of(SessionFactory())]
    generations = [tokens_of(session).refresh_token]
    for _ in range(2):
        clock.shift(60)
        newest = rotate(generations[-1])
        generations.append(newest["refresh_token"])
    clock.shift(wait or 31 * replayed)
    assert visitor.is_in(newest["access_token"]) is (wait == 0)
    refresh_token_reused.connect(hear)
    try:
        assert refusal_of(visitor.post("refresh", {}, token=generations[replayed])) == REUSED
        for text in (*generations, generations[replayed]):
            assert refusal_of(visitor.post("refresh", {}, token=text)) == SESSION_ENDED
    finally:
        refresh_token_reused.disconnect(hear)
    assert visitor.post("op", token=newest["access_token"]).status_code == 401
    assert Session.objects.get(pk=session.pk).end_reason == EndReason.REUSE
    assert heard == [(session.pk, session.user_id)]
    for other in others:
        assert rotate(other.refresh_token)["access_token"]


def test_each_use_rotates(clock: Any) -> None:
    """Each refresh answers a token of the next generation; after the grace the one before is dead (E1)."""
    used = [tokens_of(SessionFactory()).refresh_token]
    for generation in range(1, 6):
        token = rotate(used[-1])["refresh_token"]
        assert token not in used
        assert claims_of(token)["gen"] == generation
        used.append(token)
        clock.shift(31)
    assert refusal_of(Visitor().post("refresh", {}, token=used[-2])) == REUSED
    assert refusal_of(Visitor().post("refresh", {}, token=used[-1])) == SESSION_ENDED


# The grace


@pytest.mark.parametrize(("after", "is_answered"), [(0, True), (29, True), (30, True), (31, False), (3600, False)])
def test_grace_is_thirty_seconds_with_one_successor(after: int, is_answered: bool, clock: Any) -> None:
    """For thirty seconds a repeat gets the same generation, from then on it ends the session (E3)."""
    session = SessionFactory()
    old = tokens_of(session).refresh_token
    first = claims_of(rotate(old)["refresh_token"])
    clock.shift(after)
    if is_answered:
        again = claims_of(rotate(old)["refresh_token"])
        assert {name: again[name] for name in ("jti", "sid", "gen", "exp")} == {
            name: first[name] for name in ("jti", "sid", "gen", "exp")
        }
    else:
        assert refusal_of(Visitor().post("refresh", {}, token=old)) == REUSED
    session.refresh_from_db()
    assert (session.generation, session.end_reason) == (1, "" if is_answered else EndReason.REUSE)


@pytest.mark.parametrize("after", [0, 5, 29])
def test_grace_is_over_with_the_successors_use(after: int, clock: Any) -> None:
    """Who used the successor had the answer: a repeat of the old token after that is reuse, at once (E3)."""
    old = tokens_of(SessionFactory()).refresh_token
    second = rotate(old)["refresh_token"]
    assert rotate(old)["refresh_token"]
    rotate(second)
    clock.shift(after)
    assert refusal_of(Visitor().post("refresh", {}, token=old)) == REUSED
    assert refusal_of(Visitor().post("refresh", {}, token=second)) == SESSION_ENDED


def test_repeat_makes_the_grace_no_longer(clock: Any) -> None:
    """Thirty seconds from the rotation, however often it is repeated meanwhile (E3)."""
    old = tokens_of(SessionFactory()).refresh_token
    rotate(old)
    for _ in range(3):
        clock.shift(10)
        rotate(old)
    clock.shift(1)
    assert refusal_of(Visitor().post("refresh", {}, token=old)) == REUSED


def test_all_repeats_are_of_one_lineage(clock: Any) -> None:
    """Of the answers to one token, the use of one after the grace ends them all when another is used (E3)."""
    old = tokens_of(SessionFactory()).refresh_token
    first, second = rotate(old)["refresh_token"], rotate(old)["refresh_token"]
    third = rotate(first)["refresh_token"]
    clock.shift(31)
    assert refusal_of(Visitor().post("refresh", {}, token=second)) == REUSED
    assert refusal_of(Visitor().post("refresh", {}, token=third)) == SESSION_ENDED


# At rest


def spellings(text: str) -> set[str]:
    """Return a token as a careless table would keep it: in clear, in parts, or as a digest that has no key."""
    found = {text, text.rsplit(".", 1)[-1], text.rsplit(":", 1)[-1]}
    for name in ("md5", "sha1", "sha256", "sha512"):
        for part in (text, text.rsplit(".", 1)[-1]):
            digest = hashlib.new(name, part.encode()).digest()
            found |= {digest.hex(), base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode()}
    return found


def test_no_token_and_no_digest_of_one_is_in_any_table() -> None:
    """After a login, rotations, a reuse and a logout no table holds a token, its end or a keyless digest (E7)."""
    visitor, kept = Visitor(), set()
    first = visitor.log_in()
    texts = {first["access_token"], first["refresh_token"], first["device_token"]}
    token = first["refresh_token"]
    for headers in (KEY, KEY, {}, KEY):
        body = rotate(token, **headers)
        texts |= {body["access_token"], body["refresh_token"]}
        token = body["refresh_token"]
    texts |= {visitor.post("refresh", {}, token=token, **KEY).json()["refresh_token"]}
    assert refusal_of(visitor.post("refresh", {}, token=first["refresh_token"])) == REUSED
    second = tokens_of(SessionFactory())
    visitor.post("logout", {"refresh_token": second.refresh_token}, token=second.access_token)
    texts |= {second.access_token, second.refresh_token}
    for text in texts:
        kept |= spellings(text)
    kept |= {KEY["HTTP_IDEMPOTENCY_KEY"], hashlib.sha256(KEY["HTTP_IDEMPOTENCY_KEY"].encode()).hexdigest()}
    tables = dict(dump())
    assert tables["token_blacklist_outstandingtoken"]
    for table, rows in tables.items():
        told = repr(rows)
        assert not re.search(r"eyJ[A-Za-z0-9_-]{10,}\.", told), table
        assert [text for text in kept if text in told] == [], table
