"""Do verdict intervals cover, are verdicts true, and where they are not: is that flagged?

`python -m tests.bench.coverage --help` lists the options. Every replication draws a sample of a
world with a known gap and judges one estimator on it exactly as `check` does. Replications go to
results/coverage.jsonl as they are made and are not made again, so an interrupted run goes on;
the table is printed and written to results/coverage.json.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from cch_audit import __version__
from cch_audit.auditing.floor import measure_floor
from cch_audit.auditing.judging import judge_estimator
from cch_audit.auditing.measurement import Information, estimate_all
from cch_audit.auditing.parts import Parts
from cch_audit.auditing.verdict import agree, hold_to_floor
from cch_audit.results import EstimatorResult, Interval
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings
from tests.bench.journal import RESULTS, Cell, Journal
from tests.bench.summary import table
from tests.bench.worlds import WORLDS

WARNINGS = ("drift", "bias_sensitive", "saturated", "below_floor", "below_zero")
"""Flags that say not to trust the interval."""
KEY = ("world", "n", "estimator", "seed")


@dataclass(frozen=True)
class Measurement:
    """What many samples of one world showed."""

    world: str
    n: int
    estimator: str
    replications: int
    gap: float
    """True gap, nats."""
    mean: float
    """Mean of the gap's estimates."""
    covers_mean: float
    """Share of gap intervals that cover that mean."""
    width: float
    """Mean width over that of a normal interval with the estimates' standard deviation."""
    covers_truth: float
    """Share of verdict intervals that cover the true gap."""
    flagged: float
    """Share of runs with a flag that warns."""
    passed: float
    failed: float
    """Shares of the verdicts."""
    false: float
    """Share of verdicts that say the opposite of the truth, or anything at a gap of zero."""


def replicate(world: str, n: int, estimator: str, seed: int) -> Cell:
    """Judge one estimator on one sample of a world."""
    with threadpool_limits(1):
        found = judge_sample(WORLDS[world].sample(n, seed), estimator, seed)
    return {
        "world": world,
        "n": n,
        "estimator": estimator,
        "seed": seed,
        "estimate": found.gap.estimate,
        "gap": [found.gap.low, found.gap.high],
        "verdict_interval": [found.verdict_interval.low, found.verdict_interval.high],
        "verdict": found.verdict,
        "flags": list(found.flags),
    }


def judge_sample(sample: Sample, estimator: str, seed: int) -> EstimatorResult:
    """Judge one estimator on the representations, as `audit` does."""
    shared, own = ("teacher_student", "teacher", "student"), ("student_labels", "student")
    informations = [
        Information("representations", shared, sample.teachers["teacher"], sample.student),
        Information("representations", own, sample.student, sample.labels.values),
    ]
    settings, estimators = AuditSettings(estimator=(estimator,), jobs=1), EstimatorSettings()
    parts = Parts(sample.dependence, estimators, seed)
    measured = estimate_all(informations, sample, settings, parts, lambda what, share: None)
    found = judge_estimator(
        measured["representations", estimator, *shared],
        measured["representations", estimator, *own],
        sample,
        settings,
        parts,
        ("bootstrap",),
    )

    def floor() -> Interval:
        x = sample.teachers["teacher"]
        prediction = parts.head(x, sample.labels.values, "teacher")
        return measure_floor(sample.student, prediction, sample, settings, parts)

    held, _ = hold_to_floor({estimator: found}, floor, settings.margin)
    return held[estimator]


def summarize(cells: list[Cell]) -> Measurement:
    """Return what the replications of one world, size and estimator showed."""
    world = WORLDS[cells[0]["world"]]
    estimates = np.array([cell["estimate"] for cell in cells])
    gaps = np.array([cell["gap"] for cell in cells])
    ranges = np.array([cell["verdict_interval"] for cell in cells])
    passed = float(np.mean([cell["verdict"] == "pass" for cell in cells]))
    failed = float(np.mean([cell["verdict"] == "fail" for cell in cells]))
    wrong_pass, wrong_fail = world.gap <= 0, world.gap >= 0
    spread = estimates.std(ddof=1) if np.ptp(estimates) > 0 else np.nan
    return Measurement(
        world=cells[0]["world"],
        n=cells[0]["n"],
        estimator=cells[0]["estimator"],
        replications=len(cells),
        gap=world.gap,
        mean=float(estimates.mean()),
        covers_mean=_covers(gaps, float(estimates.mean())),
        width=float(np.ptp(gaps, axis=1).mean() / (2 * 1.96 * spread)),
        covers_truth=_covers(ranges, world.gap),
        flagged=float(np.mean([bool(set(cell["flags"]) & set(WARNINGS)) for cell in cells])),
        passed=passed,
        failed=failed,
        false=passed * wrong_pass + failed * wrong_fail,
    )


