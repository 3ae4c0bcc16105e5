"""Does what is known before training foretell what training a whole network end to end shows?

`python -m tests.bench.end_to_end FOLDER` reads what `fixtures/end_to_end.py digits --out FOLDER`
wrote. For every student, teacher and number of training rows it asks the forecast from the last
layer of the student without distillation (and, beside it, from the columns that the network sees),
the gap at both levels by ksg, what `rank` orders by, and a training run of heads on the last layer.
That goes to a journal and is not measured again. What training end to end showed is the mean over
the seeds of runs.csv; it is decided where its 95 % interval excludes zero. Intervals resample whole
students. The table is printed and written to results/end_to_end.json.
"""

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import cch_audit
from cch_audit.distillation.own_runs import ask, confirm_runs
from cch_audit.distillation.read_runs import read_runs
from cch_audit.evidence.scoring import auc, kendall_tau
from cch_audit.randomness import stream
from cch_audit.results import Metric, TrainingSize
from cch_audit.sample import Sample
from cch_audit.settings import ConfirmationSettings
from tests.bench.journal import RESULTS, Cell, Journal
from tests.bench.summary import table

KEY = ("student", "teacher", "rows")
METRICS: dict[Metric, str] = {"accuracy": "runs.csv", "log_loss": "runs_log_loss.csv"}
REPETITIONS = 24
"""Of heads, at most."""
ALL = "all"
"""Every number of training rows together."""
Value = Callable[[Cell], float]
FORECASTERS: dict[str, Value] = {
    "forecast, last layer": lambda entry: -entry["forecast"]["estimate"],
    "forecast, inputs": lambda entry: -entry["forecast_inputs"]["estimate"],
    "gap on representations": lambda entry: entry["gaps"]["representations"]["estimate"],
    "gap on predictions": lambda entry: entry["gaps"]["predictions"]["estimate"],
    "heads, accuracy": lambda entry: entry["heads"]["accuracy"]["gain"],
    "heads, log_loss": lambda entry: entry["heads"]["log_loss"]["gain"],
    "teacher's accuracy": lambda entry: entry["columns"]["score"],
    "I(T;Y)": lambda entry: entry["columns"]["teacher_labels"],
    "I(T;Y|S)": lambda entry: entry["columns"]["teacher_labels_given_student"],
}
"""More is better; all but those of `UNSIGNED` say yes above zero."""
UNSIGNED = ("teacher's accuracy", "I(T;Y)", "I(T;Y|S)")


def measure(folder: Path, student: str, rows: int, smallest: int) -> list[Cell]:
    """Ask everything about the teachers of a student that is trained on so many rows."""
    started = time.process_time()
    path = folder / student / "reps.h5"
    tried = by_cell(folder / student / "cells.csv", rows)
    teachers = tuple(dict.fromkeys(teacher for teacher, _, _ in tried))
    grid = {
        "temperature": ",".join(f"{one:g}" for one in sorted({t for _, t, _ in tried})),
        "weight": ",".join(f"{one:g}" for one in sorted({w for _, _, w in tried})),
        "labelled_rows": rows,
    }
    name = student if rows == smallest else f"trained_on_{rows}/{student}"
    with threadpool_limits(1):
        sample = cch_audit.load(path, teacher=teachers, student=name)
        report = cch_audit.rank(
            sample,
            **grid,
            estimator=("ksg",),
            by="forecast",
            confirm=True,
            train_size=str(rows),
            seeds=REPETITIONS,
            jobs=1,
        )
        inputs = cch_audit.forecast(path, teacher=teachers, student=f"inputs/{student}", **grid)
    from_inputs = {audit.teacher: audit.forecast for audit in inputs.forecasts}
    columns = {one.teacher: one.columns for one in report.ranking.teachers}
    trained = {
        metric: outcomes(sample, folder / student / name, metric, rows, teachers)
        for metric, name in METRICS.items()
    }
    entries = []
    for audit in report.audits:
        teacher = audit.teacher
        assert audit.confirmation is not None
        entries.append(
            {
                "student": student,
                "teacher": teacher,
                "rows": rows,
                "end_to_end": {m: gains(found[teacher], m) for m, found in trained.items()},
                "forecast": foretold(audit.forecast, tried, teacher),
                "forecast_inputs": foretold(from_inputs[teacher], tried, teacher),
                "gaps": {
                    level: {
                        "verdict": found.verdict,
                        "estimate": found.estimators["ksg"].gap.estimate,
                        "low": found.estimators["ksg"].verdict_interval.low,
                        "high": found.estimators["ksg"].verdict_interval.high,
                    }
                    for level, found in audit.levels.items()
                },
                "heads": {m: gains(audit.confirmation.curve[0], m) for m in METRICS},
                "columns": dict(columns[teacher]),
                "cpu_seconds": (time.process_time() - started) / len(report.audits),
            }
        )
    return entries


