"""What does an audit cost, beside the pilot that it should save, and another version?

`python -m tests.bench.cost` times whole commands, each a process from start to end: wall and
processor seconds, and the peak of resident memory, that of processes beside it included. With
`--before FOLDER`, a checkout of another version, every command of it takes turns with the one here;
what it does not know is left out. The pilot is `confirm` with the least audit that there is, of the
same version. A table is printed and written to results/cost.json; cases that are not chosen keep
the numbers that are there.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import h5py
import numpy as np

from tests.bench.journal import RESULTS
from tests.bench.summary import table

HERE = Path(__file__).parents[2]
WRONG_USE = 2
"""Exit code of a version that does not know an option."""
LONGEST = 900
"""Seconds after which a command is ended."""


@dataclass(frozen=True)
class Case:
    """One command on one file."""

    name: str
    file: tuple[int, int, int, int]
    """Rows, columns of a teacher and of the student, teachers; no rows: six views of a digit."""
    arguments: tuple[str, ...]
    """The command and its options; `again` is a second one, which finds what the first kept."""
    again: tuple[str, ...] = ()
    stored: str = "f4"


PILOT = ("confirm", "-e", "gaussian")
"""Training with the least audit that there is."""
FIRST = ("--teacher", "teacher0")
FIVE = tuple(part for number in range(5) for part in ("--teacher", f"teacher{number}"))
EVERY = ("rank", "--student", "student")
CASES = (
    Case("check, 10000 x 100 + 100", (10_000, 100, 100, 1), ("check",)),
    Case("the same, --stop-early", (10_000, 100, 100, 1), ("check", "--stop-early")),
    Case("the same, ksg", (10_000, 100, 100, 1), ("check", "-e", "ksg")),
    Case("the same, gaussian", (10_000, 100, 100, 1), ("check", "-e", "gaussian")),
    Case("the same, pilot", (10_000, 100, 100, 1), PILOT),
    Case(
        "the same again with another --margin",
        (10_000, 100, 100, 1),
        ("check",),
        again=("check", "--margin", "0.05"),
    ),
    Case("check, mfeat_views", (0, 0, 0, 0), ("check",)),
    Case("pilot, mfeat_views", (0, 0, 0, 0), PILOT),
    Case("rank of its 5 teachers", (0, 0, 0, 0), ("rank", "--student", "mor")),
    Case("rank of 10 teachers, 10000 x 100 + 100", (10_000, 100, 100, 10), EVERY),
    Case("check, 500 x 4096 + 1024", (500, 4096, 1024, 1), ("check",)),
    Case("the same, ksg, 500 x 4096 + 1024", (500, 4096, 1024, 1), ("check", "-e", "ksg")),
    Case("pilot, 500 x 4096 + 1024", (500, 4096, 1024, 1), PILOT),
    Case("check, 2000 x 4096 + 1024", (2000, 4096, 1024, 1), ("check",)),
    Case("the same, ksg, 2000 x 4096 + 1024", (2000, 4096, 1024, 1), ("check", "-e", "ksg")),
    Case("pilot, 2000 x 4096 + 1024", (2000, 4096, 1024, 1), PILOT),
    Case(
        "10,000 of 100,000 x 768 + 384, ksg",
        (100_000, 768, 384, 1),
        ("check", "-e", "ksg"),
        stored="f2",
    ),
    Case("10,000 of 100,000 x 768 + 384", (100_000, 768, 384, 1), ("check",), stored="f2"),
    Case("forecast, 700 x 8 + 8", (700, 8, 8, 1), ("forecast",)),
    Case("forecast of 5 teachers, 700 x 8 + 8", (700, 8, 8, 5), ("forecast", *FIVE)),
    Case("forecast, 10000 x 100 + 100", (10_000, 100, 100, 1), ("forecast",)),
    Case("forecast of 5 teachers, 10000 x 100 + 100", (10_000, 100, 100, 5), ("forecast", *FIVE)),
    Case(
        "50000 x 64 + 64, ksg",
        (50_000, 64, 64, 1),
        ("check", "-e", "ksg", "--max-samples", "50000"),
    ),
)


@dataclass(frozen=True)
class Cost:
    """What a command took, the median of its turns."""

    wall: float
    cpu: float
    gigabytes: float
    exit_code: int


def main() -> None:
    """Time the chosen cases and write what they cost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cases", help="part of the names of the cases that are timed")
    parser.add_argument("--before", type=Path, help="checkout of another version")
    parser.add_argument("--turns", type=int, default=1)
    chosen = parser.parse_args()
    versions = {"after": HERE}
    if chosen.before:
        versions["before"] = chosen.before.resolve()
    path = RESULTS / "cost.json"
    kept = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    cases = kept["cells"]
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if chosen.cases and chosen.cases not in case.name:
                continue
            file = write(case, Path(folder))
            turns = [
                {name: measure(case, file, code, Path(folder)) for name, code in versions.items()}
                for _ in range(chosen.turns)
            ]
            found = {name: middle([turn[name] for turn in turns]) for name in versions}
            cases[case.name] = {
                name: asdict(cost) for name, cost in found.items() if cost.exit_code != WRONG_USE
            }
            print(case.name, found, flush=True)
            if file.parent == Path(folder):
                file.unlink()
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    path.write_text(json.dumps({"machine": machine, "cells": cases}, indent=1) + "\n")
    print(overview(cases))


