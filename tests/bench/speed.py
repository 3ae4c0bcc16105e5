"""How long do the kernel, the estimators and the whole command take?

`python -m tests.bench.speed` prints tables and writes results/speed.json; `--help` lists the parts.
Ratios come from one run: what is compared takes turns, and medians are compared. The kernel and the
estimators run on one thread; the seconds of estimators are the processor's. A command is a process
from its start to its end, with its peak of resident memory.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
from threadpoolctl import threadpool_limits

from cch_audit import __version__
from cch_audit.dependence.units import Dependence
from cch_audit.estimators.knn import local_informations
from cch_audit.estimators.knn_units import local_informations_of_units
from tests.bench.journal import RESULTS
from tests.bench.peers.process import Workers, installed
from tests.bench.peers.worker import npeet
from tests.bench.plain import all_distances, plain_ksg
from tests.bench.populations import Clusters
from tests.bench.summary import table
from tests.bench.tasks import TASKS, balanced
from tests.reference import leave_one_out
from tests.reference import local_informations as slow_local_informations

NEIGHBORS = 3
PARTS = ("kernel", "groups", "estimators", "commands")
GROUP_SIZES = (2, 5, 20)
ESTIMATORS = ("ksg", "mine", "lmi", "gaussian")
PEERS = ("npeet ksg", "bmi ksg", "bmi mine", "mist mine", "mist smile", "latentmi")


def kernel(repetitions: int) -> dict[str, Any]:
    """Time the KSG kernel against brute force, the bare arithmetic and trees, on one thread.

    Two bounds for the arithmetic: all distances by the same loop, with nothing done with them, and
    the two matrix products x x' and y y', 2 n^2 (d + q) operations at the best rate of the machine.
    """
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 10_000, 64))
    y = 0.5 * x + y
    seconds = take_turns(
        {
            "kernel with pseudo-values": lambda: local_informations(x, y, NEIGHBORS),
            "plain estimate": lambda: plain_ksg(x, y, NEIGHBORS),
            "distances alone": lambda: all_distances(x, y),
            "matrix products alone": lambda: (x @ x.T, y @ y.T),
        },
        repetitions,
    )
    seconds |= take_turns({"NPEET's algorithm": lambda: npeet(x, y, 0, NEIGHBORS)}, 1, warm=False)
    ours = seconds["kernel with pseudo-values"]
    return {
        "seconds": seconds,
        "kernel is so many times": {name: ours / value for name, value in seconds.items()},
        "difference from the reference": difference_from_reference(),
    }


def groups(repetitions: int) -> dict[str, Any]:
    """Time the KSG kernel with groups of several sizes, in any order, against that without."""
    found: dict[str, Any] = {}
    for n, columns in ((3000, 4), (10_000, 4), (3000, 64), (10_000, 64)):
        rng = np.random.default_rng(0)
        x, y = rng.standard_normal((2, n, columns))
        calls = {"without": lambda x=x, y=y: local_informations(x, y, NEIGHBORS)}
        for size in GROUP_SIZES:
            dependence = Dependence.of(rng.permutation(n) // size, None, 0, n)
            calls[f"groups of {size}"] = lambda x=x, y=y, inside=dependence: (
                local_informations_of_units(x, y, NEIGHBORS, inside)
            )
        seconds = take_turns(calls, repetitions)
        found[f"{n} rows, {columns} + {columns} columns"] = {
            "seconds": seconds,
            "times without": {name: value / seconds["without"] for name, value in seconds.items()},
        }
    return found


def difference_from_reference() -> float:
    """Return the largest difference from the slow reference, of terms and leave-one-out values."""
    x, y = np.random.default_rng(1).standard_normal((2, 200, 6))
    terms, without = local_informations(x, y, NEIGHBORS)
    return float(
        max(
            np.abs(terms - slow_local_informations(x, y, NEIGHBORS)).max(),
            np.abs(without - leave_one_out(x, y, NEIGHBORS)).max(),
        )
    )


def estimators(repetitions: int) -> dict[str, Any]:
    """Time the estimators and their peers at n = 2000, 128 + 128, one thread as in an audit."""
    task = next(task for task in TASKS if task.name == "relu 128")
    methods = [*ESTIMATORS, *filter(installed, PEERS)]
    found: dict[str, list[float]] = {method: [] for method in methods}
    with tempfile.TemporaryDirectory() as folder, Workers(threads=1) as workers:
        data, small = (Path(folder) / name for name in ("sample.npz", "small.npz"))
        for path, n in ((data, 2000), (small, 200)):
            x, y = task.sample(n, np.random.default_rng(n))
            np.savez(path, x=x, y=y)
        for turn in range(repetitions):
            for method in methods:
                if turn == 0 and method not in ("latentmi", "mist mine"):
                    workers.ask(method, small, 0, 600)  # imports and compiles
                if method == "latentmi" and turn > 0:
                    continue  # minutes a call
                reply = workers.ask(method, data, turn, 600)
                found[method].append(reply.get("cpu_seconds", float("nan")))
    seconds = {method: median(times) for method, times in found.items()}
    return {
        "seconds": seconds,
        "times faster": {
            one: {peer: seconds[peer] / seconds[one] for peer in seconds if peer in PEERS}
            for one in ESTIMATORS
        },
    }


def commands(repetitions: int) -> dict[str, Any]:
    """Time whole runs of the program on 10,000 rows of 100 + 100 columns and 10 classes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.h5"
        names = write_sample(path, 10_000, 100, n_teachers=10)
        one = ["check", os.fspath(path), "--teacher", names[0], "--student", "student", "--quiet"]
        runs = {f"check --estimator {e}": [*one, "--estimator", e] for e in ESTIMATORS}
        runs["check"] = one
        runs["rank of 10 teachers"] = ["rank", os.fspath(path), "--student", "student", "--quiet"]
        measured: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
        for _ in range(repetitions):
            for name, arguments in runs.items():
                measured[name].append(whole_process(arguments))
    return {
        name: {
            "seconds": median(one["seconds"] for one in runs_of),
            "cpu_seconds": median(one["cpu_seconds"] for one in runs_of),
            "peak_mb": max(one["peak_mb"] for one in runs_of),
        }
        for name, runs_of in measured.items()
    }


