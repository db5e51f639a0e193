"""The command: ``python -m tests.databases sqlite -- python -m tests.mutants``, or ``tox -e mutants``.

It has mutmut break the modules that ``setup.cfg`` names, and fails on a mutant that lives and is not in
``explained.txt``, and on one in there that does not live any more. With names as mutmut spells them
(``"securelogin.limits.*"``) only these are broken again; ``--judge`` breaks nothing and judges the last run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from . import explained, judge
from .isolation import TEMPLATE
from .survivors import outcomes, survivors

FOLDER = Path("mutants")
PROCESSES = 2


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 only where the survivors are those of the list."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("names", nargs="*", help="of mutants, with * for any text; the others keep their outcome")
    parser.add_argument("--judge", action="store_true", help="break nothing, judge the last run")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    options = parser.parse_args(arguments)
    if not options.judge and (code := _run_mutmut(options.names, options.processes)):
        return code
    alive = survivors()
    complaints = judge.complaints(alive, [mutant for mutant, _reason in explained.read(explained.LIST.read_text())])
    print(*complaints, f"mutants: {len(alive)} live, {len(complaints)} complaints", sep="\n\n")
    return 1 if complaints else 0


def _run_mutmut(names: Sequence[str], processes: int) -> int:
    if not names and FOLDER.exists():
        shutil.rmtree(FOLDER)  # an outcome is only kept for a function, but a test may have changed
    with tempfile.TemporaryDirectory(prefix="securelogin-mutants-") as folder:
        template = Path(folder, "template.sqlite3")
        environ = {**os.environ, TEMPLATE: str(template), "DJANGO_SETTINGS_MODULE": "tests.settings"}
        migrating = {**environ, "DATABASE_URL": f"sqlite:///{template}"}
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], env=migrating, check=True)
        command = ["mutmut", "run", "--max-children", str(processes), *names]
        code = subprocess.run(command, env=environ).returncode
    counts = Counter(outcome for _name, outcome in outcomes())
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    for name, outcome in outcomes():
        if outcome not in {"killed", "survived"}:
            print(f"{outcome}: {name}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
