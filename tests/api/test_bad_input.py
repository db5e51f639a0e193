"""Whatever a client sends, the answer is below 500 and in our shape."""

from __future__ import annotations

import base64
import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth import get_user_model
from django.core.wsgi import get_wsgi_application
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from securelogin.models import Session
from securelogin.sms.locmem import outbox
from tests.factories import SessionFactory, UserFactory, tokens_of
from tests.visits import PHONE

from .conftest import Configure
from .refusals import INVALID, MALFORMED, TOKEN_INVALID, TOKEN_MISSING, WRONG_TYPE, refusal_of
from .visitor import JSON, PASSWORD, Visitor, derived_id, sent_code

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_limits")]

GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "register": ("register", {"auth_type": "PHONE", "username": "Ada", "phone": PHONE}),
    "register with a password": (
        "register",
        {"auth_type": "PASSWORD", "username": "A", "email": "a@example.com", "password": PASSWORD, "device": ""},
    ),
    "login": ("login", {"auth_type": "PHONE", "phone": PHONE, "device_token": "x"}),
    "login by e-mail": (
        "login",
        {"auth_type": "PASSWORD", "email": "ada@example.com", "password": PASSWORD, "device": "x"},
    ),
    "login by number": ("login_sms", {"auth_type": "PASSWORD", "phone": PHONE, "password": PASSWORD}),
    "verify_sms": (
        "verify_sms",
        {"userid": derived_id(), "phone": PHONE, "token": "123456", "device_token": "x", "device": "x"},
    ),
    "refresh": ("refresh", {"refresh_token": "x"}),
    "logout": ("logout", {"refresh_token": "x"}),
    "others": ("logout_all_other_sessions", {"refresh_token": "x"}),
    "password": ("password", {"oldpassword": PASSWORD, "newpassword": PASSWORD}),
}
FIELDS = [(kind, field) for kind, (_route, body) in GOOD.items() for field in body]
PROTECTED = {"logout", "logout_all_other_sessions", "password"}
OPTIONAL = {"device", "device_token", "refresh_token"}

MALFORMED_TEXTS = ["\x00", "a\x00b", "\ud83d", "\udcff"]
WRONG_TYPES: list[Any] = [True, False, 0, -1, 1.5, 10**30, [], {}, ["x"], ["x"] * 1000, {"a": {"b": []}}, [[[None]]]]
TEXTS = [
    "",
    " ",
    "\n",
    "x" * 10_000,
    "\u0661\u0662\u0663\u0664\u0665\u0666",
    "\uff11\uff12\uff13\uff14\uff15\uff16",
    "\u202e+12025550123",
    "\u05d0\u05d1\u05d2",
    "\U0001f600" * 40,
    "\u0130" * 254,
    "\u0130" * 240 + "@example.com",
    "\u200b",
    "\x1b[31m",
    "\r\nX-Injected: 1",
    "' OR 1=1 --",
    "{{ 7*7 }} %s %(x)s ${x}",
    "../../etc/passwd",
    "null",
    "a.b.c",
    "eyJhbGciOiJub25lIn0.e30.",
    "\ufffe\uffff",
]


def assert_ours(answer: Any) -> None:
    """The answer is JSON of ours, and no crash."""
    assert answer.status_code < 500, answer.content
    if answer.status_code >= 400 and answer.status_code != 405:
        refusal_of(answer)


@pytest.fixture(autouse=True)
def _passwords_offered(configure: Configure) -> None:
    """Open every route."""
    configure(AUTH_TYPES=("PHONE", "PASSWORD"))


@pytest.fixture
def token() -> str:
    """Return a fresh access token of a user with a password."""
    return tokens_of(SessionFactory(user=UserFactory(password=PASSWORD))).access_token


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=lambda word: str(word))
def test_each_field(visitor: Visitor, token: str, kind: str, field: str) -> None:
    """Each field of each route takes the wrong type, text of any kind, null and nothing without a crash."""
    route, good = GOOD[kind]
    token = token if route in PROTECTED else ""
    for value in [*WRONG_TYPES, *TEXTS, None]:
        assert_ours(visitor.post(route, {**good, field: value}, token=token))
    for value in WRONG_TYPES:
        answer = visitor.post(route, {**good, field: value}, token=token)
        assert 400 <= answer.status_code < 402, value
        if (field, kind) not in {("token", "verify_sms"), ("userid", "verify_sms")}:
            assert refusal_of(answer) == INVALID, value
            assert field in answer.json()["fields"], value
    for text in MALFORMED_TEXTS:
        assert refusal_of(visitor.post(route, {**good, field: text}, token=token)) == MALFORMED
    answer = visitor.post(route, {key: value for key, value in good.items() if key != field}, token=token)
    assert_ours(answer)
    if field not in OPTIONAL:
        assert refusal_of(answer) == INVALID


