"""Are outcomes of training runs true? Files of populations whose true change is measured.

`python -m tests.bench.outcomes --help` lists the options. A cell is a population, a number of rows
and of training rows. Its true change is the mean over many independent training and validation
sets, drawn and split as in a file, each scored on fresh rows. Then `confirm` judges independent
files under its own stopping rule, and what its intervals and outcomes say is held against the
truth. Everything goes to a journal as it is measured, and is not measured again; the table is
printed and written to results/outcomes.json.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from cch_audit import __version__
from cch_audit.distillation.arms import BASELINE, DISTILLED, parse_grid
from cch_audit.distillation.confirm import confirm, plan_experiment
from cch_audit.distillation.experiment import Learner, Task, repeat
from cch_audit.distillation.metrics import METRICS, scale
from cch_audit.distillation.splits import Split, draw_split
from cch_audit.results import LOWER_IS_BETTER
from cch_audit.rows import is_classes
from tests.bench.journal import RESULTS, Journal
from tests.bench.journal import Cell as Entry
from tests.bench.outcome_worlds import CELLS, FAMILIES, ZEROS, Cell
from tests.bench.summary import table

KEY = ("cell", "what", "seed")
FRESH = 1000
"""Rows that score a training set of the truth."""
SETS = 10
"""Training sets that are trained side by side."""
BATCH = 50
"""Training sets of an entry of the journal."""
MOST_SETS, LEAST_SETS = 2000, 200
PRECISE = 0.1
"""Standard error of a truth, as a share of the half width of an interval, that is enough."""
LADDER = (0.3, 0.6, 0.9, 1.3, 2.0, 3.0, 5.0, 8.0)
"""Noises of a teacher among which a change of zero is looked for."""
CALIBRATION = 10_000
"""First seed of the training sets that are for that alone."""


def judge_file(cell: Cell, seed: int) -> Entry:
    """Judge one file under the stopping rule."""
    started = time.process_time()
    sample = cell.draw(cell.n, np.random.default_rng([seed, 1]))
    settings = cell.settings(seed)
    experiment = plan_experiment(sample, settings, parse_grid(settings), 0.95, 1)
    with threadpool_limits(1):
        found = confirm(sample, "teacher", experiment, cell.train)
    return {
        "cell": cell.name,
        "what": "file",
        "seed": seed,
        "metric": experiment.metric,
        "outcome": found.outcome,
        "cause": found.cause,
        "repetitions": found.n_repetitions,
        "irreducible": found.metrics[experiment.metric].change.irreducible,
        "cpu_seconds": time.process_time() - started,
        "least": {
            metric: settings.min_effect * scale(metric, experiment.y) for metric in found.metrics
        },
        "changes": {
            metric: [one.change.estimate, one.change.low, one.change.high, one.outcome]
            for metric, one in found.metrics.items()
        },
    }


def measure_truth(cell: Cell, seed: int, noise: float | None = None) -> Entry:
    """Measure what a teacher changes, over a batch of independent training sets."""
    rng = np.random.default_rng([seed, 2])
    with threadpool_limits(1):
        changes = [
            change for _ in range(BATCH // SETS) for change in _truths(cell, noise, rng)
        ]  # BATCH times the change of each metric
    names = list(changes[0])
    values = np.array([[change[name] for name in names] for change in changes])
    return {
        "cell": cell.name,
        "what": "truth",
        "seed": seed,
        "sets": len(values),
        "mean": dict(zip(names, values.mean(axis=0).tolist(), strict=True)),
        "square": dict(zip(names, (values**2).mean(axis=0).tolist(), strict=True)),
    }


def _truths(
    cell: Cell, noise: float | None, rng: np.random.Generator
) -> Iterator[dict[str, float]]:
    """Yield the change of every metric for some training sets, each scored on fresh rows."""
    size = cell.n + FRESH
    sample = cell.draw(SETS * size, rng, noise)
    y, dependence = sample.labels.values, sample.dependence
    if not is_classes(y):
        # Of the population: in units of its variance.
        y = y / cell.draw(200_000, np.random.default_rng(0), noise).labels.values.std(axis=0)
    splits = []
    for start in range(0, len(y), size):
        rows = np.arange(start, start + cell.n)
        within = None if dependence is None else dependence.take(rows)
        split = draw_split(y[rows], within, cell.train, rng)
        fresh = np.arange(start + cell.n, start + size)
        splits.append(Split(rows[split.train], rows[split.validation], fresh))
    settings = cell.settings(0)
    classes = is_classes(y)
    task = Task(
        y=y,
        n_outputs=len(sample.labels.class_names) if classes else y.shape[1],
        student=sample.student,
        teacher=sample.teachers["teacher"],
        outputs=None,
        dependence=dependence,
        fusion=False,
    )
    learner = Learner(0, settings.epochs, parse_grid(settings), METRICS[classes][0])
    for found in repeat(task, splits, learner, rng.spawn(len(splits)), controls=False):
        both = found.arms[DISTILLED], found.arms[BASELINE]
        yield {one: float((both[0][one] - both[1][one]).mean()) for one in METRICS[classes]}


def calibrate(cell: Cell, n_jobs: int) -> float:
    """Return the noise of a teacher at which the deciding metric does not change.

    A ladder of noises brackets it; between the two steps it is measured more closely.
    """
    metric = _deciding(cell)

    def gain(noise: float, n_batches: int) -> float:
        made = Parallel(n_jobs=n_jobs)(
            delayed(measure_truth)(cell, CALIBRATION + batch, noise) for batch in range(n_batches)
        )
        change = float(np.mean([entry["mean"][metric] for entry in made]))
        return -change if metric in LOWER_IS_BETTER else change

    brackets = pairwise(LADDER)
    below, above = next((pair for pair in brackets if gain(pair[1], 2) <= 0), (0.0, 0.0))
    if not above:
        raise SystemExit(f"{cell.name}: no teacher of the ladder changes nothing")
    for _ in range(3):
        first, second = gain(below, 6), gain(above, 6)
        if first <= 0:
            below, above = below**2 / above, below
        elif second > 0:
            below, above = above, above**2 / below
        else:
            share = first / (first - second)
            print(cell.name, below, above, first, second, flush=True)
            return float(below ** (1 - share) * above**share)
    raise SystemExit(f"{cell.name}: the change is too near to zero at {below:.2f} and {above:.2f}")


def _deciding(cell: Cell) -> str:
    classes = cell.family != "gaussian"
    return METRICS[classes][0] if cell.metric == "auto" else cell.metric


def summarize(cell: Cell, files: Sequence[Entry], truths: Sequence[Entry]) -> dict[str, Any]:
    """Return what the files of a cell say, held against its truth."""
    return {
        **asdict(cell),
        "cell": cell.name,
        "decides": _deciding(cell),
        "files": len(files),
        "sets": sum(entry["sets"] for entry in truths),
        "repetitions": _mean(entry["repetitions"] for entry in files),
        "cpu_seconds": _mean(entry["cpu_seconds"] for entry in files),
        "by_transfer": _mean(entry["cause"] == "transfer" for entry in files),
        "metrics": {metric: _judged(metric, files, truths) for metric in files[0]["changes"]},
    }


def _judged(metric: str, files: Sequence[Entry], truths: Sequence[Entry]) -> dict[str, float]:
    """Return coverage, width and outcomes of one metric; gains are improvements."""
    estimate, low, high = (
        np.array([entry["changes"][metric][place] for entry in files]) for place in range(3)
    )
    outcomes = [entry["changes"][metric][3] for entry in files]
    truth, error = truth_of(metric, truths)
    half = (high - low) / 2
    spread = estimate.std(ddof=1)
    return {
        "truth": -truth if metric in LOWER_IS_BETTER else truth,
        "truth_error": error,
        "least": float(np.mean([entry["least"][metric] for entry in files])),
        "covers": float(((low <= truth) & (truth <= high)).mean()),
        "bias": float(estimate.mean() - truth),
        "spread": float(spread),
        "half_width": float(half.mean()),
        "width_ratio": float(half.mean() / (1.96 * spread)) if spread > 0 else float("nan"),
        **{name: outcomes.count(name) / len(outcomes) for name in OUTCOMES},
    }


OUTCOMES = ("helps", "hurts", "no_change", "undecided")


def truth_of(metric: str, truths: Sequence[Entry]) -> tuple[float, float]:
    """Return the true change of a metric and its standard error."""
    weights = np.array([entry["sets"] for entry in truths], dtype=float)
    n = weights.sum()
    mean = float(weights @ [entry["mean"][metric] for entry in truths] / n)
    square = float(weights @ [entry["square"][metric] for entry in truths] / n)
    return mean, float(np.sqrt(max(square - mean**2, 0.0) / n))


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))


def is_precise(files: Sequence[Entry], truths: Sequence[Entry]) -> bool:
    """Return whether a truth needs no more training sets."""
    sets = sum(entry["sets"] for entry in truths)
    if sets < LEAST_SETS:
        return False
    halves = {
        metric: np.mean([(e["changes"][metric][2] - e["changes"][metric][1]) / 2 for e in files])
        for metric in files[0]["changes"]
    }
    return sets >= MOST_SETS or all(
        truth_of(metric, truths)[1] <= PRECISE * half for metric, half in halves.items()
    )


def overview(cells: Sequence[dict[str, Any]]) -> str:
    """Return what README.md shows of the metric that decides."""
    head = ["cell", "files", "gain", "covers", "width", "helps", "hurts", "no change",
            "undecided", "repetitions"]  # fmt: skip
    rows = []
    for cell in cells:
        one = cell["metrics"][cell["decides"]]
        shares = [f"{one[name]:.2f}" for name in OUTCOMES]
        rows.append(
            [cell["cell"], str(cell["files"]), f"{one['truth']:+.4f}", f"{one['covers']:.2f}",
             f"{one['width_ratio']:.2f}", *shares, f"{cell['repetitions']:.0f}"]
        )  # fmt: skip
    return table(head, rows)


def metrics_overview(cells: Sequence[dict[str, Any]]) -> str:
    """Return coverage and width of all metrics."""
    names = [*METRICS[True], *METRICS[False]]
    rows = []
    for cell in cells:
        by = cell["metrics"]
        shown = [
            f"{by[m]['covers']:.2f} / {by[m]['width_ratio']:.2f} / {by[m]['bias']:+.4f}"
            if m in by else ""
            for m in names
        ]  # fmt: skip
        rows.append([cell["cell"], *shown])
    return table(["covers / width / bias", *names], rows)


def main() -> None:
    options = _options()
    journal = Journal(options.journal, KEY)
    cells = [
        cell
        for cell in CELLS
        if cell.family in options.families and (not options.cell or options.cell in cell.name)
    ]
    if options.calibrate:
        zeros = json.loads(ZEROS.read_text(encoding="utf-8")) if ZEROS.exists() else {}
        for cell in cells:
            if cell.kind == "zero" and cell.name not in zeros:
                zeros[cell.name] = calibrate(cell, options.jobs)
                ZEROS.write_text(json.dumps(zeros, indent=1) + "\n", encoding="utf-8")
        return
    found = []
    for cell in cells:
        if not options.summary:
            _measure(cell, journal, options.files, options.jobs)
        files, truths = _entries(cell, journal)
        if files and truths:
            found.append(summarize(cell, files, truths))
    print(overview(found), metrics_overview(found), sep="\n\n")
    record = {"name": "outcomes", "versions": {"cch-audit": __version__}, "cells": found}
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _measure(cell: Cell, journal: Journal, n_files: int, n_jobs: int) -> None:
    """Judge the files of a cell that were not judged yet, then measure its truth."""
    wanted = [{"cell": cell.name, "what": "file", "seed": seed} for seed in range(n_files)]
    _run(journal, judge_file, cell, [one for one in wanted if one not in journal], n_jobs)
    files, truths = _entries(cell, journal)
    while not is_precise(files, truths):
        seeds = range(len(truths), len(truths) + 4)
        _run(journal, measure_truth, cell, [{"seed": seed} for seed in seeds], n_jobs)
        files, truths = _entries(cell, journal)


def _run(
    journal: Journal,
    measure: Callable[[Cell, int], Entry],
    cell: Cell,
    wanted: Sequence[Entry],
    n_jobs: int,
) -> None:
    made = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(measure)(cell, entry["seed"]) for entry in wanted
    )
    for entry in made:
        journal.add(entry)


def _entries(cell: Cell, journal: Journal) -> tuple[list[Entry], list[Entry]]:
    own = [entry for entry in journal.everything() if entry["cell"] == cell.name]
    files, truths = ([e for e in own if e["what"] == what] for what in ("file", "truth"))
    return files, truths


def _options() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return text.split(",")

    parser = argparse.ArgumentParser(description="Whether outcomes of training runs are true.")
    parser.add_argument("--families", type=names, default=list(FAMILIES))
    parser.add_argument("--cell", help="only cells with these words in their name")
    parser.add_argument("--files", type=int, default=200, help="files of each cell")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1 takes every core")
    parser.add_argument("--calibrate", action="store_true",
                        help="find missing teachers that change nothing")  # fmt: skip
    parser.add_argument("--summary", action="store_true", help="measure nothing, print the table")
    parser.add_argument("--journal", type=Path, default=RESULTS / "outcomes.jsonl")
    parser.add_argument("--output", type=Path, default=RESULTS / "outcomes.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
