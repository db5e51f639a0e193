"""The burst of one refresh token against stock simplejwt: the judge of ``one-refresh`` has to go red here."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from secrets import token_urlsafe

from .. import judges
from ..bursts import Address, Call, send
from ..servers import environment, manage, serve

USERNAME = "stock"


def play(database_url: str, folder: Path, *, rounds: int, clients: int) -> Generator[list[str], None, None]:
    """Serve the stock host on an empty database and yield the violations of each round."""
    password = token_urlsafe()
    env = environment(
        "tests.races.stock.settings",
        DATABASE_URL=database_url,
        DJANGO_SECRET_KEY=token_urlsafe(50),
        DJANGO_SUPERUSER_USERNAME=USERNAME,
        DJANGO_SUPERUSER_PASSWORD=password,
        DJANGO_SUPERUSER_EMAIL="stock@example.com",
    )
    manage("migrate", "--no-input", "--verbosity", "0", env=env)
    manage("createsuperuser", "--no-input", "--verbosity", "0", env=env)
    log = folder / "stock.log"
    with serve("tests.races.stock.wsgi", env=env, log=log, path="/refresh") as address:
        for _ in range(rounds):
            yield _round(address, password, clients)


def _round(address: Address, password: str, clients: int) -> list[str]:
    opened = send(address, [Call("POST", "/token", {"username": USERNAME, "password": password})])[0]
    answers = send(address, [Call("POST", "/refresh", {"refresh": opened.body["refresh"]})] * clients)
    if not judges.successes(answers):  # red for another reason than the one to be shown
        return []
    return judges.one_successor(answers)


def line(database: str, found: Sequence[list[str]]) -> str:
    """Say how many rounds were red, with the first violation."""
    red = [violations for violations in found if violations]
    example = f"; the first: {red[0][0]}" if red else ""
    return f"{database:<16} stock simplejwt: {len(red)} of {len(found)} rounds red{example}"