def overview(cases: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return the table of all cases that were timed."""

    def cell(cost: Mapping[str, float] | None) -> list[str]:
        if cost is None:
            return ["", "", ""]
        return [f"{cost['wall']:.1f}", f"{cost['cpu']:.1f}", f"{cost['gigabytes']:.2f}"]

    headers = [
        "case",
        *(f"{one} {name}" for name in ("before", "now") for one in ("wall s", "CPU s", "GB")),
    ]
    rows = [
        [case.name, *cell(found.get("before")), *cell(found.get("after"))]
        for case in CASES
        if (found := cases.get(case.name)) is not None
    ]
    return table(headers, rows)


def write(case: Case, folder: Path) -> Path:
    """Write what trained encoders give: ten classes, sixteen shared latents, ReLU features."""
    n, of_teacher, of_student, n_teachers = case.file
    if n == 0:
        return HERE / "fixtures" / "mfeat_views.h5"
    path, rng = folder / "sample.h5", np.random.default_rng(0)
    y = rng.integers(0, 10, n)
    latents = 1.2 * rng.normal(size=(10, 16))[y] + 0.8 * rng.normal(size=(n, 16))
    packed = {"compression": "gzip"} if case.stored == "f2" else {}
    with h5py.File(path, "w") as file:
        file["labels"] = y
        sides = [(f"teacher{t}", of_teacher, 1.0, 0.5 + 0.15 * t) for t in range(n_teachers)]
        for name, columns, strength, noise in [*sides, ("student", of_student, 0.8, 1.0)]:
            weights = rng.normal(size=(16, columns)) / 4
            features = strength * latents @ weights + noise * rng.normal(size=(n, columns)) + 0.1
            data = np.maximum(features, 0).astype(case.stored)
            file.create_dataset(f"representations/{name}", data=data, **packed)
        file.attrs["student"] = "student"
    return path


def measure(case: Case, file: Path, code: Path, folder: Path) -> Cost:
    """Run a command of the version in a folder, with a cache of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        if not case.again:
            return run(case.arguments, file, code, Path(cache))
        run(case.arguments, file, code, Path(cache))
        return run(case.again, file, code, Path(cache))


def run(arguments: Sequence[str], file: Path, code: Path, cache: Path) -> Cost:
    """Run a command and return what it took."""
    command, *options = arguments
    line = [sys.executable, "-m", "cch_audit", command, os.fspath(file), *options, "--quiet"]
    kept = {"PYTHONPATH": os.fspath(code), "XDG_CACHE_HOME": os.fspath(cache)}
    started = time.perf_counter()
    # Python looks in the working directory first, which must not be a checkout.
    process = subprocess.Popen(
        line,
        cwd=cache,
        env=os.environ | kept,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    status, usage, together = waited(process, LONGEST)
    wall = time.perf_counter() - started
    cpu = usage.ru_utime + usage.ru_stime
    gigabytes = max(usage.ru_maxrss * 2**10, together) / 2**30
    return Cost(wall, cpu, gigabytes, os.waitstatus_to_exitcode(status))


def waited(
    process: "subprocess.Popen[bytes]", longest: float
) -> tuple[int, resource.struct_rusage, int]:
    """Wait for a process, and end one that takes too long; return its memory with its children."""
    until, most = time.monotonic() + longest, 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return status, usage, most
        if time.monotonic() > until:
            process.kill()
        most = max(most, resident(process.pid))
        time.sleep(0.02)


def resident(pid: int) -> int:
    """Return the bytes of resident memory of a process and its children, where Linux tells."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * resource.getpagesize() + sum(map(resident, map(int, children)))


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the medians of several turns."""
    return Cost(
        *(median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "gigabytes")),
        costs[0].exit_code,
    )


if __name__ == "__main__":
    main()
