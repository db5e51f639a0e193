"""Build the wheel, install it into an environment with nothing else, and log in through it.

Over the network, from the package index, so apart from the other tests: ``tox -e wheel``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import serving, visits

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist, so that the sdist is whole too."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel with its extra ``example``, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", "-q", f"{wheel}[example]"], check=True)
    return python


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a copy of the example project, where no ``securelogin`` lies beside it."""
    shutil.copytree(ROOT / "example_project", tmp_path / "example_project")
    shutil.copy(ROOT / "manage.py", tmp_path)
    return tmp_path


@pytest.fixture
def environ(project: Path) -> dict[str, str]:
    """The environment of a first start: a key, an SQLite file, codes in a file."""
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SECRET_KEY": "a key for tests, long enough for every check and known to everyone",
        "SECURELOGIN_SMS": "filebased",
        "SECURELOGIN_SMS_FILE": str(project / "sms.jsonl"),
    }


@pytest.fixture
def address(python: Path, project: Path, environ: dict[str, str]) -> Iterator[str]:
    """The example project, migrated, and served by gunicorn."""
    subprocess.run([python, "manage.py", "migrate", "--verbosity", "0"], cwd=project, env=environ, check=True)
    with serving.serve(python, project, environ) as served:
        yield served


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Templates, translations, migrations and ``py.typed`` are in it; tests and the example project are not."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = (path for path in (ROOT / "securelogin").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert names == {path.relative_to(ROOT).as_posix() for path in package}
    assert {"securelogin/py.typed", "securelogin/migrations/0001_initial.py"} <= names
    assert any(name.endswith(".txt") for name in names)


def test_one_login_from_the_wheel(address: str, project: Path) -> None:
    """A stranger who installs the wheel can serve a whole visit over HTTP."""

    def read_text() -> str:
        return str(json.loads((project / "sms.jsonl").read_text().splitlines()[-1])["body"])

    def post(route: str, body: dict[str, str], token: str) -> visits.Answer:
        return serving.post(address, route, body, {"Authorization": f"Bearer {token}"} if token else {})

    assert visits.walk(post, read_text) == visits.STATUSES
