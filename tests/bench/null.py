"""Do rows that depend on each other ever make a verdict? Teacher and student share nothing here.

`python -m tests.bench.null --help` lists the options. Every sample of every pattern is audited as
`check` does it, at both levels: with the groups or the window that a user would give ("known") and
without ("unknown"), where only a trace in the rows can withhold the verdict. Beside it the same
patterns with a teacher that shares much ("shared"), also with one row of each group only, and how
often the traces are found in independent rows ("alarms"). Samples go to a journal as they are
judged; tables are printed and written to results/null.json.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from cch_audit import __version__
from cch_audit.dependence.doubts import find_doubts
from cch_audit.estimators import KsgSettings
from cch_audit.reading.load import MIN_ROWS, load_sample
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings, InputSettings
from tests.auditing.whole import audit
from tests.bench.dependent import PATTERNS
from tests.bench.journal import RESULTS, Cell, Journal
from tests.bench.summary import table
from tests.bench.task import Task
from tests.bench.tasks import TASKS
from tests.bench.worlds import WORLDS
from tests.samplers import audited

KEY = ("pattern", "mode", "n", "estimators", "seed")
MODES = ("known", "unknown", "shared", "one of each")
LEVELS = ("representations", "predictions")
ALL = "all"
FIXTURES = Path(__file__).parents[2] / "fixtures"


def judge(pattern: str, mode: str, n: int, estimators: str, seed: int) -> Cell:
    """Audit one sample; what is in doubt anyway is not estimated."""
    world, shared = PATTERNS[pattern], mode in ("shared", "one of each")
    if mode == "one of each":
        sample = world.one_of_each(n, seed, shared)
    else:
        sample = world.sample(n, seed, shared, known=mode != "unknown")
    names: tuple[str, ...] = tuple(estimators.split("+"))
    cell: Cell = dict(zip(KEY, (pattern, mode, n, estimators, seed)))
    settings = EstimatorSettings()
    undecided = {level: dict.fromkeys((*names, ALL), "undecided") for level in LEVELS}
    if sample.n_samples < MIN_ROWS:  # the program refuses so few
        return cell | {"doubts": ["few_rows"], "verdicts": undecided}
    with threadpool_limits(1):
        doubts = find_doubts(sample, "teacher", settings.of(KsgSettings).n_neighbors, seed)
        cell["doubts"] = [doubt.kind for doubt in doubts]
        if doubts:
            return cell | {"verdicts": undecided}
        (found,) = audit(sample, AuditSettings(estimator=names, jobs=1), settings, seed)
    return cell | {
        "verdicts": {
            level: {
                **{name: result.verdict for name, result in found.levels[level].estimators.items()},
                ALL: found.levels[level].verdict,
            }
            for level in LEVELS
        },
        "estimates": {
            name: [result.teacher_student.estimate, result.student_labels.estimate]
            for name, result in found.levels["representations"].estimators.items()
        },
    }


def wrong(cell: Cell, verdict: str) -> bool:
    """Return whether a verdict is false: a pass where nothing is shared, a fail where much is."""
    shared = cell["mode"] in ("shared", "one of each")
    return verdict == ("fail" if shared else "pass")


def summarize(cells: list[Cell]) -> list[dict[str, Any]]:
    """Return, by pattern, mode and size, the shares of doubts and of verdicts."""
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell[part] for part in KEY[:-1]), []).append(cell)
    rows = []
    for (pattern, mode, n, estimators), group in groups.items():
        for level in LEVELS:
            for name in group[0]["verdicts"][level]:
                said = [cell["verdicts"][level][name] for cell in group]
                false = [wrong(cell, verdict) for cell, verdict in zip(group, said)]
                rows.append(
                    {
                        "pattern": pattern,
                        "mode": mode,
                        "n": n,
                        "estimators": estimators,
                        "level": level,
                        "rule": name,
                        "samples": len(group),
                        "doubted": float(np.mean([bool(cell["doubts"]) for cell in group])),
                        "passed": said.count("pass") / len(said),
                        "failed": said.count("fail") / len(said),
                        "false": float(np.mean(false)),
                        "trace": PATTERNS[pattern].trace,
                    }
                )
    return rows


def overview(rows: list[dict[str, Any]]) -> str:
    """Return what README.md shows, by pattern and mode, of all sizes, levels and rules together.

    Shares of samples that were withheld and decided by the default rule, and the largest share of
    false verdicts of any size, level, estimator and rule.
    """
    modes = [mode for mode in MODES if any(row["mode"] == mode for row in rows)]
    found: dict[str, list[str]] = {}
    for pattern in dict.fromkeys(row["pattern"] for row in rows):
        cells = [row for row in rows if row["pattern"] == pattern]
        trace = "" if cells[0]["trace"] else " (no trace)"
        found[pattern + trace] = [
            _shares([row for row in cells if row["mode"] == mode]) for mode in modes
        ]
    return table(["rows", *modes], [[name, *shares] for name, shares in found.items()])


def _shares(cells: list[dict[str, Any]]) -> str:
    rules = [cell for cell in cells if cell["rule"] == ALL]
    if not rules:
        return ""
    weights = [cell["samples"] for cell in rules]
    withheld = np.average([cell["doubted"] for cell in rules], weights=weights)
    decided = np.average([cell["passed"] + cell["failed"] for cell in rules], weights=weights)
    return f"{withheld:.2f} / {decided:.2f} / {max(cell['false'] for cell in cells):.2f}"


def alarms(n_samples: int) -> list[dict[str, Any]]:
    """Return how often traces are found in independent rows."""
    found = []
    for name, samples in _independent(n_samples):
        kinds = [
            [doubt.kind for doubt in find_doubts(sample, teacher, 3, seed)]
            for seed, sample in enumerate(samples)
            for teacher in sample.teachers
        ]
        found.append(
            {
                "rows": name,
                "samples": len(kinds),
                "copies": sum("near_copies" in one for one in kinds),
                "order": sum("file_order" in one for one in kinds),
            }
        )
    return found


def _independent(n_samples: int) -> Iterator[tuple[str, list[Sample]]]:
    """Yield the tasks, the worlds, copies of the student and the fixtures."""
    for n in (300, 1000, 3000):
        for task in TASKS:
            seeds = range(max(1, n_samples // 10))
            yield f"task: {task.name}, {n}", [_of_task(task, n, seed) for seed in seeds]
        for name, world in WORLDS.items():
            samples = [world.sample(n, seed) for seed in range(n_samples)]
            yield f"world: {name}, {n}", samples
            yield f"copy of the student: {name}, {n}", [_copied(sample) for sample in samples]
    for path in sorted(FIXTURES.glob("*.h5")):
        yield f"fixture: {path.stem}", [load_sample(path, InputSettings(), every_teacher=True)]


def _of_task(task: Task, n: int, seed: int) -> Sample:
    """Take x for the teacher and y for the student, or the other way round for classes."""
    x, y = task.sample(n, np.random.default_rng([task.seed, seed]))
    if y.ndim == 1:
        return audited(
            {"teacher": x}, x[:, : max(1, x.shape[1] // 2)], np.unique(y, return_inverse=True)[1]
        )
    student = np.asarray(y, dtype=np.float64)
    return audited({"teacher": x}, student, student[:, :1])


def _copied(sample: Sample) -> Sample:
    """Let a stretched copy of the student, with little noise, be the teacher."""
    rng = np.random.default_rng(0)
    near = 2 * sample.student + 0.01 * sample.student.std() * rng.standard_normal(
        sample.student.shape
    )
    return audited({"teacher": near}, sample.student, sample.labels.values)


def main() -> None:
    options = _options()
    journal = Journal(options.journal, KEY)
    wanted = [
        dict(zip(KEY, (pattern, mode, n, options.estimators, seed)))
        for n in options.n
        for mode in options.modes
        for pattern in options.patterns
        if _applies(pattern, mode)
        for seed in range(options.samples)
    ]
    missing = [] if options.summary else [cell for cell in wanted if cell not in journal]
    made = Parallel(n_jobs=options.jobs, return_as="generator_unordered")(
        delayed(judge)(**cell) for cell in missing
    )
    for cell in made:
        journal.add(cell)
    rows = summarize(journal.everything())
    print(overview(rows))
    before = json.loads(options.output.read_text()) if options.output.exists() else {}
    found = alarms(options.alarms) if options.alarms else before.get("alarms", [])
    print(table(list(found[0]), [[str(v) for v in row.values()] for row in found]) if found else "")
    record = {
        "name": "null",
        "versions": {"cch-audit": __version__},
        "cells": rows,
        "alarms": found,
    }
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _applies(pattern: str, mode: str) -> bool:
    """Return whether there is anything to know, and a group to take one row of."""
    world = PATTERNS[pattern]
    (_, groups) = world.draw(60, np.random.default_rng(0), False)
    if mode == "one of each":
        return groups is not None and world.window == 0
    return mode == "unknown" or groups is not None or world.window > 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verdicts on rows that depend on each other.")
    parser.add_argument("--n", type=lambda text: [int(n) for n in text.split(",")],
                        default=[300, 1000, 3000], help="rows, e.g. 300,1000")  # fmt: skip
    parser.add_argument("--samples", type=int, default=40, help="samples of each cell")
    parser.add_argument("--estimators", default="ksg+mine+lmi", help="joined by +")
    parser.add_argument("--modes", type=lambda text: text.split(","), default=list(MODES))
    parser.add_argument("--patterns", type=lambda text: text.split(";"), default=list(PATTERNS))
    parser.add_argument("--alarms", type=int, default=0, help="samples of each independent world")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1 takes every core")
    parser.add_argument("--summary", action="store_true", help="judge nothing, print the tables")
    parser.add_argument("--journal", type=Path, default=RESULTS / "null.jsonl")
    parser.add_argument("--output", type=Path, default=RESULTS / "null.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