@pytest.mark.parametrize(("route", "good"), list(GOOD.values()), ids=list(GOOD))
@pytest.mark.parametrize("body", [None, [], [{}], "x", "", 5, 1.5, True, False, 0, {}], ids=json.dumps)
def test_body_that_is_no_object(visitor: Visitor, token: str, route: str, good: Any, body: Any) -> None:
    """A body that is any other JSON than an object is a ``ValidationError``, falsy ones too."""
    answer = visitor.call("POST", route, json.dumps(body).encode(), token=token if route in PROTECTED else "")
    if body != {}:
        assert refusal_of(answer) == INVALID
    assert_ours(answer)


def test_unknown_fields(visitor: Visitor) -> None:
    """Fields that a route does not know change nothing: nobody becomes staff by asking."""
    more: dict[str, Any] = {
        "is_staff": True,
        "is_superuser": True,
        "is_active": False,
        "id": derived_id("+12025550199"),
        "pk": 1,
        "last_login": "2000-01-01",
        "groups": [1],
        "client": None,
        "display_name": "x",
        "__class__": "x",
        "user_id": "x",
    }
    answer = visitor.post("register", {**GOOD["register with a password"][1], **more})
    assert answer.status_code == 200
    visitor.ask(**more)
    assert visitor.guess(sent_code(), userid=derived_id(), **more).status_code == 200
    assert get_user_model().objects.count() == 2
    for user in get_user_model().objects.all():
        assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)


def test_a_key_twice(visitor: Visitor) -> None:
    """Of a key that comes twice the last one counts, for the code and for the number alike."""
    answer = visitor.call("POST", "login", b'{"auth_type": "PHONE", "phone": "x", "phone": "+12025550123"}')
    assert (answer.status_code, outbox[-1].to) == (200, PHONE)


HEADERS = [
    "",
    " ",
    "Bearer",
    "Bearer ",
    "Bearer  ",
    "bearer",
    "Bearer a b",
    "Bearer a b c",
    "Bearer a,Bearer b",
    "Bearer \xe9",
    "B\xe9arer x",
    "\xff\xfe",
    "Bearer null",
    "Bearer undefined",
    "Bearer .",
    "Bearer ..",
    "Bearer ...",
    "Bearer a.b.c",
    "Bearer a.b.c.d.e",
    "Bearer " + "x" * 9 * 1024,
    "Bearer " + ".".join(["x" * 3000] * 3),
    "Bearer\tx",
    "Bearer=x",
    "x" * 9 * 1024,
    "Basic YTpi",
    "Basic",
    "Digest x",
    "Token x",
    "JWT x",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Bearer bnVsbA.bnVsbA.x",
    "Bearer W10.W10.x",
    "Bearer MQ.MQ.x",
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda text: repr(text[:20]))
def test_authorization_that_is_broken(visitor: Visitor, header: str) -> None:
    """A header without a good token is 401 wherever one is asked for, and does not matter where none is."""
    is_bearer = header.strip().lower().split(" ")[0] == "bearer"
    expected = TOKEN_INVALID if is_bearer else TOKEN_MISSING
    for method, route in (
        ("GET", "sessions"),
        ("DELETE", f"sessions/{derived_id()}"),
        ("POST", "refresh"),
        ("POST", "logout"),
        ("POST", "logout_all"),
        ("POST", "logout_all_other_sessions"),
        ("POST", "password"),
        ("POST", "op"),
        ("POST", "op2"),
    ):
        answer = visitor.call(method, route, content_type="", HTTP_AUTHORIZATION=header)
        assert refusal_of(answer) == expected, route
    asked = visitor.post("login", {"auth_type": "PHONE", "phone": PHONE}, HTTP_AUTHORIZATION=header)
    assert asked.status_code == 200
    body = {"userid": derived_id(), "phone": PHONE, "token": sent_code()}
    assert visitor.post("verify_sms", body, HTTP_AUTHORIZATION=header).status_code == 200


