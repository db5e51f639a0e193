"""schemathesis over the OpenAPI document, in a process of its own, and what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.contract import PATH, Contract
from tests.fuzz.hosting import Host
from tests.races.servers import ROOT

CONFIG = Path(__file__).with_name("schemathesis.toml")
TARGETED = 1000
"""Cases of a route up to which those that succeed are looked for; above it there are enough of them."""

PHASES = "examples,coverage,fuzzing,stateful"


@dataclass
class Outcome:
    """The figures of one run."""

    cases: int
    seconds: float
    is_complete: bool
    is_green: bool
    links: str
    answers: Counter[str] = field(repr=False)
    """How often each operation gave each status, ``POST /login 200``."""
    output: str = field(repr=False)

    def __str__(self) -> str:
        low = min(self.counts().values(), default=0)
        end = "complete" if self.is_complete else "stopped by the clock"
        return f"{self.cases:>6} cases, {self.seconds:.0f} s, at least {low} a route, {end}; links {self.links}"

    @property
    def is_red(self) -> bool:
        """Whether it ran to its end and found something."""
        return self.cases > 0 and not self.is_green

    def counts(self) -> Counter[str]:
        """Return how many answers each operation gave."""
        counts: Counter[str] = Counter()
        for name, count in self.answers.items():
            counts[name.rpartition(" ")[0]] += count
        return counts

    def failures(self, *, must_reach: bool) -> list[str]:
        """Return what is wrong: what schemathesis says, and the operations that it never got into."""
        found = [] if self.is_green else [self.output]
        for method, path in Contract().operations() if must_reach else []:
            label = f"{method.upper()} {path}"
            if not any(self.answers[f"{label} {status}"] for status in (200, 204)):
                found.append(f"{label} was never done: the fuzzer is blind there")
        return found


def run(
    served: Host, folder: Path, *, cases: int, seconds: int | None, seed: int | None, phases: str = PHASES
) -> Outcome:
    """Run schemathesis with at most that many cases of a route in a phase, and no longer than ``seconds``."""
    tally, report = folder / "tally.json", folder / "report.json"
    command = [
        *[sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "--no-color", "run", str(PATH)],
        *["--url", f"{served.url}/api/auth", "--max-examples", str(cases), "--phases", phases],
        *["--report-json-path", str(report)],
        *(["--max-time", str(seconds)] if seconds else []),
        *(["--seed", str(seed)] if seed is not None else []),
    ]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "FUZZ_URL": served.url,
        "FUZZ_OUTBOX": str(served.outbox),
        "FUZZ_TALLY": str(tally),
        "FUZZ_TARGETS": "none" if cases > TARGETED else "success",
    }
    process = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
    if not report.exists() or not tally.exists():
        return Outcome(0, 0, False, False, "none", Counter(), process.stdout + process.stderr)
    told = json.loads(report.read_text())
    links = next(
        (line.partition(":")[2].strip() for line in process.stdout.splitlines() if "API Links" in line), "none"
    )
    return Outcome(
        cases=told["test_cases"]["generated"],
        seconds=told["running_time"],
        is_complete=told["stop_reason"] == "completed",
        is_green=process.returncode == 0 and not told["failures"] and not told["errors"],
        links=links,
        answers=Counter(json.loads(tally.read_text())),
        output=process.stdout + process.stderr,
    )
