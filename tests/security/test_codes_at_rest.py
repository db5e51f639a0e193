"""A9 and A13: the code stands in no table, no file, no Redis and no page, and nobody compares it step by step."""

from __future__ import annotations

import ast
import hashlib
import re
from base64 import b64encode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session as DjangoSession
from django.db import connection
from django.test import Client

import securelogin
from securelogin.sms.locmem import outbox
from tests.api.test_secrets import dump
from tests.api.visitor import Visitor, wrong
from tests.visits import PHONE

from .calls import ROOM_TO_SEND, ask, configure, guess, number, row_of, sent_to

STAFF_PHONE = "+12025550199"
LONG = 10
"""Digits of a code that stands nowhere by chance."""


@pytest.fixture
def staff(client: Client) -> Client:
    """A browser of a superuser, with a row in Django's sessions."""
    boss: Any = get_user_model()._default_manager
    client.force_login(boss.create_superuser(STAFF_PHONE))
    return client


# At rest


def spellings(code: str) -> Iterator[bytes]:
    """Yield the code and the plain hashes of it, alone and with its number, as somebody may have written them."""
    for text in (code, f"{PHONE}{code}", f"{code}{PHONE}", f"{PHONE}:{code}", f"{code}:{PHONE}"):
        yield text.encode()
        for name in ("md5", "sha1", "sha256", "sha512"):
            digest = hashlib.new(name, text.encode(), usedforsecurity=False).digest()
            yield from (digest, digest.hex().encode(), digest.hex().upper().encode())
            yield from (b64encode(digest).rstrip(b"="), urlsafe_b64encode(digest).rstrip(b"="))


def stored(redis_url: str) -> bytes:
    """Return all that is kept: the tables, Redis, and where the database is a file, the file and its journal."""
    pieces = [repr(row).encode() for _table, rows in dump() for row in rows]
    with redis.Redis.from_url(redis_url) as client:
        pieces += [key + b" " + (client.dump(key) or b"") for key in client.scan_iter()]
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        pieces += [path.read_bytes() for path in map(Path, (name, f"{name}-wal")) if path.exists()]
    return b"\n".join(pieces)


@pytest.mark.django_db(transaction=True)
def test_live_code_is_nowhere_at_rest(settings: Any, redis_url: str, staff: Client) -> None:
    """Neither tables, files nor Redis hold it, or a hash that its few digits could be tried out against (A9)."""
    configure(settings, CODE_LENGTH=LONG, LIMITS_STORAGE=redis_url)
    assert ask().status_code == 200
    code = sent_to(PHONE)
    assert guess(wrong(code)).status_code == 400
    everything = stored(redis_url)
    for witness in (row_of().nonce, DjangoSession.objects.get().session_key, "login_ip:3600:"):
        assert witness.encode() in everything
    assert [found for found in spellings(code) if found in everything] == []
    assert guess(code).status_code == 200


@pytest.mark.django_db
def test_equal_codes_are_kept_unlike(settings: Any) -> None:
    """Of a hundred and one numbers two have one code of two digits, and nothing in their rows says so (A9)."""
    configure(settings, **ROOM_TO_SEND, CODE_LENGTH=2)
    numbers_of: dict[str, list[str]] = defaultdict(list)
    for index in range(101):
        ask(number(index))
        numbers_of[sent_to(number(index))].append(number(index))
    one, other = next(numbers for numbers in numbers_of.values() if len(numbers) > 1)[:2]
    assert row_of(one).key != row_of(other).key
    assert row_of(one).nonce != row_of(other).nonce


# In constant time


SECRET_NAMES = frozenset({"code", "guess", "expected", "digest", "retry_digest", "secret", "password", "token"})
COMPARED = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def hasty(source: str) -> list[str]:
    """Return the comparisons that end with the first difference and have a secret, by its name, on one side."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, COMPARED) for operator in node.ops)
        and any(_last_name(side) in SECRET_NAMES for side in (node.left, *node.comparators))
    ]


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_no_secret_is_compared_hastily() -> None:
    """No ``==`` and no ``in`` stands between a caller's secret and ours (A9)."""
    sources = sorted(Path(securelogin.__file__).parent.rglob("*.py"))
    assert [each for path in sources for each in hasty(path.read_text())] == []


@pytest.mark.parametrize("line", ["row.code == guess", "code != x", "session.retry_digest in digests", "a == b.token"])
def test_reader_of_comparisons_finds_a_hasty_one(line: str) -> None:
    """The law above can be broken."""
    assert hasty(f"def verify():\n    return {line}\n") == [line]


# In no answer


def pages_of(staff: Client, *, most: int = 200) -> dict[str, str]:
    """Walk through the admin by its links; returns each page under its path."""
    waiting, pages = ["/admin/"], {}
    while waiting:
        path = waiting.pop(0)
        if path in pages:
            continue
        response = staff.get(path)
        pages[path] = f"{response.content.decode(errors='replace')} {dict(response.headers)} {response.cookies}"
        links = re.findall(r'(?:href|action)="(/admin/[^"?#]*)["?#]', pages[path])
        waiting += [link for link in links if link not in pages]
        assert len(pages) < most
    return pages


@pytest.mark.django_db
def test_live_code_is_in_no_answer(settings: Any, staff: Client) -> None:
    """No body, header or cookie of the API holds it, right or wrong as a call may be, nor a page of the admin (A13)."""
    configure(settings, **ROOM_TO_SEND, CODE_LENGTH=LONG)
    ask()
    login = guess(sent_to(PHONE))
    ask()
    code, visitor = sent_to(PHONE), Visitor()
    token, device = login.json()["access_token"], login.json()["device_token"]
    answers = [
        login,
        ask(),
        *[guess(wrong(code), userid=userid) for userid in ("", login.json()["userid"], STAFF_PHONE)],
        visitor.post("login", {"auth_type": "PHONE", "phone": PHONE, "device_token": device}),
        visitor.post("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE}),
        visitor.get("sessions", token=token),
        visitor.post("verify_sms", {"phone": PHONE}),
        visitor.post("nowhere", {}),
    ]
    live = {text.body.split()[0] for text in outbox}
    assert len(live) == 4
    told = {
        str(index): f"{each.content.decode()} {dict(each.headers)} {each.cookies}" for index, each in enumerate(answers)
    }
    pages = pages_of(staff)
    assert any("change" in path for path in pages)
    for where, text in (told | pages).items():
        assert not [each for each in live if each in text], where
