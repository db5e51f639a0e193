"""No code, no token and no whole number where one does not belong: logs, tables, answers, reprs, reports of errors."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import pkgutil
import re
import traceback
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import RequestFactory
from django.views.debug import ExceptionReporter
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

import securelogin
from securelogin import codes, exceptions, keys, phones, services, sms, tokens
from securelogin.addresses import Client
from securelogin.limits import Hit
from securelogin.models import Counter, OneTimeCode
from securelogin.sms.locmem import outbox
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

from .conftest import Configure
from .visitor import PASSWORD, Visitor, derived_id, sent_code, wrong

pytestmark = [
    pytest.mark.django_db,
    # Whole seconds: six digits of a moment could be taken for a code.
    pytest.mark.usefixtures("_whole_seconds", "no_limits"),
]


@dataclasses.dataclass
class Secrets:
    """What a visit was given to keep to itself."""

    codes: set[str] = dataclasses.field(default_factory=set)
    tokens: set[str] = dataclasses.field(default_factory=set)
    phones: set[str] = dataclasses.field(default_factory=set)
    passwords: set[str] = dataclasses.field(default_factory=set)

    def keep(self, body: dict[str, Any]) -> dict[str, Any]:
        """Remember the tokens of an answer, whole and in their telling parts; returns the answer."""
        for name in ("access_token", "refresh_token", "device_token"):
            if text := body.get(name):
                self.tokens |= {text, text.rsplit(".", 1)[-1], text.rsplit(":", 1)[-1]}
        return body

    def found_in(self, text: str, *, is_phone_allowed: bool = False) -> set[str]:
        """Return the kinds of secrets that stand in a text."""
        kinds = {"token": self.tokens, "password": self.passwords}
        if not is_phone_allowed:
            kinds["phone"] = self.phones | {phone.lstrip("+") for phone in self.phones}
        found = {kind for kind, texts in kinds.items() if any(secret in text for secret in texts)}
        return found | ({"code"} if any(holds_number(text, code) for code in self.codes) else set())


def holds_number(text: str, digits: str) -> bool:
    """Whether the digits stand in a text as a number; in digests and clocks any six stand by chance."""
    without_digests = re.sub(r"[0-9a-f]{16,}", " ", text)
    return re.search(rf"(?<![0-9.]){digits}(?![0-9])", without_digests) is not None


@pytest.fixture
def _whole_seconds(time_machine: Any) -> None:
    time_machine.move_to("2026-01-01 12:00", tick=False)


@pytest.fixture
def every_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Capture what every logger says at every level, SQL included."""
    names = [name for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)]
    loggers = [logging.getLogger(name) for name in ["securelogin", "django.db.backends", *names]]
    before = [(logger.level, logger.propagate, logger.disabled) for logger in loggers]
    for logger in loggers:
        logger.propagate, logger.disabled = True, False
        logger.setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    connection.force_debug_cursor = True
    yield caplog
    connection.force_debug_cursor = False
    for logger, (level, propagate, disabled) in zip(loggers, before, strict=True):
        logger.propagate, logger.disabled = propagate, disabled
        logger.setLevel(level)