def by_cell(path: Path, rows: int) -> dict[tuple[str, float, float], float]:
    """Return the mean change of log-loss on test rows by teacher, temperature and weight."""
    scores: dict[tuple[str, str, float, float], dict[str, float]] = defaultdict(dict)
    with path.open(newline="", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            if int(line["train_size"]) == rows and line["arm"] in ("baseline", "distilled"):
                cell = float(line["temperature"]), float(line["weight"])
                key = (line["arm"], line["teacher"], *cell)
                scores[key][line["seed"]] = float(line["log_loss"])
    alone = scores["baseline", "", 1.0, 0.0]
    return {
        (teacher, temperature, weight): float(np.mean([one - alone[s] for s, one in by.items()]))
        for (arm, teacher, temperature, weight), by in scores.items()
        if arm == "distilled"
    }


def outcomes(
    sample: Sample, path: Path, metric: Metric, rows: int, teachers: Sequence[str]
) -> dict[str, TrainingSize]:
    """Return what `confirm --runs` makes of one number of training rows, by teacher."""
    settings = ConfirmationSettings(metric=metric, labelled_rows=rows)
    question = ask(sample.labels, settings, 0.95, sequential=False)
    found = confirm_runs(read_runs(path, metric), teachers, question, path.name)
    return {teacher: one.size for teacher, one in found.items()}


def gains(found: TrainingSize, metric: Metric) -> dict[str, Any]:
    """Return the gain by a metric with its interval and outcome, improvements positive."""
    gain = found.metrics[metric].change.as_gain(metric)
    return {
        "gain": gain.estimate,
        "low": gain.low,
        "high": gain.high,
        "outcome": found.metrics[metric].outcome,
        "cause": found.cause,
    }


def foretold(forecast: Any, tried: dict[tuple[str, float, float], float], teacher: str) -> Cell:
    """Return a forecast, and beside each of its cells what training end to end showed there."""
    return {
        **{name: getattr(forecast, name) for name in ("estimate", "low", "high", "outcome")},
        **{name: getattr(forecast, name) for name in ("source", "method", "temperature", "weight")},
        "cells": [
            {
                **asdict(cell),
                "end_to_end": tried[teacher, cell.temperature, cell.weight],
            }
            for cell in forecast.cells
        ],
    }


def score(entries: Sequence[Cell], metric: Metric, name: str) -> Cell:
    """Return how well one forecaster foretells training end to end by one metric."""
    values = np.array([FORECASTERS[name](entry) for entry in entries])
    ends = [entry["end_to_end"][metric] for entry in entries]
    gain, low, high = (np.array([end[part] for end in ends]) for part in ("gain", "low", "high"))
    students = codes(entry["student"] for entry in entries)
    within = codes((entry["student"], entry["rows"]) for entry in entries)
    resample = (students, 0.95, stream(0, "end to end", metric, name))
    found: Cell = {
        "metric": metric,
        "forecaster": name,
        "pairs": len(entries),
        "helps": int((low > 0).sum()),
        "hurts": int((high < 0).sum()),
        "auc_helps": asdict(auc(values, low > 0, *resample)),
        "auc_hurts": asdict(auc(-values, high < 0, *resample)),
        "tau": asdict(kendall_tau(values, gain, *resample, within=within)),
    }
    if name not in UNSIGNED:
        decided = (low > 0) | (high < 0)
        found["right"] = int((decided & ((values > 0) == (gain > 0))).sum())
    return found


def said(entries: Sequence[Cell], metric: Metric, name: str) -> Cell:
    """Count what a forecast with its interval said of the pairs that training decided."""
    counts = {"right": 0, "wrong": 0, "not said": 0}
    for entry in entries:
        end, forecast = entry["end_to_end"][metric], entry[name]
        if end["low"] <= 0 <= end["high"]:
            continue
        says = -1 if forecast["low"] > 0 else int(forecast["high"] < 0)
        truth = 1 if end["gain"] > 0 else -1
        counts["not said" if not says else "right" if says == truth else "wrong"] += 1
    return {"metric": metric, "forecast": name, **counts}


def level(entries: Sequence[Cell], name: str, *, every_cell: bool) -> Cell:
    """Fit changes of log-loss end to end by a line in what was forecast.

    And count signs of decided pairs by lines that were fitted to the other students.
    """
    changes, forecasts, students, decided = [], [], [], []
    for entry in entries:
        end = entry["end_to_end"]["log_loss"]
        for cell in entry[name]["cells"] if every_cell else [entry[name]]:
            forecasts.append(cell["estimate"])
            changes.append(cell["end_to_end"] if every_cell else -end["gain"])
            students.append(entry["student"])
            decided.append(not every_cell and not end["low"] <= 0 <= end["high"])
    x, y, who = np.array(forecasts), np.array(changes), codes(students)
    slope, intercept = np.polyfit(x, y, 1)
    found: Cell = {
        "forecast": name,
        "cells": "all" if every_cell else "the best",
        "intercept": float(intercept),
        "slope": float(slope),
        "r": float(np.corrcoef(x, y)[0, 1]),
        "mean_forecast": float(x.mean()),
        "mean_change": float(y.mean()),
    }
    if not every_cell:
        corrected = np.zeros(len(x))
        for one in np.unique(who):
            corrected[who == one] = np.polyval(np.polyfit(x[who != one], y[who != one], 1), x)[
                who == one
            ]
        kept = np.array(decided)
        found["right_by_others"] = int((kept & ((corrected < 0) == (y < 0))).sum())
        found["decided"] = int(kept.sum())
    return found


def regret(entries: Sequence[Cell], name: str) -> Cell:
    """Compare temperature and weight as recommended with the best cell, and with any."""
    ends = [np.array([cell["end_to_end"] for cell in entry[name]["cells"]]) for entry in entries]
    foretold = [np.array([cell["estimate"] for cell in entry[name]["cells"]]) for entry in entries]
    taken = np.mean([end[cells.argmin()] - end.min() for end, cells in zip(ends, foretold)])
    return {"forecast": name, "regret": float(taken),
            "regret_of_any": float(np.mean([end.mean() - end.min() for end in ends]))}  # fmt: skip


def codes(values: Iterable[Any]) -> Any:
    """Return numbers 0..k-1 of values."""
    known: dict[Any, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values])


