"""How do time and memory grow with rows, columns and teachers?

`python -m tests.bench.scaling` times every estimator, in a process of its own with one thread, as
n grows at 64 + 64 columns and as d grows at 2000 rows, and whole `rank` commands as teachers are
added; it prints the slopes of the log-log lines over the upper half of the sizes and writes
results/scaling.json and results/scaling.png.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from cch_audit import __version__
from tests.bench import cost
from tests.bench.embeddings import relu
from tests.bench.journal import RESULTS
from tests.bench.peers.process import Workers, installed
from tests.bench.populations import correlated
from tests.bench.summary import table
from tests.bench.task import Task

METHODS = ("ksg", "mine", "lmi", "gaussian", "npeet ksg")
ROWS = (500, 1000, 2000, 5000, 10_000)
COLUMNS = (2, 8, 32, 128, 512, 1024)
TEACHERS = (1, 2, 4, 8)
AT_ROWS, AT_COLUMNS = 2000, 64
RANKS: dict[str, tuple[str, ...]] = {"rank": (), "rank -e ksg": ("-e", "ksg")}


def measure(method: str, n: int, d: int, repetitions: int, timeout: float) -> dict[str, float]:
    """Return median seconds and peak memory of one method on n rows of d + d columns."""
    latent = min(4, d)
    task = Task("scaling", "", correlated((0.8,) * latent), relu(latent, d, 1), relu(latent, d, 2))
    with tempfile.TemporaryDirectory() as folder, Workers(threads=1) as workers:
        data, small = (Path(folder) / name for name in ("sample.npz", "small.npz"))
        for path, rows in ((data, n), (small, 100)):
            x, y = task.sample(rows, np.random.default_rng(rows))
            np.savez(path, x=x, y=y)
        workers.ask(method, small, 0, timeout)  # imports and compiles
        replies = []
        for seed in range(repetitions):
            replies.append(workers.ask(method, data, seed, timeout))
            if "seconds" not in replies[-1]:
                return {}
    return {
        "seconds": median(reply["seconds"] for reply in replies),
        "peak_mb": max(reply["peak_mb"] for reply in replies),
    }


def by_teachers(options: tuple[str, ...], n_teachers: int) -> dict[str, float]:
    """Return wall seconds and peak memory of a command that ranks so many teachers."""
    case = cost.Case("", (AT_ROWS, AT_COLUMNS, AT_COLUMNS, n_teachers), (*cost.EVERY, *options))
    with tempfile.TemporaryDirectory() as folder:
        taken = cost.measure(case, cost.write(case, Path(folder)), cost.HERE, Path(folder))
    return {"seconds": taken.wall, "peak_mb": taken.gigabytes * 2**10}


def slope(sizes: list[int], values: list[float]) -> float:
    """Return the exponent of the power law through the upper half of the sizes."""
    upper = len(sizes) // 2
    if len(sizes[upper:]) < 2:
        return float("nan")
    return float(np.polyfit(np.log(sizes[upper:]), np.log(values[upper:]), 1)[0])


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw seconds and memory against what grows, log-log, slopes in the legend."""
    figure = Figure(figsize=(14, 7), layout="constrained")
    axes = figure.subplots(2, len(found))
    for column, (by, lines) in enumerate(found.items()):
        for row, (what, label) in enumerate((("seconds", "seconds"), ("peak_mb", "peak MB"))):
            axis = axes[row, column]
            for method, line in lines.items():
                exponent = line["slopes"][what]
                axis.loglog(line["sizes"], line[what], "o-", label=f"{method}: {exponent:.2f}")
            sizes = max((line["sizes"] for line in lines.values()), key=len)
            axis.set_xticks(sizes, map(str, sizes))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.set_xlabel(by)
            axis.set_ylabel(label)
            axis.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def overview(found: dict[str, Any]) -> str:
    """Return seconds at the largest size, and the exponents of seconds and of memory."""
    rows = []
    for by, lines in found.items():
        for method, line in lines.items():
            slopes = [f"{line['slopes'][what]:.2f}" for what in ("seconds", "peak_mb")]
            rows.append([by, method, str(line["sizes"][-1]), f"{line['seconds'][-1]:.2g}", *slopes])
    return table(["by", "what", "at most", "seconds", "exponent", "exponent of memory"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory as the data grow.")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=300.0, help="most seconds of one call")
    parser.add_argument("--output", type=Path, default=RESULTS / "scaling.json")
    options = parser.parse_args()
    limits = {"repetitions": options.repetitions, "timeout": options.timeout}
    methods = list(filter(installed, options.methods))
    axes: dict[str, tuple[tuple[int, ...], Mapping[str, Callable[[int], dict[str, float]]]]] = {
        f"rows, {AT_COLUMNS} + {AT_COLUMNS} columns": (
            ROWS,
            {one: partial(measure, one, d=AT_COLUMNS, **limits) for one in methods},
        ),
        f"columns a side, {AT_ROWS} rows": (
            COLUMNS,
            {one: partial(measure, one, AT_ROWS, **limits) for one in methods},
        ),
        f"teachers, {AT_ROWS} rows of {AT_COLUMNS} + {AT_COLUMNS} columns": (
            TEACHERS,
            {name: partial(by_teachers, options) for name, options in RANKS.items()},
        ),
    }
    found: dict[str, Any] = {}
    for by, (sizes, ways) in axes.items():
        found[by] = {}
        for name, way in ways.items():
            line: dict[str, Any] = {"sizes": [], "seconds": [], "peak_mb": []}
            for size in sizes:
                cell = way(size)
                if not cell:
                    break  # out of time; larger ones would be too
                line["sizes"].append(size)
                line["seconds"].append(cell["seconds"])
                line["peak_mb"].append(cell["peak_mb"])
            line["slopes"] = {w: slope(line["sizes"], line[w]) for w in ("seconds", "peak_mb")}
            found[by][name] = line
            print(by, name, [f"{seconds:.3g}" for seconds in line["seconds"]], flush=True)
    print(overview(found))
    record = {"name": "scaling", "versions": {"cch-audit": __version__}, "cells": found}
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draw(found, options.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
