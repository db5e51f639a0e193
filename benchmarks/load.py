"""A site under load for minutes: ``python -m benchmarks.load``, or ``tox -e load``. Fails where a bound is passed.

gunicorn with two workers of four threads on PostgreSQL. First as many visits as it takes, which finds the highest rate;
then visits at a share of that rate, each begun at its time whether or not those before it are through.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests import databases, serving
from tests.races.supplies import Lines, fictional_numbers, read_code

WORKERS, THREADS = 2, 4
CLIENTS = 16
SHARE = 0.8
"""Of the highest rate."""
PEAK_SECONDS, WARM_SECONDS, SAMPLE_SECONDS = 20, 60, 2
GROWTH = 0.02
"""How much more memory the workers may have at the end than when they were warm."""
TAIL = 5
"""How many times the median 99 of 100 calls may take."""


class Person:
    """A client with a connection of its own, who makes whole visits."""

    def __init__(self, address: str, post: Post, spent: dict[str, list[float]], errors: list[str]) -> None:
        self.connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
        self.post, self.spent, self.errors = post, spent, errors

    def call(self, route: str, body: Mapping[str, Any], token: str = "", method: str = "POST") -> dict[str, Any]:
        """Call a route; raises ``RuntimeError`` where it is not answered with 200."""
        headers = {"Content-Type": "application/json", "X-Forwarded-For": "198.18.0.1"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        began = time.perf_counter()
        self.connection.request(method, f"/api/auth/{route}", json.dumps(body), headers)
        response = self.connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        self.spent[route].append(time.perf_counter() - began)
        if response.status != 200:
            raise RuntimeError(f"{route}: {response.status} {answer}")
        return answer

    def visit(self, phone: str) -> None:
        """Register, log in twice, log out of the first, look around, refresh, log out."""
        try:
            self.call("register", {"auth_type": "PHONE", "phone": phone, "username": "A Name"})
            self._log_in(phone)
            tokens = self._log_in(phone)
            self.call("logout_all_other_sessions", {}, tokens["access_token"])  # while they are fresh
            for _ in range(3):
                for _ in range(3):
                    self.call("op", {}, tokens["access_token"])
                tokens = self.call("refresh", {}, tokens["refresh_token"])
            self.call("sessions", {}, tokens["access_token"], "GET")
            self.call("logout", {}, tokens["access_token"])
        except Exception as error:  # whatever it is, it counts
            self.errors.append(f"{type(error).__name__}: {error}")
            self.connection.close()

    def _log_in(self, phone: str) -> dict[str, Any]:
        asked = self.call("login", {"auth_type": "PHONE", "phone": phone})
        return self.call("verify_sms", {"userid": asked["userid"], "phone": phone, "token": self.post.code(phone)})


class Post:
    """Hands each number the code that came last."""

    def __init__(self, path: Path) -> None:
        self._lines, self._lock, self._codes = Lines(path), threading.Lock(), dict[str, str]()

    def code(self, phone: str) -> str:
        """Return it; it was written before the ask was answered."""
        with self._lock:
            for message in self._lines.new():
                self._codes[message["to"]] = read_code(message)
            return self._codes.pop(phone)


class Watch:
    """Looks at the server's memory and at its connections while it works."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.memory: list[float] = []
        self.connections: list[int] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look until the block ends."""
        self._thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            self._thread.join()

    def _look(self) -> None:
        others = "datname = current_database() AND pid != pg_backend_pid()"
        with psycopg.connect(self.site.database_url, autocommit=True) as connection:
            while not self._is_over.wait(SAMPLE_SECONDS):
                self.memory.append(sum(map(_memory, _workers(int(self.site.pid_file.read_text())))))
                found = connection.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {others}").fetchone()
                self.connections.append(found[0] if found else 0)


def _workers(master: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def _memory(pid: int) -> float:
    """Return what a process has in MB, its share of what it shares counted."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclass(frozen=True)
