"""How long do the kernel and the estimators take?

`python -m tests.bench.speed` prints tables and writes results/speed.json; `--help` lists the parts.
Ratios come from one run: what is compared takes turns, and medians are compared. All run
on one thread; the seconds of estimators are the processor's.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

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
from tests.bench.summary import table
from tests.bench.tasks import TASKS
from tests.reference import leave_one_out
from tests.reference import local_informations as slow_local_informations

NEIGHBORS = 3
PARTS = ("kernel", "groups", "estimators")
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
    parser = argparse.ArgumentParser(description="Time of kernel and estimators.")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS / "speed.json")
    options = parser.parse_args()
    parts = {
        "kernel": kernel,
        "groups": groups,
        "estimators": estimators,
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