def together(cells: list[Cell]) -> list[Cell]:
    """Return what the estimators say of each sample that all of them judged, by the rule `all`."""
    n_estimators = len({cell["estimator"] for cell in cells})
    samples: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        samples.setdefault((cell["world"], cell["n"], cell["seed"]), []).append(cell)
    return [
        group[0]
        | {
            "estimator": "all",
            "estimate": float(np.median([cell["estimate"] for cell in group])),
            "gap": _hull([cell["gap"] for cell in group]),
            "verdict_interval": _hull([cell["verdict_interval"] for cell in group]),
            "verdict": agree([cell["verdict"] for cell in group]),
            "flags": sorted({flag for cell in group for flag in cell["flags"]}),
        }
        for group in samples.values()
        if len(group) == n_estimators > 1
    ]


def _hull(intervals: list[list[float]]) -> list[float]:
    return [min(low for low, _ in intervals), max(high for _, high in intervals)]


def overview(cells: list[dict[str, Any]]) -> str:
    """Return what README.md shows, of each estimator: truth covered / flagged / verdict false."""
    estimators = list(dict.fromkeys(cell["estimator"] for cell in cells))
    rows: dict[tuple[int, str], dict[str, str]] = {}
    for cell in cells:
        shown = " / ".join(f"{cell[what]:.2f}" for what in ("covers_truth", "flagged", "false"))
        rows.setdefault((cell["n"], cell["world"]), {})[cell["estimator"]] = shown
    body = [[w, str(n), *(row.get(e, "") for e in estimators)] for (n, w), row in rows.items()]
    return table(["world", "rows", *estimators], body)


def _covers(intervals: np.ndarray, value: float) -> float:
    return float(np.mean((intervals[:, 0] <= value) & (value <= intervals[:, 1])))


def measure(world: str, n: int, estimator: str, replications: int) -> Measurement:
    """Judge an estimator on many samples of a world."""
    return summarize([replicate(world, n, estimator, seed) for seed in range(replications)])


def main() -> None:
    options = _options()
    journal = Journal(options.journal, KEY)
    wanted = [
        dict(zip(KEY, (world, n, estimator, seed)))
        for estimator in options.estimators
        for n in options.n
        for world in options.worlds
        for seed in range(options.replications)
    ]
    if options.fresh:
        journal.forget(wanted)
    missing = [] if options.summary else [cell for cell in wanted if cell not in journal]
    made = Parallel(n_jobs=options.jobs, return_as="generator_unordered")(
        delayed(replicate)(**cell) for cell in missing
    )
    for cell in made:
        journal.add(cell)
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    judged = journal.cells(wanted)
    for cell in [*judged, *together(judged)]:
        groups.setdefault((cell["estimator"], cell["world"], cell["n"]), []).append(cell)
    found = [asdict(summarize(cells)) for cells in groups.values()]
    print(
        table(list(found[0]), [[_shown(value) for value in row.values()] for row in found])
        if found
        else "nothing measured"
    )
    record = {"name": "coverage", "versions": {"cch-audit": __version__}, "cells": found}
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _options() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return text.split(",")

    def sizes(text: str) -> list[int]:
        return [int(size) for size in text.split(",")]

    parser = argparse.ArgumentParser(description="Coverage of intervals and truth of verdicts.")
    parser.add_argument("--n", type=sizes, default=[300, 1000, 3000], help="rows, e.g. 300,1000")
    parser.add_argument("--replications", type=int, default=100, help="samples of each cell")
    parser.add_argument("--estimators", type=names, default=["ksg", "mine", "lmi"])
    parser.add_argument("--worlds", type=lambda text: text.split(";"), default=list(WORLDS),
                        help="names of worlds, separated by semicolons")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=-1, help="processes; -1 takes every core")
    parser.add_argument("--fresh", action="store_true", help="make the chosen replications again")
    parser.add_argument("--summary", action="store_true", help="measure nothing, print the table")
    parser.add_argument("--journal", type=Path, default=RESULTS / "coverage.jsonl")
    parser.add_argument("--output", type=Path, default=RESULTS / "coverage.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