class Site:
    """The example project as it is served, with the files of its texts and of its process' number."""

    address: str
    database_url: str
    outbox: Path
    pid_file: Path


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Serve the example project."""
    with databases.postgres() as server, databases.empty_database(server) as url, databases.valkey() as redis_url:
        outbox, pid_file = folder / "sms", folder / "pid"
        environ = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "tests.races.settings",
            "DJANGO_SECRET_KEY": "a key for load, long enough for every check and known to everyone",
            "DATABASE_URL": url,
            "REDIS_URL": redis_url,
            "RACES_VARIANT": "wide",
            "SECURELOGIN_SMS": "filebased",
            "SECURELOGIN_SMS_FILE": str(outbox),
        }
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=serving.ROOT, env=environ, check=True)
        options = ["--worker-class", "gthread", "--threads", str(THREADS), "--keep-alive", "75", "--pid", str(pid_file)]
        with serving.serve(sys.executable, serving.ROOT, environ, workers=WORKERS, options=options) as address:
            yield Site(address, url, outbox, pid_file)


class Crowd:
    """The people who visit, each on a connection of its own, and the numbers that nobody used yet."""

    def __init__(self, site: Site) -> None:
        self.spent: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []
        self._numbers, post = fictional_numbers(), Post(site.outbox)
        self._free: queue.SimpleQueue[Person] = queue.SimpleQueue()
        for _ in range(CLIENTS):
            self._free.put(Person(site.address, post, self.spent, self.errors))

    def visit(self) -> None:
        """Have one of them make a visit."""
        person = self._free.get()
        try:
            person.visit(next(self._numbers))
        finally:
            self._free.put(person)

    def peak(self, seconds: float) -> float:
        """Visit as often as it goes; returns the visits in a second."""
        lock, until, done = threading.Lock(), time.monotonic() + seconds, 0

        def work() -> None:
            nonlocal done
            person = self._free.get()
            while time.monotonic() < until:
                with lock:
                    phone = next(self._numbers)
                person.visit(phone)
                done += 1
            self._free.put(person)

        with ThreadPoolExecutor(WORKERS * THREADS) as pool:
            list(pool.map(lambda _number: work(), range(WORKERS * THREADS)))
        return done / seconds

    def steady(self, rate: float, seconds: float) -> int:
        """Begin so many visits in a second; returns how many waited for a person to be free."""
        began, late = time.monotonic(), 0
        with ThreadPoolExecutor(CLIENTS) as pool:
            for number in range(int(rate * seconds)):
                if (wait := began + number / rate - time.monotonic()) > 0:
                    time.sleep(wait)
                late += self._free.empty()
                pool.submit(self.visit)
        return late


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="securelogin-load-") as folder, served(Path(folder)) as site:
        crowd, watch = Crowd(site), Watch(site)
        rate = SHARE * crowd.peak(PEAK_SECONDS)
        crowd.spent.clear()
        print(f"{rate:.1f} visits a second, {SHARE:.0%} of the highest rate", flush=True)
        with watch.looking():
            late = crowd.steady(rate, options.minutes * 60)
    return 1 if _tell(crowd, watch, late) else 0


def _tell(crowd: Crowd, watch: Watch, late: int) -> list[str]:
    """Print what was seen; returns what must not be."""
    wrong = [f"{len(crowd.errors)} errors, such as {crowd.errors[0]}"] if crowd.errors else []
    for route, spent in sorted(crowd.spent.items()):
        cuts = quantiles((each * 1000 for each in spent), n=100)
        print(f"{route:<28} {len(spent):>8} calls  p50 {cuts[49]:6.1f} ms  p99 {cuts[98]:6.1f} ms")
        if cuts[98] > TAIL * cuts[49]:
            wrong.append(f"{route}: 99 of 100 took up to {cuts[98] / cuts[49]:.1f} times the median")
    samples = max(1, min(WARM_SECONDS, len(watch.memory)) // SAMPLE_SECONDS)
    warm, last = fmean(watch.memory[samples : 2 * samples] or watch.memory), fmean(watch.memory[-samples:])
    print(f"memory {warm:.1f} MB when warm, {last:.1f} MB at the end")
    print(f"connections at most {max(watch.connections)}; visits that waited {late}")
    if last > warm * (1 + GROWTH):
        wrong.append(f"memory grew by {last / warm - 1:.1%}")
    if max(watch.connections) > WORKERS * THREADS:
        wrong.append(f"{max(watch.connections)} connections of {WORKERS * THREADS} threads")
    print(*wrong, sep="\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
