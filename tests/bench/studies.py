"""What does a study cost, beside the commands that it replaces, and with one worker and two?

`python -m tests.bench.studies` maps the six views of a digit with forecasts, beside six `rank`
commands, and then without networks in one thread and two, one process and two, and on a Dask
cluster of one worker and two, each a process of one thread. Each is a process from start to end,
with a cache of its own. Efficiency is the time of one over twice that of two. A table is printed
and written to results/studies.json.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import h5py
from distributed import Client

from tests.bench.cost import HERE, Cost, run
from tests.bench.journal import RESULTS
from tests.bench.summary import table
from tests.study.conftest import Cluster

FILE = HERE / "fixtures" / "mfeat_views.h5"
KSG = ("-e", "ksg", "--forecast")
BACKENDS = ("threads", "processes", "dask")


def main() -> None:
    """Time every case and write what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cases", help="part of the names of the cases that are timed")
    chosen = parser.parse_args()
    path = RESULTS / "studies.json"
    cells = json.loads(path.read_text())["cells"] if path.exists() else {}
    for name in cases():
        if chosen.cases and chosen.cases not in name:
            continue
        cells[name] = asdict(measure(name))
        print(name, cells[name], flush=True)
        machine = {"cores": os.cpu_count(), "python": platform.python_version()}
        path.write_text(json.dumps({"machine": machine, "cells": cells}, indent=1) + "\n")
    print(overview(cells))


def cases() -> list[str]:
    """Return the names of all cases."""
    spread = [f"map, ksg, {backend}, {n}" for backend in BACKENDS for n in (1, 2)]
    return ["six rank commands", "map", *spread]


def measure(name: str) -> Cost:
    """Run a case and return what it took; of several processes, what the slowest held."""
    with tempfile.TemporaryDirectory() as folder:
        if name == "six rank commands":
            with h5py.File(FILE) as file:
                students = list(file["representations"])
            lines = [("rank", "--student", student, "--forecast") for student in students]
            return total([run(line, FILE, HERE, Path(folder)) for line in lines])
        if name == "map":
            return run(("map", "--forecast"), FILE, HERE, Path(folder))
        _, _, backend, n = name.split(", ")
        options = ("map", *KSG, "--backend", backend)
        if backend != "dask":
            return run((*options, "--jobs", n), FILE, HERE, Path(folder))
        cluster = Cluster(Path(folder))
        try:
            cluster.start(int(n))
            with Client(cluster.address, set_as_default=False) as client:
                client.wait_for_workers(int(n))
            return run((*options, "--scheduler", cluster.address), FILE, HERE, Path(folder))
        finally:
            cluster.stop()


def total(costs: Sequence[Cost]) -> Cost:
    """Return what several commands took, one after the other."""
    return Cost(
        sum(cost.wall for cost in costs),
        sum(cost.cpu for cost in costs),
        max(cost.gigabytes for cost in costs),
        costs[0].exit_code,
    )


def overview(cells: Mapping[str, Mapping[str, float]]) -> str:
    """Return the table of all cases, with the efficiency of the second worker."""
    rows = []
    for name in cases():
        if (cost := cells.get(name)) is None:
            continue
        efficiency = ""
        if name.endswith(", 2") and (alone := cells.get(f"{name[:-1]}1")):
            efficiency = f"{alone['wall'] / 2 / cost['wall']:.2f}"
        rows.append([name, f"{cost['wall']:.1f}", efficiency])
    return table(["case", "wall s", "efficiency"], rows)


if __name__ == "__main__":
    main()