def write_sample(path: Path, n: int, columns: int, n_teachers: int) -> list[str]:
    """Write a student, teachers that see the same classes, and labels; return the teachers."""
    rng = np.random.default_rng(0)
    views = [Clusters.drawn(2.5, balanced(10), columns, seed) for seed in range(n_teachers + 1)]
    labels = views[0].classes(n, rng)
    names = [f"teacher_{number}" for number in range(n_teachers)]
    with h5py.File(path, "w") as file:
        file["labels"] = labels
        for name, view in zip(["student", *names], views):
            file[name] = np.maximum(view.around(labels, rng), 0)
    return names


def whole_process(arguments: list[str]) -> dict[str, float]:
    """Run the program; return seconds from start to end, those of the processor, and peak memory.

    The processor's seconds are over all cores and hardly depend on what else runs.
    """
    started = time.perf_counter()
    program = [sys.executable, "-m", "cch_audit", *arguments]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawn(sys.executable, program, dict(os.environ), file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1, 3):
        raise SystemExit(f"{' '.join(program)} exited {code}")
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def take_turns(
    ways: Mapping[str, Callable[[], object]], repetitions: int, warm: bool = True
) -> dict[str, float]:
    """Return the median seconds of each way, one thread each, in alternating order."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with threadpool_limits(1):
        for run in ways.values() if warm else ():
            run()
        for number in range(repetitions):
            for way in list(ways)[:: -1 if number % 2 else 1]:
                started = time.perf_counter()
                ways[way]()
                seconds[way].append(time.perf_counter() - started)
    return {way: median(times) for way, times in seconds.items()}


def show(name: str, found: Mapping[str, Any]) -> None:
    """Print one part's numbers."""
    print(f"\n{name}")
    if name == "commands":
        head = ["seconds", "cpu_seconds", "peak_mb"]
        rows = [[run, *(f"{one[what]:.3g}" for what in head)] for run, one in found.items()]
        print(table(["command", *head], rows))
        return
    for what, values in found.items():
        if not isinstance(values, Mapping):
            print(f"{what}: {values:.2g}")
        elif any(isinstance(value, Mapping) for value in values.values()):
            peers = list(next(iter(values.values())))
            rows = [[one, *(f"{by[peer]:.3g}" for peer in peers)] for one, by in values.items()]
            print(table([what, *peers], rows))
        else:
            print(table([what, ""], [[way, f"{value:.3g}"] for way, value in values.items()]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of kernel, estimators and commands.")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS / "speed.json")
    options = parser.parse_args()
    parts = {
        "kernel": kernel,
        "groups": groups,
        "estimators": estimators,
        "commands": commands,
    }
    earlier = json.loads(options.output.read_text()) if options.output.exists() else {}
    found = {part: parts[part](options.repetitions) for part in options.parts}
    for name, measured in found.items():
        show(name, measured)
    record = earlier | {
        "name": "speed",
        "versions": {"cch-audit": __version__, "python": platform.python_version()},
        "cores": os.cpu_count(),
        "repetitions": earlier.get("repetitions", {})
        | dict.fromkeys(options.parts, options.repetitions),
        **found,
    }
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
