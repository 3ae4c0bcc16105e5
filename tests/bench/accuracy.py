"""How far from the truth is each estimator, what does it cost, and what do its peers do?

`python -m tests.bench.accuracy --help` lists the options. Every task, size and seed is drawn once
and given to all methods; a method runs in a process of its own with one thread. Cells go to
results/accuracy.jsonl as they are measured and are not measured again, so an interrupted run goes
on; `--fresh` forgets those of the chosen methods. The summary is printed and written to
results/accuracy.json, with a figure for each size beside it, and to another file for
`--families "held out"` through `--output`. Methods and sizes that are not chosen keep the numbers
that are there, but for ratios of two methods, which need both.
"""

import argparse
import json
import os
import platform
import queue
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cch_audit import __version__
from tests.bench.drawing import draw_errors
from tests.bench.held_out import HELD_OUT
from tests.bench.journal import RESULTS, Cell, Journal
from tests.bench.peers.process import ENVIRONMENTS, Workers, installed
from tests.bench.summary import print_tables, summarize
from tests.bench.task import Task
from tests.bench.tasks import TASKS

OURS = ("ksg", "mine", "lmi", "gaussian", "ksg corrected", "lmi corrected")
PEERS = tuple(name for name in ENVIRONMENTS if name not in ("bmi infonce", "mist infonce"))
"""Without the two slowest, which take about a minute a cell; name them to have them."""
KEY = ("method", "task", "n", "seed")


def main() -> None:
    options = _options()
    methods = [*options.estimators, *filter(installed, options.peers)]
    if missing := sorted(set(options.peers) - set(methods)):
        print(f"left out, as not installed: {', '.join(missing)}", file=sys.stderr)
    tasks = [task for task in (*TASKS, *HELD_OUT) if _chosen(task, options)]
    journal = Journal(options.journal, KEY)
    wanted = [
        _cell(method, task, n, seed)
        for seed in range(options.seeds)
        for n in options.n
        for task in tasks
        for method in methods
        if _applies(method, task)
    ]
    if options.fresh:
        journal.forget(wanted)
    if not options.summary:
        measure(wanted, {task.name: task for task in tasks}, journal, options.jobs, options.timeout)
    cells = journal.cells(wanted)
    found = summarize(cells)
    if options.output.exists():
        found = with_others(found, json.loads(options.output.read_text(encoding="utf-8")))
    print_tables(found)
    record = {
        "name": "accuracy",
        "versions": {"cch-audit": __version__, "python": platform.python_version()},
        "cores": os.cpu_count(),
        "jobs": options.jobs,
        "time_limit": options.timeout,
        "sizes": sorted(map(int, found["families"])),
        **found,
    }
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for n, families in found["families"].items():
        drawn = options.output.with_name(f"{options.output.stem}-{n}.svg")
        draw_errors(families, f"{n} rows", drawn)


def with_others(found: Cell, before: Cell) -> Cell:
    """Return what was found, and of the summary before what was not asked for now."""
    joined = dict(found)
    for part in ("families", "tasks"):
        joined[part] = {
            size: {
                group: before[part].get(size, {}).get(group, {})
                | found[part].get(size, {}).get(group, {})
                for group in before[part].get(size, {}) | found[part].get(size, {})
            }
            for size in before[part] | found[part]
        }
    joined["ratios"] = before["ratios"] | found["ratios"]
    return joined


def measure(
    wanted: list[Cell], tasks: dict[str, Task], journal: Journal, jobs: int, timeout: float
) -> None:
    """Measure the cells that the journal lacks, some at a time."""
    todo: queue.SimpleQueue[list[Cell]] = queue.SimpleQueue()
    for cells in _by_sample(wanted):
        missing = [cell for cell in cells if cell not in journal]
        if missing:
            todo.put(missing)

    def work() -> None:
        with Workers(threads=1) as workers, tempfile.TemporaryDirectory() as folder:
            while True:
                try:
                    cells = todo.get_nowait()
                except queue.Empty:
                    return
                task, n, seed = tasks[cells[0]["task"]], cells[0]["n"], cells[0]["seed"]
                x, y = task.sample(n, np.random.default_rng([task.seed, n, seed]))
                data = Path(folder) / "sample.npz"
                np.savez(data, x=x, y=y)
                for cell in cells:
                    reply = workers.ask(cell["method"], data, seed, timeout)
                    journal.add(cell | {"truth": task.truth.information} | reply)

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _by_sample(wanted: list[Cell]) -> Iterator[list[Cell]]:
    """Group cells that share a sample, in order."""
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in wanted:
        groups.setdefault((cell["task"], cell["n"], cell["seed"]), []).append(cell)
    yield from groups.values()


def _cell(method: str, task: Task, n: int, seed: int) -> Cell:
    return {"method": method, "task": task.name, "family": task.family, "n": n, "seed": seed}


def _applies(method: str, task: Task) -> bool:
    """Whether a method takes data of this kind; the worker knows the rest."""
    return not (method.startswith(("bmi ksg", "infomeasure")) and task.has_classes)


def _chosen(task: Task, options: argparse.Namespace) -> bool:
    """Whether a task is in the families, held-out ones only if named, and matches `--only`."""
    families = options.families or {one.family for one in TASKS}
    return task.family in families and (
        not options.only or any(word in task.name for word in options.only)
    )


def _options() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [] if text == "none" else text.split(",")

    def sizes(text: str) -> list[int]:
        return [int(size) for size in text.split(",")]

    parser = argparse.ArgumentParser(description="Accuracy of the estimators and their peers.")
    parser.add_argument("--n", type=sizes, default=[500, 2000, 10_000], help="rows, e.g. 500,2000")
    parser.add_argument("--seeds", type=int, default=5, help="samples of each task and size")
    parser.add_argument("--families", type=names, help="families of tasks; the default is all "
                        "but the held-out one")  # fmt: skip
    parser.add_argument("--only", type=names, help="parts of task names")
    parser.add_argument("--estimators", type=names, default=list(OURS), help="ours, or none")
    parser.add_argument("--peers", type=names, default=list(PEERS), help="peers, or none")
    parser.add_argument("--jobs", type=int, default=1, help="samples worked on at a time")
    parser.add_argument("--timeout", type=float, default=300.0, help="most seconds of one call")
    parser.add_argument("--fresh", action="store_true", help="measure the chosen cells again")
    parser.add_argument("--summary", action="store_true", help="measure nothing, print the tables")
    parser.add_argument("--journal", type=Path, default=RESULTS / "accuracy.jsonl")
    parser.add_argument("--output", type=Path, default=RESULTS / "accuracy.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
