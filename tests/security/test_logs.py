"""Logs and reports (H1, H2): no code, token, key or whole number; one mask, one keyed digest."""

from __future__ import annotations

import hashlib
import logging
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils.log import AdminEmailHandler

from securelogin import phones
from securelogin.services import sending
from tests.api.conftest import NO_LIMITS
from tests.api.test_secrets import Secrets, dump, text_of
from tests.api.visitor import Visitor, derived_id, wrong
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.sms import fake_twilio
from tests.sms.fake_twilio import FakeTwilio
from tests.visits import PHONE, read_code

from .sites import Site, serve

# H1: every sink of a site that is up


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    """Serve as Twilio on loopback."""
    with fake_twilio.serve() as server:
        yield server


def visit(site: Site, twilio: FakeTwilio) -> Secrets:
    """Do over HTTP what a visitor can do, right and wrong; returns what nobody may log."""
    secrets = Secrets(phones={PHONE}, passwords={twilio.password})

    def call(route: str, body: Any, token: str = "", **headers: str) -> dict[str, Any]:
        answer: dict[str, Any] = site.call(f"/api/auth/{route}", body, token=token, **headers).body
        return secrets.keep(answer)

    call("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE})
    userid = call("login", {"auth_type": "PHONE", "phone": "+1 (202) 555-0123"})["userid"]
    code = read_code(twilio.received[-1].form["Body"])
    secrets.codes.add(code)
    proof = {"userid": userid, "phone": PHONE, "token": code}
    for bad in ({"token": wrong(code)}, {"token": [code]}, {"phone": f"{PHONE}x"}, {"userid": {"x": code}}):
        call("verify_sms", {**proof, **bad})
    opened = call("verify_sms", {**proof, "device": "Ada's phone"})
    call("verify_sms", proof)
    call("login", {"auth_type": "PHONE", "phone": PHONE})
    rotated = call("refresh", {}, opened["refresh_token"], Idempotency_Key="retry-0123456789abc")
    call("refresh", {"refresh_token": rotated["refresh_token"]})
    call("op2", {}, rotated["access_token"])
    call("op", {}, f"{opened['access_token']}x")
    site.call("/api/auth/sessions", token=opened["access_token"])
    call("refresh", {}, opened["refresh_token"])
    call("logout", {"refresh_token": rotated["refresh_token"]}, rotated["access_token"])
    return secrets


def test_no_log_of_a_site_holds_a_secret(twilio: FakeTwilio, tmp_path: Path) -> None:
    """Every logger at DEBUG, statements, HTTP client, server and access log: no code, no token, no number (H1)."""
    options = f"--access-logfile {tmp_path}/access --error-logfile {tmp_path}/error --capture-output --log-level debug"
    environ = {
        "DJANGO_SETTINGS_MODULE": "tests.security.settings",
        "DJANGO_DEBUG": "1",
        "GUNICORN_CMD_ARGS": options,
        "SECURELOGIN_SMS": "twilio",
        "TWILIO_ACCOUNT_SID": fake_twilio.ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": fake_twilio.AUTH_TOKEN,
        "TWILIO_FROM": fake_twilio.FROM_NUMBER,
        "TWILIO_API_BASE": twilio.url,
    }
    with serve(tmp_path, environ) as site:
        secrets = visit(site, twilio)
    access, log = (tmp_path / "access").read_text(), (tmp_path / "error").read_text()
    assert len(secrets.tokens) >= 8
    assert '"POST /api/auth/verify_sms HTTP/1.1" 200' in access
    for name in ("django.db.backends", "django.request", "urllib3.connectionpool", "gunicorn"):
        assert name in log
    assert phones.mask(PHONE) in log  # in a statement that looks for the user
    for text in (access, log):
        assert not secrets.found_in(text)
        assert "eyJ" not in text
        assert PHONE.lstrip("+") not in text.replace("%", "")


@pytest.mark.django_db
def test_redis_is_given_no_number(redis_url: str, settings: Any) -> None:
    """What limits are counted under in Redis tells neither number nor range nor address (H1, H2)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS_STORAGE": redis_url}
    assert Visitor().ask().status_code == 200
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        names = " ".join(client.keys("*"))
    assert names.count("login_") == 3
    for told in ("202555", "127.0.0.1", *plain_hashes(PHONE), *plain_hashes(PHONE[:-4])):
        assert told not in names


# H1: reports of errors


class Mailbox(AdminEmailHandler):
    """Keep the mails that Django would send to ``ADMINS``."""

    def __init__(self) -> None:
        super().__init__(include_html=True)
        self.mails: list[str] = []

    def send_mail(self, subject: Any, message: Any, *args: Any, **kwargs: Any) -> None:
        """Keep it, its HTML too."""
        self.mails.append(f"{subject}\n{message}\n{kwargs['html_message']}")


@contextmanager
def mails(logger: str) -> Iterator[list[str]]:
    """Mail what a logger says at ERROR while the block runs."""
    mailbox = Mailbox()
    mailbox.setLevel(logging.ERROR)
    logging.getLogger(logger).addHandler(mailbox)
    try:
        yield mailbox.mails
    finally:
        logging.getLogger(logger).removeHandler(mailbox)


COOKIE = "sessionid=5ecret0000cookie0000of0somebody"


def crash(route: str, body: Any, token: str = "") -> str:
    """Have a call crash in a view of ours, with a cookie that is somebody's; returns the report that is mailed."""
    visitor = Visitor()
    visitor.client.raise_request_exception = False
    with mails("django.request") as reports:
        answer = visitor.post(
            route, body, token=token, HTTP_COOKIE=COOKIE, HTTP_IDEMPOTENCY_KEY="5ecret-key-of-a-retry"
        )
    assert answer.status_code == 500
    assert "Traceback" in reports[0]
    return reports[0]


@pytest.mark.django_db
def test_mailed_report_of_a_guess(settings: Any) -> None:
    """A guess that crashes is reported without number, code and device token, and without the cookie (H1)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {**NO_LIMITS, "verify_ip": "nonsense"}}
    body = {"userid": derived_id(), "phone": PHONE, "token": "482913", "device_token": "5ecret:device:token"}
    report = crash("verify_sms", body)
    assert "in verify_code" in report
    assert not Secrets({"482913"}, set(), {PHONE}).found_in(report)
    assert "5ecret" not in report


@pytest.mark.django_db
@pytest.mark.parametrize("is_in_body", [True, False])
def test_mailed_report_of_a_refresh(settings: Any, is_in_body: bool) -> None:
    """A refresh that crashes is reported without the token, whichever way it came (H1)."""
    token = tokens_of(SessionFactory()).refresh_token
    settings.MIDDLEWARE, settings.SECRET_KEY_FALLBACKS = [], 5
    report = crash("refresh", {"refresh_token": token} if is_in_body else {}, "" if is_in_body else token)
    assert "in read_refresh" in report
    assert "eyJ" not in report
    assert "5ecret" not in report


@pytest.mark.django_db
@pytest.mark.parametrize("route", ["login", "register", "password"])
def test_mailed_report_of_a_password(settings: Any, route: str) -> None:
    """A password is in no report, nor is the token beside it (H1)."""
    password = "5ecret words of mine"
    token = tokens_of(SessionFactory(user=UserFactory(password=password))).access_token
    limits = {**NO_LIMITS, "password_ip": "nonsense", "register_ip": "nonsense"}
    settings.SECURELOGIN = {**settings.SECURELOGIN, "AUTH_TYPES": ("PHONE", "PASSWORD"), "LIMITS": limits}
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": "nowhere.Validator"}]
    body = {"auth_type": "PASSWORD", "email": "ada@example.com", "username": "Ada", "password": password}
    passwords = {"oldpassword": password, "newpassword": f"another {password}"}
    report = crash(route, passwords if route == "password" else body, token if route == "password" else "")
    assert "securelogin/services" in report
    assert "eyJ" not in report
    assert "5ecret" not in report


@pytest.mark.django_db(transaction=True)
def test_mailed_report_of_a_thread(settings: Any) -> None:
    """A backend that breaks in the pool is reported without the number and the text that it was given (H1)."""
    crashing = {"default": {"BACKEND": "tests.api.crashing.SMSBackend"}}
    settings.SECURELOGIN = {**settings.SECURELOGIN, "SEND": "thread", "SMS": crashing}
    with mails("securelogin.sms") as reports:
        assert Visitor().ask().status_code == 200
        assert sending.drain()
    assert "a secret of the provider" in reports[0]
    assert PHONE.lstrip("+") not in reports[0]
    assert "login code" not in reports[0]


@pytest.mark.django_db
def test_page_of_a_debug_server_masks_the_header(settings: Any) -> None:
    """Where ``DEBUG`` is on Django shows what stands in variables, but neither ``Authorization`` nor cookies (H1)."""
    settings.DEBUG = True
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {**NO_LIMITS, "login_ip": "nonsense"}}
    visitor = Visitor()
    visitor.client.raise_request_exception = False
    answer = visitor.post(
        "login",
        {"auth_type": "PHONE", "phone": PHONE},
        token="5ecret.bearer.token",
        HTTP_COOKIE=COOKIE,
        HTTP_ACCEPT="text/html",
    )
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "HTTP_AUTHORIZATION" in page
    assert "5ecret" not in page


# H2


def plain_hashes(text: str) -> set[str]:
    """Return the hashes that anyone can compute of a number: there are few enough numbers to try them all."""
    kinds = [
        hashlib.new(name, spelling.encode()) for name in ("md5", "sha1", "sha256") for spelling in (text, text[1:])
    ]
    return {kind.hexdigest() for kind in kinds} | {b64encode(kind.digest()).decode()[:16] for kind in kinds}


@pytest.mark.django_db
def test_two_lines_about_one_number_are_seen_to_be(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A number is named in logs by one keyed digest, which is the same in each and no plain hash (H2)."""
    failing = {"default": {"BACKEND": "tests.api.failing.SMSBackend", "OPTIONS": {"is_definite": True}}}
    settings.SECURELOGIN = {**settings.SECURELOGIN, "SMS": failing, "LIMITS": NO_LIMITS}
    for phone in (PHONE, PHONE, "+12025550199"):
        assert Visitor().ask(phone).status_code == 503
    records = [record for record in caplog.records if record.name == "securelogin.sms"]
    first, second, other = [vars(record)["phone"] for record in records]
    assert first == second == phones.digest(phones.parse(PHONE)) != other
    assert re.fullmatch("[0-9a-f]{32}", first)
    log = " ".join(text_of(record) for record in caplog.records)
    assert not [each for each in plain_hashes(PHONE) if each in log]


@pytest.mark.django_db
def test_no_table_holds_a_plain_hash(settings: Any) -> None:
    """What stands for a number at rest is keyed too: no row holds a hash that numbers could be tried against (H2)."""
    settings.SECURELOGIN = {**settings.SECURELOGIN, "LIMITS": {"login_range": "10/hour", "login_ip": "9/hour"}}
    Visitor().log_in()
    rows = repr(list(dump()))
    assert "login_range" in rows
    assert not [each for each in plain_hashes(PHONE) | plain_hashes(PHONE[:-4]) if each in rows]