def summarize(entries: Sequence[Cell]) -> Cell:
    """Return what README.md shows, for each number of rows and for all of them."""
    sizes = sorted({entry["rows"] for entry in entries})
    parts = {str(size): [one for one in entries if one["rows"] == size] for size in sizes}
    parts[ALL] = list(entries)
    forecasts = ("forecast", "forecast_inputs")
    return {
        "cells": [
            {"rows": rows, **score(part, metric, name)}
            for rows, part in parts.items()
            for metric in METRICS
            for name in FORECASTERS
        ],
        "said": [
            {"rows": rows, **said(part, metric, name)}
            for rows, part in parts.items()
            for metric in METRICS
            for name in forecasts
        ],
        "level": [
            {"rows": rows, **level(part, name, every_cell=every)}
            for rows, part in parts.items()
            for name in forecasts
            for every in (False, True)
        ],
        "regret": [
            {"rows": rows, **regret(part, name)}
            for rows, part in parts.items()
            for name in forecasts
        ],
        "outcomes": {
            rows: {metric: counted(part, metric) for metric in METRICS}
            for rows, part in parts.items()
        },
    }


def counted(entries: Sequence[Cell], metric: Metric) -> dict[str, dict[str, int]]:
    """Count outcomes and causes, as `confirm --runs` says them, by verdict on representations."""
    counts: dict[str, dict[str, int]] = {}
    for entry in entries:
        end = entry["end_to_end"][metric]
        outcome = end["outcome"] if end["cause"] is None else f"helps by {end['cause']}"
        of_verdict = counts.setdefault(entry["gaps"]["representations"]["verdict"], {})
        of_verdict[outcome] = of_verdict.get(outcome, 0) + 1
    return counts


def overview(cells: Sequence[Cell]) -> str:
    """Return what README.md shows: all numbers of rows together."""
    head = ["forecaster", "metric", "AUC helps", "AUC hurts", "tau within a student",
            "sign right"]  # fmt: skip
    rows = [
        [
            cell["forecaster"],
            cell["metric"].replace("_", "-"),
            *(_shown(cell[part]) for part in ("auc_helps", "auc_hurts", "tau")),
            f"{cell['right']} of {cell['helps'] + cell['hurts']}" if "right" in cell else "",
        ]
        for cell in cells
        if cell["rows"] == ALL
    ]
    return table(head, rows)


def _shown(one: dict[str, float | None]) -> str:
    if one["estimate"] is None:
        return ""
    interval = "" if one["low"] is None else f" [{one['low']:.2f}, {one['high']:.2f}]"
    return f"{one['estimate']:.2f}{interval}"


def main() -> None:
    options = _options()
    journal = Journal(options.journal, KEY)
    for path in sorted(options.folder.glob("*/runs.csv")):
        student = path.parent.name
        sizes = sorted({run.train_size for run in read_runs(path, "accuracy")})
        for rows in sizes:
            if not any(
                (entry["student"], entry["rows"]) == (student, rows)
                for entry in journal.everything()
            ):
                for entry in measure(options.folder, student, rows, sizes[0]):
                    journal.add(entry)
                print(f"{student}, {rows} rows", flush=True)
    found = summarize(journal.everything())
    print(overview(found["cells"]))
    for part in ("said", "level", "regret"):
        print(*(json.dumps(one) for one in found[part]), sep="\n")
    print(json.dumps(found["outcomes"]))
    versions = {"cch-audit": cch_audit.__version__}
    record = {"name": "end_to_end", "versions": versions, **found}
    options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What foretells training end to end.")
    parser.add_argument("folder", type=Path, help="what fixtures/end_to_end.py digits wrote")
    parser.add_argument("--journal", type=Path, default=RESULTS / "end_to_end.jsonl")
    parser.add_argument("--output", type=Path, default=RESULTS / "end_to_end.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