@pytest.mark.parametrize(
    "part", ["[" * 3000, '{"a":' * 600, "9" * 3000, '{"kid": [[[1]]]}', '{"crit": ["x"]}', "[]", "null", '"x"']
)
def test_parts_of_a_token_that_are_hostile(visitor: Visitor, part: str) -> None:
    """JSON inside a token that is deep, long or strange makes the token invalid, nothing else."""
    segment = base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode()
    for text in (f"{segment}.e30.x", f"e30.{segment}.x", f"{segment}.{segment}"):
        assert refusal_of(visitor.get("sessions", token=text)) == TOKEN_INVALID
        assert refusal_of(visitor.post("refresh", {}, token=text)) == TOKEN_INVALID
        assert refusal_of(visitor.post("logout", {}, token=text)) == TOKEN_INVALID


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-",
        ",",
        ",,,,",
        "\xe9" * 300,
        "\x80\x9f\x01\x7f",
        "x" * 9000,
        "1.2.3.4, 5.6.7.8",
        "::ffff:1.2.3.4",
        "[2001:db8::1]:443",
        "fe80::1%eth0",
        "999.1.1.1",
        "1.2.3.4:x",
        "1" * 4000,
        "\xb9\xb2\xb3.1.1.1",
        "unknown",
        "<script>",
        "%s%n",
    ],
    ids=lambda text: repr(text[:20]),
)
@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_strange_headers(visitor: Visitor, configure: Configure, value: str, proxies: int) -> None:
    """User agent, forwarded address and the rest may hold anything: the login goes on, and its row is readable."""
    configure(TRUSTED_PROXY_COUNT=proxies, LIMITS={})
    headers = dict.fromkeys(
        (
            "HTTP_USER_AGENT",
            "HTTP_X_FORWARDED_FOR",
            "HTTP_X_REAL_IP",
            "HTTP_FORWARDED",
            "HTTP_ACCEPT",
            "HTTP_ACCEPT_LANGUAGE",
            "HTTP_CONTENT_LANGUAGE",
            "HTTP_COOKIE",
            "HTTP_REFERER",
            "HTTP_ORIGIN",
            "HTTP_RANGE",
            "HTTP_IF_NONE_MATCH",
            "HTTP_X_HTTP_METHOD_OVERRIDE",
        ),
        value,
    )
    assert visitor.post("login", {"auth_type": "PHONE", "phone": PHONE}, **headers).status_code == 200
    body = {"userid": derived_id(), "phone": PHONE, "token": sent_code(), "device": value[:64] or "x"}
    answer = visitor.post("verify_sms", body, **headers)
    assert answer.status_code == 200
    session = Session.objects.get()
    assert (session.user_agent + session.device).isprintable()
    assert visitor.get("sessions", token=answer.json()["access_token"], **headers).status_code == 200
    assert visitor.post("refresh", {}, token=answer.json()["refresh_token"], **headers).status_code == 200


@pytest.mark.parametrize("address", ["", "unix:", "not an address", "\xe9"])
def test_no_client_address(visitor: Visitor, address: str) -> None:
    """A server that tells no address, as behind a unix socket, still serves."""
    answer = visitor.post("login", {"auth_type": "PHONE", "phone": PHONE}, REMOTE_ADDR=address)
    assert answer.status_code == 200
    body = {"userid": derived_id(), "phone": PHONE, "token": sent_code()}
    assert visitor.post("verify_sms", body, REMOTE_ADDR=address).status_code == 200
    assert Session.objects.get().ip_address is None


PATHS = [
    "\x00",
    "login\x00",
    "login\r\nX: 1",
    "login;x=1",
    "login%2e",
    "../auth/nothing",
    "..%2f..%2f",
    "\u202elogin",
    "\U0001f600",
    "a" * 5000,
    "/" * 200,
    "sessions/\x00",
    "sessions/" + "a" * 5000,
    "sessions/00000000-0000-0000-0000-00000000000\u0660",
    "sessions/00000000-0000-0000-0000-000000000000/",
    "sessions/00000000000000000000000000000000",
    "sessions/' OR 1=1",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda text: repr(text[:20]))
def test_paths_that_lead_nowhere(visitor: Visitor, token: str, path: str) -> None:
    """Any text as a path is 404 in our shape."""
    for method in ("GET", "POST", "DELETE"):
        answer = visitor.call(method, quote(path, safe="/"), token=token)
        assert answer.status_code == 404
        refusal_of(answer)


@pytest.mark.parametrize("query", ["%00", "%ff", "a=%ff&a[]=1", "page=%00", "&" * 2000, "=", "x" * 9000, "format=xml"])
def test_strange_queries(visitor: Visitor, token: str, query: str) -> None:
    """What stands behind the question mark breaks nothing."""
    assert_ours(visitor.get(f"sessions?{query}", token=token))
    assert visitor.post(f"login?{query}", {"auth_type": "PHONE", "phone": PHONE}).status_code == 200


# What Django's test client cannot send


def wsgi(body: Any = b"", **environ: Any) -> tuple[int, bytes]:
    """Call the application as a server does, with an environment of one's own; None takes a variable away."""
    base = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/auth/login",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": JSON,
        "CONTENT_LENGTH": str(len(body)) if isinstance(body, bytes) else "100",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body) if isinstance(body, bytes) else body,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    seen: list[str] = []
    call = {key: value for key, value in {**base, **environ}.items() if value is not None}
    answer = get_wsgi_application()(call, lambda status, _headers, *_exc_info: seen.append(status))  # type: ignore[arg-type]
    content = b"".join(answer)
    answer.close()
    return int(seen[0][:3]), content