def visit(visitor: Visitor, configure: Configure) -> tuple[Secrets, list[Any]]:
    """Do everything that a visitor can do, right and wrong; returns what to keep secret and all answers."""
    secrets = Secrets(phones={PHONE, "+12025550199"}, passwords={PASSWORD, "green grows the rushes oh"})
    answers: list[Any] = []
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))

    def post(route: str, body: Any = None, token: str = "", **headers: str) -> dict[str, Any]:
        answers.append(visitor.post(route, body, token=token, **headers))
        return secrets.keep(answers[-1].json())

    def ask(**more: Any) -> str:
        post("login", {"auth_type": "PHONE", "phone": "+1 (202) 555-0123", **more})
        secrets.codes.add(sent_code())
        return sent_code()

    def guess(code: Any, **more: Any) -> dict[str, Any]:
        return post("verify_sms", {"userid": derived_id(), "phone": PHONE, "token": code, **more})

    post("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE})
    code = ask()
    for bad in (wrong(code), f"{code}0", f" {code}", [code], {"x": code}):
        guess(bad)
    guess(code, userid=derived_id("+12025550199"))
    post("verify_sms", {"userid": [code], "phone": f"{PHONE}x", "token": code, "device": {"x": code}})
    post("verify_sms", f"{code} {PHONE}")
    first = guess(code)
    guess(code)
    second = guess(ask(device_token=first["device_token"]), device_token=first["device_token"])
    rotated = post("refresh", {}, first["refresh_token"], HTTP_IDEMPOTENCY_KEY="retry-0123456789")
    post("refresh", {"refresh_token": rotated["refresh_token"]})
    post("refresh", {}, first["refresh_token"])
    post("op2", {}, second["access_token"])
    answers.append(visitor.get("sessions", token=second["access_token"]))
    post("op", {}, f"{second['access_token']}x")
    post("op", {}, second["refresh_token"])
    post("logout", {"refresh_token": second["refresh_token"]}, second["access_token"])
    post("op", {}, second["access_token"])
    with_password = {"auth_type": "PASSWORD", "username": "Eve", "email": "eve@example.com", "password": PASSWORD}
    third = post("register", with_password)
    post("register", with_password)
    post("login", {**with_password, "phone": None})
    post("login", {"auth_type": "PASSWORD", "phone": PHONE, "password": PASSWORD})
    post("password", {"oldpassword": PASSWORD, "newpassword": "green grows the rushes oh"}, third["access_token"])
    post("logout_all_other_sessions", {"refresh_token": first["refresh_token"]}, third["access_token"])
    post("logout_all", {}, third["access_token"])
    ask()
    post("login", {"auth_type": "PHONE", "phone": "+12025550199"})
    secrets.codes.add(sent_code())
    return secrets, answers


def text_of(record: logging.LogRecord) -> str:
    """Return all that a formatter could make of a record: message, arguments, extras, traceback."""
    text = f"{record.getMessage()} {record.__dict__!r}"
    if record.exc_info and record.exc_info[1]:
        text += "".join(traceback.format_exception(record.exc_info[1]))
    return text


def test_logs(visitor: Visitor, configure: Configure, every_log: pytest.LogCaptureFixture) -> None:
    """No log at any level holds a code, a token, a password or a whole number.

    The one exception is Django's own: ``django.db.backends`` at DEBUG logs the parameters of every statement, and the
    user's number is one of them. It is silent unless ``DEBUG`` is on; codes, tokens and passwords are not even there.
    """
    secrets, _answers = visit(visitor, configure)
    statements = [record for record in every_log.records if record.name.startswith("django.db")]
    others = [record for record in every_log.records if not record.name.startswith("django.db")]
    assert statements
    assert any(record.name.startswith("securelogin") or record.name == "django.request" for record in others)
    for record in others:
        assert not secrets.found_in(text_of(record)), record.name
    for record in statements:
        assert not secrets.found_in(text_of(record), is_phone_allowed=True), record.name


def test_failed_sending_in_the_log(visitor: Visitor, configure: Configure, every_log: pytest.LogCaptureFixture) -> None:
    """A failed sending is logged with the provider's reason and a keyed name of the number, never the number."""
    configure(SMS={"default": {"BACKEND": "tests.api.failing.SMSBackend"}})
    assert visitor.ask().status_code == 503
    records = [record for record in every_log.records if record.name == "securelogin.sms"]
    assert any("the provider said no" in record.getMessage() for record in records)
    secrets = Secrets(phones={PHONE}, codes={live_code()})
    for record in every_log.records:
        assert not secrets.found_in(text_of(record), is_phone_allowed=record.name.startswith("django.db"))


def live_code() -> str:
    """Compute the code that is live for the number."""
    code = OneTimeCode.objects.get().code(phone=PHONE, asker=codes.ANYONE, purpose=codes.Purpose.LOGIN)
    assert code is not None
    return code


def test_tables(visitor: Visitor, configure: Configure) -> None:
    """No row of any table holds a code, the text of a token or a password; a number stands only where its user does."""
    secrets, _answers = visit(visitor, configure)
    assert len(secrets.codes) >= 4
    assert len(secrets.tokens) >= 12
    users = get_user_model()._meta.db_table
    for table, rows in dump():
        for row in rows:
            assert not secrets.found_in(repr(row), is_phone_allowed=table == users), table
    assert set(OutstandingToken.objects.values_list("token", flat=True)) == {""}


def dump() -> Iterator[tuple[str, list[Any]]]:
    """Yield every table with its rows."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        assert "securelogin_session" in tables
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - its own tables
            yield table, cursor.fetchall()


def test_answers(visitor: Visitor, configure: Configure) -> None:
    """No answer holds a code or a password; no refusal holds a token or a number; no answer sets a cookie."""
    secrets, answers = visit(visitor, configure)
    assert len({answer.status_code for answer in answers}) >= 3
    for answer in answers:
        text = f"{answer.content.decode()} {dict(answer.headers)}"
        allowed = {"token", "phone"} if answer.status_code == 200 else set()
        assert secrets.found_in(text) <= allowed, answer.content
        assert not answer.cookies


def test_texts(visitor: Visitor, configure: Configure) -> None:
    """A text holds the code and no number, no name, no link and no token."""
    secrets, _answers = visit(visitor, configure)
    for text in outbox:
        assert secrets.found_in(text.body) == {"code"}
        assert "Ada" not in text.body
        assert "http" not in text.body


def test_claims_hold_nothing_of_a_person(visitor: Visitor) -> None:
    """What stands in a token anyone can read: ids and times, no number, name or address."""
    body = visitor.log_in(device="Ada's phone")
    for name in ("access_token", "refresh_token"):
        claims = jwt.decode(body[name], options={"verify_signature": False})
        text = repr(claims)
        assert PHONE.lstrip("+") not in text
        assert "Ada" not in text
        assert "127.0.0.1" not in text
    assert PHONE.lstrip("+") not in body["device_token"]


def test_reprs(visitor: Visitor) -> None:
    """Neither ``repr`` nor ``str`` of a row or an object of ours tells a code, a token or a whole number."""
    visitor.ask()
    code = sent_code()
    user = UserFactory(phone=PHONE, username="")
    session = SessionFactory(user=user)
    pair = tokens_of(session)
    device = tokens.sign_device(phones.parse(PHONE), str(user.pk))
    secrets = Secrets({code}, set(), {PHONE})
    secrets.keep({"access_token": pair.access_token, "refresh_token": pair.refresh_token, "device_token": device})
    row = OneTimeCode.objects.get()
    Counter.objects.create(key="login_ip:3600:0", count=1, expires_at=session.expires_at)
    client = Client(user_agent="x", request=RequestFactory().post("/", {"token": code}))
    things: list[Any] = [
        user,
        session,
        session.token,
        row,
        Counter.objects.get(),
        client,
        pair,
        services.Login(user, session, pair, device_token=device),
        tokens.read_device(phones.parse(PHONE), device),
        keys.current("code"),
        Hit("login_range", phones.range_of(phones.parse(PHONE))),
        outbox[-1],
        sms.get_backend(),
        services.request_code(phones.parse("+12025550199"), client=client),
    ]
    secrets.phones.add("+12025550199")
    secrets.codes.add(sent_code())
    for thing in things:
        assert not secrets.found_in(f"{thing!r} {thing}"), type(thing).__name__
    for token in (tokens.read_access(pair.access_token), tokens.read_refresh(pair.refresh_token)):
        assert not secrets.found_in(repr(token))
    secret = keys.current("code").secret
    assert str(secret) not in repr(keys.current("code"))


def test_secret_fields_stay_out_of_reprs() -> None:
    """Every field of a data class of ours that is named for a secret is left out of its ``repr``, private ones too."""
    names = {"phone", "to", "body", "code", "secret", "password", "token", "text"}
    told = []
    for module in pkgutil.walk_packages(securelogin.__path__, "securelogin."):
        if ".migrations" in module.name or ".twilio" in module.name:
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and dataclasses.is_dataclass(kind):
                told += [
                    f"{kind.__module__}.{kind.__qualname__}.{field.name}"
                    for field in dataclasses.fields(kind)
                    if field.repr and (field.name in names or field.name.endswith("_token"))
                ]
    assert not told


def test_errors_of_ours() -> None:
    """The text of an error of ours, and of all in its chain, tells no number, code or token."""
    secrets = Secrets({"123456"}, {"a.b.c"}, {PHONE})
    caught: list[Exception] = []
    for provoke in (
        lambda: phones.parse(f"{PHONE}x"),
        lambda: phones.parse("+120255501230000"),
        lambda: phones.check_policy(phones.parse(PHONE), ["DE"]),
        lambda: tokens.read_access("a.b.c"),
        lambda: tokens.read_refresh("a.b.c"),
        lambda: services.verify_code(phones.parse(PHONE), user_id="x", code="123456", client=Client()),
        lambda: services.log_in_with_password(phone=phones.parse(PHONE), password="123456", client=Client()),
    ):
        with pytest.raises(exceptions.SecureLoginError) as info:
            provoke()
        caught.append(info.value)
    for error in caught:
        chain: BaseException | None = error
        while chain is not None:
            assert not secrets.found_in(f"{chain!r} {chain}"), type(chain)
            chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


def report_of(info: pytest.ExceptionInfo[BaseException]) -> str:
    """Return Django's report of a crash, from Django's own frames on: what stands above is the test's."""
    trace = info.tb
    while trace.tb_next is not None and not trace.tb_frame.f_code.co_filename.endswith("core/handlers/base.py"):
        trace = trace.tb_next
    assert trace.tb_next is not None, "the frames of a view are in the report"
    request = RequestFactory().post("/", headers={"authorization": "Bearer a.b.c"})
    report = ExceptionReporter(request, info.type, info.value, trace).get_traceback_html()
    assert "securelogin" in report
    return str(report)


@pytest.mark.parametrize("route", ["login", "verify_sms"])
def test_report_of_a_crash_on_the_way_in(visitor: Visitor, configure: Configure, route: str) -> None:
    """Django's report of a crash, which may be mailed, tells neither code nor number of what stood in our variables."""
    visitor.ask()
    code = sent_code()
    body = {"auth_type": "PHONE", "phone": PHONE, "userid": derived_id(), "token": code}
    if route == "login":
        configure(SMS={"default": {"BACKEND": "tests.api.crashing.SMSBackend"}})
    else:
        configure(LIMITS={"verify_ip": "nonsense"})
    with pytest.raises((RuntimeError, ValueError)) as info:
        visitor.post(route, body)
    assert not Secrets({code, live_code()}, {"a.b.c"}, {PHONE}).found_in(report_of(info))


@pytest.mark.urls("tests.api.host_urls")
@pytest.mark.parametrize("path", ["/api/auth/sessions", "/api/auth/logout", "/api/auth/refresh", "/ours", "/fresh"])
def test_report_of_a_crash_on_the_way_on(visitor: Visitor, settings: Any, path: str) -> None:
    """Django's report of a crash while a token is read, by a view of ours or a host's, does not hold the token."""
    pair = tokens_of(SessionFactory())
    token = pair.refresh_token if path.endswith("refresh") else pair.access_token
    settings.MIDDLEWARE, settings.SECRET_KEY_FALLBACKS = [], 5
    method = "GET" if path.endswith("sessions") else "POST"
    with pytest.raises(TypeError, match="not iterable") as info:
        visitor.client.generic(method, path, HTTP_AUTHORIZATION=f"Bearer {token}")
    secrets = Secrets()
    secrets.keep({"access_token": token})
    assert not secrets.found_in(report_of(info))


def test_reader_of_texts_finds_a_code_that_stands_there() -> None:
    """Digits by chance are passed over, a code that somebody wrote is not."""
    assert holds_number("your code is 761027.", "761027")
    assert holds_number('{"token": "761027"}', "761027")
    assert not holds_number("12345.761027", "761027")
    assert not holds_number(f"{'ab' * 8}761027{'cd' * 8}", "761027")
