"""The example project: what it reads from its environment, its two calls, its production settings and its demo."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from example_project import environment
from securelogin.sms.locmem import outbox
from tests import serving, visits

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "example_project.production",
    "DJANGO_SECRET_KEY": "fifty-characters-that-look-random-enough:0aZ9!xQ7&kT3#pL5",
    "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
    "SECURELOGIN_SMS": "twilio",
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
    "TWILIO_AUTH_TOKEN": "not a token",
    "TWILIO_FROM": "MG00000000000000000000000000000000",
}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the checkout, with an environment of its own."""
    environ = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", **variables}
    return subprocess.run(
        [sys.executable, *arguments], env=environ, cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("text", "expected"), [(None, False), ("", False), ("0", False), ("no", False), ("1", True), (" True ", True)]
)
def test_flag(text: str | None, expected: bool) -> None:
    """A flag is off unless it says yes."""
    assert environment.is_on(text) is expected


def test_key_of_its_own() -> None:
    """Without a key nothing starts, but for a debug server, whose key everybody knows."""
    assert environment.secret_key({"DJANGO_SECRET_KEY": "mine", "DJANGO_DEBUG": "1"}) == "mine"
    assert environment.secret_key({"DJANGO_DEBUG": "1"}) == environment.DEBUG_KEY
    with pytest.raises(ImproperlyConfigured, match="DJANGO_SECRET_KEY"):
        environment.secret_key({})


@pytest.mark.parametrize(
    ("url", "engine", "options"),
    [
        ("sqlite:////srv/db.sqlite3", "sqlite3", environment.SQLITE_OPTIONS),
        ("postgres://me:pw@127.0.0.1:5432/mine", "postgresql", {}),
        ("mysql://me:pw@127.0.0.1:3306/mine", "mysql", {"charset": "utf8mb4"}),
        (
            "mysql://me:pw@127.0.0.1/mine?isolation_level=repeatable+read",
            "mysql",
            {"charset": "utf8mb4", "isolation_level": "repeatable read"},
        ),
    ],
)
def test_database(url: str, engine: str, options: dict[str, Any]) -> None:
    """Each kind of database gets the options that our promises need, and the URL's own beside them."""
    settings = environment.database(url)
    assert settings["ENGINE"] == f"django.db.backends.{engine}"
    assert settings["OPTIONS"] == options