class _Broken(io.RawIOBase):
    """A connection that breaks when it is read."""

    def readable(self) -> bool:
        """It looks as if it could be."""
        return True

    def readinto(self, _buffer: Any) -> int:
        """Break."""
        raise ConnectionResetError("the client went away")


GOOD_LOGIN = b'{"auth_type": "PHONE", "phone": "+12025550123"}'


@pytest.mark.django_db(transaction=True)  # the application closes old connections
@pytest.mark.parametrize(
    ("body", "environ", "status", "reason"),
    [
        pytest.param(GOOD_LOGIN, {}, 200, None, id="good"),
        pytest.param(GOOD_LOGIN, {"CONTENT_TYPE": None}, 415, "UnsupportedMediaType", id="no content type"),
        pytest.param(GOOD_LOGIN, {"CONTENT_LENGTH": None}, 400, "ValidationError", id="no length"),
        pytest.param(GOOD_LOGIN, {"CONTENT_LENGTH": "x"}, 400, "ValidationError", id="length that is no number"),
        pytest.param(GOOD_LOGIN, {"CONTENT_LENGTH": "-1"}, 400, "MalformedJSON", id="negative length"),
        pytest.param(GOOD_LOGIN, {"CONTENT_LENGTH": "9999999"}, 200, None, id="length beyond the body"),
        pytest.param(GOOD_LOGIN, {"CONTENT_LENGTH": "20"}, 400, "MalformedJSON", id="length short of the body"),
        pytest.param(b"", {"CONTENT_TYPE": None, "CONTENT_LENGTH": None}, 400, "ValidationError", id="nothing at all"),
        pytest.param(GOOD_LOGIN, {"HTTP_HOST": "evil.example"}, 400, "BadRequest", id="foreign host"),
        pytest.param(GOOD_LOGIN, {"HTTP_HOST": "\xff"}, 400, "BadRequest", id="host that is not ASCII"),
        pytest.param(GOOD_LOGIN, {"PATH_INFO": "/api/auth/\xff\xfe"}, 404, "NotFound", id="path that is not UTF-8"),
        pytest.param(GOOD_LOGIN, {"QUERY_STRING": "\xff"}, 200, None, id="query that is not ASCII"),
        pytest.param(GOOD_LOGIN, {"HTTP_CONTENT_ENCODING": "gzip"}, 200, None, id="content encoding"),
        pytest.param(_Broken(), {}, 400, None, id="a client that went away"),
    ],
)
def test_what_a_server_hands_over(body: Any, environ: dict[str, Any], status: int, reason: str | None) -> None:
    """Missing, wrong and broken parts of a request, as a server hands them over, are answered below 500."""
    answered, content = wsgi(body, **environ)
    assert answered == status, content
    if reason:
        assert json.loads(content)["failure_reason"] == reason


# What nobody thought of

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
PHONES = st.text("+0123456789 ().-\u00a0tel:;x", max_size=45)
BOUNDED = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@BOUNDED
@given(data=st.data())
def test_any_body(visitor: Visitor, token: str, data: st.DataObject) -> None:
    """Any JSON in any field of any route is answered in our shape."""
    route, good = data.draw(st.sampled_from(list(GOOD.values())))
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(good)), ANYTHING, min_size=1))
    assert_ours(visitor.post(route, {**good, **changed}, token=token if route in PROTECTED else ""))


@BOUNDED
@given(phone=PHONES)
def test_any_number(visitor: Visitor, phone: str) -> None:
    """Any text of the characters that numbers are written with is read or refused."""
    answer = visitor.ask(phone)
    assert answer.status_code in {200, 400}
    assert_ours(answer)


@BOUNDED
@given(raw=st.binary(max_size=200) | st.text(max_size=60).map(str.encode))
def test_any_bytes(visitor: Visitor, raw: bytes) -> None:
    """Any bytes as a body are answered in our shape."""
    assert_ours(visitor.call("POST", "verify_sms", raw))


@BOUNDED
@given(text=st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=80))
def test_any_header(visitor: Visitor, text: str) -> None:
    """Any text as a bearer token is 401."""
    answer = visitor.get("sessions", HTTP_AUTHORIZATION=f"Bearer {text}")
    assert refusal_of(answer) in {TOKEN_INVALID, TOKEN_MISSING, WRONG_TYPE}


def test_length_is_refused_in_the_language_of_each_call(settings: Any) -> None:
    """The serializers are kept; the language of who called first is not."""
    settings.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware"]
    body = {"auth_type": "PHONE", "username": "x" * 151, "phone": PHONE}
    with translation.override("en"):  # the middleware leaves the thread in the language of the last call
        told = [
            Visitor().post("register", body, HTTP_ACCEPT_LANGUAGE=language).json()["fields"]["username"][0]
            for language in ("de", "en", "de")
        ]
    assert told[0] == told[2] != told[1] == "Ensure this field has no more than 150 characters."
