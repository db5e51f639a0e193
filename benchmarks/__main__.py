"""The command: ``python -m benchmarks``. Measures, and writes a table, a chart and the figures into a folder."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import dj_database_url

from tests import databases

from . import meters
from .projects import PROJECTS

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results")
PEER = "simplejwt"
"""What the others are compared with."""

OPERATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "protected": ("a protected call", ("securelogin", "simplejwt", "knox")),
    "refresh": ("a refresh", ("securelogin", "simplejwt")),
    "logout": ("a logout", ("securelogin", "simplejwt", "knox")),
    "log_in": ("opening a session", ("securelogin", "simplejwt", "knox")),
}

PLAYED = {name: projects for name, (_title, projects) in OPERATIONS.items()}
"""The operations, and who plays them."""

HELD = {"protected": ("securelogin", PEER), "refresh": ("securelogin", PEER)}
"""Those whose instructions may not leave what is recorded."""
TOLERANCE = 0.05


class Worker:
    """A project in a process of its own."""

    def __init__(self, name: str, database: Mapping[str, Any], around: Sequence[str]) -> None:
        self.name = name
        command = [*around, sys.executable, "-m", "benchmarks.worker", name, json.dumps(database)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def ask(self, *what: Any) -> Any:
        """Have it do something and return what it tells. Raises ``RuntimeError`` where it died."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} died; its last words are above")
        return json.loads(line)

    def close(self) -> None:
        """Let it end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


@contextmanager
def workers(server: str, projects: Iterable[str], *, is_counted: bool) -> Iterator[dict[str, Worker]]:
    """Start the projects, each with an empty database."""
    with ExitStack() as stack:
        around = stack.enter_context(meters.callgrind()) if is_counted else []
        started = {}
        for name in projects:
            url = stack.enter_context(databases.empty_database(server))
            started[name] = worker = Worker(name, _database(url), around)
            stack.callback(worker.close)
        yield started


KEYS = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")


def _database(url: str) -> dict[str, Any]:
    parsed = dict(dj_database_url.parse(url))
    return {key: parsed[key] for key in KEYS if key in parsed}


def measure(
    server: str, *, rounds: int, calls: int, is_counted: bool = False, played: Mapping[str, tuple[str, ...]] = PLAYED
) -> dict[str, Any]:
    """Play the rounds, each project in turn and in another order each time; gives ratios to ``PEER``."""
    costs: dict[str, dict[str, list[float]]] = {name: {} for name in played}
    with workers(server, sorted({*chain(*played.values())}), is_counted=is_counted) as started:
        versions = {name: worker.ask("prepare") for name, worker in started.items()}
        for name, projects in played.items():
            for project in projects:
                started[project].ask(name, 3 if is_counted else 20)  # whatever is made once is made
        for number in range(rounds):
            for operation, projects in played.items():
                for project in projects[number % len(projects) :] + projects[: number % len(projects)]:
                    cost = started[project].ask(operation, calls)
                    costs[operation].setdefault(project, []).append(cost)
            print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    medians = {
        name: {project: round(statistics.median(found), 1) for project, found in each.items()}
        for name, each in costs.items()
    }
    return {
        "versions": versions,
        "thousands": medians,
        "ratios": {name: _ratios(each) for name, each in costs.items()},
    }


def _ratios(costs: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return the quartiles of each project's cost by that of the peer, round by round."""
    quartiles = {}
    for project, each in costs.items():
        ratios = [cost / peer for cost, peer in zip(each, costs[PEER], strict=True)]
        spread = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3  # of one there are no quartiles
        quartiles[project] = [round(value, 3) for value in spread]
    return quartiles


def table(figures: Mapping[str, Any]) -> str:
    """Return the ratios as Markdown: the median, and the middle half of the rounds."""
    lines = [f"| | {' | '.join(PROJECTS)} |", "|---|" + "---|" * len(PROJECTS)]
    for operation, (title, _projects) in OPERATIONS.items():
        if operation not in figures["ratios"]:
            continue
        cells = []
        for project in PROJECTS:
            found = figures["ratios"][operation].get(project)
            cells.append(f"{found[1]:.2f} ({found[0]:.2f}-{found[2]:.2f})" if found else "none")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def chart(figures: Mapping[str, Any], path: Path) -> None:
    """Draw them; needs matplotlib."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "securelogin"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    width = 0.8 / len(PROJECTS)
    for index, project in enumerate(PROJECTS):
        for place, operation in enumerate(OPERATIONS):
            if found := figures["ratios"][operation].get(project):
                low, middle, high = found
                spread = [[max(0.0, middle - low)], [max(0.0, high - middle)]]
                label = project if place == 0 else None
                axes.bar(place + index * width, middle, width, yerr=spread, color=f"C{index}", label=label, capsize=2)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(OPERATIONS))])
    axes.set_xticklabels([title for title, _projects in OPERATIONS.values()])
    axes.set_ylabel(f"processor time, {PEER} = 1")
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def held(figures: Mapping[str, Any], baseline: Mapping[str, Any]) -> bool:
    """Print ``HELD`` beside the baseline; whether none left it. One that got better wants a new one."""
    is_held = True
    for operation in HELD:
        ratio, was = (each["ratios"][operation]["securelogin"][1] for each in (figures, baseline))
        is_off = abs(ratio / was - 1) > TOLERANCE
        is_held = is_held and not is_off
        print(f"{operation}: {ratio:.3f} of {PEER}, recorded {was:.3f}{', OFF' if is_off else ''}")
    return is_held


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--calls", type=int, default=20, help="of each operation in a round")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--instructions", action="store_true", help="count with callgrind instead of measuring time")
    parser.add_argument(
        "--check", action="store_true", help="count, write nothing, and fail where they are not the recorded"
    )
    options = parser.parse_args(arguments)
    with databases.SERVERS[options.database]() as server:
        figures = measure(
            server,
            rounds=options.rounds,
            calls=options.calls,
            is_counted=options.instructions or options.check,
            played=HELD if options.check else PLAYED,
        )
    print(table(figures))
    if options.check:
        return 0 if held(figures, json.loads((RESULTS / "instructions.json").read_text())) else 1
    _write(figures, options)
    return 0


def _write(figures: dict[str, Any], options: argparse.Namespace) -> None:
    figures |= {
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rounds": options.rounds,
        "calls": options.calls,
        "database": options.database,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    name = "instructions" if options.instructions else "results"
    (options.out / f"{name}.json").write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    if not options.instructions:
        (options.out / f"{name}.md").write_text(table(figures))
        chart(figures, options.out / f"{name}.svg")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
