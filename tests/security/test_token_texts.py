"""Texts of tokens: other spellings of one that has ended, parts of one, giants."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from securelogin import phones, tokens
from securelogin.exceptions import TokenInvalid
from tests import serving, visits
from tests.api.refusals import SESSION_ENDED, TOKEN_INVALID, TOKEN_MISSING, refusal_of
from tests.api.visitor import Visitor
from tests.factories import SessionFactory, tokens_of
from tests.visits import PHONE

ROOT = Path(__file__).resolve().parents[2]

SPELLINGS: dict[str, str] = {
    "as it was": "Bearer {}",
    "padded": "Bearer {}=",
    "padded twice": "Bearer {}==",
    "scheme in lower case": "bearer {}",
    "scheme in upper case": "BEARER {}",
    "scheme in either": "bEaReR {}",
    "space before": "  Bearer {}",
    "space after": "Bearer {}  ",
    "space between": "Bearer    {}",
    "tab between": "Bearer\t{}",
    "tab after": "Bearer {}\t",
    "tab before the token": "Bearer \t{}",
    "a form feed": "Bearer \x0c{}",
    "no-break space": "Bearer \xa0{}",
    "quoted": 'Bearer "{}"',
    "in angle brackets": "Bearer <{}>",
    "named": 'Bearer token="{}"',
    "a comma": "Bearer {},",
    "a semicolon": "Bearer {};",
    "twice": "Bearer {} {}",
    "as a server joins two headers": "Bearer {},Bearer {}",
    "as others join two headers": "Bearer {}, Bearer {}",
    "beside another scheme": "Basic YTpi, Bearer {}",
    "scheme twice": "Bearer Bearer {}",
    "another scheme": "JWT {}",
    "DRF's own": "Token {}",
    "no scheme": "{}",
    "scheme with a colon": "Bearer: {}",
    "escaped": "Bearer %20{}",
    "with a byte-order mark": "Bearer \xef\xbb\xbf{}",
}


@pytest.mark.django_db
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_ended_token_comes_back_in_no_spelling(spelling: str) -> None:
    """After the logout neither token of the session opens anything, however it is written (D8)."""
    visitor, pair = Visitor(), tokens_of(SessionFactory())
    visitor.post("logout", {}, token=pair.access_token)
    access, refresh = (spelling.replace("{}", text) for text in (pair.access_token, pair.refresh_token))
    for route, header in (("op", access), ("op2", access), ("logout_all", access), ("refresh", refresh)):
        answer = visitor.post(route, {}, HTTP_AUTHORIZATION=header)
        assert refusal_of(answer) in {SESSION_ENDED, TOKEN_INVALID, TOKEN_MISSING}


@pytest.mark.django_db
@pytest.mark.parametrize("spelling", ["Bearer {}", "Bearer {}=", "bearer   {}  "])
def test_spellings_of_a_live_token_are_of_one_session(spelling: str) -> None:
    """What is taken before the logout is refused after it: the session is asked, never the text (D8)."""
    visitor, pair = Visitor(), tokens_of(SessionFactory())
    header = spelling.format(pair.access_token)
    is_taken = visitor.post("op", HTTP_AUTHORIZATION=header).status_code == 200
    assert is_taken or spelling.endswith("=")
    visitor.post("logout", {}, HTTP_AUTHORIZATION=f"Bearer {pair.access_token}")
    assert refusal_of(visitor.post("op", HTTP_AUTHORIZATION=header)) in {SESSION_ENDED, TOKEN_INVALID}


def is_refused(read: Callable[[str], object], text: str) -> bool:
    """Whether a text is no token."""
    try:
        return read(text) is None
    except TokenInvalid:
        return True


@pytest.mark.django_db
def test_no_prefix_of_a_token_is_one() -> None:
    """Access, refresh and device tokens fail with their last character gone, and with any more of them (D8)."""
    session = SessionFactory()
    pair = tokens_of(session)
    phone = phones.parse(PHONE)
    device = tokens.sign_device(phone, str(session.user_id))
    reads: list[tuple[Callable[[str], object], str]] = [
        (tokens.read_access, pair.access_token),
        (tokens.read_refresh, pair.refresh_token),
        (lambda text: tokens.read_device(phone, text), device),
    ]
    for read, text in reads:
        assert not is_refused(read, text)
        assert [length for length in range(len(text)) if not is_refused(read, text[:length])] == []
        assert [start for start in range(1, len(text)) if not is_refused(read, text[start:])] == []


@pytest.mark.django_db
@pytest.mark.parametrize("length", [4097, 9 * 1024, 1_000_000])
def test_giant_in_the_header_is_refused_and_not_logged(length: int, caplog: pytest.LogCaptureFixture) -> None:
    """A header that is too long is 401 with the answer of garbage, and no log keeps it (D8)."""
    visitor, pair = Visitor(), tokens_of(SessionFactory())
    with caplog.at_level(logging.DEBUG):
        for text in ("x" * length, pair.access_token + "x" * length, f"{pair.access_token}.{'y' * length}"):
            for route in ("op", "refresh", "logout"):
                answer = visitor.post(route, {}, token=text)
                assert refusal_of(answer) == TOKEN_INVALID
    told = "".join(f"{record.getMessage()}{record.__dict__!r}" for record in caplog.records)
    assert "x" * 64 not in told
    assert pair.access_token not in told


def send(address: str, route: str, *authorizations: str) -> tuple[int, bytes]:
    """Post with as many headers ``Authorization`` as are given; returns status and body."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=serving.PATIENCE)
    try:
        connection.putrequest("POST", f"/api/auth/{route}")
        for value in authorizations:
            connection.putheader("Authorization", value)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "2")
        connection.endheaders(b"{}")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def log_in(address: str, outbox: Path) -> dict[str, Any]:
    """Log in with the code that the server wrote to its file; returns the answer's body."""
    _status, asked = serving.post(address, "login", {"auth_type": "PHONE", "phone": PHONE}, {})
    code = visits.read_code(json.loads(outbox.read_text().splitlines()[-1])["body"])
    guess = {"userid": asked["userid"], "phone": PHONE, "token": code}
    status, body = serving.post(address, "verify_sms", guess, {})
    assert status == 200
    return body


def test_header_sent_twice_and_giants_on_a_real_server(
    empty_database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Over real HTTP too: two headers are none, nine kilobytes are 4xx and in no log, an ended token is ended (D8)."""
    outbox = tmp_path / "sms.jsonl"
    with serving.migrated(empty_database, outbox) as address:
        pair = log_in(address, outbox)
        bearer = f"Bearer {pair['access_token']}"
        assert send(address, "op", bearer)[0] == 200
        for headers in ((bearer, bearer), (bearer, "Bearer x"), ("Bearer x", bearer), ("Basic YTpi", bearer)):
            assert send(address, "op", *headers)[0] == 401
        statuses = [send(address, "op", f"{bearer}{'z' * (9 * 1024)}")[0] for _ in range(3)]
        assert all(400 <= status < 500 for status in statuses)
        assert send(address, "logout", bearer)[0] == 200
        for text in (bearer, f"{bearer}=", bearer.upper(), f"bearer  {bearer[7:]} "):
            assert send(address, "op", text)[0] == send(address, "op", text, text)[0] == 401
    said = "".join(capfd.readouterr())
    assert "z" * 64 not in said
    assert pair["access_token"] not in said
