"""One project in one process: told what to do by lines on its input, tells what it cost by lines on its output.

It is called through its WSGI callable, with neither a server nor a test client around it. Under callgrind what a call
costs is the instructions of this process, else the time of this process and of its database's.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

from . import meters
from .projects import PROJECTS, settings_of

USERS = 200
CODE = re.compile(r"(?<!\d)\d{6}(?!\d)")


class Site:
    """The served project, and the people who use it."""

    def __init__(self, name: str, database: dict[str, Any]) -> None:
        from django.conf import settings

        self.project = PROJECTS[name]
        settings.configure(**settings_of(self.project, database))
        import django
        from django.core.wsgi import get_wsgi_application

        django.setup()
        self.application = get_wsgi_application()
        self.meter = meters.fitting()
        self.is_metered = False
        self.visitor = 0

    def prepare(self) -> None:
        """Make the tables and the users."""
        from django.contrib.auth import get_user_model
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        model: Any = get_user_model()
        names = range(USERS)
        if self.project.name == "securelogin":
            model.objects.bulk_create([model(phone=_phone(number)) for number in names])
        else:
            model.objects.bulk_create([model(username=_phone(number)) for number in names])

    def send(self, path: str, body: dict[str, Any], token: str = "") -> Any:
        """Post, and have the meter measure it where it is to."""
        content = json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/{path}",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if token:
            kind = "Token" if self.project.name == "knox" else "Bearer"
            environ["HTTP_AUTHORIZATION"] = f"{kind} {token}"
        status: list[str] = []
        if self.is_metered:
            self.meter.begin()
        response = self.application(environ, lambda line, _headers: status.append(line))
        answer = b"".join(response)
        response.close()
        if self.is_metered:
            self.meter.end()
        if not status[0].startswith("2"):
            raise RuntimeError(f"{path}: {status[0]} {answer[:200]!r}")
        return json.loads(answer) if answer else {}

    # What is measured

    def log_in(self) -> dict[str, str]:
        """Open a session: by a code that was asked for, or tokens for a name that is taken at its word."""
        self.visitor += 1
        phone = _phone(self.visitor % USERS)
        if self.project.name != "securelogin":
            tokens: dict[str, str] = self.send("issue", {"name": phone})
            return tokens
        from securelogin.sms.locmem import outbox

        asked = self.send("login", {"auth_type": "PHONE", "phone": phone})
        code = CODE.findall(outbox.pop().body)[-1]
        login = self.send("verify_sms", {"userid": asked["userid"], "phone": phone, "token": code})
        return {"access": login["access_token"], "refresh": login["refresh_token"]}

    def protected(self, tokens: dict[str, str]) -> None:
        """Call a protected view."""
        self.send("protected", {}, tokens["access"])

    def refresh(self, tokens: dict[str, str]) -> None:
        """Refresh once."""
        if self.project.name == "securelogin":
            self.send("refresh", {}, tokens["refresh"])
        else:
            self.send("refresh", {"refresh": tokens["refresh"]})

    def logout(self, tokens: dict[str, str]) -> None:
        """End a session."""
        if self.project.name == "simplejwt":
            self.send("logout", {"refresh": tokens["refresh"]})
        else:
            self.send("logout", {}, tokens["access"])

    def cost(self, operation: str, calls: int) -> float:
        """Return what one of so many costs."""
        for _ in range(calls):
            if operation == "log_in":
                self._measure(self.log_in)
            else:
                self._measure(partial(getattr(self, operation), self.log_in()))
        return self.meter.cost()

    def _measure(self, work: Callable[[], object]) -> None:
        self.meter.next()
        self.is_metered = True
        work()
        self.is_metered = False

    def versions(self) -> dict[str, str]:
        """Return what is installed."""
        from django.db import connection

        names = ("Django", "djangorestframework", "PyJWT", self.project.package)
        return {**{name: version(name) for name in names}, connection.vendor: _server_version()}


def _phone(number: int) -> str:
    return f"+1202555{number:04}"


def _server_version() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version" if connection.vendor == "postgresql" else "SELECT sqlite_version()")
        return str(cursor.fetchone()[0])


def main() -> None:
    """Do what comes on the input, a JSON list of a name and its arguments a line."""
    told = os.dup(1)
    os.dup2(2, 1)  # whatever a package prints is not an answer
    site = Site(sys.argv[1], json.loads(sys.argv[2]))
    with os.fdopen(told, "w") as output:
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            if name == "prepare":
                site.prepare()
                site.meter.start()
                answer: Any = site.versions()
            else:
                answer = site.cost(name, *arguments)
            print(json.dumps(answer), file=output, flush=True)


if __name__ == "__main__":
    main()