@pytest.mark.parametrize(
    ("environ", "backend", "options"),
    [
        ({}, "console", {}),
        ({"SECURELOGIN_SMS": "filebased", "SECURELOGIN_SMS_FILE": "/srv/sms"}, "filebased", {"path": "/srv/sms"}),
        (
            {"SECURELOGIN_SMS": "twilio", "TWILIO_FROM": "+12025550100"},
            "twilio",
            {"account_sid": "", "auth_token": "", "from_number": "+12025550100"},
        ),
        (
            {"SECURELOGIN_SMS": "twilio", "TWILIO_FROM": "MG1"},
            "twilio",
            {"account_sid": "", "auth_token": "", "messaging_service_sid": "MG1"},
        ),
        (
            {"SECURELOGIN_SMS": "twilio_verify", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_VERIFY_SERVICE_SID": "VA1"},
            "twilio_verify",
            {"account_sid": "AC1", "auth_token": "", "service_sid": "VA1"},
        ),
    ],
)
def test_sms(environ: dict[str, str], backend: str, options: dict[str, str]) -> None:
    """``SECURELOGIN_SMS`` names a backend, which gets the variables that are its own."""
    assert environment.sms(environ) == {"BACKEND": f"securelogin.sms.{backend}.SMSBackend", "OPTIONS": options}


def test_unknown_sms() -> None:
    """A name that is no backend is refused, with the names that are."""
    with pytest.raises(ImproperlyConfigured, match="twilio_verify"):
        environment.sms({"SECURELOGIN_SMS": "pigeon"})


def test_redis_holds_cache_and_limits() -> None:
    """``REDIS_URL`` is for both; without it both do without."""
    program = "import json; from example_project.settings import *; print(json.dumps([CACHES, SECURELOGIN]))"
    cache, ours = json.loads(run("-c", program, DJANGO_DEBUG="1", REDIS_URL="redis://127.0.0.1:6379/0").stdout)
    assert cache["default"]["LOCATION"] == ours["LIMITS_STORAGE"] == "redis://127.0.0.1:6379/0"
    cache, ours = json.loads(run("-c", program, DJANGO_DEBUG="1").stdout)
    assert "LOCATION" not in cache["default"]
    assert ours["LIMITS_STORAGE"] == "database"


@pytest.mark.django_db(transaction=True)
def test_op_and_op2(client: Client) -> None:
    """Any access token is good for ``op``, only a fresh one for ``op2``."""

    def call(route: str, body: dict[str, str], token: str = "") -> dict[str, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer: dict[str, str] = client.post(
            f"/api/auth/{route}", body, content_type="application/json", headers=headers
        ).json()
        return answer

    assert call("op", {})["failure_reason"] == "TokenMissing"
    userid = call("login", {"auth_type": "PHONE", "phone": visits.PHONE})["userid"]
    code = visits.read_code(outbox[-1].body)
    tokens = call("verify_sms", {"userid": userid, "phone": visits.PHONE, "token": code})
    assert call("op", {}, tokens["access_token"]) == {"message": "test op successful"}
    assert call("op2", {}, tokens["access_token"]) == {"message": "test op2 successful"}
    tokens = call("refresh", {}, tokens["refresh_token"])
    assert call("op", {}, tokens["access_token"]) == {"message": "test op successful"}
    assert call("op2", {}, tokens["access_token"])["failure_reason"] == "FreshTokenRequired"


def test_foreign_host(client: Client) -> None:
    """A name that is not ours is answered 400, in the API's shape."""
    response = client.post("/api/auth/login", {}, content_type="application/json", headers={"Host": "example.org"})
    assert (response.status_code, response.json()["error"]) == (400, "InvalidRequest")


def test_nowhere(client: Client) -> None:
    """A path that is not there is answered 404, in the API's shape."""
    response = client.get("/nowhere")
    assert (response.status_code, response.json()["error"]) == (404, "NotFound")


def test_production_passes_the_deployment_checks() -> None:
    """``check --deploy`` has nothing to say about ``production.py``."""
    done = run("manage.py", "check", "--deploy", "--fail-level", "DEBUG", **PRODUCTION)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS", "SECURELOGIN_SMS"])
def test_production_guesses_nothing(name: str) -> None:
    """What production cannot know is asked for, even in debugging's clothes."""
    done = run("manage.py", "check", **{**PRODUCTION, name: "", "DJANGO_DEBUG": "1"})
    assert done.returncode == 1
    assert f"Set {name}" in done.stderr


@pytest.fixture
def production(tmp_path: Path) -> Iterator[str]:
    """The address of the example project, served with its production settings."""
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", **PRODUCTION}
    with serving.serve(sys.executable, ROOT, environ) as address:
        yield address


def test_production_refuses_plain_http(production: str) -> None:
    """The API answers 403 before it looks at a token (OWASP ASVS 5.0, 4.1.2), and serves behind a proxy with TLS."""
    token = {"Authorization": "Bearer what.ever.it"}
    status, answer = serving.post(production, "op", {}, token)
    assert (status, answer["http_code"]) == (403, "Forbidden")
    status, answer = serving.post(production, "op", {}, {**token, "X-Forwarded-Proto": "https"})
    assert (status, answer["failure_reason"]) == (401, "TokenInvalid")


def test_production_speaks_https_to_browsers(production: str) -> None:
    """The admin redirects to https, and says there to stay with it for a year."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any) -> None:
            return None

    opener = urllib.request.build_opener(Stay)
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(f"{production}/admin/login/", timeout=serving.PATIENCE)
    with caught.value as redirect:
        assert redirect.code == 301
        assert redirect.headers["Location"].startswith("https://127.0.0.1")
    request = urllib.request.Request(f"{production}/admin/login/", headers={"X-Forwarded-Proto": "https"})
    with opener.open(request, timeout=serving.PATIENCE) as page:
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
        assert "Secure" in page.headers["Set-Cookie"]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The demo's address and process, on an SQLite file that is not there yet."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "example_project.demo", address],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield address, process
    finally:
        process.terminate()
        process.communicate(timeout=serving.PATIENCE)


def test_demo_prints_the_code(demo: tuple[str, subprocess.Popen[str]]) -> None:
    """The demo says where to point curl and the browser, and prints codes that work."""
    address, process = demo
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if "CONTROL-C" in line:
            break
    assert f"http://{address}/api/auth/login" in said
    assert f"http://{address}/admin/" in said
    where = f"http://{address}"
    _, login = serving.post(where, "login", {"auth_type": "PHONE", "phone": visits.PHONE}, {})
    code = next(found[0] for line in process.stdout if (found := re.search(r"\b\d{6}\b", line)))
    proof = {"userid": login["userid"], "phone": visits.PHONE, "token": code}
    assert serving.post(where, "verify_sms", proof, {})[0] == 200
